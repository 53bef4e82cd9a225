"""Nesting, once and for all: what a design gives its guest is a register again, on which the same design can run.

L0 presents IA32_SPEC_CTRL to L1. These claims say that it is the architectural register, with L0's forced bits
as the only difference: a WRMSR is refused exactly where the processor would refuse it (F1), what was accepted
is what RDMSR returns until somebody who may sets another value (R1, R2), it crosses VM entry and VM exit of
L1's own guests unchanged (I11, I12), L1's wish to see its guest's writes is respected (N1), and what the
processor acts on is the register's value with L0's bits forced (R3).

**The induction.** Let level n-1 present to level n a register with the properties above, under a policy (M, V)
that is made of the policies of the levels below. Level n runs the design without the control, which no level
offers: every claim of the configuration `emulated` then holds of level n+1, because that proof uses nothing
of the processor but those properties: RDMSR and WRMSR and when they fault, exits by the MSR bitmap, MSR lists,
and that VM entry and exit leave the register alone. So level n presents the same kind of register to level
n+1, under the policy that composed-policy (L4) makes of (M, V) and its own. The base is level 0, on the
processor, with the control or without.

What follows at any depth: a bit that a level forces has that value for all levels above it, unless a level
below forces the same bit the other way (L5); and no guest at any level reads anything but what it wrote.

**What it rests on.** F1, R1 to R3, I11, I12 and N1, proved of kvm-reference and kvm-proposed in both
configurations; the claims of `emulated`, proved of the same; L4 and L5. And on the named assumptions, made of
every level: of the processor that VM entry does not load the register from the shadow and that no bit is above
31, of each level's software that its host's value is constant while interrupts are off and that it excludes
ioctls from a running vCPU. Timing, performance and what a level could measure of speculation are not spoken of.
That a level's policy changes at run time is covered: R2 holds across it, and R3 speaks of the policy as it is.
One thing the level below must not do then: unmask a bit that the processor lacks. The level above has seen it
accepted, and expects of its processor, as every host does, that what WRMSR accepts does not change.

models/kvm_two_levels.py runs two levels against each other, as a check: an L1 that emulates kvm-proposed for its
L2, on an L0 that virtualizes or emulates it; L2's machine has every bit that one of them forces.


Sources: [SDM] vol. 2, RDMSR and WRMSR; vol. 3C, 28.3. [FACTS] section 6 of the facts about KVM.
"""

from typing import Protocol

from specproof import U64, Bool, Word, implies, invariant, ite, lemma, step


class Machine(Protocol):
    """The views of a machine whose guest could be a hypervisor."""

    guest_runs: Bool
    settled: Bool
    restored: Bool  # the step completed a migration
    effective: Word
    guest_reads: Word
    believes: Word
    required_mask: Word
    required_value: Word
    guest_wrote: Bool  # the step: a WRMSR by L1 or L2
    operand: Word  # ... of this value
    refused: Bool  # ... or another access, which took #GP or an error


@step("virtual-wrmsr", id="R1")
def virtual_wrmsr(before: Machine, after: Machine) -> Bool:
    """What a WRMSR that is accepted wrote is what RDMSR returns next, every bit of it; one that is refused changes nothing. [SDM WRMSR]"""
    expected = ite(after.refused, before.guest_reads, after.operand)
    return implies(after.guest_wrote, after.guest_reads == expected)


@step("virtual-register-keeps", id="R2")
def virtual_register_keeps(before: Machine, after: Machine) -> Bool:
    """No bit of what RDMSR returns, or would return, changes but by an access that set it: of the guest, a list, userspace, RESET, INIT.

    Migrations are spoken of by I20.
    """
    set_anew = before.believes ^ after.believes
    return implies(before.settled & after.settled & ~after.restored, ((before.guest_reads ^ after.guest_reads) & ~set_anew) == 0)


@invariant("virtual-register-acts", id="R3")
def virtual_register_acts(v: Machine) -> Bool:
    """While the guest runs, the processor acts on what RDMSR returns to it, but for the bits that are forced. [FACTS]"""
    return implies(v.guest_runs, v.effective == (v.guest_reads & ~v.required_mask) | v.required_value)


@lemma("composed-policy", id="L4")
def composed_policy(value: U64, mask0: U64, value0: U64, mask1: U64, value1: U64) -> Bool:
    """Two levels that force bits are one: the lower level's bits win, and the value stays inside the mask."""
    inside = ((value0 & ~mask0) | (value1 & ~mask1)) == 0
    by_levels = (((value & ~mask1) | value1) & ~mask0) | value0
    mask, forced = mask0 | mask1, value0 | (value1 & ~mask0)
    return implies(inside, (by_levels == (value & ~mask) | forced) & ((forced & ~mask) == 0))


@lemma("forced-at-any-depth", id="L5")
def forced_at_any_depth(value: U64, mask0: U64, value0: U64, mask1: U64, value1: U64) -> Bool:
    """A bit that the upper level forces has its value unless the lower level forces the same bit to the other."""
    inside = ((value0 & ~mask0) | (value1 & ~mask1)) == 0
    acts_on = (((value & ~mask1) | value1) & ~mask0) | value0
    opposed = mask0 & (value0 ^ value1)
    return implies(inside, ((acts_on ^ value1) & mask1 & ~opposed) == 0)
