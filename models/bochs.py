"""Bochs, the emulator, as a processor: the same machine as models/intel.py with Bochs's own answers put in.

Everything that is not replaced here does in Bochs what intel.py says, as far as it was read: the order of
the checks, the merge of a virtualized WRMSR, VM entry and VM exit and their lists. Where the manual leaves
a value undefined, Bochs has a definite answer, and the assumptions of intel.py about it are not needed.

Modelled: WRMSR in the guest, which merges and checks but leaves the shadow alone; which bits WRMSR rejects,
whatever the emulated CPU enumerates; the VM-entry MSR-load list, which runs before the processor counts as
in the guest and so writes the register as it is; the VM-exit MSR-store list, which runs while it still
counts as in the guest and so stores the shadow; VM-entry control 24, which is recognized but never allowed,
because its bit is put into the capability of the secondary VM-exit controls; the missing save of the
register at VM exit.

**Not modelled**
- The copies of mask and shadow that Bochs takes at VM entry and, of the shadow, writes back at VM exit:
  software cannot write the VMCS in between, so they are the fields.
- The 32 bits of the emulated register: a value with a higher bit is refused before it is stored.
- The bogus bit 24 of the secondary VM-exit controls, which does nothing; SMM; everything intel.py leaves out.

Sources:
    [MSR]    bochs-emu/Bochs at 783b58fd6d9b, bochs/cpu/msr.cc: RDMSR at 475, WRMSR at 1199, the valid bits at 815
    [VMX]    bochs/cpu/vmx.cc: entry controls at 886, saving at 2746, exit at 3127, entry at 3453
    [VMCS]   bochs/cpu/vmcs.cc:1091, the capability of the newer controls
    [SDM]    Intel SDM vol. 3C, sections as cited, for what a processor does
"""

from specproof.models.elsewhere import say_where
from specproof.models.intel import Cpu, intel, legal, load_host_state, merged, set_register, virtualized
from specproof.models.intel import powered_on as intel_powered_on

from specproof import U64, Bool, Word, ite, select, word

#: What Bochs lets software set in the register, on every CPU that it emulates. [MSR 815]
VALID = 0x5FF


def powered_on(s: Cpu) -> Bool:
    """As in hardware; the CPU enumerates some of the bits that Bochs knows, and software may count on no others. [MSR]"""
    return intel_powered_on(s) & (((~s.reserved | s.enumerated) & ~word(VALID)) == 0)


def valid_on_every_cpu(s: Cpu, value: Word) -> Bool:
    """A fixed set of bits; CPUID is not asked. [MSR 815]"""
    return (value & ~word(VALID)) == 0


def wrmsr_takes_effect(s: Cpu, value: Word) -> Cpu:
    """The merged value decides about #GP and goes to the register; the shadow stays as it was at VM entry. [MSR 1199]"""
    attempted = ite(virtualized(s), merged(s, value), value)
    success = s.replace(msr=attempted, done=True, written=value, undisturbed=True)
    return select(legal(s, attempted), success, s.replace(refused=True))


def save_guest_state(s: Cpu) -> Cpu:
    """The guest-state field of the register is not written. [VMX 2746]"""
    return s.replace(nonroot=False, storing=True, exit_step=True)


def vm_entry(s: Cpu, bad_controls: Bool, bad_guest: Bool) -> Cpu:
    """Checks of controls and host state, then of guest state; VM-entry control 24 fails, as it is never allowed. [VMX 3453, VMCS]"""
    controls = bad_controls | (virtualized(s) & ~s.allows) | s.vmcs.loads_guest | (s.vmcs.loads_host & ~s.switches)
    early = controls | (s.vmcs.loads_host & ~legal(s, s.vmcs.host_field))
    s = s.replace(entry_step=True)
    there = select(bad_guest, load_host_state(s).replace(failed_late=True), s.replace(entering=True))
    return select(early, s.replace(failed_early=True), there)


def entry_list_loads(s: Cpu, value: U64) -> Cpu:
    """A WRMSR as in root operation: the register takes the value, mask and shadow do not matter. [VMX 3453]"""
    s = s.replace(entry_step=True, from_list=True)
    return select(legal(s, value), set_register(s, value), load_host_state(s).replace(failed_late=True))


def exit_list_stores(s: Cpu) -> Cpu:
    """An RDMSR as in the guest: with the control on, the shadow. [VMX 3127, MSR 475]"""
    return s.replace(exit_step=True, stored=True, stored_value=ite(virtualized(s), s.vmcs.shadow, s.msr))


bochs = intel.but(
    "bochs",
    doc="Bochs, the emulator, as a processor",
    without=("entry-keeps-msr", "list-spares-shadow", "undefined-is-legal"),
    initial=powered_on, legal=valid_on_every_cpu, wrmsr_takes_effect=wrmsr_takes_effect, save_guest_state=save_guest_state,
    vm_entry=vm_entry, entry_list_loads=entry_list_loads, exit_list_stores=exit_list_stores,
)  # fmt: skip
bochs.vendor = "Bochs"
#: The other answer to what intel.py's hidden-bits-fault says of processors: they take every bit that Bochs takes, and then Bochs is right.
bochs.setting("hidden-bits-writable", lambda s: s.reserved == ~word(VALID))
say_where(bochs)
