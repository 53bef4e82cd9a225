"""All reachable states of a slice, breadth first, with the first violations of every property."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from specproof.image import Fresh, Image
from specproof.layout import CHUNK, Entailment, Indices, States, TooLarge
from specproof.slice import Group, Slice
from specproof.table import Table

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
    entailed: dict[str, set[Entailment]] = field(default_factory=dict)

    def path(self, slice_: Slice, hit: Hit) -> list[str]:
        """The actions of a run to a hit."""
        return [*self.path_to(slice_, hit.state), *([hit.action] if hit.action else [])]

    def path_to(self, slice_: Slice, state: int) -> list[str]:
        """The actions of a run to a state."""
        names: list[str] = []
        while self.parent[state] >= 0:
            names.append(slice_.moves[int(self.by[state])].action.name)
            state = int(self.parent[state])
        return names[::-1]


Hits = Mapping[str, list[Hit]]


class _Check:
    """Looks for violations of a group of properties, each pattern once."""

    def __init__(self, slice_: Slice, group: Group, violated: Hits, happens: Hits) -> None:
        """Adds what it sees to the lists of `violated` and `happens`, by property."""
        self.slice, self.group, self.fresh = slice_, group, Fresh(group.compiled.mask)
        self.lists = [hits[name] for name in group.names for hits in (violated, happens)]

    def look(self, states: States, offset: int, depth: int, known: set[Entailment]) -> None:
        """What the states of one level show, `offset` being the number of the first."""
        if (self.group.initially and depth) or all(len(hits) >= KEPT for hits in self.lists):
            return
        compiled = self.group.compiled
        patterns, index = self.fresh.split(states)
        rows = max(1, CHUNK >> len(compiled.inputs))
        for begin in range(0, len(patterns), rows):
            self._rows(patterns[begin : begin + rows], index[begin : begin + rows] + offset, depth, known)

    def _rows(self, patterns: States, index: Indices, depth: int, known: set[Entailment]) -> None:
        outputs, exists = self.group.compiled.run(self.slice.layout, patterns)
        possible = outputs[0] & exists & ~self.group.compiled.excluded(outputs, known)
        for output, hits in zip(outputs[1:], self.lists, strict=False):
            if len(hits) < KEPT:
                shown = possible & output
                rows = np.flatnonzero(np.broadcast_to(shown, (len(patterns), shown.shape[1])).any(axis=1))
                length = depth + (self.group.action is not None)
                hits += [Hit(length, int(index[row]), self.group.action) for row in rows[: KEPT - len(hits)]]


def explore(slice_: Slice, limit: int = 20_000_000, stop: Callable[[Reached], bool] | None = None) -> Reached:
    """Explores the whole slice, or until `stop` says so after a level. Raises TooLarge beyond `limit` states."""
    level = slice_.initial_states()
    images = [Image(slice_, move) for move in slice_.moves]
    reached = Reached(level, np.full(len(level), -1, dtype=np.int64), np.full(len(level), -1, dtype=np.int64), 0)
    for watch in slice_.watches:
        reached.violated[watch.prop.claim], reached.happens[watch.prop.claim] = [], []
    checks = [_Check(slice_, group, reached.violated, reached.happens) for group in slice_.groups]
    all_states, all_parents, all_by = [level], [reached.parent], [reached.by]
    visited, offset, depth = Table(), 0, 0
    visited.add(level)
    while len(level):
        for image in images:
            image.learn(level)
        weakened = {image.move.action.name for image in images if image.weakened}
        entailed = {image.move.action.name: image.entailed for image in images}
        for check in checks:
            action = check.group.action
            if action in weakened:  # all states again, without the entailment that was lost
                check.fresh.forget()
                check.look(np.concatenate(all_states), 0, depth, entailed[action])
            else:
                check.look(level, offset, depth, entailed[action] if action else set())
        if stop is not None and stop(reached):
            break
        found, parents, by = [], [], []
        for number, image in enumerate(images):
            again = image.move.action.name in weakened
            successors, sources, fired = image.successors(np.concatenate(all_states) if again else level)
            if fired:
                reached.fired.add(image.move.action.name)
            first = visited.add(successors)
            found.append(successors[first])
            parents.append(sources[first] + (0 if again else offset))
            by.append(np.full(len(first), number, dtype=np.int64))
        if len(visited) > limit:
            raise TooLarge(f"{slice_.system.design} has more than {limit} reachable slice states")
        offset += len(level)
        level = np.concatenate([*found, level[:0]])
        order = np.argsort(level)
        level = level[order]
        all_states.append(level)
        all_parents.append(np.concatenate([*parents, order[:0]])[order])
        all_by.append(np.concatenate([*by, order[:0]])[order])
        depth += len(level) > 0
    reached.states, reached.parent, reached.by = np.concatenate(all_states), np.concatenate(all_parents), np.concatenate(all_by)
    reached.depth = depth
    reached.entailed = {image.move.action.name: image.entailed for image in images}
    for hits in (*reached.violated.values(), *reached.happens.values()):
        hits.sort(key=lambda hit: hit.depth)
    return reached
