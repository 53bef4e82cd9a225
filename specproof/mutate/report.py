"""What a campaign found, for a reader and as JSON; the same for the same mutants, whatever the number of workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import specproof
from specproof.mutate.campaign import EQUIVALENT, KILLED, SURVIVED, UNKNOWN, Fate, Request
from specproof.mutate.tamper import OPERATORS

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1
WORDS = (KILLED, EQUIVALENT, SURVIVED, UNKNOWN)


def by_operator(fates: Sequence[Fate]) -> list[tuple[str, dict[str, int]]]:
    """Each operator that made a mutant, in the order of the list of operators, with how many have each fate.

    A mutant of the second order counts once, under both its operators.
    """
    names = list(dict.fromkeys(fate.operator for fate in fates))
    rank = {name: place for place, name in enumerate(OPERATORS)}
    names.sort(key=lambda name: [rank[one] for one in name.split(", ")])
    return [(name, {word: sum(fate.operator == name and fate.status == word for fate in fates) for word in WORDS}) for name in names]


def kills(fates: Sequence[Fate]) -> list[tuple[str, int]]:
    """Claims that killed, with how many mutants each was the first to kill; most first."""
    found = Counter(fate.by for fate in fates if fate.status == KILLED)
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))


def counts(fates: Sequence[Fate]) -> dict[str, int]:
    """How many mutants have each fate."""
    return {word: sum(fate.status == word for fate in fates) for word in WORDS}


def summary(request: Request, fates: Sequence[Fate]) -> Iterator[str]:
    """What is printed: a table by operator, kills by claim, and each mutant that is not accounted for."""
    if not fates:
        yield f"{request.design}: no mutant; nothing that these operators change makes a difference"
        return
    rows = [(name, *(str(found[word]) for word in WORDS)) for name, found in by_operator(fates)]
    yield from _table([("operator", *WORDS), *rows, ("all", *(str(number) for number in counts(fates).values()))])
    if found := kills(fates):
        yield ""
        yield from _table([("killed by", "mutants"), *((claim, str(number)) for claim, number in found)])
    for word in (SURVIVED, UNKNOWN):
        for fate in fates:
            if fate.status == word:
                yield ""
                yield from told(fate)
    yield ""
    totals = ", ".join(f"{number} {word}" for word, number in counts(fates).items())
    yield f"{request.design}: {len(fates)} mutant{'s' * (len(fates) != 1)}: {totals}"


def told(fate: Fate) -> Iterator[str]:
    """A mutant that survived, or is undecided: where it is, what is wrong, and what can be seen of it."""
    yield f"{fate.id} {fate.status}: {fate.action} ({fate.operator})"
    for one in fate.changes:
        yield f"    {one.where}  {one.text}"
    if fate.status == UNKNOWN:
        yield f"    {fate.by}"
    if fate.run is not None:
        where = f" of {fate.configuration}" if fate.configuration else ""
        yield f"    differs after {' '.join(step.action for step in fate.run.steps)}{where}:"
        width = max((len(view.name) for view in fate.views), default=0)
        for view in fate.views:
            yield f"        {view.name:{width}}  {view.mutant}, not {view.design}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.rjust(width) if place else text.ljust(width) for place, (text, width) in enumerate(zip(row, widths, strict=True)))


def document(request: Request, fates: Sequence[Fate]) -> dict[str, Any]:
    """What `--json` writes, as specproof/schema/mutate.json describes it."""
    return {
        "schema": SCHEMA,
        "version": specproof.__version__,
        "design": request.design,
        "order": request.order,
        "operators": list(request.operators or OPERATORS),
        "sample": request.sample,
        "seed": request.seed,
        "claims": list(request.claims),
        "actions": list(request.actions),
        "counts": counts(fates),
        "mutants": [_mutant(fate) for fate in fates],
    }


def _mutant(fate: Fate) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": fate.id, "action": fate.action, "operator": fate.operator, "change": fate.change, "status": fate.status,
        "by": fate.by, "steps": fate.steps, "configuration": fate.configuration,
        "changes": [{"operator": one.operator, "where": one.where, "text": one.text} for one in fate.changes],
        "run": [step.action for step in fate.run.steps] if fate.run is not None else [],
    }  # fmt: skip
    if fate.status == SURVIVED:
        found["views"] = [{"name": view.name, "design": view.design, "mutant": view.mutant} for view in fate.views]
    return found
