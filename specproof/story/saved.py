"""A story as JSON and back: what `specproof replay` reads, and what the page shows. The schema is schema/trace.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import specproof
from specproof.errors import InputError, did_you_mean
from specproof.state import Field
from specproof.story.blocks import turn_text
from specproof.story.model import Beside, Formula, Story, shown

#: What the file says that it is, and which version of the form this is.
FORMAT, VERSION = "specproof-trace", 1


def document(story: Story) -> dict[str, Any]:
    """Everything that the story has; values are hexadecimal text."""
    found: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "specproof": specproof.__version__,
        "design": story.design, "configuration": story.configuration, "claim": story.claim, "id": story.id, "kind": story.kind,
        "purpose": story.purpose, "without": list(story.without), "file": story.file, "fingerprint": story.fingerprint,
        "sentence": story.sentence, "shortest": story.shortest,
        "fields": {path: _field(declared) for path, declared in story.fields.items()},
        "initial": _values(story.moments[0]), "any": _values(story.free[0]), "steps": [_step(story, number) for number in range(story.length)],
    }  # fmt: skip
    if story.formula:
        found["formula"] = _formula(story.formula)
    if story.alike:
        found["alike"] = {"count": story.alike.count, "exact": story.alike.exact, "others": [list(names) for names in story.alike.others]}
    if story.turn:
        found["turn"] = {"left": story.turn.left, "lost": story.turn.lost, "sane": story.turn.sane, "text": turn_text(story.turn, story.length)}
    if story.prevention:
        found["prevention"] = [{"change": one.text, "where": one.where, "all_runs": one.all_runs} for one in story.prevention]
    if story.beside:
        found["beside"] = _beside(story.beside)
    return found


def _field(declared: Field) -> dict[str, Any]:
    role = "event" if declared.observed else "ghost" if declared.ghost else "frozen" if declared.frozen else "state"
    found: dict[str, Any] = {"doc": declared.doc, "width": declared.width, "role": role}
    if declared.source:
        found["source"] = declared.source
    if declared.bits:
        found["bits"] = dict(declared.bits.positions)
    return found


def _values(values: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{int(value):#x}" for name, value in values.items()}


def _step(story: Story, index: int) -> dict[str, Any]:
    beat, before, after = story.beats[index], story.moments[index], story.moments[index + 1]
    found: dict[str, Any] = {
        "action": beat.action, "by": beat.by, "source": beat.source, "place": beat.place, "sentence": beat.sentence,
        "inputs": {value.name: f"{value.value:#x}" for value in beat.inputs},
        "changed": _values({path: value for path, value in after.items() if value != before[path]}),
    }  # fmt: skip
    found["any"] = {value.name: f"{value.free:#x}" for value in beat.inputs if value.free}
    found["shown"] = {value.name: shown(value) for value in beat.inputs}
    found["state_any"] = _values(story.free[index + 1])
    found["writers"] = {change.path: change.writer for change in beat.changes if change.writer}
    found["flows"] = {change.path: {"from": list(change.sources), "rule": change.rule} for change in beat.changes if change.sources or change.rule}
    return found


def _formula(told: Formula) -> dict[str, Any]:
    return {
        "text": told.text, "parts": list(told.atoms), "put_in": told.put_in, "values": {value.name: shown(value) for value in told.values},
        "meanings": dict(told.meanings),
        "failing": [{"bit": line.position, "name": line.name, "text": line.text} for line in told.failing],
    }  # fmt: skip


def _beside(other: Beside) -> dict[str, Any]:
    return {
        "reference": other.reference, "first": other.first, "holds": other.holds,
        "rows": [
            {
                "status": row.status, "state": _values(row.state), "changed": [change.path for change in row.changes if not change.event],
                "differences": [one.name for one in row.differences],
            }
            for row in other.rows
        ],
    }  # fmt: skip


def written(story: Story) -> str:
    """The file."""
    return json.dumps(document(story), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Saved:
    """A trace file: what replaying needs."""

    design: str
    configuration: str
    claim: str
    purpose: str
    without: tuple[str, ...]
    file: str
    fingerprint: str
    initial: Mapping[str, int]
    steps: tuple[tuple[str, Mapping[str, int], Mapping[str, int]], ...]


def read(text: str, name: str) -> Saved:
    """The trace in a file's text; InputError, with the name, where it is not one."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        ends = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        begun = text.count('"action":')
        what = "it ends in the middle" + (f" of step {begun}" if begun else "") if text.strip() and ends else error.msg
        raise InputError(f"{name}: line {error.lineno}: this is not a whole trace file: {what}") from None
    except RecursionError:
        raise InputError(f"{name}: this is not a trace file: it is nested too deeply") from None
    except ValueError:  # a number of more digits than Python reads
        raise InputError(f"{name}: this is not a trace file: a number in it has thousands of digits") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{name}: this is not a trace file: a JSON object with \"format\": \"{FORMAT}\" was expected")
    if found.get("version") != VERSION:
        raise InputError(
            f"{name}: the trace is of version {found.get('version')!r}, and this specproof reads version {VERSION}; "
            "write it again with 'specproof explain'"
        )
    reader = _Reader(name, found)
    texts = {key: reader.text(key) for key in ("design", "configuration", "claim", "purpose", "file", "fingerprint")}
    without = reader.get(found, "without", list, "")
    steps = [reader.step(number, step) for number, step in enumerate(reader.get(found, "steps", list, ""), 1)]
    return Saved(**texts, without=tuple(map(str, without)), initial=reader.values(found, "initial", ""), steps=tuple(steps))


@dataclass(frozen=True)
class _Reader:
    name: str
    whole: Mapping[str, Any]

    def get(self, of: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
        if key not in of:
            raise InputError(f"{self.name}: {where}there is no {key!r}; the file is incomplete")
        if not isinstance(of[key], kind):
            raise InputError(f"{self.name}: {where}{key!r} is {of[key]!r:.60}; a {_KINDS[kind]} was expected")
        return of[key]

    def text(self, key: str) -> str:
        return str(self.get(self.whole, key, str, ""))

    def values(self, of: Mapping[str, Any], key: str, where: str) -> dict[str, int]:
        found = {}
        for name, value in self.get(of, key, dict, where).items():
            try:
                if not isinstance(value, str):
                    raise ValueError
                found[name] = int(value, 16)
                if found[name] < 0:
                    raise ValueError
            except ValueError:
                raise InputError(f"{self.name}: {where}{key} {name!r} is {value!r:.60}; hexadecimal text such as \"0x400\" was expected") from None
        return found

    def step(self, number: int, step: Any) -> tuple[str, Mapping[str, int], Mapping[str, int]]:
        where = f"step {number}: "
        if not isinstance(step, dict):
            raise InputError(f"{self.name}: {where}{step!r:.60}; an object was expected")
        unknown = [key for key in step if key not in _STEP]
        if unknown:
            raise InputError(f"{self.name}: {where}unknown entry {unknown[0]!r}; {did_you_mean(unknown[0], _STEP)}")
        return str(self.get(step, "action", str, where)), self.values(step, "inputs", where), self.values(step, "changed", where)


_KINDS: Mapping[Any, str] = {str: "text", list: "list", dict: "object"}
_STEP = ("action", "by", "source", "place", "sentence", "inputs", "changed", "any", "shown", "state_any", "writers", "flows")

