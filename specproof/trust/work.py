"""What `check` does with a unit of work when certificates are asked for, or second opinions."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import specproof
from specproof.errors import UsageError
from specproof.jobs import Answer, Emit, perform
from specproof.load import Library
from specproof.plan import Unit
from specproof.trust.files import fresh, seal
from specproof.verdict import NotAsked, Result

if TYPE_CHECKING:
    from specproof.decision import Decision
    from specproof.session import Session
    from specproof.trust.crosscheck import SecondOpinions


@dataclass(frozen=True)
class Work:
    """Decides the claims of a unit like `jobs.perform`, writes their certificates, has them cross-checked.

    Can be sent to another process. `notes`: a folder for what the cross-checks came to.
    """

    certificates: str | None = None
    others: tuple[str, ...] = ()
    notes: str = ""

    def __call__(self, unit: Unit, known: Library, emit: Emit) -> None:
        """Decides, emits, writes."""
        if not self.others:
            self._decide(unit, known, emit, None)
            return
        from specproof.trust.crosscheck import SecondOpinions

        opinions = SecondOpinions(self.others, Path("disagreement"), unit.timeout)
        with opinions.listening():
            self._decide(unit, known, emit, opinions)
        opinions.note(Path(self.notes))

    def _decide(self, unit: Unit, known: Library, emit: Emit, opinions: SecondOpinions | None) -> None:
        from specproof.trust import certificates

        claims = {name: known.claims[name] for name in unit.claims}
        design = known.designs.get(unit.design)
        found: list[Answer] = []

        def note(answer: Answer) -> None:
            found.append(answer)
            emit(answer)

        def inspect(decision: Decision, results: Sequence[Result]) -> None:
            if opinions is not None:
                opinions.review(decision)
            if self.certificates is not None:
                certificates.of_decision(Path(self.certificates), decision, claims, results, design, unit.without)

        perform(unit, known, note, inspect)
        if unit.kind == "lemmas" and self.certificates is not None:
            certificates.of_lemmas(Path(self.certificates), claims, [answer for answer in found if isinstance(answer, Result)])


@contextmanager
def working(session: Session, certificates: str | None, others: str | None, scheduler: str | None) -> Iterator[None]:
    """While this holds the session writes certificates and asks others, if that is wanted; afterwards it says what came of it."""
    if not (certificates or others):
        yield
        return
    from specproof.trust.crosscheck import chosen, summary

    if scheduler:
        raise UsageError("--certificates and --cross-check write files on this machine: leave out --scheduler")
    names = chosen(others) if others else ()
    if certificates:
        fresh(Path(certificates))
    with tempfile.TemporaryDirectory() as notes:
        session.work = Work(certificates, names, notes)
        try:
            yield
        finally:
            if certificates:
                finish(Path(certificates), session.answers)
            for line in summary(Path(notes)) if others else ():
                session.say(line)


def finish(directory: Path, answers: Sequence[Answer]) -> None:
    """The manifest: every answer, why some have no certificate, and the hash of every file."""
    reasons: dict[tuple[str, str, str], str] = {}
    for path in sorted(directory.rglob("missing.json")):
        given = json.loads(path.read_text(encoding="utf-8"))
        for claim, reason in given["reasons"].items():
            reasons[(given["design"], given["configuration"], claim)] = reason
        path.unlink()
    said = []
    for answer in answers:
        if isinstance(answer, NotAsked):
            continue
        key = (answer.design, answer.configuration, answer.claim)
        one = {"design": key[0], "configuration": key[1], "claim": key[2], "verdict": answer.verdict.word}
        reason = reasons.get(key) or (getattr(answer.verdict, "reason", "") if answer.verdict.word == "unknown" else "")
        said.append({**one, "reason": reason} if reason else one)
    versions = {"specproof": specproof.__version__, "python": platform.python_version(), "z3-solver": version("z3-solver")}
    seal(directory, {"versions": versions, "answers": said})
