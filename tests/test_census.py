"""Properties that depend on a few bits: every state is looked at, and a run that counts long is found."""

from __future__ import annotations

import random
from typing import Annotated, Any

import pytest

from specproof import Bool, Claim, Design, State, Word, field, invariant, reachable
from specproof.census import census
from specproof.claims import instantiate
from specproof.decide import decide
from specproof.fallback import COUNTED, bounded_run
from specproof.solver import Solver
from specproof.system import System, build
from specproof.verdict import EVERY, Proved, Refuted, Result, Unknown

U8 = Annotated[Word, 8]


class Counter(State):
    """A count of exits, and a word that has nothing to do with it."""

    count: U8 = field("exits so far")
    running: Bool = field("the guest runs")
    other: Annotated[Word, 64] = field("something else")


counter = Design("counter", Counter, doc="counts exits")


@counter.initial
def reset(s: Counter) -> Bool:
    """Nothing has happened; the other word has some value."""
    return (s.count == 0) & ~s.running & ((s.other & 1) == 1)


@counter.action(by="KVM", guard=lambda s: ~s.running)
def enter(s: Counter) -> Counter:
    """VM entry."""
    return s.replace(running=True)


@counter.action(by="guest", guard=lambda s: s.running)
def leave(s: Counter, value: Annotated[Word, 64]) -> Counter:
    """VM exit, which is counted."""
    return s.replace(running=False, count=s.count + 1, other=value)


for path in ("count", "running", "other"):
    counter.shows(path)


@invariant("never-200")
def never_200(v: Any) -> Bool:
    """The count is never 200."""
    return v.count != 200  # type: ignore[no-any-return]


@reachable("a-hundred")
def a_hundred(v: Any) -> Bool:
    """The count can be 100 while the guest runs."""
    return (v.count == 100) & v.running  # type: ignore[no-any-return]


def verdict(claim: Claim, design: Design[Any] = counter) -> Any:
    """What is said of a claim."""
    (result,) = decide(design, "", [claim])
    assert isinstance(result, Result)
    return result.verdict


def test_a_run_that_counts_long_is_found() -> None:
    """It is a shortest one, is replayed on the whole system, and starts where that starts."""
    found = verdict(never_200)

    assert isinstance(found, Refuted) and found.method == COUNTED and found.shortest
    assert found.trace.length == 400
    assert [step.action for step in found.trace.steps] == ["enter", "leave"] * 200
    assert found.trace.initial["other"] & 1


def test_a_state_that_is_reached_late_is_reached() -> None:
    """A reachability claim by the run that shows it."""
    found = verdict(a_hundred)

    assert isinstance(found, Proved) and found.witness is not None and found.witness.length == 201


def test_what_depends_on_too_much_is_not_looked_at() -> None:
    """Sixty-four bits are not few, and neither are as many inputs."""

    @invariant("other-is-small")
    def small(v: Any) -> Bool:
        """The other word is small."""
        return v.other < 1 << 40  # type: ignore[no-any-return]

    system = build(counter)
    assert census(system, instantiate(small, system), Solver()) is None


def modulo(seed: int) -> tuple[Design[Any], list[Claim]]:
    """A random machine of six bits, and claims about it."""
    choice = random.Random(seed)

    class Small(State):
        """A few bits."""

        a: Annotated[Word, 3] = field("a word")
        b: Annotated[Word, 2] = field("another")
        flag: Bool = field("a truth value")

    design = Design(f"small-{seed}", Small, doc="random")
    design.initial(lambda s: (s.a == choice.randrange(8)) & (s.flag == bool(seed & 1)))
    for number in range(2):
        add, mask, when = choice.randrange(8), choice.randrange(4), choice.randrange(8)

        def step(s: Small, v: Annotated[Word, 2], add: int = add, mask: int = mask, when: int = when) -> Small:
            """A step."""
            return s.when(s.a != when, a=s.a + add, b=(s.b & mask) | (v & ~s.b), flag=~s.flag)

        step.__name__ = f"step{number}"
        step.__annotations__ |= {"v": Annotated[Word, 2]}
        bound = _bind(step, add, mask, when)
        design.action(by="guest")(bound)
    design.shows("a", "b", "flag")
    value = choice.randrange(8)

    @invariant(f"never-{value}")
    def never_there(v: Any) -> Bool:
        """A value that is not reached, perhaps."""
        return (v.a != value) | v.flag  # type: ignore[no-any-return]

    return design, [never_there]


