"""A run as a value change dump for GTKWave: one time unit a step, named bits as wires of their own."""

from __future__ import annotations

from collections.abc import Iterator

from specproof.state import Field
from specproof.story.model import Story


def vcd(story: Story) -> str:
    """The file. Fields are in scopes by their parts; `action` and `by` are text; a field of such a name keeps it, and ours ends in `_`."""
    return "\n".join(_lines(story)) + "\n"


class _Ids:
    """Short identifiers of printable characters, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self.known:
            number, text = len(self.known), ""
            while True:
                text += chr(33 + number % 94)
                number //= 94
                if not number:
                    break
            self.known[name] = text
        return self.known[name]


def _lines(story: Story) -> Iterator[str]:
    ids = _Ids()
    yield f"$comment {story.design}, {story.configuration or 'every configuration'}: {story.claim} $end"
    yield "$version specproof $end"
    yield "$timescale 1 ns $end"
    yield f"$scope module {_identifier(story.design)} $end"
    for name, kind in (("action", "string 1"), ("by", "string 1"), ("step", "integer 32")):
        yield f"$var {kind} {ids[f'|{name}']} {_free(name, story)} $end"
    yield from _scopes(story, ids)
    yield "$upscope $end"
    yield "$enddefinitions $end"
    before: dict[str, str] = {}
    for moment in range(len(story.moments)):
        now = dict(_values(story, moment, ids))
        changes = [text for key, text in now.items() if before.get(key) != text]
        yield f"#{moment * 10}"
        if moment == 0:
            yield "$dumpvars"
        yield from changes
        if moment == 0:
            yield "$end"
        before = now
    yield f"#{len(story.moments) * 10}"


def _scopes(story: Story, ids: _Ids) -> Iterator[str]:
    """Declarations, a scope for each part and for the named bits of each word."""
    opened: list[str] = []
    for path, declared in story.fields.items():
        *scope, name = path.split(".")
        while opened != scope[: len(opened)]:
            opened.pop()
            yield "$upscope $end"
        for part in scope[len(opened) :]:
            opened.append(part)
            yield f"$scope module {_identifier(part)} $end"
        width = max(1, declared.width)
        extent = f" [{width - 1}:0]" if declared.width else ""
        yield f"$var wire {width} {ids[path]} {_identifier(name)}{extent} $end"
        if declared.bits:
            yield f"$scope module {_identifier(name)}_bits $end"
            for bit in declared.bits.positions:
                yield f"$var wire 1 {ids[f'{path}|{bit}']} {_identifier(bit)} $end"
            yield "$upscope $end"
    for _ in opened:
        yield "$upscope $end"


def _free(name: str, story: Story) -> str:
    """A name of our own that no field or part has: one that has it keeps it."""
    taken = {path.partition(".")[0] for path in story.fields}
    while name in taken:
        name += "_"
    return name


def _identifier(name: str) -> str:
    return "".join(character if character.isalnum() or character == "_" else "_" for character in name) or "_"


def _values(story: Story, moment: int, ids: _Ids) -> Iterator[tuple[str, str]]:
    action = story.beats[moment - 1] if moment else None
    yield "|action", f"s{action.action if action else 'initial'} {ids['|action']}"
    yield "|by", f"s{(action.by if action else 'nobody').replace(' ', '_')} {ids['|by']}"
    yield "|step", f"b{moment:b} {ids['|step']}"
    for path, declared in story.fields.items():
        value, free = story.moments[moment].get(path, 0), story.free[moment].get(path, 0)
        yield path, _wire(declared, value, free, ids[path])
        if declared.bits:
            for bit, position in declared.bits.positions.items():
                shown = "x" if free >> position & 1 else str(value >> position & 1)
                yield f"{path}|{bit}", f"{shown}{ids[f'{path}|{bit}']}"


def _wire(declared: Field, value: int, free: int, identifier: str) -> str:
    """A vector, with x in the bits that may be anything."""
    if not declared.width:
        return f"{'x' if free else value}{identifier}"
    digits = "".join("x" if free >> place & 1 else str(value >> place & 1) for place in reversed(range(declared.width)))
    return f"b{digits} {identifier}"
