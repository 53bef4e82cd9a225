"""Each rule of kvm-proposed is there for something: left out, a claim that it names is refuted."""

from typing import Any, cast

import pytest
from specproof.models.kvm import Vcpu, current, vmcs_write, vmx_enable_intercept_for_msr
from specproof.models.kvm_proposed import ProposedVcpu, kvm_proposed
from specproof.models.kvm_proposed_ibrs import kvm_proposed_ibrs, on_legacy_ibrs
from specproof.models.kvm_reference import policy_value

from specproof import Word, ite, select
from specproof.decide import decide
from specproof.design import blank
from specproof.load import library
from specproof.models import kvm_actions, kvm_nested
from specproof.models import kvm_proposed as proposed
from specproof.models import kvm_reference as reference
from specproof.models import kvm_rfc_v2 as v2
from specproof.solver import Solver
from specproof.state import flatten
from specproof.verdict import Proved, Refuted, Result


def no_sync_at_the_ioctl(s: ProposedVcpu, mask: Word, value: Word) -> ProposedVcpu:
    """R1 left out: the policy is stored, and the VMCS learns of it later."""
    done = proposed.kvm_vcpu_ioctl_force_spec_ctrl.body(s, mask, value)
    return done.replace(vmcs01=s.vmcs01, vmcs02=s.vmcs02, spec_ctrl=s.spec_ctrl)


def drops_it_while_l2_is_current(s: ProposedVcpu, mask: Word, value: Word) -> ProposedVcpu:
    """R1 left out, without a word: success is returned, nothing is stored, and nothing said to the proof either."""
    return select(s.guest_mode, s, proposed.kvm_vcpu_ioctl_force_spec_ctrl.body(s, mask, value))


def ors(s: Vcpu, value: Word) -> Word:
    """R2 left out."""
    return value | policy_value(s)


def switches_only(s: Vcpu, to_vmcs02: bool) -> Vcpu:
    """R3 left out."""
    return s.replace(guest_mode=to_vmcs02)


def computes_at_exit(s: Vcpu) -> Vcpu:
    """R4 left out, together with R3: with R3 alone in force both are one value."""
    saved = v2.save_guest_spec_ctrl(s)
    return saved.replace(spec_ctrl=ite(s.virtualized, reference.effective_value(saved, saved.guest_spec_ctrl), s.msr))


def takes_any_policy(s: ProposedVcpu, mask: Word, value: Word) -> ProposedVcpu:
    """R5 left out."""
    return cast(ProposedVcpu, reference.vmx_sync_spec_ctrl(s.replace(force_mask=mask, force_value=value)))


def tries_the_value_itself(s: Vcpu, data: Word) -> Vcpu:
    """R6 left out."""
    tested = v2.kvm_spec_ctrl_test_value(s, data)
    return select(tested.refused, tested, proposed.vmx_take_spec_ctrl(s, data))


def closes_vmcs01_only(s: Vcpu) -> Vcpu:
    """R7 left out."""
    return vmx_enable_intercept_for_msr(s)


def keeps_all_controls(s: Vcpu) -> Vcpu:
    """R8 left out."""
    after = v2.prepare_vmcs02_early(s)
    return after.replace(vmcs02=after.vmcs02.replace(ipi_virt=s.vmcs01.ipi_virt))


def trusts_the_cache(s: Vcpu, mask: Word) -> Vcpu:
    """R9 left out, in use: the field is written where the cache differs, written before or not."""
    return select(s.virtualized & (current(s).cache != mask), vmcs_write(s, mask=mask, cache=mask), s)


def keeps_the_cache(s: Vcpu, loaded_vmcs: Any) -> Any:
    """R9 left out, at allocation."""
    return kvm_nested.alloc_loaded_vmcs.body(s, loaded_vmcs)


def init_sheds_the_policy(s: ProposedVcpu, init_event: bool) -> Vcpu:
    """R10 left out."""
    return proposed.vmx_vcpu_reset(s.replace(force_mask=0, force_value=0) if init_event else s, init_event)


RULES = (
    ("R1", "mask-sync", "virtualized", {"kvm_vcpu_ioctl_force_spec_ctrl": no_sync_at_the_ioctl}),
    ("R1", "enforcement", "virtualized", {"kvm_vcpu_ioctl_force_spec_ctrl": drops_it_while_l2_is_current}),
    ("R2", "forced-to-zero", "virtualized", {"effective_value": ors}),
    ("R3", "shadow-coherence", "virtualized", {"vmx_switch_vmcs": switches_only}),
    ("R3", "nested-continuity", "virtualized", {"vmx_switch_vmcs": switches_only}),
    ("R4", "host-isolation", "virtualized", {"vmx_switch_vmcs": switches_only, "save_guest_spec_ctrl": computes_at_exit}),
    ("R5", "cap-well-formed", "virtualized", {"kvm_vcpu_ioctl_force_spec_ctrl": takes_any_policy}),
    ("R5", "support", "virtualized", {"kvm_vcpu_ioctl_force_spec_ctrl": takes_any_policy}),
    ("R6", "support", "virtualized", {"vmx_set_msr_spec_ctrl": tries_the_value_itself, "kvm_vcpu_ioctl_force_spec_ctrl": takes_any_policy}),
    ("R7", "emulation-interlock", "emulated", {"close_both_bitmaps": closes_vmcs01_only}),
    ("R8", "control-wiring", "virtualized", {"prepare_vmcs02_early": keeps_all_controls}),
    ("R9", "enforcement", "virtualized", {"vmx_set_spec_ctrl_mask": trusts_the_cache, "alloc_loaded_vmcs": keeps_the_cache}),
    ("R10", "reset-to-choice", "virtualized", {"vmx_vcpu_reset": init_sheds_the_policy}),
)


@pytest.mark.parametrize(("rule", "claim", "configuration", "change"), RULES, ids=[f"{rule}-{claim}" for rule, claim, *_ in RULES])
def test_a_rule_left_out_is_a_claim_refuted(rule, claim, configuration, change):
    """The claim that a rule is there for fails without it."""
    variant = kvm_proposed.but(f"kvm-proposed-without-{rule.lower()}", **change)

    answer = decide(variant, configuration, [library().claim(claim)])[0]

    assert isinstance(answer, Result) and isinstance(answer.verdict, Refuted), answer


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
@pytest.mark.parametrize("claim", ["enforcement", "forced-to-zero", "elision-is-sound"])
def test_on_hosts_with_legacy_ibrs_the_last_rule_is_needed(claim, configuration):
    """R11: there a WRMSR that is skipped leaves required bits as another task had them; one that is not keeps the claim."""
    elides = on_legacy_ibrs("kvm-proposed-without-r11", "VM entry as in 6.12")

    left_out, kept = (decide(design, configuration, [library().claim(claim)])[0] for design in (elides, kvm_proposed_ibrs))

    assert isinstance(left_out, Result) and isinstance(left_out.verdict, Refuted), left_out
    assert isinstance(kept, Result) and isinstance(kept.verdict, Proved), kept


def test_the_write_that_is_said_anew_is_the_write_of_the_other_designs():
    """A guest's WRMSR in kvm_proposed.py and in kvm_actions.py are one function, in every state whatsoever."""
    with kvm_proposed.building():
        state, _ = blank(ProposedVcpu)
        value = blank(ProposedVcpu)[1]["image_spec_ctrl"]
        anew, other = flatten(proposed.writes(state, value)), flatten(kvm_actions.writes(state, value))

    apart = [path for path in anew if Solver(10).ask([~(anew[path] == other[path])]).word != "unsat"]

    assert not apart
