"""The processor alone: IA32_SPEC_CTRL under Intel's "virtualize IA32_SPEC_CTRL" control.

Modelled: one logical processor and its current VMCS. RDMSR and WRMSR in VMX non-root operation in the
order of their checks (privilege, then intercept, then virtualization); which value decides #GP; VM entry
and VM exit as the stages in which the register can move: early failure, guest state, the VM-entry
MSR-load list, late failure, saving of guest state, the VM-exit MSR-store list, host state, the VM-exit
MSR-load list, VMX abort. The newer "load IA32_SPEC_CTRL" controls, which are independent of the above.
The hypervisor is anything that WRMSR and VMWRITE can do in root operation.

What the architecture leaves undefined is an input: the value that a VM-entry MSR-load entry for 48H
leaves while the control is on, whether it faults, whether it reaches the shadow; the value that a
VM-exit MSR-store entry stores then; whether guest state was loaded when a bad guest state is found.

Not modelled: what the bits do to prediction, and STIBP on a sibling; RESET, INIT, SMM and its monitor;
UWRMSR, for which the manual lists no such modification (WRMSRNS and the list forms behave as the base
forms, URDMSR as RDMSR); a WRMSR by a guest that holds no VMX privilege but runs under SEAM; the exit of
the #GP itself by the exception bitmap; other MSRs, save that an entry for one may fail; high halves of
VMCS fields (one VMWRITE writes 64 bits); several VMCSs (VMPTRLD of another is a VMWRITE of each field).

Sources:
    [SDM]    Intel SDM vol. 3C, chapters 27 to 30, sections as cited (read in a translation)
    [ENC]    Intel SDM, table of VMCS field encodings, February 2026
    [BOCHS]  bochs-emu/Bochs at 783b58fd6d9b, bochs/cpu/
    [XEN]    xen-project/xen at c447b7308b13, xen/arch/x86/msr.c:404, a comment
    [GAO]    Chao Gao (Intel) on the KVM list, RFC v2 and v3: the control switches nothing at entry or exit
    [XEN]    Xen commit 97c5b8b657, whose text says that VM entry loads the register from the shadow
"""

from specproof.models.elsewhere import say_where
from specproof.models.intel_cpu import Cpu as Cpu

from specproof import U64, Bool, Design, State, Word, implies, ite, select

intel = Design("intel", Cpu, doc='The hardware alone: "virtualize IA32_SPEC_CTRL" and what surrounds it', vendor="Intel")
intel.setting("with-control", lambda s: s.allows)
intel.setting("without-control", lambda s: ~s.allows)
intel.configure("with-control", "without-control")
_NO_HYPERVISOR = "the processor alone has no policy, no copy of a value, no guest's guest and no migration: these are software's"
intel.lacks(
    **dict.fromkeys(
        (
            "required_mask", "required_value", "believes", "host_wants", "host_accepts", "host_illegal", "leaked", "settled", "may_enter", "in_l2",
            "virtualized", "saved_guest_value", "stale_at_exit", "effective_next", "guest_reads", "guest_wrote", "userspace_reads", "copied",
            "needless_mask_write", "applied_mask", "miswired", "ctrl_refused", "reentered", "wrong_at_entry", "did_init", "exits_on_write",
        ),
        _NO_HYPERVISOR,
    )
)  # fmt: skip


@intel.initial
def powered_on(s: Cpu) -> Bool:
    """Root operation after RESET, the register 0; the VMCS holds anything. [SDM vol. 4]"""
    quiet = ~(s.entering | s.nonroot | s.storing | s.restoring | s.aborted)
    absent = implies(~s.allows, s.matches(vmcs=s.vmcs.replace(mask=0, shadow=0)))
    return quiet & (s.msr == 0) & ~s.undisturbed & ~s.agreed & (s.written == 0) & (s.at_entry == 0) & absent


