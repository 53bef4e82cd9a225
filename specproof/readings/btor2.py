"""A whole system as BTOR2, for word-level model checkers: every word at its full width, a `bad` for each claim.

The state at cycle n is the one after n steps. In each cycle the input `@action` chooses who acts: by its number, as
the comments give it; with any other number, or where the action's guard is false, nothing changes. A `bad` rises
exactly in the runs that violate its claim: for a claim about states in the cycle of that state, for one about steps
in the cycle of the step. Its parameters are inputs named `action:parameter`.

Fields that the initial predicate pins have an `init`; the rest of the predicate is a constraint on the first cycle.
So is each assumption a constraint, with its name as its symbol: without that line it is switched off. A cycle can
always go by without a step, so no constraint cuts a run short before a `bad` in it is seen.

Format: Niemetz, Preiner, Wolf, Biere: BTOR2, BtorMC and Boolector 3.0, CAV 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from specproof.claims import Property
from specproof.graph import fold
from specproof.readings.aiger import pinned
from specproof.system import Action, System
from specproof.terms import Term


class Lines:
    """The lines of a file; what computes the same is one line. A node is known by its number."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._last = 0

    def comment(self, text: str) -> None:
        """A line for people."""
        self.text.append(f"; {' '.join(text.split())}")

    def new(self, *parts: object, symbol: str = "") -> int:
        """A line of its own; its number. A symbol ends at a blank or a semicolon, so these are written as in an address."""
        self._last += 1
        symbol = symbol.replace("%", "%25").replace(" ", "%20").replace(";", "%3B")
        self.text.append(" ".join(str(part) for part in (self._last, *parts, *([symbol] if symbol else []))))
        return self._last

    def node(self, op: str, width: int, *parts: object) -> int:
        """The number of what an operator gives, in so many bits; a truth value has one."""
        key = (op, width, *parts)
        if key not in self._known:
            self._known[key] = self.new(op, self.sort(width), *parts)
        return self._known[key]

    def sort(self, width: int) -> int:
        """The number of the sort of that width."""
        key = ("sort", width or 1)
        if key not in self._known:
            self._known[key] = self.new("sort", "bitvec", width or 1)
        return self._known[key]

    def const(self, value: int, width: int) -> int:
        """A constant."""
        return self.node("zero", width or 1) if value == 0 else self.node("constd", width or 1, value)

    def all(self, parts: Sequence[int]) -> int:
        """Every one of these truth values."""
        found = self.const(1, 1)
        for number, part in enumerate(parts):
            found = self.node("and", 1, found, part) if number else part
        return found

    def any(self, parts: Sequence[int]) -> int:
        """At least one of these truth values."""
        found = self.const(0, 1)
        for number, part in enumerate(parts):
            found = self.node("or", 1, found, part) if number else part
        return found


def _plain(name: str) -> Callable[[Lines, Term, tuple[int, ...]], int]:
    """An operator that the format has under that name."""
    return lambda to, t, a: to.node(name, t.width or 1, *a)


#: operator -> (lines, term, numbers of its arguments) -> its number. Variables are looked up.
MEANING: Mapping[str, Callable[[Lines, Term, tuple[int, ...]], int]] = {
    "const": lambda to, t, a: to.const(int(t.data), t.width),
    "not": _plain("not"),
    "and": _plain("and"),
    "or": _plain("or"),
    "xor": _plain("xor"),
    "implies": _plain("implies"),
    "ite": _plain("ite"),
    "add": _plain("add"),
    "eq": _plain("eq"),
    "ult": _plain("ult"),
    "shl": lambda to, t, a: to.node("sll", t.width, a[0], to.const(t.data, t.width)),
    "lshr": lambda to, t, a: to.node("srl", t.width, a[0], to.const(t.data, t.width)),
    "extract": lambda to, t, a: to.node("slice", t.width, a[0], *t.data),
    "zext": lambda to, t, a: to.node("uext", t.width, a[0], t.width - t.args[0].width),
    "bit": lambda to, t, a: to.node("slice", 1, a[0], t.data, t.data),
}


class Writer:
    """Terms as lines, over variables whose numbers are known."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.numbers: dict[Term, int] = {}

    def __call__(self, term: Term) -> int:
        """The number of a term's node."""
        return fold([term], lambda term, args: MEANING[term.op](self.lines, term, args), self.numbers)[0]


