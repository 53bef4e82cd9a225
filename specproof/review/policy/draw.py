"""The fleet as text, as JSON, and as a picture: who controls each bit on each type of host, and the matrix of moves."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import specproof
from specproof.review.policy.fleet import CELLS, Fleet, line
from specproof.review.policy.read import bits
from specproof.story.blocks import Block

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1

#: Fill colours of the picture; each cell says the same in text.
_FILL = {
    "forced 1": "#1f6feb", "forced 0": "#8250df", "guest": "#ffffff", "guest (hidden)": "#fff3c4", "faults": "#d1d9e0",
    "ok": "#dafbe1", "path": "#ffd8b5", "no": "#ffb3ad", "never": "#f6f8fa", "-": "#ffffff", "?": "#fbefff",
}  # fmt: skip
_SHORT = {"forced 1": "1", "forced 0": "0", "guest": "g", "guest (hidden)": "(g)", "faults": "#"}


def document(found: Fleet) -> list[Block]:
    """The report."""
    head = Block("head", f"Fleet under the policy {found.policy.name}", role="heading")
    return [head, Block("text", line(found)), *_matrix(found), *_controls(found)]


def _matrix(found: Fleet) -> Iterator[Block]:
    yield Block("title", "Guests that start on a type of host (row) and are on another (column), whatever way they came")
    names = [host.name for host in found.hosts]
    letters = [_letter(number) for number in range(len(names))]
    rows = [("", "".join(f"{letter:<6}" for letter in letters).rstrip())]
    for letter, source in zip(letters, names, strict=True):
        words = [found.cell(source, target) for target in names]
        rows.append((f"{letter} {source}", "".join(f"{one.word + ('!' if one.refused else ''):<6}" for one in words).rstrip()))
    yield Block("rows", rows=tuple(rows))
    used = {one.word for one in found.cells}
    legend = [f"{word}: {meaning}" for word, meaning in CELLS.items() if word in used]
    if any(one.refused for one in found.cells):
        legend.append("!: the move is refused to guests that have set a bit which the destination rejects")
    yield Block("text", "; ".join(legend) + ".", inner=True, role="faint")
    for one in found.cells:
        if one.lacking:
            way = ", ".join(one.run) or "it starts there"
            yield Block("text", f"{one.source} -> {one.target}: without {', '.join(one.lacking)}, by the run: {way}.", inner=True, role="refuted")


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
    left = 12 + 8 * max([len(name) for name in names] + [8])
    parts: list[str] = []
    top = 40
    parts.append(_text(8, 22, f"policy {found.policy.name}: who controls each bit", bold=True))
    for number, bit in enumerate(columns):
        parts.append(_turned(left + 44 * number + 22, top + 92, bit))
    top += 100
    for row, (name, controls) in enumerate(found.controls):
        parts.append(_text(8, top + 26 * row + 17, name))
        for number, who in enumerate(controls):
            parts.append(_box(left + 44 * number, top + 26 * row, 44, 26, who, _SHORT[who], f"{name}, {columns[number]}: {who}"))
    top += 26 * len(names) + 50
    parts.append(_text(8, top - 18, "start (row) and destination (column), on any path", bold=True))
    for number, name in enumerate(names):
        parts.append(_turned(left + 60 * number + 30, top + 92, name))
    top += 100
    for row, source in enumerate(names):
        parts.append(_text(8, top + 26 * row + 17, source))
        for number, target in enumerate(names):
            one = found.cell(source, target)
            said = f"{source} to {target}: {CELLS[one.word]}" + (f", without {', '.join(one.lacking)}" if one.lacking else "")
            parts.append(_box(left + 60 * number, top + 26 * row, 60, 26, one.word, one.word + ("!" if one.refused else ""), said))
    width = left + max(44 * len(columns), 60 * len(names)) + 90
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
