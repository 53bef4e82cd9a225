"""Blocks as lines: on a terminal, as plain text and as Markdown for a mail."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from specproof.story.blocks import Block

#: The columns of a mail.
MAIL = 75

_STEP, _BODY = "  ", "      "

Paint = Callable[[str, str], str]


def unpainted(text: str, role: str) -> str:
    """The text without colours."""
    return text


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most `width` columns; `first` begins the first line, `rest` (blanks of its width) the others."""
    indent = " " * len(first) if rest is None else rest
    found = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    return found or [first.rstrip()]


def folded(lines: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` columns: those that are longer for want of a blank are broken after `|`, `,` or `/`."""
    found = []
    for text in lines:
        indent = " " * min(len(text) - len(text.lstrip()) + 2, width // 2)
        rest = text
        while len(rest) > width:
            cut = max(rest.rfind(sign, len(indent), width) for sign in "|,/")
            cut = cut + 1 if cut > len(indent) else width
            found.append(rest[:cut])
            rest = indent + rest[cut:]
        found.append(rest)
    return found


def lines(blocks: Iterable[Block], width: int = 100, paint: Paint = unpainted) -> list[str]:
    """Blocks for a terminal, or as plain text: steps are numbered, what belongs to one is indented below it."""
    found: list[str] = []
    before = ""
    for block in blocks:
        text = _lines(block, width)
        if block.kind == "head":
            found += [paint(text[0], block.role), *text[1:]]
            continue
        if block.kind == "lemma" and before == "title":
            found.append("")
        before = block.kind
        if block.kind in ("step", "title") or (block.kind == "text" and not block.inner):
            found.append("")
        found += [paint(line, block.role) if block.role and line else line for line in text]
    return found


def _lines(block: Block, width: int) -> list[str]:
    if block.kind == "head":
        return wrapped(block.text, width)
    if block.kind == "lemma":
        first = f"{_STEP}{block.number:>2}  "
        blank = " " * len(first) + _STEP
        said = [(block.text, first), *((row[0], blank) for row in block.rows if row[0])]
        return [text for line, indent in said for text in wrapped(line, width, indent, blank)]
    if block.kind == "step":
        return wrapped(block.text, width, f"{_STEP}{block.number}  ")
    if block.kind == "rows":
        return rows(block.rows, width, _BODY)
    if block.kind == "columns":
        return columns(block.rows, width, _BODY)
    return wrapped(block.text, width, _BODY if block.inner else _STEP)


def rows(pairs: Sequence[Sequence[str]], width: int, indent: str) -> list[str]:
    """Names and values side by side; long values go on below."""
    widest = max((len(name) for name, _ in pairs if len(name) <= 40), default=0)
    gap = f"{indent}{'':<{widest}}  " if widest else indent
    found = []
    for name, value in pairs:
        first = f"{indent}{name:<{widest}}  " if widest or name else indent
        rest = gap if widest <= width // 3 else indent + _STEP
        found += wrapped(value, width, first, rest if widest else indent + _STEP)
    return found


def columns(sides: Sequence[Sequence[str]], width: int, indent: str) -> list[str]:
    """A mark and two columns of text."""
    room = (width - len(indent) - 4 - 3) // 2
    found = []
    for number, (mark, left, right) in enumerate(sides):
        one, two = (textwrap.wrap(text, room, subsequent_indent="  ", break_on_hyphens=False) or [""] for text in (left, right))
        for line in range(max(len(one), len(two))):
            a, b = (side[line] if line < len(side) else "" for side in (one, two))
            found.append(f"{indent}{mark if line == 0 else '':<4}{a:<{room}} | {b}".rstrip())
        if number == 0:
            found.append(f"{indent}{'':<4}{'-' * room}-+-{'-' * room}")
    return found


def markdown(blocks: Iterable[Block], width: int = MAIL) -> list[str]:
    """Blocks as Markdown: a heading a step, rows and columns as preformatted text. A heading is one line: a title that is longer is bold."""
    found: list[str] = []
    for block in blocks:
        if block.kind == "head":
            found += [*wrapped(f"**{_inert(block.text)}**", width)]
        elif block.kind == "lemma":
            found += ["", *wrapped(f"`{block.text}`", width, f"{block.number}. ", "   ")]
            found += [text for row in block.rows if row[0] for text in wrapped(_escaped(row[0]), width, "   ")]
        elif block.kind == "step":
            found += ["", f"### {block.number}. {_inert(block.text)}", ""]
        elif block.kind == "title":
            title = f"### {_inert(block.text.rstrip(':'))}"
            found += ["", *([title] if len(title) <= width else wrapped(f"**{title.removeprefix('### ')}**", width)), ""]
        elif block.kind in ("rows", "columns"):
            body = rows(block.rows, width, "") if block.kind == "rows" else columns(block.rows, width, "")
            found += ["```", *body, "```"]
        elif block.text.startswith("! "):
            found += ["", *wrapped(f"**{_inert(block.text.removeprefix('! '))}**", width)]
        else:
            found += [*([] if found and not found[-1] else [""]), *wrapped(_escaped(block.text), width)]
    return found


def _escaped(text: str) -> str:
    """Names keep their underscores."""
    return _inert(text).replace("*", "\\*").replace("_", "\\_")


def _inert(text: str) -> str:
    """What Markdown would take for an element of HTML, or for the edge of preformatted text, is text."""
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", text).replace("```", "\\`\\`\\`")
