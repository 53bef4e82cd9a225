"""Xen on SVM with V_SPEC_CTRL: the guest's value in the VMCB, and a value "behind the guest's back" ORed to it.

Modelled: one vCPU of an HVM guest on a processor with V_SPEC_CTRL and AMD_SSBD. The value behind the guest's
back (STIBP where Xen's default is STIBP alone; SSBD where the guest asks for it by MSR_VIRT_SPEC_CTRL), which
assembly writes to the host's register before VMRUN, and Xen's own, which it writes after #VMEXIT; both skipped
where last_spec_ctrl says that the register holds the value. GIF is 0 in both, so that no NMI strikes there.
MSR_VIRT_SPEC_CTRL, whose other bits are ignored without a fault; the toolstack's save, restore and migration of
both registers; nested SVM, whose second VMCB keeps a value of its own that nobody copies.

**Not modelled**
- Processors without AMD_SSBD, on which a core's threads share LS_CFG (xen_ssbd.py) or Xen passes
  MSR_VIRT_SPEC_CTRL on to a hypervisor below; MSR_VIRT_SPEC_CTRL in L2.
- The width of last_spec_ctrl, one byte in the versions before XSA-456, where no higher bit is used.
- S3; IBPB and the RSB on exit; a guest whose policy has not got the register, whose accesses all exit and fault.

Sources:
    [ENTRY]  xen-project/xen at c447b7308b13, xen/arch/x86/hvm/svm/entry.S
    [VMCB]   xen/arch/x86/hvm/svm/vmcb.c:181 and :457
    [MSR]    xen/arch/x86/msr.c:394-414 and :636-656
    [SVM]    xen/arch/x86/hvm/svm/svm.c, svm_get_reg and svm_set_reg
    [NSVM]   xen/arch/x86/hvm/svm/nestedsvm.c (read at 006cf109): nsvm_vmcb_prepare4vmrun, nsvm_vcpu_hostrestore, nsvm_vmrun_permissionmap
    [HVM]    xen/arch/x86/hvm/hvm.c, hvm_save_cpu_msrs and hvm_load_cpu_msrs
    [APM]    AMD Architecture Programmer's Manual vol. 2, V_SPEC_CTRL
"""

from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, conj, disj, field, frozen, ghost, ite, observed, select, word

SSBD = word(SPEC_CTRL.SSBD)


class Vcpu(State):
    """A vCPU and the CPU that it is on."""

    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[APM]", bits=SPEC_CTRL)
    offered: U64 = frozen("bits that the guest's policy has", source="[MSR]", bits=SPEC_CTRL)
    host: U64 = frozen("xen_spec_ctrl: the value with which Xen runs", source="[ENTRY]", bits=SPEC_CTRL)
    default: U64 = frozen("what a new vCPU has behind its back: STIBP or nothing", source="[VMCB]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL, the host's", source="[APM]", bits=SPEC_CTRL)
    guest_msr: U64 = field("the guest's, while it runs", source="[APM]", bits=SPEC_CTRL)
    last: U64 = field("last_spec_ctrl: what Xen says that the host's register holds", source="[ENTRY]", bits=SPEC_CTRL)
    behind: U64 = field("msrs.spec_ctrl.raw: the value behind the guest's back", source="[ENTRY]", bits=SPEC_CTRL)
    save01: U64 = field("L1's vmcb.spec_ctrl", source="[VMCB]", bits=SPEC_CTRL)
    save02: U64 = field("L2's vmcb.spec_ctrl, of nv_n2vmcx", source="[NSVM]", bits=SPEC_CTRL)
    in_l2: Bool = field("L2 is current", source="[NSVM]")
    l1_asks: Bool = field("L1 intercepts writes of the register", source="[NSVM]")
    running: Bool = field("the guest runs")
    l1_wants: Bool = ghost("L1 asked for exits on L2's writes when it entered L2")
    believed: U64 = ghost("what the guest, or the toolstack for it, set last", bits=SPEC_CTRL)
    virt_wanted: U64 = ghost("SSBD, as last asked for by MSR_VIRT_SPEC_CTRL", bits=SPEC_CTRL)
    guest_wrote: Bool = observed("the step was a WRMSR of IA32_SPEC_CTRL by L1 or L2")
    operand: U64 = observed("its value, or the toolstack's", bits=SPEC_CTRL)
    refused: Bool = observed("an access was refused")
    copied: Bool = observed("the guest stopped, and its value was saved")
    changed_level: Bool = observed("went from L1 to L2 or back")
    reentered: Bool = observed("an exit and the next entry")
    migrated: Bool = observed("the guest was saved and restored on another host")
    image_refused: U64 = observed("bits for which the restore refused what was saved", bits=SPEC_CTRL)
    host_entered: Bool = observed("Xen's code runs again after a guest")
    host_wrote: Bool = observed("... and wrote the register for that")
    host_illegal: U64 = observed("bits that a WRMSR of Xen set and the processor rejects", bits=SPEC_CTRL)
    stale_at_exit: U64 = observed("bits in which last_spec_ctrl was not what the register held", bits=SPEC_CTRL)
    wrong_at_entry: U64 = observed("bits in which the host's register is not the value behind the guest's back at VMRUN", bits=SPEC_CTRL)


