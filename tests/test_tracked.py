"""Tests of whole words that the slice keeps in mind: counted generations, orders, and what is certified of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from specproof.models.kvm import Vcpu, msr_write_intercepted, save_guest_spec_ctrl
from specproof.models.kvm_reference import kvm_reference
from specproof.proofs.faults import refused_leaves_no_trace

from specproof import Bool, Claim, Design, Word, ite, select
from specproof.claims import instantiate
from specproof.cli import main
from specproof.concrete import Concrete
from specproof.cone import narrow
from specproof.decide import decide
from specproof.decision import TRACKED
from specproof.explore import explore
from specproof.graph import postorder, replaced, variables
from specproof.lift import positions
from specproof.readings.integers import evaluate
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.spurious import excluding
from specproof.system import build
from specproof.terms import Term, variable
from specproof.trace import take
from specproof.tracked import MOST, Tracked, _said, candidates, track
from specproof.verdict import Proved, Refuted, Result, Unknown, Verdict
from tests import strategies
from tests.designs import autoload, generation

FILE = Path(__file__).parent / "designs" / "generation.py"

vm, kept = generation.vm, generation.kept


def enter_late(s: Any) -> Any:
    """The generation is noted without a look at what it is of."""
    return s.when(s.seen == s.generation, mask=s.policy, msr=s.msr | s.policy).replace(seen=s.generation, running=True)


late = vm.but("late", doc="loads the mask when it is not stale", enter=enter_late)


def verdict(design: Design[Any], claim: Claim, **given: Any) -> Verdict:
    """What is said of one claim."""
    (result,) = decide(design, "", [claim], **given)
    assert isinstance(result, Result)
    return result.verdict


def tracked(design: Design[Any] = vm, claim: Claim = kept) -> Tracked:
    """The design with the tests in mind that the claim needs."""
    system = build(design)
    asked = [instantiate(claim, system)]
    told = track(system, asked, candidates(system, asked), Solver(None))
    assert told is not None
    return told


def test_a_counter_that_says_what_is_stale_is_proved() -> None:
    """With the assumption that it does not wrap, which the proof names; the lemmas speak of the comparison."""
    found = verdict(vm, kept)
    assert isinstance(found, Proved)
    assert found.method == TRACKED
    assert found.assumptions == ("no-wrap",)
    assert any("seen >= generation implies" in line.equation or "seen == generation implies" in line.equation for line in found.lemmas)


def test_lemmas_may_speak_of_a_view_that_is_a_test() -> None:
    """What the state says of a test is known in a state, where the answers of other tests are not."""
    told = vm.but("told", doc="offers the test itself")

    @told.view
    def fresh(s: Any) -> Any:
        """What was loaded is not stale."""
        return (s.seen == s.generation) & s.running

    found = verdict(told, kept)
    assert isinstance(found, Proved)
    assert found.method == TRACKED


def test_without_the_assumption_it_is_not_proved() -> None:
    """The counter wraps, after more steps than anybody can show."""
    assert isinstance(verdict(vm, kept, without=("no-wrap",), patience=0.01), Unknown)


def test_what_is_wrong_is_refuted_by_a_shortest_run() -> None:
    """A run at full width, as of any refutation."""
    found = verdict(late, kept)
    assert isinstance(found, Refuted)
    assert [step.action for step in found.trace.steps] == ["set_policy", "enter"]
    assert found.shortest


def test_the_order_of_a_counted_word_is_kept_in_mind() -> None:
    """Equality alone does not say that a generation is never seen before it is there."""
    system = build(vm)
    assert [str(test) for test in candidates(system, [instantiate(kept, system)])] == [
        "seen == generation", "seen < generation", "generation < seen", "generation == 0xffffffff",
    ]  # fmt: skip


def test_what_an_action_asks_of_its_inputs_is_known_too() -> None:
    """Where an entry has the index that comes in, and that is the register's, so is the entry's: three tests, no two of which say so."""
    proved = verdict(autoload.autoload, autoload.forced_while_it_runs)
    lost = verdict(autoload.forgetful, autoload.forced_while_it_runs)

    assert isinstance(proved, Proved) and proved.method == TRACKED
    assert isinstance(lost, Refuted) and lost.shortest
    assert [step.action for step in lost.trace.steps] == ["add", "add", "clear", "enter"]
    assert lost.trace.initial["mask"].bit_count() == 1 and lost.trace.initial["mask"] & 0x447  # a bit that has a name


@pytest.mark.parametrize("design", [vm, autoload.autoload], ids=["generation", "autoload"])
@pytest.mark.parametrize("seed", range(5))
def test_it_has_every_run_of_the_system(seed: int, design: Design[Any]) -> None:
    """What an action is told of the tests holds of every step at full width, and the truth values are the tests' answers."""
    told = tracked(design, kept if design is vm else autoload.forced_while_it_runs)
    plain, choice = build(design), random.Random(seed)
    answers = {str(value.data): test for value, test in told.tests.items()}
    state = dict.fromkeys(plain.variables, 0)
    assert evaluate(told.system.initial, {**state, **{name: int(evaluate(test, state)) for name, test in answers.items()}})
    for _ in range(60):
        name = choice.choice(sorted(plain.actions))
        inputs = {key: choice.choice((0x48, 0, choice.getrandbits(term.width))) for key, term in plain.actions[name].inputs.items()}
        after = take(plain, state, name, inputs)
        seen = {**state, **{value: int(evaluate(test, state)) for value, test in answers.items()}}
        wide = take(told.system, seen, name, inputs)
        assert (after is None) == (wide is None)
        if after is not None and wide is not None:
            assert {**after, **{value: int(evaluate(test, after)) for value, test in answers.items()}} == wide
            state = after


