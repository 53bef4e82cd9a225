"""Reviews of KVM's series as whole transcripts: what a reviewer of v3, of a corrected v2 and of each repair would get."""

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import xmlschema

from specproof.review.command import written
from specproof.review.compare import review
from specproof.review.line import line
from specproof.review.sides import of_target
from tests.review_tools import held

REPAIRS = "tests/designs/v2_repairs.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "new", "wanted", "said"),
    [
        ("v3", "kvm-rfc-v3", 1, "do not take it as it is. It loses"),
        ("reference", "kvm-reference", 0, "nothing is lost. It gains"),
        ("cache-repaired", f"{REPAIRS}:v2-cache-repaired", 0, "nothing is lost. It gains cache-coherence, mask-sync"),
        ("bitmaps-repaired", f"{REPAIRS}:v2-bitmaps-repaired", 0, "nothing is lost. It gains transparency, userspace-view"),
        ("enum-repaired", f"{REPAIRS}:v2-enum-repaired", 0, "nothing is lost. It gains virtual-msr-access."),
    ],
)
def test_kvm_transcript(name: str, new: str, wanted: int, said: str) -> None:
    """RFC v2 against v3, against the reference, and against itself with one finding repaired; in every form."""
    found = review(of_target("kvm-rfc-v2"), of_target(new))

    held(f"review-v2-{name}", written([found], "text"))
    assert wanted == found.code
    assert said in line(found)
    schema = json.loads(resources.files("specproof").joinpath("schema/review.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(written([found], "json")))
    sarif = json.loads(Path("tests/data/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(sarif).validate(json.loads(written([found], "sarif")))
    xmlschema.XMLSchema("tests/data/junit-10.xsd").validate(written([found], "junit"))
    assert "</html>" in written([found], "html")
