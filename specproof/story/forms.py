"""The forms in which an answer can be shown to others, each from the same story."""

from __future__ import annotations

from collections.abc import Sequence

from specproof.errors import UsageError
from specproof.explain import prose, story
from specproof.load import LEMMAS, Library
from specproof.pinned import Pins
from specproof.report import Answer, place
from specproof.story.layout import MAIL, folded, lines, markdown
from specproof.story.saved import written
from specproof.story.subject import Subject
from specproof.story.vcd import vcd
from specproof.verdict import Proved, Refuted, Result

#: Forms that tell every answer, and forms that need one run.
WORDS, RUNS = ("text", "markdown"), ("json", "vcd", "selftest", "pytest")


def text(answers: Sequence[Answer], form: str, known: Library, pins: Pins, without: Sequence[str]) -> str:
    """The answers in a form, as the text of a file."""
    if form in WORDS:
        told = [prose(answer, known, pins, without=without) for answer in answers]
        laid = [markdown(blocks) if form == "markdown" else folded(lines(blocks, MAIL), MAIL) for blocks in told]
        return "\n\n".join("\n".join(one).strip("\n") for one in laid) + "\n"
    result = chosen(answers)
    found = story(result, known, without)
    if form == "json":
        return written(found)
    if form == "vcd":
        return vcd(found)
    if form == "pytest":
        if not isinstance(result.verdict, Refuted):
            where = place(result.design, result.configuration)
            raise UsageError(f"{where}: {result.claim} is {result.verdict.word}; --emit pytest writes a run that refutes a claim as a test")
        from specproof.story.emit_pytest import test

        return test(found)
    from specproof.story.emit_selftest import program

    return program(found, Subject.of(known, result.design, result.configuration, result.claim, tuple(without)))


def chosen(answers: Sequence[Answer]) -> Result:
    """The answer whose run is meant: the first that is refuted, else the first with a run."""
    results = [answer for answer in answers if isinstance(answer, Result) and answer.design != LEMMAS]
    for wanted in (Refuted, Proved):
        for result in results:
            if isinstance(result.verdict, wanted) and (isinstance(result.verdict, Refuted) or result.verdict.witness is not None):
                return result
    said = "; ".join(f"{place(one.design, one.configuration)}: {one.claim} is {one.verdict.word}" for one in results)
    raise UsageError(f"there is no run to write: {said or 'nothing was asked of a design'}")
