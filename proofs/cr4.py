"""What is promised of CR4 under guest/host masks and read shadows: the two equations of a bug of Xen's nested VMX, and
that what is asked for is checked.

Sources: [G06] Xen ef17e127c4, 2013. [G08] Linux 112e66017bff, 2023. [SDM] Intel SDM vol. 3C, 30.3: a VM exit saves guest state.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step


class Crs(Protocol):
    """The views of a design of CR4."""

    guest_runs: Bool
    effective: Word
    required_mask: Word
    in_nested_guest: Bool
    cr4_reads: Word
    cr4_promised: Word
    cr4_wanted: Word
    cr4_stored: Word  # L2's CR4 as an exit to L1 left it in vmcs12
    nested_entered: Bool  # the step: L1 launched L2, and it runs
    illegal_request: Word  # bits in which the CR4 that L1 asked for is not one that it may ask for


@invariant("cr4-read", id="CR1")
def cr4_read(v: Crs) -> Bool:
    """A guest reads what it wrote last; L2 reads L1's read shadow where L1 owns the bit. [G06]"""
    return implies(v.guest_runs, v.cr4_reads == v.cr4_promised)


@invariant("cr4-effective", id="CR2")
def cr4_effective(v: Crs) -> Bool:
    """Where L0 does not own the bit, the processor acts on what the guest wrote last; in L2 on L1's value where L1 owns it. [G06]"""
    return implies(v.guest_runs, ((v.effective ^ v.cr4_wanted) & ~v.required_mask) == 0)


@invariant("cr4-nested-effective", id="CR3")
def cr4_nested_effective(v: Crs) -> Bool:
    """The same, of L2 alone: no write of L2 changes a bit that L1 owns and L0 does not. [G06]"""
    return implies(v.guest_runs & v.in_nested_guest, ((v.effective ^ v.cr4_wanted) & ~v.required_mask) == 0)


@step("cr4-request-is-checked", id="CR4")
def cr4_request_is_checked(before: Crs, after: Crs) -> Bool:
    """L1 can enter an L2 only with a CR4 that is legal as it was asked for, not as L0's bits make it. [G08]"""
    return implies(after.nested_entered, after.illegal_request == 0)


@step("cr4-stored-at-exit", id="CR5")
def cr4_stored_at_exit(before: Crs, after: Crs) -> Bool:
    """An exit from L2 to L1 stores L2's CR4: L1's value where L1 owns the bit, else what L2 wrote, and none of L0's bits. [SDM 30.3, G06]"""
    return implies(before.in_nested_guest & ~after.in_nested_guest, (after.cr4_stored ^ before.cr4_wanted) == 0)
