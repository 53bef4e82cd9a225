"""What a review recalls, and that it is what it would have decided."""

from pathlib import Path

import pytest

from specproof import U64, Design, State, field, frozen
from specproof.cache import Cache
from specproof.decision import ask
from specproof.fallback import Inductive
from specproof.jsonout import steps
from specproof.lift import least
from specproof.load import library
from specproof.remember import Remembering, engine
from specproof.review.claims import relations
from specproof.review.compare import review
from specproof.review.jsonform import document
from specproof.review.line import line
from specproof.review.recall import Question, Recall
from specproof.review.result import Answer, Held, Review
from specproof.review.sides import Side, of_target
from specproof.story.subject import Subject
from specproof.system import build
from specproof.terms import Term
from specproof.trace import Trace, violates
from specproof.verdict import Proved, Refuted, Result, Unknown
from tests.review_tools import SEED, run

CLAIMS = ["enforcement", "exactness", "transparency"]


def reviewed(recall: Recall, old: str = "seed", new: str = "lazy") -> Review:
    """A review of two designs of the seed's file."""
    return review(of_target(f"{SEED}:{old}"), of_target(f"{SEED}:{new}"), claims=CLAIMS, recall=recall)


@pytest.mark.parametrize(("old", "new"), [("seed", "lazy"), ("lazy", "seed"), ("seed", "ored"), ("lazy", "lazy-too")])
def test_what_is_recalled_is_what_was_decided(old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cache, with an empty one and with a full one a review says the same; the full one decides nothing."""
    cache = Cache(tmp_path / "answers.sqlite", lambda message: None)
    monkeypatch.setattr("specproof.remember.location", lambda: cache.path)
    plain = reviewed(Recall(), old, new)
    first = reviewed(Recall(Remembering(engine()), cache), old, new)

    def refuse(*arguments: object) -> None:
        raise AssertionError("something was decided again")

    monkeypatch.setattr("specproof.jobs.perform", refuse)
    monkeypatch.setattr("specproof.review.recall.Recall._refuted", refuse)
    monkeypatch.setattr("specproof.review.recall.Recall._proved", refuse)
    second = reviewed(Recall(Remembering(engine()), cache), old, new)

    assert line(plain) == line(first) == line(second)
    assert [(one.fate, one.same_run, one.affected) for one in plain.claims] == [(one.fate, one.same_run, one.affected) for one in second.claims]
    assert [one.moments for one in plain.behaviours] == [one.moments for one in second.behaviours]


@pytest.mark.slow
def test_of_a_relation_of_the_old_design_a_run_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost all the same, and recalled; a proof is made of it where that is asked for."""
    old, new, cache = of_target("kvm-reference"), of_target("kvm-rfc-v2"), Cache(tmp_path / "answers.sqlite", lambda message: None)

    def lost(recall: Recall, *, exhaustive: bool = False) -> Answer | None:
        (change,) = relations(old, new, None, ["virtualized-equals-emulated"], recall, exhaustive)
        assert change.fate == "lost"
        return change.old

    known = lost(Recall(cache=cache))
    proved = lost(Recall(), exhaustive=True)
    monkeypatch.setattr("specproof.review.recall._runs", lambda *arguments: pytest.fail("it was decided again"))

    assert isinstance(known, Held) and lost(Recall(cache=cache)) == known
    assert isinstance(proved, Result) and isinstance(proved.verdict, Proved)


def test_a_damaged_answer_is_decided_again(tmp_path: Path) -> None:
    """A value of another form is no answer."""
    cache = Cache(tmp_path / "answers.sqlite", lambda message: None)
    expected = line(reviewed(Recall(cache=cache)))
    get = cache.get
    cache.get = lambda key: None if get(key) is None else {"enforcement": 1}  # type: ignore[method-assign]

    assert line(reviewed(Recall(cache=cache))) == expected


def test_a_second_review_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole text comes from the cache, and is the text that --no-cache writes; so is the exit code."""
    asked = ("review", f"{SEED}:seed", f"{SEED}:lazy", "--claim", "enforcement")
    texts = []
    for arguments in (asked, asked, (*asked, "--no-cache")):
        assert run(*arguments) == 1
        texts.append(capsys.readouterr().out)

    assert texts[0] == texts[1] == texts[2]


class Cpu(State):
    """A register that no claim speaks of."""

    cur: U64 = field("the register")
    mask: U64 = frozen("the bits that are locked")


def cpu(name: str, forcing: bool) -> Side:
    """The merge, or forcing by OR."""
    design = Design(name, Cpu, doc="a mask")
    design.initial(lambda s: s.cur == 0)

    def wrmsr(s: Cpu, val: U64) -> Cpu:
        """WRMSR."""
        return s.replace(cur=val | s.mask if forcing else (s.cur & s.mask) | (val & ~s.mask))

    def current(s: Cpu) -> Term:
        return s.cur

    design.action(by="guest")(wrmsr)
    design.view(current)
    return Side(name, design, ())


def test_designs_that_no_claim_speaks_of_are_not_settled() -> None:
    """Nothing is said to be kept where nothing was asked; the closed forms are told all the same."""
    found = review(cpu("merge", False), cpu("ored", True))

    assert found.code == 3
    assert line(found).startswith("merge -> ored: not settled. No claim speaks of what both show")
    one = next(one for one in found.formulas if one.what == "cur")
    assert (one.closed.agree, one.closed.words) == ("mask -> cur", "they agree exactly where the masked bits are already set")


def test_a_run_of_a_claim_shows_a_difference_that_is_not_the_first(tmp_path: Path) -> None:
    """What differs later than anything else is looked for in the runs that break claims, replayed on both."""
    found = review(of_target("kvm-rfc-v2"), of_target("kvm-reference"), configuration="virtualized", claims=["enforcement"])

    one = next(one for one in found.behaviours if one.name == "effective-in-guest")
    assert isinstance(one.result.verdict, Refuted) and not one.result.verdict.shortest
    assert "the run that breaks enforcement" in one.result.verdict.method
    assert one.before != one.after and len(one.moments) == 6


def test_a_run_that_breaks_the_old_design_is_told_with_few_bits() -> None:
    """As it was found it has whatever bits the slice state had with which it starts; that is not shrunk until it is told."""
    found = review(of_target("kvm-rfc-v2"), of_target("kvm-reference"), configuration="virtualized", claims=["enforcement"])
    (change,) = found.claims
    assert change.fate == "gained" and isinstance(change.old, Result) and isinstance(change.old.verdict, Refuted)
    old = change.told[0]
    assert old is not None and change.told[1] is None and old.raw == change.old.verdict.trace

    subject = Subject.of(library(), "kvm-rfc-v2", "virtualized", "enforcement")
    for trace in (old.raw, old.trace):
        assert [step.action for step in trace.steps] == [step.action for step in old.raw.steps]
        assert violates(subject.system, subject.prop, trace)
    assert bits(old.trace) < bits(old.raw)
    assert old.trace == least(subject.system, subject.prop, old.trace)
    assert old.story is change.old_story and [beat.action for beat in old.story.beats] == [step.action for step in old.trace.steps]

    assert document([found])["reviews"][0]["claims"][0]["old"]["trace"] == steps(old.trace)
    later = next(one for one in found.behaviours if one.name == "effective-in-guest").result.verdict
    assert isinstance(later, Refuted) and later.trace.steps == old.trace.steps[: later.trace.length]


def bits(trace: Trace) -> int:
    """How many are set in the values with which a run starts, and in its inputs."""
    return sum(value.bit_count() for value in (*trace.initial.values(), *(value for step in trace.steps for value in step.inputs.values())))


@pytest.fixture
def left_open() -> tuple[Recall, Question]:
    """A claim that the slice leaves open, and one that it does not."""
    side = of_target("kvm-rfc-v2")
    system = build(side.design, "emulated")
    claims = [claim for claim in side.claims if claim.name in ("closed-by-a-policy", "reset")]
    question = Question(side, system, ask(system, claims)[1], {claim.name: claim.kind for claim in claims}, None)
    recall = Recall()
    assert set(recall.refuted(question)) == {"reset"}
    return recall, question


def test_what_the_slice_leaves_open_is_first_asked_by_itself(left_open: tuple[Recall, Question], monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that every action satisfies from any state needs none of the lemmas that all the others would bring."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("the other claims were asked too")

    monkeypatch.setattr("specproof.review.recall.Decision", refuse)

    answer = left_open[0].proved(left_open[1], ["closed-by-a-policy"])["closed-by-a-policy"]

    assert isinstance(answer, Result) and isinstance(answer.verdict, Proved)


def test_what_is_open_by_itself_is_asked_with_the_others(left_open: tuple[Recall, Question], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold, and no run be found in which its antecedent happens: that is no answer while the lemmas may give one."""
    monkeypatch.setattr("specproof.review.recall.by_induction", lambda *arguments: Inductive(Unknown("induction", "it holds, but no run was found")))

    answer = left_open[0].proved(left_open[1], ["closed-by-a-policy"])["closed-by-a-policy"]

    assert isinstance(answer, Result) and isinstance(answer.verdict, Proved)
