"""Each claim on both sides: kept, lost, gained, or still refuted, and by the same run or another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from specproof.claims import Claim, Property, instantiate
from specproof.decision import ask
from specproof.lift import least
from specproof.plan import configurations, pair
from specproof.review.cone import same
from specproof.review.recall import Question, Recall
from specproof.review.result import Answer, Behaviour, ClaimChange, Held, word
from specproof.review.sides import Side
from specproof.review.weight import protects
from specproof.system import System
from specproof.trace import Step, Trace, replay, violates
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown, Vacuous


@dataclass
class Asked:
    """One side in one configuration: its claims as properties, and the answers so far."""

    side: Side
    system: System
    claims: Sequence[Claim]
    properties: dict[str, Property]
    answers: dict[str, Answer]

    @classmethod
    def of(cls, side: Side, system: System, claims: Sequence[Claim]) -> Asked:
        """Nothing decided yet but what the design cannot express."""
        not_asked, properties = ask(system, claims)
        return cls(side, system, claims, properties, dict(not_asked))


def compared(
    old: Side, new: Side, configuration: str, systems: tuple[System, System], timeout: float | None, wanted: Sequence[str], recall: Recall,
    exhaustive: bool = False,
) -> list[ClaimChange]:  # fmt: skip
    """The claims in one configuration, in the order in which they are asked.

    The new design is decided in full. A claim that the change cannot reach has one verdict, and of the others it is enough that no run of the
    old design breaks them, on the slice, which has every run: what is lost is a run of the new one, and `exhaustive` proves what was there.
    """
    sides = []
    for side, system in zip((old, new), systems, strict=True):
        claims = [claim for claim in side.claims if claim.kind != "relation" and (not wanted or claim.name in wanted)]
        sides.append(Asked.of(side, system, claims))
    before, after = sides
    after.answers |= recall.decided(new, configuration, after.claims, timeout)
    kinds = {claim.name: claim.kind for claim in before.claims}
    question = Question(old, before.system, before.properties, kinds, timeout)
    before.answers |= recall.refuted(question)
    spared = set()
    for name, prop in after.properties.items():
        if name in before.properties and same(before.system, after.system, before.properties[name], prop):
            carried = _carried(after.answers[name], before, name)
            if carried is not None:
                before.answers[name] = carried
                spared.add(name)
    open_ = [name for name in before.properties if name not in before.answers or (exhaustive and isinstance(before.answers[name], Held))]
    before.answers |= recall.proved(question, open_)
    found = []
    for claim in _in_order(old, new):
        if claim.name in before.answers or claim.name in after.answers:
            change = _change(claim, configuration, before.answers.get(claim.name), after.answers.get(claim.name))
            found.append(_with_run(replace(change, affected=claim.name not in spared), before, after))
    return found


def relations(
    old: Side, new: Side, timeout: float | None, wanted: Sequence[str], recall: Recall, exhaustive: bool = False
) -> list[ClaimChange]:
    """The claims that compare two configurations of one design. Of a claim that the new design keeps the old is asked, and of others proved,
    only if `exhaustive`."""
    found = []
    for claim in _in_order(old, new):
        if claim.kind != "relation" or (wanted and claim.name not in wanted):
            continue
        asked = [any(one.name == claim.name for one in side.claims) for side in (old, new)]
        after = recall.related(new, claim, timeout) if asked[1] else None
        if isinstance(after, Result) and isinstance(after.verdict, Proved) and not exhaustive:
            found.append(ClaimChange(claim.name, claim.id, claim.sentence, pair(claim), "proved", None, after))
            continue
        before = recall.related(old, claim, timeout, proving=exhaustive) if asked[0] else None
        change = _change(claim, pair(claim), before, after)
        if change.run is not None and change.old_run is not None:
            change = replace(change, same_run=_same_actions(change.old_run.trace, change.run.trace))
        found.append(change)
    return found


def _in_order(old: Side, new: Side) -> list[Claim]:
    return list({claim.name: claim for claim in (*new.claims, *old.claims)}.values())


def _carried(answer: Answer, after: Asked, name: str) -> Answer | None:
    """The old side's answer as the new side's; a counterexample is replayed on the new side first."""
    if not isinstance(answer, Result):
        return None
    verdict = answer.verdict
    if isinstance(verdict, Refuted):
        trace = _replayed(verdict.trace, after, name)
        return None if trace is None else replace(answer, design=after.system.design, verdict=replace(verdict, trace=trace))
    return replace(answer, design=after.system.design)


def _replayed(trace: Trace, on: Asked, name: str) -> Trace | None:
    """The run on another system, where it is one and refutes the claim there too."""
    again = _taken(on.system, name, trace.initial, trace.steps)
    return again if again is not None and violates(on.system, on.properties[name], again) else None


def _taken(system: System, name: str, initial: Mapping[str, int], steps: Sequence[Step]) -> Trace | None:
    """Steps of another system on this one, where they are a run of it; fields and inputs that this does not have are left out."""
    given = []
    for step in steps:
        if step.action not in system.actions:
            return None
        known = system.actions[step.action].inputs
        given.append((step.action, {key: value for key, value in step.inputs.items() if key in known}))
    return replay(system, name, {path: value for path, value in initial.items() if path in system.variables}, given)


def _with_run(change: ClaimChange, before: Asked, after: Asked) -> ClaimChange:
    """Whether the run that breaks the old design breaks the new one."""
    if change.fate != "still refuted" or change.old_run is None or change.claim not in after.properties:
        return change
    run = change.old_run.trace
    again = _replayed(run, after, change.claim)
    if again is None:  # it was not shrunk yet: what it has too many may be what keeps it apart
        again = _replayed(least(before.system, before.properties[change.claim], run), after, change.claim)
    return replace(change, same_run=again is not None)


def worse(changes: Sequence[ClaimChange], sides: tuple[Side, Side], systems: tuple[System, System], seen: Sequence[Behaviour]) -> list[ClaimChange]:
    """The changes, with a run that breaks the new design and that the old one, fed the same, goes through unharmed, where what was seen to
    differ is seen in such a run, or where the run that was found for the claim is one. A claim that was broken before would hide it."""
    runs = list(_alone(systems, seen)) if any(change.fate == "still refuted" for change in changes) else []
    claims = [{claim.name: claim for claim in side.claims} for side in sides]
    found = []
    for change in changes:
        if change.fate == "still refuted" and isinstance(change.new, Result):
            props = [instantiate(known[change.claim], system) for known, system in zip(claims, systems, strict=True)]
            broken = [run for pair in (*_its_own(change, systems), *runs) if (run := _broken_first(pair, systems, props)) is not None]
            if broken:
                run = replace(min(broken, key=lambda run: run.length), claim=change.claim)
                shortest = change.run is not None and change.run.shortest and run.length <= change.run.trace.length
                verdict = Refuted("a run of both, replayed on integers on both sides", run, shortest=shortest)
                change = replace(change, fate="worse", new=replace(change.new, verdict=verdict), same_run=False)
        found.append(change)
    return found


def _its_own(change: ClaimChange, systems: tuple[System, System]) -> Iterator[tuple[Trace, Trace]]:
    """The run that breaks the claim of the new design, on each side by itself, where both take all of it: a claim may speak of what no
    observable shows."""
    if change.run is not None:
        old, new = (_taken(system, "", change.run.trace.initial, change.run.trace.steps) for system in systems)
        if old is not None and new is not None:
            yield old, new


def _alone(systems: tuple[System, System], seen: Sequence[Behaviour]) -> Iterator[tuple[Trace, Trace]]:
    """The runs in which something differs, on each side by itself, where both take all of them."""
    for one in seen:
        if one.starts is not None and isinstance(one.result.verdict, Refuted):
            old, new = (_taken(system, "", start, one.result.verdict.trace.steps) for system, start in zip(systems, one.starts, strict=True))
            if old is not None and new is not None:
                yield old, new


def _broken_first(runs: tuple[Trace, Trace], systems: tuple[System, System], props: Sequence[Property]) -> Trace | None:
    """The beginning of the new side's run at whose end it breaks the claim, if the old side's breaks it nowhere until then."""
    for length in range(runs[1].length + 1):
        before, after = (violates(systems[side], props[side], replace(runs[side], steps=runs[side].steps[:length])) for side in (0, 1))
        if before:
            return None
        if after:
            return replace(runs[1], steps=runs[1].steps[:length])
    return None


def _same_actions(old: Trace, new: Trace) -> bool:
    return [step.action for step in old.steps] == [step.action for step in new.steps]


def _change(claim: Claim, configuration: str, old: Answer | None, new: Answer | None) -> ClaimChange:
    fate, reason = fate_of(old, new, protects(claim.name))
    return ClaimChange(claim.name, claim.id, claim.sentence, configuration, fate, old, new, reason=reason)


def fate_of(old: Answer | None, new: Answer | None, guards: bool = False) -> tuple[str, str]:
    """What became of a claim, and the reason that one side gives, if it gives one. One that `guards` somebody is not explained away: that a
    design has no mask is a reason not to be asked about masks, and none to protect nobody."""
    words = [word(answer) for answer in (old, new)]
    before, after = ("proved" if one == "holds" else one for one in words)
    reason = _reason(new) or _reason(old)
    if after == "unknown" or (before == "unknown" and after != "proved"):
        return "undecided", reason
    if after == "refuted":
        return ("lost" if before in ("proved", "vacuous") else "still refuted" if before == "refuted" else "new and refuted"), ""
    if after == "proved":
        return ("kept" if before == "proved" else "gained" if before == "refuted" else "new"), ""
    if after == "vacuous":
        return ("vacuous" if before == "vacuous" else "hollow"), reason
    given = isinstance(new, NotAsked) and not new.reason.startswith(f"{new.design} offers no view")
    kept = before == "proved" and (guards or not given)
    return ("dropped" if kept or (before == "vacuous" and not given) else "not asked"), reason


def _reason(answer: Answer | None) -> str:
    if isinstance(answer, NotAsked):
        return answer.reason
    if isinstance(answer, Result) and isinstance(answer.verdict, Unknown | Vacuous):
        return answer.verdict.reason
    return ""


def common_configurations(old: Side, new: Side, wanted: str | None) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Configurations in which both are asked, and those of one side alone."""
    left, right = configurations(old.design, wanted), configurations(new.design, wanted)
    both = [name for name in right if name in left]
    return both, tuple(name for name in left if name not in both), tuple(name for name in right if name not in both)
