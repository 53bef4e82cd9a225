"""CR4 under guest/host masks and read shadows, with nesting: the same pattern on another register, in one design.

Modelled: MOV to CR4 and MOV from CR4 by L1 and by L2; L0's guest/host mask and read shadow in vmcs01 and
vmcs02; L1's mask, read shadow and guest CR4 in vmcs12, which L1 writes as it likes; nested entry and nested
exit; what L0 does with a write of L2 that exits: it is L1's where a bit that L1 owns would change, else L0
emulates it. Unlike the mask of IA32_SPEC_CTRL, an attempt to change an owned bit is a VM exit.

**Not modelled**: which bits are reserved, CR0 (the same but for its bits), other VM-entry checks, CR4 of the host,
SMM and RSM, save and restore, a VMWRITE of vmcs12 while L2 runs.

Sources:
    [SDM]  Intel SDM vol. 3C, guest/host masks and read shadows: 25.6.6 and 26.3
    [G06]  Xen ef17e127c4 (after a83a8aa029), nested VMX: emulation of CR writes of L2, 2013
    [G08]  Linux 112e66017bff, text in [7784210848]: consistency checks of vmcs12's CR0 and CR4, CVE-2023-30456
"""

from dataclasses import dataclass
from typing import Any

from specproof import U64, Bits, Bool, Design, State, Word, field, frozen, ghost, ite, observed, part, select

CR4 = Bits(VME=0, PVI=1, TSD=2, DE=3, PSE=4, PAE=5, MCE=6, PGE=7, PCE=8, OSFXSR=9, UMIP=11, VMXE=13, SMXE=14, FSGSBASE=16, SMEP=20, SMAP=21)


class Vmcs(State):
    """A VMCS, as far as it concerns CR4."""

    mask: U64 = field("CR4 guest/host mask: bits that its guest does not own", source="[SDM]", bits=CR4)
    shadow: U64 = field("CR4 read shadow: what its guest reads of these bits", source="[SDM]", bits=CR4)


class Vcpu(State):
    """One processor with L0, L1 and L2."""

    owned: U64 = frozen("bits that L0 owns", bits=CR4)
    forced: U64 = frozen("their values while a guest runs", bits=CR4)
    must_be_1: U64 = frozen("IA32_VMX_CR4_FIXED0 as L1 is told: bits that must be 1 in L2's CR4", source="[G08]", bits=CR4)
    cr4: U64 = field("CR4: what the processor acts on", bits=CR4)
    vmcs01: Vmcs = part("with which L0 runs L1")
    vmcs02: Vmcs = part("with which L0 runs L2")
    mask12: U64 = field("vmcs12: bits that L1 owns of L2's CR4", bits=CR4)
    shadow12: U64 = field("vmcs12: what L2 reads of them", bits=CR4)
    guest12: U64 = field("vmcs12: L2's CR4", bits=CR4)
    host12: U64 = field("vmcs12: the CR4 that an exit to L1 loads, which L1 keeps at its own", bits=CR4)
    in_l2: Bool = field("L2 is current")
    running: Bool = field("a guest runs")
    wrote1: U64 = ghost("what L1 wrote last", bits=CR4)
    wrote2: U64 = ghost("what L2 wrote last, or began with", bits=CR4)
    reflected: Bool = observed("a write of L2 became an exit to L1")
    entered: Bool = observed("a nested entry succeeded")


cr4 = Design("cr4", Vcpu, doc="CR4 guest/host mask and read shadow, nested", vendor="other registers")
cr4.lacks(
    believes="what L2 reads of the bits that L1 owns is L1's, not what L2 wrote; see cr4-read and cr4-effective",
    rdmsr="CR4 is no MSR",
)


@cr4.initial
def created(s: Vcpu) -> Bool:
    """L1 has written nothing; its CR4 is 0 but for L0's bits."""
    zero = s.vmcs02.replace(mask=0, shadow=0)
    quiet = s.matches(vmcs01=s.vmcs01.replace(mask=s.owned, shadow=0), vmcs02=zero, mask12=0, shadow12=0, guest12=0, host12=0, wrote1=0, wrote2=0)
    return quiet & (s.cr4 == s.forced) & ((s.forced & ~s.owned) == 0) & ~s.in_l2 & ~s.running


def l1_runs(s: Vcpu) -> Bool:
    return s.running & ~s.in_l2


def l2_runs(s: Vcpu) -> Bool:
    return s.running & s.in_l2


