"""One wrong operation while an action's function runs: what a source line's mistake does to everything after it.

An action is a Python function that runs once on terms. While it runs, every assignment, read, operator,
condition and call of a helper is an event with a number and a line of the model. Running the function again
with one event answered wrongly gives a mutant in which the mistake is carried on to whatever comes after it,
the observations included, as it would be in the source.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from unittest.mock import patch

from specproof import state as states
from specproof import terms
from specproof.design import Function
from specproof.state import State, fields
from specproof.terms import FALSE, TRUE, Bool, Term, Word, word

#: Operator name -> what it does, for `--operators` and the documentation.
OPERATORS: Mapping[str, str] = {
    "drop-assignment": "a field keeps its value",
    "swap": "two fields of one assignment get each other's values",
    "guard": "the guard is dropped, or negated",
    "and-or": "`&` for `|`, and `|` for `&`",
    "operand": "one side of `&` or `|` is left out",
    "mask-inverted": "`& ~m` for `& m`, and `& m` for `& ~m`",
    "negation": "a condition is negated",
    "branch": "a condition is taken to be true, or false",
    "wrong-part": "the other VMCS (any other part of the same type) is read or written",
    "wrong-field": "the next field of the same width is read instead",
    "constant": "0, all ones, true or false for a variable",
    "skipped-propagation": "a helper is not called",
    "stale-copy": "a field is read as it was before the action",
    "width-cut": "a word is cut to its low half",
}


@dataclass(frozen=True)
class Change:
    """One way to answer an event wrongly: the event, the operator, which of its ways, and what a reader is told."""

    event: int
    operator: str
    way: str
    where: str
    text: str


@dataclass
class Tamper:
    """Events of one run of an action. `wrong` says which are answered wrongly, and how; `found` collects all ways."""

    wrong: Mapping[int, Change] = field(default_factory=dict)
    found: list[Change] = field(default_factory=list)
    initial: State | None = None
    count: int = 0
    quiet: int = 0
    selecting: tuple[FrameType, int] | None = None

    def event(self, ways: list[tuple[str, str, str]]) -> str | None:
        """Counts an event that can be answered wrongly in these ways (operator, way, text); the way that was asked for, if any."""
        self.count += 1
        change = self.wrong.get(self.count)
        if change is not None:
            return change.way if any((operator, way) == (change.operator, change.way) for operator, way, _ in ways) else None
        if not self.wrong:
            where = _where()
            self.found += [Change(self.count, operator, way, where, text) for operator, way, text in ways]
        return None

    def run(self, body: Callable[..., Any], state: State, /, **inputs: Any) -> Any:
        """Runs a function of the model with its events counted."""
        self.initial = state
        with _hooked(self):
            return body(state, **inputs)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """What happens inside is part of the event that is being answered."""
        self.quiet += 1
        try:
            yield
        finally:
            self.quiet -= 1


def _where() -> str:
    """`file.py:line` of the model's code that is running."""
    package = states.__file__.rsplit("/", 1)[0] + "/"
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        ours = name.startswith(package) and not name.startswith((package + "models/", package + "proofs/"))
        if not ours and not name.startswith("<") and "unittest" not in name:
            return f"{name.rsplit('/', 1)[-1]}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


