"""What an act does to the register, to the hypervisor's copies, to the VMCS fields and to the policy, and what it leaves alone.

Most were found missing by `specproof mutate`: an action with one wrong operation that no other claim noticed.

Sources: [LNX] Linux 6.12, arch/x86/kvm/: vmx/nested.c, vmx/vmx.c, x86.c. [SDM] Intel SDM vol. 3C.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, ite, step


class Machine(Protocol):
    """The views of a hypervisor that keeps copies of the register and fields of VMCSs: those of vocabulary.Machine, and more about the step."""

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
    ctrl_visible: Bool
    ctrl_refused: Bool
    asked_reserved: Bool
    asked_untold: Bool  # the step: the guest asked for a bit of the request that it was not told of
    saved_effective: Word
    saved_guest_value: Word
    shadow: Word
    mask_field: Word
    other_shadow: Word  # the fields of the VMCS that is not current
    other_mask: Word
    other_cache: Word  # ... and what KVM believes to be in its mask field
    stale_cache: Word
    needless_mask_write: Word
    required_value: Word
    guest_reads: Word
    ctrl: Word  # the request as it is stored
    host_forces: Word  # the bits that the host forces if the guest asks, as KVM takes it
    host_has: Word  # the step: a migration to a processor with these of them
    host_needs: Word  # ... which protect from something there
    intercepted: Bool
    opened: Bool
    applied_mask: Word
    l0_closed: Bool  # KVM asks for exits on L1's writes
    merge_pending: Bool  # the bitmaps are merged before the next VM entry
    vmx_operation: Bool  # L1 is in VMX operation
    by_l1: Bool  # the step: an instruction of L1
    by_l2: Bool  # the step: an instruction of L2
    by_userspace: Bool  # the step: an ioctl, other than those that restore a migrated vCPU
    guest_wrote: Bool
    guest_read: Bool  # the step: RDMSR by L1 or L2
    userspace_read: Bool  # the step: KVM_GET_MSRS
    userspace_wrote: Bool  # the step: KVM_SET_MSRS
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
    return_failed: Bool  # the step: KVM_SET_NESTED_STATE or RSM failed to return to L2
    reentered: Bool
    l1_asked: Bool  # ... and L1's asks for exits on L2's writes
    vmx_on: Bool  # the step put L1 into VMX operation
    vmx_off: Bool  # ... or took it out of it
    rsm: Bool  # the step: RSM
    did_reset: Bool
    did_init: Bool
    restored: Bool
    cache: Word  # what KVM believes to be in the mask field of the current VMCS


# The register and its copies.


@step("reads-return-what-was-set", id="J12")
def reads_return_what_was_set(before: Machine, after: Machine) -> Bool:
    """RDMSR, passed through or not, and KVM_GET_MSRS return what was set last."""
    return implies(after.guest_read | after.userspace_read, (after.value_read ^ before.believes) == 0)


@step("copies-follow-the-register", id="J13")
def copies_follow_the_register(before: Machine, after: Machine) -> Bool:
    """An exit from where writes do not exit takes the register's values into KVM's copies; any other, and what is no exit, leaves them.

    An entry of L2 that the processor refuses is an exit, too; one that L1 asks for is an exit of L1 and takes nothing of L2's.
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
    entry = after.by_l1 & after.changed_level & ~after.rsm
    of_l1 = implies(entry, after.saved_guest_value == ite(before.exits_on_write, before.saved_guest_value, before.rdmsr))
    return of_l1 & of_l2 & implies(left & ~before.exits_on_write, taken == 0) & implies(passed | known, kept == 0)


@invariant("absent-fields-stay", id="J14")
def absent_fields_stay(v: Machine) -> Bool:
    """On a processor without the control KVM leaves the fields alone that only come with it."""
    return implies(~v.virtualized, (v.shadow | v.mask_field) == 0)


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


@invariant("refused-for-what-the-host-lacks", id="J37")
def refused_for_what_the_host_lacks(v: Machine) -> Bool:
    """KVM refuses a value, of the guest, of a list or of userspace, for bits that a WRMSR on this host faults on; the host wants none of these."""
    return ((v.refused_bits & v.host_accepts) | (v.host_wants & ~v.host_accepts)) == 0


@invariant("refused-for-what-was-given", id="J75")
def refused_for_what_was_given(v: Machine) -> Bool:
    """The bits for which KVM refuses a value are bits of that, or bits that it forces."""
    return (v.refused_bits & ~(v.operand | v.applied_mask)) == 0


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
    """A guest that asks for what it was told of is not refused, and its userspace only if the register or a bit is unknown."""
    by_userspace = after.by_userspace & after.refused & ~after.userspace_wrote
    unknown = after.asked_reserved | ~before.ctrl_visible
    return implies(after.ctrl_refused, unknown | after.asked_untold) & implies(by_userspace, unknown) & implies(after.asked_reserved, after.refused)


@invariant("mask-field-as-applied-in-l1", id="J24")
def mask_field_as_applied_in_l1(v: Machine) -> Bool:
    """While L1 is current its mask field holds the mask by which KVM computes the effective value: of designs, too, that lose vmcs02's."""
    return implies(v.control & ~v.in_l2 & v.may_enter, v.mask_field == v.applied_mask)


