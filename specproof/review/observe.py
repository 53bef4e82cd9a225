"""Which behaviours appear and which disappear: both designs fed the same inputs, and what can be seen of each.

For each observable the answer is a proof that it is never the first to differ, or a shortest run of both after
which it does, and nothing did before. Where the designs do not have the same actions, or an action does not have the same inputs, runs of the common
actions are compared, and each side's own inputs are chosen freely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from specproof.claims import MissingView, Property, Views
from specproof.concrete import Concrete
from specproof.decision import Decision
from specproof.explore import Reached, explore
from specproof.graph import substitute
from specproof.layout import TooLarge
from specproof.lemmas import Certificate
from specproof.lift import Disagreement
from specproof.observable import Observable
from specproof.review.judge import Judge, along
from specproof.review.lockstep import AS_SAID, COURSE, LOOSE, TOGETHER, Difference, Lockstep, lockstep, nothing
from specproof.review.offered import demands, offered, width
from specproof.review.result import SEARCHED, Behaviour, Told
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import Bool, Term, choose, conj, disj, variable
from specproof.trace import Trace
from specproof.tracked import Tracked
from specproof.verdict import Proved, Refuted, Unknown, Verdict

#: Seconds of work for each question where the slice has no answer, and no time limit is set; the shortest run, not the proof, is what
#: a reviewer waits for. Of work, not of the clock: on a busy machine a review says the same.
PATIENCE = 3.0

#: Bits of a slice state up to which everything is proved in any case: it takes no time.
SMALL = 32

#: Steps beyond the first difference for which other differences are searched in all runs.
BEYOND = 1


def difference(one: Observable) -> Difference:
    """The bits in which an observable differs between two sides that both show it."""

    def differ(left: Views, right: Views) -> Term:
        seen = conj(_holds(side, name) for side in (left, right) for name in one.when)
        apart = getattr(left, one.view) ^ getattr(right, one.view)
        return cast(Term, choose(seen, apart, apart ^ apart))

    return differ


def _holds(views: Views, name: str) -> Bool:
    value = cast(Bool, getattr(views, name.removeprefix("~")))
    return ~value if name.startswith("~") else value


@dataclass(frozen=True)
class Common:
    """Two systems cut down to what can be fed the same inputs; `only` names what was cut, by side."""

    old: System
    new: System
    only: tuple[tuple[str, ...], tuple[str, ...]]


def common(old: System, new: System) -> Common:
    """The common actions; an input that one side alone has is free."""
    names = [name for name in old.actions if name in new.actions]
    left, right = {}, {}
    for name in names:
        left[name], right[name] = _padded(old.actions[name], new.actions[name])
    only = (tuple(name for name in old.actions if name not in left), tuple(name for name in new.actions if name not in left))
    return Common(replace(old, actions=left), replace(new, actions=right), only)


def _padded(old: Action, new: Action) -> tuple[Action, Action]:
    """The two with all inputs of both; one of another width keeps apart on the new side, under a name of its own."""
    apart = [key for key, term in new.inputs.items() if key in old.inputs and old.inputs[key].width != term.width]
    clashes = {key: variable(f"{new.name}:new {key}", new.inputs[key].width) for key in apart}
    if clashes:
        by: dict[Term, Term] = {new.inputs[key]: term for key, term in clashes.items()}
        terms = iter(substitute([new.guard, *new.assumed.values(), *new.next.values(), *new.observed.values()], by))
        new = replace(
            new, guard=cast(Bool, next(terms)), assumed={key: cast(Bool, next(terms)) for key in new.assumed},
            next={key: next(terms) for key in new.next}, observed={key: next(terms) for key in new.observed},
            inputs={f"new {key}" if key in clashes else key: clashes.get(key, term) for key, term in new.inputs.items()},
        )  # fmt: skip
    inputs = {**old.inputs, **new.inputs}
    return replace(old, inputs=inputs), replace(new, inputs=inputs)


class _Search(Decision):
    """Looks for differences; where there is one, the others are searched `BEYOND` it, and nothing is proved.

    Where there is none, everything is explored and proved; `exhaustive` does both in any case, and so does a
    slice that is `SMALL`. Not `proving`, it is enough that no run of the slice shows any, or none that can be followed.
    """

    divides = False  # of views that differ later it is said that they do not before
    proving = True
    whole = False
    ready: Slice | None = None
    exhaustive = False
    differs = False
    length = 0

    def _explore(self, properties: Mapping[str, Property]) -> tuple[Slice, Reached]:
        slice_ = self.ready or Slice(self.system, list(self.properties.values()))
        self.exhaustive = self.exhaustive or slice_.layout.width <= SMALL
        reached = explore(slice_, stop=None if self.exhaustive else self._enough)
        self.whole = reached.whole
        return slice_, reached

    def _enough(self, reached: Reached) -> bool:
        """After each level, whether runs are long enough."""
        first = [hits[0].depth for hits in reached.violated.values() if hits]
        self.length += 1
        return bool(first) and self.length > min(first) + BEYOND

    def _refuted(self, concrete: Concrete, name: str, prop: Property) -> bool:
        found = super()._refuted(concrete, name, prop)
        self.differs = self.differs or found
        return found

    def _prove(
        self, slice_: Slice, reached: Reached, proving: Mapping[str, Property], witnesses: Mapping[str, Trace | None], told: Tracked | None
    ) -> None:
        if self.proving and (self.exhaustive or not any(reached.violated.values())):
            super()._prove(slice_, reached, proving, witnesses, told)
        else:
            self._not_first(proving)

    def _fall_back(self, reasons: Mapping[str, str], certificate: Certificate | None) -> None:
        if self.whole and not self.proving:
            self._with_one_more()
            self._not_first(self.left)
        elif self.exhaustive or not self.length:
            super()._fall_back(reasons, certificate)
        else:
            self._not_first(reasons)

    def _not_first(self, names: Iterable[str]) -> None:
        """What was searched and not found; says nothing where no difference was found at all, and all runs are to be searched then, or a proof."""
        where = "in any run of the slice" if self.whole else f"in runs of up to {self.length - 1} steps"
        for name in names if self.differs or (self.whole and not self.proving) else ():
            self.report(name, Unknown(SEARCHED, f"not found to be the first to differ {where}"))


@dataclass(frozen=True)
class _Searched:
    """A pair that was searched, and what it says about its part of the observables."""

    judge: Judge
    verdicts: dict[str, Verdict]


def behaviours(
    old: System, new: System, timeout: float | None, only: Sequence[str] = (), exhaustive: bool = False, runs: Sequence[Told] = (),
    observables: Sequence[Observable] | None = None, proving: bool = True,
) -> list[Behaviour]:  # fmt: skip
    """Every observable (or `only` some), by default of those `offered`, of two systems with the same actions that are fed the same inputs.

    What the search does not find is looked for in `runs` of either system, fed to both. Not `proving`, of what does not differ it is said that
    no run of the slice, which has every run, shows that it does.
    """
    observables = offered(old, new) if observables is None else observables
    table = {one.name: one for one in observables if _readable(one, old, new) and (not only or one.name in only)}
    if not table:
        return []
    parts = _searched(old, new, table, timeout, exhaustive, proving)
    found: dict[str, Behaviour] = {}
    for part in parts:
        verdicts = part.verdicts | along(part.judge, [name for name, verdict in part.verdicts.items() if _open(verdict)], runs)
        for name, verdict in verdicts.items():
            one = part.judge.told(name, verdict)
            found[name] = min(found.get(name, one), one, key=_rank)
    return [found[name] for name in (*table, COURSE) if name in found]


def demand(old: System, new: System, timeout: float | None, seen: Sequence[Behaviour], exhaustive: bool = False) -> list[Behaviour]:
    """What is demanded of two systems that are fed the same inputs: where a run in which something else was `seen` to differ shows that it is
    another thing, that; else every demand is searched. Only a difference is told, so that there is none is proved only if `exhaustive`."""
    table = {one.name: one for one in demands(old, new) if _readable(one, old, new)}
    runs = [
        Told(Trace(old.design, old.configuration, one.name, one.starts[0], one.result.verdict.trace.steps), lambda run: run)
        for one in seen
        if one.starts is not None and isinstance(one.result.verdict, Refuted)
    ]
    if runs and table:
        judge = Judge(old, new, _paired(old, new, table, TOGETHER), table)
        shown = along(judge, list(table), runs, "the run that shows {}")
        if shown:
            return [judge.told(name, shown[name]) for name in table if name in shown]
    found = behaviours(old, new, timeout, exhaustive=exhaustive, observables=list(table.values()), proving=exhaustive)
    return [one for one in found if one.name != COURSE]


def _open(verdict: Verdict) -> bool:
    return isinstance(verdict, Unknown)


def _rank(one: Behaviour) -> tuple[bool, bool, int]:
    """Differences first, the shortest of them; then what is open."""
    verdict = one.result.verdict
    return not one.differs, one.same, verdict.trace.length if isinstance(verdict, Refuted) else 0


def _searched(
    old: System, new: System, table: Mapping[str, Observable], timeout: float | None, exhaustive: bool, proving: bool
) -> list[_Searched]:  # fmt: skip
    """The pair, searched for what differs first; where it does not fit, a pair for each half of the observables.

    Starts that both have come first. Where nothing differs from there, and the two do not start alike, each
    starts as it says itself.
    """
    solver = Solver(timeout)
    found: list[_Searched] = []
    for start in (TOGETHER, AS_SAID, LOOSE):
        pair = _paired(old, new, table, start)
        if solver.ask([pair.system.starts]).word == "unsat":
            continue
        systems = pair.system, replace(pair.system, couple=None)
        systems = systems if proving else systems[::-1]  # the one without what couples its tests has every run, and some that are none
        ready = _ready(pair, systems[0], table)
        if ready is None and found:
            return [replace(part, verdicts={name: _from_common_starts(one) for name, one in part.verdicts.items()}) for part in found]
        if ready is None and len(table) > 1:
            halves = list(table)[: len(table) // 2], list(table)[len(table) // 2 :]
            return [part for half in halves for part in _searched(old, new, {name: table[name] for name in half}, timeout, exhaustive, proving)]
        found = [_Searched(Judge(old, new, pair, table), _verdicts(pair, systems, [*table, COURSE], ready, solver, exhaustive, proving))]
        if start != TOGETHER or pair.alike or not all(isinstance(one, Proved if proving else Unknown) for one in found[0].verdicts.values()):
            break
    if found:
        return found
    why = Unknown("none", "the two designs start in states in which different things can happen next")
    return [_Searched(Judge(old, new, pair, table), dict.fromkeys(table, why))]


def _paired(old: System, new: System, table: Mapping[str, Observable], start: str) -> Lockstep:
    wanted = list(dict.fromkeys(view for one in table.values() for view in one.views))
    return lockstep(old, new, {name: difference(one) for name, one in table.items()}, wanted, start)


def _ready(pair: Lockstep, system: System, names: Iterable[str]) -> Slice | None:
    """The slice on which the named observables and the course are asked, or None where it does not fit."""
    try:
        return Slice(system, [pair.never(name) for name in (*names, COURSE)])
    except TooLarge:
        return None


def _from_common_starts(verdict: Verdict) -> Verdict:
    """A proof that speaks only of runs that start alike, where the designs do not, is none."""
    if isinstance(verdict, Proved):
        return Unknown(verdict.method, "never the first to differ from a start that both have; other starts make the pair too large")
    return verdict


def _verdicts(
    pair: Lockstep, systems: Sequence[System], names: Sequence[str], ready: Slice | None, solver: Solver, exhaustive: bool, proving: bool
) -> dict[str, Verdict]:  # fmt: skip
    """What differs at the start, and of the rest what the search says: of the first of the `systems`, whose slice is `ready`; of the next where
    Z3 does not accept its lemmas, or where it has runs that cannot be followed and nothing is to be proved.
    """
    found: dict[str, Verdict] = _at_once(pair, solver)
    ready, exhaustive = (None, True) if found else (ready, exhaustive)
    for system in systems:
        found = {name: one for name, one in found.items() if isinstance(one, Refuted)}
        asked = {name: pair.never(name) for name in names if name not in found}
        try:
            for whole in (exhaustive, True) if proving or system is systems[-1] else (exhaustive,):
                if set(asked) <= set(found):
                    break
                bounded = Solver(solver.seconds, None if solver.seconds else PATIENCE)
                search = _Search(system, asked, dict.fromkeys(asked, "relation"), bounded, found.__setitem__)
                search.proving, search.exhaustive, search.ready = proving, whole, ready if system is systems[0] else None
                search.run()
        except Disagreement as reason:
            method = "one-bit slice of both, Z3 at full width"
            found |= {name: Unknown(method, f"what the slice shows is not what Z3 accepts: {reason}") for name in asked if name not in found}
        else:
            if proving or any(isinstance(one, Refuted) for one in found.values()) or not search.spurious:
                break
    return found


def _readable(one: Observable, old: System, new: System) -> bool:
    try:
        return all(width(old, view) == width(new, view) for view in one.views)
    except MissingView:
        return False


def _at_once(pair: Lockstep, solver: Solver) -> dict[str, Verdict]:
    """What can differ before any step."""
    if solver.ask([pair.system.starts, disj(~nothing(term) for term in pair.first.values())]).word == "unsat":
        return {}
    found: dict[str, Verdict] = {}
    for name, term in pair.first.items():
        answer = solver.ask([pair.system.starts, ~nothing(term)])
        if answer.word == "sat":
            initial = {path: answer.values.get(path, 0) for path in pair.system.variables}
            found[name] = Refuted("Z3 at full width, replayed on integers", Trace(pair.system.design, pair.system.configuration, name, initial, ()))
    return found
