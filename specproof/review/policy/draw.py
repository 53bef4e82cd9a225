"""The fleet as text, as JSON, and as a picture: who controls each bit on each type of host, and the matrix of moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import specproof
from specproof.review.policy.fleet import CELLS, Fleet, line
from specproof.review.policy.read import bits
from specproof.story.blocks import Block
from specproof.story.layout import MAIL, lines

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1

#: Fill colours of the picture; each cell says the same in text.
_FILL = {
    "forced 1": "#1f6feb", "forced 0": "#8250df", "guest": "#ffffff", "guest (hidden)": "#fff3c4", "faults": "#d1d9e0",
    "ok": "#dafbe1", "path": "#ffd8b5", "no": "#ffb3ad", "never": "#f6f8fa", "-": "#ffffff", "?": "#fbefff",
}  # fmt: skip
_SHORT = {"forced 1": "1", "forced 0": "0", "guest": "g", "guest (hidden)": "(g)", "faults": "#"}


#: A host's name is cut to this in a matrix that is split.
_NAME = 36


def document(found: Fleet, width: int = MAIL) -> list[Block]:
    """The report; the matrix is split where its rows are wider than this."""
    head = Block("head", f"Fleet under the policy {found.policy.name}", role="heading")
    return [head, Block("text", line(found)), *_matrix(found, width), *_controls(found)]


def _matrix(found: Fleet, width: int) -> Iterator[Block]:
    yield Block("title", "Guests that start on a type of host (row) and are on another (column), whatever way they came")
    names = [host.name for host in found.hosts]
    table = [[_letter(number) for number in range(len(names))]]
    table += [[one.word + "!" * bool(one.refused) for one in (found.cell(source, target) for target in names)] for source in names]
    yield Block("rows", rows=tuple(_split([f"{letter} {name}" for letter, name in zip(table[0], names, strict=True)], table, width)))
    used = {one.word for one in found.cells}
    legend = [f"{word}: {meaning}" for word, meaning in CELLS.items() if word in used]
    if any(one.refused for one in found.cells):
        legend.append("!: the move is refused to guests that have set a bit which the destination rejects")
    yield Block("text", "; ".join(legend) + ".", inner=True, role="faint")
    for one in found.cells:
        if one.lacking:
            way = ", ".join(one.run) or "it starts there"
            yield Block("text", f"{one.source} -> {one.target}: without {', '.join(one.lacking)}, by the run: {way}.", inner=True, role="refuted")


def _split(labels: Sequence[str], table: Sequence[Sequence[str]], width: int) -> list[tuple[str, str]]:
    """The rows of a matrix, below its heading; where one would be wider than a line, as many columns at a time as are not."""
    whole = _columns(labels, table, 0, len(labels))
    if _fits(whole, width):
        return whole
    cut = [label if len(label) <= _NAME else f"{label[: _NAME - 3]}..." for label in labels]
    for size in range(len(labels), 0, -1):
        parts = [_columns(cut, table, start, start + size) for start in range(0, len(labels), size)]
        if size == 1 or all(_fits(part, width) for part in parts):
            break
    return [row for part in parts for row in (("", ""), *part)][1:]


def _columns(labels: Sequence[str], table: Sequence[Sequence[str]], start: int, end: int) -> list[tuple[str, str]]:
    said = ["".join(f"{word:<6}" for word in row[start:end]).rstrip() for row in table]
    return list(zip(["", *labels], said, strict=True))


def _fits(rows: Sequence[tuple[str, str]], width: int) -> bool:
    """Whether each is one line."""
    return len(lines([Block("rows", rows=tuple(rows))], width)) == len(rows)


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"A{chr(ord('A') + number - 26)}"


def _controls(found: Fleet) -> Iterator[Block]:
    yield Block("title", "Who controls each bit")
    rows = [(name, ", ".join(f"{bit} {who}" for bit, who in zip(bits(), row, strict=True))) for name, row in found.controls]
    yield Block("rows", rows=tuple(rows))


def json_document(found: Fleet) -> dict[str, Any]:
    """What `--format json` writes; the schema is `specproof/schema/fleet.json`."""
    return {
        "schema": SCHEMA, "version": specproof.__version__, "exit": found.code, "line": line(found), "policy": found.policy.name,
        "hosts": [
            {"name": name, "bits": dict(zip(bits(), row, strict=True)), "mask": f"{place.mask:#x}", "value": f"{place.value:#x}"}
            for (name, row), place in zip(found.controls, found.places, strict=True)
        ],
        "matrix": [
            {
                "source": one.source, "target": one.target, "word": one.word, "lacking": list(one.lacking), "run": list(one.run),
                "refused": list(one.refused),
            }
            for one in found.cells
        ],
        "cannot_force": list(found.cannot), "without_effect": list(found.pointless),
    }  # fmt: skip


def picture(found: Fleet) -> str:
    """One SVG: the masks above, the matrix below."""
    names, columns = [host.name for host in found.hosts], list(bits())
    longest = max([len(name) for name in names] + [8])
    left = 12 + 8 * longest
    parts: list[str] = []
    top = 40
    title = f"policy {found.policy.name}: who controls each bit"
    parts.append(_text(8, 22, title, bold=True))
    for number, bit in enumerate(columns):
        parts.append(_turned(left + 44 * number + 22, top + 92, bit))
    top += 100
    for row, (name, controls) in enumerate(found.controls):
        parts.append(_text(8, top + 26 * row + 17, name))
        for number, who in enumerate(controls):
            parts.append(_box(left + 44 * number, top + 26 * row, 44, 26, who, _SHORT[who], f"{name}, {columns[number]}: {who}"))
    top += 26 * len(names) + 50
    parts.append(_text(8, top - 18, "start (row) and destination (column), on any path", bold=True))
    top += max(92, 6 * longest + 12)  # a name that is turned rises by so much, and goes as far to the right
    for number, name in enumerate(names):
        parts.append(_turned(left + 60 * number + 30, top, name))
    top += 8
    for row, source in enumerate(names):
        parts.append(_text(8, top + 26 * row + 17, source))
        for number, target in enumerate(names):
            one = found.cell(source, target)
            said = f"{source} to {target}: {CELLS[one.word]}" + (f", without {', '.join(one.lacking)}" if one.lacking else "")
            parts.append(_box(left + 60 * number, top + 26 * row, 60, 26, one.word, one.word + ("!" if one.refused else ""), said))
    width = max(left + 44 * len(columns) + 90, left + 60 * len(names) + max(90, 6 * longest), 16 + 9 * len(title))
    height = top + 26 * len(names) + 58
    parts.append(_text(8, height - 32, "1, 0: forced; g: the guest's; (g): the guest's, though its CPUID does not show it; #: faults."))
    parts.append(_text(8, height - 14, "ok: protected; no: not protected; -: nothing is asked there; !: some guests are refused."))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(line(found))}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _text(x: int, y: int, said: str, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="#1b1f24"{weight}>{escape(said)}</text>'


def _turned(x: int, y: int, said: str) -> str:
    return f'<text x="{x}" y="{y}" fill="#1b1f24" transform="rotate(-50 {x} {y})">{escape(said)}</text>'


def _box(x: int, y: int, width: int, height: int, kind: str, short: str, said: str) -> str:
    ink = "#ffffff" if kind in ("forced 1", "forced 0") else "#1b1f24"
    return (
        f'<g><title>{escape(said)}</title><rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{_FILL[kind]}" stroke="#d1d9e0"/>'
        f'<text x="{x + width // 2}" y="{y + 17}" text-anchor="middle" fill="{ink}">{escape(short)}</text></g>'
    )
