"""What is to be seen while claims are decided: a bar on a terminal, elsewhere a line a verdict in the final order."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from specproof.plan import Unit
from specproof.report import Answer, Show
from specproof.verdict import NotAsked, Result

#: Units that must be done before the others are guessed to be like them.
ENOUGH = 5


class Estimate:
    """How long the rest will take: from what each unit took when it was last decided, at the speed of this run."""

    def __init__(self, units: Sequence[Unit], costs: Mapping[str, float], workers: int) -> None:
        """`costs`: seconds by the title of a unit, as far as they are known."""
        self.units, self.costs, self.workers = units, costs, max(1, workers)
        self.answers: list[dict[str, float]] = [{} for _ in units]

    def answered(self, index: int, answer: Answer) -> None:
        """One answer of the unit `index`."""
        self.answers[index][answer.claim] = answer.seconds if isinstance(answer, Result) else 0.0

    def took(self) -> dict[str, float]:
        """What the units that are done took."""
        pairs = zip(self.units, self.answers, strict=True)
        return {key_of(unit): max(seconds.values()) for unit, seconds in pairs if len(seconds) == len(unit.claims)}

    def left(self) -> float | None:
        """Seconds; None where nothing is known yet of some unit that waits, and too few are done to guess by."""
        took = self.took()
        known = [title for title in took if title in self.costs]
        before = sum(self.costs[title] for title in known)
        speed = sum(took[title] for title in known) / before if before > 0 else 1.0
        usual = sum(took.values()) / len(took) if len(took) >= ENOUGH else None
        waiting = []
        for unit, seconds in zip(self.units, self.answers, strict=True):
            if len(seconds) < len(unit.claims):
                cost = self.costs.get(key_of(unit))
                if cost is None and usual is None:
                    return None
                waiting.append(cost * speed if cost is not None else usual or 0.0)
        return max(sum(waiting) / self.workers, *waiting) if waiting else 0.0

    @property
    def text(self) -> str:
        """`about 20 s left`, no more exact than it is; nothing where there is no telling, or it is about over."""
        left = self.left()
        if left is None or left < 1:
            return ""
        step = 1 if left < 10 else 5 if left < 60 else 30
        return f"about {math.ceil(left / step) * step} s left"


def key_of(unit: Unit) -> str:
    """What a unit's cost is known by."""
    return f"{unit.kind} {unit.title} {unit.claims[0] if len(unit.claims) == 1 else len(unit.claims)}"


def bar() -> Any:
    """rich's bar on standard error, which is gone when it stops; its tasks have a field `left`, a text."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    return Bar(*columns, console=Console(stderr=True), transient=True)


class Progress:
    """Collects answers as they come. `show` gets each once all before it have been shown, so the order is always the same."""

    def __init__(
        self, units: Sequence[Unit], show: Show | None, estimate: Estimate | None = None, *, quiet: bool = False, ordered: bool = True,
        finished: Callable[[Sequence[Answer]], None] | None = None,
    ) -> None:  # fmt: skip
        """With `show` None nothing is printed but the bar, and that on a terminal only; with `quiet` not even that.

        Not `ordered`: each answer is shown when it comes. `finished` gets the answers of each unit, in the units' order.
        """
        self.units, self.show, self.estimate, self.quiet, self.ordered = units, show, estimate, quiet, ordered
        self.waiting: dict[tuple[int, str], Answer] = {}
        self.order = [(index, claim) for index, unit in enumerate(units) for claim in unit.claims]
        self.shown = 0
        self.early: set[tuple[int, str]] = set()
        self.skipped: set[NotAsked] = set()
        self.finished = finished
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Self:
        if not self.quiet and sys.stdout.isatty() and sys.stderr.isatty():
            self.bar = bar()
            self.task = self.bar.add_task(self.units[0].title, total=len(self.order), left="")
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()

    def answered(self, index: int, answer: Answer) -> None:
        """One answer of the unit `index`."""
        self.waiting[index, answer.claim] = answer
        if self.estimate is not None:
            self.estimate.answered(index, answer)
        if self.bar is not None:
            left = self.estimate.text if self.estimate is not None else ""
            self.bar.update(self.task, advance=1, description=self.units[index].title, left=left)
        if not self.ordered:
            self._show(answer)
            self.early.add((index, answer.claim))
        while self.ordered and self.shown < len(self.order) and self.order[self.shown] in self.waiting:
            self._show(self.waiting[self.order[self.shown]])
            self.shown += 1
            self._finish(self.order[self.shown - 1][0], self.waiting)

    def rest(self, answers: Sequence[Sequence[Answer]]) -> None:
        """What has not been shown yet, after the work has ended for whatever reason."""
        final = {(index, answer.claim): answer for index, unit in enumerate(answers) for answer in unit}
        for key in self.order[self.shown :]:
            if key in final and key not in self.early:
                self._show(final[key])
            self.shown += 1
            self._finish(key[0], final)

    def _finish(self, index: int, answers: Mapping[tuple[int, str], Answer]) -> None:
        """Tells of a unit whose last answer was shown."""
        if self.finished is None or (self.shown < len(self.order) and self.order[self.shown][0] == index):
            return
        mine = [answers[index, claim] for claim in self.units[index].claims if (index, claim) in answers]
        if mine:
            self.finished(mine)

    def _show(self, answer: Answer) -> None:
        if isinstance(answer, NotAsked):
            if answer in self.skipped:
                return
            self.skipped.add(answer)
        if self.show is not None:
            self.show(answer)
