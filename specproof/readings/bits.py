"""Terms at one bit position: the slice reading.

A slice sees the same position of every word, and every truth value. Where an operator acts bit by bit
the reading is exact. A test of whole words (`==`, `<`) depends on the other positions too, so its
result becomes a free truth value, restricted by what this position shows: the slice has at least the
runs of the system. Single bits read as conditions (`.bit(k)`) are "watched": tracked beside the slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from specproof.errors import ModelError
from specproof.graph import postorder, replaced
from specproof.program import Program
from specproof.terms import TRUE, Term, boolean

#: Operators whose bit is made of their arguments' bits at the same position.
DIRECT = ("and", "or", "xor", "not", "ite")

#: Tests that choose a word inside another test are told apart by cases, as long as they are no more than this.
CASES = 8

#: How each operator is compiled at the generic position (None: a free value) and at a fixed one.
COMPILED: Mapping[str, str] = {
    "const": "class", "var": "load", "not": "not", "and": "and", "or": "or", "xor": "xor", "ite": "ite",
    "implies": "implies", "eq": "test", "ult": "test", "bit": "watch", "zext": "range", "extract": "range",
    "add": "free", "shl": "free", "lshr": "free",
}  # fmt: skip


def watched_bits(roots: Sequence[Term], next_of: Mapping[str, Sequence[Term]]) -> dict[str, set[int]]:
    """The single bits, by variable name, that conditions read, closed under what determines them next."""
    found: dict[str, set[int]] = {}
    everything = [*roots, *(term for terms in next_of.values() for term in terms)]
    todo = [(term.args[0], int(term.data)) for term in postorder(everything) if term.op == "bit"]
    seen: set[tuple[Term, int]] = set()
    while todo:
        term, position = todo.pop()
        if (term, position) in seen or not 0 <= position < term.width:
            continue
        seen.add((term, position))
        if term.op == "var":
            if position not in found.setdefault(term.data, set()):
                found[term.data].add(position)
                todo += [(successor, position) for successor in next_of.get(term.data, ())]
        elif term.op in ("and", "or", "xor", "not"):
            todo += [(arg, position) for arg in term.args]
        elif term.op == "ite":
            todo += [(arg, position) for arg in term.args[1:]]
        elif term.op == "shl":
            todo.append((term.args[0], position - term.data))
        elif term.op == "lshr":
            todo.append((term.args[0], position + term.data))
        elif term.op == "extract":
            todo.append((term.args[0], position + term.data[1]))
        elif term.op == "zext":
            todo.append((term.args[0], position))
    return found


class Compiler:
    """Compiles terms and phrases into one program. Loads are keyed:

    ("word", name), ("bool", name), ("watched", name, k), ("class", constant bits as an integer),
    ("test", term) and ("free", term, position) for what the slice cannot know.
    """

    def __init__(self, widest: int, watched: Mapping[str, set[int]], *, tests: bool, couple: Callable[[Term], Term] | None = None) -> None:
        """`widest`: bits of the widest word. With `tests`, a test of words is a load of its own, so that
        all its uses in one action agree; without, use `may`. `couple`: see `System`. `tested` has the nodes of each equality's result
        and of its two sides' agreement at this bit."""
        self.program, self.widest, self.watched, self.tests, self.couple = Program(), widest, watched, tests, couple
        self._memo: dict[tuple[Term, int | None], int] = {}
        self.tested: dict[Term, tuple[int, int]] = {}

    def at(self, term: Term, position: int | None = None) -> int:
        """The node of a term: a truth value, or a word's bit at the generic (None) or a fixed position."""
        key = (term, position if term.width else None)
        todo = [key]
        while key not in self._memo:  # by hand, as terms may be nested deeper than Python's calls
            term, position = todo[-1]
            below = [(arg, position if arg.width else None) for arg in term.args] if term.op in DIRECT else []
            missing = [one for one in below if one not in self._memo]
            if missing:
                todo += missing[::-1]
            else:
                self._memo[todo.pop()] = self._node(term, position)
        return self._memo[key]

    def _node(self, term: Term, position: int | None) -> int:
        add, op = self.program.add, term.op
        if op == "const":
            if not term.width:
                return self.program.constant(term.data)
            if position is not None:
                return self.program.constant(bool(term.data >> position & 1))
            return self.bits(term.data)
        if op == "var":
            if not term.width:
                return add("load", ("bool", term.data))
            if position is None:
                return add("load", ("word", term.data))
            if position in self.watched.get(term.data, ()):
                return add("load", ("watched", term.data, position))
            return add("load", ("free", term, position))
        if op in DIRECT:
            return add(op, *[self.at(arg, position) for arg in term.args])
        if op == "implies":
            return add("or", add("not", self.at(term.args[0])), self.at(term.args[1]))
        if op == "bit":
            return self.at(term.args[0], term.data)
        if op == "eq" or op == "ult":
            return self._test(term)
        return self._moved(term, position)

    def _moved(self, term: Term, position: int | None) -> int:
        """Operators that move bits: exact at a fixed position, or where the position stays."""
        inner = term.args[0]
        if term.op == "zext" and position is None:
            return self.program.add("and", self.at(inner), self.bits((1 << inner.width) - 1))
        if term.op == "extract" and position is None and term.data[1] == 0:
            return self.at(inner)
        if position is not None and term.op != "add":
            moved = {"zext": 0, "shl": -(term.data if term.op == "shl" else 0), "lshr": term.data, "extract": 0}[term.op]
            source = position + (term.data[1] if term.op == "extract" else moved)
            return self.at(inner, source) if 0 <= source < inner.width else self.program.constant(False)
        return self.program.add("load", ("free", term, position))

    def bits(self, value: int) -> int:
        """The generic position's bit of a constant, which depends on the position's class alone."""
        ones = (1 << self.widest) - 1
        if value in (0, ones):
            return self.program.constant(value == ones)
        return self.program.add("load", ("class", value))

    def agree(self, term: Term) -> int:
        """Both sides of an equality have the same bit here."""
        left, right = term.args
        same = self.program.add("not", self.program.add("xor", self.at(left), self.at(right)))
        for position in self._known(term):
            both = self.program.add("xor", self.at(left, position), self.at(right, position))
            same = self.program.add("and", same, self.program.add("not", both))
        if left.width < self.widest:
            same = self.program.add("or", same, self.program.add("not", self.bits((1 << left.width) - 1)))
        return same

    def _known(self, term: Term) -> list[int]:
        """Fixed positions at which every word of an equality is watched."""
        names = [inner.data for inner in postorder([term]) if inner.op == "var" and inner.width]
        if not names or any(name not in self.watched for name in names):
            return []
        if any(inner.op in ("add", "shl", "lshr", "extract", "zext") for inner in postorder([term])):
            return []
        return sorted(set.intersection(*[self.watched[name] for name in names]))

    def _test(self, term: Term) -> int:
        known = self.couple(term) if self.couple is not None else term
        if not self.tests and known.op not in ("var", "const"):  # what the state says of it, or what is always so, is known
            raise ModelError(f"{term} was compiled as a value where only 'may' is known")
        key = ("bool", known.data) if known.op == "var" else ("test", known)
        free = self.program.constant(True) if known is TRUE else self.program.add("load", key)
        if term.op != "eq":
            return free
        agree = self.agree(term)
        self.tested[term] = self.program.add("and", free, agree), agree
        return self.tested[term][0]

    # Phrasing a predicate: over-approximations of "this predicate has this value".

    def may(self, term: Term, wanted: bool = True) -> int:
        """True wherever `term` may have the value `wanted`: exact but for tests of whole words."""
        return self._phrase(term, wanted, witness=False)

    def somewhere(self, term: Term, wanted: bool) -> int:
        """True at some position whenever `term` has the value `wanted`: words that differ, differ here."""
        return self._phrase(term, wanted, witness=True)

    def _phrase(self, term: Term, wanted: bool, *, witness: bool) -> int:
        add, op = self.program.add, term.op
        if op == "not":
            return self._phrase(term.args[0], not wanted, witness=witness)
        if op in ("and", "or", "implies"):
            flip = [op == "implies", False]
            parts = [(arg, wanted != f) for arg, f in zip(term.args, flip, strict=True)]
            if wanted == (op == "and"):
                return self._all(parts, witness)
            return add("or", *[self._phrase(arg, value, witness=witness) for arg, value in parts])
        if op in ("xor", "ite") and any(inner.op in ("eq", "ult") for inner in postorder([term])):
            if op == "xor":
                cases = [[(term.args[0], True), (term.args[1], not wanted)], [(term.args[0], False), (term.args[1], wanted)]]
            else:
                cases = [[(term.args[0], True), (term.args[1], wanted)], [(term.args[0], False), (term.args[2], wanted)]]
            return add("or", *[self._all(case, witness) for case in cases])
        inner = [] if self.tests else [one for one in postorder([term]) if one.op in ("eq", "ult") and one is not term]
        if len(inner) > CASES:
            return self.program.constant(True)
        if inner:  # as in `(a if b == 0 else c) == d`: first what has no test in it
            test = inner[0]
            cases = [[(test, value), (replaced([term], {test: boolean(value)})[0], wanted)] for value in (True, False)]
            return add("or", *[self._all(case, witness) for case in cases])
        if op == "eq" or op == "ult":
            return self._phrase_test(term, wanted, witness)
        node = self.at(term)
        return node if wanted else add("not", node)

    def _phrase_test(self, term: Term, wanted: bool, witness: bool) -> int:
        add = self.program.add
        if term.op == "ult" or not (wanted or witness):
            if not self.tests:
                return self.program.constant(True)
            return self.at(term) if wanted else add("not", self.at(term))
        if wanted:
            return self.at(term) if self.tests else self.agree(term)
        left, right = term.args
        differ = add("xor", self.at(left), self.at(right))
        return add("and", differ, self.bits((1 << left.width) - 1)) if left.width < self.widest else differ

    def _all(self, parts: Sequence[tuple[Term, bool]], witness: bool) -> int:
        """All parts; only one of them can claim the witness position: the last that needs it, a claim's consequent."""
        result = self.program.constant(True)
        for part, value in reversed(parts):
            mine = witness and needs_witness(part, value)
            result = self.program.add("and", result, self._phrase(part, value, witness=mine))
            witness = witness and not mine
        return result


def needs_witness(term: Term, wanted: bool) -> bool:
    """Whether `term == wanted` says that two words differ somewhere."""
    op = term.op
    if op == "eq":
        return not wanted
    if op == "not":
        return needs_witness(term.args[0], not wanted)
    if op == "implies":
        return needs_witness(term.args[0], not wanted) or needs_witness(term.args[1], wanted)
    if op in ("and", "or"):
        return any(needs_witness(arg, wanted) for arg in term.args)
    if op in ("xor", "ite"):
        return any(inner.op == "eq" for inner in postorder([term]))
    return False
