"""Writing certificates: each decision's machine, lemmas, claims and runs as data, every query as a file of its own.

What is written is what `verify` reads. The queries come from `rule` and `path`, never from the engine, and Z3
has accepted each of them before it is written; a proof that the rule cannot follow is listed with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from specproof.claims import Claim, Views, lemma_term, phrase
from specproof.decision import Decision
from specproof.design import Design
from specproof.errors import UsageError
from specproof.graph import substitute
from specproof.lemmas import Certificate as Found
from specproof.lift import Disagreement
from specproof.product import product
from specproof.solver import Solver
from specproof.system import Action, System, build
from specproof.terms import TRUE, Term, variable
from specproof.trace import Trace, replay
from specproof.trust import path, rule
from specproof.trust.files import write
from specproof.trust.format import Certificate, to_json
from specproof.trust.machine import Act, Machine, rename, speaks
from specproof.trust.prose import text_of
from specproof.trust.rule import Along, Lemma, Proof, Statement, Uses, safe
from specproof.verdict import Proved, Refuted, Result, Vacuous

#: Where a certificate notes, until the manifest is written, which claims it does not have and why.
MISSING = "missing.json"


def machine_of(system: System) -> Machine:
    """The system without its Python."""
    return Machine(
        system.design, system.configuration, {name: term.width for name, term in system.variables.items()},
        {name: (term.width, int(term.data)) for name, term in system.constants.items()},
        {name: declared.width for name, declared in system.fields.items() if declared.observed},
        system.initial, dict(system.initially_assumed), {name: _act(action) for name, action in system.actions.items()},
    )  # fmt: skip


def _act(action: Action) -> Act:
    inputs = {name: term.width for name, term in action.inputs.items()}
    return Act(action.by, action.source, inputs, action.guard, dict(action.assumed), dict(action.next), dict(action.observed))


def statement_of(claim: Claim, system: System, result: Result) -> Statement:
    """A claim over symbols for the views that it reads, and what these are."""
    sides = [f"{side}." for side in (claim.left, claim.right)] if claim.kind == "relation" else [""]
    looks = [_Side(system, side) for side in sides] * (2 if claim.kind == "step" else 1)
    said = phrase(claim, *looks)  # type: ignore[arg-type]
    free = system.state({name: variable(name, declared.width) for name, declared in system.fields.items() if declared.observed})
    names: dict[str, str] = {}
    before: dict[str, Term] = {}
    after: dict[str, Term] = {}
    for number, (seen, look) in enumerate(zip(said.seen, looks, strict=True)):
        first = claim.kind == "step" and number == 0
        for view, symbol in seen.items():
            shown = f"{look.side}{view}{'.next' if claim.kind == 'step' and number else ''}()"
            names[str(symbol.data)] = shown
            (before if first else after)[shown] = system.view(look.side + view, system.state() if first else free)
    observed = {name for name, declared in system.fields.items() if declared.observed}
    states = claim.kind in ("invariant", "reachability") and not speaks(list(after.values())) & observed
    says = rename([said.term], lambda name: names[name])[0]
    return Statement(claim.name, claim.kind, claim.sentence, result.verdict.word, "states" if states else "steps", says, before, after)


class _Side:
    """The views of one side of a system, for their sorts."""

    def __init__(self, system: System, side: str) -> None:
        self.side = side
        self._views = Views(system, system.state())

    def __getattr__(self, name: str) -> Term:
        return self._views._look(self.side + name)


def certificate_of(decision: Decision, claims: Mapping[str, Claim], results: Sequence[Result], solver: Solver) -> tuple[Certificate, dict[str, str]]:
    """The certificate of a decision, and why claims are missing in it."""
    system = decision.system
    lemmas: list[Lemma] = []
    cores: dict[str, dict[str, Uses]] = {}
    for accepted in decision.proofs:
        more, also = _lemmas(system, accepted.certificate, len(lemmas))
        lemmas, cores = [*lemmas, *more], {**cores, **also}
    along = {name: Along(dict(prop.steps), cores.get(name, {})) for name, prop in decision.along.items()}
    proof = Proof(machine_of(system), tuple(lemmas), along)
    statements: list[Statement] = []
    missing: dict[str, str] = {}
    for result in results:
        one = statement_of(claims[result.claim], system, result) if result.verdict.word != "unknown" else None
        empty = [found.text for found in result.concerns if found.fails and found.claim == result.claim]
        if one is None:
            missing[result.claim] = f"unknown: {getattr(result.verdict, 'reason', '')}"
        elif empty and isinstance(result.verdict, Vacuous):  # it may well happen: what was proved is the claim, and that says nothing
            missing[one.name] = "; ".join(empty)
        elif isinstance(result.verdict, Vacuous) or (isinstance(result.verdict, Proved) and one.kind != "reachability"):
            if (found := _provable(proof, dataclasses.replace(one, uses=cores.get(one.name, {})), solver)) is None:
                missing[one.name] = f"{result.verdict.method}: these lemmas alone do not show it"
            else:
                proof, statement = found
                statements.append(statement)
        else:
            statements.append(one)
    proof, statements = _completed(proof, statements, solver)
    needed = sorted(proof.leaning([one for one in statements if one.by_queries]))
    return _only(Certificate(proof, tuple(statements), {}), needed), missing


def _lemmas(system: System, certificate: Found, before: int) -> tuple[list[Lemma], dict[str, dict[str, Uses]]]:
    """The engine's lemmas as terms, and what each step of the proof uses: of lemmas by number, `before` of which are others; of claims by name."""
    terms = certificate.vocabulary.here
    number = {lemma: index for index, lemma in enumerate(certificate.lemmas, before)}
    uses: dict[int, dict[str, Uses]] = {index: {} for index in number.values()}
    claims: dict[str, dict[str, Uses]] = {}
    for (target, action), core in certificate.cores.items():
        known = system.actions[action].assumed if action else {}
        one = Uses(tuple(sorted(number[lemma] for lemma in core.lemmas)), tuple(name for name in core.assumptions if name in known))
        (claims.setdefault(target, {}) if isinstance(target, str) else uses[number[target]])[action or ""] = one
    for lemma, index in number.items():
        leans = certificate.leans.get(lemma, set())
        uses[index][""] = Uses((), tuple(name for name in system.initially_assumed if name in leans))
    return [Lemma(certificate.vocabulary.term(lemma, terms), uses[index]) for lemma, index in number.items()], claims


