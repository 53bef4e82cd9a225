"""Xen on VMX: the guest's IA32_SPEC_CTRL in the MSR load and save lists, or in the shadow of the control.

Without the control, the VM-entry MSR-load list sets the guest's value and the VM-exit MSR-store list saves it,
in one slot; assembly writes Xen's value right after the exit. With the control ("on when allowed", commit
97c5b8b657), the lists no longer name the register: the guest's value is the shadow, the mask forces
BHI_DIS_S on guests that do not know it, and the assembly writes Xen's value as before. Nothing then writes the
guest's value to the register at VM entry: the commit says that the processor loads it from the shadow; the
manual lists no such load. Both answers are configurations.

Modelled: one vCPU of an HVM guest. The intercept by policy; entry and exit with an NMI in between; saving,
restoring and migrating by the toolstack, with the bits that the policy does not have cleared on the way; nested
VMX: VMXON copies the whole VMCS of L1 to the one that L2 will run with, so the list, mask, control and shadow
of that moment go with it, and nothing about the register is copied afterwards; L1's and L0's bitmaps merged.

**Not modelled**
- L1's own MSR-load and MSR-store lists: vvmx.c reads none of them, so what L1 asks for there does not happen.
- Several vCPUs on a CPU, whose switch is outside of entry and exit, with its IBPB; PV guests (xen_pv.py).
- S3 and microcode updates; `spec-ctrl=` at run time (there is none); failed VM entries, which crash the domain.
- A policy that changes after the guest began to run, which the toolstack cannot do.

Sources:
    [VMX]    xen-project/xen at c447b7308b13, xen/arch/x86/hvm/vmx/vmx.c:838-878, :2744, :2802
    [VMCS]   xen/arch/x86/hvm/vmx/vmcs.c:366 and :1369, the optional control; construct_vmcs
    [ENTRY]  xen/arch/x86/hvm/vmx/entry.S
    [VVMX]   xen/arch/x86/hvm/vmx/vvmx.c (read at 00550e80): nvmx_handle_vmxon, virtual_vmentry, virtual_vmexit, update_msrbitmap
    [MSR]    xen/arch/x86/msr.c:394-414, the bits that a policy allows, and msr_spec_ctrl_valid_bits on saving
    [36024437356]  Roger Pau Monné's posting of the control: loaded "by the hardware on vmentry"
    [36275310898]  Jan Beulich's review: the shadow is used in the guest's RDMSR and WRMSR only
    [SDM]    Intel SDM vol. 3C, 28.3, 29.3.2.1, 29.4, 30.4
    [BHI]    commit 62a1106415 (XSA-456), and the comment there about Xen's own BHI_DIS_S
"""

from specproof.models.registers import SPEC_CTRL

from specproof import U64, Bool, Design, State, Word, disj, field, frozen, ghost, ite, observed, part, select, word


class Vmcs(State):
    """A VMCS, as far as it concerns the register."""

    mask: U64 = field("IA32_SPEC_CTRL mask, 204AH", source="[VMX]", bits=SPEC_CTRL)
    shadow: U64 = field("IA32_SPEC_CTRL shadow, 204CH", source="[VMX]", bits=SPEC_CTRL)


