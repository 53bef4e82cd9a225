"""Two systems in lockstep: what is needed to compare what can be seen of them, and no more.

Both take the same actions with the same inputs. What guards read, they must agree on: it decides what can
happen next, so one copy of it is kept. A step after which they would not agree on it, or after which
something seen differs, ends the common run; nothing happens any more then, and fields that are no longer
needed say what differs (`slots`): of a word, the bits. Fields that nothing seen depends on are left out, and fields that
are the same terms on both sides are kept once. So the pair is about the size of one system with the fields
doubled that the change touches.

Two comparisons of words that have one form, once with the old and once with the new side's fields, have one
answer unless this bit tells them apart (`System.couple`). So the runs that the slice shows are real, and that
there are no others is what the lemmas say, of which Z3 is the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from specproof.claims import Property, Views
from specproof.graph import conjuncts, postorder, substitute, variables
from specproof.state import Field
from specproof.system import Action, System
from specproof.terms import TRUE, Bool, Term, Word, choose, conj, disj, implies, variable

#: What differs where the sides no longer agree on what can happen next, and the field that says that anything does.
COURSE, PARTED = "course", "parted"

#: The bits in which something seen of both sides differs, or whether it does: 0 or false where it is not seen of both.
Difference = Callable[[Views, Views], Term]

#: The two sides of a pair, as prefixes of the fields that are kept twice.
NAMES = ("old", "new")


@dataclass(frozen=True)
class Lockstep:
    """The pair as one system. `shared` fields are kept once; `control` are those that guards read.

    `alike`: both initial predicates say the same of every field that both have.
    """

    system: System
    sides: tuple[System, System]
    shared: frozenset[str]
    control: frozenset[str]
    slots: Mapping[str, str]
    first: Mapping[str, Term]
    alike: bool

    def never(self, name: str) -> Property:
        """That an observable, or the course, is never the first to differ."""
        parted = cast(Bool, self.system.variables[PARTED])
        return Property(name, implies(parted, nothing(self.system.variables[self.slots[name]])), {})

    def of_side(self, side: int, values: Mapping[str, int]) -> dict[str, int]:
        """The values of one side's fields, from values of the pair's."""
        names = {path: _own(side, path, self.shared) for path in self.sides[side].variables}
        return {path: values[name] for path, name in names.items() if name in values}


def nothing(difference: Term) -> Bool:
    """There is no difference."""
    return cast(Word, difference) == 0 if difference.width else ~cast(Bool, difference)


def _own(side: int, path: str, shared: frozenset[str]) -> str:
    return path if path in shared else f"{NAMES[side]}.{path}"


#: How much of a start the two have in common, from all that both have to what they need to be able to start at all.
TOGETHER, AS_SAID, LOOSE = "together", "as said", "loose"


def lockstep(old: System, new: System, seen: Mapping[str, Difference], wanted: Sequence[str], start: str = AS_SAID) -> Lockstep:
    """The pair of two systems with the same actions and inputs, until one of `seen`, over the views `wanted`, tells them apart.

    Both start with the same values of the fields that are frozen on both sides, and of those about which both
    initial predicates say the same; `TOGETHER` of all fields that both have; `LOOSE` only of those about which
    they say the same and that nothing ties to a field that starts apart. Unless loose, it may be that no run starts.
    """
    control = _control(old, new)
    sides = (_needed(old, wanted, control), _needed(new, wanted, control))
    left, right = sides
    differ = _start_apart(left, right, start)
    shared = _shared(left, right, control, differ)
    renames = [{term: variable(_own(side, path, shared), term.width) for path, term in system.variables.items()} for side, system in enumerate(sides)]
    held: dict[str, Term] = {}
    fields: dict[str, Field] = {}
    for side, system in enumerate(sides):
        for path, term in system.variables.items():
            held[_own(side, path, shared)], fields[_own(side, path, shared)] = renames[side][term], system.fields[path]
    values = [{**system.state(), **dict(zip(system.variables, renames[side].values(), strict=True))} for side, system in enumerate(sides)]
    views = [Views(system, values[side]) for side, system in enumerate(sides)]
    first = {name: difference(*views) for name, difference in seen.items()}
    slots = _slots(first, held, control, shared)
    for name, path in ((PARTED, PARTED), *slots.items()):
        if path not in held:
            width = 0 if name == PARTED else first[name].width if name in first else 0
            held[path], fields[path] = variable(path, width), Field(f"what differs: {name}", name=path, width=width)
    extra = [path for path in (PARTED, *slots.values()) if path not in control and path not in shared and "." not in path]
    tests: set[Term] = set()
    merged = {name: _pair(sides, name, shared, control, renames, seen, tests, slots) for name in left.actions}
    starts = [cast(Bool, substitute([system.initial], renames[side])[0]) for side, system in enumerate(sides)]
    same = [
        cast(Bool, renames[0][term] == renames[1][right.variables[path]])
        for path, term in left.variables.items()
        if path in right.variables and path not in shared and path not in differ and right.variables[path].width == term.width
    ]
    quiet = [nothing(held[path]) for path in extra]
    system = System(
        design=old.design if old.design == new.design else f"{old.design}~{new.design}", configuration=new.configuration, record=old.record,
        variables=held, fields=fields, constants={}, places=old.places, initial=conj((*starts, *same, *quiet)), initially_assumed={},
        actions=merged, view=_no_view, couple=_couple(held, tests),
    )  # fmt: skip
    return Lockstep(system, sides, shared, control, slots, first, not _start_apart(left, right, AS_SAID))


def _slots(first: Mapping[str, Term], held: Mapping[str, Term], control: frozenset[str], shared: frozenset[str]) -> dict[str, str]:
    """A field for each difference: one of control, or of the new side, whose own value is not needed any more."""
    free: dict[int, list[str]] = {}
    for path in sorted(held):
        if path in control or (path not in shared and path.startswith(f"{NAMES[1]}.")):
            free.setdefault(held[path].width, []).insert(0, path)
    widths = {**{name: term.width for name, term in first.items()}, COURSE: 0}
    return {name: free[width].pop() if free.get(width) else f"differs in {name}" for name, width in widths.items()}


def _couple(held: Mapping[str, Term], apart: set[Term]) -> Callable[[Term], Term]:
    """A test on the new side is the old side's of the same form, but for those that compare the sides."""
    old, new = (f"{name}." for name in NAMES)
    twice = {path.removeprefix(new): term for path, term in held.items() if path.startswith(new) and old + path.removeprefix(new) in held}
    by = {term: held[old + path] for path, term in twice.items() if held[old + path].width == term.width}
    memo: dict[Term, Term] = {}
    return lambda term: term if term in apart else substitute([term], by, memo)[0]


