"""What is needed of some things: as leaving out one after the other finds it, by fewer questions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from specproof.needed import needed


@given(st.integers(0, 12), st.sets(st.frozensets(st.integers(0, 11)), max_size=4))
def test_needed_is_what_leaving_out_one_by_one_comes_to(count: int, enough_are: set[frozenset[int]]) -> None:
    """Enough is whatever has all of one of some sets; everything is."""
    things = list(range(count))
    sets = [one for one in enough_are if one <= set(things)] or [frozenset(things)]

    def enough(some: list[int]) -> bool:
        return any(one <= set(some) for one in sets)

    left = things[:]
    for thing in things:
        fewer = [other for other in left if other != thing]
        if enough(fewer):
            left = fewer

    assert needed(things, enough) == left


def test_few_of_many_take_few_questions() -> None:
    """Two of a thousand: two ways down, each of ten halves."""
    asked = 0

    def enough(some: list[int]) -> bool:
        nonlocal asked
        asked += 1
        return {17, 700} <= set(some)

    assert needed(range(1000), enough) == [17, 700]
    assert asked <= 2 * 2 * 10
