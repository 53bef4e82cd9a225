"""Deciding claims end to end on small designs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Annotated, Any, cast

import pytest
from specproof.models.kvm import Vcpu
from specproof.models.kvm_nested import enter_vmx_operation, vmx_switch_vmcs
from specproof.models.kvm_proposed import kvm_proposed
from specproof.models.kvm_transitions import finishes
from specproof.proofs.faults import refused_as_the_processor_says

from specproof import (
    U64,
    Bool,
    Claim,
    Design,
    ModelError,
    State,
    Word,
    fallback,
    field,
    frozen,
    implies,
    invariant,
    ite,
    lemma,
    reachable,
    relation,
    select,
    step,
    word,
)  # fmt: skip
from specproof import decide as deciding
from specproof import decision as engine
from specproof.claims import Property, instantiate
from specproof.decide import decide, decide_lemma, decide_relation
from specproof.decision import LIFTED, SLICE, Accepted, Decision
from specproof.explore import Reached
from specproof.graph import variables
from specproof.layout import TooLarge
from specproof.product import SHARING, product
from specproof.slice import Slice
from specproof.solver import Answer, Solver, hushed
from specproof.system import build
from specproof.terms import FALSE, Term, variable
from specproof.trace import Trace, replay, violates
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown, Vacuous
from tests.designs import thin, two


@invariant("enforcement")
def enforcement(v: Any) -> Bool:
    """Masked bits are set while the guest runs."""
    return implies(v.guest_runs, (v.effective & v.required_mask) == v.required_mask)


@invariant("isolation")
def isolation(v: Any) -> Bool:
    """The host has its own value."""
    return implies(~v.guest_runs, v.effective == v.host_wants)


@step("mask-written-on-change")
def mask_written_on_change(before: Any, after: Any) -> Bool:
    """The mask field is written only when its value changes."""
    return implies(after.mask_written, before.required_mask != after.required_mask)


@relation("alike", left="virtualized", right="emulated")
def alike(a: Any, b: Any) -> Bool:
    """Both configurations show the guest the same."""
    return (a.rdmsr ^ b.rdmsr) == 0


def one(design: Design[Any], configuration: str, claim: Claim, **options: Any) -> Any:
    result = decide(design, configuration, [claim], **options)[0]
    assert isinstance(result, Result)
    return result.verdict


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_sound_design_is_proved(configuration: str) -> None:
    """A design that forces what it masks is proved, by lemmas, with a run in which the antecedent happens."""
    for claim in (enforcement, isolation, mask_written_on_change):
        verdict = one(thin.thin, configuration, claim)

        assert isinstance(verdict, Proved)
        assert verdict.witness is not None


@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_broken_design_is_refuted_by_its_shortest_run(configuration: str) -> None:
    """Masking without forcing is refuted in two steps, with a single named bit."""
    verdict = one(thin.thin_broken, configuration, enforcement)

    assert isinstance(verdict, Refuted)
    assert [taken.action for taken in verdict.trace.steps] == ["set_mask", "vm_entry"]
    assert bin(verdict.trace.steps[0].inputs["mask"]).count("1") == 1
    assert verdict.trace.initial["host"] == 0


def test_refutation_replays_on_integers() -> None:
    """The run of a refutation is the run that replay computes from its inputs."""
    verdict = one(thin.thin_broken, "virtualized", enforcement)
    trace = verdict.trace
    system = build(thin.thin_broken, "virtualized")

    again = replay(system, "enforcement", trace.initial, [(taken.action, taken.inputs) for taken in trace.steps])

    assert again == trace


def test_step_claim_is_refuted_by_its_last_step() -> None:
    """A write of the mask that changes nothing is found, and the run ends with that write."""

    def always_writes(s: Any, mask: U64) -> Any:
        return s.replace(vmcs=s.vmcs.replace(mask=mask), wrote_mask=True)

    verdict = one(thin.thin.but("thin-eager", set_mask=always_writes), "virtualized", mask_written_on_change)

    assert isinstance(verdict, Refuted)
    assert [taken.action for taken in verdict.trace.steps] == ["set_mask"]


def test_relation_that_fails_is_a_run_of_both_sides() -> None:
    """In the thin design only one of the two write actions exists on each side, and the relation finds it."""
    result = decide_relation(thin.thin, alike)

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Refuted)
    assert {"virtualized.vmcs.shadow", "emulated.vmcs.shadow"} <= set(result.verdict.trace.initial)


def test_runs_of_a_relation_are_told_of_two_sides_that_share_what_they_must() -> None:
    """Whatever the exploration found to be shared: the run that breaks it, and the one in which what it speaks of happens."""

    @relation("alike-once-masked", left="virtualized", right="emulated")
    def once_masked(left: Any, right: Any) -> Bool:
        return implies((left.required_mask != 0) & left.guest_runs, left.required_mask == right.required_mask)

    pair = product(*(build(thin.thin, side) for side in ("virtualized", "emulated")), ("virtualized", "emulated"))
    broken, kept = (decide_relation(thin.thin, claim) for claim in (alike, once_masked))
    assert isinstance(broken, Result) and isinstance(broken.verdict, Refuted)
    assert isinstance(kept, Result) and isinstance(kept.verdict, Proved) and kept.verdict.witness is not None

    for claim, trace, wanted in ((alike, broken.verdict.trace, False), (once_masked, kept.verdict.witness, True)):
        prop = pair.instantiate(claim)
        asked = prop.happens if wanted else prop
        assert asked is not None
        assert pair.system.variables.keys() <= trace.initial.keys()
        again = replay(pair.system, claim.name, trace.initial, [(taken.action, taken.inputs) for taken in trace.steps])
        assert again == trace
        assert violates(pair.system, asked, trace) is not wanted


@pytest.mark.parametrize(
    ("verdict", "proofs", "stands"),
    [
        (Unknown("none", ""), [], True), (Proved(SLICE), [], True), (Refuted(LIFTED, Trace("", "", "", {}, ())), [], True),
        (Proved("Spacer at full width"), [], False), (Proved("Spacer at full width"), [{SHARING}], True),
        (Proved("induction at full width by Z3, with lemmas of its own"), [{"its own"}], False),
    ],
)  # fmt: skip
def test_a_verdict_on_merged_sides_stands_where_sharing_was_looked_at(verdict: Any, proofs: list[Any], stands: bool) -> None:
    """By the slice or in a proof. Of what another way decides, nothing says that the fields were rightly shared."""
    decision = Decision(build(thin.thin, "virtualized"), {}, {}, Solver(), lambda *_: None)
    nothing = Property("", None, {})
    decision.proofs = [Accepted(cast(Any, None), dict.fromkeys(claims, nothing), (), {}, "") for claims in proofs]

    assert deciding._stands(verdict, decision) is stands


def test_a_run_that_rests_on_fields_shared_wrongly_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run is none of the two sides, or nothing says that sharing was right, the product that shares nothing wrongly decides."""
    wanted = decide_relation(thin.thin, alike)
    monkeypatch.setattr("specproof.decide.unmerged", lambda *_: None)

    found = decide_relation(thin.thin, alike)

    assert isinstance(found, Result)
    assert isinstance(wanted, Result)
    assert isinstance(found.verdict, Refuted)
    assert isinstance(wanted.verdict, Refuted)
    assert [step.action for step in found.verdict.trace.steps] == [step.action for step in wanted.verdict.trace.steps]


