"""Two systems fed the same inputs, as one system: for relations and for the review of a change.

Both sides take the same actions with the same inputs; where only one side's guard holds, the other side
stays. Fields that have one value on both sides are shared, which is what keeps the product small. Which
ones they are is guessed (`product` by equal terms, `merge` by exploration); that the guess is right is a
property of its own (`Pair.sharing`), proved with the claims or the claims are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from specproof.claims import Claim, Property, Views, assembled, phrase
from specproof.cone import cone, narrow
from specproof.design import Design
from specproof.errors import MissingView, UsageError
from specproof.explore import Reached, explore
from specproof.graph import substitute
from specproof.layout import TooLarge
from specproof.slice import Slice
from specproof.state import Field
from specproof.system import Action, System, build
from specproof.terms import TRUE, Bool, Term, choose, conj, variable

#: The name of the property that the shared fields are rightly shared.
SHARING = "shared-fields"


@dataclass(eq=False)
class Pair:
    """The product of two systems, with the names of its sides and the fields that the sides share.

    `explored`: what `merge` saw of its slice. `matters`: the fields on which what was asked can depend.
    """

    system: System
    left: System
    right: System
    names: tuple[str, str]
    shared: frozenset[str]
    apart: frozenset[str] = frozenset()
    explored: tuple[Slice, Reached] | None = None
    matters: frozenset[str] = frozenset()

    def views(self, side: int, values: Mapping[str, Term]) -> Views:
        """What a claim sees of one side, for values of the product's leaves."""
        one = (self.left, self.right)[side]
        prefix = f"{self.names[side]}."
        return Views(one, {path: _value(one, path, prefix, values) for path in one.fields})

    def instantiate(self, claim: Claim) -> Property:
        """A relation as a property of the product; raises MissingView like `claims.instantiate`."""
        now = self.system.state()
        sides = (self.views(0, now), self.views(1, now))
        said = phrase(claim, *sides)
        steps = {}
        for name, action in self.system.actions.items():
            after = self.system.after(action)
            steps[name] = said.at(self.views(0, after), self.views(1, after))
        return assembled(claim, said, said.at(*sides), steps)

    def sharing(self) -> Property:
        """That every step gives the shared fields that matter one value: the right side's next value is the left side's."""
        steps = {name: conj(equal for path, equal in apart.items() if path in self.matters) for name, apart in self._next_of_shared.items()}
        return Property(SHARING, None, steps)

    def checks(self) -> list[Property]:
        """The same, field by field, where the two sides' terms are not the same anyway."""
        found = [self.sharing_of(path) for path in sorted(self.shared & self.matters)]
        return [prop for prop in found if any(term is not TRUE for term in prop.steps.values())]

    def sharing_of(self, path: str) -> Property:
        """The same of one field."""
        return Property(path, None, {name: apart.get(path, TRUE) for name, apart in self._next_of_shared.items()})

    @cached_property
    def _next_of_shared(self) -> dict[str, dict[str, Bool]]:
        """By action and path: the two sides' next values of a shared field are equal. Where the terms are equal, nothing."""
        by = [_renamed(self, side) for side in (0, 1)]
        found: dict[str, dict[str, Bool]] = {}
        for name, pair in _paired(self.left, self.right).items():
            sides = [_side(system, action) for system, action in zip((self.left, self.right), pair, strict=True)]
            found[name] = {}
            for path in sorted(self.shared & {*sides[0], *sides[1]}):
                terms = [substitute([sides[side].get(path, self._old(side, path))], by[side])[0] for side in (0, 1)]
                if terms[0] is not terms[1]:
                    found[name][path] = _equal(*terms)
        return found

    def followers(self, lost: frozenset[str], among: Sequence[str]) -> frozenset[str]:
        """Those among the fields that may take their values from lost ones, or from such followers, on either side."""
        changes = [changed for one in (self.left, self.right) for _, changed in one.reads.values()]
        reads = {path: frozenset[str]().union(*(changed[path] for changed in changes if path in changed)) for path in among}
        found = lost
        while more := frozenset(path for path in reads if path not in found and reads[path] & found):
            found |= more
        return found - lost

    def _old(self, side: int, path: str) -> Term:
        return (self.left, self.right)[side].variables[path]


def _renamed(pair: Pair, side: int) -> dict[Term, Term]:
    """One side's variables as the product's."""
    system = (pair.left, pair.right)[side]
    return {term: pair.system.variables[path if path in pair.shared else f"{pair.names[side]}.{path}"] for path, term in system.variables.items()}


