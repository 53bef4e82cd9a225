"""What counts as vacuous: an antecedent is the claim's own, however the design's terms simplify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from specproof import Bool, implies, invariant, relation, step
from specproof.claims import Claim
from specproof.decide import decide, decide_relation
from specproof.verdict import Proved, Refuted, Result, Vacuous, Verdict

sys.path.insert(0, str(Path(__file__).parent / "designs"))
import thin


def verdict(claim: Claim, configuration: str = "virtualized", design: Any = thin.thin) -> Verdict:
    """The verdict on one claim."""
    (result,) = [decide_relation(design, claim)] if claim.kind == "relation" else decide(design, configuration, [claim])
    assert isinstance(result, Result)
    return result.verdict


def test_an_antecedent_that_is_constantly_false_makes_a_claim_vacuous() -> None:
    """Also where every term of the claim becomes 'true' by simplification alone."""

    @step("written-never")
    def never(before: Any, after: Any) -> Bool:
        return implies(before.mask_written, after.effective == 0)

    assert isinstance(verdict(never), Vacuous)


def test_a_consequent_that_simplifies_to_true_does_not_hide_the_antecedent() -> None:
    """`vm_entry` satisfies this because both sides become one term; it still happens."""

    @step("entry-runs")
    def runs(before: Any, after: Any) -> Bool:
        return implies(~before.guest_runs & after.guest_runs, after.required_mask == before.required_mask)

    found = verdict(runs)

    assert isinstance(found, Proved)
    assert found.witness is not None
    assert [taken.action for taken in found.witness.steps] == ["vm_entry"]


def test_a_relation_has_an_antecedent_too() -> None:
    """A relation between two configurations whose antecedent never happens is vacuous."""

    @relation("never-both", left="virtualized", right="emulated")
    def never(a: Any, b: Any) -> Bool:
        return implies(a.guest_runs & ~b.guest_runs, a.effective == 0)

    @relation("same-run", left="virtualized", right="emulated")
    def same(a: Any, b: Any) -> Bool:
        return implies(a.guest_runs, b.guest_runs)

    assert isinstance(verdict(never), Vacuous)
    assert isinstance(verdict(same), Proved)


def test_claims_without_an_implication_are_never_vacuous() -> None:
    """A claim that is no implication holds or does not."""

    @invariant("mask-is-host")
    def mask(v: Any) -> Bool:
        return v.required_mask == v.host_wants

    assert isinstance(verdict(mask), Refuted)


def test_a_relation_that_is_true_of_any_views_says_nothing() -> None:
    """As of other claims, that it is a tautology is found before anything is made of its proof."""

    @relation("nothing", left="virtualized", right="emulated")
    def nothing(a: Any, b: Any) -> Bool:
        return (a.effective == b.effective) | (a.effective != b.effective)

    result = decide_relation(thin.thin, nothing)

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Vacuous)
    assert [concern.check for concern in result.concerns] == ["tautology"]


def test_what_is_true_of_any_views_is_said_to_be_so_though_its_antecedent_never_happens_either() -> None:
    """The antecedents of nested implications contradict one another, but nobody has to look at the design to see that."""

    @invariant("says-nothing")
    def empty(v: Any) -> Bool:
        return implies(~v.guest_runs, implies(v.guest_runs, v.guest_runs))

    found = verdict(empty)

    assert isinstance(found, Vacuous)
    assert "true of any views whatever" in found.reason
