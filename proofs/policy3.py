"""Mask and value as userspace chooses them, and the two halves of forcing.

RFC v2 has a mask only, and all masked bits are 1. Since RFC v3 a bit can be forced to 0 too, so enforcement
(I1) has two halves that fail for different reasons; they are also claims of their own. And what userspace
chose for a VM is there after RESET, which the claim `reset`, made for v2's contract, does not expect: what v3
and later designs promise is C3.

Sources: [FACTS] table 5 of the facts about KVM, I1 and I22; RFC v3 01/10 [28923662257] and 09/10 [28172391746].
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, ite, step


class Machine(Protocol):
    """The views of a machine whose userspace chooses a mask and a value."""

    guest_runs: Bool
    effective: Word
    effective_next: Word
    userspace_reads: Word
    did_reset: Bool
    did_init: Bool
    required_mask: Word
    required_value: Word
    chosen_mask: Word  # what userspace chose and the hypervisor accepted
    chosen_value: Word  # ... the value that goes with it
    applied_mask: Word  # by what the hypervisor computes the effective value
    applied_value: Word  # ... the value that goes with it
    can_force_on: Word  # bits that the hypervisor says it can force to 1 on this host
    host_accepts: Word
    asked_mask: Word  # the step: the mask that userspace gave
    asked_value: Word  # ... with this value
    policy_refused: Bool  # ... which the hypervisor refused


@invariant("cap-well-formed", id="I22")
def cap_well_formed(v: Machine) -> Bool:
    """No value has a bit outside its mask or one that this host cannot set, and what userspace chose is applied as chosen."""
    outside = (v.chosen_value & ~v.chosen_mask) | (v.chosen_value & ~v.can_force_on) | (v.applied_value & ~v.applied_mask)
    overridden = (v.chosen_mask & ~v.applied_mask) | ((v.applied_value ^ v.chosen_value) & v.chosen_mask)
    return (outside | overridden) == 0


@invariant("choices-refused-for-a-reason", id="J87")
def choices_refused_for_a_reason(v: Machine) -> Bool:
    """Mask and value are refused only for a bit of the value outside the mask, or one that the guest would run with and this host does not accept."""
    runs_with = (v.userspace_reads & ~v.asked_mask) | v.asked_value
    return implies(v.policy_refused, ((v.asked_value & ~v.asked_mask) | (runs_with & ~v.host_accepts)) != 0)


@invariant("forced-to-one", id="C1")
def forced_to_one(v: Machine) -> Bool:
    """While the guest runs, every bit that must be 1 is 1 in the processor."""
    return implies(v.guest_runs, (v.required_value & ~v.effective) == 0)


@invariant("forced-to-zero", id="C2")
def forced_to_zero(v: Machine) -> Bool:
    """While the guest runs, every bit that must be 0 is 0 in the processor."""
    return implies(v.guest_runs, (v.effective & v.required_mask & ~v.required_value) == 0)


@step("reset-to-choice", id="C3")
def reset_to_choice(before: Machine, after: Machine) -> Bool:
    """RESET leaves what userspace chose and nothing else, INIT leaves mask and value alone; the guest's own value is 0 after both."""
    mask = ite(after.did_reset, after.chosen_mask, before.applied_mask)
    value = ite(after.did_reset, after.chosen_value, before.applied_value)
    wrong = after.userspace_reads | (after.applied_mask ^ mask) | (after.applied_value ^ value) | (after.effective_next ^ value)
    return implies(after.did_reset | after.did_init, wrong == 0)
