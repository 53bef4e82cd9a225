"""KVM/VMX as of Linux 6.12, continued: allocation, creation, RESET and INIT, nested entry and exit, SMM.

What is modelled, what is not, and the sources are in the header of kvm.py.
"""

from specproof.models.kvm import Vcpu, Vmcs, kvm_upstream, vmx_spec_ctrl_restore_host, vmx_vcpu_run

from specproof import Bool, select

# Allocation.


@kvm_upstream.function
def alloc_loaded_vmcs(s: Vcpu, loaded_vmcs: Vmcs) -> Vmcs:
    """A cleared VMCS and an all-ones bitmap; of struct loaded_vmcs only named members are set. [LNX vmx.c, 4652401059, 54710605035]"""
    return loaded_vmcs.replace(
        mask=s.fresh_mask, shadow=s.fresh_shadow, spec_ctrl_virt=False, ipi_virt=False, intercepted=True, written=False,
    )  # fmt: skip


@kvm_upstream.function
def free_loaded_vmcs(loaded_vmcs: Vmcs) -> Vmcs:
    """The VMCS and its bitmap are gone; struct loaded_vmcs stays, as a part of struct vcpu_vmx. [LNX vmx.c]"""
    return loaded_vmcs.replace(mask=0, shadow=0, spec_ctrl_virt=False, ipi_virt=False, intercepted=True, written=False)


@kvm_upstream.function
def enter_vmx_operation(s: Vcpu) -> Vcpu:
    """vmcs02 is allocated. [LNX nested.c]"""
    return s.replace(vmcs02=alloc_loaded_vmcs(s, s.vmcs02), vmxon=True)


@kvm_upstream.function
def free_nested(s: Vcpu) -> Vcpu:
    """vmcs02 is freed; vmcs01 is loaded. [LNX nested.c]"""
    return s.replace(vmcs02=free_loaded_vmcs(s.vmcs02), vmxon=False, pages_pending=False)


# Creation, RESET and INIT.


@kvm_upstream.function
def vmx_tertiary_exec_control(s: Vcpu, vmcs: Vmcs) -> Vmcs:
    """The tertiary controls of vmcs01: IPI virtualization only. [LNX vmx.c]"""
    return vmcs.replace(ipi_virt=True)


@kvm_upstream.function
def init_vmcs(s: Vcpu) -> Vcpu:
    """The constant part of vmcs01, at RESET only. [LNX vmx.c]"""
    return s.replace(vmcs01=vmx_tertiary_exec_control(s, s.vmcs01).replace(written=True))


@kvm_upstream.function
def vmx_vcpu_reset(s: Vcpu, init_event: bool) -> Vcpu:
    """RESET initialises vmcs01; RESET and INIT zero the guest's value and leave the intercept. [LNX vmx.c]"""
    if not init_event:
        s = init_vmcs(s)
    return s.replace(spec_ctrl=0)


@kvm_upstream.function
def vmx_vcpu_create(s: Vcpu) -> Vcpu:
    """A zeroed struct vcpu_vmx with a fresh vmcs01. [LNX vmx.c; x86.c:kvm_arch_vcpu_create]"""
    zero = free_loaded_vmcs(s.vmcs02).replace(cache=0)
    return s.replace(
        spec_ctrl=0, guest_spec_ctrl=0, mitigation_ctrl=0, vmcs01=alloc_loaded_vmcs(s, zero), vmcs02=zero,
        running=False, guest_mode=False, vmxon=False, smm=False, smm_guest_mode=False, l1_intercepts=False, pages_pending=False,
        entering=False, leaving=False,
    )  # fmt: skip


@kvm_upstream.function
def kvm_arch_vcpu_create(s: Vcpu) -> Vcpu:
    """KVM_CREATE_VCPU: a new struct vcpu_vmx, and RESET, the only one that KVM itself does. [LNX x86.c]"""
    return vmx_vcpu_reset(vmx_vcpu_create(s), init_event=False)


# Nested entry and exit.


