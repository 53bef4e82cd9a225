"""Runs in certificates: replayed on integers, and their path formula for any solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specproof.errors import InputError
from specproof.readings.integers import evaluate
from specproof.readings.text import show
from specproof.terms import TRUE, Term, make
from specproof.trust.machine import Machine, State, rename, speaks
from specproof.trust.rule import Query, Statement, safe, zero
from specproof.trust.smt import Script


@dataclass(frozen=True)
class Run:
    """An initial state and steps, with what each changed. `shows` is "violation", "antecedent" or "goal"."""

    claim: str
    shows: str
    initial: Mapping[str, int]
    steps: tuple[tuple[str, Mapping[str, int], Mapping[str, int]], ...]


def goal(statement: Statement, shows: str) -> Term:
    """What holds at the end of a run."""
    if shows == "violation":
        return make("not", (statement.says,), 0)
    happens = statement.says if shows == "goal" else statement.happens
    return TRUE if happens is None else happens


def replay(machine: Machine, statement: Statement, run: Run) -> None:
    """Executes a run on integers; InputError with the step where it is not what it says."""
    if statement.form == "values":
        if not evaluate(goal(statement, run.shows), run.initial):
            raise InputError("these values do not show it")
        return
    state = machine.start(run.initial)
    _same(state, run.initial, 0)
    states = [state]
    for number, (action, inputs, changed) in enumerate(run.steps, 1):
        after = machine.take(states[-1], number, action, inputs)
        _same({path: value for path, value in after.items() if value != states[-1][path]}, changed, number)
        states.append(after)
    if not evaluate(goal(statement, run.shows), _seen(machine, statement, states)):
        raise InputError(f"step {len(run.steps)}: the run does not end in what it should show")


def _same(found: Mapping[str, int], said: Mapping[str, int], step: int) -> None:
    if dict(found) != dict(said):
        wrong = sorted(path for path in {**found, **said} if found.get(path) != said.get(path))
        raise InputError(f"step {step}: {wrong[0]} is {_hexadecimal(found.get(wrong[0]))}, and the run says {_hexadecimal(said.get(wrong[0]))}")


def _hexadecimal(value: int | None) -> str:
    return "unchanged" if value is None else f"{value:#x}"


def _seen(machine: Machine, statement: Statement, states: Sequence[State]) -> dict[str, int]:
    """The views' values at the end of a run. Between steps observed leaves are 0."""
    last = states[-1]
    if statement.form == "states":
        last = {**last, **dict.fromkeys(machine.observed, 0)}
    elif statement.kind == "step" and len(states) == 1:
        raise InputError("a claim of steps needs a step")
    values = {symbol: evaluate(term, last) for symbol, term in statement.after.items()}
    if statement.before:
        before = {**states[-2], **dict.fromkeys(machine.observed, 0)}
        values |= {symbol: evaluate(term, before) for symbol, term in statement.before.items()}
    return values


def formula(machine: Machine, statement: Statement, run: Run) -> Query:
    """The path formula of the run's actions: satisfiable, since the run is an assignment."""
    return Query(f"runs/{safe(statement.name)}-{run.shows}.smt2", lambda: _formula(machine, statement, run), "sat")


def _formula(machine: Machine, statement: Statement, run: Run) -> str:
    where = " ".join(part for part in (machine.design, machine.configuration) if part)
    names = [name for name, _, _ in run.steps]
    script = Script([
        f"specproof certificate: {where}", f"claim {statement.name}: {statement.sentence}", f"it says: {show(statement.says)}",
        f"the {run.shows} at the end of: {', '.join(names) or 'no steps'}", "sat: there is such a run",
    ])  # fmt: skip
    if statement.form != "values":
        _unroll(script, machine, statement, names)
    script.comment(f"the {run.shows}")
    script.state(goal(statement, run.shows))
    return script.finish()


def _unroll(script: Script, machine: Machine, statement: Statement, names: Sequence[str]) -> None:
    now = {path: f"{path}@0" for path in machine.variables}
    script.comment("step 0: a run starts here")
    for term in (machine.initial, *machine.initially_assumed.values()):
        script.state(_renamed(term, now))
    before: dict[str, str] = dict(now)
    reported: dict[str, Term] = {}
    for number, name in enumerate(names, 1):
        act = machine.actions[name]
        before = dict(now)
        own = {**now, **{f"{name}:{given}": f"{name}:{given}@{number}" for given in act.inputs}}
        script.comment(f"step {number}: {name}")
        for term in (act.guard, *act.assumed.values()):
            script.state(_renamed(term, own))
        for path, term in act.next.items():
            now[path] = f"{path}@{number}"
            script.define(now[path], _renamed(term, own))
        reported = {path: _renamed(term, own) for path, term in act.observed.items()}
    script.comment("what the claim looks at")
    observed = speaks(list(statement.after.values())) & set(machine.observed)
    for path in sorted(observed):
        term = zero(machine.observed[path]) if statement.form == "states" else reported.get(path, zero(machine.observed[path]))
        script.define(f"{path}@end", term)
    last = {**now, **{path: f"{path}@end" for path in observed}}
    for symbol, term in statement.before.items():
        script.define(symbol, _renamed(term, before))
    for symbol, term in statement.after.items():
        script.define(symbol, _renamed(term, last))


def _renamed(term: Term, names: Mapping[str, str]) -> Term:
    return rename([term], lambda name: names[name])[0]


def to_json(run: Run) -> dict[str, Any]:
    """A run as data; values are hexadecimal text."""
    steps = [{"action": name, "inputs": _texts(inputs), "changed": _texts(changed)} for name, inputs, changed in run.steps]
    return {"claim": run.claim, "shows": run.shows, "initial": _texts(run.initial), "steps": steps}


def _texts(values: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{value:#x}" for name, value in values.items()}


def from_json(data: object) -> Run:
    """A run from data; InputError where it is not well formed."""
    given = _object(data, "a run")
    shows = given.get("shows")
    if shows not in ("violation", "antecedent", "goal") or not isinstance(given.get("claim"), str):
        raise InputError("a run says which claim it is of, and whether it shows a violation, an antecedent or a goal")
    steps = given.get("steps")
    if not isinstance(steps, list):
        raise InputError("a run has a list of steps")
    found = []
    for number, step in enumerate(steps, 1):
        one = _object(step, f"step {number}")
        if not isinstance(one.get("action"), str):
            raise InputError(f"step {number} names no action")
        found.append((one["action"], _numbers(one.get("inputs"), f"step {number}"), _numbers(one.get("changed"), f"step {number}")))
    return Run(given["claim"], shows, _numbers(given.get("initial"), "step 0"), tuple(found))


def _object(data: object, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"{what}: an object was expected")
    return data


def _numbers(data: object, what: str) -> dict[str, int]:
    found = {}
    for name, text in _object(data, what).items():
        try:
            if not isinstance(text, str) or not text.startswith("0x"):
                raise ValueError
            found[name] = int(text, 16)
        except ValueError:
            raise InputError(f"{what}: {name}: hexadecimal text was expected, not {text!r}") from None
    return found
