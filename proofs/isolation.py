"""The host runs with its own value, and vCPUs do not touch each other's.

Sources: [FACTS] table 5 of the facts about KVM, I10, I24.
"""

from specproof.proofs.vocabulary import Machine

from specproof import Bool, implies, invariant, step


@invariant("host-isolation", id="I10")
def host_isolation(v: Machine) -> Bool:
    """The host never runs with a value that it does not want."""
    return v.leaked == 0


@step("host-value-is-its-own", id="J85")
def host_value_is_its_own(before: Machine, after: Machine) -> Bool:
    """What the host wants to run with is changed by the host alone: no guest, no exit or entry, no ioctl and no other vCPU puts a value there.

    An exit and the next entry may be on two CPUs, and a migration leads to another host: these want what they want.
    """
    hosts = after.host_chose | after.reentered | (before.settled & ~after.settled)
    return implies(~hosts, (before.host_wants ^ after.host_wants) == 0)


@step("vcpu-locality", id="I24")
def vcpu_locality(before: Machine, after: Machine) -> Bool:
    """What another vCPU writes changes neither this one's effective value nor its request, its mask or what it reads."""
    values = (before.effective_next ^ after.effective_next) | (before.guest_reads ^ after.guest_reads)
    policy = (before.ctrl ^ after.ctrl) | (before.applied_mask ^ after.applied_mask)
    return implies(after.other_vcpu, (values | policy) == 0)
