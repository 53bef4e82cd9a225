"""Required bits have their required values, and nothing else differs from what the guest set.

Sources: [FACTS] table 5 of the facts about KVM, I1 to I3, I18, I19, I25.
"""

from specproof.proofs.vocabulary import Machine, wanted

from specproof import Bool, implies, invariant, ite, step


@invariant("enforcement", id="I1")
def enforcement(v: Machine) -> Bool:
    """While the guest runs, L1 or L2, every required bit has its required value in the processor."""
    return implies(v.guest_runs, (v.effective & v.required_mask) == v.required_value)


@step("step-non-evasion", id="I2")
def step_non_evasion(before: Machine, after: Machine) -> Bool:
    """No WRMSR of the guest changes a required bit of the effective value."""
    return implies(after.guest_wrote, ((before.effective ^ after.effective) & before.required_mask) == 0)


@invariant("exactness", id="I3")
def exactness(v: Machine) -> Bool:
    """While the guest runs, the effective value is the guest's own but for the required bits."""
    return implies(v.guest_runs, v.effective == wanted(v))


@step("opt-out", id="I18")
def opt_out(before: Machine, after: Machine) -> Bool:
    """A bit that is no longer required goes back to what the guest set."""
    dropped = before.required_mask & ~after.required_mask
    return implies(after.policy_written & after.settled, (dropped & (after.effective_next ^ after.believes)) == 0)


@step("guest-owned-bit-survives", id="I19")
def guest_owned_bit_survives(before: Machine, after: Machine) -> Bool:
    """A required bit that the guest had set itself reads as set when the policy changes, and is set unless that forces it to 0."""
    own = before.required_mask & before.believes
    to_zero = after.required_mask & ~after.required_value
    return implies(after.policy_written & after.settled, (own & ~((after.effective_next | to_zero) & after.guest_reads)) == 0)


@step("support", id="I25")
def support(before: Machine, after: Machine) -> Bool:
    """The guest never runs with a bit that the host's processor faults on, and a refused access changes nothing.

    Nothing: neither the guest's value nor the effective one, nor whether the register is passed through to L1.
    """
    beyond = ite(after.guest_runs, after.effective & ~after.host_accepts, 0)
    read = ite(before.guest_runs, before.rdmsr, before.userspace_reads) ^ ite(after.guest_runs, after.rdmsr, after.userspace_reads)
    wrong = beyond | ite(after.refused, read | (before.effective_next ^ after.effective_next), 0)
    return implies(after.guest_runs | after.refused, (wrong == 0) & (~after.refused | (before.opened == after.opened)))
