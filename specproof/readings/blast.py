"""Terms as and-inverter graphs: every bit of every word, for AIGER and for anything else that takes gates.

A literal is twice the number of a node, plus one where it is inverted; node 0 is false. The meaning of a
term is the tuple of its bits' literals, lowest first; a truth value has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from specproof.graph import fold
from specproof.terms import Term

FALSE, TRUE = 0, 1

Literals = tuple[int, ...]


@dataclass
class Gates:
    """A graph that grows: leaves (inputs, latches) have a name, the other nodes are conjunctions of two literals."""

    nodes: list[tuple[int, int] | str] = field(default_factory=lambda: ["false"])
    known: dict[tuple[int, int], int] = field(default_factory=dict)

    def leaf(self, name: str) -> int:
        """The literal of a new leaf."""
        self.nodes.append(name)
        return 2 * (len(self.nodes) - 1)

    def both(self, a: int, b: int) -> int:
        """`a` and `b`."""
        a, b = (a, b) if a < b else (b, a)
        if a in (FALSE, b ^ 1):
            return FALSE
        if a in (TRUE, b):
            return b
        found = self.known.get((a, b))
        if found is None:
            self.nodes.append((a, b))
            found = self.known[a, b] = 2 * (len(self.nodes) - 1)
        return found

    def either(self, a: int, b: int) -> int:
        """`a` or `b`."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Exactly one of `a` and `b`."""
        return self.either(self.both(a, b ^ 1), self.both(a ^ 1, b))

    def choose(self, condition: int, a: int, b: int) -> int:
        """`a` where the condition holds, else `b`."""
        if a == b:
            return a
        return self.either(self.both(condition, a), self.both(condition ^ 1, b))

    def all(self, literals: Sequence[int]) -> int:
        """Every one of them, as a tree that is not deeper than it must be."""
        level = list(literals) or [TRUE]
        while len(level) > 1:
            odd = [level[-1]] if len(level) % 2 else []
            level = [self.both(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
        return level[0]

    def any(self, literals: Sequence[int]) -> int:
        """At least one of them."""
        return self.all([literal ^ 1 for literal in literals]) ^ 1


def _same(make: Callable[[Gates], Callable[..., int]]) -> Callable[[Gates, Term, Sequence[Literals]], Literals]:
    """An operator that acts on every bit alone."""
    return lambda g, t, a: tuple(make(g)(*bits) for bits in zip(*a, strict=True))


def _ite(g: Gates, t: Term, a: Sequence[Literals]) -> Literals:
    return tuple(g.choose(a[0][0], x, y) for x, y in zip(a[1], a[2], strict=True))


def _add(g: Gates, t: Term, a: Sequence[Literals]) -> Literals:
    carry, total = FALSE, []
    for x, y in zip(*a, strict=True):
        half = g.differ(x, y)
        total.append(g.differ(half, carry))
        carry = g.either(g.both(x, y), g.both(half, carry))
    return tuple(total)


def _ult(g: Gates, t: Term, a: Sequence[Literals]) -> Literals:
    less = FALSE
    for x, y in zip(*a, strict=True):
        less = g.choose(g.differ(x, y), y, less)
    return (less,)


#: operator -> (graph, term, bits of its arguments) -> its bits. Variables are looked up.
MEANING: Mapping[str, Callable[[Gates, Term, Sequence[Literals]], Literals]] = {
    "const": lambda g, t, a: tuple(int(t.data) >> k & 1 for k in range(t.width or 1)),
    "not": lambda g, t, a: tuple(bit ^ 1 for bit in a[0]),
    "and": _same(lambda g: g.both),
    "or": _same(lambda g: g.either),
    "xor": _same(lambda g: g.differ),
    "implies": _same(lambda g: lambda x, y: g.either(x ^ 1, y)),
    "ite": _ite,
    "add": _add,
    "shl": lambda g, t, a: (FALSE,) * t.data + a[0][: t.width - t.data],
    "lshr": lambda g, t, a: a[0][t.data :] + (FALSE,) * t.data,
    "extract": lambda g, t, a: a[0][t.data[1] : t.data[0] + 1],
    "zext": lambda g, t, a: a[0] + (FALSE,) * (t.width - len(a[0])),
    "eq": lambda g, t, a: (g.all([g.differ(x, y) ^ 1 for x, y in zip(*a, strict=True)]),),
    "ult": _ult,
    "bit": lambda g, t, a: (a[0][t.data],),
}


class Blaster:
    """Turns terms into literals of one graph, each node of a term once."""

    def __init__(self, gates: Gates, values: Mapping[Term, Literals]) -> None:
        """`values`: the bits of every variable."""
        self.gates, self._memo = gates, dict(values)

    def __call__(self, term: Term) -> Literals:
        """The literals of a term's bits."""
        return fold([term], lambda t, a: MEANING[t.op](self.gates, t, a), self._memo)[0]


def simulate(gates: Gates, leaves: Mapping[int, bool]) -> list[bool]:
    """The value of every node for values of the leaves, by node number; leaves without one are false."""
    values: list[bool] = []
    for number, node in enumerate(gates.nodes):
        if isinstance(node, str):
            values.append(leaves.get(number, False))
        else:
            values.append(all(values[literal >> 1] != bool(literal & 1) for literal in node))
    return values


def value_of(literal: int, values: Sequence[bool]) -> bool:
    """A literal's value among those of the nodes."""
    return values[literal >> 1] != bool(literal & 1)
