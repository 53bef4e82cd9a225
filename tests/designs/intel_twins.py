"""Processors that break one promise each: the twins of the claims in proofs/hardware.py.

`TWINS` says for each claim which processor refutes it, and in how many steps. For a claim that something
can happen (H10, H22, H26) it is a processor on which it cannot.
"""

from collections.abc import Callable
from typing import Any

from specproof.models.intel import Cpu, intel

from specproof import U64, Bool, Claim, Word, implies, ite, lemma, select
from specproof.design import Design
from specproof.models import intel as model


def broken(name: str, doc: str, **changes: Callable[..., Any]) -> Design[Cpu]:
    """A variant of the processor."""
    return intel.but(f"intel-{name}", doc=doc, **changes)


def writes_past_the_shadow(s: Cpu, value: Word) -> Cpu:
    after = model.wrmsr_takes_effect.body(s, value)
    return after.replace(vmcs=after.vmcs.replace(shadow=s.vmcs.shadow))


def writes_the_merged_value_to_the_shadow(s: Cpu, value: Word) -> Cpu:
    after = model.wrmsr_takes_effect.body(s, value)
    return after.when(after.done & model.virtualized(s), vmcs=after.vmcs.replace(shadow=after.msr))


def writes_the_shadow_before_the_check(s: Cpu, value: Word) -> Cpu:
    after = model.wrmsr_takes_effect.body(s, value)
    return after.when(model.virtualized(s), vmcs=after.vmcs.replace(shadow=value))


def checks_the_operand(s: Cpu, value: Word) -> Cpu:
    after = model.wrmsr_takes_effect.body(s, value)
    return select(model.legal(s, value), after, s.replace(refused=True))


def checks_the_merged_value_always(s: Cpu, value: Word) -> Cpu:
    after = model.wrmsr_takes_effect.body(s, value)
    refused = select(model.legal(s, model.merged(s, value)), after.replace(refused=False), s.replace(refused=True))
    return select(model.virtualized(s), after, refused)


def exits_on_masked_bits(s: Cpu, value: Word) -> Cpu:
    masked = ((s.msr ^ value) & s.vmcs.mask) != 0
    return select(model.virtualized(s) & masked, model.save_guest_state(s), model.wrmsr_takes_effect.body(s, value))


def acts_before_the_exit(s: Cpu, cpl0: Bool, exits: Bool, left: Cpu, there: Cpu) -> Cpu:
    late = left.replace(msr=there.msr, vmcs=left.vmcs.replace(shadow=there.vmcs.shadow))
    return model.access.body(s, cpl0, exits, late, there)


def exits_before_the_fault(s: Cpu, cpl0: Bool, exits: Bool, left: Cpu, there: Cpu) -> Cpu:
    return select(exits, left, select(cpl0, there, s.replace(refused=True)))


def reads_merged(s: Cpu, cpl0: Bool, exits: Bool) -> Cpu:
    after = model.guest_rdmsr(s, cpl0, exits)
    mixed = (s.msr & s.vmcs.mask) | (s.vmcs.shadow & ~s.vmcs.mask)
    return after.when(after.done & model.virtualized(s), result=mixed)


def reads_the_shadow_always(s: Cpu, cpl0: Bool, exits: Bool) -> Cpu:
    after = model.guest_rdmsr(s, cpl0, exits)
    return after.when(after.done, result=s.vmcs.shadow)


def reads_and_reconciles(s: Cpu, cpl0: Bool, exits: Bool) -> Cpu:
    after = model.guest_rdmsr(s, cpl0, exits)
    return after.when(after.done, vmcs=after.vmcs.replace(shadow=s.msr))


def loads_the_shadow(s: Cpu, loads_shadow: Bool) -> Cpu:
    return model.load_guest_state.body(s, loads_shadow | ~loads_shadow)


def shows_the_register_in_the_shadow(s: Cpu) -> Cpu:
    after = model.save_guest_state.body(s)
    return after.replace(vmcs=after.vmcs.replace(shadow=s.msr))


def saves_the_shadow(s: Cpu) -> Cpu:
    after = model.save_guest_state.body(s)
    return after.replace(vmcs=after.vmcs.replace(guest_field=ite(model.virtualized(s) & s.switches, s.vmcs.shadow, after.vmcs.guest_field)))


