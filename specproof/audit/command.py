"""`specproof check --assumptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from specproof.remember import Memory


def incompatible(options: Mapping[str, object]) -> None:
    """UsageError where an option was given that an audit has no use for."""
    from specproof.errors import UsageError

    for name, value in options.items():
        if value:
            raise UsageError(f"--assumptions asks what each assumption is good for: leave out {name}")


def audit(
    targets: tuple[str, ...], claims: tuple[str, ...], configuration: str | None, timeout: float | None,
    how: tuple[int | None, str | None, bool], output: str | None, memory: Memory | None,
) -> int:  # fmt: skip
    """Asks, prints the table, writes the JSON; the exit code.

    0 if all was decided and every verdict is as pinned, 1 if one differs, 3 if something was left open.
    """
    from specproof.audit.jsonform import document
    from specproof.audit.run import Audit
    from specproof.audit.table import lines
    from specproof.errors import UsageError
    from specproof.jsonout import Output
    from specproof.report import changed
    from specproof.session import How, Session
    from specproof.verdict import Unknown

    file = Output(output, reads=targets) if output is not None else None
    session = Session.open(targets, claims, configuration, (), timeout, How(*how), memory)
    base = session.work_through()
    if base.error:
        raise UsageError(base.error)
    found = Audit(session.known, session.units, session.ask, interrupted=base.interrupted)
    found.run(base)
    differing = session.differences(base)
    for text in (*lines(found.findings, found.disputed, session.known), *changed(differing, ())):
        click.echo(text)
    left_open = sum(one.undecided or isinstance(one.result.verdict, Unknown) for one in found.findings)
    proved = [one for one in found.findings if one.result.verdict.word == "proved"]
    bare = sum(one.least == ((),) for one in proved)
    refuted = [one for one in found.findings if one.result.verdict.word == "refuted"]
    saved = sum(bool(one.saved_by) for one in refuted)
    click.echo(f"{len(proved)} proved, {bare} of them under no assumption; {len(refuted)} refuted, {saved} of them saved by an alternative; "
               f"{left_open} left open")  # fmt: skip
    if file is not None:
        file.write(document(found.findings, found.disputed))
    if found.interrupted:
        click.echo("specproof: interrupted; what was decided by then is above", err=True)
        return 130
    if not found.findings:
        raise UsageError("nothing was checked: the designs can express none of these claims")
    return 1 if differing else 3 if left_open else 0
