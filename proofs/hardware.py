"""What the processor promises about IA32_SPEC_CTRL, and what it does not: claims H1 to H33.

Everything here is asked of a design of the hardware alone; the designs of hypervisors lack these views.
`merge` below is written apart from the models, so that a slip in one does not hide in the other. A word
claim is an "error word" that must be 0: it is nonzero exactly in the bits where something went wrong.

Sources: [SDM] Intel SDM vol. 3C, sections as cited.
"""

from typing import Protocol

from specproof import U64, Bool, Word, implies, invariant, ite, lemma, reachable, step


class Processor(Protocol):
    """The views of a processor."""

    guest_runs: Bool  # guest software runs
    effective: Word  # the real register
    rdmsr: Word  # what RDMSR in the guest returns
    control: Bool  # the control is on
    activated: Bool  # primary control 17
    bit7: Bool  # tertiary control 7
    allows: Bool  # the capability MSR allows it
    switches: Bool  # the newer controls are allowed
    mask: Word
    shadow: Word
    reserved: Word  # bits that a WRMSR rejects
    enumerated: Word  # bits that CPUID enumerates
    loads_guest: Bool  # VM entry loads the register from guest_field
    loads_host: Bool  # VM exit loads the register from host_field
    guest_field: Word
    host_field: Word
    aborted: Bool  # VMX abort
    written: Word  # the guest's last write
    undisturbed: Bool  # nothing wrote since then what RDMSR reads
    at_entry: Word  # the register when the guest began to run
    agreed: Bool  # register and shadow agreed outside the mask then
    tried: Bool  # the step: a WRMSR in the guest
    tried_read: Bool  # the step: an RDMSR in the guest
    privileged: Bool  # ... at CPL 0
    bitmap: Bool  # ... for which the MSR bitmap asks for a VM exit
    operand: Word  # ... with EDX:EAX
    result: Word  # ... that returned this
    done: Bool  # ... that completed
    refused: Bool  # ... that took #GP(0)
    vmwrote: Bool  # the step: a VMWRITE
    entry_step: Bool  # the step: part of a VM entry
    exit_step: Bool  # the step: part of a VM exit
    from_list: Bool  # ... with an entry for the register in an MSR-load list
    stored: Bool  # ... with an entry for it in the MSR-store list
    stored_value: Word
    failed_early: Bool  # ... that failed on controls or host state
    failed_late: Bool  # ... that failed later


def merge(current: Word, mask: Word, value: Word) -> Word:
    """Masked bits from `current`, the others from `value`. [SDM 28.3]"""
    return value ^ ((value ^ current) & mask)


def moved(before: Processor, after: Processor) -> Word:
    """The bits in which register, mask or shadow differ."""
    return (before.effective ^ after.effective) | (before.mask ^ after.mask) | (before.shadow ^ after.shadow)


# The guest's own accesses.


@invariant("read-your-write", id="H1")
def read_your_write(v: Processor) -> Bool:
    """RDMSR returns what the guest wrote last, every bit of it, until software or a load writes what RDMSR reads."""
    return implies(v.undisturbed, (v.rdmsr ^ v.written) == 0)


@step("read-is-the-whole-shadow", id="H2")
def read_is_the_whole_shadow(before: Processor, after: Processor) -> Bool:
    """With the control on, RDMSR returns the shadow, and no bit of the register is merged into it."""
    return implies(after.tried_read & after.done & before.control, (after.result ^ before.shadow) == 0)


@step("read-changes-nothing", id="H3")
def read_changes_nothing(before: Processor, after: Processor) -> Bool:
    """An RDMSR moves neither register nor mask nor shadow, whether it completes, faults or exits."""
    return implies(after.tried_read, moved(before, after) == 0)


@step("write-reaches-unmasked-bits", id="H4")
def write_reaches_unmasked_bits(before: Processor, after: Processor) -> Bool:
    """A WRMSR that completes gives the register EDX:EAX in every bit outside the mask. Plain writes are H7."""
    held = (after.effective ^ after.operand) & ~before.mask
    return implies(after.tried & after.done & before.control, held == 0)


@invariant("masked-bits-frozen", id="H5")
def masked_bits_frozen(v: Processor) -> Bool:
    """From VM entry to VM exit no masked bit of the register moves, whatever the guest executes."""
    return implies(v.guest_runs & v.control, ((v.effective ^ v.at_entry) & v.mask) == 0)


@step("shadow-takes-operand", id="H6")
def shadow_takes_operand(before: Processor, after: Processor) -> Bool:
    """A WRMSR that completes leaves EDX:EAX in the shadow unmodified, masked and reserved bits included."""
    return implies(after.tried & after.done & before.control, (after.shadow ^ after.operand) == 0)


