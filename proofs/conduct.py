"""Who may act when, and how a vCPU goes from L1 to L2, into SMM and to another host: what other claims take for granted.

Most were found missing by `specproof mutate`: an action with one wrong operation that no other claim noticed.

Sources: [LNX] Linux 6.12, arch/x86/kvm/: vmx/nested.c, vmx/vmx.c, x86.c. [SDM] Intel SDM vol. 3C.
"""

from typing import Protocol

from specproof import Bool, Word, implies, invariant, ite, step


class Machine(Protocol):
    """The views of a hypervisor that nests: those of vocabulary.Machine, and who acts and where in a transition it is."""

    guest_runs: Bool
    may_enter: Bool
    settled: Bool
    in_l2: Bool
    other_shadow: Word  # the fields of the VMCS that is not current
    other_mask: Word
    intercepted: Bool
    l0_closed: Bool  # KVM asks for exits on L1's writes
    l1_closed: Bool  # L1 asks for exits on L2's writes, as last merged
    merge_pending: Bool  # the bitmaps are merged before the next VM entry
    entering: Bool  # a nested entry processes L1's VM-entry MSR-load list
    leaving: Bool  # a nested exit processes L1's VM-exit MSR-load list
    vmx_operation: Bool  # L1 is in VMX operation
    in_smm: Bool  # L1 is in system management mode
    by_l1: Bool  # the step: an instruction of L1
    by_l2: Bool  # the step: an instruction of L2
    by_userspace: Bool  # the step: an ioctl, other than those that restore a migrated vCPU
    guest_wrote: Bool
    guest_read: Bool  # the step: RDMSR by L1 or L2
    refused: Bool
    guest_wrote_ctrl: Bool
    guest_wrote_enum: Bool
    list_entry: Bool  # the step: an entry of an MSR-load list
    list_ended: Bool  # the step: the end of such a list
    changed_level: Bool
    entry_failed: Bool
    return_failed: Bool  # the step: KVM_SET_NESTED_STATE or RSM failed to return to L2
    reentered: Bool
    merged: Bool  # the step merged L1's bitmap into that with which L2 runs
    l1_asked: Bool  # ... and L1's asks for exits on L2's writes
    vmx_on: Bool  # the step put L1 into VMX operation
    vmx_off: Bool  # ... or took it out of it
    smi: Bool  # the step: an SMI
    rsm: Bool  # the step: RSM
    did_reset: Bool
    did_init: Bool
    restored: Bool
    exited: Bool  # the step: an exit that has nothing to do with the MSRs
    set_up: Bool  # KVM has written the constant fields of vmcs02 since that was allocated
    early_check: Bool  # KVM asks the processor before it processes the entry list
    smi_in_l2: Bool  # ... and the SMI came in L2
    nested_to_come: Bool  # a migration: KVM_SET_NESTED_STATE is still to come
    saved_in_l2: Bool  # ... with L2 current
    saved_vmx_operation: Bool  # ... in VMX operation


# Who may act.


@step("guest-acts-while-it-runs", id="J1")
def guest_acts_while_it_runs(before: Machine, after: Machine) -> Bool:
    """An instruction of the guest, or an exit of it, comes only while it runs."""
    return implies(after.by_l1 | after.by_l2 | after.reentered, before.guest_runs)


@step("userspace-acts-between-runs", id="J2")
def userspace_acts_between_runs(before: Machine, after: Machine) -> Bool:
    """Ioctls, RESET, INIT and SMIs find a vCPU that does not run, in no nested transition, with all its state restored."""
    return implies(after.by_userspace | after.did_reset | after.did_init | after.smi, before.may_enter)


@invariant("runs-when-complete", id="J3")
def runs_when_complete(v: Machine) -> Bool:
    """The guest does not run before a nested transition is over, nor on the destination of a migration before all is restored."""
    return implies(v.guest_runs, v.settled & ~v.entering & ~v.leaving)


@step("restored-once-complete", id="J4")
def restored_once_complete(before: Machine, after: Machine) -> Bool:
    """A migration ends when its last part is restored, and does not begin in system management mode."""
    begins = before.settled & ~after.settled
    ends = ~before.settled & after.settled
    return (after.restored == ends) & implies(begins, before.may_enter & ~before.in_smm)


