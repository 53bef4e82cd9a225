"""What tests of words entail in all that a slice reached: reserved bits that settle them, and tests that follow from others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from specproof.models.kvm import Vcpu, vm_enters, vm_exits, vmcs_write
from specproof.models.kvm_actions import kvm_upstream
from specproof.models.kvm_reference import kvm_reference
from specproof.models.kvm_transitions import nested_vmx_enter_from_vmentry
from specproof.proofs.enforcement import enforcement, support
from specproof.proofs.faults import refused_leaves_no_trace
from specproof.proofs.history_kvm import BUGS
from specproof.proofs.transparency import virtualized_equals_emulated
from specproof.proofs.twins import TWINS

from specproof import U64, Bool, Design, State, Word, field, invariant, ite, select, word
from specproof.claims import instantiate
from specproof.cli import main
from specproof.decide import decide, decide_relation
from specproof.decision import SLICE, TRACKED
from specproof.explore import explore
from specproof.readings.integers import evaluate
from specproof.settled import answered, said, settled
from specproof.slice import Slice
from specproof.system import System, build
from specproof.verdict import Proved, Result


class Register(State):
    """A register with reserved bits, and what it was when somebody looked."""

    value: U64 = field("the register: bits 0 to 2 exist")
    copy: U64 = field("a copy of it")
    odd: Bool = field("something that never happens")


register = Design("register", Register, doc="tests that other bits settle")
EXISTS = 0b111


@register.initial
def reset(s: Register) -> Bool:
    """All zero."""
    return s.matches(value=0, copy=0, odd=False)


@register.action(by="guest")
def write(s: Register, value: U64) -> Register:
    """Values with reserved bits are refused; nobody sees all ones, and the copy is compared as a whole and, after the write, by its low half."""
    accepted = (value & ~word(EXISTS)) == 0
    written = ite(accepted, value, s.value)
    alike = (written & 0xFFFFFFFF) == (s.copy & 0xFFFFFFFF)
    odd = (s.value == word(2**64 - 1)) | (~accepted & alike & (s.value != s.copy))
    return s.replace(value=written, odd=s.odd | odd)


@register.action(by="host")
def copies(s: Register) -> Register:
    """The copy is what the register is."""
    return s.replace(copy=s.value)


@register.view
def odd(s: Register) -> Bool:
    """It happened."""
    return s.odd


@invariant("never-odd")
def never_odd(v: Any) -> Bool:
    """A word with reserved bits is never all ones, and two of them are the same where their low halves are."""
    return ~v.odd


def sliced() -> tuple[System, Slice]:
    """The design, and its slice for the claim."""
    system = build(register)
    return system, Slice(system, [instantiate(never_odd, system)])


def test_what_is_entailed_is_what_no_bit_contradicts() -> None:
    """All ones is no answer, as reserved bits say; and where a write is refused the low halves say what the words say."""
    _, slice_ = sliced()
    reached = explore(slice_)
    entailed = answered(slice_, reached)["write"]
    refused = [(one.given[0][1], one.given[1][1]) for one in entailed if str(one.then) == "value == copy" and len(one.given) == 2]

    assert [str(one.then) for one in entailed if one.never is not None] == ["value == 0xffffffffffffffff"]
    assert refused == [(True, False)]
    assert not any(one.given == () and one.never is None for one in entailed)  # nothing is always so
    assert len(settled(slice_, reached).states) < len(reached.states)


class Switched(State):
    """Two words that are one while a switch is on, and one to compare them with."""

    on: Bool = field("the switch")
    a: U64 = field("a word")
    b: U64 = field("another")
    c: U64 = field("what both are compared with")
    odd: Bool = field("something that never happens")


switched = Design("switched", Switched, doc="tests that a truth value of the state settles")
switched.initial(lambda s: s.matches(on=False, a=0, b=0, c=0, odd=False))


@switched.action(by="guest")
def both(s: Switched, value: U64) -> Switched:
    """On: both are one."""
    return s.replace(on=True, a=value, b=value)


@switched.action(by="guest")
def apart(s: Switched, value: U64, other: U64, third: U64) -> Switched:
    """Off: any values."""
    return s.replace(on=False, a=value, b=other, c=third)


@switched.action(by="host")
def compares(s: Switched) -> Switched:
    """What is odd only while it is on."""
    return s.replace(odd=s.odd | (s.on & (s.a == s.c) & (s.b != s.c)))


switched.views["odd"] = lambda s: s.odd


def test_a_truth_value_of_the_state_is_given_too() -> None:
    """Where the switch is on, one test says what the other does; where it is off, neither does."""
    system = build(switched)
    slice_ = Slice(system, [instantiate(never_odd, system)])
    entailed = answered(slice_, explore(slice_))["compares"]
    said_by_one = {(str(one.given), str(one.then)) for one in entailed if len(one.given) == 2}

    assert said_by_one >= {("((a == c, True), (on, True))", "b == c"), ("((b == c, True), (on, True))", "a == c")}
    assert not any("(on, False)" in given for given, _ in said_by_one)
    (result,) = decide(switched, "", [never_odd], patience=0.01)
    assert isinstance(result, Result) and isinstance(result.verdict, Proved)


class Locked(State):
    """A register that a host's value is compared with, and a lock that keeps its low bit clear."""

    locked: Bool = field("the lock")
    value: U64 = field("the register")
    host: U64 = field("what it is compared with: its low bit is set")
    odd: Bool = field("something that never happens")


