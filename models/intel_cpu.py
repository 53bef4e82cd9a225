"""The state of one logical processor, as far as IA32_SPEC_CTRL is concerned; what it does is in intel.py.

Sources:
    [SDM]    Intel SDM vol. 3C, chapters 27 to 30, sections as cited (read in a translation); vol. 4 for the MSR
    [ENC]    Intel SDM, table of VMCS field encodings, February 2026
    [BOCHS]  bochs-emu/Bochs at 783b58fd6d9b, bochs/cpu/
"""

from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, State, field, frozen, ghost, observed, part


class Vmcs(State):
    """The current VMCS, as far as it concerns MSR 48H."""

    mask: U64 = field("IA32_SPEC_CTRL mask, 204AH: bits that guest software cannot change", source="[ENC]", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL shadow, 204CH: the value that guest software believes", source="[ENC]", bits=SPEC_CTRL)
    activated: Bool = field("primary control 17, activate tertiary controls", source="[SDM 27.6.2]")
    bit7: Bool = field("tertiary control 7, virtualize IA32_SPEC_CTRL", source="[SDM table 27-8]")
    loads_guest: Bool = field("VM-entry control 24, load IA32_SPEC_CTRL", source="[SDM 29.3.2.1]")
    loads_host: Bool = field("secondary VM-exit control 2, load IA32_SPEC_CTRL", source="[SDM 30.5.1]")
    guest_field: U64 = field("guest IA32_SPEC_CTRL, 282EH", source="[BOCHS vmx.h:377]", bits=SPEC_CTRL)
    host_field: U64 = field("host IA32_SPEC_CTRL, 2C1AH", source="[BOCHS vmx.h:408]", bits=SPEC_CTRL)


class Cpu(State):
    """One logical processor. It is in root operation, ready for software, where no stage below holds."""

    allows: Bool = frozen("IA32_VMX_PROCBASED_CTLS3 allows bit 7, and the two fields exist", source="[SDM 27.6.2]")
    switches: Bool = frozen("both 'load IA32_SPEC_CTRL' controls are allowed", source="[SDM 30.3.1]")
    reserved: U64 = frozen("the bits that a WRMSR to 48H rejects", source="[SDM vol. 4]", bits=SPEC_CTRL)
    enumerated: U64 = frozen("the bits that CPUID enumerates", source="[SDM vol. 4; CPUID leaf 7]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL, MSR 48H: the value that the processor acts on", bits=SPEC_CTRL)
    vmcs: Vmcs = part("the current VMCS")
    entering: Bool = field("a VM entry has loaded guest state and processes its MSR-load list")
    nonroot: Bool = field("guest software runs")
    storing: Bool = field("a VM exit has saved guest state and processes its MSR-store list")
    restoring: Bool = field("host state is loaded, and the VM-exit MSR-load list is processed")
    aborted: Bool = field("VMX abort: the processor is shut down")
    written: U64 = ghost("the operand of the last WRMSR that the guest did not see fail", bits=SPEC_CTRL)
    undisturbed: Bool = ghost("since then nothing wrote what RDMSR in the guest reads")
    at_entry: U64 = ghost("the MSR when the guest began to run", bits=SPEC_CTRL)
    agreed: Bool = ghost("MSR and shadow agreed outside the mask when the guest began to run")
    tried: Bool = observed("the step was a WRMSR in the guest")
    tried_read: Bool = observed("the step was an RDMSR in the guest")
    privileged: Bool = observed("it was executed at CPL 0")
    bitmap: Bool = observed("the MSR bitmap, or its absence, asks for a VM exit")
    operand: U64 = observed("EDX:EAX of the WRMSR", bits=SPEC_CTRL)
    result: U64 = observed("EDX:EAX after the RDMSR", bits=SPEC_CTRL)
    done: Bool = observed("the guest's access completed")
    refused: Bool = observed("the guest's access took #GP(0)")
    vmwrote: Bool = observed("the step was a VMWRITE of the mask, the shadow or the fields of the newer controls")
    entry_step: Bool = observed("the step was part of a VM entry")
    exit_step: Bool = observed("the step was part of a VM exit")
    from_list: Bool = observed("an MSR-load list had an entry for 48H")
    stored: Bool = observed("the VM-exit MSR-store list had an entry for 48H")
    stored_value: U64 = observed("what it stored", bits=SPEC_CTRL)
    failed_early: Bool = observed("VMfail: the VM entry failed on controls or host state")
    failed_late: Bool = observed("the VM entry failed during or after loading guest state")
