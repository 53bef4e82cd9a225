"""What an act does to the register, to the hypervisor's copies and to the policy, and what it leaves alone.

Most were found missing by `specproof mutate`: an action with one wrong operation that no other claim noticed.

Sources: [LNX] Linux 6.12, arch/x86/kvm/: vmx/nested.c, vmx/vmx.c, x86.c. [SDM] Intel SDM vol. 3C.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, ite, step


class Machine(Protocol):
    """The views of a hypervisor that keeps copies of the register: those of vocabulary.Machine, and more about the step."""

    guest_runs: Bool
    may_enter: Bool
    settled: Bool
    in_l2: Bool
    virtualized: Bool
    effective: Word
    rdmsr: Word
    believes: Word
    userspace_reads: Word
    control: Bool
    exits_on_write: Bool
    guest_wrote_ctrl: Bool
    ctrl_visible: Bool
    ctrl_refused: Bool
    asked_reserved: Bool
    asked_untold: Bool  # the step: the guest asked for a bit of the request that it was not told of
    saved_effective: Word
    stale_at_exit: Word
    saved_guest_value: Word
    shadow: Word
    mask_field: Word
    required_value: Word
    guest_reads: Word
    host_forces: Word  # the bits that the host forces if the guest asks, as KVM takes it
    host_has: Word  # the step: a migration to a processor with these of them
    host_needs: Word  # ... which protect from something there
    intercepted: Bool
    opened: Bool
    applied_mask: Word
    l0_closed: Bool  # KVM asks for exits on L1's writes
    merge_pending: Bool  # the bitmaps are merged before the next VM entry
    by_l1: Bool  # the step: an instruction of L1
    by_l2: Bool  # the step: an instruction of L2
    by_userspace: Bool  # the step: an ioctl, other than those that restore a migrated vCPU
    guest_wrote: Bool
    guest_read: Bool  # the step: RDMSR by L1 or L2
    userspace_read: Bool  # the step: KVM_GET_MSRS
    userspace_wrote: Bool  # the step: KVM_SET_MSRS
    list_wrote: Bool  # the step: an entry of an MSR-load list for IA32_SPEC_CTRL
    value_read: Word  # ... either of which returned this
    operand: Word
    refused_bits: Word  # of a refused value, those that the processor does not accept
    host_accepts: Word
    host_wants: Word
    refused: Bool
    policy_written: Bool
    list_loaded: Bool
    changed_level: Bool
    entry_failed: Bool
    reentered: Bool
    l1_asked: Bool  # ... and L1's asks for exits on L2's writes
    rsm: Bool  # the step: RSM
    did_reset: Bool
    did_init: Bool


# The register and its copies.


@step("reads-return-what-was-set", id="J12")
def reads_return_what_was_set(before: Machine, after: Machine) -> Bool:
    """RDMSR, passed through or not, and KVM_GET_MSRS return what was set last."""
    return implies(after.guest_read | after.userspace_read, (after.value_read ^ before.believes) == 0)


@step("copies-follow-the-register", id="J13")
def copies_follow_the_register(before: Machine, after: Machine) -> Bool:
    """An exit from where writes do not exit takes the register's values into KVM's copies; any other, and what is no exit, leaves them.

    An entry of L2 that the processor refuses is an exit, too; so is whatever ends a run, as instructions of L1 and nested exits do.
    """
    taken = (after.saved_guest_value ^ before.rdmsr) | (after.saved_effective ^ before.effective)
    kept = (after.saved_guest_value ^ before.saved_guest_value) | (after.saved_effective ^ before.saved_effective)
    passed = (after.guest_wrote | after.guest_read) & ~before.intercepted
    exited = before.guest_runs & ~after.guest_runs & ~(after.by_l1 | after.by_l2 | after.by_userspace | after.changed_level)
    left = after.reentered | exited
    known = left & before.exits_on_write
    exits = ite(before.merge_pending, before.l0_closed | after.l1_asked, before.exits_on_write)
    tried = after.entry_failed & before.in_l2 & before.may_enter
    of_l2 = implies(tried, after.saved_guest_value == ite(exits, before.saved_guest_value, before.guest_reads))
    ended = before.guest_runs & ~after.guest_runs
    of_run = implies(ended, after.saved_guest_value == ite(before.exits_on_write, before.saved_guest_value, before.rdmsr))
    return of_run & of_l2 & implies(left & ~before.exits_on_write, taken == 0) & implies(passed | known, kept == 0)


@step("reads-as-the-views-say", id="J21")
def reads_as_the_views_say(before: Machine, after: Machine) -> Bool:
    """RDMSR returns what other claims take it to return, and so does KVM_GET_MSRS: of designs, too, that lose what was set."""
    of_guest = implies(after.guest_read, (after.value_read ^ before.rdmsr) == 0)
    return of_guest & implies(after.userspace_read, (after.value_read ^ before.userspace_reads) == 0)


@step("writes-merge", id="J22")
def writes_merge(before: Machine, after: Machine) -> Bool:
    """A WRMSR that is passed through and accepted leaves masked bits and writes all others; the shadow takes the operand. [SDM 28.3]"""
    mask = ite(before.control, before.mask_field, 0)
    merged = (before.effective & mask) | (after.operand & ~mask)
    differ = (after.effective ^ merged) | ite(before.control, after.shadow ^ after.operand, 0)
    return implies(after.guest_wrote & ~before.intercepted & ~after.refused, differ == 0)


@step("values-take-effect", id="J77")
def values_take_effect(before: Machine, after: Machine) -> Bool:
    """Of a value that KVM takes, from the guest, a list or userspace, it computes the effective value: that value but for masked bits."""
    accepted = ((after.guest_wrote & before.intercepted) | after.list_loaded | after.userspace_wrote) & ~after.refused
    others = (after.saved_effective ^ after.operand) & ~after.applied_mask
    return implies(accepted, (others | (after.required_value & after.applied_mask & ~after.saved_effective)) == 0)


@step("levels-compute-anew", id="J81")
def levels_compute_anew(before: Machine, after: Machine) -> Bool:
    """On the way to L2 and back, and where that fails, KVM computes the effective value from the guest's value and the mask."""
    guests = ite(after.control, after.saved_guest_value, after.userspace_reads)  # a copy of its own need only be kept with the control
    others = (after.saved_effective ^ guests) & ~after.applied_mask
    return implies(after.changed_level, (others | (after.required_value & after.applied_mask & ~after.saved_effective)) == 0)


