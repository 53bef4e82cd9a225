"""Induction at full width: whether a property is inductive with lemmas, and which lemmas make it so.

Where Z3 shows a step from a state that satisfies everything known to one that breaks the property, that state is seen
at every bit position as the slice sees it. A position at which no reachable slice state looks like that says that
the state cannot be reached, and a lemma that excludes it is one of bits: whether that holds is asked of the slice, as of any lemma.
So a property of whole words, of which the slice sees too little, is proved with lemmas that it does see.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from specproof.certify import accept
from specproof.claims import Property
from specproof.explore import Reached
from specproof.graph import substitute
from specproof.lemmas import Certificate, discover
from specproof.needed import needed
from specproof.query import Core
from specproof.readings.integers import evaluate_all
from specproof.slice import Slice
from specproof.solver import Answer, Solver
from specproof.symmetry import fails_at_representatives
from specproof.system import System
from specproof.terms import FALSE, TRUE, Bool, Term
from specproof.vocabulary import Lemma, Vocabulary

#: States from which a step breaks a property, of which lemmas are made before it is left to others.
TRIES = 32


@dataclass(frozen=True)
class _Question:
    """What must follow from facts: at an action, or for None of a start. `assumed` is what may be known besides them."""

    at: str | None
    facts: tuple[Term, ...]
    goal: Bool
    assumed: Mapping[str, Bool]

    def fails(self, solver: Solver, lemmas: Iterable[Bool] = (), assumptions: Iterable[str] = ()) -> Answer:
        """How the property fails, if it does, under these lemmas and assumptions; lemmas speak of states from which steps go."""
        known = lemmas if self.at is not None else ()
        return solver.ask(fails_at_representatives([*known, *self.facts, *(self.assumed[name] for name in assumptions)], self.goal))

    def core(self, lemmas: Mapping[Lemma, Bool], solver: Solver) -> Core:
        """What it needs of that, where all of it together is enough and nothing is not."""

        def enough(some: Iterable[Lemma], assumptions: Iterable[str]) -> bool:
            return self.fails(solver, [lemmas[lemma] for lemma in some], assumptions).word == "unsat"

        some, names = list(lemmas), list(self.assumed)
        if len(some) <= TRIES:
            some = needed(some, lambda fewer: enough(fewer, names))
        elif names and enough((), names):
            some = []
        return Core(tuple(some), tuple(needed(names, lambda fewer: enough(some, fewer))))


@dataclass(frozen=True)
class Induction:
    """A property of a system, and Z3 that is asked whether it is inductive."""

    system: System
    prop: Property
    solver: Solver

    @cached_property
    def _open(self) -> list[_Question]:
        """What needs lemmas or assumptions."""
        return [question for question in _questions(self.system, self.prop) if question.fails(self.solver).word != "unsat"]

    def needs(self, certificate: Certificate | None) -> dict[str | None, Core] | None:
        """What the property needs, by action, where it is inductive with the lemmas that are proved, if any, or follows from them; None where not."""
        lemmas = {} if certificate is None else certificate.terms
        if any(question.fails(self.solver, lemmas.values(), question.assumed).word != "unsat" for question in self._open):
            return None
        return {question.at: question.core(lemmas, self.solver) for question in self._open}

    def strengthened(self, slice_: Slice, reached: Reached) -> Certificate | None:
        """Lemmas of what was explored, proved at full width, with which the property is inductive, and which of them it needs.

        None where it is not, where Z3 does not say, or where not everything was explored.
        """
        if not reached.whole:
            return None
        vocabulary = Vocabulary(slice_, reached)
        lemmas: dict[Lemma, Bool] = {}
        tries = TRIES
        for question in self._open:
            while (answer := question.fails(self.solver, lemmas.values(), question.assumed)).word != "unsat":
                found = _excluding(vocabulary, answer.values) if answer.word == "sat" and question.at is not None and tries else []
                if not found:
                    return None
                lemmas |= {lemma: vocabulary.term(lemma, vocabulary.here) for lemma in found}
                tries -= 1
        cores: dict[tuple[Lemma | str, str | None], Core] = {
            (self.prop.claim, question.at): question.core(lemmas, self.solver) for question in self._open
        }  # fmt: skip
        needed = {lemma for core in cores.values() for lemma in core.lemmas}
        if not needed:
            return Certificate(vocabulary, [], [], cores)
        certificate = discover(slice_, reached, [], vocabulary, [lemma for lemma in lemmas if lemma in needed])
        if accept(self.system, certificate, {}, self.solver):
            return None
        certificate.cores |= cores
        return certificate


def together(
    system: System, properties: Mapping[str, Property], wanted: str, vocabulary: Vocabulary, certificate: Certificate | None, solver: Solver
) -> Certificate | None:
    """A proof of the `wanted` one of these properties, of which those of states are lemmas that are inductive together; None without.

    Lemmas that are proved, over the same vocabulary, are known, too. What does not hold of a start, or is broken by a step
    from a state in which all of them hold, is left out until nothing is.
    """
    prop = properties[wanted]
    named: dict[Hashable, Bool] = {("claim", name): one.always for name, one in properties.items() if one.always is not None}
    lemmas = {key: Lemma(((key, True),)) for key in named}
    own = {lemmas[key]: term for key, term in named.items() if _initially(system, term).fails(solver).word == "unsat"}
    base = {} if certificate is None else certificate.terms
    asked: dict[tuple[Lemma | str, str | None], _Question] = {}
    for name, action in system.actions.items():
        by = {system.variables[path]: term for path, term in action.next.items()}
        for target, term in own.items():
            after = cast(Bool, substitute([term], by)[0])
            if after is not term and action.enabled is not FALSE:
                asked[target, name] = _Question(name, (action.guard,), after, action.assumed)
    before = -1
    while before != len(own):
        before = len(own)
        for (lemma, _), question in asked.items():
            known = [*base.values(), *own.values()]
            if isinstance(lemma, Lemma) and lemma in own and question.fails(solver, known, question.assumed).word != "unsat":
                del own[lemma]
    asked = {key: question for key, question in asked.items() if key[0] in own}
    if prop.always is None:
        asked |= {(wanted, question.at): question for question in _questions(system, prop)}
    facts = {**base, **own}
    itself = lemmas.get(("claim", wanted))
    if itself is None and any(one.fails(solver, facts.values(), one.assumed).word != "unsat" for (at, _), one in asked.items() if at == wanted):
        return None
    if itself is not None and itself not in own:
        return None
    cores = {**({} if certificate is None else certificate.cores), **{key: question.core(facts, solver) for key, question in asked.items()}}
    if itself is not None:
        cores[wanted, None] = Core((itself,), ())
    behind, _ = Certificate(vocabulary, list(facts), [wanted], cores).behind(wanted)
    targets = {wanted, *behind}
    found = Certificate(vocabulary.naming(named, system.variables), behind, [wanted], {key: core for key, core in cores.items() if key[0] in targets})
    return None if accept(system, found, {wanted: prop}, solver) else found


def _initially(system: System, state: Bool) -> _Question:
    """Whether it holds of every start."""
    return _Question(None, (system.initial, *system.initially_assumed.values()), state, {})


def _questions(system: System, prop: Property) -> Iterator[_Question]:
    """Everything that must be unsatisfiable: first a start that breaks the property, then a step that does."""
    state = prop.state if prop.state is not None else TRUE
    if state is not TRUE:
        yield _Question(None, (system.initial,), state, system.initially_assumed)
    for name, action in system.actions.items():
        if name in prop.steps:
            wanted = prop.steps[name]
        else:
            wanted = cast(Bool, substitute([state], {system.variables[path]: term for path, term in action.next.items()})[0])
        if wanted is not TRUE and action.enabled is not FALSE:
            yield _Question(name, (*(() if prop.steps else (state,)), action.guard), wanted, action.assumed)


def _excluding(vocabulary: Vocabulary, values: Mapping[str, int]) -> list[Lemma]:
    """A lemma for each way in which a state looks, at some position, like no reachable slice state."""
    terms = list(vocabulary.here.values())
    words = evaluate_all(terms, {**dict.fromkeys(vocabulary.slice.system.variables, 0), **values})
    looks = {
        tuple(bool(value >> position & 1) if term.width else bool(value) for term, value in zip(terms, words, strict=True))
        for position in range(vocabulary.slice.widest)
    }
    states = [dict(zip(vocabulary.here, look, strict=True)) for look in sorted(looks)]
    found = [vocabulary.exclude(state) for state in states if not vocabulary.shows(state)]
    return list({lemma.literals: lemma for lemma in found}.values())
