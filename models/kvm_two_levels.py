"""Two levels of kvm-proposed against each other: L0 with the control or without, and an L1 that emulates it for its L2.

A check of the composition that proofs/refinement.py derives. L0 is kvm_proposed.py, all of its helpers. L1 is
the same design once more, without the control, written out as the software that it is: it reads and writes
the register by RDMSR and WRMSR as L0 lets it, and runs L2 by VMLAUNCH. L0 may act between any two of its steps.
Views speak of L2: what it reads, what it set, and what the processor acts on; the required bits are those of
both levels, L0's first.

Modelled of L1: its KVM's mask and value and their change at run time, the skipped WRMSR at entry, save and
restore at exit, the register passed through to L2 after a nonzero write if no bit is forced, and its kernel's
own value.

**Not modelled**
- #GP: every value has defined bits only, and the processor accepts them all. When a WRMSR is refused is said level
  by level by F1, F5 and R1. L0's userspace must not unmask a bit that the processor lacks while an L1 runs: L1
  has seen it accepted, and its own WRMSRs would fault.
- SMM, INIT, migrations, MSR-load lists and failing entries of L1, which kvm_proposed.py has with any L1; a third level.

Sources:
    [SEC6]   facts about KVM, section 6; kvm_proposed.py
    [LNX]    Linux 6.12.117, arch/x86/kvm/vmx/vmenter.S and vmx.c, as run by L1
"""

from typing import cast

from specproof.models.kvm import (
    Vcpu,
    current,
    has_control,
    rdmsr_in_guest,
    vm_enters,
    vm_exits,
    vmcs_write,
    vmx_get_msr_spec_ctrl,
    vmx_spec_ctrl_restore_host,
)
from specproof.models.kvm_actions import l1_runs
from specproof.models.kvm_nested import nested_vmx_enter_from_vmentry
from specproof.models.kvm_proposed import ProposedVcpu, created, given_to_the_processor, kvm_proposed, sets_policy, vmx_take_spec_ctrl
from specproof.models.kvm_reference import close_both_bitmaps, vmx_sync_spec_ctrl
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, Word, field, ghost, ite, select


class TwoLevels(ProposedVcpu):
    """L0's vCPU, whose software is KVM again, with one vCPU of its own."""

    l1_mask: U64 = field("L1: vmx->force_spec_ctrl_mask of its vCPU", source="[SEC6]", bits=SPEC_CTRL)
    l1_value: U64 = field("L1: vmx->force_spec_ctrl_value", source="[SEC6]", bits=SPEC_CTRL)
    l1_guest: U64 = field("L1: what L2 believes, as L1 has it", source="[SEC6]", bits=SPEC_CTRL)
    l1_host: U64 = field("L1: what its kernel wants in its register", source="[LNX]", bits=SPEC_CTRL)
    l1_open: Bool = field("L1: its bitmap passes the register through to L2", source="[SEC6]")
    loaded: Bool = field("L1 is between the WRMSR before VMLAUNCH and the one after the exit", source="[LNX vmenter.S]")
    l2_believed: U64 = ghost("the value that L2 set last and saw accepted", bits=SPEC_CTRL)


_DROPPED = ("enter_smm", "leave_smm", "init", "create", "migrate", "restore_spec_ctrl", "restore_force_spec_ctrl", "restore_nested_state",
            "kvm_set_nested_state", "kvm_leave_nested", "kvm_set_msrs_spec_ctrl", "guest_wrmsr", "nested_vmx_run", "nested_vmx_run_vmfail",
            "nested_vmx_run_bad_guest_state", "nested_vmx_load_msr_spec_ctrl", "nested_vmx_load_msr_fails", "l2_entry_fails", "handle_vmxoff",
            "l2_rdmsr", "guest_rdmsr", "other_vcpu_runs", "kvm_get_msrs",
            "ioctls-exclude-a-running-vcpu", "other-vcpus-restore-the-host-value")  # fmt: skip

_new = cast(Design[TwoLevels], kvm_proposed.but("kvm-two-levels-helpers", without=_DROPPED))
_new.state = TwoLevels


