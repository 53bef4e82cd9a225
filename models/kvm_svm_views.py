"""KVM/SVM, continued: what claims can look at, in the words of proofs/vocabulary.py.

What is modelled, what is not, and the sources are in the header of kvm_svm.py.
"""

from specproof.models.elsewhere import say_where
from specproof.models.kvm_svm import Vcpu, closed, exits, idle, kvm_svm, reflected, svm_get_msr, vm_exits

from specproof import Bool, Word, conj, disj, ite, word

#: The design, now complete.
__all__ = ["kvm_svm"]

_NO_CONTROL = "the control and its fields are Intel's"
_NO_POLICY = "KVM/SVM forces no bits but the host's own, and lets nobody ask for some"
kvm_svm.lacks(
    virtualized=_NO_CONTROL, control=_NO_CONTROL, shadow=_NO_CONTROL, mask_field=_NO_CONTROL, stale_cache=_NO_CONTROL,
    miswired=_NO_CONTROL, needless_mask_write=_NO_CONTROL, touched_fields=_NO_CONTROL, control_on=_NO_CONTROL,
    applied_mask=_NO_POLICY, derived_mask=_NO_POLICY, ctrl=_NO_POLICY, policy_written=_NO_POLICY, guest_wrote_ctrl=_NO_POLICY,
    ctrl_refused=_NO_POLICY, host_adds="the host's bits are said to be required, where the processor ORs them in",
    stored_wrong="SVM has no MSR lists", restored="the order of the ioctls is left to userspace's actions here, which come in any order",
    offered="guest_has_spec_ctrl_msr() is all that KVM asks of the guest's CPUID",
    host_entered="Linux knows IBRS that must be written again on Intel processors only",
)  # fmt: skip


@kvm_svm.view
def guest_runs(s: Vcpu) -> Bool:
    """L1 or L2 runs on the processor."""
    return s.running


@kvm_svm.view
def may_enter(s: Vcpu) -> Bool:
    """KVM has the vCPU and could enter the guest next."""
    return idle(s)


@kvm_svm.view
def settled(s: Vcpu) -> Bool:
    """No migration is under way: its ioctls are actions like others here."""
    return conj(())


@kvm_svm.view
def in_l2(s: Vcpu) -> Bool:
    """L2 is current."""
    return s.guest_mode


@kvm_svm.view
def effective(s: Vcpu) -> Word:
    """What the processor acts on: with V_SPEC_CTRL both registers, ORed, while the guest runs. [APM]"""
    return ite(s.running & s.v_spec_ctrl, s.msr | s.guest_msr, s.msr)


@kvm_svm.view
def effective_next(s: Vcpu) -> Word:
    """The effective value, or what it will be once the guest runs again."""
    return ite(s.running, effective(s), saved_effective(s))


@kvm_svm.view
def saved_effective(s: Vcpu) -> Word:
    """What KVM's copy of the guest's value will make the effective value."""
    return svm_get_msr(s) | ite(s.v_spec_ctrl, s.host, 0)


@kvm_svm.view
def saved_guest_value(s: Vcpu) -> Word:
    """KVM's copy of the guest's value."""
    return svm_get_msr(s)


@kvm_svm.view
def userspace_reads(s: Vcpu) -> Word:
    """What KVM_GET_MSRS would return while the guest does not run."""
    return svm_get_msr(s)


@kvm_svm.view
def rdmsr(s: Vcpu) -> Word:
    """What RDMSR would return to the guest that runs, were it not L1 that answers."""
    passed = ite(s.v_spec_ctrl, s.guest_msr, s.msr)
    return ite(exits(s), svm_get_msr(vm_exits(s)), passed)


@kvm_svm.view
def guest_reads(s: Vcpu) -> Word:
    """What RDMSR returns, or would return if the guest ran now."""
    return ite(s.running, rdmsr(s), svm_get_msr(s))


@kvm_svm.view
def believes(s: Vcpu) -> Word:
    """What the guest, or userspace for it, set last."""
    return s.believed


@kvm_svm.view
def required_mask(s: Vcpu) -> Word:
    """With V_SPEC_CTRL, the bits that the host has set: the guest cannot clear them. [APM]"""
    return ite(s.v_spec_ctrl, s.host, 0)


@kvm_svm.view
def required_value(s: Vcpu) -> Word:
    """Set."""
    return ite(s.v_spec_ctrl, s.host, 0)


@kvm_svm.view
def host_wants(s: Vcpu) -> Word:
    """The value that the host wants to run with."""
    return s.host


@kvm_svm.view
def leaked(s: Vcpu) -> Word:
    """Bits in which the host runs with something else."""
    return ite(s.running, 0, s.msr ^ s.host)


@kvm_svm.view
def host_accepts(s: Vcpu) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


@kvm_svm.view
def locked(s: Vcpu) -> Word:
    """Bits that the guest's writes do not reach: none, its own register takes them all."""
    return word(0)


@kvm_svm.view
def intercepted(s: Vcpu) -> Bool:
    """Reads and writes exit, and not only because L1 asks for it."""
    return exits(s)


@kvm_svm.view
def opened(s: Vcpu) -> Bool:
    """KVM passes the register through to L1."""
    return ~closed(s)


@kvm_svm.view
def exits_on_write(s: Vcpu) -> Bool:
    """A WRMSR by the guest that runs exits."""
    return exits(s) | reflected(s)


@kvm_svm.view
def l0_closed(s: Vcpu) -> Bool:
    """svm->msrpm asks for exits."""
    return closed(s)


@kvm_svm.view
def l1_closed(s: Vcpu) -> Bool:
    """L1 asked for exits when it entered L2."""
    return s.l1_wants


@kvm_svm.view
def list_loaded(s: Vcpu) -> Bool:
    """An MSR-load list set the register: SVM has none."""
    return disj(())


@kvm_svm.view
def list_wrote(s: Vcpu) -> Bool:
    """The step was an entry of an MSR-load list for the register: SVM has no such list."""
    return disj(())


@kvm_svm.view
def vcpus_apart(s: Vcpu) -> Bool:
    """KVM means to keep vCPUs' predictions apart, also of a guest that was told of no IBRS. [LNX svm.c:svm_vcpu_load]"""
    return conj(())


@kvm_svm.view
def barrier_offered(s: Vcpu) -> Bool:
    """The guest was told that it has IBRS, which is to keep L1 apart from L2."""
    return s.has_msr


kvm_svm.shows(
    "has_msr", "guest_wrote", "userspace_wrote", "operand", "refused", "copied", "changed_level", "entry_failed", "reentered", "did_init",
    "host_chose", "host_illegal", "stale_at_exit", "wrong_at_entry", "trained_by_l2", "trained_by_other",
)  # fmt: skip
say_where(kvm_svm)
