"""KVM/SVM as of Linux 6.12, with AMD's V_SPEC_CTRL and without it, nested SVM included.

With V_SPEC_CTRL the processor has two registers: the host's, which WRMSR writes in the host, and the
guest's, which VMRUN loads from the VMCB and #VMEXIT stores there. While a guest runs both count, ORed. KVM
then keeps the guest's value in the VMCB and never writes the register around VMRUN. Without it KVM swaps
values in the one register, in assembly, on 32 bits, as on VMX.

Modelled: one vCPU. The intercept of both accesses, open from the start with V_SPEC_CTRL, else until the first
nonzero write; the legality test on this host's processor; VMRUN and #VMEXIT with their skipped WRMSRs; nested
VMRUN and #VMEXIT with the copy of the value between vmcb01 and vmcb02 and the merge of L1's permission map;
KVM_SET_MSRS; KVM_SET_NESTED_STATE with L2 active, or without it while L2 is (a forced leave, as are
KVM_SET_VCPU_EVENTS that changes SMM and EFER.SVME cleared by KVM_SET_SREGS); INIT; who trained the predictors.

**Not modelled**
- SEV-ES and SNP guests, whose value is in the encrypted VMSA, and SNP's effective value, which is not ORed.
- MSR_VIRT_SPEC_CTRL and LS_CFG, the older ways to disable speculative store bypass.
- Hosts with legacy IBRS in the kernel: Linux has that on Intel's processors only (kvm_upstream_ibrs.py).
- SMM, whose entry is a nested #VMEXIT and whose RSM is a nested entry, as modelled; VMRUN in SMM.
- A guest whose vmcb12 names a value of its own: KVM does not offer V_SPEC_CTRL to L1.
- Hyper-V's enlightened MSR bitmap; AVIC; userspace MSR filters; the RSB.
- KVM_REQ_GET_NESTED_STATE_PAGES: L1's permission map is merged within KVM_SET_NESTED_STATE, where KVM does it before the next VMRUN. What a
  KVM_SET_MSRS in between opens is closed here until the next nested VMRUN.
- Allocation of vmcb02: its page is zeroed, and its value is written before each use.

Sources:
    [LNX]    Linux 6.12.117, arch/x86/kvm/; svm.c, nested.c and vmenter.S are in its svm/
    [V]      Babu Moger's patch for V_SPEC_CTRL, Linux d00b99c514b3, text in [25368846396] and [45828484835]
    [APM]    AMD Architecture Programmer's Manual vol. 2, by way of [V]: 8000_000A:EDX[20], VMCB offset 6E0H
    [6.19]   the entry code's correction to 64 bits, [33416235019] and [7784493728]
    [6.16]   IBPB on emulated exits, Linux 656d9624bd21, [47881104438]
"""

from specproof.models.registers import LOW_HALF, SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, disj, field, frozen, ghost, ite, observed, select