def in_root(s: Cpu) -> Bool:
    """Software runs in VMX root operation."""
    return ~(s.entering | s.nonroot | s.storing | s.restoring | s.aborted)


@intel.function
def virtualized(s: Cpu) -> Bool:
    """The control is on; without primary control 17 every tertiary control acts as 0. [SDM 27.6.2]"""
    return s.vmcs.activated & s.vmcs.bit7


@intel.function
def merged(s: Cpu, value: Word) -> Word:
    """What a virtualized WRMSR attempts to write: masked bits from the MSR, the others from EDX:EAX. [SDM 28.3]"""
    return (s.msr & s.vmcs.mask) | (value & ~s.vmcs.mask)


@intel.function
def legal(s: Cpu, value: Word) -> Bool:
    """A WRMSR of the value does not fault."""
    return (value & s.reserved) == 0


@intel.function
def set_register(s: Cpu, value: Word) -> Cpu:
    """The register takes a value; where RDMSR in the guest reads the register, the guest's own write is gone."""
    return s.replace(msr=value, undisturbed=s.undisturbed & virtualized(s))


@intel.function
def load_host_state(s: Cpu) -> Cpu:
    """Host state; with secondary VM-exit control 2 it includes the register. Then comes the list. [SDM 30.5.1]"""
    loaded = set_register(s, s.vmcs.host_field).replace(restoring=True, entering=False, storing=False)
    return loaded.when(~s.vmcs.loads_host, msr=s.msr, undisturbed=s.undisturbed)


@intel.function
def save_guest_state(s: Cpu) -> Cpu:
    """Every VM exit saves the real register where VM-entry control 24 is allowed, set or not. [SDM 30.3.1]"""
    kept = s.vmcs.replace(guest_field=ite(s.switches, s.msr, s.vmcs.guest_field))
    return s.replace(nonroot=False, storing=True, exit_step=True, vmcs=kept)


# Guest software.


@intel.action(by="guest", guard=lambda s: s.nonroot, source="[SDM 28.1.3, 28.3]")
def guest_rdmsr(s: Cpu, cpl0: Bool, exits: Bool) -> Cpu:
    """RDMSR of 48H: #GP above CPL 0, else a VM exit where the bitmap asks for one, else the whole shadow or the MSR."""
    s = s.replace(tried_read=True, privileged=cpl0, bitmap=exits)
    value = ite(virtualized(s), s.vmcs.shadow, s.msr)
    left = save_guest_state(s)
    there = s.replace(result=value, done=True)
    return access(s, cpl0, exits, left, there)


@intel.action(by="guest", guard=lambda s: s.nonroot, source="[SDM 28.1.3, 28.3]")
def guest_wrmsr(s: Cpu, value: U64, cpl0: Bool, exits: Bool) -> Cpu:
    """WRMSR of 48H: #GP above CPL 0, else a VM exit where the bitmap asks for one, else the write takes effect."""
    s = s.replace(tried=True, privileged=cpl0, bitmap=exits, operand=value)
    return access(s, cpl0, exits, save_guest_state(s), wrmsr_takes_effect(s, value))


@intel.function
def access(s: Cpu, cpl0: Bool, exits: Bool, left: Cpu, there: Cpu) -> Cpu:
    """The order of the checks: a fault for privilege, then the VM exit, and virtualization only then. [SDM 28.1.1, 28.1.3]"""
    return select(~cpl0, s.replace(refused=True), select(exits, left, there))


@intel.function
def wrmsr_takes_effect(s: Cpu, value: Word) -> Cpu:
    """The merged value decides about #GP; the shadow takes EDX:EAX unmodified, after the register took its part. [SDM 28.3]"""
    attempted = ite(virtualized(s), merged(s, value), value)
    shadow = ite(virtualized(s), value, s.vmcs.shadow)
    success = s.replace(msr=attempted, vmcs=s.vmcs.replace(shadow=shadow), done=True, written=value, undisturbed=True)
    return select(legal(s, attempted), success, s.replace(refused=True))


