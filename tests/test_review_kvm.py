"""Reviews of KVM's series as whole transcripts: what a reviewer of v3, of a corrected v2 and of each repair would get."""

import json
from functools import cache
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import xmlschema

from specproof import pinned
from specproof.review.command import written
from specproof.review.compare import review
from specproof.review.line import line
from specproof.review.recall import Recall
from specproof.review.result import Review
from specproof.review.sides import of_target
from tests.review_tools import held

REPAIRS = "tests/designs/v2_repairs.py"
RECALL = Recall()  # v2 is the old side of all of them: it is decided once


@cache
def reviewed(new: str) -> Review:
    """The review of what v2 becomes, once for all tests."""
    return review(of_target("kvm-rfc-v2"), of_target(new), recall=RECALL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "new", "wanted", "said"),
    [
        ("v3", "kvm-rfc-v3", 1, "do not take it as it is: it loses protection. Runs of kvm-rfc-v3 break forced-to-zero"),
        ("reference", "kvm-reference", 0, "nothing is lost, and protection is gained. What is demanded is another"),
        ("cache-repaired", f"{REPAIRS}:v2-cache-repaired", 0, "but in emulated v2-cache-repaired does not protect: enforcement"),
        ("bitmaps-repaired", f"{REPAIRS}:v2-bitmaps-repaired", 0, "but in virtualized v2-bitmaps-repaired does not protect: enforcement"),
        ("enum-repaired", f"{REPAIRS}:v2-enum-repaired", 0, "nothing is lost, but v2-enum-repaired does not protect: enforcement"),
    ],
)
def test_kvm_transcript(name: str, new: str, wanted: int, said: str) -> None:
    """RFC v2 against v3, against the reference, and against itself with each of its findings repaired."""
    found = reviewed(new)

    held(f"review-v2-{name}", written([found], "text"))
    assert wanted == found.code
    assert said in line(found)
    assert len(line(found).split(". ")[0]) < 240


@pytest.mark.slow
def test_the_repairs_are_of_all_findings() -> None:
    """Every claim that is pinned as refuted of v2 is gained by one of the repairs; the relation, which has two causes, by all together."""
    pins = {claim for (design, _, claim), pin in pinned.read(pinned.table()).items() if design == "kvm-rfc-v2" and pin.verdict == "refuted"}
    whole = of_target(f"{REPAIRS}:v2-all-repaired")
    both = review(of_target("kvm-rfc-v2"), whole, claims=["virtualized-equals-emulated"], observables=["guest-runs"], recall=RECALL)

    gained = {change.claim for change in both.of("proved", "gained")}
    assert gained == {"virtualized-equals-emulated"}
    for name in ("cache", "bitmaps", "enum"):
        gained |= set(reviewed(f"{REPAIRS}:v2-{name}-repaired").by_claim("gained")) | set(
            reviewed(f"{REPAIRS}:v2-{name}-repaired").by_claim("gained", partly=True)
        )
    assert pins and pins <= gained


@pytest.mark.slow
def test_forms_of_a_large_review() -> None:
    """The review with most to say is well formed in every form."""
    found = reviewed("kvm-rfc-v3")

    schema = json.loads(resources.files("specproof").joinpath("schema/review.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(written([found], "json")))
    sarif = json.loads(Path("tests/data/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(sarif).validate(json.loads(written([found], "sarif")))
    xmlschema.XMLSchema("tests/data/junit-10.xsd").validate(written([found], "junit"))
    assert "</html>" in written([found], "html")
