"""Re-checking certificates with nothing but a solver and the interpreter of runs.

Imports neither models nor what found the proofs: no slices, no lemma discovery, no lifting. Every query is
generated again from the certificate's machine, lemmas and claims by `rule`, must be the very text of its file,
and is put to the solver; every run is executed on integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specproof.errors import InputError
from specproof.trust import path
from specproof.trust.files import MANIFEST, damages, load, manifest
from specproof.trust.format import Certificate, from_json
from specproof.trust.prose import text_of
from specproof.trust.rule import Query, Statement

#: A script's text to "sat", "unsat", or "unknown" with a reason.
Ask = Callable[[str], str]


@dataclass
class Verified:
    """What was found: claims accepted by verdict, complaints that each name a file, what stayed open, what is said at all."""

    accepted: list[tuple[str, str, str, str, tuple[str, ...]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    queries: int = 0
    runs: int = 0
    said: set[tuple[str, ...]] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)


def verify(directory: Path, ask: Ask, on_file: Callable[[str], None] = lambda name: None) -> Verified:
    """Everything in a folder of certificates; InputError where it has no readable manifest."""
    found = Verified()
    said = manifest(directory)
    found.wrong += damages(directory, said["files"])
    found.damaged = {text.split(": ", 1)[0] for text in found.wrong}
    answers = said.get("answers")
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise InputError(f"{directory / MANIFEST}: the list of answers is not well formed")
    folders = sorted(name.removesuffix("/certificate.json") for name in said["files"] if name.endswith("/certificate.json"))
    for folder in folders:
        try:
            check = _Folder(directory / folder, folder, ask, found, on_file)
            check.everything()
        except InputError as error:
            found.wrong.append(_once(f"{folder}/", str(error)))
    for answer in answers:
        key = tuple(str(answer.get(part)) for part in ("design", "configuration", "claim", "verdict"))
        if answer.get("reason"):
            found.open.append(f"{' '.join(filter(None, key[:3]))}: {key[3]}: no certificate: {answer['reason']}")
        elif key not in found.said:
            found.wrong.append(f"{MANIFEST}: {' '.join(filter(None, key))}: no certificate says so")
    return found


def _once(prefix: str, text: str) -> str:
    return text if prefix in text else prefix + ": " + text


@dataclass
class _Folder:
    """One certificate."""

    place: Path
    name: str
    ask: Ask
    found: Verified
    on_file: Callable[[str], None]

    def everything(self) -> None:
        certificate = from_json(self._load("certificate.json"))
        used: set[str] = {"certificate.json", "model.txt"}
        self._text(certificate)
        proof = certificate.proof
        rests = self._all(proof.rests(), used)
        lemmas = {number: self._all(proof.keeping(number), used) for number in range(len(proof.lemmas))}
        for one in certificate.statements:
            self.found.said.add((proof.machine.design, proof.machine.configuration, one.name, one.verdict))
            good = self._claim(certificate, one, used) and rests
            leans = proof.leaning([one]) if one.by_queries else set()
            if good and all(lemmas[number] for number in leans):
                self.found.accepted.append((proof.machine.design, proof.machine.configuration, one.name, one.verdict, _assumptions(certificate, one)))
        self._superfluous(used)

    def _load(self, name: str) -> Any:
        return load(self.place / name)

    def _text(self, certificate: Certificate) -> None:
        """The text that a person reads says what the solver is asked."""
        try:
            same = (self.place / "model.txt").read_text(encoding="utf-8") == text_of(certificate)
        except (OSError, UnicodeDecodeError):
            same = False
        if not same:
            self._complain("model.txt", "is missing, or is not the text of the certificate")

    def _all(self, queries: Iterable[Query], used: set[str]) -> bool:
        """Whether the solver accepts every query, and the files are what the rule asks."""
        good = True
        for query in queries:  # all of them: every complaint is worth hearing
            good &= self._query(query, used)
        return good

    def _query(self, query: Query, used: set[str]) -> bool:
        used.add(query.name)
        self.on_file(f"{self.name}/{query.name}")
        try:
            text = (self.place / query.name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self._complain(query.name, "is missing, or cannot be read")
            return False
        if text != query.text:
            self._complain(query.name, "is not what the certificate's lemmas and claims ask for")
            return False
        self.found.queries += 1
        word = self.ask(query.text)
        if word == query.word:
            return True
        if word in ("sat", "unsat"):
            self._complain(query.name, f"the solver says {word}, and {query.word} was expected")
        else:
            self.found.open.append(f"{self.name}/{query.name}: the solver says {word}")
        return False

    def _claim(self, certificate: Certificate, one: Statement, used: set[str]) -> bool:
        good = self._all(certificate.proof.claim(one), used) if one.by_queries else True
        shown = set()
        for name in certificate.runs.get(one.name, ()):
            used.add(name)
            try:
                run = path.from_json(self._load(name))
                if run.claim != one.name:
                    raise InputError(f"is a run of {run.claim}")
                path.replay(certificate.proof.machine, one, run)
            except InputError as error:
                self._complain(name, str(error).replace(f"{self.place}/{name}: ", ""))
                return False
            self.found.runs += 1
            shown.add(run.shows)
            good &= self._query(path.formula(certificate.proof.machine, one, run), used)
        for missing in needed(one) - shown:
            self._complain("certificate.json", f"{one.name}: {one.verdict}, and there is no run that shows its {missing}")
            good = False
        return good

    def _superfluous(self, used: set[str]) -> None:
        """Files that no lemma and no claim asks for, whatever the manifest says."""
        for file in sorted(self.place.rglob("*")):
            name = file.relative_to(self.place).as_posix()
            if file.is_file() and name not in used:
                self._complain(name, "belongs to no lemma and to no claim")

    def _complain(self, name: str, what: str) -> None:
        """A file that is damaged is complained about once, and for that."""
        place = f"{self.name}/{name}"
        if place not in self.found.damaged:
            self.found.wrong.append(f"{place}: {what}")


def needed(one: Statement) -> set[str]:
    """The runs that a verdict must come with."""
    if one.verdict == "refuted":
        return {"violation"}
    if one.verdict == "proved" and one.kind == "reachability":
        return {"goal"}
    return {"antecedent"} if one.verdict == "proved" and one.happens is not None and one.form != "values" else set()


def _assumptions(certificate: Certificate, one: Statement) -> tuple[str, ...]:
    """Those that the proof leans on, directly or through lemmas."""
    if not one.by_queries:
        return ()
    proof = certificate.proof

    def queries() -> Iterator[Query]:
        yield from proof.rests()
        yield from proof.claim(one)
        for number in proof.leaning([one]):
            yield from proof.keeping(number)

    return tuple(sorted({name for query in queries() for name in query.leans.assumptions}))
