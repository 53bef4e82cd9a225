"""KVM/VMX as of Linux 6.12, continued: where a run starts, and what can happen, by whom.

An access that exits is one action with the VM entry that follows it, so that a virtualized and an
emulated guest can be fed the same actions. Userspace and the host act between a `vm_exit` and a
`vm_entry`. What is modelled, what is not, and the sources are in the header of kvm.py.
"""

from specproof.models.kvm import (
    Vcpu,
    current,
    kvm_upstream,
    other_vcpu_set_msr,
    rdmsr_in_guest,
    vm_enters,
    vm_exits,
    vmx_get_msr_spec_ctrl,
    vmx_set_msr_mitigation_ctrl,
    vmx_set_msr_mitigation_enum,
    vmx_set_msr_spec_ctrl,
    wrmsr_in_guest,
)
from specproof.models.kvm_nested import (
    enter_vmx_operation,
    free_nested,
    kvm_arch_vcpu_create,
    nested_get_vmcs12_pages,
    nested_vmx_enter_non_root_mode,
    vmx_leave_nested,
    vmx_vcpu_reset,
)
from specproof.models.registers import FORCEABLE, CtrlValue, EnumValue, recoded, reserved

from specproof import U64, Bool, Word, select

kvm_upstream.setting("virtualized", lambda s: s.virtualized)
kvm_upstream.setting("emulated", lambda s: ~s.virtualized)
kvm_upstream.setting("early-check", lambda s: s.early_check)
kvm_upstream.setting("no-early-check", lambda s: ~s.early_check)
kvm_upstream.configure("virtualized", "emulated")


@kvm_upstream.initial
def created(s: Vcpu) -> Bool:
    """KVM_CREATE_VCPU has returned. The host runs with what it wants, which its processor accepts. [LNX x86.c]"""
    made = kvm_arch_vcpu_create(s).replace(
        msr=s.host, believed=0, promised=0, image_spec_ctrl=0, image_mitigation_ctrl=0, image_vmxon=False, image_guest_mode=False,
        todo_spec_ctrl=False, todo_mitigation_ctrl=False, todo_nested=False, needless=0,
    )  # fmt: skip
    known = ((s.accepts & ~s.defined) | (s.host & ~s.accepts) | (s.enforces & ~s.accepts) | (s.enforces & ~FORCEABLE)) == 0
    offered = ((s.mitigation_enum & ~FORCEABLE) | (FORCEABLE & ~s.defined)) == 0
    return s.matches(**{name: getattr(made, name) for name in Vcpu.__annotations__}) & known & offered


def restoring(s: Vcpu) -> Bool:
    """The destination of a migration has the vCPU and not all of its state. [K]"""
    return s.todo_spec_ctrl | s.todo_mitigation_ctrl | s.todo_nested


def settled(s: Vcpu) -> Bool:
    """Not inside an emulated nested transition or a migration. [K]"""
    return ~(s.entering | s.leaving | restoring(s))


def idle(s: Vcpu) -> Bool:
    """KVM has the vCPU and could enter the guest. [K]"""
    return settled(s) & ~s.running


def l1_runs(s: Vcpu) -> Bool:
    """L1's software runs. [K]"""
    return s.running & ~s.guest_mode


# L1 and L2 read and write IA32_SPEC_CTRL.


def reads(s: Vcpu) -> Vcpu:
    """RDMSR, or the exit, vmx_get_msr and the next entry. [LNX vmx.c]"""
    out = vm_exits(s)
    emulated = vm_enters(out.replace(read=vmx_get_msr_spec_ctrl(out)))
    s = select(current(s).intercepted, emulated, s.replace(read=rdmsr_in_guest(s)))
    return s.replace(running=True, guest_read=True)


def writes(s: Vcpu, value: Word) -> Vcpu:
    """WRMSR, or the exit, vmx_set_msr and the next entry. [LNX vmx.c]"""
    emulated = vm_enters(vmx_set_msr_spec_ctrl(vm_exits(s), value))
    s = select(current(s).intercepted, emulated, wrmsr_in_guest(s, value))
    return s.when(~s.refused, believed=value).replace(guest_wrote=True, operand=value, running=True)


@kvm_upstream.action(by="L1", guard=l1_runs, source="arch/x86/kvm/vmx/vmx.c:vmx_get_msr")
def guest_rdmsr(s: Vcpu) -> Vcpu:
    """L1 reads IA32_SPEC_CTRL, passed through or intercepted. [LNX vmx.c]"""
    return reads(s).replace(by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_runs, source="arch/x86/kvm/vmx/vmx.c:vmx_set_msr")
