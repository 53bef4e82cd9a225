"""What would correct RFC v3 with the control: three changes, and every finding about protection is gone. And 6.12 on hosts with legacy IBRS.

None of these is anybody's patch; each is the least change of the model that does it. They are what
kvm_proposed.py has as rules R1 to R3. The findings without the control have another cause (nothing is
forced there at all) and need kvm_proposed.py's R7 besides.
"""

from typing import cast

from specproof.models.kvm import Vcpu, vmcs_write
from specproof.models.kvm_rfc_v3 import ForcedVcpu, forced, kvm_rfc_v3
from specproof.models.kvm_upstream_ibrs import kvm_upstream_ibrs
from specproof.models.registers import LOW_HALF

from specproof import Bool, Repair, Word, select
from specproof.models import kvm_nested as nested
from specproof.models import kvm_rfc_v3 as v3


def vmx_set_spec_ctrl(s: ForcedVcpu, value: Word) -> ForcedVcpu:
    """01/10 with the masked bits cleared before the forced value is ORed in. [28923662257]"""
    there = cast(ForcedVcpu, vmcs_write(s, shadow=value).replace(guest_spec_ctrl=value, spec_ctrl=(value & ~s.force_mask) | s.force_value))
    return select(s.virtualized, there, s.replace(spec_ctrl=value))


def vmx_set_msr_mitigation_ctrl(s: ForcedVcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """09/10 with a VMWRITE of the new mask. [28172391746]"""
    new = v3.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return select(new.refused | ~s.virtualized, new, vmcs_write(new, mask=forced(new).force_mask))


def vmx_switch_vmcs(s: ForcedVcpu, to_vmcs02: bool) -> Vcpu:
    """03/10's writes of mask and shadow, where the VMCS is switched and not on some paths after that. [29135790071]"""
    s = forced(nested.vmx_switch_vmcs.body(s, to_vmcs02))
    return select(s.virtualized, vmcs_write(s, mask=s.force_mask, shadow=s.guest_spec_ctrl), s)


def vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """6.12's entry with a WRMSR that is not skipped. [LNX vmenter.S]"""
    return s.replace(msr=s.spec_ctrl & LOW_HALF)


REPAIRS: tuple[Repair, ...] = (
    Repair(
        kvm_rfc_v3, "virtualized",
        (
            "enforcement", "step-non-evasion", "exactness", "transparency", "userspace-view", "shadow-coherence", "mask-sync", "effective-cache",
            "host-isolation", "nested-continuity", "msr-list", "failed-entry", "opt-out", "guest-owned-bit-survives", "migration",
            "migration-accept", "support", "no-spontaneous-change", "elision-is-sound", "forced-to-one", "forced-to-zero",
            "virtual-register-keeps", "virtual-register-acts", "nothing-lost-at-exit", "host-write-never-faults", "refused-as-the-processor-says",
        ),
        kvm_rfc_v3.but(
            "kvm-rfc-v3-repaired", vmx_set_spec_ctrl=vmx_set_spec_ctrl, vmx_set_msr_mitigation_ctrl=vmx_set_msr_mitigation_ctrl,
            vmx_switch_vmcs=vmx_switch_vmcs,
        ),
        "Masked bits are cleared before the forced value is ORed in; a new mask is written to the VMCS; mask and shadow are written at every "
        "switch of VMCS.",
    ),
    Repair(
        kvm_upstream_ibrs, "emulated",
        (
            "transparency", "userspace-view", "nested-continuity", "support", "no-spontaneous-change", "elision-is-sound", "virtual-register-keeps",
            "refused-leaves-no-trace",
        ),
        kvm_upstream_ibrs.but("kvm-upstream-ibrs-writes", vmx_vcpu_run=vmx_vcpu_run),
        "With KERNEL_IBRS VM entry writes the guest's value unconditionally, as VM exit writes the host's.",
    ),
)  # fmt: skip