@step("l1-instructions-are-l1s", id="J5")
def l1_instructions_are_l1s(before: Machine, after: Machine) -> Bool:
    """L1 executes its instructions and L2 its own; only L1 writes the virtual MSRs; what L1 intercepts of L2 is an exit to L1."""
    virtual = after.guest_wrote_enum | (after.guest_wrote_ctrl & ~after.list_entry)
    exits_to_l1 = implies(after.guest_wrote & after.by_l2, ~before.l1_closed)
    return implies(after.by_l1 | virtual, ~before.in_l2) & implies(after.by_l2, before.in_l2) & exits_to_l1


# VMX operation and SMM.


@step("vmx-operation-as-told", id="J6")
def vmx_operation_as_told(before: Machine, after: Machine) -> Bool:
    """L1 enters and leaves VMX operation where it is told to, outside SMM, and nowhere else; INIT waits until it has left."""
    told = after.vmx_on | after.vmx_off | after.did_reset | ~before.settled | ~after.settled
    legal = implies(after.vmx_on & after.by_l1, ~before.vmx_operation) & implies(after.vmx_off, before.vmx_operation)
    outside = implies(after.vmx_on | after.vmx_off | after.did_init, ~before.in_smm) & implies(after.did_init, ~before.vmx_operation)
    done = implies(after.vmx_on, after.vmx_operation) & implies(after.vmx_off | after.did_reset, ~after.vmx_operation)
    return implies(before.vmx_operation != after.vmx_operation, told) & legal & outside & done


@step("smm-as-told", id="J7")
def smm_as_told(before: Machine, after: Machine) -> Bool:
    """An SMI enters system management mode, in L1; RSM leaves it; nothing else does but RESET."""
    told = after.smi | after.rsm | after.did_reset
    entered = implies(after.smi, ~before.in_smm & after.in_smm & ~after.in_l2)
    left = implies(after.rsm, before.in_smm & ~after.in_smm)
    return implies(before.in_smm != after.in_smm, told) & entered & left & implies(after.did_reset, ~after.in_smm)


# From L1 to L2 and back.


@invariant("lists-in-their-place", id="J8")
def lists_in_their_place(v: Machine) -> Bool:
    """An entry list is processed with L2 current, an exit list with L1 current; L2 is current in VMX operation only, outside SMM."""
    return implies(v.entering, v.in_l2) & implies(v.leaving, ~v.in_l2) & implies(v.in_l2, v.vmx_operation & ~v.in_smm)


@step("level-changes-as-told", id="J9")
def level_changes_as_told(before: Machine, after: Machine) -> Bool:
    """What leaves L2 leaves it and comes to the exit list, what fails ends in L1, and nothing else changes the level but a new vCPU."""
    told = after.changed_level | after.did_reset | ~after.settled | after.restored
    out = before.in_l2 & ~after.in_l2
    quiet = ~before.entering & ~before.leaving & (before.settled | ~before.in_l2)
    place = implies(after.changed_level & ~after.list_entry, quiet) & implies(after.entry_failed, before.in_l2 | after.by_l1)
    done = implies(after.changed_level & before.in_l2 | after.entry_failed | after.return_failed, ~after.in_l2)
    entry = implies(after.by_l1 & after.changed_level & ~after.rsm, before.vmx_operation & ~before.in_smm & (after.in_l2 | after.entry_failed))
    return implies(before.in_l2 != after.in_l2, told) & place & done & entry & implies(out & after.changed_level, after.leaving)


@step("lists-go-on", id="J10")
def lists_go_on(before: Machine, after: Machine) -> Bool:
    """A list goes on after an entry, ends at its end, and after a refused entry: then a nested entry fails and comes to the exit list."""
    same = (before.entering == after.entering) & (before.leaving == after.leaving)
    failed = ~after.entering & (before.entering == after.leaving) & (before.entering == after.entry_failed)
    processed = implies(after.list_entry | after.list_ended, before.entering | before.leaving)
    entry = implies(after.list_entry & ~after.refused, same) & implies(after.list_entry & after.refused, failed)
    begun = implies(after.entering & ~before.entering, after.by_l1) & implies(after.leaving & ~before.leaving, before.in_l2 | after.entry_failed)
    ended = implies((before.entering | before.leaving) & ~(after.entering | after.leaving), after.list_ended | after.list_entry)
    return processed & entry & begun & ended & implies(after.list_ended, ~after.entering & ~after.leaving)


