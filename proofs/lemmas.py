"""Facts about words alone: why an OR in software and a merge in hardware agree.

`current` is the register at the guest's WRMSR of `value`, `mask` the mask field, `forced` the value that
the masked bits must have.

Sources: [FACTS] table 5 of the facts about KVM, L1 to L3.
"""

from specproof import U64, Bool, implies, lemma


@lemma("merge-equals-or", id="L1")
def merge_equals_or(current: U64, value: U64, mask: U64) -> Bool:
    """Where all masked bits are set already, the processor's merge is KVM's OR."""
    return implies((current & mask) == mask, (current & mask) | (value & ~mask) == value | mask)


@lemma("merge-keeps-forced", id="L2")
def merge_keeps_forced(current: U64, value: U64, mask: U64, forced: U64) -> Bool:
    """Where the masked bits have their forced value, the merge is the guest's value with those bits replaced."""
    established = ((current & mask) == forced) & ((forced & ~mask) == 0)
    return implies(established, (current & mask) | (value & ~mask) == (value & ~mask) | forced)


@lemma("or-forces-ones-only", id="L3")
def or_forces_ones_only(value: U64, mask: U64, forced: U64) -> Bool:
    """An OR forces as a merge does except where a masked bit is forced to 0 and the guest sets it."""
    differ = (value | forced) ^ ((value & ~mask) | forced)
    return implies((forced & ~mask) == 0, differ == (value & mask & ~forced))
