"""Malformed inputs end with an exit code and a message. `python -m bench.fuzz` does many more."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bench import fuzz
from specproof import pinned
from specproof.load import library


def test_malformed_inputs_of_every_kind_are_refused() -> None:
    """A fixed seed's inputs: no exception, no internal error, nothing that takes long, and most are refused."""
    counts, wrong, longest = fuzz.fuzz(170, 7, [])

    assert not wrong
    assert longest < fuzz.LIMIT
    assert {kind.split()[0] for kind, _ in counts} == {"policy", "pool", "trace", "check", "design", "certificate"}
    assert sum(number for (_, code), number in counts.items() if code in (1, 2)) > 0.7 * counts.total()


def test_changes_are_drawn_from_the_seed() -> None:
    """The same seed gives the same input, another another."""
    data = json.dumps({"results": [{"design": "intel", "trace": [1, 2]}]}).encode()

    def made(seed: int) -> list[bytes]:
        return [fuzz.changed(data, ".json", random.Random(f"{seed} {number}")) for number in range(20)]

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.parametrize(("raised", "what"), [(KeyError("x"), "KeyError: 'x'"), (SystemExit(1), "SystemExit: 1"), (fuzz.Hang(), "more than 20 s")])
def test_what_escapes_is_wrong(tmp_path: Path, raised: BaseException, what: str) -> None:
    """An exception, an exit that nobody asked for, and a hang are told apart."""

    def escapes(file: Path) -> int:
        raise raised

    assert fuzz._one(fuzz.Kind([b""], ".json", escapes), tmp_path / "input") == (-1, what)


GOOD = {"design": "intel", "configuration": "", "claim": "enforcement", "verdict": "proved"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not what 'specproof check --json FILE' writes"),
        ("[]", "it has no list of results"),
        (json.dumps({"results": [3]}), "result 1: an object was expected, not 3"),
        (json.dumps({"results": [{**GOOD, "design": "../../elsewhere"}]}), "result 1: there is no design '../../elsewhere'"),
        (json.dumps({"results": [GOOD, {**GOOD, "claim": 'x"\n'}]}), "result 2: claim = 'x\"\\n'; a name was expected"),
        (json.dumps({"results": [{**GOOD, "verdict": "prooved"}]}), "verdict = 'prooved'; did you mean 'proved'?"),
        (json.dumps({"results": [{**GOOD, "trace": []}]}), "a refuted claim has a trace"),
    ],
)
def test_results_to_pin_are_read_with_care(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    """What is not the result of a check changes no file, least of all one that its names point to."""
    assert "intel" in library().shipped
    monkeypatch.setattr(pinned, "table", lambda: tmp_path / "table")
    (tmp_path / "table").mkdir()
    file = tmp_path / "check.json"
    file.write_text(text, encoding="utf-8")

    assert pinned.main([str(file)]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["check.json", "table"]
