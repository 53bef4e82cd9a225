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
    saved_kinds: Word  # registers that a save may contain, one bit each
    loadable_kinds: Word  # registers that a restore knows


@invariant("what-is-saved-loads", id="M1")
def what_is_saved_loads(v: Machine) -> Bool:
    """A restore refuses nothing of what a save of this system made. [X02]"""
    return v.image_refused == 0


@step("migration-keeps-what-was-offered", id="M2")
def migration_keeps_what_was_offered(before: Machine, after: Machine) -> Bool:
    """Of the bits that the guest was offered, it reads after a migration what it had set before. [X02]"""
    return implies(after.migrated, ((before.believes ^ after.guest_reads) & before.offered) == 0)


@invariant("saved-kinds-load", id="M3")
def saved_kinds_load(v: Machine) -> Bool:
    """Every register that a save may contain, a restore knows. [X04]"""
    return (v.saved_kinds & ~v.loadable_kinds) == 0
