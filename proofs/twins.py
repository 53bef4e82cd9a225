"""Every claim that is proved of kvm-reference, and a design that breaks it: the reference with one helper changed.

A twin shows that its claim can fail, and what it is there for. Many are what was posted or shipped once.
The named claim must be refuted in the named configuration; which others are refuted too is not pinned.
"""

from dataclasses import dataclass
from typing import Any

from specproof.models.kvm import Vcpu, current
from specproof.models.registers import FORCEABLE

from specproof import U64, Bool, Claim, Design, Word, implies, ite, lemma, select
from specproof.models import kvm, kvm_nested
from specproof.models import kvm_reference as reference
from specproof.models import kvm_rfc_v2 as v2


@dataclass(frozen=True)
class Twin:
    """A design that one claim must refute, in one configuration, and why."""

    claim: str
    configuration: str
    design: Design[Vcpu]
    why: str


def twin(claim: str, configuration: str, why: str, **change: Any) -> Twin:
    """kvm-reference with one helper, action or view changed."""
    return Twin(claim, configuration, reference.kvm_reference.but(f"{claim}-twin", doc=why, **change), why)


def locks_and_does_not_force(s: Vcpu, value: Word) -> Word:
    return value


def tells_the_cache_only(s: Vcpu, mask: Word) -> Vcpu:
    return kvm.vmcs_write(s, cache=mask)


def forces_what_it_can(s: Vcpu, value: Word) -> Word:
    return value | s.enforces


def passes_the_shadow_by_until_it_is_open(s: Vcpu, value: Word) -> Vcpu:
    after = reference.vmx_set_guest_spec_ctrl(s, value)
    return select(current(s).intercepted, after.replace(vmcs01=s.vmcs01, vmcs02=s.vmcs02), after)


def reads_the_effective_value(s: Vcpu) -> Word:
    return s.spec_ctrl


