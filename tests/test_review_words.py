"""What could hide a loss and does not: other words of a claim, claims that are taken away or could not be asked, and older defects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from specproof import U32, U64, Bool, Claim, Design, State, Word, field, frozen, select, step
from specproof.errors import ModelError
from specproof.load import library
from specproof.models import acrn as acr
from specproof.review.compare import review
from specproof.review.jsonform import text as json_text
from specproof.review.junit import text as junit_text
from specproof.review.line import line
from specproof.review.paper import document
from specproof.review.sides import Side
from specproof.verdict import Unknown

EVERY = (1 << 64) - 1


class Box(State):
    """A word of which some bits are locked."""

    word: U64 = field("what is in the box")
    lock: U64 = frozen("the bits that stay")


def box(name: str, claims: tuple[Claim, ...], keeps: int = EVERY) -> Side:
    """The locked bits stay, those of `keeps` at least."""
    design = Design(name, Box, doc="a box")
    design.initial(lambda s: s.word == 0)

    def write(s: Box, value: U64) -> Box:
        """A write."""
        lock = s.lock & keeps
        return s.replace(word=(s.word & lock) | (value & ~lock))

    def inside(s: Box) -> Word:
        return s.word

    def locked(s: Box) -> Word:
        return s.lock

    design.action(by="guest")(write)
    design.view(inside)
    design.view(locked)
    return Side(name, design, claims)


def stays(but: int = EVERY) -> Claim:
    """That locked bits stay, or those among some."""

    @step("locked-bits-stay")
    def stays(before: Any, after: Any) -> Bool:
        """A locked bit does not change."""
        return ((before.inside ^ after.inside) & before.locked & but) == 0  # type: ignore[no-any-return]

    return stays


def test_a_claim_that_is_weakened_with_the_design_is_asked_as_it_was() -> None:
    """The new words hold of both; what the claim said before is lost, and the report names both."""
    found = review(box("old", (stays(),)), box("new", (stays(EVERY - 1),), keeps=EVERY - 1))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "kept", "locked-bits-stay as it was": "lost"}
    assert found.code == 1
    assert line(found).startswith("old -> new: do not take it as it is: it loses what held before.")
    assert "Runs of new break locked-bits-stay as it was (1 step), which held before." in line(found)
    assert ("claims that have other words now", ("locked-bits-stay",)) in found.only
    lost = next(change for change in found.claims if change.fate == "lost")
    assert lost.story is not None and lost.story.sentence == "A locked bit does not change."


def test_the_claim_that_is_named_is_asked_as_it_was_too() -> None:
    """`--claim` does not cut off what it said before."""
    found = review(box("old", (stays(),)), box("new", (stays(EVERY - 1),), keeps=EVERY - 1), claims=["locked-bits-stay"])

    assert [change.fate for change in found.claims] == ["kept", "lost"]


def test_a_claim_that_is_taken_away_is_asked_all_the_same() -> None:
    """Of the design that no longer keeps it, and of one that does."""
    gone = review(box("old", (stays(),)), box("new", (), keeps=0))
    kept = review(box("old", (stays(),)), box("new", ()))

    assert [(change.claim, change.fate) for change in gone.claims] == [("locked-bits-stay", "lost")] and gone.code == 1
    assert [(change.claim, change.fate) for change in kept.claims] == [("locked-bits-stay", "kept")] and kept.code == 0
    assert gone.only == kept.only == (("claims of old alone", ("locked-bits-stay",)),)


def test_the_same_words_written_again_are_one_claim() -> None:
    """As where one file is loaded at two revisions."""
    found = review(box("old", (stays(),)), box("new", (stays(),), keeps=3))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "lost")]
    assert found.only == ()


def blind(name: str) -> Side:
    """A box into which nobody sees."""
    design = Design(name, Box, doc="a closed box")
    design.initial(lambda s: s.word == 0)
    design.action(by="guest")(write_over)
    design.view(inside_alone)
    return Side(name, design, (stays(),))


def write_over(s: Box, value: U64) -> Box:
    """A write of everything."""
    return s.replace(word=value)


def inside_alone(s: Box) -> Word:
    return s.word


inside_alone.__name__ = "inside"


def test_where_the_new_design_could_be_asked_nothing_it_is_not_settled() -> None:
    """That a claim was asked of the old design alone says nothing of the change; machines are told so too."""
    found = review(box("old", (stays(),)), blind("new"), claims=["locked-bits-stay"])

    assert found.code == 3 and line(found).startswith("old -> new: not settled.")
    suite = ElementTree.fromstring(junit_text([found]).split("\n", 1)[1]).find("testsuite")
    assert suite is not None and int(suite.get("errors", "0")) >= 1
    assert json.loads(json_text([found]))["reviews"][0]["exit"] == 3


def test_what_is_open_of_the_behaviour_is_in_the_first_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3 and a line that says that nothing is lost would not fit."""
    open_: Callable[..., dict[str, Any]] = lambda pair, systems, names, *_: {name: Unknown("none", "its limit was reached") for name in names}  # noqa: E731
    monkeypatch.setattr("specproof.review.observe._verdicts", open_)
    found = review(box("old", (stays(),)), box("new", (stays(),), keeps=3), claims=[])
    kept = review(box("old", (stays(3),)), box("new", (stays(3),), keeps=3))

    assert found.code == 1
    assert kept.code == 3 and line(kept).startswith("old -> new: not settled. Nothing is shown to be lost, but whether ")
    assert line(kept).split(". ")[1].endswith("can differ is open")
    assert 'errors="1"' in junit_text([kept])


