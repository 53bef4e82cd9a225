"""Properties of whole words that are inductive with lemmas of bits, and the lemmas that Z3's steps lead to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from specproof import U64, Bool, Design, State, field, implies, invariant
from specproof.certify import obligations
from specproof.claims import Property, instantiate
from specproof.cli import main
from specproof.cone import narrow
from specproof.decide import decide
from specproof.decision import Decision
from specproof.explore import Reached, explore
from specproof.fallback import fall_back
from specproof.induction import Induction, together
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import System, build
from specproof.trust.certificates import certificate_of
from specproof.verdict import Proved, Refuted, Result
from specproof.vocabulary import Vocabulary
from tests.designs.generation_wraps import hit_is_fresh, hits_stay_fresh, never_full, never_zapped, not_newer, vm

GENERATION = Path(__file__).parent / "designs" / "generation_wraps.py"


class Vcpu(State):
    """A register, what the guest believes of it, and the copy that was written to the VMCS."""

    msr: U64 = field("IA32_SPEC_CTRL")
    shadow: U64 = field("what RDMSR returns")
    cached: U64 = field("what the VMCS has")
    stale: Bool = field("the VMCS has another value")


vcpu = Design("written-when-stale", Vcpu, doc="the VMCS is written only where it has another value")


@vcpu.initial
def created(s: Vcpu) -> Bool:
    """Everything is 0."""
    return s.matches(msr=0, shadow=0, cached=0, stale=False)


@vcpu.action(by="guest")
def wrmsr(s: Vcpu, value: U64) -> Vcpu:
    """WRMSR."""
    return s.replace(msr=value, shadow=value, stale=s.cached != value)


@vcpu.action(by="hypervisor")
def load(s: Vcpu) -> Vcpu:
    """Looks again, at what the guest believes."""
    return s.replace(stale=s.cached != s.shadow)


@vcpu.action(by="hypervisor", guard=lambda s: s.stale)
def write(s: Vcpu) -> Vcpu:
    """VMWRITE."""
    return s.replace(cached=s.msr, stale=False)


@vcpu.view
def stale(s: Vcpu) -> Bool:
    return s.stale


@vcpu.view
def differs(s: Vcpu) -> Bool:
    return s.msr != s.cached


@invariant("no-write-is-redundant")
def not_redundant(s: Any) -> Bool:
    """Where a write is thought to be needed it is."""
    return implies(s.stale, s.differs)


def forget(s: Any, value: U64) -> Any:
    """WRMSR that does not tell the shadow of its second bit."""
    return s.replace(msr=value, shadow=value & 0xFFFFFFFFFFFFFFFD, stale=s.cached != value)


forgetful = vcpu.but("forgetful", doc="the shadow lacks a bit", wrmsr=forget)


def seen(design: Design[Any]) -> tuple[System, Property, Slice, Reached]:
    """The claim on a design, and all that its slice reaches."""
    system = build(design)
    prop = instantiate(not_redundant, system)
    slice_ = Slice(system, [prop])
    return system, prop, slice_, explore(slice_)


def test_a_claim_of_whole_words_is_proved_with_lemmas_of_its_own() -> None:
    """One bit does not say that two words are equal; that the shadow is the register is what it needs, and the slice knows."""
    (result,) = decide(vcpu, "", [not_redundant])

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.method == "induction at full width by Z3, with lemmas of its own"
    assert [(line.equation, line.keeps, line.used_by) for line in result.verdict.lemmas] == [("msr == shadow", (), ("no-write-is-redundant",))]


def test_the_lemmas_are_proved_and_are_what_it_needs() -> None:
    """The claim is not inductive alone; with them it is, and each is one that Z3 accepted."""
    system, prop, slice_, reached = seen(vcpu)
    assert Induction(system, prop, Solver()).needs(None) is None

    certificate = Induction(system, prop, Solver()).strengthened(slice_, reached)

    assert certificate is not None
    assert {key[1] for lemma in certificate.lemmas for key, _ in lemma.literals} == {"msr", "shadow"}  # type: ignore[index]
    cores = Induction(system, prop, Solver()).needs(certificate)
    assert cores is not None
    assert {at: set(core.lemmas) for at, core in cores.items() if core.lemmas} == {"load": set(certificate.lemmas)}


def test_a_state_that_the_slice_reaches_is_not_excluded() -> None:
    """The claim is false, if only of two words that differ in the one bit: no lemma is made, and a run is found."""
    system, prop, slice_, reached = seen(forgetful)
    assert Induction(system, prop, Solver()).strengthened(slice_, reached) is None

    (result,) = decide(forgetful, "", [not_redundant])
    assert isinstance(result, Result) and isinstance(result.verdict, Refuted)
    assert [step.action for step in result.verdict.trace.steps] == ["wrmsr", "write", "load"]


def test_where_not_every_state_was_explored_nothing_is_proved() -> None:
    """What one level does not show may be reached after two."""
    system, prop, slice_, _ = seen(vcpu)

    assert Induction(system, prop, Solver()).strengthened(slice_, explore(slice_, stop=lambda found: True)) is None


def test_the_assumptions_that_it_needs_are_named() -> None:
    """That the lemma needs one is said; one that nothing needs is not."""
    assumed = vcpu.but("assumed", doc="a shadow that the guest alone does not keep")

    @assumed.action(by="firmware")
    def patch(s: Any, value: U64) -> Any:
        return s.replace(shadow=value)

    @assumed.assumption("patches-nothing", of=("patch",))
    def patches_nothing(s: Any, value: U64) -> Any:
        return value == s.msr

    @assumed.assumption("no-bit-63", of=("wrmsr",))
    def no_bit_63(s: Any, value: U64) -> Any:
        return ~value.bit(63)

    (result,) = decide(assumed, "", [not_redundant])

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.assumptions == ("patches-nothing",)


def test_what_spacer_proves_leans_on_every_assumption(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not say which it needs."""
    monkeypatch.setattr(Solver, "horn", lambda self, text: "sat")
    assumed = vcpu.but("assumed", doc="a guest that never sets bit 63")
    assumed.assumption("no-bit-63", of=("wrmsr",))(lambda s, value: ~value.bit(63))
    assumed.actions["wrmsr"].body.__annotations__["value"] = U64
    system = build(assumed)

    found = fall_back(system, instantiate(not_redundant, system), "invariant", "", Solver())

    assert isinstance(found, Proved) and found.method == "Spacer at full width"
    assert found.assumptions == ("no-bit-63",)


