"""KVM as the list would have it after RFC v3: a mask and a value for each vCPU, set by userspace at run time.

This is the design that specproof recommends to whoever posts a fourth version. It is kvm_reference.py with
the policy in userspace's hands: no virtual MSRs (Sean Christopherson: what a guest tells of its mitigations
is userspace's business, which can offer such MSRs itself and see them by a filter), one ioctl of the vCPU's
(mask and value are per vCPU, as the register is; for the VM all vCPUs would have to be kicked), bits forced
to 0 as well as to 1, and the same result where the processor has the control and where it has not.

The rules, and what each is there for. Where one is left out, the claims in brackets fail; test_proposed.py
leaves each out in turn.

R1. One source: mask M and value V of the vCPU. The fields of a VMCS and vmx->spec_ctrl are computed from them
    and from the guest's value G, in one function, `vmx_sync_spec_ctrl`, called whenever M, V, G or the
    current VMCS changes. [mask-sync, effective-cache; v3 stores a new mask and never writes it to a VMCS]
R2. The effective value is (G & ~M) | V, never G | V. [forced-to-zero; v3 ORs where the guest's write exits]
R3. vmx_switch_vmcs is where the VMCS changes, so that is where fields are synchronized: nested entry and exit,
    entries that fail early or late, RSM and KVM_SET_NESTED_STATE all pass through it. [shadow-coherence,
    nested-continuity, failed-entry; v3 writes the shadow on the paths that succeed, and not before the
    hardware check of nested_early_check]
R4. After a VM exit vmx->spec_ctrl is read from the register, not computed. [effective-cache, host-isolation;
    with R1 to R3 both are one value, and a mistake elsewhere cannot reach the host]
R5. The ioctl wants V inside M, V inside what this host accepts, and what G becomes under M and V accepted too.
    [cap-well-formed, support: a bit that the guest set while it was masked may be one that WRMSR faults on]
R6. What is tried on the host's processor is (v & ~M) | V, as the processor does it for a write that does not
    exit. [virtualized-equals-emulated, support]
R7. Without the control a vCPU with M != 0 keeps both accesses intercepted, in vmcs01 and, if L2 is current, in
    vmcs02 at once. [emulation-interlock; v2 closes vmcs01's bitmap only, v3 neither once a write opens it]
R8. vmcs02 gets vmcs01's control and no IPI virtualization. [control-wiring]
R9. A new VMCS forgets what was cached of the one before. [cache-coherence, enforcement; v2's cache survives VMXOFF]
R10. RESET starts without mask and value, INIT keeps both: a guest must not shed them by an INIT. [reset, reset-to-choice]
R11. Where X86_FEATURE_KERNEL_IBRS is set VM entry writes the register unconditionally: a context switch leaves the
    register behind x86_spec_ctrl_current there, and a skipped write leaves SSBD or STIBP as another task had them, under
    the mask too. No such host is modelled here; kvm_proposed_ibrs.py is this design on one. [enforcement, elision-is-sound]

For userspace: set the policy before KVM_SET_MSRS of IA32_SPEC_CTRL on the destination of a migration. The other
order works too, but a bit that the guest set and the destination lacks is refused unless it is masked by then.
A guest's CPUID is not looked at. To hold a guest to it, force the bits that it is not offered to 0: it reads
back what it wrote and nothing happens (R5 in the facts' review record).

**Not modelled**: as in kvm.py, kvm_rfc_v2.py and kvm_reference.py. How userspace learns what the guest wants.

Sources:
    [SEC6]         facts about KVM, section 6, "a corrected design"
    [1128039639]   Sean Christopherson on v1, and [23674549865] in June 2023: post the virtual MSRs separately
    [41834386702]  the same on v3 09/10, quoted; [41737243981] the original: virtual MSRs are for userspace
    [42000414780]  Sean: why per vCPU?; [41629958767] agreed, an ioctl of the vCPU's
    [28611085953]  Sean on v3 07/10; [53283505284] Jim Mattson, March 2026: IA32_SPEC_CTRL alone to be posted again
    [28923662257]  RFC v3 01/10, KVM_CAP_FORCE_SPEC_CTRL: mask and value
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from typing import cast

from specproof.models.elsewhere import say_where
from specproof.models.kvm import (
    Vcpu,
    current,
    has_control,
    kvm_spec_ctrl_test_value,
    vm_enters,
    vm_exits,
    vmcs_write,
    vmx_disable_intercept_for_msr,
    vmx_get_msr_spec_ctrl,
)
from specproof.models.kvm_actions import created as kvm_created
from specproof.models.kvm_actions import settled
from specproof.models.kvm_nested import init_vmcs, kvm_arch_vcpu_create
from specproof.models.kvm_reference import close_both_bitmaps, effective_value, kvm_reference, policy_mask, policy_value, vmx_sync_spec_ctrl
from specproof.models.kvm_transitions import finishes
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, Word, disj, field, ghost, ite, observed, select
from specproof.models import kvm_nested as nested
from specproof.models import kvm_rfc_v2 as v2


class ProposedVcpu(Vcpu):
    """A struct vcpu_vmx with a policy. MITIGATION_CTRL and what a host derives from it are 0 throughout."""

    force_mask: U64 = field("vmx->force_spec_ctrl_mask, M", source="[28923662257, 41629958767]", bits=SPEC_CTRL)
    force_value: U64 = field("vmx->force_spec_ctrl_value, V", source="[28923662257, 41629958767]", bits=SPEC_CTRL)
    wanted_mask: U64 = ghost("the mask that userspace set last and saw accepted", bits=SPEC_CTRL)
    wanted_value: U64 = ghost("the value that went with it", bits=SPEC_CTRL)
    asked_mask: U64 = observed("the mask that userspace gave, accepted or not", bits=SPEC_CTRL, quiet=True)
    asked_value: U64 = observed("the value that went with it", bits=SPEC_CTRL, quiet=True)
    policy_refused: Bool = observed("the ioctl refused it")


_VIRTUAL_MSRS = ("guest_wrmsr_mitigation_ctrl", "guest_wrmsr_mitigation_enum", "kvm_set_msrs_mitigation_ctrl", "nested_vmx_load_msr_mitigation_ctrl",
                 "restore_mitigation_ctrl", "ctrl_offered", "ctrl_visible", "ctrl_refused", "guest_wrote_ctrl", "asked_reserved", "guest_wrote_enum",
                 "host_forces", "host_has", "host_needs", "ioctls-exclude-a-running-vcpu")  # fmt: skip

#: The new helpers; `kvm_proposed` below is these and the helpers of kvm-reference that change.
_new = cast(Design[ProposedVcpu], kvm_reference.but("kvm-proposed-helpers", without=_VIRTUAL_MSRS))
_new.state = ProposedVcpu


# The policy: two fields, and the ioctl that sets them.


def force_mask(s: ProposedVcpu) -> Word:
    """M, as userspace set it. [R1]"""
    return s.force_mask


def force_value(s: ProposedVcpu) -> Word:
    """V, as userspace set it. [R1]"""
    return s.force_value


@_new.function
def kvm_vcpu_ioctl_force_spec_ctrl(s: ProposedVcpu, mask: Word, value: Word) -> ProposedVcpu:
    """The ioctl: refused, or all that follows from the new policy is done before it returns. [R1, R5, R7]"""
    new = s.replace(force_mask=mask, force_value=value)
    unfit = (value & ~mask) | (effective_value(new, s.guest_spec_ctrl) & ~s.accepts)
    new = select((policy_mask(new) != 0) & ~s.virtualized, cast(ProposedVcpu, close_both_bitmaps(new)), new)
    return select(unfit != 0, s.replace(refused=True), cast(ProposedVcpu, vmx_sync_spec_ctrl(new)))


def sets_policy(s: ProposedVcpu, mask: Word, value: Word) -> ProposedVcpu:
    """The ioctl, and what the proof remembers of it, whatever the ioctl does: what was not refused is wanted from then on. [41629958767]"""
    s = kvm_vcpu_ioctl_force_spec_ctrl(s, mask, value)
    s = s.when(~s.refused, wanted_mask=mask, wanted_value=value, policy_written=True)
    return s.replace(asked_mask=mask, asked_value=value, policy_refused=s.refused)


@_new.action(by="userspace", guard=settled, source="arch/x86/kvm/vmx/vmx.c:vmx_vcpu_ioctl_force_spec_ctrl")
def kvm_set_force_spec_ctrl(s: ProposedVcpu, mask: U64, value: U64) -> ProposedVcpu:
    """KVM_SET_FORCE_SPEC_CTRL at any time, with L2 current or not. [41629958767]"""
    return sets_policy(s, mask, value).replace(by_userspace=True)


@_new.action(by="userspace", guard=lambda s: s.todo_mitigation_ctrl, source="arch/x86/kvm/vmx/vmx.c:vmx_vcpu_ioctl_force_spec_ctrl")
def restore_force_spec_ctrl(s: ProposedVcpu, mask: U64, value: U64) -> ProposedVcpu:
    """The same on the destination of a migration: userspace chooses anew, for this host. A refusal leaves no policy. [41629958767]"""
    return cast(ProposedVcpu, finishes(sets_policy(s, mask, value).replace(todo_mitigation_ctrl=False)))


# vmx.c.


def vmx_set_msr_spec_ctrl(s: Vcpu, data: Word) -> Vcpu:
    """vmx_set_msr, case MSR_IA32_SPEC_CTRL: tried is what the processor would be given. [R6, R7, 25034412039]"""
    tested = kvm_spec_ctrl_test_value(s, effective_value(s, data))
    return select(tested.refused, tested, vmx_take_spec_ctrl(s, data))


@_new.function
def vmx_take_spec_ctrl(s: Vcpu, data: Word) -> Vcpu:
    """The rest of it: the value is the guest's, and a nonzero one passes the register through if that is allowed. [R7, 25034412039]"""
    s = v2.vmx_set_guest_spec_ctrl(s, data)
    stays = (data == 0) | ((policy_mask(s) != 0) & ~s.virtualized)
    return select(stays, s, vmx_disable_intercept_for_msr(s))


