"""Terms: what the operators build, what they simplify, and what they say when they are used wrongly."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from specproof import Bool, ModelError, Word, conj, disj, implies, ite, word
from specproof.graph import postorder, substitute, variables
from specproof.readings.text import show
from specproof.terms import FALSE, OPERATORS, TRUE, coerce, make, variable

x, y, mask = (cast(Word, variable(name, 64)) for name in ("x", "y", "mask"))
narrow = cast(Word, variable("narrow", 32))
p, q = (cast(Bool, variable(name, 0)) for name in ("p", "q"))


def says(text: str) -> Any:
    """A ModelError with exactly this message."""
    return pytest.raises(ModelError, match=f"^{re.escape(text)}$")


def test_equal_terms_are_one_object() -> None:
    """Equality of terms builds a term, so that identity is how they are compared."""
    assert (x & mask) is (x & mask)
    assert (4 & x) is (x & 4)
    assert (x == y).op == "eq"
    assert (x != y).op == "not"


@pytest.mark.parametrize(
    ("build", "result"),
    [
        (lambda: x & 0, word(0)), (lambda: x | 0, x), (lambda: x & x, x), (lambda: x ^ x, word(0)), (lambda: x | ~x, ~word(0)),
        (lambda: ~~x, x), (lambda: x + 0, x), (lambda: x << 0, x), (lambda: x.extract(63, 0), x), (lambda: x.zext(64), x),
        (lambda: x == x, TRUE), (lambda: x < x, FALSE), (lambda: x < 0, FALSE), (lambda: word(6).bit(1), TRUE),
        (lambda: p & ~p, FALSE), (lambda: p | ~p, TRUE), (lambda: p ^ False, p), (lambda: p == True, p),  # noqa: E712
        (lambda: ite(p, x, x), x), (lambda: ite(~p, x, y), ite(p, y, x)), (lambda: ite(p, True, False), p), (lambda: ite(x == y, x, y), y),
        (lambda: ite(p, ite(p, x, y), mask), ite(p, x, mask)), (lambda: implies(p, TRUE), TRUE), (lambda: implies(TRUE, p), p),
        (lambda: word(3) + word((1 << 64) - 1), word(2)), (lambda: conj([]), TRUE), (lambda: disj([]), FALSE),
    ],
)  # fmt: skip
def test_what_is_known_is_simplified(build: Callable[[], object], result: object) -> None:
    """Neutral operands, complements, constants and choices without a choice leave nothing to decide."""
    assert build() is result


@pytest.mark.parametrize("use", [bool, lambda t: t and y, lambda t: not t, lambda t: 1 if t else 0])
def test_a_word_has_no_truth_value(use: Callable[[object], object]) -> None:
    """A Python 'if' on a word says what to write instead."""
    with says(
        "the term x has no truth value: it stands for every state at once. "
        "Instead of 'if', 'and', 'or', 'not' or 'in', write 's.when(condition, field=value)', 'ite(condition, a, b)', '&', '|' or '~'"
    ):
        use(x)


def test_a_comparison_has_no_truth_value() -> None:
    """'if s.mask == 0' is the mistake that everybody makes once."""
    with pytest.raises(ModelError, match=r"^the term mask == 0 has no truth value"):
        bool(mask == 0)
    with pytest.raises(ModelError, match=r"^the term x < y has no truth value"):
        assert x < y < mask
    with pytest.raises(ModelError, match=r"^the term y == x has no truth value"):
        assert x in (y, x)


def test_a_long_term_is_cut_in_messages() -> None:
    """A message shows at most 80 characters of a term."""
    long = x
    for index in range(1, 30):
        long = (long ^ index) & y

    with pytest.raises(ModelError) as caught:
        bool(long)

    assert "... has no truth value" in str(caught.value)
    assert len(repr(long)) == 80


def test_a_word_is_no_sequence() -> None:
    """Iterating over bits is refused with the operation that takes one."""
    with says("the term x is not a sequence; take one bit with '.bit(k)', several with '.extract(high, low)'"):
        list(x)


@pytest.mark.parametrize("act", [operator.and_, operator.or_, operator.xor, operator.add, operator.eq, operator.ne, operator.lt, operator.ge])
def test_words_of_different_widths_do_not_mix(act: Callable[[Word, Word], object]) -> None:
    """The message names the operand, both widths, and the conversion that gets from one to the other."""
    wanted = r"^(narrow has 32 bits where 64 were expected; write '\.zext\(64\)'|x has 64 .* 32 .*; write '\.extract\(31, 0\)' for its lowest bits)$"
    with pytest.raises(ModelError, match=wanted):
        act(x, narrow)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 << 64, "0x10000000000000000 does not fit in 64 bits; words are unsigned, and '~' belongs on the term: ~s.mask & ..."),
        (~0x400, "-0x401 does not fit in 64 bits; words are unsigned, and '~' belongs on the term: ~s.mask & ... (of a number: ~word(0x400))"),
        (True, "a word of 64 bits was expected, not True"),
        (1.5, "a word of 64 bits was expected, not 1.5"),
        ("x", "a word of 64 bits was expected, not 'x'"),
    ],
)
def test_a_value_that_does_not_fit_a_word(value: Any, text: str) -> None:
    """Python's ~0x400 is negative: it is refused rather than cut to 64 bits."""
    with says(text):
        x & value


