"""Xen's PV guests: how SPEC_CTRL is swapped where an NMI may strike between any two steps.

Modelled: the seven steps of asm/spec_ctrl_asm.h, each a step of its own: the guest's value is stored in
shadow_spec_ctrl, use_shadow is set, the register is written, the guest runs; it is left, use_shadow is
cleared, Xen's value is written. An NMI (or #MC, #DB) strikes between any two of them that are Xen's code: its
entry writes Xen's value, its exit reloads the shadow value where use_shadow is set.

Besides, a Linux guest that is suspended, saved, and restored by a Xen whose stream can carry the register or not.

**Not modelled**
- An NMI that strikes in the guest: its entry is an entry from the guest, and its return the exit path above.
- An NMI in an NMI; SCF_ist_wrmsr cleared while S3 resumes; the RSB; PV guests' own writes, which all trap.

Sources:
    [PV]     xen-project/xen at c447b7308b13, xen/arch/x86/include/asm/spec_ctrl_asm.h, the comment with the seven steps
    [K28]    Linux 71c208dd54ab (2018): the guest clears the register before it suspends, and reloads it after
    [ENTRY]  DO_SPEC_CTRL_ENTRY, DO_SPEC_CTRL_EXIT_TO_GUEST, SPEC_CTRL_ENTRY_FROM_INTR_IST and SPEC_CTRL_EXIT_TO_XEN_IST there
"""

from specproof.models.elsewhere import say_where
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, conj, field, frozen, ghost, ite, observed, word


