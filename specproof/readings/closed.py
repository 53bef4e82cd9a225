"""Terms as sympy Booleans, one bit at a time: closed forms, and a second proof without a solver for words.

`bit_of` is exact for every operator and reads bit `k` of a word `x` as the symbol `x[k]`. `closed_form`
reads the generic position, where a word is one symbol of its own name; it refuses what is not bitwise.
The proof is in `bitproof`, from the clauses and the solver that this file gives it.

The one file that imports sympy, which is slow to import: import this file late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import sympy
from sympy.assumptions.cnf import EncodedCNF
from sympy.logic.algorithms.minisat22_wrapper import minisat22_satisfiable
from sympy.logic.boolalg import And, Boolean, Equivalent, Implies, Not, Or, Xor, simplify_logic, to_cnf

from specproof.errors import SpecproofError
from specproof.graph import variables
from specproof.readings.text import constant, show
from specproof.terms import TRUE, Term

#: A term, and which of its bits: None for a truth value and for the generic position of a word.
Key = tuple[Term, int | None]

#: sympy's minimisation of a formula grows with the power of the number of symbols; beyond this it is left as it is.
SIMPLIFIED = 8


class NotBitwise(SpecproofError):
    """A term has no closed form for one bit: an operator in it looks at other positions."""


@dataclass(frozen=True)
class Rule:
    """What an operator needs to know of its arguments for one of its bits, and what it makes of that."""

    needs: Callable[[Term, int | None], Sequence[Key]]
    value: Callable[[Term, int | None, Sequence[Any]], Any]


def _all_bits(term: Term) -> list[Key]:
    return [(arg, k) for k in range(term.args[0].width) for arg in term.args]


def _below(term: Term, index: int) -> list[Key]:
    return [(arg, k) for k in range(index + 1) for arg in term.args]


def _carry(bits: Sequence[Any]) -> Any:
    """The carry into the position after the last pair of bits, lowest pair first."""
    carry: Any = sympy.false
    for a, b in zip(bits[::2], bits[1::2], strict=True):
        carry = Or(And(a, b), And(carry, Xor(a, b)))
    return carry


def _less(bits: Sequence[Any]) -> Any:
    """Whether the first number is below the second: decided by the highest pair that differs."""
    less: Any = sympy.false
    for a, b in zip(bits[::2], bits[1::2], strict=True):
        less = Or(And(Not(a), b), And(less, Not(Xor(a, b))))
    return less


def _same(term: Term, index: int | None) -> list[Key]:
    return [(arg, index if arg.width else None) for arg in term.args]


def _source(term: Term, index: int, by: int) -> list[Key]:
    """The one bit of the argument that bit `index` is, if there is one."""
    inner = term.args[0]
    return [(inner, index + by)] if 0 <= index + by < inner.width else []


def _variable(term: Term, index: int | None) -> Any:
    return sympy.Symbol(term.data if index is None else f"{term.data}[{index}]")


def _constant(term: Term, index: int | None) -> Any:
    if index is not None or not term.width:
        return sympy.true if (term.data >> index & 1 if index is not None else term.data) else sympy.false
    ones = (1 << term.width) - 1
    if term.data in (0, ones):
        return sympy.true if term.data else sympy.false
    other = term.data ^ ones  # a mask and its complement are one symbol, of the one with fewer bits
    if (other.bit_count(), other) < (term.data.bit_count(), term.data):
        return Not(sympy.Symbol(constant(other, term.width)))
    return sympy.Symbol(constant(term.data, term.width))


def _bitwise(make: Callable[..., Any]) -> Rule:
    """An operator that acts on every bit alone."""
    return Rule(_same, lambda t, i, a: make(*a))


def _moved(by: Callable[[Term], int]) -> Rule:
    """An operator that takes each bit from the position `by` higher."""
    return Rule(lambda t, i: _source(t, i or 0, by(t)), lambda t, i, a: a[0] if a else sympy.false)


#: operator -> what one bit of it needs, and is.
MEANING: Mapping[str, Rule] = {
    "const": Rule(lambda t, i: (), lambda t, i, a: _constant(t, i)),
    "var": Rule(lambda t, i: (), lambda t, i, a: _variable(t, i)),
    "not": _bitwise(Not),
    "and": _bitwise(And),
    "or": _bitwise(Or),
    "xor": _bitwise(Xor),
    "implies": _bitwise(Implies),
    "ite": _bitwise(lambda c, a, b: Or(And(c, a), And(Not(c), b))),
    "eq": Rule(lambda t, i: _all_bits(t), lambda t, i, a: And(*map(Equivalent, a[::2], a[1::2]))),
    "ult": Rule(lambda t, i: _all_bits(t), lambda t, i, a: _less(a)),
    "bit": Rule(lambda t, i: [(t.args[0], t.data)], lambda t, i, a: a[0]),
    "add": Rule(lambda t, i: _below(t, i or 0), lambda t, i, a: Xor(a[-2], a[-1], _carry(a[:-2]))),
    "shl": _moved(lambda t: -t.data),
    "lshr": _moved(lambda t: t.data),
    "extract": _moved(lambda t: t.data[1]),
    "zext": _moved(lambda t: 0),
}

#: Operators whose bit depends on other positions, or on all of them.
CROSSING = frozenset({"add", "shl", "lshr", "extract", "zext"})
TESTS = frozenset({"eq", "ult"})


def _read(root: Key, memo: dict[Key, Any], leaf: Callable[[Key], Any | None]) -> Any:
    """The meaning of a bit; `leaf` gives those that are not taken apart."""
    stack = [root]
    while stack:
        key = stack[-1]
        if key not in memo:
            found = leaf(key)
            rule = MEANING[key[0].op]
            if found is None:
                needs = list(rule.needs(*key))
                missing = [need for need in needs if need not in memo]
                if missing:
                    stack.extend(missing)
                    continue
                found = rule.value(*key, [memo[need] for need in needs])
            memo[key] = found
        stack.pop()
    return memo[root]


def bit_of(term: Term, index: int = 0, memo: dict[Key, Any] | None = None) -> Boolean:
    """Bit `index` of a word, or a truth value, over symbols `name[k]` and `name`; exact for every operator."""
    return _read((term, index if term.width else None), {} if memo is None else memo, lambda key: None)


def closed_form(term: Term, *, tests: bool = False) -> Boolean:
    """One bit of a word, the same function at every position, over a symbol for each variable and constant.

    With `tests`, a comparison of whole words and a single bit read as a condition are symbols named by
    their text. Raises NotBitwise otherwise, and where an operator moves bits.
    """

    def leaf(key: Key) -> Any | None:
        inner = key[0]
        if inner.op in TESTS or inner.op == "bit":
            if tests:
                return sympy.Symbol(f"({show(inner)})" if inner.op in TESTS else show(inner))
            place = "a whole word" if inner.op in TESTS else "one position"
            raise NotBitwise(f"{show(inner)} looks at {place}, so {show(term)} is not the same function of every bit")
        if inner.op in CROSSING:
            raise NotBitwise(f"{show(inner)} moves bits between positions, so {show(term)} is not the same function of every bit")
        return None

    return _read((term, None), {}, leaf)


@lru_cache(maxsize=1 << 12)
def simplified(expression: Boolean) -> Boolean:
    """The shorter of the minimal sum and the minimal product, where there are few symbols."""
    if len(expression.free_symbols) > SIMPLIFIED:
        return expression
    return simplify_logic(expression, deep=False, force=True)


def agree_condition(a: Term, b: Term, *, tests: bool = False) -> Boolean:
    """When one bit of `a` is that of `b`, simplified: `mask -> cur` for a merge against forcing to 1."""
    return simplified(Equivalent(closed_form(a, tests=tests), closed_form(b, tests=tests)))


def closed_text(term: Term, *, tests: bool = False) -> str:
    """The simplified closed form as a reader writes it, its names in the order of the term."""
    return written(simplified(closed_form(term, tests=tests)), _names([term]))


def agree_text(a: Term, b: Term, *, tests: bool = False) -> str:
    """The condition under which two terms agree at a bit: `always`, `never`, or a formula."""
    condition = agree_condition(a, b, tests=tests)
    if condition in (sympy.true, sympy.false):
        return "always" if condition == sympy.true else "never"
    return written(condition, _names([a, b]))


def _names(terms: Sequence[Term]) -> list[str]:
    return [str(term.data) for term in variables(terms)]


def written(expression: Boolean, order: Sequence[str] = ()) -> str:
    """C's operators; a clause that has both kinds of literals reads as an implication."""
    rank = {name: number for number, name in enumerate(order)}

    def key(part: Any) -> tuple[Any, ...]:
        names = sorted((rank.get(symbol.name, len(rank)), symbol.name) for symbol in part.free_symbols)
        return (isinstance(part, Not), names, str(part))

    def join(parts: Iterable[Any], symbol: str) -> str:
        ordered = sorted(_paired(list(parts)) if symbol == "|" else parts, key=key)
        if len(ordered) == 1:
            return full(ordered[0])
        return f" {symbol} ".join(inner(part) for part in ordered)

    def inner(part: Any) -> str:
        text = full(part)
        return text if part.is_Atom or isinstance(part, Not) else f"({text})"

    def clause(parts: Sequence[Any]) -> str:
        negative = [part.args[0] for part in parts if isinstance(part, Not)]
        positive = [part for part in parts if not isinstance(part, Not)]
        if not negative:
            return join(positive, "|")
        left = join(negative, "&")
        if not positive:
            return f"~({left})"
        return f"{left} -> {join(positive, '|')}"

    def full(part: Any) -> str:
        if isinstance(part, Or):
            return clause(part.args)
        if isinstance(part, (And, Xor)):
            return join(part.args, "&" if isinstance(part, And) else "^")
        if isinstance(part, Not):
            return "~" + inner(part.args[0])
        if isinstance(part, Implies):
            return f"{inner(part.args[0])} -> {inner(part.args[1])}"
        if isinstance(part, Equivalent):
            return join(part.args, "==")
        return {sympy.true: "1", sympy.false: "0"}.get(part, str(part))

    return full(expression)


