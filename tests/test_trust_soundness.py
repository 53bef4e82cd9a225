"""Certificates of things that are not so: what Z3 is asked must not let them pass, whatever the slice believes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, FrozenInstanceError, fields, replace
from typing import Any

import pytest

from specproof import U64, Bool, Design, State, field, implies, invariant, observed, step
from specproof.certify import accept, leaning
from specproof.claims import instantiate
from specproof.explore import explore
from specproof.lemmas import Certificate
from specproof.query import Core
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import build
from specproof.terms import FALSE
from specproof.verdict import Concern, LemmaLine, NotAsked, Proved, Refuted, Result, Unknown, Vacuous
from specproof.vocabulary import Lemma, Vocabulary


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


def idle(s: Counter) -> Counter:
    """It changes the word, and is never taken."""
    return s.replace(value=7, moved=True)


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


@step("written")
def written(before: Any, after: Any) -> Bool:
    """Which is wrong: what is put may be anything."""
    return after.value == 0


@step("written-again")
def again(before: Any, after: Any) -> Bool:
    """Which is wrong for the same reason."""
    return (after.value & ~before.value) == 0


@step("either-way")
def either_way(before: Any, after: Any) -> Bool:
    """Which holds of any two words."""
    return implies(before.value == after.value, after.value == before.value)


@invariant("moved-at-first")
def moved_at_first(v: Any) -> Bool:
    """Which holds of every step, and not of the initial states."""
    return v.moved


def rejected(*claims: Any, lemmas: Sequence[Lemma] = (), design: Any = counter) -> set[str]:
    """The obligations that Z3 refuses, of a certificate that has these lemmas and claims everything."""
    system = build(design)
    properties = {claim.name: instantiate(claim, system) for claim in claims}
    slice_ = Slice(system, list(properties.values()))
    certificate = Certificate(Vocabulary(slice_, explore(slice_)), list(lemmas), list(properties))
    return {one.obligation.name for one in accept(system, certificate, properties, Solver())}


VALUE = ("word", "value")
FULL, EMPTY = Lemma(((VALUE, True),)), Lemma(((VALUE, False),))


def test_what_holds_initially_says_nothing_of_other_states() -> None:
    """Obligations are asked together, and the initial predicate of one must not help another."""
    assert rejected(stays_zero) == {"lemmas imply stays-zero"}
    assert rejected(stays_zero, quiet) == {"lemmas imply stays-zero"}


def test_a_lemma_that_does_not_hold_initially_is_rejected() -> None:
    """Also where every action keeps it: `all ones` is kept by the design that never puts anything."""
    still = counter.but("still", put=lambda s, value: s.replace(moved=True))
    still.actions["put"].body.__annotations__["value"] = U64

    assert rejected(lemmas=[FULL], design=still) == {"initiation"}
    assert rejected(lemmas=[EMPTY], design=still) == set()


def test_what_is_assumed_of_the_start_helps_there() -> None:
    """The initial predicate of this one says nothing, and an assumption says that the word starts with 0."""
    free = counter.but("free", initial=lambda s: s.value == s.value, put=lambda s, value: s.replace(moved=True))
    free.actions["put"].body.__annotations__["value"] = U64

    assert rejected(lemmas=[EMPTY], design=free) == {"initiation"}

    free.assumption("starts-with-0", of=("initial",))(lambda s: s.value == 0)

    assert rejected(lemmas=[EMPTY], design=free) == set()


def test_a_proof_leans_on_the_assumptions_that_it_needs() -> None:
    """Of two about the start the lemma needs one, and that is the one that is named."""
    free = counter.but("free", initial=lambda s: s.value == s.value)
    free.assumption("starts-even", of=("initial",))(lambda s: ~s.value.bit(0))
    free.assumption("starts-with-0", of=("initial",))(lambda s: s.value == 0)
    system = build(free)
    slice_ = Slice(system, [instantiate(stays_zero, system)])
    certificate = Certificate(Vocabulary(slice_, explore(slice_)), [EMPTY], [])

    assert leaning(system, certificate, Solver()) == {EMPTY: {"starts-with-0"}}
    assert leaning(system, certificate, Solver(work=1e-9)) == {EMPTY: {"starts-even", "starts-with-0"}}  # Z3 gives up: it may need either


def test_a_lemma_that_an_action_breaks_is_rejected() -> None:
    """And it must not vouch for a claim: the claim follows from it, and the lemma does not hold."""
    assert rejected(stays_zero, lemmas=[EMPTY]) == {"put keeps the lemmas"}


def test_a_claim_of_steps_is_asked_of_every_action() -> None:
    """What an action does wrong is found at that action, and named."""
    assert rejected(written) == {"put satisfies written"}
    assert rejected(written, quiet) == {"put satisfies written"}


def test_of_what_is_asked_together_all_must_hold() -> None:
    """Obligations about one action are one question first; where it is refused, each is asked, and those that fail are named."""
    assert rejected(written, either_way) == {"put satisfies written"}
    assert rejected(written, either_way, lemmas=[EMPTY]) == {"put satisfies written", "put keeps the lemmas"}
    assert rejected(either_way) == set()


def test_a_refused_obligation_says_whether_it_fails_or_is_undecided() -> None:
    """A verdict must not take the one for the other."""
    system = build(counter)
    properties = {"written": instantiate(written, system)}
    slice_ = Slice(system, list(properties.values()))
    certificate = Certificate(Vocabulary(slice_, explore(slice_)), [], ["written"])

    (fails,) = accept(system, certificate, properties, Solver())
    (open_,) = accept(system, certificate, properties, Solver(work=1e-9))

    assert (fails.obligation.name, fails.word) == ("put satisfies written", "sat")
    assert open_.word == "unknown" and open_.reason


def test_what_one_claim_may_assume_another_may_not() -> None:
    """Each obligation has the assumptions that its own core names, though both are about one action."""
    tame = counter.but("tame")
    tame.assumption("puts-0", of=("put",))(lambda s, value: value == 0)
    system = build(tame)
    properties = {claim.name: instantiate(claim, system) for claim in (written, again)}
    slice_ = Slice(system, list(properties.values()))
    certificate = Certificate(Vocabulary(slice_, explore(slice_)), [], list(properties))
    certificate.cores = {(name, "put"): Core((), ("puts-0",)) for name in properties}
    assert accept(system, certificate, properties, Solver()) == []

    certificate.cores[("written", "put")] = Core((), ())

    assert [one.obligation.name for one in accept(system, certificate, properties, Solver())] == ["put satisfies written"]

    certificate.lemmas, certificate.claims = [EMPTY], ["written"]
    certificate.cores[(EMPTY, "put")] = Core((), ("puts-0",))

    assert [one.obligation.name for one in accept(system, certificate, properties, Solver())] == ["put satisfies written"]


def test_a_claim_that_observes_is_asked_of_the_initial_states_too() -> None:
    """Steps that satisfy it are not enough."""
    assert rejected(moved_at_first) == {"moved-at-first holds initially"}


def test_an_action_that_cannot_happen_needs_no_proof() -> None:
    """Its guard is the constant 'false', in this configuration."""
    never = counter.but("never")
    never.actions["put"] = replace(never.actions["put"], guard=lambda s: FALSE)

    assert rejected(stays_zero, written, lemmas=[EMPTY], design=never) == set()


def test_after_an_action_that_cannot_happen_the_others_are_asked() -> None:
    """In whatever order a model has them."""
    first = Design("first", Counter, doc="an action that never happens, before one that does, and the views of another design")
    first.initial(zero)
    first.action(by="nobody", guard=lambda s: FALSE)(idle)
    first.action(by="anybody")(put)
    first.view(value)
    first.view(moved)

    assert rejected(stays_zero, written, lemmas=[EMPTY], design=first) == {"put keeps the lemmas", "put satisfies written"}


@pytest.mark.parametrize("kind", [LemmaLine, Proved, Refuted, Vacuous, Unknown, Concern, Result, NotAsked])
def test_what_was_said_cannot_be_changed(kind: type) -> None:
    """A verdict, once made, is the same for everybody who is shown it."""
    said = kind(*range(sum(one.default is MISSING for one in fields(kind))))

    with pytest.raises(FrozenInstanceError):
        setattr(said, fields(kind)[0].name, "something else")
