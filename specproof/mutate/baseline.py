"""A design that is mutated, in one configuration: its slice states, what its claims say, and what holds in every state of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from specproof.certify import accept
from specproof.claims import Claim, MissingView, Phrase, Property, Views, assembled, instantiate, phrase
from specproof.explore import Reached, explore
from specproof.fallback import never
from specproof.graph import conjuncts, variables
from specproof.image import explored
from specproof.layout import Compiled, Indices, States
from specproof.lemmas import discover
from specproof.lift import Disagreement, Judge, run_from, target_of, unroll
from specproof.program import Array
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import TRUE, Bool, Term, conj, implies
from specproof.trace import Trace

#: Runs that are tried among those of one length.
TRIES = 24
#: The property that what the slice shows of pairs of fields is always so.
ALWAYS = "always"


class Wide(Slice):
    """A slice whose positions are told apart by the low half of a word, which mutants may cut."""

    def _finish(self) -> None:
        compiler = self.compiler(tests=False)
        halves = {(1 << term.width // 2) - 1 for term in self.system.variables.values() if term.width > 32}
        compiler.program.outputs = [compiler.bits(half) for half in sorted(halves)]
        self.finish(compiler.program)
        super()._finish()


@dataclass
class Known:
    """A group of properties of the design: its program, the claims, and the patterns in which nothing is wrong."""

    action: str | None
    initially: bool
    names: list[str]
    compiled: Compiled
    seen: States


def is_value(term: Term, value: bool) -> Bool:
    """A truth value has this value; a word is 0."""
    return cast(Bool, cast(Any, term) == 0) if term.width else cast(Bool, term if value else ~cast(Bool, term))


class Baseline:
    """The design in one configuration, with every claim that holds of it."""

    def __init__(self, system: System, claims: Sequence[Claim], seconds: float | None = None) -> None:
        """Explores the design once. Claims that it breaks, or cannot express, kill nothing."""
        self.system, self.solver = system, Solver(seconds)
        self.phrases: dict[str, Phrase] = {}
        self.properties: dict[str, Property] = {}
        self.kinds: dict[str, str] = {}
        self.claims = {claim.name: claim for claim in claims}
        for claim in claims:
            if claim.kind in ("invariant", "step"):
                self._instantiate(claim)
        goals = {name: never(goal) for name, goal in self.reachability(system).items()}
        self.slice = Wide(system, [*self.properties.values(), *goals.values()])
        self.reached = explore(self.slice)
        self.reachable = {name for name in goals if self.reached.violated[name]}
        self.holding = [name for name in self.properties if not self.reached.violated[name]]
        self.silent = {name for name in self.holding if self.properties[name].happens is not None and not self.reached.happens[name]}
        self.states = np.sort(self.reached.states)
        self.depth = _depths(self.reached)
        self.images = explored(self.slice, self.reached.entailed)
        self.groups = [
            Known(group.action, group.initially, group.names, group.compiled, np.unique(self.reached.states & np.uint64(group.compiled.mask)))
            for group in self.slice.groups
        ]
        self.number = {move.action.name: index for index, move in enumerate(self.slice.moves)}
        self.holding += [name for name in self.properties if name not in self.holding and self._holds_all_the_same(name)]

    @cached_property
    def lemmas(self) -> list[Bool]:
        """What holds in every reachable state, at full width: the lemmas of the proofs, and what is said of values that never change."""
        proved = {name: self.properties[name] for name in self.holding if not self.reached.violated[name]}
        seen = self._always()
        proved[ALWAYS] = Property(ALWAYS, conj(seen), {})
        certificate = discover(self.slice, self.reached, list(proved.values()))
        if accept(self.system, certificate, proved, self.solver):
            return []
        fixed = {str(term.data) for path, term in self.system.variables.items() if self.system.fields[path].frozen}
        said = [part for whole in (self.system.initial, *self.system.initially_assumed.values()) for part in conjuncts(whole)]
        always = [part for part in said if {str(one.data) for one in variables([part])} <= fixed]
        return [*always, *seen, *certificate.terms.values()]

    def _holds_all_the_same(self, name: str) -> bool:
        """A claim that the slice seems to break, since it sees one position: no run shows that, and Z3 finds that it follows from the lemmas."""
        prop = self.properties[name]
        paths = list({tuple(self.reached.path(self.slice, hit)): None for hit in self.reached.violated[name]})[:TRIES]
        if any(run_of(self.system, prop, path, self.solver) is not None for path in paths):
            return False
        asked = [[self.system.actions[action].enabled, ~term] for action, term in prop.steps.items()]
        asked += [] if prop.state is None else [[self.system.starts if prop.steps else TRUE, ~prop.state]]
        return all(self.solver.ask([*self.lemmas, *goal]).word == "unsat" for goal in asked)

    def _always(self) -> list[Bool]:
        """What the slice shows of one field wherever another has a value: that it is off, or 0; and which ones never change."""
        columns: dict[Term, Array] = {}
        for path, term in self.system.variables.items():
            columns[term] = self.slice.layout.column(self.reached.states, ("word" if term.width else "bool", path)).astype(bool).ravel()
        found = []
        constant = {term for term, column in columns.items() if not column.any() or (not term.width and column.all())}
        for term in constant:
            found.append(is_value(term, bool(columns[term][0])))
        rest = [term for term in columns if term not in constant]
        for one in rest:
            for value in (False, True) if not one.width else ():
                some = columns[one] if value else ~columns[one]
                for term in rest:
                    seen = columns[term][some]
                    if term is not one and (not seen.any() or (not term.width and seen.all())):
                        found.append(implies(is_value(one, value), is_value(term, bool(seen[0]))))
        return found

    def _instantiate(self, claim: Claim) -> None:
        try:
            self.properties[claim.name] = instantiate(claim, self.system)
        except MissingView:
            return
        views = Views(self.system, self.system.state())
        self.phrases[claim.name] = phrase(claim, *([views, views] if claim.kind == "step" else [views]))
        self.kinds[claim.name] = claim.kind

    def mutated(self, actions: Mapping[str, Action]) -> tuple[System, dict[str, Property]]:
        """The mutant as a system, and the claims that hold of the design, asked of it."""
        system = replace(self.system, actions={**self.system.actions, **actions})
        before = Views(system, system.state())
        after = {name: Views(system, system.after(action)) for name, action in actions.items()}
        found = {}
        for name in self.holding:
            prop, said = self.properties[name], self.phrases[name]
            if prop.steps:
                for action, views in after.items():
                    step = assembled(self.claims[name], said, None, {action: said.at(*([before, views] if self.kinds[name] == "step" else [views]))})
                    happens = prop.happens
                    if happens is not None and step.happens is not None:
                        happens = replace(happens, steps={**happens.steps, **step.happens.steps})
                    prop = replace(prop, steps={**prop.steps, **step.steps}, happens=happens)
            found[name] = prop
        return system, found

    def reachability(self, system: System) -> dict[str, Property]:
        """What the design can reach, asked of a mutant of it."""
        found = {}
        for claim in self.claims.values():
            if claim.kind == "reachability":
                try:
                    found[claim.name] = instantiate(claim, system)
                except MissingView:
                    continue
        return found


def run_of(system: System, prop: Property, path: Sequence[str], solver: Solver) -> Trace | None:
    """The run of these actions that violates a property, replayed; not shrunk."""
    unrolled = unroll(system, path)
    answer = solver.ask([*unrolled.constraints, ~cast(Bool, target_of(prop, unrolled, path))])
    if answer.word != "sat":
        return None
    trace = Judge(system, prop, False)(*run_from(system, unrolled, path, answer.values))
    if trace is None:
        raise Disagreement(f"{prop.claim} on a mutant of {system.design}: Z3's run does not replay on integers")
    return trace


def _depths(reached: Reached) -> Indices:
    """How many steps from the start each state is."""
    depth = np.zeros(len(reached.states), dtype=np.int64)
    order = np.argsort(reached.parent, kind="stable")
    for state in order:
        if (parent := reached.parent[state]) >= 0:
            depth[state] = depth[parent] + 1
    return depth
