"""The hypervisor's copies, its caches and the VMCS fields agree with each other and with the policy.

Sources: [FACTS] table 5 of the facts about KVM, I6 to I9, I16, I23, I28.
"""

from specproof.proofs.vocabulary import Machine, wanted

from specproof import Bool, implies, invariant


@invariant("shadow-coherence", id="I6")
def shadow_coherence(v: Machine) -> Bool:
    """Before VM entry the current VMCS's shadow, KVM's copy and what the guest set are one value."""
    differ = (v.shadow ^ v.saved_guest_value) | (v.shadow ^ v.believes)
    return implies(v.virtualized & v.may_enter, differ == 0)


@invariant("cache-coherence", id="I7")
def cache_coherence(v: Machine) -> Bool:
    """The cached mask of every allocated VMCS is what its mask field holds."""
    return implies(v.virtualized, v.stale_cache == 0)


@invariant("mask-sync", id="I8")
def mask_sync(v: Machine) -> Bool:
    """Before VM entry the mask field of the current VMCS holds the required mask."""
    return implies(v.control & v.may_enter, v.mask_field == v.required_mask)


@invariant("effective-cache", id="I9")
def effective_cache(v: Machine) -> Bool:
    """KVM's copy of the effective value: as required before VM entry, and equal to the register after VM exit.

    Whether to restore the host's value is decided by that copy.
    """
    return (v.stale_at_exit == 0) & implies(v.may_enter, v.saved_effective == wanted(v))


@invariant("no-redundant-write", id="I16")
def no_redundant_write(v: Machine) -> Bool:
    """A mask field is written only where its value changes."""
    return v.needless_mask_write == 0


@invariant("control-wiring", id="I23")
def control_wiring(v: Machine) -> Bool:
    """vmcs01 has the control exactly where the processor does, and L2 runs with the control and without IPI virtualization."""
    return ~v.miswired


@invariant("elision-is-sound", id="I28")
def elision_is_sound(v: Machine) -> Bool:
    """A WRMSR that is skipped at VM entry would have changed nothing: the register has KVM's copy when the guest begins to run."""
    return v.wrong_at_entry == 0
