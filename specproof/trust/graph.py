"""Terms as data: a list of nodes, each after its arguments, and back without simplifying anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from specproof.errors import InputError, is_name
from specproof.graph import postorder
from specproof.terms import OPERATORS, Term, make

#: operator -> number of arguments.
ARITY = {
    "const": 0, "var": 0, "not": 1, "and": 2, "or": 2, "xor": 2, "ite": 3, "add": 2, "shl": 1, "lshr": 1, "extract": 1, "zext": 1,
    "eq": 2, "ult": 2, "bit": 1, "implies": 2,
}  # fmt: skip


@dataclass
class Writer:
    """Collects nodes `[operator, width, arguments, data]`; `add` gives a term's number."""

    nodes: list[list[Any]] = field(default_factory=list)
    _numbers: dict[Term, int] = field(default_factory=dict)

    def add(self, root: Term) -> int:
        """The number of a term, whose nodes are written now if they were not yet."""
        for term in postorder([root]):
            if term not in self._numbers:
                data = list(term.data) if isinstance(term.data, tuple) else term.data
                self._numbers[term] = len(self.nodes)
                self.nodes.append([term.op, term.width, [self._numbers[arg] for arg in term.args], data])
        return self._numbers[root]


def read(nodes: object) -> list[Term]:
    """The terms of a list of nodes; InputError where one is not well formed."""
    if not isinstance(nodes, list):
        raise InputError(f"a list of nodes was expected, not {_short(nodes)}")
    terms: list[Term] = []
    for number, node in enumerate(nodes):
        try:
            terms.append(_node(node, terms))
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise InputError(f"node {number} is not well formed: {_short(node)}: {error}") from None
    return terms


def _node(node: object, terms: Sequence[Term]) -> Term:
    op, width, numbers, data = _four(node)
    if op not in OPERATORS:
        raise ValueError("no such operator")
    if not _number(width) or not 0 <= width <= 4096 or not isinstance(numbers, list) or len(numbers) != ARITY[op]:
        raise ValueError("width or arguments")
    if not all(_number(index) and 0 <= index < len(terms) for index in numbers):
        raise ValueError("an argument comes before its node")
    args = tuple(terms[index] for index in numbers)
    if isinstance(data, list):
        data = tuple(data)
    _check(op, width, args, data)
    return make(op, args, width, data)


def _four(node: object) -> tuple[str, int, list[int], Any]:
    if not isinstance(node, list) or len(node) != 4 or not isinstance(node[0], str):
        raise ValueError("four parts were expected")
    return node[0], node[1], node[2], node[3]


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(op: str, width: int, args: tuple[Term, ...], data: Any) -> None:
    """Sorts of a node: what makes every reading defined on it."""
    widths = [arg.width for arg in args]
    sort = OPERATORS[op]
    if (sort == "word" and not width) or (sort == "bool" and width):
        raise ValueError("the wrong sort")
    if op == "const":
        right = isinstance(data, bool) if not width else _number(data) and 0 <= data < 1 << width
    elif op == "var":
        right = is_name(data)
    elif op in ("shl", "lshr"):
        right = _number(data) and 0 <= data < width and widths == [width]
    elif op == "bit":
        right = _number(data) and 0 <= data < widths[0]
    elif op == "extract":
        pair = isinstance(data, tuple) and len(data) == 2 and all(map(_number, data))
        right = pair and 0 <= data[1] <= data[0] < widths[0] and width == data[0] - data[1] + 1
    elif op == "zext":
        right = data is None and 0 < widths[0] < width
    elif op in ("eq", "ult"):
        right = data is None and widths[0] == widths[1] > 0
    elif op == "ite":
        right = data is None and widths == [0, width, width]
    else:
        right = data is None and all(of == width for of in widths)
    if not right:
        raise ValueError("arguments or data of the wrong sort")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
