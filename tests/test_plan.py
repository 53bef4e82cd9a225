"""Planning: which claims are asked of which designs in which configurations, and what a wrong question is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from specproof import UsageError
from specproof.load import Library, library
from specproof.plan import Request, Unit, configurations, plan
from tests.designs.thin import thin

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
CLAIMS = ("forced", "alike", "merging-is-forcing")


@pytest.fixture(scope="module")
def known() -> Library:
    return library([FILE])


def titles(units: list[Unit]) -> list[str]:
    return [f"{unit.kind} {unit.title}: {', '.join(unit.claims)}" for unit in units]


def test_a_file_is_asked_by_design_and_configuration(known: Library) -> None:
    """Each configuration is a unit of work, so is each relation, and all lemmas together are one."""
    units = plan(known, Request((FILE,), CLAIMS))

    assert titles(units) == [
        "configuration mine virtualized: forced",
        "configuration mine emulated: forced",
        "relation mine virtualized~emulated: alike",
        "configuration broken virtualized: forced",
        "configuration broken emulated: forced",
        "relation broken virtualized~emulated: alike",
        "lemmas bit-vectors: merging-is-forcing",
    ]


def test_one_design_of_a_file(known: Library) -> None:
    """`FILE.py:NAME` names one design."""
    assert {unit.design for unit in plan(known, Request((f"{FILE}:broken",), ("forced",)))} == {"broken"}
    with pytest.raises(UsageError, match=r"claims_of_thin.py: there is no design 'brokne' in this file; did you mean 'broken'\?$"):
        plan(known, Request((f"{FILE}:brokne",)))


def test_everything_that_ships_by_default(known: Library) -> None:
    """Without targets every shipped design is asked, and the shipped lemmas; no file."""
    units = plan(known, Request())

    assert {unit.design for unit in units} == {*known.shipped, "bit-vectors"}
    assert units[-1].kind == "lemmas"
    assert "merging-is-forcing" not in [claim for unit in units for claim in unit.claims]


def test_a_design_is_not_asked_lemmas(known: Library) -> None:
    """Lemmas speak of no design: they come with everything, with their file, or by name."""
    assert "lemmas" not in [unit.kind for unit in plan(known, Request(("intel",)))]
    assert titles(plan(known, Request(("bit-vectors",), ("merge-keeps-masked-bits",)))) == ["lemmas bit-vectors: merge-keeps-masked-bits"]


def test_one_configuration(known: Library) -> None:
    """A relation spans two configurations, so it is asked under the name of both."""
    assert titles(plan(known, Request((f"{FILE}:mine",), CLAIMS, "emulated"))) == ["configuration mine emulated: forced"]
    pair = Request((f"{FILE}:mine",), CLAIMS, "virtualized~emulated")
    assert titles(plan(known, pair)) == ["relation mine virtualized~emulated: alike"]


def test_a_setting_selects_the_configurations_that_have_it() -> None:
    """`virtualized` means every listed configuration with that setting; unlisted combinations are asked as they are."""
    design = thin.but("combined")
    design.setting("early", lambda s: s.virtualized)
    design.configurations = ("virtualized+early", "virtualized", "emulated")

    assert configurations(design, None) == ["virtualized+early", "virtualized", "emulated"]
    assert configurations(design, "early") == ["virtualized+early"]
    assert configurations(design, "virtualized") == ["virtualized"]
    assert configurations(design, "early+emulated") == ["early+emulated"]
    assert configurations(design, "late") == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(("intell",)), "there is no design 'intell'; did you mean 'intel'?"),
        (Request((), ("forcde",)), "there is no claim 'forcde'; did you mean 'forced'?"),
        (Request((f"{FILE}:mine",), (), "emulatd"), "mine has no configuration 'emulatd'; did you mean 'emulated'?"),
        (Request((), (), "emulatd"), "nothing was checked: no design has a configuration 'emulatd'; did you mean 'emulated'?"),
        (Request((f"{FILE}:mine",), (), None, ("sky",)), "mine has no assumption 'sky'; known: none"),
        (Request((f"{FILE}:mine",), ("alike",), "emulated"), "nothing was checked: alike is asked of none of these designs in this way"),
    ],
)
def test_a_wrong_question_is_told_what_was_meant(known: Library, request_: Request, message: str) -> None:
    """Unknown names are bad usage, found before any work, with the nearest name."""
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        plan(known, request_)


def test_an_unknown_assumption_of_no_design(known: Library) -> None:
    """Without targets an assumption must exist somewhere."""
    with pytest.raises(UsageError, match=r"^nothing was checked: no design has an assumption 'the sky is blue'; "):
        plan(known, Request((), (), None, ("the sky is blue",)))
