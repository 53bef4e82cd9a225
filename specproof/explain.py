"""One verdict in full: a proof as its lemmas and what each is needed for, a counterexample as numbered steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from specproof.claims import Claim, Views, _call
from specproof.load import Library
from specproof.pinned import Pins
from specproof.pinned import text as verdict_text
from specproof.product import product
from specproof.readings.integers import evaluate
from specproof.report import Answer, Paint, place, plain, wrapped
from specproof.state import Bits
from specproof.system import System, build
from specproof.terms import Term, variable, variables
from specproof.trace import Step, Trace
from specproof.verdict import LemmaLine, NotAsked, Proved, Refuted, Result

#: The columns before a step's text, and before what belongs to it.
_STEP, _BODY = "  ", "      "


def explain(answer: Answer, known: Library, pins: Pins, *, without: Sequence[str] = (), paint: Paint = plain) -> list[str]:
    """The lines that `specproof explain` prints of an answer."""
    claim = known.claims[answer.claim]
    title = claim.name + (f" ({claim.id})" if claim.id else "")
    where = answer.design if isinstance(answer, NotAsked) else place(answer.design, answer.configuration)
    found = wrapped(f"{where}: {title}: {_headline(answer)}")
    found[0] = paint(found[0], answer.verdict.word if isinstance(answer, Result) else "faint")
    if claim.sentence:
        found += ["", *wrapped(claim.sentence, _STEP)]
    if without:
        found += ["", *wrapped(f"Asked without the assumption{'s' * (len(without) > 1)} {', '.join(without)}.", _STEP)]
    if isinstance(answer, NotAsked):
        return [*found, ""]
    if isinstance(answer.verdict, Proved):
        found += _proof(answer.verdict, answer, known, without)
    elif isinstance(answer.verdict, Refuted):
        found += _counterexample(answer.verdict, answer, claim, known, without)
    return [*found, *_pinned(answer, pins), ""]


def _headline(answer: Answer) -> str:
    if isinstance(answer, NotAsked):
        return f"not asked: {answer.reason}"
    verdict = answer.verdict
    if isinstance(verdict, Proved):
        if answer.kind == "reachability":
            return "proved, by a run that reaches it"
        return "proved for all values" + (" and for runs of any length" if answer.kind != "lemma" else "")
    if isinstance(verdict, Refuted):
        if answer.kind == "lemma":
            return "refuted by these values"
        length = verdict.trace.length
        steps = f"a run of {length} step{'s' * (length != 1)}"
        return f"refuted by {steps}" + (", and by none that is shorter" if verdict.shortest else "; a shorter one may exist")
    return f"{verdict.word}: {verdict.reason}"


def _proof(verdict: Proved, result: Result, known: Library, without: Sequence[str]) -> list[str]:
    found = ["", *wrapped(f"Decided by: {verdict.method}.", _STEP)]
    if result.kind not in ("lemma", "reachability"):
        found += ["", *_assumptions(verdict.assumptions, result, known)]
    if verdict.lemmas:
        found += ["", f"{_STEP}It follows from what holds in every reachable state, kept by each action:", ""]
        width = len(str(len(verdict.lemmas)))
        for number, lemma in enumerate(verdict.lemmas, 1):
            found += _lemma(f"{_STEP}{number:>{width}}  ", lemma)
    elif result.kind not in ("lemma", "reachability"):
        found += ["", f"{_STEP}It needs no lemma: each action satisfies it by itself."]
    if verdict.witness is not None and result.kind == "reachability":
        found += run(verdict.witness, Registers(build(known.design(result.design), result.configuration, tuple(without))))
    elif verdict.witness is not None and verdict.witness.steps:
        names = ", ".join(step.action for step in verdict.witness.steps)
        found += ["", *wrapped(names, f"{_STEP}A run in which what it speaks of happens: ", _BODY)]
    return found


def _assumptions(names: Iterable[str], result: Result, known: Library) -> list[str]:
    design = known.designs[result.design]
    found = []
    for name in names:
        sentence = design.assumptions[name].doc if name in design.assumptions else ""
        found += wrapped(f"{name}: {' '.join(sentence.split())}".rstrip(": "), f"{_STEP}leans on the assumption ", _BODY)
    return found or [f"{_STEP}It leans on no assumption about the environment."]


def _lemma(first: str, lemma: LemmaLine) -> list[str]:
    blank = " " * len(first)
    uses = []
    if lemma.used_by:
        uses.append(f"for the claim {', '.join(lemma.used_by)}" if len(lemma.used_by) == 1 else f"for the claims {', '.join(lemma.used_by)}")
    if lemma.keeps:
        uses.append(f"so that the lemmas survive {', '.join(lemma.keeps)}")
    return [*wrapped(lemma.equation, first, blank + "  "), *(wrapped(f"needed {', and '.join(uses)}", blank + "  ") if uses else [])]


def _pinned(result: Result, pins: Pins) -> list[str]:
    pin = pins.get((result.design, result.configuration, result.claim))
    if pin is None:
        return []
    found = [] if pin.text == verdict_text(result) else ["", *wrapped(f"The pinned verdict is another: {pin.text}.", _STEP)]
    if pin.analysis and isinstance(result.verdict, Refuted):
        for number, paragraph in enumerate(pin.analysis.split("\n\n")):
            found += ["", *wrapped(" ".join(paragraph.split()), f"{_STEP}Analysis: " if number == 0 else _STEP, _STEP)]
    return found


@dataclass(frozen=True)
class Registers:
    """Values of a system's fields and inputs as text, with their bits named."""

    system: System

    def value(self, value: int, width: int, bits: Bits | None) -> str:
        """`0x400 BHI_DIS_S`, `true`, `0`."""
        if not width:
            return "true" if value else "false"
        if (value < 2 and bits is None) or not value:
            return str(value)
        missing = ((1 << width) - 1) ^ value
        if not missing:
            return f"{value:#x} all bits"
        if bits is None:
            return f"{value:#x}"
        if missing.bit_count() < 8 and value.bit_count() > 8:
            return f"{value:#x} all but {bits.names(missing)}"
        names = bits.names(value)
        return names if names == f"{value:#x}" else f"{value:#x} {names}"

    def field(self, path: str, value: int) -> str:
        """A leaf of the state."""
        declared = self.system.fields[path]
        return self.value(value, declared.width, declared.bits)

    def input(self, step: Step, name: str, value: int) -> str:
        """An input: its bits are those of the fields that it flows into, where these agree."""
        action = self.system.actions[step.action]
        term = action.inputs[name]
        flows = {**action.next, **action.observed}
        into = [path for path, result in flows.items() if result is term]
        into = into or [path for path, result in flows.items() if any(used is term for used in variables([result]))]
        return self.value(value, term.width, self._common(path for path in into if self.system.fields[path].width == term.width))

    def term(self, term: Term, value: int) -> str:
        """A term over the state, such as a view."""
        used = [str(one.data) for one in variables([term]) if one.width and one.width == term.width]
        return self.value(value, term.width, self._common(used))

    def _common(self, paths: Iterable[str]) -> Bits | None:
        known = [self.system.fields[path].bits for path in paths if path in self.system.fields]
        return known[0] if known and all(bits is known[0] for bits in known) else None

    @cached_property
    def observed(self) -> frozenset[str]:
        """The leaves that only report what a step did."""
        return frozenset(path for path, declared in self.system.fields.items() if declared.observed)