def vmx_vcpu_create(s: ProposedVcpu) -> Vcpu:
    """A zeroed struct vcpu_vmx: no policy. [R10]"""
    return nested.vmx_vcpu_create.body(s).replace(force_mask=0, force_value=0)


def vmx_vcpu_reset(s: Vcpu, init_event: bool) -> Vcpu:
    """RESET and INIT set the guest's value to 0 and leave the policy, which a new vCPU does not have yet. [R10]"""
    if not init_event:
        s = init_vmcs(s)
    return vmx_sync_spec_ctrl(s.replace(guest_spec_ctrl=0))


# A guest's WRMSR, said anew: one test decides whether it is refused, by KVM or by the processor. The same
# function as in kvm_actions.py (test_proposed.py proves it), in a form in which the engine can compare a
# write that exits with one that does not.


@_new.function
def given_to_the_processor(s: ProposedVcpu, value: Word) -> Word:
    """What WRMSR would put into the register: KVM's effective value, or the processor's merge. [SEC6, SDM 28.3]"""
    vmcs = current(s)
    merged = ite(has_control(s, vmcs), (s.msr & vmcs.mask) | (value & ~vmcs.mask), value)
    return ite(vmcs.intercepted, effective_value(s, value), merged)


def writes(s: ProposedVcpu, value: Word) -> Vcpu:
    """WRMSR by L1 or L2. [LNX vmx.c, SDM 28.3]"""
    exits = current(s).intercepted
    beyond = given_to_the_processor(s, value) & ~s.accepts
    through = vmcs_write(s.replace(msr=given_to_the_processor(s, value)), shadow=ite(has_control(s, current(s)), value, current(s).shadow))
    emulated = vm_enters(vmx_take_spec_ctrl(vm_exits(s), value))
    refused = select(exits, vm_enters(vm_exits(s)).replace(refused_bits=beyond), s).replace(refused=True)
    taken = select(exits, emulated, through).replace(believed=value)
    return select(beyond != 0, refused, taken).replace(guest_wrote=True, operand=value, running=True)


