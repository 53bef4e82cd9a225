"""Where the bits of a slice state are, and programs over them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import and_
from typing import Any, NamedTuple

import numpy as np

from specproof.program import Array, Program
from specproof.terms import Term

States = np.ndarray[Any, np.dtype[np.uint64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

#: Pairs of a pattern and an input combination that one numpy evaluation may hold.
CHUNK = 1 << 16


#: 64 truth values at once, all of them false; and what false and true are where loads are such words.
NONE = np.uint64(0)
_WORDS = np.array([[NONE]]), np.array([[~NONE]])
#: Which of 64 input combinations have the bit numbered 0 to 5.
_CHOSEN = [np.array([[sum(1 << place for place in range(64) if place >> index & 1)]], dtype=np.uint64) for index in range(6)]


def _choices(index: int, inputs: int) -> Words:
    """Which of all combinations of so many inputs have a bit beyond the first six, 64 combinations to a word."""
    words = np.arange(1 << (inputs - 6), dtype=np.uint64)
    chosen: Words = np.negative((words >> np.uint64(index - 6)) & np.uint64(1))[None, :]
    return chosen


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

    def rows(self, states: States, keys: Sequence[Hashable]) -> Array:
        """What `column` and `class_column` give, of several keys at once: a row for each."""
        rows = np.empty((len(keys), len(states)), dtype=np.bool_)
        own = [(number, self.keys[key]) for number, key in enumerate(keys) if key[0] != "class"]  # type: ignore[index]
        if own:
            bits = np.unpackbits(states.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
            rows[[number for number, _ in own]] = bits.T[[bit for _, bit in own]]
        for number, key in enumerate(keys):
            if key[0] == "class":  # type: ignore[index]
                rows[number] = self.class_column(states, key[1])[:, 0]  # type: ignore[index]
        return rows

    def class_of(self, states: States) -> Indices:
        """The index of every state's position class."""
        return (states >> np.uint64(self.class_shift)).astype(np.int64)

    def class_mask(self) -> int:
        return ((1 << (self.width - self.class_shift)) - 1) << self.class_shift

    def class_column(self, states: States, constant: int) -> Array:
        """The bit that a constant has at the position of every state."""
        table = np.array([row[self.constants.index(constant)] for row in self.classes], dtype=np.bool_)
        return table[self.class_of(states)][:, None]


#: Answers of tests, and values of truth values of the state.
Given = tuple[tuple[Term, bool], ...]


class Entailment(NamedTuple):
    """What tests of words in one action say of another: where those `given` have these answers, and truth values of the state among them these
    values, `then` holds, as its sides are alike at every position. Or it `never` does, as they are alike at none of that kind, by its number."""

    given: Given
    then: Term
    never: int | None = None

    def place(self, tests: Mapping[Term, int]) -> tuple[list[tuple[int, str, bool]], int]:
        """Where it comes among others, by the numbers of the tests and the names of the truth values: sets of them have no order."""
        return [(tests.get(one, len(tests)), flag(one) or "", wanted) for one, wanted in self.given], tests[self.then]


def flag(given: Term) -> str | None:
    """The name of a truth value of the state; None of a test."""
    return str(given.data) if given.op == "var" else None


