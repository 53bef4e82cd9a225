"""Reviews as one HTML file that loads nothing: the verdict, the claims, and what can be seen of both, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import specproof
from specproof.review.line import _steps, line
from specproof.review.paper import document
from specproof.review.result import FATES, MEANING, Answer, ClaimChange, Review, listed, word
from specproof.review.weight import rank
from specproof.story.blocks import Block
from specproof.verdict import Refuted, Result

#: What became of claims about which a reader has nothing to do.
SETTLED = ("new", "proved", "carried out", "kept", "vacuous", "not asked")

_STYLE = """
.bad { border-left: 4px solid var(--bad); } .fine { border-left: 4px solid var(--good); } .odd { border-left: 4px solid var(--odd); }
.verdict { background: var(--box); padding: .6em .9em; max-width: 60em; }
table.two { border-collapse: collapse; margin: .5em 0 1.2em; }
.two th, .two td { border: 1px solid var(--line); padding: .2em .6em; text-align: left; vertical-align: top; }
.two .apart { background: var(--lit); } dl.rows { display: grid; grid-template-columns: max-content 1fr; gap: .15em 1em; margin: .4em 0 1em 1.2em; }
dl.rows dt { color: var(--dim); } dl.rows dd { margin: 0; overflow-wrap: anywhere; } h4 { margin: 1em 0 .2em; } p { max-width: 60em; }
"""


def text(reviews: Sequence[Review]) -> str:
    """The page."""
    names = ", ".join(f"{review.old.label} → {review.new.label}" for review in reviews)
    return frame(names, "\n".join(part for review in reviews for part in _review(review)))


def frame(title: str, body: str) -> str:
    """A whole page around what it shows, which is HTML already."""
    folder = Path(specproof.__file__).parent / "story" / "web"
    style = (folder / "page.css").read_text(encoding="utf-8") + _STYLE
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: specproof review</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<header class="top"><h1>specproof review</h1><p class="sub">specproof {escape(specproof.__version__)}</p></header>\n'
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _review(review: Review) -> Iterable[str]:
    yield f"<section>\n<h2>{escape(review.old.label)} → {escape(review.new.label)}</h2>"
    kind = {0: "fine", 1: "bad", 3: "odd"}[review.code]
    yield f'<p class="verdict {kind}">{escape(line(review))}</p>'
    yield from _matrix(review)
    skipping = False
    for block in document(review)[2:]:
        if block.kind == "title":
            skipping = block.text == "Claims"
        if not skipping:
            yield paragraph(block)
    yield "</section>"


def _matrix(review: Review) -> Iterable[str]:
    """The claims, worst first; those of which there is nothing to do are folded away."""
    ranked = sorted(review.claims, key=lambda change: (FATES.index(change.fate), rank(change.claim)))
    moved = [change for change in ranked if change.fate not in SETTLED]
    rest = [change for change in ranked if change.fate in SETTLED]
    if moved:
        yield _table(review, moved)
    if rest:
        fates = listed([f"{sum(change.fate == fate for change in rest)} {fate}" for fate in dict.fromkeys(change.fate for change in rest)])
        yield f"<details><summary>Verdicts on {'the other ' if moved else ''}claims: {fates}</summary>\n{_table(review, rest)}\n</details>"


def _table(review: Review, changes: Sequence[ClaimChange]) -> str:
    rows = []
    for change in changes:
        cells = "".join(_cell(answer) for answer in (change.old, change.new))
        name = f'<span class="id">{escape(change.id)}</span> <span class="name">{escape(change.claim)}</span>'
        where = escape(change.configuration.replace("~", " against "))
        rows.append(f'<tr><th scope="row" title="{escape(change.sentence)}">{name}</th><td>{where}</td>{cells}{_fate(change)}</tr>')
    names = ("claim", "configuration", review.old.label, review.new.label, "what became of it")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f'<div class="scroll"><table class="matrix"><thead><tr>{head}</tr></thead><tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def _cell(answer: Answer | None) -> str:
    said = word(answer)
    if said == "not asked":
        return '<td class="none">not asked</td>'
    length = f", {_steps(answer.verdict.trace.length)}" if isinstance(answer, Result) and isinstance(answer.verdict, Refuted) else ""
    return f'<td class="{escape("proved" if said == "holds" else said)}">{escape(said)}{length}</td>'


def _fate(change: ClaimChange) -> str:
    same = " by the same run" if change.same_run else ""
    return f'<td title="{escape(MEANING[change.fate])}">{escape(change.fate)}{same}</td>'


def paragraph(block: Block) -> str:
    """A block as HTML."""
    if block.kind == "title":
        return f"<h3>{escape(block.text)}</h3>"
    if block.kind == "step":
        return f"<h4>{block.number}. {escape(block.text)}</h4>"
    if block.kind == "rows":
        return '<dl class="rows">' + "".join(f"<dt>{escape(row[0])}</dt><dd><code>{escape(row[1])}</code></dd>" for row in block.rows) + "</dl>"
    if block.kind == "columns":
        return _columns(block)
    return f"<p>{escape(block.text)}</p>" if block.text else ""


def _columns(block: Block) -> str:
    (_, left, right), *rest = block.rows
    rows = [f'<tr><th scope="col">step</th><th scope="col">{escape(left)}</th><th scope="col">{escape(right)}</th></tr>']
    for mark, one, other in rest:
        apart = ' class="apart"' if mark.endswith(">") else ""
        rows.append(f'<tr{apart}><th scope="row">{escape(mark.rstrip(">"))}</th><td>{escape(one)}</td><td>{escape(other)}</td></tr>')
    return '<div class="scroll"><table class="two">' + "".join(rows) + "</table></div>"