def guest_wrmsr(s: ProposedVcpu, value: U64) -> Vcpu:
    """L1 writes IA32_SPEC_CTRL, passed through or intercepted. [LNX vmx.c]"""
    return writes(s, value).replace(by_l1=True)


def l2_wrmsr(s: ProposedVcpu, value: U64) -> Vcpu:
    """L2 writes IA32_SPEC_CTRL and L1 does not ask for it; where L1 does, the write is a nested_vmx_vmexit. [LNX nested.c]"""
    return writes(s, value).replace(by_l2=True)


# Start, creation, migration.


def created(s: ProposedVcpu) -> Bool:
    """KVM_CREATE_VCPU has returned; there is no policy, and there are no virtual MSRs. [LNX x86.c]"""
    none = s.matches(force_mask=0, force_value=0, wanted_mask=0, wanted_value=0)
    return kvm_created(s) & none & s.matches(enforces=0, mitigation_enum=0, enumerates=False)


def create(s: ProposedVcpu) -> Vcpu:
    """RESET: the old vCPU is destroyed, the new one has no policy until userspace sets one. [LNX x86.c]"""
    return kvm_arch_vcpu_create(s.replace(wanted_mask=0, wanted_value=0)).replace(msr=s.host, believed=0, did_reset=True, by_userspace=True)


