"""A certificate as JSON: a machine, lemmas and claims over one list of nodes. Data, never executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from specproof.errors import InputError, is_name
from specproof.graph import variables
from specproof.terms import Term
from specproof.trust.graph import Writer, read
from specproof.trust.machine import Act, Machine, check
from specproof.trust.rule import Along, Lemma, Proof, Statement, Uses

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = "specproof certificate 1"
FORMS = ("states", "steps", "values")
KINDS = ("invariant", "step", "relation", "lemma", "reachability")
VERDICTS = ("proved", "refuted", "vacuous")

V = TypeVar("V")


@dataclass(frozen=True)
class Certificate:
    """A proof and the claims that it, or a run, decides. `runs` has the names of the files of each claim's runs."""

    proof: Proof
    statements: tuple[Statement, ...]
    runs: Mapping[str, tuple[str, ...]]


def to_json(certificate: Certificate) -> dict[str, Any]:
    """The certificate as data."""
    pool = Writer()
    machine = certificate.proof.machine

    def terms(given: Mapping[str, Term]) -> dict[str, int]:
        return {name: pool.add(term) for name, term in given.items()}

    body = {
        "machine": {
            "variables": dict(machine.variables), "constants": {path: list(pair) for path, pair in machine.constants.items()},
            "observed": dict(machine.observed), "initial": pool.add(machine.initial), "assumed": terms(machine.initially_assumed),
            "actions": {
                name: {
                    "by": act.by, "source": act.source, "inputs": dict(act.inputs), "guard": pool.add(act.guard),
                    "assumed": terms(act.assumed), "next": terms(act.next), "observed": terms(act.observed),
                }
                for name, act in machine.actions.items()
            },
        },
        "lemmas": [{"says": pool.add(lemma.says), "uses": _uses(lemma.uses)} for lemma in certificate.proof.lemmas],
        "along": {name: {"steps": terms(one.steps), "uses": _uses(one.uses)} for name, one in certificate.proof.along.items()},
        "claims": [
            {
                "name": one.name, "kind": one.kind, "sentence": one.sentence, "verdict": one.verdict, "form": one.form,
                "says": pool.add(one.says), "before": terms(one.before), "after": terms(one.after), "uses": _uses(one.uses),
                "runs": list(certificate.runs.get(one.name, ())),
            }
            for one in certificate.statements
        ],
    }  # fmt: skip
    return {"schema": SCHEMA, "design": machine.design, "configuration": machine.configuration, **body, "nodes": pool.nodes}


def _uses(uses: Mapping[str, Uses]) -> dict[str, list[Any]]:
    return {name: [list(one.lemmas), list(one.assumptions)] for name, one in uses.items()}


