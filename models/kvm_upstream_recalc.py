"""KVM/VMX since the intercepts are recalculated: kvm.py, and the bitmap's bits for IA32_SPEC_CTRL set anew now and then.

6.12 opens the register at the first nonzero value and never closes it. A later KVM has one function that
recalculates what is intercepted when userspace changes the vCPU's CPUID or the VM's MSR filter, and for this
register the rule is: intercepted while vmx->spec_ctrl is 0. So a register that was open is closed again.

The recalculation is modelled where it does something, with the value 0: a nonzero value has opened the
register already. For the same reason it is one action with KVM_SET_MSRS of 0, which changes nothing where the
value is 0, so the states reached are the same, and the engine need not compare a whole word with 0.

**Not modelled**: as in kvm.py; filters themselves, which let userspace refuse an access; the other MSRs.

Sources:
    [42496797922]  Sean Christopherson's patch that recalculates instead of tracking, vmx_recalc_msr_intercepts
    [LNX]          Linux 6.12.117, arch/x86/kvm/
"""

from specproof.models.kvm import Vcpu, vmx_set_msr_spec_ctrl
from specproof.models.kvm_actions import idle
from specproof.models.kvm_conduct import kvm_upstream

from specproof import word

kvm_upstream_recalc = kvm_upstream.but("kvm-upstream-recalc", doc="KVM/VMX after Linux 6.12: intercepts are recalculated, by vmx->spec_ctrl")


@kvm_upstream_recalc.function
def vmx_recalc_msr_intercepts(s: Vcpu) -> Vcpu:
    """With vmx->spec_ctrl 0. Always in vmcs01's bitmap; vmcs02's is merged at the next nested entry. [42496797922]"""
    return s.replace(vmcs01=s.vmcs01.replace(intercepted=True))


@kvm_upstream_recalc.action(by="userspace", guard=idle, source="arch/x86/kvm/vmx/vmx.c:vmx_recalc_msr_intercepts")
def recalc_intercepts(s: Vcpu) -> Vcpu:
    """KVM_SET_CPUID2, or KVM_X86_SET_MSR_FILTER and the request that it makes, which the next KVM_RUN serves. [42496797922]"""
    return vmx_recalc_msr_intercepts(vmx_set_msr_spec_ctrl(s, word(0))).replace(believed=0, by_userspace=True)
