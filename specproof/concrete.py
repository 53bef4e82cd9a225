"""From a run of the slice to a run on integers without a solver: the slice's bits at one position, an initial state elsewhere.

Most runs of the slice need nothing but the bit that it looks at. Such a run is put together step by step and executed; where a step
does not do on integers what it does on the slice, there is no run from here, and Z3 is asked for one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from specproof.claims import Property
from specproof.errors import InputError
from specproof.explore import Hit, Reached
from specproof.graph import postorder
from specproof.layout import Steps
from specproof.slice import Move, Slice
from specproof.spurious import Spurious
from specproof.system import System
from specproof.trace import fails, initial_state, take
from specproof.ways import Ways

#: Inputs of a step that are tried on integers.
TRIES = 16

#: Constants that are tried where an input is compared with one.
CONSTANTS = 4

#: Hits to which the same actions lead, of which one with a run on integers is looked for.
ALIKE = 8

#: Runs that no full-width run follows, of which it is looked what excludes them.
SPURIOUS = 3

#: Keys of a slice that are bits of fields and inputs; the others are answers that it cannot know.
KINDS = ("word", "bool", "watched")

Inputs = dict[str, int]


@dataclass(frozen=True)
class Run:
    """A run on integers: where it starts, its steps, and the values of every leaf at its end and before its last step."""

    initial: Mapping[str, int]
    steps: list[tuple[str, Inputs]]
    state: Mapping[str, int]
    before: Mapping[str, int]


@dataclass
class Concrete:
    """Runs of one exploration on integers. `start`: the values in which some run of the system starts; `preferred`: positions that come first."""

    system: System
    slice: Slice
    reached: Reached
    start: Mapping[str, int]
    preferred: Sequence[int]
    known: dict[int, Run | None] = field(default_factory=dict)

    @cached_property
    def ways(self) -> Ways:
        """Which actions violating runs can be made of, of whatever length."""
        return Ways(self.slice, self.reached)

    def to(self, state: int) -> Run | None:
        """A run to a slice state, or None."""
        if not self.system.variables.keys() >= self.slice.system.variables.keys():  # the slice has tests of words in mind
            return None
        path = [state]
        while path[-1] not in self.known and self.reached.parent[path[-1]] >= 0:
            path.append(int(self.reached.parent[path[-1]]))
        for number in reversed(path):
            if number not in self.known:
                before = int(self.reached.parent[number])
                self.known[number] = self._first(number) if before < 0 else self._next(before, number)
        return self.known[state]

    def runs(self, state: int, action: str | None) -> Iterator[Run]:
        """Runs to a slice state, and one step further by an action if there is one."""
        run = self.to(state)
        if run is not None and action is None:
            yield run
        elif run is not None:
            move = next(move for move in self.slice.moves if move.action.name == action)
            yield from self._steps(run, state, move, self._shown(state, move))

    def ending(self, prop: Property, hit: Hit, wanted: bool) -> Run | None:
        """A run to a hit at whose end the property has the value `wanted`."""
        runs = self.runs(hit.state, hit.action)
        return next((run for run in runs if fails(self.system, prop, run.before, run.steps[-1] if run.steps else None, run.state) != wanted), None)

    def by_actions(self, hits: Sequence[Hit]) -> list[tuple[tuple[str, ...], list[Hit]]]:
        """The actions that lead to hits, in the order of these, each with the first few hits to which they do."""
        found: dict[tuple[str, ...], list[Hit]] = {}
        for hit in hits:
            found.setdefault(tuple(self.reached.path(self.slice, hit)), []).append(hit)
        return [(actions, sorted(alike, key=self._set)[:ALIKE]) for actions, alike in found.items()]

    def spurious(self, hits: Sequence[Hit]) -> list[Spurious]:
        """The first few runs to hits, where none was found at full width."""
        keys = tuple(self.slice.layout.keys)
        found = []
        for actions, alike in self.by_actions(hits)[:SPURIOUS]:
            found.append(Spurious(actions, self._position(int(self.reached.states[alike[0].state])), keys))
        return found

    def _set(self, hit: Hit) -> int:
        """How many bits are set in the slice state with which a run to the hit starts: what happens in it should be done in it."""
        state = hit.state
        while self.reached.parent[state] >= 0:
            state = int(self.reached.parent[state])
        return self._part(int(self.reached.states[state])).bit_count()

    def _first(self, number: int) -> Run | None:
        packed = int(self.reached.states[number])
        position = self._position(packed)
        values = {path: self.start.get(path, 0) for path in self.system.variables}
        self._put(values, packed, position)
        for tried in (self._filled(values, packed, position), values):
            try:
                full = initial_state(self.system, tried)
            except InputError:
                continue
            if self._packed(full, position) == self._part(packed):
                return Run(tried, [], full, full)
        return None

    def _put(self, values: Inputs, packed: int, position: int) -> None:
        """Makes values show at a position what a slice state has."""
        for key, bit in self.slice.layout.keys.items():
            path, place = _place(key, position)
            values[path] = values[path] & ~(1 << place) | (packed >> bit & 1) << place

    def _filled(self, values: Mapping[str, int], packed: int, position: int) -> Inputs:
        """The values with as many bits as can be at one more position: what a step depends on elsewhere is there."""
        filled, other = dict(values), self._other(position)
        layout = self.slice.layout
        truths = sum(1 << bit for key, bit in layout.keys.items() if _kind(key) != "word")
        first = self.reached.states[self.reached.parent < 0]
        alike = first[((first ^ np.uint64(packed)) & np.uint64(truths)) == 0]
        alike = alike[layout.class_of(alike) == self._class(other)]
        if len(alike):
            self._put(filled, int(max(alike.tolist(), key=lambda one: self._part(one).bit_count())), other)
        return filled

    def _other(self, position: int) -> int:
        """A position for what a step depends on elsewhere."""
        places = (*self.preferred, *range(self.slice.widest))
        return next((place for place in places if place != position and place < self.slice.widest), position)

    def _next(self, before: int, number: int) -> Run | None:
        run = self.known[before]
        if run is None:
            return None
        move, packed = self.slice.moves[int(self.reached.by[number])], int(self.reached.states[number])
        steps = self._shown(before, move)
        for output, bit in zip(steps.outputs[1:], move.targets, strict=False):
            steps.possible = steps.possible & (output if packed >> bit & 1 else ~output)
        position, wanted = self._position(packed), self._part(packed)
        return next((one for one in self._steps(run, before, move, steps) if self._packed(one.state, position) == wanted), None)

    def _shown(self, state: int, move: Move) -> Steps:
        return move.compiled.steps(self.slice.layout, self.reached.states[state : state + 1], self.reached.entailed.get(move.action.name, set()))

    def _steps(self, run: Run, state: int, move: Move, steps: Steps) -> Iterator[Run]:
        """The run and one of the steps that are possible on the slice, where it can be taken on integers too."""
        compiled, position = move.compiled, self._position(int(self.reached.states[state]))
        mine = sum(1 << index for index, key in enumerate(compiled.inputs) if _kind(key) in KINDS)
        chosen = sorted({*(np.flatnonzero(steps.spread(steps.possible)[0]) & mine).tolist()})[:TRIES]
        for elsewhere in ({}, dict.fromkeys(range(1, self.slice.widest + 1), 1 << self._other(position)), *self._compared):
            for combination in chosen:
                inputs = self._inputs(move, combination, position, elsewhere)
                after = take(self.system, run.state, move.action.name, inputs)
                if after is not None:
                    yield Run(run.initial, [*run.steps, (move.action.name, inputs)], after, run.state)

    @cached_property
    def _compared(self) -> list[dict[int, int]]:
        """Constants with which some action compares a word: the first few of each width, by width."""
        terms = postorder(term for action in self.system.actions.values() for term in (action.enabled, *action.next.values()))
        found = dict.fromkeys((arg.width, int(arg.data)) for term in terms if term.op == "eq" for arg in term.args if arg.op == "const" and arg.data)
        return [{width: value} for width, value in list(found)[:CONSTANTS]]

    def _inputs(self, move: Move, combination: int, position: int, elsewhere: Mapping[int, int]) -> Inputs:
        """What goes in at a position as the slice has it; `elsewhere` by width."""
        names = {str(term.data): (name, term.width) for name, term in move.action.inputs.items()}
        inputs = {name: elsewhere.get(width, 0) & ((1 << width) - 1) for name, width in names.values()}
        for index, key in enumerate(move.compiled.inputs):
            if _kind(key) in KINDS:
                path, place = _place(key, position)
                name, width = names[path]
                inputs[name] = (inputs[name] & ~(1 << place) | (combination >> index & 1) << place) & ((1 << max(width, 1)) - 1)
        return inputs

    def _class(self, position: int) -> int:
        return self.slice.layout.classes.index(tuple(bool(constant >> position & 1) for constant in self.slice.layout.constants))

    @cached_property
    def _positions(self) -> dict[int, int]:
        """The first position of each class, of those preferred if there is one."""
        places = [*(place for place in self.preferred if place < self.slice.widest), *range(self.slice.widest)]
        return {self._class(place): place for place in reversed(places)}

    def _position(self, packed: int) -> int:
        return self._positions[packed >> self.slice.layout.class_shift]

    def _part(self, packed: int) -> int:
        """A slice state without its class."""
        return packed & ((1 << self.slice.layout.class_shift) - 1)

    def _packed(self, values: Mapping[str, int], position: int) -> int:
        """What the slice sees of values."""
        packed = 0
        for key, bit in self.slice.layout.keys.items():
            path, place = _place(key, position)
            packed |= (values[path] >> place & 1) << bit
        return packed


def _kind(key: Hashable) -> str:
    return str(cast(tuple[Any, ...], key)[0])


def _place(key: Hashable, position: int) -> tuple[str, int]:
    """The field or input of a key of the slice, and which of its bits that is where the slice looks at this position."""
    kind, path, *where = cast(tuple[Any, ...], key)
    return path, 0 if kind == "bool" else where[0] if where else position
