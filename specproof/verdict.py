"""Verdicts: a sum type without truth value. `unknown` is never a pass and never a fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from specproof.trace import Trace


class _NoTruth:
    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has no truth value; compare 'verdict.word' or match on its class")


#: The method of a proof by all states that the claim depends on, which are few: the list of them is all that there is to read.
EVERY = "every state that it depends on, Z3 at full width"
#: The method of a proof by what Spacer found: it has neither lemmas to read nor a certificate.
SPACER = "Spacer at full width"


@dataclass(frozen=True)
class LemmaLine:
    """A lemma of a certificate: its equation, what it is needed for (actions that keep it, claims that use it), and the
    equation as a sentence."""

    equation: str
    keeps: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    sentence: str = ""


@dataclass(frozen=True)
class Proved(_NoTruth):
    """Z3 accepted every obligation at full width. `assumptions` are those that the proof uses."""

    method: str
    lemmas: tuple[LemmaLine, ...] = ()
    assumptions: tuple[str, ...] = ()
    witness: Trace | None = None
    word = "proved"


@dataclass(frozen=True)
class Refuted(_NoTruth):
    """Integers replayed the run to the violation. `shortest` says whether no shorter run exists."""

    method: str
    trace: Trace
    shortest: bool = True
    other: Trace | None = None
    word = "refuted"


@dataclass(frozen=True)
class Vacuous(_NoTruth):
    """The claim holds because what it speaks of never happens."""

    method: str
    reason: str
    word = "vacuous"


@dataclass(frozen=True)
class Unknown(_NoTruth):
    """Nothing was decided, and why."""

    method: str
    reason: str
    word = "unknown"


Verdict = Proved | Refuted | Vacuous | Unknown


@dataclass(frozen=True)
class Concern:
    """Something that makes proofs say less than they seem to. `check` is what was looked for, `subject` the action,
    claim or assumption that it was found in. With `fails` no proof of the design counts, or none of one `claim`."""

    check: str
    subject: str
    text: str
    fails: bool
    claim: str = ""


@dataclass(frozen=True)
class Result:
    """What `check` reports of one claim on one design in one configuration. For a lemma the design is
    "bit-vectors" and the configuration empty. `concerns` are what was found of the design by then."""

    design: str
    configuration: str
    claim: str
    kind: str
    verdict: Verdict
    seconds: float = 0.0
    concerns: tuple[Concern, ...] = ()


@dataclass(frozen=True)
class NotAsked:
    """A claim that a design cannot express, and the reason."""

    design: str
    claim: str
    reason: str


def word(answer: Result | NotAsked | None) -> str:
    """The verdict's word, or `not asked`."""
    return answer.verdict.word if isinstance(answer, Result) else "not asked"
