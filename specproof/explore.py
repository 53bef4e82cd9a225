"""All reachable states of a slice, breadth first, with the first violations of every property."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from specproof.readings.bits import Array
from specproof.slice import CHUNK, Compiled, Indices, Move, Slice, States, TooLarge, Watch

#: Violations of one property that are kept: a run that does not lift may have a sister that does.
KEPT = 64


@dataclass(frozen=True)
class Hit:
    """A violation (or an antecedent that happens): in the state `state`, or by `action` from it."""

    depth: int
    state: int
    action: str | None


@dataclass
class Reached:
    """The reachable slice states in the order of their discovery.

    `parent` and `by` (index of the action) lead back to an initial state, whose parent is -1.
    `violated` and `happens` are by property name, shortest first.
    """

    states: States
    parent: Indices
    by: Indices
    depth: int
    violated: dict[str, list[Hit]] = field(default_factory=dict)
    happens: dict[str, list[Hit]] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)

    def path(self, slice_: Slice, hit: Hit) -> list[str]:
        """The actions of a run to a hit."""
        names = [hit.action] if hit.action else []
        state = hit.state
        while self.parent[state] >= 0:
            names.append(slice_.moves[int(self.by[state])].action.name)
            state = int(self.parent[state])
        return names[::-1]


class _Fresh:
    """Which patterns (projections of states to what a program reads) were not seen before."""

    def __init__(self, mask: int) -> None:
        self.mask = np.uint64(mask)
        self.seen = np.empty(0, dtype=np.uint64)

    def split(self, states: States) -> tuple[States, Indices]:
        """New patterns, and for each the index of a state that has it."""
        patterns, index = np.unique(states & self.mask, return_index=True)
        new = ~_member(patterns, self.seen)
        patterns, index = patterns[new], index[new]
        self.seen = np.sort(np.concatenate([self.seen, patterns]))
        return patterns, index


def _member(values: States, ordered: States) -> Array:
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.searchsorted(ordered, values)
    place[place == len(ordered)] = 0
    found: Array = ordered[place] == values
    return found


class _Image:
    """The successors of an action, by pattern, computed once for each pattern.

    `values[start[i] : start[i] + count[i]]` are the different values of the touched bits.
    """

    def __init__(self, slice_: Slice, move: Move) -> None:
        self.slice, self.move = slice_, move
        self.patterns = np.empty(0, dtype=np.uint64)
        self.start = np.empty(0, dtype=np.int64)
        self.count = np.empty(0, dtype=np.int64)
        self.values = np.empty(0, dtype=np.uint64)
        self.mask = np.uint64(move.compiled.mask)

    def successors(self, states: States) -> tuple[States, Indices, bool]:
        """Successors that differ from their predecessor, the predecessors' indices, and whether it fired."""
        patterns, inverse = np.unique(states & self.mask, return_inverse=True)
        self._extend(patterns[~_member(patterns, self.patterns)])
        place: Indices = np.asarray(np.searchsorted(self.patterns, patterns), dtype=np.int64)[inverse]
        count = self.count[place]
        total = int(count.sum())
        if not total:
            return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64), False
        sources = np.repeat(np.arange(len(states)), count)
        first = np.cumsum(count) - count
        offset = np.arange(total) - np.repeat(first, count) + np.repeat(self.start[place], count)
        base = states & ~np.uint64(self.move.touched)
        found = base[sources] | self.values[offset]
        moved = found != states[sources]
        return found[moved], sources[moved], True

    def _extend(self, patterns: States) -> None:
        if not len(patterns):
            return
        inputs = 1 << len(self.move.compiled.inputs)
        rows = max(1, CHUNK // inputs)
        starts, counts, values = [], [], []
        base = len(self.values)
        for begin in range(0, len(patterns), rows):
            count, found = self._evaluate(patterns[begin : begin + rows], inputs)
            starts.append(base + np.cumsum(count) - count)
            counts.append(count)
            values.append(found)
            base += len(found)
        order = np.argsort(np.concatenate([self.patterns, patterns]), kind="stable")
        self.patterns = np.concatenate([self.patterns, patterns])[order]
        self.start = np.concatenate([self.start, *starts])[order]
        self.count = np.concatenate([self.count, *counts])[order]
        self.values = np.concatenate([self.values, *values])

    def _evaluate(self, patterns: States, inputs: int) -> tuple[Indices, States]:
        outputs, exists = self.move.compiled.run(self.slice.layout, patterns)
        shape = (len(patterns), inputs)
        enabled = np.broadcast_to(outputs[0] & exists, shape)
        packed = np.zeros((1, 1), dtype=np.uint64)
        for output, bit in zip(outputs[1:], self.move.targets, strict=True):
            packed = packed | (output.astype(np.uint64) << np.uint64(bit))
        packed = np.where(enabled, np.broadcast_to(packed, shape), np.uint64(0xFFFFFFFFFFFFFFFF))
        packed = np.sort(packed, axis=1)
        keep = np.ones(shape, dtype=np.bool_)
        keep[:, 1:] = packed[:, 1:] != packed[:, :-1]
        keep &= packed != np.uint64(0xFFFFFFFFFFFFFFFF)
        return keep.sum(axis=1), packed[keep]


class _Check:
    """Looks for violations of one property, each pattern once."""

    def __init__(self, slice_: Slice, watch: Watch) -> None:
        self.slice, self.name, self.initially = slice_, watch.prop.claim, bool(watch.prop.steps)
        self.programs = [(action, compiled, _Fresh(compiled.mask)) for action, compiled in watch.programs.items() if self._can(compiled)]

    @staticmethod
    def _can(compiled: Compiled) -> bool:
        """Whether anything could be seen: not where the violation and the antecedent are constantly false."""
        nodes = [compiled.program.nodes[number] for number in compiled.program.outputs]
        return ("load", ("constant", False)) not in (nodes[0],) and not all(node == ("load", ("constant", False)) for node in nodes[1:])

    def look(self, states: States, offset: int, depth: int, found: tuple[list[Hit], list[Hit]]) -> None:
        """Adds to the lists, violations and antecedents, what the states of one level show."""
        violated, happens = found
        for action, compiled, fresh in self.programs:
            if action is None and depth and self.initially:
                continue
            if len(violated) < KEPT or not happens:
                patterns, index = fresh.split(states)
                rows = max(1, CHUNK >> len(compiled.inputs))
                for begin in range(0, len(patterns), rows):
                    self._rows(compiled, action, patterns[begin : begin + rows], index[begin : begin + rows] + offset, depth, found)

    def _rows(
        self, compiled: Compiled, action: str | None, patterns: States, index: Indices, depth: int, found: tuple[list[Hit], list[Hit]]
    ) -> None:
        (enabled, bad, antecedent), exists = compiled.run(self.slice.layout, patterns)
        for output, hits in zip((bad, antecedent), found, strict=True):
            if len(hits) < KEPT:
                shown = enabled & exists & output
                rows = np.flatnonzero(np.broadcast_to(shown, (len(patterns), shown.shape[1])).any(axis=1))
                length = depth + (action is not None)
                hits += [Hit(length, int(index[row]), action) for row in rows[: KEPT - len(hits)]]


def explore(slice_: Slice, limit: int = 20_000_000) -> Reached:
    """Explores the whole slice. Raises TooLarge beyond `limit` states."""
    level = slice_.initial_states()
    images = [_Image(slice_, move) for move in slice_.moves]
    checks = [_Check(slice_, watch) for watch in slice_.watches]
    reached = Reached(level, np.full(len(level), -1, dtype=np.int64), np.full(len(level), -1, dtype=np.int64), 0)
    for watch in slice_.watches:
        reached.violated[watch.prop.claim], reached.happens[watch.prop.claim] = [], []
    all_states, all_parents, all_by = [level], [reached.parent], [reached.by]
    visited, offset, depth = level, 0, 0
    while len(level):
        for check in checks:
            check.look(level, offset, depth, (reached.violated[check.name], reached.happens[check.name]))
        found, parents, by = [], [], []
        for number, image in enumerate(images):
            successors, sources, fired = image.successors(level)
            if fired:
                reached.fired.add(image.move.action.name)
            new = ~_member(successors, visited)
            successors, first = np.unique(successors[new], return_index=True)
            found.append(successors)
            parents.append(sources[new][first] + offset)
            by.append(np.full(len(successors), number, dtype=np.int64))
        candidates = np.concatenate(found)
        offset += len(level)
        level, first = np.unique(candidates, return_index=True)
        visited = np.sort(np.concatenate([visited, level]))
        if len(visited) > limit:
            raise TooLarge(f"{slice_.system.design} has more than {limit} reachable slice states")
        all_states.append(level)
        all_parents.append(np.concatenate(parents)[first])
        all_by.append(np.concatenate(by)[first])
        depth += len(level) > 0
    reached.states, reached.parent, reached.by = np.concatenate(all_states), np.concatenate(all_parents), np.concatenate(all_by)
    reached.depth = depth
    for hits in (*reached.violated.values(), *reached.happens.values()):
        hits.sort(key=lambda hit: hit.depth)
    return reached
