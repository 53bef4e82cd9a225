"""What an action can do to slice states, worked out once for each pattern of the bits that it reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from specproof.layout import CHUNK, Entailment, Indices, States
from specproof.readings.bits import Array
from specproof.slice import Move, Slice


class Fresh:
    """Which patterns (projections of states to what a program reads) were not seen before."""

    def __init__(self, mask: int) -> None:
        self.mask = np.uint64(mask)
        self.seen = np.empty(0, dtype=np.uint64)

    def forget(self) -> None:
        """Every pattern is new again."""
        self.seen = np.empty(0, dtype=np.uint64)

    def split(self, states: States) -> tuple[States, Indices]:
        """New patterns, and for each the index of a state that has it."""
        patterns, index = np.unique(states & self.mask, return_index=True)
        new = ~member(patterns, self.seen)
        patterns, index = patterns[new], index[new]
        self.seen = np.sort(np.concatenate([self.seen, patterns]))
        return patterns, index


def member(values: States, ordered: States) -> Array:
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.searchsorted(ordered, values)
    place[place == len(ordered)] = 0
    found: Array = ordered[place] == values
    return found


class Image:
    """The successors of an action, by pattern, computed once for each pattern.

    `values[start[i] : start[i] + count[i]]` are the different values of the touched bits.
    """

    def __init__(self, slice_: Slice, move: Move) -> None:
        self.slice, self.move = slice_, move
        self.patterns = np.empty(0, dtype=np.uint64)
        self.start = np.empty(0, dtype=np.int64)
        self.count = np.empty(0, dtype=np.int64)
        self.values = np.empty(0, dtype=np.uint64)
        self.mask = np.uint64(move.compiled.mask)
        self.entailed: set[Entailment] = move.compiled.pairs()
        self.weakened = False

    def _forget(self) -> None:
        self.patterns, self.values = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64)
        self.start, self.count = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)

    def learn(self, states: States) -> None:
        """Works out the images of these states' patterns. Where one contradicts an entailment between two tests, that is
        given up and everything known is forgotten: `weakened` says so, and earlier states must be asked about again.
        """
        patterns = np.unique(states & self.mask)
        patterns = patterns[~member(patterns, self.patterns)]
        before = len(self.entailed)
        rows = max(1, CHUNK >> len(self.move.compiled.inputs))
        if self.entailed:
            for begin in range(0, len(patterns), rows):
                outputs, exists = self.move.compiled.run(self.slice.layout, patterns[begin : begin + rows])
                self.entailed -= self.move.compiled.contradicted(outputs, outputs[0] & exists, self.entailed)
        self.weakened = len(self.entailed) < before
        if self.weakened:
            self._forget()
        else:
            self._extend(patterns)

    def successors(self, states: States) -> tuple[States, Indices, bool]:
        """Successors that differ from their predecessor, the predecessors' indices, and whether it fired."""
        patterns, inverse = np.unique(states & self.mask, return_inverse=True)
        self._extend(patterns[~member(patterns, self.patterns)])
        place: Indices = np.asarray(np.searchsorted(self.patterns, patterns), dtype=np.int64)[inverse]
        count = self.count[place]
        total = int(count.sum())
        if not total:
            return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64), False
        sources = np.repeat(np.arange(len(states)), count)
        first = np.cumsum(count) - count
        offset = np.arange(total) - np.repeat(first, count) + np.repeat(self.start[place], count)
        base = states & ~np.uint64(self.move.touched)
        found = base[sources] | self.values[offset]
        moved = found != states[sources]
        return found[moved], sources[moved], True

    def _extend(self, patterns: States) -> None:
        if not len(patterns):
            return
        inputs = 1 << len(self.move.compiled.inputs)
        rows = max(1, CHUNK // inputs)
        starts, counts, values = [], [], []
        base = len(self.values)
        for begin in range(0, len(patterns), rows):
            count, found = self._evaluate(patterns[begin : begin + rows], inputs)
            starts.append(base + np.cumsum(count) - count)
            counts.append(count)
            values.append(found)
            base += len(found)
        order = np.argsort(np.concatenate([self.patterns, patterns]), kind="stable")
        self.patterns = np.concatenate([self.patterns, patterns])[order]
        self.start = np.concatenate([self.start, *starts])[order]
        self.count = np.concatenate([self.count, *counts])[order]
        self.values = np.concatenate([self.values, *values])

    def _evaluate(self, patterns: States, inputs: int) -> tuple[Indices, States]:
        """The number of different successors of each pattern, and these.

        Outputs that depend on the inputs are put together as a short code first: sorting short codes is what
        is cheap, and only the different ones are spread to the positions of their bits.
        """
        outputs, exists = self.move.compiled.run(self.slice.layout, patterns)
        exists = exists & ~self.move.compiled.excluded(outputs, self.entailed)
        enabled = np.broadcast_to(outputs[0] & exists, (len(patterns), inputs))
        plain = np.zeros((len(patterns), 1), dtype=np.uint64)
        vary: list[tuple[Array, int]] = []
        for output, bit in zip(outputs[1:], self.move.targets, strict=False):
            if output.shape[1] == 1:
                plain |= output.astype(np.uint64) << np.uint64(bit)
            else:
                vary.append((output, bit))
        size = np.min_scalar_type((2 << len(vary)) - 1)
        codes = np.full(enabled.shape, (2 << len(vary)) - 1, dtype=size)
        np.copyto(codes, _code([output for output, _ in vary], size), where=enabled)
        codes.sort(axis=1)
        keep = np.ones(codes.shape, dtype=np.bool_)
        keep[:, 1:] = codes[:, 1:] != codes[:, :-1]
        keep &= codes != (2 << len(vary)) - 1
        count = keep.sum(axis=1)
        found = np.repeat(plain[:, 0], count)
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


def firing(slice_: Slice, move: Move, states: States, entailed: set[Entailment], most: int = 4) -> list[int]:
    """The numbers of the first states from which an action fires."""
    compiled = move.compiled
    patterns, index = np.unique(states & np.uint64(compiled.mask), return_index=True)
    rows = max(1, CHUNK >> len(compiled.inputs))
    found: list[int] = []
    for begin in range(0, len(patterns), rows):
        part = patterns[begin : begin + rows]
        outputs, exists = compiled.run(slice_.layout, part)
        possible = outputs[0] & exists & ~compiled.excluded(outputs, entailed)
        found += [int(number) for number in index[begin : begin + rows][np.broadcast_to(possible, (len(part), possible.shape[1])).any(axis=1)]]
    return sorted(found)[:most]
