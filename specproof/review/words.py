"""What both sides are asked: a change of the design may not be judged by a change of what is asked, nor of what it is asked through.

What a claim says may change by its own words, and by the views that it speaks of. Where either does, the old claim
is asked of both sides too, as `NAME as it was`; a view that is computed otherwise is then computed in the old way
on both sides, under the name `VIEW_as_it_was`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, wraps
from importlib import import_module
from typing import Any

from specproof.claims import Claim, MissingView, Phrase, look, phrase
from specproof.design import Design
from specproof.errors import ModelError
from specproof.graph import substitute, variables
from specproof.review.sides import Side
from specproof.state import State, assemble, flatten, leaves
from specproof.system import System, build, sees
from specproof.terms import Bool, Term, variable

#: What is behind the name of a claim that is asked as it was.
AS_IT_WAS = " as it was"


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


def worded(old: Side, new: Side, configuration: str) -> Wording:
    """The sides of a review, each with the claims of both: asked as the new side says them, and as they were where that says otherwise.

    `configuration` is one that both have, in which it is looked what claims say.
    """
    systems = build(new.design, configuration), build(old.design, configuration)
    now = {claim.name: claim for claim in new.claims}
    measures = _measures(old.design, new.design)
    other = tuple(claim.name for claim in old.claims if claim.name in now and not _says_the_same(claim, now[claim.name], systems))
    before = [claim for claim in old.claims if claim.name in now and (claim.name in other or _says(claim, systems[1]) & measures.keys())]
    gone = [claim for claim in old.claims if claim.name not in now]
    asked = [replace(_measured(claim, measures), name=claim.name + AS_IT_WAS, id="") for claim in before]
    own = [now.get(claim.name, claim) for claim in old.claims]
    here, there = ({name: terms[number] for name, terms in measures.items()} for number in (0, 1))
    return Wording(
        replace(old, design=_showing(old.design, here, old.design), claims=(*own, *asked)),
        replace(new, design=_showing(new.design, there, old.design), claims=(*new.claims, *asked, *(_measured(one, measures) for one in gone))),
        other, tuple(claim.name for claim in gone), _otherwise(old.design, new.design), tuple(measures),
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


@cache
def demanded() -> frozenset[str]:
    """The views that say what is demanded of a design."""
    return frozenset(import_module("specproof.proofs.weight").DEMANDED)


def _otherwise(old: Design[Any], new: Design[Any]) -> dict[str, tuple[Term, Term]]:
    """Views of both that are other terms in the new design, though it has the fields of the old ones."""
    both = {name: (_term(old, name), _term(new, name)) for name in old.views if _offers(old, name) and _offers(new, name)}
    return {name: (before, after) for name, (before, after) in both.items() if before is not after and _has(new, before)}


def _measures(old: Design[Any], new: Design[Any]) -> dict[str, tuple[Term, Term]]:
    """The views that are computed in the old way too: as terms of the old design's fields, and of the new one's.

    They are those that the new design computes by another text or offers no longer, and those that say what is demanded and are other
    terms for whatever reason. Only of two texts of one design, or of a design and its variant with the same fields: through the views of a
    design of another make a claim says nothing.
    """
    if not _akin(old, new):
        return {}
    by_old_text = copy.copy(new)
    by_old_text.views = {**new.views, **old.views}
    found: dict[str, tuple[Term, Term]] = {}
    for name in old.views:
        before, after = (_term(design, name) if _offers(design, name) else None for design in (old, new))
        if before is None or before is after:
            continue
        moved = _moved(by_old_text, name)
        if moved is after and name not in demanded():
            continue  # it follows a helper that is another
        for term in (before, moved) if name in demanded() else (moved, before):
            if term is not None and _has(new, term):
                found[name] = before, term
                break
    return found


def _akin(old: Design[Any], new: Design[Any]) -> bool:
    """Whether both are texts of one design, or one is a variant of the other and has the same fields."""
    return old.name == new.name or (_widths(old) == _widths(new) and (any(one is old for one in _back(new)) or any(one is new for one in _back(old))))


def _widths(design: Design[Any]) -> dict[str, int]:
    return {path: one.width for path, one in leaves(design.state)}


def _has(design: Design[Any], term: Term) -> bool:
    """Whether a design has the fields that a term reads."""
    widths = _widths(design)
    return all(widths.get(str(used.data)) == used.width for used in variables([term]))


def _back(design: Design[Any]) -> Iterator[Design[Any]]:
    """A design, and what it was made from, as far back as that goes."""
    one: Design[Any] | None = design
    while one is not None:
        yield one
        one = one.parent


def _offers(design: Design[Any], name: str) -> bool:
    return name in design.views and name not in design.lacking


def _term(design: Design[Any], name: str) -> Term:
    """A view as a term of the fields."""
    return sees(design, name, assemble(design.state, {path: variable(path, one.width) for path, one in leaves(design.state)}))


def _moved(design: Design[Any], name: str) -> Term | None:
    """The same of a view that was written for another design; None where it cannot be computed here."""
    try:
        return _term(design, name)
    except ModelError:
        return None


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