def _provable(proof: Proof, one: Statement, solver: Solver) -> tuple[Proof, Statement] | None:
    """The proof and the statement for which Z3 accepts every query: with the core, with all lemmas, by induction on the claim itself."""
    if one.uses:  # Z3 was asked all this when the engine accepted the proof
        return proof, one
    everything = dataclasses.replace(one, uses={})
    for candidate in (everything,):
        if _accepted(proof.claim(candidate), solver):
            return proof, candidate
    if one.form == "states":
        itself = substitute([one.proves], {variable(symbol, term.width): term for symbol, term in one.after.items()})[0]
        longer = dataclasses.replace(proof, lemmas=(*proof.lemmas, Lemma(itself)))
        last = len(proof.lemmas)
        if _accepted([longer.initiation(last), *longer.consecution(last)], solver):
            return longer, dataclasses.replace(one, uses={"": Uses((last,), ())})
    return None


def _completed(proof: Proof, statements: Sequence[Statement], solver: Solver) -> tuple[Proof, list[Statement]]:
    """Steps that the engine saw nothing to ask about are asked with as little as possible, and not with everything."""

    def least(uses: Mapping[str, Uses], itself: tuple[int, ...], ask: Callable[[Mapping[str, Uses]], Iterable[rule.Query]]) -> dict[str, Uses]:
        filled = {name: Uses(itself, ()) for name in proof.machine.actions if name not in uses}
        for query in ask({**filled, **uses}):
            action = query.name.rsplit("/", 1)[1].removesuffix(".smt2").split("-", 1)[-1]
            if action in filled and solver.ask_text(query.text) != "unsat":
                del filled[action]
        return {**filled, **uses}

    lemmas = list(proof.lemmas)
    for number, lemma in enumerate(proof.lemmas):

        def keeping(uses: Mapping[str, Uses], number: int = number, lemma: Lemma = lemma) -> Iterable[rule.Query]:
            others = (*proof.lemmas[:number], Lemma(lemma.says, uses), *proof.lemmas[number + 1 :])
            return dataclasses.replace(proof, lemmas=others).consecution(number)

        lemmas[number] = Lemma(lemma.says, least(lemma.uses, (number,), keeping))
    done = dataclasses.replace(proof, lemmas=tuple(lemmas))
    said = []
    for one in statements:
        if one.by_queries and one.form == "steps":

            def asking(uses: Mapping[str, Uses], one: Statement = one) -> Iterable[rule.Query]:
                return proof.claim(dataclasses.replace(one, uses=uses))

            one = dataclasses.replace(one, uses=least(one.uses, (), asking))
        said.append(one)
    return done, said


def _accepted(queries: Iterable[rule.Query], solver: Solver) -> bool:
    return all(solver.ask_text(query.text) == query.word for query in queries)


def _only(certificate: Certificate, needed: Sequence[int]) -> Certificate:
    """The certificate with these lemmas alone."""
    place = {old: new for new, old in enumerate(needed)}

    def moved(uses: Mapping[str, Uses]) -> dict[str, Uses]:
        return {name: Uses(tuple(place[number] for number in one.lemmas), one.assumptions) for name, one in uses.items()}

    proof = certificate.proof
    lemmas = tuple(Lemma(proof.lemmas[old].says, moved(proof.lemmas[old].uses)) for old in needed)
    along = {name: Along(one.steps, moved(one.uses)) for name, one in proof.along.items()}
    statements = tuple(dataclasses.replace(one, uses=moved(one.uses)) for one in certificate.statements)
    return Certificate(dataclasses.replace(proof, lemmas=lemmas, along=along), statements, certificate.runs)


