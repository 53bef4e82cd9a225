"""Two ways of one system, that are meant to look alike to the guest.

Sources: [XEN] the commit that moved the guest's value from the MSR lists to the shadow, Xen 97c5b8b657. [LNX]
KVM/SVM with V_SPEC_CTRL and without.
"""

from typing import Protocol

from specproof import Bool, Word, implies, relation


class Machine(Protocol):
    """The views that are compared."""

    guest_runs: Bool
    rdmsr: Word
    effective: Word
    host_wants: Word
    required_mask: Word
    refused: Bool


@relation("lists-equal-control", id="A1", left="load-lists", right="virtualized")
def lists_equal_control(left: Machine, right: Machine) -> Bool:
    """Whether lists switch the value or the shadow holds it, the guest reads the same and runs with the same but for forced bits. [XEN]"""
    differ = (left.rdmsr ^ right.rdmsr) | ((left.effective ^ right.effective) & ~right.required_mask)
    return implies(left.guest_runs & right.guest_runs, (differ == 0) & (left.refused == right.refused))


@relation("lists-equal-control-that-loads", id="A2", left="load-lists", right="virtualized-entry-loads")
def lists_equal_control_that_loads(left: Machine, right: Machine) -> Bool:
    """The same, if VM entry loads the register from the shadow. [XEN]"""
    differ = (left.rdmsr ^ right.rdmsr) | ((left.effective ^ right.effective) & ~right.required_mask)
    return implies(left.guest_runs & right.guest_runs, (differ == 0) & (left.refused == right.refused))


@relation("swapped-equals-ored", id="A3", left="swapped", right="v-spec-ctrl")
def swapped_equals_ored(left: Machine, right: Machine) -> Bool:
    """Whether KVM swaps the register or the processor has two, the guest reads the same and runs with the same but for the host's bits. [LNX]"""
    differ = (left.rdmsr ^ right.rdmsr) | ((left.effective ^ right.effective) & ~right.host_wants)
    return implies(left.guest_runs & right.guest_runs, (differ == 0) & (left.refused == right.refused))
