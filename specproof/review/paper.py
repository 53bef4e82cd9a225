"""A review as blocks of text, which the terminal, Markdown and mail lay out in their own way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from specproof.review.line import _length, _steps, line
from specproof.review.result import FATES, MEANING, Behaviour, ClaimChange, Formula, Review, listed
from specproof.review.weight import AS_IT_WAS, protects, rank, worst_first
from specproof.story.blocks import Block, blocks
from specproof.verdict import Refuted, Unknown

#: The colour of each fate, by the names that the terminal's painter knows.
ROLES = {
    "lost": "refuted", "worse": "refuted", "undecided": "unknown", "dropped": "unknown", "hollow": "vacuous", "still refuted": "refuted",
    "new and refuted": "refuted", "gained": "proved", "new": "proved", "proved": "proved", "kept": "proved",
    "vacuous": "vacuous", "not asked": "faint",
}  # fmt: skip

#: Formulas that are spelt out, and runs of claims that are told in full; the others are counted or named.
FORMULAS, RUNS = 6, 2
#: Characters of a formula that is spelt out, if it is not the first.
SHORT = 240


def document(review: Review, full: bool = False) -> list[Block]:
    """The whole report. `full` tells the runs too that break the old design alone."""
    found = [Block("head", f"Review of {review.old.label} -> {review.new.label}", role="heading")]
    found.append(Block("text", line(review)))
    found += _claims(review)
    found += _runs(review, full)
    found += [*seen(review, full), *_formulas(review, full), *_rest(review)]
    return found


def _claims(review: Review) -> Iterator[Block]:
    if not review.claims:
        yield Block("text", "No claim could be asked of both designs.")
        return
    yield Block("title", "Claims")
    for fate in FATES:
        groups = review.by_claim(fate)
        if fate == "gained":
            groups = {**groups, **review.by_claim(fate, partly=True)}
        if groups:
            yield Block("rows", rows=tuple((fate if number == 0 else "", text) for number, text in enumerate(_texts(fate, groups))), role=ROLES[fate])
    used = [fate for fate in FATES if review.by_claim(fate)]
    yield Block("text", "; ".join(f"{fate}: {MEANING[fate]}" for fate in used) + ".", inner=True, role="faint")


def _texts(fate: str, groups: dict[str, list[ClaimChange]]) -> list[str]:
    if fate in ("kept", "new", "proved", "vacuous"):
        again = [name for name in groups if name.endswith(AS_IT_WAS)]
        now = ", ".join(name for name in groups if name not in again)
        before = ", ".join(name.removesuffix(AS_IT_WAS) for name in again)
        return [text for text in (now, f"as they were: {before}" if before else "") if text]
    if fate == "not asked":
        by: dict[str, list[str]] = {}
        for name, changes in groups.items():
            by.setdefault(changes[0].reason, []).append(name)
        return [f"{', '.join(names)}: {reason}" for reason, names in by.items()]
    alike: dict[str, list[str]] = {}
    for name in worst_first(groups):
        alike.setdefault(_details(groups[name]), []).append(title(groups[name][0]))
    return [f"{', '.join(names)}: {details}" for details, names in alike.items()]


def title(change: ClaimChange) -> str:
    """`enforcement (I1)`."""
    return f"{change.claim} ({change.id})" if change.id else change.claim


def _details(changes: Sequence[ClaimChange]) -> str:
    """What is said of one claim in each configuration; a reason that several share once."""
    places: dict[str, list[str]] = {}
    for change in changes:
        if change.run is None and change.old_run is None:
            places.setdefault(change.reason or change.fate, []).append(place(change.configuration))
    said = [f"{listed(names)}: {reason}" if all(names) else reason for reason, names in places.items()]
    return "; ".join([*(_detail(change) for change in changes if change.run is not None or change.old_run is not None), *said])


def _detail(change: ClaimChange) -> str:
    """Of a claim that a run breaks: after how many steps."""
    where = f"{place(change.configuration)} " if change.configuration else ""
    if change.fate == "gained":
        return f"{where}after {_run_length(change.old_run)}"
    if change.fate == "still refuted":
        return f"{where}after {_run_length(change.run)}{_before(change)}"
    return f"{where}after {_run_length(change.run)}" if change.run is not None else f"{where}{change.reason or change.fate}"


def _before(change: ClaimChange) -> str:
    """What there is to say of the old run beside the new one."""
    old, new = (_run_length(run) for run in (change.old_run, change.run))
    if change.same_run:
        return " as before" if old == new else f" (before {old}, which it still takes as well)"
    return " by another run" if old == new else f" (before {old})"


def _run_length(verdict: Refuted | None) -> str:
    return _steps(verdict.trace.length) if verdict is not None else "no steps"


def place(configuration: str) -> str:
    """`virtualized against emulated` of a relation."""
    return configuration.replace("~", " against ")


def _told_alike(review: Review) -> list[list[ClaimChange]]:
    """The changes, those of one claim together whose runs are the same steps in several configurations."""
    groups: dict[tuple[object, ...], list[ClaimChange]] = {}
    for change in review.claims:
        steps = tuple(tuple(step.action for step in run.trace.steps) if run is not None else () for run in (change.old_run, change.run))
        groups.setdefault((change.claim, change.fate, change.same_run, steps), []).append(change)
    return list(groups.values())


def _runs(review: Review, full: bool) -> Iterator[Block]:
    """The shortest runs that break the new design and are new, told in full; `full` tells all runs."""
    fates = ("lost", "worse", "new and refuted", "still refuted", "gained") if full else ("lost", "worse", "new and refuted")
    asked = [same for same in _told_alike(review) if same[0].fate in fates and not same[0].same_run]
    asked.sort(key=lambda same: (FATES.index(same[0].fate), not protects(same[0].claim), _told_length(same[0]), rank(same[0].claim)))
    told = asked if full else sorted(asked, key=lambda same: _is_repeated(same, asked))[:RUNS]
    for same in told:
        yield from _run(same, review)
    left = [same for same in asked if same not in told]
    if left:
        rest = listed([title(same[0]) for same in left]) if len(left) <= RUNS + 1 else f"{len(left)} more claims"
        yield Block("text", f"The runs that break {rest} are told with --full.")


def _is_repeated(same: list[ClaimChange], among: Sequence[list[ClaimChange]]) -> bool:
    """Whether an earlier one breaks by the same actions: of two runs that are told, two should be seen."""
    first = next(other for other in among if _actions(other[0]) == _actions(same[0]))
    return first is not same


def _actions(change: ClaimChange) -> tuple[str, ...]:
    run = change.run if change.run is not None else change.old_run
    return tuple(step.action for step in run.trace.steps) if run is not None else ()


def _told_length(change: ClaimChange) -> int:
    return len(_actions(change))


def _run(same: list[ClaimChange], review: Review) -> Iterator[Block]:
    change = same[0]
    places = " and ".join(place(one.configuration) for one in same if one.configuration)
    where = f", {places}" if places else ""
    old = change.fate == "gained"
    story, label = (change.old_story, review.old.label) if old else (change.story, review.new.label)
    if story is None:
        return
    word = "Still refuted, by another run" if change.fate == "still refuted" else change.fate.capitalize()
    yield Block("title", f"{word}: {title(change)}{where}", role=ROLES[change.fate])
    if change.sentence:
        yield Block("text", change.sentence)
    shortest = "no shorter run does" if story.shortest else "a shorter one may exist"
    values = f" Values are those of {place(change.configuration)}." if len(same) > 1 else ""
    yield Block("text", f"The run that breaks {label}; {shortest}.{values}")
    yield from blocks(story)


def seen(review: Review, full: bool = False) -> Iterator[Block]:
    """What can be seen of both; `full` tells every run, else the shortest of each configuration."""
    if review.identical:
        yield Block("text", "Both designs are the same term by term, so nothing that they do differs.")
        return
    if not review.behaviours:
        return
    yield Block("title", "What can be seen of both, fed the same inputs")
    rows = []
    for name in dict.fromkeys(one.name for one in review.behaviours):
        told = [one for one in review.behaviours if one.name == name and not one.same and not one.searched]
        outcomes = [f"{place(one.configuration)}: {_outcome(one)}" if one.configuration else _outcome(one) for one in told]
        if outcomes:
            rows.append((name, f"{told[0].sentence}; {'; '.join(outcomes)}"))
    if rows:
        yield Block("rows", rows=tuple(rows))
    alike: dict[str, list[str]] = {}
    for one in review.behaviours:
        if (one.same or one.searched) and one.configuration not in alike.setdefault(_alike(review, one), []):
            alike[_alike(review, one)].append(one.configuration)
    for text, places in alike.items():
        yield Block("text", f"{listed([place(name) for name in places])}: {text}" if all(places) else text, inner=True)
    yield from _apart_all(review.behaviours, review, full)
    yield from _demand(review, full)


def _demand(review: Review, full: bool) -> Iterator[Block]:
    """What is demanded of one and not of the other; `full` tells the runs."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in review.demand:
        if one.differs:
            places.setdefault((one.name, _outcome(one)), []).append(place(one.configuration))
    rows: dict[str, list[str]] = {}
    for (name, outcome), names in places.items():
        rows.setdefault(name, []).append(f"{listed(names)}: {outcome}" if all(names) else outcome)
    if rows:
        yield Block("title", "What is demanded of both, fed the same inputs")
        yield Block("rows", rows=tuple((name, "; ".join(said)) for name, said in rows.items()))
        if full:
            yield from _apart_all(review.demand, review, full)