@pytest.mark.parametrize("act", [operator.mul, operator.truediv, operator.floordiv, operator.mod])
def test_words_are_not_multiplied(act: Callable[[Any, Any], object]) -> None:
    """By powers of two there is another way to write it; no other is needed of registers."""
    for one, other in ((x, 2), (2, x), (x, x)):
        with says("words have no '*', '/', '//', '%' or '**': with a power of two write 'a << k', 'a >> k' or 'a & (2**k - 1)'"):
            act(one, other)


def test_sorts_do_not_mix() -> None:
    """A word is no condition, and a truth value no word; each message says what turns one into the other."""
    with says("x is a word where a truth value was expected; write 'x != 0' or '.bit(k)'"):
        p & cast(Any, x)
    with says("p is a truth value where a word of 64 bits was expected; write 'ite(p, a, b)'"):
        x & cast(Any, p)
    with says("a truth value was expected, not 1; write True, and for 'b == 1' just 'b'"):
        p | cast(Any, 1)
    with says("a truth value was expected, not 0; write False, and for 'b == 0' just '~b'"):
        operator.eq(p, cast(Any, 0))
    with says("ite: a word of 64 bits was expected, and q is a truth value; write 'ite(q, word(1), 0)'"):
        ite(p, x, cast(Any, q))
    with says("ite(..., 4, 0): give the width, as in ite(condition, word(0x400), 0), or word(1, 8) for 8 bits"):
        ite(p, 4, cast(Any, 0))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: x.bit(64), "a bit of 64 in a word of 64 bits: write a number from 0 to 63"),
        (lambda: x.bit(-1), "a bit of -1 in a word of 64 bits: write a number from 0 to 63"),
        (lambda: x.bit(cast(Any, y)), "a bit of y in a word of 64 bits: write a number from 0 to 63"),
        (lambda: x << 64, "a shift of 64 in a word of 64 bits: write a number from 0 to 63"),
        (lambda: narrow >> 40, "a shift of 40 in a word of 32 bits: write a number from 0 to 31"),
        (lambda: x.extract(3, 8), "extract(3, 8): the high bit comes first"),
        (lambda: x.zext(32), "zext(32) of a word of 64 bits: use extract to narrow it"),
    ],
)
def test_positions_outside_a_word(build: Callable[[], object], text: str) -> None:
    """Bits, shifts and ranges are checked where they are written."""
    with says(text):
        build()


def test_coercion_names_the_place() -> None:
    """What a field or an input was given is part of the message."""
    with says("Vmcs.mask: a word of 64 bits was expected, and narrow is a word of 32 bits; write '.zext(64)'"):
        coerce(narrow, 64, "Vmcs.mask")
    with says("Vmcs.mask: 0x1000000000000 does not fit in 32 bits; words are unsigned, and '~' belongs on the term: ~s.mask & ..."):
        coerce(1 << 48, 32, "Vmcs.mask")


def test_variables_come_in_the_order_of_reading() -> None:
    """Left to right, each once."""
    term = (mask & y) | (x & ~mask)

    assert [v.data for v in variables([term])] == ["mask", "y", "x"]
    assert list(postorder([term]))[-1] is term


def test_substitution_simplifies() -> None:
    """A configuration that pins a truth value removes what it decides."""
    assert substitute([ite(p, x, y) & mask], {p: TRUE})[0] is (x & mask)


def test_deep_terms_need_no_deep_stack() -> None:
    """A term of ten thousand levels is substituted and printed without recursion."""
    deep = x
    for _ in range(10_000):
        deep = (deep ^ mask) & y

    assert substitute([deep], {x: y})[0].op == "and"
    assert show(deep).startswith("(")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ((x & mask) | (y & ~mask), "(x & mask) | (y & ~mask)"), (x & y & mask, "x & y & mask"), ((x & 0x400) != 0, "(x & 0x400) != 0"),
        (implies(p & q, x == y), "p & q implies x == y"), (ite(p, x, y), "p ? x : y"), ((x >> 3).bit(2), "(x >> 3).bit(2)"),
        (x.extract(7, 4).zext(16), "zext16(x[7:4])"), (~(p | q), "~(p | q)"), (x + 9 + y, "x + 9 + y"), (x < y, "x < y"), (x >= 16, "x >= 0x10"),
    ],
)  # fmt: skip
def test_terms_print_as_c(term: Any, text: str) -> None:
    """C's operators, with parentheses where C's precedence is a trap."""
    assert show(term) == text


def test_an_unknown_operator_is_refused() -> None:
    """A node that no reading knows cannot be rebuilt."""
    from specproof.graph import rebuild

    assert "rotate" not in OPERATORS
    with says("no such operator: 'rotate'"):
        rebuild(make("rotate", (x,), 64), (y,))
