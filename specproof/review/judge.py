"""A run of both designs followed on each side by itself, on integers: what was seen of either, and that it really differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from specproof.claims import Views
from specproof.graph import is_value
from specproof.lift import Disagreement
from specproof.observable import Observable
from specproof.readings.integers import evaluate
from specproof.registers import Registers
from specproof.review.lockstep import NAMES, Lockstep
from specproof.review.result import Behaviour, Moment, Told
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import Term, variable
from specproof.trace import Step, Trace, take
from specproof.verdict import Refuted, Result, Verdict

#: The sentence about what can happen next, which is no view.
COURSE_SENTENCE = "what can happen next"


@dataclass(frozen=True)
class Judge:
    """Follows a run of the pair on each side by itself, on integers."""

    old: System
    new: System
    pair: Lockstep
    table: Mapping[str, Observable]

    def told(self, name: str, verdict: Verdict) -> Behaviour:
        """The answer about an observable; a run that does not show what it should raises Disagreement."""
        one = self.table.get(name)
        result = Result(self.pair.system.design, self.new.configuration, name, "relation", verdict)
        plain = Behaviour(name, one.sentence if one else COURSE_SENTENCE, self.new.configuration, result)
        if not isinstance(verdict, Refuted):
            return plain
        followed = [self.follow(side, verdict.trace.initial, verdict.trace.steps) for side in (0, 1)]
        runs, went = [states for states, _ in followed], [taken for _, taken in followed]
        shown = [self.terms(side, one) for side in (0, 1)]
        registers = [Registers(system) for system in (self.old, self.new)]
        seen = [[self._seen(registers[side], shown[side], state) for state in runs[side]] for side in (0, 1)]
        if one is not None and not self.apart(one, (runs[0][-1], runs[1][-1]), shown):
            raise Disagreement(f"{name}: the run does not show a difference on integers")
        moments = []
        for number, step in enumerate(verdict.trace.steps, 1):
            both = {side: registers[side].system.actions[step.action].inputs for side in (0, 1)}
            inputs = tuple((key, registers[0 if key in both[0] else 1].input(step, key, value)) for key, value in step.inputs.items())
            doc = " ".join(step.doc.split("\n\n")[0].split())
            moments.append(Moment(step.action, step.by, doc, inputs, seen[0][number], seen[1][number]))
        start = tuple((path, registers[1].field(path, value)) for path, value in runs[1][0].items() if value)
        last = [self._last(side, one, dict(seen[side][-1]), runs) for side in (0, 1)]
        if moments and went[0][-1] != went[1][-1]:  # what differs is that it happens at all
            possible = [(("can be taken", "true" if taken[-1] else "false"),) for taken in went]
            moments[-1] = replace(moments[-1], old=(*possible[0], *moments[-1].old), new=(*possible[1], *moments[-1].new))
            last = ["possible" if taken[-1] else "impossible" for taken in went] if one is None else last
        starts = runs[0][0], runs[1][0]
        return replace(plain, before=last[0], after=last[1], start=start, moments=tuple(moments), starts=starts)

    def _last(self, side: int, one: Observable | None, seen: Mapping[str, str], runs: Sequence[Sequence[Mapping[str, int]]]) -> str:
        if one is not None:
            return seen[one.view]
        differ = [path for path in sorted(self.pair.control) if runs[0][-1][path] != runs[1][-1][path]]
        return ", ".join(f"{path} {'true' if runs[side][-1][path] else 'false'}" for path in differ)

    def follow(self, side: int, initial: Mapping[str, int], steps: Sequence[Step]) -> tuple[list[dict[str, int]], list[bool]]:
        """Every state of one side, and for each step whether it takes it; where it does not, it stays."""
        system = (self.old, self.new)[side]
        start = self._completed(system, self.pair.of_side(side, initial))
        if start is None:
            raise Disagreement(f"{system.design}: a run of both does not start on one side")
        state = {**dict.fromkeys(system.fields, 0), **{path: int(term.data) for path, term in system.constants.items()}}
        states, went = [{**state, **start}], []
        for step in steps:
            taken = take(system, states[-1], step.action, step.inputs)
            states.append(taken if taken is not None else {**states[-1], **dict.fromkeys(_observed(system), 0)})
            went.append(taken is not None)
        return states, went

    def start(self, values: Mapping[str, int]) -> dict[str, int] | None:
        """A start of both, with these values of one side's fields on both sides, or None where there is none."""
        variables = self.pair.system.variables
        sides = [f"{name}." for name in NAMES]
        plain = {path: next((path.removeprefix(side) for side in sides if path.startswith(side)), path) for path in variables}
        return self._completed(self.pair.system, {path: values[plain[path]] for path in variables if plain[path] in values})

    def _completed(self, system: System, known: Mapping[str, int]) -> dict[str, int] | None:
        """A start with these values of a system's fields, the others as in the last one where that will do; None where there is none."""
        start = {**self._started.get(id(system), dict.fromkeys(system.variables, 0)), **known}
        if not evaluate(system.starts, start):
            answer = self._solver.ask([system.starts, *(is_value(system.variables[path], value) for path, value in known.items())])
            if answer.word != "sat":
                return None
            start = {path: known.get(path, answer.values.get(path, 0)) for path in system.variables}
        self._started[id(system)] = start
        return start

    @cached_property
    def _started(self) -> dict[int, dict[str, int]]:
        return {}

    @cached_property
    def _solver(self) -> Solver:
        return Solver()

    def apart(self, one: Observable, states: Sequence[Mapping[str, int]], terms: Sequence[Mapping[str, Term]]) -> bool:
        """Whether a state of each side shows the observable, whose views the `terms` are, and not the same."""
        sides = [{view: evaluate(terms[side][view], state) for view in one.views} for side, state in enumerate(states)]
        return all(_visible(one, values) for values in sides) and sides[0][one.view] != sides[1][one.view]

    def terms(self, side: int, one: Observable | None) -> dict[str, Term]:
        """On one side, the views in which a run is told: the observable's first, then what else can be seen."""
        system = (self.old, self.new)[side]
        names = [*(one.views[::-1] if one else ()), *(view for other in self.table.values() for view in other.views)]
        views = Views(system, {path: variable(path, declared.width) for path, declared in system.fields.items()})
        return {name: getattr(views, name) for name in dict.fromkeys(names)}

    def _seen(self, registers: Registers, terms: Mapping[str, Term], state: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
        """What can be seen in a state, as text."""
        values = {view: evaluate(term, state) for view, term in terms.items()}
        visible = {one.view for one in self.table.values() if _visible(one, values)}
        return tuple((view, registers.term(term, values[view])) for view, term in terms.items() if view in visible)


def along(judge: Judge, names: Sequence[str], runs: Sequence[Told], said: str = "the run that breaks {}") -> dict[str, Verdict]:
    """For the named observables the earliest difference in any of the runs, each fed to both sides, as far as both take it; where the run shows
    it with fewer bits too, with these. `said`: which run that is, with its claim put in."""
    terms = [{name: judge.terms(side, judge.table[name]) for name in names if name in judge.table} for side in (0, 1)]
    found: dict[str, Refuted] = {}
    for run in sorted(runs, key=lambda run: run.raw.length):
        left = [name for name in terms[0] if name not in found]
        if not left:
            break
        shown = _shown(judge, left, run.raw, terms, said)
        if shown:
            found |= shown | _shown(judge, list(shown), run.trace, terms, said)
    return dict(found)


def _shown(judge: Judge, names: Sequence[str], run: Trace, terms: Sequence[Mapping[str, Mapping[str, Term]]], said: str) -> dict[str, Refuted]:
    """Which of the observables differ in a run, and when first."""
    steps = tuple(takewhile(lambda step: step.action in judge.pair.system.actions, run.steps))
    initial = judge.start(run.initial)
    if initial is None:
        return {}
    found: dict[str, Refuted] = {}
    sides = [judge.follow(side, initial, steps) for side in (0, 1)]
    for number, (left, right) in enumerate(zip(sides[0][0], sides[1][0], strict=True)):
        for name in names:
            if name not in found and judge.apart(judge.table[name], (left, right), (terms[0][name], terms[1][name])):
                trace = Trace(judge.pair.system.design, judge.pair.system.configuration, name, initial, steps[:number])
                found[name] = Refuted(f"{said.format(run.claim)}, replayed on integers on both sides", trace, shortest=False)
        if number < len(steps) and not (sides[0][1][number] and sides[1][1][number]):
            break
    return found


def _visible(one: Observable, values: Mapping[str, int]) -> bool:
    return all(bool(values[flag.removeprefix("~")]) != flag.startswith("~") for flag in one.when)


def _observed(system: System) -> list[str]:
    return [path for path, declared in system.fields.items() if declared.observed]
