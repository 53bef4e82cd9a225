"""Where the processor lacks the control, an intercept stands in for it.

Sources: [FACTS] table 5 of the facts about KVM, I14.
"""

from specproof.proofs.vocabulary import Machine

from specproof import Bool, implies, invariant


@invariant("emulation-interlock", id="I14")
def emulation_interlock(v: Machine) -> Bool:
    """Without the control no bit is required of a guest that can read and write the register, L1 or L2."""
    return implies(v.guest_runs & ~v.virtualized & ~v.intercepted, v.required_mask == 0)
