"""Replaying a trace file against the current model, on integers, step by step: where does it stop fitting?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from specproof.errors import InputError, UsageError, did_you_mean
from specproof.graph import conjuncts
from specproof.load import Library
from specproof.readings.integers import evaluate
from specproof.readings.text import constant
from specproof.story.saved import Saved
from specproof.story.subject import NO_CLAIM, Subject, unknown_action
from specproof.system import Action, System
from specproof.terms import Term
from specproof.trace import Trace, initial_state, replay, take, violates


@dataclass
class Outcome:
    """What replaying said: a line a step, then where it stopped, or what the claim says at the end.

    `code`: 0 where everything is as recorded, 1 where the run fits and the claim says otherwise, 2 where it
    stops fitting. `trace` is the run as it went in the current model, where it went to the end.
    """

    lines: list[str] = field(default_factory=list)
    code: int = 0
    trace: Trace | None = None


class Stop(Exception):
    """The file and the model do not fit from here on."""


def again(saved: Saved, known: Library, *, design: str = "") -> Outcome:
    """Replays a trace against its design, or against `design`."""
    subject = _subject(saved, known, design or saved.design)
    outcome = Outcome()
    changed = bool(saved.fingerprint) and saved.fingerprint != subject.fingerprint and not design
    try:
        for line in _steps(saved, subject.system, strict=not design):
            outcome.lines.append(line)
    except Stop as stop:
        reason = f"; {subject.design.name} has changed since the trace was written" if changed else ""
        outcome.lines.append(f"{stop}{reason}")
        outcome.code = 2
        return outcome
    if changed:
        outcome.lines.append(f"{subject.design.name} has changed since the trace was written; the run is the same.")
    outcome.trace = replay(subject.system, saved.claim, saved.initial, [(name, inputs) for name, inputs, _ in saved.steps])
    outcome.lines.append(_end(saved, subject, outcome))
    return outcome


def _subject(saved: Saved, known: Library, name: str) -> Subject:
    design = known.design(name)
    for change in saved.without:
        if not design.can_change(change):
            names, does = (design.alternatives, "on") if change.startswith("+") else (design.assumptions, "off")
            one = change.removeprefix("+")
            raise UsageError(f"{name} has no assumption {one!r}, which the trace switches {does}; {did_you_mean(one, names)}")
    if saved.purpose == "simulation":
        return Subject(known, design, saved.configuration, NO_CLAIM, saved.without)
    if saved.claim not in known.claims:
        raise UsageError(f"there is no claim {saved.claim!r}, which the trace is about; {did_you_mean(saved.claim, known.claims)}")
    return Subject(known, design, saved.configuration, known.claims[saved.claim], saved.without)


def _steps(saved: Saved, system: System, *, strict: bool) -> Iterator[str]:
    _known_fields(saved.initial, system, "step 0", strict=strict)
    try:
        state = initial_state(system, {path: value for path, value in saved.initial.items() if path in system.variables})
    except InputError:
        raise Stop(f"step 0 does not fit: {_why_no_start(saved, system)}") from None
    _same(saved.initial, state, system, "step 0", strict=strict)
    yield "step 0 fits: a run can start there"
    for number, (name, inputs, changed) in enumerate(saved.steps, 1):
        where = f"step {number}, {name},"
        if name not in system.actions:
            raise Stop(f"step {number} does not fit: {unknown_action(name, system)}")
        _known_inputs(inputs, system.actions[name], where)
        after = take(system, state, name, inputs)
        if after is None:
            raise Stop(f"{where} does not fit: {_why_not(system, state, system.actions[name], inputs)}")
        if strict:
            _known_fields(changed, system, where, strict=True)
            expected = {**state, **changed}
            _same(expected, after, system, where, strict=True)
        state = after
        yield f"{where} fits"


def _known_fields(values: Mapping[str, int], system: System, where: str, *, strict: bool) -> None:
    for path, value in values.items():
        if path not in system.fields:
            if strict:
                raise Stop(f"{where} does not fit: {system.design} has no field {path!r}; {did_you_mean(path, system.fields)}")
            continue
        width = system.fields[path].width
        if value >= 1 << max(1, width):
            what = f"a word of {width} bits" if width else "a truth value"
            raise Stop(f"{where} does not fit: {path} is {what}, and the trace has {value:#x}")


def _known_inputs(inputs: Mapping[str, int], action: Action, where: str) -> None:
    for name, value in inputs.items():
        if name not in action.inputs:
            raise Stop(f"{where} does not fit: there is no input {name!r}; {did_you_mean(name, action.inputs)}")
        width = action.inputs[name].width
        if value >= 1 << max(1, width):
            raise Stop(f"{where} does not fit: the input {name} has {width or 1} bits, and the trace has {value:#x}")
    missing = [name for name in action.inputs if name not in inputs]
    if missing:
        raise Stop(f"{where} does not fit: the trace has no value for the input {missing[0]!r}")


def _same(recorded: Mapping[str, int], found: Mapping[str, int], system: System, where: str, *, strict: bool) -> None:
    """Every field as recorded; one that is new in the design only where it is 0."""
    if not strict:
        return
    differences = [path for path in system.fields if path in found and found[path] != recorded.get(path, 0)]
    if differences:
        shown = [_value(path, recorded, found, system) for path in differences[:4]]
        more = f", and {len(differences) - 4} more" if len(differences) > 4 else ""
        raise Stop(f"{where} does not fit: {', '.join(shown)}{more}")


def _value(path: str, recorded: Mapping[str, int], found: Mapping[str, int], system: System) -> str:
    width = system.fields[path].width
    if path not in recorded:
        return f"{path} is new, and {constant(found[path], width)}"
    return f"{path} is {constant(found[path], width)}, and the trace has {constant(recorded[path], width)}"


def _false(term: Term, values: Mapping[str, int]) -> str:
    from specproof.readings.text import show

    parts = [show(part) for part in conjuncts(term) if not evaluate(part, values)]
    text = "; ".join(parts)
    return text if len(text) <= 200 else text[:197] + "..."


def _why_no_start(saved: Saved, system: System) -> str:
    values: dict[str, int] = {path: int(term.data) for path, term in system.constants.items()}
    values |= {path: saved.initial.get(path, 0) for path in system.fields if path not in values}
    return f"no run starts in that state: {_false(system.starts, values)} is false"


def _why_not(system: System, state: Mapping[str, int], action: Action, inputs: Mapping[str, int]) -> str:
    values: dict[str, Any] = {**state, **{str(term.data): inputs[name] for name, term in action.inputs.items()}}
    if not evaluate(action.guard, values):
        return f"it cannot happen there: {_false(action.guard, values)} is false"
    refusing = [name for name, term in action.assumed.items() if not evaluate(term, values)]
    return f"the assumption {', '.join(refusing)} excludes it"


def _end(saved: Saved, subject: Subject, outcome: Outcome) -> str:
    if outcome.trace is None:
        outcome.code = 2
        return "the run does not replay"
    claim = saved.claim + (f" ({subject.claim.id})" if subject.claim.id else "")
    if saved.purpose == "simulation":
        return "the run replays"
    if saved.purpose == "witness" or subject.claim.kind == "reachability":
        return f"the run replays; it shows that what {claim} speaks of happens"
    if violates(subject.system, subject.prop, outcome.trace):
        return f"the run replays, and {claim} fails at its end, as recorded"
    outcome.code = 1
    return f"the run replays, and {claim} holds at its end: the trace no longer refutes it"
