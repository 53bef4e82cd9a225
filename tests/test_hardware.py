"""The claims about the processor: each has a twin that breaks it, and each assumption is leant on by what one expects."""

from __future__ import annotations

from functools import cache

import pytest
from specproof.models.intel import intel

from specproof import Claim
from specproof.decide import decide, decide_lemma
from specproof.load import library
from specproof.verdict import Proved, Refuted, Result, Vacuous
from tests.designs.intel_twins import TWINS, UNREACHABLE, WRONG_LEMMAS


def hardware() -> list[Claim]:
    """H1 and on."""
    return [claim for claim in library().claims.values() if claim.id.startswith("H")]


def verdicts(without: tuple[str, ...] = (), configuration: str = "with-control") -> dict[str, Result]:
    """What is decided of the processor, by claim."""
    claims = [claim for claim in hardware() if claim.kind != "lemma"]
    results = decide(intel, configuration, claims, without=without)
    return {result.claim: result for result in results if isinstance(result, Result)}


@cache
def sound() -> dict[str, Result]:
    """The processor as it is."""
    return verdicts()


def test_every_promise_of_the_processor_is_proved() -> None:
    """With the control there, nothing is refuted, vacuous or unknown."""
    assert {name: result.verdict.word for name, result in sound().items() if not isinstance(result.verdict, Proved)} == {}
    assert len(sound()) == 29


def test_every_promise_has_a_twin() -> None:
    """No claim is proved that nothing could break."""
    assert sorted(sound()) == sorted([*TWINS, *UNREACHABLE])


@pytest.mark.parametrize("name", TWINS)
def test_the_twin_of_a_promise_is_refuted(name: str) -> None:
    """The broken processor refutes the claim by a run of the expected length."""
    design, steps = TWINS[name]
    [result] = decide(design, "with-control", [library().claim(name)])

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Refuted)
    assert result.verdict.trace.length == steps


@pytest.mark.parametrize("name", UNREACHABLE)
def test_what_can_happen_cannot_happen_on_its_twin(name: str) -> None:
    """A claim that something is possible is about this processor, and fails on another."""
    [result] = decide(UNREACHABLE[name], "with-control", [library().claim(name)])

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Vacuous)


@pytest.mark.parametrize("claim", [claim for claim in hardware() if claim.kind == "lemma"], ids=lambda claim: claim.name)
def test_lemmas_of_the_merge(claim: Claim) -> None:
    """They hold for all words."""
    assert isinstance(decide_lemma(claim).verdict, Proved)


@pytest.mark.parametrize("claim", WRONG_LEMMAS, ids=lambda claim: claim.name)
def test_a_slip_in_a_lemma_is_refuted(claim: Claim) -> None:
    """Each lemma with one slip has values for which it fails."""
    assert isinstance(decide_lemma(claim).verdict, Refuted)


@pytest.mark.parametrize(
    ("assumption", "lost"),
    [
        ("entry-keeps-msr", {"entry-moves-nothing", "register-is-legal", "fault-on-unmasked-bits", "hidden-bits-stay-clear"}),
        ("list-spares-shadow", {"only-writes-move-mask-and-shadow", "read-your-write"}),
        ("undefined-is-legal", {"register-is-legal", "fault-on-unmasked-bits", "hidden-bits-stay-clear"}),
        ("hidden-bits-fault", {"hidden-bits-stay-clear"}),
    ],
)
def test_what_leans_on_an_assumption(assumption: str, lost: set[str]) -> None:
    """Each disputed or unstated behaviour of the processor carries exactly these claims, and no other."""
    found = verdicts((assumption,))

    assert {name for name, result in found.items() if not isinstance(result.verdict, Proved)} == lost
    assert {name for name, result in found.items() if isinstance(result.verdict, Refuted)} == lost


def test_without_the_control_its_claims_are_vacuous() -> None:
    """A processor that lacks the control says nothing about mask and shadow, and keeps the rest."""
    found = verdicts(configuration="without-control")

    assert {result.verdict.word for result in found.values()} == {"proved", "vacuous"}
    assert {name for name, result in found.items() if isinstance(result.verdict, Vacuous)} == {
        "read-is-the-whole-shadow", "write-reaches-unmasked-bits", "masked-bits-frozen", "shadow-takes-operand", "shadow-may-be-illegal",
        "fault-on-merged-value", "fault-on-unmasked-bits", "agreement-lasts", "agreement-is-not-made",
    }  # fmt: skip
