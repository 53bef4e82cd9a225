"""Names that are legal in a design and mean something to Python, to the engine, or to a form in which a run is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from specproof.cli import main

FILE = "tests/designs/names.py"
CLAIMS = ("own-stays-0", "condition-stays", "ähnlich")


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and standard output, in this process."""
    code = main([*arguments, *(["--jobs", "1"] if arguments[0] in ("check", "explain", "mutate") else [])])
    return code, capsys.readouterr().out


def test_they_are_decided(capsys: pytest.CaptureFixture[str]) -> None:
    """A field called `self` was an error of the engine, and every claim unknown."""
    code, out = ask(capsys, "check", FILE, "--no-cache")

    assert (code, out.count(": refuted in 1 step\n")) == (1, len(CLAIMS))


@pytest.mark.parametrize("claim", CLAIMS)
def test_their_runs_are_replayed(capsys: pytest.CaptureFixture[str], tmp_path: Path, claim: str) -> None:
    """From the trace file, with the names in it."""
    trace = str(tmp_path / "t.json")
    ask(capsys, "explain", FILE, claim, "--format", "json", "-o", trace)

    assert ask(capsys, "replay", trace)[0] == 0


def test_their_operations_are_mutated(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever an input is called: `self`, `state`, `body`."""
    code, out = ask(capsys, "mutate", FILE)

    assert code == 1  # every claim is refuted, so nothing is killed
    assert re.search(r"^names: \d+ mutants: ", out, re.M)


def test_a_waveform_has_each_name_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields called `action`, `by` and `step` had the identifiers of the text that says what happened."""
    _, out = ask(capsys, "explain", FILE, "ähnlich", "--format", "vcd")
    declared = dict(re.findall(r"^\$var \w+ \d+ (\S+) (\S+)", out, re.M))

    assert sorted(declared.values()) == ["action", "action_", "by", "by_", "condition", "self", "step", "step_"]
    assert re.search(rf"^sgröße {re.escape(next(key for key, name in declared.items() if name == 'action_'))}$", out, re.M)


def test_a_run_of_one_step_begins_where_a_run_can(capsys: pytest.CaptureFixture[str]) -> None:
    """`a run of 0 steps reaches` is no sentence."""
    _, out = ask(capsys, "explain", FILE, "own-stays-0", "--induction")

    assert "no lemma helps: a run can start in the state before it:\n  1  me: print with self 1" in out


def test_a_mail_has_75_columns_whatever_is_in_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A name that is wider is broken, as in a review."""
    long = "a_name_" * 14
    text = Path(FILE).read_text(encoding="utf-8").replace("def own(", f"def {long}(").replace("v.own", f"v.{long}")
    (tmp_path / "long.py").write_text(text.replace('"own-stays-0"', f'"{long}"'), encoding="utf-8")
    _, out = ask(capsys, "explain", str(tmp_path / "long.py"), long, "--format", "text")

    assert long in out.replace("\n  ", "") and max(map(len, out.splitlines())) <= 75
