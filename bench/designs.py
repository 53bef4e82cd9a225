"""Small designs as data: written as a design file, and searched exhaustively by plain Python that knows nothing of the engine.

Terms are as they were drawn. The state's fields are variables named `s.x`, an action's inputs `x`; a claim's variables are `v.x`,
of a step `before.x` and `after.x`, of a relation `left.x` and `right.x`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from specproof.graph import fold, simplified
from specproof.readings.python import expression
from specproof.terms import Term

#: The views of a claim's parameters, by kind.
SEEN = {"invariant": ("v",), "reachability": ("v",), "step": ("before", "after"), "relation": ("left", "right"), "lemma": ()}


@dataclass(frozen=True)
class Move:
    """An action: its inputs and the fields that it changes, observed ones included. `assumed` restricts it too."""

    name: str
    inputs: Mapping[str, int]
    guard: Term
    assumed: Term | None
    next: Mapping[str, Term]


@dataclass(frozen=True)
class Asked:
    """A claim; of a lemma the term's variables are its parameters."""

    name: str
    kind: str
    term: Term


@dataclass(frozen=True)
class Small:
    """A design with claims. `fields` has the width and the role of each; `settings` pin frozen fields, two for relations."""

    fields: Mapping[str, tuple[int, str]]
    initial: Term
    initially_assumed: Term | None
    moves: Sequence[Move]
    views: Mapping[str, Term]
    claims: Sequence[Asked]
    settings: Mapping[str, Term] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        """The fields that are the state between steps."""
        return [name for name, (_, role) in self.fields.items() if role != "observed"]


def unassumed(small: Small) -> Small:
    """The design without its assumptions."""
    return replace(small, initially_assumed=None, moves=[replace(move, assumed=None) for move in small.moves])


# ------------------------------------------------------------------------------------------------------ as a file


def source(small: Small, note: str = "") -> str:
    """The design as a file that `specproof check` reads."""
    lines = [
        f'"""A random design.{" " + note if note else ""}"""', "", "from typing import Annotated", "",
        "from specproof import Bool, Design, State, Word, field, frozen, implies, invariant, ite, lemma, observed, reachable, relation, step, word",
        "from specproof.terms import FALSE, TRUE", "", "", "class S(State):",
        *(f'    {name}: {_type(width)} = {role}("the field {name}")' for name, (width, role) in small.fields.items()),
        "", "", 'random = Design("random", S, doc="a random design")', *_block("@random.initial", "start(s)", small.initial),
    ]  # fmt: skip
    for move in small.moves:
        given = "".join(f", {name}: {_type(width)}" for name, width in move.inputs.items())
        lines += ["", "", f'@random.action(by="anybody", guard=lambda s: {expression(move.guard)})', f"def {move.name}(s{given}):"]
        lines += [f"    return s.replace({', '.join(f'{name}={expression(term)}' for name, term in move.next.items())})"]
        if move.assumed is not None:
            names = "".join(f", {name}" for name in move.inputs)
            lines += _block(f'@random.assumption("{move.name}-assumed", of=("{move.name}",))', f"{move.name}_assumed(s{names})", move.assumed)
    if small.initially_assumed is not None:
        lines += _block('@random.assumption("start-assumed", of=("initial",))', "start_assumed(s)", small.initially_assumed)
    for name, term in small.views.items():
        lines += _block("@random.view", f"{name}(s)", term)
    lines += ["", "", *(f'random.setting("{name}", lambda s: {expression(term)})' for name, term in small.settings.items())]
    lines += [f"random.configure({', '.join(repr(name) for name in small.settings)})"] if small.settings else []
    for claim in small.claims:
        lines += _block(f"@{_decorator(claim)}", f"{claim.name.replace('-', '_')}({_parameters(claim)})", claim.term)
    return "\n".join(lines) + "\n"


def _type(width: int) -> str:
    return f"Annotated[Word, {width}]" if width else "Bool"


def _block(decorator: str, head: str, term: Term) -> list[str]:
    return ["", "", decorator, f"def {head}:", f"    return {expression(term)}"]


def _decorator(claim: Asked) -> str:
    sides = ', left="one", right="other"' if claim.kind == "relation" else ""
    return f'{"reachable" if claim.kind == "reachability" else claim.kind}("{claim.name}"{sides})'


def _parameters(claim: Asked) -> str:
    if claim.kind == "lemma":
        return ", ".join(f"{name}: {_type(width)}" for name, width in _named(claim.term).items())
    return ", ".join(SEEN[claim.kind])


def _named(*terms: Term) -> dict[str, int]:
    found: dict[str, int] = {}

    def note(term: Term, _: tuple[None, ...]) -> None:
        if term.op == "var":
            found.setdefault(term.data, term.width)

    fold(list(terms), note)
    return found


