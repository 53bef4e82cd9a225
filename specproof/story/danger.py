"""How far every state of a slice is from a violation, how many shortest runs there are, and ways back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from specproof.layout import Compiled, Entailment
from specproof.story.graph import Array, Graph

#: Further from a violation than any state that can reach one.
NEVER = 1 << 30

#: Sequences of actions that are counted, and beginnings of sequences that are followed, at most. Counts, not seconds: the same every time.
MOST, STEPS = 40, 1000


class Danger:
    """A property's violations on the graph. `distance`: steps to the nearest one, `NEVER` where there is none within that many."""

    def __init__(self, graph: Graph, claim: str, within: int = NEVER) -> None:
        """Of one of the graph's properties; distances of more than `within` are not looked for."""
        self.graph, self.prop = graph, graph.slice.properties[claim]
        count = len(graph.reached.states)
        self.bad = np.zeros(count, dtype=np.bool_)
        self.may: dict[int, Array] = {}
        self.must: dict[int, Array] = {}
        for action, compiled in graph.slice.programs(claim).items():
            known = graph.reached.entailed[action] if action is not None else set()
            may, must = self._violations(compiled, known)
            if action is None:
                self.bad = may & (graph.reached.parent < 0) if self.prop.steps else may
            else:
                number = graph.names.index(action)
                self.may[number], self.must[number] = may, must
        self.distance = self._distances(within)

    def _violations(self, compiled: Compiled, known: set[Entailment]) -> tuple[Array, Array]:
        """Where some inputs violate, and where all that are possible do."""
        states = self.graph.reached.states
        patterns, inverse = np.unique(states & np.uint64(compiled.mask), return_inverse=True)
        may, must = np.zeros(len(patterns), dtype=np.bool_), np.zeros(len(patterns), dtype=np.bool_)
        for part in compiled.blocks(len(patterns)):
            steps = compiled.steps(self.graph.slice.layout, patterns[part], known)
            may[part] = some = steps.show(1)
            must[part] = some & ~steps.show(1, value=False)
        return may[inverse], must[inverse]

    def _distances(self, within: int) -> Array:
        graph = self.graph
        distance = np.full(len(self.bad), NEVER, dtype=np.int64)
        for may in self.may.values():
            distance[may] = 1
        distance[self.bad] = 0
        level = 0
        while level < within:
            frontier = np.flatnonzero(distance == level)
            if not len(frontier) and not (distance[distance < NEVER] > level).any():
                break
            sources = np.unique(graph.source[graph.into.of(frontier)])
            distance[sources[distance[sources] > level + 1]] = level + 1
            level += 1
        return distance

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

    def shortest(self, length: int) -> Iterator[tuple[str, ...] | None]:
        """The sequences of `length` actions that lead from an initial state to a violation; None where there may be more."""
        graph = self.graph
        down = np.flatnonzero(self.distance[graph.target] == self.distance[graph.source] - 1)
        source, target, move = graph.source[down], graph.target[down], graph.move[down]
        per = [(number, source[move == number], target[move == number]) for number in range(len(graph.names))]
        initial = np.flatnonzero((graph.reached.parent < 0) & (self.distance == length))
        stack: list[tuple[tuple[str, ...], Array]] = [((), initial)]
        given = 0
        for _ in range(STEPS):
            if not stack:
                return
            names, states = stack.pop()
            here = np.zeros(len(self.bad), dtype=np.bool_)
            here[states] = True
            for number, before, after in reversed(per):
                run = (*names, graph.names[number])
                if len(run) == length:
                    if self._ends(number, here, before, after):
                        given += 1
                        yield run if given <= MOST else None
                        if given > MOST:
                            return
                else:
                    following = np.unique(after[here[before]])
                    following = following[self.distance[following] > 0]
                    if len(following):
                        stack.append((run, following))
        yield None

    def _ends(self, number: int, here: Array, before: Array, after: Array) -> bool:
        may = self.may.get(number)
        if may is not None and bool((may & here).any()):
            return True
        return bool(self.bad[after[here[before]]].any()) and not self.prop.steps