@step("host-forces-what-it-has", id="J26")
def host_forces_what_it_has(before: Machine, after: Machine) -> Bool:
    """After a migration KVM forces what the destination's processor has and needs, whatever the source had; then that stays."""
    begins = before.settled & ~after.settled
    return ite(begins, after.host_has & after.host_needs, before.host_forces) == after.host_forces


@step("destination-has-the-mask", id="J35")
def destination_has_the_mask(before: Machine, after: Machine) -> Bool:
    """Once all is restored, the current VMCS has the mask by which KVM computes the effective value."""
    return implies(after.restored & after.control, after.mask_field == after.applied_mask)


@step("mask-changes-as-told", id="J74")
def mask_changes_as_told(before: Machine, after: Machine) -> Bool:
    """The mask by which KVM computes the effective value changes with the policy, for a new vCPU, at INIT, and for nothing else."""
    told = after.policy_written | after.did_reset | after.did_init | ~before.settled | ~after.settled
    return implies(~told, before.applied_mask == after.applied_mask)


@step("policy-takes-effect", id="J36")
def policy_takes_effect(before: Machine, after: Machine) -> Bool:
    """When a policy is accepted KVM computes the effective value anew: bits that it forces to 1 are in it."""
    return implies(after.policy_written, (after.required_value & after.applied_mask & ~after.saved_effective) == 0)


# The VMCS that is current, and the other.


@step("current-vmcs-only", id="J27")
def current_vmcs_only(before: Machine, after: Machine) -> Bool:
    """VMWRITE reaches the current VMCS: the fields of the other stay until it is current, allocated or freed; a freed one has none."""
    stays = implies(stayed(before, after), kept(before.other_shadow, before.other_mask, after))
    left = implies(~made_anew(before, after) & before.in_l2 & ~after.in_l2, kept(before.shadow, before.mask_field, after))
    none = after.vmx_off | after.did_reset | (before.settled & ~after.settled)
    gone = implies(none, (after.other_shadow | after.other_mask) == 0)
    return stays & left & gone


def made_anew(before: Machine, after: Machine) -> Bool:
    """A VMCS was allocated or freed."""
    created = after.did_reset | (before.settled & ~after.settled)
    return created | after.vmx_on | after.vmx_off | (before.vmx_operation != after.vmx_operation)


def stayed(before: Machine, after: Machine) -> Bool:
    """Both VMCSs are those before the step, and the same was current all the time."""
    return ~made_anew(before, after) & ~after.changed_level & (before.in_l2 == after.in_l2)


def kept(shadow: Word, mask: Word, after: Machine) -> Bool:
    """The VMCS that is not current after the step has these fields."""
    return ((after.other_shadow ^ shadow) | (after.other_mask ^ mask)) == 0


@step("new-vcpus-cache-is-empty", id="J33")
def new_vcpus_cache_is_empty(before: Machine, after: Machine) -> Bool:
    """Of a new vCPU KVM believes nothing about a mask field that is not so, and writes none for the sake of what another had."""
    new = after.did_reset | (before.settled & ~after.settled)
    return implies(new, (after.stale_cache | after.other_cache | after.needless_mask_write) == 0)


@step("entries-reach-vmcs02", id="J34")
def entries_reach_vmcs02(before: Machine, after: Machine) -> Bool:
    """A nested entry, and a return to L2, brings the guest's value and the mask to vmcs02 before it can fail."""
    left = (after.other_shadow ^ after.saved_guest_value) | (after.other_cache ^ after.applied_mask)
    return implies(((after.by_l1 & after.entry_failed) | after.return_failed) & after.control, left == 0)


@step("cache-of-current-vmcs-only", id="J39")
def cache_of_current_vmcs_only(before: Machine, after: Machine) -> Bool:
    """What KVM believes to be in the mask field changes for the current VMCS only: of one that is left or freed it stays as it was."""
    freed = after.vmx_off & ~before.in_l2
    left = before.in_l2 & ~after.in_l2 & (after.vmx_off | ~made_anew(before, after))
    other = implies(stayed(before, after) | freed, before.other_cache == after.other_cache)
    return other & implies(left, before.cache == after.other_cache)


@step("destination-starts-empty", id="J76")
def destination_starts_empty(before: Machine, after: Machine) -> Bool:
    """On the destination of a migration a vCPU has no value, no request and no more than its own mask until they are restored."""
    held = after.saved_guest_value | after.shadow | after.ctrl | ite(after.control, after.mask_field ^ after.applied_mask, 0)
    return implies(before.settled & ~after.settled, held == 0)


@step("new-vmcs-cache-is-empty", id="J73")
def new_vmcs_cache_is_empty(before: Machine, after: Machine) -> Bool:
    """Of a VMCS that was just allocated KVM believes nothing: struct loaded_vmcs of L2's outlives VMXOFF, the VMCS does not."""
    return implies(after.vmx_on & ~after.changed_level, after.other_cache == 0)
