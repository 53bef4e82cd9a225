"""Why a claim is not inductive by itself: the states that break it in one step, whether they can be reached, and
which lemma excludes them, ready to paste.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from specproof.graph import substitute, variables
from specproof.induction import Induction
from specproof.layout import TooLarge
from specproof.lemmas import Certificate, discover
from specproof.lift import named_bits, positions
from specproof.load import LEMMAS, Library
from specproof.readings.english import sentence
from specproof.readings.integers import evaluate
from specproof.readings.python import expression
from specproof.readings.text import show
from specproof.registers import Registers
from specproof.report import Answer, place
from specproof.solver import Solver
from specproof.story.graph import Graph
from specproof.story.layout import wrapped
from specproof.story.subject import Subject
from specproof.system import Action, System
from specproof.terms import FALSE, TRUE, Bool, Term, Word, variable
from specproof.trace import Trace
from specproof.verdict import NotAsked, Proved, Refuted, Verdict
from specproof.vocabulary import Lemma, Vocabulary


@dataclass(frozen=True)
class Obstacle:
    """A state that satisfies the claim and the lemmas before it, and an action that breaks the claim."""

    action: str
    state: Mapping[str, int]
    inputs: Mapping[str, int]
    lemma: Bool | None
    spoken: Bool | None
    matters: tuple[str, ...]
    positions: tuple[int, ...]


def induction(answer: Answer, known: Library, without: Sequence[str] = ()) -> list[str]:
    """The triage of one answer, as lines for a terminal."""
    if isinstance(answer, NotAsked) or answer.design == LEMMAS or answer.kind in ("lemma", "reachability", "relation"):
        return [f"{answer.design}: {answer.claim}: induction is asked of invariants and step claims only", ""]
    head = f"{place(answer.design, answer.configuration)}: {answer.claim}: "
    if isinstance(answer.verdict, Refuted):
        return [*_reached(head, Subject.of(known, answer.design, answer.configuration, answer.claim, tuple(without)), answer.verdict.trace), ""]
    subject = Subject.of(known, answer.design, answer.configuration, answer.claim, tuple(without))
    try:
        triage = Triage(subject)
    except TooLarge as reason:
        return [*wrapped(f"{head}not explored: {reason}", 100), ""]
    obstacles = list(triage.obstacles())
    return [*_lines(head, subject, obstacles, triage.rest() if obstacles else [], answer.verdict), ""]


def _reached(head: str, subject: Subject, trace: Trace) -> Iterator[str]:
    """Of a claim that does not hold: the run to the state from which the last step breaks it."""
    starts = ("a run can start where it fails", "a run can start in the state before it:")
    before = trace.length - 1
    how = starts[trace.length] if before < 1 else f"a run of {before} step{'s' * (before != 1)} reaches the state before the last:"
    yield from wrapped(f"{head}not inductive, and no lemma helps: {how}", 100)
    registers = Registers(subject.system)
    for number, step in enumerate(trace.steps, 1):
        inputs = ", ".join(f"{name} {registers.input(step, name, value)}" for name, value in step.inputs.items())
        said = f"{step.by}: {step.action}{' with ' + inputs if inputs else ''}"
        yield from wrapped(f"{said}{', which breaks it' if number == trace.length else ''}", 100, f"  {number}  ")
    yield "  'explain' without --induction tells it in full."


class Triage:
    """Counterexamples to induction, one after the other, until the claim and the lemmas are inductive together.

    The lemmas are those of a minimal certificate; each is brought in when it excludes the state at hand.
    """

    def __init__(self, subject: Subject) -> None:
        """Explores the slice and finds the lemmas of a claim that holds."""
        self.subject, self.system, self.prop = subject, subject.system, subject.prop
        self.solver = Solver()
        self.graph = Graph(self.system, [self.prop])
        slice_, reached = self.graph.slice, self.graph.reached
        certificate: Certificate | None
        if reached.violated[self.prop.claim]:  # the slice sees too little of the words: its lemmas do not imply the claim
            certificate = Induction(self.system, self.prop, self.solver).strengthened(slice_, reached)
        else:
            certificate = discover(slice_, reached, [self.prop])
        self.waiting = list(certificate.terms.items()) if certificate is not None else []
        self.vocabulary = certificate.vocabulary if certificate is not None else Vocabulary(slice_, reached)

    def obstacles(self) -> Iterator[Obstacle]:
        """The states from which an action breaks the claim, until the lemmas that were brought in exclude all of them."""
        known: list[Bool] = [self.prop.always] if self.prop.always is not None else []
        for action in self.system.actions.values():
            wanted = self._after(action)
            while wanted is not TRUE and (values := self._values([*known, action.enabled, ~wanted], action)) is not None:
                found = self._obstacle(action, values)
                yield found
                if found.lemma is None:
                    return
                known.append(found.lemma)

    def rest(self) -> list[Bool]:
        """The lemmas that the lemmas brought in so far need in turn."""
        return [self._spoken(lemma) for lemma, _ in self.waiting]

    def _after(self, action: Action) -> Bool:
        """What must hold after the action for the claim, over the state before it."""
        if self.prop.steps:
            return self.prop.steps.get(action.name, TRUE)
        if self.prop.state is None or not any(str(one.data) in action.next for one in variables([self.prop.state])):
            return TRUE
        by = {self.system.variables[path]: new for path, new in action.next.items()}
        return cast(Bool, substitute([self.prop.state], by)[0])

    def _values(self, goal: Sequence[Bool], action: Action) -> dict[str, int] | None:
        """Values that satisfy the goal, named bits preferred, then as few bits as a greedy search finds."""
        mask = named_bits(self.system)
        symbols = [*self.system.variables.values(), *action.inputs.values()]
        small = [(cast(Word, term) & (((1 << term.width) - 1) & ~mask)) == 0 for term in symbols if term.width and mask]
        answer = self.solver.ask([*goal, *small])
        if answer.word != "sat":
            answer = self.solver.ask(goal)
        if answer.word != "sat":
            return None
        values = {str(term.data): answer.values.get(str(term.data), 0) for term in symbols}
        widths = {str(term.data): term.width for term in symbols}
        for bit in positions(self.system):  # one position tells the story, if one is enough
            one = {name: value & 1 << bit if widths[name] else value for name, value in values.items()}
            if all(evaluate(part, one) for part in goal):
                values = one
                break
        for term in symbols:
            self._lower(goal, values, str(term.data))
        return values

    @staticmethod
    def _lower(goal: Sequence[Bool], values: dict[str, int], name: str) -> None:
        old = values[name]
        for new in (0, *(old & ~(1 << bit) for bit in range(old.bit_length()))):
            if new != values[name] and new & ~values[name] == 0:
                kept, values[name] = values[name], new
                if not all(evaluate(part, values) for part in goal):
                    values[name] = kept

    def _obstacle(self, action: Action, values: Mapping[str, int]) -> Obstacle:
        state = {path: int(term.data) for path, term in self.system.constants.items()}
        state |= {path: values[path] for path in self.system.variables}
        state |= {path: 0 for path, declared in self.system.fields.items() if declared.observed}
        inputs = {key: values[str(term.data)] for key, term in action.inputs.items()}
        unreached = tuple(bit for bit in range(self.graph.slice.widest) if self.graph.state(state, bit) is None)
        excluding = [one for one in self.waiting if not evaluate(one[1], state)]
        if not excluding:
            return Obstacle(action.name, state, inputs, None, None, (), unreached)
        lemma, term = best = min(excluding, key=lambda one: len(one[0].literals))
        self.waiting.remove(best)
        return Obstacle(action.name, state, inputs, term, self._spoken(lemma), self._matters(lemma), unreached)

    def _spoken(self, lemma: Lemma) -> Bool:
        """The lemma with views by their names, where no field has that name."""
        named: dict[Hashable, Term] = {}
        for key, term in self.vocabulary.here.items():
            kind, name = key[0], str(key[1])  # type: ignore[index]
            named[key] = variable(name, term.width) if kind == "view" and name not in self.system.fields else term
        term = self.vocabulary.term(lemma, named)
        return ~cast(Bool, term.args[0]) if term.op == "implies" and term.args[1] is FALSE else term

    def _matters(self, lemma: Lemma) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(key[1]) for key, _ in lemma.literals if key[0] != "class"))  # type: ignore[index]


def _lines(head: str, subject: Subject, obstacles: Sequence[Obstacle], rest: Sequence[Bool], verdict: Verdict) -> list[str]:
    if not obstacles:
        return wrapped(f"{head}inductive by itself: each action keeps it.", 100)
    registers = Registers(subject.system)
    lemmas = [one.spoken for one in obstacles if one.spoken is not None]
    count = len(lemmas)
    turn = f", which need {len(rest)} more in turn" if rest else ""
    made = f"; it is with {count} lemma{'s' * (count != 1)}{turn}" if count == len(obstacles) else ""
    found = wrapped(f"{head}not inductive by itself{made}.", 100)
    for number, one in enumerate(obstacles, 1):
        inputs = ", ".join(f"{name} {_input(registers, one.action, name, value)}" for name, value in one.inputs.items())
        found += ["", *wrapped(f"{one.action}{' with ' + inputs if inputs else ''} breaks it from a state in which", 100, f"  {number}  ")]
        shown = one.matters or tuple(path for path, value in one.state.items() if value)
        for path in shown:
            if path in subject.system.fields:
                found.append(f"      {path}: {registers.field(path, one.state[path])}")
            else:
                term = subject.system.view(path, subject.system.state())
                found.append(f"      {path}: {registers.term(term, evaluate(term, one.state))}")
        if one.spoken is None:
            found.append("      whatever is not listed is 0 or false")
            found += wrapped(_not_excluded(one, verdict), 100, "      ")
            continue
        found += wrapped(f"No run reaches that{_positions(subject, one)}, whatever the rest of the state. This excludes it:", 100, "      ")
        found += wrapped(show(one.spoken), 100, "      ", "        ")
        found += wrapped(sentence(one.spoken), 100, "      ")
    if not lemmas:
        return found
    return [*found, "", "  Ready to paste; claims look at views, so fields that no view shows get one:", "", *_paste(subject, [*lemmas, *rest])]


def _not_excluded(one: Obstacle, verdict: Verdict) -> str:
    """What is known of a state that no lemma of bits excludes."""
    if isinstance(verdict, Proved):
        otherwise = f"The claim was proved otherwise ({verdict.method}), so no run reaches that state"
        return f"{otherwise}; 'explain' without --induction has the lemmas." if verdict.lemmas else f"{otherwise}; that proof has no lemmas to show."
    if one.positions:
        return "No run reaches all bits of that state, and no lemma about bits was found with which the claim is inductive."
    return "Every bit of that state can be reached by itself; whether all can at once was not decided."


def _input(registers: Registers, action: str, name: str, value: int) -> str:
    return registers.value(value, registers.system.actions[action].inputs[name].width, registers.input_bits(action, name))


def _positions(subject: Subject, one: Obstacle) -> str:
    """At which bits it is not reachable, where that is not all of them."""
    if len(one.positions) == max(declared.width for declared in subject.system.fields.values()):
        return ""
    bits = next((declared.bits for declared in subject.system.fields.values() if declared.bits), None)
    known = {place: name for name, place in bits.positions.items()} if bits else {}
    first = [f"bit {place}" + (f" ({known[place]})" if place in known else "") for place in one.positions[:2]]
    return f" at {' and '.join(first)}" + (f" and {len(one.positions) - 2} more" if len(one.positions) > 2 else "")


def _paste(subject: Subject, lemmas: Sequence[Bool]) -> Iterator[str]:
    """Lines of Python that stand at the left margin."""
    system = subject.system
    needed = dict.fromkeys(str(term.data) for lemma in lemmas for term in variables([lemma]))
    shown = {str(term.data): name for name in sorted(system.views) for term in [system.view(name, system.state())] if term.op == "var"}
    design = subject.design.name.replace("-", "_")
    lines: list[str] = []
    for path in needed:
        if path in system.views and path not in system.fields:
            shown[path] = path
        elif path not in shown:
            shown[path] = _free(path.replace(".", "_"), system, set(shown.values()))
            kind = "Word" if system.fields[path].width else "Bool"
            lines += [f"@{design}.view", f"def {shown[path]}(s: {system.record.__name__}) -> {kind}:", f"    return s.{path}", "", ""]
    for number, lemma in enumerate(lemmas, 1):
        lines += [
            f"@invariant(\"{subject.claim.name}-lemma-{number}\")", f"def {subject.claim.name.replace('-', '_')}_lemma_{number}(v: Any) -> Bool:",
            f"    \"\"\"{sentence(lemma)}\"\"\"", f"    return {expression(lemma, lambda name: f'v.{shown[name]}')}", "", "",
        ]  # fmt: skip
    text = "\n".join(lines)
    yield from ("from typing import Any", "")
    names = [name for name in ("Bool", "Word", "implies", "invariant", "ite", "word") if re.search(rf"\b{name}\b", text)]
    yield f"from specproof import {', '.join(names)}"
    if f"(s: {system.record.__name__})" in text and system.record.__module__.startswith("specproof."):
        yield f"from {system.record.__module__} import {system.record.__name__}"
    yield from ("", "")
    yield from lines


def _free(name: str, system: System, taken: set[str]) -> str:
    return name if name not in system.views and name not in taken else f"field_{name}"

