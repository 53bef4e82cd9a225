"""Claims: what must hold, written once over views and asked of every design that offers them.

    @invariant("enforcement", id="I1")
    def enforcement(v: Machine) -> Bool:
        \"""Bits that the host decided to enforce have their values while the guest runs.\"""
        return implies(v.guest_runs, (v.effective & v.required_mask) == v.required_value)

A claim whose top is `implies(antecedent, consequent)` must have an antecedent that happens; where it
never does, the claim is vacuous.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from specproof.calling import called, hints
from specproof.errors import MissingView as MissingView
from specproof.errors import ModelError, at, named, where
from specproof.graph import substitute, variables
from specproof.state import _width
from specproof.system import System
from specproof.terms import TRUE, Bool, Term, Word, boolean, variable

KINDS = ("invariant", "step", "relation", "lemma", "reachability")


@dataclass(frozen=True)
class Claim:
    """One claim: `name` in kebab case, `id` as in the fact sheets, `kind` one of `KINDS`.

    A relation compares a design in the configuration `left` with itself in `right`.
    """

    name: str
    id: str
    kind: str
    body: Callable[..., Bool]
    left: str = ""
    right: str = ""

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.body.__doc__ or "")

    @property
    def sentence(self) -> str:
        """The first sentence of the docstring."""
        return " ".join(self.doc.split("\n\n")[0].split())


_collected: ContextVar[list[Claim] | None] = ContextVar("claims of the file that is being loaded", default=None)


@contextmanager
def collecting() -> Iterator[list[Claim]]:
    """Claims that are defined while this holds, in order."""
    found: list[Claim] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


#: What a claim of each kind is given; a lemma, what it names.
TAKES = {
    "invariant": ("the views",), "reachability": ("the views",), "step": ("the views before", "the views after"),
    "relation": ("the views of the left", "the views of the right"),
}  # fmt: skip


def _claim(kind: str, name: str, id: str, left: str = "", right: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    if callable(name):
        raise ModelError(f"{where(name)}: a claim needs a name: write '@{'reachable' if kind == 'reachability' else kind}(\"its-name\")' above it")
    named(name, "a claim")

    def register(body: Callable[..., Bool]) -> Claim:
        _takes(kind, name, body)
        claim = Claim(name, id, kind, body, left, right)
        if (found := _collected.get()) is not None:
            found.append(claim)
        return claim

    return register


def _takes(kind: str, name: str, body: Callable[..., Bool]) -> None:
    """ModelError where the function cannot be given what a claim of this kind is."""
    given = TAKES.get(kind)
    if given is not None:
        try:
            inspect.signature(body).bind(*given)
        except TypeError:
            what = "a reachability claim" if kind == "reachability" else f"{'an' if kind == 'invariant' else 'a'} {kind}{' claim' * (kind == 'step')}"
            raise ModelError(f"{where(body)}: claim {name}: {what} is given {' and '.join(given)}, and this function cannot take that") from None


def invariant(name: str, *, id: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    """Decorator: holds in every reachable state; takes the views. Observed views make it speak of every step's end."""
    return _claim("invariant", name, id)


