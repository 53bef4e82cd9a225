"""The mask is what the guest's request asks for on this host, and who may ask for what.

Sources: [FACTS] table 5 of the facts about KVM, I17, I26.
"""

from specproof.proofs.vocabulary import Machine

from specproof import Bool, implies, invariant, ite, step


@invariant("policy-coupling", id="I17")
def policy_coupling(v: Machine) -> Bool:
    """The mask that is applied always follows from the request that is stored, and from this host."""
    return v.applied_mask == v.derived_mask


@step("virtual-msr-access", id="I26")
def virtual_msr_access(before: Machine, after: Machine) -> Bool:
    """The guest sets only those bits of its request that it was told of, and nothing else about it.

    A write that is refused changes nothing, one with a bit unknown to KVM is refused, and the registers
    that tell the guest are read-only to it.
    """
    request = ite(after.ctrl_refused, before.ctrl ^ after.ctrl, ite(after.guest_wrote_ctrl, after.ctrl & ~after.ctrl_offered, 0))
    told = ite(after.guest_wrote_enum, before.ctrl_offered ^ after.ctrl_offered, 0)
    allowed = ~after.asked_reserved & after.ctrl_visible
    accepted = after.guest_wrote_ctrl & ~after.ctrl_refused
    return implies(after.guest_wrote_ctrl | after.guest_wrote_enum, ((request | told) == 0) & (~accepted | allowed))


@step("offer-stays-as-chosen", id="J88")
def offer_stays_as_chosen(before: Machine, after: Machine) -> Bool:
    """What the guest is told that it can ask for stays as userspace chose it before the vCPU ran: no access, no INIT, no other vCPU changes it.

    A new vCPU and the destination of a migration are given the same again.
    """
    return ((before.ctrl_offered ^ after.ctrl_offered) == 0) & (before.ctrl_visible == after.ctrl_visible)
