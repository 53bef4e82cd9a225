"""A design that is made from one that ships: which of its verdicts are otherwise there, by the pinned table.

A list of refuted claims says nothing of a variant by itself, since the design that it varies may have findings of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from specproof.load import Library
from specproof.pinned import Pin, Pins, text
from specproof.report import Answer, wrapped
from specproof.verdict import NotAsked, Result, word

#: What a claim can come to, most serious first.
WORDS = ("refuted", "not asked", "unknown", "vacuous", "proved")

#: An answer, and the pin that the other design has for the claim in that configuration.
Pair = tuple[Answer, Pin]


def origin(known: Library, design: str) -> str:
    """The name of the design that ships from which one of a file is made by `but`, be it in several steps; empty where there is none."""
    if design in known.shipped or design not in known.designs:
        return ""
    return next((one.name for one in known.designs[design].back() if one.name in known.shipped and known.designs[one.name] is one), "")


def compared(answers: Sequence[Answer], pins: Pins, known: Library) -> list[str]:
    """For each design that is made from one that ships what is otherwise there, most serious first, and what to ask next."""
    found: list[str] = []
    for design in dict.fromkeys(answer.design for answer in answers):
        old = origin(known, design)
        if not old:
            continue
        pairs = list(_pairs([answer for answer in answers if answer.design == design], [pin for pin in pins.values() if pin.design == old]))
        if pairs:
            said = _otherwise(pairs)
            next_ = f"'specproof review {old} {Path(known.homes[design]).name}:{design}' says what that gains and loses."
            said.append(next_ if said else "No verdict is another there.")
            found += [*wrapped(" ".join([f"{design} is made from {old}.", *said]), "", "    "), ""]
    return found


def _pairs(answers: Sequence[Answer], pins: Sequence[Pin]) -> Iterator[Pair]:
    """Each answer with the pins of its claim; one that is not asked, with those of every configuration."""
    by: dict[str, list[Pin]] = {}
    for pin in pins:
        by.setdefault(pin.claim, []).append(pin)
    for answer in answers:
        for pin in by.get(answer.claim, ()):
            if isinstance(answer, NotAsked) or answer.configuration == pin.configuration:
                yield answer, pin


def _otherwise(pairs: Sequence[Pair]) -> list[str]:
    """A sentence for each way in which verdicts are otherwise, with the claims; where that is not so in all configurations, in which it is."""
    asked = Counter(answer.claim for answer, _ in pairs)
    ways: dict[str, dict[tuple[str, str], list[str]]] = {}
    for answer, pin in sorted(pairs, key=lambda pair: (WORDS.index(word(pair[0])), -WORDS.index(pair[1].verdict))):
        here = word(answer)
        if here != pin.verdict:
            ways.setdefault(f"{here.capitalize()} here, {pin.verdict} there", {}).setdefault((answer.claim, ""), []).append(pin.configuration)
        elif isinstance(answer, Result) and text(answer) != pin.text:
            steps = f"{text(answer).removeprefix('refuted in ')}, there {pin.steps}"
            ways.setdefault("Refuted by runs of another length", {}).setdefault((answer.claim, steps), []).append(pin.configuration)
    found = []
    for way, claims in ways.items():
        names = []
        for (claim, steps), where in claims.items():
            more = [*(where if len(where) < asked[claim] else ()), *([steps] if steps else ())]
            names.append(f"{claim} ({', '.join(more)})" if more else claim)
        found.append(f"{way}: {', '.join(names)}.")
    return found
