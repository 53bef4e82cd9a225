"""KVM, RFC PATCH v3 of 10 April 2024: KVM_CAP_FORCE_SPEC_CTRL (01 to 03/10) and the virtual MSRs on top (06 to 10/10).

A diff against kvm.py, one helper of the patches a function, as posted: nothing is corrected, and what the
patches do not touch is 6.12's. The bits that a guest must not change have a mask and a value now, so that a
bit can be forced to 0 as well as to 1. Userspace sets both for the VM before it creates a vCPU; a vCPU
starts with them and adds, at run time, bits that its guest asks for.

Modelled: patches 01 to 03 and 06, all of it; of 07 and 08 the three virtual MSRs; 09 and 10, all of it.
nested_run_pending where patch 03 reads it: KVM_SET_NESTED_STATE may set it or not, RSM sets it too late.

**Not modelled**
- 04 and 05 (the Linux guest: any guest is modelled).
- Rebasing: the patches were for 6.9. What they touch is the same in 6.12.
- A second KVM_ENABLE_CAP: it is refused once the VM has a vCPU, and the model starts with one. A migration
  makes another VM, with a mask and a value of its own.
- KVM_GET_SUPPORTED_FORCE_SPEC_CTRL, documented for a VM and implemented for /dev/kvm.
- A guest that is not told of MITIGATION_CTRL: VIRTUAL_ENUMERATION says that it exists, or its writes would fault
  as if the series were not there. MITIGATION_ENUM is chosen at creation, and CPUID.SPEC_CTRL is offered, as in v2's model.
- A VM entry that fails because the mask has a bit that the processor lacks: the manual names no such check.

Sources:
    [28923662257]  RFC v3 01/10, Virtualize Intel IA32_SPEC_CTRL
    [28837812821]  RFC v3 02/10, the cache of the shadow
    [29135790071]  RFC v3 03/10, vmcs02
    [28514191960]  RFC v3 06/10, mask and value for each vCPU
    [28884829164]  RFC v3 08/10, MITIGATION_ENUM and MITIGATION_CTRL
    [28172391746]  RFC v3 09/10, BHB_CLEAR_SEQ_S and vmx_set_msr's MITIGATION_CTRL case
    [28297352685]  RFC v3 10/10, RETPOLINE_S
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from typing import cast

from specproof.models.elsewhere import say_where
from specproof.models.kvm import (
    Vcpu,
    Vmcs,
    current,
    has_control,
    kvm_spec_ctrl_test_value,
    vm_exits,
    vmcs_write,
    vmx_disable_intercept_for_msr,
    vmx_enable_intercept_for_msr,
    vmx_get_msr_mitigation_ctrl,
)
from specproof.models.kvm_actions import created as kvm_created
from specproof.models.kvm_conduct import kvm_upstream
from specproof.models.kvm_transitions import finishes, seen_of_host
from specproof.models.registers import SPEC_CTRL, derive, enforceable

from specproof import U64, Bool, Design, Word, disj, field, ite, select, word
from specproof.models import kvm
from specproof.models import kvm_nested as nested
from specproof.models import kvm_rfc_v2 as v2

NO = disj(())


class ForcedVcpu(Vcpu):
    """What v3 adds to struct vcpu_vmx and struct kvm. Its vmx->spec_ctrl_shadow is `guest_spec_ctrl`."""

    cap_mask: U64 = field("kvm->arch.force_spec_ctrl_mask", source="[28923662257]", bits=SPEC_CTRL)
    cap_value: U64 = field("kvm->arch.force_spec_ctrl_value", source="[28923662257]", bits=SPEC_CTRL)
    force_mask: U64 = field("vmx->force_spec_ctrl_mask", source="[28514191960]", bits=SPEC_CTRL)
    force_value: U64 = field("vmx->force_spec_ctrl_value", source="[28514191960]", bits=SPEC_CTRL)


def forced(s: Vcpu) -> ForcedVcpu:
    """A state of this design, whatever helper of kvm.py it comes from."""
    return cast(ForcedVcpu, s)


#: The new helpers; `kvm_rfc_v3` below is these and the helpers that the patches change.
_new = cast(Design[ForcedVcpu], kvm_upstream.but("kvm-rfc-v3-helpers"))
_new.state = ForcedVcpu
_new.lacking.clear()  # what upstream cannot show is what the series adds


# 01/10, the capability.


@_new.function
def supported_force_spec_ctrl(s: ForcedVcpu) -> Word:
    """hardware_setup(): bits that can be forced to 1; none where the processor lacks the control. [28923662257]"""
    always = s.accepts & word(SPEC_CTRL.IBRS | SPEC_CTRL.STIBP | SPEC_CTRL.SSBD | SPEC_CTRL.BHI_DIS_S)
    return ite(s.virtualized, always | (s.enforces & word(SPEC_CTRL.RRSBA_DIS_S)), 0)


@_new.function
def kvm_vm_ioctl_enable_cap(s: ForcedVcpu, mask: Word, value: Word) -> ForcedVcpu:
    """KVM_CAP_FORCE_SPEC_CTRL: the mask may have any bit, the value bits of the mask that can be forced to 1. [28923662257]"""
    unfit = (value & ~supported_force_spec_ctrl(s)) | (value & ~mask)
    return s.when(s.virtualized & (unfit == 0), cap_mask=mask, cap_value=value)


# 01, 02 and 06/10, vmx.c.


@_new.function
def vmx_set_spec_ctrl(s: ForcedVcpu, value: Word) -> ForcedVcpu:
    """The effective value is the guest's with the forced value ORed in; nothing is forced without the control. [28923662257]"""
    s = s.replace(spec_ctrl=value)
    there = vmcs_write(s, shadow=value).replace(guest_spec_ctrl=value, spec_ctrl=value | s.force_value)
    return forced(select(s.virtualized, there, s))


