"""The commands `replay` and `simulate`. What is heavy is imported where it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from specproof.story.saved import Saved


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--model", metavar="FILE.py", help="The file of the design, where it is not one that ships.")
@click.option("--on", "design", metavar="DESIGN", help="Replay the same steps on another design.")
def replay(file: str, model: str | None, design: str | None) -> int:
    """Run a trace file again, on integers, against the current model.

    Each step is held against what the file recorded. Exit codes: 0 the run is as recorded, 1 it runs and the claim
    holds at its end, 2 it stops fitting at a step that is named, or the file is no trace.
    """
    from specproof.errors import InputError
    from specproof.load import library
    from specproof.story.again import again

    saved = _read(file)
    own = model or (saved.file if saved.file else None)
    if own and not Path(own).is_file():
        raise InputError(f"{file}: the design {saved.design} is in {own}, which is not there; say where it is with --model FILE.py")
    outcome = again(saved, library([own] if own else []), design=design or "")
    place = ", ".join(part for part in (design or saved.design, saved.configuration.replace("~", " against ")) if part)
    click.echo(f"{place}: {saved.claim}" if saved.claim else place)
    for line in outcome.lines:
        click.echo(f"  {line}")
    return outcome.code


@click.command()
@click.argument("target", metavar="DESIGN | FILE.py | FILE.py:DESIGN")
@click.option("--config", metavar="NAME", help="The configuration; the design's first if not given.")
@click.option("--without", multiple=True, metavar="ASSUMPTION", help="Switch an assumption off; may be repeated.")
@click.option("--with", "instead", multiple=True, metavar="ASSUMPTION", help="Switch an alternative on; see 'specproof list assumptions'.")
@click.option("--trace", metavar="FILE", help="Begin with the steps of a trace file.")
def simulate(target: str, config: str | None, without: tuple[str, ...], instead: tuple[str, ...], trace: str | None) -> int:
    """Take steps by hand: see the new state, undo, ask which claims hold, save the run.

    Type 'help' at the prompt; Tab completes the names of actions that can happen. Lines may also come from a
    file or a pipe.
    """
    from specproof.design import switched
    from specproof.load import library
    from specproof.plan import Request, files_of
    from specproof.plan import plan as planned
    from specproof.story.prompt import Dialogue, converse
    from specproof.story.simulate import Simulation
    from specproof.story.subject import NO_CLAIM, Subject

    known = library(files_of((target,)))
    changes = (*without, *(f"+{name}" for name in instead))
    units = [unit for unit in planned(known, Request((target,), (), config, changes)) if unit.kind == "configuration"]
    if not units:
        raise click.UsageError(f"{target}: there is nothing to simulate")
    design, configuration = known.design(units[0].design), units[0].configuration
    claims = known.asked_of(design.name)
    subject = Subject(known, design, configuration, NO_CLAIM, changes)
    simulation = Simulation(subject, claims)
    simulation.start({})
    if trace:
        saved = _read(trace)
        simulation.start({path: value for path, value in saved.initial.items() if path in simulation.system.variables})
        for name, inputs, _ in saved.steps:
            simulation.take(name, inputs)
    place = ", ".join(part for part in (design.name, configuration, switched(changes)) if part)
    click.echo(f"{place}. 'help' says what can be typed.")
    if not simulation.steps:
        click.echo(simulation.freedom())
    converse(Dialogue(simulation), click.echo, lambda text: click.echo(f"! {text}"))
    return 0


def _read(file: str) -> Saved:
    from specproof.errors import InputError
    from specproof.story.saved import read

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{file}: this trace file cannot be read: {reason}") from None
    return read(text, file)
