"""Width and frame: a value is stored whole, in the one place that it belongs to, and nothing else moves (P11).

Sources: [LNX] KVM's entry code handled the low 32 bits of the register until 6.19 (VMX 32ed0bc2f0f8).
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, step


class Machine(Protocol):
    """The views of a machine that keeps guests' values while they do not run."""

    guest_runs: Bool
    effective: Word
    believes: Word
    host_adds: Word  # bits that the host's own value adds, where no bit is forced otherwise
    rdmsr: Word
    guest_wrote: Bool  # the step: a WRMSR by the guest, which may end its run
    copied: Bool  # the step: the value of the guest that ran was saved
    saved_guest_value: Word  # the saved value of the vCPU that ran last
    bystander_reads: Word  # the saved value of a vCPU that does not run
    bystander_believes: Word  # what its guest, or userspace for it, set last


@step("copies-are-whole", id="W1")
def copies_are_whole(before: Machine, after: Machine) -> Bool:
    """What is saved when a guest stops is what it would have read, in all 64 bits. [LNX]"""
    return implies(after.copied & before.guest_runs & ~after.guest_wrote, (after.saved_guest_value ^ before.rdmsr) == 0)


@invariant("bystander-keeps-its-value", id="W2")
def bystander_keeps_its_value(v: Machine) -> Bool:
    """Whatever one vCPU does, the value of another stays what its own guest, or userspace for it, set last."""
    return (v.bystander_reads ^ v.bystander_believes) == 0


@invariant("effective-is-what-was-set", id="W3")
def effective_is_what_was_set(v: Machine) -> Bool:
    """A guest runs with the value that it, or userspace for it, set last; none is taken away, and only the host's own are added."""
    return implies(v.guest_runs, v.effective == (v.believes | v.host_adds))
