"""Obligations proved one bit at a time, by sympy: a second opinion that shares no code with Z3 or the slice.

Assertions that hold together do so at every position, so it is enough to find none at which they can. Where
they say that two words differ, there is a position at which these differ, and only that one is looked at.
An equality of words is a truth value that implies equal bits at the position in hand. Positions count as one
kind where the constants have the same bits and no single bit there is read as a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from specproof.readings.closed import CROSSING, TESTS, NotBitwise, clauses_of, satisfiable
from specproof.readings.text import show
from specproof.terms import Term, postorder

#: A truth value and the value that it is said to have.
Literal = tuple[Term, bool]

#: How often a disjunction may be split while a witness is looked for.
SPLITS = 4096


def impossible(assertions: Sequence[Term]) -> bool:
    """Whether this shows that the assertions cannot hold together; if not, nothing is known.

    Raises NotBitwise where an operator looks at other positions.
    """
    for term in postorder(assertions):
        if term.op in CROSSING or term.op == "ult":
            raise NotBitwise(f"{show(term)} is not decided bit by bit")
    budget = [SPLITS]
    return _impossible(tuple((assertion, True) for assertion in assertions), budget)


def _impossible(given: tuple[Literal, ...], budget: list[int]) -> bool:
    literals = list(_literals(given))
    witnesses = [term for term, wanted in literals if term.op == "eq" and not wanted]
    if not witnesses and not all(_possible(literals, None, position) for position in _positions(literals, None)):
        return True
    for witness in dict.fromkeys(witnesses):
        if not any(_possible(literals, witness, position) for position in _positions(literals, witness)):
            return True
    budget[0] -= 1
    if budget[0] <= 0:
        return False
    for number, (term, wanted) in enumerate(literals):
        if (cases := _cases(term, wanted)) and any(_says_differ(part, value) for case in cases for part, value in case):
            rest = (*literals[:number], *literals[number + 1 :])
            return all(_impossible((*rest, *case), budget) for case in cases)
    return False


def _literals(given: Sequence[Literal]) -> Iterator[Literal]:
    """The conjuncts, negations pushed inwards as far as conjunctions go."""
    for term, wanted in given:
        if term.op == "not":
            yield from _literals([(term.args[0], not wanted)])
        elif term.op == "and" and wanted:
            yield from _literals([(arg, True) for arg in term.args])
        elif term.op == "or" and not wanted:
            yield from _literals([(arg, False) for arg in term.args])
        elif term.op == "implies" and not wanted:
            yield from _literals([(term.args[0], True), (term.args[1], False)])
        else:
            yield term, wanted


def _cases(term: Term, wanted: bool) -> list[list[Literal]]:
    """The ways in which a truth value can have the value, or none where it is not taken apart."""
    if term.op in ("and", "or") and wanted == (term.op == "or"):
        return [[(arg, wanted)] for arg in term.args]
    if term.op == "implies" and wanted:
        return [[(term.args[0], False)], [(term.args[1], True)]]
    if term.op == "ite":
        return [[(term.args[0], True), (term.args[1], wanted)], [(term.args[0], False), (term.args[2], wanted)]]
    if term.op == "xor":
        return [[(term.args[0], value), (term.args[1], value != wanted)] for value in (False, True)]
    return []


def _says_differ(term: Term, wanted: bool) -> bool:
    """Whether the literal may say that two words differ."""
    if term.op == "eq":
        return not wanted
    if term.op in ("not", "and", "or"):
        return any(_says_differ(arg, wanted != (term.op == "not")) for arg in term.args)
    if term.op == "implies":
        return _says_differ(term.args[0], not wanted) or _says_differ(term.args[1], wanted)
    return any(inner.op == "eq" for inner in postorder([term]))


def _positions(literals: Sequence[Literal], witness: Term | None) -> list[int]:
    """One position of each kind."""
    terms = list(postorder([term for term, _ in literals]))
    words = [term for term in terms if term.width]
    width = witness.args[0].width if witness is not None else max((term.width for term in words), default=1)
    constants = [term for term in words if term.op == "const"]
    watched = {term.data for term in terms if term.op == "bit"}
    kinds: dict[tuple[object, ...], int] = {}
    for position in range(width):
        bits = tuple(term.data >> position & 1 for term in constants)
        wide = tuple(sorted({term.width for term in words if term.width > position}))
        kinds.setdefault((bits, wide, position if position in watched else None), position)
    return list(kinds.values())


def _possible(literals: Sequence[Literal], witness: Term | None, position: int) -> bool:
    """Whether the literals can hold as far as this position and the bits read as conditions show."""
    writer = _Writer(position, {term.data for term in postorder([term for term, _ in literals]) if term.op == "bit"})
    for term, wanted in literals:
        number = writer.number(term)
        writer.clauses.append((number if wanted else -number,))
    writer.tests(literals)
    if witness is not None:
        writer.clauses.append((-writer.agree(witness, position),))
    return satisfiable(writer.clauses)


@dataclass
class _Writer:
    """Clauses for terms at one position; each bit has a number."""

    position: int
    watched: set[int]
    numbers: dict[tuple[Term, int | None], int] = field(default_factory=dict)
    names: dict[tuple[str, int | None], int] = field(default_factory=dict)
    clauses: list[tuple[int, ...]] = field(default_factory=list)
    count: int = 0

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def number(self, term: Term, at: int | None = None) -> int:
        """The number of a truth value, or of a word's bit."""
        todo = [(term, at)]
        while todo:
            key = todo[-1]
            if key in self.numbers:
                todo.pop()
                continue
            needs = self._needs(*key)
            missing = [need for need in needs if need not in self.numbers]
            if missing:
                todo += missing
                continue
            self.numbers[key] = self._define(*key, [self.numbers[need] for need in needs])
            todo.pop()
        return self.numbers[term, at]

    def _needs(self, term: Term, at: int | None) -> list[tuple[Term, int | None]]:
        if term.op in TESTS:
            return []
        if term.op == "bit":
            return [(term.args[0], term.data)]
        return [(arg, at if arg.width else None) for arg in term.args]

    def _define(self, term: Term, at: int | None, args: Sequence[int]) -> int:
        if term.op == "bit":
            return args[0]
        if term.op == "var":
            name = (str(term.data), at if at != self.position else None)
            return self.names.setdefault(name, 0) or self._named(name)
        number = self.fresh()
        if term.op == "const":
            value = term.data >> at & 1 if at is not None else term.data
            self.clauses.append((number if value else -number,))
        elif term.op not in TESTS:
            places = (number, *args)
            for clause in clauses_of(term.op, len(args)):
                self.clauses.append(tuple(places[abs(literal) - 1] * (1 if literal > 0 else -1) for literal in clause))
        return number

    def _named(self, name: tuple[str, int | None]) -> int:
        self.names[name] = self.fresh()
        return self.names[name]

    def agree(self, test: Term, at: int) -> int:
        """The number of: both sides of an equality have the same bit there."""
        left, right = (self.number(arg, at) for arg in test.args)
        number = self.fresh()
        for clause in clauses_of("xor", 2):
            places = (-number, left, right)
            self.clauses.append(tuple(places[abs(literal) - 1] * (1 if literal > 0 else -1) for literal in clause))
        return number

    def tests(self, literals: Sequence[Literal]) -> None:
        """Every equality, where it holds, holds here and at the bits read as conditions."""
        for test in postorder([term for term, _ in literals]):
            if test.op == "eq":
                for at in {self.position, *self.watched}:
                    if at < test.args[0].width:
                        self.clauses.append((-self.number(test), self.agree(test, at)))
