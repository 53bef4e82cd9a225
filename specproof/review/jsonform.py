"""Reviews as JSON, as `specproof/schema/review.json` describes it. `seconds` is all that differs between two runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import specproof
from specproof.jsonout import steps
from specproof.review.line import line
from specproof.review.result import Answer, Behaviour, ClaimChange, Formula, Held, Review, Told, code
from specproof.verdict import Proved, Refuted, Result, Unknown, Vacuous

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1


def document(reviews: Sequence[Review]) -> dict[str, Any]:
    """What `--format json` writes."""
    return {"schema": SCHEMA, "version": specproof.__version__, "exit": code(reviews), "reviews": [_review(review) for review in reviews]}


def text(reviews: Sequence[Review]) -> str:
    """The same as the text of a file."""
    return json.dumps(document(reviews), indent=1, ensure_ascii=False) + "\n"


def _review(review: Review) -> dict[str, Any]:
    return {
        "old": {"name": review.old.label, "doc": review.old.doc, "file": review.old.file},
        "new": {"name": review.new.label, "doc": review.new.doc, "file": review.new.file},
        "line": line(review), "exit": review.code, "identical": review.identical, "configurations": list(review.configurations),
        "only": {what: list(names) for what, names in review.only},
        "views": {"through": list(review.through), "demands": list(review.demands), "rewritten": list(review.rewritten)}, "less": list(review.less),
        "claims": [_claim(change) for change in review.claims], "not_asked": review.unasked,
        "behaviours": [_behaviour(one) for one in review.behaviours],
        "demand": [_behaviour(one) for one in review.demand], "formulas": [_formula(one) for one in review.formulas],
        "assumptions": dict(review.assumptions), "seconds": round(review.seconds, 6),
    }  # fmt: skip


def _claim(change: ClaimChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "claim": change.claim, "id": change.id, "sentence": change.sentence, "configuration": change.configuration,
        "fate": change.fate, "affected": change.affected, "old": _answer(change.old, change.told[0]), "new": _answer(change.new, change.told[1]),
    }  # fmt: skip
    if change.fate == "still refuted":
        found["same_run"] = change.same_run
    return found


def _answer(answer: Answer | None, told: Told | None) -> dict[str, Any]:
    if isinstance(answer, Held):
        return {"verdict": "vacuous" if answer.vacuous else "holds", "method": "one-bit slice", "reason": "no run breaks it; no certificate was made"}
    if not isinstance(answer, Result):
        return {"verdict": "not asked", "reason": answer.reason if answer is not None else "the claim is not of that side"}
    verdict = answer.verdict
    found: dict[str, Any] = {"verdict": verdict.word, "method": verdict.method}
    if isinstance(verdict, Proved):
        found["assumptions"] = list(verdict.assumptions)
        found["lemmas"] = [lemma.equation for lemma in verdict.lemmas]
    elif isinstance(verdict, Refuted):
        found["trace"] = steps(told.trace if told is not None else verdict.trace)
        found["shortest"] = verdict.shortest
    elif isinstance(verdict, Vacuous | Unknown):
        found["reason"] = verdict.reason
    return found


def _behaviour(one: Behaviour) -> dict[str, Any]:
    found: dict[str, Any] = {
        "observable": one.name, "sentence": one.sentence, "configuration": one.configuration,
        "outcome": "same" if one.same else "differs" if one.differs else "not found" if one.searched else one.result.verdict.word,
    }  # fmt: skip
    if one.differs:
        found |= {"old": one.before, "new": one.after, "initial": dict(one.start)}
        found["steps"] = [
            {"action": moment.action, "by": moment.by, "inputs": dict(moment.inputs), "old": dict(moment.old), "new": dict(moment.new)}
            for moment in one.moments
        ]
    elif isinstance(one.result.verdict, Unknown | Vacuous):
        found["reason"] = one.result.verdict.reason
    return found


def _formula(one: Formula) -> dict[str, Any]:
    said = one.closed
    return {
        "actions": list(one.actions), "what": one.what, "under": one.under, "before": said.before, "after": said.after,
        "agree": said.agree, "words": said.words, "configurations": list(one.configurations),
    }  # fmt: skip
