"""The words in which claims about hypervisors are written: what a design lets a claim see.

A design offers each word as a view of the same name, or says why it cannot; a claim that needs a view that
a design lacks is not asked of it. Words about a step ("the step was ...") are false, or 0, in between.
"""

from typing import Protocol

from specproof import Bool, Word


class Machine(Protocol):
    """One vCPU, the processor that it is on, and the host."""

    # Who runs.
    guest_runs: Bool  # L1 or L2 runs on the processor
    may_enter: Bool  # the hypervisor has the vCPU and could enter the guest next
    settled: Bool  # no migration is under way
    in_l2: Bool  # L2 is current
    virtualized: Bool  # the processor has the control

    # The register.
    effective: Word  # what the processor acts on
    effective_next: Word  # the same, or what it will be once the guest runs again
    host_wants: Word  # the value that the host wants to run with
    host_accepts: Word  # bits that a WRMSR on this host's processor accepts
    leaked: Word  # bits in which the processor differs from what the host wants, now or after an exit in the step

    # What the guest is told.
    believes: Word  # what the guest, or userspace for it, set last and saw accepted
    rdmsr: Word  # what RDMSR would return to the guest that runs
    userspace_reads: Word  # what userspace would be told of the guest's value
    guest_reads: Word  # what RDMSR returns, or would return if the guest ran now

    # The policy.
    required_mask: Word  # bits that must have a certain value while the guest runs
    required_value: Word  # ... and this value
    applied_mask: Word  # the mask by which the hypervisor computes the effective value
    derived_mask: Word  # the mask that follows from what it stores of the guest's request
    ctrl: Word  # the guest's request as it is stored (MITIGATION_CTRL, recoded)
    ctrl_promised: Word  # ... as it was last accepted
    ctrl_offered: Word  # ... of which the guest is told these bits (MITIGATION_ENUM)
    ctrl_visible: Bool  # the guest is told of the register at all
    init_keeps_policy: Bool  # the version's contract: INIT keeps the request and the mask

    # The hypervisor's copies and controls.
    saved_effective: Word  # its copy of the effective value
    saved_guest_value: Word  # its copy of the guest's value
    shadow: Word  # the shadow field of the current VMCS
    mask_field: Word  # the mask field of the current VMCS
    control: Bool  # the current VMCS has the control set
    stale_cache: Word  # bits in which the cache of an allocated VMCS differs from its mask field
    intercepted: Bool  # reads and writes exit from the current VMCS, and not only because L1 asks for it
    opened: Bool  # the hypervisor passes the register through to L1
    miswired: Bool  # a VMCS lacks the control though it should have it, or vmcs02 has one that L2 must not have

    # What the step did.
    guest_wrote: Bool  # a WRMSR of IA32_SPEC_CTRL by L1 or L2
    refused: Bool  # an access that was refused
    list_loaded: Bool  # an MSR-load list set IA32_SPEC_CTRL
    stored_wrong: Word  # bits in which an MSR-store list got another value than the guest's
    changed_level: Bool  # went from L1 to L2 or back, or tried to
    entry_failed: Bool  # a nested entry failed
    reentered: Bool  # an exit and the next entry, with nothing about the MSRs in between
    stale_at_exit: Word  # bits in which something else than the register was compared with the host's value at an exit
    wrong_at_entry: Word  # bits in which the register differed from the hypervisor's copy after a VM entry
    needless_mask_write: Word  # bits for whose sake a mask field was written that held them already
    policy_written: Bool  # an accepted write of the guest's request, by the guest or by userspace
    guest_wrote_ctrl: Bool  # a write of the request by the guest
    ctrl_refused: Bool  # ... that was refused
    asked_reserved: Bool  # ... with a bit that the hypervisor does not know
    guest_wrote_enum: Bool  # a write by the guest of what tells it of the request
    restored: Bool  # completed a migration
    restore_refused: Word  # bits, not the guest's own, for which the destination of a migration refused its value
    restore_ctrl_refused: Bool  # the destination of a migration refused the guest's request
    did_reset: Bool  # RESET
    did_init: Bool  # INIT
    host_chose: Bool  # the host changed its own value, other than between an exit and the next entry
    other_vcpu: Bool  # another vCPU did something


def wanted(v: Machine) -> Word:
    """The effective value that the guest's value and the policy make: required bits as required, all others the guest's."""
    return (v.believes & ~v.required_mask) | v.required_value
