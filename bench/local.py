"""Parts of a system that its claims can be decided on alone, and parts that are one another by another name.

A claim depends on its cone: the fields that it reads, and whatever decides what happens to those. A run of the
system, seen through the cone, is a run of the part, with steps left out that change nothing there; and every run
of the part is a run of the system. So a claim holds of both or of neither, with shortest runs of one length. Where
two parts are the same terms up to names, one of them is decided for both: n virtual CPUs that share a policy cost
as one. A refutation is told, and replayed on integers, on the whole system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from specproof.claims import Property
from specproof.decision import Decision
from specproof.errors import SpecproofError
from specproof.graph import postorder, substitute, variables
from specproof.lift import Disagreement
from specproof.readings.smtlib import script
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import FALSE, TRUE, Bool, Term, conj, variable
from specproof.trace import Trace, replay, violates
from specproof.verdict import LemmaLine, Proved, Refuted, Verdict


@dataclass(frozen=True)
class Part:
    """A system of some of the fields, and the properties that lie within them."""

    system: System
    properties: Mapping[str, Property]


def parts(system: System, properties: Mapping[str, Property]) -> list[Part]:
    """The system cut into parts, each with the properties that can be decided on it; the system itself where it is one."""
    cutter = _Cutter(system)
    cones = {name: frozenset(cutter.cone(prop)) for name, prop in properties.items()}
    widest = [cone for cone in dict.fromkeys(cones.values()) if not any(cone < other for other in set(cones.values()))]
    found = []
    left = dict(properties)
    for cone in widest:
        inside = {name: prop for name, prop in left.items() if cones[name] <= cone}
        left = {name: prop for name, prop in left.items() if name not in inside}
        if inside:
            found.append(cutter.cut(cone, inside))
    return found


def _said(prop: Property) -> list[Property]:
    return [prop, *([prop.happens] if prop.happens is not None else [])]


def _asked(prop: Property, action: str) -> bool:
    """Whether a step by this action can decide the property."""
    return any(one.steps.get(action, TRUE) is not (TRUE if one is prop else FALSE) for one in _said(prop))


def _conjuncts(term: Bool) -> list[Bool]:
    return [part for arg in term.args for part in _conjuncts(cast(Bool, arg))] if term.op == "and" else [term]


class _Cutter:
    """A system, and the fields that its terms read."""

    def __init__(self, system: System) -> None:
        self.system, self._reads = system, dict[Term, frozenset[str]]()
        self.starts = [part for term in (system.initial, *system.initially_assumed.values()) for part in _conjuncts(term)]
        self.whole = system.state()
        self.views = {name: self.names(system.view(name, self.whole)) for name in system.views - set(system.lacking)}

    def names(self, *terms: Term) -> frozenset[str]:
        """The fields that terms read."""
        for term in terms:
            if term not in self._reads:
                self._reads[term] = frozenset(str(used.data) for used in variables([term])) & self.system.variables.keys()
        return frozenset().union(*(self._reads[term] for term in terms))

    def cone(self, prop: Property) -> set[str]:
        """The fields on which the verdict can depend, and the length of a shortest run."""
        actions = self.system.actions
        if prop.steps and not any(_asked(prop, name) for name in actions):
            return set(self.system.variables)
        found = set(self.names(*(one.state for one in _said(prop) if one.state is not None)))
        for name, action in actions.items():
            if prop.steps and _asked(prop, name):
                found |= self.names(action.enabled, *(one.steps[name] for one in _said(prop) if name in one.steps))
        while True:
            before = len(found)
            for action in actions.values():
                if moved := found & action.next.keys():
                    found |= self.names(action.enabled, *(action.next[path] for path in moved))
            for part in self.starts:
                if self.names(part) & found:
                    found |= self.names(part)
            if len(found) == before:
                return found

    def cut(self, cone: frozenset[str], properties: Mapping[str, Property]) -> Part:
        """The part of these fields."""
        system = self.system
        if cone >= system.variables.keys():
            return Part(system, properties)

        def kept(term: Bool) -> Bool:
            return conj(part for part in _conjuncts(term) if self.names(part) <= cone)

        actions = {}
        for name, action in system.actions.items():
            moved = {path: term for path, term in action.next.items() if path in cone}
            if moved or any(prop.steps and _asked(prop, name) for prop in properties.values()):
                seen = {path: term for path, term in action.observed.items() if self.names(term) <= cone}
                actions[name] = replace(action, next=moved, observed=seen)
        small = replace(
            system, variables={path: term for path, term in system.variables.items() if path in cone}, actions=actions,
            fields={path: one for path, one in system.fields.items() if path in cone or path not in system.variables},
            initial=kept(system.initial), initially_assumed={name: kept(term) for name, term in system.initially_assumed.items()},
            views=frozenset(name for name, names in self.views.items() if names <= cone),
            view=lambda name, values: system.view(name, {**self.whole, **values}),
        )  # fmt: skip
        return Part(small, {name: _only(prop, actions) for name, prop in properties.items()})


def _only(prop: Property, actions: Mapping[str, Action]) -> Property:
    happens = None if prop.happens is None else _only(prop.happens, actions)
    return replace(prop, steps={name: term for name, term in prop.steps.items() if name in actions}, happens=happens)


@dataclass(frozen=True)
class Shape:
    """A part without its names: the text is that of another part if and only if renaming makes one the other.

    `names` has its variables, inputs and actions in the order in which the text numbers them.
    """

    text: str
    fields: tuple[str, ...]
    actions: tuple[str, ...]
    claims: tuple[str, ...]


def shape(part: Part, kinds: Mapping[str, str]) -> Shape:
    """The part with its variables and inputs numbered in the order of their first use."""
    system = part.system
    roots: list[Term] = [system.initial, *system.initially_assumed.values()]
    outline: list[object] = [list(system.initially_assumed)]
    for action in system.actions.values():
        roots += [*action.inputs.values(), *(system.variables[path] for path in action.next), action.guard, *action.assumed.values()]
        roots += action.next.values()
        outline.append([len(action.inputs), list(action.assumed), len(action.next)])
    for prop in part.properties.values():
        for one in _said(prop):
            roots += [*([] if one.state is None else [one.state]), *one.steps.values()]
            outline.append([kinds[prop.claim], one is prop, one.state is None, [list(system.actions).index(name) for name in one.steps]])
    roots += system.variables.values()
    order = [term for term in postorder(roots) if term.op == "var"]
    numbered = {term: variable(f"v{number}", term.width) for number, term in enumerate(order)}
    same = cast(list[Bool], substitute(roots, numbered))
    known = set(system.variables.values())
    fields = tuple(str(term.data) for term in order if term in known)
    return Shape(f"{outline}\n{script(same, check=False)}", fields, tuple(system.actions), tuple(part.properties))


def decide_apart(
    system: System, properties: Mapping[str, Property], kinds: Mapping[str, str], solver: Solver, report: Callable[[str, Verdict], None]
) -> int:
    """Decides every property like `decide.Decision`, part by part, and equal parts once; how many parts were decided."""
    start = solver.ask([system.starts])
    if start.word != "sat":
        raise SpecproofError(f"{system.design}: nothing satisfies its initial predicate")
    done: dict[str, tuple[Shape, dict[str, Verdict]]] = {}
    for part in parts(system, properties):
        mine = shape(part, kinds)
        if mine.text not in done:
            verdicts: dict[str, Verdict] = {}
            Decision(part.system, part.properties, kinds, solver, verdicts.__setitem__).run()
            done[mine.text] = (mine, verdicts)
        theirs, verdicts = done[mine.text]
        for name, other in zip(mine.claims, theirs.claims, strict=True):
            report(name, _translated(verdicts[other], Whole(system, start.values, theirs, mine), properties[name], kinds[name]))
    return len(done)


@dataclass(frozen=True)
class Whole:
    """Where a verdict on one part is told: the system, a state that it can start in, and the names of both parts."""

    system: System
    start: Mapping[str, int]
    theirs: Shape
    mine: Shape

    def run(self, trace: Trace, prop: Property, wanted: bool) -> Trace:
        """The run as one of the whole system, replayed."""
        names = dict(zip(self.theirs.fields, self.mine.fields, strict=True))
        actions = dict(zip(self.theirs.actions, self.mine.actions, strict=True))
        given = {names[path]: value for path, value in trace.initial.items() if path in names}
        initial = {path: given.get(path, self.start.get(path, 0)) for path in self.system.variables}  # what is outside of a part starts by itself
        steps = [(actions[step.action], dict(zip(self.system.actions[actions[step.action]].inputs, step.inputs.values(), strict=True)))
                 for step in trace.steps]  # fmt: skip
        found = replay(self.system, prop.claim, initial, steps)
        if found is None or violates(self.system, prop, found) == wanted:
            raise Disagreement(f"{prop.claim} on {self.system.design}: the run of a part does not replay on the whole")
        return found

    def text(self, said: str) -> str:
        """A sentence about the other part, about this one."""
        names = {**dict(zip(self.theirs.fields, self.mine.fields, strict=True)), **dict(zip(self.theirs.actions, self.mine.actions, strict=True))}
        names |= dict(zip(self.theirs.claims, self.mine.claims, strict=True))
        return re.sub(r"[\w.-]*\w", lambda found: names.get(found[0], found[0]), said)


def _translated(verdict: Verdict, whole: Whole, prop: Property, kind: str) -> Verdict:
    if isinstance(verdict, Refuted):
        return replace(verdict, trace=whole.run(verdict.trace, prop, False))
    if isinstance(verdict, Proved):
        say = whole.text
        lines = tuple(
            LemmaLine(say(one.equation), tuple(map(say, one.keeps)), tuple(map(say, one.used_by)), say(one.sentence)) for one in verdict.lemmas
        )
        target = prop if kind == "reachability" else prop.happens
        witness = verdict.witness and whole.run(verdict.witness, target or prop, True)
        return replace(verdict, lemmas=lines, witness=witness)
    return verdict
