"""Narrowing the search for a failing bit to one position of each kind."""

from __future__ import annotations

import random
from typing import cast

import pytest

from specproof.solver import Solver
from specproof.symmetry import at_representatives, fails_at_representatives, representatives
from specproof.terms import Bool, Term, Word, conj, disj, implies, ite, variable, word

WIDTH = 6


def _words(source: random.Random, depth: int) -> Word:
    if depth == 0 or source.random() < 0.2:
        return source.choice([cast(Word, variable(name, WIDTH)) for name in "abc"] + [word(value, WIDTH) for value in (0, 5, 4)])
    left, right = _words(source, depth - 1), _words(source, depth - 1)
    return source.choice([left & right, left | right, left ^ right, ~left, ite(_bools(source, depth - 1), left, right)])


def _bools(source: random.Random, depth: int) -> Bool:
    if depth == 0 or source.random() < 0.2:
        return cast(Bool, variable(source.choice("pq"), 0))
    if source.random() < 0.5:
        one = _words(source, depth - 1)
        return source.choice([one == _words(source, depth - 1), one != _words(source, depth - 1), one.bit(source.randrange(WIDTH))])
    left, right = _bools(source, depth - 1), _bools(source, depth - 1)
    return source.choice([conj([left, right]), disj([left, right]), ~left, implies(left, right), left ^ right])


@pytest.mark.parametrize("seed", range(8))
def test_narrowed_and_full_have_the_same_answer(seed: int) -> None:
    """On random obligations, narrowing changes no answer."""
    source, solver = random.Random(seed), Solver()
    answers = []
    for _ in range(40):
        facts: list[Term] = [_bools(source, 3) for _ in range(source.randrange(3))]
        goal = _bools(source, 4)

        full, narrowed = solver.ask([*facts, ~goal]), solver.ask(fails_at_representatives(facts, goal))

        assert full.word == narrowed.word, (facts, goal)
        answers.append(full.word)
    assert {"sat", "unsat"} <= set(answers)


@pytest.mark.parametrize("seed", range(8))
def test_what_says_less_is_refused_only_where_all_is(seed: int) -> None:
    """Facts at representative positions alone are never contradictory where the full obligation is satisfiable, and often are where it is not."""
    source, solver = random.Random(seed), Solver()
    answers = []
    for _ in range(60):
        facts = [implies(_bools(source, 1), _words(source, 3) == 0) for _ in range(3)]
        goal = implies(_bools(source, 1), (_words(source, 2) & ~_words(source, 2)) == 0)

        full, less = solver.ask([*facts, ~goal]), solver.ask(at_representatives(facts, goal))

        assert (full.word, less.word) != ("sat", "unsat"), (facts, goal)
        answers.append((full.word, less.word))
    assert {("sat", "sat"), ("unsat", "unsat")} <= set(answers)


def test_a_fact_that_a_test_of_a_word_needs_everywhere_is_left_to_the_full_obligation() -> None:
    """Said of one position, 'a is zero' does not imply that a word test of it holds."""
    a, b = (cast(Word, variable(name, 8)) for name in "ab")
    facts, goal = [a == 0, b == 0], implies(a == 0, b == 0) & (a == b)
    deep = [(a ^ b) == 0], ite(a == b, b, word(7, 8)) == a

    assert [Solver().ask(at_representatives(*one)).word for one in ((facts, goal), deep)] == ["unsat", "sat"]
    assert Solver().ask(fails_at_representatives(*deep)).word == "unsat"


def test_positions_are_of_the_kinds_that_constants_and_single_bits_make() -> None:
    """Two constants and one read bit make four kinds of positions."""
    a, b = (cast(Word, variable(name, 64)) for name in "ab")

    found = representatives([(a & 0x440) == (b & 0x40), a.bit(3)])

    assert found == 0b10001001001


def test_operators_that_move_bits_are_not_narrowed() -> None:
    """A shift, an addition or an order of numbers leaves the obligation as it is."""
    a, b = (cast(Word, variable(name, 64)) for name in "ab")
    for goal in ((a << 1) == b, (a + b) == a, a < b, a.zext(70) == b.zext(70)):
        assert representatives([goal]) is None
        assert fails_at_representatives([], goal) == (~goal,)
        assert at_representatives([a == 0], goal) == (a == 0, ~goal)


def test_two_pairs_of_words_may_differ_at_two_positions() -> None:
    """All positions are of one kind, and no position has both differences: only one of them can be moved to the first."""
    a, b, c, d = (cast(Word, variable(name, 8)) for name in "abcd")
    facts, goal = [((a ^ b) & (c ^ d)) == 0], (a == b) | (c == d)

    assert representatives([*facts, goal]) == 1
    assert Solver().ask(fails_at_representatives(facts, goal)).word == Solver().ask([*facts, ~goal]).word == "sat"
    assert Solver().ask(at_representatives(facts, goal)).word == "sat"
