"""Which of some things are needed, where all of them together are enough for something and it takes a question to know whether fewer are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def needed(things: Sequence[T], enough: Callable[[list[T]], bool]) -> list[T]:
    """Those of which none can be left out; of several such choices the one that leaving out one after the other, the first first, comes to.

    `enough`: whether some of them are; all are, and with more than are enough so are they. Many are left out by one question where they can be.
    """

    def kept(some: Sequence[T], before: list[T], after: Sequence[T], known: bool) -> list[T]:
        """Those of some that stay, between those that do and those not looked at yet; `known`: they cannot all go."""
        if not some or (not known and enough([*before, *after])):
            return []
        if len(some) == 1:
            return list(some)
        half = len(some) // 2
        first = kept(some[:half], before, [*some[half:], *after], False)
        return first + kept(some[half:], before + first, after, not first)

    return kept(things, [], [], False)
