"""What lemmas speak of: the bits of a slice state, the constants of a position's class, and the design's views."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from specproof.explore import Reached
from specproof.readings.bits import Program
from specproof.slice import Slice
from specproof.terms import FALSE, Bool, Term, Word, conj, implies, word

Literal = tuple[Hashable, bool]
Packed = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True, eq=False)
class Lemma:
    """A clause: at every bit position at least one literal holds. Literals are sorted; lemmas are compared by identity."""

    literals: tuple[Literal, ...]


class Vocabulary:
    """What lemmas speak of: the bits of a slice state, the constants of its class, and the design's views."""

    def __init__(self, slice_: Slice, reached: Reached) -> None:
        """Packs a column of bits, one for each reachable state, for every word of the vocabulary."""
        self.slice = slice_
        layout, states = slice_.layout, reached.states
        self.views = self._views()
        columns = {key: layout.column(states, key)[:, 0] for key in layout.keys}
        columns |= {("class", value): layout.class_column(states, value)[:, 0] for value in layout.constants}
        for key, program in self.views.items():
            loads = {load: columns[load][:, None] for load in program.loads()}
            columns[key] = np.broadcast_to(program.run(loads)[0], (len(states), 1))[:, 0]
        self.keys = list(columns)
        self.index = {key: number for number, key in enumerate(self.keys)}
        valid = _pack(np.ones(len(states), dtype=np.bool_))
        self.true = np.array([_pack(column) for column in columns.values()], dtype=np.uint64).reshape(len(columns), len(valid))
        self.false = ~self.true & valid

    def _views(self) -> dict[Hashable, Program]:
        found: dict[Hashable, Program] = {}
        system = self.slice.system
        now = system.state()
        for name in sorted(system.views):
            term = system.view(name, now)
            if term.op in ("var", "const") or term.width > self.slice.widest:
                continue
            program = compile_value(self.slice, term)
            if program is not None:
                found[("view", name)] = program
        return found

    def exclude(self, values: Mapping[Hashable, bool]) -> Lemma:
        """A short clause that the state `values` breaks and every reachable state satisfies."""
        rows = [self.true[number] if values[key] else self.false[number] for key, number in self.index.items()]
        orders = range(len(rows)), range(len(rows) - 1, -1, -1)  # the state's own words first, or the views first
        best = min((self._reduce(rows, order) for order in orders), key=len)
        return Lemma(tuple(sorted(((self.keys[number], not values[self.keys[number]]) for number in best), key=repr)))

    def _reduce(self, rows: Sequence[Packed], order: Iterable[int]) -> list[int]:
        """Positions of a minimal subset of rows that have no common bit, dropping in this order."""
        sequence = [int(number) for number in order]
        suffix = [np.full_like(rows[0], np.uint64(0xFFFFFFFFFFFFFFFF))]
        for number in reversed(sequence):
            suffix.append(suffix[-1] & rows[number])
        kept, common = [], suffix[0]
        for place, number in enumerate(sequence):
            rest = suffix[len(sequence) - place - 1]
            if (common & rest).any():
                kept.append(number)
                common = common & rows[number]
            if not common.any():
                break
        return kept

    @cached_property
    def here(self) -> Mapping[Hashable, Term]:
        """The full-width term of every key, in a state."""
        return self.terms(self.slice.system.state())

    def terms(self, values: Mapping[str, Term]) -> Mapping[Hashable, Term]:
        """The full-width term of every key, over the terms of a state's leaves."""
        return {key: self.leaf(key, values) for key in self.keys}

    def term(self, lemma: Lemma, terms: Mapping[Hashable, Term]) -> Bool:
        """The lemma at full width, over the terms of its keys."""
        widest = self.slice.widest
        bools: list[Bool] = []
        words: Word | None = None
        for key, positive in lemma.literals:
            term = terms[key]
            if term.width:
                wide = cast(Word, term).zext(widest)
                negated = ~wide if positive else wide
                words = negated if words is None else words & negated
            else:
                bools.append(~cast(Bool, term) if positive else cast(Bool, term))
        return implies(conj(bools), FALSE if words is None else words == 0)

    def leaf(self, key: Any, values: Mapping[str, Term]) -> Term:
        """The full-width term of a word of the vocabulary."""
        kind = key[0]
        if kind == "class":
            return word(key[1], self.slice.widest)
        if kind == "view":
            return self.slice.system.view(key[1], values)
        return cast(Word, values[key[1]]).bit(key[2]) if kind == "watched" else values[key[1]]


def _pack(column: Any) -> Packed:
    size = -(-len(column) // 64) * 64
    padded = np.zeros(size, dtype=np.bool_)
    padded[: len(column)] = column
    return np.packbits(padded).view(np.uint64)


def compile_value(slice_: Slice, term: Term) -> Program | None:
    """The program of a state term's bit, or None where the slice cannot know it."""
    compiler = slice_.compiler(tests=True)
    compiler.program.outputs = [compiler.at(term)]
    known = {("class", value) for value in slice_.layout.constants} | set(slice_.layout.keys)
    return compiler.program if set(compiler.program.loads()) <= known else None