def migrate(s: ProposedVcpu, host: U64, accepts: U64) -> Vcpu:
    """KVM_GET_MSRS and KVM_GET_NESTED_STATE here, KVM_CREATE_VCPU on another host; the policy is userspace's to set there. [LNX x86.c]"""
    accepts = accepts & s.defined
    host = host & accepts
    image = s.replace(
        image_spec_ctrl=vmx_get_msr_spec_ctrl(s), image_vmxon=s.vmxon, image_guest_mode=s.guest_mode,
        todo_spec_ctrl=True, todo_mitigation_ctrl=True, todo_nested=True, wanted_mask=0, wanted_value=0,
        accepts=accepts, host=host, msr=host,
    )  # fmt: skip
    return kvm_arch_vcpu_create(image).replace(by_userspace=True)


# What claims can look at: the request is userspace's, and it is the mask.


def wanted_mask(s: ProposedVcpu) -> Word:
    """The bits that must have a certain value: userspace's mask."""
    return s.wanted_mask


def wanted_value(s: ProposedVcpu) -> Word:
    """The value that they must have: userspace's."""
    return s.wanted_value


def init_keeps_policy(s: ProposedVcpu) -> Bool:
    """By this version's contract INIT keeps mask and value: they are userspace's and not the guest's. [R10]"""
    return ~disj(())


kvm_proposed = _new.but(
    "kvm-proposed",
    doc="The design that the list converged on after RFC v3: mask and value for each vCPU, set at run time, virtualized or emulated",
    initial=created,
    policy_mask=force_mask,
    policy_value=force_value,
    vmx_set_msr_spec_ctrl=vmx_set_msr_spec_ctrl,
    vmx_vcpu_create=vmx_vcpu_create,
    vmx_vcpu_reset=vmx_vcpu_reset,
    guest_wrmsr=guest_wrmsr,
    l2_wrmsr=l2_wrmsr,
    create=create,
    migrate=migrate,
    required_mask=wanted_mask,
    locked=wanted_mask,
    required_value=wanted_value,
    derived_mask=force_mask,
    ctrl=force_mask,
    ctrl_promised=wanted_mask,
    init_keeps_policy=init_keeps_policy,
)


@kvm_proposed.assumption(
    "ioctls-exclude-a-running-vcpu",
    of=("kvm_get_msrs", "kvm_set_msrs_spec_ctrl", "kvm_set_force_spec_ctrl", "kvm_set_nested_state", "kvm_leave_nested", "create", "migrate"),
)
def ioctls_exclude_a_running_vcpu(s: Vcpu) -> Bool:
    """vcpu->mutex: an ioctl on a vCPU waits until KVM_RUN has returned. [LNX kvm_main.c:kvm_vcpu_ioctl]"""
    return ~s.running


NO_VIRTUAL_MSRS = "no virtual MSRs: what the guest tells of its mitigations goes to userspace"
kvm_proposed.lacks(**dict.fromkeys(("ctrl_offered", "ctrl_visible", "ctrl_refused", "guest_wrote_ctrl", "asked_reserved", "guest_wrote_enum",
                                    "host_forces", "host_has", "host_needs"),
                                   NO_VIRTUAL_MSRS))  # fmt: skip


@kvm_proposed.view
def applied_value(s: ProposedVcpu) -> Word:
    """The value by which KVM computes the effective value."""
    return policy_value(s)


@kvm_proposed.view
def chosen_mask(s: ProposedVcpu) -> Word:
    """What userspace set last and saw accepted."""
    return s.wanted_mask


@kvm_proposed.view
def chosen_value(s: ProposedVcpu) -> Word:
    """The value that goes with it."""
    return s.wanted_value


@kvm_proposed.view
def can_force_on(s: ProposedVcpu) -> Word:
    """Any bit that a WRMSR on this host accepts, with the control or without."""
    return s.accepts


kvm_proposed.shows("asked_mask", "asked_value", "policy_refused")
say_where(kvm_proposed)
