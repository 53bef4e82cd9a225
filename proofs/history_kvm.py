"""Bugs of KVM/VMX and of the RFC series, each as its design with the old code put back.

Every function below is what a helper was before the correction, under the helper's name with the bug's id
before it; its docstring says where that can be read. Ids are those of the fact sheet on history. Where a bug
is about something that kvm.py leaves out, a design with that added stands for 6.12: `with_cpuid` and
`with_predictors`. What is added is in no shipped design because it costs every claim.

Sources: with each bug; [LNX] Linux 6.12.117, arch/x86/kvm/.
"""

from typing import cast

from specproof.models.kvm import Vcpu, msr_write_intercepted, save_guest_spec_ctrl
from specproof.models.kvm_actions import created
from specproof.models.kvm_conduct import kvm_upstream
from specproof.models.kvm_proposed import kvm_proposed
from specproof.models.kvm_reference import kvm_reference
from specproof.models.kvm_rfc_v1 import kvm_rfc_v1
from specproof.models.kvm_upstream_ibrs import kvm_upstream_ibrs, restore_host
from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Bug, Design, Omitted, Word, disj, frozen, ghost, select, word
from specproof.models import kvm
from specproof.models import kvm_nested as nested
from specproof.models import kvm_reference as reference

# K01, K02, K04: what VM entry loads and VM exit restores.


def k01_vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """The guest's value was loaded unless it was 0. [5cf687548705]"""
    return s.when(s.spec_ctrl != 0, msr=s.spec_ctrl)


def k01_vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """The host's value was taken to be 0. [5cf687548705]"""
    s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
    s = s.when(s.spec_ctrl != 0, msr=0)
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


def k02_vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """IBRS was the guest's, every other bit the host's, STIBP too. [be6fcb5478e9, 1115a859f332]"""
    ibrs = word(SPEC_CTRL.IBRS)
    return s.replace(msr=(s.host & ~ibrs) | (s.spec_ctrl & ibrs))


def k04_base(s: Vcpu) -> Word:
    """x86_spec_ctrl_base, a constant since boot; here, of a host with enhanced IBRS. [caa0ff24d5d0]"""
    return s.accepts & word(SPEC_CTRL.IBRS)


def k04_vmx_vcpu_run(s: Vcpu) -> Vcpu:
    """The guest's value was loaded unless the constant equals it. [caa0ff24d5d0, bbb69e8bee1b]"""
    return s.when(s.spec_ctrl != k04_base(s), msr=s.spec_ctrl)


def k04_vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """The constant was restored, whatever the task that runs had asked for. [caa0ff24d5d0, bbb69e8bee1b]"""
    s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
    s = s.when(s.spec_ctrl != k04_base(s), msr=k04_base(s))
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


adds_nothing = kvm_upstream.but("kvm-upstream-adds-nothing")


@adds_nothing.view
def host_adds(s: Vcpu) -> Word:
    """Bits that the host's own value adds while the guest runs: none."""
    return s.host & 0


# K05: hosts with legacy IBRS, for which the write is the barrier.


def k05_vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
    """The write was skipped where the guest's value equalled the host's. [bea7e31a5cac, 44681690369]"""
    return restore_host(s, disj(()))


# K07: the guest's CPUID.


class CpuidVcpu(Vcpu):
    """What userspace told the guest."""

    offered: U64 = frozen("bits of the register that the guest's CPUID enumerates", bits=SPEC_CTRL)


with_cpuid = cast(Design[CpuidVcpu], kvm_upstream.but("kvm-upstream-cpuid", doc="KVM as of Linux 6.12, and what the guest's CPUID says"))
with_cpuid.state = CpuidVcpu
with_cpuid.shows("offered")


def k07_opens_what_is_offered(s: CpuidVcpu) -> Vcpu:
    """Passed through only if the guest was told of every bit that it could set; no such check is upstream. [40853655354]"""
    contained = (s.accepts & ~s.offered) == 0
    return s.when(contained, vmcs01=s.vmcs01.replace(intercepted=False))



# K08, K16.


