"""Terms as the Python that a model or a claim is written in, ready to paste."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from specproof.graph import fold
from specproof.terms import Term

#: operator -> (term, texts of its arguments) -> text; everything but names and numbers stands in parentheses.
MEANING: Mapping[str, Callable[[Term, tuple[str, ...]], str]] = {
    "const": lambda t, a: (f"word({t.data:#x}, {t.width})" if t.width != 64 else f"{t.data:#x}") if t.width else ("TRUE" if t.data else "FALSE"),
    "var": lambda t, a: str(t.data),
    "not": lambda t, a: f"~{a[0]}",
    "and": lambda t, a: f"({a[0]} & {a[1]})",
    "or": lambda t, a: f"({a[0]} | {a[1]})",
    "xor": lambda t, a: f"({a[0]} ^ {a[1]})",
    "add": lambda t, a: f"({a[0]} + {a[1]})",
    "ite": lambda t, a: f"ite({a[0]}, {a[1]}, {a[2]})",
    "implies": lambda t, a: f"implies({_bare(a[0])}, {_bare(a[1])})",
    "shl": lambda t, a: f"({a[0]} << {t.data})",
    "lshr": lambda t, a: f"({a[0]} >> {t.data})",
    "extract": lambda t, a: f"{_of(a[0])}.extract({t.data[0]}, {t.data[1]})",
    "zext": lambda t, a: f"{_of(a[0])}.zext({t.width})",
    "eq": lambda t, a: f"({a[0]} == {a[1]})",
    "ult": lambda t, a: f"({a[0]} < {a[1]})",
    "bit": lambda t, a: f"{_of(a[0])}.bit({t.data})",
}


def _of(text: str) -> str:
    """What a method is called of: `~x.zext(3)` would be the complement of the wider word, and a number has no such method."""
    return f"({text})" if text.startswith("~") else f"word({text})" if text[0].isdigit() else text


def _bare(text: str) -> str:
    """Without parentheses around the whole, where they are one pair."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def expression(term: Term, name: Callable[[str], str] = str) -> str:
    """The term as an expression; `name` says how a variable is written."""
    return _bare(fold([term], lambda t, a: name(str(t.data)) if t.op == "var" else MEANING[t.op](t, a))[0])
