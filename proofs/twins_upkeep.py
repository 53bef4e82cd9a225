"""Twins of the claims in upkeep.py, fields.py and some of their neighbours: kvm-reference with one helper or action changed. As in twins.py."""

from specproof.models.kvm import Vcpu, Vmcs, vm_exits
from specproof.models.registers import FORCEABLE, SPEC_CTRL
from specproof.proofs.twins import (
    V,
    forgets_what_it_wrote,
    locks_and_does_not_force,
    saves_the_shadow_only,
    switches_the_mask_only,
    tells_the_cache_only,
    twin,
)
from specproof.proofs.twins_conduct import stores_the_request

from specproof import U64, Bool, Word, select
from specproof.models import kvm, kvm_nested, kvm_transitions
from specproof.models import kvm_reference as reference


def keeps_what_it_cached(s: Vcpu, loaded_vmcs: Vmcs) -> Vmcs:
    return kvm_nested.alloc_loaded_vmcs.body(s, loaded_vmcs)


def drops_the_request(s: Vcpu) -> Vcpu:
    return reference.vmx_sync_spec_ctrl(s.replace(vmcs02=kvm_nested.free_loaded_vmcs(s.vmcs02), vmxon=False, pages_pending=False, mitigation_ctrl=0))


def names_what_the_host_lacks(s: Vcpu, value: Word) -> Vcpu:
    return s.when((value & ~s.accepts) != 0, refused=True, refused_bits=~s.accepts)


def takes_the_request_along(s: Vcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    return kvm_transitions.migrate(s, host, accepts, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no).replace(mitigation_ctrl=s.mitigation_ctrl)


def looks_at_no_visibility(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    return reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated=True)


def puts_the_value_into_the_mask(s: Vcpu) -> Vcpu:
    return kvm.vmcs_write(vm_exits(s), mask=s.guest_spec_ctrl).replace(exited=True)


def takes_the_register_for_the_hosts_wish(s: Vcpu) -> Vcpu:
    s = select(kvm.msr_write_intercepted(s), s, kvm.save_guest_spec_ctrl(s))
    return s.replace(host=s.msr, stale_at_exit=s.stale_at_exit | (s.spec_ctrl ^ s.msr))


def refuses_what_it_is_given(s: Vcpu, value: U64) -> Vcpu:
    s = select((value & SPEC_CTRL.STIBP) != 0, s.replace(refused=True), kvm.vmx_set_msr_spec_ctrl(s, value))
    return s.when(~s.refused, believed=value).replace(userspace_wrote=True, operand=value, by_userspace=True)


def offers_all_at_init(s: Vcpu, init_event: bool) -> Vcpu:
    after = reference.vmx_vcpu_reset(s, init_event)
    return after.replace(mitigation_enum=FORCEABLE, enumerates=True) if init_event else after


TWINS = (
    twin("host-value-is-its-own", V, "After an exit the register is taken for what the host wants, and not written.",
         vmx_spec_ctrl_restore_host=takes_the_register_for_the_hosts_wish),
    twin("refusals-have-a-reason", V, "KVM_SET_MSRS refuses STIBP, which the host has.", kvm_set_msrs_spec_ctrl=refuses_what_it_is_given),
    twin("offer-stays-as-chosen", V, "INIT tells the guest of all that KVM knows.", vmx_vcpu_reset=offers_all_at_init),
    twin("unseen-requests-are-refused", V, "A guest's request is taken as userspace's is.", vmx_set_msr_mitigation_ctrl=looks_at_no_visibility),
    twin("levels-compute-anew", V, "The other VMCS gets the mask, and the effective value stays as it was for the last.",
         vmx_switch_vmcs=switches_the_mask_only, vmx_set_msr_mitigation_ctrl=stores_the_request),
    twin("stale-by-an-entry", V, "The mask field is written and the cache is not.", vmx_set_spec_ctrl_mask=forgets_what_it_wrote),
    twin("exit-compares-the-register", V, "After an exit KVM's copy of the effective value is the one from before.",
         save_guest_spec_ctrl=saves_the_shadow_only),
    twin("write-through", V, "KVM remembers a mask that it never wrote to the VMCS.", vmx_set_spec_ctrl_mask=tells_the_cache_only),
    twin("cached-is-not-written", V, "An exit leaves the guest's value in the mask field.", vm_exit=puts_the_value_into_the_mask),
    twin("values-take-effect", V, "The mask locks a bit and does not set it.", effective_value=locks_and_does_not_force),
    twin("mask-changes-as-told", V, "VMXOFF drops the request.", free_nested=drops_the_request),
    twin("refused-for-what-was-given", V, "A refusal names all that the host lacks, asked for or not.",
         kvm_spec_ctrl_test_value=names_what_the_host_lacks),
    twin("destination-starts-empty", V, "A new vCPU has the request of the one that it stands for.", migrate=takes_the_request_along),
    twin("new-vmcs-cache-is-empty", V, "The cache outlives the VMCS, as posted in RFC v2.", alloc_loaded_vmcs=keeps_what_it_cached),
)  # fmt: skip
