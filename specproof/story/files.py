"""What `explain` writes besides its terminal form."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from specproof.errors import UsageError
from specproof.jsonout import Output

if TYPE_CHECKING:
    from specproof.session import Session


class Writer:
    """One form to standard output or a file, and the page; files are found unwritable before any work is done."""

    def __init__(self, form: str | None, output: str | None, html: str | None, induction: bool, reads: Sequence[str] = ()) -> None:
        """`form`: as in forms.py; None for none. `reads`: files that are not to be overwritten."""
        if output is not None and form is None:
            raise UsageError(f"--output {output}: there is nothing to write; add --format or --emit")
        if induction and form is not None:
            raise UsageError("--induction is told on the terminal; leave out --format and --emit")
        self.form, self.induction = form, induction
        self.output = Output(output, "--output", reads) if output not in (None, "-") else None
        self.html = Output(html, "--html", reads, self.output) if html is not None else None

    @property
    def wanted(self) -> bool:
        return self.form is not None or self.html is not None or self.induction

    def write(self, session: Session) -> None:
        """Writes what was asked for, of the session's answers."""
        from specproof.story.forms import text

        without = session.request.without
        if self.html is not None:
            from specproof.story.page import page

            self.html.text(page(session.answers, session.pins, session.known, without))
        if self.induction:
            from specproof.story.induction import induction

            sys.stdout.write("\n".join(line for answer in session.answers for line in induction(answer, session.known, without)) + "\n")
        if self.form is None:
            return
        written = text(session.answers, self.form, session.known, session.pins, without)
        if self.output is not None:
            self.output.text(written)
        else:
            sys.stdout.write(written)