def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """L1 writes IA32_SPEC_CTRL, passed through or intercepted. [LNX vmx.c]"""
    return writes(s, value).replace(by_l1=True)


@kvm_upstream.action(by="L2", guard=lambda s: s.running & s.guest_mode, source="arch/x86/kvm/vmx/vmx.c:vmx_get_msr")
def l2_rdmsr(s: Vcpu) -> Vcpu:
    """L2 reads IA32_SPEC_CTRL and L1 does not ask for it; where L1 does, the read is a nested_vmx_vmexit. [LNX nested.c]"""
    return reads(s).replace(by_l2=True)


@kvm_upstream.action(by="L2", guard=lambda s: s.running & s.guest_mode & ~s.l1_intercepts, source="arch/x86/kvm/vmx/vmx.c:vmx_set_msr")
def l2_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """L2 writes IA32_SPEC_CTRL and L1 does not ask for it; where L1 does, the write is a nested_vmx_vmexit. [LNX nested.c]"""
    return writes(s, value).replace(by_l2=True)


# L1 writes the virtual MSRs, whose numbers no bitmap covers: always an exit. L2's accesses go to L1.


@kvm_upstream.action(by="L1", guard=l1_runs, source="arch/x86/kvm/vmx/vmx.c:vmx_set_msr")
def guest_wrmsr_mitigation_ctrl(s: Vcpu, data: CtrlValue) -> Vcpu:
    """L1 says which software mitigations it uses. [24512704415]"""
    return sets_mitigation_ctrl(vm_exits(s), data, host_initiated=False).replace(by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_runs, source="arch/x86/kvm/vmx/vmx.c:vmx_set_msr")
def guest_wrmsr_mitigation_enum(s: Vcpu, data: EnumValue) -> Vcpu:
    """L1 writes MITIGATION_ENUM or VIRTUAL_ENUMERATION. [24512704415]"""
    return vmx_set_msr_mitigation_enum(vm_exits(s), data).replace(guest_wrote_enum=True, by_l1=True)


def sets_mitigation_ctrl(s: Vcpu, data: Word, host_initiated: bool) -> Vcpu:
    """A write of MITIGATION_CTRL, and what the proof remembers of it. [24512704415]"""
    untold = (recoded(data) & ~s.mitigation_enum) != 0
    s = vmx_set_msr_mitigation_ctrl(s, recoded(data), reserved(data), host_initiated)
    s = s.when(~s.refused, promised=recoded(data), policy_written=True).replace(asked_reserved=reserved(data))
    return s if host_initiated else s.replace(guest_wrote_ctrl=True, asked_untold=untold)


# Entry, exit, the host.