locked = Design("locked", Locked, doc="a test that never holds where a truth value of the state says so")
locked.initial(lambda s: s.matches(locked=True, value=0, host=1, odd=False))


@locked.action(by="guest")
def unlocks(s: Locked, value: U64) -> Locked:
    """Any value from now on."""
    return s.replace(locked=False, value=value)


@locked.action(by="guest")
def locks(s: Locked, value: U64) -> Locked:
    """The low bit is cleared."""
    return s.replace(locked=True, value=value & ~word(1))


@locked.action(by="host")
def wants(s: Locked, value: U64) -> Locked:
    """Another value, with the low bit."""
    return s.replace(host=value | 1)


@locked.action(by="host")
def looks(s: Locked) -> Locked:
    """What is odd only where it is locked."""
    return s.replace(odd=s.odd | (s.locked & (s.value == s.host)))


locked.views["odd"] = lambda s: s.odd


def test_a_test_never_holds_where_a_truth_value_says_so(tmp_path: Path) -> None:
    """Locked, the two differ at the low bit, which the slice forgets at the others; unlocked, they may be alike."""
    system = build(locked)
    slice_ = Slice(system, [instantiate(never_odd, system)])
    never = {str(one.given): one for one in answered(slice_, explore(slice_))["looks"] if one.never is not None}

    assert "((locked, True),)" in never and "((locked, False),)" not in never and "()" not in never
    assert slice_.layout.classes[never["((locked, True),)"].never or 0][slice_.layout.constants.index(1)]
    (result,) = decide(locked, "", [never_odd], patience=0.01)
    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert main(["check", f"{__file__}:locked", "--claim", "never-odd", "--certificates", str(tmp_path), "--no-cache"]) == 0
    assert main(["verify", str(tmp_path)]) == 0


def test_what_is_entailed_holds_at_full_width() -> None:
    """Of every state of a run at full width, and of its inputs."""
    system, slice_ = sliced()
    facts = said(slice_, settled(slice_, explore(slice_)))["write"]

    assert facts
    for value, copy, given in itertools.product(range(8), range(8), (0, 5, 8, 2**63)):
        state = {**dict.fromkeys(system.variables, 0), "value": value, "copy": copy, "write:value": given}
        assert all(evaluate(fact, state) for fact in facts)


def test_where_nothing_is_entailed_nothing_is_explored_again() -> None:
    """A slice without tests of words has said all that it can."""

    def write(s: Register, value: U64) -> Register:
        return s.replace(value=value & EXISTS)

    plain = register.but("plain", write=write)
    system = build(plain)
    slice_ = Slice(system, [instantiate(never_odd, system)])
    reached = explore(slice_)

    assert settled(slice_, reached) is reached


