"""One register for L1 and L2: it crosses nested entry and exit unchanged but for the MSR-load lists.

Sources: [FACTS] table 5 of the facts about KVM, I11 to I13.
"""

from specproof.proofs.vocabulary import Machine, wanted

from specproof import Bool, implies, step


@step("nested-continuity", id="I11")
def nested_continuity(before: Machine, after: Machine) -> Bool:
    """Going from L1 to L2 or back changes neither the effective value nor what is read."""
    values = (before.effective_next ^ after.effective_next) | (before.guest_reads ^ after.guest_reads)
    return implies(after.changed_level & ~after.list_loaded, values == 0)


@step("msr-list", id="I12")
def msr_list(before: Machine, after: Machine) -> Bool:
    """A value that an MSR-load list sets is the guest's from then on, under the policy; a store list gets the guest's value."""
    loaded = (after.guest_reads ^ after.believes) | (after.effective_next ^ wanted(after))
    return implies(after.list_loaded, loaded == 0) & (after.stored_wrong == 0)


@step("failed-entry", id="I13")
def failed_entry(before: Machine, after: Machine) -> Bool:
    """After a nested entry that failed, early or late, L1 has the register as the list left it so far."""
    left = (after.guest_reads ^ after.believes) | (after.effective_next ^ wanted(after))
    return implies(after.entry_failed, left == 0)
