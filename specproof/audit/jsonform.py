"""The audit as JSON, as `specproof/schema/assumptions.json` describes it. Two runs of one question give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import specproof
from specproof.audit.run import Disputed, Finding

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1


def document(findings: Sequence[Finding], disputed: Sequence[Disputed]) -> dict[str, Any]:
    """What `check --assumptions --json` writes."""
    return {
        "schema": SCHEMA,
        "version": specproof.__version__,
        "results": [_finding(one) for one in findings],
        "disputed": [
            {
                "design": one.design, "assumption": one.assumption, "alternative": one.alternative, "asked": one.asked,
                "changes": [
                    {"configuration": row.configuration, "claim": row.claim, "assumed": row.assumed, "instead": row.instead, "either": row.either}
                    for row in one.rows
                ],
            }
            for one in disputed
        ],
    }  # fmt: skip


def _finding(one: Finding) -> dict[str, Any]:
    result = one.result
    found: dict[str, Any] = {
        "design": result.design, "configuration": result.configuration, "claim": result.claim, "verdict": result.verdict.word
    }  # fmt: skip
    if result.verdict.word == "proved":
        found |= {"least": [list(names) for names in one.least], "undecided": one.undecided}
    if result.verdict.word == "refuted":
        found["saved_by"] = list(one.saved_by)
    return found
