"""Which values of a run matter: the others may be anything, and the run still ends in the violation.

Found greedily, one value after the other, and together: all bits that are called free may be anything
at the same time. Patterns replayed on integers reject quickly; what they leave is asked of the solver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from specproof.claims import Property
from specproof.graph import substitute
from specproof.lift import Judge
from specproof.readings.integers import evaluate
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import FALSE, TRUE, Bool, Term, Word, boolean, conj, word
from specproof.trace import Trace, replay

#: What free bits are set to when a run is tried on integers.
PATTERNS = (0xFFFFFFFFFFFFFFFF, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, 0)

Slot = tuple[int, str]


@dataclass
class Free:
    """For each value of a run the bits that do not matter; step -1 is the initial state."""

    system: System
    trace: Trace
    masks: dict[Slot, int] = field(default_factory=dict)

    def patterned(self, pattern: int, masks: Mapping[Slot, int]) -> tuple[dict[str, int], list[tuple[str, dict[str, int]]]]:
        """The run with the free bits set to a pattern, each value shifted by its place so that no two agree by design."""
        initial = {path: self._put(value, masks.get((-1, path), 0), pattern) for path, value in self.trace.initial.items()}
        steps = []
        for number, step in enumerate(self.trace.steps):
            values = {name: self._put(value, masks.get((number, name), 0), pattern) for name, value in step.inputs.items()}
            steps.append((step.action, values))
        return initial, steps

    @staticmethod
    def _put(value: int, mask: int, pattern: int) -> int:
        return (value & ~mask) | (pattern & mask)

    def states(self) -> list[dict[str, int]]:
        """For each moment the bits of every field that vary with the free values."""
        found: list[dict[str, int]] = [{} for _ in range(self.trace.length + 1)]
        if not any(self.masks.values()):
            return found
        base = self.trace.states()
        for pattern in PATTERNS:
            other = replay(self.system, self.trace.claim, *self.patterned(pattern, self.masks))
            if other is None:
                continue
            for moment, (one, two) in enumerate(zip(base, other.states(), strict=True)):
                for path, value in two.items():
                    if value != one[path]:
                        found[moment][path] = found[moment].get(path, 0) | (value ^ one[path])
        return found


def free(system: System, prop: Property, trace: Trace, keep: int, solver: Solver, *, wanted: bool = False) -> Free:
    """The values that do not matter. `keep`: the bit positions that a reader looks at, tried last."""
    found = Free(system, trace)
    judge = Judge(system, prop, wanted)
    for slot, width in _slots(system, trace):
        ones = (1 << max(1, width)) - 1
        for mask in dict.fromkeys((ones, ones & ~keep) if width else (1,)):
            if mask and _holds(found, {**found.masks, slot: mask}, judge, prop, solver, wanted):
                found.masks[slot] = mask
                break
    return found


def _slots(system: System, trace: Trace) -> Iterator[tuple[Slot, int]]:
    for number, step in enumerate(trace.steps):
        for name, term in system.actions[step.action].inputs.items():
            yield (number, name), term.width
    for path, term in system.variables.items():
        yield (-1, path), term.width


def _holds(found: Free, masks: Mapping[Slot, int], judge: Judge, prop: Property, solver: Solver, wanted: bool) -> bool:
    for pattern in PATTERNS:
        initial, steps = found.patterned(pattern, masks)
        if judge(initial, steps) is None:
            return False
    term = shows(found.system, prop, *_terms(found, masks), wanted=wanted)
    if term is TRUE or term is FALSE:
        return term is TRUE
    return solver.ask([~term]).word == "unsat"


def _terms(found: Free, masks: Mapping[Slot, int]) -> tuple[dict[str, Term], list[tuple[str, dict[str, Term]]]]:
    initial = {
        path: _term(term, found.trace.initial[path], masks.get((-1, path), 0)) for path, term in found.system.variables.items()
    }
    steps = []
    for number, step in enumerate(found.trace.steps):
        inputs = found.system.actions[step.action].inputs
        values = {}
        for name, term in inputs.items():
            fresh = _renamed(term, number)
            values[name] = _term(fresh, step.inputs[name], masks.get((number, name), 0))
        steps.append((step.action, values))
    return initial, steps


def _renamed(term: Term, number: int) -> Term:
    from specproof.terms import variable

    return variable(f"{term.data}@{number}", term.width)


def _term(symbol: Term, value: int, mask: int) -> Term:
    """The value as a constant, with a symbol in the free bits."""
    if not symbol.width:
        return symbol if mask else boolean(bool(value))
    ones = (1 << symbol.width) - 1
    if mask == ones:
        return symbol
    constant = word(value & ~mask, symbol.width)
    return (cast(Word, symbol) & mask) | constant if mask else constant


def shows(
    system: System, prop: Property, initial: Mapping[str, Term], steps: Sequence[tuple[str, Mapping[str, Term]]], *, wanted: bool
) -> Bool:
    """That a run of these steps exists and ends with the property having the value `wanted`, as one term."""
    now = {term: initial[path] for path, term in system.variables.items()}
    parts = substitute([system.starts], now)
    before = now
    for name, inputs in steps:
        action = system.actions[name]
        before = {**now, **{term: inputs[key] for key, term in action.inputs.items()}}
        new = substitute([action.enabled, *action.next.values()], before)
        parts.append(new[0])
        now = {**now, **{system.variables[path]: term for path, term in zip(action.next, new[1:], strict=True)}}
    if steps and steps[-1][0] in prop.steps:
        end = substitute([prop.steps[steps[-1][0]]], before)[0]
    else:
        end = substitute([prop.state if prop.state is not None else TRUE], now)[0]
    ended = cast(Bool, end)
    return conj([*(cast(Bool, part) for part in parts), ended if wanted else ~ended])


def evaluates(term: Term, values: Mapping[str, int]) -> bool:
    """The value of a truth value on integers."""
    return bool(evaluate(term, values))