class _Reader:
    """Takes a certificate apart; every way in which it is not one ends in InputError."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.terms = read(data.get("nodes"))

    def term(self, number: Any) -> Term:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(self.terms):
            raise InputError(f"there is no node {number!r}")
        return self.terms[number]

    def truth(self, number: Any) -> Term:
        term = self.term(number)
        if term.width:
            raise InputError(f"node {number}: a truth value was expected")
        return term

    def named(self, data: Any, what: str, of: Callable[[Any], V]) -> dict[str, V]:
        if not isinstance(data, dict):
            raise InputError(f"{what}: an object was expected")
        return {_name(name): of(value) for name, value in data.items()}

    def machine(self, data: Mapping[str, Any], design: str, configuration: str) -> Machine:
        machine = Machine(
            design, configuration, self.named(data.get("variables"), "variables", _width),
            self.named(data.get("constants"), "constants", _constant), self.named(data.get("observed"), "observed", _width),
            self.truth(data.get("initial")), self.named(data.get("assumed"), "assumed", self.truth),
            self.named(data.get("actions"), "actions", self.act),
        )  # fmt: skip
        leaves = [*machine.variables, *machine.constants, *machine.observed]
        if len(set(leaves)) != len(leaves):
            raise InputError("two leaves have one name")
        check(machine)
        return machine

    def act(self, data: Any) -> Act:
        act = _object(data, "an action")
        return Act(
            _text(act.get("by")), _text(act.get("source")), self.named(act.get("inputs"), "inputs", _width), self.truth(act.get("guard")),
            self.named(act.get("assumed"), "assumed", self.truth), self.named(act.get("next"), "next", self.term),
            self.named(act.get("observed"), "observed", self.term),
        )  # fmt: skip

    def lemma(self, data: Any, machine: Machine, count: int) -> Lemma:
        given = _object(data, "a lemma")
        says = self.truth(given.get("says"))
        _speaks(says, machine.variables, "a lemma")
        return Lemma(says, self.uses(given.get("uses"), machine, count))

    def along(self, data: Any, machine: Machine, count: int) -> Along:
        given = _object(data, "along")
        steps = self.named(given.get("steps"), "steps", self.truth)
        for action, term in steps.items():
            if action not in machine.actions:
                raise InputError(f"along: there is no action {action!r}")
            inputs = {f"{action}:{name}": width for name, width in machine.actions[action].inputs.items()}
            _speaks(term, {**machine.variables, **inputs}, "along")
        return Along(steps, self.uses(given.get("uses"), machine, count))

    def uses(self, data: Any, machine: Machine, count: int) -> dict[str, Uses]:
        found = {}
        for name, pair in _object(data, "uses").items():
            if name and name not in machine.actions:
                raise InputError(f"uses: there is no action {name!r}")
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, list) for part in pair):
                raise InputError("uses: lemmas and assumptions were expected")
            known = machine.actions[name].assumed if name else machine.initially_assumed
            if any(not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < count for number in pair[0]):
                raise InputError("uses: there is no such lemma")
            if any(not isinstance(assumption, str) or assumption not in known for assumption in pair[1]):
                raise InputError("uses: there is no such assumption")
            found[name] = Uses(tuple(pair[0]), tuple(pair[1]))
        return found

    def statement(self, data: Any, machine: Machine, count: int) -> Statement:
        given = _object(data, "a claim")
        if given.get("form") not in FORMS or given.get("kind") not in KINDS or given.get("verdict") not in VERDICTS:
            raise InputError("a claim has a form, a kind and a verdict")
        one = Statement(
            _name(given.get("name")), given["kind"], _text(given.get("sentence")), given["verdict"], given["form"], self.truth(given.get("says")),
            self.named(given.get("before"), "before", self.term), self.named(given.get("after"), "after", self.term),
            self.uses(given.get("uses"), machine, count),
        )  # fmt: skip
        _well_formed(one, machine)
        return one


def _well_formed(one: Statement, machine: Machine) -> None:
    """The claim speaks of its symbols, and these of leaves that exist where they are looked at."""
    if one.form == "values":
        if one.kind != "lemma" or one.verdict == "vacuous":
            raise InputError(f"{one.name}: only a lemma is a claim about values")
        return
    symbols = {symbol: term.width for symbol, term in {**one.before, **one.after}.items()}
    leaves = {*machine.variables, *machine.constants, *machine.observed}
    if len(symbols) != len(one.before) + len(one.after) or any(not symbol.endswith("()") for symbol in symbols) or set(symbols) & leaves:
        raise InputError(f"{one.name}: symbols of views are all different and end in '()'")
    if one.kind == "lemma" or (one.kind == "step" and one.form != "steps") or (one.before and one.kind != "step"):
        raise InputError(f"{one.name}: a claim of this kind looks at other states")
    _speaks(one.says, symbols, one.name)
    for term in one.before.values():
        _speaks(term, machine.variables, one.name)
    for term in one.after.values():
        _speaks(term, machine.variables if one.form == "states" else {**machine.variables, **machine.observed}, one.name)


def from_json(data: object) -> Certificate:
    """The certificate; InputError where it is not one."""
    given = _object(data, "a certificate")
    if given.get("schema") != SCHEMA:
        raise InputError(f"{SCHEMA!r} was expected, not {given.get('schema')!r}")
    reader = _Reader(given)
    machine = reader.machine(_object(given.get("machine"), "machine"), _text(given.get("design")), _text(given.get("configuration")))
    lemmas, claims = _list(given.get("lemmas"), "lemmas"), _list(given.get("claims"), "claims")
    along = reader.named(given.get("along"), "along", lambda one: reader.along(one, machine, len(lemmas)))
    proof = Proof(machine, tuple(reader.lemma(one, machine, len(lemmas)) for one in lemmas), along)
    statements = tuple(reader.statement(one, machine, len(lemmas)) for one in claims)
    if len({one.name for one in statements}) != len(statements):
        raise InputError("two claims have one name")
    runs = {_text(one["name"]): tuple(_text(run) for run in _list(one.get("runs"), "runs")) for one in claims}
    return Certificate(proof, statements, runs)


def _speaks(term: Term, known: Mapping[str, int], what: str) -> None:
    for used in variables([term]):
        if known.get(used.data) != used.width:
            raise InputError(f"{what}: speaks of {used.data!r}, which is not there in {used.width} bits")


def _object(data: object, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"{what}: an object was expected")
    return data


def _list(data: object, what: str) -> Sequence[Any]:
    if not isinstance(data, list):
        raise InputError(f"{what}: a list was expected")
    return data


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise InputError(f"text was expected, not {data!r}")
    return data


def _name(data: object) -> str:
    text = _text(data)
    if not is_name(text):
        raise InputError(f"{text!r} is no name")
    return text


def _width(data: object) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or not 0 <= data <= 4096:
        raise InputError(f"{data!r} is no width")
    return data


def _constant(data: object) -> tuple[int, int]:
    if not isinstance(data, list) or len(data) != 2:
        raise InputError("a constant is a width and a value")
    width, value = _width(data[0]), data[1]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << max(1, width):
        raise InputError(f"{value!r} does not fit in {width} bits")
    return width, value
