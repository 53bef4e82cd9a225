"""The fields of the VMCS that is current and of the other, and what KVM caches of them.

Most were found missing by `specproof mutate`: an action with one wrong operation that no other claim noticed.

Sources: [LNX] Linux 6.12, arch/x86/kvm/: vmx/nested.c, vmx/vmx.c. [SDM] Intel SDM vol. 3C.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, ite, step


class Machine(Protocol):
    """The views of a hypervisor that writes fields of two VMCSs: those of vocabulary.Machine, and more about the step."""

    may_enter: Bool
    settled: Bool
    in_l2: Bool
    virtualized: Bool
    control: Bool
    saved_guest_value: Word
    saved_effective: Word
    shadow: Word
    mask_field: Word
    other_shadow: Word  # the fields of the VMCS that is not current
    other_mask: Word
    other_cache: Word  # ... and what KVM believes to be in its mask field
    stale_cache: Word
    needless_mask_write: Word
    ctrl: Word  # the request as it is stored
    applied_mask: Word
    vmx_operation: Bool  # L1 is in VMX operation
    by_l1: Bool  # the step: an instruction of L1
    changed_level: Bool
    entry_failed: Bool
    return_failed: Bool  # the step: KVM_SET_NESTED_STATE or RSM failed to return to L2
    vmx_on: Bool  # the step put L1 into VMX operation
    vmx_off: Bool  # ... or took it out of it
    did_reset: Bool
    restored: Bool
    cache: Word  # what KVM believes to be in the mask field of the current VMCS


# The VMCS that is current, and the other.


@invariant("absent-fields-stay", id="J14")
def absent_fields_stay(v: Machine) -> Bool:
    """On a processor without the control KVM leaves the fields alone that only come with it."""
    return implies(~v.virtualized, (v.shadow | v.mask_field) == 0)


@invariant("mask-field-as-applied-in-l1", id="J24")
def mask_field_as_applied_in_l1(v: Machine) -> Bool:
    """While L1 is current its mask field holds the mask by which KVM computes the effective value: of designs, too, that lose vmcs02's."""
    return implies(v.control & ~v.in_l2 & v.may_enter, v.mask_field == v.applied_mask)


@step("destination-has-the-mask", id="J35")
def destination_has_the_mask(before: Machine, after: Machine) -> Bool:
    """Once all is restored, the current VMCS has the mask by which KVM computes the effective value."""
    return implies(after.restored & after.control, after.mask_field == after.applied_mask)


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
    """What KVM believes to be in the mask field changes for the current VMCS only: of one that is left or freed it stays as it was.

    Of one that is allocated it may be forgotten.
    """
    freed = after.vmx_off & ~before.in_l2
    left = before.in_l2 & ~after.in_l2 & (after.vmx_off | ~made_anew(before, after))
    other = implies(stayed(before, after) | freed, before.other_cache == after.other_cache)
    new = implies(after.vmx_on & ~after.changed_level, (after.other_cache & ~before.other_cache) == 0)
    return other & new & implies(left, before.cache == after.other_cache)


@step("destination-starts-empty", id="J76")
def destination_starts_empty(before: Machine, after: Machine) -> Bool:
    """On the destination of a migration a vCPU has no value, no request and no more than its own mask until they are restored."""
    values = after.saved_guest_value | (after.saved_effective & ~after.applied_mask)
    held = values | after.shadow | after.ctrl | ite(after.control, after.mask_field ^ after.applied_mask, 0)
    return implies(before.settled & ~after.settled, held == 0)


@step("new-vmcs-cache-is-empty", id="J73")
def new_vmcs_cache_is_empty(before: Machine, after: Machine) -> Bool:
    """Of a VMCS that was just allocated KVM believes nothing: struct loaded_vmcs of L2's outlives VMXOFF, the VMCS does not."""
    return implies(after.vmx_on & ~after.changed_level, after.other_cache == 0)


@step("write-through", id="J79")
def write_through(before: Machine, after: Machine) -> Bool:
    """What KVM newly caches of a mask field is written to it, whichever VMCS was current before and is after."""
    was = ite(before.in_l2 == after.in_l2, before.cache, before.other_cache)
    other = ite(before.in_l2 == after.in_l2, before.other_cache, before.cache)
    unwritten = ((was ^ after.cache) & (after.mask_field ^ after.cache)) | ((other ^ after.other_cache) & (after.other_mask ^ after.other_cache))
    return implies(after.virtualized, unwritten == 0)


@step("cached-is-not-written", id="J80")
def cached_is_not_written(before: Machine, after: Machine) -> Bool:
    """Where nothing is newly cached of a VMCS's mask field, nothing is written to it: that is what the cache is for."""
    here = implies(stayed(before, after) & (before.cache == after.cache), before.mask_field == after.mask_field)
    from_l1 = after.changed_level & ~before.in_l2 & ~made_anew(before, after)
    cache, mask = ite(after.in_l2, after.cache, after.other_cache), ite(after.in_l2, after.mask_field, after.other_mask)
    return here & implies(from_l1 & (before.other_cache == cache), before.other_mask == mask)


@step("stale-by-an-entry", id="J82")
def stale_by_an_entry(before: Machine, after: Machine) -> Bool:
    """What is cached of a mask field and is so does not cease to be so but where a VMCS is first run with: a bit is not left behind."""
    return implies(after.virtualized & ~after.changed_level, (after.stale_cache & ~before.stale_cache) == 0)
