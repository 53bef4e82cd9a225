"""Which actions a violating run can be made of: enough for every run that there is, and few."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from specproof import U8, Bool, Design, State, field, invariant
from specproof.cone import narrow
from specproof.decide import decide
from specproof.decision import ask
from specproof.explore import explore
from specproof.fallback import bounded_run
from specproof.layout import TooLarge
from specproof.load import library
from specproof.product import stops
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import build
from specproof.verdict import Refuted, Result
from specproof.ways import Ways
from tests.test_decide import armed, still_there

CASES = [("acrn", "none"), ("bochs", "with-control"), ("xen-vmx", "load-lists"), ("kvm-rfc-v1", "virtualized")]


def test_what_does_not_fit_the_slice_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim may bring a constant for which the slice has no place: then every action may be part of a run, and nothing is raised."""
    design, claims = armed, [still_there]
    system = build(design)
    properties = ask(system, claims)[1]
    slice_ = Slice(narrow(system, [*properties.values()]), [*properties.values()])
    ways = Ways(slice_, explore(slice_))

    def no_room(claim: str) -> None:
        raise TooLarge("the constant 0x1 is new")

    monkeypatch.setattr(slice_, "programs", no_room)
    assert ways.to(still_there.name, 2) is None


@pytest.mark.parametrize(("name", "configuration"), CASES)
def test_shortest_runs_are_among_them(name: str, configuration: str) -> None:
    """Of every refuted claim of a design; and where the slice sees no way, Z3 finds no run either."""
    known = library()
    design, claims = known.design(name), [claim for claim in known.claims.values() if claim.kind in ("invariant", "step")]
    system = build(design, configuration)
    properties = ask(system, claims)[1]
    slice_ = Slice(narrow(system, [*properties.values()]), [*properties.values()])
    ways = Ways(slice_, explore(slice_))
    refuted = [one for one in decide(design, configuration, claims) if isinstance(one, Result) and isinstance(one.verdict, Refuted)]
    assert refuted

    for result in refuted:
        assert isinstance(result.verdict, Refuted) and result.verdict.shortest
        run = result.verdict.trace
        allowed = ways.to(result.claim, run.length)
        if allowed is None:
            assert run.length == 0
            continue
        assert all(step.action in names for step, names in zip(run.steps, allowed, strict=True))
        assert any(len(names) < len(system.actions) for names in allowed)
        shorter = ways.to(result.claim, run.length - 1)
        assert shorter is None or bounded_run(system, properties[result.claim], run.length - 1, Solver(), allowed=shorter) is None
    first = min((one for one in refuted if isinstance(one.verdict, Refuted) and one.verdict.trace.length), key=lambda one: one.verdict.trace.length)
    assert isinstance(first.verdict, Refuted)
    length = first.verdict.trace.length
    assert bounded_run(system, properties[first.claim], length, Solver(), allowed=ways.to(first.claim, length)) is not None


def test_a_run_that_the_slice_believes_in_is_among_them_too() -> None:
    """One step of an action that no word of two bits or more can take; and the two steps that there are, with all that may be between."""
    system = build(armed)
    prop = ask(system, [still_there])[1]["still-there"]
    slice_ = Slice(narrow(system, [prop]), [prop])
    ways = Ways(slice_, explore(slice_))

    assert ways.to("still-there", 0) is None
    assert ways.to("still-there", 1) == [{"clash"}]
    assert ways.to("still-there", 2) == [{"arm", "clash"}, {"arm", "clash", "fire"}]
    assert bounded_run(system, prop, 1, Solver(), allowed=ways.to("still-there", 1)) is None
    assert bounded_run(system, prop, 2, Solver(), allowed=[{"arm"}, set()]) is None


class Safe(State):
    """A door behind a number."""

    dial: U8 = field("what was dialled")
    door: U8 = field("4: it is open")


safe = Design("safe", Safe, doc="opens in two steps; the slice believes in one")
safe.initial(lambda s: s.matches(dial=0, door=0))
safe.shows("door")


@safe.action(by="anybody")
def dials(s: Any, number: U8) -> Any:
    """At the position at which the door opens this may change nothing."""
    return s.replace(dial=number)


@safe.action(by="anybody", guard=lambda s: s.dial == 3)
def opens(s: Any) -> Any:
    """Of the number the slice sees one bit."""
    return s.replace(door=4)


@invariant("shut")
def shut(v: Any) -> Bool:
    """It stays shut."""
    return (v.door & 4) == 0  # type: ignore[no-any-return]


def test_a_step_that_the_slice_does_not_see_may_be_part_of_a_run() -> None:
    """What happens at other positions decides a test of whole words."""
    system = build(safe)
    prop = ask(system, [shut])[1]["shut"]
    slice_ = Slice(narrow(system, [prop]), [prop])
    ways = Ways(slice_, explore(slice_))

    assert ways.to("shut", 1) == [{"opens"}]
    assert ways.to("shut", 2) == [{"dials", "opens"}, {"dials", "opens"}]
    (result,) = decide(safe, "", [shut])
    assert isinstance(result, Result) and isinstance(result.verdict, Refuted) and result.verdict.shortest
    assert [step.action for step in result.verdict.trace.steps] == ["dials", "opens"]


def test_nothing_is_said_of_what_was_not_explored() -> None:
    """Beyond the last level that was seen, or where a slice has not all runs, every action may be part of a run."""
    known = library()
    system = build(known.design("kvm-rfc-v1"), "virtualized")
    prop = ask(system, [known.claims["enforcement"]])[1]["enforcement"]
    slice_ = Slice(narrow(system, [prop]), [prop])
    reached = explore(slice_, stop=stops([], [prop]))

    assert Ways(slice_, reached).to("enforcement", reached.depth) is not None
    assert Ways(slice_, reached).to("enforcement", reached.depth + 1) is None

    slice_.system = replace(slice_.system, couple=lambda term: term)
    assert Ways(slice_, reached).to("enforcement", reached.depth) is None
