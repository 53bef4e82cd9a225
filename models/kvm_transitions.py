"""KVM/VMX as of Linux 6.12, continued: what L1 does with VMX, SMM, migrations, and what is assumed.

An MSR-load list is processed one entry a step, with any value: L1 may change it up to the last moment.
What is modelled, what is not, and the sources are in the header of kvm.py.
"""

from specproof.models.kvm import (
    Vcpu,
    kvm_upstream,
    vm_exits,
    vmx_get_msr_mitigation_ctrl,
    vmx_get_msr_spec_ctrl,
    vmx_set_msr_mitigation_ctrl,
    vmx_set_msr_spec_ctrl,
    vmx_spec_ctrl_restore_host,
    vmx_vcpu_run,
)
from specproof.models.kvm_actions import idle, l1_runs, restoring, sets_mitigation_ctrl, settled
from specproof.models.kvm_nested import (
    enter_vmx_operation,
    free_nested,
    kvm_arch_vcpu_create,
    leave_guest_mode,
    load_vmcs12_host_state,
    nested_get_vmcs12_pages,
    nested_vmx_enter_from_vmentry,
    nested_vmx_enter_non_root_mode,
    nested_vmx_vmexit,
    prepare_vmcs02_early,
    vmx_enter_smm,
    vmx_leave_smm,
    vmx_switch_vmcs,
)
from specproof.models.registers import LOW_HALF, RECODED, CtrlValue, enforceable

from specproof import U64, Bool, Word, disj, ite, select, word

__all__ = ["kvm_upstream"]

NO = disj(())


def l1_in_vmx(s: Vcpu) -> Bool:
    """L1's software runs in VMX root operation. [LNX nested.c:nested_vmx_check_permission]"""
    return l1_runs(s) & s.vmxon & ~s.smm


@kvm_upstream.action(by="L1", guard=lambda s: l1_runs(s) & ~s.vmxon & ~s.smm, source="arch/x86/kvm/vmx/nested.c:handle_vmxon")
def handle_vmxon(s: Vcpu) -> Vcpu:
    """VMXON: vmcs02 is allocated. [LNX nested.c]"""
    return enter_vmx_operation(vm_exits(s)).replace(vmx_on=True, by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_in_vmx, source="arch/x86/kvm/vmx/nested.c:handle_vmxoff")
def handle_vmxoff(s: Vcpu) -> Vcpu:
    """VMXOFF: vmcs02 is freed. [LNX nested.c]"""
    return free_nested(vm_exits(s)).replace(vmx_off=True, by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_in_vmx, source="arch/x86/kvm/vmx/nested.c:nested_vmx_run")
