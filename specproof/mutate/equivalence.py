"""Whether a mutant that survived is the design again: shown by the engine, not by hand.

First: in every reachable state of the design the wrong action does what the right one does, so both have the
same runs. Many mutants are asked about together. Then, for those that do differ in some state: the design and
the mutant side by side, fed the same inputs, and every view of one equal to that of the other after every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from specproof.certify import accept
from specproof.claims import Claim, Property
from specproof.decision import Decision
from specproof.explore import explore
from specproof.graph import substitute
from specproof.layout import TooLarge
from specproof.lemmas import discover
from specproof.mutate.baseline import run_of
from specproof.product import SHARING, merge, product
from specproof.readings.integers import evaluate
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import TRUE, Bool, Term, choose, conj, variable
from specproof.trace import Trace, replay, take
from specproof.verdict import Proved, Refuted, Verdict

#: How many mutants are asked about together, and what tells a probe's name from an action's.
BATCH, PROBE = 60, "probe "


@dataclass(frozen=True)
class Same:
    """The mutant has the views of the design, and how that was shown."""

    how: str


@dataclass(frozen=True)
class View:
    """A view by name, with its values in the design and in the mutant after the same steps."""

    name: str
    design: str
    mutant: str


@dataclass(frozen=True)
class Differs:
    """A run after which a view of the mutant is not that of the design, and the views."""

    trace: Trace
    views: tuple[View, ...]


@dataclass(frozen=True)
class Open:
    """Neither was shown."""

    reason: str


Comparison = Same | Differs | Open


def alike(system: System, mutants: Sequence[Mapping[str, Action]], seconds: float | None = None) -> list[bool]:
    """For each mutant whether its actions do in every reachable state of the system what the system's own do."""
    found: list[bool] = []
    for begin in range(0, len(mutants), BATCH):
        batch = [_same_steps(f"mutant {begin + place}", system, actions) for place, actions in enumerate(mutants[begin : begin + BATCH])]
        found += _hold(system, batch, seconds)
    return found


def _same_steps(name: str, system: System, actions: Mapping[str, Action]) -> Property:
    return Property(name, None, {action: _same_step(system, system.actions[action], wrong) for action, wrong in actions.items()})


def _same_step(system: System, right: Action, wrong: Action) -> Bool:
    """Both do the same to every field, and report the same. The step is one of the right action, or would be one of the wrong."""
    parts: list[Bool] = []
    for path in {**right.next, **wrong.next}:
        old = system.variables[path]
        parts.append(_equal(choose(right.enabled, right.next.get(path, old), old), choose(wrong.enabled, wrong.next.get(path, old), old)))
    for path in {**right.observed, **wrong.observed}:
        zero = system.state()[path]
        parts.append(_equal(choose(right.enabled, right.observed.get(path, zero), zero), choose(wrong.enabled, wrong.observed.get(path, zero), zero)))
    return conj(parts)


def negated(system: System, actions: Mapping[str, Action], solver: Solver) -> bool:
    """Whether each action is the system's own but for a truth value that the actor is free to choose, taken for its opposite: the same runs."""

    def swapped(name: str, wrong: Action) -> bool:
        free = [cast(Bool, term) for term in wrong.inputs.values() if not term.width]
        return any(solver.ask([~_same_step(system, system.actions[name], _with(wrong, term, ~term))]).word == "unsat" for term in free)

    return all(swapped(name, wrong) for name, wrong in actions.items())


def _with(action: Action, term: Term, other: Term) -> Action:
    """An action that reads another term in place of one of its inputs."""
    guard, *rest = substitute([action.guard, *action.assumed.values(), *action.next.values(), *action.observed.values()], {term: other})
    new = iter(rest)
    assumed = {name: cast(Bool, next(new)) for name in action.assumed}
    next_ = {path: next(new) for path in action.next}
    return replace(action, guard=cast(Bool, guard), assumed=assumed, next=next_, observed={path: next(new) for path in action.observed})


def under(system: System, lemmas: Sequence[Bool], actions: Mapping[str, Action], solver: Solver) -> bool:
    """Whether Z3 finds that these actions do what the system's own do, at full width, wherever the lemmas hold.

    It sees what no slice does: that a word is or is not a certain constant.
    """
    goals = (_same_step(system, system.actions[name], wrong) for name, wrong in actions.items())
    return all(solver.ask([*lemmas, ~goal]).word == "unsat" for goal in goals)


def _equal(a: Term, b: Term) -> Bool:
    return TRUE if a is b else cast(Bool, a == b)


def _probed(system: System, properties: Sequence[Property]) -> tuple[System, list[Property]]:
    """The system with an action that does nothing for each of its actions, and the properties asked of these, whatever is enabled."""
    asked: list[Property] = []
    probes: dict[str, Action] = {}
    for prop in properties:
        for name in prop.steps:
            probes[PROBE + name] = replace(system.actions[name], name=PROBE + name, guard=TRUE, assumed={}, next={}, observed={})
        asked.append(replace(prop, steps={PROBE + name: term for name, term in prop.steps.items()}))
    return replace(system, actions={**system.actions, **probes}), asked