def test_its_certificate_can_be_written() -> None:
    """The claim is one of states: with its lemmas it is inductive, and is a lemma of its own certificate."""
    told: list[tuple[Decision, Sequence[Result]]] = []
    decide(vcpu, "", [not_redundant], inspect=lambda decision, results: told.append((decision, results)))
    ((decision, results),) = told

    certificate, missing = certificate_of(decision, {not_redundant.name: not_redundant}, results, Solver())

    assert not missing
    assert len(certificate.proof.lemmas) == 3
    assert [one.name for one in certificate.statements] == [not_redundant.name]


def test_claims_that_are_inductive_together_are_proved() -> None:
    """What a hit means is inductive where no copy is newer than the counter, which is a claim, too; Spacer and bounded runs took 20 s to give up."""
    claims = [hit_is_fresh, not_newer, hits_stay_fresh]
    told: list[tuple[Decision, Sequence[Result]]] = []

    results = decide(vm, "", claims, inspect=lambda decision, results: told.append((decision, results)))

    fresh, older, stay = (result.verdict for result in results if isinstance(result, Result))
    assert isinstance(older, Proved) and older.method == "induction at full width by Z3"
    assert isinstance(fresh, Proved) and fresh.method == "induction at full width by Z3, of several claims together"
    assert isinstance(stay, Proved) and stay.method == fresh.method
    assert [line.equation for line in fresh.lemmas] == ["cached & (seen == generation) implies value == slot", "cached implies generation >= seen"]
    ((decision, found),) = told
    certificate, missing = certificate_of(decision, {claim.name: claim for claim in claims}, found, Solver())
    assert not missing
    assert {one.name for one in certificate.statements} == {"hit-is-fresh", "not-newer", "hits-stay-fresh"}


def test_what_is_inductive_together_is_certified_over_all_fields() -> None:
    """The slice at hand may be one of other fields: that an action moves what a claim speaks of must not be missed there."""
    system = build(vm)
    properties = {claim.name: instantiate(claim, system) for claim in (hit_is_fresh, not_newer)}
    other = [instantiate(never_full, system)]
    slice_ = Slice(narrow(system, other), other)
    assert set(slice_.system.variables) == {"generation"}

    certificate = together(system, properties, "hit-is-fresh", Vocabulary(slice_, explore(slice_)), None, Solver())

    assert certificate is not None
    assert {one.at for one in obligations(system, certificate, properties) if one.kind == "consecution"} == {"update_memslots", "mark_mmio_spte"}


def test_a_claim_that_is_false_is_no_lemma() -> None:
    """The generation gets to 255, if not soon; where it then wraps unseen, no claim about it may lean on that."""
    asked = [hit_is_fresh, not_newer, never_full]
    system = build(never_zapped)
    properties = {claim.name: instantiate(claim, system) for claim in asked}
    slice_ = Slice(system, list(properties.values()))
    vocabulary = Vocabulary(slice_, explore(slice_))

    assert all(together(system, properties, name, vocabulary, None, Solver()) is None for name in properties)


def test_a_claim_asked_alone_is_asked_beside_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the others say is known, though nothing is asked of them; a certificate of it says it, too, and all of it can be verified."""
    code = main(["check", f"{GENERATION}:vm", "--claim", "hits-stay-fresh", "--jobs", "1", "--no-cache", "--certificates", str(tmp_path / "c")])
    said = capsys.readouterr().out
    verified = main(["verify", str(tmp_path / "c")])

    assert (code, verified) == (0, 0)
    assert said.startswith("vm: hits-stay-fresh: proved\n") and "1 verdict: 1 proved" in said
    assert "all certificates hold: 1 proved;" in capsys.readouterr().out


def test_what_is_explained_is_what_check_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked alone the claim lacks the other one; `explain` asks it together with the invariants of its file."""
    code = main(["explain", f"{GENERATION}:vm", "hit-is-fresh", "--jobs", "1", "--no-cache"])

    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("vm: hit-is-fresh: proved for all values and for runs of any length\n")
    assert "2  cached implies generation >= seen" in out
