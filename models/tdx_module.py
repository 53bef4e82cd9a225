"""Intel's TDX module: the most complete user of the control, for one bit, DDPD_U.

A TD that was told that the processor has no DDPD_U runs with the bit set and masked, in L1 and in each L2
partition; every other bit is the TD's own. The module keeps one real value a vCPU, shared by L1 and L2, and
derives from it the virtual value that the shadow gets.

Modelled: one logical processor and one vCPU with L1 and one L2 partition. SEAMCALL and SEAMRET, which swap the
host VMM's value and the module's constant; TDH.VP.INIT, which makes the VMCSs; TDH.VP.ENTER; any VM exit;
re-entry without leaving the module; L1 to L2 and back; TDH.VP.WR and import of the value. The elided WRMSRs,
whose third argument claims what the register holds. Configurations: `hidden` (the processor has DDPD_U, the TD
does not know), `offered` (the TD knows), `absent` (the processor has not).

**Not modelled**
- The getter of the module's constant in later versions, which knows workarounds for some steppings.
- Several L2 partitions, of which each is like the one here; L1's VMM cannot write the control (its write mask
  leaves bit 7 out) nor the two fields.
- The BHB drain and RSB code; IBPB on an L1-L2 switch, which is not part of this path; fatal errors.
- Service TDs and debug TDs; an import may bring bits that this processor rejects.

Sources:
    [MSRH]   niooss-ledger/tdx-module at f99767b40b (1.5.05), src/common/helpers/virt_msr_helpers.h:348-407
    [VMCS]   td_vmcs_init.c:225 and :391, the control and the mask
    [INIT]   tdh_sys_init.c:1032, helpers.c:1120, what is checked and what a vCPU starts with
    [ENTER]  tdh_vp_enter.c:345 and :913
    [DISP]   tdx_td_dispatcher.c:563, tdx_vmm_dispatcher.c:69-79 and :702
    [L2]     tdg_vp_enter.c:197, td_exit.c:594-599
    [META]   metadata_vp.c:514 and :1158, TDVPS field 1320000300000048H
    [OPT]    helpers.h:1743, wrmsr_opt
    [DEFS]   msr_defs.h:400, TDX_MODULE_IA32_SPEC_CTRL
    [SDM]    Intel SDM vol. 3C, 28.3, what a virtualized WRMSR does
"""

from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, disj, field, frozen, ghost, implies, ite, observed, part, select, word

DDPD_U = SPEC_CTRL.DDPD_U

#: The value with which the module itself runs. [DEFS]
MODULE = SPEC_CTRL.SSBD | SPEC_CTRL.IPRED_DIS_S