# VM entry.


@intel.action(by="processor", guard=in_root, source="[SDM 29.2, 29.3, 29.8]")
def vm_entry(s: Cpu, bad_controls: Bool, bad_guest: Bool, loaded: Bool, loads_shadow: Bool) -> Cpu:
    """VMLAUNCH or VMRESUME up to the MSR-load list: checks of controls and host state, then of guest state, then its load.

    `loaded`: a bad guest state was found after the register was loaded. `loads_shadow`: what the
    assumption entry-keeps-msr denies.
    """
    controls = bad_controls | (virtualized(s) & ~s.allows) | ((s.vmcs.loads_guest | s.vmcs.loads_host) & ~s.switches)
    early = controls | (s.vmcs.loads_host & ~legal(s, s.vmcs.host_field))
    illegal = s.vmcs.loads_guest & ~legal(s, s.vmcs.guest_field)
    s = s.replace(entry_step=True)
    guest = load_guest_state(s, loads_shadow)
    partial = select(loaded & ~illegal, guest, s)
    late = load_host_state(partial).replace(failed_late=True)
    there = select(bad_guest | illegal, late, guest.replace(entering=True))
    return select(early, s.replace(failed_early=True), there)


@intel.function
def load_guest_state(s: Cpu, loads_shadow: Bool) -> Cpu:
    """Guest state; with VM-entry control 24 it includes the register. Mask and shadow move nowhere. [SDM 29.3.2.1, GAO]"""
    value = ite(loads_shadow & virtualized(s), merged(s, s.vmcs.shadow), s.msr)
    return set_register(s, s.vmcs.guest_field).when(~s.vmcs.loads_guest, msr=value, undisturbed=s.undisturbed)


@intel.action(by="processor", guard=lambda s: s.entering, source="[SDM 29.4]")
def entry_list_loads(s: Cpu, value: U64, faults: Bool, spills: Bool, spilt: U64) -> Cpu:
    """The VM-entry MSR-load list has an entry for 48H: a WRMSR of `value`.

    While the control is on, the value that the register ends with is undefined, so `value` is any, and
    `faults` says whether the entry counts as failed; `spills`: the shadow becomes `spilt`.
    """
    s = s.replace(entry_step=True, from_list=True)
    bad = ite(virtualized(s), faults, ~legal(s, value))
    shadow = ite(virtualized(s) & spills, spilt, s.vmcs.shadow)
    good = set_register(s, value).replace(vmcs=s.vmcs.replace(shadow=shadow))
    return select(bad, load_host_state(s).replace(failed_late=True), good)


@intel.action(by="processor", guard=lambda s: s.entering, source="[SDM 29.4, 29.8]")
def entry_list_fails(s: Cpu) -> Cpu:
    """An entry for another MSR fails, and the VM entry with it: host state is loaded, nothing is saved or stored."""
    return load_host_state(s.replace(entry_step=True)).replace(failed_late=True)


@intel.action(by="processor", guard=lambda s: s.entering, source="[SDM 29.3.2.1]")
def entry_completes(s: Cpu) -> Cpu:
    """The guest runs with whatever the register holds now."""
    agreed = ((s.msr ^ s.vmcs.shadow) & ~s.vmcs.mask) == 0
    return s.replace(entering=False, nonroot=True, entry_step=True, at_entry=s.msr, agreed=agreed)


# VM exit.


@intel.action(by="processor", guard=lambda s: s.nonroot, source="[SDM 30.3.1]")
def vm_exit(s: Cpu) -> Cpu:
    """A VM exit for any reason but an access to 48H: guest state is saved."""
    return save_guest_state(s)


@intel.action(by="processor", guard=lambda s: s.storing, source="[SDM 30.4]")
def exit_list_stores(s: Cpu, undefined: U64) -> Cpu:
    """The VM-exit MSR-store list has an entry for 48H; what is stored while the control is on is undefined."""
    return s.replace(exit_step=True, stored=True, stored_value=ite(virtualized(s), undefined, s.msr))


