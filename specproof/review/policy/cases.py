"""A review of two policies as claims, for the forms that have a case or a result for each: whatever makes the exit code is one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from specproof.review.policy.compare import PolicyReview
from specproof.review.result import ClaimChange, Place, Review
from specproof.verdict import Proved, Refuted


def cases(found: PolicyReview) -> Review:
    """The claims about the two policies, those of guests that cross which make the exit code, and what a design carries out."""
    line = found.new.force[0].line if found.new.force else 1
    return replace(
        found.review, claims=(*found.review.claims, *_crossing(found), *_carried(found)), new=replace(found.review.new, file=found.new.file),
        places={name: Place(found.new.file, line) for name in ("guest_wrmsr", "moves")},
    )  # fmt: skip


def _crossing(found: PolicyReview) -> Iterator[ClaimChange]:
    for number, (way, results) in enumerate(found.moved):
        for result in results:
            if not isinstance(result.verdict, Proved | Refuted):
                yield ClaimChange(result.claim, "", f"guests that move {way}", way, "undecided", None, result)
            elif isinstance(result.verdict, Refuted) and number == 0:
                yield ClaimChange(result.claim, "", f"guests that move {way}", way, "lost", None, result)


def _carried(found: PolicyReview) -> Iterator[ClaimChange]:
    for one in found.carried:
        fate = {0: "carried out", 1: "not carried out", 3: "undecided"}[one.code]
        sentence = f"{one.design} carries out that {one.bit} is forced to {one.to}"
        name, at = f"{one.bit}-forced-to-{one.to}", Place(found.new.file, one.line)
        yield ClaimChange(name, "", sentence, one.configuration, fate, None, None, reason=f"{one.design}: {one.said}", at=at)