# --------------------------------------------------------------------------------------------------- on integers

#: operator -> (term, texts of its arguments) -> a Python expression over integers; a reading of its own.
_INTEGERS: Mapping[str, Callable[[Term, tuple[str, ...]], str]] = {
    "const": lambda t, a: str(int(t.data)),
    "var": lambda t, a: str(t.data).replace(".", "_"),
    "not": lambda t, a: f"({(1 << t.width) - 1} - {a[0]})" if t.width else f"(1 - {a[0]})",
    "and": lambda t, a: f"({a[0]} & {a[1]})",
    "or": lambda t, a: f"({a[0]} | {a[1]})",
    "xor": lambda t, a: f"({a[0]} ^ {a[1]})",
    "implies": lambda t, a: f"(1 if {a[0]} <= {a[1]} else 0)",
    "ite": lambda t, a: f"({a[1]} if {a[0]} else {a[2]})",
    "add": lambda t, a: f"(({a[0]} + {a[1]}) % {1 << t.width})",
    "shl": lambda t, a: f"({a[0]} * {1 << t.data} % {1 << t.width})",
    "lshr": lambda t, a: f"({a[0]} // {1 << t.data})",
    "extract": lambda t, a: f"({a[0]} // {1 << t.data[1]} % {1 << t.width})",
    "zext": lambda t, a: a[0],
    "eq": lambda t, a: f"(1 if {a[0]} == {a[1]} else 0)",
    "ult": lambda t, a: f"(1 if {a[0]} < {a[1]} else 0)",
    "bit": lambda t, a: f"({a[0]} // {1 << t.data} % 2)",
}

State = tuple[int, ...]


def compiled(terms: Sequence[Term], groups: Sequence[tuple[str, Sequence[str]]]) -> Any:
    """A Python function of tuples of integers, one for each group of variables (prefix, names), to the terms' values."""
    texts = fold(list(terms), lambda t, a: _INTEGERS[t.op](t, a))
    lines = [f"def function({', '.join(f'g{n}' for n in range(len(groups)))}):"]
    for number, (prefix, names) in enumerate(groups):
        lines += [f"    {''.join(f'{prefix}{name}, ' for name in names)} = g{number}"] if names else []
    scope: dict[str, Any] = {}
    exec("\n".join([*lines, f"    return ({''.join(f'{text}, ' for text in texts)})"]), scope)
    return scope["function"]


@dataclass
class Found:
    """What an exhaustive search knows of a claim: the length of the shortest run to a violation (of a reachability claim: to what it
    asks for), and whether its antecedent happens, where it has one."""

    length: int | None = None
    happens: bool | None = None


class TooMany(Exception):
    """More states than a search by plain Python should visit."""


class Search:
    """All runs of a design in one configuration, breadth first."""

    def __init__(self, small: Small, setting: str | None = None, most: int = 40_000) -> None:
        """`setting`: the configuration. Raises TooMany beyond `most` states."""
        self.small, self.most = small, most
        kept, every = small.kept, list(small.fields)
        self.widths = [small.fields[name][0] for name in kept]
        self.none = tuple(0 for name in every if name not in kept)
        self.order = [kept.index(name) if name in kept else len(kept) + [n for n in every if n not in kept].index(name) for name in every]
        starts = [small.initial, *([small.initially_assumed] if small.initially_assumed is not None else [])]
        starts += [small.settings[setting]] if setting else []
        self._starts = compiled(starts, [("s_", kept)])
        self._views = compiled(list(small.views.values()), [("s_", every)])
        self.moves = {move.name: self._move(move) for move in small.moves}
        self.reached: set[State] = set()
        self.inputs = {move.name: _values(list(move.inputs.values())) for move in small.moves}

    def _move(self, move: Move) -> Callable[[State, State], tuple[State, State] | None]:
        kept = self.small.kept
        reports = [name for name in self.small.fields if name not in kept]
        enabled = compiled([move.guard, *([move.assumed] if move.assumed is not None else [])], [("s_", kept), ("", list(move.inputs))])
        changed = [name for name in kept if name in move.next]
        shown = [name for name in reports if name in move.next]
        after = compiled([move.next[name] for name in [*changed, *shown]], [("s_", kept), ("", list(move.inputs))])
        places, seen = [kept.index(name) for name in changed], [reports.index(name) for name in shown]

        def step(state: State, inputs: State) -> tuple[State, State] | None:
            if not all(enabled(state, inputs)):
                return None
            values = after(state, inputs)
            new, told = list(state), list(self.none)
            for place, value in zip(places, values, strict=False):
                new[place] = value
            for place, value in zip(seen, values[len(places) :], strict=True):
                told[place] = value
            return tuple(new), tuple(told)

        return step

    def starts(self) -> Iterator[State]:
        """Every initial state."""
        return (state for state in _values(self.widths) if all(self._starts(state)))

    def views(self, state: State, told: State) -> State:
        """The values of the views."""
        whole = (*state, *told)
        values: State = self._views(tuple(whole[place] for place in self.order))
        return values

    def run(self, claims: Sequence[Asked]) -> tuple[dict[str, Found], set[str]]:
        """What is so of each invariant, step and reachability claim, and the actions that fire."""
        checks = [Check(claim, self.small) for claim in claims]
        fired: set[str] = set()
        level = list(self.starts())
        seen, length = set(level), 0
        for state in level:
            views = self.views(state, self.none)
            for check in checks:
                check.state(views, 0)
        while level:
            following = []
            for state in level:
                before = self.views(state, self.none)
                for name, step in self.moves.items():
                    for inputs in self.inputs[name]:
                        result = step(state, inputs)
                        if result is None:
                            continue
                        fired.add(name)
                        after = self.views(*result)
                        for check in checks:
                            check.step(before, after, length + 1)
                        if result[0] not in seen:
                            seen.add(result[0])
                            following.append(result[0])
                        if len(seen) > self.most:
                            raise TooMany
            level, length = following, length + 1
        self.reached = seen
        return {check.claim.name: check.found for check in checks}, fired


