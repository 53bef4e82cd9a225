"""KVM with IA32_SPEC_CTRL virtualization as it should be: RFC v2, corrected until every claim is proved.

A diff against kvm_rfc_v2.py. The design is section 6 of the facts about KVM: one policy for the vCPU, mask
M and value V, here M = V = derive(MITIGATION_CTRL, host), and one place, `vmx_sync_spec_ctrl`, that brings
the current VMCS and the effective value up to date with it. Every change of the request, of the guest's
value or of the current VMCS goes through there.

What had to change relative to v2, and for which claims:

1. The mask is computed from the request where it is needed, not handed from one VMCS's cache to the next.
   (No claim needs this; with it policy-coupling holds by construction, and the cache serves nothing but
   the elision of VMWRITEs.)
2. A VMCS that was allocated and not written yet gets its mask written whatever the cache says, and
   alloc_loaded_vmcs forgets the cache: struct loaded_vmcs of vmcs02 outlives VMXOFF, and v2 took for
   written what the new VMCS does not have. (virtualized: enforcement, step-non-evasion, exactness,
   cache-coherence, mask-sync, effective-cache, nested-continuity, no-redundant-write.) It also means that
   no proof needs a fresh VMCS to read as 0; v2's vmcs01 does.
3. A request that is accepted while L2 is current closes vmcs02's bitmap too, not vmcs01's only.
   (emulated: emulation-interlock, enforcement, transparency, and all that were refuted with them.)
4. A guest's write of MITIGATION_CTRL is checked against its MITIGATION_ENUM. (virtual-msr-access.) Writes
   by userspace are not, or the order in which it restores the virtual MSRs would matter (migration).

What had to change relative to section 6:

5. Its `alloc` writes MASK and SHADOW of the new VMCS. VMWRITE reaches the current VMCS only, and vmcs02 is
   not current when it is allocated; hence 2.
6. It intercepts "in vmcs01 and vmcs02", and does not say that vmcs02 must not be opened by the same hand:
   vmx_disable_intercept_for_msr stays vmcs01's, and the merge at nested entry does the rest.
7. It does not have the virtual MSRs; hence 4.

**Not modelled**: as in kvm.py and kvm_rfc_v2.py.

Sources:
    [SEC6]         facts about KVM, section 6, "a corrected design"
    [25034412039]  RFC v2 04/11, IA32_SPEC_CTRL virtualization
    [24512704415]  RFC v2 07/11, MITIGATION_ENUM and MITIGATION_CTRL
    [24453324491]  RFC v2 08/11, RETPOLINE_S and vmx_set_msr's MITIGATION_CTRL case
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from specproof.models.kvm import Vcpu, Vmcs, current, vmcs_write, vmx_enable_intercept_for_msr
from specproof.models.registers import derive

from specproof import Bool, Word, ite, select
from specproof.models import kvm_nested as nested
from specproof.models import kvm_rfc_v2 as v2

#: The new helpers; `kvm_reference` below is these and the helpers of v2 that change.
_new = v2.kvm_rfc_v2.but("kvm-reference-helpers")


# The policy and its effect.


@_new.function
def policy_mask(s: Vcpu) -> Word:
    """M: the bits that must have a certain value. [SEC6 policy]"""
    return derive(s.mitigation_ctrl, s.enforces)


@_new.function
def policy_value(s: Vcpu) -> Word:
    """V, a part of M: the value that they must have; all are set. [SEC6 policy]"""
    return derive(s.mitigation_ctrl, s.enforces)


@_new.function
def effective_value(s: Vcpu, value: Word) -> Word:
    """What the processor must act on while the guest believes `value`. [SEC6 effective]"""
    return (value & ~policy_mask(s)) | policy_value(s)


@_new.function
def vmx_sync_spec_ctrl(s: Vcpu) -> Vcpu:
    """Brings the current VMCS and vmx->spec_ctrl up to date with the policy and the guest's value. [SEC6 sync]"""
    return v2.vmx_set_guest_spec_ctrl(v2.vmx_set_spec_ctrl_mask(s, policy_mask(s)), v2.vmx_get_guest_spec_ctrl(s))


def vmx_get_spec_ctrl_mask(s: Vcpu) -> Word:
    """The policy's, not a cache's. [SEC6 policy]"""
    return policy_mask(s)


