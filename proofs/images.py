"""What is saved can be restored, and is what the guest had of the bits that it was offered (P7).

Sources: [X02] Xen 969a57f73f: a guest that set a bit outside its policy could not be restored; since then such
bits are cleared when the guest is saved. [X04] Xen 0d251a1dd1: a register that was saved and could not be loaded.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step


class Machine(Protocol):
    """The views of a machine whose guests are saved and restored."""

    migrated: Bool  # the step: saved and restored on another host
    image_refused: Word  # ... bits for which the restore refused what was saved
    offered: Word  # bits that the guest's CPUID enumerates
    guest_reads: Word
    believes: Word


@invariant("what-is-saved-loads", id="M1")
def what_is_saved_loads(v: Machine) -> Bool:
    """A restore refuses nothing of what a save of this system made, neither a bit nor a register. [X02, X04]"""
    return v.image_refused == 0


@step("migration-keeps-what-was-offered", id="M2")
def migration_keeps_what_was_offered(before: Machine, after: Machine) -> Bool:
    """Of the bits that the guest was offered, it reads after a migration what it had set before. [X02]"""
    return implies(after.migrated, ((before.believes ^ after.guest_reads) & before.offered) == 0)
