"""Walking a graph of terms: in order, with a meaning for each operator, with variables replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from typing import TypeVar, cast

from specproof.errors import ModelError
from specproof.terms import Bool, Term, Word, _and, _eq, _not, _or, _ult, _xor, choose, implies


def postorder(roots: Iterable[Term]) -> list[Term]:
    """Every node below `roots` once, arguments first."""
    order: list[Term] = []
    seen: set[int] = set()
    stack: list[Term | None] = [*reversed(list(roots))]
    while stack:
        term = stack.pop()
        if term is None:  # below it is a term whose arguments are all in the order
            order.append(cast(Term, stack.pop()))
        elif id(term) not in seen:
            seen.add(id(term))
            if term.args:
                stack += (term, None, *term.args[::-1])
            else:
                order.append(term)
    return order


def conjuncts(term: Term) -> list[Bool]:
    """The parts of a conjunction of truth values, in the order in which they are written; any other term is its own only part."""
    found: list[Bool] = []
    todo = [term]
    while todo:
        part = todo.pop()
        if part.op == "and" and not part.width:
            todo += part.args[::-1]
        else:
            found.append(cast(Bool, part))
    return found


V = TypeVar("V")


def fold(roots: Sequence[Term], meaning: Callable[[Term, tuple[V, ...]], V], memo: dict[Term, V] | None = None) -> list[V]:
    """The meaning of each root, from the meanings of its arguments; each node once.

    `memo` may hold meanings that are already known; it is added to.
    """
    done: dict[Term, V] = {} if memo is None else memo
    stack: list[Term | None] = [*reversed(list(roots))]
    while stack:
        term = stack.pop()
        if term is None:  # below it is a term whose arguments are all done
            ready = cast(Term, stack.pop())
            done[ready] = meaning(ready, tuple([done[arg] for arg in ready.args]))
        elif term not in done:
            if term.args:
                stack += (term, None, *term.args[::-1])
            else:
                done[term] = meaning(term, ())
    return [done[root] for root in roots]


def variables(roots: Iterable[Term]) -> list[Term]:
    """The variables below `roots`, in the order in which a reader meets them."""
    return [term for term in postorder(roots) if term.op == "var"]


def unfolded(roots: Sequence[Term]) -> int:
    """How many nodes the roots have where each is written out as often as it is used: the size of their text, which sharing makes exponential."""
    return sum(fold(roots, lambda _, args: min(1 << 62, 1 + sum(args))))


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """The node again, with other arguments of the same sorts, simplified; itself where they are its own."""
    return term if all(map(is_, args, term.args)) else simplified(term, args)


def simplified(term: Term, args: tuple[Term, ...]) -> Term:
    """The node with these arguments as the operators of a design make it, also where it was made without them."""
    if not args:
        return term
    op, a = term.op, args[0]
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


def replaced(roots: Sequence[Term], by: Mapping[Term, Term]) -> list[Term]:
    """The roots with terms in them replaced, of whatever kind."""
    return fold(roots, lambda term, args: by[term] if term in by else rebuild(term, args))


def is_value(term: Term, value: int) -> Bool:
    """That a term has a value; of a truth value, 0 or 1."""
    return cast(Word, term) == value if term.width else cast(Bool, term) == bool(value)


def substitute(roots: Sequence[Term], by: Mapping[Term, Term], memo: dict[Term, Term] | None = None) -> list[Term]:
    """The roots with variables replaced; `memo` may be shared between calls with the same `by`."""
    return fold(roots, lambda term, args: by.get(term, term) if term.op == "var" else rebuild(term, args), memo)
