"""A piece of text, which every form lays out in its own way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A piece of text. `kind` is head, title, text, step, lemma, rows or columns; inside a step, `inner` holds.

    `rows` are names and values; of columns a mark, the left and the right side; of a lemma what is said of it.
    """

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    number: int = 0
    inner: bool = False
    role: str = ""
