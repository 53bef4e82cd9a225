"""The command `fleet`."""

from __future__ import annotations

import json
import sys

import click


@click.command()
@click.argument("pool_file", metavar="POOL.toml")
@click.argument("policy_file", metavar="POLICY.toml")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds for each question to the solver.")
@click.option("--format", "form", type=click.Choice(("terminal", "text", "markdown", "json", "svg")), default="terminal", help="What to write.")
@click.option("--svg", metavar="FILE", help="Write the picture as well.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
def fleet(pool_file: str, policy_file: str, timeout: float | None, form: str, svg: str | None, output: str | None) -> int:
    """Whether every guest that starts on any type of host is protected on every other that it can be moved to.

    POOL.toml has a [[host]] for each type. Exit codes: 0 protected everywhere, 1 not everywhere, 2 bad usage,
    3 something is undecided.
    """
    from specproof.jsonout import Output
    from specproof.review.paper import folded
    from specproof.review.policy.draw import document, json_document, picture
    from specproof.review.policy.fleet import fleet as decided
    from specproof.review.policy.read import policy, pool
    from specproof.story.layout import MAIL, lines, markdown

    file = Output(output, "--output") if output is not None and output != "-" else None
    drawing = Output(svg, "--svg") if svg is not None else None
    found = decided(policy(policy_file), pool(pool_file), timeout)
    if form == "json":
        text = json.dumps(json_document(found), indent=1, ensure_ascii=False) + "\n"
    elif form == "svg":
        text = picture(found)
    elif form == "markdown":
        text = "\n".join(folded(markdown(document(found)), MAIL)) + "\n"
    elif form == "text":
        text = "\n".join(folded(lines(document(found), MAIL), MAIL)) + "\n"
    else:
        from specproof.cli import paint
        from specproof.report import plain

        colours = paint() if form == "terminal" and file is None and sys.stdout.isatty() else plain
        text = "\n".join(lines(document(found), 100, colours)) + "\n"
    if drawing is not None:
        drawing.text(picture(found))
    if file is not None:
        file.text(text)
    else:
        sys.stdout.write(text)
    return found.code
