"""Looking for a run that kills a mutant, from what is known of the design that it is a mutant of.

Nearly all of a mutant's reachable slice states are the design's own, and are known with the images of every
action. So the wrong action is tried in all of them at once; only states that the design does not have are
explored. What is found is lifted and replayed on integers, so a kill is a real run of the mutant. That nothing
is found means nothing: survivors are explored in full elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from specproof.certify import accept
from specproof.claims import Claim, MissingView, Phrase, Property, Views, assembled, instantiate, phrase
from specproof.explore import Reached, explore
from specproof.fallback import never
from specproof.graph import variables
from specproof.image import Image, member
from specproof.layout import CHUNK, Compiled, Indices, States
from specproof.lemmas import discover
from specproof.lift import Disagreement, Judge, Steps, target_of, unroll
from specproof.slice import Move, Slice
from specproof.solver import Solver
from specproof.system import Action, System, _conjuncts
from specproof.terms import Bool, Term
from specproof.trace import Trace

#: New slice states that a mutant may have before the search gives up, and runs of it that are tried.
MOST, TRIES = 300_000, 6


@dataclass(frozen=True)
class Killed:
    """A claim that the mutant breaks, and the run that shows it."""

    claim: str
    trace: Trace


class Wide(Slice):
    """A slice whose positions are told apart by the low half of a word, which mutants may cut."""

    def _finish(self) -> None:
        compiler = self.compiler(tests=False)
        halves = {(1 << term.width // 2) - 1 for term in self.system.variables.values() if term.width > 32}
        compiler.program.outputs = [compiler.bits(half) for half in sorted(halves)]
        self.finish(compiler.program)
        super()._finish()


@dataclass
class _Known:
    """A group of properties of the design: its program, the claims, and the patterns in which nothing is wrong."""

    action: str | None
    initially: bool
    names: list[str]
    compiled: Compiled
    seen: States


Candidate = tuple[int, str, int, str | None]


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
        self.images = [self._image(move) for move in self.slice.moves]
        self.groups = [
            _Known(group.action, group.initially, group.names, group.compiled, np.unique(self.reached.states & np.uint64(group.compiled.mask)))
            for group in self.slice.groups
        ]
        self.number = {move.action.name: index for index, move in enumerate(self.slice.moves)}

    @cached_property
    def lemmas(self) -> list[Bool]:
        """What holds in every reachable state, at full width: the lemmas of the proofs, and what is said of values that never change."""
        proved = {name: self.properties[name] for name in self.holding}
        certificate = discover(self.slice, self.reached, list(proved.values()))
        if accept(self.system, certificate, proved, self.solver):
            return []
        fixed = {str(term.data) for path, term in self.system.variables.items() if self.system.fields[path].frozen}
        said = [part for whole in (self.system.initial, *self.system.initially_assumed.values()) for part in _conjuncts(whole)]
        always = [part for part in said if {str(one.data) for one in variables([part])} <= fixed]
        return [*always, *(certificate.vocabulary.term(lemma, certificate.vocabulary.here) for lemma in certificate.lemmas)]

    def _instantiate(self, claim: Claim) -> None:
        try:
            self.properties[claim.name] = instantiate(claim, self.system)
        except MissingView:
            return
        views = Views(self.system, self.system.state())
        self.phrases[claim.name] = phrase(claim, *([views, views] if claim.kind == "step" else [views]))
        self.kinds[claim.name] = claim.kind

    def _image(self, move: Move) -> Image:
        image = Image(self.slice, move)
        image.learn(self.reached.states)
        while image.weakened:
            image.learn(self.reached.states)
        return image

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

    def kill(self, actions: Mapping[str, Action]) -> Killed | None:
        """A claim that these actions break; None where none was found. Raises TooLarge where the slice does not fit them."""
        system, properties = self.mutated(actions)
        search = _Search(self, actions, properties)
        for claim, path in search.candidates():
            trace = run_of(system, properties[claim], path, self.solver)
            if trace is not None:
                return Killed(claim, trace)
        return None


def run_of(system: System, prop: Property, path: Sequence[str], solver: Solver) -> Trace | None:
    """The run of these actions that violates a property, replayed; not shrunk."""
    unrolled = unroll(system, path)
    answer = solver.ask([*unrolled.constraints, ~cast(Bool, target_of(prop, unrolled, path))])
    if answer.word != "sat":
        return None
    initial = {name: answer.values.get(name, 0) for name in system.variables}
    steps: Steps = []
    for name, given in zip(path, unrolled.inputs, strict=True):
        steps.append((name, {key: answer.values.get(str(term.data), 0) for key, term in given.items()}))
    trace = Judge(system, prop, False)(initial, steps)
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


class _Search:
    """One mutant: its wrong actions in the design's states, and the states that these lead to."""

    def __init__(self, base: Baseline, actions: Mapping[str, Action], properties: Mapping[str, Property]) -> None:
        self.base, self.properties = base, properties
        slice_ = base.slice
        moves = {name: slice_.move(action) for name, action in actions.items()}
        self.images = {name: self._learned(move) for name, move in moves.items()}
        self.asked: dict[str, tuple[list[str], Compiled]] = {}
        for name, action in actions.items():
            claims = [claim for claim, prop in properties.items() if name in prop.steps]
            if claims:
                self.asked[name] = claims, slice_.violation(action, *((properties[claim].steps[name], None) for claim in claims))
        self.states: list[States] = [base.reached.states]
        self.parents: list[Indices] = [base.reached.parent]
        self.by: list[Indices] = [base.reached.by]

    def _learned(self, move: Move) -> Image:
        image = Image(self.base.slice, move)
        image.learn(self.base.reached.states)
        while image.weakened:
            image.learn(self.base.reached.states)
        return image

    def candidates(self) -> Sequence[tuple[str, list[str]]]:
        """Claims and paths that may kill, shortest first, no path twice."""
        found = self._violated_by_wrong_actions(self.base.reached.states, 0, self.base.depth)
        level, parents, by = self._new(self.base.reached.states, 0, only=set(self.images))
        depths = self.base.depth[parents] + 1 if len(level) else parents
        visited, offset, rounds = self.base.states, len(self.base.reached.states), 0
        while len(level) and not found and offset < len(self.base.states) + MOST and rounds < 64:
            self.states.append(level)
            self.parents.append(parents)
            self.by.append(by)
            found += self._violated(level, offset, depths)
            visited = np.sort(np.concatenate([visited, level]))
            before = depths
            new, parents, by = self._new(level, offset, visited=visited)
            depths = before[parents - offset] + 1 if len(new) else parents
            offset += len(level)
            level, rounds = new, rounds + 1
        return self._paths(found)

    def _new(self, level: States, offset: int, only: set[str] | None = None, visited: States | None = None) -> tuple[States, Indices, Indices]:
        """Successors that are not visited, with the numbers of their parents and actions."""
        known = self.base.states if visited is None else visited
        found, parents, by = [], [], []
        for number, image in enumerate(self.base.images):
            name = image.move.action.name
            if only is not None and name not in only:
                continue
            successors, sources, _ = self.images.get(name, image).successors(level)
            new = ~member(successors, known)
            successors, first = np.unique(successors[new], return_index=True)
            found.append(successors)
            parents.append(sources[new][first] + offset)
            by.append(np.full(len(successors), number, dtype=np.int64))
        level, first = np.unique(np.concatenate(found), return_index=True)
        return level, np.concatenate(parents)[first], np.concatenate(by)[first]

    def _violated_by_wrong_actions(self, states: States, offset: int, depths: Indices) -> list[Candidate]:
        found: list[Candidate] = []
        for name, (claims, compiled) in self.asked.items():
            known = self.images[name].entailed
            found += _shown(self.base.slice, compiled, claims, 1, states, offset, depths, name, known)
        return found

    def _violated(self, level: States, offset: int, depths: Indices) -> list[Candidate]:
        found = self._violated_by_wrong_actions(level, offset, depths)
        for group in self.base.groups:
            if group.initially or group.action in self.asked:
                continue
            known = self.images[group.action].entailed if group.action in self.images else set()
            found += _shown(self.base.slice, group.compiled, group.names, 2, level, offset, depths, group.action, known, group.seen)
        return [one for one in found if one[1] in self.properties]

    def _paths(self, found: list[Candidate]) -> list[tuple[str, list[str]]]:
        parents, by = np.concatenate(self.parents), np.concatenate(self.by)
        paths: dict[tuple[str, tuple[str, ...]], None] = {}
        for _, claim, state, action in sorted(found, key=lambda one: (one[0], one[2])):
            names = [action] if action else []
            while parents[state] >= 0:
                names.append(self.base.slice.moves[int(by[state])].action.name)
                state = int(parents[state])
            paths.setdefault((claim, tuple(names[::-1])))
            if len(paths) >= TRIES:
                break
        return [(claim, list(path)) for claim, path in paths]