def test_relation_of_a_design_with_itself_is_proved() -> None:
    """Two sides that do the same are proved alike, with nothing to tell them apart."""

    def any_wrmsr(s: Any, value: U64) -> Any:
        """One action for both configurations."""
        return s.replace(msr=value | s.vmcs.mask, vmcs=s.vmcs.replace(shadow=value), believed=value)

    same = thin.thin.but("thin-same", guest_wrmsr=any_wrmsr, without=("emulated_wrmsr",))
    same.actions["guest_wrmsr"] = same.actions["guest_wrmsr"].__class__("guest_wrmsr", any_wrmsr, "guest", "", lambda s: s.running)
    result = decide_relation(same, alike)

    assert isinstance(result, Result)
    assert isinstance(result.verdict, Proved)


def test_claim_on_a_missing_view_is_not_asked() -> None:
    """A design that lacks a view is not asked, and the reason is the design's own."""

    @invariant("needs-more")
    def needs_more(v: Any) -> Bool:
        return v.nested_value == 0  # type: ignore[no-any-return]

    answer = decide(thin.thin, "virtualized", [needs_more])[0]

    assert answer == NotAsked("thin", "needs-more", "thin offers no view 'nested_value'")


def test_antecedent_that_never_happens_is_vacuous() -> None:
    """A claim about what never happens is neither proved nor refuted."""

    @invariant("nothing")
    def nothing(v: Any) -> Bool:
        return implies(v.guest_runs & ~v.guest_runs | v.guest_runs & (v.effective.bit(0) & ~v.effective.bit(0)), v.rdmsr == 0)

    @invariant("never-masked")
    def never_masked(v: Any) -> Bool:
        return implies(v.guest_runs & ((v.required_mask & ~v.required_mask) != 0), v.rdmsr == 0)

    @step("no-step")
    def no_step(before: Any, after: Any) -> Bool:
        return implies(before.guest_runs & after.mask_written, before.rdmsr == 0)

    assert isinstance(one(thin.thin, "virtualized", no_step), Vacuous)
    assert one(thin.thin, "virtualized", never_masked).word in ("vacuous", "proved")


