"""Sanity: designs and claims of which a proof says less than it seems to are found, and their proofs do not count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from specproof import U64, Bool, Claim, Design, State, Word, field, frozen, ghost, implies, invariant, ite, step, word
from specproof.cli import main
from specproof.decide import decide
from specproof.verdict import Proved, Refuted, Result, Unknown, Vacuous

SCHEMA = json.loads((Path(__file__).parents[1] / "specproof" / "schema" / "check.json").read_text())


class Box(State):
    wide: Bool = frozen("a capability")
    mask: U64 = field("bits that stay")
    value: U64 = field("the word")
    open: Bool = field("the lid is off")


def box(name: str = "box") -> Design[Box]:
    """A word of which some bits stay, while the lid is off."""
    made = Design(name, Box, doc="a word of which some bits stay")
    made.setting("wide", lambda s: s.wide)
    made.setting("narrow", lambda s: ~s.wide)
    made.configure("wide", "narrow")

    @made.initial
    def closed(s: Box) -> Bool:
        return (s.value == s.mask) & ~s.open

    @made.action(by="owner", guard=lambda s: ~s.open)
    def unlock(s: Box) -> Box:
        return s.replace(open=True)

    @made.action(by="guest", guard=lambda s: s.open)
    def write(s: Box, value: U64) -> Box:
        return s.replace(value=(s.value & s.mask) | (value & ~s.mask))

    @made.view
    def value(s: Box) -> Word:
        return s.value

    @made.view
    def mask(s: Box) -> Word:
        return s.mask

    @made.view
    def lid_off(s: Box) -> Bool:
        return s.open

    return made


@invariant("kept")
def kept(v: Any) -> Bool:
    """Masked bits stay set."""
    return (v.value & v.mask) == v.mask


def results(design: Design[Box], *claims: Claim, configuration: str = "wide", without: tuple[str, ...] = ()) -> list[Result]:
    """The answers of one configuration."""
    return [answer for answer in decide(design, configuration, list(claims), without=without) if isinstance(answer, Result)]


def failing(result: Result) -> list[tuple[str, str]]:
    """What of the concerns keeps proofs from counting."""
    return [(one.check, one.subject) for one in result.concerns if one.fails]


def test_a_sound_design_has_nothing_that_fails() -> None:
    """Its proofs count, each with a run in which its actions happen."""
    (result,) = results(box(), kept)

    assert isinstance(result.verdict, Proved)
    assert failing(result) == []


def test_an_action_that_never_fires_keeps_proofs_from_counting() -> None:
    """Neither here nor in another configuration."""
    design = box()

    @design.action(by="ghost", guard=lambda s: (s.value & s.mask) != s.mask)
    def haunt(s: Box) -> Box:
        return s.replace(value=0)

    (result,) = results(design, kept)

    assert failing(result) == [("action-fires", "haunt")]
    assert isinstance(result.verdict, Unknown)
    assert result.verdict.reason == "not counted as proved: haunt fires on the slice, and no full-width run was found in which it does"


class Told(Box):
    set_last: U64 = ghost("what the guest set last")


def told(**changes: Any) -> Design[Told]:
    """The same word, and a ghost of what was set last."""
    made: Design[Told] = Design("told", Told, doc="a word that reads as it was set")
    made.initial(lambda s: s.matches(value=0, set_last=0))
    made.shows("value", "set_last")

    @made.function
    def stored(s: Told, value: Word) -> Told:
        return s.replace(value=value)

    @made.function
    def may_write(s: Told) -> Bool:
        return s.open

    @made.action(by="owner")
    def turns(s: Told) -> Told:
        return s.replace(open=~s.open)

    @made.action(by="guest", guard=lambda s: may_write(s))
    def write(s: Told, value: U64) -> Told:
        return stored(s, value).replace(set_last=value)

    @made.action(by="owner")
    def restores(s: Told) -> Told:
        return stored(s, s.value)

    return made.but("told-otherwise", **changes) if changes else made


@invariant("reads-as-set")
def reads_as_set(v: Any) -> Bool:
    """What is read is what was set last."""
    return (v.value ^ v.set_last) == 0


def test_code_that_asks_the_proof_what_is_right_proves_nothing() -> None:
    """A ghost is no variable of the system: where it decides what a field becomes, or whether an action happens, no proof counts."""
    (honest,) = results(told(), reads_as_set, configuration="")
    (asks,) = results(told(stored=lambda s, value: s.replace(value=s.set_last)), reads_as_set, configuration="")
    (waits,) = results(told(may_write=lambda s: s.set_last == s.value), reads_as_set, configuration="")

    assert isinstance(honest.verdict, Proved) and failing(honest) == []
    assert failing(asks) == [("ghosts-watch", "write"), ("ghosts-watch", "restores")]
    assert failing(waits) == [("ghosts-watch", "write")]
    assert isinstance(waits.verdict, Unknown)
    assert waits.verdict.reason.startswith("not counted as proved: write can happen or not by set_last, which only the proof has; make it a field")


def test_a_run_that_breaks_a_claim_counts_whoever_is_asked() -> None:
    """A refutation needs no faith in ghosts: it is replayed."""
    (result,) = results(told(stored=lambda s, value: s.replace(value=s.set_last)), reads_as_set, configuration="")

    assert isinstance(result.verdict, Refuted)
    assert result.verdict.trace.length == 1


class Locks(State):
    left: U64 = field("a word")
    right: U64 = field("another, which starts with one bit more")
    one: Bool = field("a lock is open")
    two: Bool = field("another lock is open")
    three: Bool = field("and a third")


def test_an_action_that_fires_late_is_found_where_the_slice_fires_it_at_once() -> None:
    """At most positions the words agree from the start, whatever locks are open, so the slice's first runs to it are none at full width."""
    design = Design("locks", Locks, doc="two words that are equal after three locks were opened, in this order")
    design.initial(lambda s: s.matches(left=0, right=1, one=False, two=False, three=False))
    design.shows("left", "right", "three")

    @design.action(by="owner", guard=lambda s: ~s.one | s.two)
    def first(s: Locks) -> Locks:
        return s.replace(one=~s.one)

    @design.action(by="owner", guard=lambda s: s.one)
    def second(s: Locks) -> Locks:
        return s.replace(two=~s.two)

    @design.action(by="owner", guard=lambda s: s.two & ~s.one)
    def third(s: Locks) -> Locks:
        return s.replace(three=True, left=ite(s.three, s.right, s.left))

    @design.action(by="guest", guard=lambda s: (s.left == s.right) & (s.one | s.two | s.three | ~s.one))
    def enter(s: Locks) -> Locks:
        return s.replace(left=0)

    @invariant("opens-nothing")
    def opens_nothing(v: Any) -> Bool:
        """No bit beyond those of the other word."""
        return (v.left & ~v.right) == 0

    (result,) = results(design, opens_nothing, configuration="")

    assert failing(result) == []
    assert isinstance(result.verdict, Proved)


