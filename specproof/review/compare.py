"""A review of two designs: claims, behaviours and formulas in every configuration that both have."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from specproof.errors import UsageError, did_you_mean
from specproof.lift import least
from specproof.load import Library
from specproof.review.algebra import formulas
from specproof.review.claims import common_configurations, compared, relations, worse
from specproof.review.cone import identical
from specproof.review.less import less
from specproof.review.line import NAMED
from specproof.review.observe import behaviours, common, demand
from specproof.review.offered import unlike
from specproof.review.recall import Recall
from specproof.review.result import (
    ACTIONS,
    CONFIGURATIONS,
    OTHER_WIDTH,
    OTHERWISE,
    Answer,
    Behaviour,
    ClaimChange,
    Name,
    Place,
    Review,
    Told,
    alone_in,
    listed,
    word,
)  # fmt: skip
from specproof.review.sides import Side
from specproof.review.together import done
from specproof.review.weight import AS_IT_WAS
from specproof.review.words import worded
from specproof.story.subject import Subject
from specproof.story.tell import tell
from specproof.system import build
from specproof.trace import Trace
from specproof.verdict import Proved, Refuted, Result

#: Told what is being done next, in a few words.
Progress = Callable[[str], None]

#: Of one configuration: claims, behaviours, what is demanded, and the actions that each side has alone.
_Part = tuple[list[ClaimChange], list[Behaviour], list[Behaviour], tuple[tuple[str, ...], tuple[str, ...]]]


def review(
    old: Side, new: Side, *, configuration: str | None = None, claims: Sequence[str] = (), timeout: float | None = None,
    observables: Sequence[str] = (), exhaustive: bool = False, progress: Progress = lambda what: None, recall: Recall | None = None,
    jobs: int = 1, old_views: bool = True,
) -> Review:  # fmt: skip
    """Everything that the change from `old` to `new` gains and loses.

    `configuration` restricts it to one setting, `claims` to some claims, `observables` what is compared; `recall` decides,
    by default without a cache, configurations in `jobs` processes. Without `old_views` claims are asked through the new ones alone, where views
    are what changes by design. Raises ModelError or UsageError where a design or a name is wrong.
    """
    started = time.perf_counter()
    recall = recall or Recall()
    both, left, right = common_configurations(old, new, configuration)
    if not both:
        known = list(dict.fromkeys((*old.design.configurations, *new.design.configurations)))
        which = f" {configuration!r}" if configuration else ""
        hint = did_you_mean(configuration, known) if configuration else f"known: {', '.join(known) or 'none'}"
        raise UsageError(f"{old.label} and {new.label} have no configuration{which} in common; {hint}")
    said = worded(old, new, both[-1], old_views)
    old, new = said.old, said.new
    systems = {name: (build(old.design, name), build(new.design, name)) for name in both}
    wanted = [one for name in claims for one in _claim(name, old, new)]
    only = [(alone_in(CONFIGURATIONS, side.label), names) for side, names in ((old, left), (new, right)) if names and configuration is None]
    only += [("claims that have other words now", said.other)] if said.other else []
    only += [(f"claims of {old.label} alone", said.gone)] if said.gone else []
    only += [(OTHERWISE, tuple(said.views))] if said.views else []
    same = not said.views and all(identical(*pair) for pair in systems.values())

    def at(name: str) -> _Part:
        progress(f"claims, {name}" if name else "claims")
        changes = compared(old, new, name, systems[name], timeout, wanted, recall, exhaustive)
        if same:
            return changes, [], [], ((), ())
        progress(f"behaviour, {name}" if name else "behaviour")
        shared = common(*systems[name])
        seen = behaviours(shared.old, shared.new, timeout, observables, exhaustive, _changed_runs(changes, old, new))
        changes = worse(changes, (old, new), systems[name], seen)
        lost = any(change.fate in ("lost", "worse") for change in changes)  # the change is not to be taken, whatever is demanded
        return changes, seen, demand(shared.old, shared.new, timeout, seen, exhaustive) if old_views and not lost else [], shared.only

    def across() -> _Part:
        progress("relations")
        return relations(old, new, timeout, wanted, recall, exhaustive) if configuration is None else [], [], [], ((), ())

    todo: list[Callable[[], _Part]] = [*(partial(at, name) for name in both), across]
    parts = done(todo, jobs)
    changes = [change for found, *_ in parts for change in found]
    seen = [one for _, found, *_ in parts for one in found]
    for pair, (*_, alone) in zip(systems.values(), parts, strict=False):
        apart = () if same else unlike(*pair)
        found = [*_only_actions(old, new, alone), *([(OTHER_WIDTH, apart)] if apart else [])]
        only += [entry for entry in found if entry not in only]
    asked = [replace(change, told=_told(change, old, new)) for change in _merged(changes, new) if not _silent(change)]
    assumptions = _assumptions(changes, new)
    progress("formulas")
    measured = {name: said.views[name] for name in said.views if name in (*said.through, *said.demands)}
    return Review(
        old=_name(old), new=_name(new), configurations=tuple(both), only=tuple(only), claims=tuple(asked),
        unasked=len({change.claim for change in changes} - {change.claim for change in asked}),
        behaviours=tuple(seen), demand=tuple(one for *_, found, _ in parts for one in found),
        formulas=() if same else tuple(formulas(old.design, new.design, systems, measured)), identical=same,
        assumptions=assumptions, places=_places(new), seconds=time.perf_counter() - started,
        restricted=_restricted(wanted, configuration), through=said.through, demands=said.demands,
        rewritten=tuple(name for name in said.rewritten if name not in said.demands),
        less=less(old.design, new.design, systems, () if configuration else left, [name for name, _ in assumptions], asked),
    )  # fmt: skip


def _restricted(claims: Sequence[str], configuration: str | None) -> str:
    """What was asked, where that was not everything."""
    names = list(dict.fromkeys(claims))
    what = listed(names) if len(names) <= NAMED else f"{len(names)} claims"
    place = f"in {configuration.replace('~', ' against ')}" if configuration else ""
    return ", ".join(part for part in (what, place) if part)


def _changed_runs(changes: Sequence[ClaimChange], old: Side, new: Side) -> list[Told]:
    """Runs that break one side and not the other, or not in the same way."""
    return [told for change in changes if not change.same_run for told in _told(change, old, new) if told is not None]


def _silent(change: ClaimChange) -> bool:
    return word(change.old) == word(change.new) == "not asked"


def _told(change: ClaimChange, old: Side, new: Side) -> tuple[Told | None, Told | None]:
    """What tells the runs that break the two sides."""
    first, second = (_of_side(change, side, answer) for side, answer in ((old, change.old), (new, change.new)))
    return first, second


def _of_side(change: ClaimChange, side: Side, answer: Answer | None) -> Told | None:
    verdict = answer.verdict if isinstance(answer, Result) else None
    if not isinstance(verdict, Refuted):
        return None
    claim = next(claim for claim in side.claims if claim.name == change.claim)
    subject = Subject(Library(), side.design, change.configuration, claim)

    def fewer(trace: Trace) -> Trace:
        whole = subject.is_relation or change.fate == "worse"  # shrunk on the pair already, where both sides matter
        return trace if whole else least(subject.system, subject.prop, trace)

    return Told(verdict.trace, fewer, partial(tell, subject, shortest=verdict.shortest, analyse=False))


def _claim(name: str, old: Side, new: Side) -> list[str]:
    """The claim that is meant, and what it said before."""
    known = {key: claim.name for side in (old, new) for claim in side.claims for key in (claim.name, claim.id) if key}
    if name not in known:
        raise UsageError(f"there is no claim {name!r}; {did_you_mean(name, known)}")
    return [one for one in (known[name], known[name] + AS_IT_WAS) if one in known]


def _only_actions(old: Side, new: Side, only: tuple[tuple[str, ...], tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
    return [(alone_in(ACTIONS, side.label), names) for side, names in zip((old, new), only, strict=True) if names]


def _merged(changes: Sequence[ClaimChange], new: Side) -> list[ClaimChange]:
    """In the order of the claims, then of the configurations."""
    order = {claim.name: number for number, claim in enumerate(new.claims)}
    return sorted(changes, key=lambda change: order.get(change.claim, len(order)))


def _assumptions(changes: Sequence[ClaimChange], new: Side) -> tuple[tuple[str, str], ...]:
    """The assumptions on which the new design's proofs lean, with their sentences."""
    proofs = [change.new.verdict for change in changes if isinstance(change.new, Result) and isinstance(change.new.verdict, Proved)]
    used = {name for proof in proofs for name in proof.assumptions}
    known = new.design.assumptions
    return tuple((name, " ".join(known[name].doc.split("\n\n")[0].split()) if name in known else "") for name in sorted(used))


def _name(side: Side) -> Name:
    places = _places(side)
    first = next(iter(places.values()), Place("", 1))
    return Name(side.label, side.design.doc, side.place(str(Path(side.file).resolve())) if side.file else first.file)


def _places(side: Side) -> dict[str, Place]:
    """Where each action and helper of the design is defined, as the user knows the file."""
    found: dict[str, Place] = {}
    design = side.design
    for name, body in ({**{name: spec.body for name, spec in design.actions.items()}, **design.functions}).items():
        code = inspect.unwrap(body).__code__
        found[name] = Place(side.place(code.co_filename), code.co_firstlineno)
    return found
