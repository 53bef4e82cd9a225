"""What can be seen of two designs: the lockstep pair against the plain product of both, and against what is known."""

import itertools
from functools import partial
from types import SimpleNamespace
from typing import Annotated, cast

import pytest
from specproof.proofs.history_vendors import BUGS

from specproof import U64, Bool, Design, State, Word, fallback, field, observed
from specproof.claims import Claim
from specproof.decide import relate
from specproof.layout import TooLarge
from specproof.product import product
from specproof.review.algebra import formulas
from specproof.review.lockstep import NAMES
from specproof.review.observe import behaviours, common, demand
from specproof.review.offered import offered, unlike
from specproof.review.paper import SHORT, _formulas
from specproof.review.result import Behaviour, Closed, Formula, Review
from specproof.review.sides import of_target
from specproof.solver import Solver
from specproof.system import System, build
from specproof.terms import Term, conj, implies
from specproof.verdict import Refuted, Unknown

SEED = "tests/designs/seed.py"
THIN = "tests/designs/thin.py"


def system(target: str, configuration: str = "virtualized") -> System:
    """A design of a file in a configuration."""
    return build(of_target(target).design, configuration)


def seen(old: System, new: System) -> dict[str, Behaviour]:
    """What can be seen of two systems, by name."""
    both = common(old, new)
    return {one.name: one for one in behaviours(both.old, both.new, None)}


PAIRS = [
    (f"{SEED}:seed", f"{SEED}:lazy"), (f"{SEED}:seed", f"{SEED}:ored"), (f"{SEED}:lazy", f"{SEED}:ored"),
    (f"{SEED}:lazy", f"{SEED}:lazy-too"), (f"{THIN}:thin", f"{THIN}:thin-broken"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), PAIRS)
@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
def test_the_shortest_difference_is_that_of_the_plain_product(old: str, new: str, configuration: str) -> None:
    """The first difference comes after as many steps as in the product of both systems, decided as a relation."""
    left, right = system(old, configuration), system(new, configuration)
    found = seen(left, right)
    claims = []
    for one in offered(left, right):

        def same(a: object, b: object, one=one):  # type: ignore[no-untyped-def]
            flags = [~getattr(side, name[1:]) if name.startswith("~") else getattr(side, name) for side in (a, b) for name in one.when]
            return implies(conj(flags), getattr(a, one.view) == getattr(b, one.view))

        claims.append(Claim(one.name, "", "relation", same, *NAMES))
    plain = relate(product(left, right, NAMES), claims, Solver())[0]

    lengths = [one.result.verdict.trace.length for one in found.values() if isinstance(one.result.verdict, Refuted)]
    expected = [verdict.trace.length for verdict in plain.values() if isinstance(verdict, Refuted)]
    assert bool(lengths) == bool(expected)
    assert not expected or min(lengths) == min(expected)


def test_never_is_a_proof() -> None:
    """Forcing in software and merging in hardware never differ where the masked bits are set."""
    found = seen(system(f"{SEED}:seed"), system(f"{SEED}:ored"))

    assert all(one.same for one in found.values())


class Counter(State):
    """A design for starts, widths and actions that differ."""

    x: U64 = field("a word")
    y: U64 = field("another")
    on: Bool = field("a truth value")
    refused: Bool = observed("the step was refused")


def counter(name: str, start: int) -> Design[Counter]:
    """x starts with `start`, y is x's twin."""
    made = Design(name, Counter, doc="two words")
    made.initial(lambda s: s.matches(x=start, on=False) & (s.y == s.x))

    def write(s: Counter, value: U64) -> Counter:
        """A write."""
        return s.replace(x=value)

    def peek(s: Counter) -> Term:
        return s.x

    def turned_away(s: Counter) -> Term:
        return s.refused

    made.action(by="guest")(write)
    made.view(peek)
    made.view(turned_away)
    return made


def test_a_difference_at_the_start() -> None:
    """Two designs that start differently differ after no step at all."""
    one = seen(build(counter("a", 0)), build(counter("b", 4)))["peek"]

    assert one.differs and not one.moments
    assert (one.before, one.after) == ("0", "0x4")


