"""The pinned table: what it may say, and what counts as a difference."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from specproof import InputError
from specproof.causes import Cause
from specproof.cli import main
from specproof.load import LEMMAS, Library
from specproof.pinned import Pin, causes, differences, header_of, read, render, renewed, table
from specproof.plan import Request, plan
from specproof.trace import Step, Trace
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown, Verdict
from tests.designs import claims_of_thin

CLAIMS = {claim.name: claim for claim in (claims_of_thin.forced, claims_of_thin.cached, claims_of_thin.merging_is_forcing)}
known = Library(
    {"mine": claims_of_thin.mine}, CLAIMS, {"mine": "mine.py"}, shipped=frozenset({"mine"}), shipped_claims=frozenset(CLAIMS),
)  # fmt: skip
PINS = [
    Pin("mine", "virtualized", "forced", "refuted", 2, 'The "analysis"\\\nhas lines.'),
    Pin("mine", "emulated", "forced", "proved"),
    Pin(LEMMAS, "", "merging-is-forcing", "proved"),
]


CAUSE = "[[cause]]\nname = 'c'\nharm = 'host'\n" + "".join(f"{name} = 'x'\n" for name in ("title", "run", "source", "leans", "sure", "untested"))


def refuted(steps: int) -> Refuted:
    step = Step("go", "guest", "", "", {}, {})
    return Refuted("a stand-in", Trace("mine", "virtualized", "forced", {}, (step,) * steps))


def found(*answers: Result | NotAsked, request: Request | None = None, pins: list[Pin] | None = None) -> list[str]:
    asked = request or Request(("mine",), ("forced",))
    by_key = {pin.key: pin for pin in (PINS if pins is None else pins)}
    return [f"{one.key[1]} {one.key[2]}: {one.found}, not {one.pinned}" for one in differences(answers, by_key, plan(known, asked), known, asked)]


def result(verdict: Verdict, configuration: str = "virtualized", claim: str = "forced") -> Result:
    return Result("mine", configuration, claim, "invariant", verdict)


def test_the_table_that_ships_is_well_formed_and_its_findings_are_analysed() -> None:
    """Every refuted claim of a shipped design has an analysis: a run alone convinces nobody."""
    for pin in read(table()).values():
        assert pin.verdict != "unknown", pin.key
        assert pin.verdict != "refuted" or len(pin.analysis) > 100, pin.key


def test_every_finding_that_ships_has_a_cause() -> None:
    """A refuted claim names one of its design's causes, every cause has a claim, and its run is that of one of them."""
    pins, told = read(table()), causes(table())
    refuted = {pin.key: pin.cause for pin in pins.values() if pin.verdict == "refuted"}

    assert [key for key, cause in refuted.items() if not cause] == []
    assert {(design, cause) for (design, _, _), cause in refuted.items()} == set(told)
    assert [one for (design, name), one in told.items() if not any(key[0] == design and key[2] == one.run and cause == name
                                                                   for key, cause in refuted.items())] == []  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The table survives a round trip, with quotes and backslashes in an analysis."""
    path = tmp_path / "verdicts.toml"
    why = Cause("verdicts", "c", 'a "title" \\ of some length' * 5, "host", "forced", "here", "nothing", "sure", "all")
    pins = [replace(PINS[0], cause="c"), *PINS[1:]]
    path.write_text(render(pins, "# a header\n\n", [why]), encoding="utf-8")

    assert list(read(path).values()) == pins
    assert causes(path) == {("verdicts", "c"): why}


def test_as_pinned_is_no_difference() -> None:
    """Same verdict and, where refuted, same length of the shortest run."""
    assert found(result(refuted(2)), result(Proved("-"), "emulated")) == []


def test_another_verdict_differs() -> None:
    """A verdict, and the length of a run, are compared with the table."""
    assert found(result(Proved("-")), result(refuted(1), "emulated")) == [
        "virtualized forced: proved, not refuted in 2 steps",
        "emulated forced: refuted in 1 step, not proved",
    ]
    assert found(result(refuted(3))) == ["virtualized forced: refuted in 3 steps, not refuted in 2 steps"]


def test_an_undecided_claim_is_no_difference() -> None:
    """Unknown has an exit code of its own."""
    assert found(result(Unknown("-", "time limit reached"))) == []


def test_what_is_not_in_the_table_differs() -> None:
    """A new claim of a shipped design has to be pinned."""
    assert found(result(Proved("-")), pins=[]) == ["virtualized forced: proved, not None"]


def test_a_pinned_claim_that_is_not_asked_any_more_differs() -> None:
    """A view that went missing does not turn proofs into silence."""
    assert found(NotAsked("mine", "forced", "no view")) == [
        "virtualized forced: not asked: no view, not refuted in 2 steps",
        "emulated forced: not asked: no view, not proved",
    ]


def test_a_pin_that_nothing_answers_differs() -> None:
    """Where everything is asked, a pin of a claim that is gone is found."""
    gone = Pin("mine", "emulated", "long-gone", "proved")
    request = Request(("mine",))

    said = found(result(refuted(2)), result(Proved("-"), "emulated"), request=request, pins=[*PINS, gone])

    assert said == ["emulated long-gone: no such design, configuration or claim, not proved"]


def test_results_renew_the_table() -> None:
    """A check's JSON is put in; an analysis stays where its verdict does, and pins of other designs stay."""
    results = [
        {"design": "mine", "configuration": "virtualized", "claim": "forced", "verdict": "refuted", "trace": [{}, {}, {}, {}]},
        {"design": "mine", "configuration": "emulated", "claim": "forced", "verdict": "vacuous"},
    ]

    assert renewed({pin.key: pin for pin in PINS}, results) == [
        Pin("mine", "virtualized", "forced", "refuted", 3, PINS[0].analysis), Pin("mine", "emulated", "forced", "vacuous"), PINS[2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verdict = 3", "[[verdict]] and [[cause]] entries were expected, not verdict"),
        ("[[verdicts]]", "[[verdict]] and [[cause]] entries were expected, not verdicts"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'", "entry 1 has no verdict"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'prooved'", "entry 1: verdict = 'prooved'; did you mean 'proved'?"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'proved'\nsteps = 1",
         "entry 1: a refuted claim has 'steps', the length of its shortest run, and no other has"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'refuted'\nsteps = 'one'", "entry 1: steps = 'one'; a number was expected"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'proved'\nstep = 1", "entry 1 has a field 'step'; did you mean 'steps'?"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'proved'\n" * 2, "entry 2: d  c is pinned twice"),
        ("verdict = [1]", "entry 1: a table was expected, not 1"),
        ("cause = [1]", "cause 1: a table was expected, not 1"),
        ("[[cause]]\nnam = 'c'", "cause 1 has a field 'nam'; did you mean 'name'?"),
        ("[[cause]]\nname = 'c'\nharm = ''", "cause 1: harm = ''; a text was expected"),
        ("[[cause]]\nname = 'c'", "cause 1 has no title"),
        (CAUSE.replace("host", "ghost"), "cause 1: harm = 'ghost'; did you mean 'host'?"),
        (CAUSE * 2, "cause 2: 'c' is told twice"),
        (CAUSE + "[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'refuted'\nsteps = 1\ncause = 'd'",
         "entry 1: there is no [[cause]] 'd'; known: c"),
        ("[[verdict]]\ndesign = 'd'\nclaim = 'c'\nverdict = 'proved'\ncause = 'd'", "entry 1: a claim that is not refuted has no 'cause'"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    """File, entry and field."""
    path = tmp_path / "verdicts.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read(path)


def test_a_table_that_is_no_toml(tmp_path: Path) -> None:
    """The parser's message has the line."""
    path = tmp_path / "verdicts.toml"
    path.write_text("[[verdict]]\ndesign = \n", encoding="utf-8")

    with pytest.raises(InputError, match=r"verdicts.toml: Invalid value \(at line 2, column 10\)$"):
        read(path)


def test_a_lemma_of_ones_own_is_not_held_against_those_that_ship(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with a lemma asks none of the shipped ones, and misses none."""
    file = tmp_path / "own.py"
    file.write_text(
        "from specproof import Bool, Design, State, field, lemma\n\n\n"
        "class Switch(State):\n    on: Bool = field('whether it is on')\n\n\n"
        "mine = Design('mine', Switch, doc='a switch')\n"
        "mine.initial(lambda s: ~s.on)\n\n\n"
        "@mine.action(by='anybody')\ndef toggle(s: Switch) -> Switch:\n    return s.replace(on=~s.on)\n\n\n"
        "@lemma('excluded-middle')\ndef excluded_middle(p: Bool) -> Bool:\n    return p | ~p\n",
        encoding="utf-8",
    )
    assert main(["check", str(file), "--no-cache", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "bit-vectors: excluded-middle: proved" in said
    assert "!" not in said


@pytest.mark.parametrize("design", sorted(path.stem for path in table().glob("*.toml")))
def test_a_table_that_is_written_again_is_the_same(design: str) -> None:
    """Renewing without a change keeps every byte: the comment at the top once, analyses and causes as they were."""
    text = (table() / f"{design}.toml").read_text(encoding="utf-8")
    mine = [pin for pin in read(table()).values() if pin.design == design]
    why = [one for (whose, _), one in causes(table()).items() if whose == design]
    assert render(mine, header_of(text), why) == text
