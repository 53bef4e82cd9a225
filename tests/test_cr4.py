"""Another register: the bug of Xen's nested VMX is found, and its repair is proved, by the same engine and the same review."""

from importlib import import_module

from specproof.decide import decide
from specproof.load import library
from specproof.review.compare import review
from specproof.review.line import line
from specproof.review.sides import Side
from specproof.verdict import Proved, Refuted, Result

CLAIMS = ("enforcement", "cr4-read", "cr4-effective", "cr4-nested-effective", "cr4-request-is-checked", "cr4-stored-at-exit")


def verdicts(name: str) -> dict[str, Result]:
    """The verdicts on a design of models/cr4.py."""
    known = library()
    model = import_module("specproof.models.cr4")
    design = {one.name: one for one in (model.cr4, *model.VARIANTS.designs)}[name]
    answers = decide(design, "", [known.claims[claim] for claim in CLAIMS])
    return {answer.claim: answer for answer in answers if isinstance(answer, Result)}


def test_the_design_is_proved() -> None:
    """All values, runs of any length, and any vmcs12."""
    assert all(isinstance(one.verdict, Proved) for one in verdicts("cr4").values())


def test_the_bug_of_xen_is_found() -> None:
    """G06: L2 touches a bit that only L0 owns, and loses the bits that L1 owns."""
    found = verdicts("cr4-g06")

    assert isinstance(found["enforcement"].verdict, Proved)
    broken = found["cr4-nested-effective"].verdict
    assert isinstance(broken, Refuted)
    assert [step.action for step in broken.trace.steps][-1] == "l2_writes"
    assert broken.trace.length <= 4


def test_the_bug_of_kvm_is_found() -> None:
    """G08: L0's bits make legal what L1 asked for, and L2 starts; nothing else is wrong with it."""
    found = verdicts("cr4-g08")

    assert [name for name, one in found.items() if isinstance(one.verdict, Refuted)] == ["cr4-request-is-checked"]


def test_the_variant_does_not_ship_as_a_design() -> None:
    """A bug of the past is no design that `check` asks about."""
    assert "cr4" in library().shipped and "cr4-g06" not in library().shipped


def test_a_review_says_what_the_bug_loses() -> None:
    """The same command reviews another register."""
    known = library()
    model = import_module("specproof.models.cr4")
    claims = tuple(known.claims[name] for name in CLAIMS)
    found = review(Side("cr4", model.cr4, claims), Side("cr4-g06", model.VARIANTS.designs[0], claims))

    assert found.code == 1
    assert "it loses protection" in line(found) and "cr4-nested-effective" in line(found)
    assert any(one.name == "effective-in-guest" and one.differs for one in found.behaviours)
