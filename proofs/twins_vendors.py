"""A twin for each claim on the other systems that neither a bug of the past nor a design that ships refutes already.

A twin shows that its claim can fail, and what it is there for. The named claim must be refuted in the named
configuration; which others are refuted too is not pinned.
"""

from specproof.models.acrn import acrn
from specproof.models.cr4 import cr4
from specproof.models.hedron import hedron
from specproof.models.kvm_proposed import kvm_proposed
from specproof.models.kvm_svm_views import kvm_svm
from specproof.models.linux_host import linux_host
from specproof.models.registers import SPEC_CTRL
from specproof.models.tdx_views import tdx_module
from specproof.models.xen_pv import xen_pv
from specproof.models.xen_ssbd import xen_ssbd
from specproof.models.xen_svm_views import xen_svm
from specproof.models.xen_vmx_views import xen_vmx

from specproof import U64, Bool, Broken, Word, ite, select, word
from specproof.models import acrn as acr
from specproof.models import cr4 as cr
from specproof.models import hedron as hd
from specproof.models import kvm_proposed as proposed
from specproof.models import kvm_svm as svm
from specproof.models import linux_host as host
from specproof.models import tdx_module as tdx
from specproof.models import xen_pv as pv
from specproof.models import xen_ssbd as ssbd
from specproof.models import xen_svm as xsvm
from specproof.models import xen_vmx as vmx


def asks_the_operand(s: tdx.Lp, value: U64) -> tdx.Lp:
    vmcs = tdx.current(s)
    merged = ite(vmcs.bit7, (s.msr & vmcs.mask) | (value & ~vmcs.mask), value)
    s = s.replace(guest_wrote=True, operand=value)
    written = tdx.with_current(s, vmcs.replace(shadow=ite(vmcs.bit7, value, vmcs.shadow))).replace(msr=merged, believed=value)
    return select(((value & ~s.accepts) | (value & tdx.DDPD_U)) == 0, written, s.replace(refused=True))


def writes_what_it_refuses(s: hd.Cpu, value: U64) -> hd.Cpu:
    legal = (value & ~s.accepts) == 0
    taken = hd.with_current(s, hd.current(s).replace(believed=value)).replace(msr=value)
    return select(legal, taken, s.replace(msr=value & s.accepts, refused=True)).replace(guest_wrote=True, operand=value)


def asks_no_cpuid(s: svm.Vcpu, value: Word, host_initiated: bool) -> svm.Vcpu:
    stored = select(svm.knows_v_spec_ctrl(s), svm.with_save(s, value), s.replace(spec_ctrl=value))
    allowed = (value & ~s.accepts) == 0
    return select(allowed, stored.when(value != 0, opened=True), s.replace(refused=True))


def takes_the_control_as_given(s: tdx.Lp) -> tdx.Lp:
    vmcs = tdx.Vmcs(bit7=~s.td_ddpd, mask=ite(s.td_ddpd, 0, word(tdx.DDPD_U)), shadow=word(0))
    return s.replace(l1=vmcs, l2=vmcs, touched_fields=s.allows)


def masks_what_is_not_there(s: tdx.Lp) -> tdx.Lp:
    vmcs = tdx.Vmcs(bit7=s.allows, mask=ite(s.td_ddpd, 0, word(tdx.DDPD_U)), shadow=word(0))
    return s.replace(l1=vmcs, l2=vmcs, touched_fields=s.allows)


def saves_a_byte(s: acr.Cpu) -> acr.Cpu:
    saved = acr.with_current(s, acr.current(s).replace(ia32_spec_ctrl=s.msr & 0xFF))
    constant = ite(s.opt, word(SPEC_CTRL.STIBP), SPEC_CTRL.IBRS)
    return saved.replace(msr=constant, copied=True, running=False, exited=True, host_entered=True, host_wrote=True)


def leaves_the_value(s: pv.Cpu) -> pv.Cpu:
    return s.replace(in_nmi=True)


def reloads_nothing(s: pv.Cpu) -> pv.Cpu:
    return s


def writes_before_it_flags(s: pv.Cpu) -> pv.Cpu:
    return s.replace(msr=s.guest, stored=False, flagged=True)


def flags_after_it_wrote(s: pv.Cpu) -> pv.Cpu:
    return s.replace(use_shadow=True, flagged=False, loaded=True)


def enters_as_it_is(s: host.Cpu) -> host.Cpu:
    return s.replace(user=False)


def returns_as_it_is(s: host.Cpu) -> host.Cpu:
    return s.replace(user=True)


def asks_for_nothing(s: xsvm.Vcpu, value: Word) -> xsvm.Vcpu:
    return s


def never_clears(s: ssbd.Core, enable: Bool) -> ssbd.Core:
    up = s.replace(below=False, one=~s.below, two=s.one, ssbd=s.ssbd | (~s.below & ~s.one))
    return select(enable, up, s.replace(below=~s.one, one=s.two, two=False))