def k08_kvm_spec_ctrl_test_value(s: Vcpu, value: Word) -> Vcpu:
    """Userspace's value was compared with the guest's CPUID only, which may have what the host lacks. [6441fa6178f5, 32397606893]"""
    return s


def k16_nested_vmx_prepare_msr_bitmap(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """The answer of msr_write_intercepted_l01() was used as if it said "passed through". [206587a9fb76]"""
    return s.replace(vmcs02=s.vmcs02.replace(intercepted=~s.vmcs01.intercepted), l1_intercepts=l1_intercepts)


# K17: predictors that L2 trained.


class PredictorVcpu(Vcpu):
    """Who trained the predictors."""

    trained_by_l2: Bool = ghost("L2 ran since the last IBPB")


def k17_vm_enters(s: PredictorVcpu) -> Vcpu:
    """L2 trains them by running. [2e7eab81425a]"""
    return kvm.vm_enters.body(s.replace(trained_by_l2=s.trained_by_l2 | s.guest_mode))


def nested_vmx_vmexit(s: PredictorVcpu) -> Vcpu:
    """IBPB on an emulated exit, where L1 was told of IBRS. [2e7eab81425a, LNX nested.c]"""
    return nested.nested_vmx_vmexit.body(s.replace(trained_by_l2=False))


def k17_nested_vmx_vmexit(s: PredictorVcpu) -> Vcpu:
    """There was none: 5c911beff20a had removed it. [2e7eab81425a, 13327715163]"""
    return nested.nested_vmx_vmexit.body(s)


def l2_entry_fails(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """As in kvm_transitions.py, by the path that KVM takes: it reflects the failure by nested_vmx_vmexit. [LNX nested.c]"""
    s = select(s.pages_pending, nested.nested_get_vmcs12_pages(s, l1_intercepts), s)
    return nested.nested_vmx_vmexit(kvm.vmx_spec_ctrl_restore_host(kvm.vmx_vcpu_run(s))).replace(entry_failed=True)


def vmx_vcpu_create(s: PredictorVcpu) -> Vcpu:
    """A new vCPU is loaded, and vmx_vcpu_load_vmcs issues IBPB. [LNX vmx.c]"""
    return nested.vmx_vcpu_create.body(s.replace(trained_by_l2=False))


def untrained(s: PredictorVcpu) -> Bool:
    """The start. [LNX x86.c]"""
    return created(s) & ~s.trained_by_l2


with_predictors = cast(Design[PredictorVcpu], kvm_upstream.but(
    "kvm-upstream-predictors", initial=untrained, vm_enters=k17_vm_enters, nested_vmx_vmexit=nested_vmx_vmexit,
    vmx_vcpu_create=vmx_vcpu_create, l2_entry_fails=l2_entry_fails,
))  # fmt: skip
with_predictors.state = PredictorVcpu
with_predictors.shows("trained_by_l2")


@with_predictors.view
def barrier_offered(s: PredictorVcpu) -> Bool:
    """L1 was told that it has IBRS."""
    return s.running | ~s.running


# R02, G03.


def r02_effective_value(s: Vcpu, value: Word) -> Word:
    """A mask can only set bits: val | mask. [25034412039, 24766222393]"""
    return value | reference.policy_value(s)


def g03_nested_vmx_enter_non_root_mode(s: Vcpu, fails: Bool) -> Vcpu:
    """Without a VMLAUNCH vmcs02 keeps what it had: DEBUGCTL's bug, on this register's shadow. [764643a6be07, 11602402816]"""
    entered = nested.prepare_vmcs02_early(nested.vmx_switch_vmcs(s, to_vmcs02=True))
    kept = entered.replace(vmcs02=entered.vmcs02.replace(shadow=s.vmcs02.shadow))
    return select(fails, nested.leave_guest_mode(kept), kept.replace(pages_pending=True)).replace(changed_level=True)


BUGS: tuple[Bug, ...] = (
    Bug(
        "K01", "KVM: VM exit restored 0, whatever the host's value was", 2018, "Linux 5cf687548705",
        "host-isolation", "emulated", 3,
        kvm_upstream.but("kvm-k01", vmx_vcpu_run=k01_vmx_vcpu_run, vmx_spec_ctrl_restore_host=k01_vmx_spec_ctrl_restore_host), kvm_upstream,
    ),
    Bug(
        "K02", "KVM: bits that the guest may set were taken from the host", 2018, "Linux be6fcb5478e9 on 1115a859f332",
        "effective-is-what-was-set", "emulated", 3, adds_nothing.but("kvm-k02", vmx_vcpu_run=k02_vmx_vcpu_run), adds_nothing,
    ),
    Bug(
        "K04", "KVM: VM exit restored a boot constant, not what the task wants", 2022, "Linux caa0ff24d5d0 and bbb69e8bee1b [44369692407]",
        "host-isolation", "emulated", 3,
        kvm_upstream.but("kvm-k04", vmx_vcpu_run=k04_vmx_vcpu_run, vmx_spec_ctrl_restore_host=k04_vmx_spec_ctrl_restore_host), kvm_upstream,
    ),
    Bug(
        "K05", "KVM: with legacy IBRS the write at VM exit, which is the barrier, was skipped", 2022, "Linux bea7e31a5cac [44681690369]",
        "barrier-write-at-exit", "emulated", 4,
        kvm_upstream_ibrs.but("kvm-k05", vmx_spec_ctrl_restore_host=k05_vmx_spec_ctrl_restore_host), kvm_upstream_ibrs,
    ),
    Bug(
        "K07", "KVM: passed through, the register takes bits that the guest's CPUID lacks", 2018, "Linux d28b387fb74d; [40853655354]",
        "open-means-contained", "emulated", 3,
        with_cpuid, with_cpuid.but("kvm-k07-fixed", vmx_disable_intercept_for_msr=k07_opens_what_is_offered), "live",
    ),
    Bug(
        "K08", "KVM: userspace could set bits that make the next VM entry's WRMSR fault", 2020, "Linux 6441fa6178f5 [32397606893]",
        "host-write-never-faults", "emulated", 2,
        kvm_upstream.but("kvm-k08", kvm_spec_ctrl_test_value=k08_kvm_spec_ctrl_test_value), kvm_upstream,
    ),
    Bug(
        "K16", "KVM: the merge of the bitmaps took L0's answer with the wrong sign", 2018, "Linux 206587a9fb76",
        "merge-opens-nothing", "emulated", 4,
        kvm_upstream.but("kvm-k16", nested_vmx_prepare_msr_bitmap=k16_nested_vmx_prepare_msr_bitmap), kvm_upstream,
    ),
    Bug(
        "K17", "KVM/VMX: no IBPB on an emulated exit to an L1 that has IBRS (CVE-2022-2196)", 2022, "Linux 2e7eab81425a [13327715163]",
        "l1-apart-from-l2", "emulated", 5, with_predictors.but("kvm-k17", nested_vmx_vmexit=k17_nested_vmx_vmexit), with_predictors,
    ),
    Bug(
        "R01", "RFC v1: vmcs02 gets neither the control nor the mask", 2022, "RFC 4/9 [12678865020]; v2's cover [23193774566]",
        "enforcement", "virtualized", 5, kvm_rfc_v1, kvm_reference, "in review",
    ),
    Bug(
        "R02", "RFC v2: a mask can force to 1 only", 2023, "RFC v2 04/11 [25034412039]; Xiaoyao Li [24766222393], Chao Gao [24599231289]",
        "forced-to-zero", "virtualized", 3, kvm_proposed.but("kvm-r02", effective_value=r02_effective_value), kvm_proposed, "in review",
    ),
    Bug(
        "G03", "KVM: what vmcs02 inherits was set on VMLAUNCH only (DEBUGCTL's bug, on this register)", 2022, "Linux 764643a6be07 [11602402816]",
        "shadow-coherence", "virtualized", 3,
        kvm_proposed.but("kvm-g03", nested_vmx_enter_non_root_mode=g03_nested_vmx_enter_non_root_mode), kvm_proposed,
    ),
)  # fmt: skip

OMITTED: tuple[Omitted, ...] = (
    Omitted(
        "K11", "KVM: CPUID.SSBD offered on hosts whose register lacks the bit",
        "which CPUID bits KVM offers on which host is not modelled; the register's bits are those that WRMSR accepts",
    ),
)
