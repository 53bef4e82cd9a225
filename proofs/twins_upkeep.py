"""Twins of the claims about values and fields that an act leaves alone: kvm-reference with one helper or action changed. As in twins.py."""

from specproof.models.kvm import Vcpu, Vmcs
from specproof.proofs.twins import V, twin

from specproof import U64, Bool, Word
from specproof.models import kvm_nested, kvm_transitions
from specproof.models import kvm_reference as reference


def keeps_what_it_cached(s: Vcpu, loaded_vmcs: Vmcs) -> Vmcs:
    return kvm_nested.alloc_loaded_vmcs.body(s, loaded_vmcs)


def drops_the_request(s: Vcpu) -> Vcpu:
    return reference.vmx_sync_spec_ctrl(s.replace(vmcs02=kvm_nested.free_loaded_vmcs(s.vmcs02), vmxon=False, pages_pending=False, mitigation_ctrl=0))


def names_what_the_host_lacks(s: Vcpu, value: Word) -> Vcpu:
    return s.when((value & ~s.accepts) != 0, refused=True, refused_bits=~s.accepts)


def takes_the_request_along(s: Vcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    return kvm_transitions.migrate(s, host, accepts, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no).replace(mitigation_ctrl=s.mitigation_ctrl)


TWINS = (
    twin("mask-changes-as-told", V, "VMXOFF drops the request.", free_nested=drops_the_request),
    twin("refused-for-what-was-given", V, "A refusal names all that the host lacks, asked for or not.",
         kvm_spec_ctrl_test_value=names_what_the_host_lacks),
    twin("destination-starts-empty", V, "A new vCPU has the request of the one that it stands for.", migrate=takes_the_request_along),
    twin("new-vmcs-cache-is-empty", V, "The cache outlives the VMCS, as posted in RFC v2.", alloc_loaded_vmcs=keeps_what_it_cached),
)  # fmt: skip