def btor2(system: System, properties: Mapping[str, Property], heading: Sequence[str] = ()) -> str:
    """The system with a `bad` for the violation of each property; `heading` are comments at the top."""
    return _Builder(system, heading).text(properties)


class _Builder:
    def __init__(self, system: System, heading: Sequence[str]) -> None:
        self.system, self.lines = system, Lines()
        self.read = Writer(self.lines)
        for text in heading:
            self.lines.comment(text)
        self.first = self._flag("@first", "the cycle of the initial state")
        self._variables()
        width = max(1, len(system.actions).bit_length())  # one number at the least is no action's
        self.lines.comment(f"which action is taken; {len(system.actions)} and above: none")
        choice = self.lines.new("input", self.lines.sort(width), symbol="@action")
        self.taken = {name: self._taken(action, choice, number, width) for number, (name, action) in enumerate(system.actions.items())}

    def _flag(self, name: str, doc: str) -> int:
        """A state that is true in the first cycle and false ever after."""
        one, zero = self.lines.const(1, 1), self.lines.const(0, 1)
        self.lines.comment(doc)
        state = self.lines.new("state", self.lines.sort(1), symbol=name)
        self.lines.new("init", self.lines.sort(1), state, one)
        self.lines.new("next", self.lines.sort(1), state, zero)
        return state

    def _variables(self) -> None:
        starts = pinned(self.system.initial)  # not by assumptions: leaving out a constraint switches one off
        for path, term in self.system.variables.items():
            value = self.lines.const(starts[term], term.width) if term in starts else None  # before its state, as the format wants it
            sort = self.lines.sort(term.width)
            declared = self.system.fields[path]
            kind = " frozen:" if declared.frozen else " ghost:" if declared.ghost else ""
            self.lines.comment(f"{path}:{kind} {declared.doc}")
            self.read.numbers[term] = self.lines.new("state", sort, symbol=path)
            if value is not None:
                self.lines.new("init", sort, self.read.numbers[term], value)

    def _taken(self, action: Action, choice: int, number: int, width: int) -> int:
        """That this cycle is a step by the action. Its assumptions are constraints on cycles in which its guard holds."""
        self.lines.comment(f"action {number}, {action.name}, by {action.by or 'anybody'}: {action.doc.split(chr(10) * 2)[0]}")
        for name, term in action.inputs.items():
            self.read.numbers[term] = self.lines.new("input", self.lines.sort(term.width), symbol=f"{action.name}:{name}")
        chosen = self.lines.node("eq", 1, choice, self.lines.const(number, width))
        taken = self.lines.all([chosen, self.read(action.guard)])
        for name, assumed in action.assumed.items():
            self.lines.new("constraint", self.lines.node("implies", 1, taken, self.read(assumed)), symbol=name)
        return taken

    def text(self, properties: Mapping[str, Property]) -> str:
        self.lines.comment("where a run starts")
        self.lines.new("constraint", self._first(self.system.initial), symbol="initial")
        for name, assumed in self.system.initially_assumed.items():
            self.lines.new("constraint", self._first(assumed), symbol=name)
        self.lines.comment("what a step changes")
        for path, term in self.system.variables.items():
            after = here = self.read(term)
            for name, action in self.system.actions.items():
                if path in action.next:
                    after = self.lines.node("ite", term.width or 1, self.taken[name], self.read(action.next[path]), after)
            self.lines.new("next", self.lines.sort(term.width), here, after)
        self.lines.comment("what must never happen: the violation of each claim")
        for name, prop in properties.items():
            self.lines.new("bad", self._violated(prop), symbol=name)
        return "\n".join(self.lines.text) + "\n"

    def _first(self, term: Term) -> int:
        return self.lines.node("implies", 1, self.first, self.read(term))

    def _violated(self, prop: Property) -> int:
        bad = []
        if prop.state is not None:
            failed = self.lines.node("not", 1, self.read(cast(Term, prop.state)))
            bad.append(self.lines.all([self.first, failed]) if prop.steps else failed)
        for name, term in prop.steps.items():
            bad.append(self.lines.all([self.taken[name], self.lines.node("not", 1, self.read(term))]))
        return self.lines.any(bad)
