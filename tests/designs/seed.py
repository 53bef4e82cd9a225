"""The seed's formula as a design to be reviewed: a mask, what is forced behind it, and changes of it for better and worse."""

from specproof import U64, Bits, Bool, Design, State, Word, field, frozen, ghost

SPEC_CTRL = Bits(IBRS=0, STIBP=1, SSBD=2, RRSBA_DIS_S=6, BHI_DIS_S=10)


class Vcpu(State):
    """One vCPU on one processor."""

    virtualized: Bool = frozen("the processor has the control")
    cur: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    mask: U64 = field("IA32_SPEC_CTRL_MASK", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL_SHADOW", bits=SPEC_CTRL)
    running: Bool = field("the guest runs")
    believed: U64 = ghost("what the guest wrote last", bits=SPEC_CTRL)


seed = Design("seed", Vcpu, doc="The hypervisor forces what it masks")
seed.setting("virtualized", lambda s: s.virtualized)
seed.setting("emulated", lambda s: ~s.virtualized)
seed.configure("virtualized", "emulated")


@seed.initial
def created(s: Vcpu) -> Bool:
    """Nothing is masked."""
    return s.matches(cur=0, mask=0, shadow=0, running=False, believed=0)


@seed.function
def merged(s: Vcpu, val: Word) -> Word:
    """What a guest's write leaves in the register."""
    return (s.cur & s.mask) | (val & ~s.mask)


@seed.function
def forced(s: Vcpu, mask: Word) -> Word:
    """What the hypervisor loads when it has set the mask."""
    return s.shadow | mask


@seed.action(by="guest", guard=lambda s: s.running & s.virtualized)
def guest_wrmsr(s: Vcpu, val: U64) -> Vcpu:
    """The processor merges."""
    return s.replace(cur=merged(s, val), shadow=val, believed=val)


@seed.action(by="KVM", guard=lambda s: s.running & ~s.virtualized)
def emulated_wrmsr(s: Vcpu, val: U64) -> Vcpu:
    """The write exits."""
    return s.replace(cur=merged(s, val), shadow=val, believed=val)


@seed.action(by="KVM", guard=lambda s: ~s.running)
def set_mask(s: Vcpu, mask: U64) -> Vcpu:
    """The host's policy changes."""
    return s.replace(mask=mask, cur=forced(s, mask))


@seed.action(by="KVM", guard=lambda s: ~s.running)
def vm_entry(s: Vcpu) -> Vcpu:
    """The guest runs."""
    return s.replace(running=True)


@seed.action(by="processor", guard=lambda s: s.running)
def vm_exit(s: Vcpu) -> Vcpu:
    """The host runs."""
    return s.replace(running=False)


@seed.assumption("small-masks", of=("set_mask",))
def small_masks(s: Vcpu, mask: Word) -> Bool:
    """Nobody masks bit 63."""
    return ~mask.bit(63)


@seed.view
def guest_runs(s: Vcpu) -> Bool:
    return s.running


@seed.view
def effective(s: Vcpu) -> Word:
    return s.cur


@seed.view
def rdmsr(s: Vcpu) -> Word:
    return s.shadow


@seed.view
def believes(s: Vcpu) -> Word:
    return s.believed


@seed.view
def required_mask(s: Vcpu) -> Word:
    return s.mask


@seed.view
def required_value(s: Vcpu) -> Word:
    return s.mask


def not_forced(s: Vcpu, mask: Word) -> Word:
    """The mask locks what is there, and nothing more."""
    return s.cur


def or_mask(s: Vcpu, val: Word) -> Word:
    """Forcing to 1 in software, where the mask would do."""
    return val | s.mask


def forced_anew(s: Vcpu, mask: Word) -> Word:
    """The same, written in another way."""
    return mask | s.shadow


def not_forced_either(s: Vcpu, mask: Word) -> Word:
    """As not_forced, in the other order."""
    return s.cur & (s.cur | mask)


lazy = seed.but("lazy", doc="masks without forcing", forced=not_forced)
lazy_too = seed.but("lazy-too", doc="masks without forcing, in other words", forced=not_forced_either)
anew = seed.but("anew", doc="the same function of every bit", forced=forced_anew)
ored = seed.but("ored", doc="software forces on every write", merged=or_mask)
renamed = seed.but("renamed", doc="another name")
