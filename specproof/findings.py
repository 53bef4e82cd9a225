"""`docs/findings.md`: what is refuted of designs that were posted or ship, by cause, each with its run. Text only."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from specproof.causes import HARMS, NO_DEFECT, Cause
from specproof.history import Repair
from specproof.load import Library
from specproof.pinned import Pin
from specproof.plan import Key, Unit
from specproof.registers import Registers
from specproof.report import TIE
from specproof.trace import Step, Trace

WIDTH = 110

#: What is said of all of them at the top, and not again where a cause has no more to say.
NOTHING_RUN = "Nothing was run on hardware."

HEAD = """# Findings

Written by `specproof findings -o docs/findings.md`; a test holds it against the pinned verdicts and the runs.

**What this is, and what it is not.** Each finding follows from a *model* of a text: a patch as it was posted, a
file of a kernel or hypervisor at the version that the model's header cites. The model was written by reading that
text, and integers replayed each run on the model. **Nothing here was run on a processor with the control, and no
maintainer has confirmed any of it.** A finding is right if the model is. So each says which lines it rests on,
what must be the case for it to matter, how sure the reading is, and, where there is more to say than that, what
was not tried. KVM's series were requests for comments and were not merged: finding defects is what they were
posted for.

A design breaks many claims for one reason, so this page is by *cause*. The claims of each, with an analysis for
each claim, are in `proofs/pinned/`; `specproof explain DESIGN CLAIM --config NAME` tells a run in full. A run
here begins with the words that are not 0 at its start. Numbers in brackets are ids of public documents, with
which the models' headers say what was read.
"""


@dataclass(frozen=True)
class Finding:
    """A cause, the pins of the claims that it refutes, the run of one of them, and what would repair it."""

    cause: Cause
    pins: Sequence[Pin]
    run: str = ""
    repairs: Sequence[Repair] = field(default=())

    @property
    def shown(self) -> Key:
        """Whose run is shown: the first pin of the claim that the cause names."""
        return self._shown.key

    @property
    def steps(self) -> int | None:
        """The length of that run."""
        return self._shown.steps

    @property
    def _shown(self) -> Pin:
        return next(pin for pin in self.pins if pin.claim == self.cause.run)


def findings(pins: Iterable[Pin], causes: Iterable[Cause], repairs: Iterable[Repair] = (), runs: Mapping[Key, str] | None = None) -> list[Finding]:
    """A finding for each cause, in the causes' order."""
    by: dict[tuple[str, str], list[Pin]] = {}
    for pin in pins:
        by.setdefault((pin.design, pin.cause), []).append(pin)
    found = []
    for cause in causes:
        mine = by[cause.design, cause.name]
        keys = {(pin.configuration, pin.claim) for pin in mine}
        mending = [one for one in repairs if one.design.name == cause.design and keys & {(one.configuration, claim) for claim in one.claims}]
        plain = Finding(cause, mine, repairs=mending)
        found.append(Finding(cause, mine, (runs or {}).get(plain.shown, ""), mending))
    return found


def wanted(found: Iterable[Finding], units: Iterable[Unit]) -> list[Unit]:
    """The units that decide what is shown, and no more than that."""
    keys = {one.shown for one in found if one.cause.harm not in NO_DEFECT}
    cut = [(unit, tuple(claim for claim in unit.claims if (unit.design, unit.configuration, claim) in keys)) for unit in units]
    return [Unit(unit.kind, unit.design, unit.configuration, claims, unit.without, unit.timeout) for unit, claims in cut if claims]


def document(found: Sequence[Finding], known: Library) -> str:
    """The page. Vendors, designs and causes stand in the order of what they do, the most serious first."""
    real = sorted((one for one in found if one.cause.harm not in NO_DEFECT), key=lambda one: (one.cause.rank, one.cause.design))
    parts = [HEAD, "## On one page\n"]
    for harm, ones in groupby(real, lambda one: one.cause.harm):
        parts += [f"**{_capital(HARMS[harm])}**\n", *map(_short, ones), ""]
    refuted = {one.cause.design for one in found}
    clean = [name for name in known.designs if name in known.shipped and name not in refuted]
    parts += [*_filled(f"Nothing is refuted of {', '.join(clean)}."), ""]
    for vendor, of_vendor in _grouped(found, lambda one: known.design(one.cause.design).vendor):
        parts.append(f"## {vendor}\n")
        for name, of_design in _grouped(of_vendor, lambda one: one.cause.design):
            parts += [f"### {name}\n", *_filled(f"{known.design(name).doc.strip().rstrip('.')}."), ""]
            parts += [text for one in sorted(of_design, key=lambda one: one.cause.rank) if one.cause.harm not in NO_DEFECT for text in _told(one)]
            parts += _repaired(of_design)
            parts += _listed([one for one in of_design if one.cause.harm in NO_DEFECT])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _grouped(found: Sequence[Finding], by: Any) -> list[tuple[str, list[Finding]]]:
    """By name; the group with the most serious findings first."""
    groups: dict[str, list[Finding]] = {}
    for one in found:
        groups.setdefault(by(one), []).append(one)
    return sorted(groups.items(), key=lambda group: (sorted(one.cause.rank for one in group[1]), group[0]))


