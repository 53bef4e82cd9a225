"""A system as BTOR2: its cycles are the runs that integers replay, for every operator, action, assumption and kind of claim."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from specproof.graph import variables
from specproof.load import library
from specproof.readings.btor2 import Lines, Writer
from specproof.readings.integers import evaluate
from specproof.terms import Term
from specproof.trace import initial_state, replay, take, violates
from specproof.trust.export import Export, export
from tests import btor2, strategies

ROOT = Path(__file__).parents[1]
THIN = str(ROOT / "tests" / "designs" / "claims_of_thin.py")


@given(strategies.valued())
@settings(max_examples=300, deadline=None, database=None)
def test_lines_and_integers_agree(case: tuple[Term, Mapping[str, int]]) -> None:
    """A term's node, interpreted, has the value of the term; and one of a state that is given by it, one cycle later."""
    term, values = case
    lines = Lines()
    write = Writer(lines)
    for v in variables([term]):
        write.numbers[v] = lines.new("input", lines.sort(v.width), symbol=str(v.data))
    state = lines.new("state", lines.sort(term.width), symbol="@result")
    lines.new("next", lines.sort(term.width), state, write(term))
    machine = btor2.read("\n".join(lines.text))
    later = machine.after(machine.values({"@result": 0}, values))

    assert later == {"@result": evaluate(term, values)}


