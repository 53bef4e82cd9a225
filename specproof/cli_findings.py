"""`specproof findings`: the page of what is refuted of designs that were posted or ship, with the runs as they come out now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from specproof.history import Repair
    from specproof.load import Library
    from specproof.pinned import Pins
    from specproof.plan import Key
    from specproof.report import Answer


@click.command()
@click.option("-o", "--output", metavar="FILE", help="Write the page there instead of printing it.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes; as many as there are cores if not given.")
@click.option("--no-cache", is_flag=True, help="Decide everything anew, and keep nothing of it.")
def findings(output: str | None, jobs: int | None, no_cache: bool) -> int:
    """Print what is refuted of designs that were posted or ship, by cause, the most serious first.

    Each cause has its claims, a run, the lines at fault, what it leans on, how sure it is, and what was not
    verified. The runs are decided now; 1 if one is not as pinned, and then nothing is written.
    """
    from specproof.jsonout import Output

    file = Output(output, "--output") if output not in (None, "-") else None
    text, wrong = page(jobs, cached=not no_cache)
    for line in wrong:
        click.echo(f"! {line}", err=True)
    if wrong:
        return 1
    if file is not None:
        file.text(text)
    else:
        click.echo(text, nl=False)
    return 0


def page(jobs: int | None, cached: bool) -> tuple[str, list[str]]:
    """The page, and what does not come out as pinned."""
    from specproof import pinned
    from specproof.errors import UsageError
    from specproof.findings import document, wanted
    from specproof.findings import findings as of
    from specproof.jobs import perform, run
    from specproof.load import library
    from specproof.plan import Request, plan
    from specproof.progress import Progress
    from specproof.remember import Memory

    known, pins, causes = library(), pinned.read(pinned.table()), pinned.causes(pinned.table()).values()
    units = wanted(of(pins.values(), causes), plan(known, Request()))
    work = Memory((), None).work() if cached else None
    with Progress(units, None) as progress:
        done = run(units, known, jobs=jobs, on_answer=progress.answered, work=work or perform)
    if done.interrupted:
        raise KeyboardInterrupt
    if done.error:
        raise UsageError(done.error)
    runs, wrong = _runs([one for unit in done.complete(units, known) for one in unit], pins, known)
    return document(of(pins.values(), causes, repairs(), runs), known), wrong


def _runs(answers: Iterable[Answer], pins: Pins, known: Library) -> tuple[dict[Key, str], list[str]]:
    """The runs by what they refute, and a line for each answer that is not as pinned."""
    from specproof.findings import run_text
    from specproof.pinned import text
    from specproof.registers import Registers
    from specproof.story.subject import built
    from specproof.verdict import NotAsked, Refuted

    runs: dict[Key, str] = {}
    wrong = []
    for answer in answers:
        if isinstance(answer, NotAsked):
            wrong.append(f"{answer.design}: {answer.claim}: not asked: {answer.reason}")
            continue
        key = (answer.design, answer.configuration, answer.claim)
        if isinstance(answer.verdict, Refuted) and text(answer) == pins[key].text:
            runs[key] = run_text(answer.verdict.trace, Registers(built(known.design(answer.design), answer.configuration, ())))
        else:
            wrong.append(f"{', '.join(part for part in key if part)}: {text(answer)}; pinned: {pins[key].text}")
    return runs, wrong


def repairs() -> list[Repair]:
    """What proofs/ knows to repair findings."""
    import importlib
    import pkgutil

    import specproof.proofs

    names = sorted(found.name for found in pkgutil.iter_modules(specproof.proofs.__path__) if found.name.startswith("repairs"))
    return [repair for name in names for repair in importlib.import_module(f"specproof.proofs.{name}").REPAIRS]
