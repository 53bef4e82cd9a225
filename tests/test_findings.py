"""docs/findings.md: it says what the pinned table and the runs say, by cause, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from specproof import pinned
from specproof.causes import HARMS, NO_DEFECT
from specproof.cli import main
from specproof.cli_findings import page
from specproof.findings import findings, wanted
from specproof.jobs import Done
from specproof.load import library
from specproof.pinned import causes, read, table
from specproof.plan import Request, plan

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"


def test_the_page_that_ships_is_what_comes_out_now() -> None:
    """`specproof findings -o docs/findings.md` would change nothing: every run was decided again."""
    text, wrong = page(1, cached=False)

    assert wrong == []
    assert text == PAGE.read_text(encoding="utf-8"), "run 'python -m specproof findings -o docs/findings.md' and read what changed"


def test_the_page_has_every_refuted_verdict() -> None:
    """No refutation of a shipped design is left out, and each cause of a defect has its run, lines and doubts."""
    found = findings(read(table()).values(), causes(table()).values())
    told = PAGE.read_text(encoding="utf-8")

    assert sorted(pin.key for one in found for pin in one.pins) == sorted(pin.key for pin in read(table()).values() if pin.verdict == "refuted")
    defects = [one for one in found if one.cause.harm not in NO_DEFECT]
    for heading in ("#### ", "- **Refuted:**", "- **Run**", "- **Where:**", "- **Leans on:**", "- **How sure:**"):
        assert told.count(f"\n{heading}") == len(defects), heading


def test_the_first_page_goes_from_the_worst_to_the_least() -> None:
    """What is done to a guest or a host comes in one order, whoever does it."""
    told = PAGE.read_text(encoding="utf-8").split("## KVM")[0]
    places = [told.find(f"**{text[:1].upper()}{text[1:]}**") for harm, text in HARMS.items() if harm not in NO_DEFECT]

    assert all(place > 0 for place in places)
    assert places == sorted(places)


def test_only_what_is_shown_is_decided() -> None:
    """One claim a cause, in one configuration."""
    found = findings(read(table()).values(), causes(table()).values())

    keys = [key for unit in wanted(found, plan(library(), Request())) for key in unit.keys]

    assert sorted(keys) == sorted({one.shown for one in found if one.cause.harm not in NO_DEFECT})


def test_ctrl_c_ends_it_and_says_nothing_of_what_was_not_decided(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with a run that nobody waited for."""
    monkeypatch.setattr("specproof.jobs.run", lambda units, *_, **__: Done([{} for _ in units], ["" for _ in units], interrupted=True))

    assert main(["findings", "--no-cache"]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err.strip()) == ("", "specproof: interrupted")


def test_a_run_that_is_not_as_pinned_is_said_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page never shows a run of another length than the table's."""
    pins = {key: pin for key, pin in read(table()).items() if pin.design == "acrn"}
    told = {key: one for key, one in causes(table()).items() if one.design == "acrn" and one.name == "vmfail-skips-the-host-value"}
    pins = {key: replace(pin, steps=7) for key, pin in pins.items() if pin.cause == "vmfail-skips-the-host-value"}
    monkeypatch.setattr(pinned, "read", lambda path: pins)
    monkeypatch.setattr(pinned, "causes", lambda path: told)

    assert main(["findings", "--jobs", "1", "--no-cache", "-o", str(tmp_path / "page.md")]) == 1
    assert capsys.readouterr().err == "! acrn, raw, host-isolation: refuted in 1 step; pinned: refuted in 7 steps\n"
    assert not (tmp_path / "page.md").exists()