@step("bitmap-as-merged", id="J11")
def bitmap_as_merged(before: Machine, after: Machine) -> Bool:
    """What exits from L2 is what either bitmap says, merged on every way into L2 before that runs and then only; L1's wish ends on the way out."""
    as_asked = (after.l1_closed == after.l1_asked) & (after.intercepted == after.l0_closed)
    current = implies(after.merged & after.in_l2, as_asked) & implies(~after.in_l2, ~after.l1_closed & ~after.merge_pending)
    way_in = implies(~before.in_l2 & after.in_l2, after.merged | after.merge_pending)
    asked = implies(after.merged, before.merge_pending | after.by_l1)
    tried = implies(after.entry_failed & before.merge_pending & before.may_enter, after.merged)
    stays = implies(before.in_l2 & after.in_l2 & ~after.merged, (before.l1_closed == after.l1_closed) & (before.merge_pending == after.merge_pending))
    return current & way_in & asked & tried & stays & implies(after.guest_runs & after.in_l2 | after.merged, ~after.merge_pending)


@invariant("closed-until-merged", id="J25")
def closed_until_merged(v: Machine) -> Bool:
    """Until the bitmaps are merged every access of L2 would exit."""
    return implies(v.in_l2 & v.merge_pending, v.intercepted)


@step("entries-in-order", id="J40")
def entries_in_order(before: Machine, after: Machine) -> Bool:
    """A nested entry merges the bitmaps, asks the processor if nested_early_check is set, checks the guest's state, processes its list."""
    failed = after.by_l1 & after.entry_failed
    early = implies(failed & ~after.leaving & after.merged, after.early_check)
    late = implies(failed & after.leaving, after.merged)
    return early & late & implies(after.by_l1 & after.changed_level & after.in_l2 & ~after.rsm, after.merged & after.entering)


@step("vmcs02-is-set-up", id="J84")
def vmcs02_is_set_up(before: Machine, after: Machine) -> Bool:
    """On every way into L2, and where that fails, KVM has written the constant fields of vmcs02, but not before that is used."""
    used = (after.changed_level | after.in_l2) & ~after.vmx_off
    elsewhere = implies(after.set_up & ~before.set_up, after.changed_level)
    return implies(used, after.set_up) & elsewhere & implies(after.vmx_on & ~after.changed_level, ~after.set_up)


@step("exits-end-a-run", id="J41")
def exits_end_a_run(before: Machine, after: Machine) -> Bool:
    """An exit ends the guest's run; whatever L1 does but read or write the register exits. [SDM 26.1.2]"""
    exits = after.by_l1 & ~after.guest_read & ~after.guest_wrote
    return implies(after.exited | exits, before.guest_runs & ~after.guest_runs)


# SMM and migration, and back.


@step("rsm-returns", id="J42")
def rsm_returns(before: Machine, after: Machine) -> Bool:
    """RSM returns to L2, or fails to, where the SMI came in L2, and nowhere else."""
    came = implies(after.smi, after.smi_in_l2 == before.in_l2)
    stays = implies(before.in_smm & after.in_smm, before.smi_in_l2 == after.smi_in_l2)
    return came & stays & implies(after.rsm, before.smi_in_l2 == (after.in_l2 | after.return_failed))


@step("nested-state-is-restored", id="J43")
def nested_state_is_restored(before: Machine, after: Machine) -> Bool:
    """KVM_GET_NESTED_STATE gives the level that is, KVM_SET_NESTED_STATE restores it, and until then a destination is in no VMX operation."""
    given = (after.saved_in_l2 == before.in_l2) & (after.saved_vmx_operation == before.vmx_operation) & after.nested_to_come
    held = (after.saved_in_l2 == before.saved_in_l2) & (after.saved_vmx_operation == before.saved_vmx_operation)
    waits = held & ~after.in_l2 & ~after.vmx_operation
    taken = (after.in_l2 == before.saved_in_l2) & (after.vmx_operation == before.saved_vmx_operation)
    same = (after.in_l2 == before.in_l2) & (after.vmx_operation == before.vmx_operation)
    return (
        implies(before.settled & ~after.settled, given & ~after.in_l2 & ~after.vmx_operation)
        & implies(before.nested_to_come, ite(after.nested_to_come, waits, taken))
        & implies(~before.settled & ~before.nested_to_come, same)
    )


@step("nesting-starts-afresh", id="J44")
def nesting_starts_afresh(before: Machine, after: Machine) -> Bool:
    """KVM_SET_NESTED_STATE frees what was there: a VMCS that L2 ran with before leaves nothing in the new one."""
    return implies(before.vmx_operation & after.vmx_on & ~after.changed_level, (after.other_shadow | after.other_mask) == 0)
