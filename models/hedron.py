"""Hedron: IA32_SPEC_CTRL passed through, switched by hand, and 0 whenever the hypervisor runs.

Modelled: two vCPUs that take turns on one CPU, `Vcpu::run` from the load of the guest's FPU state on, and
`Vcpu::handle_vmx`. The write on entry is skipped where the saved value is 0 and its #GP is ignored; the exit
saves what RDMSR returns and clears the register where that is not 0. An entry that is refused before the write
(FPU state or XCR0 that faults) goes through the same exit path. Userspace, the VMM, writes the saved value
through the vCPU state page; as two configurations, one that gives what the processor takes and any other.

**Not modelled**
- A processor without the register, on which Hedron leaves it alone and every access of a guest faults, and a
  microcode update that brings it to a running system: `Cpu::update_features` probes again, per CPU.
- A poke that makes `Vcpu::run` return before it touches the register; NMIs, which run with what is there.
- A VMM that runs one vCPU on behalf of several guests; which bits its CPUID offers to the guest (the VMM's).
- Host userspace, which runs with the hypervisor's value; nesting, which Hedron has not.

Sources:
    [VCPU]   cyberus-technology/hedron at 8ab6bd0, src/vcpu.cpp (read in the stored version 09f64389)
    [CPU]    src/cpu.cpp, Cpu::update_features and probe_spec_ctrl
    [H01]    commit b676b54 (2020): before it the register was passed through and not switched
"""

from specproof.models.elsewhere import say_where
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, conj, disj, field, frozen, ghost, ite, observed, part, select, word


class Vcpu(State):
    """What Hedron keeps of a vCPU."""

    spec_ctrl: U64 = field("regs.spec_ctrl, the guest's value while the vCPU does not run", source="[VCPU]", bits=SPEC_CTRL)
    legal: Bool = field("spec_ctrl has only bits that the processor accepts; kept with it, so that the test is made once", source="[SDM vol. 4]")
    believed: U64 = ghost("the value that the guest, or the VMM for it, set last", bits=SPEC_CTRL)