def clears_the_register(s: Cpu) -> Cpu:
    return model.save_guest_state.body(s).replace(msr=0)


def enters_unchecked(s: Cpu, bad_controls: Bool, bad_guest: Bool, loaded: Bool, loads_shadow: Bool) -> Cpu:
    guest = model.load_guest_state(s.replace(entry_step=True), loads_shadow)
    return guest.replace(entering=True)


def fails_early_with_host_state(s: Cpu, bad_controls: Bool, bad_guest: Bool, loaded: Bool, loads_shadow: Bool) -> Cpu:
    after = model.vm_entry(s, bad_controls, bad_guest, loaded, loads_shadow)
    return after.when(after.failed_early, msr=0)


def saves_at_late_failure(s: Cpu) -> Cpu:
    return model.load_host_state.body(s.when(s.entering & s.switches, vmcs=s.vmcs.replace(guest_field=s.msr)))


def always_loads_host_state(s: Cpu) -> Cpu:
    loaded = model.load_host_state.body(s)
    return loaded.when(~s.vmcs.loads_host, msr=0)


def stores_the_shadow(s: Cpu, undefined: U64) -> Cpu:
    return model.exit_list_stores(s, undefined).replace(stored_value=s.vmcs.shadow)


def agrees_at_entry(s: Cpu) -> Cpu:
    after = model.entry_completes(s)
    return after.replace(vmcs=after.vmcs.replace(shadow=s.msr))


stale_shadow = broken("stale-shadow", "WRMSR in the guest does not update the shadow, as Bochs", wrmsr_takes_effect=writes_past_the_shadow)
merged_shadow = broken("merged-shadow", "The shadow takes the merged value", wrmsr_takes_effect=writes_the_merged_value_to_the_shadow)
early_shadow = broken("early-shadow", "The shadow is written though the WRMSR faults", wrmsr_takes_effect=writes_the_shadow_before_the_check)
inverted_mask = broken("inverted-mask", "The mask is taken for its complement", merged=lambda s, v: (s.msr & ~s.vmcs.mask) | (v & s.vmcs.mask))
deaf_mask = broken("deaf-mask", "The mask is ignored", merged=lambda s, v: v)
no_activation = broken("no-activation", "Tertiary controls act without primary control 17", virtualized=lambda s: s.vmcs.bit7)
no_fault = broken("no-fault", "Reserved bits are accepted", legal=lambda s, v: s.allows | ~s.allows)
operand_fault = broken("operand-fault", "#GP is decided on EDX:EAX", wrmsr_takes_effect=checks_the_operand)
merged_fault = broken("merged-fault", "#GP is decided on the merged value without the control", wrmsr_takes_effect=checks_the_merged_value_always)
masked_exit = broken("masked-exit", "An attempt at a masked bit exits, as with CR0", wrmsr_takes_effect=exits_on_masked_bits)
late_exit = broken("late-exit", "The write takes effect before the VM exit", access=acts_before_the_exit)
exit_first = broken("exit-first", "The VM exit comes before the fault for privilege", access=exits_before_the_fault)
merged_read = broken("merged-read", "RDMSR merges register and shadow", guest_rdmsr=reads_merged)
shadow_read = broken("shadow-read", "RDMSR returns the shadow with the control off too", guest_rdmsr=reads_the_shadow_always)
moving_read = broken("moving-read", "RDMSR updates the shadow", guest_rdmsr=reads_and_reconciles)
loading_entry = broken("loading-entry", "VM entry loads the register from the shadow", load_guest_state=loads_the_shadow)
clearing_exit = broken("clearing-exit", "VM exit clears the register", save_guest_state=clears_the_register)
telling_exit = broken("telling-exit", "VM exit writes the register to the shadow", save_guest_state=shows_the_register_in_the_shadow)
shadow_saved = broken("shadow-saved", "VM exit saves the shadow for the register", save_guest_state=saves_the_shadow)
unchecked_entry = broken("unchecked-entry", "VM entry checks no control", vm_entry=enters_unchecked)
early_load = broken("early-load", "An early failure clears the register", vm_entry=fails_early_with_host_state)
late_save = broken("late-save", "A late failure saves guest state", load_host_state=saves_at_late_failure)
always_host = broken("always-host", "Host state always has the register, and it is 0", load_host_state=always_loads_host_state)
shadow_stored = broken("shadow-stored", "The MSR-store list stores the shadow", exit_list_stores=stores_the_shadow)
agreeing_entry = broken("agreeing-entry", "VM entry writes the register to the shadow", entry_completes=agrees_at_entry)

