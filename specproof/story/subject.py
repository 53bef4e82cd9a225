"""What a story is about: a design, a configuration and a claim, as terms."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from specproof.claims import Claim, Property, Views, _call, instantiate
from specproof.design import Design
from specproof.errors import did_you_mean
from specproof.graph import fold, variables
from specproof.load import LEMMAS, Library
from specproof.product import Pair, product
from specproof.state import Bits
from specproof.system import System, build
from specproof.terms import TRUE, Bool, Term, variable


def _nothing(_: Any) -> Bool:
    """A claim for runs that are made by hand."""
    return TRUE


#: What a run that is made by hand is about.
NO_CLAIM = Claim("", "", "invariant", _nothing)


@dataclass(frozen=True)
class Subject:
    """A design in a configuration (`left~right` of a relation) and the claim that is asked of it."""

    known: Library
    design: Design[Any]
    configuration: str
    claim: Claim
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, known: Library, design: str, configuration: str, claim: str, without: tuple[str, ...] = ()) -> Subject:
        """The subject of a result. Lemmas have none: they speak of no design."""
        return cls(known, known.design(design), configuration, known.claims[claim], without)

    @property
    def is_relation(self) -> bool:
        return self.claim.kind == "relation"

    @cached_property
    def pair(self) -> Pair | None:
        """The two sides of a relation."""
        if not self.is_relation:
            return None
        left, right = (built(self.design, side, self.without) for side in (self.claim.left, self.claim.right))
        return product(left, right, (self.claim.left, self.claim.right))

    @cached_property
    def system(self) -> System:
        """The system that runs are replayed on."""
        return self.pair.system if self.pair else built(self.design, self.configuration, self.without)

    @cached_property
    def prop(self) -> Property:
        """The claim as a property of the system; of a reachability claim that it never happens."""
        if self.pair:
            return self.pair.instantiate(self.claim)
        return instantiate(self.claim, self.system)

    def bits(self, path: str) -> Bits | None:
        """The names of a field's bits."""
        declared = self.system.fields.get(path)
        return declared.bits if declared else None

    def bits_of(self, term: Term, width: int) -> Bits | None:
        """The names that the bits of a term have: those of its fields, and where these disagree those of most fields of that width."""
        known = [self.bits(str(one.data)) for one in variables([term]) if one.width == width]
        named = [bits for bits in known if bits is not None]
        if not named or all(bits is named[0] for bits in named):
            return named[0] if named else None
        every = [declared.bits for declared in self.system.fields.values() if declared.width == width and declared.bits is not None]
        return max(named, key=every.count)

    def meaning(self, view: str, term: Term) -> str:
        """What a view is, as its documentation says, or that of the field which it is."""
        body = self.design.views.get(view)
        if body is None:
            return ""
        shown = self.system.fields.get(str(term.data)) if term.op == "var" else None
        text = " ".join((body.__doc__ or "").split("\n\n")[0].split())
        if shown is not None and text.startswith("The field "):
            text = f"{shown.doc[:1].upper()}{shown.doc[1:]}."
        return re.sub(r"\s*(\[[^\]]*\])+\s*$", "", text)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the model's terms: another one means that the design has changed."""
        terms: dict[str, Term] = {"start": self.system.starts}
        for action in self.system.actions.values():
            terms[action.name] = action.enabled
            terms |= {f"{action.name}: {path}": term for path, term in sorted({**action.next, **action.observed}.items())}
        hashes = zip(terms, fold(list(terms.values()), _hash), strict=True)
        return hashlib.sha256(repr(list(hashes)).encode()).hexdigest()[:16]


def _hash(term: Term, below: tuple[str, ...]) -> str:
    """Of a node and all below it: their text would write out what they share."""
    return hashlib.sha256(repr((term.op, term.width, term.data, below)).encode()).hexdigest()


@lru_cache(maxsize=64)
def built(design: Design[Any], configuration: str, without: tuple[str, ...]) -> System:
    """The system of a design, once for all stories about it."""
    return build(design, configuration, without)


def leaf_variables(system: System) -> dict[str, Term]:
    """A variable for every leaf of the state, constants of the configuration excepted."""
    return {path: system.constants.get(path, variable(path, declared.width)) for path, declared in system.fields.items()}


@dataclass(frozen=True)
class Look:
    """One thing that a claim looks at: its name in the claim, its term over the leaves, and at which moment."""

    name: str
    term: Term
    moment: int


class _Symbols:
    """Views whose values are variables named as the claim names them, remembered as they are asked for."""

    def __init__(self, views: Views, prefix: str, moment: int, seen: dict[str, Look]) -> None:
        self._views, self._prefix, self._moment, self._asked = views, prefix, moment, seen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        term: Term = getattr(self._views, name)
        full = f"{self._prefix}{name}"
        self._asked[full] = Look(full, term, self._moment)
        return variable(full, term.width)


def spoken(subject: Subject) -> tuple[Bool, dict[str, Look]]:
    """The claim over variables named as it names what it looks at, and what each of them is.

    Moment -1 is the end of the run, -2 the state before the last step.
    """
    seen: dict[str, Look] = {}
    leaves = leaf_variables(subject.system)
    names = list(inspect.signature(subject.claim.body).parameters)
    if subject.pair:
        sides = [_Symbols(subject.pair.views(side, leaves), f"{name}.", -1, seen) for side, name in enumerate(subject.pair.names)]
        return _call(subject.claim, *sides), seen
    views = Views(subject.system, leaves)
    if subject.claim.kind == "step":
        before, after = (f"{name}." for name in (names if len(names) == 2 else ["before", "after"]))
        return _call(subject.claim, _Symbols(views, before, -2, seen), _Symbols(views, after, -1, seen)), seen
    return _call(subject.claim, _Symbols(views, "", -1, seen)), seen


def reference_of(subject: Subject) -> Design[Any] | None:
    """The design that this one is compared with: the one that it names, else the one that it varies, if that can be asked about."""
    if subject.design.reference:
        return subject.known.designs.get(subject.design.reference)
    parent = subject.design.parent
    return parent if parent is not None and subject.known.designs.get(parent.name) is parent else None


def place(function: Any, homes: Mapping[str, str] | None = None) -> str:
    """`models/kvm.py:123` of a function of a model; a user's file by its name alone."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    path = Path(code.co_filename)
    folder = f"{path.parent.name}/" if path.parent.name in ("models", "proofs") else ""
    return f"{folder}{path.name}:{code.co_firstlineno}"


def unknown_action(name: str, system: System) -> str:
    """What is said of an action that the design does not have."""
    return f"{system.design} has no action {name!r}; {did_you_mean(name, system.actions)}"


__all__ = ["LEMMAS", "NO_CLAIM", "Look", "Subject", "built", "leaf_variables", "place", "reference_of", "spoken", "unknown_action"]
