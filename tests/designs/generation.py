"""A mask for a whole VM, and a counter that says when a vCPU's copy of it is stale."""

from typing import Any

from specproof import U32, U64, Bool, Design, State, Word, field, implies, invariant


class Vm(State):
    """A mask for the whole VM, and one vCPU's copy of it."""

    policy: U64 = field("mask of the VM")
    generation: U32 = field("how often the mask was set")
    mask: U64 = field("the vCPU's mask")
    seen: U32 = field("the generation that the vCPU's mask is of")
    msr: U64 = field("IA32_SPEC_CTRL")
    running: Bool = field("the guest runs")


vm = Design("generation", Vm, doc="a mask that is loaded anew where a counter says that it is stale")


@vm.initial
def created(s: Vm) -> Bool:
    """Everything is 0."""
    return s.matches(policy=0, generation=0, mask=0, seen=0, msr=0, running=False)


@vm.action(by="guest", guard=lambda s: s.running)
def wrmsr(s: Vm, value: U64) -> Vm:
    """WRMSR."""
    return s.replace(msr=(s.msr & s.mask) | (value & ~s.mask))


@vm.action(by="userspace", guard=lambda s: ~s.running)
def set_policy(s: Vm, mask: U64) -> Vm:
    """A new mask, of a new generation."""
    return s.replace(policy=mask, generation=s.generation + 1)


@vm.action(by="hypervisor", guard=lambda s: ~s.running)
def enter(s: Vm) -> Vm:
    """The mask is loaded where its generation is not the one that was seen."""
    return s.when(s.seen != s.generation, mask=s.policy, msr=s.msr | s.policy).replace(seen=s.generation, running=True)


@vm.action(by="processor", guard=lambda s: s.running)
def leave(s: Vm) -> Vm:
    """A VM exit."""
    return s.replace(running=False)


@vm.assumption("no-wrap", of=("set_policy",))
def no_wrap(s: Vm) -> Bool:
    """Nobody sets the mask so often."""
    return s.generation != 0xFFFFFFFF


@vm.view
def runs(s: Vm) -> Bool:
    return s.running


@vm.view
def register(s: Vm) -> Word:
    return s.msr


@vm.view
def wanted(s: Vm) -> Word:
    return s.policy


@invariant("kept")
def kept(v: Any) -> Bool:
    """Every bit of the mask is set while the guest runs."""
    return implies(v.runs, (v.wanted & ~v.register) == 0)