@cr4.function
def read(vmcs: Vmcs, real: Word) -> Word:
    """MOV from CR4: owned bits from the read shadow, the others from the register. [SDM]"""
    return (real & ~vmcs.mask) | (vmcs.shadow & vmcs.mask)


@cr4.function
def exits(vmcs: Vmcs, value: Word) -> Bool:
    """MOV to CR4 exits where it would change what the guest reads of an owned bit. [SDM]"""
    return ((value ^ vmcs.shadow) & vmcs.mask) != 0


@cr4.function
def load(s: Vcpu, value: Word) -> Vcpu:
    """What a guest believes to be CR4 goes to the register, but for L0's bits. [G06]"""
    return s.replace(cr4=(value & ~s.owned) | s.forced)


@cr4.function
def l2_guest(s: Vcpu, value: Word) -> Word:
    """L2's CR4 as L1 would have it: bits that L1 owns stay as L1 set them. [G06]"""
    return (value & ~s.mask12) | (s.guest12 & s.mask12)


@cr4.function
def l2_shadow(s: Vcpu, value: Word) -> Word:
    """What L2 is to read: of the bits that L1 owns, L1's read shadow. [G06]"""
    return (value & ~s.mask12) | (s.shadow12 & s.mask12)


@cr4.function
def emulate_l1_write(s: Vcpu, value: Word) -> Vcpu:
    """L0 emulates a write of L1 that touches L0's bits. [SDM]"""
    return load(s, value).replace(vmcs01=s.vmcs01.replace(shadow=value))


@cr4.function
def emulate_l2_write(s: Vcpu, value: Word) -> Vcpu:
    """L0 emulates a write of L2 that touches L0's bits only. [G06]"""
    return load(s, l2_guest(s, value)).replace(vmcs02=s.vmcs02.replace(shadow=l2_shadow(s, value)))


@cr4.function
def sync_vmcs12(s: Vcpu) -> Vcpu:
    """A nested exit stores L2's CR4: from the register where L0 does not own the bit, else from what L2 was told. [G06]"""
    told = (s.vmcs02.shadow & ~s.mask12) | (s.guest12 & s.mask12)
    return s.replace(guest12=(s.cr4 & ~s.owned) | (told & s.owned))


@cr4.function
def nested_exit_to_l1(s: Vcpu) -> Vcpu:
    """L1 runs again, with the CR4 that it has in vmcs12 for itself."""
    return load(sync_vmcs12(s), s.host12).replace(in_l2=False)


@cr4.action(by="L1", guard=l1_runs, source="[SDM]")
def l1_writes(s: Vcpu, value: U64) -> Vcpu:
    """MOV to CR4 by L1: in hardware, or emulated by L0 where it exits. L1 then has the value in vmcs12 for itself, too."""
    alone = s.replace(cr4=(s.cr4 & s.vmcs01.mask) | (value & ~s.vmcs01.mask))
    return select(exits(s.vmcs01, value), emulate_l1_write(s, value), alone).replace(host12=value, wrote1=value)


@cr4.action(by="L1", guard=l1_runs, source="[SDM]")
def l1_vmwrites(s: Vcpu, mask: U64, shadow: U64, guest: U64) -> Vcpu:
    """L1 prepares vmcs12."""
    return s.replace(mask12=mask, shadow12=shadow, guest12=guest)


@cr4.function
def nested_guest_cr4_valid(s: Vcpu) -> Bool:
    """The value that L1 asks for is checked, not what L0's bits make of it. [G08]"""
    return (s.must_be_1 & ~s.guest12) == 0


@cr4.action(by="L1", guard=l1_runs, source="[G06, G08]")
def nested_entry(s: Vcpu) -> Vcpu:
    """L1 launches L2: vmcs02 has both masks, the shadow that L2 is to read, and L2's CR4 but for L0's bits; or the entry fails."""
    vmcs02 = s.vmcs02.replace(mask=s.owned | s.mask12, shadow=l2_shadow(s, s.guest12))
    there = load(s, s.guest12).replace(vmcs02=vmcs02, in_l2=True, wrote2=s.guest12, entered=True)
    return select(nested_guest_cr4_valid(s), there, s)