class Vcpu(State):
    """A struct vcpu_svm and the processor that it is on."""

    v_spec_ctrl: Bool = frozen("the processor has V_SPEC_CTRL", source="[APM]")
    has_msr: Bool = frozen("guest_has_spec_ctrl_msr(): the guest's CPUID says that the register exists", source="[LNX cpuid.h]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[APM]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL; with V_SPEC_CTRL, the host's", bits=SPEC_CTRL)
    guest_msr: U64 = field("with V_SPEC_CTRL, the guest's, while it runs", source="[APM]", bits=SPEC_CTRL)
    host: U64 = field("x86_spec_ctrl_current: the value that the host wants", source="[LNX vmenter.S]", bits=SPEC_CTRL)
    spec_ctrl: U64 = field("svm->spec_ctrl", source="[LNX svm.h]", bits=SPEC_CTRL)
    save01: U64 = field("vmcb01's save.spec_ctrl", source="[LNX asm/svm.h]", bits=SPEC_CTRL)
    save02: U64 = field("vmcb02's save.spec_ctrl", source="[LNX asm/svm.h]", bits=SPEC_CTRL)
    opened: Bool = field("a nonzero write opened the register in svm->msrpm", source="[LNX svm.c]")
    merged: Bool = field("vmcb02 points to the merged map, not to svm->msrpm", source="[LNX nested.c]")
    closed02: Bool = field("what svm->msrpm said when it was merged", source="[LNX nested.c]")
    l1_asks: Bool = field("what L1's map said then", source="[LNX nested.c]")
    guest_mode: Bool = field("L2 is active; vmcb02 is current", source="[LNX nested.c]")
    running: Bool = field("the guest runs")
    believed: U64 = ghost("the value that the guest, or userspace for it, set last and saw accepted", bits=SPEC_CTRL)
    l1_wants: Bool = ghost("L1 asked for exits on L2's accesses when it entered L2")
    trained_by_l2: Bool = ghost("L2 ran since the last IBPB")
    other_vmcb: Bool = field("sd->current_vmcb is another VMCB than this vCPU's current one, as vcpu_load will see", source="[LNX svm.c]")
    trained_by_other: Bool = ghost("another vCPU ran on this CPU since the last IBPB")
    guest_wrote: Bool = observed("the step was a WRMSR by L1 or L2")
    operand: U64 = observed("its value, or that of KVM_SET_MSRS", bits=SPEC_CTRL)
    userspace_wrote: Bool = observed("the step was KVM_SET_MSRS", quiet=True)
    refused: Bool = observed("an access was refused")
    copied: Bool = observed("the guest stopped, and its value was saved")
    changed_level: Bool = observed("went from L1 to L2 or back, or tried to")
    entry_failed: Bool = observed("a nested VMRUN failed")
    reentered: Bool = observed("an exit and the next entry")
    did_init: Bool = observed("INIT")
    host_chose: Bool = observed("the host's wish changed while KVM has the vCPU", quiet=True)
    host_illegal: U64 = observed("bits that a WRMSR of KVM set and the processor rejects", bits=SPEC_CTRL)
    stale_at_exit: U64 = observed("bits in which KVM compared something else than the register with the host's value", bits=SPEC_CTRL)
    wrong_at_entry: U64 = observed("bits in which the register differs from KVM's copy after VMRUN", bits=SPEC_CTRL)


kvm_svm = Design("kvm-svm", Vcpu, doc="KVM/SVM as of Linux 6.12, with V_SPEC_CTRL and without", vendor="KVM")
kvm_svm.setting("v-spec-ctrl", lambda s: s.v_spec_ctrl)
kvm_svm.setting("swapped", lambda s: ~s.v_spec_ctrl)
kvm_svm.configure("v-spec-ctrl", "swapped")


@kvm_svm.initial
def created(s: Vcpu) -> Bool:
    """KVM_CREATE_VCPU: zeroed structures. [LNX svm.c]"""
    quiet = s.matches(merged=False, closed02=False, l1_asks=False, l1_wants=False, guest_mode=False, running=False)
    quiet &= s.matches(trained_by_l2=False, trained_by_other=False, other_vmcb=False)
    zero = s.matches(guest_msr=0, spec_ctrl=0, save01=0, save02=0, believed=0)
    return quiet & zero & s.matches(opened=False, msr=s.host) & ((s.host & ~s.accepts) == 0)


@kvm_svm.function
def knows_v_spec_ctrl(s: Vcpu) -> Bool:
    """boot_cpu_has(X86_FEATURE_V_SPEC_CTRL). [LNX svm.c]"""
    return s.v_spec_ctrl


@kvm_svm.function
def closed(s: Vcpu) -> Bool:
    """svm->msrpm asks for exits: with V_SPEC_CTRL init_vmcb opens it unconditionally, else the first nonzero write. [LNX svm.c]"""
    return ~(knows_v_spec_ctrl(s) | s.opened)


def current_save(s: Vcpu) -> Word:
    """svm->vmcb->save.spec_ctrl."""
    return ite(s.guest_mode, s.save02, s.save01)


def with_save(s: Vcpu, value: Word) -> Vcpu:
    """The same with another value there."""
    return s.replace(save01=ite(s.guest_mode, s.save01, value), save02=ite(s.guest_mode, value, s.save02))


