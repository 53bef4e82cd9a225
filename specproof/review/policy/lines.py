"""TOML with the line of each key, so that a complaint can point at it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specproof.errors import InputError, ModelError, did_you_mean, named

#: Where something stands: table name, its number among tables of that name, key ("" for the table itself).
Spot = tuple[str, int, str]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_\-]+)\s*(?:\.|=)")

#: A policy of more bytes than this is no policy.
LIMIT = 1 << 20

#: What stands for a table that is written within a list; as a line of its own it would be no TOML.
_INLINE = "{"


@dataclass(frozen=True)
class Source:
    """A file that was read: its values, and where each stands."""

    file: str
    values: Mapping[str, Any]
    lines: Mapping[Spot, int]

    def error(self, message: str, table: str = "", number: int = 0, key: str = "") -> InputError:
        """An error that points at a key, or at its table where the key is missing."""
        return InputError(f"{self.file}:{self.line(table, number, key)}: {message}")

    def line(self, table: str, number: int, key: str) -> int:
        """Where a key stands, or its table where the key is missing; 1 where nothing of it stands in the file."""
        return self.lines.get((table, number, key)) or self.lines.get((table, number, "")) or 1

    def tables(self, name: str) -> list[Mapping[str, Any]]:
        """The tables of an array `[[name]]`, checked to be that."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.error(f"'{name}' is written as tables: [[{name}]]", "", 0, name)
        return found

    def only(self, values: Mapping[str, Any], known: tuple[str, ...], table: str = "", number: int = 0) -> None:
        """Every key is known."""
        for key in values:
            if key not in known:
                where = f" of [[{table}]]" if table else ""
                raise self.error(f"there is no key {key!r}{where}; {did_you_mean(key, known)}", table, number, key)

    def text(self, values: Mapping[str, Any], key: str, table: str, number: int) -> str:
        """A text."""
        if key not in values:
            raise self.error(f"this [[{table}]] has no {key!r}", table, number)
        if not isinstance(values[key], str) or not values[key].strip():
            raise self.error(f"{key} = {shown(values[key])}: a text was expected", table, number, key)
        return str(values[key])

    def name(self, values: Mapping[str, Any], what: str, table: str = "", number: int = 0) -> str:
        """The text at `name`, which names something in every report."""
        try:
            return named(self.text(values, "name", table, number), what)
        except ModelError as error:
            raise self.error(str(error), table, number, "name") from None

    def names(self, values: Mapping[str, Any], key: str, table: str = "", number: int = 0) -> tuple[str, ...]:
        """A list of texts; none where the key is missing."""
        found = values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self.error(f"{key} = {shown(found)}: a list of names was expected", table, number, key)
        return tuple(found)

    def flag(self, values: Mapping[str, Any], key: str, table: str, number: int, default: bool) -> bool:
        """A truth value."""
        found = values.get(key, default)
        if not isinstance(found, bool):
            raise self.error(f"{key} = {shown(found)}: true or false was expected", table, number, key)
        return found


def shown(value: Any) -> str:
    """A value as a message has it. Python writes no number of some thousand digits, though it reads one that is not decimal."""
    try:
        return repr(value)
    except ValueError:
        return "a number too large to write here"


def read(file: str) -> Source:
    """A TOML file; InputError with file and line where it is none."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: this file cannot be read: {error.strerror}") from None
    if len(data) > LIMIT:
        raise InputError(f"{file}: this file has {len(data)} bytes; a policy has at most {LIMIT}")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        values = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: this file is not text in UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = found[1] if found else str(text.count("\n") + 1)
        said = re.sub(r" \(at .*\)$", "", str(error))
        raise InputError(f"{file}:{line}: this is not TOML: {said}") from None
    except ValueError:  # what Python says of a decimal number that is too large for it, before anybody can see what the number is for
        digits = sys.get_int_max_str_digits()
        long = re.search(rf"\d(?:_?\d){{{digits}}}", text)
        line = str(text.count("\n", 0, long.start() if long else None) + 1)
        raise InputError(f"{file}:{line}: this number has more than {digits} digits; a policy has none that does not fit in 64 bits") from None
    except RecursionError:
        raise InputError(f"{file}: this is not a policy: it nests too deeply") from None
    return Source(file, values, dict(reversed([*_spots(text)])))


def _spots(text: str) -> Iterator[tuple[Spot, int]]:
    """Where everything stands; of what has several lines the first comes first."""
    table, number, key, counts = "", 0, "", dict[str, int]()
    for line, found in _logical(text):
        header, assigned = _HEADER.match(found), _KEY.match(found)
        if found == _INLINE and not table:
            counts[key] = counts.get(key, -1) + 1
            yield (key, counts[key], ""), line
        elif header:
            table = header[2].strip().strip("\"'")
            above, _, below = table.partition(".")
            yield ("", 0, above), line
            if below:  # a table of the last table `above`
                yield (above, counts.get(above, 0), below.partition(".")[0]), line
            number = counts.get(table, -1) + 1 if header[1] == "[[" else 0
            counts[table] = number
            yield (table, number, ""), line
        elif assigned:
            key = assigned[1].strip("\"'")
            yield (table, number, key), line


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines at which a header or a key can begin: not those inside of a list or of a long text; and tables within a list."""
    depth, fence = 0, ""
    for line, found in enumerate(text.split("\n"), 1):
        if depth == 0 and not fence:
            yield line, found
        rest = found
        while rest:
            if fence:
                _, closed, rest = rest.partition(fence)
                fence = "" if closed else fence
                continue
            part = re.match(r"#.*|\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|[\[\]{}]|.", rest)
            token = part[0] if part else rest
            rest = rest[len(token) :]
            if token == _INLINE and depth == 1:
                yield line, _INLINE
            if token in ('"""', "'''"):
                fence = token
            elif token in "[{":
                depth += 1
            elif token in "]}":
                depth = max(0, depth - 1)
