"""What RESET and INIT leave, by the version's own contract.

Sources: [FACTS] facts about KVM, table 2.4: RFC v1 and v2 clear on both, v3 keeps the policy at INIT.
"""

from specproof.proofs.vocabulary import Machine

from specproof import Bool, implies, ite, step


@step("reset")
def reset(before: Machine, after: Machine) -> Bool:
    """RESET leaves the guest's value, the request and the mask at 0; INIT does too, or keeps the latter two by contract."""
    value = after.userspace_reads | after.believes
    cleared = after.ctrl | after.applied_mask | after.effective_next
    kept = (before.ctrl ^ after.ctrl) | (before.applied_mask ^ after.applied_mask)
    keeps = after.did_init & after.init_keeps_policy
    return implies(after.did_reset | after.did_init, (value | ite(keeps, kept, cleared)) == 0)