def stores_nothing(s: cr.Vcpu) -> cr.Vcpu:
    return s


def restores_nothing(s: svm.Vcpu) -> svm.Vcpu:
    return select(svm.knows_v_spec_ctrl(s), s, s.replace(host=s.msr))


def refuses_stibp(s: proposed.ProposedVcpu, mask: Word, value: Word) -> proposed.ProposedVcpu:
    refused = s.replace(refused=True)
    return select((mask & SPEC_CTRL.STIBP) != 0, refused, proposed.kvm_vcpu_ioctl_force_spec_ctrl.body(s, mask, value))


def takes_what_xen_has_not_set(s: vmx.Vcpu, value: U64) -> vmx.Vcpu:
    legal = s.has_msr & ((value & ~(s.offered & ~s.host)) == 0)
    return select(legal, vmx.vmx_set_reg(s, value).replace(believed=value), s.replace(refused=True)).replace(operand=value)


TWINS: tuple[Broken, ...] = (
    Broken(
        "refused-as-the-processor-says", "hidden", tdx_module.but("tdx-module-operand", guest_wrmsr=asks_the_operand),
        "the fault is decided on the operand, not on the merged value",
    ),
    Broken(
        "refused-leaves-no-trace", "careful-vmm", hedron.but("hedron-traces", guest_wrmsr=writes_what_it_refuses),
        "what the processor can take of a refused value is written",
    ),
    Broken(
        "host-value-is-its-own", "swapped", kvm_svm.but("kvm-svm-adopts", restore_host_spec_ctrl=restores_nothing),
        "after an exit the register is taken for what the host wants",
    ),
    Broken(
        "choices-refused-for-a-reason", "virtualized", kvm_proposed.but("kvm-proposed-refuses", kvm_vcpu_ioctl_force_spec_ctrl=refuses_stibp),
        "no mask may have STIBP",
    ),
    Broken(
        "toolstack-refused-for-a-reason", "load-lists", xen_vmx.but("xen-vmx-keeps", toolstack_sets=takes_what_xen_has_not_set),
        "a bit that Xen runs with itself is refused, offered or not",
    ),
    Broken(
        "emulated-as-the-processor-says", "swapped", kvm_svm.but("kvm-svm-no-cpuid", svm_set_msr=asks_no_cpuid),
        "a guest without the register writes it all the same",
    ),
    Broken(
        "control-exists", "absent", tdx_module.but("tdx-module-control", td_vmcs_init=takes_the_control_as_given),
        "the control is set without a look at the processor",
    ),
    Broken(
        "masked-bits-exist", "absent", tdx_module.but("tdx-module-mask", td_vmcs_init=masks_what_is_not_there),
        "a bit is masked that the processor has not got",
    ),
    Broken("copies-are-whole", "raw", acrn.but("acrn-byte", vmx_vmrun_save=saves_a_byte), "one byte of the register is saved"),
    Broken("copies-where-offered", "raw", acrn.but("acrn-byte", vmx_vmrun_save=saves_a_byte), "one byte of the register is saved"),
    Broken("nmi-runs-protected", "", xen_pv.but("xen-pv-nmi", nmi=leaves_the_value), "the NMI's entry does not write Xen's value"),
    Broken("nmi-leaves-no-trace", "", xen_pv.but("xen-pv-return", exit_to_xen=reloads_nothing), "the NMI's exit does not reload the shadow value"),
    Broken(
        "effective-is-what-was-set", "",
        xen_pv.but("xen-pv-order", step2_use_shadow=writes_before_it_flags, step3_write_guest_value=flags_after_it_wrote),
        "the register is written before use_shadow is set",
    ),
    Broken(
        "kernel-runs-with-its-bits", "kernel-ibrs", linux_host.but("linux-host-entry", enter_kernel=enters_as_it_is),
        "entry to the kernel does not set IBRS",
    ),
    Broken(
        "user-runs-with-its-value", "kernel-ibrs", linux_host.but("linux-host-return", return_to_user=returns_as_it_is),
        "what a context switch left undone is not done on return",
    ),
    Broken(
        "virt-ssbd-in-force", "", xen_svm.but("xen-svm-virt", guest_wrmsr_virt_spec_ctrl=asks_for_nothing),
        "MSR_VIRT_SPEC_CTRL is remembered and nothing follows",
    ),
    Broken("cr4-stored-at-exit", "", cr4.but("cr4-stores-nothing", sync_vmcs12=stores_nothing), "vmcs12 keeps the CR4 with which L2 began"),
    Broken("core-bit-only-while-wanted", "", xen_ssbd.but("xen-ssbd-sticky", core_set_legacy_ssbd=never_clears), "the bit is never cleared"),
)  # fmt: skip
