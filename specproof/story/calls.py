"""Which helper of the model wrote a field in a step: the action is run once more, on constants, and watched; and then again, with a
variable wherever another result of a helper could tell.

A helper is the writer where another result of it would have made another result of the step, and where
it changed the field or gave it a value that does not depend on the one before; of several the last one,
and of those inside one another the innermost. It is named after the helper that called it, if one did.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

from specproof.calling import called
from specproof.design import Design
from specproof.errors import SpecproofError
from specproof.readings.integers import evaluate
from specproof.state import State, assemble, flatten
from specproof.system import System
from specproof.terms import Bool, Term, boolean, choose, variable, word


@dataclass
class Call:
    """A helper that was called: what it returned and what of that it changed, which call it was, in which others."""

    name: str
    number: int
    parents: tuple[int, ...]
    result: dict[str, int]
    changed: frozenset[str]


@dataclass(frozen=True)
class Twist:
    """One field negated in what a call gets (`before`), or in what it returns."""

    number: int
    path: str
    before: bool = False

    @property
    def made(self) -> Term:
        """The variable that says whether it is."""
        return variable(f"{self.path} {'before' if self.before else 'after'} call {self.number}", 0)


@dataclass
class _Watch:
    twists: Sequence[Twist]
    calls: list[Call] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    count: int = 0

    def twisted(self, state: State, number: int, before: bool) -> State:
        """What this call gets, or returns, with the twists of it in the terms of its fields."""
        here = [twist for twist in self.twists if (twist.number, twist.before) == (number, before)]
        if not here:
            return state
        flat = flatten(state)
        for twist in here:
            flat[twist.path] = choose(cast(Bool, twist.made), ~flat[twist.path], flat[twist.path])  # type: ignore[operator]
        return assemble(type(state), flat)


_watch: ContextVar[_Watch | None] = ContextVar("the run of an action that is watched", default=None)


def _constant(value: int, width: int) -> Term:
    return word(value, width) if width else boolean(bool(value))


def _wrapped(name: str, body: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        watch = _watch.get()
        if watch is None:
            return body(*args, **kwargs)
        number, parents = watch.count, tuple(watch.open)
        watch.count += 1
        if args and isinstance(args[0], State):
            args = (watch.twisted(args[0], number, before=True), *args[1:])
        watch.open.append(number)
        try:
            result = body(*args, **kwargs)
        finally:
            watch.open.pop()
        if not isinstance(result, State) or not args or type(args[0]) is not type(result):
            return result
        before, after = flatten(args[0]), flatten(result)
        values = {path: int(term.data) for path, term in after.items() if term.op == "const"}
        watch.calls.append(Call(name, number, parents, values, frozenset(path for path in values if after[path] is not before[path])))
        return watch.twisted(result, number, before=False)

    return run


def watched(design: Design[Any]) -> Design[Any]:
    """The design, with its helpers observed while a step is being watched."""
    other = copy.copy(design)
    other.functions = {name: _wrapped(name, body) for name, body in design.functions.items()}
    return other


def writers(
    design: Design[Any], system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int]
) -> dict[str, str]:
    """For each field that the step changes the helper that wrote it; fields that the action writes itself are left out."""
    try:
        calls, ended = _run(design, system, state, action, inputs)
        result = {path: int(term.data) for path, term in ended.items() if term.op == "const"}
        values = {path: value for path, value in result.items() if value != (0 if system.fields[path].observed else state[path])}
        twists = [
            Twist(call.number, path, before)
            for path, value in values.items()
            for call in calls
            if call.result.get(path) == value
            for before in ((False,) if path in call.changed else (False, True))
        ]
        twisted = _run(design, system, state, action, inputs, twists)[1] if twists else {}
        none = {str(twist.made.data): 0 for twist in twists}

        def end(twist: Twist) -> int:
            return evaluate(twisted[twist.path], {**none, str(twist.made.data): 1})

        found = {path: _writer(calls, path, value, end) for path, value in values.items()}
        return {path: name for path, name in found.items() if name}
    except (SpecproofError, AttributeError, KeyError, TypeError):
        return {}  # a model that does not run on constants: the story goes without


def _writer(calls: list[Call], path: str, value: int, end: Callable[[Twist], int]) -> str:
    """`end`: the value of a twist's field at the end, were the twist made."""

    def matters(call: Call) -> bool:
        return end(Twist(call.number, path)) != value

    # Of calls inside one another the inner one has the higher number.
    candidates = sorted((call for call in calls if call.result.get(path) == value), key=lambda call: -call.number)
    real = (call for call in candidates if path in call.changed and matters(call))
    kept = (call for call in candidates if path not in call.changed and matters(call) and end(Twist(call.number, path, before=True)) == value)
    last = next(chain(real, kept), None)
    if last is None:
        return ""
    callers = [call.name for call in calls if last.parents and call.number == last.parents[-1]]
    return " > ".join([*callers, last.name])


def _run(
    design: Design[Any], system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int], twists: Sequence[Twist] = ()
) -> tuple[list[Call], dict[str, Term]]:  # fmt: skip
    watch = _Watch(twists)
    token = _watch.set(watch)
    try:
        with design.building():
            values = {path: _constant(0 if declared.observed else state[path], declared.width) for path, declared in system.fields.items()}
            given = {name: _constant(inputs[name], term.width) for name, term in system.actions[action].inputs.items()}
            result = called(design.actions[action].body, f"action {action}", assemble(design.state, values), **given)
    finally:
        _watch.reset(token)
    return watch.calls, flatten(result)
