"""A run made by hand: a state, actions that can be taken, undone, asked about and saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from specproof.claims import Claim, MissingView, Property, instantiate
from specproof.errors import InputError, at, did_you_mean
from specproof.graph import conjuncts
from specproof.readings.integers import evaluate
from specproof.readings.text import show
from specproof.registers import Registers
from specproof.solver import Solver
from specproof.state import Bits
from specproof.story.subject import Subject, unknown_action
from specproof.system import System
from specproof.terms import Bool, Term, Word
from specproof.trace import Trace, initial_state, replay, take

#: What a claim says of a state or of the last step.
HOLDS, FAILS, SILENT = "holds", "fails", "says nothing"


@dataclass
class Simulation:
    """A design in a configuration and a run of it. `steps` are actions with their inputs."""

    subject: Subject
    claims: Sequence[Claim]
    initial: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[str, dict[str, int]]] = field(default_factory=list)

    @property
    def system(self) -> System:
        return self.subject.system

    @cached_property
    def registers(self) -> Registers:
        """Values as text."""
        return Registers(self.system)

    def start(self, wanted: Mapping[str, int]) -> None:
        """A run from a state that has the wanted values and otherwise as many zeros as it may; InputError where there is none."""
        for path in wanted:
            if path not in self.system.variables:
                raise InputError(f"there is no field {path!r} that a run starts with; {did_you_mean(path, self.system.variables)}")
        fixed = [_equals(self.system.variables[path], value) for path, value in wanted.items()]
        answer = Solver().ask([self.system.starts, *fixed])
        if answer.word != "sat":
            if not wanted:
                raise InputError(f"{at(self.system.places.get('', ''))}{self.system.design}: nothing satisfies its initial predicate; no run starts")
            raise InputError("no run starts with these values; 'start' without values shows what there is to choose")
        values = {path: answer.values.get(path, 0) for path in self.system.variables}
        for path in values:
            old = values[path]
            if path not in wanted and old:
                values[path] = 0
                if not evaluate(self.system.starts, {**self._constants, **values}):
                    values[path] = old
        self.initial, self.steps = initial_state(self.system, values), []

    @property
    def _constants(self) -> dict[str, int]:
        return {path: int(term.data) for path, term in self.system.constants.items()}

    def choices(self) -> list[str]:
        """Fields that a run may start with another value of."""
        solver = Solver()
        return [
            path for path, term in self.system.variables.items()
            if solver.ask([self.system.starts, ~_equals(term, self.initial[path])]).word == "sat"
        ]  # fmt: skip

    def freedom(self) -> str:
        """What a run may start with, as a sentence."""
        names = ", ".join(self.choices())
        return f"A run may start with other values of: {names}" if names else "Every run starts in this state."

    @property
    def trace(self) -> Trace:
        """The run so far."""
        found = replay(self.system, "", self.initial, self.steps)
        if found is None:
            raise InputError("the run no longer replays")
        return found

    @property
    def state(self) -> dict[str, int]:
        return self.trace.states()[-1]

    def take(self, name: str, inputs: Mapping[str, int]) -> None:
        """One step; InputError, with the reason, where it cannot be taken."""
        if name not in self.system.actions:
            raise InputError(unknown_action(name, self.system))
        if take(self.system, self.state, name, inputs) is None:
            raise InputError(self.why_not(name, inputs))
        self.steps.append((name, dict(inputs)))

    def undo(self) -> str:
        """Takes the last step back and says which it was."""
        if not self.steps:
            raise InputError("there is nothing to undo")
        return self.steps.pop()[0]

    def enabled(self, name: str) -> bool:
        """Whether the guard of an action holds now; its assumptions may depend on the inputs."""
        return bool(evaluate(self.system.actions[name].guard, {**self.state, **self._inputs(name, {})}))

    def why_not(self, name: str, inputs: Mapping[str, int]) -> str:
        """What forbids an action now."""
        action = self.system.actions[name]
        values = {**self.state, **self._inputs(name, inputs)}
        if not evaluate(action.guard, values):
            parts = [show(part) for part in conjuncts(action.guard) if not evaluate(part, values)]
            return f"{name} cannot happen now: {'; '.join(parts)} is false"
        refusing = [one for one, term in action.assumed.items() if not evaluate(term, values)]
        return f"{name} cannot happen now: the assumption {', '.join(refusing)} excludes it"

    def _inputs(self, name: str, inputs: Mapping[str, int]) -> dict[str, int]:
        return {str(term.data): inputs.get(key, 0) for key, term in self.system.actions[name].inputs.items()}

    def parse(self, text: str, width: int, bits: Bits | None, what: str) -> int:
        """`0x400`, `1024`, `BHI_DIS_S|IBRS`, `true`; InputError where it is none of these."""
        if not width:
            words = {"true": 1, "false": 0, "1": 1, "0": 0, "yes": 1, "no": 0}
            if text.lower() not in words:
                raise InputError(f"{what} is a truth value: write true or false, not {text!r}")
            return words[text.lower()]
        value = 0
        names = {name: place for one in self._bits(bits) for name, place in one.positions.items()}
        for part in text.split("|"):
            if part in names:
                value |= 1 << names[part]
                continue
            try:
                number = int(part, 0)
            except ValueError:
                known = ", ".join(names) or "no bit has a name here"
                raise InputError(f"{what}: {part!r} is no number and no bit's name; known: {known}") from None
            if not 0 <= number < 1 << width:
                raise InputError(f"{what} has {width} bits: {part} does not fit")
            value |= number
        return value

    def _bits(self, bits: Bits | None) -> list[Bits]:
        return [bits] if bits else list(dict.fromkeys(one.bits for one in self.system.fields.values() if one.bits))

    @cached_property
    def _properties(self) -> list[tuple[Claim, Property]]:
        found = []
        for claim in self.claims:
            if claim.kind in ("invariant", "step"):
                try:
                    found.append((claim, instantiate(claim, self.system)))
                except MissingView:
                    continue
        return found

    def said(self) -> Iterator[tuple[Claim, str]]:
        """Each claim on states and steps, and what it says now."""
        trace = self.trace
        for claim, prop in self._properties:
            yield claim, self._says(prop, trace)

    def _says(self, prop: Property, trace: Trace) -> str:
        term, values = self._now(prop, trace)
        if term is None:
            return SILENT
        if not evaluate(term, values):
            return FAILS
        if prop.happens is None:
            return HOLDS
        happens, values = self._now(prop.happens, trace)
        return HOLDS if happens is not None and evaluate(happens, values) else SILENT

    def _now(self, prop: Property, trace: Trace) -> tuple[Term | None, dict[str, int]]:
        states = trace.states()
        if prop.steps:
            if not trace.steps:
                return prop.state, states[-1]
            last = trace.steps[-1]
            return prop.steps[last.action], {**states[-2], **self._inputs(last.action, last.inputs)}
        return prop.state, states[-1]


def _equals(term: Term, value: int) -> Bool:
    if term.width:
        return cast(Word, term) == value
    return cast(Bool, term) if value else ~cast(Bool, term)
