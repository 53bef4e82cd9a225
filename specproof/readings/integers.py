"""Terms as Python integers: the judge of every counterexample. No solver is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from specproof.errors import ModelError
from specproof.graph import postorder
from specproof.terms import Term


def _ones(width: int) -> int:
    return (1 << width) - 1 if width else 1


#: operator -> (term, values of its arguments) -> value; a truth value is 0 or 1.
MEANING: Mapping[str, Callable[[Term, Sequence[int]], int]] = {
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


@lru_cache(maxsize=512)
def _order(roots: tuple[Term, ...]) -> tuple[list[tuple[Term, tuple[int, ...]]], list[int]]:
    """Every node below the roots, arguments first, with the places of its arguments; and the places of the roots."""
    order = list(postorder(roots))
    place = {term: number for number, term in enumerate(order)}
    return [(term, tuple(place[arg] for arg in term.args)) for term in order], [place[root] for root in roots]


def evaluate_all(roots: Sequence[Term], values: Mapping[str, int]) -> list[int]:
    """The value of each root where variables have `values` by name; a truth value is 0 or 1."""
    order, places = _order(tuple(roots))  # a run is replayed many times while it is shrunk
    found: list[int] = []
    try:
        for term, args in order:
            if term.op == "var":
                found.append(int(values[term.data]))
            else:
                found.append(MEANING[term.op](term, [found[place] for place in args]))
    except KeyError as error:
        raise ModelError(f"no value was given for {error.args[0]!r}") from None
    return [found[place] for place in places]


def evaluate(root: Term, values: Mapping[str, int]) -> int:
    """The value of one term."""
    return evaluate_all([root], values)[0]
