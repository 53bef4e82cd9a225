"""Which fields two sides share: found by few explorations, and not at the price of a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from specproof import U64, Bool, Design, State, Word, field, frozen, product
from specproof.claims import Claim, Views, relation
from specproof.decide import decide_relation
from specproof.layout import TooLarge
from specproof.product import Pair, merge
from specproof.slice import Slice
from specproof.system import build
from specproof.verdict import Proved, Refuted, Result


class S(State):
    """A value goes from one field to the next."""

    plus: Bool = frozen("one more bit is set")
    first: U64 = field("what is written, and on one side a bit of it always")
    second: U64 = field("what was in the first")
    third: U64 = field("what was in the second")
    other: U64 = field("the same on both sides, by other terms")


chain = Design("chain", S, doc="a value goes from one field to the next")
chain.initial(lambda s: s.matches(first=0, second=0, third=0, other=0))
chain.setting("with", lambda s: s.plus)
chain.setting("without", lambda s: ~s.plus)
chain.configure("with", "without")
chain.shows("third", "other")


def same(of: Word, value: Word) -> Word:
    """The word itself, said otherwise."""
    return of | (of & value)


@chain.action(by="anybody")
def write(s: S, value: U64) -> S:
    """A write."""
    return s.replace(first=value).when(s.plus, first=value | 1)


@chain.action(by="anybody")
def move(s: S, value: U64) -> S:
    """Everything goes one further; on one side by other terms of the same values."""
    return s.replace(second=s.first, third=s.second).when(s.plus, second=same(s.first, value), third=same(s.second, value), other=s.other & value)


@relation("other-agrees", left="with", right="without")
def other_agrees(one: Views, other: Views) -> Bool:
    """`other` is the same on both sides."""
    return one.other == other.other


@relation("third-agrees", left="with", right="without")
def third_agrees(one: Views, other: Views) -> Bool:
    """`third` is not."""
    return one.third == other.third


def both() -> Pair:
    """The product of the two configurations."""
    return product.product(build(chain, "with"), build(chain, "without"), ("with", "without"))


def shared(monkeypatch: pytest.MonkeyPatch, too_large: int = 0) -> list[frozenset[str]]:
    """What each exploration takes for shared; the one of that number is too large, counted from 1."""
    seen: list[frozenset[str]] = []
    made = product.product

    def noted(*given: Any) -> Pair:
        pair = made(*given)
        seen.append(pair.shared)
        return pair

    def sliced(system: Any, properties: Any) -> Slice:
        if len(seen) - 1 == too_large:  # the first product only tells what matters
            raise TooLarge("said by a test")
        return Slice(system, properties)

    monkeypatch.setattr(product, "product", noted)
    monkeypatch.setattr(product, "Slice", sliced)
    return seen


def asked(claim: Claim) -> Any:
    """A claim as what `merge` is asked."""
    return lambda pair: [pair.instantiate(claim)]


def test_what_follows_a_field_that_differs_is_left_out_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two explorations where the value goes two fields further; `other` has other terms, and stays shared."""
    pair = both()
    seen = shared(monkeypatch)

    merge(pair, asked(third_agrees))

    assert [sorted(fields) for fields in seen[1:]] == [["first", "other", "second", "third"], ["other"]]


def test_other_terms_alone_leave_nothing_out() -> None:
    """They do not read what differs."""
    assert "other" in merge(both(), asked(other_agrees)).shared


def test_too_much_left_out_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was seen to differ is left out then, one exploration after the other."""
    pair = both()
    seen = shared(monkeypatch, too_large=2)

    merged = merge(pair, asked(third_agrees))

    assert [len(fields) for fields in seen[1:]] == [4, 1, 3, 2, 1]
    assert merged.explored is not None


@pytest.mark.parametrize(("claim", "expected"), [(third_agrees, 3), (other_agrees, None)])
def test_verdicts_do_not_depend_on_it(claim: Claim, expected: int | None) -> None:
    """A shortest run, and a proof."""
    result = decide_relation(chain, claim)

    assert isinstance(result, Result)
    if expected is None:
        assert isinstance(result.verdict, Proved)
    else:
        assert isinstance(result.verdict, Refuted)
        assert result.verdict.shortest
        assert result.verdict.trace.length == expected


def test_followers_are_those_that_read_it_and_those_that_read_them() -> None:
    """Among the fields that are named."""
    pair = both()

    assert pair.followers(frozenset({"first"}), ["second", "third", "other"]) == {"second", "third"}
    assert pair.followers(frozenset({"first"}), ["third", "other"]) == frozenset()
    assert pair.followers(frozenset({"third"}), ["first", "second", "other"]) == frozenset()
