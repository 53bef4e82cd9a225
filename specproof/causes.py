"""What several refutations of one design have in common: the lines at fault, what it leans on, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from specproof.errors import InputError, did_you_mean

#: What a cause does, the most serious first; the last two are no defects.
HARMS: Mapping[str, str] = {
    "unprotected": "a guest runs without a bit that it was promised",
    "host": "the host runs with a guest's value",
    "fault": "the host's own write faults",
    "predictions": "predictions that another trained are used",
    "lost": "a value that was set for a guest is lost",
    "seen": "somebody reads a value that was not set",
    "accepted": "an access is let through or refused that should not be",
    "cost": "a write is made that nothing needs",
    "strict": "the claim asks for more than the design promises",
}

#: Causes that are listed and not told: they harm nobody.
NO_DEFECT = ("cost", "strict")


@dataclass(frozen=True)
class Cause:
    """Why claims about a design are refuted. All fields but `design` are those of a [[cause]] entry of the pinned table.

    `run` names the claim whose run shows it best, `leans` what must be the case for it to happen, `sure` how
    sure the transcription is and why, `untested` what was not tried on a machine.
    """

    design: str
    name: str
    title: str
    harm: str
    run: str
    source: str
    leans: str
    sure: str
    untested: str

    @property
    def rank(self) -> int:
        """0 for the most serious."""
        return list(HARMS).index(self.harm)


FIELDS = tuple(one.name for one in fields(Cause) if one.name != "design")


def cause(entry: Any, design: str, what: str) -> Cause:
    """A [[cause]] entry of the file of a design; InputError, with `what` in front, where it is not well formed."""
    if not isinstance(entry, dict):
        raise InputError(f"{what}: a table was expected, not {entry!r}")
    for name, value in entry.items():
        if name not in FIELDS:
            raise InputError(f"{what} has a field {name!r}; {did_you_mean(name, FIELDS)}")
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{what}: {name} = {value!r}; a text was expected")
    for name in FIELDS:
        if name not in entry:
            raise InputError(f"{what} has no {name}")
    if entry["harm"] not in HARMS:
        raise InputError(f"{what}: harm = {entry['harm']!r}; {did_you_mean(entry['harm'], tuple(HARMS))}")
    return Cause(design, **{name: " ".join(entry[name].split()) for name in FIELDS})
