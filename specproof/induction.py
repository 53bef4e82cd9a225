"""Induction at full width: whether a property is inductive with lemmas, and which lemmas make it so.

Where Z3 shows a step from a state that satisfies everything known to one that breaks the property, that state is seen
at every bit position as the slice sees it. A position at which no reachable slice state looks like that says that
the state cannot be reached, and a lemma that excludes it is one of bits: whether that holds is asked of the slice, as of any lemma.
So a property of whole words, of which the slice sees too little, is proved with lemmas that it does see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from specproof.certify import accept
from specproof.claims import Property
from specproof.explore import Reached
from specproof.graph import substitute
from specproof.lemmas import Certificate, discover
from specproof.readings.integers import evaluate_all
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import TRUE, Bool, Term
from specproof.vocabulary import Lemma, Vocabulary

#: States from which a step breaks a property, of which lemmas are made before it is left to others.
TRIES = 32


def inductive(system: System, prop: Property, certificate: Certificate | None, solver: Solver) -> bool:
    """Whether the property follows from the lemmas that are proved, if any, or is inductive with them."""
    lemmas: list[Bool] = []
    if certificate is not None:
        vocabulary = certificate.vocabulary
        lemmas = [vocabulary.term(lemma, vocabulary.here) for lemma in certificate.lemmas]
    return all(solver.ask([*lemmas, *asked]).word == "unsat" for asked in _asked(system, prop))


def strengthened(system: System, prop: Property, slice_: Slice, reached: Reached, solver: Solver) -> Certificate | None:
    """Lemmas of what was explored, proved at full width, with which the property is inductive.

    None where it is not, where Z3 does not say, or where not everything was explored.
    """
    if not reached.whole:
        return None
    vocabulary = Vocabulary(slice_, reached)
    lemmas: dict[Lemma, Bool] = {}
    tries = TRIES
    for number, asked in enumerate(_asked(system, prop)):
        while (answer := solver.ask([*lemmas.values(), *asked] if number else asked)).word != "unsat":
            found = _excluding(vocabulary, answer.values) if answer.word == "sat" and number and tries else []
            if not found:
                return None
            lemmas |= {lemma: vocabulary.term(lemma, vocabulary.here) for lemma in found}
            tries -= 1
    certificate = discover(slice_, reached, [], vocabulary, list(lemmas))
    return None if accept(system, certificate, {}, solver) else certificate


def _asked(system: System, prop: Property) -> Iterator[list[Term]]:
    """What must be unsatisfiable: first a start that breaks the property, then a step that does."""
    state = prop.state if prop.state is not None else TRUE
    yield [system.starts, ~state]
    for name, action in system.actions.items():
        if name in prop.steps:
            wanted = prop.steps[name]
        else:
            wanted = cast(Bool, substitute([state], {system.variables[path]: term for path, term in action.next.items()})[0])
        if wanted is not TRUE:
            yield [*(() if prop.steps else (state,)), action.enabled, ~wanted]


def _excluding(vocabulary: Vocabulary, values: Mapping[str, int]) -> list[Lemma]:
    """A lemma for each way in which a state looks, at some position, like no reachable slice state."""
    known = {**dict.fromkeys(vocabulary.slice.system.variables, 0), **values}
    terms = list(vocabulary.here.values())
    words = evaluate_all(terms, known)
    looks = {
        tuple(bool(value >> position & 1) if term.width else bool(value) for term, value in zip(terms, words, strict=True))
        for position in range(vocabulary.slice.widest)
    }
    states = [dict(zip(vocabulary.here, look, strict=True)) for look in sorted(looks)]
    return [vocabulary.exclude(state) for state in states if not vocabulary.shows(state)]