@step("plain-without-control", id="H7")
def plain_without_control(before: Processor, after: Processor) -> Bool:
    """With the control off, or not activated, a WRMSR that completes writes EDX:EAX to the register and nothing else."""
    error = (after.effective ^ after.operand) | (after.shadow ^ before.shadow) | (after.mask ^ before.mask)
    return implies(after.tried & after.done & ~(before.activated & before.bit7), error == 0)


@step("plain-read-without-control", id="H8")
def plain_read_without_control(before: Processor, after: Processor) -> Bool:
    """With the control off, or not activated, RDMSR returns the register."""
    return implies(after.tried_read & after.done & ~(before.activated & before.bit7), (after.result ^ before.effective) == 0)


# Faults and intercepts.


@invariant("register-is-legal", id="H9")
def register_is_legal(v: Processor) -> Bool:
    """No bit that a WRMSR rejects is ever set in the register, whatever mask, shadow, fields and lists hold."""
    return (v.effective & v.reserved) == 0


@invariant("hidden-bits-stay-clear", id="H33")
def hidden_bits_stay_clear(v: Processor) -> Bool:
    """No bit that CPUID does not enumerate is ever set in the register; of a processor that takes such bits it is not so."""
    return (v.effective & ~v.enumerated) == 0


@reachable("shadow-may-be-illegal", id="H10")
def shadow_may_be_illegal(v: Processor) -> Bool:
    """A guest can leave a bit in the shadow that the register cannot hold: a masked reserved bit does not fault."""
    return v.tried & v.done & v.control & ((v.shadow & v.reserved) != 0)


@step("fault-on-merged-value", id="H11")
def fault_on_merged_value(before: Processor, after: Processor) -> Bool:
    """A WRMSR that neither exits nor lacks privilege takes #GP exactly if the merged value has a reserved bit."""
    reached = after.tried & after.privileged & ~after.bitmap & before.control
    illegal = merge(before.effective, before.mask, after.operand) & before.reserved
    return implies(reached, after.refused == (illegal != 0))


@step("fault-on-unmasked-bits", id="H12")
def fault_on_unmasked_bits(before: Processor, after: Processor) -> Bool:
    """That is exactly if EDX:EAX has a reserved bit outside the mask, since the register holds none (H9)."""
    reached = after.tried & after.privileged & ~after.bitmap & before.control
    return implies(reached, after.refused == ((after.operand & ~before.mask & before.reserved) != 0))


@step("fault-without-control", id="H13")
def fault_without_control(before: Processor, after: Processor) -> Bool:
    """With the control off, #GP is decided on EDX:EAX."""
    reached = after.tried & after.privileged & ~after.bitmap & ~before.control
    return implies(reached, after.refused == ((after.operand & before.reserved) != 0))


@step("refused-changes-nothing", id="H14")
def refused_changes_nothing(before: Processor, after: Processor) -> Bool:
    """An access that takes #GP leaves register, mask and shadow as they were, and the guest runs on."""
    return implies(after.refused, after.guest_runs & (moved(before, after) == 0))


@step("intercept-wins", id="H15")
def intercept_wins(before: Processor, after: Processor) -> Bool:
    """An access at CPL 0 for which the bitmap asks for a VM exit exits, though it would fault, and moves nothing."""
    asked = (after.tried | after.tried_read) & after.privileged & after.bitmap
    return implies(asked, ~after.guest_runs & ~after.refused & ~after.done & (moved(before, after) == 0))


@step("privilege-comes-first", id="H16")
def privilege_comes_first(before: Processor, after: Processor) -> Bool:
    """An access above CPL 0 faults and does not exit, whatever the bitmap says."""
    return implies((after.tried | after.tried_read) & ~after.privileged, after.refused & after.guest_runs)


@step("mask-does-not-exit", id="H17")
def mask_does_not_exit(before: Processor, after: Processor) -> Bool:
    """An attempt to change a masked bit causes no VM exit: unlike CR0 and CR4, software is not told."""
    return implies((after.tried | after.tried_read) & ~after.bitmap, after.guest_runs)


# VM entry and VM exit.


@step("entry-moves-nothing", id="H18")
def entry_moves_nothing(before: Processor, after: Processor) -> Bool:
    """VM entry moves neither mask nor shadow, nor the register unless a list or a newer control names it."""
    plain = after.entry_step & ~after.from_list & ~before.loads_guest & ~before.loads_host
    return implies(plain, moved(before, after) == 0)


@step("exit-moves-nothing", id="H19")
def exit_moves_nothing(before: Processor, after: Processor) -> Bool:
    """VM exit moves neither mask nor shadow, nor the register unless a list or the newer control names it."""
    return implies(after.exit_step & ~after.from_list & ~before.loads_host, moved(before, after) == 0)