@contextmanager
def _hooked(tamper: Tamper) -> Iterator[None]:
    """While this holds, operations on states and terms are events of `tamper`."""
    and_, or_, not_, eq_, choose = terms._and, terms._or, terms._not, terms._eq, terms.choose
    replace, read, call = State.replace, State.__getattribute__, Function.__call__

    def on_and(a: Term, b: Term) -> Term:
        return _both(tamper, "&", a, b, and_, or_, not_)

    def on_or(a: Term, b: Term) -> Term:
        return _both(tamper, "|", a, b, or_, and_, not_)

    def on_not(a: Term) -> Term:
        if tamper.quiet or a.op == "const":
            return not_(a)
        kind = "mask-inverted" if a.width else "negation"
        return a if tamper.event([(kind, "plain", f"{_show(a)} for ~{_show(a)}")]) else not_(a)

    def on_eq(a: Word, b: Word) -> Bool:
        result = eq_(a, b)
        if tamper.quiet or result.op == "const":
            return result
        if tamper.event([("negation", "differ", f"!= for == in {_show(result)}")]):
            return not_(result)  # type: ignore[return-value]
        return result

    def on_choose(condition: Bool, then: Any, otherwise: Any) -> Any:
        if tamper.quiet or then is otherwise or condition.op == "const":
            with tamper.silence():
                return choose(condition, then, otherwise)
        way = _conditional(tamper, condition)
        with tamper.silence():
            if way == "negate":
                condition = not_(condition)  # type: ignore[assignment]
            return then if way == "true" else otherwise if way == "false" else choose(condition, then, otherwise)

    def on_replace(self: State, /, **changes: Any) -> State:
        return replace(self, **(changes if tamper.quiet else _assigned(tamper, self, changes)))

    def on_read(self: State, name: str) -> Any:
        value = read(self, name)
        if tamper.quiet or name.startswith("_") or not isinstance(value, Term | State):
            return value
        with tamper.silence():
            return _read(tamper, self, name, value)

    def on_call(self: Function[Any, Any], /, *args: Any, **kwargs: Any) -> Any:
        given = [arg for arg in args if isinstance(arg, State)]
        if tamper.quiet or not given:
            return call(self, *args, **kwargs)
        before = len(tamper.found)
        if tamper.event([("skipped-propagation", "skip", f"{self.name}() is not called")]):
            with tamper.silence():
                like = type(call(self, *args, **kwargs))
            return next((arg for arg in given if type(arg) is like), given[0])
        result = call(self, *args, **kwargs)
        if not any(type(arg) is type(result) for arg in given) and not tamper.wrong:
            del tamper.found[before]
        return result

    with (
        patch.object(terms, "_and", on_and), patch.object(terms, "_or", on_or), patch.object(terms, "_not", on_not),
        patch.object(terms, "_eq", on_eq), patch.object(terms, "choose", on_choose), patch.object(states, "choose", on_choose),
        patch.object(State, "replace", on_replace), patch.object(State, "__getattribute__", on_read), patch.object(Function, "__call__", on_call),
    ):  # fmt: skip
        yield


def _show(term: Term) -> str:
    text = repr(term)
    return text if len(text) <= 40 else text[:37] + "..."


Binary = Callable[[Term, Term], Term]


def _both(tamper: Tamper, sign: str, a: Term, b: Term, right: Binary, wrong: Binary, not_: Callable[[Term], Term]) -> Term:
    """An `&` or `|` of two terms."""
    if tamper.quiet or a.op == "const" or (b.op == "const" and not b.width):
        return right(a, b)
    shown = f"{_show(a)} {sign} {_show(b)}"
    ways = [("and-or", "other", f"{'|' if sign == '&' else '&'} for {sign} in {shown}")]
    ways += [("operand", "left", f"without {_show(b)} in {shown}"), ("operand", "right", f"without {_show(a)} in {shown}")]
    if a.width and sign == "&" and b.op != "not":
        ways.append(("mask-inverted", "inverted", f"{_show(a)} & ~{_show(b)} for {shown}"))
    way = tamper.event(ways)
    with tamper.silence():
        if way == "other":
            return wrong(a, b)
        if way == "inverted":
            return right(a, not_(b))
        return a if way == "left" else b if way == "right" else right(a, b)


def _conditional(tamper: Tamper, condition: Bool) -> str | None:
    """The way for an `ite`, or for a whole `select`, whose fields are chosen one by one by the same frame."""
    frame: FrameType | None = sys._getframe(2)
    outer: FrameType | None = None
    while frame is not None and frame.f_code is states.select.__code__:
        outer, frame = frame, frame.f_back
    if outer is not None and tamper.selecting is not None and tamper.selecting[0] is outer:
        number = tamper.selecting[1]
        change = tamper.wrong.get(number)
        return change.way if change is not None and change.operator in ("negation", "branch") else None
    shown = _show(condition)
    way = tamper.event([
        ("negation", "negate", f"~({shown}) as the condition"), ("branch", "true", f"{shown} is taken to be true"),
        ("branch", "false", f"{shown} is taken to be false"),
    ])  # fmt: skip
    tamper.selecting = None if outer is None else (outer, tamper.count)
    return way


