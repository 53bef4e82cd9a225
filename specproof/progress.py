"""What is to be seen while claims are decided: a bar on a terminal, elsewhere a line a verdict in the final order."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from specproof.plan import Unit
from specproof.report import Answer, Show
from specproof.verdict import NotAsked


class Progress:
    """Collects answers as they come. `show` gets each once all before it have been shown, so the order is always the same."""

    def __init__(self, units: Sequence[Unit], show: Show | None) -> None:
        """With `show` None nothing is printed but the bar, and that on a terminal only."""
        self.units, self.show = units, show
        self.waiting: dict[tuple[int, str], Answer] = {}
        self.order = [(index, claim) for index, unit in enumerate(units) for claim in unit.claims]
        self.shown = 0
        self.skipped: set[NotAsked] = set()
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.units[0].title, total=len(self.order))
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()

    def answered(self, index: int, answer: Answer) -> None:
        """One answer of the unit `index`."""
        self.waiting[index, answer.claim] = answer
        if self.bar is not None:
            self.bar.update(self.task, advance=1, description=self.units[index].title)
        while self.shown < len(self.order) and self.order[self.shown] in self.waiting:
            self._show(self.waiting[self.order[self.shown]])
            self.shown += 1

    def rest(self, answers: Sequence[Sequence[Answer]]) -> None:
        """What has not been shown yet, after the work has ended for whatever reason."""
        final = {(index, answer.claim): answer for index, unit in enumerate(answers) for answer in unit}
        for key in self.order[self.shown :]:
            if key in final:
                self._show(final[key])
        self.shown = len(self.order)

    def _show(self, answer: Answer) -> None:
        if isinstance(answer, NotAsked):
            if answer in self.skipped:
                return
            self.skipped.add(answer)
        if self.show is not None:
            self.show(answer)