class Cpu(State):
    """A CPU that runs a PV guest. It runs Xen's C code where none of the five Booleans for steps holds."""

    carries: Bool = frozen("the stream to the destination can carry the register; Xen 4.5 and older cannot", source="[K28]")
    host: U64 = frozen("xen_spec_ctrl: the value with which Xen runs", source="[ENTRY]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    guest: U64 = field("msrs.spec_ctrl.raw: the guest's value", source="[ENTRY]", bits=SPEC_CTRL)
    shadow: U64 = field("shadow_spec_ctrl", source="[ENTRY]", bits=SPEC_CTRL)
    use_shadow: Bool = field("SCF_use_shadow", source="[ENTRY]")
    stored: Bool = field("step 1 is done: the shadow value is stored")
    flagged: Bool = field("step 2 is done: use_shadow is set")
    loaded: Bool = field("step 3 is done: the guest's value is in the register")
    running: Bool = field("step 4: the guest runs")
    entered: Bool = field("step 5: Xen is entered from the guest")
    in_nmi: Bool = field("an NMI's handler runs")
    believed: U64 = ghost("what the guest set last", bits=SPEC_CTRL)
    guest_wrote: Bool = observed("the step was a WRMSR by the guest")
    nmi_returned: Bool = observed("the NMI's handler returned")
    migrated: Bool = observed("the guest was suspended, saved, restored and resumed")
    image_refused: U64 = observed("bits that the stream could not carry", bits=SPEC_CTRL)
    host_entered: Bool = observed("Xen's C code runs again after a guest")
    host_wrote: Bool = observed("... and the register was written for that")


xen_pv = Design("xen-pv", Cpu, doc="Xen's PV guests: the swap that an NMI may interrupt", vendor="Xen")
_HVM = "this is the swap for PV guests alone; see xen-vmx and xen-svm"
xen_pv.lacks(
    in_l2="PV guests do not nest", required_mask="nothing is forced on PV guests", offered="PV guests' writes all trap, and are checked",
    virtualized=_HVM, control=_HVM, exits_on_write=_HVM, saved_window="the guest's value cannot change but by a trap",
    copied="the guest's value cannot change but by a trap", operand="PV guests' writes all trap, and are checked",
)  # fmt: skip


@xen_pv.initial
def scheduled(s: Cpu) -> Bool:
    """Xen's C code runs with Xen's value; the guest was never entered."""
    calm = s.matches(use_shadow=False, stored=False, flagged=False, loaded=False, running=False, entered=False, in_nmi=False)
    return calm & s.matches(msr=s.host, guest=0, shadow=0, believed=0)


def in_c_code(s: Cpu) -> Bool:
    """Xen's C code runs, not the entry or exit path, nor an NMI."""
    return ~(s.stored | s.flagged | s.loaded | s.running | s.entered | s.in_nmi)


@xen_pv.action(by="guest", guard=in_c_code, source="xen/arch/x86/pv/emul-priv-op.c:write_msr")
def guest_wrmsr(s: Cpu, value: U64) -> Cpu:
    """The guest's WRMSR trapped, and Xen took the value. [PV]"""
    return s.replace(guest=value, believed=value, guest_wrote=True)


@xen_pv.action(by="Xen", guard=in_c_code, source="DO_SPEC_CTRL_EXIT_TO_GUEST")
def step1_store_shadow(s: Cpu) -> Cpu:
    """The guest's value goes to shadow_spec_ctrl. [PV]"""
    return s.replace(shadow=s.guest, stored=True)


@xen_pv.action(by="Xen", guard=lambda s: s.stored & ~s.in_nmi, source="DO_SPEC_CTRL_EXIT_TO_GUEST")
def step2_use_shadow(s: Cpu) -> Cpu:
    """From here on, what interrupts Xen restores the shadow value. [PV]"""
    return s.replace(use_shadow=True, stored=False, flagged=True)


@xen_pv.action(by="Xen", guard=lambda s: s.flagged & ~s.in_nmi, source="DO_SPEC_CTRL_EXIT_TO_GUEST")
def step3_write_guest_value(s: Cpu) -> Cpu:
    """WRMSR of the guest's value. [PV]"""
    return s.replace(msr=s.guest, flagged=False, loaded=True)


@xen_pv.action(by="Xen", guard=lambda s: s.loaded & ~s.in_nmi, source="restore_all_guest")
def step4_exit_to_guest(s: Cpu) -> Cpu:
    """IRET or SYSRET. [PV]"""
    return s.replace(loaded=False, running=True)


@xen_pv.action(by="processor", guard=lambda s: s.running, source="lstar_enter")
def step5_entry(s: Cpu) -> Cpu:
    """A system call, an exception or an interrupt. [PV]"""
    return s.replace(running=False, entered=True)


@xen_pv.action(by="Xen", guard=lambda s: s.entered & s.use_shadow & ~s.in_nmi, source="DO_SPEC_CTRL_ENTRY")
def step6_clear_use_shadow(s: Cpu) -> Cpu:
    """What interrupts Xen from here on leaves Xen's value. [PV]"""
    return s.replace(use_shadow=False)


@xen_pv.action(by="Xen", guard=lambda s: s.entered & ~s.use_shadow & ~s.in_nmi, source="DO_SPEC_CTRL_ENTRY")
def step7_write_xens_value(s: Cpu) -> Cpu:
    """WRMSR of Xen's value, always; C code runs from here on. [PV]"""
    return s.replace(msr=s.host, entered=False, host_entered=True, host_wrote=True)


@xen_pv.action(by="processor", guard=lambda s: ~s.running & ~s.in_nmi, source="SPEC_CTRL_ENTRY_FROM_INTR_IST")
def nmi(s: Cpu) -> Cpu:
    """An NMI interrupts Xen: Xen's value is written, use_shadow stays. [ENTRY]"""
    return s.replace(msr=s.host, in_nmi=True)


@xen_pv.action(by="Xen", guard=lambda s: s.in_nmi, source="SPEC_CTRL_EXIT_TO_XEN_IST")
def nmi_returns(s: Cpu) -> Cpu:
    """Where use_shadow is set, the shadow value is written. [ENTRY]"""
    return exit_to_xen(s).replace(in_nmi=False, nmi_returned=True)


@xen_pv.function
def exit_to_xen(s: Cpu) -> Cpu:
    """DO_SPEC_CTRL_EXIT_TO_XEN. [ENTRY]"""
    return s.when(s.use_shadow, msr=s.shadow)


@xen_pv.action(by="guest", guard=in_c_code, source="arch/x86/xen/suspend.c:xen_arch_suspend")
def migrate(s: Cpu) -> Cpu:
    """The guest suspends, is saved and restored, and resumes. Its own two writes are not counted as changes of mind. [K28]"""
    saved = xen_arch_pre_suspend(s).guest
    restored = s.replace(guest=saved, shadow=0, image_refused=ite(s.carries, 0, saved))
    return xen_arch_post_suspend(restored, s.guest).replace(migrated=True)


@xen_pv.function
def xen_arch_pre_suspend(s: Cpu) -> Cpu:
    """Linux as a guest clears the register. [K28]"""
    return s.replace(guest=0)


@xen_pv.function
def xen_arch_post_suspend(s: Cpu, value: Word) -> Cpu:
    """... and reloads it. [K28]"""
    return s.replace(guest=value)


@xen_pv.view
def guest_runs(s: Cpu) -> Bool:
    """The guest runs."""
    return s.running


@xen_pv.view
def settled(s: Cpu) -> Bool:
    """No migration is under way: it would stop the guest in C code."""
    return conj(())


@xen_pv.view
def effective(s: Cpu) -> Word:
    """What the processor acts on."""
    return s.msr


@xen_pv.view
def believes(s: Cpu) -> Word:
    """What the guest set last."""
    return s.believed


@xen_pv.view
def rdmsr(s: Cpu) -> Word:
    """What the guest's RDMSR, which traps, returns."""
    return s.guest


@xen_pv.view
def userspace_reads(s: Cpu) -> Word:
    """What the toolstack is told."""
    return s.guest


@xen_pv.view
def host_adds(s: Cpu) -> Word:
    """Bits that Xen's own value adds to the guest's: none, the values are swapped."""
    return word(0)


@xen_pv.view
def host_wants(s: Cpu) -> Word:
    """The value with which Xen runs."""
    return s.host


@xen_pv.view
def leaked(s: Cpu) -> Word:
    """Bits in which Xen's C code or an NMI's handler runs with something else."""
    return ite(in_c_code(s) | s.in_nmi, s.msr ^ s.host, 0)


@xen_pv.view
def expected(s: Cpu) -> Word:
    """What the interrupted code needs: the guest's value after step 3, Xen's in C code; before a write, nothing."""
    return ite(s.loaded, s.guest, ite(in_c_code(s), s.host, s.msr))


xen_pv.shows("in_nmi", "nmi_returned", "migrated", "image_refused", "guest_wrote", "host_entered", "host_wrote")
say_where(xen_pv)

xen_pv.lacks_all_else("the swap of the register around Xen's PV entry is all that is modelled")
