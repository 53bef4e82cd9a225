"""What both sides are asked: a change of the design may not be judged by a change of what is asked, nor of what it is asked through.

What a claim says may change by its own words, and by the views that it speaks of. Where either does, the old claim
is asked of both sides too, as `NAME as it was`; a view that is computed otherwise is then computed in the old way
on both sides, under the name `VIEW_as_it_was`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any, cast

from specproof.claims import Claim, MissingView, Phrase, look, phrase
from specproof.design import Design
from specproof.errors import ModelError, where
from specproof.graph import substitute, variables
from specproof.review.sides import Side
from specproof.review.weight import AS_IT_WAS, before, demanded, now
from specproof.solver import Solver
from specproof.state import Field, State, assemble, flatten, leaves
from specproof.system import System, build, sees
from specproof.terms import Bool, Term, variable

#: Seconds of work in which two views that are other terms may turn out to see the same.
AGREE = 1.0


@dataclass(frozen=True)
class Wording:
    """Both sides with what they are to be asked; the names of the claims that have `other` words now, of those that are `gone`, of the `views` of
    both that are computed otherwise now, with what each sees before and after, of those `through` which claims are asked in the old way too, and
    those that the new design computes by a text of its own and through which nothing is asked in the old way."""

    old: Side
    new: Side
    other: tuple[str, ...]
    gone: tuple[str, ...]
    views: Mapping[str, tuple[Term, Term]]
    through: tuple[str, ...]
    rewritten: tuple[str, ...]

    @property
    def demands(self) -> tuple[str, ...]:
        """The views that say what is demanded, are computed otherwise, and are not computed in the old way too."""
        return tuple(name for name in self.views if name in demanded() and name not in self.through)


def worded(old: Side, new: Side, configuration: str, views: bool) -> Wording:
    """The sides of a review, each with the claims of both: asked as the new side says them, and as they were where that says otherwise.

    `configuration` is one that both have, in which it is looked what claims say; without `views` it does not matter how views are computed.
    """
    _names_are_free(old.design, new.design)
    systems = build(new.design, configuration), build(old.design, configuration)
    present = {claim.name: claim for claim in new.claims}
    seen = Sight.of(old.design, new.design, systems[1].helpers) if views else None
    measures = seen.measures() if seen is not None else {}
    other = tuple(claim.name for claim in old.claims if claim.name in present and not _says_the_same(claim, present[claim.name], systems))
    again = [claim for claim in old.claims if claim.name in present and (claim.name in other or _says(claim, systems[1]) & measures.keys())]
    gone = [claim for claim in old.claims if claim.name not in present]
    asked = [replace(_measured(claim, measures), name=claim.name + AS_IT_WAS, id="") for claim in again]
    own = [present.get(claim.name, claim) for claim in old.claims]
    here, there = ({name: terms[number] for name, terms in measures.items()} for number in (0, 1))
    return Wording(
        replace(old, design=_showing(old.design, here, old.design), claims=(*own, *asked)),
        replace(new, design=_showing(new.design, there, old.design), claims=(*new.claims, *asked, *(_measured(one, measures) for one in gone))),
        other, tuple(claim.name for claim in gone), seen.otherwise() if seen is not None else {}, tuple(measures),
        tuple(name for name in seen.rewritten() if name not in measures) if seen is not None else (),
    )  # fmt: skip


def _names_are_free(*designs: Design[Any]) -> None:
    """ModelError where a view has the name under which another one is looked at as it was: it would be taken for that."""
    for design in designs:
        for name, body in design.views.items():
            if now(name) != name:
                raise ModelError(f"{where(body)}: the view {name!r} has the name of {now(name)!r} as it was before a change; give it another")


def _says_the_same(old: Claim, new: Claim, systems: Sequence[System]) -> bool:
    """Whether two claims are one term of the views, on the first of the systems that has all of these."""
    if old is new:
        return True
    if (old.kind, old.left, old.right) != (new.kind, new.left, new.right):
        return False
    asked = False
    for system in systems:
        one, other = _term(old, system), _term(new, system)
        if one is not None and other is not None:
            return one is other
        asked = asked or one is not None or other is not None
    return not asked  # where one alone can be asked, it speaks of other views


def _term(claim: Claim, system: System) -> Term | None:
    """What a claim says, or None where the system has not all that it speaks of."""
    try:
        return _phrase(claim, system).term
    except MissingView:
        return None


def _phrase(claim: Claim, system: System) -> Phrase:
    return phrase(claim, *[look(system, "")] * len(inspect.signature(claim.body).parameters))


def _says(claim: Claim, system: System) -> set[str]:
    """The views that a claim speaks of."""
    try:
        return {name for names in _phrase(claim, system).seen for name in names}
    except MissingView:
        return set()


@dataclass(frozen=True)
class Sight:
    """What the views of two designs see, as terms of fields: of the old one `before` and, where the new one has the fields, `carried` over to it;
    of the new one `after`, and what the old texts would see of it, `moved`. `alike`: both have one name or the same fields; `made`: and the new one
    is another text of the old, or made from it, whichever file that was read from."""

    made: bool
    alike: bool
    before: Mapping[str, Term]
    carried: Mapping[str, Term]
    after: Mapping[str, Term]
    moved: Mapping[str, Term]

    @classmethod
    def of(cls, old: Design[Any], new: Design[Any], helpers: frozenset[str]) -> Sight:
        """`helpers`: those of the old design that its actions call. The others are part of the text of the views that call them."""
        fields = kept(old, new)
        was, after = _terms(old, old.views), _terms(new, new.views)
        carried = {name: substitute([term], fields)[0] for name, term in was.items() if all(used in fields for used in variables([term]))}
        text = copy.copy(new)
        text.functions = {**new.functions, **{name: body for name, body in old.functions.items() if name not in helpers}}
        moved = _terms(text, {**new.views, **old.views})  # the old texts, over the new helpers
        alike = old.name == new.name or len(fields) == len(dict(leaves(old.state))) == len(dict(leaves(new.state)))
        return cls(alike and any(one.name == old.name for one in new.back()), alike, was, carried, after, moved)

    def otherwise(self) -> dict[str, tuple[Term, Term]]:
        """Views of both that see something else in the new design, or of which nobody can say that they do not, since it has other fields."""
        return {name: (term, self.after[name]) for name, term in self.before.items() if name in self.after and name not in self._unchanged}

    def rewritten(self) -> list[str]:
        """Those of them that do not just follow a helper which is another."""
        return [name for name in self.otherwise() if self.moved.get(name) is not self.after[name]]

    def measures(self) -> dict[str, tuple[Term, Term]]:
        """The views that are computed in the old way too: as terms of the old design's fields, and of the new one's.

        They are those that the new design computes by another text, and those that say what is demanded and are other terms for whatever reason.
        Only of two texts of one design, of one name or with the same fields: through the views of another one a claim says nothing. Where the new
        one is made from the old, also those that it offers no longer.
        """
        found: dict[str, tuple[Term, Term]] = {}
        for name, term in self.before.items() if self.alike else ():
            says = name in demanded()
            if (name not in self.after and not self.made) or name in self._unchanged:
                continue
            if name in self.after and self.moved.get(name) is self.after[name] and not says:
                continue  # it follows a helper that is another
            ways = [self.carried.get(name), self.moved.get(name)] if says else [self.moved.get(name), self.carried.get(name)]
            fits = [way for way in ways if way is not None and way.width == term.width]
            if fits and fits[0] is not self.after.get(name):
                found[name] = term, fits[0]
        return found

    @cached_property
    def _unchanged(self) -> frozenset[str]:
        """The views that see the same in both, term by term or as Z3 says: asked once."""
        solver = Solver(work=AGREE)
        return frozenset(name for name in self.before if self._same(name, solver))

    def _same(self, name: str, solver: Solver) -> bool:
        one, other = self.carried.get(name), self.after.get(name)
        if one is None or other is None or one is other:
            return one is other and one is not None
        return one.width == other.width and solver.ask([~cast(Bool, one == other)]).word == "unsat"


def kept(old: Design[Any], new: Design[Any]) -> dict[Term, Term]:
    """The fields of an old design as a new one has them: under their names, or another name with the same words, where only one has these."""
    mine, theirs = dict(leaves(old.state)), dict(leaves(new.state))
    found = {path: path for path, one in mine.items() if path in theirs and theirs[path].width == one.width}
    gone, come = ([path for path in one if path not in other] for one, other in ((mine, theirs), (theirs, mine)))
    for path in gone:
        same, fits = ([name for name in names if _words(name, of) == _words(path, mine)] for names, of in ((gone, mine), (come, theirs)))
        if len(same) == len(fits) == 1:
            found[path] = fits[0]
    return {variable(path, mine[path].width): variable(name, theirs[name].width) for path, name in found.items()}


def _words(path: str, fields: Mapping[str, Field]) -> tuple[str, str, int]:
    """What tells a field from others but its name."""
    return path.rpartition(".")[0], fields[path].doc, fields[path].width


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
    more.views = {**design.views, **{before(name): _view(old.views[name], term) for name, term in terms.items()}}
    return more


def _view(body: Callable[..., Term], term: Term) -> Callable[..., Term]:
    @wraps(body)
    def look(state: State) -> Term:
        return substitute([term], {variable(path, value.width): value for path, value in flatten(state).items()})[0]

    return look


class _Through:
    """Views, some of which are computed in the old way."""

    def __init__(self, views: Any, names: frozenset[str]) -> None:
        self._views, self._names = views, names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._views, before(name) if name in self._names else name)


def _measured(claim: Claim, measures: Mapping[str, object]) -> Claim:
    """The claim, of views that are computed in the old way."""
    return replace(claim, body=_asked(claim.body, frozenset(measures))) if measures else claim


def _asked(body: Callable[..., Bool], names: frozenset[str]) -> Callable[..., Bool]:
    @wraps(body)
    def asked(*views: Any) -> Bool:
        return body(*(_Through(view, names) for view in views))

    return asked
