"""Hypothesis strategies: terms of every operator, and values for their variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st

from specproof.graph import variables
from specproof.terms import OPERATORS, Term, make

#: Widths of words; 64 is what models use, the others find what 64 hides.
WIDTHS = (1, 2, 3, 5, 8, 33, 64)

#: A term with values for its variables, by name.
Case = tuple[Term, Mapping[str, int]]

#: Operators that act on every bit alone, and truth values.
BITWISE = ("const", "var", "not", "and", "or", "xor", "ite")

WORD_OPERATORS = tuple(op for op, sort in OPERATORS.items() if sort != "bool")
BOOL_OPERATORS = tuple(op for op, sort in OPERATORS.items() if sort != "word")


#: The names of the variables of a width, 0 for truth values.
Names = Callable[[int], Sequence[str]]


def letters(width: int) -> Sequence[str]:
    """`x8` for a word, `X` for a truth value."""
    return [f"{name}{width}" if width else name.upper() for name in "xyz"]


@st.composite
def terms(
    draw: st.DrawFn, width: int, depth: int = 4, operators: tuple[str, ...] = tuple(OPERATORS), widths: tuple[int, ...] = WIDTHS,
    names: Names = letters,
) -> Term:  # fmt: skip
    """A term of `width` bits, as it was built, with no simplification. `operators` limits what may occur."""

    def below(of: int) -> Term:
        return draw(terms(of, depth - 1, operators, widths, names))

    known = [op for op in (WORD_OPERATORS if width else BOOL_OPERATORS) if op in operators]
    if depth == 0:
        known = ["var", "var", "const"]
    if not names(width):
        known = [op for op in known if op != "var"]
    narrower = [w for w in widths if w < width]
    wider = [w for w in widths if w > width]
    known = [op for op in known if not (op == "zext" and not narrower) and not (op == "extract" and not wider)]
    op = draw(st.sampled_from(known))
    other = draw(st.sampled_from(widths))
    if op == "const":
        return make("const", (), width, draw(values(width)) if width else draw(st.booleans()))
    if op == "var":
        return make("var", (), width, draw(st.sampled_from(names(width))))
    if op in ("not", "and", "or", "xor", "add", "implies"):
        return make(op, tuple(below(width) for _ in range(1 if op == "not" else 2)), width)
    if op == "ite":
        return make("ite", (below(0), below(width), below(width)), width)
    if op in ("eq", "ult"):
        return make(op, (below(other), below(other)), 0)
    if op == "bit":
        return make("bit", (below(other),), 0, draw(st.integers(0, other - 1)))
    if op in ("shl", "lshr"):
        return make(op, (below(width),), width, draw(st.integers(0, width - 1)))
    if op == "zext":
        return make("zext", (below(draw(st.sampled_from(narrower))),), width)
    inner = draw(st.sampled_from(wider))
    low = draw(st.integers(0, inner - width))
    return make("extract", (below(inner),), width, (low + width - 1, low))


def values(width: int) -> st.SearchStrategy[int]:
    """A value of a word: few bits, nearly all bits, or any."""
    top = (1 << width) - 1
    few = st.lists(st.integers(0, width - 1), max_size=3).map(lambda bits: sum(1 << bit for bit in set(bits)))
    return few | few.map(lambda value: top ^ value) | st.integers(0, top)


@st.composite
def assignments(draw: st.DrawFn, term: Term) -> dict[str, int]:
    """A value for every variable of a term, by name."""
    return {str(v.data): draw(values(v.width)) if v.width else int(draw(st.booleans())) for v in variables([term])}


@st.composite
def valued(draw: st.DrawFn, depth: int = 4, operators: tuple[str, ...] = tuple(OPERATORS), widths: tuple[int, ...] = WIDTHS) -> Case:
    """A term of any sort with values for its variables."""
    term = draw(terms(draw(st.sampled_from((0, *widths))), depth, operators, widths))
    return term, draw(assignments(term))


@st.composite
def truths(draw: st.DrawFn, depth: int = 4, operators: tuple[str, ...] = tuple(OPERATORS), widths: tuple[int, ...] = WIDTHS) -> Case:
    """A truth value with values for its variables."""
    term = draw(terms(0, depth, operators, widths))
    return term, draw(assignments(term))
