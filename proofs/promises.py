"""What systems promise where a claim above is stricter: the same, of the bits that the guest's CPUID enumerates.

A bit that a guest was told does not exist is reserved to it. A processor would refuse it; a system that
hides a bit by the mask accepts it without a fault, and may forget it later. So I4, I5, I11 and W1 are
stated twice, of all bits and of those that were offered.

Sources: [TDX] Intel's TDX module, virt_msr_helpers.h: a hidden bit reads 0 after the next entry from outside.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step


class Machine(Protocol):
    """The views of a machine that hides bits from its guest."""

    guest_runs: Bool
    settled: Bool
    offered: Word  # bits that the guest's CPUID enumerates
    rdmsr: Word
    guest_reads: Word
    userspace_reads: Word
    saved_guest_value: Word
    effective_next: Word
    believes: Word
    required_mask: Word  # bits that are forced
    guest_wrote: Bool
    copied: Bool
    changed_level: Bool
    list_loaded: Bool
    effective: Word
    reentered: Bool
    did_init: Bool


@invariant("transparency-where-offered", id="O1")
def transparency_where_offered(v: Machine) -> Bool:
    """Of the bits that the guest was offered, RDMSR returns what was set last. [TDX]"""
    return implies(v.guest_runs, ((v.rdmsr ^ v.believes) & v.offered) == 0)


@invariant("userspace-view-where-offered", id="O2")
def userspace_view_where_offered(v: Machine) -> Bool:
    """Of the bits that the guest was offered, userspace is told what was set last. [TDX]"""
    return implies(~v.guest_runs & v.settled, ((v.userspace_reads ^ v.believes) & v.offered) == 0)


@step("continuity-where-offered", id="O3")
def continuity_where_offered(before: Machine, after: Machine) -> Bool:
    """Of the bits that the guest was offered, none is read otherwise on the other side of a nested entry or exit. [TDX]"""
    values = (before.effective_next ^ after.effective_next) | (before.guest_reads ^ after.guest_reads)
    return implies(after.changed_level & ~after.list_loaded, (values & after.offered) == 0)


@step("copies-where-offered", id="O4")
def copies_where_offered(before: Machine, after: Machine) -> Bool:
    """Of the bits that the guest was offered, what is saved when it stops is what it would have read. [TDX]"""
    return implies(after.copied & before.guest_runs & ~after.guest_wrote, ((after.saved_guest_value ^ before.rdmsr) & after.offered) == 0)


@step("nothing-lost-at-exit", id="O5")
def nothing_lost_at_exit(before: Machine, after: Machine) -> Bool:
    """An exit and the next entry lose no bit that the guest set and nobody forces, and it reads what it read, though the host's value may change."""
    lost = (before.rdmsr ^ after.rdmsr) | (after.believes & ~after.effective & ~after.required_mask)
    return implies(after.reentered, lost == 0)


@step("init-clears-the-value", id="O6")
def init_clears_the_value(before: Machine, after: Machine) -> Bool:
    """INIT leaves the guest with 0 in the register, as KVM's reset code sets it."""
    return implies(after.did_init, after.guest_reads == 0)