def l1_wrmsr(s: TwoLevels, value: Word) -> TwoLevels:
    """WRMSR by L1 or L2, accepted: exits to L0 or not. [SDM 28.3; kvm_proposed.py:writes]"""
    vmcs = current(s)
    shadow = ite(has_control(s, vmcs), value, vmcs.shadow)
    through = vmcs_write(s.replace(msr=given_to_the_processor(s, value)), shadow=shadow)
    emulated = vm_enters(vmx_take_spec_ctrl(vm_exits(s), value))
    return cast(TwoLevels, select(vmcs.intercepted, emulated, through).replace(believed=value))


def l1_rdmsr(s: TwoLevels) -> Word:
    """RDMSR by whoever runs: exits to L0 or not. [SDM 28.3; kvm_views.py:rdmsr]"""
    return ite(current(s).intercepted, vmx_get_msr_spec_ctrl(vmx_spec_ctrl_restore_host(s)), rdmsr_in_guest(s))


def l1_effective(s: TwoLevels, value: Word) -> Word:
    """L1's own rule, with its own policy. [SEC6 effective]"""
    return (value & ~s.l1_mask) | s.l1_value


def outside(s: TwoLevels) -> Bool:
    """L1's kernel runs with its own value. [LNX]"""
    return l1_runs(s) & ~s.loaded


def start(s: TwoLevels) -> Bool:
    """L0 has created the vCPU; L1 has booted nothing yet. [LNX]"""
    none = s.matches(l1_mask=0, l1_value=0, l1_guest=0, l1_host=0, l1_open=False, loaded=False, l2_believed=0)
    return created(s) & none


# L1's software. A trial WRMSR restores the register before anything else happens, as L1's interrupts are off.


@_new.action(by="L1", guard=outside, source="arch/x86/kernel/cpu/bugs.c:update_spec_ctrl")
def l1_kernel_writes(s: TwoLevels, value: U64) -> TwoLevels:
    """L1's kernel changes what it wants. [LNX bugs.c]"""
    value = value & s.defined
    return l1_wrmsr(s, value).replace(l1_host=value)


@_new.action(by="L1", guard=outside, source="arch/x86/kvm/x86.c:kvm_spec_ctrl_test_value")
def l1_takes_l2s_write(s: TwoLevels, value: U64) -> TwoLevels:
    """L2's WRMSR exited to L1, which stores the value. [SEC6 set_G]"""
    value = value & s.defined
    opens = s.l1_open | ((value != 0) & (s.l1_mask == 0))
    return s.replace(l1_guest=value, l2_believed=value, l1_open=opens)


@_new.action(by="L1", guard=outside, source="arch/x86/kvm/vmx/vmx.c:vmx_vcpu_ioctl_force_spec_ctrl")
def l1_sets_policy(s: TwoLevels, mask: U64, value: U64) -> TwoLevels:
    """The ioctl, on L1. [SEC6 set_policy]"""
    mask = mask & s.defined
    return s.replace(l1_mask=mask, l1_value=value & mask, l1_open=s.l1_open & (mask == 0))


@_new.action(by="L1", guard=lambda s: outside(s) & s.vmxon, source="arch/x86/kvm/vmx/vmenter.S:__vmx_vcpu_run")
def l1_loads(s: TwoLevels) -> TwoLevels:
    """L1 loads what L2 is to run with, unless its own value equals that. [LNX vmenter.S]"""
    wanted = l1_effective(s, s.l1_guest)
    return select(wanted != s.l1_host, l1_wrmsr(s, wanted), s).replace(loaded=True)


@_new.action(by="L1", guard=lambda s: l1_runs(s) & s.loaded, source="arch/x86/kvm/vmx/nested.c:nested_vmx_run")
def l1_launches(s: TwoLevels) -> TwoLevels:
    """VMLAUNCH, with L1's bitmap as it is; no MSR-load list. [LNX nested.c]"""
    return cast(TwoLevels, nested_vmx_enter_from_vmentry(vm_exits(s), ~s.l1_open))


