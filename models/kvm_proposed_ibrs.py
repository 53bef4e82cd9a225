"""kvm_proposed.py on a host with legacy IBRS in the kernel: why VM entry must write unconditionally there, its rule R11.

The mask locks what the register holds at VM entry. Where X86_FEATURE_KERNEL_IBRS is set, x86_spec_ctrl_current can be
ahead of the register (kvm_upstream_ibrs.py): if the effective value equals it, 6.12's entry code skips the WRMSR, and
the guest runs with what another task had in SSBD and STIBP, required or not, under the mask. This concerns emulation
on processors without enhanced IBRS, and the control where the host was booted with spectre_v2=ibrs.

`on_legacy_ibrs` is the design on such a host, with VM entry as in 6.12 or as R11 has it.

**Not modelled**: as in kvm_proposed.py; a host that is booted one way and a destination that is booted another.

Sources:
    [LNX]   Linux 6.12.117: arch/x86/kvm/vmx/; arch/x86/kernel/process.c, __speculation_ctrl_update; kernel/cpu/bugs.c
"""

from typing import Any

from specproof.models.elsewhere import say_where
from specproof.models.kvm import Vcpu, current, has_control, msr_write_intercepted, save_guest_spec_ctrl
from specproof.models.kvm_proposed import ProposedVcpu, kvm_proposed
from specproof.models.kvm_upstream_ibrs import IBRS, exit_and_reenter, host_changes, show_kernel
from specproof.models.registers import LOW_HALF

from specproof import U64, Bool, Design, select
from specproof.models import kvm_proposed as proposed


def vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """With KERNEL_IBRS the write is unconditional. [LNX vmx.c]"""
    s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
    s = s.replace(stale_at_exit=s.stale_at_exit | (s.spec_ctrl ^ s.msr), msr=s.host)
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


def vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """R11: the guest's value is written, whatever the copy says; then VMLAUNCH or VMRESUME. [LNX vmenter.S:__vmx_vcpu_run]"""
    s = s.replace(msr=s.spec_ctrl & LOW_HALF)
    s = s.replace(wrong_at_entry=s.wrong_at_entry | (s.msr ^ s.spec_ctrl))
    vmcs = current(s)
    return s.when(s.loads_shadow & has_control(s, vmcs), msr=(s.msr & vmcs.mask) | (vmcs.shadow & ~vmcs.mask))


def created(s: ProposedVcpu) -> Bool:
    """KVM_CREATE_VCPU has returned; the kernel runs with IBRS. [LNX x86.c, bugs.c]"""
    return proposed.created(s) & ((IBRS & ~s.host) == 0)


def migrate(s: ProposedVcpu, host: U64, accepts: U64) -> Vcpu:
    """To another host with legacy IBRS. [LNX x86.c]"""
    return proposed.migrate(s, host | IBRS, accepts | IBRS)


def on_legacy_ibrs(name: str, doc: str, **changes: Any) -> Design[ProposedVcpu]:
    """kvm_proposed.py on such a host, with `changes` made to it; without them VM entry is 6.12's."""
    return kvm_proposed.but(
        name, doc=doc, initial=created, migrate=migrate, vmx_spec_ctrl_restore_host=vmx_spec_ctrl_restore_host, host_changes=host_changes,
        exit_and_reenter=exit_and_reenter, **changes,
    )  # fmt: skip


kvm_proposed_ibrs = on_legacy_ibrs(
    "kvm-proposed-ibrs", "kvm-proposed on hosts with legacy IBRS in the kernel, where VM entry writes unconditionally", vmx_vcpu_run=vmx_vcpu_run,
)  # fmt: skip


show_kernel(kvm_proposed_ibrs)
say_where(kvm_proposed_ibrs)
