"""KVM, RFC PATCH v2 of 14 April 2023: IA32_SPEC_CTRL virtualization (04/11) and what sets the mask (06 to 09/11).

A diff against kvm.py, one helper of the patches a function, in the patches' order, as posted: nothing is
corrected, and what the patches do not touch is 6.12's.

Modelled: patch 04, all of it; of 06 and 07 the three virtual MSRs; 08 and 09, all of it.

**Not modelled**
- Patches 01 to 03 (CPUID bits) but for the host conditions of derive(); 05 (the Linux guest: any guest
  is modelled); 10 and 11 (selftests).
- Rebasing: the patches were for 6.3. What they touch is the same in 6.12 but for names of files.
- KVM_SET_MSRS of MITIGATION_ENUM and VIRTUAL_ENUMERATION: userspace chose them at creation. As feature
  MSRs they are immutable once the vCPU has run.
- CPUID.SPEC_CTRL is offered to the guest. ARCH_CAP_VIRTUAL_ENUM only decides about MSRs that the guest reads.

Sources:
    [25034412039]  RFC v2 04/11, IA32_SPEC_CTRL virtualization
    [24695203084]  RFC v2 06/11, VIRTUAL_ENUMERATION
    [24512704415]  RFC v2 07/11, MITIGATION_ENUM and MITIGATION_CTRL
    [24453324491]  RFC v2 08/11, RETPOLINE_S and vmx_set_msr's MITIGATION_CTRL case
    [24811799058]  RFC v2 09/11, BHB_CLEAR_SEQ_S
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from specproof.models.elsewhere import say_where
from specproof.models.kvm import (
    Vcpu,
    Vmcs,
    current,
    has_control,
    kvm_spec_ctrl_test_value,
    vmcs_write,
    vmx_disable_intercept_for_msr,
    vmx_enable_intercept_for_msr,
)
from specproof.models.kvm_conduct import kvm_upstream
from specproof.models.kvm_nested import init_vmcs
from specproof.models.registers import derive

from specproof import Bool, Word, ite, select, word

NOBODY_CHOOSES = "the guest asks for bits, and the host derives a mask; userspace chooses none in this version"

#: The new helpers; `kvm_rfc_v2` below is these and the helpers that the patches change.
_new = kvm_upstream.but("kvm-rfc-v2-helpers")
_new.lacking.clear()  # what upstream cannot show is what the series adds


# 04/11, vmx.h.


@_new.function
def vmx_set_spec_ctrl_mask(s: Vcpu, mask: Word) -> Vcpu:
    """Write-through: the field is written only where the current VMCS's cache has another value. [25034412039]"""
    now = current(s)
    needless = (now.cache ^ mask) & ~(now.mask ^ mask)
    written = vmcs_write(s, mask=mask).replace(needless=s.needless | needless)
    return select(now.cache != mask, vmcs_write(select(s.virtualized, written, s), cache=mask), s)


@_new.function
def vmx_get_spec_ctrl_mask(s: Vcpu) -> Word:
    """The current VMCS's cache. [25034412039]"""
    return current(s).cache


@_new.function
def vmx_get_guest_spec_ctrl(s: Vcpu) -> Word:
    """The guest's value, whatever is intercepted. [25034412039]"""
    return s.guest_spec_ctrl


@_new.function
def vmx_set_guest_spec_ctrl(s: Vcpu, value: Word) -> Vcpu:
    """The guest's value, the shadow field whether or not accesses exit, and the effective value: masked bits are set. [25034412039]"""
    s = s.replace(guest_spec_ctrl=value)
    s = select(s.virtualized, vmcs_write(s, shadow=value), s)
    return s.replace(spec_ctrl=value | vmx_get_spec_ctrl_mask(s))


# 04/11, nested.c.


