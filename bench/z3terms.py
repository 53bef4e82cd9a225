"""Terms as Z3 expressions, built directly: what a user of Z3 would have written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import z3

from specproof.graph import fold
from specproof.terms import Term

#: operator -> (term, expressions of its arguments) -> expression. Variables are looked up.
MEANING: Mapping[str, Callable[[Term, Sequence[Any]], Any]] = {
    "const": lambda t, a: z3.BitVecVal(t.data, t.width) if t.width else z3.BoolVal(t.data),
    "not": lambda t, a: ~a[0] if t.width else z3.Not(a[0]),
    "and": lambda t, a: a[0] & a[1] if t.width else z3.And(*a),
    "or": lambda t, a: a[0] | a[1] if t.width else z3.Or(*a),
    "xor": lambda t, a: a[0] ^ a[1] if t.width else z3.Xor(*a),
    "implies": lambda t, a: z3.Implies(*a),
    "ite": lambda t, a: z3.If(*a),
    "add": lambda t, a: a[0] + a[1],
    "shl": lambda t, a: a[0] << t.data,
    "lshr": lambda t, a: z3.LShR(a[0], t.data),
    "extract": lambda t, a: z3.Extract(*t.data, a[0]),
    "zext": lambda t, a: z3.ZeroExt(t.width - t.args[0].width, a[0]),
    "eq": lambda t, a: a[0] == a[1],
    "ult": lambda t, a: z3.ULT(*a),
    "bit": lambda t, a: z3.Extract(t.data, t.data, a[0]) == 1,
}


def symbol(name: str, width: int) -> Any:
    """A Z3 constant."""
    return z3.BitVec(name, width) if width else z3.Bool(name)


def translate(terms: Sequence[Term], values: Mapping[Term, Any]) -> list[Any]:
    """The terms, with an expression for each variable."""
    return fold(terms, lambda t, a: MEANING[t.op](t, a), dict(values))