def _hold(system: System, properties: Sequence[Property], seconds: float | None) -> list[bool]:
    """Which of these truths about every state and all inputs hold of the system; proved at full width."""
    whole, asked = _probed(system, properties)
    try:
        slice_ = Slice(whole, asked)
        reached = explore(slice_)
    except TooLarge:
        return [False] * len(asked)
    proving = {prop.claim: prop for prop in asked if not reached.violated[prop.claim]}
    if not proving:
        return [False] * len(asked)
    certificate = discover(slice_, reached, list(proving.values()))
    rejected = accept(whole, certificate, proving, Solver(seconds))
    return [prop.claim in proving and not rejected for prop in asked]


def at_once(system: System, actions: Mapping[str, Action], seconds: float | None = None) -> Comparison:
    """Looks for a reachable state in which one step of the wrong action shows in a view; replays it on both."""
    mutant = replace(system, actions={**system.actions, **actions})
    views = sorted(system.views)
    whole, (asked,) = _probed(system, [Property("same-views", None, {name: _same_views(system, mutant, name, views) for name in actions})])
    try:
        slice_ = Slice(whole, [asked])
        reached = explore(slice_, stop=lambda reached: bool(reached.violated[asked.claim]))
    except TooLarge as reason:
        return Open(str(reason))
    solver = Solver(seconds)
    for path in {tuple(reached.path(slice_, hit)): None for hit in reached.violated[asked.claim]}:
        trace = run_of(whole, asked, path, solver)
        if trace is not None and (found := _shown(system, mutant, trace, views)) is not None:
            return found
    return Open("no state was found in which one step makes a view differ")


def _same_views(system: System, mutant: System, name: str, views: Sequence[str]) -> Bool:
    sides = []
    for one in (system, mutant):
        action = one.actions[name]
        now = one.state()
        after = {path: choose(action.enabled, term, now[path]) for path, term in {**action.next, **action.observed}.items()}
        state = one.state(after)
        sides.append([one.view(view, state) for view in views])
    return conj(_equal(a, b) for a, b in zip(*sides, strict=True))


def _shown(system: System, mutant: System, trace: Trace, views: Sequence[str]) -> Differs | None:
    """The run on both systems; a step that one of them does not take leaves it where it is."""
    states = [{path: trace.initial[path] for path in one.fields} for one in (system, mutant)]
    for number, step in enumerate(trace.steps):
        name = step.action.removeprefix(PROBE)
        states = [_taken(one, state, name, step.inputs) for one, state in zip((system, mutant), states, strict=True)]
        values = [(view, *(_value(one, view, state) for one, state in zip((system, mutant), states, strict=True))) for view in views]
        different = tuple(View(*one) for one in values if one[1] != one[2])
        if different:
            steps = [(one.action.removeprefix(PROBE), one.inputs) for one in trace.steps[: number + 1]]
            run = replay(mutant, trace.claim, {path: trace.initial[path] for path in mutant.variables}, steps[:-1])
            return None if run is None else Differs(replace(run, steps=(*run.steps, replace(step, action=name, changed={}))), different)
    return None


def _taken(system: System, state: dict[str, int], name: str, inputs: Mapping[str, int]) -> dict[str, int]:
    return take(system, state, name, inputs) or {**state, **{path: 0 for path, declared in system.fields.items() if declared.observed}}


def _value(system: System, view: str, state: Mapping[str, int]) -> str:
    probe = {path: variable(path, declared.width) for path, declared in system.fields.items() if declared.observed}
    term = system.view(view, system.state(probe))
    value = evaluate(term, state)
    return f"{value:#x}" if term.width else str(bool(value)).lower()


def side_by_side(system: System, actions: Mapping[str, Action], seconds: float | None = None, patience: float = 0) -> Comparison:
    """The system and the mutant fed the same inputs: every view of one is that of the other, in every state and after every step.

    `patience`: seconds for what the slice leaves open.
    """
    mutant = replace(system, actions={**system.actions, **actions})
    views = sorted(system.views)

    def same(a: Any, b: Any) -> Bool:
        return conj(_equal(getattr(a, view), getattr(b, view)) for view in views)

    claim = Claim("same-views", "", "relation", same, "design", "mutant")
    pair = merge(product(system, mutant, ("design", "mutant")), lambda pair: [pair.instantiate(claim)])
    prop = pair.instantiate(claim)
    found: list[Verdict] = []
    decision = Decision(pair.system, {claim.name: prop}, {claim.name: "relation"}, Solver(seconds), lambda _, verdict: found.append(verdict))
    decision.along[SHARING], decision.patience = pair.sharing(), patience
    decision.run()
    verdict = found[0]
    if isinstance(verdict, Proved):
        return Same(verdict.method)
    if isinstance(verdict, Refuted):
        trace = verdict.trace
        initial = {path: trace.initial[path if path in trace.initial else f"design.{path}"] for path in system.fields if path in system.variables}
        whole = {**dict.fromkeys(system.fields, 0), **{path: int(term.data) for path, term in system.constants.items()}, **initial}
        shown = _shown(system, mutant, replace(trace, initial=whole), views)
        return shown or Differs(trace, ())
    return Open(getattr(verdict, "reason", "").split("; nothing else answered")[0])  # nothing else was asked
