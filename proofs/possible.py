"""What can happen: without it other claims would hold because nothing does.

A model in which an action can no longer happen, or only in fewer states, breaks no claim about what must not be. These
say what must be possible; most were found missing by `specproof mutate`, by an action with one wrong condition.

Sources: [LNX] Linux 6.12, arch/x86/kvm/: vmx/nested.c, vmx/vmx.c, x86.c.
"""

from typing import Protocol

from specproof import Bool, Word, reachable


class Machine(Protocol):
    """The views of a hypervisor that nests: who acts, and where in a transition the vCPU is."""

    settled: Bool
    in_l2: Bool
    host_forces: Word  # the bits that the host forces if the guest asks, as KVM takes it
    entering: Bool  # a nested entry processes L1's VM-entry MSR-load list
    leaving: Bool  # a nested exit processes L1's VM-exit MSR-load list
    vmx_operation: Bool  # L1 is in VMX operation
    by_l1: Bool  # the step: an instruction of L1
    by_l2: Bool  # the step: an instruction of L2
    by_userspace: Bool  # the step: an ioctl, other than those that restore a migrated vCPU
    guest_wrote: Bool
    guest_read: Bool  # the step: RDMSR by L1 or L2
    userspace_wrote: Bool  # the step: KVM_SET_MSRS
    ctrl_visible: Bool  # the guest is told that it can ask for bits to be forced
    ctrl_offered: Word  # ... for these
    host_accepts: Word
    host_wants: Word
    refused: Bool
    guest_wrote_ctrl: Bool
    guest_wrote_enum: Bool
    policy_written: Bool
    list_entry: Bool  # the step: an entry of an MSR-load list
    list_ended: Bool  # the step: the end of such a list
    list_loaded: Bool
    changed_level: Bool
    entry_failed: Bool
    return_failed: Bool  # the step: KVM_SET_NESTED_STATE or RSM failed to return to L2
    reentered: Bool
    merged: Bool  # the step merged L1's bitmap into that with which L2 runs
    vmx_on: Bool  # the step put L1 into VMX operation
    smi: Bool  # the step: an SMI
    rsm: Bool  # the step: RSM
    restored: Bool
    other_msr: Bool  # ... for another MSR than the register and the request
    early_check: Bool  # KVM asks the processor before it processes the entry list
    host_chose: Bool  # the step: the host's wish changed, other than between an exit and an entry


@reachable("l1-reads", id="J17")
def l1_reads(v: Machine) -> Bool:
    """L1 reads the register."""
    return v.guest_read & v.by_l1


@reachable("l1-writes", id="J18")
def l1_writes(v: Machine) -> Bool:
    """L1 writes the register."""
    return v.guest_wrote & v.by_l1


@reachable("l2-reads", id="J19")
def l2_reads(v: Machine) -> Bool:
    """L2 reads the register."""
    return v.guest_read & v.by_l2


@reachable("l2-writes", id="J20")
def l2_writes(v: Machine) -> Bool:
    """L2 writes the register."""
    return v.guest_wrote & v.by_l2


@reachable("l2-not-restored", id="J28")
def l2_not_restored(v: Machine) -> Bool:
    """KVM_SET_NESTED_STATE enters L2 and fails."""
    return v.by_userspace & v.return_failed


@reachable("entry-list-loads", id="J29")
def entry_list_loads(v: Machine) -> Bool:
    """A VM-entry MSR-load list sets the register."""
    return v.list_loaded & v.entering


@reachable("exit-list-loads", id="J30")
def exit_list_loads(v: Machine) -> Bool:
    """A VM-exit MSR-load list sets the register."""
    return v.list_loaded & v.leaving


@reachable("entry-list-requests", id="J31")
def entry_list_requests(v: Machine) -> Bool:
    """A VM-entry MSR-load list asks for bits to be forced, and is heard."""
    return v.guest_wrote_ctrl & v.list_entry & v.entering


@reachable("exit-list-requests", id="J32")
def exit_list_requests(v: Machine) -> Bool:
    """A VM-exit MSR-load list asks for bits to be forced, and is heard."""
    return v.guest_wrote_ctrl & v.list_entry & v.leaving & ~v.entry_failed


@reachable("userspace-enters-l2", id="J45")
def userspace_enters_l2(v: Machine) -> Bool:
    """KVM_SET_NESTED_STATE enters L2."""
    return v.vmx_on & v.by_userspace & v.in_l2


@reachable("userspace-enters-vmx-operation", id="J46")
def userspace_enters_vmx_operation(v: Machine) -> Bool:
    """KVM_SET_NESTED_STATE puts L1 into VMX operation and does not enter L2."""
    return v.vmx_on & v.by_userspace & ~v.in_l2 & ~v.return_failed


@reachable("l2-exits-to-l1", id="J47")
def l2_exits_to_l1(v: Machine) -> Bool:
    """L2 exits to L1, by no SMI."""
    return v.changed_level & v.leaving & ~v.smi & ~v.entry_failed & ~v.by_userspace


@reachable("rsm-to-l1", id="J48")
def rsm_to_l1(v: Machine) -> Bool:
    """RSM returns to L1."""
    return v.rsm & ~v.in_l2 & ~v.return_failed & v.vmx_operation


@reachable("rsm-to-l2", id="J49")
def rsm_to_l2(v: Machine) -> Bool:
    """RSM returns to L2."""
    return v.rsm & v.in_l2


@reachable("fails-before-the-merge", id="J50")
def fails_before_the_merge(v: Machine) -> Bool:
    """A nested entry fails before the bitmaps are merged, though it would be checked early."""
    return v.by_l1 & v.entry_failed & ~v.leaving & ~v.merged & v.early_check


