"""The commands `verify` and `export`. What is heavy is imported where it is used."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from specproof.cli_seconds import Seconds

WRONG, OPEN = 1, 3


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--solver", "name", default="z3", show_default=True, metavar="z3|cvc5|bitwuzla|PATH", help="Who is asked; a program is given a file.")
@click.option("--timeout", type=Seconds(), metavar="S", help="Seconds for each query.")
def verify(directory: Path, name: str, timeout: float | None) -> int:
    """Re-check certificates that 'check --certificates DIR' wrote.

    Every obligation is generated again from the certificate's own machine and lemmas, held against its file, and
    put to the solver; every run is executed on integers. Nothing of a model is loaded and nothing is searched for.
    Exit codes: 0 all of it holds, 1 something does not, or was tampered with, 3 the solver left something open.
    """
    from specproof.trust.prose import summary
    from specproof.trust.solvers import solver
    from specproof.trust.verify import verify as check

    other = solver(name, timeout)
    found = check(directory, other.ask)
    for design, configuration, claim, verdict, assumptions in found.accepted:
        under = f"  under {', '.join(assumptions)}" if assumptions else ""
        click.echo(f"{verdict:8} {' '.join(part for part in (design, configuration) if part)}  {claim}{under}")
    for text in found.wrong:
        click.echo(f"WRONG    {text}")
    for text in found.open:
        click.echo(f"open     {text}")
    words = [verdict for _, _, _, verdict, _ in found.accepted]
    counts = summary({word: words.count(word) for word in ("proved", "refuted", "vacuous")})
    said = f"{counts}; {found.queries} queries answered by {other.name}, {found.runs} runs replayed"
    click.echo(f"{said}; {len(found.wrong)} wrong, {len(found.open)} open" if found.wrong or found.open else f"all certificates hold: {said}")
    return WRONG if found.wrong else OPEN if found.open else 0


@click.command()
@click.argument("design", metavar="DESIGN | FILE.py | FILE.py:DESIGN")
@click.option(
    "--format", "form", required=True, type=click.Choice(["btor2", "aiger", "aag", "horn"]), help="aag is AIGER as text, horn SMT-LIB's HORN."
)
@click.option("--claim", "claims", multiple=True, metavar="NAME", help="A claim by name or id, with what it can depend on; may be repeated.")
@click.option("--config", metavar="NAME", help="One configuration, or LEFT~RIGHT for relations; all at once if not given.")
@click.option("--without", multiple=True, metavar="ASSUMPTION", help="Switch an assumption off; may be repeated.")
@click.option("--with", "instead", multiple=True, metavar="ASSUMPTION", help="Switch an alternative on; may be repeated.")
@click.option("-o", "--output", metavar="FILE", help="Where it is written; standard output if not given.")
def export(
    design: str, form: str, claims: tuple[str, ...], config: str | None, without: tuple[str, ...], instead: tuple[str, ...], output: str | None
) -> int:
    """Write a whole design for other model checkers: what must never happen is what violates a claim.

    All claims that the design can express, or those that are named. A claim that is proved is one whose 'bad'
    (BTOR2) or output (AIGER) never rises; HORN is satisfiable if all of them hold.
    """
    from specproof.errors import UsageError
    from specproof.jsonout import Output
    from specproof.load import LEMMAS, library
    from specproof.plan import chosen, files_of
    from specproof.trust.export import export as made

    file = Output(output, "-o", (design,)) if output not in (None, "-") else None
    if file is None and form == "aiger" and sys.stdout.isatty():
        raise UsageError("AIGER's binary form is not for a terminal: write -o FILE, or --format aag")
    known = library(files_of((design,)))
    found = chosen(known, (design,))
    if len(found) != 1 or found == [LEMMAS]:
        said = "lemmas have no runs" if found == [LEMMAS] else f"{design} has several designs"
        hint = "a design" if found == [LEMMAS] else f"one, as in {design}:{found[0]}"
        raise UsageError(f"{said}, and a file holds one system: name {hint}")
    system = made(known, found[0], config, claims, (*without, *(f"+{name}" for name in instead)))
    content = system.write(form)
    if file is not None:
        file.data(content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    counted = ((len(system.properties), "claim"), (len(system.system.actions), "action"), (len(system.system.variables), "field"))
    said = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counted)
    click.echo(f"{said}; {len(system.left_out)} not asked", err=True)
    return 0
