"""KVM/VMX as of Linux 6.12, continued: what claims can look at, in the words of proofs/vocabulary.py.

What is modelled, what is not, and the sources are in the header of kvm.py. Who acts is in kvm_conduct.py.
"""

from specproof.models.kvm import (
    Vcpu,
    current,
    has_control,
    msr_write_intercepted,
    rdmsr_in_guest,
    vmx_get_msr_spec_ctrl,
    vmx_spec_ctrl_restore_host,
)
from specproof.models.kvm_actions import idle, restoring
from specproof.models.kvm_transitions import kvm_upstream

from specproof import Bool, Word, ite

__all__ = ["kvm_upstream"]


@kvm_upstream.view
def guest_runs(s: Vcpu) -> Bool:
    """L1 or L2 runs on the processor."""
    return s.running


@kvm_upstream.view
def may_enter(s: Vcpu) -> Bool:
    """KVM has the vCPU and could enter the guest next."""
    return idle(s)


@kvm_upstream.view
def settled(s: Vcpu) -> Bool:
    """No migration is under way."""
    return ~restoring(s)


@kvm_upstream.view
def virtualized(s: Vcpu) -> Bool:
    """The processor has the control."""
    return s.virtualized


@kvm_upstream.view
def effective(s: Vcpu) -> Word:
    """What the processor acts on."""
    return s.msr


@kvm_upstream.view
def effective_next(s: Vcpu) -> Word:
    """The effective value, or what it will be once the guest runs again."""
    return ite(s.running, s.msr, s.spec_ctrl)


@kvm_upstream.view
def saved_effective(s: Vcpu) -> Word:
    """KVM's copy of the effective value."""
    return s.spec_ctrl


@kvm_upstream.view
def believes(s: Vcpu) -> Word:
    """What the guest, or userspace for it, set last."""
    return s.believed


@kvm_upstream.view
def rdmsr(s: Vcpu) -> Word:
    """What RDMSR would return to the guest that runs, passed through or by KVM after an exit."""
    return ite(current(s).intercepted, vmx_get_msr_spec_ctrl(vmx_spec_ctrl_restore_host(s)), rdmsr_in_guest(s))


@kvm_upstream.view
def userspace_reads(s: Vcpu) -> Word:
    """What KVM_GET_MSRS would return while the guest does not run."""
    return vmx_get_msr_spec_ctrl(s)


@kvm_upstream.view
def guest_reads(s: Vcpu) -> Word:
    """What RDMSR returns, or would return if the guest were entered now."""
    exits = ite(s.pages_pending, s.vmcs01.intercepted, current(s).intercepted)
    passed = ite(has_control(s, current(s)), current(s).shadow, s.spec_ctrl)
    return ite(s.running, rdmsr(s), ite(exits, userspace_reads(s), passed))


@kvm_upstream.view
def host_wants(s: Vcpu) -> Word:
    """The value that the host wants to run with."""
    return s.host


@kvm_upstream.view
def leaked(s: Vcpu) -> Word:
    """Bits in which the processor differs from what the host wants, now or after an exit in this step."""
    return s.leaked | ite(s.running, s.msr & 0, s.msr ^ s.host)


@kvm_upstream.view
def stale_at_exit(s: Vcpu) -> Word:
    """Bits in which KVM compared something else than the register with the host's value at an exit in this step."""
    return s.stale_at_exit


@kvm_upstream.view
def wrong_at_entry(s: Vcpu) -> Word:
    """Bits in which the register differed from KVM's copy after a VM entry in this step."""
    return s.wrong_at_entry


@kvm_upstream.view
def stored_wrong(s: Vcpu) -> Word:
    """Bits in which an MSR-store list got another value than the guest's."""
    return s.stored_wrong


@kvm_upstream.view
def intercepted(s: Vcpu) -> Bool:
    """Both accesses to IA32_SPEC_CTRL exit from the current VMCS, and not only because L1 asks for it."""
    return current(s).intercepted


@kvm_upstream.view
def opened(s: Vcpu) -> Bool:
    """KVM passes IA32_SPEC_CTRL through to L1."""
    return ~s.vmcs01.intercepted


@kvm_upstream.view
def in_l2(s: Vcpu) -> Bool:
    """L2 is current."""
    return s.guest_mode


@kvm_upstream.view
def host_accepts(s: Vcpu) -> Word:
    """Bits that a WRMSR on this host's processor accepts."""
    return s.accepts


@kvm_upstream.view
def refused(s: Vcpu) -> Bool:
    """The step was an access that was refused."""
    return s.refused


