"""Terms of lemmas as sentences: what holds in every reachable state, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specproof.graph import fold
from specproof.readings.text import show
from specproof.terms import Term, make


def sentence(term: Term) -> str:
    """`running implies (~msr & mask) == 0` as "While running holds, every bit set in mask is set in msr.". Of widths it says nothing."""
    term = fold([term], _without_widths)[0]
    if term.op == "implies" and term.args[1].op == "const":
        text = f"it never happens that {_conditions(term.args[0])}"
    else:
        text = f"while {_conditions(term.args[0])}, {_said(term.args[1])}" if term.op == "implies" else _said(term)
    return text[:1].upper() + text[1:] + "."


def _without_widths(term: Term, args: tuple[Term, ...]) -> Term:
    return args[0] if term.op == "zext" else make(term.op, args, term.width, term.data)


def _conditions(term: Term) -> str:
    return _listed([_holds(part) for part in _parts(term, "and")], "and")


def _holds(term: Term) -> str:
    if term.op == "not" and not term.width and term.args[0].op in ("var", "bit"):
        return f"{_name(term.args[0])} does not hold"
    if term.op in ("var", "bit") and not term.width:
        return f"{_name(term)} holds"
    return show(term)


def _name(term: Term) -> str:
    if term.op == "bit" and term.args[0].op == "var":
        return f"bit {term.data} of {term.args[0].data}"
    return show(term)


def _said(term: Term) -> str:
    if term.op == "const":
        return "this never happens" if not term.data else "nothing more is said"
    if term.op == "eq":
        left, right = term.args
        return _nothing(left) if right.op == "const" and right.data == 0 else f"{_side(left)} equals {_side(right)}"
    if term.op == "not" and not term.width and term.args[0].op == "and":
        return f"not all of these: {'; '.join(_holds(part) for part in _parts(term.args[0], 'and'))}"
    if term.op == "or" and not term.width:
        return _listed([_holds(part) for part in _parts(term, "or")], "or")
    return _conditions(term)


def _side(term: Term) -> str:
    return show(term)


def _nothing(term: Term) -> str:
    """That a conjunction of words has no bit."""
    parts = list(_parts(term, "and"))
    set_ = [show(part) for part in parts if part.op != "not"]
    clear = [show(part.args[0]) for part in parts if part.op == "not"]
    if not set_:
        return f"every bit is set in {_listed(clear, 'or')}"
    if not clear:
        return f"{set_[0]} is 0" if len(set_) == 1 else f"no bit is set in {_listed(set_, 'and')} at once"
    return f"every bit set in {_listed(set_, 'and')} is set in {_listed(clear, 'or')}"


def _parts(term: Term, op: str) -> Iterator[Term]:
    if term.op == op:
        for part in term.args:
            yield from _parts(part, op)
    else:
        yield term


def _listed(texts: Sequence[str], word: str) -> str:
    if len(texts) <= 1:
        return texts[0] if texts else ""
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"