@reachable("fails-early", id="J51")
def fails_early(v: Machine) -> Bool:
    """A nested entry fails after that, early."""
    return v.by_l1 & v.entry_failed & ~v.leaving & v.merged


@reachable("fails-late", id="J52")
def fails_late(v: Machine) -> Bool:
    """A nested entry fails late, before its list."""
    return v.by_l1 & v.entry_failed & v.leaving


@reachable("fails-at-the-processor", id="J53")
def fails_at_the_processor(v: Machine) -> Bool:
    """The processor refuses to enter L2."""
    return v.entry_failed & v.leaving & ~v.by_l1 & ~v.list_entry


@reachable("entry-list-ends", id="J54")
def entry_list_ends(v: Machine) -> Bool:
    """A VM-entry MSR-load list ends."""
    return v.list_ended & v.in_l2


@reachable("exit-list-ends", id="J55")
def exit_list_ends(v: Machine) -> Bool:
    """A VM-exit MSR-load list ends."""
    return v.list_ended & ~v.in_l2


@reachable("entry-list-fails", id="J56")
def entry_list_fails(v: Machine) -> Bool:
    """Another entry of a VM-entry MSR-load list fails."""
    return v.other_msr & v.entry_failed


@reachable("exit-list-fails", id="J57")
def exit_list_fails(v: Machine) -> Bool:
    """Another entry of a VM-exit MSR-load list fails."""
    return v.other_msr & ~v.entry_failed


@reachable("l1-reads-in-vmx-operation", id="J58")
def l1_reads_in_vmx_operation(v: Machine) -> Bool:
    """L1 reads the register while L2 waits for its entry."""
    return v.guest_read & v.by_l1 & v.vmx_operation


@reachable("l1-writes-in-vmx-operation", id="J59")
def l1_writes_in_vmx_operation(v: Machine) -> Bool:
    """L1 writes the register in VMX operation."""
    return v.guest_wrote & v.by_l1 & v.vmx_operation


@reachable("l1-requests-in-vmx-operation", id="J60")
def l1_requests_in_vmx_operation(v: Machine) -> Bool:
    """L1 asks for bits to be forced in VMX operation, and is heard."""
    return v.guest_wrote_ctrl & v.by_l1 & v.policy_written & v.vmx_operation


@reachable("l1-enumerates-in-vmx-operation", id="J61")
def l1_enumerates_in_vmx_operation(v: Machine) -> Bool:
    """L1 tries to write what tells it of the request in VMX operation."""
    return v.guest_wrote_enum & v.by_l1 & v.vmx_operation


@reachable("userspace-sets", id="J62")
def userspace_sets(v: Machine) -> Bool:
    """KVM_SET_MSRS sets the register."""
    return v.userspace_wrote & v.by_userspace & ~v.refused


@reachable("migrates-l1", id="J63")
def migrates_l1(v: Machine) -> Bool:
    """A migration ends with L1 outside VMX operation."""
    return v.restored & ~v.vmx_operation


@reachable("migrates-l2", id="J64")
def migrates_l2(v: Machine) -> Bool:
    """A migration ends in L2."""
    return v.restored & v.in_l2


@reachable("destination-takes-the-value", id="J65")
def destination_takes_the_value(v: Machine) -> Bool:
    """The destination of a migration takes the guest's value."""
    return v.userspace_wrote & ~v.by_userspace & ~v.refused


@reachable("destination-lacks-a-bit", id="J66")
def destination_lacks_a_bit(v: Machine) -> Bool:
    """The destination of a migration refuses the guest's value."""
    return v.userspace_wrote & ~v.by_userspace & v.refused


@reachable("host-wants-a-bit-at-reentry", id="J67")
def host_wants_a_bit_at_reentry(v: Machine) -> Bool:
    """The host wants a bit that KVM cannot force, between an exit and the next entry."""
    return v.reentered & ((v.host_wants & ~v.host_forces) != 0)


@reachable("host-leaves-a-bit-at-reentry", id="J68")
def host_leaves_a_bit_at_reentry(v: Machine) -> Bool:
    """The host does not want all that its processor accepts, between an exit and the next entry."""
    return v.reentered & ((v.host_accepts & ~v.host_wants) != 0)


@reachable("host-wants-a-bit-elsewhere", id="J69")
def host_wants_a_bit_elsewhere(v: Machine) -> Bool:
    """The host wants a bit that KVM cannot force, at any other time."""
    return v.host_chose & ((v.host_wants & ~v.host_forces) != 0)


@reachable("host-leaves-a-bit-elsewhere", id="J70")
def host_leaves_a_bit_elsewhere(v: Machine) -> Bool:
    """The host does not want all that its processor accepts, at any other time."""
    return v.host_chose & ((v.host_accepts & ~v.host_wants) != 0)


@reachable("host-wants-a-bit-at-the-destination", id="J71")
def host_wants_a_bit_at_the_destination(v: Machine) -> Bool:
    """The host wants a bit that KVM cannot force, on the destination of a migration."""
    return v.by_userspace & ~v.settled & ((v.host_wants & ~v.host_forces) != 0)


@reachable("host-leaves-a-bit-at-the-destination", id="J72")
def host_leaves_a_bit_at_the_destination(v: Machine) -> Bool:
    """The host does not want all that its processor accepts, on the destination of a migration."""
    return v.by_userspace & ~v.settled & ((v.host_accepts & ~v.host_wants) != 0)


@reachable("guest-is-told-of-a-part", id="J89")
def guest_is_told_of_a_part(v: Machine) -> Bool:
    """Userspace lets the guest ask, and not for all that the host forces."""
    return v.ctrl_visible & ((v.host_forces & ~v.ctrl_offered) != 0)
