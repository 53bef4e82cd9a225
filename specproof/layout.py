"""Where the bits of a slice state are, and programs over them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any

import numpy as np

from specproof.program import Array, Program
from specproof.terms import Term

States = np.ndarray[Any, np.dtype[np.uint64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]

#: Pairs of a pattern and an input combination that one numpy evaluation may hold.
CHUNK = 1 << 16


#: 64 truth values at once.
NONE, ALL = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)


def packed(values: Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Each row's truth values as words of 64, the first one lowest."""
    return np.packbits(values, axis=1, bitorder="little").view(np.uint64)


def unpacked(words: np.ndarray[Any, np.dtype[np.uint64]]) -> Array:
    """The rows again; of one word, the one truth value that all of its bits have."""
    if words.shape[1] == 1:
        same: Array = words != NONE
        return same
    spread: Array = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little").view(np.bool_)
    return spread


class TooLarge(Exception):
    """The slice does not fit: too many bits in a state, too many inputs of an action, too many states."""


@dataclass
class Layout:
    """Where each bit of a slice state is. `classes` are the distinct kinds of positions."""

    keys: dict[Hashable, int] = field(default_factory=dict)
    constants: tuple[int, ...] = ()
    classes: list[tuple[bool, ...]] = field(default_factory=list)
    class_shift: int = 0

    @property
    def width(self) -> int:
        return self.class_shift + max(1, (len(self.classes) - 1).bit_length())

    def column(self, states: States, key: Hashable) -> Array:
        """A bit of every state, as a column that broadcasts against inputs."""
        return ((states >> np.uint64(self.keys[key])) & np.uint64(1)).astype(np.bool_)[:, None]

    def columns(self, states: States, keys: Sequence[Hashable], *, wide: bool) -> dict[Hashable, Any]:
        """What `column` and `class_column` give, of several keys at once; `wide`: each truth value as a word of 64 of them."""
        if not keys:
            return {}
        rows = np.empty((len(keys), len(states)), dtype=np.bool_)
        own = [(number, self.keys[key]) for number, key in enumerate(keys) if key[0] != "class"]  # type: ignore[index]
        if own:
            bits = np.unpackbits(states.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
            rows[[number for number, _ in own]] = bits.T[[bit for _, bit in own]]
        for number, key in enumerate(keys):
            if key[0] == "class":  # type: ignore[index]
                rows[number] = self.class_column(states, key[1])[:, 0]  # type: ignore[index]
        spread: np.ndarray[Any, Any] = np.negative(rows.astype(np.uint64)) if wide else rows
        return {key: spread[number][:, None] for number, key in enumerate(keys)}

    def class_of(self, states: States) -> Indices:
        """The index of every state's position class."""
        return (states >> np.uint64(self.class_shift)).astype(np.int64)

    def class_mask(self) -> int:
        return ((1 << (self.width - self.class_shift)) - 1) << self.class_shift

    def class_column(self, states: States, constant: int) -> Array:
        """The bit that a constant has at the position of every state."""
        table = np.array([row[self.constants.index(constant)] for row in self.classes], dtype=np.bool_)
        return table[self.class_of(states)][:, None]


#: Two tests of words in one action: where the first holds, so does the second.
Entailment = tuple[Term, Term]


@dataclass
class Compiled:
    """A program over slice states and inputs, with what it reads."""

    program: Program
    state_keys: list[Hashable]
    inputs: list[Hashable]
    tests: dict[Term, tuple[int, int]] = field(default_factory=dict)
    mask: int = 0
    couplings: list[tuple[int, int, int]] = field(default_factory=list)

    def run(self, layout: Layout, states: States) -> tuple[list[Array], Array]:
        """Outputs for every state (rows) and input combination (columns), and which combinations exist."""
        wide = len(self.inputs) > 6  # then 64 input combinations are one machine word
        values = layout.columns(states, self.state_keys, wide=wide)
        combinations = np.arange(1 << len(self.inputs), dtype=np.int64)
        chosen = [((combinations >> index) & 1).astype(np.bool_)[None, :] for index in range(len(self.inputs))]
        values.update(zip(self.inputs, map(packed, chosen) if wide else chosen, strict=True))
        exists = np.ones((1, len(combinations)), dtype=np.bool_)
        for generic, watched, position in self.couplings:
            exists = exists & ~((chosen[generic] ^ chosen[watched]) & layout.class_column(states, 1 << position))
        if not wide:
            return self.program.run(values), exists
        return [unpacked(output) for output in self.program.run(values, (NONE, ALL))], exists

    def pairs(self) -> set[Entailment]:
        """Every pair of different tests: the first may entail the second."""
        return {(one, other) for one in self.tests for other in self.tests if one is not other}

    def excluded(self, outputs: list[Array], entailed: Iterable[Entailment]) -> Array:
        """Where a test holds and one that it entails does not."""
        wrong: Array = np.zeros((1, 1), dtype=np.bool_)
        for one, others in self._by_first(entailed).items():
            all_ = reduce(and_, (outputs[self.tests[other][0]] for other in others))
            wrong = wrong | (outputs[self.tests[one][0]] & ~all_)
        return wrong

    def contradicted(self, outputs: list[Array], possible: Array, entailed: Iterable[Entailment]) -> set[Entailment]:
        """Entailments that this bit contradicts: the first test holds, and the sides of the second differ here."""
        found = set()
        for one, others in self._by_first(entailed).items():
            holds = possible & outputs[self.tests[one][0]]
            found |= {(one, other) for other in others if (holds & ~outputs[self.tests[other][1]]).any()}
        return found

    def _by_first(self, entailed: Iterable[Entailment]) -> dict[Term, list[Term]]:
        by: dict[Term, list[Term]] = {}
        for one, other in entailed:
            if one in self.tests and other in self.tests:
                by.setdefault(one, []).append(other)
        return by