def test_fields_that_cannot_start_alike_start_apart() -> None:
    """Where equal starts would contradict each other, each side starts as it says itself."""
    found = seen(build(counter("a", 0)), build(counter("b", 4)))

    assert {name for name, one in found.items() if one.differs} == {"peek"}


class Ticks(State):
    """A design for what is not bitwise."""

    count: U64 = field("a number")


def ticks(name: str, last: int) -> Design[Ticks]:
    """Counts up to a number."""
    made = Design(name, Ticks, doc="a number")
    made.initial(lambda s: s.count == 0)

    def tick(s: Ticks) -> Ticks:
        """Adds one."""
        return s.when(s.count < last, count=s.count + 1)

    made.action(by="clock")(tick)
    made.shows("count")
    return made


def test_what_the_slice_cannot_see_is_found_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a limit is on work, a clock that goes on by an hour at each look changes nothing."""
    hours = itertools.count(3600.0, 3600.0)
    monkeypatch.setattr(fallback.time, "monotonic", lambda: next(hours))  # type: ignore[attr-defined]
    one = seen(build(ticks("a", 2)), build(ticks("b", 1)))["count"]

    assert one.differs
    assert len(one.moments) == 2


def test_a_pair_whose_tests_do_not_answer_alike_is_decided_all_the_same() -> None:
    """A TDX module that did not look at the processor (T01): a test of one form on both sides has another answer where a bit differs that the
    slice does not see, so that the lemmas of the tests that go together are none. Without that every observable has an answer."""
    (bug,) = (bug for bug in BUGS if bug.id == "T01")
    found = seen(build(bug.variant, bug.configuration), build(bug.fixed, bug.configuration))

    assert not [name for name, one in found.items() if isinstance(one.result.verdict, Unknown)]
    assert {name for name, one in found.items() if one.differs} == {"rdmsr", "effective-in-guest", "faults"}


def test_a_demand_whose_pair_does_not_fit_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no slice whose runs could be looked at, the other ways of deciding are tried, as of all that can be seen."""

    def no_slice(*_: object) -> None:
        raise TooLarge("a state has 65 bits")

    monkeypatch.setattr("specproof.review.observe.Slice", no_slice)
    found = demand(system(f"{SEED}:seed"), system(f"{SEED}:lazy"), None, [])

    assert found and not [one.name for one in found if one.searched]


def test_views_of_another_width_are_named_and_not_compared() -> None:
    """A register that was widened: what else can be seen is compared."""

    class Wide(Ticks):
        count: Annotated[Word, 128] = field("a number")  # type: ignore[assignment]

    old, new = ticks("a", 2), Design("b", Wide, doc="a wider number")
    new.initial(lambda s: s.count == 0)

    def tick(s: Wide) -> Wide:
        return s.when(s.count < 2, count=s.count + 1)

    new.action(by="clock")(tick)
    new.shows("count")
    for design in (old, new):
        design.view(small)
    both = common(build(old), build(new))

    assert unlike(both.old, both.new) == ("count",)
    assert set(seen(build(old), build(new))) == {"small", "course"}


def small(s: Ticks) -> Bool:
    """The number is 0."""
    return s.count == 0


def test_own_views_are_compared_where_no_shipped_one_is_offered() -> None:
    """A design of one's own vocabulary is compared in its own views."""
    left, right = build(counter("a", 0)), build(counter("b", 0))

    assert {one.view for one in offered(left, right)} == {"peek", "turned_away"}
    assert all(one.same for one in seen(left, right).values())


def test_actions_and_inputs_that_differ() -> None:
    """Common actions are compared, an input of one side is free, and one of another width stays apart."""
    from typing import Annotated

    from specproof import Word

    left, right = counter("a", 0), counter("b", 0)

    def narrow(s: Counter, value: Annotated[Word, 32], more: Bool) -> Counter:
        """The same write, of 32 bits."""
        return s.when(more, x=value.zext(64))

    def only_new(s: Counter) -> Counter:
        """Nothing."""
        return s

    right = right.but("b", write=narrow)
    right.action(by="guest")(only_new)
    both = common(build(left), build(right))

    assert both.only == ((), ("only_new",))
    assert set(both.new.actions["write"].inputs) == {"value", "new value", "more"}
    assert seen(build(left), build(right))["peek"].differs


