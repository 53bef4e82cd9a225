"""A system as data, and its interpreter on integers: what a certificate speaks of, without any Python of the model's.

A state is a value for every leaf. Observed leaves are 0 in a state and have what the action reports after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specproof.errors import InputError
from specproof.graph import fold, variables
from specproof.readings.integers import evaluate, evaluate_all
from specproof.terms import Term, make

State = dict[str, int]


@dataclass(frozen=True)
class Act:
    """An action: terms over leaves and over its inputs, which are variables `action:input`."""

    by: str
    source: str
    inputs: Mapping[str, int]
    guard: Term
    assumed: Mapping[str, Term]
    next: Mapping[str, Term]
    observed: Mapping[str, Term]


@dataclass(frozen=True)
class Machine:
    """Leaves with their widths (0: a truth value), where a run starts, and what can happen."""

    design: str
    configuration: str
    variables: Mapping[str, int]
    constants: Mapping[str, tuple[int, int]]
    observed: Mapping[str, int]
    initial: Term
    initially_assumed: Mapping[str, Term]
    actions: Mapping[str, Act]

    def start(self, values: Mapping[str, int]) -> State:
        """The state that a run begins in; InputError where it cannot."""
        state = {**{path: value for path, (_, value) in self.constants.items()}, **dict.fromkeys(self.observed, 0)}
        for path, width in self.variables.items():
            state[path] = _fits(values.get(path), width, path)
        for name, term in (("the initial predicate", self.initial), *self.initially_assumed.items()):
            if not evaluate(term, state):
                raise InputError(f"step 0: {name} does not hold")
        return state

    def take(self, state: State, number: int, action: str, inputs: Mapping[str, int]) -> State:
        """The state after an action; InputError where it is unknown, or not enabled."""
        act = self.actions.get(action)
        if act is None:
            raise InputError(f"step {number}: there is no action {action!r}")
        values = dict(state) | {f"{action}:{name}": _fits(inputs.get(name), width, f"step {number}: {name}") for name, width in act.inputs.items()}
        for name, term in (("its guard", act.guard), *act.assumed.items()):
            if not evaluate(term, values):
                raise InputError(f"step {number}: {action}: {name} does not hold")
        new = evaluate_all([*act.next.values(), *act.observed.values()], values)
        return {**state, **dict.fromkeys(self.observed, 0), **dict(zip([*act.next, *act.observed], new, strict=True))}

    def leaf(self, path: str) -> Term:
        """The leaf as a variable, or the constant that it is."""
        if path in self.constants:
            width, value = self.constants[path]
            return make("const", (), width, value if width else bool(value))
        return make("var", (), self.variables[path] if path in self.variables else self.observed[path], path)


def rename(roots: Sequence[Term], name: Callable[[str], str]) -> list[Term]:
    """The terms with their variables renamed, and nothing else touched."""

    def meaning(term: Term, args: tuple[Term, ...]) -> Term:
        return make(term.op, args, term.width, name(term.data) if term.op == "var" else term.data)

    return fold(roots, meaning)


def _fits(value: Any, width: int, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << max(1, width):
        raise InputError(f"{what}: {value!r} is not a value of {width or 1} bits")
    return value


def check(machine: Machine) -> None:
    """InputError where a term speaks of what the machine does not have, or has the wrong sort."""
    leaves = {**machine.variables, **{path: width for path, (width, _) in machine.constants.items()}}
    predicates = {"initial": machine.initial, **machine.initially_assumed}
    for name, term in predicates.items():
        _sorted(term, 0, leaves, name)
    for action, act in machine.actions.items():
        own = {**leaves, **{f"{action}:{name}": width for name, width in act.inputs.items()}}
        for name, term in {"guard": act.guard, **act.assumed}.items():
            _sorted(term, 0, own, f"{action}: {name}")
        for path, term in act.next.items():
            if path not in machine.variables:
                raise InputError(f"{action}: changes {path!r}, which is no variable")
            _sorted(term, machine.variables[path], own, f"{action}: {path}")
        for path, term in act.observed.items():
            if path not in machine.observed:
                raise InputError(f"{action}: reports {path!r}, which is not observed")
            _sorted(term, machine.observed[path], own, f"{action}: {path}")


def _sorted(term: Term, width: int, known: Mapping[str, int], what: str) -> None:
    if term.width != width:
        raise InputError(f"{what}: {width} bits were expected, not {term.width}")
    for used in variables([term]):
        if known.get(used.data) != used.width:
            raise InputError(f"{what}: speaks of {used.data!r}, which is not there in {used.width} bits")


def speaks(terms: Sequence[Term]) -> set[str]:
    """The names of all variables below."""
    return {str(term.data) for term in variables(terms)}
