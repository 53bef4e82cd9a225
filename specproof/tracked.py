"""Tests of whole words that a slice keeps in mind.

A slice sees one bit, so a test such as `seen == generation` has any answer there at every step. Here its answer is a
truth value of the state, and which answers an action can lead to from which is asked of Z3 at full width. What is found
so is expressed in the tests themselves and certified like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from specproof.claims import Property
from specproof.cone import narrow, terms_of
from specproof.graph import postorder, replaced, substitute, variables
from specproof.lemmas import Certificate
from specproof.readings.text import show
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import TRUE, Bool, Term, Word, conj, disj, variable

#: Tests that are kept in mind, and combinations of answers that are told apart for one action.
MOST, WAYS = 8, 256

#: Questions to Z3 about all of them, and steps that an exploration with them may look at (patterns by combinations of inputs).
QUESTIONS, STEPS = 400, 1 << 27


@dataclass(frozen=True)
class Tracked:
    """A system with a truth value for each test. `tests` are by these truth values; `leaning` has the actions of which what is said of
    the tests needs assumptions; `counted` the words among theirs that some action adds to."""

    system: System
    tests: Mapping[Term, Bool]
    leaning: frozenset[str]
    counted: tuple[str, ...]

    def __str__(self) -> str:
        """What is in mind, for somebody whose claim that did not decide."""
        said = f"with these tests of words in mind: {', '.join(map(str, self.tests.values()))}"
        what = " and ".join(self.counted)
        return said + (f" (if {what} cannot wrap around, say so in an assumption)" if what else "")

    def property(self, prop: Property) -> Property:
        """The same property, where it speaks of states with the truth values for the tests."""
        by: dict[Term, Term] = {test: value for value, test in self.tests.items()}
        state = prop.state if prop.always is None else cast(Bool, replaced([prop.always], by)[0])
        return replace(prop, state=state, happens=prop.happens and self.property(prop.happens))

    def certified(self, certificate: Certificate) -> Certificate:
        """The certificate as one of the system itself: lemmas speak of the tests, and steps use what the tests' answers lean on."""
        certificate.vocabulary = certificate.vocabulary.told(self.tests)
        for (target, action), core in certificate.cores.items():
            if action in self.leaning:
                certificate.cores[(target, action)] = replace(core, assumptions=tuple(self.system.actions[action].assumed))
        return certificate


def track(system: System, properties: Sequence[Property], solver: Solver) -> Tracked | None:
    """The system with the tests in mind on which what is asked depends; None where there are none. It has the runs of the system."""
    narrowed = narrow(system, properties)
    tests = {variable(show(test), 0): test for test in candidates(narrowed, properties)}
    if not tests or len(narrowed.variables) + len(tests) > 64:  # no slice has room for more
        return None
    asking = _Asking(solver)
    base = asking.ways(tests, TRUE)
    words = set(variables(tests.values()))
    actions: dict[str, Action] = {}
    leaning: set[str] = set()
    for name, action in system.actions.items():
        by = {term: action.next[path] for path, term in system.variables.items() if path in action.next}
        after = dict(zip(tests, cast(list[Bool], substitute(list(tests.values()), by)), strict=True))
        moved = {value: term for value, term in after.items() if term is not tests[value]}
        next_ = {variable(f"{value.data} next", 0): term for value, term in moved.items()}
        asked = {variable(f"{show(test)} asked", 0): test for test in _asked(action, tests.values()) if moved or words & set(variables([test]))}
        said = base  # what the guard says of the tests, it says itself
        if moved or asked:
            for more in (asked, {}):  # with what the action itself asks of its inputs, if that is not too much
                ways = asking.ways({**tests, **next_, **more}, action.guard)
                if ways is not TRUE or not more:
                    break
            if action.assumed and (fewer := asking.ways({**tests, **next_, **more}, action.enabled)) is not ways:
                leaning.add(name)
                ways = fewer
            said = cast(Bool, substitute([ways], {**next_, **more})[0])
        if asking.left <= 0:
            return None
        told = {str(value.data): term for value, term in moved.items()}
        actions[name] = replace(action, guard=conj((action.guard, *_equal(tests), said)), next={**action.next, **told})
    values = {str(value.data): value for value in tests}
    start = conj((system.initial, *_equal(tests), asking.ways(tests, system.initial)))
    counted = tuple(sorted(str(one.data) for one in _counted(narrowed) & set(variables(tests.values()))))
    kept: dict[Term, Term] = {test: value for value, test in tests.items()}
    whole = replace(system, variables={**system.variables, **values}, initial=start, actions=actions, couple=lambda test: kept.get(test, test))
    return Tracked(whole, tests, frozenset(leaning), counted)


def _asked(action: Action, tests: Iterable[Term]) -> list[Bool]:
    """Tests that an action makes beyond those in mind; none where they are too many."""
    made = dict.fromkeys(cast(Bool, one) for one in postorder([action.enabled, *action.next.values()]) if one.op in ("eq", "ult"))
    found = [test for test in made if test not in set(tests)]
    return found if len(found) <= MOST else []


def _equal(tests: Mapping[Term, Bool]) -> list[Bool]:
    return [cast(Bool, value) == test for value, test in tests.items()]


class _Asking:
    """Questions about the answers that tests can have together, as long as there are not too many."""

    def __init__(self, solver: Solver) -> None:
        """No question was asked yet."""
        self.solver, self.left = solver, QUESTIONS

    def ways(self, tests: Mapping[Term, Bool], given: Bool) -> Bool:
        """Which answers the tests can have, as a formula of the truth values that stand for them; true where that is not found out."""
        found: list[Bool] = []
        while self.left > 0:
            self.left -= 1
            answer = self.solver.ask([given, *_equal(tests), *(~way for way in found)])
            if answer.word == "unsat":
                return disj(found)
            if answer.word != "sat" or len(found) == WAYS:
                break
            found.append(conj(cast(Bool, value if answer.values.get(str(value.data)) else ~cast(Bool, value)) for value in tests))
        return TRUE


def candidates(system: System, properties: Iterable[Property]) -> list[Bool]:
    """Tests of state words: those that actions make, and orders that are asked about; where a word is counted, its order too."""
    state = set(system.variables.values())
    made = postorder(term for action in system.actions.values() for term in (action.enabled, *action.next.values()))
    asked = postorder(term for prop in properties for term in terms_of(prop))
    found = [one for one in (*made, *asked) if one.op in ("eq", "ult") and set(variables([one])) <= state]
    ours, counted = set(made), _counted(system)
    tests = dict.fromkeys(cast(Bool, one) for one in found if one in ours or one.op == "ult")
    for test in list(tests):
        a, b = cast(tuple[Word, Word], test.args)
        if counted & set(variables([test])) and "const" not in (a.op, b.op):
            tests |= dict.fromkeys((*(() if test.op == "eq" else (a == b,)), a < b, b < a))
    return sorted(tests, key=lambda test: any(arg.op == "const" for arg in test.args))[:MOST]


def _counted(system: System) -> set[Term]:
    """The words to which some action adds."""
    steps = [(system.variables[path], term) for action in system.actions.values() for path, term in action.next.items()]
    return {word for word, term in steps if any(one.op == "add" for one in postorder([term]))}