def exits(s: Vcpu) -> Bool:
    """The current VMCB's map asks for an exit on L0's behalf; merged or not."""
    return ite(s.guest_mode & s.merged, s.closed02, closed(s))


def reflected(s: Vcpu) -> Bool:
    """L2's access is an exit to L1."""
    return s.guest_mode & s.merged & s.l1_asks


# svm.c and vmenter.S.


@kvm_svm.function
def svm_get_msr(s: Vcpu) -> Word:
    """IA32_SPEC_CTRL as KVM has it while the guest does not run. [LNX svm.c]"""
    return ite(knows_v_spec_ctrl(s), current_save(s), s.spec_ctrl)


@kvm_svm.function
def svm_set_msr(s: Vcpu, value: Word, host_initiated: bool) -> Vcpu:
    """Checks, the store, and from the first nonzero value on no intercept in svm->msrpm. [LNX svm.c]"""
    legal = (value & ~s.accepts) == 0
    allowed = legal if host_initiated else legal & s.has_msr
    stored = select(knows_v_spec_ctrl(s), with_save(s, value), s.replace(spec_ctrl=value))
    return select(allowed, stored.when(value != 0, opened=True), s.replace(refused=True))


@kvm_svm.function
def restore_guest_spec_ctrl(s: Vcpu) -> Vcpu:
    """RESTORE_GUEST_SPEC_CTRL: 32 bits are compared and written, EDX is 0. [LNX vmenter.S]"""
    value = s.spec_ctrl & LOW_HALF
    written = s.when(value != (s.host & LOW_HALF), msr=value, host_illegal=value & ~s.accepts)
    return select(knows_v_spec_ctrl(s), s, written)


@kvm_svm.function
def restore_host_spec_ctrl(s: Vcpu) -> Vcpu:
    """RESTORE_HOST_SPEC_CTRL: EAX of the register is saved unless writes exit; the host's value, if it differs. [LNX vmenter.S]"""
    saved = s.when(~(exits(s) | reflected(s)), spec_ctrl=(s.spec_ctrl & ~LOW_HALF) | (s.msr & LOW_HALF))
    stale = s.msr ^ (saved.spec_ctrl & LOW_HALF)
    host = saved.host & LOW_HALF
    restored = saved.when((saved.spec_ctrl & LOW_HALF) != host, msr=host).replace(stale_at_exit=stale)
    return select(knows_v_spec_ctrl(s), s, restored)


@kvm_svm.function
def svm_vcpu_load(s: Vcpu) -> Vcpu:
    """IBPB where this CPU loaded another VMCB last; it runs at each ioctl, KVM_RUN included. [LNX svm.c]"""
    return s.when(s.other_vmcb, other_vmcb=False, trained_by_other=False, trained_by_l2=False)


@kvm_svm.function
def svm_vcpu_run(s: Vcpu) -> Vcpu:
    """VMRUN: with V_SPEC_CTRL the processor loads the guest's register from the VMCB. [LNX svm.c, APM]"""
    s = restore_guest_spec_ctrl(svm_vcpu_load(s))
    loaded = s.replace(guest_msr=ite(s.v_spec_ctrl, current_save(s), s.guest_msr))
    wrong = ite(knows_v_spec_ctrl(s), 0, loaded.msr ^ loaded.spec_ctrl)
    return loaded.replace(running=True, wrong_at_entry=wrong, trained_by_l2=s.trained_by_l2 | s.guest_mode)


@kvm_svm.function
def vm_exits(s: Vcpu) -> Vcpu:
    """#VMEXIT: with V_SPEC_CTRL the processor stores the guest's register; then the assembly. [LNX vmenter.S, APM]"""
    stored = select(s.v_spec_ctrl, with_save(s, s.guest_msr), s)
    return restore_host_spec_ctrl(stored).replace(running=False, copied=True)


# nested.c.


@kvm_svm.function
def nested_svm_copy_common_state(s: Vcpu, to_l2: bool) -> Vcpu:
    """The value goes from the one VMCB to the other. [LNX nested.c]"""
    return s.replace(save02=s.save01) if to_l2 else s.replace(save01=s.save02)


