"""Bugs of Xen, KVM/SVM, the TDX module, Hedron, Bochs, Linux as a host, and of CR4, each as its design with the old code put back.

Every function below is what a helper was before the correction, under the helper's name with the bug's id
before it; its docstring says where that can be read. Ids are those of the fact sheet on history.

Sources: with each bug.
"""

from specproof.models.bochs import bochs
from specproof.models.cr4 import VARIANTS, cr4
from specproof.models.hedron import hedron
from specproof.models.intel import wrmsr_takes_effect
from specproof.models.kvm_svm_views import kvm_svm
from specproof.models.linux_host import linux_host
from specproof.models.tdx_views import tdx_module
from specproof.models.xen_pv import xen_pv
from specproof.models.xen_ssbd import xen_ssbd
from specproof.models.xen_svm_views import xen_svm
from specproof.models.xen_vmx_views import xen_vmx

from specproof import Bool, Bug, Word, disj, ite, select, word
from specproof.models import hedron as hd
from specproof.models import kvm_svm as svm
from specproof.models import linux_host as host
from specproof.models import tdx_module as tdx
from specproof.models import xen_pv as pv
from specproof.models import xen_ssbd as ssbd17
from specproof.models import xen_svm as xsvm
from specproof.models import xen_vmx as xvmx

# Linux.


def k20_restore_processor_state(s: host.Cpu, saved: Word) -> host.Cpu:
    """Resume left the register as the platform had reset it. [66065157420c]"""
    return s


def svm_leave_nested(s: svm.Vcpu) -> svm.Vcpu:
    """With the copy that a nested #VMEXIT makes; see repairs.py."""
    return select(s.guest_mode, svm.to_l1(svm.nested_svm_copy_common_state(s, to_l2=False)), s)


_svm_that_copies = kvm_svm.but("kvm-svm-leave-copies", svm_leave_nested=svm_leave_nested)


def k25_knows_v_spec_ctrl(s: svm.Vcpu) -> Bool:
    """KVM before V_SPEC_CTRL on a processor that has it: svm->spec_ctrl goes to the host's register. [d00b99c514b3, 25368846396]"""
    return disj(())


def k08_svm_set_msr(s: svm.Vcpu, value: Word, host_initiated: bool) -> svm.Vcpu:
    """The value was held against the guest's CPUID only, which userspace chooses. [6441fa6178f5, 32397606893]"""
    stored = select(svm.knows_v_spec_ctrl(s), svm.with_save(s, value), s.replace(spec_ctrl=value))
    return select(s.has_msr, stored.when(value != 0, opened=True), s.replace(refused=True))


def k17_nested_svm_vmexit(s: svm.Vcpu) -> svm.Vcpu:
    """With the IBPB that 6.16 has on every emulated exit of a guest that was told of IBRS. [656d9624bd21, 47881104438]"""
    s = svm.to_l1(svm.nested_svm_copy_common_state(s, to_l2=False))
    return s.when(s.has_msr, trained_by_l2=False, trained_by_other=False)


def k28_xen_arch_pre_suspend(s: pv.Cpu) -> pv.Cpu:
    """The guest left the register as it was when it suspended. [71c208dd54ab]"""
    return s


# Xen on VMX.


