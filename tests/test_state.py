"""States, designs and their well-formedness: each mistake of a model's author gets one clear message."""

from __future__ import annotations

import re
from typing import Annotated, Any, cast

import pytest

from specproof import U32, U64, Bits, Bool, Design, ModelError, State, UsageError, Word, conj, field, frozen, observed, part, select
from specproof.readings.text import show
from specproof.state import assemble, fields, flatten, leaves
from specproof.system import build
from specproof.terms import FALSE, variable

SPEC_CTRL = Bits(IBRS=0, STIBP=1, BHI_DIS_S=10)


class Vmcs(State):
    mask: U64 = field("the mask", bits=SPEC_CTRL)
    shadow: U64 = field("the shadow")


class Vcpu(State):
    msr: U64 = field("the register")
    cpuid: U32 = field("a narrow word")
    host: U64 = frozen("what the host wants")
    running: Bool = field("the guest runs")
    vmcs: Vmcs = part("the VMCS")
    wrote: Bool = observed("the step wrote")


def some() -> Vcpu:
    """A state of variables."""
    return assemble(Vcpu, {path: variable(path, declared.width) for path, declared in leaves(Vcpu)})


def says(text: str) -> Any:
    """A ModelError with exactly this message."""
    return pytest.raises(ModelError, match=f"^{re.escape(text)}$")


def located(text: str) -> Any:
    """A ModelError that starts with this file and a line."""
    return pytest.raises(ModelError, match=rf"^{re.escape(__file__)}:\d+: {re.escape(text)}$")


def design(**actions: Any) -> Design[Vcpu]:
    """A design with these actions, and a predicate for the start."""
    d = Design("small", Vcpu, doc="for the tests")
    d.initial(lambda s: s.msr == 0)
    for name, body in actions.items():
        body.__name__ = name
        d.action(by="guest")(body)
    return d


def test_a_state_knows_its_leaves() -> None:
    """Words and truth values by path, parts spelt out, in the order of declaration."""
    assert [path for path, _ in leaves(Vcpu)] == ["msr", "cpuid", "host", "running", "vmcs.mask", "vmcs.shadow", "wrote"]
    assert fields(Vcpu)["cpuid"].width == 32
    assert fields(Vcpu)["host"].frozen


def test_when_changes_only_where_the_condition_holds() -> None:
    """A field that keeps its value is the same term, whatever the condition."""
    s = some()
    after = s.when(s.running, msr=s.host, vmcs=s.vmcs.replace(mask=0x400))

    assert show(after.msr) == "running ? host : msr"
    assert show(after.vmcs.mask) == "running ? 0x400 : vmcs.mask"
    assert after.vmcs.shadow is s.vmcs.shadow
    assert list(flatten(after)) == [path for path, _ in leaves(Vcpu)]


def test_matches_compares_field_by_field() -> None:
    """Parts are compared leaf by leaf."""
    s = some()

    assert show(s.matches(running=False, vmcs=s.vmcs.replace(mask=0))) == "~running & (vmcs.mask == 0)"
    assert select(s.running, s, s) is s


def test_a_misspelt_field_is_corrected() -> None:
    """Reading, replacing and a part's field all say 'did you mean'."""
    s = some()
    with says("Vcpu has no field 'mrs'; did you mean 'msr'?"):
        _ = cast(Any, s).mrs
    with says("Vcpu has no field 'runing'; did you mean 'running'?"):
        s.replace(runing=True)
    with says("Vmcs has no field 'shadwo'; did you mean 'shadow'?"):
        s.vmcs.when(s.running, shadwo=0)
    with says("Vcpu has no field 'zzz'; known: cpuid, host, msr, running, vmcs, wrote"):
        _ = cast(Any, s).zzz


def test_a_field_takes_only_its_sort() -> None:
    """A width, a value that is too wide, a truth value for a word, and a word for a part."""
    s = some()
    with says("Vcpu.msr: a word of 64 bits was expected, and cpuid is a word of 32 bits; write '.zext(64)'"):
        s.replace(msr=s.cpuid)
    with says("Vcpu.cpuid: 0x100000000 does not fit in 32 bits; words are unsigned, and '~' belongs on the term: ~s.mask & ..."):
        s.replace(cpuid=1 << 32)
    with says("Vcpu.running: a truth value was expected, and msr is a word of 64 bits; write 'msr != 0' or '.bit(k)'"):
        s.replace(running=s.msr)
    with says("Vcpu.running: a truth value was expected, not 1; write True, and for 'b == 1' just 'b'"):
        s.replace(running=1)
    with says("Vcpu.vmcs: a Vmcs was expected, not 0"):
        s.replace(vmcs=0)