def vmx_set_spec_ctrl_mask(s: Vcpu, mask: Word) -> Vcpu:
    """The field is written where the cache has another value, and in any case where KVM never wrote it. [SEC6 sync]"""
    now = current(s)
    needless = ite(now.written, (now.cache ^ mask) & ~(now.mask ^ mask), 0)
    written = vmcs_write(s, mask=mask, cache=mask).replace(needless=s.needless | needless)
    return select(s.virtualized & (~now.written | (now.cache != mask)), written, s)


def vmx_set_guest_spec_ctrl(s: Vcpu, value: Word) -> Vcpu:
    """The guest's value, the shadow field whether or not accesses exit, and the effective value. [SEC6 set_G, 25034412039]"""
    s = s.replace(guest_spec_ctrl=value)
    s = select(s.virtualized, vmcs_write(s, shadow=value), s)
    return s.replace(spec_ctrl=effective_value(s, value))


# Allocation, RESET and INIT.


def alloc_loaded_vmcs(s: Vcpu, loaded_vmcs: Vmcs) -> Vmcs:
    """A cleared VMCS, an all-ones bitmap, and nothing cached of the VMCS that was. [SEC6 alloc]"""
    return loaded_vmcs.replace(
        mask=s.fresh_mask, shadow=s.fresh_shadow, cache=0, spec_ctrl_virt=False, ipi_virt=False, intercepted=True, written=False,
    )  # fmt: skip


def init_vmcs(s: Vcpu) -> Vcpu:
    """The constant part of vmcs01, at RESET only, and now its mask. [SEC6 alloc]"""
    s = v2.vmx_set_spec_ctrl_mask(s, policy_mask(s))
    return s.replace(vmcs01=nested.vmx_tertiary_exec_control(s, s.vmcs01).replace(written=True))


def vmx_vcpu_reset(s: Vcpu, init_event: bool) -> Vcpu:
    """RESET and INIT: no request, so no bit is required, and the guest's value is 0. [SEC6; v2's contract, 25034412039, 24512704415]"""
    if not init_event:
        s = nested.init_vmcs(s)
    return vmx_sync_spec_ctrl(s.replace(mitigation_ctrl=0, guest_spec_ctrl=0))


# Nested entry and exit.


def vmx_switch_vmcs(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    """Success, failure, KVM_SET_NESTED_STATE, RSM and nested exit all come through here. [SEC6 switch]"""
    return vmx_sync_spec_ctrl(s.replace(guest_mode=to_vmcs02))


# MITIGATION_CTRL.


@_new.function
def close_both_bitmaps(s: Vcpu) -> Vcpu:
    """vmcs01's as v2 does, and vmcs02's, which was merged before and runs L2 until the next merge. [SEC6 set_policy]"""
    s = vmx_enable_intercept_for_msr(s)
    return s.replace(vmcs02=s.vmcs02.replace(intercepted=True))


def vmx_set_msr_mitigation_ctrl(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    """vmx_set_msr, case MSR_VIRTUAL_MITIGATION_CTRL. A guest may ask only for what its MITIGATION_ENUM has. [SEC6 set_policy, 24453324491]"""
    untold = ~s.enumerates | ((ctrl & ~s.mitigation_enum) != 0)
    unknown = has_reserved if host_initiated else has_reserved | untold
    new = s.replace(mitigation_ctrl=ctrl)
    new = select((policy_mask(new) != 0) & ~s.virtualized, close_both_bitmaps(new), new)
    return select(unknown, s.replace(refused=True), vmx_sync_spec_ctrl(new))


kvm_reference = _new.but(
    "kvm-reference",
    doc="RFC v2 corrected: what a posting needs for every claim to be proved",
    vmx_get_spec_ctrl_mask=vmx_get_spec_ctrl_mask,
    vmx_set_spec_ctrl_mask=vmx_set_spec_ctrl_mask,
    vmx_set_guest_spec_ctrl=vmx_set_guest_spec_ctrl,
    alloc_loaded_vmcs=alloc_loaded_vmcs,
    init_vmcs=init_vmcs,
    vmx_vcpu_reset=vmx_vcpu_reset,
    vmx_switch_vmcs=vmx_switch_vmcs,
    vmx_set_msr_mitigation_ctrl=vmx_set_msr_mitigation_ctrl,
)
