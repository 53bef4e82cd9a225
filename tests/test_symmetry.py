"""Narrowing the search for a failing bit to one position of each kind."""

from __future__ import annotations

import random
from typing import cast

import pytest

from specproof.solver import Solver
from specproof.symmetry import fails_at_representatives, representatives
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
