"""Legal names that the engine, its forms and Python use for something else."""

from __future__ import annotations

from specproof import U64, Bool, Design, State, Word, field, invariant, step


class Names(State):
    self: U64 = field("named as what a method is called with")
    condition: U64 = field("named as what `when` is called with")
    action: U64 = field("named as a wire of a waveform")
    by: U64 = field("named as another")
    step: Bool = field("and a third")


names = Design("names", Names, doc="names that mean something elsewhere")


@names.initial
def created(s: Names) -> Bool:
    """All is 0."""
    return s.matches(self=0, condition=0, action=0, by=0, step=False)


@names.action(by="me")
def print(s: Names, self: U64) -> Names:  # noqa: A001 - that is the point
    """An input named `self`."""
    return s.replace(self=self)


@names.action(by="me", guard=lambda s: ~s.step)
def exec(s: Names, state: U64, body: U64) -> Names:  # noqa: A001 - that is the point
    """Inputs with names of the parameters of functions that call it, and a field that `when` has a parameter for."""
    return s.when(state == body, condition=state, step=True)


@names.action(by="größe ✓")
def größe(s: Names, größe: U64) -> Names:
    """Letters that are no ASCII."""
    return s.replace(by=größe)


@names.view
def own(s: Names) -> Word:
    return s.self


@names.view
def condition(s: Names) -> Word:
    return s.condition


@names.view
def ähnlich(s: Names) -> Word:
    return s.by


@invariant("own-stays-0")
def own_stays_0(v) -> Bool:  # type: ignore[no-untyped-def]
    """The word is 0."""
    return v.own == 0


@step("condition-stays")
def condition_stays(before, after) -> Bool:  # type: ignore[no-untyped-def]
    """No step changes it."""
    return before.condition == after.condition


@invariant("ähnlich")
def similar(v) -> Bool:  # type: ignore[no-untyped-def]
    """The word is 0."""
    return v.ähnlich == 0
