"""Bitwise obligations decided at single positions: a second opinion that shares no code with Z3 or the slice.

Whether assertions can hold together is a question about few positions: truth values and tests (`==` of
words) are the same for all of them; a test that holds has equal bits at every position, and one that fails
has different bits at one. So start with no position, and give one to each test that the search makes fail,
until nothing is left that could hold, or nothing to give. Which bits the model's constants have at a
position, and whether a single bit there is read as a condition, the search may choose among what occurs;
where it puts more positions of a kind to use than there are, these are told apart, and it starts again.

Operators mean here what they mean to sympy; the search is Minisat's, as sympy calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from specproof.graph import postorder
from specproof.readings.closed import CROSSING, NotBitwise, clauses_of, satisfying
from specproof.readings.text import show
from specproof.terms import Term

#: A copy of a position: a number for one that is somewhere, or `("at", k)` for position `k`.
Copy = int | tuple[str, int]

#: A kind of position: the bits of the constants, which widths reach it, and its number where a condition reads it.
Kind = tuple[tuple[int, ...], tuple[int, ...], int | None]


def impossible(assertions: Sequence[Term]) -> bool:
    """Whether the assertions cannot hold together: exact where every operator acts on bits alone.

    Raises NotBitwise where one does not.
    """
    for term in postorder(assertions):
        if term.op in CROSSING or term.op == "ult":
            raise NotBitwise(f"{show(term)} is not decided bit by bit")
    apart: set[int] = set()
    while True:
        question = _Question(list(postorder(assertions)), apart)
        for assertion in assertions:
            question.clauses.append((question.number(assertion),))
        crowded = question.answer()
        if not crowded:
            return crowded is None
        apart |= crowded


@dataclass
class _Question:
    """Clauses that grow by positions. Every truth value, and every bit of a copy, has a number."""

    terms: list[Term]
    apart: set[int]
    numbers: dict[tuple[Term, Copy | None], int] = field(default_factory=dict)
    clauses: list[tuple[int, ...]] = field(default_factory=list)
    inside: dict[tuple[int, Copy], int] = field(default_factory=dict)
    copies: dict[Copy, list[tuple[int, Kind]]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.tests = [term for term in self.terms if term.op == "eq"]
        self.constants = [term for term in self.terms if term.op == "const" and term.width]
        self.widths = sorted({term.width for term in self.terms if term.width})
        self.watched = sorted({term.data for term in self.terms if term.op == "bit"} | self.apart)
        self.words = [term for term in self.terms if term.op == "var" and term.width]
        self.kinds = self._kinds()
        for position in self.watched:
            self._add(("at", position), [kind for kind in self.kinds if kind[2] == position])

    def _kinds(self) -> dict[Kind, list[int]]:
        """The positions of each kind."""
        found: dict[Kind, list[int]] = {}
        for position in range(max(self.widths, default=0)):
            bits = tuple(term.data >> position & 1 for term in self.constants)
            reaching = tuple(width for width in self.widths if width > position)
            found.setdefault((bits, reaching, position if position in self.watched else None), []).append(position)
        return found

    def answer(self) -> set[int] | None:
        """None if the search fails; else the positions that must be told apart, none if the assertions can hold."""
        given: set[Term] = set()
        everywhere = False
        while (true := satisfying(self.clauses)) is not None:
            failing = [test for test in self.tests if test not in given and self.number(test) not in true]
            for test in failing:
                copy = self._add(len(self.copies), [kind for kind in self.kinds if test.args[0].width in kind[1]])
                self.clauses.append((self.number(test), -self._agree(test, copy)))
            given.update(failing)
            if not failing and everywhere:
                return self._crowded(true)
            if not failing:
                everywhere = True
                for kind in self.kinds:
                    self._add(len(self.copies), [kind])
        return None

    def _crowded(self, true: frozenset[int]) -> set[int]:
        """Positions of kinds that have fewer of them than copies; a kind's own copy may be any of the others."""
        found: set[int] = set()
        for kind, positions in self.kinds.items():
            used = sum(any(number in true and one == kind for number, one in chosen) for chosen in self.copies.values())
            if kind[2] is None and used > len(positions):
                found.update(positions)
        return found

    def _fresh(self) -> int:
        self.count += 1
        return self.count

    def _add(self, copy: Copy, kinds: Collection[Kind]) -> Copy:
        """A position of one of the kinds, at which every test that holds has equal bits."""
        chosen = [self._fresh() for _ in kinds]
        self.copies[copy] = list(zip(chosen, kinds, strict=True))
        self.clauses.append(tuple(chosen))
        for width in self.widths:
            self.inside[width, copy] = self._fresh()
        for number, (bits, reaching, position) in zip(chosen, kinds, strict=True):
            for constant, bit in zip(self.constants, bits, strict=True):
                literal = self.number(constant, copy)
                self.clauses.append((-number, literal if bit else -literal))
            for width in self.widths:
                literal = self.inside[width, copy]
                self.clauses.append((-number, literal if width in reaching else -literal))
            if position is not None and copy != ("at", position):
                for word in self.words:
                    here, there = self.number(word, copy), self.number(word, ("at", position))
                    self.clauses += [(-number, -here, there), (-number, here, -there)]
        for test in self.tests:
            self.clauses.append((-self.number(test), -self.inside[test.args[0].width, copy], self._agree(test, copy)))
        return copy

    def number(self, term: Term, copy: Copy | None = None) -> int:
        """The number of a truth value, or of a word's bit in a copy."""
        todo = [(term, copy)]
        while todo:
            key = todo[-1]
            needs = self._needs(*key)
            missing = [need for need in needs if need not in self.numbers]
            if key in self.numbers or not missing:
                if key not in self.numbers:
                    self.numbers[key] = self._define(*key, [self.numbers[need] for need in needs])
                todo.pop()
            else:
                todo += missing
        return self.numbers[term, copy]

    def _needs(self, term: Term, copy: Copy | None) -> list[tuple[Term, Copy | None]]:
        if term.op == "eq":
            return []
        if term.op == "bit":
            return [(term.args[0], ("at", term.data))]
        return [(arg, copy if arg.width else None) for arg in term.args]

    def _define(self, term: Term, copy: Copy | None, args: Sequence[int]) -> int:
        if term.op == "bit":
            return args[0]
        number = self._fresh()
        if term.op == "const" and not term.width:
            self.clauses.append((number if term.data else -number,))
        elif term.op not in ("const", "var", "eq"):
            self._clauses(term.op, (number, *args))
        return number

    def _clauses(self, op: str, places: Sequence[int]) -> None:
        for clause in clauses_of(op, len(places) - 1):
            self.clauses.append(tuple(places[abs(literal) - 1] * (1 if literal > 0 else -1) for literal in clause))

    def _agree(self, test: Term, copy: Copy) -> int:
        """The number of: both sides of a test have the same bit in the copy."""
        left, right = (self.number(arg, copy) for arg in test.args)
        number = self._fresh()
        self._clauses("xor", (-number, left, right))
        return number