def leaky(name: str, keeps: int, closed: bool = False) -> Side:
    """A box in which locked bits can be flipped; a write keeps some at least. Once `closed` it is never flipped twice."""
    side = box(name, (stays(),), keeps)

    def flip(s: Box) -> Box:
        """A defect that both have."""
        return s.replace(word=~s.word)

    side.design.action(by="guest", guard=(lambda s: s.word == 0) if closed else (lambda s: s.word == s.word))(flip)
    return side


def test_a_new_defect_is_not_hidden_by_an_old_one() -> None:
    """The claim is refuted by one step before and after; by another the new design alone breaks it."""
    found = review(leaky("old", EVERY), leaky("new", EVERY - 1))

    (change,) = found.claims
    assert (change.fate, found.code) == ("worse", 1)
    assert change.run is not None and [step.action for step in change.run.trace.steps] == ["write"]
    assert line(found).startswith("old -> new: do not take it as it is: it breaks what was broken in other runs only.")
    assert "Runs of new break locked-bits-stay (1 step), and old goes through them unharmed, though others break it too." in line(found)
    assert change.story is not None and change.story.moments[-1]["word"] == 1
    assert 'failures="1"' in junit_text([found])


def waits(s: acr.Cpu) -> acr.Cpu:
    """IBPB before every entry of a vCPU but the first."""
    barred = select(s.raw & acr.current(s).launched, acr.ibpb(s), s)
    return acr.with_current(barred, acr.current(s).replace(launched=True))


def test_a_new_defect_that_nothing_shows_but_the_claim_is_not_hidden_either() -> None:
    """Who trained the predictors is no observable: the claim's own run is fed to the old design, which lacks the barrier elsewhere."""
    known = (library().claim("no-foreign-predictions"),)
    old, new = Side("acrn", acr.acrn, known), Side("waits", acr.acrn.but("waits", run_vcpu=waits), known)

    found = review(old, new, configuration="raw")

    (change,) = found.claims
    assert (change.fate, found.code) == ("worse", 1)
    assert change.run is not None and (change.run.trace.length, change.run.shortest) == (3, True)


def test_an_old_defect_alone_is_no_loss() -> None:
    """Where the new design breaks the claim only as the old one does."""
    found = review(leaky("old", EVERY), leaky("new", EVERY, closed=True))

    assert [(change.fate, change.same_run) for change in found.claims] == [("still refuted", True)] and found.code == 0


def test_what_one_side_alone_can_do_is_said_to_be_possible_there() -> None:
    """The step is told, and on which side it can be taken."""
    found = review(leaky("old", EVERY), leaky("new", EVERY, closed=True))

    course = next(one for one in found.behaviours if one.name == "course")
    assert (course.before, course.after) == ("possible", "impossible")
    assert course.moments[-1].old[0] == ("can be taken", "true") and course.moments[-1].new[0] == ("can be taken", "false")


class Crate(Box):
    """A box with a label."""

    label: U64 = frozen("what is written on it")


def measured(name: str, keeps: int = EVERY, shows: int = EVERY, demands: int = EVERY, state: type[Box] = Box) -> Design[Box]:
    """A box that keeps the bits of `keeps`. Of its lock `shows` get through a helper, and of these `demands` through the view."""
    design = Design(name, state, doc="a box")
    design.initial(lambda s: s.word == 0)

    @design.function
    def found(s: Box) -> Word:
        """The word, as one comes by it."""
        return s.word

    @design.function
    def through(s: Box) -> Word:
        """What of the lock is let through."""
        return s.lock & shows

    @design.action(by="guest")
    def write(s: Box, value: U64) -> Box:
        """A write."""
        lock = s.lock & keeps
        return s.replace(word=(found(s) & lock) | (value & ~lock))

    @design.view
    def inside(s: Box) -> Word:
        """The word."""
        return found(s)

    @design.view
    def locked(s: Box) -> Word:
        """The bits that stay."""
        return through(s) & demands

    return design