@kvm_svm.function
def nested_svm_vmrun_msrpm(s: Vcpu, uses: Bool, asks: Bool) -> Vcpu:
    """The merged map, unless L1 intercepts no MSR at all: then vmcb02 keeps pointing to svm->msrpm. [LNX nested.c]"""
    return s.replace(merged=uses, closed02=uses & closed(s), l1_asks=uses & asks)


def to_l1(s: Vcpu) -> Vcpu:
    """svm_switch_vmcb(vmcb01)."""
    no = disj(())
    return s.replace(guest_mode=no, merged=no, closed02=no, l1_asks=no, l1_wants=no, changed_level=True)


@kvm_svm.function
def nested_svm_vmexit(s: Vcpu) -> Vcpu:
    """The value is copied back, then vmcb01 is current. No IBPB before 6.16. [LNX nested.c, 6.16]"""
    return to_l1(nested_svm_copy_common_state(s, to_l2=False))


@kvm_svm.function
def svm_leave_nested(s: Vcpu) -> Vcpu:
    """vmcb01 is current again; nothing is copied. [LNX nested.c]"""
    return select(s.guest_mode, to_l1(s), s)


@kvm_svm.function
def enter_svm_guest_mode(s: Vcpu) -> Vcpu:
    """The value is copied, vmcb02 is current. [LNX nested.c]"""
    return nested_svm_copy_common_state(s, to_l2=True).replace(guest_mode=True, changed_level=True)


@kvm_svm.function
def svm_vcpu_reset(s: Vcpu) -> Vcpu:
    """INIT: svm->spec_ctrl is cleared; init_vmcb touches neither the VMCB's value nor an open map. [LNX svm.c]"""
    return s.replace(spec_ctrl=0)


# Who does what.


def idle(s: Vcpu) -> Bool:
    """KVM or userspace has the vCPU."""
    return ~s.running


@kvm_svm.action(by="KVM", guard=idle, source="arch/x86/kvm/svm/svm.c:svm_vcpu_run")
def vm_entry(s: Vcpu) -> Vcpu:
    """KVM enters L1 or L2. [LNX svm.c]"""
    return svm_vcpu_run(s)


@kvm_svm.action(by="processor", guard=lambda s: s.running, source="arch/x86/kvm/svm/vmenter.S:__svm_vcpu_run")
def vm_exit(s: Vcpu) -> Vcpu:
    """An exit that has nothing to do with the register. [LNX vmenter.S]"""
    return vm_exits(s)


@kvm_svm.action(by="KVM", guard=lambda s: s.running, source="arch/x86/kvm/svm/svm.c:svm_vcpu_run")
def exit_and_reenter(s: Vcpu, host: U64) -> Vcpu:
    """The same, and KVM enters again, perhaps with another host value, as after a preemption. [LNX svm.c]"""
    s = vm_exits(s)
    return svm_vcpu_run(s.replace(host=host & s.accepts, msr=host & s.accepts)).replace(reentered=True)


@kvm_svm.action(by="host", guard=idle, source="arch/x86/kernel/cpu/bugs.c:update_spec_ctrl_cond")
def host_changes(s: Vcpu, value: U64) -> Vcpu:
    """The host's wish changes and is written: another task, prctl, another CPU. [LNX bugs.c]"""
    return s.replace(host=value & s.accepts, msr=value & s.accepts, host_chose=True)


@kvm_svm.action(by="another vCPU", guard=idle, source="arch/x86/kvm/svm/svm.c:svm_vcpu_load")
def other_vcpu_runs(s: Vcpu) -> Vcpu:
    """Another vCPU runs on this CPU, whose exit restores the host's value. [LNX svm.c]"""
    return s.replace(trained_by_other=True, other_vmcb=True)