@kvm_upstream.view
def restore_refused(s: Vcpu) -> Word:
    """Bits, other than the guest's own, for which the destination of a migration refused the guest's value in this step."""
    return s.restore_refused_bits


@kvm_upstream.view
def restored(s: Vcpu) -> Bool:
    """The step completed a migration."""
    return s.restored


@kvm_upstream.view
def guest_wrote(s: Vcpu) -> Bool:
    """The step was a WRMSR of IA32_SPEC_CTRL by L1 or L2."""
    return s.guest_wrote


@kvm_upstream.view
def operand(s: Vcpu) -> Word:
    """... with this value; also that of an MSR-load list or of KVM_SET_MSRS."""
    return s.operand


@kvm_upstream.view
def exits_on_write(s: Vcpu) -> Bool:
    """A WRMSR of IA32_SPEC_CTRL by the guest that is current exits to KVM, on its own behalf or L1's."""
    return msr_write_intercepted(s)


@kvm_upstream.view
def l0_closed(s: Vcpu) -> Bool:
    """KVM asks for exits on L1's writes."""
    return s.vmcs01.intercepted


@kvm_upstream.view
def l1_closed(s: Vcpu) -> Bool:
    """L1 asks for exits on L2's writes, as last merged."""
    return s.l1_intercepts


@kvm_upstream.view
def locked(s: Vcpu) -> Word:
    """Bits that a guest's write does not reach: none in KVM without the series."""
    return s.defined & 0


@kvm_upstream.view
def has_msr(s: Vcpu) -> Bool:
    """The guest's CPUID says that the register exists: always, in these models."""
    return s.running | ~s.running


@kvm_upstream.view
def host_illegal(s: Vcpu) -> Word:
    """Bits in the register that the processor rejects. A guest's write cannot put one there, so KVM's own WRMSR did, or took #GP."""
    return s.msr & ~s.accepts


@kvm_upstream.view
def list_loaded(s: Vcpu) -> Bool:
    """An MSR-load list set IA32_SPEC_CTRL."""
    return s.list_loaded


@kvm_upstream.view
def changed_level(s: Vcpu) -> Bool:
    """The step went from L1 to L2 or back, or tried to."""
    return s.changed_level


@kvm_upstream.view
def entry_failed(s: Vcpu) -> Bool:
    """A nested entry failed in this step."""
    return s.entry_failed


@kvm_upstream.view
def return_failed(s: Vcpu) -> Bool:
    """KVM_SET_NESTED_STATE or RSM failed to return to L2 in this step."""
    return s.return_failed


@kvm_upstream.view
def reentered(s: Vcpu) -> Bool:
    """The step was an exit and the next entry, with nothing about the MSRs in between."""
    return s.reentered


@kvm_upstream.view
def exited(s: Vcpu) -> Bool:
    """The step was an exit that has nothing to do with the MSRs."""
    return s.exited


@kvm_upstream.view
def host_chose(s: Vcpu) -> Bool:
    """The step was a change of the host's wish, other than between an exit and the next entry."""
    return s.host_chose


@kvm_upstream.view
def did_reset(s: Vcpu) -> Bool:
    """The step was RESET."""
    return s.did_reset


@kvm_upstream.view
def did_init(s: Vcpu) -> Bool:
    """The step was INIT."""
    return s.did_init


@kvm_upstream.view
def other_vcpu(s: Vcpu) -> Bool:
    """The step was another vCPU's."""
    return s.other_vcpu


NO_POLICY = "KVM without the series requires no bit of its guest"
NO_FIELDS = "KVM without the series uses neither mask nor shadow"
NO_REQUEST = "KVM without the series has no MITIGATION_CTRL"

kvm_upstream.lacks(
    **dict.fromkeys(("required_mask", "required_value", "applied_mask", "derived_mask", "chosen_mask", "chosen_value"), NO_POLICY),
    **dict.fromkeys(("shadow", "mask_field", "other_shadow", "other_mask", "cache", "other_cache", "control", "stale_cache", "miswired"), NO_FIELDS),
    **dict.fromkeys(("saved_guest_value", "needless_mask_write"), NO_FIELDS),
    **dict.fromkeys(("ctrl", "ctrl_promised", "ctrl_offered", "ctrl_visible", "ctrl_refused", "policy_written"), NO_REQUEST),
    **dict.fromkeys(("guest_wrote_ctrl", "guest_wrote_enum", "asked_reserved", "restore_ctrl_refused", "init_keeps_policy"), NO_REQUEST),
    **dict.fromkeys(("host_forces", "host_has", "host_needs"), NO_REQUEST),
)