def _bind(step: Any, add: int, mask: int, when: int) -> Any:
    def action(s: Any, v: Annotated[Word, 2]) -> Any:
        """A step."""
        return step(s, v, add, mask, when)

    action.__name__ = step.__name__
    return action


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_bounded_runs_find(seed: int) -> None:
    """The same length, or none where Z3 finds none up to the number of states."""
    design, (claim,) = modulo(seed)
    system: System = build(design)
    prop = instantiate(claim, system)
    found = census(system, prop, Solver())
    lengths = [length for length in range(12) if bounded_run(system, prop, length, Solver()) is not None]

    assert found is not None
    assert found.accepted(system, prop, Solver()) == (not lengths)
    assert (found.trace.length if found.trace is not None else None) == (lengths[0] if lengths else None)


def test_what_no_state_breaks_is_proved_by_the_list_of_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Z3 says that no action leaves them; where they are too many for that it is said that they were looked at, which is no proof."""

    def by_twos(s: Counter, value: Annotated[Word, 64]) -> Counter:
        """Two exits are counted for one."""
        return s.replace(running=False, count=s.count + 2, other=value)

    @invariant("never-seven")
    def never_seven(v: Any) -> Bool:
        """The count is never 7."""
        return v.count != 7  # type: ignore[no-any-return]

    monkeypatch.setattr("specproof.fallback.Solver.horn", lambda self, text: "unknown")
    monkeypatch.setattr("specproof.fallback.LAST", 7)
    proved = verdict(never_seven, counter.but("by-twos", leave=by_twos))
    monkeypatch.setattr("specproof.census.LISTED", 100)
    found = verdict(never_seven, counter.but("by-twos", leave=by_twos))

    assert isinstance(proved, Proved) and proved.method == EVERY

    assert isinstance(found, Unknown)
    assert found.reason.endswith("it depends on 256 states alone, which were all looked at, and none breaks it (which is no certificate)")


def test_an_action_that_fires_late_fires() -> None:
    """After 400 steps: it is no reason not to count a proof, whatever other words other actions wait for. One that never does is said not to."""

    def late(s: Counter) -> Counter:
        """What happens at the two hundredth exit."""
        return s.replace(running=True)

    def sees(s: Counter) -> Counter:
        """What waits for a value of the other word."""
        return s.replace(other=s.other | 1)

    full = counter.but("full")
    full.action(by="KVM", guard=lambda s: (s.count == 200) & ~s.running)(late)
    full.action(by="host", guard=lambda s: s.other == 0xFFFF)(sees)
    never_fires = counter.but("never-fires", leave=_leaves_by_twos)
    never_fires.action(by="KVM", guard=lambda s: (s.count == 201) & ~s.running)(late)

    @invariant("odd-other")
    def odd(v: Any) -> Bool:
        """A count is a count."""
        return v.count + 1 != v.count  # type: ignore[no-any-return]

    for design, counts in ((full, True), (never_fires, False)):
        (result,) = decide(design, "", [odd])
        assert isinstance(result, Result)
        assert any("late fires on the slice" in one.text for one in result.concerns) != counts


def _leaves_by_twos(s: Counter, value: Annotated[Word, 64]) -> Counter:
    """Two exits are counted for one."""
    return s.replace(running=False, count=s.count + 2, other=value)
