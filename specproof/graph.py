"""Walking a graph of terms: in order, with a meaning for each operator, with variables replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from specproof.errors import ModelError
from specproof.terms import Bool, Term, Word, _and, _eq, _not, _or, _ult, _xor, choose, implies


def postorder(roots: Iterable[Term]) -> Iterator[Term]:
    """Every node below `roots` once, arguments first."""
    seen: set[int] = set()
    stack: list[tuple[Term, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        term, ready = stack.pop()
        if ready:
            yield term
        elif id(term) not in seen:
            seen.add(id(term))
            stack.append((term, True))
            stack.extend((arg, False) for arg in reversed(term.args))


V = TypeVar("V")


def fold(roots: Sequence[Term], meaning: Callable[[Term, tuple[V, ...]], V], memo: dict[Term, V] | None = None) -> list[V]:
    """The meaning of each root, from the meanings of its arguments; each node once.

    `memo` may hold meanings that are already known; it is added to.
    """
    done: dict[Term, V] = {} if memo is None else memo
    for root in roots:
        stack = [root]
        while stack:
            term = stack[-1]
            if term in done:
                stack.pop()
                continue
            missing = [arg for arg in term.args if arg not in done]
            if missing:
                stack.extend(reversed(missing))
                continue
            done[term] = meaning(term, tuple([done[arg] for arg in term.args]))
            stack.pop()
    return [done[root] for root in roots]


def variables(roots: Iterable[Term]) -> list[Term]:
    """The variables below `roots`, in the order in which a reader meets them."""
    return [term for term in postorder(roots) if term.op == "var"]


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """The node again, with other arguments of the same sorts, simplified."""
    op = term.op
    if op in ("const", "var"):
        return term
    a = args[0]
    if op == "not":
        return _not(a)
    if op == "and":
        return _and(a, args[1])
    if op == "or":
        return _or(a, args[1])
    if op == "xor":
        return _xor(a, args[1])
    if op == "ite":
        return choose(cast(Bool, a), args[1], args[2])
    if op == "implies":
        return implies(cast(Bool, a), cast(Bool, args[1]))
    left = cast(Word, a)
    if op == "eq":
        return _eq(left, cast(Word, args[1]))
    if op == "ult":
        return _ult(left, cast(Word, args[1]))
    if op == "bit":
        return left.bit(term.data)
    if op == "add":
        return left + cast(Word, args[1])
    if op == "shl":
        return left << int(term.data)
    if op == "lshr":
        return left >> int(term.data)
    if op == "extract":
        return left.extract(*term.data)
    if op == "zext":
        return left.zext(term.width)
    raise ModelError(f"no such operator: {op!r}")


def substitute(roots: Sequence[Term], by: Mapping[Term, Term], memo: dict[Term, Term] | None = None) -> list[Term]:
    """The roots with variables replaced; `memo` may be shared between calls with the same `by`."""
    return fold(roots, lambda term, args: by.get(term, term) if term.op == "var" else rebuild(term, args), memo)
