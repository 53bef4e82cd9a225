"""Reviews of KVM's series as whole transcripts: what a reviewer of v3, of a corrected v2 and of each repair would get."""

import pytest

from tests.review_tools import held, run

REPAIRS = "tests/designs/v2_repairs.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "new", "wanted"),
    [
        ("v3", "kvm-rfc-v3", 1),
        ("reference", "kvm-reference", 0),
        ("cache-repaired", f"{REPAIRS}:v2-cache-repaired", 0),
        ("bitmaps-repaired", f"{REPAIRS}:v2-bitmaps-repaired", 0),
        ("enum-repaired", f"{REPAIRS}:v2-enum-repaired", 0),
    ],
)
def test_kvm_transcript(name: str, new: str, wanted: int, capsys: pytest.CaptureFixture[str]) -> None:
    """RFC v2 against v3, against the reference, and against itself with one finding repaired."""
    found = run("review", "kvm-rfc-v2", new, "--format", "text")

    held(f"review-v2-{name}", capsys.readouterr().out)
    assert wanted == found
