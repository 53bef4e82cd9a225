"""KVM, RFC PATCH of 11 December 2022: IA32_SPEC_CTRL virtualization (4/9) and the virtual MSRs that set its mask (6 to 9/9).

A diff against kvm.py, one helper of the patches a function, as posted. vmx->spec_ctrl is what the processor
has while the guest runs, vmx->spec_ctrl_mask the bits that must be set then, and the guest's value is
kept in the shadow field only, in whichever VMCS is loaded. Nested VMX is not touched.

Modelled: patch 4, all of it; of 6 and 7 the three virtual MSRs, with the inverted tests of who may write them; 8 and 9.

**Not modelled**
- Patches 1 to 3 (bits of CPUID) but for the host conditions of derive(); 5 (the Linux guest: any guest is
  modelled); ARCH_CAP_VIRTUAL_ENUM, which the series sets in every vCPU's IA32_ARCH_CAPABILITIES.
- Rebasing: the patches were for 6.1. What they touch is the same in 6.12 but for names of files.
- KVM_SET_MSRS of MITIGATION_ENUM and VIRTUAL_ENUMERATION: a migration carries both over, before all else.
- That 8/9 reads an uninitialised variable on processors without IA32_ARCH_CAPABILITIES.

Sources:
    [12678865020]  RFC 4/9, Virtualize Intel IA32_SPEC_CTRL
    [11975331336]  RFC 6/9, VIRTUAL_ENUMERATION
    [12464554461]  RFC 7/9, MITIGATION_ENUM and MITIGATION_CTRL, their numbers and their bits
    [12294312588]  RFC 8/9, vmx_set_msr's cases for both, and RRSBA
    [12406970145]  RFC 9/9, BHI
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from typing import cast

from specproof.models.elsewhere import say_where
from specproof.models.kvm import Vcpu, Vmcs, current, kvm_spec_ctrl_test_value, vm_exits, vmcs_write, vmx_disable_intercept_for_msr
from specproof.models.kvm_actions import created as kvm_created
from specproof.models.kvm_conduct import kvm_upstream
from specproof.models.registers import SPEC_CTRL, EnumValue, derive, recoded, reserved

from specproof import U64, Bool, Design, Word, field, ite, select, word
from specproof.models import kvm_nested as nested
from specproof.models import kvm_rfc_v2 as v2


class MaskedVcpu(Vcpu):
    """What v1 adds to struct vcpu_vmx."""

    spec_ctrl_mask: U64 = field("vmx->spec_ctrl_mask: bits that the guest must not toggle, and that are always set", source="[12678865020]",
                                bits=SPEC_CTRL)  # fmt: skip


#: The new helpers; `kvm_rfc_v1` below is these and the helpers that the patches change.
_new = cast(Design[MaskedVcpu], kvm_upstream.but("kvm-rfc-v1-helpers"))
_new.state = MaskedVcpu
_new.lacking.clear()  # what upstream cannot show is what the series adds


# 4/9.


@_new.function
def vmcs_write64_mask(s: MaskedVcpu) -> MaskedVcpu:
    """VMWRITE of the mask to the VMCS that is loaded, whether or not it holds it already. [12678865020]"""
    now = current(s)
    held = now.written & (now.mask == s.spec_ctrl_mask)
    return cast(MaskedVcpu, vmcs_write(s, mask=s.spec_ctrl_mask).replace(needless=s.needless | ite(held, ~word(0), 0)))


def vmx_get_msr_spec_ctrl(s: Vcpu) -> Word:
    """vmx_get_msr, case MSR_IA32_SPEC_CTRL: the shadow of the VMCS that is loaded. [12678865020]"""
    return ite(s.virtualized, current(s).shadow, s.spec_ctrl)


def vmx_set_msr_spec_ctrl(s: MaskedVcpu, data: Word) -> Vcpu:
    """vmx_set_msr, case MSR_IA32_SPEC_CTRL: masked bits are set where the processor has the control. [12678865020]"""
    tested = kvm_spec_ctrl_test_value(s, data | s.spec_ctrl_mask)
    plain = s.replace(spec_ctrl=data)
    new = select(s.virtualized, cast(MaskedVcpu, vmcs_write(plain, shadow=data)).replace(spec_ctrl=data | s.spec_ctrl_mask), plain)
    return select(tested.refused, tested, select(data == 0, new, cast(MaskedVcpu, vmx_disable_intercept_for_msr(new))))


def vmx_tertiary_exec_control(s: Vcpu, vmcs: Vmcs) -> Vmcs:
    """The control is optional: it is set where the processor has it, in vmcs01. [12678865020]"""
    return vmcs.replace(ipi_virt=True, spec_ctrl_virt=True)


def init_vmcs(s: MaskedVcpu) -> Vcpu:
    """At RESET only: both fields are written. [12678865020]"""
    wrote = vmcs_write64_mask(cast(MaskedVcpu, vmcs_write(s, shadow=word(0))))
    s = select(s.virtualized, wrote, s)
    return s.replace(vmcs01=nested.vmx_tertiary_exec_control(s, s.vmcs01).replace(written=True))


def vmx_vcpu_reset(s: MaskedVcpu, init_event: bool) -> Vcpu:
    """RESET and INIT: no bit is masked, the guest's value is 0, and so is MITIGATION_CTRL. [12678865020, 12294312588]"""
    if not init_event:
        s = cast(MaskedVcpu, nested.init_vmcs(s))
    none = vmcs_write64_mask(s.replace(spec_ctrl_mask=0))
    s = select(s.virtualized, cast(MaskedVcpu, vmcs_write(none, shadow=word(0))), s)
    return s.replace(mitigation_ctrl=0, spec_ctrl=0)


