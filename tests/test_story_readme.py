"""What the README quotes of `explain` and `review` is what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from specproof.cli import main

README = Path(__file__).parents[1] / "README.md"
QUOTES = re.findall(r"<!-- told: (.*?) -->\n\n(.*?)\n\n(?=<!--|\S)", README.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize(("command", "quoted"), QUOTES, ids=[command for command, _ in QUOTES])
def test_a_quote_is_what_is_said(capsys: pytest.CaptureFixture[str], command: str, quoted: str) -> None:
    """Each quoted line is a line of the output, in this order; lines between them are left out."""
    main([*command.split(), *(["--jobs", "1"] if command.startswith("explain") else ["--no-cache"])])
    said = iter(capsys.readouterr().out.splitlines())

    for line in filter(None, map(str.strip, quoted.splitlines())):
        assert any(line in other for other in said), f"not said, or not in this order: {line}"


def test_four_are_quoted() -> None:
    """They are found in the README."""
    assert len(QUOTES) == 4
