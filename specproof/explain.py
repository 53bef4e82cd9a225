"""One verdict in full, on a terminal: a proof as its lemmas and what each is needed for, a counterexample as its story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from specproof.load import Library
from specproof.pinned import Pins
from specproof.pinned import text as verdict_text
from specproof.registers import Registers
from specproof.report import WIDTH, Answer, Paint, place, plain, wrapped
from specproof.story.blocks import blocks
from specproof.story.layout import lines, rows
from specproof.story.model import Story
from specproof.verdict import LemmaLine, NotAsked, Proved, Refuted, Result

__all__ = ["Registers", "explain", "hexadecimal", "story"]

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
        found += _counterexample(answer.verdict, answer, known, without, paint)
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
        found += lines(blocks(story(result, known, without)), WIDTH)
    elif verdict.witness is not None and verdict.witness.steps:
        found += ["", f"{_STEP}A run in which what it speaks of happens:", *rows(_witness(result, known, without), WIDTH, _BODY)]
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
    said = wrapped(lemma.sentence, blank + "  ") if lemma.sentence else []
    return [*wrapped(lemma.equation, first, blank + "  "), *said, *(wrapped(f"needed {', and '.join(uses)}", blank + "  ") if uses else [])]


def _witness(result: Result, known: Library, without: Sequence[str]) -> list[tuple[str, str]]:
    """One line a step: who acts, and with which inputs."""
    from specproof.story.model import shown

    found = []
    for beat in story(result, known, without).beats:
        inputs = ", ".join(f"{value.name} {shown(value)}" for value in beat.inputs)
        found.append((f"{beat.number}  {beat.by}: {beat.action}", inputs or "-"))
    return found


def _pinned(result: Result, pins: Pins) -> list[str]:
    pin = pins.get((result.design, result.configuration, result.claim))
    if pin is None:
        return []
    found = [] if pin.text == verdict_text(result) else ["", *wrapped(f"The pinned verdict is another: {pin.text}.", _STEP)]
    if pin.analysis and isinstance(result.verdict, Refuted):
        for number, paragraph in enumerate(pin.analysis.split("\n\n")):
            found += ["", *wrapped(" ".join(paragraph.split()), f"{_STEP}Analysis: " if number == 0 else _STEP, _STEP)]
    return found


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
        return tell(subject, result.verdict.witness, purpose="witness")
    raise ValueError(f"{result.claim} of {result.design} has no run")


def _counterexample(verdict: Refuted, result: Result, known: Library, without: Sequence[str], paint: Paint) -> list[str]:
    if result.kind == "lemma":
        return ["", *rows([(name, hexadecimal(value)) for name, value in verdict.trace.initial.items()], WIDTH, _BODY)]
    return lines(blocks(story(result, known, without)), WIDTH, paint)


def hexadecimal(value: int) -> str:
    """A value of which nothing more is known."""
    return str(value) if value < 2 else f"{value:#x}"
