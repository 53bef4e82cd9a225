"""Second opinions: other solvers are asked everything, and a disagreement stops everything with both answers saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from specproof import Word
from specproof.certify import Obligation
from specproof.cli import main
from specproof.decide import decide
from specproof.errors import SpecproofError, UsageError
from specproof.load import library
from specproof.plan import Request, plan
from specproof.terms import variable
from specproof.trust import crosscheck, with_cvc5
from specproof.trust.crosscheck import SecondOpinions, SolversDisagree, chosen
from specproof.trust.work import Work

CLAIMS = str(Path(__file__).parent / "designs" / "claims_of_thin.py")

pytest.importorskip("cvc5")
pytest.importorskip("bitwuzla")

def test_everything_is_answered_alike(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of proofs, refutations and lemmas, by three others; the report says how many questions that were."""
    monkeypatch.chdir(tmp_path)
    main(["check", CLAIMS, "--cross-check", "cvc5,bitwuzla,sympy", "--jobs", "2"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cross-check: ")]

    assert [line.split()[1] for line in lines] == ["bitwuzla", "cvc5", "sympy:"]
    assert all(int(line.split(":")[2].split()[0]) > 10 for line in lines)
    assert not (tmp_path / "disagreement").exists()


def test_a_disagreement_stops_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is saved with both answers, and no verdict is claimed."""
    with monkeypatch.context() as patched:
        patched.setattr(with_cvc5, "ask", lambda text, seconds: "sat")
        opinions = SecondOpinions(("cvc5",), tmp_path / "saved")
        known = library([CLAIMS])
        expected = pytest.raises(SolversDisagree, match=r"z3 says unsat, cvc5 .* says sat; the question and both answers are in ")
        with expected, opinions.listening():
            decide(known.design("mine"), "virtualized", [known.claims["forced"]])
    (saved,) = (tmp_path / "saved").iterdir()
    text = saved.read_text()

    assert text.startswith("; z3 says unsat\n; cvc5")
    assert "(set-logic QF_BV)" in text
    assert "(check-sat)" in text


def test_a_disagreement_in_a_unit_of_work_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any error that the user has to look at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(with_cvc5, "ask", lambda text, seconds: "sat")
    known = library([CLAIMS])
    units = [unit for unit in plan(known, Request((CLAIMS,), ("forced",))) if unit.design == "mine"]

    assert "two solvers disagree" in _here(units, known, tmp_path)


def _here(units: Any, known: Any, notes: Path) -> str:
    try:
        for unit in units:
            Work(None, ("cvc5",), str(notes))(unit, known, lambda answer: None)
    except SpecproofError as error:
        return str(error)
    return ""


def test_what_is_not_bitwise_is_listed(tmp_path: Path) -> None:
    """An addition moves carries between positions: the bit-by-bit proof says which obligation it leaves alone."""

    x, y = word_of("x"), word_of("y")
    opinions = SecondOpinions(("sympy",), tmp_path)
    opinions._bit_by_bit("a design", Obligation("adds", "claim", (x + 1 == y,), x != y))
    opinions._bit_by_bit("a design", Obligation("masks", "claim", ((x & ~y) == 0,), (x | y) == y))

    assert opinions.agreed["sympy"] == 1
    assert [text.split(":")[:2] for text in opinions.crossing] == [["a design", " adds"]]


def word_of(name: str) -> Word:
    """A variable of 64 bits."""
    return cast(Word, variable(name, 64))


@pytest.mark.parametrize(("text", "message"), [("cvc6", "there is no 'cvc6' to ask; did you mean 'cvc5'?"), (" , ", "name who is asked")])
def test_an_unknown_name_is_said(text: str, message: str) -> None:
    """Before any work, with the nearest known one."""
    with pytest.raises(UsageError, match=message.replace("?", "\\?")):
        chosen(text)


def test_the_summary_of_nothing_says_so(tmp_path: Path) -> None:
    """Nobody takes silence for agreement."""
    assert crosscheck.summary(tmp_path) == ["cross-check: nothing was asked"]
