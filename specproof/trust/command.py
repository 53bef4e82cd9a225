"""The commands `verify` and `export`. What is heavy is imported where it is used."""

from __future__ import annotations

from pathlib import Path

import click

WRONG, OPEN = 1, 3


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--solver", "name", default="z3", show_default=True, metavar="z3|cvc5|bitwuzla|PATH", help="Who is asked; a program is given a file.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds for each query.")
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