def _alike(review: Review, one: Behaviour) -> str:
    """A sentence about everything that is like this in its configuration."""
    here = [other for other in review.behaviours if other.configuration == one.configuration]
    names = listed([other.name for other in here if other.same == one.same and other.searched == one.searched])
    if one.same:
        return f"{names} never differ{'s' * (',' not in names and ' and ' not in names)}" + (
            " before something else does (proved)." if any(other.differs for other in here) else " (proved)."
        )
    verdict = one.result.verdict
    return f"{names}: {verdict.reason}." if isinstance(verdict, Unknown) else ""


def _outcome(one: Behaviour) -> str:
    verdict = one.result.verdict
    if isinstance(verdict, Refuted):
        return f"differs after {_steps(_length(one))}: {one.before or 'nothing'} before the change, {one.after or 'nothing'} after it"
    return f"undecided: {verdict.reason}" if isinstance(verdict, Unknown) else verdict.word


def _apart_all(behaviours: Sequence[Behaviour], review: Review, full: bool) -> Iterator[Block]:
    """Runs of both side by side: those of several observables or configurations together that are the same steps."""
    told: dict[tuple[object, ...], list[Behaviour]] = {}
    for one in behaviours:
        if one.differs:
            steps = tuple((moment.action, moment.inputs) for moment in one.moments)
            told.setdefault((_shortest(one), steps), []).append(one)
    taken: set[str] = set()
    rest: list[str] = []
    for same in sorted(told.values(), key=lambda same: _length(same[0])):
        places = {one.configuration for one in same}
        if full or not places <= taken:
            taken |= places
            yield from _apart(same, review)
        else:
            rest += [f"{one.name} ({place(one.configuration)})" if one.configuration else one.name for one in same]
    if rest:
        yield Block("text", f"The runs that show {listed(rest)} are told with --full.", inner=True)