class Vmcs(State):
    """The VMCS of L1 or of an L2 partition."""

    bit7: Bool = field("tertiary control 7, virtualize IA32_SPEC_CTRL", source="[VMCS]")
    mask: U64 = field("IA32_SPEC_CTRL mask, 204AH", source="[VMCS]", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL shadow, 204CH", source="[MSRH]", bits=SPEC_CTRL)


class Lp(State):
    """A logical processor and the vCPU that it runs."""

    cpu_ddpd: Bool = frozen("ddpd_supported: the processor enumerates DDPD_U", source="[INIT]")
    td_ddpd: Bool = frozen("cpuid_flags.ddpd_supported: the TD was told so", source="[VMCS]")
    allows: Bool = frozen("the processor allows the control and has its two fields", source="[INIT]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[SDM]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    saved_host: U64 = field("vmm_non_extended_state.ia32_spec_ctrl, the host VMM's value", source="[DISP]", bits=SPEC_CTRL)
    value: U64 = field("guest_msr_state.ia32_spec_ctrl: the real value of the vCPU, L1's and L2's", source="[MSRH]", bits=SPEC_CTRL)
    legal: Bool = field("value has only bits that the processor accepts; kept with it, so that the test is made once", source="[SDM]")
    l1: Vmcs = part("L1's VMCS")
    l2: Vmcs = part("the L2 partition's VMCS")
    created: Bool = field("TDH.VP.INIT was done", source="[INIT]")
    in_l2: Bool = field("curr_vm is the L2 partition", source="[L2]")
    called: Bool = field("the module runs, on a SEAMCALL")
    handling: Bool = field("the module runs, on an exit of the TD")
    running: Bool = field("the TD runs")
    host: U64 = ghost("what the host VMM wrote last", bits=SPEC_CTRL)
    believed: U64 = ghost("what the TD, or an import for it, set last", bits=SPEC_CTRL)
    trained_by_other: Bool = ghost("another vCPU ran on this processor since the last IBPB")
    guest_wrote: Bool = observed("the step was a WRMSR by the TD")
    operand: U64 = observed("its value", bits=SPEC_CTRL)
    refused: Bool = observed("an access was refused")
    copied: Bool = observed("the step saved the register")
    changed_level: Bool = observed("went from L1 to L2 or back")
    touched_fields: Bool = observed("the step wrote the mask or the shadow of a VMCS")
    stale_at_exit: U64 = observed("bits in which wrmsr_opt was told something else than the register holds", bits=SPEC_CTRL)
    wrong_at_entry: U64 = observed("bits in which the register is not the vCPU's value when the TD begins to run", bits=SPEC_CTRL)
    host_illegal: U64 = observed("bits that a WRMSR of the module set and the processor rejects", bits=SPEC_CTRL)


tdx_module = Design("tdx-module", Lp, doc="Intel's TDX module: one hidden bit, L1 and L2 partitions, one value a vCPU", vendor="TDX")
tdx_module.setting("hidden", lambda s: s.cpu_ddpd & ~s.td_ddpd)
tdx_module.setting("offered", lambda s: s.cpu_ddpd & s.td_ddpd)
tdx_module.setting("absent", lambda s: ~s.cpu_ddpd & ~s.td_ddpd)
tdx_module.configure("hidden", "offered", "absent")

_NO_REQUEST = "a TD cannot ask for bits to be forced"
_NO_CACHE = "the module keeps no cache of the mask; it is written once"
tdx_module.lacks(
    shadow="the module writes the shadow on entry from outside and between L1 and L2, and promises nothing of it in between",
    stale_cache=_NO_CACHE, needless_mask_write=_NO_CACHE, miswired="the module has no IPI virtualization to keep from L2",
    applied_mask=_NO_REQUEST, derived_mask=_NO_REQUEST, ctrl=_NO_REQUEST, policy_written=_NO_REQUEST, guest_wrote_ctrl=_NO_REQUEST,
    ctrl_refused=_NO_REQUEST, stored_wrong="the module uses no MSR lists", entry_failed="a failed VM entry ends the TD, or the module",
    restored="an import is a sequence of TDH.IMPORT calls before the first entry, of which the one that concerns the register is modelled",
    did_reset="TDs have no RESET; INIT of a vCPU is not modelled", trained_by_l2="no barrier between L1 and L2 is part of this path",
    host_entered="the module's WRMSRs are elided by value on every transition; with its constant IBRS is 0",
    l0_closed="the bitmap never asks for an exit, neither L0's nor L1's, which cannot close it",
)  # fmt: skip


@tdx_module.initial
def booted(s: Lp) -> Bool:
    """TDH.SYS.INIT succeeded: a processor with DDPD_U allows the control. The host VMM runs, the vCPU does not exist yet. [INIT]"""
    checked = implies(s.cpu_ddpd, s.allows) & implies(s.td_ddpd, s.cpu_ddpd)
    has = (s.accepts.bit(8) == s.cpu_ddpd) & ((word(MODULE) & ~s.accepts) == 0) & ((s.msr & ~s.accepts) == 0)
    nothing = Vmcs(bit7=disj(()), mask=word(0), shadow=word(0))
    new = s.matches(value=0, legal=True, l1=nothing, l2=nothing, created=False, in_l2=False, believed=0, trained_by_other=False)
    return checked & has & new & s.matches(msr=s.host, saved_host=0, called=False, handling=False, running=False)


def hidden(s: Lp) -> Bool:
    """The processor has DDPD_U and the TD was told that it has not. [MSRH]"""
    return s.cpu_ddpd & ~s.td_ddpd


@tdx_module.function
def virt(s: Lp, value: Word) -> Word:
    """calculate_virt_ia32_spec_ctrl: what the TD sees of a real value. [MSRH]"""
    return ite(hidden(s), value & ~word(DDPD_U), value)


@tdx_module.function
def real(s: Lp, value: Word) -> Word:
    """calculate_real_ia32_spec_ctrl: the real value for one that the TD, or an import, gives. [MSRH]"""
    return ite(s.cpu_ddpd, ite(s.td_ddpd, value, value | DDPD_U), value & ~word(DDPD_U))


@tdx_module.function
def td_vmcs_init(s: Lp) -> Lp:
    """The control where processor and TD differ about DDPD_U; the mask where the processor has the field. [VMCS]"""
    vmcs = Vmcs(bit7=hidden(s), mask=ite(s.allows & ~s.td_ddpd, word(DDPD_U), 0), shadow=word(0))
    return s.replace(l1=vmcs, l2=vmcs, touched_fields=s.allows)


@tdx_module.function
def conditionally_write_shadow(s: Lp) -> Lp:
    """The current VMCS's shadow, where the bit is hidden. [MSRH]"""
    vmcs = current(s).replace(shadow=virt(s, s.value))
    return select(hidden(s), with_current(s, vmcs).replace(touched_fields=True), s)


@tdx_module.function
def wrmsr_opt(s: Lp, new: Word, current_value: Word) -> Lp:
    """WRMSR unless the caller says that the register holds the value already. [OPT]"""
    stale = s.stale_at_exit | (s.msr ^ current_value)
    return s.when(new != current_value, msr=new).replace(stale_at_exit=stale, host_illegal=s.host_illegal | (new & ~s.accepts))


def current(s: Lp) -> Vmcs:
    """The VMCS of the VM that runs or is to run."""
    return select(s.in_l2, s.l2, s.l1)


def with_current(s: Lp, vmcs: Vmcs) -> Lp:
    """The same with another state of that VMCS."""
    return s.replace(l1=select(s.in_l2, s.l1, vmcs), l2=select(s.in_l2, vmcs, s.l2))


def begins(s: Lp) -> Lp:
    """VMLAUNCH or VMRESUME; nothing moves between the fields and the register. [SDM]"""
    return s.replace(running=True, called=False, handling=False, wrong_at_entry=s.msr ^ s.value)


# The host VMM and the module.


@tdx_module.action(by="host VMM", guard=lambda s: ~s.called & ~s.handling & ~s.running, source="[SDM]")
def host_wrmsr(s: Lp, value: U64) -> Lp:
    """The host VMM writes the register, or the processor is given to another task."""
    return s.replace(host=value & s.accepts, msr=value & s.accepts)


@tdx_module.action(by="host VMM", guard=lambda s: ~s.called & ~s.handling & ~s.running, source="tdh_vp_enter.c")
def other_vcpu(s: Lp, left: U64) -> Lp:
    """Another vCPU ran on this processor, and the host VMM with it. [ENTER]"""
    return s.replace(trained_by_other=True, host=left & s.accepts, msr=left & s.accepts)


@tdx_module.action(by="host VMM", guard=lambda s: ~s.called & ~s.handling & ~s.running, source="tdx_vmm_dispatcher.c:69")
def seamcall(s: Lp) -> Lp:
    """The host's value is saved and the module's takes its place. [DISP]"""
    return wrmsr_opt(s.replace(saved_host=s.msr, called=True), word(MODULE), s.msr)


@tdx_module.action(by="TDX module", guard=lambda s: s.called & ~s.created, source="td_vmcs_init.c:225")
def tdh_vp_init(s: Lp) -> Lp:
    """The vCPU and its VMCSs come to be; its value is that of 0 written by the TD. [VMCS, INIT]"""
    return td_vmcs_init(s).replace(created=True, value=real(s, word(0)))


@tdx_module.action(by="host VMM", guard=lambda s: s.called & s.created, source="metadata_vp.c:1158")
def tdh_vp_wr(s: Lp, value: U64) -> Lp:
    """The value is imported: what another module exported, and a TD that does not know the bit has none to export. [META]"""
    exported = ite(s.td_ddpd, value, value & ~word(DDPD_U))
    stored = real(s, exported)
    return s.replace(value=stored, legal=(stored & ~s.accepts) == 0, believed=exported)


@tdx_module.action(by="TDX module", guard=lambda s: s.called & s.created, source="tdh_vp_enter.c:345")
def tdh_vp_enter(s: Lp) -> Lp:
    """IBPB after another vCPU; the shadow; the register, where the processor takes the value, else the SEAMCALL fails. [ENTER]"""
    s = conditionally_write_shadow(ibpb(s))
    return select(s.legal, begins(wrmsr_opt(s, s.value, word(MODULE))), s)


@tdx_module.function
def ibpb(s: Lp) -> Lp:
    """Where this processor ran another vCPU last. [ENTER]"""
    return s.replace(trained_by_other=False)


@tdx_module.action(by="TDX module", guard=lambda s: s.handling, source="tdx_td_dispatcher.c:tdx_return_to_td")
def reenter(s: Lp) -> Lp:
    """The module handled the exit by itself: the register, and back; the shadow stays as it is. [DISP]"""
    return begins(wrmsr_opt(s, s.value, word(MODULE)))


@tdx_module.action(by="L1", guard=lambda s: s.handling & ~s.in_l2, source="tdg_vp_enter.c:197")
def l1_to_l2(s: Lp) -> Lp:
    """TDG.VP.ENTER: L2's VMCS becomes current, its shadow is written, L2 runs. [L2]"""
    s = conditionally_write_shadow(s.replace(in_l2=True))
    return begins(wrmsr_opt(s, s.value, word(MODULE))).replace(changed_level=True)


@tdx_module.action(by="TDX module", guard=lambda s: s.handling & s.in_l2, source="td_exit.c:594")
def l2_to_l1(s: Lp) -> Lp:
    """L2's exit is L1's business: L1's VMCS becomes current, its shadow is written, L1 runs. [L2]"""
    s = conditionally_write_shadow(s.replace(in_l2=False))
    return begins(wrmsr_opt(s, s.value, word(MODULE))).replace(changed_level=True)


@tdx_module.action(by="TDX module", guard=lambda s: s.called | s.handling, source="tdx_vmm_dispatcher.c:702")
def seamret(s: Lp) -> Lp:
    """A SEAMCALL ends, or an exit of the TD becomes the host VMM's: its value comes back. [DISP]"""
    return wrmsr_opt(s.replace(called=False, handling=False), s.saved_host, word(MODULE))


# The TD.


@tdx_module.action(by="processor", guard=lambda s: s.running, source="tdx_td_dispatcher.c:563")
def vm_exit(s: Lp) -> Lp:
    """Any exit of L1 or L2: the real value is saved, the module's takes its place. [DISP]"""
    s = s.replace(value=s.msr, legal=True, running=False, handling=True, copied=True)
    return wrmsr_opt(s, word(MODULE), s.value)


@tdx_module.action(by="TD", guard=lambda s: s.running, source="[SDM 28.3]")
def guest_wrmsr(s: Lp, value: U64) -> Lp:
    """WRMSR by L1 or L2: it does not exit; with the control the merged value counts and the shadow takes the operand. [SDM]"""
    vmcs = current(s)
    merged = ite(vmcs.bit7, (s.msr & vmcs.mask) | (value & ~vmcs.mask), value)
    s = s.replace(guest_wrote=True, operand=value)
    written = with_current(s, vmcs.replace(shadow=ite(vmcs.bit7, value, vmcs.shadow))).replace(msr=merged, believed=value)
    return select((merged & ~s.accepts) == 0, written, s.replace(refused=True))