def _paired(parts: list[Any]) -> list[Any]:
    """The parts of a disjunction, with `a & b` and `~a & ~b` together as `a == b`, or `a ^ b`."""
    left: list[Any] = []
    for part in parts:
        mirror = And(*map(Not, part.args)) if isinstance(part, And) and len(part.args) == 2 else None
        if mirror is None or mirror not in left:
            left.append(part)
            continue
        left.remove(mirror)
        a, b = part.args
        same = isinstance(a, Not) == isinstance(b, Not)
        a, b = (arg.args[0] if isinstance(arg, Not) else arg for arg in (a, b))
        left.append(Equivalent(a, b) if same else Xor(a, b))
    return left


# What a proof bit by bit is made of.


@cache
def clauses_of(op: str, arity: int) -> tuple[tuple[int, ...], ...]:
    """`1 == op(2, 3, ...)` in conjunctive form, from the operator's meaning; a negative number is a negated literal."""
    symbols = sympy.symbols(f"x1:{arity + 2}")
    number = {symbol: index + 1 for index, symbol in enumerate(symbols)}
    formula = to_cnf(Equivalent(symbols[0], MEANING[op].value(TRUE, None, symbols[1:])), simplify=False)
    return tuple(
        tuple(-number[literal.args[0]] if isinstance(literal, Not) else number[literal] for literal in Or.make_args(clause))
        for clause in And.make_args(formula)
    )


def satisfying(clauses: Sequence[Sequence[int]]) -> frozenset[int] | None:
    """The numbers that are true in an assignment of the clauses, or None where they cannot hold together."""
    if any(not clause for clause in clauses):
        return None
    used = sorted({abs(literal) for clause in clauses for literal in clause})
    place = {number: index + 1 for index, number in enumerate(used)}
    data = [{place[abs(literal)] * (1 if literal > 0 else -1) for literal in clause} for clause in clauses]
    symbols = [sympy.Symbol(f"v{number}") for number in used]
    found = minisat22_satisfiable(EncodedCNF(data, {symbol: index + 1 for index, symbol in enumerate(symbols)}))
    if not found:
        return None
    return frozenset(number for number, symbol in zip(used, symbols, strict=True) if found[symbol])
