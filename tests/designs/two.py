"""Two registers that have nothing to do with each other, each with bits that are locked: claims about one are decided without the other."""

from typing import Any

from specproof import U64, Bool, Design, State, field, invariant


class Two(State):
    """Both registers and their locks."""

    left: U64 = field("a register")
    right: U64 = field("another")
    left_mask: U64 = field("bits of the first that stay set")
    right_mask: U64 = field("of the other")


two = Design("two", Two, doc="two registers that have nothing to do with each other")
two.shows("left", "right", "left_mask", "right_mask")


@two.initial
def nothing_is_set(s: Two) -> Bool:
    """Nothing is locked either."""
    return s.matches(left=0, right=0, left_mask=0, right_mask=0)


@two.action(by="guest")
def write_left(s: Two, value: U64) -> Two:
    """A write that keeps the locked bits."""
    return s.replace(left=value | s.left_mask)


@two.action(by="guest")
def write_right(s: Two, value: U64) -> Two:
    """The same of the other."""
    return s.replace(right=value | s.right_mask)


@two.action(by="host")
def lock(s: Two, bits: U64) -> Two:
    """Bits of both are locked."""
    return s.replace(left_mask=bits, left=s.left | bits, right_mask=bits, right=s.right | bits)


@invariant("left-stays")
def left_stays(v: Any) -> Bool:
    """The first keeps its locked bits."""
    return (v.left_mask & ~v.left) == 0  # type: ignore[no-any-return]


@invariant("right-stays")
def right_stays(v: Any) -> Bool:
    """The other does."""
    return (v.right_mask & ~v.right) == 0  # type: ignore[no-any-return]