class Vcpu(State):
    """A vCPU and the CPU that it is on."""

    control: Bool = frozen("cpu_has_vmx_virt_spec_ctrl: the processor has the control, and Xen uses it", source="[VMCS]")
    entry_loads: Bool = frozen("VM entry loads the register from the shadow, but for the masked bits", source="[36024437356]")
    has_msr: Bool = frozen("cp.feat.ibrsb: the guest's policy has the register", source="[VMX]")
    accepts: U64 = frozen("bits that a WRMSR to the register accepts", source="[SDM]", bits=SPEC_CTRL)
    offered: U64 = frozen("bits that the guest's policy has", source="[MSR]", bits=SPEC_CTRL)
    forced: U64 = frozen("BHI_DIS_S where Xen uses it and the guest's policy has not got it", source="[BHI]", bits=SPEC_CTRL)
    host: U64 = frozen("xen_spec_ctrl: the value with which Xen runs", source="[ENTRY]", bits=SPEC_CTRL)
    msr: U64 = field("IA32_SPEC_CTRL", bits=SPEC_CTRL)
    entry: U64 = field("the guest MSR list's slot, which entry loads and exit stores", source="[VMX]", bits=SPEC_CTRL)
    vmcs01: Vmcs = part("the VMCS of L1")
    vmcs02: Vmcs = part("the VMCS of L2, nv_n2vmcx")
    vmxon: Bool = field("L1 executed VMXON", source="[VVMX]")
    in_l2: Bool = field("L2 is current", source="[VVMX]")
    l1_asks: Bool = field("L1 intercepts writes of the register, or uses no bitmap", source="[VVMX]")
    running: Bool = field("the guest runs")
    window: Bool = field("a VM exit happened; the assembly has not written Xen's value yet", source="[ENTRY]")
    l1_wants: Bool = ghost("L1 asked for exits on L2's writes when it entered L2")
    believed: U64 = ghost("what the guest, or the toolstack for it, set last", bits=SPEC_CTRL)
    guest_wrote: Bool = observed("the step was a WRMSR by L1 or L2")
    operand: U64 = observed("its value, or the toolstack's", bits=SPEC_CTRL)
    refused: Bool = observed("an access was refused")
    copied: Bool = observed("the guest stopped, and its value was saved")
    changed_level: Bool = observed("went from L1 to L2 or back")
    reentered: Bool = observed("an exit and the next entry")
    migrated: Bool = observed("the guest was saved and restored on another host")
    image_refused: U64 = observed("bits for which the restore refused what was saved", bits=SPEC_CTRL)
    touched_fields: Bool = observed("the step read or wrote the mask or the shadow")
    nmi_leaked: U64 = observed("bits in which an NMI's handler ran with something else than Xen's value", bits=SPEC_CTRL)
    host_entered: Bool = observed("Xen's code runs again after a guest")
    host_wrote: Bool = observed("... and wrote the register for that")
    host_illegal: U64 = observed("bits that a WRMSR of Xen, or an MSR list, set and the processor rejects", bits=SPEC_CTRL)


xen_vmx = Design("xen-vmx", Vcpu, doc="Xen on VMX: MSR load and save lists, or the control", vendor="Xen")
xen_vmx.setting("load-lists", lambda s: ~s.control & ~s.entry_loads)
xen_vmx.setting("virtualized", lambda s: s.control & ~s.entry_loads)
xen_vmx.setting("virtualized-entry-loads", lambda s: s.control & s.entry_loads)
xen_vmx.configure("load-lists", "virtualized", "virtualized-entry-loads")


@xen_vmx.initial
def created(s: Vcpu) -> Bool:
    """The domain is built and its policy set: vmx_cpuid_policy_changed has run. Without the control nothing looks at the mask. [VMX]"""
    quiet = s.matches(vmxon=False, in_l2=False, l1_asks=False, l1_wants=False, running=False, window=False)
    fields = s.vmcs01.matches(mask=s.forced, shadow=0) & s.vmcs02.matches(mask=0, shadow=0)
    policy = ((s.offered & ~s.accepts) | (s.forced & (s.offered | ~word(SPEC_CTRL.BHI_DIS_S)))) == 0
    bits = ((s.host & ~s.accepts) | (s.forced & ~s.accepts) | ite(s.has_msr, 0, s.offered)) == 0
    return quiet & fields & policy & bits & s.matches(msr=s.host, entry=0, believed=0)


@xen_vmx.assumption("xen-runs-with-bhi-dis-s", of=("initial",))
def xen_runs_with_bhi_dis_s(s: Vcpu) -> Bool:
    """Where Xen forces BHI_DIS_S on a guest, it runs with the bit itself.

    The mask locks what the register holds at VM entry, and that is Xen's value; the code sets the mask
    under the same option that sets Xen's bit, and its comment says why [BHI].
    """
    return (s.forced & ~s.host) == 0


def current(s: Vcpu) -> Vmcs:
    """The VMCS that runs or is to run; vmx_vmcs_enter enters this one."""
    return select(s.in_l2, s.vmcs02, s.vmcs01)


def with_current(s: Vcpu, vmcs: Vmcs) -> Vcpu:
    """The same with another state of it."""
    return s.replace(vmcs01=select(s.in_l2, s.vmcs01, vmcs), vmcs02=select(s.in_l2, vmcs, s.vmcs02))


def idle(s: Vcpu) -> Bool:
    """Xen or the toolstack has the vCPU."""
    return ~s.running & ~s.window


@xen_vmx.function
def closed(s: Vcpu) -> Bool:
    """L0's bitmap asks for exits: where the policy has not got the register. [VMX]"""
    return ~s.has_msr


