"""SMT-LIB 2 text for people: named definitions with a comment each, in the order in which one reads a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from specproof.graph import postorder
from specproof.readings.smtlib import MEANING, defined, sort, symbol
from specproof.terms import Term


@dataclass
class Script:
    """Lines of a script. Variables are declared once when they occur first, unless they were defined."""

    header: Sequence[str]
    lines: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    shared: dict[Term, str] = field(default_factory=dict)

    def comment(self, text: str) -> None:
        """A line for the reader."""
        self.lines.append(f"; {' '.join(text.split())}".rstrip())

    def define(self, name: str, term: Term) -> None:
        """From here on `name` stands for the term."""
        text = self._text(term)
        self.known.add(name)
        self.lines.append(f"(define-fun {symbol(name)} () {sort(term.width)} {text})")

    def state(self, term: Term, *, negated: bool = False) -> None:
        """An assertion."""
        text = self._text(term)
        self.lines.append(f"(assert (not {text}))" if negated else f"(assert {text})")

    def finish(self) -> str:
        """The whole script."""
        head = [f"; {' '.join(line.split())}".rstrip() for line in self.header]
        return "\n".join([*head, "(set-logic QF_BV)", *self.lines, "(check-sat)"]) + "\n"

    def _text(self, root: Term) -> str:
        """The term's text; what occurs in it more than once is defined first."""
        order = list(postorder([root]))
        uses: dict[Term, int] = {}
        for term in order:
            for arg in term.args:
                uses[arg] = uses.get(arg, 0) + 1
        text: dict[Term, str] = {}
        for term in order:
            if term in self.shared:
                text[term] = self.shared[term]
                continue
            if term.op == "var" and term.data not in self.known:
                self.known.add(term.data)
                self.lines.append(f"(declare-const {symbol(term.data)} {sort(term.width)})")
            text[term] = MEANING[term.op](term, [text[arg] for arg in term.args])
            if uses.get(term, 0) > 1 and term.args:
                name = defined(len(self.shared))
                self.lines.append(f"(define-fun {name} () {sort(term.width)} {text[term]})")
                text[term] = self.shared[term] = name
        return text[root]
