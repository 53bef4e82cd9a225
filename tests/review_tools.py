"""What the tests of reviews share: whole transcripts beside the tests, and the command run in this process."""

import os
from pathlib import Path

import specproof.cli

TRANSCRIPTS = Path(__file__).parent / "transcripts"
SEED = "tests/designs/seed.py"


def run(*arguments: str) -> int:
    """`specproof ARGUMENTS`, in this process."""
    return specproof.cli.main(list(arguments))


def held(name: str, text: str) -> None:
    """The text is that of the transcript; with SPECPROOF_UPDATE=1 the transcript becomes the text, for a person to read."""
    path = TRANSCRIPTS / f"{name}.txt"
    if os.environ.get("SPECPROOF_UPDATE"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")