def saves_only(s: Vcpu) -> Vcpu:
    """A defect that is easily made: the guest's value is saved at a VM exit, and the host's is not written."""
    s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
    return s.replace(stale_at_exit=s.stale_at_exit | (s.spec_ctrl ^ s.msr), leaked=s.leaked | (s.msr ^ s.host))


forgets = kvm_reference.but("kvm-reference-forgets", vmx_spec_ctrl_restore_host=saves_only)
#: Whether VM entry writes the register; what it does not write stays, and the copy says otherwise.
ELIDED = "(spec_ctrl & 0xffffffff) == (host & 0xffffffff)"


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_the_tests_that_a_spurious_run_needs_are_found(configuration: str) -> None:
    """One of some ten tests of words: whether the register was written at VM entry, which holds until the next one. With all of them in mind the
    slice was too large, and nothing decided the claim in a minute."""
    (result,) = decide(forgets, configuration, [refused_leaves_no_trace], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.method == TRACKED
    assert any(ELIDED in line.equation or ELIDED.replace("==", "!=") in line.equation for line in result.verdict.lemmas)


def test_the_fewest_tests_that_exclude_a_run() -> None:
    """None can be left out; with these in mind none is missing; and of tests that do not exclude it none is chosen."""
    system = build(forgets, "virtualized")
    prop = instantiate(refused_leaves_no_trace, system)
    narrowed, solver = narrow(system, [prop]), Solver(None)
    tests = candidates(narrowed, [prop])
    slice_ = Slice(narrowed, [prop])
    reached = explore(slice_)
    runs = Concrete(system, slice_, reached, {}, positions(system)).spurious(reached.violated[prop.claim])

    assert len(tests) > MOST and runs
    for run in runs:
        (needed,) = excluding(narrowed, prop, run, [tests], [], {}, solver)
        assert str(needed) == ELIDED
        assert excluding(narrowed, prop, run, [[test for test in tests if test is not needed]], [needed], {}, solver) == []
        with_another = replace(run, actions=("an_action_that_touches_nothing_of_this", *run.actions))
        assert excluding(narrowed, prop, with_another, [tests], [], {}, solver) == [needed]
        assert excluding(narrowed, prop, run, [[test for test in tests if "spec_ctrl" not in str(test)]], [], {}, solver) == []


@given(strategies.valued(widths=(1, 2, 3, 5, 8)), strategies.valued(widths=(1, 2, 3, 5, 8)))
@settings(max_examples=200, deadline=None, database=None)
def test_a_test_in_terms_of_others_is_the_same(one: tuple[Term, Mapping[str, int]], other: tuple[Term, Mapping[str, int]]) -> None:
    """Whatever the choices in it, and whatever tests it is compared with: those inside of it, and some of another term."""
    values = {**other[1], **one[1]}
    tests = [term for term in postorder([one[0], other[0]]) if term.op in ("eq", "ult")]
    for test in tests:
        others = [term for term in tests if term is not test]
        for said in (_said(test, others, leaves) for leaves in (0, 4)):  # type: ignore[arg-type]
            if all(term.data in values for term in variables([test, *others])):
                assert evaluate(said, values) == evaluate(test, values)
        assert _said(test, tests) is test  # type: ignore[arg-type]


def test_a_choice_between_words_is_followed_to_the_tests_that_are_known() -> None:
    """Also where the same condition stands in the known test, and to a constant."""
    a, b, c = (cast(Word, variable(name, 8)) for name in "abc")
    first, second = (cast(Bool, variable(name, 0)) for name in ("first", "second"))
    known = (a | 1) == c

    assert _said(ite(first, a | 1, b) == c, [known]) is (first & known) | (~first & (ite(first, a | 1, b) == c))
    assert _said(ite(first, a | 1, ite(second, a | 1, c)) == c, [known]) is ((first | (~first & second)) & known) | (~first & ~second)
    assert _said(b == c, [known]) is (b == c)
    assert _said(ite(first, a, b) == c, [], 2) is (first & (a == c)) | (~first & (b == c))
    assert _said(ite(first, a, b) == c, [], 1) is (ite(first, a, b) == c)
    nested = ite(second, ite(first, a, b), c) == b
    assert _said(ite(first, ite(second, a, c), c) == b, [nested]) is not nested


def test_terms_inside_terms_are_replaced() -> None:
    """A test that is asked about stands for its truth value."""
    told = tracked()
    value, test = next(iter(told.tests.items()))
    assert replaced([~test & told.system.variables["running"]], {test: value})[0] is ~value & told.system.variables["running"]  # type: ignore[operator]


def test_the_proof_is_written_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As obligations of the design itself: nothing of what the slice was told is believed."""
    assert main(["check", str(FILE), "--claim", "kept", "--certificates", str(tmp_path), "--no-cache"]) == 0
    assert main(["verify", str(tmp_path)]) == 0
    assert "does not show" not in capsys.readouterr().out


def test_what_would_take_too_long_is_not_tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many questions about the tests, or too many steps to look at: the claim is decided by the other ways, as if there were no tests."""
    system = build(autoload.autoload)
    asked = [instantiate(autoload.forced_while_it_runs, system)]
    monkeypatch.setattr("specproof.tracked.WIDELY", 20)
    assert track(system, asked, candidates(system, asked), Solver(None)) is None

    monkeypatch.undo()
    monkeypatch.setattr("specproof.decision.STEPS", 1000)
    by_another = verdict(autoload.autoload, autoload.forced_while_it_runs)

    assert isinstance(by_another, Proved) and by_another.method != TRACKED


def test_a_run_with_a_step_more_than_the_slice_has_with_tests_in_mind() -> None:
    """The host's value is restored where the guest's view is another one, and VM entry compares the effective value. That a mask is taken away
    and a refused access then changes what is effective needs a bit that both have from before: the slice, which sees one, has a run without."""

    def vmx_spec_ctrl_restore_host(s: Vcpu) -> Vcpu:
        s = select(msr_write_intercepted(s), s, save_guest_spec_ctrl(s))
        s = s.when(s.guest_spec_ctrl != s.host, msr=s.host)
        return s.replace(leaked=s.leaked | (s.msr ^ s.host))

    compares = kvm_reference.but("compares-the-view", vmx_spec_ctrl_restore_host=vmx_spec_ctrl_restore_host)
    (result,) = decide(compares, "emulated", [refused_leaves_no_trace], patience=1)

    assert isinstance(result, Result) and isinstance(result.verdict, Refuted)
    assert result.verdict.trace.length == 7