xen_svm = Design("xen-svm", Vcpu, doc="Xen on SVM: V_SPEC_CTRL, and a value behind the guest's back", vendor="Xen")


@xen_svm.initial
def created(s: Vcpu) -> Bool:
    """The domain is built; VMCBs are zeroed pages. [VMCB, NSVM]"""
    zero = s.matches(guest_msr=0, save01=0, save02=0, believed=0, virt_wanted=0, in_l2=False, l1_asks=False, l1_wants=False, running=False)
    bits = ((s.host & ~s.accepts) | (s.offered & ~s.accepts) | (s.default & ~(s.accepts & SPEC_CTRL.STIBP)) | (SSBD & ~s.accepts)) == 0
    return zero & bits & s.matches(msr=s.host, last=s.host, behind=s.default)


def current_save(s: Vcpu) -> Word:
    """vmcb.spec_ctrl of the current VMCB."""
    return ite(s.in_l2, s.save02, s.save01)


def with_save(s: Vcpu, value: Word) -> Vcpu:
    """The same with another value there."""
    return s.replace(save01=ite(s.in_l2, s.save01, value), save02=ite(s.in_l2, value, s.save02))


def idle(s: Vcpu) -> Bool:
    """Xen or the toolstack has the vCPU."""
    return ~s.running


@xen_svm.function
def write_unless_last(s: Vcpu, value: Word) -> Vcpu:
    """WRMSR, and last_spec_ctrl, unless that says the value already. [ENTRY]"""
    return s.when(value != s.last, msr=value, last=value, host_illegal=s.host_illegal | (value & ~s.accepts))


@xen_svm.function
def svm_vmentry(s: Vcpu) -> Vcpu:
    """The value behind the guest's back, then VMRUN, which loads the guest's register from the VMCB. [ENTRY, APM]"""
    s = write_unless_last(s, s.behind)
    return s.replace(guest_msr=current_save(s), running=True, wrong_at_entry=s.msr ^ s.behind)


@xen_svm.function
def svm_vmexit(s: Vcpu) -> Vcpu:
    """#VMEXIT stores the guest's register in the VMCB; then Xen's value. [ENTRY, APM]"""
    stored = with_save(s, s.guest_msr).replace(running=False, copied=True, stale_at_exit=s.stale_at_exit | (s.msr ^ s.last))
    return write_unless_last(stored, s.host).replace(host_entered=True, host_wrote=s.host != s.last)


@xen_svm.function
def guest_wrmsr_virt_spec_ctrl(s: Vcpu, value: Word) -> Vcpu:
    """SSBD goes behind the guest's back, other bits nowhere. [MSR]"""
    return s.replace(behind=(s.behind & ~SSBD) | (value & SSBD))


@xen_svm.function
def hvm_save_cpu_msrs(s: Vcpu) -> Word:
    """What goes into the image of IA32_SPEC_CTRL: the bits that the policy allows. [HVM, MSR]"""
    return current_save(s) & s.offered


@xen_svm.function
def hvm_load_cpu_msrs(s: Vcpu, image: Word, virt: Word) -> Vcpu:
    """Both registers are restored. [HVM]"""
    loaded = with_save(s, image).replace(behind=(s.behind & ~SSBD) | virt)
    return loaded.replace(image_refused=image & ~s.offered)


@xen_svm.function
def nsvm_vmcb_prepare4vmrun(s: Vcpu) -> Vcpu:
    """L2's VMCB is filled from L1's and from what L1 wrote; the register is not among the fields. [NSVM]"""
    return s


