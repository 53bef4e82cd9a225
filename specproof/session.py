"""One run of `check` or `explain`: what was asked, the work, the answers, and what the exit code says of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import click

from specproof import pinned, report
from specproof.errors import UsageError
from specproof.jobs import Answer, Done, Perform, perform, run
from specproof.load import Library, library
from specproof.plan import Request, Unit, files_of, plan
from specproof.progress import Progress
from specproof.verdict import Refuted, Result, Unknown, Vacuous


@dataclass
class Session:
    """A request and what is known to answer it; `answers` once the work is done."""

    request: Request
    known: Library
    units: list[Unit]
    pins: pinned.Pins
    answers: list[Answer] = field(default_factory=list)
    work: Perform = perform

    @classmethod
    def open(
        cls, targets: tuple[str, ...], claims: tuple[str, ...], configuration: str | None, without: tuple[str, ...], timeout: float | None
    ) -> Session:
        """Loads and plans; whatever is wrong with the question is found here, before any work."""
        request = Request(targets, claims, configuration, without, timeout)
        known = library(files_of(targets))
        return cls(request, known, plan(known, request), pinned.read(pinned.table()))

    def check(self, jobs: int | None, paint: report.Paint) -> int:
        """Does the work, prints it, returns the exit code."""
        started = time.monotonic()
        terminal = sys.stdout.isatty()
        done = self._work(jobs, None if terminal else _say)
        differing = self.differences(done)
        if not terminal:
            click.echo("")
        for text in report.Matrix(self.known, self.answers, frozenset(one.key for one in differing), paint).lines():
            click.echo(text)
        for text in (*report.not_asked(self.answers, self.known), *(report.remarks(self.answers) if terminal else ())):
            click.echo(text)
        for text in report.changed(differing, self.request.without):
            click.echo(paint(text, "differs") if text.startswith("!") else text)
        listed = any(pinned.listed(self.known, answer) for answer in self.answers if isinstance(answer, Result))
        click.echo(report.counts(self.answers, len(differing), listed))
        click.echo(f"{time.monotonic() - started:.1f} s", err=True)
        return self._code(done, differing)

    def explain(self, jobs: int | None, paint: report.Paint, write: Callable[[Session], None] | None = None) -> int:
        """Does the work, prints each answer in full or gives all to `write`, returns the exit code."""
        from specproof.explain import explain

        done = self._work(jobs, None)
        if write is not None:
            write(self)
        for answer in self.answers if write is None else ():
            for text in explain(answer, self.known, self.pins, without=self.request.without, paint=paint):
                click.echo(text)
        return self._code(done, self.differences(done))

    def differences(self, done: Done) -> list[pinned.Difference]:
        """Where the answers are not as pinned. Pins that nothing answers count only where all was asked."""
        request = replace(self.request, claims=("cut short",)) if done.error or done.interrupted else self.request
        return pinned.differences(self.answers, self.pins, self.units, self.known, request)

    def _work(self, jobs: int | None, show: report.Show | None) -> Done:
        with Progress(self.units, show) as progress:
            done = run(self.units, self.known, jobs=jobs, on_answer=progress.answered, work=self.work)
        answers = done.complete(self.units, self.known)
        if done.error and not any(answers):
            raise UsageError(done.error)
        progress.rest(answers)
        self.answers = []
        for answer in (one for unit in answers for one in unit):
            if isinstance(answer, Result) or answer not in self.answers:
                self.answers.append(answer)
        return done

    def _code(self, done: Done, differing: Sequence[pinned.Difference]) -> int:
        results = [answer for answer in self.answers if isinstance(answer, Result)]
        if done.error:
            raise UsageError(done.error)
        if done.interrupted:
            click.echo("specproof: interrupted; what was decided by then is above", err=True)
            return 130
        if not results and not differing:
            raise UsageError("nothing was checked: the designs can express none of these claims")
        unpinned = [result for result in results if not pinned.listed(self.known, result)]
        if differing or any(isinstance(result.verdict, Refuted) for result in unpinned) or self._idle(unpinned):
            return 1
        return 3 if any(isinstance(result.verdict, Unknown) for result in results) else 0

    def _idle(self, results: Sequence[Result]) -> bool:
        """Whether a claim is vacuous in every configuration of a design: it says nothing, and must not pass for a proof."""
        by: dict[tuple[str, str], list[bool]] = {}
        for result in results:
            by.setdefault((result.design, result.claim), []).append(isinstance(result.verdict, Vacuous))
        return self.request.configuration is None and any(all(vacuous) for vacuous in by.values())


def _say(answer: Answer) -> None:
    """A line for a verdict; what is not asked is said once, at the end."""
    if isinstance(answer, Result):
        click.echo(report.line(answer))
