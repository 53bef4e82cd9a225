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
from dataclasses import dataclass
from typing import Any, cast

from specproof.errors import ModelError, SpecproofError, where
from specproof.state import _width
from specproof.system import System, _located
from specproof.terms import TRUE, Bool, Term, boolean, variable

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


def _claim(kind: str, name: str, id: str, left: str = "", right: str = "") -> Callable[[Callable[..., Bool]], Claim]:
    def register(body: Callable[..., Bool]) -> Claim:
        claim = Claim(name, id, kind, body, left, right)
        if (found := _collected.get()) is not None:
            found.append(claim)
        return claim

    return register


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


class MissingView(Exception):
    """A design does not offer a view that a claim needs: the claim is not asked."""


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
            raise MissingView(f"{self._system.design} offers no view {name!r}")
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
    try:
        result: object = claim.body(*views)
    except SpecproofError as error:
        raise _located(claim.body, f"claim {claim.name}", error) from None
    if not isinstance(result, Bool | bool):
        raise ModelError(f"{where(claim.body)}: claim {claim.name} returned {result!r}; a truth value was expected")
    return boolean(result) if isinstance(result, bool) else result


def instantiate(claim: Claim, system: System) -> Property:
    """The claim on a system. Raises MissingView where the system lacks a view that it needs."""
    whole = _terms(claim, system)
    if claim.kind == "reachability":
        return whole
    happens = Property(
        claim.name,
        None if whole.state is None else _antecedent(whole.state),
        {name: _antecedent(term) for name, term in whole.steps.items()},
    )
    terms = [*whole.steps.values(), *([] if whole.state is None else [whole.state])]
    trivial = not any(term.op == "implies" for term in terms)
    return Property(whole.claim, whole.state, whole.steps, None if trivial else happens)


def _antecedent(term: Bool) -> Bool:
    """What must happen for the claim to say something: the antecedents of nested implications."""
    if term.op != "implies":
        return boolean(term is not TRUE)
    inner = cast(Bool, term.args[1])
    return cast(Bool, term.args[0]) & (_antecedent(inner) if inner.op == "implies" else TRUE)


def _terms(claim: Claim, system: System) -> Property:
    before = Views(system, system.state())
    if claim.kind == "step":
        steps = {name: _call(claim, before, Views(system, system.after(action))) for name, action in system.actions.items()}
        return Property(claim.name, None, steps)
    now = _call(claim, before)
    if not _observes(claim, system):
        return Property(claim.name, now, {})
    return Property(claim.name, now, {name: _call(claim, Views(system, system.after(action))) for name, action in system.actions.items()})


def _observes(claim: Claim, system: System) -> bool:
    """Whether an invariant reads fields that only the last step sets."""
    from specproof.terms import variables

    probe = {path: variable(f"observed {path}", declared.width) for path, declared in system.fields.items() if declared.observed}
    marked = {term.data for term in probe.values()}
    return any(used.data in marked for used in variables([_call(claim, Views(system, system.state(probe)))]))


def lemma_term(claim: Claim) -> Bool:
    """A lemma on variables named as its parameters."""
    from typing import get_type_hints

    hints = get_type_hints(claim.body, include_extras=True)
    place = f"{where(claim.body)}: {claim.name}"
    names = inspect.signature(claim.body).parameters
    return _call(claim, *(variable(name, _width(hints[name], f"{place}: {name}") or 0) for name in names))


