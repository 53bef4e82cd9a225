"""The systems that are not KVM/VMX: bugs of the past, repairs of findings, twins of claims, assumptions with both answers."""

from __future__ import annotations

import pytest
from specproof.models.bochs import bochs
from specproof.models.xen_vmx_views import xen_vmx
from specproof.proofs.history_kvm import OMITTED
from specproof.proofs.history_vendors import BUGS
from specproof.proofs.repairs import REPAIRS
from specproof.proofs.twins_vendors import TWINS

from specproof import Broken, Bug, Claim, Design, Repair
from specproof.decide import decide, decide_relation
from specproof.history import STATUS
from specproof.load import library
from specproof.verdict import NotAsked, Refuted, Result

OURS = ("acrn", "bochs", "hedron", "kvm-svm", "linux-host", "tdx-module", "xen-pv", "xen-ssbd", "xen-svm", "xen-vmx")
FILES = ("alike", "domains", "events", "faults", "frame", "gating", "images", "intercepts", "promises", "siblings")


def verdict(design: Design[object], configuration: str, claim: str, without: tuple[str, ...] = ()) -> Result:
    """What is decided of one claim; relations where the configuration has two sides."""
    found: Result | NotAsked
    if "~" in configuration:
        found = decide_relation(design, library().claim(claim), without=without)
    else:
        [found] = decide(design, configuration, [library().claim(claim)], without=without)
    assert isinstance(found, Result)
    return found


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_bug_is_refuted_by_the_claim_that_its_entry_names(bug: Bug) -> None:
    """The variant is refuted by a shortest run that is no longer than the trigger needs."""
    found = verdict(bug.variant, bug.configuration, bug.claim).verdict
    assert isinstance(found, Refuted)
    assert found.shortest
    assert found.trace.length <= bug.steps


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_the_corrected_design_passes(bug: Bug) -> None:
    """What is refuted of the bug holds of its correction, or cannot come up any more."""
    assert verdict(bug.fixed, bug.configuration, bug.claim).verdict.word in ("proved", "vacuous")


def test_a_live_bug_is_the_design_that_ships() -> None:
    """Where nobody corrected it yet, no variant stands between the bug and the reader; elsewhere the design is the correction."""
    shipped = library().designs
    for bug in BUGS:
        assert bug.status in STATUS
        assert (shipped.get(bug.variant.name) is bug.variant) == (bug.status == "live"), bug.id


def test_bugs_are_told_once() -> None:
    """Every entry has one id, in order, and what is left out says why."""
    ids = [bug.id for bug in BUGS]
    assert ids == sorted(set(ids))
    assert not {omitted.id for omitted in OMITTED} & set(ids)
    assert all(omitted.reason for omitted in OMITTED)


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: f"{repair.repaired.name} {repair.configuration}")
def test_a_repair_corrects_what_it_names_and_the_design_needs_it(repair: Repair) -> None:
    """Each claim is refuted of the design that ships and proved of the repaired one: the finding has one cause."""
    for claim in repair.claims:
        assert verdict(repair.design, repair.configuration, claim).verdict.word == "refuted", claim
        assert verdict(repair.repaired, repair.configuration, claim).verdict.word == "proved", claim


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.claim} {twin.design.name}")
def test_a_twin_is_refuted_and_its_design_is_not(twin: Broken) -> None:
    """The claim can fail, and does not fail of what ships."""
    assert verdict(twin.design, twin.configuration, twin.claim).verdict.word == "refuted"
    assert twin.design.parent is not None
    assert verdict(twin.design.parent, twin.configuration, twin.claim).verdict.word in ("proved", "vacuous")


def ours(claim: Claim) -> bool:
    """A claim of the files about the other systems."""
    return claim.body.__module__.rpartition(".")[2] in FILES


def test_every_claim_on_the_other_systems_is_refuted_somewhere() -> None:
    """By a bug of the past, by a twin, or by a design that ships: none is proved that nothing could break."""
    broken = {bug.claim for bug in BUGS} | {twin.claim for twin in TWINS} | {claim for repair in REPAIRS for claim in repair.claims}
    strict = {"refused-as-cpuid-says", "open-means-contained"}  # refuted of xen-vmx and xen-svm by what pass-through is
    assert {claim.name for claim in library().claims.values() if ours(claim)} - broken == strict


@pytest.mark.parametrize("name", OURS)
def test_every_claim_that_is_not_asked_has_a_reason(name: str) -> None:
    """No design says only that it has no such view."""
    design = library().designs[name]
    claims = [claim for claim in library().claims.values() if ours(claim) and claim.kind != "relation"]
    for configuration in design.configurations[:1] or ("",):
        for result in decide(design, configuration, claims):
            if isinstance(result, NotAsked):
                assert "offers no view" not in result.reason, result.claim


def test_forcing_leans_on_xens_own_bit() -> None:
    """Xen forces BHI_DIS_S on a guest only as long as it runs with the bit itself."""
    xen = library().designs["xen-vmx"]
    assert verdict(xen, "virtualized", "enforcement").verdict.word == "proved"
    assert verdict(xen, "virtualized", "enforcement", without=("xen-runs-with-bhi-dis-s",)).verdict.word == "refuted"


@pytest.mark.parametrize(("name", "configuration", "claim"), [("acrn", "opt", "copies-are-whole"), ("kvm-svm", "swapped", "host-isolation")])
def test_thirty_two_bits_are_enough_while_none_is_defined_above(name: str, configuration: str, claim: str) -> None:
    """ACRN and KVM save and load the low half; a processor with a bit above it would show."""
    design = library().designs[name]
    assert verdict(design, configuration, claim).verdict.word == "proved"
    assert verdict(design, configuration, claim, without=("high-half-reserved",)).verdict.word == "refuted"


def test_whether_vm_entry_loads_the_shadow_decides_about_xen() -> None:
    """The guest's value survives an exit under the commit's reading, and is lost under the manual's."""
    xen = library().designs["xen-vmx"]
    assert verdict(xen, "virtualized-entry-loads", "no-spontaneous-change").verdict.word == "proved"
    assert verdict(xen, "virtualized", "no-spontaneous-change").verdict.word == "refuted"


def test_whether_hidden_bits_may_be_written_decides_about_bochs() -> None:
    """If processors take bits that CPUID does not enumerate, as some sources have it, then Bochs is right to take them."""
    claims = ("register-is-legal", "fault-on-merged-value", "fault-on-unmasked-bits", "fault-without-control", "hidden-bits-stay-clear")
    for claim in claims:
        assert verdict(bochs, "with-control", claim).verdict.word == "refuted", claim
        assert verdict(bochs, "with-control+hidden-bits-writable", claim).verdict.word == "proved", claim


def test_an_nmi_after_an_exit_of_an_hvm_guest_runs_with_xens_value() -> None:
    """Entry code that leaves the register to the assembly after it lets the handler run with the guest's value."""
    unwritten = xen_vmx.but("xen-vmx-nmi", nmi_enters=lambda s: s)

    found = verdict(unwritten, "load-lists", "host-isolation").verdict

    assert isinstance(found, Refuted) and found.shortest
    assert [step.action for step in found.trace.steps] == ["vm_entry", "vm_exit", "nmi"]
