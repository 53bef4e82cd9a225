"""One verdict in full, on a terminal: a proof as its lemmas and what each is needed for, a counterexample as its story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from specproof.design import switched
from specproof.lift import least
from specproof.load import Library
from specproof.pinned import Pins
from specproof.pinned import text as verdict_text
from specproof.registers import Registers
from specproof.report import WIDTH, Answer, Paint, place, plain
from specproof.story.blocks import Block, blocks
from specproof.story.layout import lines
from specproof.story.model import Story, shown
from specproof.trace import Trace
from specproof.verdict import EVERY, SPACER, LemmaLine, NotAsked, Proved, Refuted, Result

if TYPE_CHECKING:
    from specproof.story.subject import Subject

__all__ = ["Registers", "explain", "hexadecimal", "needed", "prose", "shrunk", "story"]


def explain(answer: Answer, known: Library, pins: Pins, *, without: Sequence[str] = (), paint: Paint = plain) -> list[str]:
    """The lines that `specproof explain` prints of an answer."""
    return [*lines(prose(answer, known, pins, without=without), WIDTH, paint), ""]


def prose(answer: Answer, known: Library, pins: Pins, *, without: Sequence[str] = ()) -> list[Block]:
    """An answer in words, for every text form."""
    claim = known.claims[answer.claim]
    title = claim.name + (f" ({claim.id})" if claim.id else "")
    where = answer.design if isinstance(answer, NotAsked) else place(answer.design, answer.configuration)
    role = answer.verdict.word if isinstance(answer, Result) else "faint"
    found = [Block("head", f"{where}: {title}: {_headline(answer)}", role=role)]
    if claim.sentence:
        found.append(Block("text", claim.sentence))
    if without:
        found.append(Block("text", f"Asked {_changed(without)}."))
    if isinstance(answer, NotAsked):
        return found
    if isinstance(answer.verdict, Proved):
        found += _proof(answer.verdict, answer, known, without)
    elif isinstance(answer.verdict, Refuted):
        found += _counterexample(answer.verdict, answer, known, without)
    return [*found, *_pinned(answer, pins)]


def _changed(without: Sequence[str]) -> str:
    """The changes of assumptions, in words."""
    if any(change.startswith("+") for change in without):
        return switched(without)
    return f"without the assumption{'s' * (len(without) > 1)} {', '.join(without)}"


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


def _proof(verdict: Proved, result: Result, known: Library, without: Sequence[str]) -> Iterator[Block]:
    yield Block("text", f"Decided by: {verdict.method}.")
    if result.kind not in ("lemma", "reachability"):
        yield from _assumptions(verdict.assumptions, result, known)
    if verdict.lemmas:
        yield Block("title", "It follows from what holds in every reachable state, kept by each action:")
        for number, lemma in enumerate(verdict.lemmas, 1):
            yield Block("lemma", lemma.equation, ((lemma.sentence,), (needed(lemma),)), number)
    elif verdict.method == EVERY:
        text = "All states that it depends on were looked at, and Z3 says at full width that no action leaves them: the list of them is its lemma."
        yield Block("text", text)
    elif verdict.method == SPACER:
        yield Block("text", "What holds in every reachable state was found by Spacer, which does not say it in words: there is no lemma to read.")
    elif result.kind not in ("lemma", "reachability"):
        yield Block("text", "It needs no lemma: each action satisfies it by itself.")
    if verdict.witness is not None and result.kind == "reachability":
        yield from blocks(story(result, known, without))
    elif verdict.witness is not None and verdict.witness.steps:
        yield Block("title", "A run in which what it speaks of happens:")
        yield Block("rows", rows=tuple(_witness(result, known, without)), inner=True)


def _assumptions(names: Iterable[str], result: Result, known: Library) -> Iterator[Block]:
    design = known.designs[result.design]
    none = True
    for name in names:
        sentence = design.sentence_of(name)
        yield Block("text", f"It leans on the assumption {name}: {' '.join(sentence.split())}".rstrip(": "))
        none = False
    if none:
        yield Block("text", "It leans on no assumption about the environment.")


def needed(lemma: LemmaLine) -> str:
    """What a lemma is needed for."""
    uses = []
    if lemma.used_by:
        uses.append(f"for the claim {', '.join(lemma.used_by)}" if len(lemma.used_by) == 1 else f"for the claims {', '.join(lemma.used_by)}")
    if lemma.keeps:
        uses.append(f"so that the lemmas survive {', '.join(lemma.keeps)}")
    return f"needed {', and '.join(uses)}" if uses else ""


def _witness(result: Result, known: Library, without: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One line a step: who acts, and with which inputs."""
    for beat in story(result, known, without).beats:
        inputs = ", ".join(f"{value.name} {shown(value)}" for value in beat.inputs)
        yield f"{beat.number}  {beat.by}: {beat.action}", inputs or "-"


def _pinned(result: Result, pins: Pins) -> Iterator[Block]:
    pin = pins.get((result.design, result.configuration, result.claim))
    if pin is None:
        return
    if pin.text != verdict_text(result):
        yield Block("text", f"The pinned verdict is another: {pin.text}.")
    if pin.analysis and isinstance(result.verdict, Refuted):
        for number, paragraph in enumerate(pin.analysis.split("\n\n")):
            yield Block("text", ("Analysis: " if number == 0 else "") + " ".join(paragraph.split()))


def story(result: Result, known: Library, without: Sequence[str] = (), together: Sequence[str] = ()) -> Story:
    """The story of a result that has a run: a counterexample, or a run in which what is claimed happens.

    `together`: the refuted claims of the same design and configuration whose stories are told too.
    """
    from specproof.story.subject import Subject
    from specproof.story.tell import tell

    subject = Subject.of(known, result.design, result.configuration, result.claim, tuple(without))
    if isinstance(result.verdict, Refuted):
        return tell(subject, result.verdict.trace, shortest=result.verdict.shortest, together=together)
    if isinstance(result.verdict, Proved) and result.verdict.witness is not None:
        return tell(subject, shrunk(subject, result.verdict.witness), purpose="witness")
    raise ValueError(f"{result.claim} of {result.design} has no run")


def shrunk(subject: Subject, witness: Trace) -> Trace:
    """The run that comes with a proof, as it is told: that it reaches what it should is all that deciding asks of it."""
    reached = subject.prop if subject.claim.kind == "reachability" else subject.prop.happens
    return least(subject.system, reached, witness, wanted=True) if reached is not None else witness


def _counterexample(verdict: Refuted, result: Result, known: Library, without: Sequence[str]) -> list[Block]:
    if result.kind == "lemma":
        values = tuple((name, hexadecimal(value)) for name, value in verdict.trace.initial.items())
        return [Block("title", "These values refute it:"), Block("rows", rows=values, inner=True)]
    return blocks(story(result, known, without))


def hexadecimal(value: int) -> str:
    """A value of which nothing more is known."""
    return str(value) if value < 2 else f"{value:#x}"
