"""Runs of the slice put together on integers: what they show, what they cannot, and which of them is told."""

from __future__ import annotations

import pytest

from specproof import U64, Bits, Bool, Claim, Design, State, Word, field, invariant
from specproof import decision as deciding
from specproof.claims import instantiate
from specproof.concrete import Concrete
from specproof.decide import decide
from specproof.explore import explore
from specproof.lift import positions
from specproof.load import library
from specproof.plan import configurations
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import build
from specproof.trace import replay
from specproof.verdict import Refuted, Result


class Box(State):
    """A word that is written, and a door that a write opens."""

    word: U64 = field("what was written", bits=Bits(LOW=0, HIGH=10))
    was: U64 = field("what was written before")
    open: Bool = field("something was written")


box = Design("box", Box, doc="opens where what is written is not 0")


@box.initial
def closed(s: Box) -> Bool:
    """Nothing was written."""
    return s.matches(word=0, was=0, open=False)


@box.action(by="guest")
def write(s: Box, value: U64) -> Box:
    """Anything but 0 opens it."""
    return s.replace(was=s.word, word=value, open=s.open | (value != 0))


@box.view
def opened(s: Box) -> Bool:
    """It is open."""
    return s.open


@box.view
def written(s: Box) -> Word:
    """What is in it."""
    return s.word


@box.view
def before(s: Box) -> Word:
    """What was in it."""
    return s.was


def _concrete(design: Design[Box], claim: Claim) -> tuple[Concrete, list[int]]:
    system = build(design)
    slice_ = Slice(system, [instantiate(claim, system)])
    reached = explore(slice_)
    start = Solver().ask([system.starts]).values
    return Concrete(system, slice_, reached, start, positions(system)), list(range(len(reached.states)))


@invariant("door")
def stays_shut(v: object) -> Bool:
    """Nothing opens it."""
    return ~v.opened  # type: ignore[attr-defined,no-any-return]


@invariant("both")
def never_both(v: object) -> Bool:
    """What is in it and what was have no bit in common."""
    return (v.written & v.before) == 0  # type: ignore[attr-defined,no-any-return]


def test_every_state_of_the_slice_is_reached_by_a_run_on_integers() -> None:
    """Also where this bit is 0 and the door open: another bit is written then."""
    concrete, states = _concrete(box, stays_shut)

    for state in states:
        run = concrete.to(state)
        assert run is not None
        trace = replay(concrete.system, "", run.initial, run.steps)
        assert trace is not None and trace.states()[-1] == run.state
    assert len(states) > 4


def test_what_no_full_width_run_follows_has_none() -> None:
    """Two tests that exclude each other agree at every bit but one: on the slice the action fires."""
    told = box.but("told")

    @told.action(by="guest", guard=lambda s: (s.word == 0x100) & (s.word == 0x200))
    def clash(s: Box) -> Box:
        """It never happens."""
        return s.replace(open=True)

    concrete, states = _concrete(told, stays_shut)
    assert "clash" in concrete.reached.fired
    assert not [run for state in states for run in concrete.runs(state, "clash")]


def test_the_run_with_the_fewest_bits_is_told() -> None:
    """One named position, and no bit that the claim does not need."""
    (result,) = decide(box, "", [never_both])

    assert isinstance(result, Result) and isinstance(result.verdict, Refuted)
    trace = result.verdict.trace
    assert [dict(step.inputs) for step in trace.steps] == [{"value": 1}, {"value": 1}]
    assert trace.initial["word"] == trace.initial["was"] == 0


@pytest.mark.parametrize("name", ["acrn", "xen-vmx", "tdx-module"])
def test_most_refutations_need_no_solver(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run of these designs is asked of Z3, and the verdicts are those that are pinned: a run on integers is judged like any other."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("Z3 was asked for a run")

    monkeypatch.setattr(deciding, "lift", refused)
    known = library()
    design = known.designs[name]
    claims = [claim for claim in known.claims.values() if claim.kind not in ("relation", "lemma")]
    refuted = 0
    for configuration in configurations(design, None):
        for result in decide(design, configuration, claims):
            if isinstance(result, Result) and isinstance(result.verdict, Refuted):
                refuted += 1
                trace = result.verdict.trace
                again = replay(build(design, configuration), trace.claim, trace.initial, [(step.action, step.inputs) for step in trace.steps])
                assert again is not None and again.states()[-1] == trace.states()[-1]
    assert refuted >= 5
