"""A story in words: sections of paragraphs, rows and steps, which every text form lays out in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from specproof.story.formula import LONG
from specproof.story.model import Beat, Beside, Change, Row, Story, Turn, Value, shown

#: Other shortest runs that are listed, and differences from the reference that are named at a step.
LISTED, MARKED = 3, 4


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


def blocks(story: Story) -> list[Block]:
    """The whole story, from the initial state to what would have prevented it."""
    found = [*_start(story)]
    for beat in story.beats:
        found += _beat(story, beat)
    found += _failure(story)
    if story.purpose == "counterexample":
        found += [*_alike(story), *_turn(story), *_prevention(story), *_beside(story)]
    return found


def _start(story: Story) -> Iterator[Block]:
    relevant = [value for value in story.initial if not value.any]
    yield Block("step", "initial state; whatever is not listed is 0 or false", number=0)
    if relevant:
        yield Block("rows", rows=tuple((value.name, shown(value)) for value in relevant), inner=True)
    free = [value.name for value in story.initial if value.any]
    if free:
        yield Block("text", f"any value: {', '.join(free)}", inner=True)


def _beat(story: Story, beat: Beat) -> Iterator[Block]:
    yield Block("step", f"{beat.by}: {beat.action}", number=beat.number, role="heading")
    for text in (beat.sentence, beat.source):
        if text:
            yield Block("text", text, inner=True, role="faint" if text == beat.source else "")
    rows = [(f"input {value.name}", shown(value)) for value in beat.inputs]
    rows += [(name, text) for name, text in map(_change, beat.changes)]
    if rows:
        yield Block("rows", rows=tuple(rows), inner=True)
    else:
        yield Block("text", "nothing changes", inner=True)
    for text in marks(story, beat.number):
        yield Block("text", f"! {text}", inner=True, role="refuted")


def changes(beat: Beat) -> list[tuple[str, str]]:
    """What a step changed: the value before and after, and how it came about."""
    found = []
    for change in beat.changes:
        text = f"{change.path}: {shown(change.before)} \u2192 {shown(change.after)}"
        if change.event:
            text = f"reported: {change.path} {shown(change.after)}"
        made = f"= {change.rule}" if change.rule and change.sources else ""
        found.append((text, "   ".join(part for part in (made, f"by {change.writer}" if change.writer else "") if part)))
    return found


def _change(change: Change) -> tuple[str, str]:
    if change.event:
        return f"event {change.path}", shown(change.after)
    text = f"{shown(change.before)} -> {shown(change.after)}"
    if change.rule and change.sources:
        text += f"   = {change.rule}"
    writer = change.writer if len(text) + len(change.writer) < 60 else change.writer.split(" > ")[-1]
    return change.path, f"{text}   by {writer}" if writer else text


def marks(story: Story, number: int) -> list[str]:
    """What is to be said at this very step: the reference does otherwise, the sane states are left, no way back."""
    found = []
    if story.beside and story.beside.first is not None:
        here, before = story.beside.rows[number], story.beside.rows[number - 1]
        if here.status:
            found.append(f"{story.beside.reference}: {here.status}")
        new = [one for one in here.differences if one not in before.differences and not story.fields_event(one.name)]
        new = [one for one in new if one.name in story.fields] or new
        if new:
            first = "first difference: " if number == story.beside.first else ""
            text = ", ".join(f"{one.name} is {shown(one.there)}, not {shown(one.here)}" for one in new[:MARKED])
            more = f", and {len(new) - MARKED} more differ" if len(new) > MARKED else ""
            found.append(f"{first}in {story.beside.reference} {text}{more}")
    if story.turn and story.turn.left == number:
        found.append(f"from here on the state is one that {story.turn.sane} can never be in")
    if story.turn and story.turn.lost == number:
        found.append("point of no return: from here on only a way back to an initial state puts it right")
    return found


def _failure(story: Story) -> Iterator[Block]:
    told = story.formula
    if told is None:
        return
    yield Block("title", "There the claim fails:" if story.beats else "It fails initially:", role="refuted")
    rows = [("claim", told.text)]
    if told.atoms and (len(told.text) > LONG or any(atom not in told.text for atom in told.atoms)):
        rows += [("its part", atom) for atom in told.atoms]
    if told.put_in != told.text:
        rows.append(("that is", told.put_in))
    rows += [(f"bit {line.position}" + (f" {line.name}" if line.name else ""), line.text) for line in told.failing[:8]]
    if len(told.failing) > 8:
        rows.append(("", f"and {len(told.failing) - 8} more bits"))
    yield Block("rows", rows=tuple(rows), inner=True)
    yield Block("title", f"What it looks at{_when(story)}:")
    yield Block("rows", rows=tuple((value.name, shown(value)) for value in told.values), inner=True)


def _when(story: Story) -> str:
    if story.kind == "step":
        return ", before and after the last step"
    return ", after the last step" if story.beats else ", initially"


def _alike(story: Story) -> Iterator[Block]:
    text, others = alike_text(story)
    if text:
        yield Block("text", text)
    if others:
        yield Block("rows", rows=tuple(("", line) for line in others), inner=True)


def alike_text(story: Story) -> tuple[str, list[str]]:
    """How many other sequences of actions are as short, and some of them."""
    known = story.alike
    if known is None:
        return "", []
    if known.count == 1 and known.exact:
        return f"It is the only run of {story.length} step{'s' * (story.length != 1)}, up to values.", []
    others = known.count - 1
    if not others:
        return "Whether another sequence of that many actions ends in it was not decided.", []
    amount = str(others) if known.exact else f"More than {others}"
    what = "other sequence of that many actions ends" if others == 1 and known.exact else "other sequences of that many actions end"
    listed = [", ".join(names) for names in known.others[:LISTED]]
    rest = [f"and {others - len(listed)} more" if known.exact else "and more"] if others > len(listed) else []
    return f"{amount} {what} in it too:", listed + rest


def notes(story: Story) -> list[str]:
    """What is said of the run as a whole, each as a paragraph."""
    text, others = alike_text(story)
    found = [f"{text} {'; '.join(others)}".strip()] if text else []
    turned = turn_text(story.turn, story.length)
    if turned:
        found.append(turned)
    if story.beside:
        holds = _ending(story.beside)
        same = "" if story.beside.first is not None else " and does the same in every step"
        found.append(f"{story.beside.reference} is fed the same actions and inputs{same}; {holds}.")
    return found


def _turn(story: Story) -> Iterator[Block]:
    text = turn_text(story.turn, story.length)
    if text:
        yield Block("text", text)


def turn_text(turn: Turn | None, length: int) -> str:
    """Until when the run could have been put right, in sentences."""
    if turn is None:
        return ""
    if turn.sane and turn.left is None:
        return f"Every state before the last step is one that {turn.sane} can be in: the last step alone does it." if length > 1 else ""
    sentences: list[str] = []
    if turn.lost is not None:
        way = turn.ways[turn.lost]
        over = f"only a way back to an initial state puts it right: {', then '.join(way)}" if way else "nothing puts it right"
        sentences.append(f"Point of no return: after step {turn.lost} {over}.")
    if turn.sane and turn.left is not None:
        end = turn.lost if turn.lost is not None else len(turn.ways)
        found = [
            f"after step{'s' * (first != last)} {first}{f' to {last}' * (first != last)} by {', then '.join(way)}"
            for way, first, last in _stretches(turn.ways, turn.left, end) if way
        ]  # fmt: skip
        sentences += [f"It could still be put right {'; '.join(found)}."] if found else []
    return " ".join(sentences)


def _stretches(ways: Sequence[tuple[str, ...]], first: int, end: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    begin = first
    for moment in range(first, end):
        if moment + 1 == end or ways[moment + 1] != ways[moment]:
            yield ways[moment], begin, moment
            begin = moment + 1


def _prevention(story: Story) -> Iterator[Block]:
    if story.prevention:
        yield Block("title", "What would have prevented it:")
        yield Block("rows", rows=tuple(("", text) for text in prevention(story)), inner=True)


def prevention(story: Story) -> list[str]:
    """Changes of the model that make the run impossible, a line each."""
    found = []
    for one in story.prevention:
        more = "; then no run of any length violates the claim" if one.all_runs else ""
        found.append(f"{one.text} ({one.where}){more}" if one.where else one.text + more)
    return found


def _beside(story: Story) -> Iterator[Block]:
    other = story.beside
    if other is None:
        return
    if other.first is None:
        yield Block("text", f"{other.reference} does the same in every step.")
        return
    yield Block("title", f"The same actions and inputs in {other.reference}, where {_ending(other)}:")
    rows: list[tuple[str, ...]] = [("", story.design, other.reference)]
    for beat in story.beats:
        if beat.number >= other.first:
            rows += _pairs(beat, other.rows[beat.number], other)
    yield Block("columns", rows=tuple(rows))


def _ending(other: Beside) -> str:
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
    return f"{path} {_short(change.before)} -> {_short(change.after)}"


def _short(value: Value) -> str:
    text = shown(value)
    return text.split(" ", 1)[1] if text.startswith("0x") and " " in text and "any" not in text else text
