"""Xen on AMD family 17h: SSBD for guests by a bit of LS_CFG that two threads share.

Where the processor has no SSBD in IA32_SPEC_CTRL, a guest asks for it by MSR_VIRT_SPEC_CTRL, and Xen sets a bit of
LS_CFG, which both threads of a core have in common. A count says for how many threads it is wanted; the
bit changes where the count leaves or reaches 0.

Modelled: one core, two threads, on each of which a vCPU of its own is scheduled or not; what its guest asked for
last; writes that ask for what is there already; the switch away from and to a vCPU.

**Not modelled**
- The lock around the count: each change of the count and the bit is one step.
- `spec-ctrl=ssbd`, with which Xen wants the bit always; a vCPU that moves to another core.
- A count further below zero than one; the ASSERT of a debug build that it is not.

Sources:
    [MSR]    xen-project/xen at c447b7308b13, xen/arch/x86/msr.c:636-656: a write that changes nothing does nothing
    [AMD]    xen/arch/x86/cpu/amd.c, core_set_legacy_ssbd, as posted in [30978200773]
    [SVM]    xen/arch/x86/hvm/svm/svm.c, svm_ctxt_switch_from and svm_ctxt_switch_to
    [X09]    eda98ea870 (XSA-431, CVE-2022-42336), before which every write counted; review in [25662409587]
"""

from specproof.models.elsewhere import say_where

from specproof import Bool, Design, State, conj, disj, field, ghost, observed, part, select


class Thread(State):
    """A thread and its vCPU."""

    wants: Bool = field("virt_spec_ctrl.raw has SSBD: what the guest asked for last", source="[MSR]")
    scheduled: Bool = field("the vCPU is current on the thread", source="[SVM]")
    asked: Bool = ghost("the guest asked for SSBD last, whatever Xen made of that")


class Core(State):
    """A core of two threads."""

    t0: Thread = part("the first thread")
    t1: Thread = part("the second")
    below: Bool = field("the count is below 0", source="[AMD]")
    one: Bool = field("the count is at least 1", source="[AMD]")
    two: Bool = field("the count is 2", source="[AMD]")
    ssbd: Bool = field("SSBD in LS_CFG, for both threads", source="[AMD]")
    guest_wrote: Bool = observed("the step was a WRMSR of MSR_VIRT_SPEC_CTRL")


xen_ssbd = Design("xen-ssbd", Core, doc="Xen on AMD family 17h: SSBD in a register that two threads share", vendor="Xen")
_NO_REGISTER = "this is about LS_CFG; IA32_SPEC_CTRL has no part in it"
xen_ssbd.lacks(effective=_NO_REGISTER, rdmsr=_NO_REGISTER, leaked=_NO_REGISTER, guest_runs=_NO_REGISTER)


@xen_ssbd.initial
def booted(s: Core) -> Bool:
    """No guest is scheduled, and none asked yet. [AMD]"""
    new = s.matches(below=False, one=False, two=False, ssbd=False)
    return new & ~(s.t0.wants | s.t0.scheduled | s.t0.asked | s.t1.wants | s.t1.scheduled | s.t1.asked)


def thread(s: Core, second: Bool) -> Thread:
    """The one or the other."""
    return select(second, s.t1, s.t0)


def with_thread(s: Core, second: Bool, new: Thread) -> Core:
    """The same with another state of it."""
    return s.replace(t0=select(second, s.t0, new), t1=select(second, new, s.t1))


@xen_ssbd.function
def core_set_legacy_ssbd(s: Core, enable: Bool) -> Core:
    """The count goes up or down; the bit is written where it becomes 1 going up, or 0 going down. [AMD]"""
    up = s.replace(below=False, one=~s.below, two=s.one, ssbd=s.ssbd | (~s.below & ~s.one))
    down = s.replace(below=~s.one, one=s.two, two=False).when(s.one & ~s.two, ssbd=False)
    return select(enable, up, down)


@xen_ssbd.function
def guest_wrmsr_virt_spec_ctrl(s: Core, second: Bool, ssbd: Bool) -> Core:
    """Only a write that changes the value reaches the core. [MSR]"""
    old = thread(s, second)
    changed = core_set_legacy_ssbd(with_thread(s, second, old.replace(wants=ssbd)), ssbd)
    return select(ssbd ^ old.wants, changed, s)


@xen_ssbd.action(by="guest", source="xen/arch/x86/msr.c:guest_wrmsr")
def guest_wrmsr(s: Core, second: Bool, ssbd: Bool) -> Core:
    """The guest on a thread writes MSR_VIRT_SPEC_CTRL, if it is scheduled. [MSR]"""
    done = guest_wrmsr_virt_spec_ctrl(s, second, ssbd)
    done = with_thread(done, second, thread(done, second).replace(asked=ssbd))
    return select(thread(s, second).scheduled, done, s).replace(guest_wrote=True)


@xen_ssbd.action(by="Xen", source="xen/arch/x86/hvm/svm/svm.c:svm_ctxt_switch_to")
def ctxt_switch_to(s: Core, second: Bool) -> Core:
    """The vCPU becomes current; the core's bit, if its guest asked for it. [SVM]"""
    old = thread(s, second)
    here = with_thread(s, second, old.replace(scheduled=True))
    return select(old.scheduled, s, select(old.wants, core_set_legacy_ssbd(here, conj(())), here))


@xen_ssbd.action(by="Xen", source="xen/arch/x86/hvm/svm/svm.c:svm_ctxt_switch_from")
def ctxt_switch_from(s: Core, second: Bool) -> Core:
    """Another vCPU, or none, takes its place; the core's bit goes, if this guest had asked for it. [SVM]"""
    old = thread(s, second)
    gone = with_thread(s, second, old.replace(scheduled=False))
    return select(old.scheduled, select(old.wants, core_set_legacy_ssbd(gone, disj(())), gone), s)


@xen_ssbd.view
def core_bit(s: Core) -> Bool:
    """SSBD is in force on the core."""
    return s.ssbd


@xen_ssbd.view
def core_wanted(s: Core) -> Bool:
    """A guest that is scheduled on one of the threads asked for it."""
    return (s.t0.asked & s.t0.scheduled) | (s.t1.asked & s.t1.scheduled)


xen_ssbd.shows("guest_wrote")
say_where(xen_ssbd)

xen_ssbd.lacks_all_else("a bit that two threads share is all that is modelled")