def test_lemmas_are_decided_over_all_values() -> None:
    """A lemma is proved or refuted by an assignment."""

    @lemma("agree")
    def agree(cur: U64, value: U64, mask: U64) -> Bool:
        return implies((cur & mask) == mask, ((cur & mask) | (value & ~mask)) == (value | mask))

    @lemma("disagree")
    def disagree(cur: U64, value: U64, mask: U64) -> Bool:
        return ((cur & mask) | (value & ~mask)) == (value | mask)

    assert decide_lemma(agree).verdict.word == "proved"
    refuted = decide_lemma(disagree).verdict
    assert isinstance(refuted, Refuted)
    assert refuted.trace.initial["mask"] & ~refuted.trace.initial["cur"]


def test_reachability_needs_a_run() -> None:
    """What can happen is proved by a run, what cannot is vacuous."""

    @reachable("some-mask")
    def some_mask(v: Any) -> Bool:
        return v.guest_runs & v.required_mask.bit(10)  # type: ignore[no-any-return]

    @reachable("mask-in-host")
    def impossible(v: Any) -> Bool:
        return ~v.guest_runs & ((v.effective ^ v.host_wants) != 0)  # type: ignore[no-any-return]

    shown = one(thin.thin, "virtualized", some_mask)
    assert isinstance(shown, Proved)
    assert shown.witness is not None and shown.witness.length == 2
    assert isinstance(one(thin.thin, "virtualized", impossible), Vacuous)


class Counter(State):
    width: U64 = frozen("an unused constant")
    low: U64 = field("counts")
    on: Bool = field("counting")


counter = Design("counter", Counter, doc="A counter, which is not bitwise")


@counter.initial
def zero(s: Counter) -> Bool:
    return s.matches(low=0, on=False)


@counter.action(by="clock", guard=lambda s: s.low < 5)
def tick(s: Counter) -> Counter:
    """Adds one."""
    return s.replace(low=s.low + 1, on=True)


@counter.view
def count(s: Counter) -> Word:
    return s.low


def test_what_is_not_bitwise_is_proved_by_another_way() -> None:
    """A bound on a counter is beyond the slice, and the verdict says what answered."""

    @invariant("bound")
    def bound(v: Any) -> Bool:
        return v.count <= 5  # type: ignore[no-any-return]

    verdict = one(counter, "", bound, timeout=30)
    assert isinstance(verdict, Proved)
    assert "induction" in verdict.method or "Spacer" in verdict.method


def test_what_is_not_bitwise_is_refuted_by_a_replayed_run() -> None:
    """A wrong bound is refuted by the shortest run."""

    @invariant("tight")
    def tight(v: Any) -> Bool:
        return v.count <= 3  # type: ignore[no-any-return]

    verdict = one(counter, "", tight, timeout=30)
    assert isinstance(verdict, Refuted)
    assert verdict.trace.length == 4