def _real(record: type[State], name: str) -> bool:
    """Whether a field belongs to the machine, and not to the proof."""
    declared = fields(record).get(name)
    return declared is not None and not declared.ghost and not declared.observed


def _assigned(tamper: Tamper, state: State, changes: dict[str, Any]) -> dict[str, Any]:
    """The changes of a `replace`, one of them wrong if it is asked for."""
    record = type(state)
    known = fields(record)
    changed = dict(changes)
    names = [name for name in changes if name in known and _real(record, name)]
    for place, name in enumerate(names):
        ways = [("drop-assignment", "drop", f"{name} keeps its value")]
        other = next((one for one in names[place + 1 :] if known[one].width == known[name].width and known[one].record is known[name].record), None)
        if other is not None:
            ways.append(("swap", "swap", f"{name} and {other} get each other's values"))
        if known[name].record is not None:
            ways += [("wrong-part", one, f"{one} is written instead of {name}") for one in _siblings(record, name) if one not in changes]
        else:
            ways += [("constant", way, f"{name} = {way}") for way in _constants(known[name].width)]
            if known[name].width > 32:
                ways.append(("width-cut", "cut", f"{name} gets the low half only"))
        way = tamper.event(ways)
        if way is not None:
            with tamper.silence():
                changed = _wrongly(state, changed, name, other, way)
    return changed


def _wrongly(state: State, changes: dict[str, Any], name: str, other: str | None, way: str) -> dict[str, Any]:
    known = fields(type(state))
    rest = {key: value for key, value in changes.items() if key != name}
    if way == "drop":
        return rest
    if way == "swap" and other is not None:
        return {**changes, name: changes[other], other: changes[name]}
    if way == "cut":
        value = changes[name]
        return {**changes, name: value & _low(known[name].width)}
    if known[name].record is not None:
        old, new, there = state._values[name]._values, changes[name]._values, state._values[way]
        return {**rest, way: there.replace(**{key: value for key, value in new.items() if value is not old[key]})}
    return {**changes, name: _constant(known[name].width, way)}


def _low(width: int) -> int:
    return (1 << (width // 2)) - 1


def _siblings(record: type[State], name: str) -> list[str]:
    known = fields(record)
    return [one for one in known if one != name and known[one].record is known[name].record]


def _next(record: type[State], name: str) -> list[str]:
    """The field of the machine that is declared next with the same width, the first after the last."""
    known = fields(record)
    alike = [one for one in known if known[one].record is None and known[one].width == known[name].width and _real(record, one)]
    return [alike[(alike.index(name) + 1) % len(alike)]] if len(alike) > 1 else []


def _constants(width: int) -> tuple[str, ...]:
    return ("0", "all ones") if width else ("true", "false")


def _constant(width: int, way: str) -> Term:
    if not width:
        return TRUE if way == "true" else FALSE
    return word(0 if way == "0" else (1 << width) - 1, width)


def _read(tamper: Tamper, state: State, name: str, value: Any) -> Any:
    """A field that is read, wrongly if it is asked for."""
    record = type(state)
    if not _real(record, name):
        return value
    ways: list[tuple[str, str, str]] = []
    first = tamper.initial
    stale = first._values[name] if first is not None and type(first) is record else value
    if stale is not value:
        ways.append(("stale-copy", "stale", f"{name} is read as it was before the action"))
    if isinstance(value, State):
        ways += [("wrong-part", one, f"{one} is read instead of {name}") for one in _siblings(record, name)]
    elif value.op != "const":
        ways += [("constant", way, f"{way} is read instead of {name}") for way in _constants(value.width)]
        ways += [("wrong-field", one, f"{one} is read instead of {name}") for one in _next(record, name)]
    if not ways:
        return value
    way = tamper.event(ways)
    if way is None:
        return value
    if way == "stale":
        return stale
    return state._values[way] if way in fields(record) else _constant(value.width, way)