def _shown(
    slice_: Slice, compiled: Compiled, claims: Sequence[str], stride: int, states: States, offset: int, depths: Indices, action: str | None,
    known: set[tuple[Term, Term]], seen: States | None = None,
) -> list[Candidate]:  # fmt: skip
    """The first violations of each claim in these states: depth, claim, number of the state, action."""
    patterns, index = np.unique(states & np.uint64(compiled.mask), return_index=True)
    if seen is not None:
        new = ~member(patterns, seen)
        patterns, index = patterns[new], index[new]
    found: list[Candidate] = []
    rows = max(1, CHUNK >> len(compiled.inputs))
    for begin in range(0, len(patterns), rows):
        outputs, exists = compiled.run(slice_.layout, patterns[begin : begin + rows])
        possible = outputs[0] & exists & ~compiled.excluded(outputs, known)
        for place, claim in enumerate(claims):
            shown = possible & outputs[1 + 2 * place]
            hit = np.flatnonzero(np.broadcast_to(shown, (len(patterns[begin : begin + rows]), shown.shape[1])).any(axis=1))
            if len(hit):
                numbers = index[begin : begin + rows][hit]
                best = numbers[np.argsort(depths[numbers], kind="stable")][:TRIES]
                found += [(int(depths[number]) + (action is not None), claim, int(number) + offset, action) for number in best]
    return found