def runs_of(one: Statement, result: Result) -> list[path.Run]:
    """The runs that a verdict comes with."""
    verdict = result.verdict
    if isinstance(verdict, Refuted):
        return [_run(one, "violation", verdict.trace)]
    if isinstance(verdict, Proved) and verdict.witness is not None:
        return [_run(one, "goal" if one.kind == "reachability" else "antecedent", verdict.witness)]
    return []


def _run(one: Statement, shows: str, trace: Trace) -> path.Run:
    steps = tuple((step.action, dict(step.inputs), dict(step.changed)) for step in trace.steps)
    return path.Run(one.name, shows, dict(trace.initial), steps)


def retold(result: Result, claim: Claim, system: System) -> Result:
    """The answer to a relation with its run executed again on this product of the two systems, whatever that shares."""
    verdict = result.verdict
    trace = verdict.trace if isinstance(verdict, Refuted) else verdict.witness if isinstance(verdict, Proved) else None
    if trace is None:
        return result
    initial = {path: value for path in system.variables if (value := _either(path, trace.initial, claim.left)) is not None}
    again = replay(system, claim.name, initial, [(step.action, step.inputs) for step in trace.steps])
    if again is None:
        raise Disagreement(f"{claim.name}: the run does not fit the two systems side by side")
    if isinstance(verdict, Refuted):
        return dataclasses.replace(result, verdict=dataclasses.replace(verdict, trace=again))
    return dataclasses.replace(result, verdict=dataclasses.replace(verdict, witness=again)) if isinstance(verdict, Proved) else result


def _either(path: str, values: Mapping[str, int], left: str) -> int | None:
    """The value of a field of the product, which may have it once for both sides, or once for each."""
    for name in (path, path.split(".", 1)[-1], f"{left}.{path}"):
        if name in values:
            return values[name]
    return None


def of_decision(
    directory: Path, decision: Decision, claims: Mapping[str, Claim], results: Sequence[Result], design: Design[Any] | None, without: tuple[str, ...]
) -> None:  # fmt: skip
    """Writes the certificate of a decision."""
    if results and design is not None and results[0].kind == "relation":
        claim = claims[results[0].claim]
        if isinstance(results[0].verdict, Refuted):
            left, right = build(design, claim.left, without), build(design, claim.right, without)
            whole = product(left, right, (claim.left, claim.right), shared=frozenset()).system
            result = retold(results[0], claim, whole)
            certificate = Certificate(Proof(machine_of(whole), ()), (statement_of(claim, whole, result),), {})
            write_certificates(directory, certificate, [result], {})
            return
        results = [retold(results[0], claim, decision.system)]
    certificate, missing = certificate_of(decision, claims, results, Solver(decision.solver.seconds))
    write_certificates(directory, certificate, results, missing)


def of_lemmas(directory: Path, claims: Mapping[str, Claim], results: Sequence[Result]) -> None:
    """Writes the certificate of lemmas about words: there is no machine to speak of."""
    nothing = Machine("bit-vectors", "", {}, {}, {}, TRUE, {}, {})
    statements = []
    for result in results:
        claim = claims[result.claim]
        if result.verdict.word in ("proved", "refuted"):
            statements.append(Statement(claim.name, claim.kind, claim.sentence, result.verdict.word, "values", lemma_term(claim), {}, {}))
    write_certificates(directory, Certificate(Proof(nothing, ()), tuple(statements), {}), results, {})


def write_certificates(directory: Path, certificate: Certificate, results: Sequence[Result], missing: Mapping[str, str]) -> None:
    """Writes one certificate with its queries and runs into a folder of its own."""
    folder = _folder(directory, certificate, results)
    by_name = {result.claim: result for result in results}
    names: dict[str, tuple[str, ...]] = {}
    proof = certificate.proof
    for query in proof.everything():
        write(folder, query.name, query.text)
    for one in certificate.statements:
        if one.by_queries:
            for query in proof.claim(one):
                write(folder, query.name, query.text)
        found = runs_of(one, by_name[one.name])
        for run in found:
            write(folder, f"runs/{safe(one.name)}-{run.shows}.json", path.to_json(run))
            query = path.formula(proof.machine, one, run)
            write(folder, query.name, query.text)
        names[one.name] = tuple(f"runs/{safe(one.name)}-{run.shows}.json" for run in found)
    whole = dataclasses.replace(certificate, runs=names)
    write(folder, "certificate.json", to_json(whole))
    write(folder, "model.txt", text_of(whole))
    if missing:
        machine = proof.machine
        write(folder, MISSING, {"design": machine.design, "configuration": machine.configuration, "reasons": dict(missing)})


def _folder(directory: Path, certificate: Certificate, results: Sequence[Result]) -> Path:
    """A folder that no other certificate has."""
    machine = certificate.proof.machine
    folder = directory / safe(machine.design) / safe(machine.configuration or "all")
    if [one.kind for one in results] == ["relation"]:
        folder = folder / safe(results[0].claim)
    for number in range(1, 10_000):
        own = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            own.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{own}: cannot be written: {error.strerror}") from None
        return own
    raise UsageError(f"{folder}: there are too many certificates of one name")