def step(name: str, *, id: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    """Decorator: holds of every step from a reachable state; takes the views before and after."""
    return _claim("step", name, id)


def relation(name: str, *, left: str, right: str, id: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    """Decorator: holds between two configurations of one design that are fed the same inputs; takes both views."""
    return _claim("relation", name, id, left, right)


def lemma(name: str, *, id: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    """Decorator: holds for all values of its parameters, which are words and truth values."""
    return _claim("lemma", name, id)


def reachable(name: str, *, id: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    """Decorator: holds at the end of some run; takes the views."""
    return _claim("reachability", name, id)


class Views:
    """What a claim sees of a state: the design's views as attributes."""

    def __init__(self, system: System, values: Mapping[str, Term]) -> None:
        """`values`: a term for every leaf of the state."""
        self._system, self._values = system, values
        self._seen: dict[str, Term] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._seen:
            self._seen[name] = self._look(name)
        return self._seen[name]

    def _look(self, name: str) -> Term:
        if name in self._system.lacking:
            raise MissingView(self._system.lacking[name])
        if name not in self._system.views:
            raise MissingView(self._system.lacking.get("", f"{self._system.design} offers no view {name!r}"))
        return self._system.view(name, self._values)


@dataclass(frozen=True)
class Property:
    """A claim instantiated on a system.

    `steps` has for each action a term over the state before and its inputs, which must hold whenever
    the action is taken. Without steps, `state` is over the state variables and must hold in every
    reachable state; with them it must hold initially. `happens` is the antecedent in the same forms,
    or None where there is none.
    """

    claim: str
    state: Bool | None
    steps: Mapping[str, Bool]
    happens: Property | None = None

    @property
    def always(self) -> Bool | None:
        """What must hold in every state, if it is a property of states."""
        return None if self.steps else self.state


def _call(claim: Claim, *views: Any) -> Bool:
    result: object = called(claim.body, f"claim {claim.name}", *views)
    if not isinstance(result, Bool | bool):
        hint = "; does it end without 'return'?" if result is None else "; compare the word, as in '== 0'" if isinstance(result, Word) else ""
        raise ModelError(f"{where(claim.body)}: claim {claim.name} returned {result!r}; a truth value was expected{hint}")
    return boolean(result) if isinstance(result, bool) else result


@dataclass(frozen=True)
class Phrase:
    """A claim over the views themselves, before any design's meaning of them simplifies it away.

    `seen` has, for each state that the claim looks at, a variable for every view that it reads.
    """

    term: Bool
    seen: tuple[Mapping[str, Term], ...]
    said: dict[tuple[int, ...], tuple[list[Term], tuple[Bool, Bool | None]]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def happens(self) -> Bool | None:
        """The antecedents of nested implications: what must happen for the claim to say something. None without any."""
        return _antecedent(self.term) if self.term.op == "implies" else None

    def at(self, *views: Views) -> tuple[Bool, Bool | None]:
        """The claim and its antecedent, of these states; worked out once for states that look alike, as they do after most actions."""
        terms = [getattr(view, name) for names, view in zip(self.seen, views, strict=True) for name in names]
        looks = tuple(map(id, terms))
        if looks not in self.said:
            by = dict(zip((variable for names in self.seen for variable in names.values()), terms, strict=True))
            happens = self.happens
            found = substitute([self.term, *([] if happens is None else [happens])], by)
            self.said[looks] = terms, (cast(Bool, found[0]), None if happens is None else cast(Bool, found[1]))
        return self.said[looks][1]


#: Bits of a word in the claims that ship.
USUAL = 64


class _Free:
    """Views of no state: each is a variable, as wide as it is there or, where that is given, so `wide` if it is a word."""

    def __init__(self, like: Views, suffix: str, wide: int | None = None) -> None:
        self._like, self._suffix, self._wide = like, suffix, wide
        self._names: dict[str, Term] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._names:
            width = getattr(self._like, name).width
            self._names[name] = variable(name + self._suffix, (self._wide or width) if width else 0)
        return self._names[name]


def phrase(claim: Claim, *like: Views) -> Phrase:
    """The claim over variables of the sorts that these views have: `view`, and `view.next` of a second state."""
    free = [_Free(view, ".next" * number) for number, view in enumerate(like)]
    try:
        term = _call(claim, *free)
    except ModelError:
        for view, one in zip(like, free, strict=True):
            _as_said(claim, view, one._names)
        _as_wide(claim, like, free)
        raise
    return Phrase(term, tuple(one._names for one in free))


def _as_said(claim: Claim, like: Views, seen: Mapping[str, Term]) -> None:
    """ModelError where a view is a word and the claim says by an annotation that it takes it for a truth value, or the other way round."""
    for given in hints(claim.body, f"claim {claim.name}").values():
        for name, kind in hints(given, f"claim {claim.name}").items() if isinstance(given, type) else ():
            if name in seen and kind in (Bool, Word) and (kind is Word) != bool(seen[name].width):
                odd, wanted = ("a word", "a truth value") if kind is Bool else ("a truth value", "a word")
                place = at(like._system.places.get(name, ""))
                raise ModelError(f"{place}the view {name} is {odd}, and {wanted} was expected: claim {claim.name} takes it for that")


def _as_wide(claim: Claim, like: tuple[Views, ...], free: list[_Free]) -> None:
    """ModelError where it is the width of a view with which the claim cannot be asked: of words of the usual width it can."""
    usual = [_Free(view, one._suffix, USUAL) for view, one in zip(like, free, strict=True)]
    try:
        _call(claim, *usual)
    except ModelError:
        return
    for view, one in zip(like, usual, strict=True):
        for name in one._names:
            width = getattr(view, name).width
            if width not in (0, USUAL):
                given = f"the view {name} has {width} bits, and claim {claim.name} takes it for {USUAL}"
                raise ModelError(f"{at(view._system.places.get(name, ''))}{given}; write '.zext({USUAL})', or give the view another name") from None


def instantiate(claim: Claim, system: System) -> Property:
    """The claim on a system, worked out once. Raises MissingView where the system lacks a view that it needs."""
    known: dict[Claim, Property] = system.looks.setdefault("claims", {})
    if claim not in known:
        known[claim] = _instantiate(claim, system)
    return known[claim]


def _instantiate(claim: Claim, system: System) -> Property:
    before = look(system, "")
    said = phrase(claim, *([before, before] if claim.kind == "step" else [before]))
    state: tuple[Bool, Bool | None] | None = None
    steps: dict[str, tuple[Bool, Bool | None]] = {}
    if claim.kind == "step":
        steps = {name: said.at(before, look(system, name)) for name in system.actions}
    else:
        state = said.at(before)
        if _observes(said, system):
            steps = {name: said.at(look(system, name)) for name in system.actions}
    return assembled(claim, said, state, steps)


def look(system: System, action: str) -> Views:
    """The views after an action, or of the state for "": made once, since claims share them."""
    if action not in system.looks:
        system.looks[action] = Views(system, system.after(system.actions[action]) if action else system.state())
    views: Views = system.looks[action]
    return views


def assembled(claim: Claim, said: Phrase, state: tuple[Bool, Bool | None] | None, steps: Mapping[str, tuple[Bool, Bool | None]]) -> Property:
    """The property made of a claim and its antecedent at each place where it is asked."""
    whole = Property(claim.name, None if state is None else state[0], {name: term for name, (term, _) in steps.items()})
    if claim.kind == "reachability" or said.happens is None:
        return whole
    happens = {name: term for name, (_, term) in steps.items() if term is not None}
    return Property(whole.claim, whole.state, whole.steps, Property(claim.name, None if state is None else state[1], happens))


def _antecedent(term: Bool) -> Bool:
    inner = cast(Bool, term.args[1])
    return cast(Bool, term.args[0]) & (_antecedent(inner) if inner.op == "implies" else TRUE)


def _observes(said: Phrase, system: System) -> bool:
    """Whether an invariant reads fields that only the last step sets."""
    probe = {path: variable(f"observed {path}", declared.width) for path, declared in system.fields.items() if declared.observed}
    marked = {term.data for term in probe.values()}
    views: Views = system.looks.setdefault("observing", Views(system, system.state(probe)))
    return any(used.data in marked for used in variables(getattr(views, name) for names in said.seen for name in names))


def lemma_term(claim: Claim) -> Bool:
    """A lemma on variables named as its parameters."""
    types = hints(claim.body, f"claim {claim.name}")
    place = f"{where(claim.body)}: {claim.name}"
    names = inspect.signature(claim.body).parameters
    for untyped in (name for name in names if name not in types):
        raise ModelError(f"{place}: the parameter {untyped!r} needs a type, U64 or Bool")
    return _call(claim, *(variable(name, _width(types[name], f"{place}: {name}") or 0) for name in names))


