"""docs/performance.md: each measurement owns the text between two marks, and leaves the rest as it is."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

HEAD = """# Performance

Written by `make bench`; every section says what it was measured with. Seconds are of the processor unless they are
said to be of the clock.
"""


def section(name: str, text: str, page: Path = PAGE) -> None:
    """Puts a section into the page, in place of the one of that name or at the end."""
    whole = page.read_text(encoding="utf-8") if page.exists() else HEAD
    block = f"<!-- {name} -->\n{text.strip()}\n<!-- end of {name} -->"
    marked = re.compile(rf"<!-- {re.escape(name)} -->.*?<!-- end of {re.escape(name)} -->", re.DOTALL)
    whole = marked.sub(lambda _: block, whole) if marked.search(whole) else f"{whole.rstrip()}\n\n{block}\n"
    page.parent.mkdir(exist_ok=True)
    page.write_text(whole, encoding="utf-8")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers flush right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def indented(text: str) -> str:
    """A table of plain text as Markdown shows it unchanged."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