@_new.action(by="L1", guard=lambda s: l1_runs(s) & s.loaded, source="arch/x86/kvm/vmx/vmx.c:vmx_spec_ctrl_restore_host")
def l1_restores(s: TwoLevels) -> TwoLevels:
    """After L2's exit, or instead of the launch: L1 saves if its bitmap is open, then writes its own value unless it is there. [LNX vmx.c]"""
    saved = l1_rdmsr(s)
    s = s.when(s.l1_open, l1_guest=saved)
    there = ite(s.l1_open, saved, l1_effective(s, s.l1_guest))
    return select(there != s.l1_host, l1_wrmsr(s, s.l1_host), s).replace(loaded=False)


def l2_wrmsr(s: TwoLevels, value: U64) -> TwoLevels:
    """L2 writes a register that L1 passes through. [SDM 28.3]"""
    value = value & s.defined
    return l1_wrmsr(s, value).replace(l2_believed=value)


def kvm_vcpu_ioctl_force_spec_ctrl(s: ProposedVcpu, mask: Word, value: Word) -> Vcpu:
    """L0's ioctl, accepted. [kvm_proposed.py]"""
    new = s.replace(force_mask=mask, force_value=value)
    new = select((mask != 0) & ~s.virtualized, cast(ProposedVcpu, close_both_bitmaps(new)), new)
    return vmx_sync_spec_ctrl(new)


def kvm_set_force_spec_ctrl(s: ProposedVcpu, mask: U64, value: U64) -> ProposedVcpu:
    """L0's userspace gives a mask and a value of defined bits, that inside the mask. [kvm_proposed.py]"""
    mask = mask & s.defined
    return sets_policy(s, mask, value & mask)


kvm_two_levels = _new.but("kvm-two-levels", doc="kvm-proposed run by kvm-proposed: an L1 that emulates the feature for its L2", initial=start,
                          l2_wrmsr=l2_wrmsr, kvm_vcpu_ioctl_force_spec_ctrl=kvm_vcpu_ioctl_force_spec_ctrl,
                          kvm_set_force_spec_ctrl=kvm_set_force_spec_ctrl)  # fmt: skip
kvm_two_levels.views.clear()
kvm_two_levels.lacking.clear()


@kvm_two_levels.assumption("ioctls-exclude-a-running-vcpu", of=("kvm_set_force_spec_ctrl",))
def ioctls_exclude_a_running_vcpu(s: TwoLevels) -> Bool:
    """vcpu->mutex: an ioctl on a vCPU waits until KVM_RUN has returned. [LNX kvm_main.c:kvm_vcpu_ioctl]"""
    return ~s.running


# L2's machine.


@kvm_two_levels.view
def guest_runs(s: TwoLevels) -> Bool:
    """L2 runs on the processor."""
    return s.running & s.guest_mode


@kvm_two_levels.view
def effective(s: TwoLevels) -> Word:
    """What the processor acts on."""
    return s.msr


@kvm_two_levels.view
def believes(s: TwoLevels) -> Word:
    """What L2 set last."""
    return s.l2_believed


@kvm_two_levels.view
def rdmsr(s: TwoLevels) -> Word:
    """What L2's RDMSR returns: L1's answer where L1 asks for exits, else L0's or the processor's."""
    return ite(s.l1_intercepts, s.l1_guest, l1_rdmsr(s))


@kvm_two_levels.view
def required_mask(s: TwoLevels) -> Word:
    """The bits that one of the levels forces. [SEC6]"""
    return s.wanted_mask | s.l1_mask


@kvm_two_levels.view
def required_value(s: TwoLevels) -> Word:
    """L0's values, and L1's of the bits that L0 leaves. [SEC6]"""
    return s.wanted_value | (s.l1_value & ~s.wanted_mask)


@kvm_two_levels.view
def leaked(s: TwoLevels) -> Word:
    """Bits in which L1's kernel runs with another value, as L1 can read it, than it wants."""
    return ite(outside(s), l1_rdmsr(s) ^ s.l1_host, 0)


@kvm_two_levels.view
def exits_on_write(s: TwoLevels) -> Bool:
    """L2's WRMSR exits, to L1 or to L0."""
    return current(s).intercepted | s.l1_intercepts


kvm_two_levels.lacks_all_else("asked of each level by itself, in kvm-reference and kvm-proposed")
