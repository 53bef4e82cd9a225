"""Verdicts on one side of a review: recalled where they were decided before, else decided.

`work` is what does a unit of work: `jobs.perform`, or with a cache `remember.Remembering`, so that what
`check` has decided is not decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from specproof.answers import decode, encode
from specproof.cache import Cache
from specproof.claims import Claim, MissingView, Property
from specproof.concrete import Concrete
from specproof.decide import relate
from specproof.decision import Decision
from specproof.explore import Reached
from specproof.fallback import LEAST, by_induction
from specproof.jobs import Perform, perform
from specproof.lemmas import Certificate
from specproof.load import Library
from specproof.plan import Unit, pair
from specproof.product import between
from specproof.remember import digest, unchanged, unit_key
from specproof.review.result import Answer, Held
from specproof.review.sides import Side
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import System
from specproof.trace import Trace
from specproof.tracked import Tracked
from specproof.verdict import NotAsked, Proved, Result, Unknown, Vacuous, Verdict

Answers = dict[str, Answer]


class _Refuter(Decision):
    """Looks for runs that break claims, and makes no certificate for those that nothing breaks (`held`, by name whether vacuous)."""

    divides = False  # what was explored is kept, for the proofs that are asked for
    shrinks = False  # a run that breaks the old design is told where it shows what was gained, and there alone

    def __init__(
        self, system: System, properties: Mapping[str, Property], kinds: Mapping[str, str], solver: Solver,
        report: Callable[[str, Verdict], None],
    ) -> None:  # fmt: skip
        """As of any decision; nothing is held yet."""
        super().__init__(system, properties, kinds, solver, report)
        self.held: dict[str, bool] = {}

    def _or_vacuous(self, concrete: Concrete, name: str, witnesses: dict[str, Trace | None]) -> Property:
        prop = self.properties[name]
        self.held[name] = prop.happens is not None and not concrete.reached.happens[name]
        return prop

    def _prove(
        self, slice_: Slice, reached: Reached, proving: Mapping[str, Property], witnesses: Mapping[str, Trace | None], told: Tracked | None
    ) -> None:
        """Nothing is concluded from what nothing breaks; a proof that is asked for later needs what was explored."""
        self.explored = slice_, reached

    def _fall_back(self, reasons: Mapping[str, str], certificate: Certificate | None) -> None:
        """What the slice leaves open is asked in full, if it matters."""

    def told(self, configuration: str) -> Answers:
        """What nothing breaks."""
        return {name: Held(self.system.design, configuration, name, vacuous) for name, vacuous in self.held.items()}


@dataclass(frozen=True)
class Question:
    """Properties of one side in one configuration, with the kinds of their claims."""

    side: Side
    system: System
    properties: Mapping[str, Property]
    kinds: Mapping[str, str]
    timeout: float | None

    @property
    def unit(self) -> Unit:
        """What `check` would ask."""
        return _unit("configuration", self.side, self.system.configuration, tuple(self.properties), self.timeout)


@dataclass
class Recall:
    """What decides. `cache`, where there is one, has what a review asks beyond `check`; `known` what this process did."""

    work: Perform = perform
    cache: Cache | None = None
    known: dict[tuple[Any, ...], Answers] = field(default_factory=dict)
    explored: dict[tuple[Any, ...], tuple[Slice, Reached] | None] = field(default_factory=dict)

    def decided(self, side: Side, configuration: str, claims: Sequence[Claim], timeout: float | None) -> Answers:
        """Verdicts on claims that are no relations, in one configuration."""
        asked = [claim.name for claim in claims]
        beside = tuple(claim.name for claim in side.claims if claim.kind == "invariant" and claim.name not in asked)
        return self._unit(side, replace(_unit("configuration", side, configuration, asked, timeout), beside=beside))

    def related(self, side: Side, claim: Claim, timeout: float | None, *, proving: bool = True) -> Answer | None:
        """The verdict on a relation between two configurations; not `proving`, without a certificate where the slice has no run that breaks it."""
        unit = _unit("relation", side, pair(claim), [claim.name], timeout)
        found = {} if proving else self._once(side, unit, (), lambda: _runs(side, claim, timeout))
        return found.get(claim.name) or self._unit(side, unit)[claim.name]

    def refuted(self, question: Question) -> Answers:
        """Runs that break properties; of the others that none does, where the slice says so. What it leaves open has no answer."""
        return self._once(question.side, question.unit, (), lambda: self._refuted(question))

    def proved(self, question: Question, names: Sequence[str]) -> Answers:
        """Verdicts on some of the properties, after `refuted`."""
        return self._once(question.side, question.unit, names, lambda: self._proved(question, names)) if names else {}

    def _once(self, side: Side, unit: Unit, names: Sequence[str], make: Callable[[], Answers]) -> Answers:
        """What a review asks of a unit beyond `check`, once: runs, or verdicts on those of these names."""
        memo = side.design, unit, tuple(names)
        if memo not in self.known:
            asked = unit_key(unit, _library(side)) if self.cache is not None else None
            key = digest("review", asked, list(names)) if asked is not None else None
            found = self._kept(key)
            if found is None:
                found = make()
                if key is not None and self.cache is not None and unchanged() and not any(_undecided(one) for one in found.values()):
                    self.cache.put(key, "review", {name: _encode(one) for name, one in found.items()})
            self.known[memo] = found
        return dict(self.known[memo])

    def _refuted(self, question: Question) -> Answers:
        answers, report = _reporting(question)
        refuter = _Refuter(question.system, question.properties, question.kinds, Solver(question.timeout), report)
        refuter.run()
        self.explored[question.side.design, question.unit] = refuter.explored
        return answers | refuter.told(question.system.configuration)

    def _proved(self, question: Question, names: Sequence[str]) -> Answers:
        """What the slice leaves open may be inductive with lemmas of its own, or of all other claims, and takes Spacer's time without."""
        answers, report = _reporting(question)
        known, solver, explored = self.refuted(question), Solver(question.timeout), self.explored.get((question.side.design, question.unit))
        for name in [name for name in names if name not in known]:
            alone = by_induction(question.system, question.properties[name], question.kinds[name], None, solver, LEAST, explored)
            # Where no run was found in which its antecedent happens, the lemmas of the others may say that none does.
            if alone is not None and isinstance(alone.verdict, Proved | Vacuous):
                report(name, alone.verdict)
        rest = [name for name in names if name not in answers]
        if rest:
            left = not known.keys() >= set(rest)
            asked = [name for name in question.properties if (left and not isinstance(known.get(name), Result)) or name in rest]
            properties = {name: question.properties[name] for name in asked}
            decision = Decision(question.system, properties, question.kinds, solver, report)
            decision.only = rest
            decision.explored = explored
            decision.run()
        return {name: answer for name, answer in answers.items() if name in names}

    def _unit(self, side: Side, unit: Unit) -> Answers:
        memo = (side.design, unit)
        if memo not in self.known:
            found: Answers = {}
            self.work(unit, _library(side), lambda answer: found.__setitem__(answer.claim, answer))
            self.known[memo] = found
        return dict(self.known[memo])

    def _kept(self, key: str | None) -> Answers | None:
        data = self.cache.get(key) if self.cache is not None and key is not None else None
        try:
            return None if data is None else {name: _decode(one) for name, one in data.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def _unit(kind: str, side: Side, configuration: str, claims: Sequence[str], timeout: float | None) -> Unit:
    """What `check` does too, with less patience for what the slice leaves open: a reviewer waits for the rest."""
    return Unit(kind, side.design.name, configuration, tuple(claims), (), timeout, LEAST if timeout is None else None)


def _runs(side: Side, claim: Claim, timeout: float | None) -> Answers:
    """A run that breaks a relation, or that the slice shows none; nothing where it leaves that open, or the relation cannot be asked."""
    try:
        verdicts, refuter = relate(between(side.design, claim), [claim], Solver(timeout), deciding=_Refuter)
    except MissingView:
        return {}
    answers: Answers = {name: Result(side.design.name, pair(claim), name, claim.kind, verdict) for name, verdict in verdicts.items()}
    return answers | (refuter.told(pair(claim)) if isinstance(refuter, _Refuter) else {})


def _library(side: Side) -> Library:
    return Library(designs={side.design.name: side.design}, claims={claim.name: claim for claim in side.claims})


def _reporting(question: Question) -> tuple[Answers, Callable[[str, Verdict], None]]:
    answers: Answers = {}
    system = question.system

    def report(name: str, verdict: Verdict) -> None:
        answers[name] = Result(system.design, system.configuration, name, question.kinds[name], verdict)

    return answers, report


def _undecided(answer: Answer) -> bool:
    return isinstance(answer, Result) and isinstance(answer.verdict, Unknown)


def _encode(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Held):
        return {"held": [answer.design, answer.configuration, answer.claim, answer.vacuous]}
    return encode(answer)


def _decode(data: Mapping[str, Any]) -> Answer:
    if "held" in data:
        design, configuration, claim, vacuous = data["held"]
        return Held(str(design), str(configuration), str(claim), bool(vacuous))
    answer: Result | NotAsked = decode(data)
    return answer
