"""One decision: explore the slice, lift what it violates, prove the rest, and say which way answered.

The verdict never rests on the slice: a refutation is a run replayed on integers, a proof is Z3's answer
to every obligation at full width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from specproof.certify import Obligation, accept, obligations
from specproof.claims import Claim, MissingView, Property, instantiate
from specproof.concrete import Concrete
from specproof.cone import apart, narrow
from specproof.errors import ModelError, at
from specproof.explore import Hit, Reached, explore
from specproof.fallback import SEVERAL, Allowed, all_ways, by_induction, by_several, fall_back, never, shortened, with_one_more
from specproof.graph import variables
from specproof.layout import TooLarge
from specproof.lemmas import Certificate, discover
from specproof.lift import Disagreement, Judge, least_start, lift, positions, shrink
from specproof.product import stops
from specproof.readable import lines
from specproof.sanity import Sanity
from specproof.settled import said, settled
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.spurious import Spurious, missing
from specproof.system import System
from specproof.terms import FALSE, Bool
from specproof.trace import Trace, violates
from specproof.tracked import MOST, STEPS, Tracked, candidates, track
from specproof.verdict import NotAsked, Proved, Refuted, Unknown, Vacuous, Verdict

SLICE = "one-bit slice, lemmas, Z3 at full width"
#: Where no property depends on more than this share of the fields, they are decided apart.
SHARE = 0.7
TRACKED = "one-bit slice with tests of words, lemmas, Z3 at full width"
LIFTED = "one-bit slice, replayed on integers"
#: Seconds of work for a claim that is open, as long as tests of words may be what it lacks.
BRIEF = 2.0
#: Into how many tests one of a word that was chosen is taken apart.
LEAVES = 4
#: Times that tests are looked for which exclude the slice's spurious runs.
ROUNDS = 4


@dataclass(frozen=True)
class Accepted:
    """A certificate that Z3 accepted, of these properties; `names` are those whose verdict is told from it, with what witnesses them."""

    certificate: Certificate
    proving: Mapping[str, Property]
    names: Sequence[str]
    witnesses: Mapping[str, Trace | None]
    method: str


class Decision:
    """One system and the properties asked of it; where `only` some are, the others are there for their lemmas. `beside`: invariants that may
    help where that leaves something open. `divides`: what depends on different fields may be decided apart. `shrinks`: runs that refute are
    told with few bits; else they are shrunk by who tells them, as runs are that come with a proof."""

    divides = True
    shrinks = True

    def __init__(
        self, system: System, properties: Mapping[str, Property], kinds: Mapping[str, str], solver: Solver,
        report: Callable[[str, Verdict], None],
    ) -> None:  # fmt: skip
        """`report` is called once for each property, as soon as its verdict is known."""
        self.system, self.kinds, self.solver, self.report = system, kinds, solver, report
        self.properties = {name: never(prop) if kinds[name] == "reachability" else prop for name, prop in properties.items()}
        self.along: dict[str, Property] = {}
        self.explored: tuple[Slice, Reached] | None = None
        self.proofs: list[Accepted] = []
        self.left: dict[str, str] = {}
        self.ways: dict[str, Callable[[int], Allowed]] = {}
        self.spurious: dict[str, list[Spurious]] = {}
        self.tried: set[tuple[str, tuple[str, ...]]] = set()
        self.entailed: dict[str, list[Bool]] = {}
        self.saw: dict[str, tuple[Slice, Reached]] = {}
        self.sanity: Sanity | None = None
        self.patience: float | None = None
        self.beside: Sequence[Claim] = ()
        self.only: Sequence[str] | None = None
        self.traces: list[Trace] = []
        self.start: Mapping[str, int] = {}

    def run(self) -> None:
        """Decides everything."""
        if not self.properties:
            return
        answer = self.solver.ask([self.system.starts])
        if answer.word == "unsat":
            names = sorted(str(term.data) for term in variables([self.system.starts]))
            assumed = list(self.system.initially_assumed)
            also = f" together with what is assumed of the start ({', '.join(assumed)})"
            what = "its initial predicate" + (also if assumed and self.solver.ask([self.system.initial]).word == "sat" else "")
            reads = f" (it reads {', '.join(names)})" if names else ""
            raise ModelError(f"{at(self.system.places.get('', ''))}{self.system.design}: nothing satisfies {what}{reads}; no run starts")
        if answer.word != "sat":  # a proof where no run may start is none
            for name in self.properties:
                self.report(name, Unknown("Z3 at full width", f"whether a run can start was not decided: {answer.reason}"))
            return
        self.start = least_start(self.system, answer.values)
        if self.explored is not None:
            self._settle(*self.explored, self.properties)
        else:
            self._apart(self._parts(self.properties, SHARE))
        if self.sanity is not None and self.proofs and not self.left:  # what is left may need what the others do not
            self.sanity.proved([proof.certificate for proof in self.proofs])
        self._tell(self.proofs)
        self._fall_back(self.left, self.proofs[0].certificate if self.proofs else None)

    def _asked(self, name: str) -> bool:
        """Whether there is to be a verdict on it."""
        return self.only is None or name in self.only

    def _parts(self, asked: Mapping[str, Property], most: float = 1) -> Sequence[Sequence[str]]:
        """The names of what is asked, those together that are decided on one slice; see `cone.apart`."""
        return apart(self.system, asked, most) if self.divides and not self.along else [list(asked)]

    def _apart(self, parts: Sequence[Sequence[str]]) -> None:
        """Decides what depends on the same fields together; each part on a slice of its own, and apart again where that does not fit."""
        for names in parts:
            asked = {name: self.properties[name] for name in names}
            try:
                explored = self._explore(asked)
            except TooLarge as reason:
                smaller = self._parts(asked)
                if len(smaller) > 1:
                    self._apart(smaller)
                else:
                    self.left |= dict.fromkeys(asked, f"the slice does not fit: {reason}")
            else:
                self._settle(*explored, asked)

    def _settle(self, slice_: Slice, reached: Reached, asked: Mapping[str, Property], told: Tracked | None = None) -> None:
        """Decides what is asked by an exploration, of the system or of one that is `told` tests of words; the rest is in `left`."""
        if self.sanity is not None and told is None:
            self.sanity.explored(slice_, reached)
        concrete = Concrete(self.system, slice_, reached, self.start, positions(self.system))
        open_ = [name for name, prop in asked.items() if not self._refuted(concrete, name, prop)]
        self.saw |= {name: (slice_, reached) for name in open_ if name in self.left and told is None}
        proving: dict[str, Property] = {}
        witnesses: dict[str, Trace | None] = {}
        for name in open_:
            if name not in self.left:
                proving[name] = self._or_vacuous(concrete, name, witnesses)
        if self.sanity is not None and open_ and told is None:
            self.sanity.lifted(concrete, self.traces)
        if open_ and (wrong := [name for name in self.along if reached.violated.get(name)]):
            raise Disagreement(f"{self.system.design}: {wrong[0]} was taken for granted and does not hold")
        if proving:
            self._prove(slice_, reached, {**proving, **self.along}, witnesses, told)

    def _with_one_more(self) -> None:
        """Refutes what the shortest run of the slice does with one step more; of each such run that is tried once."""
        for name in [name for name in self.left if name in self.spurious]:
            actions = self.spurious[name][0].actions
            if (name, actions) in self.tried:
                continue
            self.tried.add((name, actions))
            found = with_one_more(self.system, self.properties[name], actions, self.solver, self.patience)
            if found is not None:
                del self.left[name]
                self._show(name, found, len(actions), self.ways[name])

    def _with_entailed(self) -> None:
        """What the slice leaves open, where tests of words have the answers that others entail in all that it reaches."""
        seen = {id(slice_): (slice_, reached) for name, (slice_, reached) in self.saw.items() if name in self.left}
        for slice_, reached in seen.values():
            try:
                fewer = settled(slice_, reached if reached.whole else explore(slice_, steps=STEPS))
            except TooLarge:
                continue
            self.entailed |= said(slice_, fewer)
            asked = {name: self.properties[name] for name, (one, _) in self.saw.items() if one is slice_ and name in self.left}
            if fewer is not reached and self._granted(fewer):
                before, left = len(self.proofs), self.left
                self.left = {name: reason for name, reason in left.items() if name not in asked}
                self._settle(slice_, fewer, asked)
                self._tell(self.proofs[before:])

    def _granted(self, reached: Reached) -> bool:
        """Whether what is taken for granted holds in all that was reached."""
        return not any(hits for name, hits in reached.violated.items() if name not in self.properties)

    def _track(self) -> None:
        """What the slice leaves open, on a slice that keeps tests of whole words in mind: those that its spurious runs need; those that they need
        beside what tests entail, taken apart; all of these, if it is, and if it is not; and then all that there are, if they are not too many."""
        system = replace(self.system, couple=None)
        alone = self._needed(system, {}, 0)
        beside = self._needed(system, self.entailed, LEAVES)
        every = [*alone, *(test for test in beside if all(test is not one for one in alone))]
        for tried, leaves in ((beside, LEAVES), (alone, 0)):
            if len(every) > len(tried):
                self._with_in_mind(system, every, leaves=leaves)
        asked = [self.properties[name] for name in self.left]
        tests = candidates(narrow(system, asked), [*asked, *self.along.values()]) if asked else []
        if len(tests) <= MOST:
            self._with_in_mind(system, tests, widely=True)

    def _needed(self, system: System, known: Mapping[str, Sequence[Bool]], leaves: int) -> list[Bool]:
        """Decides what is left with the tests in mind that its spurious runs need beside what is `known`, as long as that finds more of them."""
        chosen: list[Bool] = []
        asked: dict[str, list[Spurious]] = {}
        for _ in range(ROUNDS):
            runs = {name: self.spurious[name] for name in self.left if name in self.spurious}
            if not runs or runs == asked:  # no other runs are in the way than those of which it is known
                break
            more = missing(system, {name: self.properties[name] for name in runs}, runs, chosen, known, self.solver)
            if (asked and not more) or len(chosen) + len(more) > MOST:
                break
            asked = runs
            chosen += more
            self._with_in_mind(system, chosen, leaves=leaves)
        return chosen

    def _with_the_others(self) -> None:
        """Decides what is left together with the invariants beside it, of which nothing else is asked."""
        _, beside = ask(self.system, self.beside)
        asked = {**{name: self.properties[name] for name in self.left}, **beside}
        kinds = {**{claim.name: claim.kind for claim in self.beside}, **self.kinds}
        found: dict[str, Verdict] = {}
        whole = Decision(self.system, asked, kinds, self.solver, found.__setitem__)
        whole.only, whole.patience = list(self.left), BRIEF if self.patience is None else min(BRIEF, self.patience)
        whole.run()
        for name, verdict in found.items():
            if isinstance(verdict, Proved | Vacuous) or (isinstance(verdict, Refuted) and verdict.shortest):
                del self.left[name]
                self.report(name, verdict)
        self.proofs += [replace(proof, names=()) for proof in whole.proofs]

    def _with_in_mind(self, system: System, tests: Sequence[Bool], *, widely: bool = False, leaves: int = 0) -> None:
        """Decides what is left on a slice that keeps these tests in mind."""
        asked = {name: self.properties[name] for name in self.left}
        if not asked:
            return
        every = {**asked, **self.along}
        told = track(system, list(every.values()), tests, self.solver, widely=widely, leaves=leaves)
        if told is None:
            return
        try:
            properties = [told.property(prop) for prop in every.values()]
            slice_ = Slice(narrow(told.system, properties), properties)
            reached = settled(slice_, explore(slice_, steps=STEPS), STEPS)
        except TooLarge:
            return
        if self._granted(reached):
            before, self.left = len(self.proofs), {}
            self._settle(slice_, reached, asked, told)
            self._tell(self.proofs[before:])
            self.left = {name: f"{reason}, {told}" if tests else reason for name, reason in self.left.items()}
            self._with_one_more()

    def _explore(self, properties: Mapping[str, Property]) -> tuple[Slice, Reached]:
        asked = [*properties.values(), *self.along.values()]
        slice_ = Slice(narrow(self.system, asked), asked)
        return slice_, explore(slice_, stop=stops(list(self.along.values()), list(properties.values())) if self.along else None)

    def _refuted(self, concrete: Concrete, name: str, prop: Property) -> bool:
        """Reports a violation that lifts; notes one that does not."""
        hits = concrete.reached.violated[name]
        if not hits:
            return False
        if not self._asked(name):
            self.left[name] = "a run of the slice breaks it"
            return True
        trace, hit = self._lift(concrete, prop, hits, wanted=False)
        ways = partial(concrete.ways.to, name)
        if trace is None:
            self.ways[name] = ways
            self.spurious[name] = concrete.spurious(hits)
            self.left[name] = f"the slice has a run of {hits[0].depth} steps that no full-width run follows"
        else:
            self._show(name, Refuted(LIFTED, trace, shortest=hit.depth == hits[0].depth), hits[0].depth, ways)
        return trace is not None

    def _show(self, name: str, found: Refuted, least: int, ways: Callable[[int], Allowed]) -> None:
        """Reports a run to a violation, of which none has less than `least` steps, or to what can be reached."""
        if self.kinds[name] == "reachability":
            self.report(name, Proved(found.method, witness=found.trace))
            return
        if not found.shortest:
            found = shortened(self.system, self.properties[name], found, least, self.solver, self.patience, ways=ways)
        self.report(name, found)

    def _lift(self, concrete: Concrete, prop: Property, hits: Sequence[Hit], *, wanted: bool) -> tuple[Trace | None, Hit]:
        """A run to the first hit that has one, and that hit."""
        proof = wanted or self.kinds[prop.claim] == "reachability"
        if proof and (trace := self._seen(prop, hits[0].depth, wanted)) is not None:
            return trace, hits[0]
        for actions, alike in concrete.by_actions(hits):
            runs = (concrete.ending(prop, hit, wanted) for hit in alike)
            run = next(filter(None, runs), None)
            if run is not None:
                judge = Judge(self.system, prop, wanted)
                whole = proof or not self.shrinks
                trace = judge(run.initial, run.steps) if whole else shrink(judge, run.initial, run.steps, concrete.preferred)
            else:
                trace = lift(self.system, prop, actions, self.solver, wanted=wanted)
            if trace is not None:
                self.traces.append(trace)
                return trace, alike[0]
        return None, hits[0]

    def _seen(self, prop: Property, length: int, wanted: bool) -> Trace | None:
        """A beginning of a run that is known already, so long, at whose end the property has the value `wanted`."""
        for trace in self.traces:
            begun = replace(trace, claim=prop.claim, steps=trace.steps[:length])
            if begun.length == length and violates(self.system, prop, begun) != wanted:
                return begun
        return None

    def _or_vacuous(self, concrete: Concrete, name: str, witnesses: dict[str, Trace | None]) -> Property:
        """The property to prove: the claim, or that its antecedent never happens."""
        prop, reached = self.properties[name], concrete.reached
        if not self._asked(name):
            return prop
        if prop.happens is None:
            silent = prop.state is None and reached.fired.isdisjoint(prop.steps)
            return replace(prop, steps=dict.fromkeys(prop.steps, FALSE)) if silent else prop
        hits = reached.happens[name]
        if not hits:
            return replace(never(prop.happens), claim=name)
        witnesses[name] = self._lift(concrete, prop.happens, hits, wanted=True)[0]
        if witnesses[name] is None:
            self.left[name] = "its antecedent happens on the slice, and no full-width run was found in which it does"
        return prop

    def _prove(
        self, slice_: Slice, reached: Reached, proving: Mapping[str, Property], witnesses: Mapping[str, Trace | None], told: Tracked | None
    ) -> None:
        if told is None:
            certificate, method = discover(slice_, reached, list(proving.values())), SLICE
        else:
            certificate, method = told.certified(discover(slice_, reached, [told.property(prop) for prop in proving.values()])), TRACKED
        rejected = accept(self.system, certificate, proving, self.solver)
        if any(one.word == "sat" for one in rejected):
            raise Disagreement(f"{self.system.design}: Z3 rejects {rejected[0].obligation.name}, which the slice proves")
        names = [name for name in proving if name not in self.left and name not in self.along and self._asked(name)]
        if rejected:
            self.left |= dict.fromkeys(names, f"Z3 did not decide '{rejected[0].obligation.name}': {rejected[0].reason}")
        else:
            self.proofs.append(Accepted(certificate, proving, names, witnesses, method))

    def obligations(self) -> Iterator[Obligation]:
        """Everything that Z3 was asked for the proofs, at full width."""
        for proof in self.proofs:
            yield from obligations(self.system, proof.certificate, proof.proving)

    def _tell(self, proofs: Sequence[Accepted]) -> None:
        """Reports what was proved."""
        for proof in proofs:
            for name in proof.names:
                behind, assumptions = proof.certificate.behind(name, *self.along)
                shown = lines(proof.certificate, behind, name)
                if name in proof.witnesses or (proof.proving[name] is self.properties[name] and self.kinds[name] != "reachability"):
                    self.report(name, Proved(proof.method, shown, tuple(sorted(assumptions)), proof.witnesses.get(name)))
                else:
                    said = "its antecedent" if self.properties[name].happens else "a step"
                    what = "what it asks for" if self.kinds[name] == "reachability" else said
                    self.report(name, Vacuous(proof.method, f"{what} never happens in this configuration"))

    def _fall_back(self, reasons: Mapping[str, str], certificate: Certificate | None) -> None:
        self.left = {}
        for name, reason in reasons.items():
            if not self._asked(name):
                continue
            asked = self.properties[name], self.kinds[name]
            found = by_induction(self.system, *asked, certificate, self.solver, self.patience, self.saw.get(name))
            if found is None:
                self.left[name] = reason
            else:
                self.report(name, found.verdict)
                if found.own is not None:
                    proving = {claim: self.properties[claim] for claim in found.own.claims}
                    self.proofs.append(Accepted(found.own, proving, (), {}, found.verdict.method))
        open_ = {name: self.properties[name] for name in reasons if self.kinds[name] in ("invariant", "step")}
        for name in [name for name in self.left if name in open_ and len(open_) > 1 and not self.along]:
            seen = self.saw.get(name)
            proved = by_several(self.system, open_, name, self.kinds[name], certificate, self.solver, self.patience, seen)
            if proved is not None and proved.own is not None:
                del self.left[name]
                self.report(name, proved.verdict)
                self.proofs.append(Accepted(proved.own, {name: self.properties[name]}, (), {}, SEVERAL))
        if self.left and self.beside:
            self._with_the_others()
        if self.left and self.patience != 0:
            self._with_one_more()
            self._with_entailed()
            self._track()
        for name, reason in self.left.items():
            prop, kind = self.properties[name], self.kinds[name]
            ways = self.ways.get(name, all_ways)
            self.report(name, fall_back(self.system, prop, kind, reason, self.solver, self.patience, len(self.left), ways=ways))


def ask(system: System, claims: Sequence[Claim]) -> tuple[dict[str, NotAsked], dict[str, Property]]:
    """The claims as properties of the system, and those that it cannot express."""
    not_asked: dict[str, NotAsked] = {}
    properties: dict[str, Property] = {}
    for claim in claims:
        try:
            properties[claim.name] = instantiate(claim, system)
        except MissingView as missing:
            not_asked[claim.name] = NotAsked(system.design, claim.name, str(missing))
    return not_asked, properties