@kvm_upstream.action(by="KVM", guard=idle, source="arch/x86/kvm/vmx/vmenter.S:__vmx_vcpu_run")
def vm_entry(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """KVM enters L1 or L2; bitmaps that RSM or KVM_SET_NESTED_STATE left to do are merged before. [LNX x86.c:vcpu_enter_guest]"""
    return vm_enters(select(s.pages_pending, nested_get_vmcs12_pages(s, l1_intercepts), s))


@kvm_upstream.action(by="processor", guard=lambda s: s.running, source="arch/x86/kvm/vmx/vmx.c:vmx_spec_ctrl_restore_host")
def vm_exit(s: Vcpu) -> Vcpu:
    """An exit that has nothing to do with the MSRs, to KVM or on to userspace. [LNX vmx.c]"""
    return vm_exits(s).replace(exited=True)


@kvm_upstream.action(by="KVM", guard=lambda s: s.running, source="arch/x86/kvm/vmx/vmx.c:vmx_vcpu_run")
def exit_and_reenter(s: Vcpu, host: U64) -> Vcpu:
    """The same, and KVM enters again, perhaps with another host value, as after a preemption. [LNX vmx.c]"""
    s = vm_exits(s)
    value = host & s.accepts
    return vm_enters(s.replace(host=value, msr=value)).replace(reentered=True)


@kvm_upstream.action(by="host", source="arch/x86/kernel/cpu/bugs.c:update_spec_ctrl_cond")
def host_changes(s: Vcpu, value: U64) -> Vcpu:
    """The host's wish changes and is written: another task, prctl, another CPU. [LNX bugs.c]"""
    value = value & s.accepts
    return s.replace(host=value, host_chose=True).when(~s.running, msr=value)


@kvm_upstream.action(by="another vCPU", source="arch/x86/kvm/vmx/vmx.h:struct vcpu_vmx")
def other_vcpu_runs(s: Vcpu, data: CtrlValue, left: U64) -> Vcpu:
    """Another vCPU of the VM runs and writes its own MSRs; on this CPU it leaves `left` in the register. [LNX vmx.h]"""
    return other_vcpu_set_msr(s, recoded(data)).when(~s.running, msr=left).replace(other_vcpu=True)


# Userspace.


@kvm_upstream.action(by="userspace", guard=settled, source="arch/x86/kvm/x86.c:do_get_msr")
def kvm_get_msrs(s: Vcpu) -> Vcpu:
    """KVM_GET_MSRS of IA32_SPEC_CTRL. [LNX x86.c]"""
    return s.replace(read=vmx_get_msr_spec_ctrl(s), userspace_read=True, by_userspace=True)


@kvm_upstream.action(by="userspace", guard=settled, source="arch/x86/kvm/x86.c:do_set_msr")
def kvm_set_msrs_spec_ctrl(s: Vcpu, value: U64) -> Vcpu:
    """KVM_SET_MSRS of IA32_SPEC_CTRL. [LNX x86.c]"""
    s = vmx_set_msr_spec_ctrl(s, value)
    return s.when(~s.refused, believed=value).replace(userspace_wrote=True, operand=value, by_userspace=True)


@kvm_upstream.action(by="userspace", guard=settled, source="arch/x86/kvm/x86.c:do_set_msr")
def kvm_set_msrs_mitigation_ctrl(s: Vcpu, data: CtrlValue) -> Vcpu:
    """KVM_SET_MSRS of MITIGATION_CTRL. [LNX x86.c]"""
    return sets_mitigation_ctrl(s, data, host_initiated=True).replace(by_userspace=True)


@kvm_upstream.action(by="userspace", guard=lambda s: settled(s) & ~s.guest_mode & ~s.smm, source="arch/x86/kvm/vmx/nested.c:vmx_set_nested_state")
def kvm_set_nested_state(s: Vcpu, guest_mode: Bool, fails: Bool) -> Vcpu:
    """KVM_SET_NESTED_STATE with a VMXON region: what was is left and freed, vmcs02 allocated, L2 entered if so saved.

    From within L2 it is a `kvm_leave_nested` first. `fails`: prepare_vmcs02 finds an illegal CR3. [LNX nested.c]
    """
    s = enter_vmx_operation(free_nested(s)).replace(vmx_on=True, by_userspace=True)
    return select(guest_mode, nested_vmx_enter_non_root_mode(s, fails), s)


@kvm_upstream.action(by="userspace", guard=lambda s: settled(s) & s.vmxon & ~s.smm, source="arch/x86/kvm/vmx/nested.c:vmx_leave_nested")
def kvm_leave_nested(s: Vcpu) -> Vcpu:
    """KVM_SET_NESTED_STATE without a VMXON region, KVM_SET_VCPU_EVENTS that changes SMM, or a FEAT_CTL of 0. [LNX nested.c, x86.c]"""
    return vmx_leave_nested(s).replace(vmx_off=True, by_userspace=True)


@kvm_upstream.action(by="userspace", guard=settled, source="arch/x86/kvm/x86.c:kvm_arch_vcpu_create")
def create(s: Vcpu) -> Vcpu:
    """RESET, which KVM does for a new vCPU only: the old one is destroyed and KVM_CREATE_VCPU makes another. [LNX x86.c]"""
    return kvm_arch_vcpu_create(s).replace(msr=s.host, believed=0, promised=0, did_reset=True, by_userspace=True)


@kvm_upstream.action(by="another vCPU", guard=lambda s: idle(s) & ~s.vmxon & ~s.smm, source="arch/x86/kvm/lapic.c:kvm_apic_accept_events")
def init(s: Vcpu) -> Vcpu:
    """INIT: blocked in VMX operation and in SMM, and an exit to L1 in L2. [LNX lapic.c, vmx.c:vmx_apic_init_signal_blocked]"""
    return vmx_vcpu_reset(s, init_event=True).replace(believed=0, promised=0, did_init=True)
