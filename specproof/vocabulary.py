"""What lemmas speak of: the bits of a slice state, the constants of a position's class, and the design's views."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from specproof.explore import Reached
from specproof.graph import substitute
from specproof.program import Program
from specproof.slice import Slice
from specproof.terms import FALSE, Bool, Term, Word, conj, implies, word

Literal = tuple[Hashable, bool]

#: States that are unpacked at once.
BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class Lemma:
    """A clause: at every bit position at least one literal holds. Literals are sorted; lemmas are compared by identity."""

    literals: tuple[Literal, ...]


class Vocabulary:
    """What lemmas speak of: the bits of a slice state, the constants of its class, and the design's views."""

    def __init__(self, slice_: Slice, reached: Reached) -> None:
        """For every word of the vocabulary an integer with a bit for each reachable state."""
        self.named: frozenset[Hashable] = frozenset()
        self.variables = slice_.system.variables
        self.slice = slice_
        layout, states = slice_.layout, reached.states
        self.views = self._views()
        own = [*layout.keys, *(("class", value) for value in layout.constants)]
        self.keys = [*own, *self.views]
        self.every = (1 << len(states)) - 1
        packed: dict[Hashable, list[bytes]] = {key: [] for key in self.keys}
        for begin in range(0, len(states), BLOCK):
            some = states[begin : begin + BLOCK]
            columns = dict(zip(own, layout.rows(some, own), strict=True))
            for key, program in self.views.items():
                loads = {load: columns[load][:, None] for load in program.loads()}
                columns[key] = np.broadcast_to(program.run(loads)[0], (len(some), 1))[:, 0]
            for key, column in columns.items():
                packed[key].append(np.packbits(column, bitorder="little").tobytes())
        self.true = {key: int.from_bytes(b"".join(parts), "little") for key, parts in packed.items()}

    def _views(self) -> dict[Hashable, Program]:
        found: dict[Hashable, Program] = {}
        system = self.slice.system
        now = system.state()
        for name in sorted(system.views):
            term = system.view(name, now)
            if term.op in ("var", "const") or term.width > self.slice.widest:
                continue
            program = compile_value(self.slice, self._wide(term))
            if program is not None:
                found[("view", name)] = program
        return found

    def shows(self, values: Mapping[Hashable, bool]) -> bool:
        """Whether any reachable state looks like that."""
        common = self.every
        for key in self.keys:
            common &= self.true[key] if values[key] else ~self.true[key]
        return common != 0

    def exclude(self, values: Mapping[Hashable, bool]) -> Lemma:
        """A short clause that the state `values` breaks and every reachable state satisfies."""
        rows = [self.true[key] if values[key] else self.true[key] ^ self.every for key in self.keys]
        best = min((self._reduce(rows, order) for order in self._orders), key=len)
        return Lemma(tuple(sorted(((self.keys[number], not values[self.keys[number]]) for number in best), key=repr)))

    @cached_property
    def _orders(self) -> list[list[int]]:
        """In which the keys are dropped: the state's own words first, or the views first, and from the middle, both ways. More take longer
        than the clauses that they make shorter save."""
        numbers = list(range(len(self.keys)))
        middle = len(numbers) // 2
        return [order[::way] for order in (numbers, numbers[middle:] + numbers[:middle]) for way in (1, -1)]

    def _reduce(self, rows: Sequence[int], order: Sequence[int]) -> list[int]:
        """Positions of a minimal subset of rows that have no common bit, dropping in this order."""
        suffix = [self.every]
        for number in reversed(order):
            suffix.append(suffix[-1] & rows[number])
        kept, common = [], self.every
        for number, rest in zip(order, suffix[-2::-1], strict=True):
            if common & rest:
                kept.append(number)
                common &= rows[number]
            if not common:
                break
        return kept

    @cached_property
    def here(self) -> Mapping[Hashable, Term]:
        """The full-width term of every key, in a state."""
        now = {**self.slice.system.state(), **self.slice.system.variables}
        return {key: self._leaf(key, now) for key in self.keys}

    def told(self, tests: Mapping[Term, Bool]) -> Vocabulary:
        """The same, of a system without the truth values that stand for these tests."""
        other = copy(self)
        other.here = dict(zip(self.here, substitute(list(self.here.values()), tests), strict=True))
        return other

    def naming(self, terms: Mapping[Hashable, Bool], variables: Mapping[str, Term]) -> Vocabulary:
        """The same with words for these terms of states, too: such a word is a lemma by itself, though no slice shows it.

        `variables`: those of the whole system, of which the slice may have a part.
        """
        other = copy(self)
        other.variables = variables
        other.named = frozenset(terms)
        other.here = {**self.here, **terms}
        return other

    def after(self, next_: Mapping[str, Term]) -> Mapping[Hashable, Term]:
        """The same, once the variables of these paths have these values."""
        by = {term: next_[path] for path, term in self.variables.items() if path in next_}
        return dict(zip(self.here, substitute(list(self.here.values()), by), strict=True))

    def term(self, lemma: Lemma, terms: Mapping[Hashable, Term]) -> Bool:
        """The lemma at full width, over the terms of its keys."""
        widest = self.slice.widest
        if lemma.literals and lemma.literals[0][0] in self.named:
            return cast(Bool, terms[lemma.literals[0][0]])
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

    def _wide(self, term: Term) -> Term:
        """A word as wide as the widest, as every word is to a lemma: it has no bits beyond its own, though its complement would."""
        return cast(Word, term).zext(self.slice.widest) if term.width else term

    def _leaf(self, key: Any, values: Mapping[str, Term]) -> Term:
        """The full-width term of a word of the vocabulary."""
        kind = key[0]
        if kind == "class":
            return word(key[1], self.slice.widest)
        if kind == "view":
            return self._wide(self.slice.system.view(key[1], values))
        return cast(Word, values[key[1]]).bit(key[2]) if kind == "watched" else values[key[1]]


def compile_value(slice_: Slice, term: Term) -> Program | None:
    """The program of a state term's bit, or None where the slice cannot know it."""
    compiler = slice_.compiler(tests=True)
    compiler.program.outputs = [compiler.at(term)]
    known = {("class", value) for value in slice_.layout.constants} | set(slice_.layout.keys)
    return compiler.program if set(compiler.program.loads()) <= known else None
