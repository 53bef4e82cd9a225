"""The pinned table of verdicts, `proofs/pinned/DESIGN.toml`: what `check` must find of the designs that ship."""

from __future__ import annotations

import json
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from specproof.causes import FIELDS, Cause, cause
from specproof.errors import InputError, SpecproofError, UsageError, did_you_mean
from specproof.load import LEMMAS, Library
from specproof.plan import Key, Request, Unit, pair
from specproof.verdict import NotAsked, Refuted, Result, Unknown

WORDS = ("proved", "refuted", "vacuous", "unknown")
_FIELDS = ("design", "configuration", "claim", "verdict", "steps", "cause", "analysis")


@dataclass(frozen=True)
class Pin:
    """One line of the table; `steps` is the length of the shortest run where the verdict is "refuted", `cause` names why."""

    design: str
    configuration: str
    claim: str
    verdict: str
    steps: int | None = None
    analysis: str = ""
    cause: str = ""

    @property
    def key(self) -> Key:
        return self.design, self.configuration, self.claim

    @property
    def text(self) -> str:
        if self.steps is None or self.design == LEMMAS:
            return self.verdict
        return f"{self.verdict} in {self.steps} step{'s' * (self.steps != 1)}"


Pins = Mapping[Key, Pin]


def table() -> Path:
    """The folder that ships, with a file for each design."""
    import specproof.proofs

    for folder in specproof.proofs.__path__:
        path = Path(folder) / "pinned"
        if path.is_dir():
            return path
    raise InputError("proofs/pinned is missing; this installation is incomplete")


def read(path: Path) -> dict[Key, Pin]:
    """The pins of a file, or of all files of a folder; InputError where an entry is not what it should be."""
    pins: dict[Key, Pin] = {}
    for file in _files(path):
        for key, pin in _read(file).items():
            if key in pins:
                raise InputError(f"{file}: {' '.join(key)} is pinned twice")
            pins[key] = pin
    return pins


def causes(path: Path) -> dict[tuple[str, str], Cause]:
    """The causes that a file, or the files of a folder, give for refutations, by design and name."""
    return {(one.design, name): one for file in _files(path) for name, one in _causes(file, _parsed(file)).items()}


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]


