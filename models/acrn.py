"""ACRN: IA32_SPEC_CTRL passed through; on each exit the guest's value is saved and a constant takes its place.

Modelled: two vCPUs that take turns on one CPU (ACRN shares CPUs between VMs unless its scenario pins them),
`vmx_vmrun` with its three types of IBRS handling, as configurations: `none` (a retpoline build: nothing is
switched, and RRSBA_DIS_S is set once when the CPU comes up), `raw` (IBRS=1 on exit), `opt` (STIBP=1 and an
IBPB on exit). The save of the low 32 bits and the load of the low 32 bits; VMLAUNCH and VMRESUME that
fail, after which no register is saved or restored; IBPB before VMLAUNCH, and nowhere else, in `raw`.

**Not modelled**
- The ASSERT that stops the CPU of a debug build after a failed entry; a release build makes the vCPU a zombie
  and goes on with what is in the register, and so does the model.
- Trusty's secure world, which has a second saved value in the same vCPU; ACRN's nested guests.
- The RSB, which is stuffed on every successful exit; L1D and MDS flushes; NMIs in the entry and exit code.
- Hypervisor code that writes the register later: there is none but `disable_rrsba`.

Sources:
    [ASM]    projectacrn/acrn-hypervisor at d61d98cf800e, hypervisor/arch/x86/guest/vmx_asm.S
    [SEC]    hypervisor/arch/x86/security.c: detect_ibrs and disable_rrsba, both under CONFIG_RETPOLINE
    [CPU]    hypervisor/arch/x86/cpu.c, init_pcpu_post
    [VCPU]   hypervisor/arch/x86/guest/vcpu.c, run_vcpu and context_switch_in
    [SDM]    Intel SDM vol. 4, IA32_SPEC_CTRL; vol. 3C, 26.2 on VMfail
"""

from specproof.models.elsewhere import say_where
from specproof.models.registers import LOW_HALF, SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, conj, disj, field, frozen, ghost, implies, ite, observed, part, select, word


class Vcpu(State):
    """What ACRN keeps of a vCPU."""

    ia32_spec_ctrl: U64 = field("run_context.ia32_spec_ctrl, the guest's value while it does not run", source="[ASM]", bits=SPEC_CTRL)
    launched: Bool = field("VMLAUNCH was executed once; from then on VMRESUME is", source="[VCPU]")
    zombie: Bool = field("an entry failed, and the vCPU does not run again", source="[VCPU]")
    believed: U64 = ghost("the value that the guest set last", bits=SPEC_CTRL)
    trained: Bool = ghost("the vCPU ran since the last IBPB on this CPU")