@kvm_upstream.function
def vmx_switch_vmcs(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    """Makes the other VMCS current. The MSR needs no copy here: vmx->spec_ctrl is one variable for L1 and L2. [LNX nested.c]"""
    return s.replace(guest_mode=to_vmcs02)


@kvm_upstream.function
def prepare_vmcs02_early(s: Vcpu) -> Vcpu:
    """vmcs02's controls. No code writes the tertiary controls, so they stay as allocated. [LNX nested.c]"""
    return s.replace(vmcs02=s.vmcs02.replace(written=True))


@kvm_upstream.function
def nested_vmx_prepare_msr_bitmap(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """Merges vmcs01's bitmap and L1's into vmcs02's; an L1 without a bitmap intercepts everything. [LNX nested.c]"""
    merged = s.vmcs02.replace(intercepted=s.vmcs01.intercepted)
    return s.replace(vmcs02=merged, l1_intercepts=l1_intercepts, merged=True, l1_asked=l1_intercepts)


@kvm_upstream.function
def nested_get_vmcs12_pages(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """At nested entry, or before the VM entry that follows RSM and KVM_SET_NESTED_STATE. [LNX nested.c]"""
    return nested_vmx_prepare_msr_bitmap(s, l1_intercepts).replace(pages_pending=False)


@kvm_upstream.function
def nested_vmx_check_vmentry_hw(s: Vcpu) -> Vcpu:
    """With nested_early_check the processor is asked to enter vmcs02 with RFLAGS = 0, which fails at once. [LNX nested.c]"""
    return select(s.early_check, vmx_spec_ctrl_restore_host(vmx_vcpu_run(s)), s)


@kvm_upstream.function
def leave_guest_mode(s: Vcpu) -> Vcpu:
    """Back to vmcs01, from a nested exit or from an entry that failed; what vmcs02's bitmap was is of no more use. [LNX nested.c]"""
    s = vmx_switch_vmcs(s, to_vmcs02=False)
    return s.replace(vmcs02=s.vmcs02.replace(intercepted=True), l1_intercepts=False, pages_pending=False)


@kvm_upstream.function
def load_vmcs12_host_state(s: Vcpu) -> Vcpu:
    """With vmcs01 loaded; its last part is nested_vmx_load_msr on the exit list, entry by entry from here on. [LNX nested.c]"""
    return s.replace(entering=False, leaving=True)


@kvm_upstream.function
def nested_vmx_enter_non_root_mode(s: Vcpu, fails: Bool) -> Vcpu:
    """With from_vmentry false, from RSM or KVM_SET_NESTED_STATE: no bitmap and no MSR-load list yet. [LNX nested.c]"""
    s = prepare_vmcs02_early(vmx_switch_vmcs(s, to_vmcs02=True))
    return select(fails, leave_guest_mode(s), s.replace(pages_pending=True)).replace(changed_level=True, return_failed=fails)


@kvm_upstream.function
def nested_vmx_enter_from_vmentry(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """nested_vmx_enter_non_root_mode with from_vmentry true, up to the hardware check. [LNX nested.c]"""
    s = prepare_vmcs02_early(vmx_switch_vmcs(s, to_vmcs02=True))
    return nested_vmx_check_vmentry_hw(nested_get_vmcs12_pages(s, l1_intercepts)).replace(changed_level=True)


@kvm_upstream.function
def nested_vmx_vmexit(s: Vcpu) -> Vcpu:
    """Back to L1, after the VM-exit MSR-store list; the exit MSR-load list is processed next. [LNX nested.c]"""
    return load_vmcs12_host_state(leave_guest_mode(s)).replace(changed_level=True)


@kvm_upstream.function
def vmx_leave_nested(s: Vcpu) -> Vcpu:
    """Out of L2 if need be, by a nested exit that stores no list, and vmcs02 is freed.

    KVM frees it after the exit list; the list touches nothing of vmcs02, so the order is not seen. [LNX nested.c]
    """
    return free_nested(select(s.guest_mode, nested_vmx_vmexit(s), s))


# System management mode.


@kvm_upstream.function
def vmx_enter_smm(s: Vcpu) -> Vcpu:
    """An SMI in L2 is a nested exit, with the exit MSR-load list, which the architecture does not have there. [LNX vmx.c]"""
    in_l2 = s.guest_mode
    return select(in_l2, nested_vmx_vmexit(s), s).replace(smm=True, smm_guest_mode=in_l2)


@kvm_upstream.function
def vmx_leave_smm(s: Vcpu, fails: Bool) -> Vcpu:
    """RSM: to L2 if the SMI came there, without its entry MSR-load list. [LNX vmx.c]"""
    s = s.replace(smm=False)
    return select(s.smm_guest_mode, nested_vmx_enter_non_root_mode(s, fails), s).replace(smm_guest_mode=False)

