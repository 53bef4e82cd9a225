"""Second opinions: every question that Z3 answers is put to other solvers too, and a disagreement stops everything.

cvc5 and Bitwuzla are asked every question, with the same words. Beside that, every obligation of a proof is asked
in full, where Z3 was asked about the first position of each kind only. "sympy" is the bit-by-bit search, which
shares nothing with Z3: it is asked every obligation in full, and what is not bitwise is listed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from specproof.certify import Obligation
from specproof.decision import Decision
from specproof.errors import SpecproofError, UsageError, did_you_mean
from specproof.readings.smtlib import script
from specproof.solver import Answer, second
from specproof.terms import Term
from specproof.trust.solvers import Other, solver

#: Who can be asked.
NAMES = ("cvc5", "bitwuzla", "sympy")


class SolversDisagree(SpecproofError):
    """Two solvers answered one question differently: nothing that either says can be relied on."""


def chosen(text: str) -> tuple[str, ...]:
    """The names in a comma-separated list; UsageError where one is unknown or not installed."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in NAMES:
            raise UsageError(f"--cross-check: there is no {name!r} to ask; {did_you_mean(name, NAMES)}")
        if name != "sympy":
            solver(name)
    if not names:
        raise UsageError(f"--cross-check: name who is asked: {', '.join(NAMES)}")
    return names


@dataclass
class SecondOpinions:
    """Who is asked, and what came of it."""

    names: Sequence[str]
    folder: Path
    seconds: float | None = None
    agreed: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    crossing: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.others: list[Other] = [solver(name, self.seconds) for name in self.names if name != "sympy"]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this holds, nothing is asked of Z3 alone."""
        token = second.set(self.hear)
        try:
            yield
        finally:
            second.reset(token)

    def hear(self, assertions: Sequence[Term], answer: Answer) -> None:
        """A question that Z3 answered."""
        if self.others:
            self._compare(script(assertions), answer.word, "z3")

    def review(self, decision: Decision) -> None:
        """The obligations of a decision, in full."""
        for obligation in decision.obligations():
            if self.others and set(map(id, obligation.narrowed)) != set(map(id, obligation.assertions)):
                self._compare(script(obligation.assertions), "unsat", "z3, of the first position of each kind,")
            if "sympy" in self.names:
                self._bit_by_bit(decision.system.design, obligation)

    def _bit_by_bit(self, design: str, obligation: Obligation) -> None:
        from specproof.readings.bitproof import impossible
        from specproof.readings.closed import NotBitwise

        try:
            if impossible(obligation.assertions):
                self.agreed["sympy"] += 1
            else:
                self._stop(script(obligation.assertions), {"z3": "unsat", "sympy, bit by bit": "sat"})
        except NotBitwise as reason:
            self.crossing.append(f"{design}: {obligation.name}: {reason}")

    def _compare(self, text: str, word: str, who: str) -> None:
        for other in self.others:
            said = other.ask(text)
            if said not in ("sat", "unsat") or word not in ("sat", "unsat"):
                self.undecided[other.name] += 1
            elif said != word:
                self._stop(text, {who: word, other.name: said})
            else:
                self.agreed[other.name] += 1

    def _stop(self, text: str, said: dict[str, str]) -> None:
        """Saves the question and both answers, and stops everything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix="question-", suffix=".smt2")
        lines = "".join(f"; {who} says {word}\n" for who, word in said.items())
        with open(handle, "w", encoding="utf-8") as file:
            file.write(lines + text)
        os.chmod(name, 0o644)
        answers = ", ".join(f"{who} says {word}" for who, word in said.items())
        raise SolversDisagree(f"two solvers disagree, so nothing here can be relied on: {answers}; the question and both answers are in {name}")

    def note(self, folder: Path) -> None:
        """Writes what came of it, for whoever counts."""
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump({"agreed": self.agreed, "undecided": self.undecided, "crossing": self.crossing}, file)
        os.replace(name, name.removesuffix(".part") + ".json")


def summary(folder: Path) -> list[str]:
    """What all units noted: lines for the report."""
    agreed: Counter[str] = Counter()
    undecided: Counter[str] = Counter()
    crossing: list[str] = []
    for path in sorted(folder.glob("*.json")):
        given = json.loads(path.read_text(encoding="utf-8"))
        agreed.update(given["agreed"])
        undecided.update(given["undecided"])
        crossing += given["crossing"]
    lines = []
    for name in sorted({*agreed, *undecided}):
        left = f", {undecided[name]} left undecided by one side" if undecided[name] else ""
        what = "obligations shown bit by bit" if name == "sympy" else "questions answered alike"
        lines.append(f"cross-check: {name}: {agreed[name]} {what}{left}")
    lines += [f"cross-check: not bitwise: {text}" for text in sorted(set(crossing))]
    return lines or ["cross-check: nothing was asked"]