def test_a_run_is_not_called_shortest_where_a_shorter_length_was_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that does not know is no solver that says no."""

    @invariant("tight")
    def tight(v: Any) -> Bool:
        return v.count <= 3  # type: ignore[no-any-return]

    class Forgetful(Solver):
        def ask(self, assertions: Sequence[Term]) -> Answer:
            names = {str(term.data) for term in variables(assertions)}
            return Answer("unknown", {}, "forgotten") if "low@2" in names and "low@3" not in names else super().ask(assertions)

    monkeypatch.setattr(fallback, "Solver", Forgetful)

    verdict = one(counter, "", tight, timeout=30)
    assert isinstance(verdict, Refuted)
    assert verdict.trace.length == 4
    assert not verdict.shortest


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by an hour whenever somebody looks."""
    hours = itertools.count(3600.0, 3600.0)
    monkeypatch.setattr(fallback.time, "monotonic", lambda: next(hours))  # type: ignore[attr-defined]


@pytest.mark.usefixtures("busy")
def test_without_a_time_limit_the_clock_decides_nothing() -> None:
    """What takes an hour on a busy machine is as much work as ever. With a limit the clock counts, as the user wants."""

    @invariant("tight")
    def tight(v: Any) -> Bool:
        return v.count <= 3  # type: ignore[no-any-return]

    verdict = one(counter, "", tight)
    assert isinstance(verdict, Refuted)
    assert verdict.trace.length == 4

    limited = one(counter, "", tight, timeout=30)
    assert isinstance(limited, Unknown)
    assert limited.reason.endswith("nothing else answered in 30 s")


def test_work_is_limited_and_counted_the_same_each_time() -> None:
    """By Z3's count and not by the clock; and what is left unanswered says so."""
    a, b = (cast(Word, variable(name, 64)) for name in "ab")
    x, y = a, b
    for turn in range(1, 9):  # mixes the two words, so that what they were is hard to find
        x, y = y + (x << turn), (x ^ (y >> turn)) + y
    hard = [x == 0x1234567890ABCDEF, y == 0xFEDCBA0987654321]
    solvers = [Solver(work=0.02), Solver(work=0.02)]
    answers = [solver.ask(hard) for solver in solvers]

    assert answers[0] == answers[1]
    assert (answers[0].word, answers[0].reason) == ("unknown", "its limit was reached")
    assert solvers[0].spent == solvers[1].spent >= 0.02
    assert solvers[0].ask([a == 3]).word == "sat"  # each question has the whole limit


def test_what_a_solver_writes_to_standard_error_stays_there(capfd: pytest.CaptureFixture[str]) -> None:
    """Spacer tells its lemmas by itself where it gives up, past Python; nobody asked."""
    with hushed():
        os.write(2, b"Failed to find a lemma for: ...")
    os.write(2, b"heard")

    assert capfd.readouterr().err == "heard"


class Chosen(State):
    a: U64 = field("a word")
    b: U64 = field("another, which a test of the first chooses")
    on: Bool = field("somebody acted")


chosen = Design("chosen", Chosen, doc="Words that are chosen by tests of words, at the start and in a view")


@chosen.initial
def derived(s: Chosen) -> Bool:
    """One field is said in terms of another and of itself."""
    return (s.b == ite(s.a == 0, s.a | 1, s.b & s.a)) & ~s.on


@chosen.action(by="anybody")
def choose_again(s: Chosen, value: U64) -> Chosen:
    return s.replace(a=value, b=ite(value == 0, word(1), value), on=True)


@chosen.view
def shown_word(s: Chosen) -> Word:
    return ite(s.a == 0, s.b & 1, s.a)


@chosen.view
def same_word(s: Chosen) -> Bool:
    return ite(s.a == s.b, s.a & 4, s.b).bit(2)


@chosen.view
def other_word(s: Chosen) -> Word:
    return s.b


@chosen.view
def acted(s: Chosen) -> Bool:
    return s.on


def test_tests_may_choose_words_at_the_start_and_in_views() -> None:
    """`ite(a == 0, x, y) == z` in an initial predicate, in a view, or under a single bit is decided like anything else."""

    @invariant("is-the-other")
    def is_the_other(v: Any) -> Bool:
        return implies(v.acted, v.shown_word == v.other_word)  # type: ignore[no-any-return]

    @invariant("within-the-other")
    def within(v: Any) -> Bool:
        return (v.other_word & ~v.shown_word) == 0  # type: ignore[no-any-return]

    @invariant("is-it-at-first")
    def at_first(v: Any) -> Bool:
        return v.shown_word == v.other_word  # type: ignore[no-any-return]

    @invariant("its-bit")
    def its_bit(v: Any) -> Bool:
        return v.same_word == v.other_word.bit(2)  # type: ignore[no-any-return]

    assert isinstance(one(chosen, "", is_the_other), Proved)
    assert isinstance(one(chosen, "", within), Proved)
    refuted = one(chosen, "", at_first)
    assert isinstance(refuted, Refuted)
    assert refuted.trace.length == 0
    assert isinstance(one(chosen, "", its_bit), Proved)