def vmx_switch_vmcs(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    """The mask of the VMCS that was current, then the guest's value, go to the one that now is. [25034412039]"""
    prev = current(s).cache
    s = vmx_set_spec_ctrl_mask(s.replace(guest_mode=to_vmcs02), prev)
    return vmx_set_guest_spec_ctrl(s, vmx_get_guest_spec_ctrl(s))


def prepare_vmcs02_early(s: Vcpu) -> Vcpu:
    """vmcs02 gets vmcs01's tertiary controls without IPI virtualization, where the processor has tertiary controls. [25034412039]"""
    return s.replace(vmcs02=s.vmcs02.replace(spec_ctrl_virt=s.vmcs01.spec_ctrl_virt, ipi_virt=False, written=True))


# 04/11, vmx.c.


def vmx_get_msr_spec_ctrl(s: Vcpu) -> Word:
    """vmx_get_msr, case MSR_IA32_SPEC_CTRL. [25034412039]"""
    return s.guest_spec_ctrl


def vmx_set_msr_spec_ctrl(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr, case MSR_IA32_SPEC_CTRL: while bits are masked and cannot be virtualized the intercept stays. [25034412039]"""
    mask = vmx_get_spec_ctrl_mask(s)
    tested = kvm_spec_ctrl_test_value(s, data | mask)
    s = vmx_set_guest_spec_ctrl(s, data)
    stays = (data == 0) | ((mask != 0) & ~s.virtualized)
    return select(tested.refused, tested, select(stays, s, vmx_disable_intercept_for_msr(s)))


def vmx_vcpu_reset(s: Vcpu, init_event: bool) -> Vcpu:
    """RESET and INIT: no bit is masked, the guest's value is 0, and so is MITIGATION_CTRL. [25034412039, 24512704415]"""
    if not init_event:
        s = init_vmcs(s)
    s = vmx_set_guest_spec_ctrl(vmx_set_spec_ctrl_mask(s, word(0)), word(0))
    return s.replace(mitigation_ctrl=0)


def vmx_tertiary_exec_control(s: Vcpu, vmcs: Vmcs) -> Vmcs:
    """The control is optional: it is set where the processor has it. init_vmcs writes neither mask nor shadow. [25034412039]"""
    return vmcs.replace(ipi_virt=True, spec_ctrl_virt=True)


def save_guest_spec_ctrl(s: Vcpu) -> Vcpu:
    """The guest's value is the shadow or, where the control does not exist, the register. [25034412039]"""
    return s.replace(spec_ctrl=s.msr, guest_spec_ctrl=ite(s.virtualized, current(s).shadow, s.msr))


# 06 to 09/11, vmx.c.


def vmx_set_msr_mitigation_ctrl(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """vmx_set_msr, case MSR_VIRTUAL_MITIGATION_CTRL. MITIGATION_ENUM is not looked at. [24512704415, 24453324491, 24811799058]"""
    refused = has_reserved if host_initiated else has_reserved | ~s.enumerates
    mask = derive(ctrl, s.enforces)
    new = select((mask != 0) & ~s.virtualized, vmx_enable_intercept_for_msr(s), s)
    new = vmx_set_spec_ctrl_mask(new, mask)
    new = vmx_set_guest_spec_ctrl(new, vmx_get_guest_spec_ctrl(new))
    return select(refused, s.replace(refused=True), new.replace(mitigation_ctrl=ctrl))


def locked(s: Vcpu) -> Word:
    """Bits that a guest's write must not reach: those that must have a certain value."""
    return derive(s.promised, s.enforces)


kvm_rfc_v2 = _new.but(
    "kvm-rfc-v2",
    doc="RFC PATCH v2 04/11, KVM: VMX: Add IA32_SPEC_CTRL virtualization support, with 06 to 09/11, as posted in April 2023",
    vmx_switch_vmcs=vmx_switch_vmcs,
    prepare_vmcs02_early=prepare_vmcs02_early,
    vmx_get_msr_spec_ctrl=vmx_get_msr_spec_ctrl,
    vmx_set_msr_spec_ctrl=vmx_set_msr_spec_ctrl,
    vmx_vcpu_reset=vmx_vcpu_reset,
    vmx_tertiary_exec_control=vmx_tertiary_exec_control,
    save_guest_spec_ctrl=save_guest_spec_ctrl,
    vmx_set_msr_mitigation_ctrl=vmx_set_msr_mitigation_ctrl,
    locked=locked,
)
kvm_rfc_v2.reference = "kvm-reference"
kvm_rfc_v2.lacks(**dict.fromkeys(("chosen_mask", "chosen_value"), NOBODY_CHOOSES))


# What claims can look at beyond kvm_views.py.


@kvm_rfc_v2.view
def required_mask(s: Vcpu) -> Word:
    """The bits that must have a certain value: derive() of what the guest asked for, on this host."""
    return derive(s.promised, s.enforces)


@kvm_rfc_v2.view
def required_value(s: Vcpu) -> Word:
    """The value that they must have: set, in this version."""
    return derive(s.promised, s.enforces)


@kvm_rfc_v2.view
def applied_mask(s: Vcpu) -> Word:
    """The mask by which KVM computes the effective value."""
    return vmx_get_spec_ctrl_mask(s)


@kvm_rfc_v2.view
def derived_mask(s: Vcpu) -> Word:
    """derive() of MITIGATION_CTRL as KVM stores it."""
    return derive(s.mitigation_ctrl, s.enforces)


@kvm_rfc_v2.view
def shadow(s: Vcpu) -> Word:
    """The shadow field of the current VMCS."""
    return current(s).shadow


@kvm_rfc_v2.view
def mask_field(s: Vcpu) -> Word:
    """The mask field of the current VMCS."""
    return current(s).mask


@kvm_rfc_v2.view
def other_shadow(s: Vcpu) -> Word:
    """The shadow field of the VMCS that is not current; 0 of one that is not allocated."""
    return select(s.guest_mode, s.vmcs01, s.vmcs02).shadow


@kvm_rfc_v2.view
def other_mask(s: Vcpu) -> Word:
    """The mask field of the VMCS that is not current; 0 of one that is not allocated."""
    return select(s.guest_mode, s.vmcs01, s.vmcs02).mask


@kvm_rfc_v2.view
def cache(s: Vcpu) -> Word:
    """What KVM believes to be in the mask field of the current VMCS."""
    return current(s).cache


@kvm_rfc_v2.view
def other_cache(s: Vcpu) -> Word:
    """What KVM believes to be in the mask field of the VMCS that is not current."""
    return select(s.guest_mode, s.vmcs01, s.vmcs02).cache


@kvm_rfc_v2.view
def host_forces(s: Vcpu) -> Word:
    """The bits that this host forces if the guest asks, as KVM takes it."""
    return s.enforces


@kvm_rfc_v2.view
def host_has(s: Vcpu) -> Word:
    """The step was a migration, to a processor that has these bits, of those that KVM can force."""
    return s.host_has


@kvm_rfc_v2.view
def host_needs(s: Vcpu) -> Word:
    """... and these protect from something there."""
    return s.host_needs


@kvm_rfc_v2.view
def control(s: Vcpu) -> Bool:
    """The current VMCS has the control set."""
    return has_control(s, current(s))


@kvm_rfc_v2.view
def stale_cache(s: Vcpu) -> Word:
    """Bits in which the cache of a VMCS that KVM has written to differs from its mask field."""
    return (s.vmcs01.cache ^ s.vmcs01.mask) | ite(s.vmcs02.written, s.vmcs02.cache ^ s.vmcs02.mask, 0)


@kvm_rfc_v2.view
def saved_guest_value(s: Vcpu) -> Word:
    """KVM's copy of the guest's value."""
    return vmx_get_guest_spec_ctrl(s)


@kvm_rfc_v2.view
def needless_mask_write(s: Vcpu) -> Word:
    """Bits for whose sake the step wrote a mask field that held them already."""
    return s.needless


@kvm_rfc_v2.view
def miswired(s: Vcpu) -> Bool:
    """While L2 is current: vmcs02 lacks the control that vmcs01 has or the processor offers, or has IPI virtualization."""
    lacks = has_control(s, s.vmcs02) ^ has_control(s, s.vmcs01)
    return (has_control(s, s.vmcs01) ^ s.virtualized) | (s.guest_mode & (lacks | s.vmcs02.ipi_virt))


@kvm_rfc_v2.view
def ctrl(s: Vcpu) -> Word:
    """MITIGATION_CTRL as KVM stores it, recoded."""
    return s.mitigation_ctrl


@kvm_rfc_v2.view
def ctrl_promised(s: Vcpu) -> Word:
    """MITIGATION_CTRL as it was last accepted, recoded."""
    return s.promised


@kvm_rfc_v2.view
def ctrl_offered(s: Vcpu) -> Word:
    """MITIGATION_ENUM: the bits of MITIGATION_CTRL that the guest is told of, recoded."""
    return s.mitigation_enum


@kvm_rfc_v2.view
def ctrl_visible(s: Vcpu) -> Bool:
    """VIRTUAL_ENUMERATION tells the guest of MITIGATION_CTRL."""
    return s.enumerates


@kvm_rfc_v2.view
def policy_written(s: Vcpu) -> Bool:
    """The step was an accepted write of MITIGATION_CTRL."""
    return s.policy_written


@kvm_rfc_v2.view
def ctrl_refused(s: Vcpu) -> Bool:
    """The step was a refused write of MITIGATION_CTRL by the guest."""
    return s.guest_wrote_ctrl & s.refused


@kvm_rfc_v2.view
def guest_wrote_ctrl(s: Vcpu) -> Bool:
    """The step was a write of MITIGATION_CTRL by the guest."""
    return s.guest_wrote_ctrl


@kvm_rfc_v2.view
def asked_reserved(s: Vcpu) -> Bool:
    """Its value had a bit that KVM does not know."""
    return s.asked_reserved


@kvm_rfc_v2.view
def guest_wrote_enum(s: Vcpu) -> Bool:
    """The step was a write of MITIGATION_ENUM or VIRTUAL_ENUMERATION by the guest."""
    return s.guest_wrote_enum


@kvm_rfc_v2.view
def restore_ctrl_refused(s: Vcpu) -> Bool:
    """The destination of a migration refused MITIGATION_CTRL in this step."""
    return s.restore_refused


@kvm_rfc_v2.view
def init_keeps_policy(s: Vcpu) -> Bool:
    """By this version's contract INIT keeps MITIGATION_CTRL and the mask: it does not, it clears both as RESET does."""
    return s.running & ~s.running


say_where(kvm_rfc_v2)