class Cpu(State):
    """One CPU and the two vCPUs that it runs."""

    raw: Bool = frozen("ibrs_type is IBRS_RAW: the processor enumerates IBRS and IBPB", source="[SEC]")
    opt: Bool = frozen("ibrs_type is IBRS_OPT: it enumerates STIBP too", source="[SEC]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[SDM]", bits=SPEC_CTRL)
    boot: U64 = frozen("what the register held once the CPU was up", source="[CPU]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    a: Vcpu = part("one vCPU")
    b: Vcpu = part("another, of another VM")
    running: Bool = field("one of them runs")
    second: Bool = field("the vCPU that runs, or ran last, is b")
    exited: Bool = ghost("a guest ran since the CPU came up")
    guest_wrote: Bool = observed("the step was a WRMSR by the guest")
    operand: U64 = observed("its value", bits=SPEC_CTRL)
    refused: Bool = observed("it took #GP")
    copied: Bool = observed("the step saved the register")
    host_entered: Bool = observed("the step began to run the hypervisor after a guest")
    host_wrote: Bool = observed("... which wrote the register")
    host_illegal: U64 = observed("bits that a WRMSR of the hypervisor set and the processor rejects", bits=SPEC_CTRL)


acrn = Design("acrn", Cpu, doc="ACRN: passed through, saved on exit, a constant for the hypervisor", vendor="ACRN")
acrn.setting("none", lambda s: ~s.raw & ~s.opt)
acrn.setting("raw", lambda s: s.raw & ~s.opt)
acrn.setting("opt", lambda s: ~s.raw & s.opt)
acrn.configure("none", "raw", "opt")

_NO_CONTROL = "ACRN does not use the control"
_NOTHING_FORCED = "ACRN forces no bits on a guest"
_NOT_MODELLED = "ACRN's nested guests are not modelled"
acrn.lacks(
    virtualized=_NO_CONTROL, control=_NO_CONTROL, shadow=_NO_CONTROL, mask_field=_NO_CONTROL, stale_cache=_NO_CONTROL,
    miswired=_NO_CONTROL, needless_mask_write=_NO_CONTROL, touched_fields=_NO_CONTROL, control_on=_NO_CONTROL,
    required_mask=_NOTHING_FORCED, required_value=_NOTHING_FORCED, applied_mask=_NOTHING_FORCED, ctrl=_NOTHING_FORCED,
    policy_written=_NOTHING_FORCED, guest_wrote_ctrl=_NOTHING_FORCED, ctrl_refused=_NOTHING_FORCED,
    in_l2=_NOT_MODELLED, changed_level=_NOT_MODELLED, list_loaded=_NOT_MODELLED, entry_failed=_NOT_MODELLED,
    userspace_reads="ACRN tells nobody of a guest's value",
    restored="ACRN does not migrate guests",
    did_reset="a reset clears the saved value together with all of run_context; it is not modelled",
)  # fmt: skip


@acrn.initial
def created(s: Cpu) -> Bool:
    """The CPU is up, both vCPUs are new. Only a retpoline build sets RRSBA_DIS_S, and that build is `none`. [SEC, CPU]"""
    new = s.a.matches(ia32_spec_ctrl=0, launched=False, zombie=False, believed=0, trained=False)
    new &= s.b.matches(ia32_spec_ctrl=0, launched=False, zombie=False, believed=0, trained=False)
    boot = ((s.boot & ~word(SPEC_CTRL.RRSBA_DIS_S)) | (s.boot & ~s.accepts) | ite(s.raw | s.opt, s.boot, 0)) == 0
    enumerated = implies(s.raw, s.accepts.bit(0)) & implies(s.opt, s.accepts.bit(1))
    return new & boot & enumerated & s.matches(msr=s.boot, running=False, second=False, exited=False)


def current(s: Cpu) -> Vcpu:
    """The vCPU that runs or ran last."""
    return select(s.second, s.b, s.a)


def with_current(s: Cpu, new: Vcpu) -> Cpu:
    """The same with another state of that vCPU."""
    return s.replace(a=select(s.second, s.a, new), b=select(s.second, new, s.b))


@acrn.function
def ibpb(s: Cpu) -> Cpu:
    """IA32_PRED_CMD.IBPB: no prediction of before is used after it."""
    return s.replace(a=s.a.replace(trained=False), b=s.b.replace(trained=False))


@acrn.function
def run_vcpu(s: Cpu) -> Cpu:
    """IBPB before the first entry of a vCPU in `raw`; its own comment asks for one wherever the VMCS changes. [VCPU]"""
    s = select(s.raw & ~current(s).launched, ibpb(s), s)
    return with_current(s, current(s).replace(launched=True))


@acrn.function
def vmx_vmrun_load(s: Cpu) -> Cpu:
    """The guest's value is written unconditionally: EAX from the saved value, EDX 0. [ASM]"""
    value = current(s).ia32_spec_ctrl & LOW_HALF
    return s.when(s.raw | s.opt, msr=value, host_illegal=value & ~s.accepts)


@acrn.function
def vmx_vmrun_save(s: Cpu) -> Cpu:
    """After an exit: EAX is saved, zero-extended; then a constant is written, after an IBPB in `opt`. [ASM]"""
    constant = ite(s.opt, word(SPEC_CTRL.STIBP), SPEC_CTRL.IBRS)
    saved = with_current(s, current(s).replace(ia32_spec_ctrl=s.msr & LOW_HALF))
    switched = saved.replace(msr=constant, copied=True, host_wrote=True, host_illegal=constant & ~s.accepts)
    return select(s.raw | s.opt, select(s.opt, ibpb(switched), switched), s).replace(running=False, exited=True, host_entered=True)


@acrn.function
def vm_fails(s: Cpu) -> Cpu:
    """The carry or the zero flag is set: return at once, before the register is looked at. [ASM vm_return]"""
    return with_current(s, current(s).replace(zombie=True)).replace(exited=True, host_entered=True)


@acrn.action(by="ACRN", guard=lambda s: ~s.running, source="hypervisor/arch/x86/guest/vmx_asm.S:vmx_vmrun")
def run(s: Cpu, second: Bool, fails: Bool) -> Cpu:
    """A vCPU is entered; the entry may fail after the register was written. [ASM, VCPU]"""
    chosen = s.replace(second=second)
    new = vmx_vmrun_load(run_vcpu(chosen))
    entered = with_current(new, current(new).replace(trained=True)).replace(running=True)
    return select(current(chosen).zombie, s, select(fails, vm_fails(new), entered))


@acrn.action(by="guest", guard=lambda s: s.running, source="hypervisor/arch/x86/guest/vmsr.c:init_msr_emulation")
def guest_wrmsr(s: Cpu, value: U64) -> Cpu:
    """WRMSR does not exit: the bitmap is all zero but for the MSRs that ACRN names. [ASM]"""
    s = s.replace(guest_wrote=True, operand=value)
    written = with_current(s, current(s).replace(believed=value)).replace(msr=value)
    return select((value & ~s.accepts) == 0, written, s.replace(refused=True))


@acrn.action(by="processor", guard=lambda s: s.running, source="hypervisor/arch/x86/guest/vmx_asm.S:vm_exit")
def vm_exit(s: Cpu) -> Cpu:
    """Any exit, and an entry that fails on guest state. [ASM]"""
    return vmx_vmrun_save(s)


@acrn.assumption("high-half-reserved", of=("initial",))
def high_half_reserved(s: Cpu) -> Bool:
    """No processor accepts a bit above 31 of the register, so that 32 bits are enough.

    None is defined [SDM]; the code says that the low half is enough [ASM]. Linux thought so too until
    it corrected its entry code in 6.19.
    """
    return (s.accepts & ~LOW_HALF) == 0


# What claims see.


@acrn.view
def guest_runs(s: Cpu) -> Bool:
    """One of the guests runs."""
    return s.running


@acrn.view
def settled(s: Cpu) -> Bool:
    """No migration is under way: ACRN has none."""
    return conj(())


@acrn.view
def effective(s: Cpu) -> Word:
    """What the processor acts on."""
    return s.msr


@acrn.view
def effective_next(s: Cpu) -> Word:
    """The effective value, or what it will be once this guest runs again."""
    return ite(s.running | (~s.raw & ~s.opt), s.msr, current(s).ia32_spec_ctrl)


@acrn.view
def rdmsr(s: Cpu) -> Word:
    """What RDMSR returns to the guest: it does not exit."""
    return s.msr


@acrn.view
def guest_reads(s: Cpu) -> Word:
    """What RDMSR returns, or would return if this guest ran now."""
    return effective_next(s)


@acrn.view
def believes(s: Cpu) -> Word:
    """What the guest that runs, or ran last, set last."""
    return current(s).believed


@acrn.view
def saved_guest_value(s: Cpu) -> Word:
    """The saved value of the vCPU that ran last."""
    return current(s).ia32_spec_ctrl


@acrn.view
def bystander_reads(s: Cpu) -> Word:
    """The saved value of the vCPU that does not run."""
    return select(s.second, s.a, s.b).ia32_spec_ctrl


@acrn.view
def bystander_believes(s: Cpu) -> Word:
    """What its guest set last."""
    return select(s.second, s.a, s.b).believed


@acrn.view
def trained_by_other(s: Cpu) -> Bool:
    """Predictions of another guest may be in the CPU."""
    return select(s.second, s.a, s.b).trained


@acrn.view
def vcpus_apart(s: Cpu) -> Bool:
    """ACRN means to keep the guests' predictions apart: everywhere but in a retpoline build. [SEC]"""
    return s.raw | s.opt


@acrn.view
def host_wants(s: Cpu) -> Word:
    """What boot set, and after the first exit the constant of the type of IBRS handling. [SEC]"""
    return s.boot | ite(s.exited, ite(s.opt, word(SPEC_CTRL.STIBP), ite(s.raw, word(SPEC_CTRL.IBRS), 0)), 0)


@acrn.view
def leaked(s: Cpu) -> Word:
    """Bits in which the hypervisor runs with something else."""
    return ite(s.running, 0, s.msr ^ host_wants(s))


@acrn.view
def opened(s: Cpu) -> Bool:
    """The register is passed through: always."""
    return conj(())


@acrn.view
def exits_on_write(s: Cpu) -> Bool:
    """A WRMSR by the guest exits: never."""
    return disj(())


@acrn.view
def locked(s: Cpu) -> Word:
    """Bits that the guest's writes do not reach: none."""
    return word(0)


@acrn.view
def host_adds(s: Cpu) -> Word:
    """Bits that the host's own value adds to the guest's: none, the values are swapped."""
    return word(0)


@acrn.view
def host_accepts(s: Cpu) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


@acrn.view
def offered(s: Cpu) -> Word:
    """Bits that the guest's CPUID enumerates: leaf 7 is the processor's own."""
    return s.accepts


acrn.shows("guest_wrote", "operand", "refused", "copied", "host_entered", "host_wrote", "host_illegal")
say_where(acrn)