def _counterexample(verdict: Refuted, result: Result, claim: Claim, known: Library, without: Sequence[str]) -> list[str]:
    if result.kind == "lemma":
        return ["", *_columns([(name, hexadecimal(value)) for name, value in verdict.trace.initial.items()])]
    design, left_out = known.design(result.design), tuple(without)
    if result.kind == "relation":
        pair = product(build(design, claim.left, left_out), build(design, claim.right, left_out), (claim.left, claim.right))
        registers = Registers(pair.system)
        views = {name: pair.views(side, _leaves(pair.system)) for side, name in enumerate(pair.names)}
    else:
        registers = Registers(build(design, result.configuration, left_out))
        moments = ("before", "after") if claim.kind == "step" else ("",)
        views = {moment: Views(registers.system, _leaves(registers.system)) for moment in moments}
    _call(claim, *views.values())
    states = verdict.trace.states()
    rows = []
    for label, seen in views.items():
        values = {**states[-2], **dict.fromkeys(registers.observed, 0)} if label == "before" else states[-1]
        tail = f" {label}" if label else ""
        rows += [(name + tail, registers.term(term, evaluate(term, values))) for name, term in seen._seen.items()]
    when = "the last step" if claim.kind == "step" else "after the last step" if verdict.trace.steps else "initially"
    headline = f"{_STEP}There the claim fails. What it looks at, {'before and after ' if claim.kind == 'step' else ''}{when}:"
    return [*run(verdict.trace, registers), "", headline if rows else f"{_STEP}There the claim fails.", *_columns(rows)]


def hexadecimal(value: int) -> str:
    """A value of which nothing more is known."""
    return str(value) if value < 2 else f"{value:#x}"


def _leaves(system: System) -> Mapping[str, Term]:
    return {path: variable(path, declared.width) for path, declared in system.fields.items()}


def run(trace: Trace, registers: Registers) -> list[str]:
    """A run as numbered steps: who acts, inputs, and only what changed."""
    found = ["", *wrapped("initial state; whatever is not listed is 0 or false", f"{_STEP}0  ")]
    found += _columns([(path, registers.field(path, value)) for path, value in trace.initial.items() if value])
    before = trace.states()
    for number, step in enumerate(trace.steps, 1):
        found += ["", *wrapped(f"{step.by}: {step.action}", f"{_STEP}{number}  ")]
        sentence = " ".join(step.doc.split("\n\n")[0].split())
        found += [text for part in (sentence, step.source) if part for text in wrapped(part, _BODY)]
        rows = [(f"input {name}", registers.input(step, name, value)) for name, value in step.inputs.items()]
        state = before[number - 1]
        for path, value in step.changed.items():
            if path in registers.observed:
                rows += [(f"event {path}", registers.field(path, value))] if value else []
            else:
                rows.append((path, f"{registers.field(path, state[path])} -> {registers.field(path, value)}"))
        kept = [path for path in sorted(registers.observed) if before[number][path] and path not in step.changed]
        rows += [(f"event {path}", registers.field(path, before[number][path])) for path in kept]
        found += _columns(rows) if rows else [f"{_BODY}nothing changes"]
    return found


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and values side by side; long values go on below."""
    width = max((len(name) for name, _ in rows if len(name) <= 40), default=0)
    return [text for name, value in rows for text in wrapped(value, f"{_BODY}{name:<{width}}  ", _BODY + " " * (width + 2))]


