"""The guest, and userspace on its behalf, always read what was set last.

Sources: [FACTS] table 5 of the facts about KVM, I4, I5, I15, I27.
"""

from specproof.proofs.vocabulary import Machine

from specproof import Bool, implies, invariant, relation, step


@invariant("transparency", id="I4")
def transparency(v: Machine) -> Bool:
    """RDMSR returns what was set last, in L1 and in L2, passed through or intercepted."""
    return implies(v.guest_runs, v.rdmsr == v.believes)


@invariant("userspace-view", id="I5")
def userspace_view(v: Machine) -> Bool:
    """While the guest does not run, KVM_GET_MSRS returns what was set last and not the effective value."""
    return implies(~v.guest_runs & v.settled, v.userspace_reads == v.believes)


@relation("virtualized-equals-emulated", id="I15", left="virtualized", right="emulated")
def virtualized_equals_emulated(left: Machine, right: Machine) -> Bool:
    """A guest cannot tell by its reads, its effective value or a #GP whether the control exists or is emulated."""
    same = ((left.rdmsr ^ right.rdmsr) | (left.effective ^ right.effective)) == 0
    return implies(left.guest_runs & right.guest_runs, same & (left.refused == right.refused))


@step("no-spontaneous-change", id="I27")
def no_spontaneous_change(before: Machine, after: Machine) -> Bool:
    """An exit and the next entry with nothing about the MSRs in between change neither the effective value nor RDMSR."""
    return implies(after.reentered, ((before.effective ^ after.effective) | (before.rdmsr ^ after.rdmsr)) == 0)