@step("only-writes-move-mask-and-shadow", id="H20")
def only_writes_move_mask_and_shadow(before: Processor, after: Processor) -> Bool:
    """Only a VMWRITE changes the mask, only a VMWRITE or the guest's own WRMSR the shadow; lists and faults do not."""
    guest = after.tried & after.done
    return implies(~after.vmwrote & ~guest, ((before.mask ^ after.mask) | (before.shadow ^ after.shadow)) == 0)


@invariant("agreement-lasts", id="H21")
def agreement_lasts(v: Processor) -> Bool:
    """If register and shadow agree outside the mask when the guest begins to run, they do until it stops."""
    return implies(v.guest_runs & v.control & v.agreed, ((v.effective ^ v.rdmsr) & ~v.mask) == 0)


@reachable("agreement-is-not-made", id="H22")
def agreement_is_not_made(v: Processor) -> Bool:
    """The processor does not make them agree: a guest can run that reads an unmasked bit otherwise than it acts."""
    return v.guest_runs & v.control & (((v.effective ^ v.rdmsr) & ~v.mask) != 0)


@invariant("control-needs-capability", id="H23")
def control_needs_capability(v: Processor) -> Bool:
    """No guest runs with a control that the processor does not allow."""
    return implies(v.guest_runs, (v.allows | ~v.control) & (v.switches | ~(v.loads_guest | v.loads_host)))


@step("early-failure-changes-nothing", id="H24")
def early_failure_changes_nothing(before: Processor, after: Processor) -> Bool:
    """A VM entry that fails on controls or host state leaves everything as it was, and loads no host state."""
    return implies(after.failed_early, moved(before, after) == 0)


@step("late-failure-saves-nothing", id="H25")
def late_failure_saves_nothing(before: Processor, after: Processor) -> Bool:
    """A VM entry that fails later loads host state, but saves no guest state and stores no list; no guest ran."""
    host = ite(before.loads_host, after.effective ^ before.host_field, 0)
    return implies(after.failed_late, ~after.guest_runs & (((after.guest_field ^ before.guest_field) | host) == 0))


@reachable("late-failure-keeps-guest-state", id="H26")
def late_failure_keeps_guest_state(v: Processor) -> Bool:
    """Without host state for the register, such a failure hands root software what guest state had put into it."""
    return v.failed_late & v.loads_guest & ~v.loads_host & ((v.effective & v.guest_field) != 0)


@step("store-list-is-real-without-control", id="H27")
def store_list_is_real_without_control(before: Processor, after: Processor) -> Bool:
    """With the control off, the VM-exit MSR-store list stores the register; with it on, nothing is promised."""
    return implies(after.stored & ~before.control, (after.stored_value ^ before.effective) == 0)


@step("exit-saves-the-register", id="H28")
def exit_saves_the_register(before: Processor, after: Processor) -> Bool:
    """Where the newer controls are allowed, a VM exit saves the real register, not the shadow, even with both clear."""
    leaves = before.guest_runs & ~after.guest_runs & before.switches
    return implies(leaves, (after.guest_field ^ before.effective) == 0)


# The merge alone, for all words.


@lemma("merge-keeps-masked-bits", id="H29")
def merge_keeps_masked_bits(current: U64, mask: U64, value: U64) -> Bool:
    """A virtualized write changes no masked bit, and gives every other bit its value."""
    written = (current & mask) | (value & ~mask)
    return (((written ^ current) & mask) | ((written ^ value) & ~mask)) == 0


@lemma("only-the-last-write-counts", id="H30")
def only_the_last_write_counts(current: U64, mask: U64, first: U64, second: U64) -> Bool:
    """After two virtualized writes the register is as if the first had not happened."""
    return merge(merge(current, mask, first), mask, second) == merge(current, mask, second)


@lemma("established-equation-lasts", id="H31")
def established_equation_lasts(forced: U64, mask: U64, shadow: U64, value: U64) -> Bool:
    """If the register is the merge of forced bits and the shadow, it is that still after a virtualized write."""
    return merge(merge(forced, mask, shadow), mask, value) == merge(forced, mask, value)


@lemma("masking-is-invisible", id="H32")
def masking_is_invisible(current: U64, mask: U64, reserved: U64, value: U64) -> Bool:
    """A guest that writes no masked reserved bit faults as it would on a processor without mask."""
    legal_before = (current & reserved) == 0
    usual = (value & mask & reserved) == 0
    virtualized = (merge(current, mask, value) & reserved) == 0
    return implies(legal_before & usual, virtualized == ((value & reserved) == 0))
