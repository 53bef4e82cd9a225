"""Three changes to RFC v3 are all that its findings about protection need, where the processor has the control."""

import pytest
from specproof.proofs.repairs_kvm import REPAIRS

from specproof.decide import decide
from specproof.load import library
from specproof.verdict import Proved, Result


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.repaired.name)
def test_a_repair_proves_what_it_names(repair):
    """Every claim that the repair names holds of the repaired design."""
    answers = decide(repair.repaired, repair.configuration, [library().claim(name) for name in repair.claims])

    assert [answer.claim for answer in answers if not (isinstance(answer, Result) and isinstance(answer.verdict, Proved))] == []
