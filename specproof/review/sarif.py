"""Reviews as SARIF 2.1.0: a result for each claim that is lost or refuted, its run as a code flow through the design file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import specproof
from specproof.review.line import line
from specproof.review.paper import place as configuration_text
from specproof.review.paper import title
from specproof.review.result import MEANING, ClaimChange, Place, Review
from specproof.verdict import Refuted

#: What each fate is to a reader of SARIF; the others are no results.
LEVELS = {
    "lost": "error", "worse": "error", "not carried out": "error", "new and refuted": "warning", "still refuted": "note", "undecided": "warning",
    "dropped": "warning", "hollow": "warning",
}  # fmt: skip

_SCHEMA = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"


def document(reviews: Sequence[Review], said: Callable[[Review], str] = line) -> dict[str, Any]:
    """What `--format sarif` writes; `said` is the verdict of a review."""
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for review in reviews:
        for change in review.claims:
            if change.fate in LEVELS:
                rules.setdefault(change.claim, _rule(change))
                results.append(_result(review, change, list(rules).index(change.claim)))
    driver = {
        "name": "specproof", "semanticVersion": specproof.__version__, "rules": list(rules.values()),
        "shortDescription": {"text": "Unbounded proofs and shortest counterexamples for designs that mask a guest's register writes"},
    }  # fmt: skip
    notes = [{"level": "note", "message": {"text": said(review)}} for review in reviews]
    return {
        "$schema": _SCHEMA, "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints",
                  "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}]}],
    }  # fmt: skip


def text(reviews: Sequence[Review], said: Callable[[Review], str] = line) -> str:
    """The same as the text of a file."""
    return json.dumps(document(reviews, said), indent=1, ensure_ascii=False) + "\n"


def _rule(change: ClaimChange) -> dict[str, Any]:
    return {"id": change.claim, "name": change.id or change.claim, "shortDescription": {"text": change.sentence or change.claim}}


def _result(review: Review, change: ClaimChange, index: int) -> dict[str, Any]:
    where = f" ({configuration_text(change.configuration)})" if change.configuration else ""
    message = f"{change.fate}: {title(change)}{where}: {MEANING[change.fate]}"
    if change.reason:
        message += f": {change.reason}"
    steps = change.run.trace.steps if change.run is not None else ()
    at = _where(review, change)
    found: dict[str, Any] = {
        "ruleId": change.claim, "ruleIndex": index, "level": LEVELS[change.fate], "message": {"text": message},
        "locations": [{"physicalLocation": _physical(at)}],
        "partialFingerprints": {"claimAndConfiguration/v1": f"{review.new.label.partition('@')[0]}/{change.claim}/{change.configuration}"},
        "properties": {"fate": change.fate, "configuration": change.configuration, "steps": len(steps)},
    }  # fmt: skip
    if isinstance(change.run, Refuted):
        found["codeFlows"] = [{"threadFlows": [{"locations": list(_flow(review, change))}]}]
    return found


def _flow(review: Review, change: ClaimChange) -> list[dict[str, Any]]:
    """Step by step: the line of the action, and what it did."""
    if change.run is None:
        return []
    found = [_location(Place(review.new.file, 1), f"initially: {_initially(change)}", 0)]
    for number, step in enumerate(change.run.trace.steps, 1):
        at = _at(review, change, number)
        found.append(_location(at, f"{number}. {step.by}: {step.action}{_what(change, number)}", number))
    return found


def _at(review: Review, change: ClaimChange, number: int) -> Place:
    """The line of a step: of a helper in the design's own file that wrote something in it, else of its action."""
    story, run = change.story, change.run
    writers = [name for one in story.beats[number - 1].changes for name in reversed(one.writer.split(" > "))] if story is not None else []
    own = [review.places[name] for name in writers if name in review.places and review.places[name].file == review.new.file]
    action = run.trace.steps[number - 1].action if run is not None else ""
    return own[0] if own else review.places.get(action, Place(review.new.file, 1))


def _where(review: Review, change: ClaimChange) -> Place:
    """The line of a result: where it is asked for, if that is known, else of the last step that is in the design's own file, else of what
    that file replaces."""
    if change.at is not None:
        return change.at
    length = change.run.trace.length if change.run is not None else 0
    flow = [_at(review, change, number) for number in range(length, 0, -1)]
    replaced = [place for place in review.places.values() if place.file == review.new.file]
    return next((place for place in (*flow, *replaced) if place.file == review.new.file), Place(review.new.file, 1))


def _initially(change: ClaimChange) -> str:
    if change.story is None:
        return "see the run"
    shown = [f"{value.name} = {value.value:#x}" if value.width else f"{value.name}" for value in change.story.initial]
    return ", ".join(shown) or "everything is 0 or false"


def _what(change: ClaimChange, number: int) -> str:
    if change.story is None:
        return ""
    beat = change.story.beats[number - 1]
    inputs = [f"{value.name} {value.value:#x}" for value in beat.inputs]
    moved = [f"{one.path} {one.before.value:#x} -> {one.after.value:#x}" for one in beat.changes if not one.event]
    return f"{', ' + ', '.join(inputs) if inputs else ''}: {', '.join(moved) or 'nothing changes'}"


def _location(at: Place, text: str, number: int) -> dict[str, Any]:
    return {"location": {"physicalLocation": _physical(at), "message": {"text": text}}, "executionOrder": number + 1}


def _physical(at: Place) -> dict[str, Any]:
    path = PurePath(at.file)
    uri = quote(path.as_posix(), errors="surrogateescape") if not path.is_absolute() else path.as_uri()
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": max(1, at.line)}}
