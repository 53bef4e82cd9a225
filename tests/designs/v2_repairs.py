"""KVM's RFC v2 with each of its findings repaired in turn, and all of them, for reviews of the repair against v2."""

from specproof.models.kvm import Vcpu, Vmcs, current, vmcs_write
from specproof.models.registers import derive

from specproof import Bool, Word, ite, select
from specproof.models import kvm_rfc_v2 as v2


def alloc_loaded_vmcs(s: Vcpu, loaded_vmcs: Vmcs) -> Vmcs:
    """What is cached of the VMCS that was is forgotten with it."""
    return loaded_vmcs.replace(
        mask=s.fresh_mask, shadow=s.fresh_shadow, cache=0, spec_ctrl_virt=False, ipi_virt=False, intercepted=True, written=False,
    )  # fmt: skip


def vmx_set_spec_ctrl_mask(s: Vcpu, mask: Word) -> Vcpu:
    """The mask field of a VMCS that KVM never wrote is written whatever the cache says."""
    now = current(s)
    needless = ite(now.written, (now.cache ^ mask) & ~(now.mask ^ mask), 0)
    written = vmcs_write(s, mask=mask).replace(needless=s.needless | needless)
    changed = vmcs_write(select(s.virtualized, written, s), cache=mask)
    return select(~now.written | (now.cache != mask), changed, s)


def closes_both(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """A request that cannot be virtualized closes vmcs02's bitmap too."""
    new = v2.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    closed = new.replace(vmcs02=new.vmcs02.replace(intercepted=True))
    return select((derive(ctrl, s.enforces) != 0) & ~s.virtualized & ~has_reserved, closed, new)


def asks_what_was_told(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """A guest may ask only for what its MITIGATION_ENUM has."""
    untold = ~s.enumerates | ((ctrl & ~s.mitigation_enum) != 0)
    new = v2.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return new if host_initiated else select(untold, s.replace(refused=True), new)


def all_three(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """Both bitmaps are closed, and a guest may ask only for what it was told."""
    untold = ~s.enumerates | ((ctrl & ~s.mitigation_enum) != 0)
    new = closes_both(s, ctrl, has_reserved, host_initiated)
    return new if host_initiated else select(untold, s.replace(refused=True), new)


v2_cache = v2.kvm_rfc_v2.but(
    "v2-cache-repaired", doc="the cached mask goes with its VMCS", alloc_loaded_vmcs=alloc_loaded_vmcs, vmx_set_spec_ctrl_mask=vmx_set_spec_ctrl_mask,
)  # fmt: skip
v2_bitmaps = v2.kvm_rfc_v2.but("v2-bitmaps-repaired", doc="both bitmaps are closed", vmx_set_msr_mitigation_ctrl=closes_both)
v2_enum = v2.kvm_rfc_v2.but("v2-enum-repaired", doc="MITIGATION_ENUM is looked at", vmx_set_msr_mitigation_ctrl=asks_what_was_told)
v2_all = v2_cache.but("v2-all-repaired", doc="all of the three", vmx_set_msr_mitigation_ctrl=all_three)