class Cpu(State):
    """One CPU and the two vCPUs that it runs."""

    careful: Bool = frozen("the VMM sets values that the processor accepts, and FPU state and XCR0 that load", source="[VCPU]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[SDM vol. 4]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    a: Vcpu = part("one vCPU")
    b: Vcpu = part("another, perhaps of another guest")
    running: Bool = field("one of them runs")
    second: Bool = field("the vCPU that runs, or ran last, is b")
    guest_wrote: Bool = observed("the step was a WRMSR by the guest")
    operand: U64 = observed("its value", bits=SPEC_CTRL)
    refused: Bool = observed("it took #GP")
    copied: Bool = observed("the step saved the register")
    host_entered: Bool = observed("the step began to run the hypervisor after a guest")


hedron = Design("hedron", Cpu, doc="Hedron: passed through, switched by hand, the host's value is 0", vendor="Hedron")
hedron.setting("careful-vmm", lambda s: s.careful)
hedron.setting("any-vmm", lambda s: ~s.careful)
hedron.configure("careful-vmm", "any-vmm")

_NO_CONTROL = "Hedron does not use the control"
_NOTHING_FORCED = "Hedron forces no bits on a guest"
_NO_NESTING = "Hedron has no nested virtualization"
hedron.lacks(
    virtualized=_NO_CONTROL, control=_NO_CONTROL, shadow=_NO_CONTROL, mask_field=_NO_CONTROL, stale_cache=_NO_CONTROL,
    miswired=_NO_CONTROL, needless_mask_write=_NO_CONTROL, touched_fields=_NO_CONTROL, control_on=_NO_CONTROL,
    required_mask=_NOTHING_FORCED, required_value=_NOTHING_FORCED, applied_mask=_NOTHING_FORCED, ctrl=_NOTHING_FORCED,
    policy_written=_NOTHING_FORCED, guest_wrote_ctrl=_NOTHING_FORCED, ctrl_refused=_NOTHING_FORCED,
    in_l2=_NO_NESTING, changed_level=_NO_NESTING, list_loaded=_NO_NESTING, entry_failed=_NO_NESTING,
    offered="which bits the guest's CPUID offers is the VMM's business",
    restored="a VMM that migrates reads and writes the saved value, which is modelled; Hedron has no ioctls to order",
    trained_by_other="Hedron issues no barrier between vCPUs; the VMM may write IA32_PRED_CMD, which is not modelled",
    did_reset="RESET and INIT are the VMM's",
    host_wrote="Hedron runs without IBRS, so no write of it is a barrier",
    host_illegal="its only write that nothing catches is of 0",
)  # fmt: skip


@hedron.initial
def created(s: Cpu) -> Bool:
    """The CPU is up and runs the hypervisor; both vCPUs are new."""
    new = s.a.matches(spec_ctrl=0, legal=True, believed=0) & s.b.matches(spec_ctrl=0, legal=True, believed=0)
    return new & s.matches(msr=0, running=False, second=False)


@hedron.function
def load_spec_ctrl(s: Cpu) -> Cpu:
    """The end of `Vcpu::run`: the value is written unless it is 0, which is there already; a #GP changes nothing. [VCPU]"""
    vcpu = current(s)
    return s.when((vcpu.spec_ctrl != 0) & vcpu.legal, msr=vcpu.spec_ctrl)


@hedron.function
def handle_vmx(s: Cpu) -> Cpu:
    """The register is saved, and cleared unless it is 0 already. [VCPU]"""
    saved = s.msr
    s = with_current(s, current(s).replace(spec_ctrl=saved, legal=True)).replace(copied=True)
    return s.when(saved != 0, msr=0).replace(running=False, host_entered=True)


def current(s: Cpu) -> Vcpu:
    """The vCPU that runs or ran last."""
    return select(s.second, s.b, s.a)


def with_current(s: Cpu, new: Vcpu) -> Cpu:
    """The same with another state of that vCPU."""
    return s.replace(a=select(s.second, s.a, new), b=select(s.second, new, s.b))


@hedron.action(by="Hedron", guard=lambda s: ~s.running, source="src/vcpu.cpp:Vcpu::run")
def run(s: Cpu, second: Bool, refused: Bool) -> Cpu:
    """A vCPU is entered, or refused before the register is written: its FPU state or its XCR0 took #GP. [VCPU]"""
    s = s.replace(second=second)
    entered = load_spec_ctrl(s).replace(running=True)
    return select(refused & ~s.careful, refuses(s), entered)


@hedron.function
def refuses(s: Cpu) -> Cpu:
    """entry_vmx_failure: the ordinary exit path, though the register still holds the host's value. [VCPU]"""
    return handle_vmx(s)


@hedron.action(by="guest", guard=lambda s: s.running, source="src/vcpu.cpp:Vcpu::Vcpu")
def guest_wrmsr(s: Cpu, value: U64) -> Cpu:
    """WRMSR does not exit; the processor decides. [VCPU]"""
    s = s.replace(guest_wrote=True, operand=value)
    legal = (value & ~s.accepts) == 0
    written = with_current(s, current(s).replace(believed=value)).replace(msr=value)
    return select(legal, written, s.replace(refused=True))


@hedron.action(by="processor", guard=lambda s: s.running, source="src/vcpu.cpp:Vcpu::handle_vmx")
def vm_exit(s: Cpu) -> Cpu:
    """Any exit, a failed VMLAUNCH included. [VCPU]"""
    return handle_vmx(s)


@hedron.action(by="userspace", guard=lambda s: ~s.running, source="src/utcb.cpp:Utcb::save_vmx")
def vmm_sets(s: Cpu, second: Bool, value: U64) -> Cpu:
    """The VMM writes the value in the vCPU state page: on creation, on restore, to answer an exit. Nobody checks it. [VCPU]"""
    s = s.replace(second=second)
    legal = (value & ~s.accepts) == 0
    return select(s.careful & ~legal, s, with_current(s, current(s).replace(spec_ctrl=value, legal=legal, believed=value)))


@hedron.view
def guest_runs(s: Cpu) -> Bool:
    """One of the guests runs."""
    return s.running


@hedron.view
def effective(s: Cpu) -> Word:
    """What the processor acts on."""
    return s.msr


@hedron.view
def rdmsr(s: Cpu) -> Word:
    """What RDMSR returns to the guest: it does not exit."""
    return s.msr


@hedron.view
def believes(s: Cpu) -> Word:
    """What the guest that runs, or ran last, or the VMM for it, set last."""
    return current(s).believed


@hedron.view
def userspace_reads(s: Cpu) -> Word:
    """What the VMM finds in the vCPU state page while the guest does not run."""
    return current(s).spec_ctrl


@hedron.view
def saved_guest_value(s: Cpu) -> Word:
    """regs.spec_ctrl, which the vCPU state page shows."""
    return current(s).spec_ctrl


@hedron.view
def effective_next(s: Cpu) -> Word:
    """The effective value, or what it will be once this guest runs again."""
    return ite(s.running, s.msr, current(s).spec_ctrl)


@hedron.view
def guest_reads(s: Cpu) -> Word:
    """What RDMSR returns, or would return if this guest ran now."""
    return effective_next(s)


@hedron.view
def bystander_reads(s: Cpu) -> Word:
    """The saved value of the vCPU that does not run."""
    return select(s.second, s.a, s.b).spec_ctrl


@hedron.view
def bystander_believes(s: Cpu) -> Word:
    """What its guest, or the VMM for it, set last."""
    return select(s.second, s.a, s.b).believed


@hedron.view
def host_wants(s: Cpu) -> Word:
    """Hedron runs with all mitigations of the register off. [VCPU]"""
    return word(0)


@hedron.view
def leaked(s: Cpu) -> Word:
    """Bits in which the hypervisor runs with something else."""
    return ite(s.running, 0, s.msr)


@hedron.view
def opened(s: Cpu) -> Bool:
    """The register is passed through: always. [VCPU]"""
    return conj(())


@hedron.view
def settled(s: Cpu) -> Bool:
    """No migration is under way: Hedron knows of none."""
    return conj(())


@hedron.view
def exits_on_write(s: Cpu) -> Bool:
    """A WRMSR by the guest exits: never."""
    return disj(())


@hedron.view
def locked(s: Cpu) -> Word:
    """Bits that the guest's writes do not reach: none."""
    return word(0)


@hedron.view
def host_adds(s: Cpu) -> Word:
    """Bits that the host's own value adds to the guest's: none, the values are swapped."""
    return word(0)


@hedron.view
def host_accepts(s: Cpu) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


hedron.shows("guest_wrote", "operand", "refused", "copied", "host_entered")
say_where(hedron)
