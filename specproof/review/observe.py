"""Which behaviours appear and which disappear: both designs fed the same inputs, and what can be seen of each.

For each observable the answer is a proof that it is never the first to differ, or a shortest run of both after
which it does, and nothing did before. Where the designs do not have the same actions, or an action does not have the same inputs, runs of the common
actions are compared, and each side's own inputs are chosen freely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import cast

from specproof.claims import MissingView, Property, Views
from specproof.decide import Decision
from specproof.explore import Reached, explore
from specproof.graph import substitute
from specproof.lemmas import Certificate
from specproof.lift import Disagreement
from specproof.observable import Observable
from specproof.readings.integers import evaluate
from specproof.registers import Registers
from specproof.review.lockstep import COURSE, Difference, Lockstep, lockstep, nothing
from specproof.review.result import SEARCHED, Behaviour, Moment
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import Bool, Term, Word, choose, conj, disj, variable
from specproof.trace import Trace, take
from specproof.verdict import Refuted, Result, Unknown, Verdict

#: Seconds for each question where the slice has no answer; the shortest run, not the proof, is what a reviewer waits for.
PATIENCE = 3.0

#: Bits of a slice state up to which everything is proved in any case: it takes no time.
SMALL = 32

#: The sentence about what can happen next, which is no view.
_COURSE = "what can happen next"


@cache
def shipped() -> tuple[Observable, ...]:
    """The table that ships."""
    return tuple(import_module("specproof.proofs.observables").OBSERVABLES)


def offered(old: System, new: System) -> list[Observable]:
    """The observables of two systems: those of the table that both offer, else every view that both have."""
    both = (old.views - set(old.lacking)) & (new.views - set(new.lacking))
    found = [one for one in shipped() if both >= set(one.views)]
    return found or [Observable(view.replace("_", "-"), view, f"the view {view}") for view in sorted(both)]


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
    """Looks for differences; where there is one, runs of about twice its length are searched for the others, and nothing is proved.

    Where there is none, everything is explored and proved; `exhaustive` does both in any case, and so does a
    slice that is `SMALL`.
    """

    exhaustive = False
    length = 0

    def _explore(self) -> tuple[Slice, Reached]:
        slice_ = Slice(self.system, list(self.properties.values()))
        self.exhaustive = self.exhaustive or slice_.layout.width <= SMALL
        return slice_, explore(slice_, stop=None if self.exhaustive else self._enough)

    def _enough(self, reached: Reached) -> bool:
        """After each level, whether runs are long enough."""
        first = [hits[0].depth for hits in reached.violated.values() if hits]
        self.length += 1
        return bool(first) and self.length > max(2 * min(first), min(first) + 4)

    def _prove(self, slice_: Slice, reached: Reached, proving: Mapping[str, Property], witnesses: Mapping[str, Trace | None]) -> Certificate | None:
        if self.exhaustive or not any(reached.violated.values()):
            return super()._prove(slice_, reached, proving, witnesses)
        for name in proving:
            self.report(name, Unknown(SEARCHED, f"not found to be the first to differ in runs of up to {self.length - 1} steps"))
        return None


def behaviours(
    old: System, new: System, timeout: float | None, only: Sequence[str] = (), exhaustive: bool = False
) -> list[Behaviour]:
    """Every observable (or `only` some) of two systems with the same actions that are fed the same inputs."""
    table = {one.name: one for one in offered(old, new) if _readable(one, old, new) and (not only or one.name in only)}
    if not table:
        return []
    wanted = list(dict.fromkeys(view for one in table.values() for view in one.views))
    differences = {name: difference(one) for name, one in table.items()}
    pair = lockstep(old, new, differences, wanted)
    if Solver(timeout).ask([pair.system.starts]).word == "unsat":
        pair = lockstep(old, new, differences, wanted, loose=True)
        if Solver(timeout).ask([pair.system.starts]).word == "unsat":
            why = Unknown("none", "the two designs start in states in which different things can happen next")
            results = {name: Result(new.design, new.configuration, name, "relation", why) for name in table}
            return [Behaviour(name, one.sentence, new.configuration, results[name]) for name, one in table.items()]
    judge = _Judge(old, new, pair, table)
    verdicts: dict[str, Verdict] = _at_once(pair, timeout)
    asked = {name: pair.never(name) for name in (*table, COURSE) if name not in verdicts}

    def report(name: str, verdict: Verdict) -> None:
        verdicts[name] = verdict

    try:
        search = _Search(pair.system, asked, dict.fromkeys(asked, "relation"), Solver(timeout or PATIENCE), report)
        search.exhaustive = exhaustive or bool(verdicts)
        search.run()
    except Disagreement as reason:
        method = "one-bit slice of both, Z3 at full width"
        verdicts |= {name: Unknown(method, f"what the slice shows is not what Z3 accepts: {reason}") for name in asked if name not in verdicts}
    return [judge.told(name, verdicts[name]) for name in (*table, COURSE) if name in verdicts]


def _readable(one: Observable, old: System, new: System) -> bool:
    try:
        return all(Views(system, system.state()).__getattr__(view) is not None for system in (old, new) for view in one.views)
    except MissingView:
        return False


def _at_once(pair: Lockstep, timeout: float | None) -> dict[str, Verdict]:
    """What can differ before any step."""
    solver = Solver(timeout)
    if solver.ask([pair.system.starts, disj(~nothing(term) for term in pair.first.values())]).word == "unsat":
        return {}
    found: dict[str, Verdict] = {}
    for name, term in pair.first.items():
        answer = solver.ask([pair.system.starts, ~nothing(term)])
        if answer.word == "sat":
            initial = {path: answer.values.get(path, 0) for path in pair.system.variables}
            found[name] = Refuted("Z3 at full width, replayed on integers", Trace(pair.system.design, pair.system.configuration, name, initial, ()))
    return found


@dataclass(frozen=True)
class _Judge:
    """Follows a run of the pair on each side by itself, on integers."""

    old: System
    new: System
    pair: Lockstep
    table: Mapping[str, Observable]

    def told(self, name: str, verdict: Verdict) -> Behaviour:
        """The answer about an observable; a run that does not show what it should raises Disagreement."""
        one = self.table.get(name)
        result = Result(self.pair.system.design, self.new.configuration, name, "relation", verdict)
        plain = Behaviour(name, one.sentence if one else _COURSE, self.new.configuration, result)
        if not isinstance(verdict, Refuted):
            return plain
        runs = [self._side(side, verdict.trace) for side in (0, 1)]
        shown = [self._terms(side, one) for side in (0, 1)]
        registers = [Registers(system) for system in (self.old, self.new)]
        seen = [[self._seen(registers[side], shown[side], state) for state in runs[side]] for side in (0, 1)]
        self._confirm(name, one, runs)
        moments = []
        for number, step in enumerate(verdict.trace.steps, 1):
            both = {side: registers[side].system.actions[step.action].inputs for side in (0, 1)}
            inputs = tuple((key, registers[0 if key in both[0] else 1].input(step, key, value)) for key, value in step.inputs.items())
            doc = " ".join(step.doc.split("\n\n")[0].split())
            moments.append(Moment(step.action, step.by, doc, inputs, seen[0][number], seen[1][number]))
        start = tuple((path, registers[1].field(path, value)) for path, value in runs[1][0].items() if value)
        last = [self._last(side, one, dict(seen[side][-1]), runs) for side in (0, 1)]
        return replace(plain, before=last[0], after=last[1], start=start, moments=tuple(moments))

    def _last(self, side: int, one: Observable | None, seen: Mapping[str, str], runs: Sequence[Sequence[Mapping[str, int]]]) -> str:
        if one is not None:
            return seen[one.view]
        differ = [path for path in sorted(self.pair.control) if runs[0][-1][path] != runs[1][-1][path]]
        return ", ".join(f"{path} {'true' if runs[side][-1][path] else 'false'}" for path in differ)

    def _side(self, side: int, trace: Trace) -> list[dict[str, int]]:
        """Every state of one side; where it does not take an action, it stays."""
        system = (self.old, self.new)[side]
        fixed = self.pair.of_side(side, trace.initial)
        known = [_is(system.variables[path], value) for path, value in fixed.items()]
        answer = Solver().ask([system.starts, *known])
        if answer.word != "sat":
            raise Disagreement(f"{system.design}: a run of both does not start on one side")
        state = {**dict.fromkeys(system.fields, 0), **{path: int(term.data) for path, term in system.constants.items()}}
        state |= {path: fixed.get(path, answer.values.get(path, 0)) for path in system.variables}
        states = [state]
        for step in trace.steps:
            taken = take(system, states[-1], step.action, step.inputs)
            states.append(taken if taken is not None else {**states[-1], **dict.fromkeys(_observed(system), 0)})
        return states

    def _terms(self, side: int, one: Observable | None) -> dict[str, Term]:
        """The views in which a run is told: the observable's first, then what else can be seen."""
        system = (self.old, self.new)[side]
        names = [*(one.views[::-1] if one else ()), *(view for other in self.table.values() for view in other.views)]
        views = Views(system, {path: variable(path, declared.width) for path, declared in system.fields.items()})
        return {name: getattr(views, name) for name in dict.fromkeys(names)}

    def _seen(self, registers: Registers, terms: Mapping[str, Term], state: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
        """What can be seen in a state, as text."""
        values = {view: evaluate(term, state) for view, term in terms.items()}
        visible = {one.view for one in self.table.values() if _visible(one, values)}
        return tuple((view, registers.term(term, values[view])) for view, term in terms.items() if view in visible)

    def _confirm(self, name: str, one: Observable | None, runs: Sequence[Sequence[Mapping[str, int]]]) -> None:
        if one is None:
            return
        sides = []
        for side in (0, 1):
            terms, state = self._terms(side, one), runs[side][-1]
            sides.append({view: evaluate(term, state) for view, term in terms.items()})
        if not all(_visible(one, side) for side in sides) or sides[0][one.view] == sides[1][one.view]:
            raise Disagreement(f"{name}: the run does not show a difference on integers")


def _visible(one: Observable, values: Mapping[str, int]) -> bool:
    return all(bool(values[flag.removeprefix("~")]) != flag.startswith("~") for flag in one.when)


def _is(term: Term, value: int) -> Bool:
    return cast(Word, term) == value if term.width else cast(Bool, term) == bool(value)


def _observed(system: System) -> list[str]:
    return [path for path, declared in system.fields.items() if declared.observed]