def _equal(a: Term, b: Term) -> Bool:
    return cast(Bool, a == b)


def _value(one: System, path: str, prefix: str, values: Mapping[str, Term]) -> Term:
    if prefix + path in values:
        return values[prefix + path]
    return values[path] if path in values else one.state()[path]


def _paired(left: System, right: System) -> dict[str, tuple[Action, Action]]:
    missing = set(left.actions) ^ set(right.actions)
    if missing:
        raise UsageError(f"{left.design} and {right.design} do not have the same actions: {', '.join(sorted(missing))}")
    for name, action in left.actions.items():
        if {k: t.width for k, t in action.inputs.items()} != {k: t.width for k, t in right.actions[name].inputs.items()}:
            raise UsageError(f"the action {name} has other inputs in {right.design} than in {left.design}")
    return {name: (action, right.actions[name]) for name, action in left.actions.items()}


def _side(system: System, action: Action) -> dict[str, Term]:
    """Next values where the guard is folded in: what a side does when the pair takes the action."""
    return {path: choose(action.enabled, term, system.variables[path]) for path, term in action.next.items()}


def product(
    left: System, right: System, names: tuple[str, str], apart: frozenset[str] = frozenset(), shared: frozenset[str] | None = None
) -> Pair:
    """The product of two systems with the same actions. Both start in the same state where they have the same fields.

    `apart`: fields of the same name that each side starts with by its own initial predicate. `shared`: which fields
    to share; by default those whose next values are the same terms.
    """
    pairs = _paired(left, right)
    if shared is None:
        shared = _shared(left, right, pairs, apart)
    renames = []
    for side, system in enumerate((left, right)):
        renames.append({term: term if path in shared else variable(f"{names[side]}.{path}", term.width) for path, term in system.variables.items()})
    variables: dict[str, Term] = {}
    fields: dict[str, Field] = {}
    for side, system in enumerate((left, right)):
        for path, declared in system.fields.items():
            own = path if path in shared else f"{names[side]}.{path}"
            if declared.observed or path in system.variables:
                fields[own] = declared
            if path in system.variables:
                variables[own] = renames[side][system.variables[path]]
    starts = [cast(Bool, substitute([system.initial], renames[side])[0]) for side, system in enumerate((left, right))]
    same = [
        _equal(renames[0][term], renames[1][right.variables[path]])
        for path, term in left.variables.items()
        if path in right.variables and path not in shared and path not in apart
    ]
    assumed = {name: TRUE for system in (left, right) for name in system.initially_assumed}
    for side, system in enumerate((left, right)):  # an assumption restricts the start of each side that makes it
        for name, term in system.initially_assumed.items():
            assumed[name] = assumed[name] & cast(Bool, substitute([term], renames[side])[0])
    actions = {name: _pair_action(left, right, name, pairs[name], names, shared, renames) for name in pairs}
    pair_views = [frozenset(f"{names[side]}.{view}" for view in system.views) for side, system in enumerate((left, right))]

    def view(name: str, values: Mapping[str, Term]) -> Term:
        side = 0 if name.startswith(f"{names[0]}.") else 1
        one = (left, right)[side]
        prefix = f"{names[side]}."
        return one.view(name.removeprefix(prefix), {path: _value(one, path, prefix, values) for path in one.fields})

    system = System(
        design=left.design if left.design == right.design else f"{left.design}~{right.design}",
        configuration=f"{names[0]}~{names[1]}", record=left.record, variables=variables, fields=fields, constants={}, places=left.places,
        initial=conj((*starts, *same)), initially_assumed=assumed, actions=actions, view=view,
        views=pair_views[0] | pair_views[1], assumptions=left.assumptions,
    )  # fmt: skip
    return Pair(system, left, right, names, shared, apart)


def between(design: Design[Any], claim: Claim, without: tuple[str, ...] = ()) -> Pair:
    """The two configurations of a design that a relation compares, as one system; `without` assumptions. Raises MissingView where there are not
    both."""
    sides = claim.left, claim.right
    for side in sides:
        if side not in design.settings:
            raise MissingView(f"{design.name} has no configuration {side!r}")
    return product(build(design, claim.left, without), build(design, claim.right, without), sides)


