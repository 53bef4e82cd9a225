"""What `specproof review --policy` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from specproof.errors import UsageError
from specproof.review.policy.carry import carried
from specproof.review.policy.cases import cases
from specproof.review.policy.compare import PolicyReview, compare, line
from specproof.review.policy.paper import document, json_document
from specproof.review.policy.read import policy, pool
from specproof.review.sides import of_target
from specproof.story.blocks import Block


def reviewed(targets: Sequence[str], design: str | None, hosts: str | None, timeout: float | None, form: str, colours: bool) -> tuple[str, int]:
    """The report in a form, and the exit code."""
    if len(targets) != 2:
        raise UsageError(f"two policy files were expected, OLD.toml and NEW.toml, not {len(targets)}")
    old, new = (policy(target) for target in targets)
    found = compare(old, new, pool(hosts) if hosts else (), timeout)
    if design:
        found = replace(found, carried=tuple(carried(new, of_target(design), timeout)))
    return written(found, form, colours), found.code


def written(found: PolicyReview, form: str, colours: bool = False) -> str:
    """The review in a form, as the text of a file."""
    from specproof.review import junit, sarif
    from specproof.story.layout import MAIL, folded, lines, markdown

    if form == "json":
        return json.dumps(json_document(found), indent=1, ensure_ascii=False) + "\n"
    if form in ("sarif", "junit"):
        write = sarif.text if form == "sarif" else junit.text
        return write([cases(found)], lambda _: line(found))
    told = document(found)
    if form == "markdown":
        return "\n".join(folded(markdown(told), MAIL)) + "\n"
    if form == "html":
        return _page(found, told)
    from specproof.cli import paint
    from specproof.report import plain

    if form == "text":
        return "\n".join(folded(lines(told, MAIL), MAIL)) + "\n"
    return "\n".join(lines(told, 100, paint() if colours else plain)) + "\n"


def _page(found: PolicyReview, told: Sequence[Block]) -> str:
    from specproof.review.page import frame, paragraph

    kind = {0: "fine", 1: "bad", 3: "odd"}[found.code]
    body = f'<h2>{escape(told[0].text)}</h2>\n<p class="verdict {kind}">{escape(told[1].text)}</p>\n'
    return frame(told[0].text, body + "\n".join(paragraph(block) for block in told[2:]))
