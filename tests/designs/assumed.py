"""A box and what is assumed of those who put values into it: for tests of the audit of assumptions.

Sources:
    [A]  what everybody says
    [B]  nobody in
         particular
"""

from typing import Any

from specproof import U64, Bool, Design, State, Word, field, implies, invariant, reachable, relation


class Box(State):
    value: U64 = field("what is in the box")
    label: U64 = field("what the box says is in it")
    used: Bool = field("something was put into it")


box = Design("box", Box, doc="A box")


@box.initial
def empty(s: Box) -> Bool:
    return s.matches(value=0, used=False)


@box.action(by="anybody")
def put(s: Box, value: U64) -> Box:
    """Puts a value into the box."""
    return s.replace(value=value, used=True)


@box.assumption("small", of=("put",))
def small(s: Box, value: Word) -> Bool:
    """What is put into it has eight bits. [A]"""
    return (value & ~constant(0xFF)) == 0


@box.assumption("even", of=("put",))
def even(s: Box, value: Word) -> Bool:
    """What is put into it is even. [A]"""
    return ~value.bit(0)


@box.assumption("odd", of=("put",), instead_of="even")
def odd(s: Box, value: Word) -> Bool:
    """What is put into it is odd; [B] says so."""
    return value.bit(0)


@box.assumption("labelled", of=("initial",))
def labelled(s: Box) -> Bool:
    """The label is the empty box's. [A]"""
    return s.label == 0


def constant(value: int) -> Word:
    """A constant."""
    from specproof import word

    return word(value)


box.shows("value", "label", "used")


@invariant("needs-nothing")
def needs_nothing(v: Any) -> Bool:
    """An unused box is empty."""
    return implies(~v.used, v.value == 0)


@invariant("needs-small")
def needs_small(v: Any) -> Bool:
    """No bit above 15."""
    return (v.value & ~constant(0xFFFF)) == 0


@invariant("needs-small-and-even")
def needs_small_and_even(v: Any) -> Bool:
    """An even number of eight bits."""
    return (v.value & ~constant(0xFE)) == 0


@invariant("needs-small-or-even")
def needs_small_or_even(v: Any) -> Bool:
    """Not both bit 0 and bit 9."""
    return ~(v.value.bit(0) & v.value.bit(9))


@invariant("needs-labelled")
def needs_labelled(v: Any) -> Bool:
    """The label stays as it was made."""
    return v.label == 0


@invariant("saved-by-odd")
def saved_by_odd(v: Any) -> Bool:
    """What was put is odd."""
    return implies(v.used, v.value.bit(0))


@invariant("saved-by-nothing")
def saved_by_nothing(v: Any) -> Bool:
    """Nothing is ever put into it."""
    return ~v.used


@reachable("can-be-used")
def can_be_used(v: Any) -> Bool:
    """Something is put into it."""
    return v.used


@reachable("can-be-even")
def can_be_even(v: Any) -> Bool:
    """Something even is put into it."""
    return v.used & ~v.value.bit(0)


@relation("no-such-sides", left="virtualized", right="emulated")
def no_such_sides(a: Any, b: Any) -> Bool:
    """A box has no such configurations, so this is not asked."""
    return implies(a.used, b.used)
