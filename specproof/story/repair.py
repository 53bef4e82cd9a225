"""What would have prevented a run: one function as the reference has it, or one assignment more or less.

A change counts where the same steps can still be taken, what the claim speaks of still happens, and
the claim holds at the end. Then the slice says whether any other run violates the claim.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product
from typing import Any, cast

from specproof.claims import Claim, MissingView, Property, instantiate
from specproof.design import Design
from specproof.errors import SpecproofError
from specproof.explore import explore
from specproof.layout import TooLarge
from specproof.readings.integers import evaluate
from specproof.slice import Slice
from specproof.story.graph import Graph, Part
from specproof.story.model import Repair
from specproof.story.subject import Subject, built, place
from specproof.system import Action, System, build
from specproof.terms import Term, Word, word
from specproof.trace import Trace, replay, take

#: How many changes are shown, values of words that are tried, assignments that are tried, and explored for other runs.
SHOWN, WORDS, ASSIGNMENTS, EXPLORED = 2, 400, 60, 2

#: Who is not asked to behave otherwise: a repair of the model is a repair of software that can be changed.
NOT_OURS = frozenset({"guest", "L1", "L2", "processor", "hardware", "userspace", "another vCPU", "host"})


@dataclass(frozen=True)
class _Found:
    text: str
    where: str
    system: System
    prop: Property
    rank: int
    path: str = ""


def repairs(
    subject: Subject, trace: Trace, positions: Sequence[int], reference: Design[Any] | None, together: tuple[str, ...]
) -> tuple[Repair, ...]:
    """Changes of the model that make the run impossible, those that help against every run first.

    `together`: the claims that the slices of this design are explored for. `positions`: the bits in which
    the claim fails. Where no function of the reference helps against every run, single assignments are
    tried; of these only such are shown that do, and that break no other claim.
    """
    if subject.is_relation or not trace.steps or subject.claim.kind == "reachability":
        return ()
    shown: list[tuple[_Found, bool]] = []
    if reference is not None and reference.state is subject.design.state:
        for name in differing(subject.design, reference):
            one = _as_in(subject, trace, reference, name)
            if one is not None and len(shown) < SHOWN:
                enough = any(every for _, every in shown)
                shown.append((one, not enough and subject.claim.name not in violated_with(subject, reference, name, together)))
    if not any(every for _, every in shown):
        for one in sorted(Assignments(subject, trace, positions).found(), key=lambda one: one.rank)[:EXPLORED]:
            if len(shown) < SHOWN and _all_runs(one) and _breaks_nothing(subject, one):
                shown.append((one, True))
                break
    shown.sort(key=lambda item: not item[1])
    return tuple(Repair(one.text, every, one.where) for one, every in shown)


def prevented(system: System, prop: Property, trace: Trace) -> bool:
    """The steps can be taken, what the claim speaks of happens, and it holds at the end."""
    other = replay(system, trace.claim, trace.initial, [(step.action, step.inputs) for step in trace.steps])
    return other is not None and bool(_at_end(system, prop, other)) and (prop.happens is None or bool(_at_end(system, prop.happens, other)))


def _at_end(system: System, prop: Property, trace: Trace) -> int:
    states = trace.states()
    if prop.steps:
        last = trace.steps[-1]
        inputs = {str(term.data): last.inputs[name] for name, term in system.actions[last.action].inputs.items()}
        return evaluate(prop.steps[last.action], {**states[-2], **inputs})
    return 1 if prop.state is None else evaluate(prop.state, states[-1])


def _all_runs(one: _Found) -> bool:
    """Whether no run of the changed model violates the claim, and the changed word still means something to it."""
    try:
        graph = Graph(one.system, [one.prop], Part(until=one.prop.claim))
    except TooLarge:
        return False
    return not graph.violated() and graph.lively(one.prop.claim, one.path)


def differing(design: Design[Any], reference: Design[Any]) -> list[str]:
    """Functions and actions that the reference has otherwise."""
    functions = [name for name, body in design.functions.items() if name in reference.functions and reference.functions[name] is not body]
    return functions + [name for name, spec in design.actions.items() if name in reference.actions and reference.actions[name].body is not spec.body]


@lru_cache(maxsize=64)
def _variant(design: Design[Any], reference: Design[Any], name: str) -> Design[Any]:
    """The design with one function as the reference has it."""
    bodies: dict[str, Any] = {name: reference.functions[name] if name in reference.functions else reference.actions[name].body}
    return design.but(f"{design.name}-repaired", **bodies)


def _only(design: Design[Any], trace: Trace) -> Design[Any]:
    """The design with no other actions than those of the run: what is enough to replay it."""
    kept = {step.action for step in trace.steps}
    small = copy.copy(design)
    small.actions = {name: spec for name, spec in design.actions.items() if name in kept}
    small.assumptions, small.alternatives = (
        {name: replace(one, of=tuple(action for action in one.of if action in kept or action == "initial")) for name, one in table.items()}
        for table in (design.assumptions, design.alternatives)
    )
    return small


def _as_in(subject: Subject, trace: Trace, reference: Design[Any], name: str) -> _Found | None:
    try:
        system = build(_only(_variant(subject.design, reference, name), trace), subject.configuration, subject.without)
        prop = instantiate(subject.claim, system)
    except (SpecproofError, MissingView):
        return None
    if not prevented(system, prop, trace):
        return None
    body = reference.functions.get(name) or reference.actions[name].body
    return _Found(f"{name} as {reference.name} has it", place(body), system, prop, 0)


def violated_with(subject: Subject, reference: Design[Any], name: str, together: tuple[str, ...]) -> frozenset[str]:
    """The claims of `together` that some run violates once that function is as the reference has it, on the slice."""
    claims = tuple(subject.known.claims[one] for one in together)
    return _violated_with(subject.design, reference, name, subject.configuration, subject.without, claims)


@lru_cache(maxsize=64)
def _violated_with(
    design: Design[Any], reference: Design[Any], name: str, configuration: str, without: tuple[str, ...], claims: tuple[Claim, ...]
) -> frozenset[str]:
    return frozenset(_violated(built(_variant(design, reference, name), configuration, without), claims))


def _breaks_nothing(subject: Subject, one: _Found) -> bool:
    """Whether the claims that hold of the design hold of the changed one, on the slice."""
    claims = [claim for claim in subject.known.asked_of(subject.design.name) if claim.kind in ("invariant", "step")]
    broken = [_violated(system, claims) for system in (subject.system, one.system)]
    return broken[1] <= broken[0]


def _violated(system: System, claims: Sequence[Claim]) -> set[str]:
    properties = []
    for claim in claims:
        try:
            properties.append(instantiate(claim, system))
        except MissingView:
            continue
    try:
        stop = (lambda found: any(found.violated.values())) if len(properties) == 1 else None
        reached = explore(Slice(system, properties), limit=400_000, stop=stop)
    except TooLarge:
        return {"a slice that does not fit"}
    return {name for name, hits in reached.violated.items() if hits}


class Assignments:
    """One assignment of one action added or dropped, found from what would have had to be different.

    First each word is changed after each step, in the bits in which the claim fails: where that saves the
    rest of the run, an assignment is looked for that gives the word that value there.
    """

    def __init__(self, subject: Subject, trace: Trace, positions: Sequence[int]) -> None:
        self.subject, self.trace = subject, trace
        self.system, self.states = subject.system, trace.states()
        self.bits = sum(1 << position for position in positions)

    def found(self) -> list[_Found]:
        """The assignments that make the run impossible, as far as they are tried."""
        found: list[_Found] = []
        for path, name, text, rank, changed in islice(self._all(), ASSIGNMENTS):
            one = self._try(name, text, changed, rank + (4 if self.system.actions[name].by in NOT_OURS else 0))
            if one is not None:
                found.append(replace(one, path=path))
        return found

    def _all(self) -> Iterator[tuple[str, str, str, int, Action]]:
        for moment, path in self._saving():
            name = self.trace.steps[moment - 1].action
            for text, rank, changed in self._candidates(self.system.actions[name], moment, path):
                yield path, name, text, rank, changed

    def _saving(self) -> Iterator[tuple[int, str]]:
        words = [path for path in self.system.variables if self._may(path) and self.system.fields[path].width]
        moments = range(self.trace.length - (1 if self.subject.prop.steps else 0), 0, -1)
        for moment, path in islice(product(moments, words), WORDS if self.bits else 0):
            if self._saved(moment, {**self.states[moment], path: self.states[moment][path] ^ self.bits}):
                yield moment, path

    def _may(self, path: str) -> bool:
        declared = self.system.fields[path]
        return not (declared.ghost or declared.observed or declared.frozen)

    def _saved(self, moment: int, state: dict[str, int]) -> bool:
        """Whether the rest of the run, from another state, ends well."""
        prop = self.subject.prop
        before: dict[str, int] = state
        for step in self.trace.steps[moment:]:
            after = take(self.system, state, step.action, step.inputs)
            if after is None:
                return False
            before, state = state, after
        last = self.trace.steps[-1]
        named = {str(term.data): last.inputs[name] for name, term in self.system.actions[last.action].inputs.items()}
        for one, wanted in ((prop, True), (prop.happens, True)):
            if one is not None:
                term = one.steps[last.action] if one.steps else one.state
                values = {**before, **named} if one.steps else state
                if term is not None and bool(evaluate(term, values)) is not wanted:
                    return False
        return True

    def _candidates(self, action: Action, moment: int, path: str) -> Iterator[tuple[str, int, Action]]:
        old = cast(Word, action.next.get(path, self.system.variables[path]))
        wanted = (self.states[moment][path] ^ self.bits) & self.bits
        for source in self.system.variables:
            declared = self.system.fields[source]
            if source != path and declared.width == old.width and not declared.ghost and self.states[moment][source] & self.bits == wanted:
                new = cast(Word, action.next.get(source, self.system.variables[source]))
                if wanted == self.bits:
                    yield f"also setting in {path} the bits of {source}", 1, _with(action, path, old | new)
                yield f"also writing {path} = {source}", 2, _with(action, path, new)
        elsewhere = [other for other in self.system.actions.values() if other is not action and path in other.next]
        if elsewhere and path in action.next and self.states[moment - 1][path] & self.bits == wanted:
            yield f"not writing {path}", 3, _with(action, path, None)
        if not wanted:
            yield f"also writing {path} = 0", 4, _with(action, path, word(0, old.width))

    def _try(self, name: str, text: str, changed: Action, rank: int) -> _Found | None:
        other = replace(self.system, actions={**self.system.actions, name: changed})
        enough = replace(other, actions={step.action: other.actions[step.action] for step in self.trace.steps})
        try:
            if not prevented(enough, instantiate(self.subject.claim, enough), self.trace):
                return None
            prop = instantiate(self.subject.claim, other)
        except SpecproofError:
            return None
        return _Found(f"{name} {text}", place(self.subject.design.actions[name].body), other, prop, rank)


def _with(action: Action, path: str, term: Term | None) -> Action:
    next_: Mapping[str, Term] = {key: value for key, value in action.next.items() if key != path}
    return replace(action, next=next_ if term is None else {**next_, path: term})
