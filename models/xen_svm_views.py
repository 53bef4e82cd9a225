"""Xen on SVM, continued: what claims can look at, in the words of proofs/vocabulary.py.

What is modelled, what is not, and the sources are in the header of xen_svm.py.
"""

from specproof.models.elsewhere import say_where
from specproof.models.xen_svm import Vcpu, current_save, hvm_save_cpu_msrs, idle, xen_svm

from specproof import Bool, Word, conj, disj, ite, word

#: The design, now complete.
__all__ = ["xen_svm"]

_NO_CONTROL = "the control and its fields are Intel's"
_NO_REQUEST = "MSR_VIRT_SPEC_CTRL asks for SSBD alone; see 'virt_wanted'"
xen_svm.lacks(
    virtualized=_NO_CONTROL, control=_NO_CONTROL, shadow=_NO_CONTROL, mask_field=_NO_CONTROL, stale_cache=_NO_CONTROL,
    miswired=_NO_CONTROL, needless_mask_write=_NO_CONTROL, touched_fields=_NO_CONTROL, control_on=_NO_CONTROL,
    applied_mask=_NO_REQUEST, derived_mask=_NO_REQUEST, ctrl=_NO_REQUEST, policy_written=_NO_REQUEST, guest_wrote_ctrl=_NO_REQUEST,
    ctrl_refused=_NO_REQUEST, stored_wrong="SVM has no MSR lists", entry_failed="a VMRUN that fails crashes the domain",
    restored="the toolstack restores all at once; see 'migrated'", did_reset="INIT leaves the register alone",
    trained_by_other="context switches between vCPUs are not modelled", trained_by_l2="IBPB is not modelled",
    saved_window="GIF is 0 between #VMEXIT and the assembly's write: no NMI strikes there",
    in_nmi="GIF is 0 wherever the host's register is not Xen's",
    host_adds="what is behind the guest's back is said to be required",
)  # fmt: skip


@xen_svm.view
def guest_runs(s: Vcpu) -> Bool:
    """L1 or L2 runs on the processor."""
    return s.running


@xen_svm.view
def may_enter(s: Vcpu) -> Bool:
    """Xen has the vCPU and could enter the guest next."""
    return idle(s)


@xen_svm.view
def settled(s: Vcpu) -> Bool:
    """The toolstack's restore is one step here."""
    return conj(())


@xen_svm.view
def effective(s: Vcpu) -> Word:
    """What the processor acts on: both registers, ORed, while the guest runs. [APM]"""
    return ite(s.running, s.msr | s.guest_msr, s.msr)


@xen_svm.view
def effective_next(s: Vcpu) -> Word:
    """The effective value, or what it will be once the guest runs again."""
    return ite(s.running, s.msr | s.guest_msr, s.behind | current_save(s))


@xen_svm.view
def saved_effective(s: Vcpu) -> Word:
    """What Xen's copies will make the effective value."""
    return s.behind | current_save(s)


@xen_svm.view
def saved_guest_value(s: Vcpu) -> Word:
    """The guest's value while it does not run."""
    return current_save(s)


@xen_svm.view
def userspace_reads(s: Vcpu) -> Word:
    """What the toolstack would save."""
    return hvm_save_cpu_msrs(s)


@xen_svm.view
def rdmsr(s: Vcpu) -> Word:
    """What RDMSR would return to the guest that runs, were it not L1 that answers."""
    return s.guest_msr


@xen_svm.view
def guest_reads(s: Vcpu) -> Word:
    """What RDMSR returns, or would return if the guest ran now."""
    return ite(s.running, s.guest_msr, current_save(s))


@xen_svm.view
def believes(s: Vcpu) -> Word:
    """What the guest, or the toolstack for it, set last."""
    return s.believed


@xen_svm.view
def required_mask(s: Vcpu) -> Word:
    """What is to be behind the guest's back: what Xen gives a new vCPU, and SSBD where the guest asked for it. [VMCB, MSR]"""
    return s.default | s.virt_wanted


@xen_svm.view
def required_value(s: Vcpu) -> Word:
    """Set."""
    return s.default | s.virt_wanted


@xen_svm.view
def host_wants(s: Vcpu) -> Word:
    """The value with which Xen runs."""
    return s.host


@xen_svm.view
def leaked(s: Vcpu) -> Word:
    """Bits in which Xen runs with something else."""
    return ite(s.running, 0, s.msr ^ s.host)


@xen_svm.view
def host_accepts(s: Vcpu) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


@xen_svm.view
def locked(s: Vcpu) -> Word:
    """Bits that the guest's writes do not reach: none, its own register takes them all."""
    return word(0)


@xen_svm.view
def intercepted(s: Vcpu) -> Bool:
    """Accesses exit on Xen's behalf: not where the policy has the register."""
    return disj(())


@xen_svm.view
def opened(s: Vcpu) -> Bool:
    """Xen passes the register through to L1."""
    return conj(())


@xen_svm.view
def exits_on_write(s: Vcpu) -> Bool:
    """A WRMSR by the guest that runs exits: in L2, if L1 asked for it; Xen's map is open."""
    return s.in_l2 & s.l1_asks


@xen_svm.view
def l0_closed(s: Vcpu) -> Bool:
    """Xen's map asks for exits: not here."""
    return disj(())


@xen_svm.view
def l1_closed(s: Vcpu) -> Bool:
    """L1 intercepts L2's writes."""
    return s.l1_wants


@xen_svm.view
def list_loaded(s: Vcpu) -> Bool:
    """An MSR-load list set the register: SVM has none."""
    return disj(())


@xen_svm.view
def toolstack_refused(s: Vcpu) -> Bool:
    """Xen refused a value of the toolstack's: of all accesses only the guest's are refused else."""
    return s.refused & ~s.guest_wrote


xen_svm.shows(
    "offered", "in_l2", "virt_wanted", "guest_wrote", "operand", "refused", "copied", "changed_level", "reentered", "migrated",
    "image_refused", "host_entered", "host_wrote", "host_illegal", "stale_at_exit", "wrong_at_entry",
)  # fmt: skip
say_where(xen_svm)
