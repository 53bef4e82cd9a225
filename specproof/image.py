"""What an action can do to slice states, worked out once for each pattern of the bits that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from specproof.layout import Entailment, Indices, States
from specproof.program import Array
from specproof.slice import Move, Slice
from specproof.table import Table

#: States that a table is asked about at once: it grows by the patterns that are new, of which few states have most.
ROWS = 1 << 12


class Fresh:
    """Which patterns (projections of states to what a program reads) were not seen before."""

    def __init__(self, mask: int) -> None:
        self.mask = np.uint64(mask)
        self.seen = Table()

    def forget(self) -> None:
        """Every pattern is new again."""
        self.seen = Table()

    def split(self, states: States) -> tuple[States, Indices]:
        """New patterns in the order in which they appear, and for each the index of the first state that has it."""
        patterns = states & self.mask
        index = np.concatenate([begin + self.seen.add(patterns[begin : begin + ROWS]) for begin in range(0, len(patterns) or 1, ROWS)])
        return patterns[index], index


def member(values: States, ordered: States) -> Array:
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.searchsorted(ordered, values)
    place[place == len(ordered)] = 0
    found: Array = ordered[place] == values
    return found


class Image:
    """The successors of an action, by pattern, computed once for each pattern.

    `values[start[i] : start[i] + count[i]]` are the different values of the touched bits, from the pattern numbered i.
    """

    def __init__(self, slice_: Slice, move: Move) -> None:
        self.slice, self.move = slice_, move
        self.mask = np.uint64(move.compiled.mask)
        self.demands = self._demands()
        self.entailed: set[Entailment] = move.compiled.pairs()
        self.weakened = False
        self.looked = 0  # patterns by combinations of inputs
        self._forget()

    def _demands(self) -> tuple[np.uint64, np.uint64]:
        """Bits of a state that the guard reads by themselves, and those of them that must be set: most states do not have them."""
        program, keys = self.move.compiled.program, self.slice.layout.keys
        bits = {1 << keys[key]: wanted for key, wanted in program.demands(program.outputs[0]).items() if key in keys}
        return np.uint64(sum(bits)), np.uint64(sum(bit for bit, wanted in bits.items() if wanted))

    def _forget(self) -> None:
        self.patterns = Table()
        self.start = np.empty(0, dtype=np.int64)
        self.count = np.empty(0, dtype=np.int64)
        self.values = np.empty(0, dtype=np.uint64)
        self._last: tuple[States, Indices, Indices] | None = None

    def learn(self, states: States) -> None:
        """Works out the images of these states' patterns. Where one contradicts an entailment between two tests, that is
        given up and everything known is forgotten: `weakened` says so, and earlier states must be asked about again.
        """
        self.weakened = False
        self._places(states, watch=True)
        if self.weakened:
            self._forget()

    def fires(self, states: States) -> Array:
        """From which of the states the action leads anywhere, be it to the same state."""
        some, place = self._places(states)
        found = np.zeros(len(states), dtype=np.bool_)
        found[some] = self.count[place] > 0
        return found

    def successors(self, states: States) -> tuple[States, Indices]:
        """Successors that differ from their predecessor, and the predecessors' indices."""
        found, sources = self.steps(states)
        moved = found != states[sources]
        return found[moved], sources[moved]

    def steps(self, states: States) -> tuple[States, Indices]:
        """Where the action leads, and the index of the state that each step is from: also steps that change nothing."""
        some, place = self._places(states)
        count = self.count[place]
        total = int(count.sum())
        if not total:
            return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
        sources = some.repeat(count)
        first = count.cumsum() - count
        offset = np.arange(total) + (self.start[place] - first).repeat(count)
        base = states & ~np.uint64(self.move.touched)
        return base[sources] | self.values[offset], sources

    def _places(self, states: States, *, watch: bool = False) -> tuple[Indices, Indices]:
        """Which of the states have what the guard demands, and where the images of their patterns are, now that those not known are worked out.
        `watch`: give up entailments."""
        if self._last is None or self._last[0] is not states:
            read, wanted = self.demands
            some = ((states & read) == wanted).nonzero()[0]
            patterns = states[some] & self.mask
            place, new = self.patterns.numbered(patterns)
            if len(new):
                self._extend(patterns[new], watch=watch)
            self._last = states, some, place
        return self._last[1:]

    def _extend(self, patterns: States, *, watch: bool) -> None:
        """The images of further patterns; of those in which the guard is false with all inputs, nothing but that is worked out."""
        inputs = 1 << len(self.move.compiled.inputs)
        self.looked += inputs * len(patterns)
        enabled = self.move.compiled.possible(self.slice.layout, patterns)
        counts, values = np.zeros(len(patterns), dtype=np.int64), [self.values]
        for part in self.move.compiled.blocks(len(enabled)):
            counts[enabled[part]], found = self._evaluate(patterns[enabled[part]], inputs, watch=watch)
            values.append(found)
        self.start = np.concatenate([self.start, len(self.values) + counts.cumsum() - counts])
        self.count, self.values = np.concatenate([self.count, counts]), np.concatenate(values)

    def _evaluate(self, patterns: States, inputs: int, *, watch: bool) -> tuple[Indices, States]:
        """The number of different successors of each pattern, and these.

        Outputs that depend on the inputs are put together as a short code first: sorting short codes is what
        is cheap, and only the different ones are spread to the positions of their bits.
        """
        steps = self.move.compiled.steps(self.slice.layout, patterns)
        if watch and self.entailed and (lost := steps.contradicted(self.entailed)):
            self.entailed -= lost
            self.weakened = True
        steps.exclude(self.entailed)
        enabled = steps.spread(steps.possible)
        if len(enabled) < len(patterns):
            enabled = np.broadcast_to(enabled, (len(patterns), inputs))
        plain = np.zeros(len(patterns), dtype=np.uint64)
        vary: list[tuple[Array, int]] = []
        for output, varies, bit in zip(steps.outputs[1:], self.move.compiled.varies[1:], self.move.targets, strict=False):
            if varies:
                vary.append((steps.spread(output), bit))
            else:
                plain |= output[:, 0] & np.uint64(1 << bit)
        size = np.min_scalar_type((2 << len(vary)) - 1)
        codes = np.full(enabled.shape, (2 << len(vary)) - 1, dtype=size)
        np.copyto(codes, _code([output for output, _ in vary], size), where=enabled)
        codes.sort(axis=1)
        keep = np.ones(codes.shape, dtype=np.bool_)
        keep[:, 1:] = codes[:, 1:] != codes[:, :-1]
        keep &= codes != (2 << len(vary)) - 1
        count = keep.sum(axis=1)
        found = plain.repeat(count)
        distinct = codes[keep]
        for number, (_, bit) in enumerate(vary):
            found |= (((distinct >> number) & 1).astype(np.uint64)) << np.uint64(bit)
        return count, found


def _code(outputs: list[Array], size: np.dtype[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    """The outputs as the bits of one number, the narrower ones put together first."""
    code = np.zeros((1, 1), dtype=size)
    for number, output in sorted(enumerate(outputs), key=lambda item: item[1].size):
        code = code | (output.astype(size) << size.type(number))
    return code


def explored(slice_: Slice, entailed: Mapping[str, set[Entailment]]) -> list[Image]:
    """What each action of a slice does, of which an exploration has seen what its tests entail."""
    found = [Image(slice_, move) for move in slice_.moves]
    for image in found:
        image.entailed = set(entailed[image.move.action.name])
    return found
