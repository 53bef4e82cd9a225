"""Reviews of two designs: what is lost and gained, with whole transcripts of small ones."""

from pathlib import Path

import pytest

from specproof.load import library
from specproof.review.claims import fate_of
from specproof.review.compare import review
from specproof.review.line import line
from specproof.review.result import Held, Review, code
from specproof.review.sides import of_target
from specproof.review.weight import demanded, protection, worst_first
from specproof.verdict import NotAsked, Proved, Refuted, Result, Vacuous
from tests.review_tools import SEED, held, run


def reviewed(old: str, new: str, *, exhaustive: bool = False) -> Review:
    """A review of two designs of the seed's file."""
    return review(of_target(f"{SEED}:{old}"), of_target(f"{SEED}:{new}"), exhaustive=exhaustive)


@pytest.mark.parametrize(("old", "new", "wanted"), [("seed", "lazy", 1), ("lazy", "seed", 0), ("seed", "ored", 0), ("lazy", "lazy-too", 0)])
def test_review_transcript(old: str, new: str, wanted: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole mail of a review, and its exit code."""
    claims = [part for name in ("enforcement", "exactness", "transparency") for part in ("--claim", name)]
    found = run("review", f"{SEED}:{old}", f"{SEED}:{new}", "--format", "text", *claims)

    held(f"review-{old}-{new}", capsys.readouterr().out)
    assert wanted == found


def test_lost_claims_come_with_a_run() -> None:
    """A claim is lost only with a replayed run of the new design."""
    found = reviewed("seed", "lazy")

    lost = found.of("lost")
    assert {"enforcement", "exactness"} <= {change.claim for change in lost}
    assert all(isinstance(change.run, Refuted) and [step.action for step in change.run.trace.steps] == ["set_mask", "vm_entry"] for change in lost)
    assert found.code == 1


def test_still_refuted_by_the_same_run_or_another() -> None:
    """A run that breaks both is recognised by replaying it, not by its length."""
    same = reviewed("lazy", "lazy-too").of("still refuted")

    assert same and all(change.same_run for change in same)


def test_equal_designs_are_decided_once() -> None:
    """Where the terms are the same nothing is compared, and the review says so."""
    found = reviewed("seed", "renamed")

    assert found.identical and not found.behaviours and not found.formulas
    assert all(not change.affected for change in found.claims)
    assert "the same, term by term" in line(found)


def test_a_change_outside_the_cone_leaves_a_claim_unaffected() -> None:
    """Transparency does not look at the effective value, so a change of what is forced cannot reach it."""
    found = {change.claim: change.affected for change in reviewed("seed", "lazy").claims}

    assert not found["transparency"]
    assert found["enforcement"]


def test_the_old_design_is_proved_where_that_is_asked_for() -> None:
    """What is told is a proof or a run of the new design; of the old one no run is enough, and what became of a claim is the same."""
    plain, exhaustive = ({change.claim: change for change in reviewed("seed", "lazy", exhaustive=one).claims} for one in (False, True))

    assert isinstance(plain["enforcement"].old, Held)
    proved = exhaustive["enforcement"].old
    assert isinstance(proved, Result) and isinstance(proved.verdict, Proved)
    assert plain["enforcement"].fate == "lost"
    assert {name: change.fate for name, change in plain.items()} == {name: change.fate for name, change in exhaustive.items()}


def test_the_verdict_line_says_what_to_do() -> None:
    """The first words of the line are enough to act on."""
    lost, kept, gained = line(reviewed("seed", "lazy")), line(reviewed("seed", "ored")), line(reviewed("lazy", "seed"))

    assert lost.startswith("seed -> lazy: do not take it as it is: it loses protection. Runs of lazy break enforcement (virtualized, 2 steps;")
    assert kept.startswith("seed -> ored: nothing is lost.")
    assert gained.startswith("lazy -> seed: nothing is lost, and protection is gained. It gains enforcement")


def test_what_protects_is_named_first() -> None:
    """Each name in the table of what protects is a claim that ships, and comes before the others."""
    shipped = library().claims

    assert set(protection()) <= set(shipped)
    assert worst_first(["reset", "exactness", "enforcement"]) == ["enforcement", "exactness", "reset"]


def test_what_is_demanded_names_views_that_ship() -> None:
    """A view that nobody offers would guard nothing."""
    assert demanded() <= {view for design in library().designs.values() for view in design.views}


def test_the_fate_of_a_claim() -> None:
    """Only what held before can be lost; a design that says why it cannot be asked loses nothing but what protects."""
    proved = Result("d", "", "c", "invariant", Proved("m"))
    silent = NotAsked("d", "c", "d offers no view 'x'")
    excused = NotAsked("d", "c", "d has no mask")

    assert fate_of(proved, silent) == ("dropped", "d offers no view 'x'")
    assert fate_of(proved, excused) == ("not asked", "d has no mask")
    assert fate_of(proved, excused, guards=True) == ("dropped", "d has no mask")
    assert fate_of(Result("d", "", "c", "invariant", Vacuous("m", "never")), excused, guards=True)[0] == "not asked"
    assert fate_of(silent, proved)[0] == "new"
    assert fate_of(Held("d", "", "c"), proved)[0] == "kept"
    assert fate_of(Held("d", "", "c", vacuous=True), proved)[0] == "new"
    assert fate_of(Held("d", "", "c", vacuous=True), Result("d", "", "c", "invariant", Vacuous("m", "never"))) == ("vacuous", "never")


HOLLOW = """\
from specproof import U64, Bool, Design, State, field, implies, invariant, reachable
class S(State):
    x: U64 = field("stays 5")
    y: U64 = field("moves")
old = Design("old", S, doc="")
@old.initial
def start(s) -> Bool: return s.matches(x=5, y=0)
@old.view
def x(s) -> U64: return s.x
@old.view
def y(s) -> U64: return s.y
@old.action(by="guest")
def move(s, value: U64): return s.replace(y=value)
@reachable("arrives")
def arrives(v) -> Bool: return v.x == 7
@invariant("then-seven")
def then_seven(v) -> Bool: return implies(v.x == 7, v.y == 7)
@invariant("five")
def five(v) -> Bool: return v.x == 5
def less(s, value: U64): return s.replace(y=value & ~s.y)
new = old.but("new", doc="", move=less)
"""


def test_what_never_happens_in_either_is_not_said_to_be_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was said to be kept and proved: even of a claim that asks for something which no run reaches."""
    (tmp_path / "hollow.py").write_text(HOLLOW, encoding="utf-8")
    sides = [f"{tmp_path / 'hollow.py'}:{name}" for name in ("old", "new")]

    assert run("review", *sides) == 0
    out = capsys.readouterr().out
    assert "under no assumption about the environment: five." in " ".join(out.split())
    assert "\n      kept  five\n      vacuous  arrives, then-seven\n" in out
    run("review", *sides, "--format", "junit")
    assert capsys.readouterr().out.count('<skipped type="vacuous" ') == 2
    assert run("review", *sides, "--claim", "then-seven") == 3
    assert "No claim that was asked speaks of what both show and of what happens there" in " ".join(capsys.readouterr().out.split())


def test_exit_codes_of_several_reviews() -> None:
    """Something lost in one review is lost in all."""
    assert code([reviewed("seed", "ored"), reviewed("seed", "lazy")]) == 1
    assert code([]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("review", "intel"), "two designs were expected, OLD and NEW, not 1"),
        (("review", SEED, f"{SEED}:lazy"), "has 6 designs; write which one is meant: tests/designs/seed.py:seed"),
        (("review", f"{SEED}:sed", f"{SEED}:lazy"), "there is no design 'sed' in this file; did you mean 'seed'?"),
        (("review", "nothing.py", f"{SEED}:lazy"), "there is no such file"),
        (("review", "tests", f"{SEED}:lazy"), "there is no design 'tests'"),
        (("review", "tests/", f"{SEED}:lazy"), "this is a folder"),
        (("review", f"{SEED}:seed", f"{SEED}:lazy", "--claim", "enforcment"), "did you mean 'enforcement'?"),
        (("review", f"{SEED}:seed", f"{SEED}:lazy", "--config", "virtual"), "no configuration 'virtual' in common; did you mean 'virtualized'?"),
        (("review", f"{SEED}:seed", f"{SEED}:lazy", "--format", "json", "-o", "/nowhere/x"), "cannot be written"),
        (("review", f"{SEED}:seed", f"{SEED}:lazy", "--design", "intel"), "--design goes with --policy"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One message that says what to write instead, exit code 2, no traceback."""
    found = run(*arguments)

    assert found == 2
    assert said in capsys.readouterr().err


def test_one_claim_and_one_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """A review can be restricted as a check can."""
    found = run("review", f"{SEED}:seed", f"{SEED}:lazy", "--claim", "transparency", "--config", "emulated")

    out = capsys.readouterr().out
    assert found == 0
    assert "enforcement" not in out and "kept  transparency" in out


def test_other_state_other_actions(tmp_path: Path) -> None:
    """Designs that have little in common are compared in the actions that both have, and the others are named."""
    found = review(of_target("tests/designs/thin.py:thin"), of_target(f"{SEED}:seed"))

    assert ("actions of thin alone", ()) not in found.only
    assert {"actions of seed alone", "actions of thin alone", "views that are computed otherwise"} >= {what for what, _ in found.only}
    assert found.behaviours
