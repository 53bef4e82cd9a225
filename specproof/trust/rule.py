"""The rule of proof: which queries, all unsatisfiable, show that a claim holds of every run; and what a run shows.

Lemmas hold initially, and every action keeps them: then they hold in every reachable state. A claim of states
follows from lemmas; a claim of steps holds of every action taken in a state with the lemmas. Both the writer
and the verifier of certificates call this file; no other says what has to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from specproof.readings.text import show
from specproof.terms import TRUE, Term, make
from specproof.trust.machine import Act, Machine, rename, speaks
from specproof.trust.smt import Script

#: Stands for an action in the names of files that are about the start; no action can be called so.
START = "@initially"


@dataclass(frozen=True)
class Uses:
    """What one query leans on: lemmas by number, assumptions by name. Any subset is sound."""

    lemmas: tuple[int, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class Lemma:
    """A lemma over leaves. `uses` is by action, and "" for the start; where one is missing, everything is used."""

    says: Term
    uses: Mapping[str, Uses] = field(default_factory=dict)

    @cached_property
    def shown(self) -> str:
        """Its text."""
        return show(self.says)


@dataclass(frozen=True)
class Along:
    """What the construction of a machine rests on: by action, a truth about every step, over leaves and inputs."""

    steps: Mapping[str, Term]
    uses: Mapping[str, Uses] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """What a claim says, over symbols for views: `before` and `after` say what each is, over leaves.

    `form` is "states" (`says` of every reachable state), "steps" (of every step; unless it is a step claim, also
    of the start) or "values" (of all values of its variables).
    """

    name: str
    kind: str
    sentence: str
    verdict: str
    form: str
    says: Term
    before: Mapping[str, Term]
    after: Mapping[str, Term]
    uses: Mapping[str, Uses] = field(default_factory=dict)

    @property
    def happens(self) -> Term | None:
        """The antecedent."""
        return antecedent(self.says)

    @property
    def proves(self) -> Term:
        """What the queries are about: the claim, or, where it is vacuous, that its antecedent never happens."""
        return proves(self.says, self.kind, self.verdict)

    @property
    def by_queries(self) -> bool:
        """Whether queries decide it, and not a run."""
        return self.verdict == "vacuous" or (self.verdict == "proved" and self.kind != "reachability")


@dataclass(frozen=True)
class Query:
    """One file: its text must be answered with `word` ("unsat" for an obligation, "sat" for a path). `leans` is what it uses."""

    name: str
    build: Callable[[], str]
    word: str = "unsat"
    leans: Uses = Uses((), ())

    @cached_property
    def text(self) -> str:
        """The whole script, written when it is asked for."""
        return self.build()


@dataclass(frozen=True)
class Proof:
    """A machine with lemmas, and what the construction of the machine rests on."""

    machine: Machine
    lemmas: tuple[Lemma, ...]
    along: Mapping[str, Along] = field(default_factory=dict)

    def _script(self, *lines: str) -> Script:
        where = " ".join(part for part in (self.machine.design, self.machine.configuration) if part)
        return Script([f"specproof certificate: {where}", *lines, "unsat: this obligation holds"])

    def rests(self) -> Iterator[Query]:
        """What the construction of the machine rests on, and so every claim."""
        for name, along in self.along.items():
            for action, term in along.steps.items():
                if not _never(self.machine.actions[action]) and not (term.op == "const" and term.data):
                    uses = along.uses.get(action, self._everything(self.machine.actions[action]))
                    yield Query(f"construction/{safe(name)}-{action}.smt2", partial(self._rest, name, action, uses), leans=uses)

    def _rest(self, name: str, action: str, uses: Uses) -> str:
        script = self._script(f"{name}: {action}")
        self._enable(script, action, self.machine.actions[action], uses)
        script.comment("it does not hold")
        script.state(self.along[name].steps[action], negated=True)
        return script.finish()

    def initiation(self, number: int) -> Query:
        """A lemma holds where a run starts."""
        uses = self.lemmas[number].uses.get("", Uses((), tuple(self.machine.initially_assumed)))
        return Query(f"lemmas/{number + 1:02}-{START}.smt2", partial(self._initiation, number, uses), leans=uses)

    def _initiation(self, number: int, uses: Uses) -> str:
        script = self._script(f"lemma {number + 1} holds initially", self._shown(number))
        self._start(script, uses.assumptions)
        script.comment(f"lemma {number + 1} does not hold")
        script.state(self.lemmas[number].says, negated=True)
        return script.finish()

    def consecution(self, number: int) -> Iterator[Query]:
        """Every action keeps a lemma. Actions that change nothing that it speaks of need no query."""
        lemma = self.lemmas[number]
        leaves = speaks([lemma.says])
        for name, act in self.machine.actions.items():
            if leaves & set(act.next) and not _never(act):
                uses = lemma.uses.get(name, self._everything(act))
                yield Query(f"lemmas/{number + 1:02}-{name}.smt2", partial(self._consecution, number, name, uses), leans=uses)

    def _consecution(self, number: int, name: str, uses: Uses) -> str:
        lemma, act = self.lemmas[number], self.machine.actions[name]
        script = self._script(f"{name} keeps lemma {number + 1}", self._shown(number))
        self._enable(script, name, act, uses)
        self._move(script, name, act, speaks([lemma.says]))
        script.comment(f"lemma {number + 1} does not hold afterwards")
        script.state(rename([lemma.says], _next)[0], negated=True)
        return script.finish()

    def keeping(self, number: int) -> Iterator[Query]:
        """Everything about one lemma."""
        yield self.initiation(number)
        yield from self.consecution(number)

    def everything(self) -> Iterator[Query]:
        """What the construction rests on, and everything about all lemmas."""
        yield from self.rests()
        for number in range(len(self.lemmas)):
            yield from self.keeping(number)

    def claim(self, one: Statement) -> Iterator[Query]:
        """The queries of a claim, its lemmas apart."""
        folder = f"claims/{safe(one.name)}"
        if one.form == "values":
            yield Query(f"{folder}/values.smt2", partial(self._values, one))
        elif one.form == "states":
            uses = one.uses.get("", Uses(tuple(range(len(self.lemmas))), ()))
            yield Query(f"{folder}/states.smt2", partial(self._states, one, uses), leans=uses)
        else:
            if one.kind != "step":
                uses = Uses((), tuple(self.machine.initially_assumed))
                yield Query(f"{folder}/{START}.smt2", partial(self._initially, one, uses), leans=uses)
            for name, act in self.machine.actions.items():
                if not _never(act):
                    uses = one.uses.get(name, self._everything(act))
                    yield Query(f"{folder}/{name}.smt2", partial(self._step, one, name, uses), leans=uses)

    def _values(self, one: Statement) -> str:
        script = self._script(*_heading(one))
        script.state(one.proves, negated=True)
        return script.finish()

    def _states(self, one: Statement, uses: Uses) -> str:
        script = self._script(*_heading(one), "the lemmas imply it")
        self._lemmas(script, uses)
        _look(script, one.after, str)
        _fails(script, one)
        return script.finish()

    def _initially(self, one: Statement, uses: Uses) -> str:
        script = self._script(*_heading(one), "it holds initially")
        self._start(script, uses.assumptions)
        self._clear(script, speaks(list(one.after.values())), str)
        _look(script, one.after, str)
        _fails(script, one)
        return script.finish()

    def _step(self, one: Statement, name: str, uses: Uses) -> str:
        act = self.machine.actions[name]
        script = self._script(*_heading(one), f"{name} satisfies it")
        self._enable(script, name, act, uses)
        self._move(script, name, act, speaks(list(one.after.values())))
        _look(script, one.before, str)
        _look(script, one.after, _next)
        _fails(script, one)
        return script.finish()

    def leaning(self, statements: Iterable[Statement]) -> set[int]:
        """The lemmas that these claims need, directly or through other lemmas."""
        queries = [*self.rests(), *(query for statement in statements for query in self.claim(statement))]
        todo = {number for query in queries for number in query.leans.lemmas}
        seen: set[int] = set()
        while todo:
            number = todo.pop()
            seen.add(number)
            todo |= {other for query in self.consecution(number) for other in query.leans.lemmas} - seen
        return seen

    def _shown(self, number: int) -> str:
        return f"lemma {number + 1}: {self.lemmas[number].shown}"

    def _everything(self, act: Act) -> Uses:
        return Uses(tuple(range(len(self.lemmas))), tuple(act.assumed))

    def _start(self, script: Script, assumptions: Iterable[str]) -> None:
        script.comment("a run starts here")
        script.state(self.machine.initial)
        for name in assumptions:
            script.comment(f"assumption {name}")
            script.state(self.machine.initially_assumed[name])

    def _enable(self, script: Script, name: str, act: Act, uses: Uses) -> None:
        script.comment(f"the guard of {name}")
        script.state(act.guard)
        for assumption in uses.assumptions:
            script.comment(f"assumption {assumption}")
            script.state(act.assumed[assumption])
        self._lemmas(script, uses)

    def _lemmas(self, script: Script, uses: Uses) -> None:
        for number in uses.lemmas:
            script.comment(self._shown(number))
            script.state(self.lemmas[number].says)

    def _move(self, script: Script, name: str, act: Act, leaves: set[str]) -> None:
        script.comment(f"what {name} does")
        for path in sorted(leaves & set(self.machine.variables)):
            script.define(_next(path), act.next.get(path, self.machine.leaf(path)))
        self._clear(script, leaves - set(act.observed), _next)
        for path in sorted(leaves & set(act.observed)):
            script.define(_next(path), act.observed[path])

    def _clear(self, script: Script, leaves: set[str], name: Any) -> None:
        """Observed leaves that nothing reported are 0."""
        for path in sorted(leaves & set(self.machine.observed)):
            script.define(name(path), zero(self.machine.observed[path]))


def zero(width: int) -> Term:
    """The constant 0, or false."""
    return make("const", (), width, 0 if width else False)


def safe(name: str) -> str:
    """A name as one harmless component of a path; different names have different ones."""
    found = quote(name, safe="+").replace("%", "=")
    return f"=2E{found[1:]}" if found.startswith(".") else found


def _heading(one: Statement) -> tuple[str, str]:
    return f"claim {one.name}: {one.sentence}", f"it says: {show(one.says)}"


def _never(act: Act) -> bool:
    """Whether the guard is the constant 'false': the action belongs to another configuration."""
    return act.guard.op == "const" and not act.guard.data


def _next(name: str) -> str:
    return f"{name}.next"


def _look(script: Script, views: Mapping[str, Term], name: Any) -> None:
    for symbol, term in views.items():
        script.define(symbol, rename([term], name)[0])


def _fails(script: Script, statement: Statement) -> None:
    script.comment("it does not hold")
    script.state(statement.proves, negated=True)


def antecedent(says: Term) -> Term | None:
    """What must happen for a claim to say something: the antecedents of its nested implications."""
    parts = []
    while says.op == "implies":
        parts.append(says.args[0])
        says = says.args[1]
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole = make("and", (whole, part), 0)
    return whole


def proves(says: Term, kind: str, verdict: str) -> Term:
    """What the queries are about: the claim where it is proved, that nothing it asks about happens where it is vacuous."""
    if verdict == "proved":
        return says
    happens = says if kind == "reachability" else antecedent(says)
    return make("not", (TRUE if happens is None else happens,), 0)