def _parsed(path: Path) -> dict[str, list[Any]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    wrong = sorted(name for name, entries in found.items() if name not in ("verdict", "cause") or not isinstance(entries, list))
    if wrong:
        raise InputError(f"{path}: [[verdict]] and [[cause]] entries were expected, not {', '.join(wrong)}")
    return {"verdict": found.get("verdict", []), "cause": found.get("cause", [])}


def _causes(path: Path, found: Mapping[str, list[Any]]) -> dict[str, Cause]:
    """The causes of a file, whose name is that of the design."""
    causes: dict[str, Cause] = {}
    for number, entry in enumerate(found["cause"], 1):
        one = cause(entry, path.stem, f"{path}: cause {number}")
        if one.name in causes:
            raise InputError(f"{path}: cause {number}: {one.name!r} is told twice")
        causes[one.name] = one
    return causes


def _read(path: Path) -> dict[Key, Pin]:
    found = _parsed(path)
    entries, named = found["verdict"], _causes(path, found)
    pins: dict[Key, Pin] = {}
    for number, entry in enumerate(entries, 1):
        pin = _pin(entry, f"{path}: entry {number}")
        if pin.key in pins:
            raise InputError(f"{path}: entry {number}: {' '.join(pin.key)} is pinned twice")
        if pin.cause and pin.cause not in named:
            raise InputError(f"{path}: entry {number}: there is no [[cause]] {pin.cause!r}; {did_you_mean(pin.cause, named)}")
        pins[pin.key] = pin
    return pins


def _pin(entry: Any, what: str) -> Pin:
    if not isinstance(entry, dict):
        raise InputError(f"{what}: a table was expected, not {entry!r}")
    for name, value in entry.items():
        if name not in _FIELDS:
            raise InputError(f"{what} has a field {name!r}; {did_you_mean(name, _FIELDS)}")
        wanted = int if name == "steps" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise InputError(f"{what}: {name} = {value!r}; {'a number' if wanted is int else 'a text'} was expected")
    for name in ("design", "claim", "verdict"):
        if name not in entry:
            raise InputError(f"{what} has no {name}")
    if entry["verdict"] not in WORDS:
        raise InputError(f"{what}: verdict = {entry['verdict']!r}; {did_you_mean(entry['verdict'], WORDS)}")
    if ("steps" in entry) != (entry["verdict"] == "refuted"):
        raise InputError(f"{what}: a refuted claim has 'steps', the length of its shortest run, and no other has")
    if "cause" in entry and entry["verdict"] != "refuted":
        raise InputError(f"{what}: a claim that is not refuted has no 'cause'")
    analysis, why = entry.get("analysis", "").strip(), entry.get("cause", "")
    return Pin(entry["design"], entry.get("configuration", ""), entry["claim"], entry["verdict"], entry.get("steps"), analysis, why)


def text(result: Result) -> str:
    """`proved`, `refuted in 4 steps`: a verdict as it is compared and printed."""
    steps = result.verdict.trace.length if isinstance(result.verdict, Refuted) else None
    return Pin(result.design, "", "", result.verdict.word, steps).text


@dataclass(frozen=True)
class Difference:
    """A verdict that is not as pinned. `found` says what came out instead of `pinned`, which is None for nothing."""

    key: Key
    found: str
    pinned: str | None


def differences(answers: Iterable[Result | NotAsked], pins: Pins, units: Sequence[Unit], known: Library, request: Request) -> list[Difference]:
    """Where the answers are not as pinned, in the order of the answers, then pins that nothing answers.

    Undecided claims are no differences; they have an exit code of their own. Configurations that no
    table lists (a combination of settings from the command line) are compared with nothing.
    """
    found: list[Difference] = []
    asked = {key for unit in units for key in unit.keys}
    pinned: dict[tuple[str, str], list[Pin]] = {}
    for pin in pins.values():
        pinned.setdefault((pin.design, pin.claim), []).append(pin)
    for answer in answers:
        if isinstance(answer, NotAsked):
            said = f"not asked: {answer.reason}"
            found += [Difference(one.key, said, one.text) for one in pinned.get((answer.design, answer.claim), ()) if one.key in asked]
        elif listed(known, answer) and not isinstance(answer.verdict, Unknown):
            expected = pins.get((answer.design, answer.configuration, answer.claim))
            if expected is None or expected.text != text(answer):
                found.append(Difference((answer.design, answer.configuration, answer.claim), text(answer), expected.text if expected else None))
    return found + (_unanswered(pins, units, known, request) if request.whole else [])


def _shipped(known: Library, design: str) -> bool:
    return design in known.shipped or design == LEMMAS


def listed(known: Library, result: Result) -> bool:
    """Whether the table should have this result: a design and a claim that ship, a configuration that every check asks."""
    if not _shipped(known, result.design) or result.claim not in known.shipped_claims:
        return False
    if result.kind in ("lemma", "relation"):
        return result.kind == "lemma" or result.configuration == pair(known.claims[result.claim])
    return result.configuration in (known.design(result.design).configurations or ("",))


def _unanswered(pins: Pins, units: Sequence[Unit], known: Library, request: Request) -> list[Difference]:
    asked = {key for unit in units for key in unit.keys}
    own = bool(request.targets) and LEMMAS not in request.targets  # lemmas of a file are asked under the name of those that ship
    designs = {unit.design for unit in units} - ({LEMMAS} if own else set())
    gone = [
        pin for pin in pins.values()
        if pin.key not in asked and (pin.design in designs or not request.targets) and (_shipped(known, pin.design) or not request.targets)
    ]  # fmt: skip
    return [Difference(pin.key, "no such design, configuration or claim", pin.text) for pin in gone]


def render(pins: Iterable[Pin], header: str = "", causes: Iterable[Cause] = ()) -> str:
    """The table as the text of its file: the causes first."""
    blocks = [_rendered(one) for one in causes]
    for pin in pins:
        lines = [f'{name} = "{getattr(pin, name)}"' for name in ("design", "configuration", "claim", "verdict")]
        if pin.steps is not None:
            lines.append(f"steps = {pin.steps}")
        if pin.cause:
            lines.append(f'cause = "{pin.cause}"')
        if pin.analysis:
            lines.append(f'analysis = """\n{_escaped(pin.analysis)}\n"""')
        blocks.append("\n".join(["[[verdict]]", *lines, ""]))
    return header + "\n".join(blocks)


def _rendered(one: Cause) -> str:
    """A [[cause]] entry: short texts on a line, long ones filled."""
    lines = ["[[cause]]"]
    for name in FIELDS:
        text = getattr(one, name)
        filled = textwrap.fill(_escaped(text), 112, break_long_words=False, break_on_hyphens=False)
        lines.append(f'{name} = """\n{filled}\n"""' if len(text) > 100 else f"{name} = {json.dumps(text, ensure_ascii=False)}")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def renewed(pins: Pins, results: Iterable[Mapping[str, Any]]) -> list[Pin]:
    """The pins with the results of a `check --json` put in; analysis and cause stay where the verdict is the same word."""
    new = dict(pins)
    for result in results:
        key = (result["design"], result["configuration"], result["claim"])
        steps = len(result["trace"]) - 1 if "trace" in result else None
        old = pins.get(key)
        same = old if old and old.verdict == result["verdict"] else Pin(*key, "")
        new[key] = Pin(*key, result["verdict"], steps, same.analysis, same.cause)
    return list(new.values())


def header_of(text: str) -> str:
    """The comment at the top of a table, and the empty line below it; an analysis further down may have a line that begins with #VMEXIT."""
    comment = "".join(takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True)))
    return comment and comment + "\n"


