"""What a story says of a run: which values matter, where the claim fails, who wrote a field, what would have helped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from specproof.decide import decide, decide_relation
from specproof.explain import story
from specproof.load import Library, library
from specproof.story.blocks import marks
from specproof.story.model import Story, named
from specproof.verdict import Proved, Refuted, Result

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")


@pytest.fixture(scope="module")
def known() -> Library:
    return library([FILE])


def result(known: Library, design: str, claim: str, configuration: str = "emulated") -> Result:
    found = decide(known.design(design), configuration, [known.claims[claim]])[0]
    assert isinstance(found, Result)
    return found


@pytest.fixture(scope="module")
def told(known: Library) -> Story:
    found = result(known, "broken", "forced")
    assert isinstance(found.verdict, Refuted)
    return story(found, known)


def test_values_that_do_not_matter_are_any(told: Story) -> None:
    """Of the mask one bit matters; the other bits may be anything, and so may what they flow into."""
    (mask,) = told.beats[0].inputs
    (written,) = (change for change in told.beats[0].changes if change.path == "vmcs.mask")

    assert mask.value.bit_count() == 1
    assert mask.free == (1 << 64) - 1 - mask.value
    assert not mask.any
    assert written.after.free == mask.free


def test_the_formula_has_its_values_put_in(told: Story) -> None:
    """The claim as written, then with values, then at the bit where it fails."""
    assert told.formula is not None
    (line,) = told.formula.failing

    assert told.formula.text == "guest_runs implies (effective & required_mask) == required_mask"
    assert told.formula.put_in == f"true implies (0 & {1 << line.position:#x}) == {1 << line.position:#x}"
    assert line.text == "(effective 0 & required_mask 1) = 0 is not required_mask 1"
    assert line.name in ("IBRS", "STIBP", "SSBD", "RRSBA_DIS_S", "BHI_DIS_S")


def test_the_only_shortest_run_is_said_to_be_that(told: Story) -> None:
    """One sequence of two actions breaks it."""
    assert told.alike is not None
    assert (told.alike.count, told.alike.exact) == (1, True)


def test_other_shortest_runs_are_counted(known: Library) -> None:
    """The register differs between the configurations after a write in either."""
    found = decide_relation(known.design("mine"), known.claims["alike"])
    assert isinstance(found, Result)
    told = story(found, known)

    assert told.alike is not None
    assert told.alike.count == 2
    assert {told.beats[-1].action, told.alike.others[0][-1]} == {"guest_wrmsr", "emulated_wrmsr"}


def test_beside_the_reference(told: Story) -> None:
    """A variant is told beside the design that it varies; the first difference is where it did not force."""
    assert told.beside is not None

    assert told.beside.reference == "mine"
    assert told.beside.holds
    assert told.beside.first == 1
    assert [one.name for one in told.beside.rows[1].differences] == ["spec"]


def test_the_point_of_no_return(told: Story) -> None:
    """After the mask is set without being forced only going back to the start helps."""
    assert told.turn is not None

    assert (told.turn.sane, told.turn.left, told.turn.lost) == ("mine", 1, 1)
    assert told.turn.ways[1] == ("set_mask",)


def test_where_nothing_leads_back_the_step_says_so(told: Story) -> None:
    """The mark at the step and the sentence at the end say the same: a way that starts over, or none."""
    assert told.turn is not None
    none = replace(told, turn=replace(told.turn, ways=((), ())))

    assert "point of no return: from here on only a way back to an initial state puts it right" in marks(told, 1)
    assert "point of no return: from here on nothing puts it right" in marks(none, 1)


def test_what_would_have_prevented_it(told: Story) -> None:
    """The function as the reference has it, after which no run violates the claim; the line is that of the reference."""
    (one,) = told.prevention

    assert one.text == "effective_value as mine has it"
    assert one.where.startswith("thin.py:")
    assert one.all_runs


def test_an_assignment_is_found_where_no_reference_helps(known: Library) -> None:
    """Without a reference the search is for one assignment that stops every run and breaks no other claim."""
    design = known.design("broken")
    parent, design.parent = design.parent, None
    try:
        told = story(result(known, "broken", "forced", "virtualized"), known)
    finally:
        design.parent = parent

    assert told.beside is None
    (one,) = told.prevention
    assert one.text == "vm_entry also setting in msr the bits of vmcs.mask"
    assert one.all_runs


def test_who_wrote_and_from_what(known: Library) -> None:
    """A helper of the model is named where its result is what the field got; the flow has every condition decided."""
    from specproof.models import kvm_rfc_v2  # noqa: F401 - it has helpers

    found = result(known, "kvm-rfc-v2", "cache-coherence", "virtualized")
    assert isinstance(found.verdict, Refuted)
    told = story(found, known)
    changes = {change.path: change for change in told.beats[0].changes}
    last = {change.path: change for change in told.beats[-1].changes}

    assert changes["vmcs01.mask"].writer.startswith("vmx_set_spec_ctrl_mask")
    assert changes["vmcs01.mask"].sources == ("enforces",)
    assert last["vmcs02.mask"].rule == "fresh_mask"
    assert told.beats[0].place.startswith("models/kvm_actions.py:")


def test_a_witness_is_told_without_blame(known: Library) -> None:
    """A run in which what is claimed happens has no formula that fails, and nothing to prevent."""
    found = result(known, "mine", "forced")
    assert isinstance(found.verdict, Proved)
    told = story(found, known)

    assert told.purpose == "witness"
    assert told.formula is None
    assert told.prevention is None
    assert told.moments[-1]["running"]


@pytest.mark.parametrize(
    ("value", "width", "free", "text"),
    [
        (0, 64, 0, "0"), (0, 64, (1 << 64) - 1, "any"), (1, 0, 1, "any"), (0x4, 64, 0x3, "0x4 SSBD (other bits any)"),
        (0x8004, 64, 0, "0x8004 SSBD|0x8000"), (1, 0, 0, "true"),
    ],
)  # fmt: skip
def test_values(value: int, width: int, free: int, text: str) -> None:
    """What does not matter is 'any', never a number."""
    assert named(value, width, {"SSBD": 2}, free) == text
