"""A campaign: every mutant decided against every claim, in every configuration of the design."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Any, cast

from specproof import jobs as workers
from specproof.claims import Claim, MissingView
from specproof.decide import relate
from specproof.design import Design
from specproof.errors import ModelError
from specproof.explore import explore
from specproof.fallback import bounded_run, never
from specproof.layout import TooLarge
from specproof.load import Library, library
from specproof.mutate.baseline import TRIES, Baseline, run_of
from specproof.mutate.dead import Dead
from specproof.mutate.equivalence import Comparison, Differs, Same, View, alike, at_once, negated, side_by_side, under
from specproof.mutate.kill import Killed, kill
from specproof.mutate.mutants import Mutant, Places, Workshop, built, mutants, shape, with_actions
from specproof.mutate.tamper import Change
from specproof.product import product
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System, build
from specproof.trace import Trace
from specproof.verdict import Proved, Refuted, Verdict

KILLED, EQUIVALENT, SURVIVED, UNKNOWN = "killed", "equivalent", "survived", "unknown"

#: Mutants that a worker is given at once; the same whatever the number of workers, as they are compared together.
CHUNK = 30
#: Seconds for each question to a solver about two designs side by side, where the user sets no limit.
PATIENCE = 10.0
#: Seconds of work for a mutant and for a question about it, and steps of a run, where what the slice shows is no run at full width.
LONG, EACH, LONGEST = 60.0, 3.0, 8


@dataclass(frozen=True)
class Request:
    """What is mutated, and how; everything that a worker process needs to do the same."""

    design: str
    files: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    order: int = 1
    sample: int | None = None
    seed: int = 0
    actions: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Fate:
    """What became of a mutant. `by` is the claim that killed it, how it was shown to be equivalent, or why its fate is
    unknown. `run` shows a kill, or leads a survivor to where `views` differ from the design's."""

    id: str
    action: str
    operator: str
    change: str
    status: str
    by: str = ""
    steps: int | None = None
    configuration: str = ""
    run: Trace | None = None
    views: tuple[View, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def claim(self) -> str:
        """Workers tell answers of a chunk apart by this."""
        return self.id


@dataclass
class Campaign:
    """The design in every configuration. Mutants are decided one by one, and those that no run killed together."""

    request: Request
    design: Design[Any]
    claims: Sequence[Claim]
    bases: dict[str, Baseline] = field(default_factory=dict)
    _dead: dict[str, Dead] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> Campaign:
        """Loads the design and its claims."""
        known = library(request.files)
        design = known.design(request.design)
        wanted = {known.claim(name).name for name in request.claims}
        return cls(request, design, [claim for claim in known.asked_of(design.name) if not wanted or claim.name in wanted])

    @cached_property
    def workshop(self) -> Workshop:
        """Builds actions."""
        return Workshop(self.design)

    def all(self) -> list[Mutant]:
        """The mutants, in order."""
        asked = self.request
        return list(mutants(self.workshop, asked.operators, asked.order, asked.sample, asked.seed, asked.actions))

    def base(self, configuration: str) -> Baseline:
        """The design in a configuration, explored once."""
        if configuration not in self.bases:
            system = build(self.design, configuration)
            right = {name: self.workshop.specialise(action, system) for name, action in self.workshop.right.items()}
            self.bases[configuration] = Baseline(with_actions(system, right), self.claims, self.request.timeout)
        return self.bases[configuration]

    def dead(self, configuration: str) -> Dead:
        """What is known of fields of the design that nothing reads at times."""
        if configuration not in self._dead:
            self._dead[configuration] = Dead(self.base(configuration))
        return self._dead[configuration]

    @property
    def configurations(self) -> Sequence[str]:
        """Those in which claims are asked."""
        return self.design.configurations or ("",)

    def differing(self, mutant: Mutant, base: Baseline) -> dict[str, Action]:
        """The mutant's actions in a configuration, where they are not the design's."""
        found = {name: self.workshop.specialise(action, base.system) for name, action in mutant.actions.items()}
        return {name: action for name, action in found.items() if shape(action) != shape(base.system.actions[name])}

    def strike(self, mutant: Mutant) -> Fate | None:
        """The fate of a mutant that some run kills, or that is the design in every configuration."""
        anything = False
        for configuration in self.configurations:
            base = self.base(configuration)
            actions = self.differing(mutant, base)
            if actions:
                anything = True
                try:
                    killed = kill(base, actions)
                except TooLarge:
                    continue
                if killed is not None:
                    return self._killed(mutant, configuration, killed)
        return None if anything else self.fate(mutant, EQUIVALENT, by="the same terms in every configuration")

    def _killed(self, mutant: Mutant, configuration: str, killed: Killed) -> Fate:
        return replace(self.fate(mutant, KILLED, by=killed.claim), steps=killed.trace.length, configuration=configuration, run=killed.trace)

    @staticmethod
    def fate(mutant: Mutant, status: str, by: str = "") -> Fate:
        return Fate(mutant.id, mutant.action, mutant.operator, mutant.change, status, by, changes=tuple(change for _, change in mutant.changes))
    def compare(self, left: Sequence[Mutant]) -> list[Fate | None]:
        """The fates of mutants whose actions do the same as the design's in every reachable state."""
        same: dict[str, set[str]] = {mutant.id: set() for mutant in left}
        for configuration in self.configurations:
            base = self.base(configuration)
            asked = [(mutant, actions) for mutant in left if (actions := self.differing(mutant, base))]
            different = {mutant.id for mutant, _ in asked}
            for mutant in left:
                if mutant.id not in different:
                    same[mutant.id].add(configuration)
            for (mutant, _), yes in zip(asked, alike(base.system, [actions for _, actions in asked], self.request.timeout), strict=True):
                if yes or under(base.system, base.lemmas, self.differing(mutant, base), base.solver):
                    same[mutant.id].add(configuration)
        alike_everywhere = "in every reachable state its actions do the same"
        return [
            self.fate(mutant, EQUIVALENT, by=alike_everywhere) if len(same[mutant.id]) == len(self.configurations) else None for mutant in left
        ]

    def settle(self, mutant: Mutant) -> Fate:
        """The fate of a mutant that no run killed and that differs in some state: killed after all, equivalent on all views, or a survivor."""
        if all(negated(base.system, self.differing(mutant, base), base.solver) for base in map(self.base, self.configurations)):
            return self.fate(mutant, EQUIVALENT, by="the same with an input negated")
        if all(self.dead(name).same(self.differing(mutant, self.base(name))) for name in self.configurations):
            return self.fate(mutant, EQUIVALENT, by="it differs only in fields that nothing reads before they are written again")
        try:
            return self._closer(mutant, self.configurations)
        except TooLarge as reason:
            return self.fate(mutant, UNKNOWN, by=str(reason))

    def _closer(self, mutant: Mutant, configurations: Sequence[str]) -> Fate:
        """A mutant that differs in some state: whether a claim notices, whether a view shows it."""
        fired = {name: self.base(name).reached.fired for name in configurations}
        happens = set().union(*fired.values())
        configurations = [name for name in configurations if self.differing(mutant, self.base(name))]
        for configuration in configurations:
            base = self.base(configuration)
            killed, fired[configuration] = exactly(base, self.differing(mutant, base))
            if killed is not None:
                name, trace = killed
                return replace(self.fate(mutant, KILLED, by=name), steps=trace.length if trace else None, configuration=configuration, run=trace)
        if set(mutant.actions) & happens.difference(*fired.values()):
            return self.fate(mutant, KILLED, by="action-fires (sanity)")
        seen = self._compared(mutant, configurations, at_once)
        if seen.status == UNKNOWN:
            seen = self._compared(mutant, configurations, side_by_side)
        if seen.status == EQUIVALENT:
            return seen
        if (related := self._relations(mutant)) is not None or seen.status == SURVIVED:
            return related or seen
        return self._longer(mutant, configurations) or self._compared(mutant, configurations, partial(side_by_side, patience=LONG))

    def _compared(self, mutant: Mutant, configurations: Sequence[str], compare: Callable[..., Comparison]) -> Fate:
        """What a comparison with the design says of its views in each of these configurations: equivalent, survived, or unknown."""
        unknown = ""
        for configuration in configurations:
            base = self.base(configuration)
            found = compare(base.system, self.differing(mutant, base), self.request.timeout or PATIENCE)
            if isinstance(found, Differs):
                seen = replace(self.fate(mutant, SURVIVED), steps=found.trace.length, views=found.views)
                return replace(seen, configuration=configuration, run=found.trace)
            if not isinstance(found, Same):
                unknown = found.reason
        same = "side by side with the design, every view is the same"
        return self.fate(mutant, UNKNOWN, by=unknown) if unknown else self.fate(mutant, EQUIVALENT, by=same)

    def _longer(self, mutant: Mutant, configurations: Sequence[str]) -> Fate | None:
        """A kill of a mutant that breaks claims on the slice, and at full width by none of the runs that it shows: Z3 is asked for longer ones."""
        for configuration in configurations:
            base = self.base(configuration)
            system, properties = base.mutated(self.differing(mutant, base))
            reached = explore(Slice(system, list(properties.values())))
            wrong = {name: hits[0].depth for name in properties if (hits := reached.violated[name])}
            solver = Solver(None, EACH)  # one claim may be hard, and the next one easy
            for length in range(LONGEST + 1):
                for name in [name for name, depth in wrong.items() if depth <= length]:
                    if solver.spent < LONG and (trace := bounded_run(system, properties[name], length, solver)) is not None:
                        return self._killed(mutant, configuration, Killed(name, trace))
        return None

    def _relations(self, mutant: Mutant) -> Fate | None:
        """Relations between two configurations that the design satisfies and the mutant does not."""
        for claim in self.claims:
            if claim.kind != "relation" or not {claim.left, claim.right} <= set(self.design.settings):
                continue
            if claim.name not in self._related:
                self._related[claim.name] = isinstance(related(claim, self._side(claim.left, None), self._side(claim.right, None)), Proved)
            if self._related[claim.name]:
                verdict = related(claim, self._side(claim.left, mutant), self._side(claim.right, mutant))
                if isinstance(verdict, Refuted):
                    where = f"{claim.left}~{claim.right}"
                    return replace(self.fate(mutant, KILLED, by=claim.name), steps=verdict.trace.length, configuration=where, run=verdict.trace)
        return None

    @cached_property
    def _related(self) -> dict[str, bool]:
        """Relations by name: whether the design satisfies them."""
        return {}

    def _side(self, configuration: str, mutant: Mutant | None) -> System:
        system = build(self.design, configuration)
        actions = {**self.workshop.right, **(mutant.actions if mutant else {})}
        return with_actions(system, {name: self.workshop.specialise(action, system) for name, action in actions.items()})


def exactly(base: Baseline, actions: Mapping[str, Action]) -> tuple[tuple[str, Trace | None] | None, set[str]]:
    """A full exploration of a mutant: a claim that held of the design and is violated, or became vacuous; and which actions happen."""
    system, properties = base.mutated(actions)
    goals = base.reachability(system)
    slice_ = Slice(system, [*properties.values(), *(never(goal) for goal in goals.values())])
    reached = explore(slice_)
    violated = sorted((hits[0].depth, name) for name in properties if (hits := reached.violated[name]))
    for _, name in violated:
        paths = list({tuple(reached.path(slice_, hit)): None for hit in reached.violated[name]})[:TRIES]
        for path in paths:
            if (trace := run_of(system, properties[name], path, base.solver)) is not None:
                return (name, trace), reached.fired
    for name, prop in properties.items():
        if prop.happens is not None and not reached.happens[name] and name not in base.silent:
            return (f"{name} (vacuous)", None), reached.fired
    for name in goals:
        if not reached.violated[name] and name in base.reachable:
            return (name, None), reached.fired
    return None, reached.fired


def related(claim: Claim, left: System, right: System, *, seconds: float | None = None) -> Verdict | None:
    """The verdict on a relation between two systems; None where they cannot express it.

    By the slice and induction only: where a run of the slice is none at full width, no longer ones are searched for.
    """
    try:
        return relate(product(left, right, (claim.left, claim.right)), [claim], Solver(seconds), patience=0)[0][claim.name]
    except MissingView:
        return None


@dataclass(frozen=True)
class Chunk:
    """Mutants that are decided one after the other by one worker: what it takes to build them again."""

    request: Request
    mutants: tuple[tuple[str, Places], ...]
    timeout: float | None


@dataclass(frozen=True)
class Outcome:
    """Every mutant's fate, in order. After Ctrl-C those that were not decided are unknown."""

    fates: list[Fate]
    interrupted: bool = False


@lru_cache(maxsize=1)
def _campaign(request: Request) -> Campaign:
    """In a worker process the campaign whose chunks come in."""
    return Campaign.of(request)


def work(chunk: Chunk, known: Library, emit: Callable[[Any], None]) -> None:
    """Decides the mutants of a chunk. Those that no run kills at once are compared with the design together."""
    campaign = _campaign(chunk.request)
    left: list[Mutant] = []
    for name, places in chunk.mutants:
        mutant = built(campaign.workshop, name, places)
        if mutant is not None:
            fate = campaign.strike(mutant)
            if fate is None:
                left.append(mutant)
            else:
                emit(fate)
    open_: list[Mutant] = []
    for mutant, fate in zip(left, campaign.compare(left), strict=True):
        if fate is None:
            open_.append(mutant)
        else:
            emit(fate)
    for mutant in open_:
        emit(campaign.settle(mutant))


def run(request: Request, jobs: int | None = 1, on_fate: Callable[[int, int, Fate], None] = lambda done, all_, fate: None) -> Outcome:
    """Decides every mutant, over `jobs` processes. `on_fate` is called with how many are decided, of how many, as they come."""
    known = library(request.files)
    everything = Campaign.of(request).all()
    fates: dict[str, Fate] = {}

    def keep(_: int, fate: Any) -> None:
        fates[fate.id] = fate
        on_fate(len(fates), len(everything), fate)

    chunks = [
        Chunk(request, tuple((one.id, one.changes) for one in some), request.timeout and request.timeout * len(some))
        for some in (everything[begin : begin + CHUNK] for begin in range(0, len(everything), CHUNK))
    ]
    done = workers.run(cast(Any, chunks), known, jobs=jobs, on_answer=keep, work=cast(Any, work))
    if done.error:
        raise ModelError(done.error)
    why = {name: ended for chunk, ended in zip(chunks, done.ended, strict=True) for name, _ in chunk.mutants}
    waiting = "interrupted" if done.interrupted else "the engine gave no answer"
    rest = {one.id: Campaign.fate(one, UNKNOWN, by=why[one.id] or waiting) for one in everything if one.id not in fates}
    return Outcome([fates.get(one.id) or rest[one.id] for one in everything], done.interrupted)


__all__ = ["Campaign", "Fate", "Outcome", "Request", "exactly", "related", "run", "run_of"]
