"""All mutants of a design: its actions built again, one (or two) of their operations wrong."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast

from specproof.design import Design, blank
from specproof.errors import SpecproofError, UsageError, did_you_mean
from specproof.graph import substitute
from specproof.mutate.tamper import OPERATORS, Change, Tamper
from specproof.state import Field, State, leaves
from specproof.system import Action, System, _action
from specproof.terms import TRUE, Bool, Term


class Same:
    """A term, compared by identity: `==` of terms builds a term."""

    def __init__(self, term: Term) -> None:
        """Keeps the term alive, so that its identity stays its own."""
        self.term = term

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.term is other.term

    def __hash__(self) -> int:
        return id(self.term)


#: What makes two actions the same: guard, assumptions, next values, reports.
Shape = tuple[Any, ...]


@dataclass(frozen=True)
class Mutant:
    """A design with one wrong operation, or two. `actions` are the actions that differ, over all configurations."""

    id: str
    changes: tuple[tuple[str, Change], ...]
    actions: Mapping[str, Action]

    @property
    def action(self) -> str:
        """The name of the action, or of both."""
        return ", ".join(dict.fromkeys(name for name, _ in self.changes))

    @property
    def operator(self) -> str:
        """The mutation operator, or both."""
        return ", ".join(change.operator for _, change in self.changes)

    @property
    def change(self) -> str:
        """What a reader is told."""
        return "; ".join(f"{change.where}: {change.text}" for _, change in self.changes)


class Workshop:
    """Builds a design's actions, right and wrong, over all configurations at once."""

    def __init__(self, design: Design[Any], without: tuple[str, ...] = ()) -> None:
        """`without`: assumptions that are switched off."""
        self.design, self.without = design, without
        with design.building():
            self.state, _ = blank(design.state)
        self.declared: dict[str, Field] = dict(leaves(design.state))
        self.right = {name: self.build(name, {}) for name in design.actions}

    def build(self, name: str, wrong: Mapping[int, Change], found: Tamper | None = None) -> Action:
        """The action with these operations wrong; raises SpecproofError where that is no action."""
        tamper = found or Tamper(wrong)
        spec = self.design.actions[name]
        whole = replace(spec, body=_tampered(spec.body, tamper), guard=_tampered(spec.guard, tamper))
        with self.design.building():
            return _action(self.design, whole, self.state, self.declared, {}, {}, self.design.in_force(self.without))

    def changes(self, name: str, operators: Sequence[str]) -> list[Change]:
        """Every way in which one operation of an action can be wrong."""
        tamper = Tamper()
        self.build(name, {}, tamper)
        guard = [Change(0, "guard", way, name, text) for way, text in (("drop", "without its guard"), ("negate", "with its guard negated"))]
        return [change for change in [*guard, *tamper.found] if change.operator in operators]

    def wrong(self, name: str, changes: Sequence[Change]) -> Action | None:
        """The action with these changes; None where that is no action, or the machine does not differ from the right one."""
        try:
            action = self.build(name, {change.event: change for change in changes if change.event})
        except SpecproofError:
            return None
        for change in changes:
            if not change.event:
                action = replace(action, guard=TRUE if change.way == "drop" else ~action.guard)
        return action if self.machine(action) != self.machine(self.right[name]) else None

    def machine(self, action: Action) -> Shape:
        """What an action is, without what it tells the proof."""
        return (Same(action.guard), _parts({path: term for path, term in action.next.items() if not self.declared[path].ghost}))

    def specialise(self, action: Action, system: System) -> Action:
        """The action in a configuration, whose frozen fields have values."""
        by = {self.variable(path): term for path, term in system.constants.items()}
        terms = [action.guard, *action.assumed.values(), *action.next.values(), *action.observed.values()]
        new = iter(substitute(terms, by))
        guard = cast(Bool, next(new))
        assumed = {name: cast(Bool, next(new)) for name in action.assumed}
        next_ = {path: next(new) for path in action.next}
        return replace(action, guard=guard, assumed=assumed, next=next_, observed={path: next(new) for path in action.observed})

    def variable(self, path: str) -> Term:
        """The variable of a frozen field."""
        value: Any = self.state
        for name in path.split("."):
            value = value._values[name]
        return cast(Term, value)


