"""MMIO SPTEs that are valid while their generation is the memslots'; all of them are zapped where it wraps around."""

from typing import Any

from specproof import U8, U64, Bool, Design, State, Word, field, implies, invariant, step


class Vm(State):
    """A VM with one such SPTE."""

    generation: U8 = field("of the memslots")
    slot: U64 = field("what the memslots say")
    cached: Bool = field("the SPTE exists")
    seen: U8 = field("its generation")
    value: U64 = field("what it says")


vm = Design("vm", Vm, doc="generations compared with ==")


@vm.initial
def created(s: Vm) -> Bool:
    """Nothing is cached."""
    return s.matches(generation=0, cached=False, seen=0, value=0)


@vm.function
def wraps(s: Vm) -> Bool:
    """The generation began again."""
    return s.generation == 0


@vm.action(by="userspace")
def update_memslots(s: Vm, slot: U64) -> Vm:
    """Every update is a generation."""
    s = s.replace(slot=slot, generation=s.generation + 1)
    return s.when(wraps(s), cached=False)


@vm.action(by="KVM")
def mark_mmio_spte(s: Vm) -> Vm:
    """The SPTE says what the memslots say now."""
    return s.replace(cached=True, seen=s.generation, value=s.slot)


@vm.view
def hit(s: Vm) -> Bool:
    """The SPTE is used."""
    return s.cached & (s.seen == s.generation)


@vm.view
def cached(s: Vm) -> Bool:
    """There is one."""
    return s.cached


@vm.view
def value(s: Vm) -> Word:
    """What it says."""
    return s.value


@vm.view
def slot(s: Vm) -> Word:
    """What the memslots say."""
    return s.slot


@vm.view
def generation(s: Vm) -> Word:
    """Of the memslots."""
    return s.generation


@vm.view
def seen(s: Vm) -> Word:
    """Of the SPTE."""
    return s.seen


@invariant("hit-is-fresh")
def hit_is_fresh(v: Any) -> Bool:
    """An SPTE that is used says what the memslots say."""
    return implies(v.hit, v.value == v.slot)


@invariant("not-newer")
def not_newer(v: Any) -> Bool:
    """No SPTE is newer than the memslots."""
    return implies(v.cached, v.seen <= v.generation)


@invariant("never-full")
def never_full(v: Any) -> Bool:
    """Not true: the generation gets there after 255 updates."""
    return v.generation != 0xFF


@step("hits-stay-fresh")
def hits_stay_fresh(before: Any, after: Any) -> Bool:
    """Where one is used before and after, neither was stale."""
    return implies(before.hit & after.hit, (before.value ^ before.slot) | (after.value ^ after.slot) == 0)


never_zapped = vm.but("never-zapped", doc="the wrap is overlooked", wraps=lambda s: s.generation != s.generation)