def _short(one: Finding) -> str:
    """Two or three lines on the first page: design, what happens, how many claims, how sure."""
    sure = re.split(r"[:;,]|\.(?=\s|$)", one.cause.sure)[0]
    text = f"*{one.cause.design}*: {one.cause.title}. {_count(one.pins)}; {_steps(one.steps)}; {sure[0].lower()}{sure[1:]}."
    return "\n".join(_filled(text, "- "))


def _told(one: Finding) -> list[str]:
    """A cause in full."""
    cause = one.cause
    _, configuration, claim = one.shown
    lines = [f"#### {cause.name}\n", *_filled(f"{cause.title}. ({_capital(HARMS[cause.harm])}.)"), ""]
    lines += _filled(f"**Refuted:** {_claims(one.pins)}", "- ")
    if one.run:
        where = f", {configuration.replace('~', ' against ')}" if configuration else ""
        lines += _filled(f"**Run** ({claim}{where}, {_steps(one.steps)}): {one.run}.", "- ")
    lines += _filled(f"**Where:** {cause.source.rstrip('.')}.", "- ")
    lines += _filled(f"**Leans on:** {cause.leans.rstrip('.')}.", "- ")
    lines += _filled(f"**How sure:** {cause.sure}", "- ")
    lines += _filled(f"**Not verified:** {cause.untested}", "- ") if cause.untested != NOTHING_RUN else []
    return [*lines, ""]


def _repaired(found: Sequence[Finding]) -> list[str]:
    """What would repair a design, and which causes that settles."""
    by: dict[str, tuple[Repair, list[str]]] = {}
    for one in found:
        for repair in one.repairs:
            by.setdefault(repair.repaired.name, (repair, []))[1].append(one.cause.name)
    lines = ["Repairs, in proofs/, with which their claims are proved:\n"] if by else []
    for name, (repair, causes) in by.items():
        lines += _filled(f"*{name}*, for {', '.join(dict.fromkeys(causes))}: {repair.why.rstrip('.')}.", "- ")
    return [*lines, ""]


def _listed(found: Sequence[Finding]) -> list[str]:
    """What harms nobody: a cost, or a claim that asks for more than is promised."""
    if not found:
        return []
    lines = ["No defects, and refuted all the same:\n"]
    for one in sorted(found, key=lambda one: one.cause.rank):
        lines += _filled(f"{one.cause.title} ({one.cause.source}). Refuted: {_claims(one.pins)}", "- ")
    return [*lines, ""]


def _claims(pins: Sequence[Pin]) -> str:
    """The claims by configuration, with the lengths of their runs."""
    by: dict[str, list[str]] = {}
    for pin in pins:
        by.setdefault(pin.configuration.replace("~", " against "), []).append(f"{pin.claim}{TIE}{pin.steps}")
    return "; ".join(f"{name}: {', '.join(claims)}" if name else ", ".join(claims) for name, claims in by.items()) + "."


def run_text(trace: Trace, registers: Registers) -> str:
    """From where (words that are not 0), and who does what; an actor is named where it changes."""
    fields = registers.system.fields
    words = [(path, value) for path, value in trace.initial.items() if value and "." not in path and fields[path].width]
    start = ", ".join(f"{path} {_brief(registers.field(path, value))}" for path, value in words)
    lines = [f"with {start}"] if start else []
    for actor, steps in groupby(trace.steps, lambda step: step.by):
        lines.append(f"{actor} {', '.join(_step(step, registers) for step in steps)}")
    return "; ".join(lines)


def _step(step: Step, registers: Registers) -> str:
    inputs = ", ".join(f"{name} {_brief(registers.input(step, name, value))}" for name, value in step.inputs.items() if value)
    return f"`{step.action}({inputs.replace(' true', '')})`" if inputs else f"`{step.action}`"


def _brief(value: str) -> str:
    """Without the number where its bits are named."""
    return re.sub(r"^0x[0-9a-f]+ (?=[A-Z])", "", value)


def _steps(steps: int | None) -> str:
    return f"{steps} step{'s' * (steps != 1)}"


def _count(pins: Sequence[Pin]) -> str:
    return f"{len(pins)} verdict{'s' * (len(pins) != 1)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _filled(text: str, first: str = "") -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False, break_long_words=False)
    return [line.replace(TIE, " ") for line in lines]