@xen_vmx.function
def update_msrbitmap(s: Vcpu) -> Bool:
    """The bitmap that L2 runs with asks for an exit: L1's OR L0's; no bitmap of L1's means all. [VVMX]"""
    return closed(s) | s.l1_asks


@xen_vmx.function
def vmx_get_reg(s: Vcpu) -> Word:
    """The guest's value while it does not run: the current VMCS's shadow, or the slot. [VMX]"""
    return ite(s.control, current(s).shadow, s.entry)


@xen_vmx.function
def vmx_set_reg(s: Vcpu, value: Word) -> Vcpu:
    """The same to write; the register itself is not touched. [VMX]"""
    shadowed = with_current(s, current(s).replace(shadow=value)).replace(touched_fields=True)
    return select(s.control, shadowed, s.replace(entry=value))


@xen_vmx.function
def hvm_save_cpu_msrs(s: Vcpu) -> Word:
    """What goes into the image: the bits that the policy allows. [MSR]"""
    return vmx_get_reg(s) & s.offered


@xen_vmx.function
def vmx_vmentry(s: Vcpu) -> Vcpu:
    """VM entry: the list loads the slot; with the control, nothing, or the shadow. No WRMSR in the assembly. [ENTRY, SDM]"""
    vmcs = current(s)
    loaded = ite(s.entry_loads & ~closed(s), (s.msr & vmcs.mask) | (vmcs.shadow & ~vmcs.mask), s.msr)
    listed = ~s.control & s.has_msr
    entered = s.replace(msr=ite(listed, s.entry, ite(s.control, loaded, s.msr)), running=True)
    return entered.replace(host_illegal=ite(listed, s.entry & ~s.accepts, 0))


@xen_vmx.function
def vmx_vmexit(s: Vcpu) -> Vcpu:
    """VM exit, the processor's part: the list stores the register in the slot. [SDM]"""
    listed = ~s.control & s.has_msr
    return s.replace(entry=ite(listed, s.msr, s.entry), running=False, window=True, copied=s.has_msr)


@xen_vmx.function
def vmx_asm_vmexit_handler(s: Vcpu) -> Vcpu:
    """SPEC_CTRL_ENTRY_FROM_VMX: Xen's value is written unconditionally. [ENTRY]"""
    return s.replace(msr=s.host, window=False, host_entered=True, host_wrote=True, host_illegal=s.host & ~s.accepts)


@xen_vmx.function
def nmi_enters(s: Vcpu) -> Vcpu:
    """SPEC_CTRL_ENTRY_FROM_INTR_IST writes Xen's value. [ENTRY]"""
    return s.replace(msr=s.host)


@xen_vmx.function
def nmi_returns(s: Vcpu) -> Vcpu:
    """SPEC_CTRL_EXIT_TO_XEN_IST: an HVM guest has no shadow value that the return would restore. [ENTRY]"""
    return s


# Who does what.


@xen_vmx.action(by="Xen", guard=idle, source="xen/arch/x86/hvm/vmx/entry.S:vmx_asm_do_vmentry")
def vm_entry(s: Vcpu) -> Vcpu:
    """Xen enters L1 or L2. [ENTRY]"""
    return vmx_vmentry(s)


@xen_vmx.action(by="processor", guard=lambda s: s.running, source="[SDM 30]")
def vm_exit(s: Vcpu) -> Vcpu:
    """An exit that has nothing to do with the register. [SDM]"""
    return vmx_vmexit(s)


@xen_vmx.action(by="processor", guard=lambda s: s.window, source="xen/arch/x86/include/asm/spec_ctrl_asm.h")
def nmi(s: Vcpu) -> Vcpu:
    """An NMI strikes between the exit and the assembly's write, its handler runs, and it returns. [ENTRY]"""
    handled = nmi_enters(s)
    return nmi_returns(handled).replace(nmi_leaked=handled.msr ^ s.host)


@xen_vmx.action(by="Xen", guard=lambda s: s.window, source="xen/arch/x86/hvm/vmx/entry.S:vmx_asm_vmexit_handler")
def exit_handler(s: Vcpu) -> Vcpu:
    """The assembly after an exit. [ENTRY]"""
    return vmx_asm_vmexit_handler(s)