def test_a_guard_that_nothing_satisfies_is_found_without_a_run() -> None:
    """Where the slice itself knows that the action never happens."""
    design = box()

    @design.action(by="ghost", guard=lambda s: s.open & ~s.open & s.wide)
    def haunt(s: Box) -> Box:
        return s.replace(value=0)

    (result,) = results(design, kept)

    assert failing(result) == [("action-fires", "haunt")]
    assert result.concerns[0].text == "haunt fires in no reachable state, in no configuration"


def test_an_action_of_another_configuration_is_no_concern() -> None:
    """An action may belong to one configuration only, by its guard or by what is reachable there."""
    design = box()

    @design.action(by="owner", guard=lambda s: s.open & s.wide)
    def relock(s: Box) -> Box:
        return s.replace(open=False)

    @design.action(by="owner", guard=lambda s: s.open & (s.wide | s.wide))
    def leave(s: Box) -> Box:
        return s

    for configuration in ("wide", "narrow"):
        (result,) = results(design, kept, configuration=configuration)
        assert failing(result) == []
        assert isinstance(result.verdict, Proved)


def test_assumptions_that_contradict_each_other_are_named() -> None:
    """Only those two of three that do."""
    design = box()

    @design.assumption("small", of=("write",))
    def small(s: Box, value: Word) -> Bool:
        """Guests write small values."""
        return (value & ~word(0xFF)) == 0

    @design.assumption("some", of=("write",))
    def some(s: Box, value: Word) -> Bool:
        """Guests write bit 3."""
        return (value & 8) == 8

    @design.assumption("large", of=("write",))
    def large(s: Box, value: Word) -> Bool:
        """Guests write bit 40."""
        return (value & (1 << 40)) != 0

    (result,) = results(design, kept)
    (without,) = results(design, kept, without=("large",))

    assert ("assumptions-agree", "small, large") in failing(result)
    assert isinstance(result.verdict, Unknown)
    assert isinstance(without.verdict, Proved)


def test_a_claim_that_is_true_of_anything_is_vacuous() -> None:
    """And the other claims are proved all the same."""

    @invariant("says-nothing")
    def nothing(v: Any) -> Bool:
        return implies(v.lid_off, (v.value | v.mask) == (v.mask | v.value))

    @step("says-nothing-of-steps")
    def still_nothing(before: Any, after: Any) -> Bool:
        return (before.lid_off & ~after.lid_off) | ~before.lid_off | after.lid_off

    empty, also, sound = results(box(), nothing, still_nothing, kept)

    assert isinstance(empty.verdict, Vacuous)
    assert isinstance(also.verdict, Vacuous)
    assert empty.verdict.reason == "says-nothing is true of any views whatever: it says nothing"
    assert isinstance(sound.verdict, Proved)


def test_what_no_proof_needs_is_listed_and_fails_nothing() -> None:
    """Guards and assumptions, by name."""
    design = box()

    @design.assumption("idle", of=("unlock",))
    def idle(s: Box) -> Bool:
        """The owner waits until the mask is not empty."""
        return s.mask != 0

    (result,) = results(design, kept)
    notes = {(one.check, one.subject) for one in result.concerns if not one.fails}

    assert isinstance(result.verdict, Proved)
    assert notes == {("needed", "unlock"), ("needed", "write"), ("needed", "idle")}


FILE = """
from tests.test_trust_sanity import Box, box, kept
mine = box("mine")

@mine.action(by="ghost", guard=lambda s: (s.value & s.mask) != s.mask)
def haunt(s: Box) -> Box:
    return s.replace(value=0)
"""


def test_check_reports_it_beside_the_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On its own line, in the JSON, and by the exit code of what is undecided."""
    (tmp_path / "mine.py").write_text(FILE)
    code = main(["check", str(tmp_path / "mine.py"), "--claim", "kept", "--json", str(tmp_path / "out.json"), "--no-cache"])
    out = capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text())
    jsonschema.validate(written, SCHEMA)

    assert code == 3
    assert "! mine, wide: haunt fires on the slice, and no full-width run was found in which it does" in out
    assert {entry["subject"] for entry in written["sanity"] if entry["fails"]} == {"haunt"}
    assert {result["verdict"] for result in written["results"]} == {"unknown"}