def test_states_are_frozen() -> None:
    """An assignment says which two forms to write."""
    s = some()
    with says("states are frozen: instead of 's.msr = ...' write 'return s.replace(msr=...)' or 's.when(condition, msr=...)'"):
        cast(Any, s).msr = 0
    with says("a state has no truth value; compare its fields"):
        bool(s)


def test_a_declaration_needs_a_sentence_and_a_type() -> None:
    """What a field is must be said, and what it holds."""

    class Bare(State):
        msr: U64

    class Odd(State):
        msr: int = field("a number")

    class Part(State):
        vmcs: Vmcs = field("a record")

    class Plain(State):
        msr: U64 = part("a word")

    class Narrow(State):
        index: Annotated[Word, 10] = part("a word")

    with pytest.raises(ModelError, match=r"Bare\.msr is declared without a sentence about it; write msr: U64 = field\('what it is'\)$"):
        fields(Bare)
    with pytest.raises(ModelError, match=r"Odd\.msr has type int; write U64, U32, U16, U8, Annotated\[Word, bits\], Bool or a State$"):
        fields(Odd)
    with pytest.raises(ModelError, match=r"Part\.vmcs is a record; write vmcs: Vmcs = part\('what it is'\)$"):
        fields(Part)
    with pytest.raises(ModelError, match=r"Plain\.msr is no record; write msr: U64 = field\('what it is'\)$"):
        fields(Plain)
    with pytest.raises(ModelError, match=r"Narrow\.index is no record; write index: Annotated\[Word, 10\] = field\('what it is'\)$"):
        fields(Narrow)


def test_bits_have_names() -> None:
    """A register's bits by name, and a value as names."""
    assert SPEC_CTRL.BHI_DIS_S == 0x400
    assert SPEC_CTRL.names(0x403) == "IBRS|STIBP|BHI_DIS_S"
    assert SPEC_CTRL.names(0x801) == "IBRS|0x800"
    assert SPEC_CTRL.names(0) == "0"
    with says("no bit is named 'IBSR'; did you mean 'IBRS'?"):
        _ = SPEC_CTRL.IBSR


def test_an_action_that_is_not_total_is_located() -> None:
    """A missing return is found when the system is built, with file and line."""

    def guest_wrmsr(s: Vcpu, value: U64) -> Any:
        s.replace(msr=value)

    with located(
        "action guest_wrmsr is not total: it returned None, and a Vcpu was expected in every case; "
        "end with 'return s.when(condition, field=value)'"
    ):
        build(design(guest_wrmsr=guest_wrmsr))


def test_errors_in_an_action_have_the_line_where_they_arose() -> None:
    """A Python 'if' on a term, and a misspelt field, inside an action."""

    def chooses(s: Vcpu) -> Vcpu:
        return s.replace(msr=0) if s.running else s

    def misspells(s: Vcpu) -> Vcpu:
        return s.replace(msr=cast(Any, s.vmcs).mack)

    line = chooses.__code__.co_firstlineno + 1
    with pytest.raises(ModelError, match=rf"^{re.escape(__file__)}:{line}: action chooses: the term running has no truth value"):
        build(design(chooses=chooses))
    with located("action misspells: Vmcs has no field 'mack'; did you mean 'mask'?"):
        build(design(misspells=misspells))


def test_a_frozen_field_cannot_be_assigned() -> None:
    """A configuration does not change; assigning it its own value is no change."""

    def moves(s: Vcpu, value: U64) -> Vcpu:
        return s.replace(host=value)

    def keeps(s: Vcpu) -> Vcpu:
        return s.replace(host=s.host)

    with located("action moves changes host, which is frozen"):
        build(design(moves=moves))
    assert not build(design(keeps=keeps)).actions["keeps"].next


def test_inputs_need_a_type() -> None:
    """A parameter of an action is a word or a truth value, and says so."""

    def untyped(s: Vcpu, value) -> Vcpu:  # type: ignore[no-untyped-def]
        return s.replace(msr=value)

    def record(s: Vcpu, value: Vmcs) -> Vcpu:
        return s.replace(vmcs=value)

    with located("untyped: the input 'value' needs a type, U64 or Bool"):
        build(design(untyped=untyped))
    with located("record: the input 'value' must be a word or a truth value"):
        build(design(record=record))


