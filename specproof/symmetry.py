"""One position of each kind is enough: the symmetry of obligations whose operators act bit by bit.

Call two bit positions alike if every constant of an obligation has the same bit at both, and no single bit
is read at either. Exchanging two like positions in every word maps the obligation to itself: `& | ^ ~ ite`
act on each position alone, and `==` asks all of them. So if some assignment makes two words differ
somewhere, an exchanged one makes them differ at the *first* position of that kind. `fails_at_representatives`
says just that: one disequality of each way to fail need only be looked for at the first position of each
kind. All words keep their full width; only the search for the failing bit is narrowed.

A fact that holds at every position is, as a rule, only needed at those same positions: `at_representatives` also
leaves out the rest of it. Then the assertions say less, so that if even they cannot hold together, neither can all.

Where an operator moves bits or orders numbers there is no such symmetry, and nothing is narrowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from specproof.graph import postorder
from specproof.readings.bits import needs_witness
from specproof.terms import Bool, Term, Word, conj, disj, implies

_BITWISE = frozenset({"const", "var", "not", "and", "or", "xor", "ite", "implies", "eq", "bit"})


def representatives(terms: Sequence[Term]) -> int | None:
    """The first position of each kind as a mask; None where the terms have no such symmetry."""
    widths: set[int] = set()
    marks: set[int] = set()
    for term in postorder(terms):
        if term.op not in _BITWISE:
            return None
        if term.width:
            widths.add(term.width)
            if term.op == "const":
                marks.add(term.data)
        if term.op == "bit":
            marks.add(1 << term.data)
    if len(widths) != 1:
        return None
    kinds: set[tuple[int, ...]] = set()
    mask = 0
    for position in range(widths.pop()):
        kind = tuple(mark >> position & 1 for mark in sorted(marks))
        if kind not in kinds:
            kinds.add(kind)
            mask |= 1 << position
    return mask


def fails_at_representatives(facts: Sequence[Term], goal: Bool) -> tuple[Term, ...]:
    """Assertions that can hold together exactly if `facts` can hold while `goal` fails."""
    mask = representatives([*facts, goal])
    return (*facts, ~goal if mask is None else _fails(goal, False, mask))


def at_representatives(facts: Sequence[Term], goal: Bool) -> tuple[Term, ...]:
    """Assertions that follow from `facts` and from the failure of `goal`: words that are zero, at representative positions only."""
    mask = representatives([*facts, goal])
    return (*facts, ~goal) if mask is None else (*(_zero(fact, mask) for fact in facts), _fails(goal, False, mask))


def fails_at(goal: Bool, position: int) -> Bool:
    """That the goal fails, by a word that is not as it should be at this position where it is words that must fail."""
    return _fails(goal, False, 1 << position)


def _zero(fact: Term, mask: int) -> Term:
    """The fact, or less where it says that a word is zero."""
    if fact.op == "implies":
        return implies(cast(Bool, fact.args[0]), cast(Bool, _zero(fact.args[1], mask)))
    if fact.op == "eq" and fact.args[1].op == "const" and fact.args[1].data == 0:
        return (cast(Word, fact.args[0]) & mask) == 0
    return fact


def _fails(term: Term, wanted: bool, mask: int) -> Bool:
    """`term == wanted`, with the disequality that makes it so at a representative position."""
    op = term.op
    if op == "not":
        return _fails(term.args[0], not wanted, mask)
    if op == "eq" and not wanted:
        left, right = (cast(Word, arg) for arg in term.args)
        return ((left ^ right) & (mask & ((1 << left.width) - 1))) != 0
    if op in ("and", "or", "implies") and not term.width:
        parts = [(arg, wanted != (op == "implies" and place == 0)) for place, arg in enumerate(term.args)]
        if wanted != (op == "and"):
            return disj(_fails(part, value, mask) for part, value in parts)
        chosen = max((place for place, (part, value) in enumerate(parts) if needs_witness(part, value)), default=-1)
        return conj(_fails(part, value, mask) if place == chosen else _exactly(part, value) for place, (part, value) in enumerate(parts))
    return _exactly(term, wanted)


def _exactly(term: Term, wanted: bool) -> Bool:
    return cast(Bool, term) if wanted else ~cast(Bool, term)
