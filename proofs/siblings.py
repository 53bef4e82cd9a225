"""A bit that several ask for: two registers of one thread, two threads of one core (P10).

Sources: [X09] Xen eda98ea870 (XSA-431): a core's SSBD was counted by writes and not by who wants it. [VIRT] AMD's
MSR_VIRT_SPEC_CTRL, by which a guest asks for SSBD where the register itself has no such bit for it.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant


class Machine(Protocol):
    """The views of a machine where a bit has several owners."""

    guest_runs: Bool
    effective: Word
    virt_wanted: Word  # SSBD, as last asked for by MSR_VIRT_SPEC_CTRL
    core_bit: Bool  # SSBD is in force on the core
    core_wanted: Bool  # a guest that is scheduled on one of its threads asks for it


@invariant("virt-ssbd-in-force", id="S1")
def virt_ssbd_in_force(v: Machine) -> Bool:
    """A guest that asked for SSBD by MSR_VIRT_SPEC_CTRL runs with it. [VIRT]"""
    return implies(v.guest_runs, (v.virt_wanted & ~v.effective) == 0)


@invariant("core-bit-while-wanted", id="S2")
def core_bit_while_wanted(v: Machine) -> Bool:
    """A core's SSBD is set while a guest on any of its threads wants it. [X09]"""
    return implies(v.core_wanted, v.core_bit)


@invariant("core-bit-only-while-wanted", id="S3")
def core_bit_only_while_wanted(v: Machine) -> Bool:
    """... and not set, at its cost, while none does. [X09]"""
    return implies(~v.core_wanted, ~v.core_bit)
