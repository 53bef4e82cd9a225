"""The answers as JSON, as `specproof/schema/check.json` describes it. `seconds` is all that differs between two runs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import specproof
from specproof.errors import UsageError
from specproof.load import Library
from specproof.pinned import Pins
from specproof.trace import Trace
from specproof.verdict import Concern, NotAsked, Proved, Refuted, Result, Unknown, Vacuous

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1


def document(answers: Iterable[Result | NotAsked], pins: Pins, known: Library, without: Sequence[str] = ()) -> dict[str, Any]:
    """What `--json` writes."""
    answers = list(answers)
    return {
        "schema": SCHEMA,
        "version": specproof.__version__,
        "results": [_result(answer, pins, known, without) for answer in answers if isinstance(answer, Result)],
        "not_asked": [
            {"design": answer.design, "claim": answer.claim, "reason": answer.reason} for answer in answers if isinstance(answer, NotAsked)
        ],
        "sanity": [
            {"design": design, "configuration": configuration, "check": one.check, "subject": one.subject, "text": one.text, "fails": one.fails}
            for design, configuration, one in concerns(answers)
        ],
    }


def concerns(answers: Iterable[Result | NotAsked]) -> list[tuple[str, str, Concern]]:
    """What was found of each design in each configuration, each thing once."""
    found = [(answer.design, answer.configuration, one) for answer in answers if isinstance(answer, Result) for one in answer.concerns]
    return list(dict.fromkeys(found))


def _result(result: Result, pins: Pins, known: Library, without: Sequence[str]) -> dict[str, Any]:
    verdict = result.verdict
    pin = pins.get((result.design, result.configuration, result.claim))
    found: dict[str, Any] = {
        "design": result.design, "configuration": result.configuration, "claim": result.claim, "kind": result.kind,
        "verdict": verdict.word, "expected": pin.verdict if pin else "-",
        "seconds": round(result.seconds, 6), "method": verdict.method, "assumptions": _assumptions(result, known, without),
    }  # fmt: skip
    if isinstance(verdict, Proved):
        found["lemmas"] = [lemma.equation for lemma in verdict.lemmas]
    elif isinstance(verdict, Refuted):
        found["trace"] = steps(verdict.trace)
        if verdict.other is not None:
            found["other"] = steps(verdict.other)
    elif isinstance(verdict, Vacuous | Unknown):
        found["reason"] = verdict.reason
    return found


def _assumptions(result: Result, known: Library, without: Sequence[str]) -> list[str]:
    """Those that a proof uses; of any other verdict those that were in force."""
    if isinstance(result.verdict, Proved):
        return list(result.verdict.assumptions)
    design = known.designs.get(result.design)
    return list(design.in_force(without)) if design else []


def steps(trace: Trace) -> list[dict[str, Any]]:
    """A run: step 0 has the whole initial state as what changed, each later one what it changed."""
    first = {"action": "initial", "by": "", "inputs": {}, "changed": _hexadecimal(trace.initial)}
    rest = [
        {"action": step.action, "by": step.by, "inputs": _hexadecimal(step.inputs), "changed": _hexadecimal(step.changed)} for step in trace.steps
    ]
    return [first, *rest]


def _hexadecimal(values: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{int(value):#x}" for name, value in values.items()}


class Output:
    """A file that an option names: found unwritable before any work is done, and written in one go at the end."""

    def __init__(self, path: str, option: str = "--json", reads: Sequence[str] = (), beside: Output | None = None) -> None:
        """Raises UsageError where the file cannot be written, or is one of those that are read, `FILE` or `FILE:NAME`, or the one `beside` it."""
        if not path:
            raise UsageError(f"{option}: no file is named")
        if path == "-":
            raise UsageError(f"{option} -: a file was expected, and standard output has the report; for a file of that name write ./-")
        self.option = option
        self.path = Path(path).resolve()
        if any(self.path == Path(file).resolve() for one in reads for file in (one, one.rpartition(":")[0]) if file):
            raise UsageError(f"{option} {path}: this file is read, and would be overwritten; name another one")
        self.special = self.path.exists() and not self.path.is_file()
        if beside is not None and beside.path == self.path and not self.special:
            raise UsageError(f"{option} {path}: {beside.option} writes this file; name another one")
        try:
            if self.path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            if self.path.exists():
                with self.path.open("a"):
                    pass
            if not self.special:
                with tempfile.NamedTemporaryFile(dir=self.path.parent or "."):
                    pass
        except OSError as error:
            raise UsageError(f"{option} {path}: cannot be written: {error.strerror}") from None

    def write(self, content: Mapping[str, Any]) -> None:
        """The content as JSON."""
        self.text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def text(self, text: str) -> None:
        """The whole file or, where that fails, none of it. A path that is no UTF-8 stands in it as JSON and Python write it, with a backslash."""
        self.data(text.encode("utf-8", "backslashreplace"))

    def data(self, content: bytes) -> None:
        """The same of a file that is not text."""
        try:
            if self.special:  # a pipe or a device
                self.path.write_bytes(content)
                return
            handle, name = tempfile.mkstemp(dir=self.path.parent or ".", prefix=f".{self.path.name}.")
            try:
                with open(handle, "wb") as file:
                    file.write(content)
                os.chmod(name, 0o666 & ~_umask())
                os.replace(name, self.path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            raise UsageError(f"{self.option} {self.path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
