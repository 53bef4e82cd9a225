"""An MSR-load list with a count, as vmx->msr_autoload has it: entries are found by their index, and the last takes the place of one that goes.

What is in the list depends on which of its words are equal: `first.index == 0x48`, `count > 1`. No single bit says so.
"""

from specproof import U8, U32, U64, Bits, Bool, Design, State, Word, field, frozen, implies, invariant, ite, part, word

SPEC_CTRL = Bits(IBRS=0, STIBP=1, SSBD=2, RRSBA_DIS_S=6, BHI_DIS_S=10)

#: The register that the policy is about.
INDEX = 0x48


class Entry(State):
    """One entry of the list."""

    index: U32 = field("which register")
    value: U64 = field("what entry loads into it")


class Vmx(State):
    """One vCPU with room for two entries."""

    count: U8 = field("entries in the list")
    first: Entry = part("the first")
    second: Entry = part("the second")
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    mask: U64 = frozen("what the host forces to 1", bits=SPEC_CTRL)
    running: Bool = field("the guest runs")


autoload = Design("autoload", Vmx, doc="loads IA32_SPEC_CTRL from a list, or forces it by hand where it is not in the list")


@autoload.initial
def empty(s: Vmx) -> Bool:
    """Nothing is in the list."""
    return (s.count == 0) & ~s.running & (s.msr == 0)


@autoload.function
def taken(s: Vmx, index: Word) -> tuple[Bool, Bool]:
    """Whether a register has the first entry, or the second."""
    return (s.count > 0) & (s.first.index == index), (s.count > 1) & (s.second.index == index)


@autoload.function
def forced(s: Vmx, index: Word, value: Word) -> Word:
    """What is put into an entry."""
    return ite(index == INDEX, value | s.mask, value)


@autoload.action(by="KVM", source="add_atomic_switch_msr", guard=lambda s: ~s.running)
def add(s: Vmx, index: U32, value: U64) -> Vmx:
    """A register gets an entry, or a new value in the entry that it has."""
    here, there = taken(s, index)
    new = ~here & ~there
    first, second = here | (new & (s.count == 0)), there | (new & (s.count == 1))
    return s.replace(
        count=ite(new & (s.count < 2), s.count + 1, s.count),
        first=Entry(index=ite(first, index, s.first.index), value=ite(first, forced(s, index, value), s.first.value)),
        second=Entry(index=ite(second, index, s.second.index), value=ite(second, forced(s, index, value), s.second.value)),
    )


@autoload.action(by="KVM", source="clear_atomic_switch_msr", guard=lambda s: ~s.running)
def clear(s: Vmx, index: U32) -> Vmx:
    """A register leaves the list; the last entry takes its place."""
    here, there = taken(s, index)
    return s.when(here, first=s.second).when(here | there, count=s.count + 0xFF)


@autoload.action(by="processor", guard=lambda s: ~s.running)
def enter(s: Vmx) -> Vmx:
    """The list is loaded, in its order."""
    here, there = taken(s, word(INDEX, 32))
    by_hand = s.msr | s.mask
    return s.replace(msr=ite(there, s.second.value, ite(here, s.first.value, by_hand)), running=True)


@autoload.action(by="processor", guard=lambda s: s.running)
def leave(s: Vmx) -> Vmx:
    """The host runs with 0."""
    return s.replace(running=False, msr=0)


@autoload.view
def runs(s: Vmx) -> Bool:
    """The guest runs."""
    return s.running


@autoload.view
def in_use(s: Vmx) -> Word:
    """What the processor acts on."""
    return s.msr


@autoload.view
def wanted(s: Vmx) -> Word:
    """What the host forces to 1."""
    return s.mask


@autoload.view
def length(s: Vmx) -> Word:
    """How many entries there are."""
    return s.count


@invariant("forced-while-it-runs")
def forced_while_it_runs(v: object) -> Bool:
    """While the guest runs every forced bit is set."""
    return implies(v.runs, (v.in_use & v.wanted) == v.wanted)  # type: ignore[attr-defined,no-any-return]


@invariant("room")
def room(v: object) -> Bool:
    """There is room for two."""
    return v.length <= 2  # type: ignore[attr-defined,no-any-return]


def clear_forgets(s: Vmx, index: U32) -> Vmx:
    """The last entry's index takes the place of the one that goes, and its value does not."""
    here, there = taken(s, index)
    return s.when(here, first=s.first.replace(index=s.second.index)).when(here | there, count=s.count + 0xFF)


forgetful = autoload.but("forgetful", doc="an entry that moves leaves its value behind", clear=clear_forgets)
