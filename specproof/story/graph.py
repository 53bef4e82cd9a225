"""The slice as a graph: how far every state is from a violation, how many shortest runs there are, and ways back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from specproof.claims import Property
from specproof.explore import explore
from specproof.image import Image
from specproof.layout import CHUNK, Compiled, Entailment
from specproof.slice import Slice
from specproof.system import System

Array = np.ndarray[Any, np.dtype[Any]]

#: Further from a violation than any state that can reach one.
NEVER = 1 << 30

#: Sequences of actions that are counted, and states from which sequences are followed, at most.
MOST, STEPS = 200, 4000


class Graph:
    """All reachable slice states of a system and, where they are asked for, all steps between them. Raises TooLarge like `Slice`."""

    def __init__(self, system: System, properties: Sequence[Property]) -> None:
        """Explores the slice once for all properties."""
        self.slice = Slice(system, properties)
        self.reached = explore(self.slice)
        self.order = np.argsort(self.reached.states, kind="stable")
        self.sorted = self.reached.states[self.order]
        self.names = [move.action.name for move in self.slice.moves]

    @cached_property
    def images(self) -> list[Image]:
        """What each action does, after all states have been seen."""
        found = [Image(self.slice, move) for move in self.slice.moves]
        for image in found:
            image.learn(self.reached.states)
            while image.weakened:
                image.learn(self.reached.states)
        return found

    @cached_property
    def edges(self) -> tuple[Array, Array, Array]:
        """Source, target and number of the action of every step that changes something."""
        states = self.reached.states
        parts: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
        for number, image in enumerate(self.images):
            found, source, _ = image.successors(states)
            target = self.order[np.searchsorted(self.sorted, found)]
            for column, values, kind in zip(parts, (source, target, np.full(len(found), number)), (np.int32, np.int32, np.int16), strict=True):
                column.append(values.astype(kind))
        source, target, moves = (np.concatenate(column) for column in parts)
        return source, target, moves

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
        watch = next(watch for watch in self.slice.watches if watch.prop.claim == claim)
        states = self.reached.states
        column = self.slice.layout.column(states, ("word", path))[:, 0]
        for compiled in watch.programs.values():
            for begin in range(0, len(states), max(1, CHUNK >> len(compiled.inputs))):
                part = slice(begin, begin + max(1, CHUNK >> len(compiled.inputs)))
                outputs, exists = compiled.run(self.slice.layout, states[part])
                happens = outputs[0] & exists & outputs[2]
                if (np.broadcast_to(happens, (len(states[part]), happens.shape[1])).any(axis=1) & column[part]).any():
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

    def danger(self, claim: str) -> Danger:
        """How far every state is from a violation of one of the properties."""
        return Danger(self, next(watch for watch in self.slice.watches if watch.prop.claim == claim))


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


class Danger:
    """A property's violations on the graph. `distance`: steps to the nearest one, `NEVER` where there is none."""

    def __init__(self, graph: Graph, watch: Any) -> None:
        self.graph, self.prop = graph, watch.prop
        count = len(graph.reached.states)
        self.bad = np.zeros(count, dtype=np.bool_)
        self.may: dict[int, Array] = {}
        self.must: dict[int, Array] = {}
        for action, compiled in watch.programs.items():
            known = next((image.entailed for image in graph.images if image.move.action.name == action), set())
            may, must = self._violations(compiled, known)
            if action is None:
                self.bad = may & (graph.reached.parent < 0) if self.prop.steps else may
            else:
                number = graph.names.index(action)
                self.may[number], self.must[number] = may, must
        self.distance = self._distances()

    def _violations(self, compiled: Compiled, known: set[Entailment]) -> tuple[Array, Array]:
        """Where some inputs violate, and where all that are possible do."""
        states = self.graph.reached.states
        patterns, inverse = np.unique(states & np.uint64(compiled.mask), return_inverse=True)
        may, must = np.zeros(len(patterns), dtype=np.bool_), np.zeros(len(patterns), dtype=np.bool_)
        rows = max(1, CHUNK >> len(compiled.inputs))
        for begin in range(0, len(patterns), rows):
            part = patterns[begin : begin + rows]
            outputs, exists = compiled.run(self.graph.slice.layout, part)
            enabled, bad = outputs[:2]
            possible = enabled & exists & ~compiled.excluded(outputs, known)
            some = np.broadcast_to(possible & bad, (len(part), np.broadcast(possible, bad).shape[1])).any(axis=1)
            other = np.broadcast_to(possible & ~bad, (len(part), np.broadcast(possible, bad).shape[1])).any(axis=1)
            may[begin : begin + rows], must[begin : begin + rows] = some, some & ~other
        return may[inverse], must[inverse]

    def _distances(self) -> Array:
        graph = self.graph
        distance = np.full(len(self.bad), NEVER, dtype=np.int64)
        for may in self.may.values():
            distance[may] = 1
        distance[self.bad] = 0
        level = 0
        while True:
            frontier = np.flatnonzero(distance == level)
            if not len(frontier) and not (distance[distance < NEVER] > level).any():
                return distance
            sources = np.unique(graph.source[graph.into.of(frontier)])
            distance[sources[distance[sources] > level + 1]] = level + 1
            level += 1

    def back(self, state: int, goal: Array, *, over: bool = False) -> tuple[str, ...] | None:
        """The shortest run from a state into `goal` without a violation; None where there is none.

        Initial states are no goal, and no way leads through one, unless `over` says that starting over counts.
        """
        if goal[state]:
            return ()
        graph = self.graph
        parent: dict[int, tuple[int, int]] = {state: (-1, -1)}
        seen = self.bad.copy() if over else self.bad | (graph.reached.parent < 0)
        seen[state] = True
        frontier = np.array([state], dtype=np.int64)
        while len(frontier):
            edges = graph.out.of(frontier)
            edges = edges[~seen[graph.target[edges]]]
            edges = edges[[not self._forced(edge) for edge in edges]] if self.must and len(edges) < 5000 else edges
            targets, first = np.unique(graph.target[edges], return_index=True)
            seen[targets] = True
            for target, edge in zip(targets, edges[first], strict=True):
                parent[int(target)] = (int(graph.source[edge]), int(graph.move[edge]))
            there = targets[goal[targets]]
            if len(there):
                return self._path(parent, int(there[0]))
            frontier = targets.astype(np.int64)
        return None

    def _forced(self, edge: Any) -> bool:
        must = self.must.get(int(self.graph.move[edge]))
        return must is not None and bool(must[self.graph.source[edge]])

    def _path(self, parent: Mapping[int, tuple[int, int]], state: int) -> tuple[str, ...]:
        names = []
        while parent[state][0] >= 0:
            state, move = parent[state]
            names.append(self.graph.names[move])
        return tuple(names[::-1])

    def shortest(self, length: int, seconds: float = 1.0) -> Iterator[tuple[str, ...]]:
        """The sequences of `length` actions that lead from an initial state to a violation, at most `MOST`."""
        graph, end = self.graph, time.monotonic() + seconds
        down = np.flatnonzero(self.distance[graph.target] == self.distance[graph.source] - 1)
        source, target, move = graph.source[down], graph.target[down], graph.move[down]
        per = [(number, source[move == number], target[move == number]) for number in range(len(graph.names))]
        initial = np.flatnonzero((graph.reached.parent < 0) & (self.distance == length))
        stack: list[tuple[tuple[str, ...], Array]] = [((), initial)]
        given = 0
        while stack and given < MOST and time.monotonic() < end:
            names, states = stack.pop()
            here = np.zeros(len(self.bad), dtype=np.bool_)
            here[states] = True
            for number, before, after in reversed(per):
                run = (*names, graph.names[number])
                if len(run) == length:
                    if self._ends(number, here, before, after):
                        given += 1
                        yield run
                else:
                    following = np.unique(after[here[before]])
                    following = following[self.distance[following] > 0]
                    if len(following):
                        stack.append((run, following))

    def _ends(self, number: int, here: Array, before: Array, after: Array) -> bool:
        may = self.may.get(number)
        if may is not None and bool((may & here).any()):
            return True
        return bool(self.bad[after[here[before]]].any()) and not self.prop.steps