def made(design: str, configuration: str, *claims: str, without: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> Export:
    """What is exported of a design."""
    return export(library(files), design, configuration, claims, without)


def _drawn(chance: random.Random, width: int) -> int:
    return chance.getrandbits(1) if not width else chance.choice([0, 1, 0x40, 0x400, 0x441, (1 << width) - 1, chance.getrandbits(width)])


def _start(whole: Export, chance: random.Random) -> dict[str, int]:
    """Some initial state that Z3 gives, with fields that nothing pins drawn at random where that is one, too."""
    from specproof.solver import Solver

    system = whole.system
    answer = Solver(20).ask([system.starts])
    assert answer.word == "sat"
    found = {path: answer.values.get(path, 0) for path in system.variables}
    for path, term in system.variables.items():
        other = {**found, path: _drawn(chance, term.width)}
        if evaluate(system.starts, other):
            found = other
    return found


CASES = [
    ("mine", "virtualized", (THIN,)), ("broken", "emulated", (THIN,)), ("intel", "with-control", ()), ("xen-vmx", "", ()),
    ("kvm-rfc-v2", "virtualized", ()), ("kvm-rfc-v2", "virtualized~emulated", ()), ("kvm-svm", "", ()), ("tdx-module", "hidden", ()),
]  # fmt: skip


@pytest.mark.parametrize(("design", "configuration", "files"), CASES, ids=[" ".join(case[:2]).rstrip() for case in CASES])
def test_cycles_are_runs(design: str, configuration: str, files: tuple[str, ...]) -> None:
    """Random runs on integers and on the text go through the same states and violate the same claims at the same steps."""
    whole = made(design, configuration, files=files)
    system, machine = whole.system, btor2.read(whole.write("btor2").decode())
    chance = random.Random(11)
    assert set(machine.bad) == set(whole.properties)
    taken = 0
    for _ in range(6):
        initial = _start(whole, chance)
        state: Mapping[str, int] = initial_state(system, initial)
        shown = machine.initial({**initial, "@first": 1})
        steps: list[tuple[str, dict[str, int]]] = []
        for _ in range(10):
            assert {path: shown[path] for path in system.variables} == {path: state[path] for path in system.variables}
            name = chance.choice([one for one in system.actions if take(system, state, one, {}) is not None] or list(system.actions))
            inputs = {key: _drawn(chance, term.width) for key, term in system.actions[name].inputs.items()}
            after = take(system, state, name, inputs)
            values = machine.values(shown, {"@action": list(system.actions).index(name), **{f"{name}:{key}": value for key, value in inputs.items()}})
            if after is None:
                guard = {**state, **{str(term.data): inputs[key] for key, term in system.actions[name].inputs.items()}}
                failing = {key for key, term in system.actions[name].assumed.items() if not evaluate(term, guard)}
                assert set(machine.broken(values)) == (failing if evaluate(system.actions[name].guard, guard) else set())
                continue
            assert not machine.broken(values)
            before = replay(system, "", initial, steps)
            trace = replay(system, "", initial, [*steps, (name, inputs)])
            assert trace is not None and before is not None
            for claim, prop in whole.properties.items():
                if prop.steps:
                    wrong = violates(system, prop, trace) or (not steps and violates(system, prop, before))
                else:
                    wrong = violates(system, prop, before)
                assert (claim in machine.violated(values)) == wrong, claim
            steps.append((name, inputs))
            state, shown = after, machine.after(values)
            taken += 1
    assert taken >= 15


def test_an_initial_state_that_is_none_breaks_a_constraint() -> None:
    """The initial predicate binds the first cycle, by the name that the file gives it, and no later one."""
    whole = made("mine", "virtualized", files=(THIN,))
    machine = btor2.read(whole.write("btor2").decode())
    state = machine.initial({"msr": 1, "host": 2, "@first": 1})

    assert machine.broken(machine.values(state, {"@action": 7})) == ["initial"]
    assert machine.broken(machine.values({**state, "@first": 0}, {"@action": 7})) == []


def test_a_cycle_can_go_by_without_a_step() -> None:
    """The number above the last action's is no action's, whatever the assumptions say: no constraint can end a run."""
    for design in ("mine", "intel", "kvm-proposed"):
        whole = made(design, "", files=(THIN,))
        machine = btor2.read(whole.write("btor2").decode())
        state = machine.initial({**_start(whole, random.Random(1)), "@first": 1})
        values = machine.values(state, {"@action": len(whole.system.actions)})
        width = machine.width[machine.inputs["@action"]]

        assert len(whole.system.actions) < 1 << width
        assert not machine.broken(values)
        assert machine.after(values) == {**state, "@first": 0}


def test_without_its_line_an_assumption_is_switched_off() -> None:
    """The text without the constraints of an assumption is the machine that `--without` exports."""
    name = "entry-keeps-msr"
    for design, configuration in (("intel", "with-control"), ("kvm-rfc-v2", "virtualized")):
        machine = btor2.read(made(design, configuration).write("btor2").decode())
        off = btor2.read(made(design, configuration, without=(name,)).write("btor2").decode())

        assert [one for one, _ in machine.constraints if one != name] == [one for one, _ in off.constraints]
        assert name in [one for one, _ in machine.constraints]
        assert (machine.starts.keys() == off.starts.keys()) or design == "intel"


def test_a_name_with_blanks_is_one_symbol(tmp_path: Path) -> None:
    """Of a claim, and of a setting, whose name is a side's in a relation: names that differ stay different."""
    file = tmp_path / "blanks.py"
    file.write_text(
        "from tests.designs import thin\nfrom specproof import invariant\nmine = thin.thin.but('blanks')\n"
        "for name in ('a b', 'a%20b', 'a; b'):\n    invariant(name)(lambda v: v.effective == v.required_mask)\n"
    )
    text = made("blanks", "emulated", "a b", "a%20b", "a; b", files=(str(file),)).write("btor2").decode()
    bad = [line for line in text.splitlines() if " bad " in line]

    assert [len(line.split(";")[0].split()) for line in bad] == [4, 4, 4]
    assert {line.split()[3] for line in bad} == {"a%20b", "a%2520b", "a%3B%20b"}


def test_a_claim_takes_what_it_can_depend_on_only() -> None:
    """Fields and actions that cannot matter for the claims that are named are not in the file."""
    whole, one = made("kvm-rfc-v2", "virtualized"), made("kvm-rfc-v2", "virtualized", "cache-coherence")

    assert list(one.properties) == ["cache-coherence"]
    assert set(one.system.variables) < set(whole.system.variables)
    assert len(one.write("btor2")) < len(whole.write("btor2")) / 2


def test_a_relation_is_exported_as_two_systems_side_by_side() -> None:
    """Both sides are in the file, with nothing shared; a relation that integers violate is bad at the same step."""
    whole = made("kvm-rfc-v2", "virtualized~emulated")
    machine = btor2.read(whole.write("btor2").decode())

    assert {path.split(".")[0] for path in machine.states if not path.startswith("@")} == {"virtualized", "emulated"}
    assert list(machine.bad) == ["virtualized-equals-emulated"]


@pytest.mark.skipif(importlib.util.find_spec("btoropt") is None, reason="btor2-opt is not installed")
@pytest.mark.parametrize(
    ("design", "configuration"), [("intel", "with-control"), ("kvm-rfc-v2", "virtualized"), ("kvm-rfc-v2", "virtualized~emulated")]
)
def test_another_reader_accepts_the_text(design: str, configuration: str) -> None:
    """btor2-opt, a parser of somebody else's, reads every line, and finds as many states and claims."""
    module: Any = importlib.import_module("btoropt.parser")
    whole = made(design, configuration)
    lines = [line for line in whole.write("btor2").decode().splitlines() if not line.startswith(";")]
    program = module.parse(lines)
    kinds = [type(one).__name__ for one in program]

    assert len(kinds) == len(lines)
    assert kinds.count("State") == len(whole.system.variables) + 1
    assert kinds.count("Bad") == len(whole.properties)
