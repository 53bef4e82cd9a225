"""Xen on VMX, continued: what claims can look at, in the words of proofs/vocabulary.py.

What is modelled, what is not, and the sources are in the header of xen_vmx.py.
"""

from specproof.models.elsewhere import say_where
from specproof.models.xen_vmx import Vcpu, closed, current, hvm_save_cpu_msrs, idle, update_msrbitmap, vmx_get_reg, xen_vmx

from specproof import Bool, Word, conj, disj, ite, word

#: The design, now complete.
__all__ = ["xen_vmx"]

_NO_REQUEST = "a guest cannot ask for bits to be forced, nor the toolstack at run time"
_NO_CACHE = "Xen keeps no cache of the mask"
xen_vmx.lacks(
    stale_cache=_NO_CACHE, needless_mask_write=_NO_CACHE, miswired="Xen has no IPI virtualization to keep from L2",
    applied_mask=_NO_REQUEST, derived_mask=_NO_REQUEST, ctrl=_NO_REQUEST, policy_written=_NO_REQUEST, guest_wrote_ctrl=_NO_REQUEST,
    ctrl_refused=_NO_REQUEST, saved_effective="Xen keeps no effective value, and skips no write because of one",
    stale_at_exit="Xen skips no write on VMX", wrong_at_entry="Xen skips no write on VMX", stored_wrong="vvmx.c processes none of L1's MSR lists",
    entry_failed="a VM entry that fails crashes the domain", restored="the toolstack restores all at once; see 'migrated'",
    did_reset="INIT leaves the register alone", trained_by_other="context switches between vCPUs are not modelled",
    host_adds="where bits are forced, they are said to be required", shadow="the shadow is the guest's value itself, not a copy of one",
)  # fmt: skip


@xen_vmx.view
def guest_runs(s: Vcpu) -> Bool:
    """L1 or L2 runs on the processor."""
    return s.running


@xen_vmx.view
def may_enter(s: Vcpu) -> Bool:
    """Xen has the vCPU and could enter the guest next."""
    return idle(s)


@xen_vmx.view
def settled(s: Vcpu) -> Bool:
    """The toolstack's restore is one step here."""
    return conj(())


@xen_vmx.view
def virtualized(s: Vcpu) -> Bool:
    """The processor has the control."""
    return s.control


@xen_vmx.view
def has_control(s: Vcpu) -> Bool:
    """The processor allows the control and has its fields."""
    return s.control


@xen_vmx.view
def control(s: Vcpu) -> Bool:
    """The current VMCS has the control set, and the register is not intercepted, which would make it moot."""
    return s.control & s.has_msr


@xen_vmx.view
def control_on(s: Vcpu) -> Bool:
    """The guest that runs, runs with the control: vmcs02 has it from vmcs01."""
    return s.control


@xen_vmx.view
def mask_field(s: Vcpu) -> Word:
    """The mask field of the current VMCS."""
    return current(s).mask


@xen_vmx.view
def locked(s: Vcpu) -> Word:
    """Bits that the guest's writes do not reach."""
    return ite(s.control, current(s).mask, 0)


@xen_vmx.view
def effective(s: Vcpu) -> Word:
    """What the processor acts on."""
    return s.msr


@xen_vmx.view
def effective_next(s: Vcpu) -> Word:
    """The effective value, or what it will be once the guest runs again."""
    vmcs = current(s)
    loaded = ite(s.entry_loads & ~closed(s), (s.host & vmcs.mask) | (vmcs.shadow & ~vmcs.mask), s.host)
    return ite(s.running, s.msr, ite(~s.control & s.has_msr, s.entry, loaded))


@xen_vmx.view
def saved_guest_value(s: Vcpu) -> Word:
    """The guest's value as Xen has it while the guest does not run."""
    return vmx_get_reg(s)


@xen_vmx.view
def next_saved(s: Vcpu) -> Word:
    """What will be the guest's value once the exit is dealt with."""
    return vmx_get_reg(s)


@xen_vmx.view
def saved_window(s: Vcpu) -> Bool:
    """The guest stopped, and the assembly has not run; where the policy has the register."""
    return s.window & s.has_msr


@xen_vmx.view
def userspace_reads(s: Vcpu) -> Word:
    """What the toolstack would save."""
    return hvm_save_cpu_msrs(s)


@xen_vmx.view
def rdmsr(s: Vcpu) -> Word:
    """What RDMSR would return to the guest that runs, were it not L1 that answers; where it exits to Xen, it faults."""
    return ite(s.has_msr, ite(s.control, current(s).shadow, s.msr), 0)


@xen_vmx.view
def guest_reads(s: Vcpu) -> Word:
    """What RDMSR returns, or would return if the guest ran now."""
    return ite(s.has_msr, ite(s.control, current(s).shadow, effective_next(s)), 0)


@xen_vmx.view
def believes(s: Vcpu) -> Word:
    """What the guest, or the toolstack for it, set last."""
    return s.believed


@xen_vmx.view
def required_mask(s: Vcpu) -> Word:
    """BHI_DIS_S where Xen forces it, which it can with the control only; every bit of a guest that has no register."""
    return ite(s.has_msr, ite(s.control, s.forced, 0), ~word(0))


@xen_vmx.view
def required_value(s: Vcpu) -> Word:
    """Set; a guest that has no register runs with Xen's value."""
    return ite(s.has_msr, ite(s.control, s.forced, 0), s.host)


@xen_vmx.view
def host_wants(s: Vcpu) -> Word:
    """The value with which Xen runs."""
    return s.host


@xen_vmx.view
def leaked(s: Vcpu) -> Word:
    """Bits in which Xen's code runs with something else, once the assembly is through, or in which an NMI's handler ran before."""
    return ite(idle(s), s.msr ^ s.host, s.nmi_leaked)


@xen_vmx.view
def host_accepts(s: Vcpu) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


@xen_vmx.view
def intercepted(s: Vcpu) -> Bool:
    """Reads and writes exit, and not only because L1 asks for it."""
    return closed(s)


@xen_vmx.view
def opened(s: Vcpu) -> Bool:
    """Xen passes the register through to L1."""
    return ~closed(s)


@xen_vmx.view
def exits_on_write(s: Vcpu) -> Bool:
    """A WRMSR by the guest that runs exits."""
    return ite(s.in_l2, update_msrbitmap(s), closed(s))


@xen_vmx.view
def l0_closed(s: Vcpu) -> Bool:
    """L0's bitmap asks for exits."""
    return closed(s)


@xen_vmx.view
def l1_closed(s: Vcpu) -> Bool:
    """L1 intercepts L2's writes, or uses no bitmap."""
    return s.l1_wants


@xen_vmx.view
def list_loaded(s: Vcpu) -> Bool:
    """An MSR-load list of L1's set the register: Xen processes none."""
    return disj(())


@xen_vmx.view
def toolstack_refused(s: Vcpu) -> Bool:
    """Xen refused a value of the toolstack's: of all accesses only the guest's are refused else."""
    return s.refused & ~s.guest_wrote


xen_vmx.shows(
    "has_msr", "offered", "in_l2", "guest_wrote", "operand", "refused", "copied", "changed_level", "reentered", "migrated", "image_refused",
    "touched_fields", "host_entered", "host_wrote", "host_illegal",
)  # fmt: skip
say_where(xen_vmx)