def asked(design: Design[Box]) -> Side:
    """Whether its locked bits stay."""
    return Side(design.name, design, (stays(),))


@pytest.mark.parametrize("weakened", ["demands", "shows"])
def test_a_claim_that_is_weakened_through_a_view_is_asked_as_it_was(weakened: str) -> None:
    """By the view's own text, or, of what is demanded, by a helper: the claim holds of both, and through the old view no longer."""
    found = review(asked(measured("box")).named("old"), asked(measured("box", EVERY - 1, **{weakened: EVERY - 1})).named("new"))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "kept", "locked-bits-stay as it was": "lost"}
    assert found.code == 1 and found.through == ("locked",)
    assert "locked is computed otherwise, so what speaks of it is asked as it was, too." in line(found)
    assert ("views that are computed otherwise", ("locked",)) in found.only
    lost = next(change for change in found.claims if change.fate == "lost")
    assert lost.story is not None and lost.story.formula is not None and "locked_as_it_was" in lost.story.formula.text
    assert found.formulas[0].actions[0] == "locked (a view)"
    assert found.formulas[0].closed.after.endswith(" & ~1")
    assert found.formulas[0].closed.words.endswith(" has no bit of 1")


def test_a_view_that_is_weaker_alone_loses_nothing_and_is_named() -> None:
    """What the design does is the same; that the two are the same term by term would hide that less is demanded of it from now on."""
    found = review(asked(measured("box")).named("old"), asked(measured("box", demands=EVERY - 1)).named("new"))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "kept", "locked-bits-stay as it was": "kept"}
    assert found.code == 0 and not found.identical
    assert line(found).startswith("old -> new: nothing is lost. locked is computed otherwise")
    assert "as they were: locked-bits-stay" in [text for one in document(found) for row in one.rows for text in row]


def test_a_view_that_is_no_longer_offered_is_computed_in_the_old_way() -> None:
    """A reason why it cannot be offered does not take the claim away from a variant."""
    old = measured("box")
    new = old.but("blind", write=write_over, without=("locked",))
    new.lacks(locked="nobody looks at locks any more")
    found = review(asked(old), asked(new))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "not asked", "locked-bits-stay as it was": "lost"}
    assert found.code == 1


def test_through_the_views_of_another_design_nothing_is_asked() -> None:
    """Two designs with other fields may mean other things by the same name; that the demand is another is said."""
    found = review(asked(measured("box")), asked(measured("crate", demands=EVERY - 1, state=Crate)))

    assert [change.claim for change in found.claims] == ["locked-bits-stay"] and found.code == 0
    assert found.through == () and found.demands == ("locked",)
    assert "What is demanded is another: locked is computed otherwise." in line(found)
    assert json.loads(json_text([found]))["reviews"][0]["views"] == {"through": [], "demands": ["locked"], "rewritten": []}


def test_a_view_that_demands_nothing_follows_its_helper() -> None:
    """What it reads may have moved; only of what is demanded another helper is taken for another demand."""
    old = measured("box")
    found = review(asked(old), asked(old.but("other", found=lambda s: s.word & 1)))

    assert [change.claim for change in found.claims] == ["locked-bits-stay"] and found.through == found.demands == ()
    assert ("views that are computed otherwise", ("inside",)) in found.only
    assert "inside calls a helper that is another one now, and sees something else." in line(found)


def test_what_is_not_asked_of_the_new_design_is_said() -> None:
    """Fewer actions, another assumption and fewer starts are ways to gain a claim."""
    old = leaky("old", EVERY).design
    new = old.but("new", write=write_over, initial=lambda s: (s.word == 0) & (s.lock == 1), without=("flip",))

    @new.assumption("no-odd-value", of=("write",))
    def no_odd_value(s: Box, value: Word) -> Bool:
        """Nobody writes an odd value."""
        return (value & 1) == 0

    found = review(Side("old", old, (stays(),)), Side("new", new, (stays(),)))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "gained")]
    assert found.less == ("it has no flip", "it assumes no-odd-value", "it does not start in every state in which the old design does")
    assert f"Less is asked of it than of old: {'; '.join(found.less)}." in line(found)
    assert json.loads(json_text([found]))["reviews"][0]["less"] == list(found.less)


