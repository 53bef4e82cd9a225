"""Terms as Python integers: the judge of every counterexample. No solver is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from specproof.errors import ModelError
from specproof.graph import fold
from specproof.terms import Term


def _ones(width: int) -> int:
    return (1 << width) - 1 if width else 1


#: operator -> (term, values of its arguments) -> value; a truth value is 0 or 1.
MEANING: Mapping[str, Callable[[Term, tuple[int, ...]], int]] = {
    "const": lambda t, a: int(t.data),
    "not": lambda t, a: a[0] ^ _ones(t.width),
    "and": lambda t, a: a[0] & a[1],
    "or": lambda t, a: a[0] | a[1],
    "xor": lambda t, a: a[0] ^ a[1],
    "ite": lambda t, a: a[1] if a[0] else a[2],
    "implies": lambda t, a: (a[0] ^ 1) | a[1],
    "add": lambda t, a: (a[0] + a[1]) & _ones(t.width),
    "shl": lambda t, a: (a[0] << t.data) & _ones(t.width),
    "lshr": lambda t, a: a[0] >> t.data,
    "extract": lambda t, a: (a[0] >> t.data[1]) & _ones(t.width),
    "zext": lambda t, a: a[0],
    "eq": lambda t, a: int(a[0] == a[1]),
    "ult": lambda t, a: int(a[0] < a[1]),
    "bit": lambda t, a: a[0] >> t.data & 1,
}


def evaluate_all(roots: Sequence[Term], values: Mapping[str, int]) -> list[int]:
    """The value of each root where variables have `values` by name; a truth value is 0 or 1."""

    def meaning(term: Term, args: tuple[int, ...]) -> int:
        if term.op == "var":
            try:
                return int(values[term.data])
            except KeyError:
                raise ModelError(f"no value was given for {term.data!r}") from None
        return MEANING[term.op](term, args)

    return fold(roots, meaning)


def evaluate(root: Term, values: Mapping[str, int]) -> int:
    """The value of one term."""
    return evaluate_all([root], values)[0]