def test_a_design_needs_a_start() -> None:
    """The message shows the decorator to write."""
    with located("no-start has no initial states; write '@no_start.initial' above a predicate on the state"):
        build(Design("no-start", Vcpu, doc="nothing"))


def test_a_predicate_must_be_a_truth_value() -> None:
    """A start that returns a word is located."""
    d = design()
    d.start = cast(Any, lambda s: s.msr)

    with located("small: initial returned msr; a truth value was expected"):
        build(d)


def test_two_definitions_of_one_name() -> None:
    """The second is refused, and the message says how a variant is made."""
    d = design()

    @d.function
    def helper(s: Vcpu) -> Word:
        return s.msr

    with pytest.raises(ModelError, match=r"small has two definitions of 'helper'; to change one write small\.but\(\.\.\., helper=\.\.\.\)$"):
        d.view(helper.body)


def test_a_variant_replaces_by_name_only() -> None:
    """An unknown name of a variant, and of what it leaves out, is an error with a suggestion."""

    def wrmsr(s: Vcpu, value: U64) -> Vcpu:
        return s.replace(msr=value)

    d = design(wrmsr=wrmsr)
    with located("broken has no function, action or view 'wrmrs'; did you mean 'wrmsr'?"):
        d.but("broken", wrmrs=wrmsr)
    with says("small has no 'wrmrs' to leave out; did you mean 'wrmsr'?"):
        d.but("broken", without=("wrmrs",))
    assert list(build(d.but("less", without=("wrmsr",))).actions) == []


def test_a_variant_leaves_its_parent_alone() -> None:
    """The same helper has one meaning in the design and another in the variant."""
    d = design()

    @d.function
    def forced(s: Vcpu, value: Word) -> Word:
        return value | s.vmcs.mask

    def write(s: Vcpu, value: U64) -> Vcpu:
        return s.replace(msr=forced(s, value))

    d.action(by="guest")(write)
    variant = d.but("variant", forced=lambda s, value: value)

    assert show(build(variant).actions["write"].next["msr"]) == "write:value"
    assert show(build(d).actions["write"].next["msr"]) == "write:value | vmcs.mask"


def test_unknown_configurations_and_assumptions() -> None:
    """Names on the command line are corrected too."""
    d = design()
    d.setting("hosted", lambda s: s.host == 0)
    d.setting("running", lambda s: s.running)

    with says("small has no setting 'hostde'; did you mean 'hosted'?"):
        d.configure("hostde")
    with pytest.raises(UsageError, match=r"^small has no configuration 'hostd'; did you mean 'hosted'\?$"):
        build(d, "hostd")
    with pytest.raises(UsageError, match=r"^small has no assumption 'x'; known: none$"):
        build(d, without=("x",))
    with located("small: the setting running reads running, which is not frozen; declare it with 'frozen(...)'"):
        build(d, "running")
    assert build(d, "hosted").constants["host"].data == 0


def test_an_assumption_names_real_actions_and_inputs() -> None:
    """An assumption about an action that does not exist, or an input that it does not have, is located."""

    def wrmsr(s: Vcpu, value: U64) -> Vcpu:
        return s.replace(msr=value)

    d = design(wrmsr=wrmsr)
    d.assumption("small-values", of=("wrmrs",))(lambda s: FALSE)
    with located("assumption small-values: no action 'wrmrs'; did you mean 'wrmsr'?"):
        build(d)

    d = design(wrmsr=wrmsr)
    d.assumption("small-values", of=("wrmsr",))(lambda s, valeu: FALSE)
    with located("assumption small-values: wrmsr has no input 'valeu'; did you mean 'value'?"):
        build(d)


def test_observed_fields_are_cleared_before_a_step() -> None:
    """They report, and are no part of the state between steps."""

    def notes(s: Vcpu) -> Vcpu:
        return s.replace(wrote=s.wrote | s.running)

    system = build(design(notes=notes))

    assert "wrote" not in system.variables
    assert show(system.actions["notes"].observed["wrote"]) == "running"
    assert conj([]) is not system.actions["notes"].observed["wrote"]
