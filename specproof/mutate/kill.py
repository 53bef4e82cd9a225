"""Looking for a run that kills a mutant, from what is known of the design that it is a mutant of.

Nearly all of a mutant's reachable slice states are the design's own, and are known with the images of every
action. So the wrong action is tried in all of them at once; only states that the design does not have are
explored. What is found is lifted and replayed on integers, so a kill is a real run of the mutant. That nothing
is found means nothing: survivors are explored in full elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from specproof.claims import Property
from specproof.image import Image, member
from specproof.layout import Compiled, Entailment, Indices, States
from specproof.mutate.baseline import TRIES, Baseline, run_of
from specproof.slice import Move, Slice
from specproof.system import Action
from specproof.trace import Trace

#: New slice states that a mutant may have before the search gives up, and runs that are tried in all.
MOST, RUNS = 300_000, 96
#: States in which a claim is broken that are looked at for different runs to them.
KEPT = 512


@dataclass(frozen=True)
class Killed:
    """A claim that the mutant breaks, and the run that shows it."""

    claim: str
    trace: Trace


Candidate = tuple[int, str, int, str | None]


def kill(base: Baseline, actions: Mapping[str, Action]) -> Killed | None:
    """A claim that these actions break; None where none was found. Raises TooLarge where the slice does not fit them."""
    system, properties = base.mutated(actions)
    search = _Search(base, actions, properties)
    for claim, path in search.candidates():
        trace = run_of(system, properties[claim], path, base.solver)
        if trace is not None:
            return Killed(claim, trace)
    return None


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

    def candidates(self) -> Iterator[tuple[str, list[str]]]:
        """Claims and paths that may kill, no path twice: from the design's states, then by ever longer runs of the mutant's own."""
        tried: set[tuple[str, tuple[str, ...]]] = set()
        yield from self._paths(self._violated_by_wrong_actions(self.base.reached.states, 0, self.base.depth), tried)
        level, parents, by = self._new(self.base.reached.states, 0, only=set(self.images))
        depths = self.base.depth[parents] + 1 if len(level) else parents
        visited, offset, rounds = self.base.states, len(self.base.reached.states), 0
        while len(level) and len(tried) < RUNS and offset < len(self.base.states) + MOST and rounds < 64:
            self.states.append(level)
            self.parents.append(parents)
            self.by.append(by)
            yield from self._paths(self._violated(level, offset, depths), tried)
            visited = np.sort(np.concatenate([visited, level]))
            before = depths
            new, parents, by = self._new(level, offset, visited=visited)
            depths = before[parents - offset] + 1 if len(new) else parents
            offset += len(level)
            level, rounds = new, rounds + 1

    def _new(self, level: States, offset: int, only: set[str] | None = None, visited: States | None = None) -> tuple[States, Indices, Indices]:
        """Successors that are not visited, with the numbers of their parents and actions."""
        known = self.base.states if visited is None else visited
        found, parents, by = [], [], []
        for number, image in enumerate(self.base.images):
            name = image.move.action.name
            if only is not None and name not in only:
                continue
            successors, sources = self.images.get(name, image).successors(level)
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

    def _paths(self, found: list[Candidate], tried: set[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, list[str]]]:
        """The runs to these violations, each claim's first, then each one's second, and so on: what the slice sees of one may be no run."""
        parents, by = np.concatenate(self.parents), np.concatenate(self.by)
        ranks: Counter[str] = Counter()
        order: list[tuple[int, Candidate]] = []
        for one in sorted(found, key=lambda one: (one[0], one[2])):
            ranks[one[1]] += 1
            order.append((ranks[one[1]], one))
        count = 0
        for _, (_, claim, state, action) in sorted(order, key=lambda one: (one[0], one[1][0], one[1][2])):
            names = [action] if action else []
            while parents[state] >= 0:
                names.append(self.base.slice.moves[int(by[state])].action.name)
                state = int(parents[state])
            path = claim, tuple(names[::-1])
            if path not in tried:
                tried.add(path)
                yield claim, list(path[1])
                count += 1
                if count >= TRIES:
                    return


def _shown(
    slice_: Slice, compiled: Compiled, claims: Sequence[str], stride: int, states: States, offset: int, depths: Indices, action: str | None,
    known: set[Entailment], seen: States | None = None,
) -> list[Candidate]:  # fmt: skip
    """The first violations of each claim in these states: depth, claim, number of the state, action."""
    masked = states & np.uint64(compiled.mask)
    patterns = np.unique(masked)
    if seen is not None:
        patterns = patterns[~member(patterns, seen)]
    found: list[Candidate] = []
    for part in compiled.blocks(len(patterns)):
        steps = compiled.steps(slice_.layout, patterns[part], known)
        for place, claim in enumerate(claims):
            hit = np.flatnonzero(steps.show(1 + 2 * place))
            if len(hit):
                numbers = np.flatnonzero(np.isin(masked, patterns[part][hit]))
                best = numbers[np.argsort(depths[numbers], kind="stable")][:KEPT]
                found += [(int(depths[number]) + (action is not None), claim, int(number) + offset, action) for number in best]
    return found
