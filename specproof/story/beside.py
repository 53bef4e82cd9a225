"""The same run through the reference design: what it does at each step, and the first difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from specproof.claims import MissingView
from specproof.design import Design
from specproof.errors import InputError, SpecproofError
from specproof.readings.integers import evaluate
from specproof.story.model import Beside, Change, Difference, Row, Value
from specproof.story.subject import Subject, built, leaf_variables
from specproof.system import System
from specproof.terms import Term
from specproof.trace import Trace, initial_state, take


def beside(subject: Subject, reference: Design[Any], trace: Trace) -> Beside | None:
    """The run through the reference, in the same configuration; None where it has no such configuration or no such start."""
    if subject.is_relation:
        return None
    try:
        system = built(reference, subject.configuration, tuple(name for name in subject.without if reference.can_change(name)))
        state = initial_state(system, trace.initial)
    except SpecproofError:
        return None
    ours = trace.states()
    views = _shared_views(subject, system) if system.record is not subject.system.record else ()
    rows = [_row("", subject, system, views, ours[0], state, ())]
    for number, step in enumerate(trace.steps, 1):
        after, status = _take(system, state, step.action, step.inputs)
        changes: tuple[Change, ...] = ()
        if after is not None:
            changes = changed(system, state, after, {})
            state = after
        else:
            state = {**state, **{path: 0 for path, declared in system.fields.items() if declared.observed}}
        rows.append(_row(status, subject, system, views, ours[number], state, changes))
    always = {one.name for one in rows[0].differences}  # what is otherwise from the start says nothing about a step
    rows = [replace(row, differences=tuple(one for one in row.differences if one.name not in always)) for row in rows]
    first = next((moment for moment, row in enumerate(rows) if row.status or any(not _event(system, one.name) for one in row.differences)), None)
    return Beside(reference.name, tuple(rows), first, _holds(subject, reference, trace))


def _event(system: System, name: str) -> bool:
    return name in system.fields and system.fields[name].observed


def _take(system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int]) -> tuple[dict[str, int] | None, str]:
    if action not in system.actions:
        return None, f"{system.design} has no action {action}"
    known = {name: value for name, value in inputs.items() if name in system.actions[action].inputs}
    try:
        after = take(system, state, action, known)
    except InputError as error:
        return None, str(error)
    return after, "" if after is not None else f"{action} cannot happen here"


def changed(system: System, before: Mapping[str, int], after: Mapping[str, int], written: Mapping[str, str]) -> tuple[Change, ...]:
    """What a step changed, and the events that it reported; an event of the step before is not one that ended."""
    found = []
    for path, declared in system.fields.items():
        bits = declared.bits.positions if declared.bits else None
        old = 0 if declared.observed else before[path]
        if after[path] != old and not declared.quiet:
            one, two = (Value(path, value, declared.width, 0, bits) for value in (old, after[path]))
            found.append(Change(path, one, two, written.get(path, ""), declared.observed, declared.ghost))
    return tuple(found)


#: A view that two designs of different state offer: its term in each, and the names of its bits.
_View = tuple[str, Term, Term, Mapping[str, int] | None]


def _row(
    status: str, subject: Subject, system: System, views: Sequence[_View], ours: Mapping[str, int], theirs: Mapping[str, int],
    changes: tuple[Change, ...],
) -> Row:  # fmt: skip
    found = []
    for path, declared in subject.system.fields.items():
        if path in system.fields and not declared.ghost and ours[path] != theirs[path]:
            bits = declared.bits.positions if declared.bits else None
            found.append(Difference(path, *(Value(path, state[path], declared.width, 0, bits) for state in (ours, theirs))))
    for name, one, two, bits in views:
        values = evaluate(one, ours), evaluate(two, theirs)
        if values[0] != values[1]:
            found.append(Difference(name, *(Value(name, value, one.width, 0, bits) for value in values)))
    return Row(status, changes, tuple(found), theirs)


def _shared_views(subject: Subject, system: System) -> list[_View]:
    """Views that both offer: what designs of different state have in common."""
    found: list[_View] = []
    one, two = subject.system, system
    leaves = leaf_variables(one), leaf_variables(two)
    for name in sorted(one.views & two.views):
        mine, other = one.view(name, leaves[0]), two.view(name, leaves[1])
        if mine.width == other.width:
            bits = subject.bits_of(mine, mine.width) if mine.width else None
            found.append((name, mine, other, bits.positions if bits else None))
    return found


def _holds(subject: Subject, reference: Design[Any], trace: Trace) -> bool | None:
    """Whether the claim holds at the end of these steps in the reference, taken or not; None where it cannot be asked."""
    other = Subject(subject.known, reference, subject.configuration, subject.claim)
    try:
        system, prop = other.system, other.prop
        state, last = initial_state(system, trace.initial), None
        for step in trace.steps:
            after, _ = _take(system, state, step.action, step.inputs)
            if after is not None:
                values = {str(term.data): step.inputs.get(name, 0) for name, term in system.actions[step.action].inputs.items()}
                last = (step.action, {**state, **values})
                state = after
            else:
                last = None
    except (SpecproofError, MissingView):
        return None
    if prop.steps:
        return last is None or bool(evaluate(prop.steps[last[0]], last[1]))
    return prop.state is None or bool(evaluate(prop.state, state))