def test_a_cache_that_is_compared_with_what_never_is() -> None:
    """The mask's field is written unless all bits are forced, which no policy does; the slice forgot that at the bits that are."""

    def vmx_set_spec_ctrl_mask(s: Vcpu, mask: Word) -> Vcpu:
        return select(s.virtualized & (mask != word(2**64 - 1)), vmcs_write(s, mask=mask, cache=mask), s)

    always = kvm_reference.but("always-writes", vmx_set_spec_ctrl_mask=vmx_set_spec_ctrl_mask)
    (result,) = decide(always, "virtualized", [enforcement], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.method == SLICE


def test_what_the_design_never_does_is_proved_and_certified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Z3 is asked at full width, with lemmas that say why: nothing of what the slice was told is believed."""
    file = str(Path(__file__))
    assert main(["check", f"{file}:register", "--claim", "never-odd", "--certificates", str(tmp_path), "--no-cache"]) == 0
    assert "register: never-odd: proved" in capsys.readouterr().out
    assert main(["verify", str(tmp_path)]) == 0


def stale_run(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    """VMLAUNCH, after which the host's value is not restored."""
    return nested_vmx_enter_from_vmentry(s.replace(running=False), l1_intercepts).replace(entering=True, by_l1=True)


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_a_test_that_follows_where_another_fails(configuration: str) -> None:
    """A nested entry that does not restore the host's value leaves the register stale. A refused WRMSR leaves no trace all the same: that VM entry
    compares the low halves and VM exit the words is one comparison, as nothing sets the upper halves. With that known one test in mind is enough;
    those that exclude the slice's runs without are too many."""

    stale = kvm_reference.but("stale-in-l2", nested_vmx_run=stale_run)
    (result,) = decide(stale, configuration, [refused_leaves_no_trace], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.method == TRACKED


def test_what_a_claim_alone_asks_is_not_taken_apart() -> None:
    """Of upstream's KVM `support` asks of one word at VM entry, which is the register or the guest's value, whether it has a bit too many. Taken
    apart where it is chosen, the part that is not would have any answer, and one step would break it."""

    stale = kvm_upstream.but("stale-in-l2", nested_vmx_run=stale_run)
    (result,) = decide(stale, "emulated", [support], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)


def test_tests_without_a_choice_are_kept_in_mind_where_no_fewer_do() -> None:
    """Which value is compared depends on what is intercepted; that each of them is the host's is two tests, which are told apart where the one is
    not. KVM enters again here and forgets that the host's value may be another one."""

    def exit_and_reenter(s: Vcpu, host: U64) -> Vcpu:
        out = vm_exits(s)
        return vm_enters(out.replace(msr=host & s.accepts)).replace(reentered=True)

    forgets = kvm_upstream.but("forgets-the-host", exit_and_reenter=exit_and_reenter)
    (result,) = decide(forgets, "virtualized", [refused_leaves_no_trace], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert any("(spec_ctrl & 0xffffffff) != (host & 0xffffffff)" in line.equation.partition(" implies ")[0] for line in result.verdict.lemmas)


def test_what_a_bug_of_the_past_leaves_alone() -> None:
    """KVM skipped the write at VM exit where the guest's value equals the host's (K05). That a refused access leaves no trace all the same is seen
    where the tests by which others are chosen are told as these are, and where a value that is intercepted is known not to be the host's."""
    (skips,) = (bug.variant for bug in BUGS if bug.id == "K05")
    (result,) = decide(skips, "emulated", [support], patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
    assert result.verdict.method == TRACKED


def test_a_relation_is_settled_by_all_that_can_be_reached() -> None:
    """A value is tested together with every bit that KVM knows, whatever is forced. That emulation refuses what the processor accepts is a run of
    the slice, at which it was not explored on; that the register was opened says that the host has all these bits, in all that can be reached."""
    (known,) = (twin for twin in TWINS if twin.claim == "migration-accept")
    result = decide_relation(known.design, virtualized_equals_emulated, patience=0.01)

    assert isinstance(result, Result) and isinstance(result.verdict, Proved)
