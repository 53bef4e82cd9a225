"""All reachable states of a slice, breadth first, with the first violations of every property."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import accumulate
from operator import or_
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from specproof.image import Fresh, Image
from specproof.layout import Entailment, Indices, States, TooLarge
from specproof.program import Array
from specproof.slice import Group, Move, Slice
from specproof.table import Table

#: Truth values, eight to a byte.
Packed = np.ndarray[Any, np.dtype[np.uint8]]

#: Violations of one property that are kept, and states in which its antecedent happens: a run that does not lift may have a sister that does.
KEPT, WITNESSES = 64, 8


class Hit(NamedTuple):
    """A violation (or an antecedent that happens): in the state `state`, or by `action` from it."""

    depth: int
    state: int
    action: str | None


@dataclass
class Firing:
    """From which of the states, in the order of their discovery, an action leads anywhere: a bit for each, level by level; and whether from any."""

    levels: list[tuple[Packed, int]] = field(default_factory=list)
    any: bool = False

    def add(self, fires: Array) -> None:
        """The states of another level."""
        self.levels.append((np.packbits(fires), len(fires)))
        self.any = self.any or bool(fires.any())

    def numbers(self, first: int = 0, end: int | None = None) -> Indices:
        """The numbers of the states from which it does, of those from `first` on and before `end`."""
        fires = np.concatenate([np.unpackbits(packed, count=count) for packed, count in self.levels])
        return np.flatnonzero(fires[first:end]) + first


@dataclass
class Reached:
    """The reachable slice states in the order of their discovery.

    `parent` and `by` (index of the action) lead back to an initial state, whose parent is -1.
    `violated` and `happens` are by property name, shortest first. `ends`: how many states were found in 0, 1, ... steps.
    `fires`: from which of them each action leads anywhere, be it to the same state. `whole`: there are no other states.
    """

    states: States
    parent: Indices
    by: Indices
    depth: int
    ends: Sequence[int] = ()
    violated: dict[str, list[Hit]] = field(default_factory=dict)
    happens: dict[str, list[Hit]] = field(default_factory=dict)
    fires: dict[str, Firing] = field(default_factory=dict)
    whole: bool = True
    entailed: dict[str, set[Entailment]] = field(default_factory=dict)

    @property
    def fired(self) -> set[str]:
        """The actions that any state enables."""
        return {name for name, firing in self.fires.items() if firing.any}

    def firing(self, move: Move, most: int) -> list[int]:
        """The first states from which an action leads anywhere, as many at most, each with another pattern of what it reads."""
        numbers = self.fires[move.action.name].numbers()
        _, first = np.unique(self.states[numbers] & np.uint64(move.compiled.mask), return_index=True)
        return [int(number) for number in np.sort(numbers[first])[:most]]

    def before(self, slice_: Slice, move: Move) -> list[States]:
        """For each kind of position what an action reads of the states in which its guard may hold, whatever its tests are known to entail."""
        layout = slice_.layout
        patterns = np.unique(self.states & np.uint64(move.compiled.mask | layout.class_mask()))
        patterns = patterns[move.compiled.possible(layout, patterns)]
        return [patterns[layout.class_of(patterns) == kind] for kind in range(len(layout.classes))]

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


class _Check:
    """Looks for violations of a group of properties, each pattern of the bits that it reads once."""

    def __init__(self, slice_: Slice, group: Group) -> None:
        """What it sees is in `seen`: of each property a violation and then its antecedent, by the numbers of the first states that show it."""
        self.slice, self.group, self.fresh = slice_, group, Fresh(group.compiled.mask)
        self.most = [KEPT, WITNESSES] * len(group.names)
        self.seen = [np.empty(0, dtype=np.int64) for _ in self.most]

    def look(self, states: States, numbers: Indices, depths: Indices, known: set[Entailment]) -> None:
        """What further states show, `numbers` being theirs among all, whose depths are `depths`."""
        if self.group.initially:
            numbers = numbers[depths[numbers] == 0]
            states = states[: len(numbers)]
        patterns, first = self.fresh.split(states)
        numbers = numbers[first]
        order = np.lexsort((patterns, depths[numbers]))  # among those of one depth it is the pattern that counts, not who has it
        patterns, numbers = patterns[order], numbers[order]
        for part in self.group.compiled.blocks(len(patterns)):
            wanted = [place for place, most in enumerate(self.most) if len(self.seen[place]) < most]
            if not wanted:
                break
            steps, here = self.group.compiled.steps(self.slice.layout, patterns[part], known), numbers[part]
            for place in wanted:
                shown = steps.show(place + 1).nonzero()[0]
                if len(shown):
                    self.seen[place] = np.concatenate([self.seen[place], here[shown[: self.most[place] - len(self.seen[place])]]])


class _Looks:
    """All that is looked for in states and in steps from them; the checks of one action share what they read together."""

    def __init__(self, slice_: Slice) -> None:
        self.slice = slice_
        self.forget()

    def forget(self) -> None:
        """No state was looked at yet."""
        self.done = 0
        self.checks: dict[str | None, list[_Check]] = {}
        for group in self.slice.groups:
            self.checks.setdefault(group.action, []).append(_Check(self.slice, group))
        self.fresh = {action: Fresh(reduce(or_, (check.group.compiled.mask for check in checks))) for action, checks in self.checks.items()}
        self.of: dict[str, list[tuple[_Check, int]]] = {name: [] for name in self.slice.properties}
        for checks in self.checks.values():
            for check in checks:
                for place, name in enumerate(check.group.names):
                    self.of[name].append((check, 2 * place))

    def look(self, reached: Reached, levels: list[States], images: list[Image], *, last: bool = False) -> None:
        """Looks at the states that were not looked at yet, and puts down what was seen of every property, shortest first.

        After the `last` time nobody asks what was seen already, and its memory goes to the next action.
        """
        states, depths = np.concatenate(levels), np.repeat(np.arange(len(levels)), [len(level) for level in levels])
        entailed = {image.move.action.name: image.entailed for image in images}
        for action, checks in self.checks.items():
            numbers = np.arange(self.done, len(states)) if action is None else reached.fires[action].numbers(self.done)
            patterns, first = self.fresh[action].split(states[numbers])
            for check in checks:
                check.look(patterns, numbers[first], depths, entailed[action] if action else set())
            for fresh in (self.fresh[action], *(check.fresh for check in checks)) if last else ():
                fresh.forget()
        self.done = len(states)
        for name, checks_of in self.of.items():
            reached.violated[name] = _first([(check.group.action, check.seen[place]) for check, place in checks_of], depths, KEPT)
            reached.happens[name] = _first([(check.group.action, check.seen[place + 1]) for check, place in checks_of], depths, WITNESSES)


def _first(seen: Sequence[tuple[str | None, Indices]], depths: Indices, most: int) -> list[Hit]:
    """The first of what was seen, shortest first; `depths` are those of all states."""
    seen = [(action, numbers) for action, numbers in seen if len(numbers)]
    if not seen:
        return []
    found = np.concatenate([numbers for _, numbers in seen])
    actions = np.repeat(np.arange(len(seen)), [len(numbers) for _, numbers in seen])
    lengths = depths[found] + np.array([action is not None for action, _ in seen])[actions]
    first = np.argsort(lengths, kind="stable")[:most]
    return [Hit(*one[:2], seen[one[2]][0]) for one in zip(lengths[first].tolist(), found[first].tolist(), actions[first].tolist(), strict=True)]


def explore(
    slice_: Slice, limit: int = 20_000_000, stop: Callable[[Reached], bool] | None = None, steps: int | None = None,
    known: Mapping[str, set[Entailment]] = MappingProxyType({}),
) -> Reached:  # fmt: skip
    """Explores the whole slice, or until `stop` says so after a level. Raises TooLarge beyond `limit` states, or after more than so many
    `steps` that were looked at: patterns of states by combinations of inputs. `known`: what is entailed in any case, by action."""
    level = slice_.initial_states()
    images = [Image(slice_, move) for move in slice_.moves]
    for image in images:
        image.entailed |= known.get(image.move.action.name, set())
    reached = Reached(level, np.full(len(level), -1, dtype=np.int64), np.full(len(level), -1, dtype=np.int64), 0)
    for claim in slice_.properties:
        reached.violated[claim], reached.happens[claim] = [], []
    looks = _Looks(slice_)
    all_states, all_parents, all_by = [level], [reached.parent], [reached.by]
    visited, offset, depth = Table(), 0, 0
    visited.add(level)
    stepwise = any(group.action is not None for group in slice_.groups)

    def enough() -> bool:
        """Whether the states so far show all that is wanted."""
        if stop is None:
            return False
        looks.look(reached, all_states, images)
        reached.whole = not stop(reached)
        return not reached.whole

    while len(level):
        if not stepwise and enough():  # where steps lead from the last states nobody asks
            break
        for image in images:
            image.learn(level)
            if steps is not None and sum(one.looked for one in images) > steps:
                raise TooLarge(f"{slice_.system.design} has more than {steps} steps to look at")
        weakened = {image.move.action.name for image in images if image.weakened}
        every = np.concatenate(all_states) if weakened else level
        asked = {image.move.action.name: (every, 0) if image.weakened else (level, offset) for image in images}
        for image in images:
            name = image.move.action.name
            states, before = asked[name]
            if before == 0:  # the first level, or all of them again
                reached.fires[name] = Firing()
            reached.fires[name].add(image.fires(states))
        if weakened and stop is not None:  # an entailment was lost: all states again, without it
            looks.forget()
        if stepwise and enough():
            break
        found, parents, by = [], [], []
        for number, image in enumerate(images):
            states, before = asked[image.move.action.name]
            successors, sources = image.successors(states)
            first = visited.add(successors)
            found.append(successors[first])
            parents.append(sources[first] + before)
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
    reached.depth, reached.ends = depth, list(accumulate(map(len, all_states)))
    reached.entailed = {image.move.action.name: image.entailed for image in images}
    if stop is None:
        looks.look(reached, all_states, images, last=True)
    return reached
