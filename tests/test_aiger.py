"""A system as AIGER: its cycles are the runs that integers replay, and a model checker that reads it agrees with us."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from specproof import Claim, implies, invariant, step
from specproof.claims import Property, instantiate
from specproof.readings import blast
from specproof.readings.aiger import Circuit, circuit
from specproof.system import System, build
from specproof.trace import initial_state, replay, take, violates
from tests.designs.thin import thin, thin_broken

ABC = shutil.which("berkeley-abc") or shutil.which("abc")


@invariant("enforcement")
def enforcement(v) -> object:  # type: ignore[no-untyped-def]
    """A masked bit is set while the guest runs."""
    return implies(v.guest_runs, (v.effective & v.required_mask) == v.required_mask)


@invariant("isolation")
def isolation(v) -> object:  # type: ignore[no-untyped-def]
    """The host has its value."""
    return implies(~v.guest_runs, (v.effective ^ v.host_wants) == 0)


@step("mask-steps")
def mask_steps(before, after) -> object:  # type: ignore[no-untyped-def]
    """A mask is written only where it changes."""
    return implies(after.mask_written, before.required_mask != after.required_mask)


@invariant("never-writes")
def never_writes(v) -> object:  # type: ignore[no-untyped-def]
    """No step writes the mask: observed, and false."""
    return ~v.mask_written


CLAIMS: tuple[Claim, ...] = (enforcement, isolation, mask_steps, never_writes)


def exported(system: System) -> tuple[Circuit, dict[str, Property]]:
    """The circuit of a system with an output for each claim."""
    properties = {claim.name: instantiate(claim, system) for claim in CLAIMS}
    return circuit(system, properties), properties


class Cycles:
    """A circuit that runs, by simulation of its gates."""

    def __init__(self, system: System, whole: Circuit) -> None:
        self.system, self.whole = system, whole
        self.state = {latch.node: False for latch in whole.latches}

    def cycle(self, inputs: Mapping[str, bool]) -> dict[str, bool]:
        """One cycle; the outputs in it."""
        leaves = {node: inputs.get(name, False) for name, node in self.whole.inputs.items()}
        values = blast.simulate(self.whole.gates, {**leaves, **self.state})
        self.state = {latch.node: blast.value_of(latch.next, values) for latch in self.whole.latches}
        return {name: blast.value_of(literal, values) for name, literal in self.whole.outputs.items()}

    def begin(self, initial: Mapping[str, int]) -> None:
        """The cycle that chooses the initial state."""
        inputs = {}
        for path, term in self.system.variables.items():
            for k in range(term.width or 1):
                name = f"{path}[{k}]" if term.width else path
                inputs[f"initial:{name}"] = bool(initial[path] >> k & 1)
        self.cycle(inputs)

    def step(self, action: str, given: Mapping[str, int]) -> dict[str, bool]:
        """One step."""
        number = list(self.system.actions).index(action)
        inputs = {f"action[{k}]": bool(number >> k & 1) for k in range(8)}
        count: dict[int, int] = {}
        for name, term in self.system.actions[action].inputs.items():
            count[term.width] = count.get(term.width, 0) + 1
            for k in range(term.width or 1):
                leaf = f"word{count[term.width]}.{term.width}[{k}]" if term.width else f"choice{count[term.width]}"
                inputs[leaf] = bool(given[name] >> k & 1)
        return self.cycle(inputs)


@pytest.mark.parametrize("design", [thin, thin_broken], ids=lambda d: d.name)
@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_cycles_are_runs(design, configuration: str) -> None:  # type: ignore[no-untyped-def]
    """Random runs on integers and on the gates violate the same claims at the same steps."""
    system = build(design, configuration)
    whole, properties = exported(system)
    chance = random.Random(7)
    seen = set()
    for _ in range(25):
        run = Cycles(system, whole)
        host = chance.choice([0, 1, 0x400, (1 << 64) - 1])
        initial = initial_state(system, {"host": host, "msr": host})
        run.begin(initial)
        state, steps = dict(initial), []
        for _ in range(12):
            name = chance.choice(list(system.actions))
            given = {key: chance.choice([0, 1, 0x400, 0x401]) for key in system.actions[name].inputs}
            after = take(system, state, name, given)
            outputs = run.step(name, given)
            if after is None:
                assert not outputs["never-writes"]
                continue
            state = after
            steps.append((name, given))
            trace = replay(system, "", initial, steps)
            assert trace is not None
            later = Cycles(system, whole)
            later.state = dict(run.state)
            now = later.cycle({f"action[{k}]": True for k in range(8)})
            for claim, prop in properties.items():
                shown = outputs[claim] if prop.steps else now[claim]
                assert shown == violates(system, prop, trace)
                seen.add((claim, shown))
    assert ("never-writes", True) in seen
    assert ("isolation", False) in seen


def test_the_two_forms_describe_the_same_gates() -> None:
    """Read back, the binary form has the same header, outputs and gates as the text."""
    whole, _ = exported(build(thin, "virtualized"))
    text, data = whole.text().splitlines(), whole.data()
    head = [int(number) for number in text[0].split()[1:]]
    variables, inputs, latches, outputs, gates = head

    assert data.startswith(b"aig " + " ".join(map(str, head)).encode() + b"\n")
    assert variables == inputs + latches + gates
    assert text[1 : 1 + inputs] == [str(2 * (k + 1)) for k in range(inputs)]
    rest = data.split(b"\n", 1 + latches + outputs)
    assert [line.decode() for line in rest[1 : 1 + latches]] == [line.split()[1] for line in text[1 + inputs : 1 + inputs + latches]]
    assert _gates(rest[-1], inputs + latches, gates) == [tuple(map(int, line.split())) for line in text[1 + inputs + latches + outputs :][:gates]]


def _gates(data: bytes, first: int, count: int) -> list[tuple[int, int, int]]:
    """The gates of a binary file: differences, seven bits a byte."""
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found = []
    for index in range(count):
        left = 2 * (first + 1 + index)
        a = left - number()
        found.append((left, a, a - number()))
    return found


def test_one_output_takes_its_cone_only() -> None:
    """A claim that does not depend on a field is exported without the field's latches."""
    whole, _ = exported(build(thin, "virtualized"))
    one = whole.only("never-writes")

    assert list(one.outputs) == ["never-writes"]
    assert not any(latch.name.startswith("vmcs.shadow") for latch in one.latches)
    assert any(latch.name.startswith("vmcs.mask") for latch in one.latches)


@pytest.mark.skipif(ABC is None, reason="berkeley-abc is not installed")
@pytest.mark.parametrize("design", [thin, thin_broken], ids=lambda d: d.name)
@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_abc_gives_the_same_verdict(design, configuration: str, claim: Claim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """ABC's pdr, which shares nothing with the engine but this export, agrees with it on every claim."""
    from specproof.decide import decide

    system = build(design, configuration)
    file = tmp_path / "claim.aig"
    file.write_bytes(exported(system)[0].only(claim.name).data())
    said = subprocess.run([str(ABC), "-c", f"read_aiger {file}; pdr"], capture_output=True, text=True, check=True, timeout=60).stdout
    [result] = decide(design, configuration, [claim])
    word = result.verdict.word  # type: ignore[union-attr]

    assert ("Property proved" in said) == (word in ("proved", "vacuous"))
    if word == "refuted":
        cycle = re.search(r"asserted in frame +(\d+)", said)
        assert cycle is not None
        assert int(cycle[1]) - (claim.name in ("enforcement", "isolation")) >= result.verdict.trace.length  # type: ignore[union-attr]
