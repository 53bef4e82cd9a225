"""Answers as they come, one JSON object a line: what `check --live` prints for programs that watch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from specproof.pinned import Pins
from specproof.verdict import NotAsked, Refuted, Result, Unknown, Vacuous

Answer = Result | NotAsked


def line(answer: Answer, pins: Pins) -> str:
    """One answer. `expected` is the pinned verdict, or "-"."""
    if isinstance(answer, NotAsked):
        return _json(event="not asked", design=answer.design, claim=answer.claim, reason=answer.reason)
    pin = pins.get((answer.design, answer.configuration, answer.claim))
    more: dict[str, Any] = {}
    if isinstance(answer.verdict, Refuted):
        more["steps"] = answer.verdict.trace.length
    elif isinstance(answer.verdict, Vacuous | Unknown):
        more["reason"] = answer.verdict.reason
    return _json(
        event="verdict", design=answer.design, configuration=answer.configuration, claim=answer.claim, kind=answer.kind,
        verdict=answer.verdict.word, **more, expected=pin.text if pin else "-", seconds=round(answer.seconds, 3),
    )  # fmt: skip


def last(answers: Sequence[Answer], code: int, differing: int, seconds: float, cached: int, units: int) -> str:
    """The line that says that no more follow."""
    results = [answer.verdict.word for answer in answers if isinstance(answer, Result)]
    counts = {word: results.count(word) for word in ("proved", "refuted", "vacuous", "unknown")}
    return _json(
        event="end", exit=code, **counts, not_asked=len(answers) - len(results), not_as_pinned=differing,
        units=units, cached=cached, seconds=round(seconds, 3),
    )  # fmt: skip


def _json(**what: Any) -> str:
    return json.dumps(what, ensure_ascii=False)
