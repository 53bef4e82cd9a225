"""KVM/VMX as of Linux 6.12 without the feature: state, run loop, MSR accesses, nesting, RESET and INIT.

This file has the state that KVM's designs share and KVM's helpers, one function a helper, under its name
and in its order. kvm_actions.py has who can do what, and the views. A design of the series is
`kvm_upstream.but(...)` with the helpers that its patches change, so it reads like the patches.

Modelled: one vCPU. IA32_SPEC_CTRL from the guest's WRMSR to the register: the intercept of both accesses
in vmcs01's bitmap until the first nonzero write, the merge of L1's bitmap into vmcs02's, the WRMSR that
is skipped at VM entry and VM exit where the value is there already (on 32 bits at entry, as 6.12 does it),
RDMSR at VM exit where writes do not exit in the *current* VMCS, the legality test on this host's processor.
vmcs01 and vmcs02 with allocation and what it leaves (alloc_loaded_vmcs clears named members only), VMXON
and VMXOFF, nested entry from VMLAUNCH, from RSM and from KVM_SET_NESTED_STATE, MSR-load and MSR-store
lists entry by entry, the hardware check of early failures, late failures, SMI and RSM.

**Not modelled**
- KERNEL_IBRS hosts, which kvm_upstream_ibrs.py and kvm_proposed_ibrs.py have; Hyper-V's enlightened VMCS;
  KVM_X86_SET_MSR_FILTER; guests without CPUID.SPEC_CTRL; SEV and TDX.
- Another CPU. A vCPU that moves to one finds that CPU's host value: `host_changes`, while it does not run.
- IBPB and predictors; NMIs between the instructions of the entry and exit code. Interrupts are off there, but for
  nested_vmx_check_vmentry_hw(), which leaves them on: there a handler may run with the guest's value.
- A bitmap of L1 that changes while L2 runs: L1's choice for IA32_SPEC_CTRL writes is taken at the merge and
  holds for the reflection of exits too. Reads that L1 intercepts are exits to L1 like any other.
- vmcs02's bitmap between runs of L2: every way into L2 merges it again before vmcs02 is run, so nested
  exit sets it to "all intercepted".
- KVM_SET_NESTED_STATE, migration and INIT while the vCPU is in SMM; VMXON in SMM, which CR4 forbids.
- nested_run_pending: it only delays an exit from L2, and KVM_SET_NESTED_STATE can clear it.
- Migration from a virtualized to an emulated host or back: what is saved is the same in both, and the
  destination starts afresh, so every state that it can lead to is reached by the migrations modelled.
- What becomes of the guest after a VMX abort (an exit MSR-load list that fails), a triple fault or a failed
  RSM: KVM tells userspace, which may run the vCPU again, and so may the model.
- A VM entry of vmcs01 that the processor refuses, which would be a bug of KVM.
- An L1 that would use the control for its own L2: KVM does not offer it, and vmcs12 has no such fields.

Sources:
    [LNX]          Linux 6.12.117, arch/x86/kvm/; vmx.c and nested.c are in its vmx/
    [SDM]          Intel SDM vol. 3C, sections as cited
    [GAO]          Chao Gao (Intel) on the KVM list: VM entry and exit do not switch the register
    [XEN]          Xen commit 97c5b8b657, whose text says that VM entry loads the register from the shadow
    [4652401059]   an old copy of vmx.c, alloc_loaded_vmcs; [54710605035] the same in v6.18
    [25034412039]  RFC v2 04/11; [24512704415] 07/11; [24453324491] 08/11: fields that only the series has
    [K]            general knowledge of KVM

Views, ghosts and what is observed are specproof's own and cite nothing.
"""

from specproof.models.registers import LOW_HALF, RECODED, SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, field, frozen, ghost, ite, observed, part, select


