"""Order and interruption: what an NMI sees and leaves, and the write that is a barrier (P9).

Sources: [X01] Xen 81f0eaadf8: an NMI in the exit path clobbered the guest's value before it was saved.
[K05] Linux bea7e31a5cac: with legacy IBRS the act of writing IBRS=1 is the barrier, even where it is set already.
[PV] Xen's asm/spec_ctrl_asm.h, the shadowing of SPEC_CTRL.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step, word


class Machine(Protocol):
    """The views of a machine that is interrupted."""

    guest_runs: Bool
    effective: Word
    host_wants: Word
    leaked: Word  # bits in which the hypervisor's code runs with something else
    host_entered: Bool  # the step: the hypervisor runs again after a guest
    host_wrote: Bool  # ... and wrote the register for that
    in_nmi: Bool  # an NMI's handler runs
    nmi_returned: Bool  # the step: the handler returned to where the NMI struck
    saved_window: Bool  # a guest stopped, and its value is not saved yet
    next_saved: Word  # what will be saved for it
    believes: Word
    kernel_runs: Bool  # the host kernel runs
    kernel_needs: Word  # bits that it relies on
    user_runs: Bool  # user space of the host runs
    expected: Word  # what the interrupted code needs the register to hold


@step("barrier-write-at-exit", id="E1")
def barrier_write_at_exit(before: Machine, after: Machine) -> Bool:
    """Where the hypervisor runs with IBRS, it writes the register at every exit, though it may hold IBRS already. [K05]"""
    ibrs = (after.host_wants & word(0x1)) != 0
    return implies(after.host_entered & ibrs, after.host_wrote)


@step("host-value-after-exit", id="E7")
def host_value_after_exit(before: Machine, after: Machine) -> Bool:
    """When a guest stops, the hypervisor's code runs with the hypervisor's value; entries that fail are I10's business."""
    return implies(after.host_entered & before.guest_runs, after.leaked == 0)


@invariant("nmi-runs-protected", id="E2")
def nmi_runs_protected(v: Machine) -> Bool:
    """An NMI's handler runs with the value that the hypervisor wants, wherever it struck. [PV]"""
    return implies(v.in_nmi, (v.effective ^ v.host_wants) == 0)


@invariant("nmi-leaves-no-trace", id="E3")
def nmi_leaves_no_trace(v: Machine) -> Bool:
    """When it returns, the register is again what the interrupted code needs. [PV]"""
    return implies(v.nmi_returned, (v.effective ^ v.expected) == 0)


@invariant("saved-whatever-strikes", id="E4")
def saved_whatever_strikes(v: Machine) -> Bool:
    """Between a guest's stop and the save of its value, nothing that strikes changes what will be saved. [X01]"""
    return implies(v.saved_window, (v.next_saved ^ v.believes) == 0)


@invariant("kernel-runs-with-its-bits", id="E5")
def kernel_runs_with_its_bits(v: Machine) -> Bool:
    """The kernel never runs without the bits that it relies on, though a write of others may wait."""
    return implies(v.kernel_runs, (v.kernel_needs & ~v.effective) == 0)


@invariant("user-runs-with-its-value", id="E6")
def user_runs_with_its_value(v: Machine) -> Bool:
    """User space never runs with another value than the one decided for its task: what waited is written by then."""
    return implies(v.user_runs, (v.effective ^ v.host_wants) == 0)
