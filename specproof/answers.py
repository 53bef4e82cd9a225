"""Answers as plain JSON and back, with nothing lost: what the cache keeps, and what crosses to other machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specproof.trace import Step, Trace
from specproof.verdict import Concern, LemmaLine, NotAsked, Proved, Refuted, Result, Unknown, Vacuous, Verdict

Answer = Result | NotAsked


def encode(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    if isinstance(answer, NotAsked):
        return {"design": answer.design, "claim": answer.claim, "reason": answer.reason}
    return {
        "design": answer.design, "configuration": answer.configuration, "claim": answer.claim, "kind": answer.kind,
        "seconds": answer.seconds, "verdict": _encode(answer.verdict),
        "concerns": [[one.check, one.subject, one.text, one.fails, one.claim] for one in answer.concerns],
    }  # fmt: skip


def decode(data: Mapping[str, Any]) -> Answer:
    """The answer; raises KeyError, TypeError or ValueError where `encode` did not write this."""
    if "verdict" not in data:
        return NotAsked(data["design"], data["claim"], data["reason"])
    concerns = tuple(Concern(*one) for one in data["concerns"])
    return Result(data["design"], data["configuration"], data["claim"], data["kind"], _decode(data["verdict"]), data["seconds"], concerns)


def _encode(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {"word": verdict.word, "method": verdict.method}
    if isinstance(verdict, Proved):
        found["lemmas"] = [[line.equation, line.keeps, line.used_by, line.sentence] for line in verdict.lemmas]
        found["assumptions"] = verdict.assumptions
        found["witness"] = _trace(verdict.witness)
    elif isinstance(verdict, Refuted):
        found |= {"trace": _trace(verdict.trace), "shortest": verdict.shortest, "other": _trace(verdict.other)}
    else:
        found["reason"] = verdict.reason
    return found


def _decode(data: Mapping[str, Any]) -> Verdict:
    word, method = data["word"], data["method"]
    if word == "proved":
        lemmas = tuple(LemmaLine(equation, tuple(keeps), tuple(used), sentence) for equation, keeps, used, sentence in data["lemmas"])
        return Proved(method, lemmas, tuple(data["assumptions"]), _read(data["witness"]))
    if word == "refuted":
        trace = _read(data["trace"])
        if trace is None:
            raise ValueError("a refutation without a run")
        return Refuted(method, trace, data["shortest"], _read(data["other"]))
    if word in ("vacuous", "unknown"):
        return (Vacuous if word == "vacuous" else Unknown)(method, data["reason"])
    raise ValueError(f"no verdict is {word!r}")


def _trace(trace: Trace | None) -> dict[str, Any] | None:
    if trace is None:
        return None
    steps = [[step.action, step.by, step.source, step.doc, dict(step.inputs), dict(step.changed)] for step in trace.steps]
    return {
        "design": trace.design, "configuration": trace.configuration, "claim": trace.claim, "initial": dict(trace.initial), "steps": steps,
    }  # fmt: skip


def _read(data: Mapping[str, Any] | None) -> Trace | None:
    if data is None:
        return None
    steps = tuple(Step(*step) for step in data["steps"])
    return Trace(data["design"], data["configuration"], data["claim"], data["initial"], steps)
