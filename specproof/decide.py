"""Deciding claims: of a design in one configuration, between two, and of words alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from specproof.claims import Claim, MissingView, Property, lemma_term
from specproof.decision import LIFTED, SLICE, Decision, ask
from specproof.design import Design
from specproof.lift import Disagreement, Judge
from specproof.product import SHARING, Pair, between, merge
from specproof.sanity import Sanity, tautologies
from specproof.solver import Solver
from specproof.system import System, build
from specproof.trace import Trace
from specproof.verdict import Concern, NotAsked, Proved, Refuted, Result, Unknown, Vacuous, Verdict

Report = Callable[[Result | NotAsked], None]

#: Called with a decision when it is made, and with what was reported: certificates are written from it.
Inspect = Callable[[Decision, Sequence[Result]], None]


def decide(
    design: Design[Any], configuration: str, claims: Sequence[Claim], *,
    without: tuple[str, ...] = (), timeout: float | None = None, on_result: Report | None = None, inspect: Inspect | None = None,
    patience: float | None = None, beside: Sequence[Claim] = (),
) -> list[Result | NotAsked]:  # fmt: skip
    """Verdicts on invariants, step claims and reachability claims of a design in one configuration, in their order.

    `without`: assumptions to switch off. `timeout`: seconds for each question to a solver. `patience`: seconds for a claim
    that the slice leaves open, where that is not as usual. `beside`: invariants that are not asked, of which what is asked may need
    the lemmas. Raises ModelError or UsageError where the design or a name is wrong.
    """
    started = time.perf_counter()
    system = build(design, configuration, without)
    not_asked, properties = ask(system, claims)
    for unasked in not_asked.values():
        if on_result:
            on_result(unasked)
    kinds = {claim.name: claim.kind for claim in claims}
    verdicts: dict[str, Result] = {}

    sanity = Sanity(design, system, [claim for claim in claims if claim.name in properties], without, timeout)

    def report(name: str, verdict: Verdict) -> None:
        verdict = counted(verdict, sanity.against(name))
        result = Result(design.name, configuration, name, kinds[name], verdict, time.perf_counter() - started, tuple(sanity.found))
        verdicts[name] = result
        if on_result:
            on_result(result)

    decision = Decision(system, properties, kinds, Solver(timeout), report)
    decision.sanity, decision.patience, decision.beside = sanity, patience, beside
    decision.run()
    if inspect:
        inspect(decision, list(verdicts.values()))
    return [verdicts[claim.name] if claim.name in verdicts else not_asked[claim.name] for claim in claims]


def counted(verdict: Verdict, concerns: Sequence[Concern]) -> Verdict:
    """The verdict, or where it is a proof that does not count, why; of what is true of any views, that comes before what never happens."""
    if isinstance(verdict, Vacuous) and (empty := [one.text for one in concerns if one.claim]):
        return Vacuous(verdict.method, "; ".join(empty))
    if not concerns or not isinstance(verdict, Proved):
        return verdict
    text = "; ".join(one.text for one in concerns)
    return Vacuous(verdict.method, text) if all(one.claim for one in concerns) else Unknown(verdict.method, f"not counted as proved: {text}")


def decide_relation(
    design: Design[Any], claim: Claim, *, without: tuple[str, ...] = (), timeout: float | None = None, inspect: Inspect | None = None,
    patience: float | None = None,
) -> Result | NotAsked:  # fmt: skip
    """The verdict on a relation between two configurations of a design."""
    started = time.perf_counter()
    try:
        plain = between(design, claim, without)
        verdicts, decision = relate(plain, [claim], Solver(timeout), patience)
    except MissingView as missing:
        return NotAsked(design.name, claim.name, str(missing))
    empty = tuple(tautologies([claim], plain.left, Solver(timeout)))
    verdict = counted(verdicts[claim.name], empty)
    result = Result(design.name, plain.system.configuration, claim.name, "relation", verdict, time.perf_counter() - started, empty)
    if inspect:
        inspect(decision, [result])
    return result


def relate(
    plain: Pair, claims: Sequence[Claim], solver: Solver, patience: float | None = None, deciding: type[Decision] = Decision
) -> tuple[dict[str, Verdict], Decision]:
    """The verdicts on relations between the two sides of a product, with runs told on it; none where the kind of decision that is `deciding`
    gave none. Raises MissingView."""
    pair = merge(plain, lambda pair: [pair.instantiate(claim) for claim in claims])
    properties = {claim.name: pair.instantiate(claim) for claim in claims}
    found: dict[str, Verdict] = {}
    merged = decision = deciding(pair.system, properties, dict.fromkeys(properties, "relation"), solver, found.__setitem__)
    merged.along, merged.explored, merged.patience = {SHARING: pair.sharing()}, pair.explored, patience
    merged.run()
    verdicts: dict[str, Verdict] = {}
    for claim in (claim for claim in claims if claim.name in found):
        told = unmerged(found[claim.name], plain, claim) if _stands(found[claim.name], merged) else None
        if told is None:  # nothing says that the fields were rightly shared
            decision = Decision(plain.system, {claim.name: plain.instantiate(claim)}, {claim.name: "relation"}, solver, found.__setitem__)
            decision.patience = patience
            decision.run()
        verdicts[claim.name] = found[claim.name] if told is None else told
    return verdicts, decision


def _stands(verdict: Verdict, decision: Decision) -> bool:
    """Whether a verdict on merged systems is one on the two: by the slice, which looks at what is shared, or where that was proved."""
    return isinstance(verdict, Unknown) or verdict.method in (SLICE, LIFTED) or any(SHARING in proof.proving for proof in decision.proofs)


def unmerged(verdict: Verdict, plain: Pair, claim: Claim) -> Verdict | None:
    """The verdict with its runs on the product as `product` makes it, whatever the exploration found to be shared.

    None where a run is none of that product: a field was shared that need not be equal.
    """
    prop = plain.instantiate(claim)
    if isinstance(verdict, Refuted):
        run = _side_by_side(verdict.trace, plain.system, prop, wanted=False)
        return None if run is None else replace(verdict, trace=run)
    if isinstance(verdict, Proved) and verdict.witness is not None and prop.happens is not None:
        run = _side_by_side(verdict.witness, plain.system, prop.happens, wanted=True)
        return None if run is None else replace(verdict, witness=run)
    return verdict


def _side_by_side(trace: Trace, system: System, prop: Property, *, wanted: bool) -> Trace | None:
    initial = {path: trace.initial[path if path in trace.initial else path.split(".", 1)[1]] for path in system.variables}
    return Judge(system, prop, wanted)(initial, [(step.action, dict(step.inputs)) for step in trace.steps])


def decide_lemma(claim: Claim, *, timeout: float | None = None) -> Result:
    """The verdict on a lemma: over all values of its words. A refuting assignment is a run without steps."""
    started = time.perf_counter()
    term = lemma_term(claim)
    answer = Solver(timeout).ask([~term])
    verdict: Verdict
    if answer.word == "unsat":
        verdict = Proved("Z3 at full width")
    elif answer.word == "sat":
        from specproof.readings.integers import evaluate

        if evaluate(term, answer.values):
            raise Disagreement(f"{claim.name}: Z3's values do not refute it on integers")
        verdict = Refuted("Z3 at full width", Trace("bit-vectors", "", claim.name, dict(answer.values), ()))
    else:
        verdict = Unknown("Z3 at full width", answer.reason)
    return Result("bit-vectors", "", claim.name, "lemma", verdict, time.perf_counter() - started)
