"""Which actions the steps of a violating run of some length can be, by the slice: where Z3 is asked about that length, it need not try others."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property

import numpy as np

from specproof.explore import Reached
from specproof.image import Image, explored, member
from specproof.layout import Compiled, States, TooLarge
from specproof.program import Array
from specproof.slice import Slice


class Ways:
    """What an exploration says of violating runs: each shows a run of the slice at the position at which the property fails."""

    def __init__(self, slice_: Slice, reached: Reached) -> None:
        """Nothing is worked out yet."""
        self.slice, self.reached = slice_, reached

    def to(self, claim: str, length: int) -> Sequence[Set[str]] | None:
        """For each step of a run of `length` steps that violates a property, and that no shorter run does, the actions that it can be.

        None where that is not known: not so many levels were explored, the slice does not have all runs, or it has no room for
        a constant that only the claim brings along.
        """
        try:
            programs, steps = self.slice.programs(claim), self.slice.properties[claim].steps
        except TooLarge:
            return None
        last = length - 1 if steps else length
        if length == 0 or last > self.reached.depth or self.slice.system.couple is not None:
            return None
        found: list[Set[str]] = []
        states = self._within(last)
        if steps:
            ends = {name: self._violates(compiled, name, last) for name, compiled in programs.items() if name is not None}
            found.append({name for name, shown in ends.items() if shown.any()})
            goal = np.logical_or.reduce([*ends.values()])
        else:
            goal = self._violates(programs[None], "", last)
        for at in reversed(range(last)):
            wanted, states = np.sort(states[goal]), self._within(at)
            goal, names = np.zeros(len(states), dtype=np.bool_), set()
            for image in self._images:
                after, sources = image.steps(states)
                there = member(after, wanted)
                if there.any():
                    names.add(image.move.action.name)
                    goal[sources[there]] = True
            found.append(names)
        return found[::-1]

    @cached_property
    def _images(self) -> list[Image]:
        """What each action does in the states that were explored."""
        return explored(self.slice, self.reached.entailed)

    def _within(self, steps: int) -> States:
        """The states that were found in no more than so many steps."""
        return self.reached.states[: self.reached.ends[steps]]

    def _violates(self, compiled: Compiled, action: str, depth: int) -> Array:
        """Which states found in so many steps show a violation, by a step of the action if there is one."""
        states = self._within(depth)
        numbers = self.reached.fires[action].numbers(end=len(states)) if action else np.arange(len(states))
        found = np.zeros(len(states), dtype=np.bool_)
        for part in compiled.blocks(len(numbers)):
            steps = compiled.steps(self.slice.layout, states[numbers[part]], self.reached.entailed.get(action, set()))
            found[numbers[part]] = steps.show(1)
        return found