def test_a_view_may_be_a_plain_truth_value() -> None:
    """As the initial predicate, a guard and a claim may: what a design always or never shows."""
    design = chosen.but("plain")

    @design.view
    def always(s: Chosen) -> Any:
        return True

    @invariant("always-so")
    def always_so(v: Any) -> Bool:
        return v.always | (v.other_word == 0)  # type: ignore[no-any-return]

    assert isinstance(one(design, "", always_so), Proved)


class Narrow(State):
    w: Annotated[Word, 1] = field("a word of one bit")
    on: Bool = field("it was set")


narrow = Design("narrow", Narrow, doc="A word that is read as a wider one than any that the state has")
narrow.initial(lambda s: (s.w == 0) & ~s.on)


@narrow.action(by="anybody")
def turn(s: Narrow, on: Bool) -> Narrow:
    return s.replace(w=ite(on, word(1, 1), s.w), on=on)


@narrow.view
def wide(s: Narrow) -> Word:
    return ite(s.on, s.w.zext(3) | word(2, 3), word(3, 3))


@narrow.view
def turned(s: Narrow) -> Bool:
    return s.on


def test_a_term_may_be_wider_than_every_variable() -> None:
    """Positions are those of the widest term: what happens above the variables is neither missed nor an error."""

    @invariant("three")
    def three(v: Any) -> Bool:
        return implies(v.turned, v.wide == 3)

    @invariant("never-the-top")
    def never_the_top(v: Any) -> Bool:
        return (v.wide & 4) == 0  # type: ignore[no-any-return]

    @invariant("never-the-middle")
    def never_the_middle(v: Any) -> Bool:
        return (v.wide & 2) == 0  # type: ignore[no-any-return]

    @invariant("unread")
    def unread(v: Any) -> Bool:
        return implies(~v.turned, ~v.turned)

    assert isinstance(one(narrow, "", three), Proved)
    assert isinstance(one(narrow, "", never_the_top), Proved)
    assert isinstance(one(narrow, "", never_the_middle), Refuted)
    assert isinstance(one(narrow, "", unread), Proved | Vacuous)


def test_unsatisfiable_start_is_an_error() -> None:
    """A design in which no run starts decides nothing."""

    def nowhere(s: Any) -> Bool:
        return s.matches(running=True) & ~s.running  # type: ignore[no-any-return]

    with pytest.raises(ModelError, match="nothing satisfies its initial predicate"):
        decide(thin.thin.but("thin-nowhere", initial=nowhere), "virtualized", [enforcement])


def test_verdicts_do_not_depend_on_what_else_is_asked() -> None:
    """One claim alone has the verdict that it has among others."""
    alone = one(thin.thin_broken, "virtualized", enforcement)
    together = decide(thin.thin_broken, "virtualized", [isolation, enforcement, mask_written_on_change])[1]

    assert isinstance(together, Result)
    assert together.verdict == alone


def test_an_invariant_that_observes_is_asked_of_steps_and_of_the_start() -> None:
    """Observed fields are cleared between steps, and that alone violates nothing."""

    @invariant("entered-or-idle")
    def entered(v: Any) -> Bool:
        return v.mask_written | ~v.guest_runs | v.guest_runs

    @invariant("written-while-masked")
    def written(v: Any) -> Bool:
        return v.mask_written | (v.required_mask == 0) | v.guest_runs | (v.rdmsr == v.believes)

    assert one(thin.thin, "virtualized", entered).word == "vacuous"  # true of any views whatever
    assert one(thin.thin, "virtualized", written).word == "proved"

    @invariant("only-after-a-write")
    def only(v: Any) -> Bool:
        return v.mask_written | (v.required_mask == 0)

    verdict = one(thin.thin, "virtualized", only)
    assert isinstance(verdict, Refuted)
    assert [taken.action for taken in verdict.trace.steps] == ["set_mask", "vm_entry"] or verdict.trace.length == 2