def merge(pair: Pair, asked: Callable[[Pair], Sequence[Property]]) -> Pair:
    """The same two systems with every field shared that no reachable slice state shows to differ, or nearly.

    Starts with all fields of the same name and leaves out what an exploration sees differ, until none does, or
    until every property that is `asked` of the pair is violated before any shared field differs. What follows a field that differs
    is left out with it: the next exploration would see that, as a rule. Where it makes the slice too large, only what was seen is.
    """
    common = _common(pair.left, pair.right) - pair.apart
    apart = product(pair.left, pair.right, pair.names, pair.apart, frozenset())  # shared fields may hide what a claim reads
    matters = frozenset(path.split(".", 1)[1] for path in cone(apart.system, *asked(apart)))
    seen, followed, following = frozenset[str](), frozenset[str](), True
    while True:
        pair = product(pair.left, pair.right, pair.names, pair.apart, common - seen - followed)
        pair.matters = matters
        wanted, checked = list(asked(pair)), pair.checks()
        try:
            slice_ = Slice(narrow(pair.system, [*checked, *wanted]), [*checked, *wanted])
            reached = explore(slice_, stop=stops(checked, wanted))
        except TooLarge:
            if not followed:
                return pair
            followed, following = frozenset(), False
            continue
        lost = frozenset(prop.claim for prop in checked if reached.violated[prop.claim])
        first = min((reached.violated[path][0].depth for path in lost), default=0)
        if not lost or all(hits and hits[0].depth < first for hits in (reached.violated[prop.claim] for prop in wanted)):
            pair.explored = slice_, reached
            return pair
        seen |= lost
        if following:
            followed |= pair.followers(lost, [prop.claim for prop in checked])


def stops(along: Sequence[Property], asked: Sequence[Property]) -> Callable[[Reached], bool]:
    """Whether an exploration has seen enough: a field that is wrongly shared, or every question violated."""

    def enough(reached: Reached) -> bool:
        return any(reached.violated[prop.claim] for prop in along) or all(reached.violated[prop.claim] for prop in asked)

    return enough


def _common(left: System, right: System) -> frozenset[str]:
    return frozenset(path for path, term in left.variables.items() if path in right.variables and right.variables[path].width == term.width)


def _shared(left: System, right: System, pairs: Mapping[str, tuple[Action, Action]], apart: frozenset[str]) -> frozenset[str]:
    """Fields whose next values are the same terms on both sides, as long as these fields are equal before."""
    shared = set(_common(left, right) - apart)
    while True:
        rename = {term: term if path in shared else variable(f"right.{path}", term.width) for path, term in right.variables.items()}
        memo: dict[Term, Term] = {}
        lost = set()
        for one, other in pairs.values():
            here, there = _side(left, one), _side(right, other)
            for path in shared & (set(here) | set(there)):
                mine = here.get(path, left.variables[path])
                theirs = substitute([there.get(path, right.variables[path])], rename, memo)[0]
                if mine is not theirs:
                    lost.add(path)
        if not lost:
            return frozenset(shared)
        shared -= lost


def _pair_action(
    left: System, right: System, name: str, pair: tuple[Action, Action], names: tuple[str, str],
    shared: frozenset[str], renames: list[dict[Term, Term]],
) -> Action:  # fmt: skip
    one, other = pair
    guards = [cast(Bool, substitute([action.guard], renames[side])[0]) for side, action in enumerate(pair)]
    assumed = [{key: cast(Bool, substitute([term], renames[side])[0]) for key, term in action.assumed.items()} for side, action in enumerate(pair)]
    enabled = [conj((guards[side], *assumed[side].values())) for side in (0, 1)]
    both = enabled[0] is enabled[1]
    next_: dict[str, Term] = {}
    observed: dict[str, Term] = {}
    for side, (system, action) in enumerate(((left, one), (right, other))):
        for path, term in zip(action.next, substitute(list(action.next.values()), renames[side]), strict=True):
            own = path if path in shared else f"{names[side]}.{path}"
            old = renames[side][system.variables[path]]
            if side == 0 or path not in shared:  # that the right side agrees is what `sharing` says
                next_[own] = term if both else choose(enabled[side], term, old)
        for path, term in zip(action.observed, substitute(list(action.observed.values()), renames[side]), strict=True):
            zero = cast(Term, term ^ term)  # type: ignore[operator]
            observed[f"{names[side]}.{path}"] = term if both else choose(enabled[side], term, zero)
    return Action(
        name=name, by=one.by, source=one.source, doc=one.doc, inputs=one.inputs,
        guard=guards[0] if both else enabled[0] | enabled[1], assumed=assumed[0] if both else {},
        next=next_, observed=observed, bits=one.bits,
    )  # fmt: skip