class Check:
    """A claim, looked at in every state and at every step."""

    def __init__(self, claim: Asked, small: Small) -> None:
        """Compiles the claim and its antecedent."""
        self.claim, self.found = claim, Found()
        self.wanted = int(claim.kind == "reachability")
        happens = antecedents(claim.term)
        terms = [claim.term, *(happens if claim.kind != "reachability" else [])]
        self.function = compiled(terms, [(f"{name}_", list(small.views)) for name in SEEN[claim.kind]])
        if len(terms) > 1:
            self.found.happens = False

    def note(self, values: State, length: int) -> None:
        """The claim's value, and those of its antecedents, at the end of a run of this length."""
        if values[0] == self.wanted and self.found.length is None:
            self.found.length = length
        if len(values) > 1 and all(values[1:]):
            self.found.happens = True

    def state(self, views: State, length: int) -> None:
        """An initial state."""
        if self.claim.kind != "step":
            self.note(self.function(views), length)

    def step(self, before: State, after: State, length: int) -> None:
        """A step, or the state after it."""
        self.note(self.function(before, after) if self.claim.kind == "step" else self.function(after), length)


def related(small: Small, claim: Asked, common: Sequence[str], most: int = 20_000) -> Found:
    """What is so of a relation: both sides take the same actions with the same inputs, and a side that cannot stays.

    `common`: fields in which both start alike. Raises TooMany.
    """
    sides = Search(small, "one"), Search(small, "other")
    check = Check(claim, small)
    places = [small.kept.index(name) for name in common]
    by: dict[State, list[State]] = {}
    for state in sides[1].starts():
        by.setdefault(tuple(state[place] for place in places), []).append(state)
    choices = [(name, inputs) for name in sides[0].moves for inputs in sides[0].inputs[name]]
    level = [(one, other) for one in sides[0].starts() for other in by.get(tuple(one[place] for place in places), [])]
    seen, length = set(level), 0
    for one, other in level:
        check.note(check.function(sides[0].views(one, sides[0].none), sides[1].views(other, sides[1].none)), 0)
    while level:
        following = []
        for pair in level:
            for name, inputs in choices:
                moved = [side.moves[name](state, inputs) for side, state in zip(sides, pair, strict=True)]
                if moved == [None, None]:
                    continue
                after = [(state, side.none) if result is None else result for side, state, result in zip(sides, pair, moved, strict=True)]
                check.note(check.function(*(side.views(*result) for side, result in zip(sides, after, strict=True))), length + 1)
                new = after[0][0], after[1][0]
                if new not in seen:
                    seen.add(new)
                    following.append(new)
            if len(seen) > most:
                raise TooMany
        level, length = following, length + 1
    return check.found


def lemma_holds(claim: Asked) -> bool:
    """Whether a lemma holds for all values."""
    names = _named(claim.term)
    function = compiled([claim.term], [("", list(names))])
    return all(function(values)[0] for values in _values(list(names.values())))


def antecedents(term: Term) -> list[Term]:
    """Those of nested implications, once the term is simplified as its operators do it; none without any."""
    return _antecedents(fold([term], simplified)[0])


def _antecedents(term: Term) -> list[Term]:
    return [term.args[0], *_antecedents(term.args[1])] if term.op == "implies" else []


def _values(widths: Sequence[int]) -> list[State]:
    return list(product(*(range(1 << (width or 1)) for width in widths)))
