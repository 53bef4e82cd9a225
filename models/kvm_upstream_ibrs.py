"""KVM/VMX as of Linux 6.12 on a host with legacy IBRS: kvm.py where X86_FEATURE_KERNEL_IBRS is set (spectre_v2=ibrs, retbleed=ibrs).

The kernel sets IBRS when it is entered and clears it when it leaves for user space, so two things differ. VM exit writes
the register unconditionally, because the write is the barrier. And a context switch to a task with other bits (SSBD,
STIBP) changes the per-CPU copy, x86_spec_ctrl_current, and leaves the write to the return to user space: while a vCPU's
thread runs in the kernel, the register may hold what the thread before it wanted. KVM compares the guest's value with
the copy.

Modelled: what kvm.py models; the host's value always has IBRS; `late`: the host's value changes and the write waits. A
system call, a return to user space or a VM exit writes it in the end; the model lets that happen at any later time.

Intel only, by the kernel's choice or by spectre_v2=ibrs, which sets KERNEL_IBRS on processors with enhanced IBRS too,
with a warning: so a host with the control may be one of these. kvm_proposed_ibrs.py has what that means for it.

**Not modelled**: as in kvm.py.

Sources:
    [LNX]   Linux 6.12.117: arch/x86/kvm/vmx/; arch/x86/kernel/process.c, __speculation_ctrl_update; kernel/cpu/bugs.c
    [K05]   bea7e31a5cac (2022), text in [44681690369]: the write at VM exit is unconditional with KERNEL_IBRS
"""

from typing import Any, cast

from specproof.models.elsewhere import say_where
from specproof.models.kvm import Vcpu, msr_write_intercepted, save_guest_spec_ctrl, vm_enters, vm_exits
from specproof.models.kvm_actions import created as kvm_created
from specproof.models.kvm_conduct import kvm_upstream
from specproof.models.kvm_transitions import migrate as kvm_migrate
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, Word, disj, ite, observed, select, word

IBRS = word(SPEC_CTRL.IBRS)

#: What a context switch changes: the bits that belong to a task. [LNX process.c:__speculation_ctrl_update]
OF_TASK = word(SPEC_CTRL.STIBP | SPEC_CTRL.SSBD)


class KernelIbrsVcpu(Vcpu):
    """What is seen of the write at VM exit."""

    host_entered: Bool = observed("the guest that ran has exited")
    host_wrote: Bool = observed("... and the register was written")


def restore_host(s: Vcpu, always: Bool) -> Vcpu:
    """vmx_spec_ctrl_restore_host(), and what is seen of it. [LNX vmx.c]"""
    s = cast(KernelIbrsVcpu, select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s)))
    s = s.replace(stale_at_exit=s.stale_at_exit | (s.spec_ctrl ^ s.msr))
    s = s.when(always | (s.spec_ctrl != s.host), msr=s.host, host_wrote=True).replace(host_entered=True)
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


def vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """With KERNEL_IBRS the write is unconditional. [LNX vmx.c, K05]"""
    return restore_host(s, ~disj(()))


def host_wants(s: Vcpu, value: Word, late: Bool) -> Vcpu:
    """The host's wish changes, always with IBRS; of a context switch only a task's bits, and the write waits. [LNX bugs.c]"""
    value = value & s.accepts
    s = s.replace(host=ite(late, (s.host & ~OF_TASK) | (value & OF_TASK), value | IBRS))
    return s.when(~s.running & ~late, msr=s.host)


def created(s: Vcpu) -> Bool:
    """KVM_CREATE_VCPU has returned; the kernel runs with IBRS. [LNX bugs.c]"""
    return kvm_created(s) & ((IBRS & ~s.host) == 0)


def host_changes(s: Vcpu, value: U64, late: Bool) -> Vcpu:
    """The host's wish changes, at once or by a context switch. [LNX bugs.c:update_spec_ctrl, update_spec_ctrl_cond]"""
    return host_wants(s, value, late).replace(host_chose=True)


def exit_and_reenter(s: Vcpu, host: U64, late: Bool) -> Vcpu:
    """An exit, perhaps a preemption with other tasks in between, and the next entry. [LNX vmx.c, process.c]"""
    return vm_enters(host_wants(vm_exits(s), host, late)).replace(reentered=True)


def migrate(s: Vcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    """To another host with legacy IBRS. [LNX x86.c]"""
    return kvm_migrate(s, host | IBRS, accepts | IBRS, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no)


def show_kernel(design: Design[Any]) -> None:
    """Gives a design on such a host the views of the host's own kernel. [LNX bugs.c]"""

    @design.view
    def kernel_runs(s: Vcpu) -> Bool:
        """The kernel runs: the vCPU is KVM's or userspace's, and its ioctls are the kernel's."""
        return ~s.running

    @design.view
    def kernel_needs(s: Vcpu) -> Word:
        """Bits without which the kernel must not run."""
        return IBRS

    design.lacks(user_runs="what user space runs with is asked of linux-host")


kvm_upstream_ibrs = cast(Design[KernelIbrsVcpu], kvm_upstream.but(
    "kvm-upstream-ibrs",
    doc="KVM/VMX as of Linux 6.12 on hosts with legacy IBRS in the kernel",
    initial=created,
    vmx_spec_ctrl_restore_host=vmx_spec_ctrl_restore_host,
    host_changes=host_changes,
    exit_and_reenter=exit_and_reenter,
    migrate=migrate,
))  # fmt: skip
kvm_upstream_ibrs.state = KernelIbrsVcpu
del kvm_upstream_ibrs.settings["virtualized"]  # KVM without the series does not look at the control
kvm_upstream_ibrs.configure("emulated")
kvm_upstream_ibrs.shows("host_entered", "host_wrote")


show_kernel(kvm_upstream_ibrs)
say_where(kvm_upstream_ibrs)