def test_the_formula_of_the_seed() -> None:
    """The merge against forcing to 1: `mask -> cur`, where the masked bits are already set."""
    old, new = (of_target(f"{SEED}:{name}").design for name in ("seed", "ored"))
    (found,) = formulas(old, new, {"virtualized": (build(old, "virtualized"), build(new, "virtualized"))}, {})

    assert found.actions == ("merged()", "guest_wrmsr", "emulated_wrmsr")
    assert (found.closed.before, found.closed.after) == ("(cur & mask) | (val & ~mask)", "val | mask")
    assert found.closed.agree == "mask -> cur"
    assert found.closed.words == "they agree exactly where the masked bits are already set"


@pytest.mark.parametrize(
    ("before", "after", "agree", "words"),
    [
        ("val", "val & ~mask", "~(val & mask)", "they agree exactly where no bit is set in both mask and val"),
        ("val", "cur", "val == cur", "they agree at exactly the bits where this holds"),
        ("val", "~val", "never", "they never agree"),
        ("val & mask", "mask & val", "always", "they always agree"),
        ("val & mask", "mask", "mask -> val", "they agree exactly where the masked bits are set in val"),
        ("val & mask", "0", "~(val & mask)", "they agree exactly where no bit is set in both mask and val"),
        ("mask", "0", "~mask", "they agree exactly where no bit is masked"),
        ("val | mask", "val | ~mask", "val", "they agree exactly where val is set"),
        ("(val & ~word(4)) | (cur & 4)", "cur & 4", "val -> 4", "they agree exactly where val has no bit outside 4"),
        ("val & 4", "word(4)", "4 -> val", "they agree exactly where val has all bits of 4"),
        ("word(0x100)", "word(0x80)", "~0x180", "they agree exactly outside the bits of 0x180"),
        ("val", "val & ~word(1)", "~(val & 1)", "they agree exactly where val has no bit of 1"),
        ("val & 4", "~val & 4", "~4", "they agree exactly outside the bits of 4"),
    ],
)
def test_conditions_in_words(before: str, after: str, agree: str, words: str) -> None:
    """Simple conditions are said in words."""
    from specproof.review.algebra import Pair, _formula, _Group
    from specproof.terms import TRUE, variable, word

    names: dict[str, object] = {"word": word, **{name: variable(name, 64) for name in ("val", "mask", "cur")}}
    terms = [eval(text, {}, names) for text in (before, after)]
    old, new = (word(0) if isinstance(term, int) else term for term in terms)
    found = _formula(_Group(Pair("x", TRUE, old, new), ["x"]))

    assert (found.closed.agree, found.closed.words) == (agree, words)


def test_the_first_formula_that_can_be_read_is_told_however_long_it_is() -> None:
    """Also after one that is too large; the next long one is only counted."""
    long = [Formula((name,), name, "", (), partial(Closed, "a" * SHORT, "b", "c", "d")) for name in ("first", "second")]
    review = cast(Review, SimpleNamespace(formulas=(Formula(("huge",), "huge", ""), *long)))

    blocks = [block for block in _formulas(review, full=False) if block.kind == "rows"]

    assert [dict(block.rows)["of"] for block in blocks] == ["first"]


def test_what_stays_the_same_is_told_where_nothing_differs() -> None:
    """Another term of the same text is no news beside one that differs, unless it is a helper's own; where all agree it is what there is to say."""
    same, helper = Formula(("write",), "stays", "", (), _told("always")), Formula(("merged()",), "helps", "", (), _told("always"))
    other = Formula(("write",), "differs", "", (), _told("val"))

    def told(*found: Formula) -> list[str]:
        review = cast(Review, SimpleNamespace(formulas=found))
        return [dict(block.rows)["of"] for block in _formulas(review, full=False) if block.kind == "rows"]

    assert told(same, helper, other) == ["helps", "differs"]
    assert told(same, helper) == ["stays", "helps"]


def _told(agree: str) -> partial[Closed]:
    return partial(Closed, "val", "val", agree, "")
