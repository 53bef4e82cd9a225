"""Parts of a system: decided alone they give the verdicts of the whole, and equal parts are decided once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.local import decide_apart, parts, shape
from bench.scale import SIZES, exponent
from bench.sized import scaled
from specproof.claims import Claim, instantiate
from specproof.decision import Decision
from specproof.design import Design
from specproof.explore import explore
from specproof.load import library
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import System, build
from specproof.trace import violates
from specproof.verdict import Proved, Refuted, Verdict


def asked(design: Design[Any], claims: list[Claim], configuration: str = "all") -> tuple[System, dict[str, Any], dict[str, str]]:
    """A system with its claims as properties, and their kinds."""
    system = build(design, configuration)
    return system, {claim.name: instantiate(claim, system) for claim in claims}, {claim.name: claim.kind for claim in claims}


def whole(system: System, properties: dict[str, Any], kinds: dict[str, str]) -> dict[str, Verdict]:
    """The verdicts of the engine on all of it."""
    verdicts: dict[str, Verdict] = {}
    decision = Decision(system, properties, kinds, Solver(None), verdicts.__setitem__)
    decision.divides = False  # one slice of everything
    decision.run()
    return verdicts


def apart(system: System, properties: dict[str, Any], kinds: dict[str, str]) -> tuple[dict[str, Verdict], int]:
    """The verdicts part by part, and how many parts were decided."""
    verdicts: dict[str, Verdict] = {}
    count = decide_apart(system, properties, kinds, Solver(None), verdicts.__setitem__)
    return verdicts, count


def length(verdict: Verdict) -> int | None:
    """How long the run is that refutes."""
    return verdict.trace.length if isinstance(verdict, Refuted) else None


@pytest.mark.parametrize("name", ["vcpus:1", "vcpus:2", "vcpus:3", "guests:2", "depth:2", "policies:2"])
def test_the_argument_holds_where_it_can_be_checked(name: str) -> None:
    """For small n the engine decides all of the system on one slice too: same verdicts, shortest runs of one length."""
    system, properties, kinds = asked(*scaled(name))

    together = whole(system, properties, kinds)
    verdicts: dict[str, Verdict] = {}
    Decision(system, properties, kinds, Solver(None), verdicts.__setitem__).run()
    assert {claim: (verdict.word, length(verdict)) for claim, verdict in verdicts.items()} == {
        claim: (verdict.word, length(verdict)) for claim, verdict in together.items()
    }
    separate, count = apart(system, properties, kinds)

    assert {claim: verdict.word for claim, verdict in separate.items()} == {claim: verdict.word for claim, verdict in together.items()}
    assert count == 1
    for claim, verdict in separate.items():
        other = together[claim]
        if isinstance(verdict, Refuted) and isinstance(other, Refuted):
            assert verdict.trace.length == other.trace.length
            assert violates(system, properties[claim], verdict.trace)


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("guests", lambda n: n * 2 ** (n + 4) + 4), ("vcpus", lambda n: 2 * 8**n), ("depth", lambda n: (n + 1) * 2 ** (n + 1)),
        ("policies", lambda n: 5 * 2**n),
    ],
)  # fmt: skip
def test_how_many_states_a_size_has(kind: str, states: Callable[[int], int]) -> None:
    """The laws that docs/performance.md explains the growth with."""
    for n in (2, 3, 4):
        system, properties, _ = asked(*scaled(f"{kind}:{n}"))

        assert len(explore(Slice(system, list(properties.values()))).states) == states(n)


def test_many_cost_as_one() -> None:
    """Of 20 virtual CPUs one is decided; what is said of each is said in its own names."""
    system, properties, kinds = asked(*scaled("vcpus:20"))

    verdicts, count = apart(system, properties, kinds)

    assert count == 1
    proved, refuted = verdicts["enforced-c13"], verdicts["free-c13"]
    assert isinstance(proved, Proved) and isinstance(refuted, Refuted)
    assert any("c13." in line.equation for line in proved.lemmas)
    assert not any("c0." in line.equation + line.sentence for line in proved.lemmas)
    assert {step.action for step in refuted.trace.steps} == {"set_policy", "enter_c13"}
    assert violates(system, properties["free-c13"], refuted.trace)


def test_parts_that_differ_are_told_apart() -> None:
    """A virtual CPU whose entry forgets the policy is no renaming of the others, and its claim is refuted."""
    design, claims = scaled("vcpus:3")
    broken = design.but("broken", enter_c1=lambda s: s.replace(c1=s.c1.replace(runs=True, msr=s.c1.guest)))
    system, properties, kinds = asked(broken, claims)

    cut = parts(system, properties)
    verdicts, count = apart(system, properties, kinds)

    assert len(cut) == 3
    assert len({shape(part, kinds).text for part in cut}) == count == 2
    assert [verdicts[f"enforced-c{k}"].word for k in range(3)] == ["proved", "refuted", "proved"]


def test_what_depends_on_everything_is_one_part() -> None:
    """Where every field can matter the system is not cut."""
    system, properties, _ = asked(*scaled("depth:2"))

    assert [part.system is system for part in parts(system, properties)] == [True]


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_on_a_design_that_ships(configuration: str) -> None:
    """Steps, observed fields, antecedents and reachability claims keep their verdicts."""
    known = library()
    system = build(known.design("acrn"), known.design("acrn").configurations[configuration == "emulated"])
    claims = [claim for claim in known.asked_of("acrn") if claim.kind != "relation"]
    from specproof.decision import ask

    _, properties = ask(system, claims)
    kinds = {claim.name: claim.kind for claim in claims}

    together = whole(system, properties, kinds)
    separate, _ = apart(system, properties, kinds)

    assert {claim: verdict.word for claim, verdict in separate.items()} == {claim: verdict.word for claim, verdict in together.items()}


def test_exponents_are_found() -> None:
    """A power and an exponential are told apart, with their numbers."""
    power, growth = exponent((1, 2, 4, 8), (0.1, 0.4, 1.6, 6.4)), exponent((1, 2, 3, 4), (0.3, 0.9, 2.7, 8.1))

    assert power == ("n^k", pytest.approx(2))
    assert growth == ("k^n", pytest.approx(3))
    assert set(SIZES) == {"guests", "vcpus", "apart vcpus", "depth", "policies"}