def test_an_antecedent_that_only_a_test_of_words_forbids_is_vacuous() -> None:
    """Where the slice cannot see that the antecedent never happens, induction at full width does."""

    @invariant("mask-is-not-itself")
    def itself(v: Any) -> Bool:
        return implies(v.guest_runs & (v.rdmsr < (v.rdmsr & v.required_mask)), v.effective == 0)

    assert one(thin.thin, "virtualized", itself, timeout=20).word == "vacuous"


@pytest.mark.parametrize("side", ["virtualized", "emulated"])
def test_each_side_of_a_relation_starts_as_its_own_assumptions_say(side: str) -> None:
    """An assumption may say something of one configuration alone, be it the left or the right."""

    class Pinned(State):
        w: Annotated[Word, 3] = field("a word")
        emulated: Bool = frozen("how it works")

    design = Design("pinned", Pinned, doc="A word that starts with 0 in one configuration")
    design.initial(lambda s: s.w == s.w)
    design.assumption("zero-there", of=("initial",))(lambda s: (s.emulated if side == "virtualized" else ~s.emulated) | (s.w == 0))
    design.setting("virtualized", lambda s: ~s.emulated)
    design.setting("emulated", lambda s: s.emulated)
    design.shows("w")
    design.action(by="anybody")(_nothing)

    @relation("that-is-0", left="virtualized", right="emulated")
    def that_is_0(left: Any, right: Any) -> Bool:
        return (left if side == "virtualized" else right).w == 0  # type: ignore[no-any-return]

    found, without = (decide_relation(design, that_is_0, without=names) for names in ((), ("zero-there",)))

    assert isinstance(found, Result)
    assert isinstance(without, Result)
    assert isinstance(found.verdict, Proved)
    assert found.verdict.assumptions == ("zero-there",)
    assert isinstance(without.verdict, Refuted)


def _nothing(s: Any) -> Any:
    return s


def test_a_configuration_may_pin_every_field() -> None:
    """Then there is one state, and no word that a lemma could speak of."""

    class Fixed(State):
        on: Bool = frozen("how it works")

    design = Design("fixed", Fixed, doc="Nothing ever changes")
    design.initial(lambda s: s.on | ~s.on)
    design.setting("on", lambda s: s.on)
    design.shows("on")
    design.action(by="anybody")(_nothing)

    @invariant("is-on")
    def is_on(v: Any) -> Bool:
        return v.on  # type: ignore[no-any-return]

    assert isinstance(one(design, "on", is_on), Proved)


class Bits(State):
    """One bit beside a wider input."""

    bit: Annotated[Word, 1] = field("one bit")
    on: Bool = field("a switch")


bits = Design("bits", Bits, doc="a narrow view beside a wide input")
bits.initial(lambda s: s.bit == word(0, 1))


@bits.action(by="anybody")
def set_bit(s: Bits, value: Annotated[Word, 3]) -> Bits:
    """The bit stays clear, and is set where it is set already."""
    return s.replace(bit=ite(s.on, s.bit, s.bit ^ s.bit), on=(value == 0) | (s.bit == word(1, 1)))


@bits.view
def complement(s: Bits) -> Word:
    """The bit, the other way round."""
    return ~s.bit


@bits.view
def plain(s: Bits) -> Word:
    """The bit."""
    return s.bit


@invariant("stays-clear")
def stays_clear(v: Any) -> Bool:
    """The bit is never set."""
    return cast(Bool, v.plain == word(0, 1))


def test_a_view_narrower_than_an_input_has_no_bits_beyond_its_own() -> None:
    """The complement of a bit is one bit: a lemma about it must not speak of the other two positions of a wider word."""
    assert isinstance(one(bits, "", stays_clear), Proved)


def test_a_bounded_run_ends_with_the_action_that_is_asked_for() -> None:
    """Where several actions may be taken the first of them is; a property of a later one says nothing of it."""
    system = build(two_ways, "")
    fired = Property("second fires", None, {"second": FALSE})

    states = [{term: variable(f"{path}@{index}", term.width) for path, term in system.variables.items()} for index in (0, 1)]
    both = list(fallback._selectors(system.actions, 0).values())
    run = fallback.bounded_run(system, fired, 1, Solver(None))

    assert Solver(None).ask([fallback._end(system, fired, states, [system.actions], False), *both]).word == "unsat"
    assert run is not None
    assert [step.action for step in run.steps] == ["second"]


