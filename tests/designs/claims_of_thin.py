"""The thin design again, as a user's own file with claims of its own: one of each kind, proved, refuted and vacuous."""

from typing import Any

from specproof import U64, Bool, implies, invariant, lemma, reachable, relation, step
from tests.designs import thin

mine = thin.thin.but("mine", doc="The thin design under another name")
mine.lacks(cache="there is no cache in the thin design")


@mine.view
def forgotten(s: Any) -> Bool:
    """The shadow has IBRS other than the guest wrote it, which happens nowhere."""
    return (s.believed ^ s.vmcs.shadow).bit(0)


broken = mine.but("broken", doc="Masks without forcing", effective_value=thin.does_not_force)


@invariant("forced", id="T1")
def forced(v: Any) -> Bool:
    """Masked bits are set while the guest runs."""
    return implies(v.guest_runs, (v.effective & v.required_mask) == v.required_mask)


@step("mask-written-on-change", id="T2")
def mask_written_on_change(before: Any, after: Any) -> Bool:
    """The mask field is written only when its value changes."""
    return implies(after.mask_written, before.required_mask != after.required_mask)


@step("value-stays", id="T3")
def value_stays(before: Any, after: Any) -> Bool:
    """What the processor acts on never changes in the guest."""
    return implies(before.guest_runs & after.guest_runs, before.effective == after.effective)


@relation("alike", left="virtualized", right="emulated", id="T4")
def alike(a: Any, b: Any) -> Bool:
    """Both configurations have one value in the register."""
    return (a.effective ^ b.effective) == 0


@reachable("guest-gets-to-run", id="T5")
def guest_gets_to_run(v: Any) -> Bool:
    """The guest runs at some time."""
    return v.guest_runs


@invariant("never-asked", id="T6")
def never_asked(v: Any) -> Bool:
    """Speaks of what happens nowhere."""
    return implies(v.forgotten, v.effective == 0)


@invariant("cached", id="T7")
def cached(v: Any) -> Bool:
    """Speaks of what this design does not have."""
    return v.cache == v.effective


@lemma("merging-is-forcing", id="T8")
def merging_is_forcing(cur: U64, value: U64, mask: U64) -> Bool:
    """Where the masked bits are set already, the processor's merge is the kernel's formula."""
    return implies((cur & mask) == mask, ((cur & mask) | (value & ~mask)) == (value | mask))


@lemma("merging-is-always-forcing", id="T9")
def merging_is_always_forcing(cur: U64, value: U64, mask: U64) -> Bool:
    """The same without its condition, which is wrong."""
    return ((cur & mask) | (value & ~mask)) == (value | mask)
