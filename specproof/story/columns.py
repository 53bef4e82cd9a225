"""Two columns: a run beside the same one in the reference design, or the two sides of a relation."""

from __future__ import annotations

from collections.abc import Iterator

from specproof.story.block import Block
from specproof.story.model import Beat, Beside, Change, Row, Story, Value, shown


def side_by_side(story: Story) -> Iterator[Block]:
    other = story.beside
    if story.kind == "relation":
        yield from _apart(story)
    if other is None:
        return
    if other.first is None:
        yield Block("text", f"{other.reference} does the same in every step.")
        return
    yield Block("title", f"The same actions and inputs in {other.reference}, where {ending(other)}:")
    rows: list[tuple[str, ...]] = [("", story.design, other.reference)]
    for beat in story.beats:
        if beat.number >= other.first:
            rows += _pairs(beat, other.rows[beat.number], other)
    yield Block("columns", rows=tuple(rows))


def _apart(story: Story) -> Iterator[Block]:
    """The two sides of a relation in two columns, from the step on that they take differently."""
    left, right = story.configuration.split("~")
    rows: list[tuple[str, ...]] = []
    for beat in story.beats:
        ours, theirs = (
            {change.path.replace(f"{side}.", "", 1): change for change in beat.changes if f"{side}." in change.path and not change.ghost}
            for side in (left, right)
        )  # fmt: skip
        paths = [path for path in dict.fromkeys([*ours, *theirs]) if not _alike_changes(ours.get(path), theirs.get(path))]
        if not paths and not rows:
            continue
        rows.append((f"{beat.number}{'' if rows else '>'}", beat.action, beat.action))
        rows += [("", _side(path, ours.get(path)), _side(path, theirs.get(path))) for path in paths] or [("", "the same changes", "the same changes")]
    if rows:
        yield Block("title", "Side by side, from the first difference on:")
        yield Block("columns", rows=(("", left, right), *rows))


def ending(other: Beside) -> str:
    if other.holds is None:
        return "the claim cannot be asked"
    return "the claim holds at the end" if other.holds else "the claim fails too"


def _pairs(beat: Beat, row: Row, other: Beside) -> Iterator[tuple[str, ...]]:
    """One step in two columns: first the action, then each field that either side changes."""
    yield str(beat.number) + (">" if beat.number == other.first else ""), beat.action, row.status or beat.action
    ours = {change.path: change for change in beat.changes if not change.event and not change.ghost}
    theirs = {change.path: change for change in row.changes if not change.event and not change.ghost}
    paths = [path for path in dict.fromkeys([*ours, *theirs]) if not _alike_changes(ours.get(path), theirs.get(path))]
    for path in paths:
        yield "", _side(path, ours.get(path)), _side(path, theirs.get(path))
    if not paths:
        yield "", "the same changes", "the same changes"


def _alike_changes(one: Change | None, two: Change | None) -> bool:
    return one is not None and two is not None and (one.before.value, one.after.value) == (two.before.value, two.after.value)


def _side(path: str, change: Change | None) -> str:
    if change is None:
        return f"{path} stays"
    if change.event:
        return f"{path} {shown(change.after)}"
    return f"{path} {_short(change.before)} -> {_short(change.after)}"


def _short(value: Value) -> str:
    text = shown(value)
    return text.split(" ", 1)[1] if text.startswith("0x") and " " in text and "any" not in text else text