@intel.action(by="processor", guard=lambda s: s.storing, source="[SDM 30.5.1]")
def exit_loads_host(s: Cpu) -> Cpu:
    """Host state is loaded."""
    return load_host_state(s.replace(exit_step=True))


@intel.action(by="processor", guard=lambda s: s.restoring, source="[SDM 30.6]")
def exit_list_loads(s: Cpu, value: U64) -> Cpu:
    """The VM-exit MSR-load list has an entry for 48H: an ordinary WRMSR; a value that it rejects is a VMX abort."""
    s = s.replace(exit_step=True, from_list=True)
    return select(legal(s, value), set_register(s, value), s.replace(restoring=False, aborted=True))


@intel.action(by="processor", guard=lambda s: s.restoring, source="[SDM 30]")
def exit_completes(s: Cpu) -> Cpu:
    """Root software runs again."""
    return s.replace(restoring=False, exit_step=True)


# Root software.


@intel.action(by="hypervisor", guard=in_root, source="[SDM vol. 2, WRMSR]")
def root_wrmsr(s: Cpu, value: U64) -> Cpu:
    """WRMSR of 48H in root operation: the ordinary one; a value that it rejects changes nothing."""
    return select(legal(s, value), set_register(s, value), s)


@intel.action(by="hypervisor", guard=lambda s: in_root(s) & s.allows, source="[ENC]")
def vmwrite_mask(s: Cpu, value: U64) -> Cpu:
    """VMWRITE of 204AH: any value, no check at VM entry either. [SDM 29.2.1.1]"""
    return s.replace(vmcs=s.vmcs.replace(mask=value), vmwrote=True)


@intel.action(by="hypervisor", guard=lambda s: in_root(s) & s.allows, source="[ENC]")
def vmwrite_shadow(s: Cpu, value: U64) -> Cpu:
    """VMWRITE of 204CH: any value, reserved bits included. [SDM 29.2.1.1]"""
    return s.replace(vmcs=s.vmcs.replace(shadow=value), undisturbed=s.undisturbed & ~virtualized(s), vmwrote=True)


@intel.action(by="hypervisor", guard=lambda s: in_root(s) & s.switches, source="[BOCHS vmx.h]")
def vmwrite_guest_field(s: Cpu, value: U64) -> Cpu:
    """VMWRITE of 282EH: any value; VM entry checks it if it is to be loaded. [SDM 29.3.1.1]"""
    return s.replace(vmcs=s.vmcs.replace(guest_field=value), vmwrote=True)


@intel.action(by="hypervisor", guard=lambda s: in_root(s) & s.switches, source="[BOCHS vmx.h]")
def vmwrite_host_field(s: Cpu, value: U64) -> Cpu:
    """VMWRITE of 2C1AH: any value; VM entry checks it if it is to be loaded. [SDM 29.2.2]"""
    return s.replace(vmcs=s.vmcs.replace(host_field=value), vmwrote=True)


@intel.action(by="hypervisor", guard=in_root, source="[SDM 27.6.2, 27.7, 27.8]")
def vmwrite_controls(s: Cpu, activated: Bool, bit7: Bool, loads_guest: Bool, loads_host: Bool) -> Cpu:
    """VMWRITE of the controls; what the processor does not allow is found at VM entry. [SDM 29.2.1]"""
    new = s.replace(vmcs=s.vmcs.replace(activated=activated, bit7=bit7, loads_guest=loads_guest, loads_host=loads_host))
    return new.replace(undisturbed=s.undisturbed & (virtualized(new) == virtualized(s)))


# What is taken for granted.