class Pair(State):
    """A switch that two actions touch."""

    on: Bool = field("a switch")


two_ways = Design("pair", Pair, doc="two actions that are always possible")
two_ways.initial(lambda s: ~s.on)


@two_ways.action(by="anybody")
def first(s: Pair) -> Pair:
    """Switches."""
    return s.replace(on=~s.on)


@two_ways.action(by="anybody")
def second(s: Pair, to: Bool) -> Pair:
    """Switches to what is given."""
    return s.replace(on=to)


def write_anything(s: Any, value: U64) -> Any:
    """A write that does not keep the locked bits."""
    return s.replace(right=value)


loose = two.two.but("loose", write_right=write_anything)


@loose.action(by="host", guard=lambda s: s.left != s.left)
def never_happens(s: Any) -> Any:
    """What nobody can do."""
    return s.replace(left=0)


def test_claims_that_share_nothing_are_decided_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same verdicts, from slices of what each claim depends on; and what the actions there do is looked at as ever."""
    parts = decide(loose, "", [two.left_stays, two.right_stays])
    monkeypatch.setattr("specproof.decision.SHARE", 0.4)
    whole = decide(loose, "", [two.left_stays, two.right_stays])
    assert [answer.verdict.word for answer in parts if isinstance(answer, Result)] == ["unknown", "refuted"]
    for one, other in zip(whole, parts, strict=True):
        assert isinstance(one, Result) and isinstance(other, Result)
        assert one.verdict == other.verdict
        assert {concern.text for concern in other.concerns if concern.fails} == {"never_happens fires in no reachable state, in no configuration"}


def test_what_does_not_fit_is_decided_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one claim depends on nearly everything; and what is alone too large is said to be."""
    explored = engine.explore

    def small(most: int) -> None:
        def explore(slice_: Slice, **given: Any) -> Reached:
            if len(slice_.layout.keys) > most:
                raise TooLarge(f"more than {most} bits")
            return explored(slice_, **given)

        monkeypatch.setattr(engine, "explore", explore)

    monkeypatch.setattr(engine, "SHARE", 0.4)
    whole = decide(loose, "", [two.left_stays, two.right_stays])
    small(2)
    parts = decide(loose, "", [two.left_stays, two.right_stays])
    assert [cast(Result, answer).verdict for answer in parts] == [cast(Result, answer).verdict for answer in whole]
    small(1)
    (none,) = decide(loose, "", [two.right_stays], patience=0)
    assert "does not fit: more than 1 bits" in cast(Result, none).verdict.reason  # type: ignore[union-attr]


idle = Design("idle", two.Two, doc="a design in which nothing happens")
idle.initial(two.nothing_is_set)


@idle.action(by="host", guard=lambda s: s.left != 0)
def never(s: Any) -> Any:
    """What could only happen later."""
    return s.replace(right=0)


def test_a_step_claim_is_vacuous_where_no_step_happens() -> None:
    """Also where it has no antecedent: it is as true as its opposite."""

    @step("nothing-holds")
    def nothing_holds(before: Any, after: Any) -> Bool:
        return FALSE

    still = Design("still", two.Two, doc="a design without actions")
    still.initial(two.nothing_is_set)
    for design in (idle, still):
        result = decide(design, "", [nothing_holds])[0]
        assert isinstance(result, Result)
        assert isinstance(result.verdict, Vacuous)
        assert "a step never happens" in result.verdict.reason


def test_where_it_is_not_known_that_a_run_can_start_nothing_is() -> None:
    """The start that Z3 did not give was taken for one in which all is 0, and the file was said to be wrong: no run starts in that state."""

    class Late(Solver):
        def ask(self, assertions: Sequence[Term]) -> Answer:
            return Answer("unknown", {}, "its limit was reached")

    said: dict[str, Any] = {}
    system = build(two.two, "")
    properties = {"left-stays": instantiate(two.left_stays, system)}
    Decision(system, properties, {"left-stays": "invariant"}, Late(), said.__setitem__).run()

    assert [verdict.reason for verdict in said.values()] == ["whether a run can start was not decided: its limit was reached"]


