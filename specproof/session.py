"""One run of `check` or `explain`: what was asked, the work, the answers, and what the exit code says of them."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import click

from specproof import pinned, report
from specproof.errors import UsageError, did_you_mean, where
from specproof.jobs import Answer, Done, Perform, cores, perform, run
from specproof.load import Library, library
from specproof.plan import Request, Unit, files_of, plan
from specproof.progress import Estimate, Progress
from specproof.remember import Memory, Transcript
from specproof.verdict import NotAsked, Refuted, Result, Unknown, Vacuous


@dataclass(frozen=True)
class How:
    """Where the work is done, and what is to be seen of it. `scheduler`: the address of a cluster."""

    jobs: int | None = None
    scheduler: str | None = None
    quiet: bool = False
    live: bool = False


@dataclass
class Session:
    """A request and what is known to answer it; `answers` once the work is done."""

    request: Request
    known: Library
    units: list[Unit]
    answers: list[Answer] = field(default_factory=list)
    work: Perform = perform
    memory: Memory | None = None
    how: How = field(default_factory=How)
    said: list[str] = field(default_factory=list)

    @classmethod
    def open(
        cls, targets: tuple[str, ...], claims: tuple[str, ...], configuration: str | None, without: tuple[str, ...], timeout: float | None,
        how: How = How(), memory: Memory | None = None,
    ) -> Session:  # fmt: skip
        """Loads and plans; whatever is wrong with the question is found here, before any work.

        With a `memory` units are looked up there before they are decided.
        """
        request = Request(targets, claims, configuration, without, timeout)
        known = library(files_of(targets))
        units = plan(known, request)
        work = memory.work() if memory is not None else None
        memory = memory if work is not None else None
        return cls(request, known, units, work=work or perform, memory=memory, how=how)

    @cached_property
    def pins(self) -> pinned.Pins:
        """The verdicts that are expected; nobody waits for them before the first is there."""
        return pinned.read(pinned.table())

    def check(self, paint: report.Paint) -> int:
        """Does the work, prints it, returns the exit code."""
        started = time.monotonic()
        terminal = sys.stdout.isatty()
        lines = not (terminal or self.how.quiet)
        brief = not (self.request.targets or self.request.claims)
        show = self._say_live if self.how.live else self._say_line if lines and not brief else None
        done = self._work(show, self._say_unit if lines and brief and not self.how.live else None)
        differing = self.differences(done)
        if self.how.live:
            return self._ended(started, done, differing)
        if lines:
            self.say("")
        if not self.how.quiet:
            for text in report.Matrix(self.known, self.answers, frozenset(one.key for one in differing), paint).lines():
                self.say(text)
            reasons = () if brief else report.not_asked(self.answers, self.known)
            for text in (*reasons, *(report.remarks(self.answers, brief=brief) if terminal or brief else ())):
                self.say(text)
        for text in report.sanity(self.answers, all_=bool(self.request.targets) and not self.how.quiet):
            self.say(paint(text, "differs") if text.startswith("!") else text)
        for text in report.changed(differing, self.request.without):
            self.say(paint(text, "differs") if text.startswith("!") else text)
        if not (self.request.without or self.how.quiet or done.interrupted or done.error):
            from specproof.variant import compared

            for text in compared(self.answers, self.pins, self.known):
                self.say(text)
        listed = any(pinned.listed(self.known, answer) for answer in self.answers if isinstance(answer, Result))
        self.say(report.counts(self.answers, len(differing), listed))
        if not self.how.quiet:
            click.echo(took(time.monotonic() - started, len(done.cached), len(self.units)), err=True)
        code = self._code(done, differing)
        if self.memory is not None and code in (0, 1) and not any(done.ended):
            self.memory.keep(Transcript(self.said, len(self.units), code))
        return code

    def _ended(self, started: float, done: Done, differing: Sequence[pinned.Difference]) -> int:
        """The last line of `--live`."""
        from specproof.live import last

        code = self._code(done, differing)
        click.echo(last(self.answers, code, len(differing), time.monotonic() - started, len(done.cached), len(self.units)))
        return code

    def say(self, text: str) -> None:
        """A line on standard output."""
        self.said.append(text)
        click.echo(text)

    def _say_line(self, answer: Answer) -> None:
        """A line for a verdict; what is not asked is said once, at the end."""
        if isinstance(answer, Result):
            self.say(report.line(answer))

    def _say_unit(self, answers: Sequence[Answer]) -> None:
        """One entry for a design in a configuration, where everything is asked."""
        for text in report.unit(answers):
            self.say(text)

    def _say_live(self, answer: Answer) -> None:
        from specproof.live import line

        click.echo(line(answer, self.pins))

    def explain(self, paint: report.Paint, write: Callable[[Session], None] | None = None) -> int:
        """Does the work, prints each answer in full or gives all to `write`, returns the exit code."""
        from specproof.explain import explain

        done = self._work(None)
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

    def work_through(self) -> Done:
        """Does the work and prints none of it."""
        return self._work(None)

    def ask(self, units: Sequence[Unit]) -> Done:
        """Other units, done as this session does its own; what was asked and answered here stays."""
        return replace(self, units=list(units), answers=[])._work(None)

    def _work(self, show: report.Show | None, finished: Callable[[Sequence[Answer]], None] | None = None) -> Done:
        costs = self.memory.costs() if self.memory is not None else {}
        estimate = Estimate(self.units, costs, self.how.jobs or cores())
        with Progress(self.units, show, estimate, quiet=self.how.quiet, ordered=not self.how.live, finished=finished) as progress:
            done = run(
                self.units, self.known, jobs=self.how.jobs, scheduler=self.how.scheduler, on_answer=progress.answered, work=self.work
            )  # fmt: skip
        if self.memory is not None and len(done.cached) < len(self.units):
            self.memory.learn(estimate.took())
        answers = done.complete(self.units, self.known)
        if done.error and not any(isinstance(one, Result) for unit in answers for one in unit):
            raise UsageError(done.error)
        progress.rest(answers)
        self.answers = []
        skipped: set[NotAsked] = set()
        for answer in (one for unit in answers for one in unit):
            if isinstance(answer, Result) or answer not in skipped:
                self.answers.append(answer)
            if isinstance(answer, NotAsked):
                skipped.add(answer)
        return done

    def _code(self, done: Done, differing: Sequence[pinned.Difference]) -> int:
        results = [answer for answer in self.answers if isinstance(answer, Result)]
        if done.error:
            raise UsageError(done.error)
        if done.interrupted:
            click.echo("specproof: interrupted; what was decided by then is above", err=True)
            return 130
        if not results and not differing:
            raise UsageError(self._asked_of_none() or "nothing was checked: the designs can express none of these claims")
        if lost := self._asked_of_none():
            raise UsageError(lost)
        unpinned = [result for result in results if not pinned.listed(self.known, result)]
        if differing or any(isinstance(result.verdict, Refuted) for result in unpinned) or self._idle(unpinned):
            return 1
        return 3 if any(isinstance(result.verdict, Unknown) for result in results) else 0

    def _asked_of_none(self) -> str:
        """What is wrong with a claim of the user's own that none of the designs can express: most likely a misspelt view."""
        asked = {answer.claim for answer in self.answers if isinstance(answer, Result)}
        own = {name for names in self.known.claims_of.values() for name in names} - asked
        for answer in (one for one in self.answers if isinstance(one, NotAsked) and one.claim in own):
            if view := re.search(r"offers no view '(\w+)'", answer.reason):  # not one that the design says it lacks
                hint = did_you_mean(view[1], self.known.design(answer.design).views)
                return f"{where(self.known.claims[answer.claim].body)}: claim {answer.claim} was asked of no design: {answer.reason}; {hint}"
        return ""

    def _idle(self, results: Sequence[Result]) -> bool:
        """Whether a claim is vacuous in every configuration of a design: it says nothing, and must not pass for a proof."""
        by: dict[tuple[str, str], list[bool]] = {}
        for result in results:
            by.setdefault((result.design, result.claim), []).append(isinstance(result.verdict, Vacuous))
        return self.request.configuration is None and any(all(vacuous) for vacuous in by.values())


def took(seconds: float, cached: int, units: int) -> str:
    """The line on standard error: how long it took, and how much of it was known."""
    return (f"{cached} of {units} unit{'s' * (units != 1)} cached; " if cached else "") + f"{seconds:.1f} s"
