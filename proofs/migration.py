"""A guest that was migrated finds its value and its protection on the destination, whatever the order of the ioctls.

Sources: [FACTS] table 5 of the facts about KVM, I20, I21.
"""

from specproof.proofs.vocabulary import Machine, wanted

from specproof import Bool, implies, step


@step("migration", id="I20")
def migration(before: Machine, after: Machine) -> Bool:
    """Once all is restored, the guest's value and request are the source's, and the mask is what this host derives."""
    values = (after.guest_reads ^ after.believes) | (after.effective_next ^ wanted(after))
    policy = (after.ctrl ^ after.ctrl_promised) | (after.applied_mask ^ after.required_mask)
    return implies(after.restored, (values | policy) == 0)


@step("migration-accept", id="I21")
def migration_accept(before: Machine, after: Machine) -> Bool:
    """The destination refuses the guest's value only for a bit that the guest set itself and this host does not have."""
    return implies(~before.settled, (after.restore_refused == 0) & ~after.restore_ctrl_refused)