def test_an_assumption_that_says_more_is_said() -> None:
    """Under its old name it would be taken for what it was."""
    old = box("old", (), 0).design
    old.assumption("small", of=("write",))(lambda s, value: value < 2)
    new = old.but("new")
    new.assumption("small", of=("write",))(lambda s, value: value == 0)
    found = review(Side("old", old, (stays(),)), Side("new", new, (stays(),)))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "gained")]
    assert found.less == ("it takes small otherwise",)


class Tray(State):
    """A box whose lock has another name."""

    word: U64 = field("what is in the box")
    bolts: U64 = frozen("the bits that stay")


def tray(keeps: int = EVERY, demands: int = EVERY) -> Design[Tray]:
    """The box with the lock's other name."""
    design = Design("box", Tray, doc="a box")
    design.initial(lambda s: s.word == 0)

    @design.action(by="guest")
    def write(s: Tray, value: U64) -> Tray:
        """A write."""
        bolts = s.bolts & keeps
        return s.replace(word=(s.word & bolts) | (value & ~bolts))

    @design.view
    def inside(s: Tray) -> Word:
        """The word."""
        return s.word

    @design.view
    def locked(s: Tray) -> Word:
        """The bits that stay."""
        return s.bolts & demands

    return design


def test_a_field_under_another_name_and_with_the_same_words_is_the_same_field() -> None:
    """Views of it are looked at as they were, too; where they see the same, there is nothing to say."""
    old = asked(measured("box"))
    honest = review(old.named("old"), Side("new", tray(), (stays(),)))
    weak = review(old.named("old"), Side("new", tray(EVERY - 1, EVERY - 1), (stays(),)))

    assert {change.claim: change.fate for change in honest.claims} == {"locked-bits-stay": "kept"} and honest.through == ()
    assert {change.claim: change.fate for change in weak.claims} == {"locked-bits-stay": "kept", "locked-bits-stay as it was": "lost"}
    assert weak.code == 1 and weak.through == ("locked",)


def glass(name: str, keeps: int, shows: int) -> Side:
    """A box that is looked into through a glass, which nothing but a view uses."""
    design = Design(name, Box, doc="a box behind a glass")
    design.initial(lambda s: s.word == 0)

    @design.function
    def behind(s: Box) -> Word:
        """What the glass shows."""
        return s.word & shows

    @design.action(by="guest")
    def write(s: Box, value: U64) -> Box:
        """A write."""
        lock = s.lock & keeps
        return s.replace(word=(s.word & lock) | (value & ~lock))

    @design.view
    def inside(s: Box) -> Word:
        """What can be seen."""
        return behind(s)

    @design.view
    def locked(s: Box) -> Word:
        """The bits that stay."""
        return s.lock

    return Side(name, design, (stays(),))


def test_a_helper_that_no_action_calls_is_part_of_the_view() -> None:
    """A view that is weakened through it is weakened by its text, and what can be seen is seen as before, too."""
    found = review(glass("old", EVERY, EVERY), glass("new", EVERY - 1, EVERY - 1))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "kept", "locked-bits-stay as it was": "lost"}
    assert found.through == ("inside",) and found.code == 1
    assert [one.name for one in found.behaviours if one.differs] == ["inside"]


def test_a_view_that_is_written_otherwise_and_sees_the_same_is_the_same() -> None:
    """Other words for one thing change nothing, and nothing is said of them."""
    old = measured("box")
    found = review(asked(old).named("old"), asked(old.but("other", locked=lambda s: ~(~s.lock & (s.word | ~s.word)))))

    assert [change.claim for change in found.claims] == ["locked-bits-stay"] and found.through == ()
    assert line(found).startswith("old -> other: both are the same")


def test_that_a_view_of_another_design_is_another_is_said() -> None:
    """It is not asked through the old one, which may mean something else there; a reviewer must know."""
    crate = measured("crate", keeps=EVERY - 1, state=Crate).but("crate", inside=lambda s: s.word & (EVERY - 1))
    found = review(asked(measured("box")), asked(crate))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "kept")] and found.rewritten == ("inside",)
    assert "inside is computed otherwise, and what speaks of it is asked as it is now alone." in line(found)


def test_a_claim_of_views_that_only_the_new_design_has_does_not_stand_for_the_old_one() -> None:
    """Under another name of the design, and with another view in the claim, it says another thing, though neither can be asked of both."""

    @step("locked-bits-stay")
    def weaker(before: Any, after: Any) -> Bool:
        """A bit of those that are still locked does not change."""
        return ((before.inside ^ after.inside) & before.left) == 0  # type: ignore[no-any-return]

    new = measured("copy", keeps=EVERY - 1).but("copy", without=("locked",))
    new.view(left)
    found = review(asked(measured("box")), Side("copy", new, (weaker,)))

    assert {change.claim: change.fate for change in found.claims} == {"locked-bits-stay": "new", "locked-bits-stay as it was": "dropped"}
    assert found.code == 3 and "locked-bits-stay as it was can no longer be asked" in line(found)


