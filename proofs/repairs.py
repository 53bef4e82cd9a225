"""What would correct the findings: each design that ships with one thing changed, and the claims that then hold.

A repair shows that its findings have that one cause, and no other behind it. None of these is anybody's
patch; each is the least change of the model that does it.
"""

from specproof.models.acrn import acrn
from specproof.models.bochs import bochs
from specproof.models.hedron import hedron
from specproof.models.kvm_svm_views import kvm_svm
from specproof.models.registers import LOW_HALF, SPEC_CTRL
from specproof.models.xen_svm_views import xen_svm
from specproof.models.xen_vmx_views import xen_vmx
from specproof.proofs.history_vendors import k17_nested_svm_vmexit, svm_leave_nested

from specproof import U64, Bool, Repair, Word, conj, disj, ite, select, word
from specproof.models import acrn as acr
from specproof.models import hedron as hd
from specproof.models import intel
from specproof.models import kvm_svm as svm
from specproof.models import xen_svm as xsvm
from specproof.models import xen_vmx as xvmx

# ACRN.


def acrn_fails_but_restores(s: acr.Cpu) -> acr.Cpu:
    """After a failed entry the constant is written, as after an exit. [acrn.py, ASM vm_return]"""
    constant = ite(s.opt, word(SPEC_CTRL.STIBP), ite(s.raw, word(SPEC_CTRL.IBRS), s.msr))
    failed = acr.with_current(s, acr.current(s).replace(zombie=True))
    return failed.replace(msr=constant, exited=True, host_entered=True, host_wrote=s.raw | s.opt)


def acrn_run_vcpu(s: acr.Cpu) -> acr.Cpu:
    """IBPB before every entry of a vCPU that is not the one that ran last; here, before every entry. [acrn.py, VCPU]"""
    return acr.with_current(select(s.raw, acr.ibpb(s), s), acr.current(s).replace(launched=True))


def acrn_load(s: acr.Cpu) -> acr.Cpu:
    """A retpoline build loads the guest's value too. [acrn.py, ASM]"""
    return s.replace(msr=acr.current(s).ia32_spec_ctrl & LOW_HALF)


def acrn_save(s: acr.Cpu) -> acr.Cpu:
    """... saves it, and goes back to what boot set. [acrn.py, ASM]"""
    saved = acr.with_current(s, acr.current(s).replace(ia32_spec_ctrl=s.msr & LOW_HALF))
    return saved.replace(msr=s.boot, copied=True, running=False, exited=True, host_entered=True, host_wrote=True)


def acrn_fails_to_boot_value(s: acr.Cpu) -> acr.Cpu:
    """... after a failed entry as well. [acrn.py, ASM]"""
    return acr.with_current(s, acr.current(s).replace(zombie=True)).replace(msr=s.boot, exited=True, host_entered=True, host_wrote=True)


# Hedron.


def hedron_refuses(s: hd.Cpu) -> hd.Cpu:
    """An entry that is refused before the write touches neither the register nor the saved value. [hedron.py, VCPU]"""
    return s


def hedron_vmm_sets(s: hd.Cpu, second: Bool, value: U64) -> hd.Cpu:
    """A value that the processor would reject is not taken. [hedron.py, VCPU]"""
    s = s.replace(second=second)
    taken = hd.with_current(s, hd.current(s).replace(spec_ctrl=value, legal=True, believed=value))
    return select((value & ~s.accepts) == 0, taken, s)


# KVM/SVM.


def svm_closed(s: svm.Vcpu) -> Bool:
    """With V_SPEC_CTRL, closed to a guest that has no such register; without, never opened for one. [52939480888]"""
    return ~s.has_msr | ~(svm.knows_v_spec_ctrl(s) | s.opened)


def svm_vcpu_reset(s: svm.Vcpu) -> svm.Vcpu:
    """INIT clears the VMCB's value too. [kvm_svm.py, LNX svm.c]"""
    return svm.with_save(s, word(0)).replace(spec_ctrl=0)


