"""How bad a loss is: which claims say that somebody is protected, and which views say what is demanded. `proofs/weight.py` has the tables."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module

#: What is behind the name of a claim that is asked as it was before the change.
AS_IT_WAS = " as it was"


#: What is behind the name of a view that is computed as it was before the change.
_BEFORE = "_as_it_was"


def before(view: str) -> str:
    """What a view is called where it is computed as it was before the change."""
    return view + _BEFORE


def now(view: str) -> str:
    """The name of a view, however it is computed."""
    return view.removesuffix(_BEFORE)


@cache
def protection() -> dict[str, int]:
    """The claims that say that somebody is protected, and how bad a loss of each is, 0 the worst."""
    return {name: number for number, name in enumerate(import_module("specproof.proofs.weight").PROTECTION)}


@cache
def demanded() -> frozenset[str]:
    """The views that say what is demanded of a design."""
    return frozenset(import_module("specproof.proofs.weight").DEMANDED)


def protects(name: str) -> bool:
    """Whether a claim says that somebody is protected, as it is or as it was."""
    return name.removesuffix(AS_IT_WAS) in protection()


def rank(name: str) -> int:
    """How bad a loss of a claim is, 0 the worst; of claims that are not about protection one number."""
    return protection().get(name.removesuffix(AS_IT_WAS), len(protection()))


def worst_first(names: Iterable[str]) -> list[str]:
    """Names of claims: those about protection, worst first, then the others in their order."""
    return sorted(names, key=rank)
