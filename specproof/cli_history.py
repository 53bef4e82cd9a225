"""`specproof history`: bugs that really happened, each refuted by the claim that it broke, and its correction not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from specproof.history import Bug, Omitted
    from specproof.load import Library
    from specproof.verdict import Verdict


@dataclass(frozen=True)
class Told:
    """A bug and what was found: the verdicts with it and without, and the length of the shortest run."""

    bug: Bug
    broken: str
    steps: int | None
    fixed: str

    @property
    def as_told(self) -> bool:
        """The claim is refuted with the bug, by a run no longer than its trigger needs, and holds without.

        It holds vacuously where the correction is that what the claim speaks of is not done at all.
        """
        return self.fixed in ("proved", "vacuous") and self.steps is not None and self.steps <= self.bug.steps


def history_of(modules: Sequence[Any]) -> tuple[list[Bug], list[Omitted]]:
    """The bugs of some modules of proofs/ by id, and those that the designs cannot express."""
    bugs = [bug for module in modules for bug in getattr(module, "BUGS", ())]
    told = {bug.id for bug in bugs}
    omitted = [one for module in modules for one in getattr(module, "OMITTED", ()) if one.id not in told]
    return sorted(bugs, key=lambda bug: (bug.id[0], int(bug.id[1:]), bug.variant.name)), sorted(omitted, key=lambda one: one.id)


def tell(bug: Bug, known: Library) -> Told:
    """Decides the bug's claim of the design that has it and of the corrected one."""
    from specproof.verdict import Refuted

    broken, fixed = (_verdict(design, bug, known) for design in (bug.variant, bug.fixed))
    steps = len(broken.trace.steps) if isinstance(broken, Refuted) else None
    return Told(bug, _word(broken), steps, _word(fixed))


def _verdict(design: Any, bug: Bug, known: Library) -> Verdict | str:
    from specproof.decide import decide
    from specproof.verdict import NotAsked

    configuration = bug.configuration if bug.configuration in design.settings else ""
    answer = decide(design, configuration, [known.claim(bug.claim)])[0]
    return "not asked" if isinstance(answer, NotAsked) else answer.verdict


def _word(verdict: Verdict | str) -> str:
    return verdict if isinstance(verdict, str) else type(verdict).__name__.lower()


def _modules() -> list[Any]:
    import importlib
    import pkgutil

    import specproof.proofs

    names = sorted(found.name for found in pkgutil.iter_modules(specproof.proofs.__path__) if found.name.startswith("history"))
    return [importlib.import_module(f"specproof.proofs.{name}") for name in names]


def _say(texts: Sequence[str]) -> None:
    """What a row of the table is about, under it."""
    from specproof.report import wrapped

    for text in texts:
        for line in wrapped(text, " " * 5):
            click.echo(line)


@click.command()
@click.argument("ids", nargs=-1)
def history(ids: tuple[str, ...]) -> int:
    """Show that bugs of the past would have been found.

    Each is a variant of a design with the old code put back. The claim that it broke must be refuted of the
    variant, by a run no longer than the bug's trigger needs, and hold of the corrected design. A bug that is
    still there has the design that ships as its variant. IDS: K01, R02, ...; all if none is given.
    """
    from specproof.errors import UsageError, did_you_mean
    from specproof.load import library

    bugs, omitted = history_of(_modules())
    names = [*(bug.id for bug in bugs), *(one.id for one in omitted)]
    for name in ids:
        if name not in names:
            raise UsageError(f"there is no bug {name!r}; {did_you_mean(name, names)}")
    known = library()
    wrong = 0
    claims = max(len(bug.claim) for bug in bugs)
    click.echo(f"{'bug':4} {'year':4}  {'claim':{claims}}  {'with it':12} {'without':8}  status")
    for bug in bugs:
        if ids and bug.id not in ids:
            continue
        told = tell(bug, known)
        wrong += not told.as_told
        found = f"{told.broken} {told.steps}" if told.steps is not None else told.broken
        click.echo(f"{bug.id:4} {bug.year:4}  {bug.claim:{claims}}  {found:12} {told.fixed:8}  {bug.status}")
        texts = [f"{bug.title}. {bug.source}."]
        if not told.as_told:
            texts.append(f"! expected: refuted in at most {bug.steps} steps, and not refuted without")
        _say(texts)
    for one in omitted:
        if not ids or one.id in ids:
            click.echo(f"{one.id:4}       not expressed")
            _say([f"{one.title}: {one.reason}."])
    return 1 if wrong else 0
