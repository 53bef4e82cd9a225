"""What both sides are asked: a change of the design may not be judged by a change of what is asked, nor of what it is asked through.

What a claim says may change by its own words, and by the views that it speaks of. Where either does, the old claim
is asked of both sides too, as `NAME as it was`; a view that is computed otherwise is then computed in the old way
on both sides, under the name `VIEW_as_it_was`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from specproof.claims import Claim, MissingView, Phrase, look, phrase
from specproof.design import Design
from specproof.errors import ModelError
from specproof.graph import substitute, variables
from specproof.review.sides import Side
from specproof.review.weight import AS_IT_WAS, demanded
from specproof.state import State, assemble, flatten, leaves
from specproof.system import System, build, sees
from specproof.terms import Bool, Term, variable


@dataclass(frozen=True)
class Wording:
    """Both sides with what they are to be asked; the names of the claims that have `other` words now, of those that are `gone`, of the `views` of
    both that are computed otherwise now, with what each sees before and after, and of those `through` which claims are asked in the old way too."""

    old: Side
    new: Side
    other: tuple[str, ...]
    gone: tuple[str, ...]
    views: Mapping[str, tuple[Term, Term]]
    through: tuple[str, ...]

    @property
    def demands(self) -> tuple[str, ...]:
        """The views that say what is demanded, are computed otherwise, and are not computed in the old way too."""
        return tuple(name for name in self.views if name in demanded() and name not in self.through)


def worded(old: Side, new: Side, configuration: str, views: bool) -> Wording:
    """The sides of a review, each with the claims of both: asked as the new side says them, and as they were where that says otherwise.

    `configuration` is one that both have, in which it is looked what claims say; without `views` it does not matter how views are computed.
    """
    systems = build(new.design, configuration), build(old.design, configuration)
    now = {claim.name: claim for claim in new.claims}
    measures = _measures(old.design, new.design) if views else {}
    other = tuple(claim.name for claim in old.claims if claim.name in now and not _says_the_same(claim, now[claim.name], systems))
    before = [claim for claim in old.claims if claim.name in now and (claim.name in other or _says(claim, systems[1]) & measures.keys())]
    gone = [claim for claim in old.claims if claim.name not in now]
    asked = [replace(_measured(claim, measures), name=claim.name + AS_IT_WAS, id="") for claim in before]
    own = [now.get(claim.name, claim) for claim in old.claims]
    here, there = ({name: terms[number] for name, terms in measures.items()} for number in (0, 1))
    return Wording(
        replace(old, design=_showing(old.design, here, old.design), claims=(*own, *asked)),
        replace(new, design=_showing(new.design, there, old.design), claims=(*new.claims, *asked, *(_measured(one, measures) for one in gone))),
        other, tuple(claim.name for claim in gone), _otherwise(old.design, new.design) if views else {}, tuple(measures),
    )  # fmt: skip


def _says_the_same(old: Claim, new: Claim, systems: Sequence[System]) -> bool:
    """Whether two claims are one term of the views, on the first of the systems that has all of these."""
    if old is new:
        return True
    if (old.kind, old.left, old.right) != (new.kind, new.left, new.right):
        return False
    for system in systems:
        try:
            return _phrase(old, system).term is _phrase(new, system).term
        except MissingView:
            continue
    return True  # neither can be asked


def _phrase(claim: Claim, system: System) -> Phrase:
    return phrase(claim, *[look(system, "")] * len(inspect.signature(claim.body).parameters))


def _says(claim: Claim, system: System) -> set[str]:
    """The views that a claim speaks of."""
    try:
        return {name for names in _phrase(claim, system).seen for name in names}
    except MissingView:
        return set()


def _otherwise(old: Design[Any], new: Design[Any]) -> dict[str, tuple[Term, Term]]:
    """Views of both that are other terms in the new design, though it has the fields of the old ones: what each sees before and after."""
    before, after = _terms(old, old.views), _terms(new, new.views)
    return {name: (term, after[name]) for name, term in before.items() if name in after and term is not after[name] and _has(new, term)}


def _measures(old: Design[Any], new: Design[Any]) -> dict[str, tuple[Term, Term]]:
    """The views that are computed in the old way too: as terms of the old design's fields, and of the new one's.

    They are those that the new design computes by another text, and those that say what is demanded and are other terms for whatever reason.
    Only of two texts of one design, of one name or with the same fields: through the views of another one a claim says nothing. Where the new
    one is made from the old, also those that it offers no longer.
    """
    made = old.name == new.name or any(one is old for one in _back(new))
    if old.name != new.name and _widths(old) != _widths(new):
        return {}
    before, after = _terms(old, old.views), _terms(new, new.views)
    moved = _terms(new, {**new.views, **old.views})  # the old texts, over the new helpers
    found: dict[str, tuple[Term, Term]] = {}
    for name, term in before.items():
        says = name in demanded()
        if name not in after and not made:
            continue
        if term is after.get(name) or (moved.get(name) is after.get(name) and not says):
            continue  # it is the same, or follows a helper that is another
        ways = [term, moved.get(name)] if says else [moved.get(name), term]
        fits = [way for way in ways if way is not None and _has(new, way)]
        if fits:
            found[name] = term, fits[0]
    return found


def _back(design: Design[Any]) -> Iterator[Design[Any]]:
    """A design, and what it was made from, as far back as that goes."""
    one: Design[Any] | None = design
    while one is not None:
        yield one
        one = one.parent


def _widths(design: Design[Any]) -> dict[str, int]:
    return {path: one.width for path, one in leaves(design.state)}


def _has(design: Design[Any], term: Term) -> bool:
    """Whether a design has the fields that a term reads."""
    widths = _widths(design)
    return all(widths.get(str(used.data)) == used.width for used in variables([term]))


def _terms(design: Design[Any], views: Mapping[str, Callable[..., Term]]) -> dict[str, Term]:
    """Views as terms of a design's fields, without those that it lacks, and those that cannot be computed of it."""
    anywhere = assemble(design.state, {path: variable(path, one.width) for path, one in leaves(design.state)})
    showing = copy.copy(design)
    showing.views = dict(views)
    found = {}
    for name in views:
        with suppress(ModelError):
            if views is not design.views or name not in design.lacking:
                found[name] = sees(showing, name, anywhere)
    return found


def _showing(design: Design[Any], terms: Mapping[str, Term], old: Design[Any]) -> Design[Any]:
    """The design with more views: those of an old one, as terms of its own fields."""
    if not terms:
        return design
    more = copy.copy(design)
    more.views = {**design.views, **{_before(name): _view(old.views[name], term) for name, term in terms.items()}}
    return more


def _view(body: Callable[..., Term], term: Term) -> Callable[..., Term]:
    @wraps(body)
    def look(state: State) -> Term:
        return substitute([term], {variable(path, value.width): value for path, value in flatten(state).items()})[0]

    return look


def _before(name: str) -> str:
    return f"{name}_as_it_was"


class _Through:
    """Views, some of which are computed in the old way."""

    def __init__(self, views: Any, names: frozenset[str]) -> None:
        self._views, self._names = views, names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._views, _before(name) if name in self._names else name)


def _measured(claim: Claim, measures: Mapping[str, object]) -> Claim:
    """The claim, of views that are computed in the old way."""
    return replace(claim, body=_asked(claim.body, frozenset(measures))) if measures else claim


def _asked(body: Callable[..., Bool], names: frozenset[str]) -> Callable[..., Bool]:
    @wraps(body)
    def asked(*views: Any) -> Bool:
        return body(*(_Through(view, names) for view in views))

    return asked
