"""Terms as SMT-LIB 2 text in QF_BV: what Z3 is asked, and what any other solver can be asked again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from specproof.graph import postorder
from specproof.terms import Term

#: operator -> (term, texts of its arguments) -> text.
MEANING: Mapping[str, Callable[[Term, Sequence[str]], str]] = {
    "const": lambda t, a: f"(_ bv{t.data} {t.width})" if t.width else ("true" if t.data else "false"),
    "var": lambda t, a: symbol(t.data),
    "not": lambda t, a: f"(bvnot {a[0]})" if t.width else f"(not {a[0]})",
    "and": lambda t, a: f"({'bvand' if t.width else 'and'} {a[0]} {a[1]})",
    "or": lambda t, a: f"({'bvor' if t.width else 'or'} {a[0]} {a[1]})",
    "xor": lambda t, a: f"({'bvxor' if t.width else 'xor'} {a[0]} {a[1]})",
    "ite": lambda t, a: f"(ite {a[0]} {a[1]} {a[2]})",
    "implies": lambda t, a: f"(=> {a[0]} {a[1]})",
    "add": lambda t, a: f"(bvadd {a[0]} {a[1]})",
    "shl": lambda t, a: f"(bvshl {a[0]} (_ bv{t.data} {t.width}))",
    "lshr": lambda t, a: f"(bvlshr {a[0]} (_ bv{t.data} {t.width}))",
    "extract": lambda t, a: f"((_ extract {t.data[0]} {t.data[1]}) {a[0]})",
    "zext": lambda t, a: f"((_ zero_extend {t.width - t.args[0].width}) {a[0]})",
    "eq": lambda t, a: f"(= {a[0]} {a[1]})",
    "ult": lambda t, a: f"(bvult {a[0]} {a[1]})",
    "bit": lambda t, a: f"(= ((_ extract {t.data} {t.data}) {a[0]}) #b1)",
}


#: What a symbol cannot hold, what escapes it, and what begins the names of our own definitions; and names that mean something
#: already, to all solvers, to Z3, or in `horn`: quoted they are the same symbols.
_ODD = re.compile(r"[^ -~]|[|\\%$]")
_TAKEN = re.compile(
    r"true|false|not|and|or|xor|distinct|ite|if|iff|implies|let|as|exists|forall|match|par|bv\w+|concat|extract|repeat|"
    r"(zero|sign)_extend|rotate_(left|right)|Inv"
)


def symbol(name: str) -> str:
    """A variable's name as a quoted symbol, `%7c;` for a bar: different names are different symbols, and no definition of ours has one."""
    return f"|{plain(name)}|"


def plain(name: str) -> str:
    """The symbol without its bars, as solvers call it in their models."""
    odd = re.compile("^.") if _TAKEN.fullmatch(name) else _ODD
    return odd.sub(lambda found: f"%{ord(found[0]):x};", name)


def defined(number: int) -> str:
    """What a definition in a script is called. `t1` would be the same symbol as `|t1|`, and a design may have a field of that name."""
    return f"${number}"


def sort(width: int) -> str:
    """The sort of a term of that width."""
    return f"(_ BitVec {width})" if width else "Bool"


def script(assertions: Iterable[Term], comments: Sequence[str] = (), *, check: bool = True) -> str:
    """A complete SMT-LIB 2 script that asserts the terms; nodes used more than once are defined once."""
    roots = list(assertions)
    order = list(postorder(roots))
    uses: dict[Term, int] = {}
    for term in order:
        for arg in term.args:
            uses[arg] = uses.get(arg, 0) + 1
    lines = [f"; {comment}" for comment in comments]
    lines.append("(set-logic QF_BV)")
    text: dict[Term, str] = {}
    for term in order:
        if term.op == "var":
            lines.append(f"(declare-const {symbol(term.data)} {sort(term.width)})")
        shown = MEANING[term.op](term, [text[arg] for arg in term.args])
        if uses.get(term, 0) > 1 and term.args:
            name = defined(len(lines))
            lines.append(f"(define-fun {name} () {sort(term.width)} {shown})")
            shown = name
        text[term] = shown
    lines += [f"(assert {text[root]})" for root in roots]
    if check:
        lines.append("(check-sat)")
    return "\n".join(lines) + "\n"


def horn(state: Sequence[Term], start: Term, steps: Sequence[tuple[Term, Sequence[Term]]], bad: Sequence[Term]) -> str:
    """Constrained Horn clauses for Spacer: satisfiable means that no run reaches a bad state or step."""
    lines = ["(set-logic HORN)", f"(declare-fun Inv ({' '.join(sort(term.width) for term in state)}) Bool)"]
    here = f"(Inv {' '.join(symbol(term.data) for term in state)})"
    lines.append(_rule([start, *state], lambda text: f"(=> {text[0]} {here})"))
    for enabled, after in steps:
        lines.append(_rule([enabled, *after, *state], lambda text: f"(=> (and {here} {text[0]}) (Inv {' '.join(text[1 : len(state) + 1])}))"))
    for term in bad:
        lines.append(_rule([term, *state], lambda text: f"(=> (and {here} {text[0]}) false)"))
    return "\n".join(lines) + "\n"


def _rule(roots: Sequence[Term], body: Callable[[list[str]], str]) -> str:
    """A universally quantified rule over terms, with a `let` for each node."""
    order = list(postorder(roots))
    names: dict[Term, str] = {}
    lets: list[str] = []
    for term in order:
        if term.args:
            names[term] = defined(len(lets))
            lets.append(f"(let (({names[term]} {MEANING[term.op](term, [names[arg] for arg in term.args])}))")
        else:
            names[term] = MEANING[term.op](term, [])
    bound = " ".join(f"({symbol(term.data)} {sort(term.width)})" for term in order if term.op == "var")
    return f"(assert (forall ({bound}) {' '.join(lets)} {body([names[root] for root in roots])}{')' * len(lets)}))"