def vmx_get_msr_spec_ctrl(s: Vcpu) -> Word:
    """vmx_get_msr, case MSR_IA32_SPEC_CTRL: the cache of the shadow, where there is a shadow. [28837812821]"""
    return ite(s.virtualized, s.guest_spec_ctrl, s.spec_ctrl)


def vmx_set_msr_spec_ctrl(s: ForcedVcpu, data: Word) -> Vcpu:
    """vmx_set_msr, case MSR_IA32_SPEC_CTRL: the value itself is tried; any nonzero one passes the register through. [28923662257]"""
    tested = kvm_spec_ctrl_test_value(s, data)
    s = vmx_set_spec_ctrl(s, data)
    return select(tested.refused, tested, select(data == 0, s, vmx_disable_intercept_for_msr(s)))


def vmx_tertiary_exec_control(s: Vcpu, vmcs: Vmcs) -> Vmcs:
    """The control is optional: it is set where the processor has it. [28923662257]"""
    return vmcs.replace(ipi_virt=True, spec_ctrl_virt=True)


def init_vmcs(s: ForcedVcpu) -> ForcedVcpu:
    """At RESET only: the vCPU's mask and value are the VM's again, and both fields are written. [28514191960]"""
    s = s.replace(vmcs01=nested.vmx_tertiary_exec_control(s, s.vmcs01).replace(written=True), force_mask=s.cap_mask, force_value=s.cap_value)
    return forced(select(s.virtualized, vmcs_write(s, mask=s.force_mask, shadow=word(0)).replace(guest_spec_ctrl=0), s))


def vmx_vcpu_reset(s: ForcedVcpu, init_event: bool) -> Vcpu:
    """RESET clears MITIGATION_CTRL, INIT keeps it with mask and value; both set the guest's value to 0. [28923662257, 28884829164]"""
    if not init_event:
        s = forced(nested.init_vmcs(s)).replace(mitigation_ctrl=0)
    return vmx_set_spec_ctrl(s, word(0))


