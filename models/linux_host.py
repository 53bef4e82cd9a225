"""Linux on its own: the value that the host wants in IA32_SPEC_CTRL, the per-CPU copy of it, and when it is written.

KVM takes the per-CPU copy for what the register holds, so this is what KVM's models assume of the host.

Modelled: one CPU. `update_spec_ctrl`, which writes always; `update_spec_ctrl_cond`, which a context switch calls
and which does nothing where the copy has the value; suspend to RAM, which clears the register, and what
is restored on resume. Configurations: `immediate`, and `kernel-ibrs` (legacy IBRS on entry to the kernel),
where a context switch leaves the write to the return to user space.

**Not modelled**
- What the bits are for; boot before the first write; CPU hotplug, after which `update_spec_ctrl` runs again.
- Entries that interrupt an entry (paranoid entry), which save the register and restore it.

Sources:
    [BUGS]   Linux 6.12.117, arch/x86/kernel/cpu/bugs.c: update_spec_ctrl, update_spec_ctrl_cond
    [ENTRY]  arch/x86/entry/calling.h: IBRS_ENTER and IBRS_EXIT
    [K20]    66065157420c (2022): the register is among those that suspend saves and resume restores
"""

from specproof.models.elsewhere import say_where
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, field, frozen, ghost, ite, observed, word

IBRS = word(SPEC_CTRL.IBRS)


class Cpu(State):
    """One CPU."""

    kernel_ibrs: Bool = frozen("X86_FEATURE_KERNEL_IBRS: legacy IBRS, set on entry to the kernel", source="[BUGS]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[BUGS]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    current: U64 = field("x86_spec_ctrl_current of this CPU", source="[BUGS]", bits=SPEC_CTRL)
    user: Bool = field("user space runs")
    decided: U64 = ghost("the value that the kernel decided on last, for this CPU and its task", bits=SPEC_CTRL)
    resumed: Bool = observed("the step was a suspend and a resume")
    host_illegal: U64 = observed("bits that a WRMSR of the kernel set and the processor rejects", bits=SPEC_CTRL)


linux_host = Design("linux-host", Cpu, doc="Linux on its own: the value that KVM restores, and who keeps it true", vendor="Linux")
linux_host.setting("immediate", lambda s: ~s.kernel_ibrs)
linux_host.setting("kernel-ibrs", lambda s: s.kernel_ibrs)
linux_host.configure("immediate", "kernel-ibrs")
_NO_GUEST = "there is no guest in this design"
linux_host.lacks(guest_runs=_NO_GUEST, rdmsr=_NO_GUEST, believes=_NO_GUEST, required_mask=_NO_GUEST, virtualized=_NO_GUEST)


@linux_host.initial
def booted(s: Cpu) -> Bool:
    """The mitigations are chosen and written; the kernel runs. [BUGS]"""
    legal = (s.current & ~s.accepts) == 0
    return legal & s.matches(msr=s.current, decided=s.current, user=False) & (~s.kernel_ibrs | s.current.bit(0))


def wanted(s: Cpu, value: Word) -> Word:
    """A value that the kernel chooses: what the processor has, and IBRS where the kernel relies on it. [BUGS]"""
    return (value & s.accepts) | ite(s.kernel_ibrs, IBRS, 0)


@linux_host.function
def wrmsr(s: Cpu, value: Word) -> Cpu:
    """WRMSR."""
    return s.replace(msr=value, host_illegal=s.host_illegal | (value & ~s.accepts))


@linux_host.function
def update_spec_ctrl(s: Cpu, value: Word) -> Cpu:
    """The copy and the register. [BUGS]"""
    return wrmsr(s.replace(current=value), value)


@linux_host.function
def update_spec_ctrl_cond(s: Cpu, value: Word) -> Cpu:
    """Nothing where the copy has the value; with legacy IBRS the register waits for the return to user space. [BUGS]"""
    new = s.when(s.current != value, current=value)
    written = new.when(s.current != value, msr=value, host_illegal=value & ~s.accepts)
    return new.when(~s.kernel_ibrs, msr=written.msr, host_illegal=written.host_illegal)


@linux_host.action(by="kernel", guard=lambda s: ~s.user, source="arch/x86/kernel/cpu/bugs.c:update_spec_ctrl")
def mitigation_is_chosen(s: Cpu, value: U64) -> Cpu:
    """What all tasks run with changes: STIBP with SMT, or this CPU comes up. [BUGS]"""
    return update_spec_ctrl(s, wanted(s, value)).replace(decided=wanted(s, value))


@linux_host.action(by="kernel", guard=lambda s: ~s.user, source="arch/x86/kernel/cpu/bugs.c:update_spec_ctrl_cond")
def context_switch(s: Cpu, value: U64) -> Cpu:
    """A context switch, or prctl, to what a task is to run with. [BUGS]"""
    return update_spec_ctrl_cond(s, wanted(s, value)).replace(decided=wanted(s, value))


@linux_host.action(by="kernel", guard=lambda s: ~s.user, source="arch/x86/entry/calling.h:IBRS_EXIT")
def return_to_user(s: Cpu) -> Cpu:
    """With legacy IBRS, the copy without IBRS is written; else nothing. [ENTRY]"""
    value = s.current & ~IBRS
    return s.when(s.kernel_ibrs, msr=value, host_illegal=value & ~s.accepts).replace(user=True)


@linux_host.action(by="processor", guard=lambda s: s.user, source="arch/x86/entry/calling.h:IBRS_ENTER")
def enter_kernel(s: Cpu) -> Cpu:
    """With legacy IBRS, the copy is written; else nothing. [ENTRY]"""
    return s.when(s.kernel_ibrs, msr=s.current, host_illegal=s.current & ~s.accepts).replace(user=False)


@linux_host.function
def restore_processor_state(s: Cpu, saved: Word) -> Cpu:
    """Resume writes what suspend had read from the register. [K20]"""
    return wrmsr(s, saved)


@linux_host.action(by="platform", guard=lambda s: ~s.user, source="arch/x86/power/cpu.c")
def suspend_to_ram(s: Cpu) -> Cpu:
    """The register is lost; memory, and the copy in it, is not. [K20]"""
    return restore_processor_state(s.replace(msr=0), s.msr).replace(resumed=True)


@linux_host.view
def effective(s: Cpu) -> Word:
    """What the processor acts on."""
    return s.msr


@linux_host.view
def host_wants(s: Cpu) -> Word:
    """What the kernel decided last; user space runs without IBRS where that is for the kernel alone."""
    return ite(s.user & s.kernel_ibrs, s.decided & ~IBRS, s.decided)


@linux_host.view
def leaked(s: Cpu) -> Word:
    """Bits in which the CPU runs with something else."""
    return s.msr ^ host_wants(s)


@linux_host.view
def kernel_runs(s: Cpu) -> Bool:
    """The kernel runs."""
    return ~s.user


@linux_host.view
def kernel_needs(s: Cpu) -> Word:
    """Bits without which the kernel must not run: IBRS, where it relies on that."""
    return ite(s.kernel_ibrs, IBRS, 0)


@linux_host.view
def user_runs(s: Cpu) -> Bool:
    """User space runs."""
    return s.user


linux_host.shows("host_illegal", "resumed")
say_where(linux_host)
