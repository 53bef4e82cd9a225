"""What must exit: the merge of two levels, and what passing a register through gives away (P5).

Sources: [SDM] vol. 3C, 25.1.3 and 28.1.3. [K16] Linux 206587a9fb76, [X20] Xen c47984aabe: merges that opened
what a level had closed. [K07] a register that is passed through gives the guest every bit that the hardware has.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant


class Machine(Protocol):
    """The views of a machine that intercepts IA32_SPEC_CTRL, or does not."""

    guest_runs: Bool
    in_l2: Bool  # the guest that runs is L2
    exits_on_write: Bool  # a WRMSR by the guest that runs exits to L0
    l0_closed: Bool  # L0 asks for exits on L1's writes
    l1_closed: Bool  # L1 asks for exits on L2's writes
    has_msr: Bool  # the guest's CPUID says that the register exists
    host_accepts: Word  # bits that the processor accepts
    locked: Word  # bits that a guest's write does not reach
    offered: Word  # bits that the guest's CPUID enumerates


@invariant("merge-opens-nothing", id="N1")
def merge_opens_nothing(v: Machine) -> Bool:
    """While L2 runs, its WRMSR exits if either level asked for that. [K16, X20]"""
    return implies(v.guest_runs & v.in_l2 & (v.l0_closed | v.l1_closed), v.exits_on_write)


@invariant("open-means-present", id="N2")
def open_means_present(v: Machine) -> Bool:
    """The register is passed through only to a guest whose CPUID says that it exists."""
    return implies(v.guest_runs & ~v.exits_on_write, v.has_msr)


@invariant("open-means-contained", id="N3")
def open_means_contained(v: Machine) -> Bool:
    """The register is passed through only where every bit that a write reaches is one that CPUID enumerates. [K07]"""
    return implies(v.guest_runs & ~v.exits_on_write, (v.host_accepts & ~v.offered & ~v.locked) == 0)
