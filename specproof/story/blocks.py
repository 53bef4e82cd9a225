"""A story in words: sections of paragraphs, rows and steps, which every text form lays out in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specproof.story.block import Block
from specproof.story.columns import ending, side_by_side
from specproof.story.formula import LONG
from specproof.story.model import Beat, Change, Story, Turn, shown

__all__ = ["Block", "alike_text", "blocks", "both", "changes", "marks", "notes", "prevention", "turn_text"]

#: Other shortest runs that are listed, and differences from the reference that are named at a step.
LISTED, MARKED = 3, 4


def blocks(story: Story) -> list[Block]:
    """The whole story, from the initial state to what would have prevented it."""
    found = [*_start(story)]
    for beat in story.beats:
        found += _beat(story, beat)
    found += _failure(story)
    if story.purpose == "counterexample":
        found += [*_alike(story), *_turn(story), *_prevention(story), *side_by_side(story)]
    return found


def _start(story: Story) -> Iterator[Block]:
    relevant = [value for value in story.initial if not value.any]
    yield Block("step", "initial state; whatever is not listed is 0 or false", number=0)
    chosen = both([(value.name, shown(value)) for value in relevant if value.name not in story.given], story)
    if chosen:
        yield Block("rows", rows=tuple(chosen), inner=True)
    given = both([(value.name, shown(value)) for value in relevant if value.name in story.given], story)
    if given:
        text = ", ".join(name if said == "true" else f"{name} {said}" for name, said in given)
        yield Block("text", f"as in every run: {text}", inner=True)
    free = [name for name, _ in both([(value.name, "any") for value in story.initial if value.any], story)]
    if free:
        yield Block("text", f"any value: {', '.join(free)}", inner=True)
    if story.kind == "relation":
        yield Block("text", "What is named without a configuration is so in both.", inner=True)


def both(pairs: Sequence[tuple[str, str]], story: Story) -> list[tuple[str, str]]:
    """Names and what is said of them; of a relation what is the same on both sides once, without a side."""
    if story.kind != "relation":
        return list(pairs)
    sides = [f"{side}." for side in story.configuration.split("~")]

    def plain(name: str, text: str) -> tuple[str, str] | None:
        side = next((side for side in sides if side in name), None)
        return (name.replace(side, "", 1), text.replace(side, "")) if side else None

    known = [plain(name, text) for name, text in pairs]
    found: dict[tuple[str, str], None] = {}
    for pair, one in zip(pairs, known, strict=True):
        found[one if one is not None and known.count(one) > 1 else pair] = None
    return list(found)


def _beat(story: Story, beat: Beat) -> Iterator[Block]:
    yield Block("step", f"{beat.by}: {beat.action}", number=beat.number, role="heading")
    for text in (beat.sentence, beat.source):
        if text:
            yield Block("text", text, inner=True, role="faint" if text == beat.source else "")
    free = [value.name for value in beat.inputs if value.any]
    rows = [(f"input {value.name}", shown(value)) for value in beat.inputs if len(free) < 2 or not value.any]
    rows += [("any value", f"inputs {', '.join(free)}")] if len(free) > 1 else []
    rows += both([_change(change) for change in beat.changes], story)
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
        only = "only a way back to an initial state" if story.turn.ways[number] else "nothing"
        found.append(f"point of no return: from here on {only} puts it right")
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
    looked = ((value.name, f"{shown(value)}   {told.meanings.get(value.name, '')}".rstrip()) for value in told.values)
    yield Block("rows", rows=tuple(looked), inner=True)


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
        holds = ending(story.beside)
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
    if turn.left is not None or not turn.sane:
        end = turn.lost if turn.lost is not None else len(turn.ways)
        first = turn.left if turn.left is not None else max(1, end - 1)  # without a reference nothing is wrong early on: the last way is told
        found = [
            f"after step{'s' * (one != last)} {one}{f' to {last}' * (one != last)} by {', then '.join(way)}"
            for way, one, last in _stretches(turn.ways, first, end) if way
        ]  # fmt: skip
        sentences += [f"It could still be put right {'; '.join(found)}."] if found else []
    if turn.lost is not None:
        way = turn.ways[turn.lost]
        over = f"only a way back to an initial state puts it right: {', then '.join(way)}" if way else "nothing puts it right"
        sentences.append(f"Point of no return: after step {turn.lost} {over}.")
    return " ".join(sentences)


def _stretches(ways: Sequence[tuple[str, ...]], first: int, end: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    begin = first
    for moment in range(first, end):
        if moment + 1 == end or ways[moment + 1] != ways[moment]:
            yield ways[moment], begin, moment
            begin = moment + 1


def _prevention(story: Story) -> Iterator[Block]:
    if story.prevention is not None and not story.prevention and story.beats:
        yield Block("text", "No single assignment was found that would have prevented it.")
    if story.prevention:
        yield Block("title", "What would have prevented it:")
        yield Block("rows", rows=tuple(("", text) for text in prevention(story)), inner=True)


def prevention(story: Story) -> list[str]:
    """Changes of the model that make the run impossible, a line each."""
    found = []
    for one in story.prevention or ():
        more = "; then no run of any length violates the claim" if one.all_runs else ""
        found.append(f"{one.text} ({one.where}){more}" if one.where else one.text + more)
    return found
