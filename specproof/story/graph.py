"""The slice as a graph: its reachable states, and the steps between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from specproof.claims import Property
from specproof.explore import Reached, explore
from specproof.image import Image, explored
from specproof.layout import Compiled, States
from specproof.slice import Slice
from specproof.system import System

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Part:
    """How much is explored: up to `depth` steps, at positions of the kind of `position`, until a claim is violated."""

    depth: int | None = None
    position: int | None = None
    until: str = ""


class _Kind(Slice):
    """The slice at the positions of one kind alone: no step leads from one kind to another."""

    def __init__(self, system: System, properties: Sequence[Property], position: int) -> None:
        """`position`: one of the kind."""
        super().__init__(system, properties)
        self.kind = self.layout.classes.index(tuple(bool(constant >> position & 1) for constant in self.layout.constants))

    def _bind(self, compiled: Compiled) -> None:
        super()._bind(compiled)
        compiled.tests = {}

    def initial_states(self) -> States:
        """Those of the kind."""
        states = super().initial_states()
        found: States = states[self.layout.class_of(states) == self.kind]
        return found


class Graph:
    """Reachable slice states of a system and, where they are asked for, the steps between them. Raises TooLarge like `Slice`."""

    def __init__(self, system: System, properties: Sequence[Property], part: Part = Part()) -> None:
        """Explores the slice once for all properties, or a part of it where that is enough.

        At positions of one kind nothing is known of how tests of whole words depend on each other, so that more may seem possible.
        """
        self.part, levels = part, count()
        self.slice = Slice(system, properties) if part.position is None else _Kind(system, properties, part.position)

        def enough(reached: Reached) -> bool:
            return (part.depth is not None and next(levels) >= part.depth) or bool(reached.violated.get(part.until))

        self.reached = explore(self.slice, stop=enough)
        self.order = np.argsort(self.reached.states, kind="stable")
        self.sorted = self.reached.states[self.order]
        self.names = [move.action.name for move in self.slice.moves]

    @cached_property
    def images(self) -> list[Image]:
        """What each action does, after all states have been seen."""
        return explored(self.slice, self.reached.entailed)

    @cached_property
    def edges(self) -> tuple[Array, Array, Array]:
        """Source, target and number of the action of every step that changes something."""
        states = self.reached.states[: self._inner()]
        parts: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
        for number, image in enumerate(self.images):
            found, source = image.successors(states)
            place = np.minimum(np.searchsorted(self.sorted, found), len(self.sorted) - 1)
            if self.part.depth is not None:
                there = self.sorted[place] == found
                place, source = place[there], source[there]
            target = self.order[place]
            for column, values, kind in zip(parts, (source, target, np.full(len(place), number)), (np.int32, np.int32, np.int16), strict=True):
                column.append(values.astype(kind))
        source, target, moves = (np.concatenate(column) for column in parts)
        return source, target, moves

    def _inner(self) -> int:
        """How many states there are all of whose successors are there too; they are in the order of their discovery."""
        ends, depth = self.reached.ends, self.part.depth
        if depth is None:
            return len(self.reached.states)
        return ends[min(depth, len(ends)) - 1] if depth else 0

    @property
    def source(self) -> Array:
        return self.edges[0]

    @property
    def target(self) -> Array:
        return self.edges[1]

    @property
    def move(self) -> Array:
        return self.edges[2]

    @cached_property
    def into(self) -> _Index:
        """The steps into each state."""
        return _Index(self.target, len(self.reached.states))

    @cached_property
    def out(self) -> _Index:
        """The steps out of each state."""
        return _Index(self.source, len(self.reached.states))

    def lively(self, claim: str, path: str) -> bool:
        """Whether a word is not 0 in some state in which the claim says something: no change that silences it is a repair."""
        states = self.reached.states
        column = self.slice.layout.column(states, ("word", path))[:, 0]
        for compiled in self.slice.programs(claim).values():
            for part in compiled.blocks(len(states)):
                if (compiled.steps(self.slice.layout, states[part]).show(2) & column[part]).any():
                    return True
        return False

    def violated(self) -> frozenset[str]:
        """The properties that some run of the slice violates."""
        return frozenset(name for name, hits in self.reached.violated.items() if hits)

    def state(self, values: Mapping[str, int], position: int) -> int | None:
        """The number of the slice state that a state shows at a bit position; None where it is not reachable there."""
        layout, packed = self.slice.layout, 0
        for key, bit in layout.keys.items():
            kind, path = key[0], key[1]  # type: ignore[index]
            at: int = position if kind == "word" else 0 if kind == "bool" else key[2]  # type: ignore[index]
            packed |= (values[path] >> at & 1) << bit
        row = tuple(bool(constant >> position & 1) for constant in layout.constants)
        if row not in layout.classes:
            return None
        packed |= layout.classes.index(row) << layout.class_shift
        place = int(np.searchsorted(self.sorted, np.uint64(packed)))
        return int(self.order[place]) if place < len(self.sorted) and int(self.sorted[place]) == packed else None

    def shared_with(self, other: Graph) -> Array:
        """Which states the other graph has too, as far as both have the same words, truth values and watched bits."""
        keys = [key for key in self.slice.layout.keys if key in other.slice.layout.keys]
        mine, theirs = (self._projected(graph, keys) for graph in (self, other))
        found: Array = np.isin(mine, theirs)
        return found

    @staticmethod
    def _projected(graph: Graph, keys: Sequence[Any]) -> Array:
        layout, states = graph.slice.layout, graph.reached.states
        packed = np.zeros(len(states), dtype=np.uint64)
        for place, key in enumerate(keys):
            packed |= ((states >> np.uint64(layout.keys[key])) & np.uint64(1)) << np.uint64(place)
        return packed


class _Index:
    """Edges grouped by one of their ends."""

    def __init__(self, ends: Array, count: int) -> None:
        self.edges = np.argsort(ends, kind="stable")
        self.start = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(ends, minlength=count), out=self.start[1:])

    def of(self, nodes: Array) -> Array:
        """The edges at any of the nodes."""
        count = self.start[nodes + 1] - self.start[nodes]
        total = int(count.sum())
        place = np.arange(total) - np.repeat(np.cumsum(count) - count, count) + np.repeat(self.start[nodes], count)
        found: Array = self.edges[place]
        return found
