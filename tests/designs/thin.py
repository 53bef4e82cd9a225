"""A thin design for the tests: one VMCS, the seed's formula, and a host that forces what is masked."""

from specproof import U64, Bits, Bool, Design, State, Word, field, frozen, ghost, observed, part

SPEC_CTRL = Bits(IBRS=0, STIBP=1, SSBD=2, RRSBA_DIS_S=6, BHI_DIS_S=10)


class Vmcs(State):
    mask: U64 = field("IA32_SPEC_CTRL_MASK", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL_SHADOW", bits=SPEC_CTRL)


class Vcpu(State):
    virtualized: Bool = frozen("the processor has the control")
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    host: U64 = frozen("the value that the host wants", bits=SPEC_CTRL)
    spec: U64 = field("vmx->spec_ctrl", bits=SPEC_CTRL)
    vmcs: Vmcs = part("the VMCS")
    running: Bool = field("the guest runs")
    believed: U64 = ghost("what the guest wrote last", bits=SPEC_CTRL)
    wrote_mask: Bool = observed("the step wrote the mask field")


thin = Design("thin", Vcpu, doc="One VMCS and the seed's formula")
thin.setting("virtualized", lambda s: s.virtualized)
thin.setting("emulated", lambda s: ~s.virtualized)
thin.configure("virtualized", "emulated")


@thin.initial
def created(s: Vcpu) -> Bool:
    return s.matches(msr=s.host, spec=0, running=False, believed=0, vmcs=s.vmcs.replace(mask=0, shadow=0))


@thin.function
def effective_value(s: Vcpu, value: Word) -> Word:
    return value | s.vmcs.mask


@thin.action(by="guest", guard=lambda s: s.running & s.virtualized)
def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """The processor merges the write."""
    merged = (s.msr & s.vmcs.mask) | (value & ~s.vmcs.mask)
    return s.replace(msr=merged, vmcs=s.vmcs.replace(shadow=value), believed=value)


@thin.action(by="KVM", guard=lambda s: s.running & ~s.virtualized)
def emulated_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """The write exits and KVM forces the mask."""
    effective = effective_value(s, value)
    return s.replace(msr=effective, spec=effective, vmcs=s.vmcs.replace(shadow=value), believed=value)


@thin.action(by="KVM", guard=lambda s: ~s.running)
def set_mask(s: Vcpu, mask: U64) -> Vcpu:
    """The host decides what is masked, and forces it."""
    s = s.when(s.vmcs.mask != mask, vmcs=s.vmcs.replace(mask=mask), wrote_mask=True)
    return s.replace(spec=effective_value(s, s.vmcs.shadow))


@thin.action(by="KVM", guard=lambda s: ~s.running)
def vm_entry(s: Vcpu) -> Vcpu:
    """The WRMSR is skipped where the host has the value already."""
    return s.when(s.spec != s.host, msr=s.spec).replace(running=True)


@thin.action(by="hardware", guard=lambda s: s.running)
def vm_exit(s: Vcpu) -> Vcpu:
    """The guest's value is read back, the host's restored unless it is there already."""
    s = s.replace(spec=s.msr, running=False)
    return s.when(s.spec != s.host, msr=s.host)


@thin.view
def guest_runs(s: Vcpu) -> Bool:
    return s.running


@thin.view
def effective(s: Vcpu) -> Word:
    return s.msr


@thin.view
def required_mask(s: Vcpu) -> Word:
    return s.vmcs.mask


@thin.view
def host_wants(s: Vcpu) -> Word:
    return s.host


@thin.view
def believes(s: Vcpu) -> Word:
    return s.believed


@thin.view
def rdmsr(s: Vcpu) -> Word:
    return s.vmcs.shadow


@thin.view
def mask_written(s: Vcpu) -> Bool:
    return s.wrote_mask


def does_not_force(s: Vcpu, value: Word) -> Word:
    return value


thin_broken = thin.but("thin-broken", doc="masks without forcing", effective_value=does_not_force)
