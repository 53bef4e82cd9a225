"""Certificates of things that are not so: what Z3 is asked must not let them pass, whatever the slice believes."""

from __future__ import annotations

from typing import Any

from specproof import U64, Bool, Design, State, field, implies, invariant, observed
from specproof.certify import accept
from specproof.claims import instantiate
from specproof.explore import explore
from specproof.lemmas import Certificate
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import build
from specproof.vocabulary import Vocabulary


class Counter(State):
    value: U64 = field("a word that anybody sets")
    moved: Bool = observed("the step set it")


counter = Design("counter", Counter, doc="a word that anybody sets")


@counter.initial
def zero(s: Counter) -> Bool:
    return s.value == 0


@counter.action(by="anybody")
def put(s: Counter, value: U64) -> Counter:
    return s.replace(value=value, moved=True)


@counter.view
def value(s: Counter) -> Any:
    return s.value


@counter.view
def moved(s: Counter) -> Bool:
    return s.moved


@invariant("stays-zero")
def stays_zero(v: Any) -> Bool:
    """Which is wrong."""
    return v.value == 0


@invariant("quiet-at-first")
def quiet(v: Any) -> Bool:
    """Which holds, and is asked of the initial states and of steps."""
    return implies(~v.moved, v.value == v.value) & (v.moved | (v.value == 0))


def rejected(*claims: Any) -> set[str]:
    """The obligations that Z3 refuses, of a certificate that has no lemmas and claims everything."""
    system = build(counter)
    properties = {claim.name: instantiate(claim, system) for claim in claims}
    slice_ = Slice(system, list(properties.values()))
    certificate = Certificate(Vocabulary(slice_, explore(slice_)), [], list(properties))
    return {one.obligation.name for one in accept(system, certificate, properties, Solver())}


def test_what_holds_initially_says_nothing_of_other_states() -> None:
    """Obligations are asked together, and the initial predicate of one must not help another."""
    assert rejected(stays_zero) == {"lemmas imply stays-zero"}
    assert rejected(stays_zero, quiet) == {"lemmas imply stays-zero"}