@dataclass
class Compiled:
    """A program over slice states and inputs, with what it reads; the first output says whether a step is possible."""

    program: Program
    state_keys: list[Hashable]
    inputs: list[Hashable]
    tests: dict[Term, tuple[int, int]] = field(default_factory=dict)
    mask: int = 0
    couplings: list[tuple[int, int, int]] = field(default_factory=list)

    def steps(self, layout: Layout, states: States, entailed: Iterable[Entailment] = ()) -> Steps:
        """What can be seen in steps from these states."""
        columns = np.negative(layout.rows(states, self.state_keys).astype(np.uint64))[:, :, None]
        chosen = [_CHOSEN[index] if index < 6 else _choices(index, len(self.inputs)) for index in range(len(self.inputs))]
        outputs = self.program.run(dict(zip([*self.state_keys, *self.inputs], [*columns, *chosen], strict=True)), _WORDS)
        possible = outputs[0]
        for generic, watched, position in self.couplings:
            same_bit = np.negative(layout.class_column(states, 1 << position).astype(np.uint64))
            possible = possible & ~((chosen[generic] ^ chosen[watched]) & same_bit)
        steps = Steps(self, len(states), outputs, possible, columns)
        steps.exclude(entailed)
        return steps

    def possible(self, layout: Layout, states: States) -> Indices:
        """The indices of the states from which a step may be possible: what the guard says, of whose inputs there are few."""
        guard = self._guard
        shown = [guard.steps(layout, states[part]).show().nonzero()[0] + part.start for part in guard.blocks(len(states))]
        return np.concatenate([*shown, np.empty(0, dtype=np.int64)])

    @cached_property
    def _guard(self) -> Compiled:
        """What the first output alone needs."""
        program, _ = self.program.part(self.program.outputs[:1])
        reads = set(program.loads())
        return Compiled(program, [key for key in self.state_keys if key in reads], [key for key in self.inputs if key in reads])

    @cached_property
    def flags(self) -> dict[str, int]:
        """The truth values of the state that it reads, by name, and their places among what it reads."""
        return {key[1]: place for place, key in enumerate(self.state_keys) if key[0] == "bool"}  # type: ignore[index]

    def blocks(self, count: int) -> Iterator[slice]:
        """Places of so many states, as many at once as one evaluation may hold with all combinations of inputs."""
        rows = max(1, CHUNK >> len(self.inputs))
        return (slice(begin, min(begin + rows, count)) for begin in range(0, count, rows))

    @cached_property
    def varies(self) -> list[bool]:
        """For each output, whether it depends on inputs."""
        needs, known = self.program.needs(), set(self.inputs)
        inputs = sum(1 << number for number, node in enumerate(self.program.nodes) if node[0] == "load" and node[1] in known)
        return [bool(needs[output] & inputs) for output in self.program.outputs]

    def pairs(self) -> set[Entailment]:
        """Every pair of different tests: the first may entail the second."""
        return {Entailment(((one, True),), other) for one in self.tests for other in self.tests if one is not other}


@dataclass
class Steps:
    """What a program shows of some states, each with every combination of inputs: 64 of these to a word, of fewer each more than once."""

    compiled: Compiled
    count: int
    outputs: list[Words]
    possible: Words
    columns: Words

    def show(self, output: int = 0, *, value: bool = True) -> Array:
        """From which states some possible combination gives an output this value."""
        found = self.possible & (self.outputs[output] if value else ~self.outputs[output])
        some = found[:, 0] if found.shape[1] == 1 else np.bitwise_or.reduce(found, axis=1)
        shown: Array = some != NONE
        return shown if len(shown) == self.count else np.broadcast_to(shown, (self.count,))

    def spread(self, words: Words) -> Array:
        """Truth values with one column for each combination."""
        inputs = len(self.compiled.inputs)
        width = 1 << max(0, inputs - 6)
        wide = words if words.shape[1] == width else np.broadcast_to(words, (len(words), width))
        octets = np.ascontiguousarray(wide, dtype="<u8").view(np.uint8)
        values: Array = np.unpackbits(octets, axis=1, count=1 << inputs, bitorder="little").view(np.bool_)
        return values

    def exclude(self, entailed: Iterable[Entailment]) -> None:
        """A combination in which some tests have other answers than is entailed is not possible."""
        for given, ones in self._by_given(entailed).items():
            answers = [self._answer(one.then, one.never is None) for one in ones]
            self.possible = self.possible & ~(self._having(given) & ~reduce(and_, answers))

    def contradicted(self, entailed: Iterable[Entailment], kind: int | None = None) -> set[Entailment]:
        """Entailments that this bit contradicts: the tests have the answers that are given, and the sides of the other differ here. If all states
        are of one `kind` of position, also that a test never holds, as its sides are alike at none of that kind, where they are alike here."""
        found: set[Entailment] = set()
        for given, ones in self._by_given(one for one in entailed if one.never in (None, kind)).items():
            having = self.possible & self._having(given)
            for one in ones if having.any() else ():
                alike = self.outputs[self.compiled.tests[one.then][1]]
                if (having & (alike if one.never is not None else ~alike)).any():
                    found.add(one)
        return found

    def _having(self, given: Given) -> Words:
        """The combinations in which tests have these answers."""
        return reduce(and_, (self._answer(test, wanted) for test, wanted in given), _WORDS[1])

    def _answer(self, test: Term, wanted: bool) -> Words:
        name = flag(test)
        holds = self.outputs[self.compiled.tests[test][0]] if name is None else self.columns[self.compiled.flags[name]]
        return holds if wanted else ~holds

    def _by_given(self, entailed: Iterable[Entailment]) -> dict[Given, list[Entailment]]:
        by: dict[Given, list[Entailment]] = {}
        tests, flags = self.compiled.tests, self.compiled.flags
        for one in entailed:
            given, then, _ = one
            if then in tests and all(test in tests or flag(test) in flags for test, _ in given):
                by.setdefault(given, []).append(one)
        return by
