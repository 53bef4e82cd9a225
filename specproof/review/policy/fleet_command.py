"""What the command `fleet` does."""

from __future__ import annotations

import json

from specproof.jsonout import Output
from specproof.review.policy.draw import document, json_document, picture
from specproof.review.policy.fleet import fleet
from specproof.review.policy.read import policy, pool
from specproof.story.layout import MAIL, folded, lines, markdown

#: The columns of a terminal.
TERMINAL = 100


def decided(
    pool_file: str, policy_file: str, timeout: float | None, form: str, svg: str | None, colours: bool, file: Output | None
) -> tuple[str, int]:
    """The matrix in a form, and the exit code; the picture goes to the file `svg`, if one is given. `file`: where the matrix will go."""
    drawing = Output(svg, "--svg", (pool_file, policy_file), file) if svg is not None else None
    found = fleet(policy(policy_file), pool(pool_file), timeout)
    if drawing is not None:
        drawing.text(picture(found))
    if form == "json":
        return json.dumps(json_document(found), indent=1, ensure_ascii=False) + "\n", found.code
    if form == "svg":
        return picture(found), found.code
    if form == "markdown":
        return "\n".join(folded(markdown(document(found)), MAIL)) + "\n", found.code
    if form == "text":
        return "\n".join(folded(lines(document(found), MAIL), MAIL)) + "\n", found.code
    from specproof.cli import paint
    from specproof.report import plain

    return "\n".join(lines(document(found, TERMINAL), TERMINAL, paint() if colours else plain)) + "\n", found.code