def _tampered(function: Any, tamper: Tamper) -> Any:
    @wraps(function)
    def run(state: State, /, **inputs: Any) -> Any:
        return tamper.run(function, state, **inputs)

    return run


def shape(action: Action) -> Shape:
    """All of an action."""
    return (Same(action.guard), _parts(action.assumed), _parts(action.next), _parts(action.observed))


def _parts(terms: Mapping[str, Term]) -> Shape:
    return tuple((name, Same(terms[name])) for name in sorted(terms))


def mutants(
    workshop: Workshop, operators: Sequence[str] = (), order: int = 1, sample: int | None = None, seed: int = 0, only: Iterable[str] = ()
) -> Iterator[Mutant]:  # fmt: skip
    """Mutants of the first or second order, or a sample of them; no two are the same."""
    chosen = tuple(operators) or tuple(OPERATORS)
    for name in chosen:
        if name not in OPERATORS:
            raise UsageError(f"there is no mutation operator {name!r}; {did_you_mean(name, OPERATORS)}")
    names = tuple(only) or tuple(workshop.design.actions)
    for name in names:
        if name not in workshop.design.actions:
            raise UsageError(f"{workshop.design.name} has no action {name!r}; {did_you_mean(name, workshop.design.actions)}")
    places = [(name, change) for name in names for change in workshop.changes(name, chosen)]
    if order == 1:
        yield from _distinct(workshop, _some([((name, change),) for name, change in places], sample, seed))
    else:
        yield from _distinct(workshop, _pairs(places, sample, seed))


Places = tuple[tuple[str, Change], ...]


def _some(places: Sequence[Places], sample: int | None, seed: int) -> Iterator[Places]:
    if sample is None or sample >= len(places):
        yield from places
        return
    for number in sorted(random.Random(seed).sample(range(len(places)), sample)):
        yield places[number]


def _pairs(places: Sequence[tuple[str, Change]], sample: int | None, seed: int) -> Iterator[Places]:
    """Pairs of different events; a sample is drawn without listing them all."""
    count = len(places)
    if sample is None:
        numbers: Iterable[tuple[int, int]] = ((a, b) for a in range(count) for b in range(a + 1, count))
    else:
        source = random.Random(seed)
        drawn: set[tuple[int, int]] = set()
        for _ in range(sample * 20):
            a, b = source.randrange(count), source.randrange(count)
            if a != b and len(drawn) < sample:
                drawn.add((min(a, b), max(a, b)))
        numbers = sorted(drawn)
    for a, b in numbers:
        first, second = places[a], places[b]
        if first[0] != second[0] or first[1].event != second[1].event:
            yield first, second


def _distinct(workshop: Workshop, places: Iterable[Places]) -> Iterator[Mutant]:
    """The mutants at these places that differ from the design and from one another."""
    seen: set[Any] = set()
    number = 0
    for place in places:
        number += 1
        mutant = built(workshop, f"m{number}", place)
        if mutant is None:
            continue
        key = tuple((name, shape(action)) for name, action in sorted(mutant.actions.items()))
        if key not in seen:
            seen.add(key)
            yield mutant


def built(workshop: Workshop, id_: str, places: Places) -> Mutant | None:
    """The mutant with these changes; None where one of its actions cannot be built, or is the right one."""
    wrong: dict[str, Action] = {}
    for name in dict.fromkeys(name for name, _ in places):
        action = workshop.wrong(name, [change for one, change in places if one == name])
        if action is None:
            return None
        wrong[name] = action
    return Mutant(id_, places, wrong)


def with_actions(system: System, actions: Mapping[str, Action]) -> System:
    """A system with some of its actions replaced."""
    return replace(system, actions={**system.actions, **actions})