def _shortest(one: Behaviour) -> bool:
    return isinstance(one.result.verdict, Refuted) and one.result.verdict.shortest


def _apart(same: Sequence[Behaviour], review: Review) -> Iterator[Block]:
    one = same[0]
    places = dict.fromkeys(place(other.configuration) for other in same if other.configuration)
    where = f" ({', '.join(places)})" if places else ""
    sentences = listed(list(dict.fromkeys(other.sentence for other in same)))
    verdict = one.result.verdict
    if isinstance(verdict, Refuted) and not verdict.shortest:
        yield Block("title", f"A run that tells them apart by {sentences}{where}")
        yield Block("text", f"It is {verdict.method}; a shorter one may exist.")
    else:
        yield Block("title", f"The shortest run that tells them apart by {sentences}{where}")
    if len(places) > 1:
        yield Block("text", f"Values are those of {place(one.configuration)}.")
    if one.start:
        yield Block("text", "initially " + ", ".join(f"{name} = {value}" for name, value in one.start), inner=True)
    rows: list[tuple[str, ...]] = [("", review.old.label, review.new.label)]
    before: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for number, moment in enumerate(one.moments, 1):
        inputs = "".join(f", {name} {value}" for name, value in moment.inputs)
        rows.append((str(number), f"{moment.by}: {moment.action}{inputs}", "the same"))
        last = number == len(one.moments)
        sides = dict(moment.old), dict(moment.new)
        for name in dict.fromkeys((*sides[0], *sides[1])):
            left, right = (side.get(name, "-") for side in sides)
            moved = before != ({}, {}) and (before[0].get(name), before[1].get(name)) != (left, right)
            if left != right or moved or (last and moment.old and name == moment.old[0][0]):
                rows.append((">" if left != right else "", f"{name} {left}", f"{name} {right}"))
        before = sides
    yield Block("columns", rows=tuple(rows))