class Vmcs(State):
    """A struct loaded_vmcs with the VMCS and the MSR bitmap that it points to."""

    mask: U64 = field("IA32_SPEC_CTRL_MASK, 204AH", source="[SDM 27.6.25]", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL_SHADOW, 204CH", source="[SDM 27.6.25]", bits=SPEC_CTRL)
    cache: U64 = field("loaded_vmcs->spec_ctrl_mask, which KVM believes to be in the mask field", source="[25034412039]", bits=SPEC_CTRL)
    spec_ctrl_virt: Bool = field("KVM asks for tertiary control 7, virtualize IA32_SPEC_CTRL, set where it exists", source="[SDM table 27-8]")
    ipi_virt: Bool = field("tertiary control 4, IPI virtualization; the module parameter enable_ipiv is taken to be set", source="[LNX vmx.c]")
    intercepted: Bool = field("L0's bits for RDMSR and WRMSR of IA32_SPEC_CTRL in its bitmap, always set and cleared together", source="[LNX vmx.c]")
    written: Bool = field("KVM has written its constant fields since it was allocated; for vmcs02 nested.vmcs02_initialized", source="[LNX nested.c]")


class Vcpu(State):
    """A struct vcpu_vmx, the processor that it is on, and what userspace holds of it during a migration."""

    virtualized: Bool = frozen("cpu_has_spec_ctrl_virt(): the processor has the control", source="[25034412039]")
    early_check: Bool = frozen("the module parameter nested_early_check", source="[LNX nested.c]")
    loads_shadow: Bool = frozen("VM entry loads the register from the shadow, which an assumption denies", source="[GAO]")
    defined: U64 = frozen("bits of IA32_SPEC_CTRL that some processor defines", source="[SDM vol. 4]", bits=SPEC_CTRL)
    fresh_mask: U64 = frozen("what the mask field of a cleared VMCS holds", source="[LNX vmx.c:alloc_vmcs]", bits=SPEC_CTRL)
    fresh_shadow: U64 = frozen("what the shadow field of a cleared VMCS holds", source="[LNX vmx.c:alloc_vmcs]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL, MSR 48H: what the processor acts on", source="[SDM vol. 4]", bits=SPEC_CTRL)
    host: U64 = field("x86_spec_ctrl_current of this CPU: what the host wants", source="[LNX vmx.c]", bits=SPEC_CTRL)
    accepts: U64 = field("bits that a WRMSR on this host's processor accepts", source="[LNX x86.c:kvm_spec_ctrl_test_value]", bits=SPEC_CTRL)
    enforces: U64 = field("bits that this host forces if the guest asks; see registers.enforceable", source="[24453324491]", bits=SPEC_CTRL)
    spec_ctrl: U64 = field("vmx->spec_ctrl: what VM entry loads", source="[LNX vmx.h]", bits=SPEC_CTRL)
    guest_spec_ctrl: U64 = field("vmx->guest_spec_ctrl: what the guest believes", source="[25034412039]", bits=SPEC_CTRL)
    mitigation_ctrl: U64 = field("vmx->msr_virtual_mitigation_ctrl, recoded", source="[24512704415]", bits=RECODED)
    mitigation_enum: U64 = field("vmx->msr_virtual_mitigation_enum, recoded", source="[24512704415]", bits=RECODED)
    enumerates: Bool = field("vmx->msr_virtual_enumeration, VIRT_ENUM_MITIGATION_CTRL_SUPPORT", source="[24512704415]")
    vmcs01: Vmcs = part("vmx->vmcs01, with which L1 runs")
    vmcs02: Vmcs = part("vmx->nested.vmcs02, with which L2 runs")
    running: Bool = field("guest software runs, on the current VMCS")
    guest_mode: Bool = field("is_guest_mode(): L2 is current, and vmx->loaded_vmcs is vmcs02", source="[LNX nested.c]")
    vmxon: Bool = field("L1 is in VMX operation: vmcs02 is allocated (in SMM this is nested.smm.vmxon)", source="[LNX nested.c]")
    smm: Bool = field("is_smm()", source="[LNX smm.c]")
    smm_guest_mode: Bool = field("nested.smm.guest_mode: the SMI came while L2 was current", source="[LNX vmx.c:vmx_enter_smm]")
    l1_intercepts: Bool = field("L1's bitmap asks for exits of WRMSR to IA32_SPEC_CTRL, as last merged", source="[LNX nested.c]")
    pages_pending: Bool = field("KVM_REQ_GET_NESTED_STATE_PAGES: the bitmaps are merged at the next VM entry", source="[LNX nested.c]")
    entering: Bool = field("nested entry processes L1's VM-entry MSR-load list", source="[LNX nested.c]")
    leaving: Bool = field("nested exit processes L1's VM-exit MSR-load list", source="[LNX nested.c]")
    todo_spec_ctrl: Bool = field("a migration: KVM_SET_MSRS of IA32_SPEC_CTRL is still to come", source="[K]")
    todo_mitigation_ctrl: Bool = field("a migration: KVM_SET_MSRS of MITIGATION_CTRL is still to come", source="[K]")
    todo_nested: Bool = field("a migration: KVM_SET_NESTED_STATE is still to come", source="[K]")
    image_spec_ctrl: U64 = field("a migration: IA32_SPEC_CTRL as KVM_GET_MSRS gave it", source="[K]", bits=SPEC_CTRL)
    image_mitigation_ctrl: U64 = field("a migration: MITIGATION_CTRL as KVM_GET_MSRS gave it, recoded", source="[K]", bits=RECODED)
    image_vmxon: Bool = field("a migration: KVM_GET_NESTED_STATE gave a VMXON region", source="[K]")
    image_guest_mode: Bool = field("a migration: KVM_GET_NESTED_STATE gave KVM_STATE_NESTED_GUEST_MODE", source="[K]")
    believed: U64 = ghost("the value that the guest, or userspace for it, set last and saw accepted", bits=SPEC_CTRL)
    promised: U64 = ghost("MITIGATION_CTRL as it was last accepted, recoded", bits=RECODED)
    refused: Bool = observed("the access was refused: #GP, or an error for the ioctl or for the list")
    refused_bits: U64 = observed("of a refused value, the bits that this host's processor does not accept", bits=SPEC_CTRL)
    read: U64 = observed("the value that the access read", bits=SPEC_CTRL)
    stale_at_exit: U64 = observed("bits in which vmx->spec_ctrl and the register differed when KVM compared it with the host's", bits=SPEC_CTRL)
    leaked: U64 = observed("bits in which the register differed from the host's value once KVM had restored that", bits=SPEC_CTRL)
    wrong_at_entry: U64 = observed("bits in which the register differed from vmx->spec_ctrl at a VM entry", bits=SPEC_CTRL)
    needless: U64 = observed("bits for whose sake the mask field was written though it held them already", bits=SPEC_CTRL)
    stored_wrong: U64 = observed("bits in which the VM-exit MSR-store list got another value than the guest's", bits=SPEC_CTRL)
    guest_wrote: Bool = observed("the guest, L1 or L2, executed WRMSR of IA32_SPEC_CTRL", quiet=True)
    operand: U64 = observed("... with this value, or that of an MSR-load list or of KVM_SET_MSRS", bits=SPEC_CTRL, quiet=True)
    guest_wrote_ctrl: Bool = observed("the guest executed WRMSR of MITIGATION_CTRL, or its MSR-load list has it", quiet=True)
    asked_reserved: Bool = observed("the value for MITIGATION_CTRL had a bit that KVM does not know")
    asked_untold: Bool = observed("... or one that MITIGATION_ENUM does not tell the guest of", quiet=True)
    guest_wrote_enum: Bool = observed("the guest executed WRMSR of MITIGATION_ENUM or of VIRTUAL_ENUMERATION", quiet=True)
    policy_written: Bool = observed("a write of MITIGATION_CTRL was accepted")
    list_loaded: Bool = observed("an MSR-load list set IA32_SPEC_CTRL")
    changed_level: Bool = observed("KVM went from L1 to L2 or back, or tried to", quiet=True)
    entry_failed: Bool = observed("a nested entry failed")
    return_failed: Bool = observed("a return to L2, by KVM_SET_NESTED_STATE or RSM, failed")
    reentered: Bool = observed("an exit that KVM handles, and the next entry", quiet=True)
    exited: Bool = observed("an exit that has nothing to do with the MSRs", quiet=True)
    host_chose: Bool = observed("the host's wish changed while KVM has the vCPU or elsewhere runs", quiet=True)
    host_has: U64 = observed("a migration: bits that the destination's processor has and KVM can force, recoded", bits=RECODED, quiet=True)
    host_needs: U64 = observed("... and those that protect from something there, recoded", bits=RECODED, quiet=True)
    restored: Bool = observed("a migration: userspace has restored all it saved")
    restore_refused_bits: U64 = observed("a migration: bits for which it refused the guest's value though that does not need them", bits=SPEC_CTRL)
    restore_refused: Bool = observed("a migration: the destination refused MITIGATION_CTRL")
    did_reset: Bool = observed("RESET: the vCPU was created")
    did_init: Bool = observed("INIT")
    other_vcpu: Bool = observed("another vCPU of the VM did something", quiet=True)
    guest_read: Bool = observed("the guest, L1 or L2, executed RDMSR of IA32_SPEC_CTRL", quiet=True)
    userspace_read: Bool = observed("KVM_GET_MSRS of IA32_SPEC_CTRL", quiet=True)
    userspace_wrote: Bool = observed("KVM_SET_MSRS of IA32_SPEC_CTRL", quiet=True)
    by_l1: Bool = observed("an instruction of L1", quiet=True)
    by_l2: Bool = observed("an instruction of L2", quiet=True)
    by_userspace: Bool = observed("an ioctl, other than those that restore a migrated vCPU", quiet=True)
    list_entry: Bool = observed("an entry of an MSR-load list", quiet=True)
    other_msr: Bool = observed("... for another MSR than IA32_SPEC_CTRL and MITIGATION_CTRL", quiet=True)
    list_ended: Bool = observed("an MSR-load list had no further entry", quiet=True)
    merged: Bool = observed("L1's bitmap was merged into vmcs02's", quiet=True)
    l1_asked: Bool = observed("... and asks for exits of WRMSR to IA32_SPEC_CTRL", quiet=True)
    vmx_on: Bool = observed("L1 was put into VMX operation, by VMXON or by userspace", quiet=True)
    vmx_off: Bool = observed("L1 was taken out of VMX operation, by VMXOFF or by userspace", quiet=True)
    smi: Bool = observed("an SMI", quiet=True)
    rsm: Bool = observed("RSM", quiet=True)


kvm_upstream = Design("kvm-upstream", Vcpu, doc="KVM/VMX as of Linux 6.12, without virtualization of IA32_SPEC_CTRL", vendor="KVM")


# The processor.


@kvm_upstream.function
def current(s: Vcpu) -> Vmcs:
    """vmx->loaded_vmcs, which is the processor's current VMCS. [LNX vmx.h]"""
    return select(s.guest_mode, s.vmcs02, s.vmcs01)


@kvm_upstream.function
def has_control(s: Vcpu, vmcs: Vmcs) -> Bool:
    """Tertiary control 7 is set: asked for, and in vmcs_config. [LNX vmx.c:setup_vmcs_config]"""
    return vmcs.spec_ctrl_virt & s.virtualized


@kvm_upstream.function
def vmcs_write(s: Vcpu, mask: Word | None = None, shadow: Word | None = None, cache: Word | None = None) -> Vcpu:
    """VMWRITE to the current VMCS (mask, shadow), and a store to its struct loaded_vmcs (cache). [SDM 31.3]"""
    changes = {name: value for name, value in (("mask", mask), ("shadow", shadow), ("cache", cache)) if value is not None}
    vmcs01 = select(s.guest_mode, s.vmcs01, s.vmcs01.replace(**changes))
    vmcs02 = select(s.guest_mode, s.vmcs02.replace(**changes), s.vmcs02)
    return s.replace(vmcs01=vmcs01, vmcs02=vmcs02)


@kvm_upstream.function
def wrmsr_in_guest(s: Vcpu, value: Word) -> Vcpu:
    """A WRMSR that does not exit: #GP is decided on the merged value, and the shadow takes the operand. [SDM 28.3]"""
    vmcs = current(s)
    merged = ite(has_control(s, vmcs), (s.msr & vmcs.mask) | (value & ~vmcs.mask), value)
    illegal = (merged & ~s.accepts) != 0
    shadow = ite(has_control(s, vmcs), value, vmcs.shadow)
    return select(illegal, s.replace(refused=True), vmcs_write(s.replace(msr=merged), shadow=shadow))


@kvm_upstream.function
def rdmsr_in_guest(s: Vcpu) -> Word:
    """An RDMSR that does not exit. [SDM 28.3]"""
    return ite(has_control(s, current(s)), current(s).shadow, s.msr)


# The run loop.


@kvm_upstream.function
def msr_write_intercepted(s: Vcpu) -> Bool:
    """Whether WRMSR of IA32_SPEC_CTRL exits in the VMCS that is loaded now. [LNX vmx.c:msr_write_intercepted]"""
    return ite(s.guest_mode, s.vmcs02.intercepted | s.l1_intercepts, s.vmcs01.intercepted)


@kvm_upstream.function
def vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """The guest's value is loaded unless the host's low half equals it, then VMLAUNCH or VMRESUME. [LNX vmenter.S:__vmx_vcpu_run]"""
    low = s.spec_ctrl & LOW_HALF
    s = s.when(low != (s.host & LOW_HALF), msr=low)
    s = s.replace(wrong_at_entry=s.wrong_at_entry | (s.msr ^ s.spec_ctrl))
    vmcs = current(s)
    return s.when(s.loads_shadow & has_control(s, vmcs), msr=(s.msr & vmcs.mask) | (vmcs.shadow & ~vmcs.mask))


@kvm_upstream.function
def save_guest_spec_ctrl(s: Vcpu) -> Vcpu:
    """What VMX_RUN_SAVE_SPEC_CTRL asks for after a VM exit. [LNX vmx.c:vmx_spec_ctrl_restore_host]"""
    return s.replace(spec_ctrl=s.msr)


@kvm_upstream.function
def vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """Saves the guest's value if writes did not exit, then writes the host's unless the saved value equals it. [LNX vmx.c]"""
    s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
    s = s.replace(stale_at_exit=s.stale_at_exit | (s.spec_ctrl ^ s.msr))
    s = s.when(s.spec_ctrl != s.host, msr=s.host)
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


@kvm_upstream.function
def vm_exits(s: Vcpu) -> Vcpu:
    """A VM exit, up to the return of __vmx_vcpu_run. [LNX vmenter.S:vmx_vmexit]"""
    return vmx_spec_ctrl_restore_host(s).replace(running=False)


@kvm_upstream.function
def vm_enters(s: Vcpu) -> Vcpu:
    """A VM entry that succeeds. [LNX vmx.c:vmx_vcpu_enter_exit]"""
    return vmx_vcpu_run(s).replace(running=True)


# MSR accesses.


@kvm_upstream.function
def kvm_spec_ctrl_test_value(s: Vcpu, value: Word) -> Vcpu:
    """Refuses a value that a WRMSR on this host faults on. [LNX x86.c]"""
    beyond = value & ~s.accepts
    return s.when(beyond != 0, refused=True, refused_bits=beyond)


@kvm_upstream.function
def vmx_disable_intercept_for_msr(s: Vcpu) -> Vcpu:
    """IA32_SPEC_CTRL, reads and writes: always in vmcs01's bitmap, whichever VMCS is loaded. [LNX vmx.c]"""
    return s.replace(vmcs01=s.vmcs01.replace(intercepted=False))


@kvm_upstream.function
def vmx_enable_intercept_for_msr(s: Vcpu) -> Vcpu:
    """IA32_SPEC_CTRL, reads and writes: always in vmcs01's bitmap, whichever VMCS is loaded. [LNX vmx.c]"""
    return s.replace(vmcs01=s.vmcs01.replace(intercepted=True))


@kvm_upstream.function
def vmx_get_msr_spec_ctrl(s: Vcpu) -> Word:
    """vmx_get_msr, case MSR_IA32_SPEC_CTRL. [LNX vmx.c]"""
    return s.spec_ctrl


@kvm_upstream.function
def vmx_set_msr_spec_ctrl(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr, case MSR_IA32_SPEC_CTRL; the first nonzero value passes the MSR through. [LNX vmx.c]"""
    tested = kvm_spec_ctrl_test_value(s, data)
    s = s.replace(spec_ctrl=data)
    s = select(data == 0, s, vmx_disable_intercept_for_msr(s))
    return select(tested.refused, tested, s)


@kvm_upstream.function
def vmx_get_msr_mitigation_ctrl(s: Vcpu) -> Word:
    """vmx_get_msr, case MSR_VIRTUAL_MITIGATION_CTRL, host-initiated: unknown before the series. [K]"""
    return s.mitigation_ctrl


@kvm_upstream.function
def vmx_set_msr_mitigation_ctrl(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """vmx_set_msr, case MSR_VIRTUAL_MITIGATION_CTRL, the value recoded: an unknown MSR before the series. [K]"""
    return s.replace(refused=True)


@kvm_upstream.function
def vmx_set_msr_mitigation_enum(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr by the guest, cases MSR_VIRTUAL_ENUMERATION and MSR_VIRTUAL_MITIGATION_ENUM. [K]"""
    return s.replace(refused=True)


@kvm_upstream.function
def other_vcpu_set_msr(s: Vcpu, data: Word) -> Vcpu:
    """What another vCPU's WRMSR to IA32_SPEC_CTRL or MITIGATION_CTRL changes here: nothing, all is in struct vcpu_vmx. [LNX vmx.h]"""
    return s
