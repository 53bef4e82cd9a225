"""Which helper of the model wrote a field in a step: the action is run once more, on constants, and watched.

A helper is the writer where another result of it would have made another result of the step; of
several the last one, and of those inside one another the innermost.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from specproof.design import Design
from specproof.errors import SpecproofError
from specproof.state import State, assemble, flatten
from specproof.system import System
from specproof.terms import Term, boolean, word


@dataclass
class Call:
    """A helper that was called: what it changed, which call it was, and in which other call."""

    name: str
    number: int
    parents: tuple[int, ...]
    changed: dict[str, int]


@dataclass
class _Watch:
    calls: list[Call] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    count: int = 0
    twist: tuple[int, str] | None = None


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
        watch.open.append(number)
        try:
            result = body(*args, **kwargs)
        finally:
            watch.open.pop()
        whole = [arg for arg in (*args, *kwargs.values()) if isinstance(result, State) and type(arg) is type(result)]
        if not whole:
            return result
        before, after = flatten(whole[0]), flatten(result)
        changed = {path: int(term.data) for path, term in after.items() if term is not before[path] and term.op == "const"}
        watch.calls.append(Call(name, number, parents, changed))
        if watch.twist and watch.twist[0] == number:
            result = _twisted(result, watch.twist[1])
        return result

    return run


def _twisted(state: State, path: str) -> State:
    """The state with one field's value changed."""
    flat = flatten(state)
    flat[path] = ~flat[path]  # type: ignore[operator]
    return assemble(type(state), flat)


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
        calls, result = _run(design, system, state, action, inputs, None)
        found: dict[str, str] = {}
        for path, value in result.items():
            if value != (0 if system.fields[path].observed else state[path]):
                name = _writer(design, system, state, action, inputs, calls, path, value)
                if name:
                    found[path] = name
        return found
    except (SpecproofError, AttributeError, KeyError, TypeError):
        return {}  # a model that does not run on constants: the story goes without


def _writer(
    design: Design[Any], system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int], calls: list[Call], path: str, value: int
) -> str:  # fmt: skip
    if path not in system.fields:
        return ""
    candidates = [call for call in calls if call.changed.get(path) == value]
    real = []
    for call in candidates:
        other = _run(design, system, state, action, inputs, (call.number, path))[1]
        if other.get(path) != value:
            real.append(call)
    inner = [call for call in real if not any(call.number in other.parents for other in real)]
    return max(inner, key=lambda call: call.number).name if inner else ""


def _run(
    design: Design[Any], system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int], twist: tuple[int, str] | None
) -> tuple[list[Call], dict[str, int]]:  # fmt: skip
    watch = _Watch(twist=twist)
    token = _watch.set(watch)
    try:
        with design.building():
            values = {path: _constant(0 if declared.observed else state[path], declared.width) for path, declared in system.fields.items()}
            given = {name: _constant(inputs[name], term.width) for name, term in system.actions[action].inputs.items()}
            result = design.actions[action].body(assemble(design.state, values), **given)
    finally:
        _watch.reset(token)
    return watch.calls, {path: int(term.data) for path, term in flatten(result).items() if term.op == "const"}
