"""Terms as Python integers: the judge of every counterexample. No solver is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from specproof.errors import ModelError
from specproof.graph import postorder
from specproof.terms import Term


def _ones(width: int) -> int:
    return (1 << width) - 1 if width else 1


#: What a node is worth, from the values that were worked out before it.
Worth = Callable[[list[int]], int]

#: operator -> (term, all ones of its width, places of its arguments among the values) -> what it is worth; a truth value is 0 or 1.
MEANING: Mapping[str, Callable[..., Worth]] = {
    "const": lambda t, ones: lambda v: int(t.data),
    "not": lambda t, ones, x: lambda v: v[x] ^ ones,
    "and": lambda t, ones, x, y: lambda v: v[x] & v[y],
    "or": lambda t, ones, x, y: lambda v: v[x] | v[y],
    "xor": lambda t, ones, x, y: lambda v: v[x] ^ v[y],
    "ite": lambda t, ones, c, x, y: lambda v: v[x] if v[c] else v[y],
    "implies": lambda t, ones, x, y: lambda v: (v[x] ^ 1) | v[y],
    "add": lambda t, ones, x, y: lambda v: (v[x] + v[y]) & ones,
    "shl": lambda t, ones, x: lambda v: (v[x] << t.data) & ones,
    "lshr": lambda t, ones, x: lambda v: v[x] >> t.data,
    "extract": lambda t, ones, x: lambda v: (v[x] >> t.data[1]) & ones,
    "zext": lambda t, ones, x: lambda v: v[x],
    "eq": lambda t, ones, x, y: lambda v: int(v[x] == v[y]),
    "ult": lambda t, ones, x, y: lambda v: int(v[x] < v[y]),
    "bit": lambda t, ones, x: lambda v: v[x] >> t.data & 1,
}


@lru_cache(maxsize=1024)
def _order(roots: tuple[Term, ...]) -> tuple[list[tuple[str, Worth | None]], list[int]]:
    """Every node below the roots, arguments first: a variable's name, or what another node is worth; and the places of the roots."""
    order = list(postorder(roots))
    place = {term: number for number, term in enumerate(order)}
    nodes: list[tuple[str, Worth | None]] = []
    for term in order:
        is_named = term.op == "var"
        worth = None if is_named else MEANING[term.op](term, _ones(term.width), *(place[arg] for arg in term.args))
        nodes.append((str(term.data) if is_named else "", worth))
    return nodes, [place[root] for root in roots]


def evaluate_all(roots: Sequence[Term], values: Mapping[str, int]) -> list[int]:
    """The value of each root where variables have `values` by name; a truth value is 0 or 1."""
    nodes, places = _order(tuple(roots))  # a run is replayed many times while it is shrunk
    found: list[int] = []
    add = found.append
    try:
        for name, worth in nodes:
            add(int(values[name]) if worth is None else worth(found))
    except KeyError as error:
        raise ModelError(f"no value was given for {error.args[0]!r}") from None
    return [found[place] for place in places]


def evaluate(root: Term, values: Mapping[str, int]) -> int:
    """The value of one term."""
    return evaluate_all([root], values)[0]
