"""The command `mutate`. What is heavy is imported where it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from specproof.cli_seconds import Seconds

if TYPE_CHECKING:
    from specproof.mutate.campaign import Fate, Request

SURVIVOR, OPEN, INTERRUPTED = 1, 3, 130


def _list_operators(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from specproof.mutate.tamper import OPERATORS

        for name, text in OPERATORS.items():
            click.echo(f"{name:20} {text}")
        context.exit()


@click.command()
@click.argument("target", metavar="DESIGN | FILE.py | FILE.py:DESIGN")
@click.option("--list-operators", is_flag=True, is_eager=True, expose_value=False, callback=_list_operators, help="Say what each does.")
@click.option("--operators", metavar="A,B", help="Only these operators; see --list-operators.")
@click.option("--order", type=click.IntRange(1, 2), default=1, show_default=True, help="Wrong operations in a mutant: one, or two at once.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Draw so many of the places; --order 2 needs it.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Which sample is drawn.")
@click.option("--claim", "claims", multiple=True, metavar="NAME", help="Only this claim may kill, by name or id; may be repeated.")
@click.option("--action", "actions", multiple=True, metavar="NAME", help="Only mutants of this action; may be repeated.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes; as many as there are cores if not given.")
@click.option("--timeout", type=Seconds(), metavar="S", help="Seconds for a mutant, then its fate is unknown.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "output", metavar="FILE", help="Write every fate to a file as well; the schema is specproof/schema/mutate.json.")
def mutate(
    target: str, operators: str | None, order: int, sample: int | None, seed: int, claims: tuple[str, ...], actions: tuple[str, ...],
    jobs: int | None, timeout: float | None, quiet: bool, output: str | None,
) -> int:  # fmt: skip
    """Whether any claim notices when one operation of an action is wrong.

    Builds every action of a design again with one operation wrong, and asks the claims that hold of the design. A
    mutant is killed by a run, replayed on integers, that breaks one of them; it is equivalent where the engine proves
    that no view tells it from the design. Any other survives: a claim is missing, and which view differs is shown.

    Exit codes: 0 no mutant survived, 1 one did, 2 bad usage, 3 none did and some are undecided, 130 interrupted; what
    was decided by then is shown, and in the JSON file, the others as unknown.
    """
    from specproof.errors import UsageError
    from specproof.jsonout import Output
    from specproof.mutate.campaign import Request, run
    from specproof.mutate.report import document, summary

    if order == 2 and sample is None:
        raise UsageError("--order 2 has too many mutants to decide them all; say how many to draw with --sample N")
    file = Output(output, reads=(target,)) if output is not None else None
    design, files = _design(target)
    chosen = tuple(name.strip() for name in operators.split(",")) if operators is not None else ()
    request = Request(design, files, chosen, order, sample, seed, actions, claims, timeout)
    with _progress(request, quiet) as on_fate:
        outcome = run(request, jobs, on_fate)
    for line in summary(request, outcome.fates):
        click.echo(line)
    if file is not None:
        file.write(document(request, outcome.fates))
    if outcome.interrupted:
        click.echo("specproof: interrupted", err=True)
        return INTERRUPTED
    found = {fate.status for fate in outcome.fates}
    return SURVIVOR if "survived" in found else OPEN if "unknown" in found else 0


def _design(target: str) -> tuple[str, tuple[str, ...]]:
    """The one design that a target names, and its file."""
    from specproof.errors import UsageError
    from specproof.load import LEMMAS, library
    from specproof.plan import chosen, files_of

    files = files_of((target,))
    names = chosen(library(files), (target,))
    if names == [LEMMAS]:
        raise UsageError(f"{LEMMAS} has no actions that could be wrong; name a design, see 'specproof list designs'")
    if not names:
        raise UsageError(f"{target} has no design")
    if len(names) > 1:
        raise UsageError(f"{target} has {len(names)} designs ({', '.join(names)}); name one, as in {target}:{names[0]}")
    return names[0], files


class _progress:
    """A bar on a terminal, elsewhere a line now and then; both on standard error."""

    def __init__(self, request: Request, quiet: bool) -> None:
        self.request, self.quiet = request, quiet
        self.bar: Any = None
        self.task: Any = None
        self.told = 0

    def __enter__(self) -> Callable[[int, int, Fate], None]:
        return (lambda done, all_, fate: None) if self.quiet else self.on_fate

    def on_fate(self, done: int, all_: int, fate: Fate) -> None:
        """One more mutant is decided."""
        if sys.stderr.isatty():
            if self.bar is None:
                from specproof.progress import bar

                self.bar = bar()
                self.task = self.bar.add_task(self.request.design, total=all_, left="")
                self.bar.start()
            self.bar.update(self.task, completed=done)
        elif done * 10 // all_ > self.told:
            self.told = done * 10 // all_
            click.echo(f"{self.request.design}: {done} of {all_} mutants", err=True)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