#: claim -> the processor that refutes it, in the configuration with the control, and the length of the run.
TWINS: dict[str, tuple[Design[Cpu], int]] = {
    "read-your-write": (stale_shadow, 3),
    "read-is-the-whole-shadow": (merged_read, 3),
    "read-changes-nothing": (moving_read, 3),
    "write-reaches-unmasked-bits": (inverted_mask, 3),
    "masked-bits-frozen": (deaf_mask, 3),
    "shadow-takes-operand": (merged_shadow, 3),
    "plain-without-control": (no_activation, 3),
    "plain-read-without-control": (shadow_read, 3),
    "register-is-legal": (no_fault, 1),
    "hidden-bits-stay-clear": (no_fault, 1),
    "fault-on-merged-value": (operand_fault, 3),
    "fault-on-unmasked-bits": (operand_fault, 3),
    "fault-without-control": (merged_fault, 3),
    "refused-changes-nothing": (early_shadow, 3),
    "intercept-wins": (late_exit, 3),
    "privilege-comes-first": (exit_first, 3),
    "mask-does-not-exit": (masked_exit, 3),
    "entry-moves-nothing": (loading_entry, 1),
    "exit-moves-nothing": (clearing_exit, 3),
    "only-writes-move-mask-and-shadow": (telling_exit, 3),
    "agreement-lasts": (stale_shadow, 3),
    "control-needs-capability": (unchecked_entry, 2),
    "early-failure-changes-nothing": (early_load, 2),
    "late-failure-saves-nothing": (late_save, 2),
    "store-list-is-real-without-control": (shadow_stored, 4),
    "exit-saves-the-register": (shadow_saved, 3),
}

#: claim that something can happen -> the processor on which it cannot.
UNREACHABLE: dict[str, Design[Cpu]] = {
    "shadow-may-be-illegal": merged_shadow,
    "agreement-is-not-made": agreeing_entry,
    "late-failure-keeps-guest-state": always_host,
}


# Lemmas that fail: what H29 to H32 say, with one slip each.


@lemma("merge-keeps-unmasked-bits")
def merge_keeps_unmasked_bits(current: U64, mask: U64, value: U64) -> Bool:
    """The mask taken for its complement."""
    written = (current & ~mask) | (value & mask)
    return (((written ^ current) & mask) | ((written ^ value) & ~mask)) == 0


@lemma("only-the-first-write-counts")
def only_the_first_write_counts(current: U64, mask: U64, first: U64, second: U64) -> Bool:
    """The wrong one of two writes."""
    return model_merge(model_merge(current, mask, first), mask, second) == model_merge(current, mask, first)


@lemma("forced-equation-lasts")
def forced_equation_lasts(forced: U64, mask: U64, shadow: U64, value: U64) -> Bool:
    """KVM's formula in place of the merge: the forced bits need not be 1."""
    return model_merge(model_merge(forced, mask, shadow), mask, value) == (value | mask)


@lemma("masking-is-always-invisible")
def masking_is_always_invisible(current: U64, mask: U64, reserved: U64, value: U64) -> Bool:
    """A guest may write a masked reserved bit."""
    legal_before = (current & reserved) == 0
    return implies(legal_before, ((model_merge(current, mask, value) & reserved) == 0) == ((value & reserved) == 0))


def model_merge(current: Word, mask: Word, value: Word) -> Word:
    """The merge."""
    return (current & mask) | (value & ~mask)


WRONG_LEMMAS: tuple[Claim, ...] = (merge_keeps_unmasked_bits, only_the_first_write_counts, forced_equation_lasts, masking_is_always_invisible)