@invariant("exit-compares-the-register", id="J83")
def exit_compares_the_register(v: Machine) -> Bool:
    """What KVM compares with the host's value at an exit, to see whether that must be restored, is what the register holds."""
    return v.stale_at_exit == 0


@invariant("refused-for-what-the-host-lacks", id="J37")
def refused_for_what_the_host_lacks(v: Machine) -> Bool:
    """KVM refuses a value, of the guest, of a list or of userspace, for bits that a WRMSR on this host faults on; the host wants none of these."""
    return ((v.refused_bits & v.host_accepts) | (v.host_wants & ~v.host_accepts)) == 0


@invariant("refused-for-what-was-given", id="J75")
def refused_for_what_was_given(v: Machine) -> Bool:
    """The bits for which KVM refuses a value are bits of that, or bits that it forces."""
    return (v.refused_bits & ~(v.operand | v.applied_mask)) == 0


@invariant("refusals-have-a-reason", id="J86")
def refusals_have_a_reason(v: Machine) -> Bool:
    """A value from userspace, at a migration too, or from an MSR-load list is refused only for a bit of it on which a WRMSR on this host faults."""
    return implies((v.userspace_wrote | v.list_wrote) & v.refused, (v.operand & ~v.host_accepts) != 0)


# What is passed through.


@step("opened-by-a-value", id="J15")
def opened_by_a_value(before: Machine, after: Machine) -> Bool:
    """Where KVM takes a value other than 0 for the guest, from it, a list or userspace, the register is passed through from then on.

    Not where bits are masked that the processor cannot mask.
    """
    accepted = ((after.guest_wrote & before.intercepted) | after.list_loaded | after.userspace_wrote) & ~after.refused
    return implies(accepted & (after.operand != 0) & (after.virtualized | (before.applied_mask == 0)), after.opened)


@step("closed-by-a-policy", id="J16")
def closed_by_a_policy(before: Machine, after: Machine) -> Bool:
    """What is passed through stays so, but for a new vCPU and for a policy that the processor cannot keep: these close it."""
    closes = after.policy_written & ~after.virtualized
    new = after.did_reset | (before.settled & ~after.settled)
    shut = implies(new, ~after.opened) & implies(closes & after.opened, after.applied_mask == 0)
    needed = implies(before.opened & ~after.opened & ~new, closes & (after.applied_mask != 0))
    return needed & shut


@step("opened-by-nothing-else", id="J38")
def opened_by_nothing_else(before: Machine, after: Machine) -> Bool:
    """The register is passed through because a value other than 0 was taken, and for no other reason."""
    taken = (after.guest_wrote | after.list_loaded | after.userspace_wrote) & ~after.refused
    return implies(~before.opened & after.opened, taken & (after.operand != 0))


# The policy.


@step("requests-refused-for-a-reason", id="J23")
def requests_refused_for_a_reason(before: Machine, after: Machine) -> Bool:
    """A guest that asks for what it was told of is not refused, and its userspace only if the register or a bit is unknown; an unknown bit is."""
    by_userspace = after.by_userspace & after.refused & ~after.userspace_wrote
    unknown = after.asked_reserved | ~before.ctrl_visible
    return implies(after.ctrl_refused, unknown | after.asked_untold) & implies(by_userspace, unknown) & implies(after.asked_reserved, after.refused)


@step("unseen-requests-are-refused", id="J78")
def unseen_requests_are_refused(before: Machine, after: Machine) -> Bool:
    """A guest that is not told of the register cannot ask for anything by it."""
    return implies(after.guest_wrote_ctrl, before.ctrl_visible | after.refused)


@step("host-forces-what-it-has", id="J26")
def host_forces_what_it_has(before: Machine, after: Machine) -> Bool:
    """After a migration KVM forces what the destination's processor has and needs, whatever the source had; then that stays."""
    begins = before.settled & ~after.settled
    return ite(begins, after.host_has & after.host_needs, before.host_forces) == after.host_forces


@step("mask-changes-as-told", id="J74")
def mask_changes_as_told(before: Machine, after: Machine) -> Bool:
    """The mask by which KVM computes the effective value changes with the policy, for a new vCPU, at INIT, and for nothing else."""
    told = after.policy_written | after.did_reset | after.did_init | ~before.settled | ~after.settled
    return implies(~told, before.applied_mask == after.applied_mask)


@step("policy-takes-effect", id="J36")
def policy_takes_effect(before: Machine, after: Machine) -> Bool:
    """When a policy is accepted KVM computes the effective value anew: bits that it forces to 1 are in it."""
    return implies(after.policy_written, (after.required_value & after.applied_mask & ~after.saved_effective) == 0)