def _no_view(name: str, values: Mapping[str, Term]) -> Term:
    raise KeyError(name)


def _control(old: System, new: System) -> frozenset[str]:
    """The truth values of both that guards read."""
    read = {str(term.data) for system in (old, new) for action in system.actions.values() for term in variables([action.guard]) if not term.width}
    return frozenset(path for path in read if all(path in system.variables and not system.variables[path].width for system in (old, new)))


def _needed(system: System, wanted: Sequence[str], control: frozenset[str]) -> System:
    """The system without the fields on which neither the views depend nor what can happen next."""
    names = {term.data for term in variables([system.view(view, system.state()) for view in wanted])}
    names |= {term.data for view in wanted for action in system.actions.values() for term in variables([system.view(view, system.after(action))])}
    names = (names | control) & set(system.variables)
    parts = conjuncts(system.starts)
    while True:
        before = len(names)
        for action in system.actions.values():
            touched = [term for path, term in action.next.items() if path in names]
            names |= {term.data for term in variables([action.enabled, *touched])} & set(system.variables)
        for part in parts:
            read = {term.data for term in variables([part])}
            if read & names and len(read) > 1:
                names |= read & set(system.variables)
        if len(names) == before:
            break
    initial = conj(part for part in parts if {term.data for term in variables([part])} & names)
    actions = {
        name: replace(action, next={path: term for path, term in action.next.items() if path in names}) for name, action in system.actions.items()
    }
    return replace(
        system, variables={path: term for path, term in system.variables.items() if path in names}, initial=initial, initially_assumed={},
        actions=actions,
    )  # fmt: skip