# Xen.


def xen_vmentry(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """Before VM entry the guest's value is written, but for the masked bits. [xen_vmx.py, ENTRY]"""
    vmcs = xvmx.current(s)
    merged = (s.host & vmcs.mask) | (vmcs.shadow & ~vmcs.mask)
    value = ite(s.has_msr, ite(s.control, merged, s.entry), s.msr)
    return s.replace(msr=value, running=True, host_illegal=ite(s.has_msr, value & ~s.accepts, 0))


def xen_effective_next(s: xvmx.Vcpu) -> Word:
    """What xen_vmentry makes it."""
    vmcs = xvmx.current(s)
    merged = (s.host & vmcs.mask) | (vmcs.shadow & ~vmcs.mask)
    return ite(s.running, s.msr, ite(s.has_msr, ite(s.control, merged, s.entry), s.host))


def xen_virtual_vmentry(s: xvmx.Vcpu, asks: Bool) -> xvmx.Vcpu:
    """L2's shadow becomes what L1's is. [xen_vmx.py, VVMX]"""
    return s.replace(vmcs02=s.vmcs02.replace(shadow=s.vmcs01.shadow), in_l2=conj(()), l1_asks=asks, l1_wants=asks, changed_level=True)


def xen_virtual_vmexit(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """L1's shadow becomes what L2's is. [xen_vmx.py, VVMX]"""
    no = disj(())
    return s.replace(vmcs01=s.vmcs01.replace(shadow=s.vmcs02.shadow), in_l2=no, l1_asks=no, l1_wants=no, changed_level=True)


def xen_nested_vmrun(s: xsvm.Vcpu) -> xsvm.Vcpu:
    """L2's VMCB takes L1's value. [xen_svm.py, NSVM]"""
    return s.replace(save02=s.save01)


def xen_nested_vmexit(s: xsvm.Vcpu) -> xsvm.Vcpu:
    """L1's VMCB takes L2's value. [xen_svm.py, NSVM]"""
    return s.replace(save01=s.save02)


_NESTED = (
    "transparency-where-offered", "userspace-view-where-offered", "continuity-where-offered", "migration-keeps-what-was-offered",
    "transparency", "nested-continuity",
)  # fmt: skip
_XEN_SVM_COPIES = xen_svm.but("xen-svm-copies", nsvm_vmcb_prepare4vmrun=xen_nested_vmrun, nsvm_vcpu_hostrestore=xen_nested_vmexit)
_XEN_COPIES = xen_vmx.but("xen-vmx-copies", virtual_vmentry=xen_virtual_vmentry, virtual_vmexit=xen_virtual_vmexit)
_XEN_LOADS = _XEN_COPIES.but("xen-vmx-copies-loads", vmx_vmentry=xen_vmentry, effective_next=xen_effective_next)

REPAIRS: tuple[Repair, ...] = (
    Repair(
        acrn, "raw", ("host-isolation", "barrier-write-at-exit"), acrn.but("acrn-restores", vm_fails=acrn_fails_but_restores),
        "a failed entry restores the hypervisor's value",
    ),
    Repair(
        acrn, "opt", ("host-isolation",), acrn.but("acrn-restores", vm_fails=acrn_fails_but_restores),
        "a failed entry restores the hypervisor's value",
    ),
    Repair(acrn, "raw", ("no-foreign-predictions",), acrn.but("acrn-barriers", run_vcpu=acrn_run_vcpu), "IBPB whenever another vCPU is entered"),
    Repair(
        acrn, "none",
        (
            "transparency", "transparency-where-offered", "host-isolation", "host-value-after-exit", "bystander-keeps-its-value",
            "effective-is-what-was-set",
        ),
        acrn.but("acrn-switches", vmx_vmrun_load=acrn_load, vmx_vmrun_save=acrn_save, vm_fails=acrn_fails_to_boot_value),
        "a retpoline build switches the register between the guests' values and what boot set",
    ),
    Repair(
        bochs, "with-control", ("read-your-write", "shadow-takes-operand", "agreement-lasts"),
        bochs.but("bochs-shadows", wrmsr_takes_effect=intel.wrmsr_takes_effect), "a virtualized WRMSR updates the shadow",
    ),
    Repair(
        bochs, "with-control",
        ("register-is-legal", "fault-on-merged-value", "fault-on-unmasked-bits", "fault-without-control", "hidden-bits-stay-clear"),
        bochs.but("bochs-asks-cpuid", legal=intel.legal), "WRMSR rejects what the emulated CPU does not enumerate",
    ),
    Repair(
        bochs, "with-control", ("exit-saves-the-register",),
        bochs.but("bochs-saves", save_guest_state=intel.save_guest_state), "VM exit saves the register in the guest-state field",
    ),
    Repair(
        hedron, "any-vmm", ("transparency", "userspace-view", "bystander-keeps-its-value", "effective-is-what-was-set"),
        hedron.but("hedron-checks", refuses=hedron_refuses, vmm_sets=hedron_vmm_sets),
        "what the VMM sets is checked, and a refused entry is no exit",
    ),
    Repair(
        kvm_svm, "v-spec-ctrl",
        ("exactness", "transparency", "userspace-view", "effective-cache", "nested-continuity", "failed-entry", "nothing-lost-at-exit"),
        kvm_svm.but("kvm-svm-copies", svm_leave_nested=svm_leave_nested), "a forced leave of L2 copies the value as an exit does",
    ),
    Repair(kvm_svm, "v-spec-ctrl", ("open-means-present",), kvm_svm.but("kvm-svm-closes", closed=svm_closed), "the map follows the guest's CPUID"),
    Repair(kvm_svm, "swapped", ("open-means-present",), kvm_svm.but("kvm-svm-closes", closed=svm_closed), "the map follows the guest's CPUID"),
    Repair(
        kvm_svm, "v-spec-ctrl", ("init-clears-the-value",), kvm_svm.but("kvm-svm-clears", svm_vcpu_reset=svm_vcpu_reset),
        "INIT clears the VMCB's value",
    ),
    Repair(
        kvm_svm, "v-spec-ctrl", ("l1-apart-from-l2",), kvm_svm.but("kvm-svm-barriers", nested_svm_vmexit=k17_nested_svm_vmexit),
        "IBPB on emulated exits, as in 6.16",
    ),
    Repair(
        kvm_svm, "swapped~v-spec-ctrl", ("swapped-equals-ored",),
        kvm_svm.but("kvm-svm-alike", closed=svm_closed, svm_leave_nested=svm_leave_nested, svm_vcpu_reset=svm_vcpu_reset),
        "all three of these: the map, the forced leave, INIT",
    ),
    Repair(
        xen_svm, "", (*_NESTED, "exactness", "effective-cache", "nothing-lost-at-exit"), _XEN_SVM_COPIES,
        "nested VMRUN and #VMEXIT copy the value",
    ),
    Repair(xen_vmx, "virtualized", (*_NESTED, "saved-whatever-strikes"), _XEN_COPIES, "virtual entry and exit copy the shadow"),
    Repair(
        xen_vmx, "virtualized-entry-loads", (*_NESTED, "saved-whatever-strikes", "exactness", "nothing-lost-at-exit"), _XEN_COPIES,
        "virtual entry and exit copy the shadow",
    ),
    Repair(
        xen_vmx, "virtualized", ("exactness", "no-spontaneous-change", "nothing-lost-at-exit"), _XEN_LOADS,
        "virtual entry and exit copy the shadow, and Xen writes the guest's value before VM entry",
    ),
    Repair(xen_vmx, "load-lists~virtualized", ("lists-equal-control",), _XEN_LOADS, "both of these"),
    Repair(xen_vmx, "load-lists~virtualized-entry-loads", ("lists-equal-control-that-loads",), _XEN_COPIES, "virtual entry and exit copy the shadow"),
)  # fmt: skip
