"""When a WRMSR faults, and what is left of it: accepted exactly when legal, refused without a trace (P4).

What the guest may write is said twice. Strictly, what its CPUID enumerates is legal and nothing else; that
is what the manual says of a processor, and what a hypervisor keeps only where it sees every write. As the
systems promise it, the processor decides: a write is refused exactly if it would set a bit that the hardware
rejects, in a bit that the write can reach.

Sources: [SDM] Intel SDM vol. 2, WRMSR; vol. 3C, 28.3. [K08], [K07] facts on KVM: Linux 6441fa6178f5, and the
pass-through of d28b387fb74d that no CPUID bit limits.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step


class Machine(Protocol):
    """The views of a machine whose guest writes IA32_SPEC_CTRL."""

    guest_runs: Bool
    effective: Word
    rdmsr: Word
    exits_on_write: Bool  # a WRMSR by the guest that runs exits
    guest_wrote: Bool  # the step: a WRMSR by the guest
    toolstack_refused: Bool  # the step: the hypervisor refused a value of the toolstack's
    operand: Word  # ... of this value, whoever wrote it
    refused: Bool  # ... or another access, which took #GP or an error
    host_accepts: Word  # bits that the processor accepts
    locked: Word  # bits that a guest's write does not reach
    has_msr: Bool  # the guest's CPUID says that the register exists
    offered: Word  # bits that the guest's CPUID enumerates
    host_illegal: Word  # the step: bits that the hypervisor's own WRMSR set and the processor rejects


@step("refused-as-the-processor-says", id="F1")
def refused_as_the_processor_says(before: Machine, after: Machine) -> Bool:
    """A guest's WRMSR that does not exit takes #GP exactly if it would set a bit that it reaches and the processor rejects. [SDM 28.3]"""
    illegal = after.operand & ~before.locked & ~before.host_accepts
    return implies(after.guest_wrote & ~before.exits_on_write, after.refused == (illegal != 0))


@step("refused-as-cpuid-says", id="F2")
def refused_as_cpuid_says(before: Machine, after: Machine) -> Bool:
    """A guest's WRMSR takes #GP exactly if it would set a bit that the guest's CPUID does not enumerate. [K07]"""
    return implies(after.guest_wrote, after.refused == ((after.operand & ~before.offered) != 0))


@step("refused-leaves-no-trace", id="F3")
def refused_leaves_no_trace(before: Machine, after: Machine) -> Bool:
    """A guest's WRMSR that takes #GP changes neither what the processor acts on nor what RDMSR returns."""
    changed = (before.effective ^ after.effective) | (before.rdmsr ^ after.rdmsr)
    return implies(after.guest_wrote & after.refused & before.guest_runs & after.guest_runs, changed == 0)


@invariant("host-write-never-faults", id="F4")
def host_write_never_faults(v: Machine) -> Bool:
    """No WRMSR that the hypervisor executes unprotected takes #GP, whatever guests and userspace asked for. [K08]"""
    return v.host_illegal == 0


@step("emulated-as-the-processor-says", id="F5")
def emulated_as_the_processor_says(before: Machine, after: Machine) -> Bool:
    """A guest's WRMSR that exits is refused exactly if the processor would refuse it, or if the guest has no such register."""
    illegal = (after.operand & ~before.locked & ~before.host_accepts) != 0
    return implies(after.guest_wrote & before.exits_on_write, after.refused == (illegal | ~before.has_msr))


@invariant("toolstack-refused-for-a-reason", id="F6")
def toolstack_refused_for_a_reason(v: Machine) -> Bool:
    """What the toolstack sets is refused only for a bit of it that the guest was not offered, or of a guest that was offered none."""
    return implies(v.toolstack_refused, (v.offered == 0) | ((v.operand & ~v.offered) != 0))
