"""Nothing is touched that the processor lacks (P8).

A VMWRITE to a field that does not exist fails, and a VM entry with a control that is not allowed fails: on
a processor without "virtualize IA32_SPEC_CTRL" both must never happen. [X06] Xen cd2df4561e, [T01] the TDX
module 1.5.01 and 1.5.05: both wrote the fields unconditionally once.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant


class Machine(Protocol):
    """The views of a machine that may have the control."""

    guest_runs: Bool
    has_control: Bool  # the processor allows the control and has its two fields
    touched_fields: Bool  # the step: a VMREAD or VMWRITE of the mask or the shadow
    control_on: Bool  # the guest that runs, runs with the control
    locked: Word  # bits that a guest's write does not reach
    host_accepts: Word  # bits that the processor accepts


@invariant("fields-exist", id="D1")
def fields_exist(v: Machine) -> Bool:
    """The mask and the shadow are read and written only on a processor that has them. [X06, T01]"""
    return implies(v.touched_fields, v.has_control)


@invariant("control-exists", id="D2")
def control_exists(v: Machine) -> Bool:
    """A guest runs with the control only on a processor that allows it. [T01]"""
    return implies(v.guest_runs & v.control_on, v.has_control)


@invariant("masked-bits-exist", id="D3")
def masked_bits_exist(v: Machine) -> Bool:
    """Only bits that the processor has are taken from the guest. [T01]"""
    return implies(v.guest_runs & v.control_on, (v.locked & ~v.host_accepts) == 0)
