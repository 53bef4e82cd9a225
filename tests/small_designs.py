"""A Hypothesis strategy for small designs with claims of every kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from bench.designs import SEEN, Asked, Move, Search, Small, compiled
from specproof.terms import OPERATORS, Term, make
from tests import strategies

#: What models are made of, with growing frequency of what slices cannot see.
PROFILES = (
    (*strategies.BITWISE, "implies"),
    (*strategies.BITWISE, "implies", "eq"),
    (*strategies.BITWISE, "implies", "eq", "bit"),
    tuple(OPERATORS),
)

#: Words of one width, or of two.
WIDTHS = ((3,), (3,), (2,), (4,), (2, 3), (1, 3))

#: Bits of a state and of an action's inputs, so that plain Python can visit all of them.
STATE, INPUTS = 10, 4

KINDS = ("invariant", "step", "reachability", "relation", "relation", "lemma")

Fields = dict[str, tuple[int, str]]


@st.composite
def designs(draw: st.DrawFn) -> Small:
    """A design of few bits with one to three claims."""
    operators, widths = draw(st.sampled_from(PROFILES)), draw(st.sampled_from(WIDTHS))
    if draw(st.integers(0, 3)):
        operators = tuple(op for op in operators if op not in ("var", "const"))  # these only where a term ends

    def term(width: int, known: Mapping[str, int], depth: int) -> Term:
        return draw(strategies.terms(width, depth, operators, widths, lambda of: [name for name, is_ in known.items() if is_ == of]))

    fields = draw(_fields(widths))
    kept = {f"s.{name}": width for name, (width, role) in fields.items() if role != "observed"}
    every = {f"s.{name}": width for name, (width, _) in fields.items()}
    initial = _all([*draw(_starts(kept)), *([term(0, kept, 2)] if draw(st.booleans()) else [])])
    moves = []
    for number in range(draw(st.integers(1, 3))):
        inputs = draw(_inputs(widths))
        known = {**kept, **inputs}
        can_change = [name for name, (_, role) in fields.items() if role != "frozen"]
        changed = draw(st.lists(st.sampled_from(can_change), unique=True, min_size=1, max_size=3)) if can_change else []
        guard = term(0, kept, 2) if draw(st.booleans()) else make("const", (), 0, True)
        assumed = term(0, known, 1) if draw(_one_in(4)) else None
        moves.append(Move(f"a{number}", inputs, guard, assumed, {name: term(fields[name][0], known, draw(st.integers(1, 3))) for name in changed}))
    views = {f"look_{name}": make("var", (), width, f"s.{name}") for name, (width, _) in fields.items()}
    if draw(st.booleans()):
        views["derived"] = term(draw(st.sampled_from((0, *widths))), every, 2)
    settings = draw(_settings(fields))
    kinds = [kind for kind in KINDS if kind != "relation" or settings]
    claims = []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(kinds))
        seen = {f"{side}.{name}": view.width for side in SEEN[kind] for name, view in views.items()} or {"x": widths[0], "y": widths[0], "B": 0}
        depth = draw(st.integers(1, 3))
        body = term(0, seen, depth)
        if draw(st.booleans()):
            body = make("implies", (term(0, seen, 1), body), 0)
        claims.append(Asked(f"claim-{number}", kind, body))
    small = Small(fields, initial, term(0, kept, 2) if draw(_one_in(4)) else None, moves, views, claims, settings)
    if draw(st.booleans()):
        claims += draw(_holding(small))
    return small


@st.composite
def _holding(draw: st.DrawFn, small: Small) -> list[Asked]:
    """Claims that hold, which random ones seldom do: of words bit by bit, and that a state is not reached."""
    search = Search(small)
    search.run([])
    kept = {name: make("var", (), small.fields[name][0], f"v.look_{name}") for name in small.kept}
    found: list[Asked] = []
    for number in range(4):
        chosen = [name for name in kept if draw(st.integers(0, 2))]
        body = draw(_clause({name: kept[name] for name in chosen}, bitwise=number < 2))
        function = compiled([body], [("v_", [f"look_{name}" for name in small.kept])])
        if chosen and all(function(state)[0] for state in search.reached):
            found.append(Asked(f"held-{number}", "invariant", body))
    return found


@st.composite
def _clause(draw: st.DrawFn, known: Mapping[str, Term], *, bitwise: bool) -> Term:
    """That some words have no bit together, or some values do not occur together; while some truth values are so."""
    conditions: list[Term] = []
    words: list[Term] = []
    for variable in known.values():
        positive = draw(st.booleans())
        if not variable.width:
            conditions.append(variable if positive else make("not", (variable,), 0))
        elif not bitwise:
            conditions.append(make("eq", (variable, make("const", (), variable.width, draw(strategies.values(variable.width)))), 0))
        elif not words or words[0].width == variable.width:
            words.append(variable if positive else make("not", (variable,), variable.width))
    both = words[0] if words else None
    for other in words[1:]:
        both = make("and", (both, other), other.width)  # type: ignore[arg-type]
    if both is None:
        return make("not", (_all(conditions),), 0)
    none = make("eq", (both, make("const", (), both.width, 0)), 0)
    return make("implies", (_all(conditions), none), 0) if conditions else none


def _one_in(many: int) -> st.SearchStrategy[bool]:
    return st.integers(0, many - 1).map(lambda drawn: drawn == many - 1)


@st.composite
def _fields(draw: st.DrawFn, widths: tuple[int, ...]) -> Fields:
    """One to three words and up to three truth values: fields, frozen and observed ones."""
    fields: Fields = {}
    left = STATE
    for name in "wxy"[: draw(st.integers(1, 3))] + "BCD"[: draw(st.integers(0, 3))]:
        width = draw(st.sampled_from(widths)) if name.islower() else 0
        role = draw(st.sampled_from(("field", "field", "frozen", "observed")))
        if (width or 1) <= left:
            fields[name] = width, role
            left -= 0 if role == "observed" else width or 1
    return fields


@st.composite
def _inputs(draw: st.DrawFn, widths: tuple[int, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    left = INPUTS
    for name in draw(st.sampled_from(("", "i", "i", "b", "ib", "ij"))):
        width = draw(st.sampled_from(widths)) if name != "b" else 0
        if (width or 1) <= left:
            found[name] = width
            left -= width or 1
    return found


@st.composite
def _starts(draw: st.DrawFn, kept: Mapping[str, int]) -> list[Term]:
    """Most fields start with one value."""
    parts = []
    for name, width in kept.items():
        if draw(st.integers(0, 3)):
            variable = make("var", (), width, name)
            if width:
                parts.append(make("eq", (variable, make("const", (), width, draw(strategies.values(width)))), 0))
            else:
                parts.append(variable if draw(st.booleans()) else make("not", (variable,), 0))
    return parts


@st.composite
def _settings(draw: st.DrawFn, fields: Fields) -> dict[str, Term]:
    """Two configurations that pin a frozen field, if there is one."""
    frozen = [(name, width) for name, (width, role) in fields.items() if role == "frozen"]
    if not frozen:
        return {}
    name, width = draw(st.sampled_from(frozen))
    variable = make("var", (), width, f"s.{name}")
    if not width:
        return {"one": variable, "other": make("not", (variable,), 0)}
    value = make("eq", (variable, make("const", (), width, draw(strategies.values(width)))), 0)
    return {"one": value, "other": make("not", (value,), 0)}


def _all(parts: Sequence[Term]) -> Term:
    whole = make("const", (), 0, True)
    for part in parts:
        whole = make("and", (whole, part), 0)
    return whole