def x01_vmx_vmentry(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """Assembly wrote the guest's value before VM entry; there was no list. [81f0eaadf8]"""
    return s.replace(msr=s.entry, running=True)


def x01_vmx_vmexit(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """The processor stored nothing at exit. [81f0eaadf8]"""
    return s.replace(running=False, window=True)


def x01_vmx_asm_vmexit_handler(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """RDMSR and save, then Xen's value. [81f0eaadf8]"""
    return s.replace(entry=s.msr, msr=s.host, window=False, host_entered=True, host_wrote=True)


def x01_nmi_returns(s: xvmx.Vcpu) -> xvmx.Vcpu:
    """use_shadow was still set: the return from the NMI loaded the value of the last entry. [81f0eaadf8]"""
    return s.replace(msr=s.entry)


def x01_next_saved(s: xvmx.Vcpu) -> Word:
    """What RDMSR will find. [81f0eaadf8]"""
    return ite(s.window, s.msr, xvmx.vmx_get_reg(s))


def x02_hvm_save_cpu_msrs(s: xvmx.Vcpu) -> Word:
    """The value was saved as the guest had made it. [969a57f73f]"""
    return xvmx.vmx_get_reg(s)


def x04_hvm_load_cpu_msrs(s: xsvm.Vcpu, image: Word, virt: Word) -> xsvm.Vcpu:
    """MSR_VIRT_SPEC_CTRL was in the list of what is saved, and not among what a restore knows. [0d251a1dd1]"""
    return xsvm.with_save(s, image).replace(image_refused=(image & ~s.offered) | virt)


def x06_vmx_set_reg(s: xvmx.Vcpu, value: Word) -> xvmx.Vcpu:
    """After the slot was written the code fell through to a VMWRITE of the shadow. [cd2df4561e]"""
    shadowed = xvmx.with_current(s, xvmx.current(s).replace(shadow=value)).replace(touched_fields=True)
    return select(s.control, shadowed, s.replace(entry=value, touched_fields=True))


def x20_update_msrbitmap(s: xvmx.Vcpu) -> Bool:
    """L2 ran with L0's bitmap, whatever L1's asked for. [c47984aabe]"""
    return ~s.has_msr


# Xen on AMD family 17h.


def x09_guest_wrmsr_virt_spec_ctrl(s: ssbd17.Core, second: Bool, ssbd: Bool) -> ssbd17.Core:
    """Every write counted, of the value that was there already too. [eda98ea870, XSA-431]"""
    return ssbd17.core_set_legacy_ssbd(ssbd17.with_thread(s, second, ssbd17.thread(s, second).replace(wants=ssbd)), ssbd)


# Hedron, Bochs, TDX.


def h01_load_spec_ctrl(s: hd.Cpu) -> hd.Cpu:
    """Nothing was written at entry. [b676b54]"""
    return s


def h01_handle_vmx(s: hd.Cpu) -> hd.Cpu:
    """Nothing was saved or cleared at exit. [b676b54]"""
    return hd.with_current(s, hd.current(s)).replace(running=False, host_entered=True)


def t01_td_vmcs_init(s: tdx.Lp) -> tdx.Lp:
    """Mask and shadow were written, and the control taken as set, without a look at the processor. [f9acbbf, f99767b]"""
    vmcs = tdx.Vmcs(bit7=s.allows, mask=ite(s.td_ddpd, 0, word(tdx.DDPD_U)), shadow=word(0))
    return s.replace(l1=vmcs, l2=vmcs, touched_fields=True)


def t01_conditionally_write_shadow(s: tdx.Lp) -> tdx.Lp:
    """The shadow was written on every entry. [f9acbbf, f99767b]"""
    return tdx.with_current(s, tdx.current(s).replace(shadow=tdx.virt(s, s.value))).replace(touched_fields=True)


BUGS: tuple[Bug, ...] = (
    Bug(
        "B01", "Bochs: a virtualized WRMSR does not update the shadow", 2024, "bochs-emu/Bochs b2cf7860d, live at 783b58fd6d9b",
        "read-your-write", "with-control", 3, bochs, bochs.but("bochs-b01-fixed", wrmsr_takes_effect=wrmsr_takes_effect), "live",
    ),
    Bug(
        "G06", "Xen: an emulated write of L2 to CR4 dropped the bits that L1 owns", 2013, "Xen ef17e127c4, after a83a8aa029",
        "cr4-nested-effective", "", 5, VARIANTS.designs[0], cr4,
    ),
    Bug(
        "G08", "KVM: of vmcs12's CR4 the value with L0's bits in it was checked (CVE-2023-30456, there on CR0)", 2023,
        "Linux 112e66017bff [7784210848]", "cr4-request-is-checked", "", 2, VARIANTS.designs[1], cr4,
    ),
    Bug(
        "H01", "Hedron: the register was passed through and never switched", 2020, "cyberus-technology/hedron b676b54",
        "host-isolation", "careful-vmm", 3, hedron.but("hedron-h01", load_spec_ctrl=h01_load_spec_ctrl, handle_vmx=h01_handle_vmx), hedron,
    ),
    Bug(
        "K08", "KVM: a value that the guest's CPUID allows and the host's processor does not", 2020, "Linux 6441fa6178f5 [32397606893]",
        "host-write-never-faults", "swapped", 2, kvm_svm.but("kvm-svm-k08", svm_set_msr=k08_svm_set_msr), kvm_svm,
    ),
    Bug(
        "K17", "KVM/SVM: no IBPB on an emulated exit to an L1 that has IBRS", 2025, "Linux 656d9624bd21 [47881104438], after CVE-2022-2196",
        "l1-apart-from-l2", "swapped", 5, kvm_svm, kvm_svm.but("kvm-svm-k17-fixed", nested_svm_vmexit=k17_nested_svm_vmexit), "live",
    ),
    Bug(
        "K20", "Linux: resume from S3 left the register cleared and its copy set", 2022, "Linux 66065157420c",
        "host-isolation", "immediate", 1, linux_host.but("linux-host-k20", restore_processor_state=k20_restore_processor_state), linux_host,
    ),
    Bug(
        "K25", "KVM/SVM: the intercepted first write never reached the VMCB that the processor reads", 2021, "Linux d00b99c514b3 [25368846396]",
        "transparency", "v-spec-ctrl", 3, _svm_that_copies.but("kvm-svm-k25", knows_v_spec_ctrl=k25_knows_v_spec_ctrl), _svm_that_copies,
    ),
    Bug(
        "K28", "Linux as a Xen PV guest: suspended with the register set, which old streams cannot carry", 2018, "Linux 71c208dd54ab",
        "what-is-saved-loads", "", 2, xen_pv.but("xen-pv-k28", xen_arch_pre_suspend=k28_xen_arch_pre_suspend), xen_pv,
    ),
    Bug(
        "T01", "TDX module: mask, shadow and control without a look at the processor", 2024, "niooss-ledger/tdx-module f9acbbf to f99767b",
        "fields-exist", "absent", 2,
        tdx_module.but("tdx-module-t01", td_vmcs_init=t01_td_vmcs_init, conditionally_write_shadow=t01_conditionally_write_shadow), tdx_module,
    ),
    Bug(
        "X01", "Xen: an NMI between a VM exit and the RDMSR that saves the guest's value", 2022, "Xen 81f0eaadf8",
        "saved-whatever-strikes", "load-lists", 4,
        xen_vmx.but(
            "xen-vmx-x01", vmx_vmentry=x01_vmx_vmentry, vmx_vmexit=x01_vmx_vmexit, vmx_asm_vmexit_handler=x01_vmx_asm_vmexit_handler,
            nmi_returns=x01_nmi_returns, next_saved=x01_next_saved,
        ), xen_vmx,
    ),
    Bug(
        "X02", "Xen: a guest saved with bits outside its policy cannot be restored", 2021, "Xen 969a57f73f",
        "what-is-saved-loads", "load-lists", 5, xen_vmx.but("xen-vmx-x02", hvm_save_cpu_msrs=x02_hvm_save_cpu_msrs), xen_vmx,
    ),
    Bug(
        "X04", "Xen: MSR_VIRT_SPEC_CTRL is saved, and a restore does not know it", 2022, "Xen 0d251a1dd1",
        "what-is-saved-loads", "", 3, xen_svm.but("xen-svm-x04", hvm_load_cpu_msrs=x04_hvm_load_cpu_msrs), xen_svm,
    ),
    Bug(
        "X06", "Xen: a VMWRITE of the shadow on processors without it", 2024, "Xen cd2df4561e [36487339459]",
        "fields-exist", "load-lists", 1, xen_vmx.but("xen-vmx-x06", vmx_set_reg=x06_vmx_set_reg), xen_vmx,
    ),
    Bug(
        "X09", "Xen: SSBD of a core counted by writes, not by who wants it (CVE-2022-42336)", 2023, "Xen eda98ea870 (XSA-431)",
        "core-bit-while-wanted", "", 3,
        xen_ssbd.but("xen-ssbd-x09", guest_wrmsr_virt_spec_ctrl=x09_guest_wrmsr_virt_spec_ctrl), xen_ssbd,
    ),
    Bug(
        "X20", "Xen: L2 ran with L0's MSR bitmap, and L1's was ignored", 2020, "Xen c47984aabe",
        "merge-opens-nothing", "load-lists", 3, xen_vmx.but("xen-vmx-x20", update_msrbitmap=x20_update_msrbitmap), xen_vmx,
    ),
)  # fmt: skip
