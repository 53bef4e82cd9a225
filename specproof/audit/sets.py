"""The least sets of assumptions under which a claim holds, by asking about as few sets as possible.

With fewer assumptions there are more runs: what holds under some holds under more, and what fails fails under fewer.
So one answer settles many sets. Most proofs use no assumption, and then one question is enough: without all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

Names = frozenset[str]

#: More assumptions than these, beyond the indispensable ones, are left out one by one: one least set, not all of them.
MOST = 8


@dataclass
class Search:
    """One claim that holds under all of `names`. `used` are those that its proof uses, or None where it does not say.

    `used` only saves questions: a set is called enough when it was asked about.
    """

    names: tuple[str, ...]
    used: Names | None = None
    held: list[Names] = field(default_factory=list)
    failed: list[Names] = field(default_factory=list)
    undecided: list[Names] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held.append(frozenset(self.names))

    def answer(self, given: Names, holds: bool | None) -> None:
        """What came of asking about a set; None: nothing was decided."""
        (self.undecided if holds is None else self.held if holds else self.failed).append(given)
        if self.used is not None and not holds and given >= self.used:
            self.used = None

    def holds(self, given: Names) -> bool | None:
        """Whether the claim holds under exactly these, as far as answers tell; undecided counts as failed. None: unknown."""
        if any(given >= one for one in self.held):
            return True
        if given in self.undecided or any(given <= one for one in self.failed):
            return False
        return None

    def next(self) -> Names | None:
        """The set to ask about next, or None where the least sets are known."""
        nothing: Names = frozenset()
        if not self.used and self.holds(nothing) is None:
            return nothing
        if self.holds(nothing):
            return None
        for name in self.names:
            rest = frozenset(self.names) - {name}
            if self._thought(rest) is None:
                return rest
        needed = self.needed
        if self.holds(needed) is None:
            return needed
        if self.holds(needed):
            return None
        optional = [name for name in self.names if name not in needed]
        candidates = self._subsets(needed, optional) if len(optional) <= MOST else self._one_by_one(needed, optional)
        return next((one for one in candidates if self._thought(one) is None), None) or self._unasked(needed)

    @property
    def needed(self) -> Names:
        """The assumptions without which the claim fails under all the others."""
        return frozenset(name for name in self.names if self._thought(frozenset(self.names) - {name}) is False)

    def least(self) -> list[tuple[str, ...]]:
        """The least sets that were found, each in the order of `names`, the shortest first; some set where the search was cut short."""
        least = [one for one in self.held if all(self.holds(one - {name}) is False for name in one)]
        least = least or [min(self.held, key=len)]
        return sorted({self._ordered(one) for one in least}, key=lambda one: (len(one), [self.names.index(name) for name in one]))

    def _ordered(self, given: Names) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in given)

    def _thought(self, given: Names) -> bool | None:
        """As `holds`, or true where the proof says so and nothing speaks against it."""
        known = self.holds(given)
        return True if known is None and self.used is not None and given >= self.used else known

    def _subsets(self, needed: Names, optional: Sequence[str]) -> Iterable[Names]:
        for size in range(len(optional) + 1):
            for some in combinations(optional, size):
                yield needed | set(some)

    def _one_by_one(self, needed: Names, optional: Sequence[str]) -> Iterable[Names]:
        kept = needed | set(optional)
        for name in optional:
            yield kept - {name}
            if self._thought(kept - {name}):
                kept -= {name}

    def _unasked(self, needed: Names) -> Names | None:
        """What the proof alone says to be enough."""
        return self.used if self.used is not None and self.holds(self.used) is None else None