def results_of(path: Path, designs: Iterable[str]) -> list[Mapping[str, Any]]:
    """The results in the file of a `check --json`; InputError where it is none, or speaks of other designs than these."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: this is not what 'specproof check --json FILE' writes: {error}") from None
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list):
        raise InputError(f"{path}: this is not what 'specproof check --json FILE' writes: it has no list of results")
    known = [*designs, LEMMAS]
    for number, result in enumerate(results, 1):
        what = f"{path}: result {number}"
        if not isinstance(result, dict):
            raise InputError(f"{what}: an object was expected, not {result!r}")
        for name in ("design", "configuration", "claim", "verdict"):
            if not isinstance(result.get(name), str) or not result[name].isprintable() or {'"', "\\"} & set(result[name]):
                raise InputError(f"{what}: {name} = {result.get(name)!r}; a name was expected")
        if result["design"] not in known:
            raise InputError(f"{what}: there is no design {result['design']!r}; {did_you_mean(result['design'], known)}")
        if result["verdict"] not in WORDS:
            raise InputError(f"{what}: verdict = {result['verdict']!r}; {did_you_mean(result['verdict'], WORDS)}")
        if not isinstance(result.get("trace", []), list) or result.get("trace") == [] or (result["verdict"] == "refuted") != ("trace" in result):
            raise InputError(f"{what}: a refuted claim has a trace, which is a list of steps, and no other has")
    return results


def main(arguments: Sequence[str]) -> int:
    """`python -m specproof.pinned CHECK.json`: puts the results of a check into the table, for a maintainer to read and commit.

    A pin that a whole check of its design no longer answers is left out.
    """
    from specproof.load import library

    try:
        if len(arguments) != 1:
            raise UsageError("usage: python -m specproof.pinned CHECK.json")
        results = results_of(Path(arguments[0]), library().shipped)
        old, told = read(table()), causes(table())
    except SpecproofError as error:
        print(error, file=sys.stderr)
        return 2
    for design in dict.fromkeys(result["design"] for result in results):
        path = table() / f"{design}.toml"
        written = path.read_text(encoding="utf-8") if path.is_file() else ""
        header = header_of(written)
        mine = [result for result in results if result["design"] == design]
        asked = {(design, result["configuration"], result["claim"]) for result in mine}
        pins = {key: pin for key, pin in old.items() if key in asked}
        why = [one for (whose, _), one in told.items() if whose == design]
        path.write_text(render(renewed(pins, mine), header, why), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