@xen_svm.function
def nsvm_vcpu_hostrestore(s: Vcpu) -> Vcpu:
    """L1's VMCB is made ready again; the register is not among the fields. [NSVM]"""
    return s


# Who does what.


@xen_svm.action(by="Xen", guard=idle, source="xen/arch/x86/hvm/svm/entry.S:svm_asm_do_resume")
def vm_entry(s: Vcpu) -> Vcpu:
    """Xen enters L1 or L2. [ENTRY]"""
    return svm_vmentry(s)


@xen_svm.action(by="processor", guard=lambda s: s.running, source="xen/arch/x86/hvm/svm/entry.S:svm_asm_do_resume")
def vm_exit(s: Vcpu) -> Vcpu:
    """An exit that has nothing to do with the registers. [ENTRY]"""
    return svm_vmexit(s)


@xen_svm.action(by="Xen", guard=lambda s: s.running, source="xen/arch/x86/hvm/svm/entry.S:svm_asm_do_resume")
def exit_and_reenter(s: Vcpu) -> Vcpu:
    """An exit and the next entry, with nothing about the registers in between. [ENTRY]"""
    return svm_vmentry(svm_vmexit(s)).replace(reentered=True)


@xen_svm.action(by="guest", guard=lambda s: s.running & ~(s.in_l2 & s.l1_asks), source="[APM]")
def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """WRMSR of IA32_SPEC_CTRL by L1 or L2 that is not L1's business: passed through. [APM]"""
    s = s.replace(guest_wrote=True, operand=value)
    return select((value & ~s.accepts) == 0, s.replace(guest_msr=value, believed=value), s.replace(refused=True))


@xen_svm.action(by="guest", guard=lambda s: s.running & ~s.in_l2, source="xen/arch/x86/msr.c:guest_wrmsr")
def guest_wrmsr_virt(s: Vcpu, value: U64) -> Vcpu:
    """WRMSR of MSR_VIRT_SPEC_CTRL by L1: an exit. [MSR]"""
    return guest_wrmsr_virt_spec_ctrl(svm_vmexit(s), value).replace(virt_wanted=value & SSBD)


@xen_svm.action(by="toolstack", guard=lambda s: idle(s) & ~s.in_l2, source="xen/arch/x86/hvm/hvm.c:hvm_load_cpu_msrs")
def toolstack_sets(s: Vcpu, value: U64) -> Vcpu:
    """A value with no bit outside the policy is taken, any other refused. [MSR]"""
    s = select((value & ~s.offered) == 0, with_save(s, value).replace(believed=value), s.replace(refused=True))
    return s.replace(operand=value)


@xen_svm.action(by="toolstack", guard=lambda s: idle(s) & ~s.in_l2, source="xen/arch/x86/hvm/hvm.c:hvm_save_cpu_msrs")
def migrate(s: Vcpu) -> Vcpu:
    """Saved here, restored on a like host into a new vCPU. [HVM]"""
    image, virt = hvm_save_cpu_msrs(s), s.behind & SSBD
    new = s.replace(msr=s.host, last=s.host, save01=0, save02=0, behind=s.default, believed=image)
    return hvm_load_cpu_msrs(new, image, virt).replace(migrated=True)


@xen_svm.action(by="L1", guard=lambda s: idle(s) & ~s.in_l2, source="xen/arch/x86/hvm/svm/nestedsvm.c:nsvm_vcpu_vmrun")
def nested_vmrun(s: Vcpu, asks: Bool) -> Vcpu:
    """L1's VMRUN: L2's VMCB becomes current; the permission maps are merged. [NSVM]"""
    return nsvm_vmcb_prepare4vmrun(s).replace(in_l2=conj(()), l1_asks=asks, l1_wants=asks, changed_level=True)


@xen_svm.action(by="Xen", guard=lambda s: idle(s) & s.in_l2, source="xen/arch/x86/hvm/svm/nestedsvm.c:nsvm_vcpu_hostrestore")
def nested_vmexit(s: Vcpu) -> Vcpu:
    """An exit of L2 that is L1's: L1's VMCB becomes current. [NSVM]"""
    return nsvm_vcpu_hostrestore(s).replace(in_l2=disj(()), l1_asks=disj(()), l1_wants=disj(()), changed_level=True)