class Armed(State):
    """A word that stays 0, and two truth values."""

    w: U64 = field("a word")
    armed: Bool = field("it may go off")
    off: Bool = field("it went off")


armed = Design("armed", Armed, doc="goes off in two steps; the slice believes in one")
armed.initial(lambda s: s.matches(w=0, armed=False, off=False))
armed.shows("off")


@armed.action(by="nobody", guard=lambda s: (s.w == 1) & (s.w == 2))
def clash(s: Any) -> Any:
    """Never: at a bit that neither number has the slice sees nothing against it."""
    return s.replace(off=True)


@armed.action(by="anybody")
def arm(s: Any) -> Any:
    """The first step."""
    return s.replace(armed=True)


@armed.action(by="anybody", guard=lambda s: s.armed)
def fire(s: Any) -> Any:
    """The second."""
    return s.replace(off=True)


@invariant("still-there")
def still_there(v: Any) -> Bool:
    """It did not go off."""
    return ~v.off  # type: ignore[no-any-return]


def test_a_run_that_is_longer_than_the_slice_believes_is_known_to_be_shortest() -> None:
    """Z3 is asked about the lengths between, at full width."""
    verdict = one(armed, "", still_there)

    assert isinstance(verdict, Refuted)
    assert [taken.action for taken in verdict.trace.steps] == ["arm", "fire"]
    assert verdict.shortest


def test_a_run_is_replaced_by_a_shorter_one() -> None:
    """And where there was no time to look, nothing is said of it."""
    system = build(armed)
    prop = instantiate(still_there, system)
    start = dict.fromkeys(system.variables, 0)
    long = replay(system, "still-there", start, [("arm", {}), ("arm", {}), ("arm", {}), ("fire", {})])
    assert long is not None
    found = Refuted(LIFTED, long, shortest=False)

    better = fallback.shortened(system, prop, found, 1, Solver())

    assert [taken.action for taken in better.trace.steps] == ["arm", "fire"]
    assert better.shortest
    assert fallback.shortened(system, prop, found, 1, Solver(), 0) == found


class Widths(State):
    """Words of different widths."""

    narrow: Annotated[Word, 2] = frozen("one value in every run")
    wide: Annotated[Word, 3] = field("what the narrow word was, or 0")


widths = Design("widths", Widths, doc="a word goes into a wider one")
widths.initial(lambda s: s.matches(narrow=2, wide=0))
widths.shows("narrow", "wide")


@widths.action(by="anybody")
def widen(s: Widths) -> Widths:
    """The wider word is the narrow one."""
    return s.replace(wide=s.narrow.zext(3))


@invariant("widened")
def widened(v: Any) -> Bool:
    """The lowest bit is never set."""
    return (v.wide & ~v.narrow.zext(3)) == 0


def test_an_equation_of_words_of_different_widths_is_shown() -> None:
    """That they are equal was an error of widths: the narrow word is its value in the width of the other."""
    verdict = one(widths, "", widened)

    assert isinstance(verdict, Proved)
    assert ("zext3(narrow) == 2", "Narrow equals 2.") in [(line.equation, line.sentence) for line in verdict.lemmas]


def test_a_run_that_lacks_a_step_at_another_bit_is_found() -> None:
    """KVM forgets to prepare vmcs02 for a guest that is restored in L2. On the slice seven steps show what the processor then refuses, and no
    full-width run follows them: that the host's value has another bit takes a step more. All runs of eight steps are too many to ask about."""

    def restore_nested_state(s: Vcpu) -> Vcpu:
        allocated = enter_vmx_operation(s)
        entered = vmx_switch_vmcs(allocated, to_vmcs02=True).replace(pages_pending=True, changed_level=True)
        there = select(s.image_vmxon, select(s.image_guest_mode, entered, allocated), s)
        return finishes(there.replace(todo_nested=False, image_vmxon=False, image_guest_mode=False))

    forgets = kvm_proposed.but("forgets-vmcs02", restore_nested_state=restore_nested_state)
    (result,) = decide(forgets, "virtualized", [refused_as_the_processor_says], patience=5)

    assert isinstance(result, Result) and isinstance(result.verdict, Refuted)
    assert result.verdict.method == fallback.BOUNDED
    assert (result.verdict.trace.length, result.verdict.shortest) == (8, True)
