"""Every state that a property can depend on, looked at on integers, where they are few: counters of a few bits, say.

A slice sees one bit of a counter, and a run that counts to 200 is longer than those that solvers unroll.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

from specproof.claims import Property
from specproof.cone import narrow
from specproof.graph import is_value, substitute, variables
from specproof.readings.integers import evaluate
from specproof.solver import Solver
from specproof.system import Action, System, literals
from specproof.terms import Bool, Term, conj, disj
from specproof.trace import Trace, fails, replay, take, violates

#: Bits of a state that is looked at, of what a start leaves open, of the inputs of an action; and steps that are taken altogether.
BITS, OPEN, INPUTS, STEPS = 24, 14, 8, 400_000

#: States of which Z3 is asked whether they are all.
LISTED = 1024

State = tuple[int, ...]
Step = tuple[str, dict[str, int]]


@dataclass(frozen=True)
class Census:
    """A shortest run that breaks a property, or None; then `states` are all that it can depend on, values of `paths`, and none breaks it."""

    trace: Trace | None
    paths: Sequence[str]
    states: Sequence[State]

    def accepted(self, system: System, prop: Property, solver: Solver) -> bool:
        """Whether Z3 says at full width that runs start in these states, that no action leaves them, and that none breaks the property there."""
        if self.trace is not None or len(self.states) > LISTED:
            return False
        terms = [system.variables[path] for path in self.paths]
        among = disj(conj(map(is_value, terms, state)) for state in self.states)
        asked: list[list[Bool]] = [[system.starts, ~among]]
        if prop.state is not None:
            asked.append([~prop.state, system.starts if prop.steps else among])
        for name, action in system.actions.items():
            by = {system.variables[path]: term for path, term in action.next.items()}
            after = cast(Bool, substitute([among], by)[0])
            asked.append([among, action.enabled, ~conj((after, *([prop.steps[name]] if name in prop.steps else [])))])
        return all(solver.ask(parts).word == "unsat" for parts in asked)


def census(system: System, prop: Property, solver: Solver) -> Census | None:
    """All states of the property's cone, as far as the first that breaks it; None where they, or the inputs, are too many."""
    small = narrow(system, [prop])
    paths = list(small.variables)
    inputs = {name: _inputs(action, prop) for name, action in small.actions.items()}
    fixed = {str(term.data): int(value.data) for term, value in literals(small.starts).items() if term.data in small.variables}
    free = {path: term for path, term in small.variables.items() if path not in fixed}
    if _bits(small.variables) > BITS or _bits(free) > OPEN or any(_bits(given) > INPUTS for given in inputs.values()):
        return None
    came: dict[State, tuple[State, Step] | None] = {}
    level = [state for values in _values(free) if evaluate(small.starts, state := {**fixed, **values})]
    came.update(dict.fromkeys((_key(state, paths) for state in level), None))
    for state in level:
        if fails(small, prop, state, None, state):
            return Census(_run(system, prop, paths, came, _key(state, paths), [], solver), paths, ())
    left = STEPS
    while level:
        found = []
        for state in level:
            key = _key(state, paths)
            for name, given in inputs.items():
                for values in _values(given):
                    left -= 1
                    if left < 0:
                        return None
                    after = take(small, state, name, values)
                    if after is None:
                        continue
                    if (not prop.steps or name in prop.steps) and fails(small, prop, state, (name, values), after):
                        return Census(_run(system, prop, paths, came, key, [(name, values)], solver), paths, ())
                    reached = {path: after[path] for path in paths}
                    if (new := _key(reached, paths)) not in came:
                        came[new] = key, (name, values)
                        found.append(reached)
        level = found
    return Census(None, paths, list(came))


def _inputs(action: Action, prop: Property) -> dict[str, Term]:
    """The inputs of an action on which anything depends that is looked at."""
    asked = [prop.steps[action.name]] if action.name in prop.steps else []
    read = {term.data for term in variables([action.enabled, *action.next.values(), *asked])}
    return {name: term for name, term in action.inputs.items() if term.data in read}


def _bits(terms: Mapping[str, Term]) -> int:
    return sum(term.width or 1 for term in terms.values())


def _values(terms: Mapping[str, Term]) -> Iterator[dict[str, int]]:
    """Every assignment."""
    for values in product(*(range(1 << (term.width or 1)) for term in terms.values())):
        yield dict(zip(terms, values, strict=True))


def _key(state: Mapping[str, int], paths: Sequence[str]) -> State:
    return tuple(state[path] for path in paths)


def _run(
    system: System, prop: Property, paths: Sequence[str], came: Mapping[State, tuple[State, Step] | None], state: State,
    last: Sequence[Step], solver: Solver,
) -> Trace | None:  # fmt: skip
    """The run to a state, and its last steps, on the whole system."""
    steps = list(last)
    while (before := came[state]) is not None:
        state, step = before
        steps.insert(0, step)
    answer = solver.ask([system.starts, *(is_value(system.variables[path], value) for path, value in zip(paths, state, strict=True))])
    initial = {path: answer.values.get(path, 0) for path in system.variables}
    trace = replay(system, prop.claim, initial, steps)
    return trace if trace is not None and violates(system, prop, trace) else None
