"""From a run to its story: everything that a reader needs to follow it, put together once for all forms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from specproof.claims import Claim, MissingView, instantiate
from specproof.design import Design
from specproof.errors import SpecproofError
from specproof.graph import is_value
from specproof.layout import TooLarge
from specproof.registers import Registers
from specproof.solver import Solver
from specproof.state import Bits
from specproof.story.beside import beside, changed
from specproof.story.calls import watched, writers
from specproof.story.danger import Danger
from specproof.story.flows import Flow, flows
from specproof.story.formula import formula
from specproof.story.graph import Graph, Part
from specproof.story.matters import Free, free
from specproof.story.model import Alike, Beat, Beside, Change, Formula, Repair, Story, Turn, Value
from specproof.story.repair import repairs
from specproof.story.subject import Subject, built, place, reference_of
from specproof.story.turn import alike, turn
from specproof.system import System
from specproof.trace import Trace

#: What a run is told for: it refutes a claim, shows that a claim speaks of something, or was made by hand.
PURPOSES = ("counterexample", "witness", "simulation")


def tell(
    subject: Subject, trace: Trace, *, purpose: str = "counterexample", shortest: bool = True, together: Sequence[str] = (), analyse: bool = True,
) -> Story:  # fmt: skip
    """The story of a run.

    `together`: the claims of the same design and configuration whose stories are told too, so that what
    they share is worked out once. `analyse=False` leaves out what needs the slice.
    """
    told = formula(subject, trace) if purpose == "counterexample" else None
    reachability = subject.claim.kind == "reachability"
    unimportant = Free(subject.system, trace)
    if analyse and purpose != "simulation":
        prop = subject.prop if purpose == "counterexample" or reachability else subject.prop.happens
        if prop is not None:
            keep = sum(1 << position for position in told.positions) if told else 0
            unimportant = free(subject.system, prop, trace, keep, Solver(), wanted=purpose != "counterexample")
    found = _analysis(subject, trace, told, tuple(together) or (subject.claim.name,)) if analyse and told and not reachability else _Nothing
    return Story(
        design=subject.design.name, configuration=subject.configuration, claim=subject.claim.name, id=subject.claim.id,
        kind=subject.claim.kind, sentence=subject.claim.sentence, purpose=purpose, without=subject.without,
        fingerprint=subject.fingerprint, fields=subject.system.fields, moments=tuple(_whole(trace)), free=tuple(unimportant.states()),
        beats=tuple(_beats(subject, trace, unimportant)), formula=told, shortest=shortest,
        alike=found[0], turn=found[1], prevention=found[2], beside=found[3], file=_file(subject), given=_given(subject.system, trace),
    )  # fmt: skip


def _given(system: System, trace: Trace) -> frozenset[str]:
    """Fields that every run starts with as this one does."""
    solver = Solver()
    paths = [path for path, value in trace.initial.items() if value and path in system.variables]
    same = [path for path in paths if solver.ask([system.starts, ~is_value(system.variables[path], trace.initial[path])]).word == "unsat"]
    return frozenset(same) | frozenset(system.constants)


_NO_FLOW = Flow((), "")
_Analysis = tuple[Alike | None, Turn | None, tuple[Repair, ...] | None, Beside | None]
_Nothing: _Analysis = (None, None, None, None)


def _analysis(subject: Subject, trace: Trace, told: Formula, together: tuple[str, ...]) -> _Analysis:
    reference = reference_of(subject)
    other = beside(subject, reference, trace) if reference is not None else None
    known, turned = None, None
    if trace.steps:
        try:
            # told by itself a run needs less: the steps up to its end, and positions like those at which it fails
            near = Part(depth=trace.length) if len(together) == 1 else Part()
            far = Part(position=told.positions[0]) if len(together) == 1 and told.positions else Part()
            danger = Danger(_own_graph(subject, together, near), subject.claim.name, trace.length)
            known = alike(danger, subject.system, subject.prop, trace, Solver())
            if subject.is_relation:  # two systems in one: too much to explore for what it says
                return known, None, None, None
            graph = _own_graph(subject, together, far)
            there = _reference_graph(subject, reference, together, far) if other is not None and reference is not None else None
            sane = (reference.name, there) if there is not None and reference else None
            turned = turn(Danger(graph, subject.claim.name, trace.length), graph, trace, told.positions, sane)
        except TooLarge:
            pass
    return known, turned, repairs(subject, trace, told.positions, reference, together), other


def _own_graph(subject: Subject, together: tuple[str, ...], part: Part) -> Graph:
    if subject.is_relation:
        return Graph(subject.system, [subject.prop], part)
    claims = tuple(subject.known.claims[name] for name in together)
    return _graph(subject.design, subject.configuration, subject.without, claims, part)


def _reference_graph(subject: Subject, reference: Design[Any], together: tuple[str, ...], part: Part) -> Graph | None:
    if reference.state is not subject.design.state or subject.is_relation:
        return None
    without = tuple(name for name in subject.without if reference.can_change(name))
    try:
        return _graph(reference, subject.configuration, without, tuple(subject.known.claims[name] for name in together), part)
    except SpecproofError:
        return None


@lru_cache(maxsize=4)
def _graph(
    design: Design[Any], configuration: str, without: tuple[str, ...], claims: tuple[Claim, ...], part: Part
) -> Graph:
    system = built(design, configuration, without)
    properties = []
    for claim in claims:
        try:
            if claim.kind != "relation":
                properties.append(instantiate(claim, system))
        except MissingView:
            continue
    return Graph(system, properties, part)


def _whole(trace: Trace) -> list[Mapping[str, int]]:
    return list(trace.states())


def _file(subject: Subject) -> str:
    home = subject.known.homes.get(subject.design.name, "")
    if not home or subject.design.name in subject.known.shipped:
        return ""
    near = os.path.relpath(home)
    return home if near.startswith("..") else near


def _beats(subject: Subject, trace: Trace, unimportant: Free) -> list[Beat]:
    helpers = None if subject.is_relation else watched(subject.design)
    states, varying, registers = trace.states(), unimportant.states(), Registers(subject.system)
    found = []
    for number, step in enumerate(trace.steps, 1):
        written = writers(helpers, subject.system, states[number - 1], step.action, step.inputs) if helpers else {}
        plain = changed(subject.system, states[number - 1], states[number], written)
        made = flows(subject.system, states[number - 1], step.action, step.inputs)
        changes = [_freed(change, varying[number - 1], varying[number], made.get(change.path, _NO_FLOW)) for change in plain]
        masks = unimportant.masks
        inputs = tuple(
            Value(name, step.inputs[name], term.width, masks.get((number - 1, name), 0), _positions(registers.input_bits(step.action, name)))
            for name, term in subject.system.actions[step.action].inputs.items()
        )
        sentence = " ".join(step.doc.split("\n\n")[0].split())
        body = subject.design.actions[step.action].body if step.action in subject.design.actions else None
        found.append(Beat(number, step.action, step.by, step.source, sentence, place(body), inputs, tuple(changes)))
    return found


def _freed(change: Change, before: Mapping[str, int], after: Mapping[str, int], flow: Flow) -> Change:
    """The change, with the bits that vary with what does not matter, and with where it came from."""

    def value(one: Value, masks: Mapping[str, int]) -> Value:
        return Value(one.name, one.value, one.width, masks.get(one.name, 0), one.bits)

    one, two = value(change.before, before), value(change.after, after)
    return Change(change.path, one, two, change.writer, change.event, change.ghost, flow.sources, flow.rule)


def _positions(bits: Bits | None) -> Mapping[str, int] | None:
    return bits.positions if bits else None
