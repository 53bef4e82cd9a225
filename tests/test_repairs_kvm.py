"""Three changes to RFC v3 are all that its findings about protection need, where the processor has the control."""

import pytest
from specproof.models.kvm import Vcpu
from specproof.models.kvm_rfc_v3 import ForcedVcpu, kvm_rfc_v3, save_guest_spec_ctrl
from specproof.proofs.repairs_kvm import REPAIRS

from specproof import Word
from specproof.decide import decide
from specproof.load import library
from specproof.pinned import read, table
from specproof.verdict import Proved, Result


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.repaired.name)
def test_a_repair_proves_what_it_names(repair):
    """Every claim that the repair names holds of the repaired design."""
    answers = decide(repair.repaired, repair.configuration, [library().claim(name) for name in repair.claims])

    assert [answer.claim for answer in answers if not (isinstance(answer, Result) and isinstance(answer.verdict, Proved))] == []


def reads_the_register(s: ForcedVcpu) -> Vcpu:
    """The exit of v3, where the effective value is what the register holds, as KVM without the series has it."""
    return save_guest_spec_ctrl(s).replace(spec_ctrl=s.msr)


def clears_and_forces(s: ForcedVcpu, value: Word) -> ForcedVcpu:
    """The other change that makes the shortest run impossible."""
    return REPAIRS[0].repaired.functions["vmx_set_spec_ctrl"](s, value)


@pytest.mark.parametrize(
    ("change", "verdict"), [({"save_guest_spec_ctrl": reads_the_register}, "proved"), ({"vmx_set_spec_ctrl": clears_and_forces}, "refuted")]
)
def test_copies_follow_the_register_where_it_is_read(change, verdict):
    """What is pinned as the cause of J13 is enough to mend, without nested_early_check; that bits are not cleared is not."""
    design = kvm_rfc_v3.but("v3-changed", initial=lambda s: kvm_rfc_v3.start(s) & ~s.early_check, **change)
    claim = library().claim("J13")
    pin = read(table())["kvm-rfc-v3", "virtualized", claim.name]

    assert pin.cause == "computed-instead-of-read"
    assert decide(design, "virtualized", [claim])[0].verdict.word == verdict