def nested_vmx_run(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """VMLAUNCH or VMRESUME, up to the VM-entry MSR-load list. [LNX nested.c]"""
    return nested_vmx_enter_from_vmentry(vm_exits(s), l1_intercepts).replace(entering=True, by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_in_vmx, source="arch/x86/kvm/vmx/nested.c:nested_vmx_check_vmentry_hw")
def nested_vmx_run_vmfail(s: Vcpu, l1_intercepts: Bool, no_pages: Bool) -> Vcpu:
    """An early failure: a page of vmcs12 cannot be mapped, or the hardware check finds what VMfail reports. [LNX nested.c]"""
    s = vm_exits(s)
    unmapped = leave_guest_mode(prepare_vmcs02_early(vmx_switch_vmcs(s, to_vmcs02=True)))
    failed = leave_guest_mode(nested_vmx_enter_from_vmentry(s, l1_intercepts))
    return select(no_pages | ~s.early_check, unmapped, failed).replace(entry_failed=True, changed_level=True, by_l1=True)


@kvm_upstream.action(by="L1", guard=l1_in_vmx, source="arch/x86/kvm/vmx/nested.c:nested_vmx_check_guest_state")
def nested_vmx_run_bad_guest_state(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """A late failure before the MSR-load list: guest state is bad, L1 sees a VM exit and its exit list is processed. [LNX nested.c]"""
    return vmentry_fail_vmexit(nested_vmx_enter_from_vmentry(vm_exits(s), l1_intercepts)).replace(by_l1=True)


@kvm_upstream.function
def vmentry_fail_vmexit(s: Vcpu) -> Vcpu:
    """A label: back to vmcs01, then the exit MSR-load list. [LNX nested.c:nested_vmx_enter_non_root_mode]"""
    return load_vmcs12_host_state(leave_guest_mode(s)).replace(entry_failed=True, changed_level=True)


# MSR-load lists.


def in_list(s: Vcpu) -> Bool:
    """KVM processes a VM-entry or a VM-exit MSR-load list. [LNX nested.c]"""
    return s.entering | s.leaving


def after_entry(s: Vcpu) -> Vcpu:
    """A refused entry fails the nested entry; in the exit list it is a VMX abort. [LNX nested.c:nested_vmx_load_msr]"""
    failed = select(s.entering, vmentry_fail_vmexit(s), s.replace(leaving=False))
    return select(s.refused, failed, s)


@kvm_upstream.action(by="KVM", guard=in_list, source="arch/x86/kvm/vmx/nested.c:nested_vmx_load_msr")
def nested_vmx_load_msr_ends(s: Vcpu) -> Vcpu:
    """The list has no further entry. [LNX nested.c]"""
    return s.replace(entering=False, leaving=False, list_ended=True)


@kvm_upstream.action(by="L1", guard=in_list, source="arch/x86/kvm/vmx/nested.c:nested_vmx_load_msr")
def nested_vmx_load_msr_spec_ctrl(s: Vcpu, value: U64) -> Vcpu:
    """The list has an entry for IA32_SPEC_CTRL, which is a guest-initiated write. [LNX nested.c]"""
    s = vmx_set_msr_spec_ctrl(s, value)
    return after_entry(s.when(~s.refused, believed=value, list_loaded=True)).replace(operand=value, list_entry=True)


@kvm_upstream.action(by="L1", guard=in_list, source="arch/x86/kvm/vmx/nested.c:nested_vmx_load_msr")
def nested_vmx_load_msr_mitigation_ctrl(s: Vcpu, data: CtrlValue) -> Vcpu:
    """The list has an entry for MITIGATION_CTRL, which is a guest-initiated write. [LNX nested.c, x86.c:kvm_set_msr_with_filter]"""
    return after_entry(sets_mitigation_ctrl(s, data, host_initiated=False)).replace(list_entry=True)


@kvm_upstream.action(by="L1", guard=in_list, source="arch/x86/kvm/vmx/nested.c:nested_vmx_load_msr")
def nested_vmx_load_msr_fails(s: Vcpu) -> Vcpu:
    """The list has an entry for another MSR that fails. [LNX nested.c]"""
    return after_entry(s.replace(refused=True)).replace(list_entry=True, other_msr=True)


# L2 and SMM.


@kvm_upstream.action(by="KVM", guard=lambda s: s.guest_mode & settled(s), source="arch/x86/kvm/vmx/nested.c:nested_vmx_vmexit")
def nested_exit(s: Vcpu) -> Vcpu:
    """L2 exits to L1: an access that L1 intercepts, or anything else; or an event before L2 ran. IA32_SPEC_CTRL is stored. [LNX nested.c]"""
    s = select(s.running, vm_exits(s), s)
    stored = vmx_get_msr_spec_ctrl(s)
    return nested_vmx_vmexit(s.replace(stored_wrong=stored ^ s.believed))


@kvm_upstream.action(by="processor", guard=lambda s: idle(s) & s.guest_mode, source="arch/x86/kvm/vmx/nested.c:nested_vmx_vmexit")
def l2_entry_fails(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """The processor refuses to enter vmcs02, with VMfail or a failed-VM-entry exit: L1 sees its VM entry fail.

    After VMfail nested_vmx_restore_host_state loads only those entries of the exit list whose MSR the entry
    list had with another value; the model lets any be loaded. [LNX nested.c]
    """
    s = select(s.pages_pending, nested_get_vmcs12_pages(s, l1_intercepts), s)
    return vmentry_fail_vmexit(vmx_spec_ctrl_restore_host(vmx_vcpu_run(s)))


@kvm_upstream.action(by="KVM", guard=lambda s: idle(s) & ~s.smm, source="arch/x86/kvm/vmx/vmx.c:vmx_enter_smm")
def enter_smm(s: Vcpu) -> Vcpu:
    """An SMI. [LNX vmx.c]"""
    return vmx_enter_smm(s).replace(smi=True)


@kvm_upstream.action(by="L1", guard=lambda s: l1_runs(s) & s.smm, source="arch/x86/kvm/vmx/vmx.c:vmx_leave_smm")
def leave_smm(s: Vcpu, fails: Bool) -> Vcpu:
    """RSM; where the SMI came in L2 the return to L2 may fail, which shuts the vCPU down. [LNX vmx.c]"""
    return vmx_leave_smm(vm_exits(s), fails).replace(rsm=True, by_l1=True)


# Migration.


@kvm_upstream.action(by="userspace", guard=lambda s: settled(s) & ~s.smm, source="arch/x86/kvm/x86.c:kvm_arch_vcpu_ioctl")
def migrate(s: Vcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    """KVM_GET_MSRS and KVM_GET_NESTED_STATE here, KVM_CREATE_VCPU on another host, which enumerates and accepts other bits.

    A host that enumerates a bit accepts it, and wants nothing that it does not accept. [LNX x86.c]
    """
    image = s.replace(
        image_spec_ctrl=vmx_get_msr_spec_ctrl(s), image_mitigation_ctrl=vmx_get_msr_mitigation_ctrl(s),
        image_vmxon=s.vmxon, image_guest_mode=s.guest_mode, todo_spec_ctrl=True, todo_mitigation_ctrl=True, todo_nested=True,
    )  # fmt: skip
    enforces = enforceable(rrsba_ctrl, rrsba, bhi_ctrl, bhi_no)
    accepts = (accepts | enforces) & s.defined
    host = host & accepts
    created = kvm_arch_vcpu_create(image.replace(accepts=accepts, enforces=enforces, host=host, msr=host))
    return seen_of_host(created, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no).replace(by_userspace=True)


def seen_of_host(s: Vcpu, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    """What the proof sees of the destination's CPUID and ARCH_CAPABILITIES, said apart from `enforceable`. [24453324491, 24811799058]"""
    rrsba_dis_s, bhi_dis_s = word(RECODED.RETPOLINE_S), word(RECODED.BHB_CLEAR_SEQ_S)
    has = ite(rrsba_ctrl, rrsba_dis_s, 0) | ite(bhi_ctrl, bhi_dis_s, 0)
    return s.replace(host_has=has, host_needs=ite(rrsba, rrsba_dis_s, 0) | ite(bhi_no, 0, bhi_dis_s))


def finishes(s: Vcpu) -> Vcpu:
    """Whether that was the last ioctl of the migration. [K]"""
    return s.replace(restored=~restoring(s))


@kvm_upstream.action(by="userspace", guard=lambda s: s.todo_spec_ctrl, source="arch/x86/kvm/x86.c:do_set_msr")
def restore_spec_ctrl(s: Vcpu) -> Vcpu:
    """KVM_SET_MSRS of IA32_SPEC_CTRL on the destination. A userspace that goes on after a refusal has chosen 0. [LNX x86.c]"""
    value = s.image_spec_ctrl
    s = vmx_set_msr_spec_ctrl(s, value).replace(userspace_wrote=True, operand=value)
    s = s.replace(restore_refused_bits=s.refused_bits & ~(s.believed & ~s.accepts))
    return finishes(s.when(s.refused, believed=0).replace(todo_spec_ctrl=False, image_spec_ctrl=0))


@kvm_upstream.action(by="userspace", guard=lambda s: s.todo_mitigation_ctrl, source="arch/x86/kvm/x86.c:do_set_msr")
def restore_mitigation_ctrl(s: Vcpu) -> Vcpu:
    """KVM_SET_MSRS of MITIGATION_CTRL on the destination. [LNX x86.c]"""
    s = vmx_set_msr_mitigation_ctrl(s, s.image_mitigation_ctrl, has_reserved=NO, host_initiated=True)
    s = s.when(s.refused, promised=0, restore_refused=True).when(~s.refused, policy_written=True)
    return finishes(s.replace(todo_mitigation_ctrl=False, image_mitigation_ctrl=0))


@kvm_upstream.action(by="userspace", guard=lambda s: s.todo_nested, source="arch/x86/kvm/vmx/nested.c:vmx_set_nested_state")
def restore_nested_state(s: Vcpu) -> Vcpu:
    """KVM_SET_NESTED_STATE on the destination. [LNX nested.c]"""
    allocated = enter_vmx_operation(s)
    entered = nested_vmx_enter_non_root_mode(allocated, fails=NO)
    there = select(s.image_vmxon, select(s.image_guest_mode, entered, allocated), s)
    return finishes(there.replace(todo_nested=False, image_vmxon=False, image_guest_mode=False))


# What is taken for granted. Each can be switched off.


@kvm_upstream.assumption("no-bit-above-31", of=("initial",))
def no_bit_above_31(s: Vcpu) -> Bool:
    """IA32_SPEC_CTRL has no bit above 31. 6.12 compares and loads 32 bits at VM entry; 6.19 loads all. [SDM vol. 4]"""
    return (s.defined & ~LOW_HALF) == 0


@kvm_upstream.assumption("fresh-vmcs-is-zero", of=("initial",))
def fresh_vmcs_is_zero(s: Vcpu) -> Bool:
    """A VMCS that was zeroed and cleared reads as 0 in both fields; its layout in memory is the processor's. [LNX vmx.c:alloc_vmcs]"""
    return (s.fresh_mask | s.fresh_shadow) == 0


@kvm_upstream.assumption("entry-keeps-msr", of=("initial",))
def entry_keeps_msr(s: Vcpu) -> Bool:
    """VM entry does not load the register from the shadow; a commit of Xen's reads as if it did. [GAO, SDM 29.3]"""
    return ~s.loads_shadow


@kvm_upstream.assumption("entry-loads-shadow", of=("initial",), instead_of="entry-keeps-msr")
def entry_loads_shadow(s: Vcpu) -> Bool:
    """VM entry loads the register from the shadow, merged as a WRMSR is: the text of a commit of Xen's says so. [XEN]"""
    return s.loads_shadow


@kvm_upstream.assumption("host-value-constant-during-a-run", of=("host_changes",))
def host_value_constant_during_a_run(s: Vcpu) -> Bool:
    """Between the compare at VM entry and the one after VM exit interrupts are off, so the host's wish stays. [LNX vmx.c]"""
    return ~s.running


@kvm_upstream.assumption("other-vcpus-restore-the-host-value", of=("other_vcpu_runs",))
def other_vcpus_restore_the_host_value(s: Vcpu, left: Word) -> Bool:
    """What host-isolation says of this vCPU holds of the others: on this CPU they leave the host's value. [LNX vmx.c]"""
    return left == s.host


@kvm_upstream.assumption(
    "ioctls-exclude-a-running-vcpu",
    of=("kvm_get_msrs", "kvm_set_msrs_spec_ctrl", "kvm_set_msrs_mitigation_ctrl", "kvm_set_nested_state", "kvm_leave_nested", "create", "migrate"),
)
def ioctls_exclude_a_running_vcpu(s: Vcpu) -> Bool:
    """vcpu->mutex: an ioctl on a vCPU waits until KVM_RUN has returned. [LNX kvm_main.c:kvm_vcpu_ioctl]"""
    return ~s.running