def _formulas(review: Review, full: bool) -> Iterator[Block]:
    if not review.formulas:
        return
    yield Block("title", "What one bit becomes, before and after")
    alike: list[Formula] = []
    spelt = [one for one in review.formulas if one.tell is not None]
    shown = _first(_differing(spelt, alike), full)
    if all(one.closed.agree == "always" for one in shown):
        shown, alike = _first(spelt, full), []
    for number, one in enumerate(shown):
        if number:
            yield Block("text", "", inner=True)
        yield from _formula(one)
    rest = [one for one in review.formulas if not any(one is told for told in (*shown, *alike))]
    if rest:
        places = ", ".join(dict.fromkeys(name for one in rest for name in one.actions))
        what = f"{len(rest)} more assignment{'s' * (len(rest) != 1)} differ" + "s" * (len(rest) == 1)
        yield Block("text", f"{what}, in longer formulas or in more than are told here (--full has them): in {places}.", inner=True)


def _first(found: Iterable[Formula], full: bool) -> list[Formula]:
    """Those that are told: the first, and short ones."""
    return list(found if full else islice((one for number, one in enumerate(found) if number == 0 or _length_of(one) <= SHORT), FORMULAS))


def _differing(found: Iterable[Formula], alike: list[Formula]) -> Iterator[Formula]:
    """Without those of actions that are of one text before and after, which go to `alike`.

    They tell nothing beside others that differ; of a helper whose own code is written otherwise it is worth telling that it does the same.
    """
    for one in found:
        if one.closed.agree == "always" and one.closed.before == one.closed.after and not any(name.endswith("()") for name in one.actions):
            alike.append(one)
        else:
            yield one


def _length_of(one: Formula) -> int:
    return sum(map(len, (one.under, one.closed.before, one.closed.after, one.closed.agree)))


def _formula(one: Formula) -> Iterator[Block]:
    said = one.closed
    rows = [("in", ", ".join(one.actions)), ("of", one.what)]
    if one.under:
        rows.append(("where", one.under))
    rows += [("before", said.before), ("after", said.after)]
    if said.agree:
        rows.append(("agree", f"{said.agree}: {said.words}" if said.agree not in ("always", "never") else said.words))
    elif said.words:
        rows.append(("", said.words))
    yield Block("rows", rows=tuple(rows))


def _rest(review: Review) -> Iterator[Block]:
    if review.only:
        yield Block("title", "What the two do not have in common")
        yield Block("rows", rows=tuple((what, ", ".join(names)) for what, names in review.only))
    if review.assumptions:
        yield Block("title", "What the proofs assume")
        for name, sentence in review.assumptions:
            yield Block("text", f"{name}: {sentence}", inner=True)
    if review.unasked:
        yield Block("text", "Claims that speak of what neither design shows were not asked.", role="faint")
