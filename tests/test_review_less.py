"""Ways to keep a claim by doing less, which the verdict of a review names: starts, inputs, steps, demands, and reasons not to be asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from specproof import U32, U64, Bool, Design, State, Word, field, frozen, ghost, invariant
from specproof.review.compare import review
from specproof.review.jsonform import text as json_text
from specproof.review.line import line
from specproof.review.paper import document
from specproof.review.sides import Side


class Door(State):
    """A door, what is asked of it, and on what it stands."""

    open_bits: U64 = field("what is open")
    barred: U64 = field("what must stay shut")
    sunken: Bool = frozen("the house has sunk")


class Gate(Door):
    """A door with a bell."""

    bell: U64 = field("how often it rang")


@invariant("shut-stays-shut")
def shut_stays_shut(v: Any) -> Bool:
    """Nothing that is barred is open."""
    return (v.opened & v.required_mask) == 0  # type: ignore[no-any-return]


def door(
    state: type[Door] = Door, bars: int = (1 << 64) - 1, starts: Callable[[Any], Bool] = lambda s: s.open_bits == 0,
    setting: Callable[[Any], Bool] = lambda s: ~s.sunken, never: Callable[[Any], Bool] = lambda s: s.sunken == s.sunken,
) -> Design[Door]:  # fmt: skip
    """A door: what is barred is shut."""
    design = Design("door", state, doc="a door")
    design.initial(starts)
    design.setting("even", setting)
    design.configure("even")

    @design.action(by="house", guard=never)
    def bar(s: Door, bits: U64) -> Door:
        """The house bars it."""
        return s.replace(barred=bits & bars, open_bits=s.open_bits & ~(bits & bars))

    @design.action(by="guest")
    def push(s: Door, bits: U64) -> Door:
        """A guest pushes."""
        return s.replace(open_bits=bits & ~s.barred)

    @design.view
    def opened(s: Door) -> Word:
        """What is open."""
        return s.open_bits

    @design.view
    def required_mask(s: Door) -> Word:
        """What must be shut."""
        return s.barred

    return design


def reviewed(new: Design[Door], old: Design[Door] | None = None, **given: Any) -> Any:
    """The change from a door to another one."""
    sides = old or door(starts=lambda s: (s.open_bits & s.barred) == 0), new
    return review(*(Side(name, design, (shut_stays_shut,)) for name, design in zip(("old", "new"), sides, strict=True)), **given)


def test_fewer_starts_are_seen_through_a_field_more() -> None:
    """That the states are not the same ones must not hide that the new design starts in fewer of those that both have."""
    found = reviewed(door(Gate))

    assert found.code == 0 and found.less == ("it does not start in every state in which the old design does",)
    assert "Less is asked of it than of old: it does not start in every state in which the old design does." in line(found)


def test_a_setting_that_takes_in_less_is_seen() -> None:
    """What a configuration pins is no variable any more, and a field that it pins to another value is another configuration."""
    free = door(setting=lambda s: s.sunken | ~s.sunken)

    assert reviewed(door(), free).less == ("it does not start in every state in which the old design does",)
    assert reviewed(door(setting=lambda s: s.sunken), door()).less == ("it does not start in every state in which the old design does",)
    assert reviewed(free, door()).less == ()


def test_an_input_that_is_gone_or_narrower_is_said() -> None:
    """What is no longer tried cannot break anything."""

    def narrow(s: Door, bits: U32) -> Door:
        """Half a push."""
        return s.replace(open_bits=bits.zext(64) & ~s.barred)

    def none(s: Door) -> Door:
        """Nobody pushes."""
        return s.replace(open_bits=s.open_bits)

    old = door()

    assert reviewed(old.but("new", push=narrow), old).less == ("it does not take every bits of push",)
    assert reviewed(old.but("new", push=none), old).less == ("it does not take every bits of push",)


def test_an_action_that_happens_in_fewer_states_is_said() -> None:
    """A guard may be stronger: then the action is in fewer runs."""
    found = reviewed(door(never=lambda s: s.barred == 0), door())

    assert found.less == ("it does not take bar in every state in which the old design does",)
    assert reviewed(door(never=lambda s: ~(s.barred != s.barred)), door()).less == ()


def test_a_reason_not_to_be_asked_is_said() -> None:
    """Of another design a reason is taken; that a claim which held is no longer asked is in the verdict."""
    new = door(Gate, starts=lambda s: (s.open_bits & s.barred) == 0).but("gate", without=("required_mask",))
    new.lacks(required_mask="a gate demands nothing")
    found = reviewed(new)

    assert [(change.claim, change.fate) for change in found.claims] == [("shut-stays-shut", "not asked")]
    assert found.less == ("it says why it is not asked shut-stays-shut",)


def test_a_demand_that_differs_is_said() -> None:
    """Both keep what is demanded; fed the same, less is demanded of the new one, which no claim can see."""
    found = reviewed(door(bars=(1 << 64) - 2), door())

    assert found.code == 0 and [(change.claim, change.fate) for change in found.claims] == [("shut-stays-shut", "kept")]
    assert "What is demanded is another: required-mask differs after 1 step, fed the same inputs." in line(found)
    assert ("required-mask", "even: differs after 1 step: 1 before the change, 0 after it") in [row for one in document(found) for row in one.rows]
    (one,) = json.loads(json_text([found]))["reviews"][0]["demand"]
    assert (one["observable"], one["outcome"], one["steps"][0]["action"]) == ("required-mask", "differs", "bar")


def test_the_same_demand_is_not_worth_a_word() -> None:
    """Where what is done changes and what is demanded does not."""

    def push(s: Door, bits: U64) -> Door:
        """A guest pushes, and half of it gives way."""
        return s.replace(open_bits=bits & ~s.barred & 0xFFFFFFFF)

    old = door()
    found = reviewed(old.but("new", push=push), old)

    assert all(one.searched for one in found.demand) and found.demand
    assert "demanded" not in line(found)
    assert all(one.same for one in reviewed(old.but("new", push=push), old, exhaustive=True).demand)


class Letter(State):
    """What somebody wrote, and what the proof knows of it."""

    ink: U64 = field("what stands there")
    meant: U64 = ghost("what was written")


def letter(keeps: int = (1 << 64) - 1) -> Side:
    """What stands there is what was written, of which the proof remembers some bits."""
    design = Design("letter", Letter, doc="a letter")
    design.initial(lambda s: (s.ink == 0) & (s.meant == 0))

    @design.action(by="guest")
    def write(s: Letter, text: U64) -> Letter:
        """Somebody writes."""
        return s.replace(ink=text & keeps, meant=text & keeps)

    @design.view
    def stands(s: Letter) -> Word:
        """What stands there."""
        return s.ink

    @design.view
    def written(s: Letter) -> Word:
        """What was written."""
        return s.meant

    return Side("letter", design, (reads_as_written,))


@invariant("reads-as-written")
def reads_as_written(v: Any) -> Bool:
    """What stands there is what was written."""
    return v.stands == v.written  # type: ignore[no-any-return]


def test_what_only_the_proof_remembers_is_compared_as_a_demand() -> None:
    """A ghost that is set to what the design does, and not to what it should do, keeps every claim."""
    found = review(letter().named("old"), letter(keeps=3).named("new"))

    assert [change.fate for change in found.claims] == ["kept"] and [one.name for one in found.demand] == ["written"]
    assert "What is demanded is another: written differs after 1 step, fed the same inputs." in line(found)


def test_a_configuration_that_the_new_design_alone_has_is_said_to_be_unasked() -> None:
    """There is nothing to compare it with, and it may be where nobody is protected."""
    new = door()
    new.setting("sunk", lambda s: s.sunken)
    new.configure("even", "sunk")

    assert "Nothing is asked in sunk, which new alone has." in line(reviewed(new, door()))


def test_a_demand_that_is_no_longer_offered_is_compared_as_it_was() -> None:
    """The same design cannot say why nothing is demanded of it any more."""
    new = door(bars=(1 << 64) - 2).but("door", without=("required_mask",))
    new.lacks(required_mask="a door demands nothing")

    assert "What is demanded is another: required-mask differs after 1 step, fed the same inputs." in line(reviewed(new, door()))