def save_guest_spec_ctrl(s: ForcedVcpu) -> Vcpu:
    """With the control the register is not read: its value is computed from the shadow, mask and value. [28837812821, 28514191960]"""
    guest = ite(s.virtualized, current(s).shadow, s.guest_spec_ctrl)
    return s.replace(guest_spec_ctrl=guest, spec_ctrl=ite(s.virtualized, (guest & ~s.force_mask) | s.force_value, s.msr))


# 03/10, nested.c.


def prepare_vmcs02_early(s: ForcedVcpu) -> Vcpu:
    """vmcs02 gets this one tertiary control and the mask, which is written every time. [29135790071]"""
    on = has_control(s, s.vmcs01)
    held = on & s.vmcs02.written & (s.vmcs02.mask == s.force_mask)
    vmcs02 = s.vmcs02.replace(spec_ctrl_virt=s.vmcs01.spec_ctrl_virt, ipi_virt=False, written=True, mask=ite(on, s.force_mask, s.vmcs02.mask))
    return s.replace(vmcs02=vmcs02, needless=s.needless | ite(held, ~word(0), 0))


@_new.function
def prepare_vmcs02(s: ForcedVcpu, nested_run_pending: Bool) -> Vcpu:
    """vmcs02's shadow, where a nested VM entry is pending; after nested_early_check, before the MSR-load list. [29135790071]"""
    return select(nested_run_pending & s.virtualized, vmcs_write(s, shadow=s.guest_spec_ctrl), s)


def nested_vmx_vmexit(s: ForcedVcpu) -> Vcpu:
    """vmcs01's shadow is written, vmcs01's mask is not. A failed nested entry does not come here. [29135790071]"""
    s = forced(nested.leave_guest_mode(s))
    s = forced(select(s.virtualized, vmcs_write(s, shadow=s.guest_spec_ctrl), s))
    return nested.load_vmcs12_host_state(s).replace(changed_level=True)


def nested_vmx_enter_non_root_mode(s: Vcpu, fails: Bool, nested_run_pending: Bool = NO) -> Vcpu:
    """With from_vmentry false. RSM sets nested_run_pending only afterwards. [29135790071, LNX vmx.c:vmx_leave_smm]"""
    s = nested.prepare_vmcs02_early(nested.vmx_switch_vmcs(s, to_vmcs02=True))
    s = prepare_vmcs02(forced(s), nested_run_pending)
    return select(fails, nested.leave_guest_mode(s), s.replace(pages_pending=True)).replace(changed_level=True, return_failed=fails)


# 08 to 10/10, vmx.c.


