"""Runs: an initial state and steps, executed on integers by the term graph alone.

`replay` is the only judge of a counterexample: it takes actions and input values, computes every
state, and says whether the property really fails at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specproof.claims import Property
from specproof.errors import InputError, did_you_mean
from specproof.readings.integers import evaluate, evaluate_all
from specproof.system import Action, System

Values = Mapping[str, int]


@dataclass(frozen=True)
class Step:
    """One occurrence of an action: its inputs by name and the leaves that it changed or reported, by path."""

    action: str
    by: str
    source: str
    doc: str
    inputs: Values
    changed: Values


@dataclass(frozen=True)
class Trace:
    """A run that was replayed. `initial` has every leaf; `length` does not count step 0, which only initialises."""

    design: str
    configuration: str
    claim: str
    initial: Values
    steps: tuple[Step, ...]

    @property
    def length(self) -> int:
        return len(self.steps)

    def states(self) -> list[dict[str, int]]:
        """Every leaf's value initially and after each step."""
        found = [dict(self.initial)]
        for step in self.steps:
            found.append({**found[-1], **step.changed})
        return found


def initial_state(system: System, values: Values, known: Values | None = None) -> dict[str, int]:
    """Every leaf's value at the start; raises InputError where the run cannot start there.

    `known`: another state in which a run starts. Only what reads a value that differs is evaluated again.
    """
    if known is None:
        full = {path: int(term.data) for path, term in system.constants.items()}
        full |= {path: values.get(path, 0) for path in system.variables}
        full |= system.cleared
        starts = evaluate(system.starts, full)
    else:
        different = {path: value for path in system.variables if (value := values.get(path, 0)) != known[path]}
        if not different:
            return dict(known)
        full = {**known, **different}
        starts = all(evaluate(part, full) for part, reads in system.start_parts if not reads.isdisjoint(different))
    if not starts:
        raise InputError(f"{system.design}: no run starts in that state")
    return full


def take(system: System, state: Values, name: str, inputs: Values) -> dict[str, int] | None:
    """The state after an action, or None where its guard or an assumption forbids it."""
    if name not in system.actions:
        raise InputError(f"{system.design} has no action {name!r}; {did_you_mean(name, system.actions)}")
    action = system.actions[name]
    values = {**state, **_named(action, inputs)}
    if not evaluate(action.enabled, values):
        return None
    paths = [*action.next, *action.observed]
    new = evaluate_all([*action.next.values(), *action.observed.values()], values)
    return {**state, **system.cleared, **dict(zip(paths, new, strict=True))}


def _named(action: Action, inputs: Values) -> dict[str, int]:
    unknown = set(inputs) - set(action.inputs)
    if unknown:
        raise InputError(f"{action.name} has no input {sorted(unknown)[0]!r}; {did_you_mean(sorted(unknown)[0], action.inputs)}")
    return {str(term.data): inputs.get(name, 0) for name, term in action.inputs.items()}


def replay(system: System, claim: str, initial: Values, steps: Sequence[tuple[str, Values]], known: Trace | None = None) -> Trace | None:
    """The run of these steps from `initial`, or None where a step is not enabled or `initial` is no start.

    `known`: a run of the same system that was replayed before. What this run has in common with its beginning is not executed again.
    """
    try:
        state = initial_state(system, initial, known.initial if known is not None else None)
    except InputError:
        return None
    if known is not None and state == known.initial:
        first = known.initial
    else:
        first, known = dict(state), None
    done: list[Step] = []
    for number, (name, inputs) in enumerate(steps):
        if known is not None and number < len(known.steps) and _takes(known.steps[number], name, inputs):
            done.append(known.steps[number])
            state.update(known.steps[number].changed)
            continue
        known = None
        after = take(system, state, name, inputs)
        if after is None:
            return None
        action = system.actions[name]
        changed = {path: after[path] for path in (*action.next, *system.cleared) if after[path] != state[path]}
        full = {key: inputs.get(key, 0) for key in action.inputs}
        done.append(Step(name, action.by, action.source, action.doc, full, changed))
        state = after
    return Trace(system.design, system.configuration, claim, first, tuple(done))


def _takes(step: Step, name: str, inputs: Values) -> bool:
    return step.action == name and inputs.keys() <= step.inputs.keys() and all(inputs.get(key, 0) == value for key, value in step.inputs.items())


def violates(system: System, prop: Property, trace: Trace) -> bool:
    """Whether the property fails at the end of the run: in its last state or by its last step."""
    before = dict(trace.initial)
    for step in trace.steps[:-1]:
        before.update(step.changed)
    if not trace.steps:
        return fails(system, prop, before, None, before)
    last = trace.steps[-1]
    return fails(system, prop, before, (last.action, last.inputs), {**before, **last.changed})


def fails(system: System, prop: Property, before: Values, step: tuple[str, Values] | None, after: Values) -> bool:
    """Whether the property fails in a state, or by the step that leads to it from the state before."""
    if step is None or (prop.state is not None and not prop.steps):
        return prop.state is not None and not evaluate(prop.state, after)
    name, inputs = step
    return not evaluate(prop.steps[name], {**before, **_named(system.actions[name], inputs)})