def _start_apart(left: System, right: System, start: str) -> frozenset[str]:
    """Fields about which the two initial predicates do not say the same: each side starts as it says itself.

    What never changes on either side is the same on both where that can be: the two run on one host.
    """
    if start == TOGETHER:
        return frozenset()
    parts = [conjuncts(left.initial), conjuncts(right.initial)]
    about: list[dict[str, set[Term]]] = [{}, {}]
    for side in (0, 1):
        for part in parts[side]:
            for term in variables([part]):
                about[side].setdefault(str(term.data), set()).add(part)
    paths = set(left.variables) & set(right.variables)
    frozen = {path for path in paths if left.fields[path].frozen and right.fields[path].frozen and start != LOOSE}
    apart = {path for path in paths - frozen if about[0].get(path) != about[1].get(path)}
    tied = [{str(term.data) for term in variables([part])} for side in parts for part in side]
    while start == LOOSE and (more := {path for names in tied if names & apart for path in names & paths} - apart):
        apart |= more
    return frozenset(apart)


def _shared(left: System, right: System, control: frozenset[str], differ: frozenset[str]) -> frozenset[str]:
    """Control, and the fields whose next values are the same terms on both sides as long as these are equal before."""
    both = {path for path, term in left.variables.items() if path in right.variables and right.variables[path].width == term.width}
    shared = (both - differ) | control
    while True:
        rename = {term: term if path in shared else variable(f"right.{path}", term.width) for path, term in right.variables.items()}
        memo: dict[Term, Term] = {}
        lost = set()
        for name, one in left.actions.items():
            other = right.actions[name]
            for path in (shared - control) & (set(one.next) | set(other.next)):
                mine = one.next.get(path, left.variables[path])
                theirs = substitute([other.next.get(path, right.variables[path])], rename, memo)[0]
                if mine is not theirs:
                    lost.add(path)
        if not lost:
            return frozenset(shared)
        shared -= lost


def _pair(
    sides: tuple[System, System], name: str, shared: frozenset[str], control: frozenset[str], renames: Sequence[Mapping[Term, Term]],
    seen: Mapping[str, Difference], tests: set[Term], slots: Mapping[str, str],
) -> Action:  # fmt: skip
    """The action as both take it; where something differs afterwards, only what differs is kept, and nothing happens any more."""
    enabled: list[Bool] = []
    after: list[dict[str, Term]] = []
    moved: dict[str, Term] = {}
    for side, system in enumerate(sides):
        action = system.actions[name]
        found = iter(substitute([action.enabled, *action.next.values(), *action.observed.values()], renames[side]))
        enabled.append(cast(Bool, next(found)))
        before = {path: renames[side][term] for path, term in system.variables.items()}
        then = {path: next(found) for path in action.next}
        told = {path: next(found) for path in action.observed}
        after.append({**system.state(), **before, **{path: choose(enabled[side], term, before[path]) for path, term in then.items()}})
        after[side] |= {path: choose(enabled[side], term, cast(Term, term ^ term)) for path, term in told.items()}  # type: ignore[operator]
        moved |= {_own(side, path, shared): after[side][path] for path in then}
    views = [Views(system, after[side]) for side, system in enumerate(sides)]
    differ = {name: difference(*views) for name, difference in seen.items()}
    differ[COURSE] = ~conj((enabled[0] == enabled[1], *(cast(Bool, after[0][path] == after[1][path]) for path in sorted(control))))
    words: dict[int, Term] = {}
    for term in differ.values():
        if term.width:
            words[term.width] = cast(Word, words[term.width]) | cast(Word, term) if term.width in words else term
    alike = [nothing(term) for term in words.values()]
    apart = set(words.values())
    tests |= {inner for inner in postorder(alike) if inner.op == "eq" and inner.args[0] in apart}
    together = conj((*alike, *(nothing(term) for term in differ.values() if not term.width)))
    going = ~cast(Bool, variable(PARTED, 0))
    next_ = {path: choose(together, term, _old(path, term)) for path, term in moved.items()}
    if together is not TRUE:
        next_[PARTED] = ~together
        for what, term in differ.items():
            path = slots[what]
            next_[path] = choose(together, next_.get(path, variable(path, term.width)), term)
    one = sides[0].actions[name]
    return Action(
        name=one.name, by=one.by, source=one.source, doc=one.doc, inputs=one.inputs, guard=disj(enabled) & going, assumed={}, next=next_, observed={}
    )  # fmt: skip


def _old(path: str, term: Term) -> Term:
    return variable(path, term.width)
