"""docs/trust.md names files that exist, and its counts of lines are near the truth."""

from __future__ import annotations

import re
from pathlib import Path

from bench import trusted

TEXT = trusted.PAGE.read_text(encoding="utf-8")


def test_every_file_is_there() -> None:
    """A file that was renamed is no longer what a verdict rests on."""
    part = TEXT.split("<!-- trusted files -->")[1].split("<!-- end of trusted files -->")[0]
    names = re.findall(r"`([a-z_/0-9]+\.py)`", part)

    assert len(names) > 30
    assert all((trusted.ENGINE / name).is_file() for name in names)


def test_line_counts_are_near() -> None:
    """`python -m bench.trusted --write` renews them; a tenth more or less is let pass."""
    said = {role: int(number) for role, number in re.findall(r"^\| (.*?) \| .*? \| (\d+) \|$", TEXT, re.MULTILINE)}

    for role, names in trusted.ROLES.items():
        true = sum(trusted.lines(trusted.ENGINE / name) for name in names)
        assert abs(said[role] - true) <= 0.1 * true, role


def test_the_verifier_rests_on_nothing_that_searches() -> None:
    """What `verify` imports, however late, is none of what looks for proofs, and no model."""
    names = {path.relative_to(trusted.ENGINE).as_posix() for path in trusted.reached(["trust/verify.py", "trust/solvers.py"])}

    assert {"trust/rule.py", "readings/integers.py"} <= names
    assert not names & {*trusted.SEARCH, "decide.py", "decision.py", "certify.py", "design.py", "load.py", "cache.py"}


def test_pages_of_the_repository_are_there() -> None:
    """Tests that the page names exist."""
    for name in re.findall(r"`(tests/[a-z_]+\.py)`", TEXT):
        assert (Path(trusted.ENGINE).parent / name).is_file(), name
