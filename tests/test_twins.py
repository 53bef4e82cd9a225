"""Every proved claim has a broken twin, refuted by the claim that it is the twin of."""

from __future__ import annotations

import pytest
from specproof.proofs.twins import WRONG_LEMMAS, Twin

from specproof.decide import decide, decide_lemma, decide_relation
from specproof.load import LEMMAS, library
from specproof.pinned import read, table
from specproof.proofs import twins, twins_conduct, twins_upkeep
from specproof.verdict import Refuted, Result

CLAIMS = library().claims
TWINS = (*twins.TWINS, *twins_conduct.TWINS, *twins_upkeep.TWINS)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.claim)
def test_a_twin_of_the_reference_is_refuted_by_its_claim(twin: Twin) -> None:
    """The named claim refutes the twin by a run."""
    claim = CLAIMS[twin.claim]
    relation = claim.kind == "relation"
    result = decide_relation(twin.design, claim) if relation else decide(twin.design, twin.configuration, [claim])[0]

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Refuted), twin.why
    assert result.verdict.trace.length > 0


@pytest.mark.parametrize("name", WRONG_LEMMAS)
def test_a_lemma_without_what_it_rests_on_is_refuted(name: str) -> None:
    """The hypothesis of each lemma is needed."""
    assert decide_lemma(WRONG_LEMMAS[name]).verdict.word == "refuted"


def test_every_proved_claim_of_the_reference_has_a_twin() -> None:
    """A claim that nothing has been seen to break may be one that nothing can break."""
    pins = read(table()).values()
    proved = {pin.claim for pin in pins if pin.design == "kvm-reference" and pin.verdict == "proved" and CLAIMS[pin.claim].id[:1] in ("I", "J")}
    proved -= {name for name in proved if CLAIMS[name].kind == "reachability"}
    lemmas = {pin.claim for pin in pins if pin.design == LEMMAS and CLAIMS[pin.claim].id.startswith("L")}
    mine = {twin.claim for twin in TWINS} | {"reset"}

    assert proved - mine == set()
    assert lemmas - set(WRONG_LEMMAS) == set()
