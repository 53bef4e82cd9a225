"""KVM/VMX as of Linux 6.12, continued: who acts, and where in a nested transition the vCPU is, for proofs/conduct.py and
its neighbours.

What is modelled, what is not, and the sources are in the header of kvm.py. This file is the last of the
design: whoever builds on it imports `kvm_upstream` from here.
"""

from specproof.models.elsewhere import say_where
from specproof.models.kvm import Vcpu
from specproof.models.kvm_views import kvm_upstream

from specproof import Bool, Word

__all__ = ["kvm_upstream"]


@kvm_upstream.view
def refused_bits(s: Vcpu) -> Word:
    """Bits of a value for which KVM refused it in this step."""
    return s.refused_bits


@kvm_upstream.view
def guest_read(s: Vcpu) -> Bool:
    """The step was an RDMSR of IA32_SPEC_CTRL by L1 or L2."""
    return s.guest_read


@kvm_upstream.view
def userspace_read(s: Vcpu) -> Bool:
    """The step was KVM_GET_MSRS of IA32_SPEC_CTRL."""
    return s.userspace_read


@kvm_upstream.view
def userspace_wrote(s: Vcpu) -> Bool:
    """The step was KVM_SET_MSRS of IA32_SPEC_CTRL."""
    return s.userspace_wrote


@kvm_upstream.view
def value_read(s: Vcpu) -> Word:
    """... which returned this value."""
    return s.read


@kvm_upstream.view
def by_l1(s: Vcpu) -> Bool:
    """The step was an instruction of L1."""
    return s.by_l1


@kvm_upstream.view
def by_l2(s: Vcpu) -> Bool:
    """The step was an instruction of L2."""
    return s.by_l2


@kvm_upstream.view
def by_userspace(s: Vcpu) -> Bool:
    """The step was an ioctl, other than those that restore a migrated vCPU."""
    return s.by_userspace


@kvm_upstream.view
def asked_untold(s: Vcpu) -> Bool:
    """The step was the guest's request for a bit that it was not told of."""
    return s.asked_untold


@kvm_upstream.view
def entering(s: Vcpu) -> Bool:
    """A nested entry processes L1's VM-entry MSR-load list."""
    return s.entering


@kvm_upstream.view
def leaving(s: Vcpu) -> Bool:
    """A nested exit processes L1's VM-exit MSR-load list."""
    return s.leaving


@kvm_upstream.view
def list_entry(s: Vcpu) -> Bool:
    """The step was an entry of such a list."""
    return s.list_entry


@kvm_upstream.view
def other_msr(s: Vcpu) -> Bool:
    """... for another MSR than IA32_SPEC_CTRL and MITIGATION_CTRL."""
    return s.other_msr


@kvm_upstream.view
def list_wrote(s: Vcpu) -> Bool:
    """... for IA32_SPEC_CTRL."""
    return s.list_entry & ~s.other_msr & ~s.guest_wrote_ctrl


@kvm_upstream.view
def list_ended(s: Vcpu) -> Bool:
    """The step was the end of such a list."""
    return s.list_ended


@kvm_upstream.view
def early_check(s: Vcpu) -> Bool:
    """KVM asks the processor to enter vmcs02 before it processes the list: nested_early_check."""
    return s.early_check


@kvm_upstream.view
def merged(s: Vcpu) -> Bool:
    """The step merged L1's bitmap into that with which L2 runs."""
    return s.merged


@kvm_upstream.view
def l1_asked(s: Vcpu) -> Bool:
    """... and L1's asks for exits of WRMSR to IA32_SPEC_CTRL."""
    return s.l1_asked


@kvm_upstream.view
def merge_pending(s: Vcpu) -> Bool:
    """The bitmaps are merged before the next VM entry."""
    return s.pages_pending


@kvm_upstream.view
def set_up(s: Vcpu) -> Bool:
    """vmcs02 is allocated, and KVM has written its constant fields since."""
    return s.vmxon & s.vmcs02.written


@kvm_upstream.view
def vmx_operation(s: Vcpu) -> Bool:
    """L1 is in VMX operation, or was when the SMI came."""
    return s.vmxon


@kvm_upstream.view
def vmx_on(s: Vcpu) -> Bool:
    """The step put L1 into VMX operation."""
    return s.vmx_on


@kvm_upstream.view
def vmx_off(s: Vcpu) -> Bool:
    """The step took L1 out of VMX operation."""
    return s.vmx_off


@kvm_upstream.view
def in_smm(s: Vcpu) -> Bool:
    """L1 is in system management mode."""
    return s.smm


@kvm_upstream.view
def smi(s: Vcpu) -> Bool:
    """The step was an SMI."""
    return s.smi


@kvm_upstream.view
def smi_in_l2(s: Vcpu) -> Bool:
    """L1 is in system management mode, and the SMI came while L2 was current."""
    return s.smm & s.smm_guest_mode


@kvm_upstream.view
def nested_to_come(s: Vcpu) -> Bool:
    """A migration: KVM_SET_NESTED_STATE is still to come."""
    return s.todo_nested


@kvm_upstream.view
def saved_vmx_operation(s: Vcpu) -> Bool:
    """A migration: by what KVM_GET_NESTED_STATE gave and KVM_SET_NESTED_STATE is still to take, L1 is in VMX operation."""
    return s.todo_nested & s.image_vmxon


@kvm_upstream.view
def saved_in_l2(s: Vcpu) -> Bool:
    """A migration: by what KVM_GET_NESTED_STATE gave and KVM_SET_NESTED_STATE is still to take, L2 is current."""
    return s.todo_nested & s.image_guest_mode


@kvm_upstream.view
def rsm(s: Vcpu) -> Bool:
    """The step was RSM."""
    return s.rsm


say_where(kvm_upstream)