def switches_the_mask_only(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    return v2.vmx_set_spec_ctrl_mask(s.replace(guest_mode=to_vmcs02), reference.policy_mask(s))


def forgets_what_it_wrote(s: Vcpu, mask: Word) -> Vcpu:
    return select(s.virtualized & (current(s).mask != mask), kvm.vmcs_write(s, mask=mask), s)


def switches_the_guest_value_only(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    return v2.vmx_set_guest_spec_ctrl(s.replace(guest_mode=to_vmcs02), s.guest_spec_ctrl)


def saves_the_shadow_only(s: Vcpu) -> Vcpu:
    return v2.save_guest_spec_ctrl(s).replace(spec_ctrl=s.spec_ctrl)


def compares_the_guest_value_at_exit(s: Vcpu) -> Vcpu:
    s = select(kvm.msr_write_intercepted(s), s, kvm.save_guest_spec_ctrl(s))
    s = s.when(s.guest_spec_ctrl != s.host, msr=s.host)
    return s.replace(leaked=s.leaked | (s.msr ^ s.host))


def gives_l2_a_fresh_register(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    s = s.replace(guest_mode=to_vmcs02)
    return reference.vmx_sync_spec_ctrl(s.replace(guest_spec_ctrl=s.guest_spec_ctrl & 0) if to_vmcs02 else s)


def stores_what_the_list_loads(s: Vcpu, value: U64) -> Vcpu:
    return s.replace(guest_spec_ctrl=value, believed=value, list_loaded=True)


def fails_without_looking_back(s: Vcpu) -> Vcpu:
    s = s.replace(guest_mode=False, l1_intercepts=False, pages_pending=False)
    return kvm_nested.load_vmcs12_host_state(s).replace(entry_failed=True, changed_level=True)


def closes_l1_only(s: Vcpu) -> Vcpu:
    return kvm.vmx_enable_intercept_for_msr(s)


def writes_always(s: Vcpu, mask: Word) -> Vcpu:
    needless = ite(current(s).written, ~(current(s).mask ^ mask), 0)
    return select(s.virtualized, kvm.vmcs_write(s, mask=mask, cache=mask).replace(needless=s.needless | needless), s)


def takes_the_mask_from_the_cache(s: Vcpu) -> Word:
    return current(s).cache


def adds_and_never_drops(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    after = reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return after.replace(spec_ctrl=after.spec_ctrl | s.spec_ctrl)


def hides_required_bits(s: Vcpu, value: Word) -> Vcpu:
    return reference.vmx_set_guest_spec_ctrl(s, value & ~reference.policy_mask(s))


def leaves_it_to_the_next_write(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    after = reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return after.replace(spec_ctrl=s.spec_ctrl) if host_initiated else after


def tests_every_bit_that_it_knows(s: Vcpu, data: Word) -> Vcpu:
    tested = kvm.kvm_spec_ctrl_test_value(s, data | FORCEABLE)
    return select(tested.refused, tested, v2.vmx_set_msr_spec_ctrl(s, data))


def copies_all_tertiary_controls(s: Vcpu) -> Vcpu:
    after = v2.prepare_vmcs02_early(s)
    return after.replace(vmcs02=after.vmcs02.replace(ipi_virt=s.vmcs01.ipi_virt))


def keeps_the_request_in_struct_kvm(s: Vcpu, data: Word) -> Vcpu:
    return s.replace(mitigation_ctrl=data)


def tests_nothing(s: Vcpu, value: Word) -> Vcpu:
    return s


def looks_at_no_enumeration(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    return reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated=True)


def enters_with_the_shadow(s: Vcpu) -> Vcpu:
    after = v2.save_guest_spec_ctrl(s)
    return after.replace(spec_ctrl=after.guest_spec_ctrl)


def compares_the_guest_value_at_entry(s: Vcpu) -> Vcpu:
    s = s.when(s.guest_spec_ctrl != s.host, msr=s.spec_ctrl)
    return s.replace(wrong_at_entry=s.wrong_at_entry | (s.msr ^ s.spec_ctrl))


def keeps_the_request_at_init(s: Vcpu, init_event: bool) -> Vcpu:
    after = reference.vmx_vcpu_reset(s, init_event)
    return reference.vmx_sync_spec_ctrl(after.replace(mitigation_ctrl=s.mitigation_ctrl)) if init_event else after


V, E = "virtualized", "emulated"

TWINS = (
    twin("enforcement", V, "The mask locks a bit and does not set it.", effective_value=locks_and_does_not_force),
    twin("step-non-evasion", V, "KVM remembers a mask that it never wrote to the VMCS.", vmx_set_spec_ctrl_mask=tells_the_cache_only),
    twin("exactness", V, "Bits that nobody asked for are set too.", effective_value=forces_what_it_can),
    twin("transparency", V, "The shadow is left out while accesses exit, and is stale once they do not.",
         vmx_set_guest_spec_ctrl=passes_the_shadow_by_until_it_is_open),
    twin("userspace-view", V, "Userspace is told the effective value.", vmx_get_msr_spec_ctrl=reads_the_effective_value),
    twin("shadow-coherence", V, "The other VMCS gets the mask and keeps its own shadow.", vmx_switch_vmcs=switches_the_mask_only),
    twin("cache-coherence", V, "The mask field is written and the cache is not.", vmx_set_spec_ctrl_mask=forgets_what_it_wrote),
    twin("mask-sync", V, "The other VMCS gets the guest's value and keeps its own mask.", vmx_switch_vmcs=switches_the_guest_value_only),
    twin("effective-cache", V, "After an exit KVM's copy of the effective value is the one from before.",
         save_guest_spec_ctrl=saves_the_shadow_only),
    twin("host-isolation", V, "Whether to restore the host's value is decided by the guest's view and not by the effective value.",
         vmx_spec_ctrl_restore_host=compares_the_guest_value_at_exit),
    twin("nested-continuity", V, "L2 starts with a register of its own.", vmx_switch_vmcs=gives_l2_a_fresh_register),
    twin("msr-list", V, "What a list loads is stored and does not reach the effective value.",
         nested_vmx_load_msr_spec_ctrl=stores_what_the_list_loads),
    twin("failed-entry", V, "A failed nested entry goes back to vmcs01 by hand, as RFC v3's does.",
         vmentry_fail_vmexit=fails_without_looking_back),
    twin("emulation-interlock", E, "Only vmcs01's bitmap is closed, as posted in RFC v2.", close_both_bitmaps=closes_l1_only),
    twin("virtualized-equals-emulated", "", "A read that exits returns the effective value.", vmx_get_msr_spec_ctrl=reads_the_effective_value),
    twin("no-redundant-write", V, "The mask field is written on every nested transition.", vmx_set_spec_ctrl_mask=writes_always),
    twin("policy-coupling", E, "The mask is read from a cache that an emulated VMCS does not have.",
         vmx_get_spec_ctrl_mask=takes_the_mask_from_the_cache),
    twin("opt-out", V, "The effective value only ever gains bits, as in RFC v1.", vmx_set_msr_mitigation_ctrl=adds_and_never_drops),
    twin("guest-owned-bit-survives", V, "What the guest set below the mask is not kept, as in the TDX module.",
         vmx_set_guest_spec_ctrl=hides_required_bits),
    twin("migration", V, "Userspace's request is stored and takes effect with the next write of IA32_SPEC_CTRL.",
         vmx_set_msr_mitigation_ctrl=leaves_it_to_the_next_write),
    twin("migration-accept", V, "A value is tested together with every bit that some host could force.",
         vmx_set_msr_spec_ctrl=tests_every_bit_that_it_knows),
    twin("control-wiring", V, "vmcs02 gets all of vmcs01's tertiary controls.", prepare_vmcs02_early=copies_all_tertiary_controls),
    twin("vcpu-locality", V, "The request is one for the VM.", other_vcpu_set_msr=keeps_the_request_in_struct_kvm),
    twin("support", V, "A value is not tried on the host's processor.", kvm_spec_ctrl_test_value=tests_nothing),
    twin("virtual-msr-access", V, "Whether the guest was told of the request does not matter.",
         vmx_set_msr_mitigation_ctrl=looks_at_no_enumeration),
    twin("no-spontaneous-change", V, "The next entry loads what the guest believes.", save_guest_spec_ctrl=enters_with_the_shadow),
    twin("elision-is-sound", V, "Whether to write at entry is decided by the guest's view and not by the effective value.",
         vmx_vcpu_run=compares_the_guest_value_at_entry),
    twin("reset", V, "INIT keeps the request, which this version's contract does not say.", vmx_vcpu_reset=keeps_the_request_at_init),
)  # fmt: skip


def merge_equals_or(current: U64, value: U64, mask: U64) -> Bool:
    return (current & mask) | (value & ~mask) == value | mask


def merge_keeps_forced(current: U64, value: U64, mask: U64, forced: U64) -> Bool:
    return (current & mask) | (value & ~mask) == (value & ~mask) | forced


def or_forces_ones_only(value: U64, mask: U64, forced: U64) -> Bool:
    return (value | forced) == ((value & ~mask) | forced)


def composed_policy(value: U64, mask0: U64, value0: U64, mask1: U64, value1: U64) -> Bool:
    by_levels = (((value & ~mask1) | value1) & ~mask0) | value0
    mask, forced = mask0 | mask1, value0 | (value1 & ~mask0)
    return (by_levels == (value & ~mask) | forced) & ((forced & ~mask) == 0)


def forced_at_any_depth(value: U64, mask0: U64, value0: U64, mask1: U64, value1: U64) -> Bool:
    acts_on = (((value & ~mask1) | value1) & ~mask0) | value0
    return implies(((value0 & ~mask0) | (value1 & ~mask1)) == 0, ((acts_on ^ value1) & mask1) == 0)


#: The lemmas without what they rest on; each must be refuted. By the name of the lemma that it is the twin of.
WRONG_LEMMAS: dict[str, Claim] = {
    "merge-equals-or": lemma("merge-equals-or-twin")(merge_equals_or),
    "merge-keeps-forced": lemma("merge-keeps-forced-twin")(merge_keeps_forced),
    "or-forces-ones-only": lemma("or-forces-ones-only-twin")(or_forces_ones_only),
    "composed-policy": lemma("composed-policy-twin")(composed_policy),
    "forced-at-any-depth": lemma("forced-at-any-depth-twin")(forced_at_any_depth),
}
