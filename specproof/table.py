"""Numbers for 64-bit values: a hash table that is asked, and added to, a whole array at a time.

What a search over packed states asks most is "which of these did I see before?". Sorting answers it too, ten times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Values = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

#: The multiplier spreads values over the slots. A slot without a value has the number -1.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Table:
    """Different values, numbered from 0 in the order in which they were added."""

    def __init__(self, bits: int = 8) -> None:
        """`bits`: with room for a quarter of two to this many values, for a start."""
        self.values: Values = np.empty(0, dtype=np.uint64)
        self._make(bits)

    def __len__(self) -> int:
        return len(self.values)

    def _make(self, bits: int) -> None:
        self._bits = bits
        self._slots: Values = np.zeros(1 << bits, dtype=np.uint64)
        self._numbers: Numbers = np.full(1 << bits, -1)

    def _slot(self, values: Values) -> Numbers:
        return ((values * _SPREAD) >> np.uint64(64 - self._bits)).view(np.int64)

    def find(self, values: Values) -> Numbers:
        """The number of each value, -1 where it is not in the table."""
        slot = self._slot(values)
        found = self._numbers[slot]
        rest = (self._slots[slot] != values).nonzero()[0]
        while len(rest):
            rest = rest[found[rest] >= 0]  # a slot that another value has: look in the next one
            slot[rest] = next_ = (slot[rest] + 1) & ((1 << self._bits) - 1)
            found[rest] = self._numbers[next_]
            rest = rest[self._slots[next_] != values[rest]]
        return found

    def add(self, values: Values) -> Numbers:
        """Where each value that is not in the table stands in `values` first; they are in it from now on, in this order."""
        return self._add(values, self.find(values))

    def numbered(self, values: Values) -> tuple[Numbers, Numbers]:
        """The number of each value, all of them in the table now; and what `add` says."""
        found = self.find(values)
        first = self._add(values, found)
        if len(first):
            rest = (found < 0).nonzero()[0]
            found[rest] = self.find(values[rest])
        return found, first

    def _add(self, values: Values, found: Numbers) -> Numbers:
        new = (found < 0).nonzero()[0]
        if not len(new):
            return new
        count = len(self.values)
        self._room(count + len(new))
        place, slot = self._put(values[new])
        order = np.argsort(place, kind="stable")  # nearly in order
        first: Numbers = new[place[order]]
        self._numbers[slot[order]] = np.arange(count, count + len(first))
        self.values = np.concatenate([self.values, values[first]])
        return first

    def _put(self, values: Values) -> tuple[Numbers, Numbers]:
        """Gives each different value a slot: where it stands first, and its slot, whose number is still to be written."""
        waiting = np.arange(len(values))
        slot = self._slot(values)
        places: list[Numbers] = []
        slots: list[Numbers] = []
        while len(waiting):
            free = (self._numbers[slot] < 0).nonzero()[0]
            wanted, bid = slot[free], len(values) - waiting[free]
            np.maximum.at(self._numbers, wanted, bid)  # the first of those that want a slot gets it
            got = free[self._numbers[wanted] == bid]
            self._slots[slot[got]] = values[waiting[got]]
            places.append(waiting[got])
            slots.append(slot[got])
            on = self._slots[slot] != values[waiting]
            waiting, slot = waiting[on], (slot[on] + 1) & ((1 << self._bits) - 1)
        return np.concatenate(places), np.concatenate(slots)

    def _room(self, count: int) -> None:
        """Room for as many values: no more than half of the slots are taken."""
        if count * 2 > 1 << self._bits:
            self._make((count * 4 - 1).bit_length())
            if len(self.values):
                place, slot = self._put(self.values)
                self._numbers[slot] = place