def vmx_set_msr_mitigation_ctrl(s: ForcedVcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """vmx_set_msr, case MSR_VIRTUAL_MITIGATION_CTRL: the VM's mask and value win. No VMCS's mask field is written. [28172391746]"""
    refused = has_reserved if host_initiated else has_reserved | ~s.enumerates
    mask = derive(ctrl, s.enforces)
    new = forced(select((mask != 0) & ~s.virtualized, vmx_enable_intercept_for_msr(s), s))
    mask = mask & ~s.cap_mask
    new = new.replace(force_mask=s.cap_mask | mask, force_value=s.cap_value | mask)
    new = vmx_set_spec_ctrl(new, new.guest_spec_ctrl)
    return select(refused, s.replace(refused=True), new.replace(mitigation_ctrl=ctrl))


# Actions in which v3 does more, and the start.


def created(s: ForcedVcpu) -> Bool:
    """KVM_CREATE_VCPU has returned; before it userspace may have used the capability. [28923662257]"""
    fit = (s.cap_value & ~(supported_force_spec_ctrl(s) & s.cap_mask)) == 0
    fresh = s.matches(force_mask=s.cap_mask, force_value=s.cap_value, enumerates=True)
    return kvm_created(s) & fresh & fit & (s.virtualized | (s.cap_mask == 0))


def nested_vmx_run(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """VMLAUNCH or VMRESUME, up to the VM-entry MSR-load list. [29135790071]"""
    s = nested.nested_vmx_enter_from_vmentry(vm_exits(s), l1_intercepts)
    return prepare_vmcs02(forced(s), ~NO).replace(entering=True, by_l1=True)


def l2_entry_fails(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """The processor refuses to enter vmcs02: KVM reflects that to L1 by nested_vmx_vmexit. [LNX nested.c:nested_vmx_reflect_vmexit]"""
    s = select(s.pages_pending, nested.nested_get_vmcs12_pages(s, l1_intercepts), s)
    return nested.nested_vmx_vmexit(kvm.vmx_spec_ctrl_restore_host(kvm.vmx_vcpu_run(s))).replace(entry_failed=True)


def kvm_set_nested_state(s: Vcpu, guest_mode: Bool, fails: Bool, run_pending: Bool) -> Vcpu:
    """KVM_SET_NESTED_STATE, with KVM_STATE_NESTED_RUN_PENDING or without. [LNX nested.c:vmx_set_nested_state]"""
    s = nested.enter_vmx_operation(nested.free_nested(s)).replace(vmx_on=True, by_userspace=True)
    return select(guest_mode, nested_vmx_enter_non_root_mode(s, fails, run_pending), s)


def restore_nested_state(s: Vcpu, run_pending: Bool) -> Vcpu:
    """The same on the destination of a migration. [LNX nested.c:vmx_set_nested_state]"""
    allocated = nested.enter_vmx_operation(s)
    entered = nested_vmx_enter_non_root_mode(allocated, NO, run_pending)
    there = select(s.image_vmxon, select(s.image_guest_mode, entered, allocated), s)
    return finishes(there.replace(todo_nested=False, image_vmxon=False, image_guest_mode=False))


def migrate(
    s: ForcedVcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool, mask: U64, value: U64
) -> Vcpu:
    """KVM_GET_MSRS and KVM_GET_NESTED_STATE here, KVM_ENABLE_CAP and KVM_CREATE_VCPU on another host. [28923662257, LNX x86.c]"""
    enforces = enforceable(rrsba_ctrl, rrsba, bhi_ctrl, bhi_no)
    accepts = (accepts | enforces) & s.defined
    host = host & accepts
    image = s.replace(
        image_spec_ctrl=kvm.vmx_get_msr_spec_ctrl(s), image_mitigation_ctrl=vmx_get_msr_mitigation_ctrl(s),
        image_vmxon=s.vmxon, image_guest_mode=s.guest_mode, todo_spec_ctrl=True, todo_mitigation_ctrl=True, todo_nested=True,
        accepts=accepts, enforces=enforces, host=host, msr=host, cap_mask=0, cap_value=0,
    )  # fmt: skip
    made = nested.kvm_arch_vcpu_create(kvm_vm_ioctl_enable_cap(image, mask, value))
    return seen_of_host(made, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no).replace(by_userspace=True)


def init(s: Vcpu) -> Vcpu:
    """INIT: by v3's contract the guest's request and what follows from it stay. [28884829164, LNX lapic.c]"""
    return nested.vmx_vcpu_reset(s, init_event=True).replace(believed=0, did_init=True)


def locked(s: ForcedVcpu) -> Word:
    """Bits that a guest's write must not reach: those that must have a certain value."""
    return s.cap_mask | derive(s.promised, s.enforces)


kvm_rfc_v3 = _new.but(
    "kvm-rfc-v3",
    doc="RFC PATCH v3, KVM: VMX: Virtualize Intel IA32_SPEC_CTRL, 01 to 10/10, as posted in April 2024",
    initial=created,
    vmx_get_msr_spec_ctrl=vmx_get_msr_spec_ctrl,
    vmx_set_msr_spec_ctrl=vmx_set_msr_spec_ctrl,
    vmx_tertiary_exec_control=vmx_tertiary_exec_control,
    init_vmcs=init_vmcs,
    vmx_vcpu_reset=vmx_vcpu_reset,
    save_guest_spec_ctrl=save_guest_spec_ctrl,
    prepare_vmcs02_early=prepare_vmcs02_early,
    nested_vmx_vmexit=nested_vmx_vmexit,
    nested_vmx_enter_non_root_mode=nested_vmx_enter_non_root_mode,
    vmx_set_msr_mitigation_ctrl=vmx_set_msr_mitigation_ctrl,
    nested_vmx_run=nested_vmx_run,
    l2_entry_fails=l2_entry_fails,
    kvm_set_nested_state=kvm_set_nested_state,
    restore_nested_state=restore_nested_state,
    migrate=migrate,
    init=init,
    locked=locked,
)
kvm_rfc_v3.reference = "kvm-reference"
kvm_rfc_v3.state = ForcedVcpu


# What claims can look at beyond kvm_views.py: v2's views, but for those that follow.

for _view in (
    v2.shadow, v2.mask_field, v2.other_shadow, v2.other_mask, v2.host_forces, v2.host_has, v2.host_needs,
    v2.control, v2.miswired, v2.needless_mask_write, v2.ctrl, v2.ctrl_promised, v2.ctrl_offered, v2.ctrl_visible,
    v2.policy_written, v2.ctrl_refused, v2.guest_wrote_ctrl, v2.asked_reserved, v2.guest_wrote_enum, v2.restore_ctrl_refused,
):  # fmt: skip
    kvm_rfc_v3.view(_view.body)

kvm_rfc_v3.lacks(
    stale_cache="v3 keeps no copy of a mask field; mask-sync compares the field with the required mask",
    cache="v3 keeps no copy of a mask field",
    other_cache="v3 keeps no copy of a mask field, and writes vmcs02's fields where a VM entry follows",
)


@kvm_rfc_v3.view
def required_mask(s: ForcedVcpu) -> Word:
    """What userspace chose for the VM, and what the guest asked for where the VM has no choice. [28172391746]"""
    return s.cap_mask | derive(s.promised, s.enforces)


@kvm_rfc_v3.view
def required_value(s: ForcedVcpu) -> Word:
    """Their values: the VM's, and 1 for what the guest asked for. [28172391746]"""
    return s.cap_value | (derive(s.promised, s.enforces) & ~s.cap_mask)


@kvm_rfc_v3.view
def applied_mask(s: ForcedVcpu) -> Word:
    """The mask by which KVM computes the effective value after an exit."""
    return s.force_mask


@kvm_rfc_v3.view
def applied_value(s: ForcedVcpu) -> Word:
    """The value that goes with it."""
    return s.force_value


@kvm_rfc_v3.view
def derived_mask(s: ForcedVcpu) -> Word:
    """The VM's mask and derive() of MITIGATION_CTRL as KVM stores it."""
    return s.cap_mask | derive(s.mitigation_ctrl, s.enforces)


@kvm_rfc_v3.view
def chosen_mask(s: ForcedVcpu) -> Word:
    """What userspace chose and KVM accepted."""
    return s.cap_mask


@kvm_rfc_v3.view
def chosen_value(s: ForcedVcpu) -> Word:
    """The value that goes with it."""
    return s.cap_value


@kvm_rfc_v3.view
def can_force_on(s: ForcedVcpu) -> Word:
    """Bits that KVM says it can force to 1 on this host."""
    return supported_force_spec_ctrl(s)


@kvm_rfc_v3.view
def saved_guest_value(s: ForcedVcpu) -> Word:
    """vmx->spec_ctrl_shadow, which only exists with the control."""
    return s.guest_spec_ctrl


@kvm_rfc_v3.view
def init_keeps_policy(s: ForcedVcpu) -> Bool:
    """By this version's contract INIT keeps MITIGATION_CTRL, mask and value."""
    return ~NO


say_where(kvm_rfc_v3)