def vmx_vcpu_create(s: MaskedVcpu) -> Vcpu:
    """A zeroed struct vcpu_vmx. [LNX vmx.c; x86.c:kvm_arch_vcpu_create]"""
    return nested.vmx_vcpu_create.body(s.replace(spec_ctrl_mask=0))


# 6 to 9/9.


def vmx_set_msr_mitigation_ctrl(s: MaskedVcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """vmx_set_msr, case MSR_VIRTUAL_MITIGATION_CTRL. Not the guest but userspace needs the enumeration; no bit is ever taken back.

    Without the control the mask is dropped, with a line in the log, and the write succeeds. [12294312588, 12406970145]
    """
    refused = has_reserved | ~s.enumerates if host_initiated else has_reserved
    new = s.replace(spec_ctrl_mask=derive(ctrl, s.enforces))
    new = select(s.virtualized, vmcs_write64_mask(new), new.replace(spec_ctrl_mask=0))
    new = new.replace(spec_ctrl=new.spec_ctrl | new.spec_ctrl_mask, mitigation_ctrl=ctrl)
    return select(refused, s.replace(refused=True), new)


@_new.function
def vmx_set_msr_enumeration(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr by the guest, case MSR_VIRTUAL_ENUMERATION: only userspace is ever refused. [11975331336]"""
    return select((data & ~word(1)) != 0, s.replace(refused=True), s.replace(enumerates=data.bit(0)))


def vmx_set_msr_mitigation_enum(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr by the guest, case MSR_VIRTUAL_MITIGATION_ENUM: only userspace is ever refused. [12294312588]"""
    return select(reserved(data), s.replace(refused=True), s.replace(mitigation_enum=recoded(data)))


def guest_wrmsr_mitigation_enum(s: MaskedVcpu, data: EnumValue, enumeration: Bool) -> Vcpu:
    """L1 writes MITIGATION_ENUM or VIRTUAL_ENUMERATION. [11975331336, 12294312588]"""
    s = cast(MaskedVcpu, vm_exits(s))
    s = cast(MaskedVcpu, select(enumeration, vmx_set_msr_enumeration(s, data), vmx_set_msr_mitigation_enum(s, data)))
    return s.replace(guest_wrote_enum=True, by_l1=True)


def created(s: MaskedVcpu) -> Bool:
    """KVM_CREATE_VCPU has returned. [LNX x86.c]"""
    return kvm_created(s) & s.matches(spec_ctrl_mask=0)


kvm_rfc_v1 = _new.but(
    "kvm-rfc-v1",
    doc="RFC PATCH 4/9, x86/kvm/vmx: Virtualize Intel IA32_SPEC_CTRL, with 6 to 9/9, as posted in December 2022",
    initial=created,
    vmx_get_msr_spec_ctrl=vmx_get_msr_spec_ctrl,
    vmx_set_msr_spec_ctrl=vmx_set_msr_spec_ctrl,
    vmx_tertiary_exec_control=vmx_tertiary_exec_control,
    init_vmcs=init_vmcs,
    vmx_vcpu_reset=vmx_vcpu_reset,
    vmx_vcpu_create=vmx_vcpu_create,
    vmx_set_msr_mitigation_ctrl=vmx_set_msr_mitigation_ctrl,
    vmx_set_msr_mitigation_enum=vmx_set_msr_mitigation_enum,
    guest_wrmsr_mitigation_enum=guest_wrmsr_mitigation_enum,
    locked=v2.locked,
)
kvm_rfc_v1.reference = "kvm-reference"


# What claims can look at beyond kvm_views.py: v2's views, but for those that follow.

for _view in (
    v2.required_mask, v2.required_value, v2.derived_mask, v2.shadow, v2.mask_field, v2.other_shadow, v2.other_mask, v2.host_forces, v2.host_has,
    v2.host_needs, v2.control, v2.miswired, v2.needless_mask_write, v2.ctrl,
    v2.ctrl_promised, v2.ctrl_offered, v2.ctrl_visible, v2.policy_written, v2.ctrl_refused, v2.guest_wrote_ctrl, v2.asked_reserved,
    v2.guest_wrote_enum, v2.restore_ctrl_refused, v2.init_keeps_policy,
):  # fmt: skip
    kvm_rfc_v1.view(_view.body)

kvm_rfc_v1.lacks(
    chosen_mask=v2.NOBODY_CHOOSES,
    chosen_value=v2.NOBODY_CHOOSES,
    stale_cache="v1 keeps no copy of each VMCS's mask field; mask-sync compares the field with the required mask",
    cache="v1 keeps no copy of each VMCS's mask field",
    other_cache="v1 keeps no copy of each VMCS's mask field, and writes neither field of vmcs02",
    saved_guest_value="v1 keeps no copy of the shadow; what it returns for the guest's value is asked by userspace-view",
)


@kvm_rfc_v1.view
def applied_mask(s: MaskedVcpu) -> Word:
    """The mask by which KVM computes the effective value."""
    return s.spec_ctrl_mask


say_where(kvm_rfc_v1)
