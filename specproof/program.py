"""Programs over single bits: a straight list of and/or/xor/not/ite over loads.

numpy runs one on many states and inputs at once; lemma discovery hands the same list to a SAT solver.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import and_, invert, or_, xor
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.bool_]]

#: What a program's nodes mean to numpy; the operators below are compiled to these.
MEANING: Mapping[str, Callable[..., Array]] = {
    "and": and_,
    "or": or_,
    "xor": xor,
    "not": invert,
    "ite": lambda c, a, b: b ^ (c & (a ^ b)),
}

#: What false and true are where loads are truth values: arrays that broadcast against any.
BOOLS = np.array([[False]]), np.array([[True]])


@dataclass
class Program:
    """Nodes in evaluation order. A load is `("load", key)`; `outputs` are node numbers."""

    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    known: dict[tuple[Any, ...], int] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)
    _dead: list[list[int]] = field(default_factory=list, repr=False)

    def add(self, *node: Any) -> int:
        """The number of a node, simplified where an argument is constant."""
        node = self._simplify(node)
        if node[0] == "same":
            return int(node[1])
        found = self.known.get(node)
        if found is None:
            found = self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return found

    def constant(self, value: bool) -> int:
        """The node of a constant."""
        return self.add("load", ("constant", value))

    def _value(self, number: int) -> bool | None:
        node = self.nodes[number]
        return bool(node[1][1]) if node[0] == "load" and node[1][0] == "constant" else None

    def _simplify(self, node: tuple[Any, ...]) -> tuple[Any, ...]:
        op = node[0]
        if op == "load":
            return node
        values = [self._value(arg) for arg in node[1:]]
        if op == "not":
            if values[0] is not None:
                return ("load", ("constant", not values[0]))
            inner = self.nodes[node[1]]
            return ("same", inner[1]) if inner[0] == "not" else node
        if op == "ite":
            if values[0] is not None:
                return ("same", node[2] if values[0] else node[3])
            return ("same", node[2]) if node[2] == node[3] else node
        left, right = node[1], node[2]
        if values[0] is not None:
            left, right, values = right, left, values[::-1]
        if values[1] is not None:
            if op == "xor":
                return self._simplify(("not", left)) if values[1] else ("same", left)
            return ("same", left) if values[1] == (op == "and") else ("same", right)
        if left == right:
            return ("load", ("constant", False)) if op == "xor" else ("same", left)
        return (op, min(left, right), max(left, right))

    def loads(self) -> list[Hashable]:
        """The keys of everything it loads, constants apart."""
        return [node[1] for node in self.nodes if node[0] == "load" and node[1][0] != "constant"]

    def needs(self) -> list[int]:
        """For each node what it reads, constants apart, as a set of bits: one for each load."""
        found: list[int] = []
        for number, node in enumerate(self.nodes):
            if node[0] == "load":
                found.append(0 if node[1][0] == "constant" else 1 << number)
            else:
                reads = 0
                for arg in node[1:]:
                    reads |= found[arg]
                found.append(reads)
        return found

    def demands(self, node: int) -> dict[Hashable, bool]:
        """Loads that have to have a value where a node is true: the literals of which it is a conjunction."""
        found: dict[Hashable, bool] = {}
        todo = [(node, True)]
        while todo:
            number, wanted = todo.pop()
            op, *args = self.nodes[number]
            if op == "load":
                found[args[0]] = wanted
            elif op == "not":
                todo.append((args[0], not wanted))
            elif op == ("and" if wanted else "or"):
                todo += [(arg, wanted) for arg in args]
        return found

    def part(self, outputs: Sequence[int]) -> tuple[Program, dict[int, int]]:
        """A program of what these nodes need, with them as its outputs; and where in it each node is."""
        todo, used = list(outputs), set(outputs)
        while todo:
            node = self.nodes[todo.pop()]
            new = [arg for arg in node[1:] if arg not in used] if node[0] != "load" else []
            used.update(new)
            todo += new
        place = {number: index for index, number in enumerate(sorted(used))}
        nodes = [self.nodes[number] for number in place]
        moved = [node if node[0] == "load" else (node[0], *(place[arg] for arg in node[1:])) for node in nodes]
        return Program(moved, {}, [place[number] for number in outputs]), place

    def run(self, values: Mapping[Hashable, Any], constants: tuple[Any, Any] = BOOLS) -> list[Any]:
        """The outputs for given loads, whose shapes broadcast. `constants`: what false and true are to the loads' type."""
        results: list[Any] = [None] * len(self.nodes)
        for number, (node, dead) in enumerate(zip(self.nodes, self._last_uses(), strict=True)):
            op = node[0]
            if op == "load":
                key = node[1]
                results[number] = constants[key[1]] if key[0] == "constant" else values[key]
            elif op == "not":
                results[number] = ~results[node[1]]
            elif op == "ite":
                results[number] = MEANING[op](results[node[1]], results[node[2]], results[node[3]])
            else:
                results[number] = MEANING[op](results[node[1]], results[node[2]])
            for old in dead:  # what is not needed any more leaves the processor's cache to what is
                results[old] = None
        return [results[number] for number in self.outputs]

    def _last_uses(self) -> list[list[int]]:
        """For each node, the nodes whose last use it is."""
        if len(self._dead) != len(self.nodes):
            last = {arg: number for number, node in enumerate(self.nodes) if node[0] != "load" for arg in node[1:]}
            self._dead = [[] for _ in self.nodes]
            for arg, number in last.items():
                if arg not in self.outputs:
                    self._dead[number].append(arg)
        return self._dead
