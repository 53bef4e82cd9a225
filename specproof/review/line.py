"""The verdict of a review in a few sentences that can be pasted into a mail: what to do with the change, and why.

The first sentence is enough to act on. Claims about protection come first, worst first; beyond a few the
others are counted, and the table has them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from specproof.review.result import ACTIONS, CONFIGURATIONS, OTHER_WIDTH, OTHERWISE, Behaviour, ClaimChange, Review, alone_in, listed
from specproof.review.weight import protects, worst_first
from specproof.verdict import Refuted

#: More names than these are counted instead.
NAMED = 3


def line(review: Review) -> str:
    """The verdict line: the first words say what to do with the change."""
    sentences = [f"{review.old.label} -> {review.new.label}: {_first(review)}"]
    if review.restricted and not review.identical:
        sentences.append(f"Asked only: {review.restricted}.")
    parts = _lost(review), _besides(review), _measured(review), _less(review), _still(review), _gained(review), _safe(review), _seen(review)
    sentences += [what for what in parts if what]
    return " ".join(sentences)


def _first(review: Review) -> str:
    lost = set(review.by_claim("lost", "worse"))
    unsure = review.by_claim("undecided", "dropped", "hollow")
    if lost:
        held = "it loses what held before" if review.of("lost") else "it breaks what was broken in other runs only"
        what = "it loses protection" if any(map(protects, lost)) else held
        return f"do not take it as it is: {what}."
    if unsure:
        return f"not settled. Nothing is shown to be lost, but {_reasons(unsure)}."
    if review.silent:
        asked = " that was asked" if review.claims else ""
        happens = " and of what happens there" if any(change.fate == "vacuous" for change in review.claims) else ""
        return f"not settled. No claim{asked} speaks of what both show{happens}, so this says only what can be seen of them."
    if review.open:
        return f"not settled. Nothing is shown to be lost, but whether {listed(review.open)} can differ is open."
    if review.identical:
        return "both are the same, term by term; nothing is lost."
    gained = set(review.by_claim("gained")) | set(review.by_claim("gained", partly=True))
    what = "nothing is lost, and protection is gained" if any(map(protects, gained)) else "nothing is lost"
    broken = _broken(review)
    if broken:
        places = dict.fromkeys(one.configuration for one in review.of("still refuted", "new and refuted") if one.claim in broken)
        where = f"in {listed([name.replace('~', ' against ') for name in places])} " if set(places) < set(review.configurations) else ""
        verb = "is" if len(broken) == 1 else "are"
        return f"{what}, but {where}{review.new.label} does not protect: {some(broken)} {verb} broken before and after."
    return f"{what}."


def _besides(review: Review) -> str:
    """What is not settled where something is lost; where nothing is, the first sentence says it."""
    unsure = review.by_claim("undecided", "dropped", "hollow")
    return f"Besides, {_reasons(unsure)}." if unsure and review.by_claim("lost", "worse") else ""


def _measured(review: Review) -> str:
    """What is to be known of views that are computed otherwise: keeping a claim that speaks of them may mean another thing than before."""
    said = []
    if review.through:
        verb, them = ("is", "it") if len(review.through) == 1 else ("are", "them")
        said.append(f"{some(review.through)} {verb} computed otherwise, so what speaks of {them} is asked as it was, too.")
    wide = review.apart(OTHER_WIDTH)
    if wide:
        said.append(f"Not compared, since {'it has' if len(wide) == 1 else 'they have'} another width: {some(wide)}.")
    another = []
    if review.demands:
        another.append(f"{some(review.demands)} {'is' if len(review.demands) == 1 else 'are'} computed otherwise")
    differing = [one for one in review.demand if one.differs and one.name.replace("-", "_") not in review.demands]
    if differing:
        names = list(dict.fromkeys(one.name for one in differing))
        verb = "differs" if len(names) == 1 else "differ"
        another.append(f"{some(names)} {verb} after {_steps(min(map(_length, differing)))}, fed the same inputs")
    if another:
        said.append(f"What is demanded is another: {'; '.join(another)}.")
    if review.rewritten:
        verb, them = ("is", "it") if len(review.rewritten) == 1 else ("are", "them")
        said.append(f"{some(review.rewritten)} {verb} computed otherwise, and what speaks of {them} is asked as it is now alone.")
    follow = [name for name in review.apart(OTHERWISE) if name not in (*review.through, *review.demands, *review.rewritten)]
    if follow:
        call, see = ("calls", "sees") if len(follow) == 1 else ("call", "see")
        said.append(f"{some(follow)} {call} a helper that is another one now, and {see} something else.")
    return " ".join(said)


def _less(review: Review) -> str:
    more = review.apart(alone_in(CONFIGURATIONS, review.new.label))
    unasked = f" Nothing is asked in {some(more)}, which {review.new.label} alone has." if more else ""
    return f"{_said_less(review)}{unasked}".strip()


def _said_less(review: Review) -> str:
    return f"Less is asked of it than of {review.old.label}: {'; '.join(review.less)}." if review.less else ""


def _broken(review: Review) -> list[str]:
    """Claims about protection that runs break on both sides, or that could not be asked before."""
    return [name for name in worst_first(review.by_claim("still refuted", "new and refuted")) if protects(name)]


def _lost(review: Review) -> str:
    said = {"lost": "which held before", "worse": f"and {review.old.label} goes through them unharmed, though others break it too"}
    return " ".join(
        f"Runs of {review.new.label} break {_named(lost)}, {what}." for fate, what in said.items() if (lost := review.by_claim(fate))
    )  # fmt: skip


def _named(lost: dict[str, list[ClaimChange]]) -> str:
    """The worst few, with the lengths of their runs, and how many others."""
    names = worst_first(lost)
    told = [f"{name} ({_lengths(lost[name])})" for name in names[:NAMED]]
    return listed([*told, *([_counted(len(names) - NAMED, "other claim")] if len(names) > NAMED else [])])


def _lengths(changes: Sequence[ClaimChange]) -> str:
    """`virtualized, 3 steps; emulated, 4 steps`."""
    lengths = {change.configuration.replace("~", " against "): change.run.trace.length for change in changes if change.run is not None}
    return "; ".join(f"{name}, {_steps(length)}" if name else _steps(length) for name, length in lengths.items())


def _steps(number: int) -> str:
    return f"{number} step{'s' * (number != 1)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def some(names: Sequence[str]) -> str:
    """All names where they are few, else the first and how many more."""
    return listed(names) if len(names) <= NAMED + 1 else f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _reasons(found: dict[str, list[ClaimChange]]) -> str:
    words = {"undecided": ("is", "undecided"), "dropped": ("can", "no longer be asked"), "hollow": ("speaks", "of nothing any more")}
    said: dict[str, list[str]] = {}
    for name in worst_first(found):
        said.setdefault(found[name][0].fate, []).append(name)
    plural = {"is": "are", "can": "can", "speaks": "speak"}
    parts = [(names, *words[fate]) for fate, names in said.items()]
    return listed([f"{some(names)} {verb if len(names) == 1 else plural[verb]} {rest}" for names, verb, rest in parts])


def _gained(review: Review) -> str:
    gained, partly = review.by_claim("gained"), review.by_claim("gained", partly=True)
    said = [f"It gains {some(worst_first(gained))}."] if gained else []
    where: dict[str, list[str]] = {}
    for name in worst_first(partly):
        places = listed([change.configuration.replace("~", " against ") for change in partly[name]])
        where.setdefault(places, []).append(name)
    said += [f"In {places} alone it gains {some(names)}." for places, names in where.items()]
    return " ".join(said)


def _still(review: Review) -> str:
    """What is broken before and after, unless the first sentence has it."""
    parts = []
    still, new = worst_first(review.by_claim("still refuted")), worst_first(review.by_claim("new and refuted"))
    settled = not review.by_claim("lost", "worse", "undecided", "dropped", "hollow") and not (review.silent or review.open or review.identical)
    told = _broken(review) if settled else []
    rest = [name for name in still if name not in told]
    if rest:
        parts.append(f"{'Also b' if told else 'B'}roken before and after: {some(rest)}.")
    if new:
        parts.append(f"Not asked before, and broken: {some(new)}.")
    return " ".join(parts)


def _safe(review: Review) -> str:
    worst = review.worst()
    safe = [name for name, fate in worst.items() if fate in ("kept", "gained", "new", "proved")]
    if not worst:
        return ""
    if not safe:
        return "No claim is proved of the new design."
    names = listed(worst_first(safe)) if len(safe) <= NAMED + 1 else f"{len(safe)} of {len(worst)} claims"
    words = [name for name, _ in review.assumptions]
    under = f", under the assumption{'s' * (len(words) > 1)} {listed(words)}" if words else ", under no assumption about the environment"
    return f"Proved of {review.new.label}, for all values and runs of any length{under}: {names}."


def _seen(review: Review) -> str:
    if review.identical or not review.behaviours:
        return ""
    differing = [one for one in review.behaviours if one.differs]
    if not differing:
        if any(not one.same for one in review.behaviours):
            return ""  # what is open is in the first sentence
        alone = review.apart(*(alone_in(ACTIONS, side.label) for side in (review.old, review.new)))
        without = f" and without {some(alone)}, which one of them alone has," if alone else ","
        return f"Fed the same inputs{without} nothing that can be seen of the two ever differs."
    first = min(map(_length, differing))
    names = dict.fromkeys(one.name for one in differing if _length(one) == first)
    others = {one.name for one in differing} - set(names)
    more = f" ({listed([name for name in dict.fromkeys(one.name for one in differing) if name in others])} later)" if others else ""
    return f"Fed the same inputs, the two can be told apart after {_steps(first)} by {listed(list(names))}{more}."


def _length(one: Behaviour) -> int:
    return one.result.verdict.trace.length if isinstance(one.result.verdict, Refuted) else 0