@cr4.action(by="L2", guard=l2_runs, source="[SDM, G06]")
def l2_writes(s: Vcpu, value: U64) -> Vcpu:
    """MOV to CR4 by L2: in hardware; or an exit, which is L1's where a bit that L1 owns would change."""
    alone = s.replace(cr4=(s.cr4 & s.vmcs02.mask) | (value & ~s.vmcs02.mask))
    mine = ((value ^ s.shadow12) & s.mask12) != 0
    reflected = nested_exit_to_l1(s).replace(reflected=True)
    emulated = emulate_l2_write(s, value).replace(wrote2=value)
    return select(exits(s.vmcs02, value), select(mine, reflected, emulated), alone.replace(wrote2=value))


@cr4.action(by="processor", guard=l2_runs, source="[SDM]")
def nested_exit(s: Vcpu) -> Vcpu:
    """An exit of L2 that is L1's."""
    return nested_exit_to_l1(s)


@cr4.action(by="L0", guard=lambda s: ~s.running)
def vm_entry(s: Vcpu) -> Vcpu:
    """L0 enters the current guest."""
    return s.replace(running=True)


@cr4.action(by="processor", guard=lambda s: s.running)
def vm_exit(s: Vcpu) -> Vcpu:
    """An exit that L0 handles by itself."""
    return s.replace(running=False)


@cr4.view
def guest_runs(s: Vcpu) -> Bool:
    """L1 or L2 runs."""
    return s.running


@cr4.view
def effective(s: Vcpu) -> Word:
    """What the processor acts on."""
    return s.cr4


@cr4.view
def required_mask(s: Vcpu) -> Word:
    """The bits that L0 owns."""
    return s.owned


@cr4.view
def required_value(s: Vcpu) -> Word:
    """Their values."""
    return s.forced


@cr4.view
def in_nested_guest(s: Vcpu) -> Bool:
    """L2 is current."""
    return s.in_l2


@cr4.view
def cr4_reads(s: Vcpu) -> Word:
    """What MOV from CR4 returns to the current guest."""
    return ite(s.in_l2, read(s.vmcs02, s.cr4), read(s.vmcs01, s.cr4))


@cr4.view
def cr4_promised(s: Vcpu) -> Word:
    """What it should return: what the guest wrote last; to L2 L1's read shadow where L1 owns the bit."""
    return ite(s.in_l2, (s.wrote2 & ~s.mask12) | (s.shadow12 & s.mask12), s.wrote1)


@cr4.view
def cr4_wanted(s: Vcpu) -> Word:
    """What the processor should act on where L0 does not own the bit: of L2, L1's value where L1 does."""
    return ite(s.in_l2, (s.wrote2 & ~s.mask12) | (s.guest12 & s.mask12), s.wrote1)


@cr4.view
def cr4_stored(s: Vcpu) -> Word:
    """L2's CR4 as vmcs12 has it, which L1 reads there and the next nested entry loads."""
    return s.guest12


@cr4.view
def nested_entered(s: Vcpu) -> Bool:
    """The step was a nested entry that succeeded."""
    return s.entered


@cr4.view
def illegal_request(s: Vcpu) -> Word:
    """Bits that must be 1 in L2's CR4, and that L1 did not ask for."""
    return s.must_be_1 & ~s.guest12


@dataclass(frozen=True)
class Variants:
    """Variants of the design that do not ship as designs of their own: a bug of the past, by its id."""

    designs: tuple[Design[Any], ...]


def _drops_l1s_bits(s: Vcpu, value: Word) -> Vcpu:
    """As Xen had it: the operand itself goes to the register and to the read shadow, L1's bits and all. [G06]"""
    return load(s, value).replace(vmcs02=s.vmcs02.replace(shadow=value))


def _checks_what_runs(s: Vcpu) -> Bool:
    """As KVM had it: the hardware's check was relied on, and it sees the value with L0's bits in it. [G08]"""
    return (s.must_be_1 & ~((s.guest12 & ~s.owned) | s.forced)) == 0


#: [G06] as it was: L2 writes only bits that L0 owns, and bits that L1 owns change in the register. [G08]: L0's bits make legal what L1 asked for.
VARIANTS = Variants((
    cr4.but("cr4-g06", doc="Xen before ef17e127c4: L0's emulation drops L1's bits", emulate_l2_write=_drops_l1s_bits),
    cr4.but("cr4-g08", doc="KVM before 112e66017bff: the merged value is checked", nested_guest_cr4_valid=_checks_what_runs),
))  # fmt: skip

cr4.lacks_all_else("the register is CR4: what is asked of IA32_SPEC_CTRL does not apply")
