"""The verdict of a review in a few sentences that can be pasted into a mail: what is lost, what is safe, on what it rests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from specproof.review.result import Behaviour, ClaimChange, Review, listed
from specproof.verdict import Refuted

#: More names than these are counted instead.
NAMED = 6


def line(review: Review) -> str:
    """The verdict line: the first words say what to do with the change."""
    sentences = [f"{review.old.label} -> {review.new.label}: {_first(review)}"]
    for what in (_gained(review), _still(review), _safe(review), _seen(review)):
        if what:
            sentences.append(what)
    return " ".join(sentences)


def _first(review: Review) -> str:
    lost = review.by_claim("lost")
    unsure = review.by_claim("undecided", "dropped", "hollow")
    if lost:
        tail = f" Undecided besides: {_names(unsure)}." if unsure else ""
        return f"do not take it as it is. It loses {_runs(lost)}.{tail}"
    if unsure:
        return f"not settled. Nothing is shown to be lost, but {_reasons(unsure)}."
    if review.identical:
        return "both are the same, term by term; nothing is lost."
    return "nothing is lost."


def _runs(found: dict[str, list[ClaimChange]]) -> str:
    return listed([f"{name} ({_lengths(changes)})" for name, changes in found.items()])


def _lengths(changes: Sequence[ClaimChange]) -> str:
    """`virtualized: 3 steps; emulated: 4 steps`, or once where all agree."""
    lengths = {change.configuration: change.run.trace.length for change in changes if change.run is not None}
    distinct = set(lengths.values())
    if len(distinct) == 1 and len(lengths) != 1:
        return f"a run of {_steps(distinct.pop())} in each configuration"
    return "; ".join(f"{name}: {_steps(length)}" if name else f"a run of {_steps(length)}" for name, length in lengths.items())


def _steps(number: int) -> str:
    return f"{number} step{'s' * (number != 1)}"


def _reasons(found: dict[str, list[ClaimChange]]) -> str:
    words = {"undecided": "is undecided", "dropped": "can no longer be asked", "hollow": "speaks of nothing any more"}
    said: dict[str, list[str]] = {}
    for name, changes in found.items():
        said.setdefault(words[changes[0].fate], []).append(name)
    return listed([f"{listed(names)} {what}" for what, names in said.items()])


def _gained(review: Review) -> str:
    gained, partly = review.by_claim("gained"), review.by_claim("gained", partly=True)
    said = [f"It gains {_names(gained)}."] if gained else []
    if partly:
        places: dict[str, list[str]] = {}
        for name, changes in partly.items():
            where = listed([change.configuration.replace("~", " against ") for change in changes])
            places.setdefault(where, []).append(name)
        said.append(f"It gains in part {'; '.join(f'({where}) {listed(names)}' for where, names in places.items())}.")
    return " ".join(said)


def _still(review: Review) -> str:
    parts = []
    still = review.by_claim("still refuted")
    if still:
        parts.append(f"Refuted before and after: {_names(still)}.")
    new = review.by_claim("new and refuted")
    if new:
        parts.append(f"Not asked before, and refuted: {_names(new)}.")
    return " ".join(parts)


def _safe(review: Review) -> str:
    worst = review.worst()
    safe = [name for name, fate in worst.items() if fate in ("kept", "gained", "new", "proved")]
    if not safe:
        return "No claim is proved of the new design."
    names = listed(safe) if len(safe) <= NAMED else f"{len(safe)} claims"
    words = [name for name, _ in review.assumptions]
    under = f", under the assumption{'s' * (len(words) > 1)} {listed(words)}" if words else ", under no assumption about the environment"
    return f"Proved of the new design for all values and runs of any length{under}: {names}."


def _seen(review: Review) -> str:
    if review.identical or not review.behaviours:
        return ""
    differing = _distinct(one for one in review.behaviours if one.differs)
    if not differing:
        open_ = _distinct(one for one in review.behaviours if not one.same)
        if open_:
            return f"Whether {listed(open_)} can differ is open."
        return "Fed the same inputs, nothing that can be seen of the two ever differs."
    first = min((one for one in review.behaviours if one.differs), key=lambda one: _length(one))
    return f"Fed the same inputs, the two can be told apart after {_steps(_length(first))}: {listed(differing)}."


def _length(one: Behaviour) -> int:
    return one.result.verdict.trace.length if isinstance(one.result.verdict, Refuted) else 0


def _distinct(found: Iterable[Behaviour]) -> list[str]:
    return list(dict.fromkeys(one.name for one in found))


def _names(found: dict[str, list[ClaimChange]]) -> str:
    return listed(list(found))
