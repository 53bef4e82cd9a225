"""Terms as text that a kernel engineer reads: C's operators, full parentheses where C's precedence traps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from specproof.graph import fold
from specproof.terms import Term

#: Binding strength of what each operator prints; a weaker operand gets parentheses.
_ATOM, _UNARY, _INNER, _COMPARE, _IMPLIES = 5, 4, 3, 2, 1

Shown = tuple[str, int]


def _paren(shown: Shown, at_least: int) -> str:
    return shown[0] if shown[1] >= at_least else f"({shown[0]})"


def _infix(symbol: str) -> Callable[[Term, tuple[Shown, ...]], Shown]:
    def meaning(term: Term, args: tuple[Shown, ...]) -> Shown:
        sides = []
        for arg, shown in zip(term.args, args, strict=True):
            chain = arg.op == term.op and arg.op in ("and", "or", "xor", "add")
            sides.append(shown[0] if chain else _paren(shown, _UNARY))
        return f" {symbol} ".join(sides), _INNER

    return meaning


def _compare(symbol: str) -> Callable[[Term, tuple[Shown, ...]], Shown]:
    return lambda t, a: (f"{_paren(a[0], _UNARY)} {symbol} {_paren(a[1], _UNARY)}", _COMPARE)


def _not(term: Term, args: tuple[Shown, ...]) -> Shown:
    inner = term.args[0]
    if inner.op == "eq" and not term.width:
        left, right = (part for part in args[0][0].split(" == ", 1)) if args[0][0].count(" == ") == 1 else ("", "")
        if left:
            return f"{left} != {right}", _COMPARE
    if inner.op == "ult" and args[0][0].count(" < ") == 1:
        return args[0][0].replace(" < ", " >= "), _COMPARE
    if inner.op == "xor" and not term.width and args[0][0].count(" ^ ") == 1:
        return args[0][0].replace(" ^ ", " == "), _COMPARE
    return "~" + _paren(args[0], _UNARY), _UNARY


def constant(value: int, width: int) -> str:
    """A constant as it is printed: `0`, `0x400`, `true`."""
    if not width:
        return "true" if value else "false"
    return str(value) if value < 10 else f"{value:#x}"


#: operator -> (term, texts of its arguments) -> text and binding strength.
MEANING: Mapping[str, Callable[[Term, tuple[Shown, ...]], Shown]] = {
    "const": lambda t, a: (constant(t.data, t.width), _ATOM),
    "var": lambda t, a: (str(t.data), _ATOM),
    "not": _not,
    "and": _infix("&"),
    "or": _infix("|"),
    "xor": _infix("^"),
    "add": _infix("+"),
    "ite": lambda t, a: (f"{_paren(a[0], _COMPARE)} ? {_paren(a[1], _UNARY)} : {_paren(a[2], _UNARY)}", _IMPLIES),
    "implies": lambda t, a: (f"{_paren(a[0], _COMPARE)} implies {_paren(a[1], _COMPARE)}", _IMPLIES),
    "shl": lambda t, a: (f"{_paren(a[0], _UNARY)} << {t.data}", _INNER),
    "lshr": lambda t, a: (f"{_paren(a[0], _UNARY)} >> {t.data}", _INNER),
    "extract": lambda t, a: (f"{_paren(a[0], _ATOM)}[{t.data[0]}:{t.data[1]}]", _ATOM),
    "zext": lambda t, a: (f"zext{t.width}({a[0][0]})", _ATOM),
    "eq": _compare("=="),
    "ult": _compare("<"),
    "bit": lambda t, a: (f"{_paren(a[0], _ATOM)}.bit({t.data})", _ATOM),
}


def show(term: Term) -> str:
    """One line of text for a term."""
    return fold([term], lambda t, a: MEANING[t.op](t, a))[0][0]