@intel.assumption("entry-keeps-msr", of=("vm_entry",))
def entry_keeps_msr(s: Cpu, loads_shadow: Bool) -> Bool:
    """VM entry does not load the register from the shadow, merged or not.

    Neither the list of what VM entry loads nor any other part of the manual mentions it [SDM 29.3.2.1],
    and the control's author says so [GAO]; a reader of the shadow's description may expect the contrary.
    """
    return ~loads_shadow


@intel.assumption("list-spares-shadow", of=("entry_list_loads",))
def list_spares_shadow(s: Cpu, spills: Bool) -> Bool:
    """A VM-entry MSR-load entry for 48H leaves the shadow alone while the control is on.

    The manual calls the value in the MSR undefined and does not speak of the shadow. [SDM 29.4]
    """
    return ~spills


@intel.assumption("entry-loads-shadow", of=("vm_entry",), instead_of="entry-keeps-msr")
def entry_loads_shadow(s: Cpu, loads_shadow: Bool) -> Bool:
    """Every VM entry under the control loads the register from the shadow, merged as a WRMSR is.

    The text of a commit of Xen's says so [XEN]; nothing in the manual confirms it, and the control's author says the contrary.
    """
    return loads_shadow


@intel.assumption("list-spills", of=("entry_list_loads",), instead_of="list-spares-shadow")
def list_spills(s: Cpu, spills: Bool) -> Bool:
    """A VM-entry MSR-load entry for 48H sets the shadow too while the control is on, as a WRMSR in the guest would. [SDM 29.4]"""
    return spills


@intel.assumption("undefined-is-legal", of=("entry_list_loads",))
def undefined_is_legal(s: Cpu, value: Word, faults: Bool) -> Bool:
    """The undefined value that such an entry leaves has no bit that the register cannot hold.

    "Undefined" does not extend to bits that do not exist; the manual does not say so. [SDM 29.4]
    """
    return implies(virtualized(s) & ~faults, legal(s, value))


@intel.assumption("hidden-bits-fault", of=("initial",))
def hidden_bits_fault(s: Cpu) -> Bool:
    """A WRMSR that sets a bit which CPUID does not enumerate faults.

    The manual gives each bit with the CPUID feature that it comes with, so the others are reserved [SDM vol. 4].
    Sources disagree: by a comment in Xen STIBP is ignored and not refused where IBRS alone is enumerated [XEN],
    and Bochs takes every bit that it knows, whatever the CPU that it emulates enumerates [BOCHS msr.cc:815].
    """
    return (~s.enumerated & ~s.reserved) == 0


# What claims see.


@intel.view
def guest_runs(s: Cpu) -> Bool:
    """Guest software runs."""
    return s.nonroot


@intel.view
def effective(s: Cpu) -> Word:
    """What the processor acts on."""
    return s.msr


@intel.view
def rdmsr(s: Cpu) -> Word:
    """What RDMSR in the guest would return, were it not to exit."""
    return ite(virtualized(s), s.vmcs.shadow, s.msr)


@intel.view
def control(s: Cpu) -> Bool:
    """The control is on."""
    return virtualized(s)


def _as_it_is(path: str) -> None:
    """A view that is a field, under the field's own name."""

    def look(s: State) -> object:
        for name in path.split("."):
            s = getattr(s, name)
        return s

    look.__name__ = path.rpartition(".")[2]
    look.__doc__ = f"The field {path}."
    intel.view(look)


for _path in (
    "vmcs.mask", "vmcs.shadow", "vmcs.activated", "vmcs.bit7", "vmcs.loads_guest", "vmcs.loads_host", "vmcs.guest_field", "vmcs.host_field",
    "allows", "switches", "reserved", "enumerated", "aborted", "written", "undisturbed", "at_entry", "agreed", "tried", "tried_read", "privileged",
    "bitmap", "operand", "result", "done", "refused", "vmwrote", "entry_step", "exit_step", "from_list", "stored", "stored_value",
    "failed_early", "failed_late",
):  # fmt: skip
    _as_it_is(_path)


say_where(intel)
