"""What tests of words entail in all that a slice reached, though no bit that it sees says so.

A slice has a test of whole words answered anew at every step, as far as the bit that it sees leaves it open. But a word in which
reserved bits are never set is never all ones, which the slice knows at a reserved bit and forgets at the others; and where two words
have the same low half they are the same, if nothing sets the rest. So all that was explored is asked: at which kind of position are
the sides of a test never alike, in any case or where a truth value of the state is this one, so that it never holds; and where some
tests have these answers, and a truth value this one, are the sides of another alike at every position, so that it holds? As every
state of a full-width run is seen at all its positions, this is so of all that can be reached; with it the slice reaches less, and may
entail more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from specproof.explore import Reached, explore
from specproof.layout import Entailment, Given
from specproof.slice import Move, Slice
from specproof.terms import Bool, Term, conj, implies, variable

#: Tests of one action of which it is asked what they entail, and patterns by combinations of inputs that this may look at; states of a slice
#: that is explored again.
MOST, LOOKS, STATES = 12, 1 << 22, 1 << 21


def settled(slice_: Slice, reached: Reached, steps: int | None = None) -> Reached:
    """What is reached of a slice, all of which was `reached`, where tests have the answers that are entailed; the same if that is too much to
    ask. `steps` as of `explore`."""
    known: dict[str, set[Entailment]] = {}
    while len(reached.states) <= STATES and (more := answered(slice_, reached)) != known:
        known, reached = more, explore(slice_, steps=steps, known=more)
    return reached


def said(slice_: Slice, reached: Reached) -> dict[str, list[Bool]]:
    """What tests entail, as terms, by action: what holds of every reachable state before it, and of its inputs."""
    found: dict[str, list[Bool]] = {}
    for move in slice_.moves:
        number = {test: place for place, test in enumerate(move.compiled.tests)}
        entailed = sorted(reached.entailed[move.action.name], key=lambda one, number=number: one.place(number))  # type: ignore[misc]
        found[move.action.name] = [_term(one) for one in entailed]
    return found


def _term(one: Entailment) -> Bool:
    then = cast(Bool, one.then)
    return implies(conj(cast(Bool, test) if wanted else ~cast(Bool, test) for test, wanted in one.given), ~then if one.never is not None else then)


def answered(slice_: Slice, reached: Reached) -> dict[str, set[Entailment]]:
    """By action what its tests entail, in all that was reached; of actions in which they entail nothing, nothing."""
    found = {move.action.name: _of(slice_, reached, move) for move in slice_.moves}
    return {name: entailed for name, entailed in found.items() if entailed}


def _of(slice_: Slice, reached: Reached, move: Move) -> set[Entailment]:
    """What the tests of an action entail; nothing where that is too much to ask."""
    compiled = move.compiled
    before = reached.before(slice_, move) if 0 < len(compiled.tests) <= MOST else []
    if not before or sum(map(len, before)) << len(compiled.inputs) > LOOKS:
        return set()
    seen = {name: [slice_.layout.column(states, ("bool", name)) for states in before] for name in compiled.flags}
    flags = [variable(name, 0) for name, values in seen.items() if any(one.any() for one in values) and not all(one.all() for one in values)]
    left = set(_entailments(list(compiled.tests), flags, range(len(before))))
    for kind, states in enumerate(before):
        for part in compiled.blocks(len(states)):
            left -= compiled.steps(slice_.layout, states[part]).contradicted(left, kind)
    return _strongest(left)


def _entailments(tests: Sequence[Term], flags: Sequence[Term], kinds: Sequence[int]) -> Iterator[Entailment]:
    """All that up to two tests, or a test and a truth value of the state, may say of another one; and that it never holds, by the kinds of
    positions at which that may be seen, where a truth value has some value or in any case."""
    for then in tests:
        yield Entailment((), then)
        for kind in kinds:
            yield Entailment((), then, kind)
            yield from (Entailment(((one, answer),), then, kind) for one in flags for answer in (True, False))
        others = [test for test in tests if test is not then]
        for one in others:
            yield Entailment(((one, False),), then)
            for other in (*others, *flags):
                if other is not one:
                    yield from (Entailment(((one, True), (other, answer)), then) for answer in (True, False))


def _strongest(entailed: set[Entailment]) -> set[Entailment]:
    """Those that do not follow from another that is given less, and one kind of position where a test never holds."""
    never: dict[tuple[Given, Term], int] = {}
    for one in entailed:
        if one.never is not None:
            never[one.given, one.then] = min(one.never, never.get((one.given, one.then), one.never))
    kept = {one for one in entailed if one.never is None and not any(Entailment(less, one.then) in entailed for less in _less(one.given))}
    return kept | {Entailment(given, test, kind) for (given, test), kind in never.items() if not given or ((), test) not in never}


def _less(given: Given) -> Iterator[Given]:
    if given:
        yield ()
    if len(given) > 1:
        yield from ((one,) for one in given)