@kvm_svm.action(by="guest", guard=lambda s: s.running & ~reflected(s), source="arch/x86/kvm/svm/svm.c:svm_set_msr")
def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """WRMSR by L1 or L2: passed through, the processor decides; intercepted, KVM does, and enters again. L1's intercepts are exits to L1."""
    s = s.replace(guest_wrote=True, operand=value)
    written = s.replace(guest_msr=ite(s.v_spec_ctrl, value, s.guest_msr), msr=ite(s.v_spec_ctrl, s.msr, value))
    passed = select((value & ~s.accepts) == 0, written, s.replace(refused=True))
    s = select(exits(s), svm_vcpu_run(svm_set_msr(vm_exits(s), value, host_initiated=False)), passed)
    return s.when(~s.refused, believed=value)


@kvm_svm.action(by="userspace", guard=idle, source="arch/x86/kvm/x86.c:do_set_msr")
def kvm_set_msrs(s: Vcpu, value: U64) -> Vcpu:
    """KVM_SET_MSRS, which asks no CPUID. [LNX x86.c]"""
    s = svm_set_msr(s, value, host_initiated=True)
    return s.when(~s.refused, believed=value).replace(userspace_wrote=True, operand=value)


@kvm_svm.action(by="L1", guard=lambda s: idle(s) & ~s.guest_mode, source="arch/x86/kvm/svm/nested.c:nested_svm_vmrun")
def nested_svm_vmrun(s: Vcpu, uses: Bool, asks: Bool, fails: Bool) -> Vcpu:
    """L1's VMRUN; it may fail in the MMU or because L1's map cannot be read, and is undone by a nested #VMEXIT. [LNX nested.c]"""
    entered = enter_svm_guest_mode(s).replace(l1_wants=uses & asks)
    return select(fails, nested_svm_vmexit(entered).replace(entry_failed=True), nested_svm_vmrun_msrpm(entered, uses, asks))


@kvm_svm.action(by="KVM", guard=lambda s: idle(s) & s.guest_mode, source="arch/x86/kvm/svm/nested.c:nested_svm_vmexit")
def nested_vmexit(s: Vcpu) -> Vcpu:
    """An exit of L2 that is L1's. [LNX nested.c]"""
    return nested_svm_vmexit(s)


@kvm_svm.action(by="userspace", guard=idle, source="arch/x86/kvm/svm/nested.c:svm_set_nested_state")
def kvm_set_nested_state(s: Vcpu, uses: Bool, asks: Bool) -> Vcpu:
    """KVM_SET_NESTED_STATE with L2 active: vmcb02's save area becomes vmcb01's, unless L2 was active: then it stays. [LNX nested.c]"""
    copied = s.replace(save02=ite(s.guest_mode, s.save02, s.save01), guest_mode=True)
    return nested_svm_vmrun_msrpm(copied, uses, asks).replace(l1_wants=uses & asks, other_vmcb=True)


@kvm_svm.action(by="userspace", guard=lambda s: idle(s) & s.guest_mode, source="arch/x86/kvm/svm/nested.c:svm_leave_nested")
def kvm_leave_nested(s: Vcpu) -> Vcpu:
    """KVM_SET_NESTED_STATE without L2, KVM_SET_VCPU_EVENTS that changes SMM, or an EFER without SVME. [LNX nested.c, x86.c]"""
    return svm_leave_nested(s).replace(other_vmcb=True)


@kvm_svm.action(by="another vCPU", guard=idle, source="arch/x86/kvm/x86.c:kvm_vcpu_reset")
def init(s: Vcpu) -> Vcpu:
    """INIT, which L1 may leave to hit L2: a forced leave first. The guest starts afresh, and believes what it finds. [LNX x86.c]"""
    s = svm_vcpu_reset(svm_leave_nested(s))
    return s.replace(believed=svm_get_msr(s), trained_by_l2=False, did_init=True, changed_level=False)


@kvm_svm.assumption("high-half-reserved", of=("initial",))
def high_half_reserved(s: Vcpu) -> Bool:
    """No processor accepts a bit above 31 of the register, so that 32 bits are enough.

    None is defined [APM]; 6.12 compares and writes 32 bits [LNX vmenter.S], and 6.19 no longer relies on it [6.19].
    """
    return (s.accepts & ~LOW_HALF) == 0