def left(s: Box) -> Word:
    """What is left of the lock."""
    return s.lock & (EVERY - 1)


def test_what_a_guard_reads_is_needed_though_nothing_that_is_seen_depends_on_it() -> None:
    """A word that only decides what can happen next is a field of both sides, whatever the views are."""
    old, new = leaky("old", EVERY).design, leaky("new", EVERY, closed=True).design
    for design in (old, new):
        del design.views["inside"]
    found = review(Side("old", old, ()), Side("new", new, ()))

    assert {one.name: one.differs for one in found.behaviours} == {"locked": False, "course": True}


def test_that_both_are_the_same_does_not_hide_that_neither_protects() -> None:
    """What the first sentence does not name is named later."""
    side = leaky("old", EVERY)
    side = Side(side.label, side.design, (replace(stays(), name="enforcement"), stays()))
    found = review(side, side.named("new"))

    assert found.identical and "Broken before and after: enforcement and locked-bits-stay." in line(found)


class Casket(State):
    """A box with a smaller word."""

    word: U32 = field("what is in the box")
    lock: U32 = frozen("the bits that stay")


def test_a_view_of_another_width_is_neither_asked_as_it_was_nor_passed_over() -> None:
    """The old text sees a word of another width in the new field, which no claim about the old one fits."""
    design = Design("box", Casket, doc="a small box")
    design.initial(lambda s: s.word == 0)
    design.view(inside_small)
    design.view(locked_small)
    design.action(by="guest")(keep)

    @step("locked-bits-stay")
    def still(before: Any, after: Any) -> Bool:
        """A locked bit does not change."""
        return ((before.inside ^ after.inside) & before.locked) == 0  # type: ignore[no-any-return]

    found = review(box("box", (still,)).named("old"), Side("new", design, (still,)))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "kept")]
    assert found.through == () and found.demands == ("locked",) and found.rewritten == ()
    assert "Not compared, since they have another width: inside and locked." in line(found)


def inside_small(s: Casket) -> Word:
    return s.word


def locked_small(s: Casket) -> Word:
    return s.lock


inside_small.__name__, locked_small.__name__ = "inside", "locked"


def keep(s: Casket, value: U32) -> Casket:
    """A write."""
    lock = s.lock
    return s.replace(word=(s.word & lock) | (value & ~lock))


def test_what_was_left_out_of_the_comparison_is_in_the_verdict() -> None:
    """Where an action has another name, nothing differs because it never happens on both sides."""
    old, new = leaky("old", EVERY), leaky("new", EVERY)
    new.design.action(by="guest")(write_over)
    found = review(old, new)

    said = "Fed the same inputs and without write_over, which one of them alone has, nothing that can be seen of the two ever differs."
    assert line(found).endswith(said)


def test_that_nobody_can_say_whether_a_view_is_the_same_is_said() -> None:
    """Where the design and its fields have other names and other words, views of both are not known to be one."""
    found = review(asked(measured("box")), Side("chest", chest(), (stays(),)))

    assert [(change.claim, change.fate) for change in found.claims] == [("locked-bits-stay", "kept")] and found.code == 0
    assert found.through == () and (found.rewritten, found.demands) == (("inside",), ("locked",))
    assert "inside is computed otherwise, and what speaks of it is asked as it is now alone." in line(found)


class Chest(State):
    """Another box."""

    filling: U64 = field("the filling")
    bars: U64 = frozen("the bars")


def chest() -> Design[Chest]:
    """A box that does not keep what it shows."""
    design = Design("chest", Chest, doc="a chest")
    design.initial(lambda s: s.filling == 0)

    @design.action(by="guest")
    def write(s: Chest, value: U64) -> Chest:
        """A write."""
        return s.replace(filling=value)

    @design.view
    def inside(s: Chest) -> Word:
        """Not what is inside."""
        return s.filling & ~s.bars

    @design.view
    def locked(s: Chest) -> Word:
        """The bits that stay."""
        return s.bars

    return design


def test_a_view_may_not_pass_for_another_one_as_it_was() -> None:
    """What is seen would be looked at through it."""
    design = measured("box")

    @design.view
    def inside_as_it_was(s: Box) -> Word:
        """Nothing."""
        return s.word & 0

    with pytest.raises(ModelError, match="the view 'inside_as_it_was' has the name of 'inside' as it was before a change; give it another"):
        review(asked(design), asked(design))