@xen_vmx.action(by="Xen", guard=lambda s: s.running, source="xen/arch/x86/hvm/vmx/entry.S")
def exit_and_reenter(s: Vcpu) -> Vcpu:
    """An exit, Xen's handler, and the next entry, with nothing about the register in between. [ENTRY]"""
    return vmx_vmentry(vmx_asm_vmexit_handler(vmx_vmexit(s))).replace(reentered=True)


@xen_vmx.action(by="guest", guard=lambda s: s.running & ~(s.in_l2 & s.l1_asks), source="[SDM 28.3]")
def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """WRMSR by L1 or L2 that is not L1's business: the processor, or an exit and #GP where the policy has no register. [MSR]"""
    s = s.replace(guest_wrote=True, operand=value)
    vmcs = current(s)
    merged = ite(s.control, (s.msr & vmcs.mask) | (value & ~vmcs.mask), value)
    written = with_current(s, vmcs.replace(shadow=ite(s.control, value, vmcs.shadow))).replace(msr=merged, believed=value)
    passed = select((merged & ~s.accepts) == 0, written, s.replace(refused=True))
    faulted = vmx_vmentry(vmx_asm_vmexit_handler(vmx_vmexit(s))).replace(refused=True)
    return select(ite(s.in_l2, update_msrbitmap(s), closed(s)), faulted, passed)


@xen_vmx.action(by="toolstack", guard=lambda s: idle(s) & ~s.vmxon, source="xen/arch/x86/hvm/hvm.c:hvm_load_cpu_msrs")
def toolstack_sets(s: Vcpu, value: U64) -> Vcpu:
    """A value with no bit outside the policy is taken, any other refused. [MSR]"""
    legal = s.has_msr & ((value & ~s.offered) == 0)
    s = select(legal, vmx_set_reg(s, value).replace(believed=value), s.replace(refused=True))
    return s.replace(operand=value)


@xen_vmx.action(by="toolstack", guard=lambda s: idle(s) & ~s.vmxon, source="xen/arch/x86/hvm/hvm.c:hvm_save_cpu_msrs")
def migrate(s: Vcpu) -> Vcpu:
    """Saved here, restored on a like host into a new vCPU: what the image has, if the policy takes it. [MSR]"""
    image = hvm_save_cpu_msrs(s)
    new = vmx_set_reg(s.replace(msr=s.host, vmcs01=s.vmcs01.replace(shadow=0), entry=0), image)
    return new.replace(believed=image, migrated=True, image_refused=image & ~s.offered)


@xen_vmx.action(by="L1", guard=lambda s: idle(s) & ~s.in_l2 & ~s.vmxon, source="xen/arch/x86/hvm/vmx/vvmx.c:nvmx_handle_vmxon")
def vmxon(s: Vcpu) -> Vcpu:
    """VMXON: the page of L1's VMCS is copied to L2's, control, mask, shadow and lists included. [VVMX]"""
    return nvmx_handle_vmxon(s).replace(vmxon=True)


@xen_vmx.function
def nvmx_handle_vmxon(s: Vcpu) -> Vcpu:
    """The copy. [VVMX]"""
    return s.replace(vmcs02=s.vmcs01)


@xen_vmx.action(by="L1", guard=lambda s: idle(s) & ~s.in_l2 & s.vmxon, source="xen/arch/x86/hvm/vmx/vvmx.c:nvmx_handle_vmxoff")
def vmxoff(s: Vcpu) -> Vcpu:
    """VMXOFF: L2's VMCS stays allocated. [VVMX]"""
    return s.replace(vmxon=False)


@xen_vmx.action(by="L1", guard=lambda s: idle(s) & ~s.in_l2 & s.vmxon, source="xen/arch/x86/hvm/vmx/vvmx.c:virtual_vmentry")
def virtual_vmentry(s: Vcpu, asks: Bool) -> Vcpu:
    """L1's VMLAUNCH or VMRESUME: L2's VMCS becomes current, bitmaps are merged; nothing about the register moves. [VVMX]"""
    return s.replace(in_l2=True, l1_asks=asks, l1_wants=asks, changed_level=True)


@xen_vmx.action(by="Xen", guard=lambda s: idle(s) & s.in_l2, source="xen/arch/x86/hvm/vmx/vvmx.c:virtual_vmexit")
def virtual_vmexit(s: Vcpu) -> Vcpu:
    """An exit of L2 that is L1's: L1's VMCS becomes current; nothing about the register moves. [VVMX]"""
    return s.replace(in_l2=disj(()), l1_asks=disj(()), l1_wants=disj(()), changed_level=True)
