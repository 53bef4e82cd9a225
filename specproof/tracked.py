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
from specproof.terms import FALSE, TRUE, Bool, Term, Word, conj, disj, variable

#: Tests that are kept in mind, and combinations of answers that are told apart for one action.
MOST, WAYS = 8, 256

#: Questions to Z3 about chosen tests, and about others beside them; steps that an exploration may look at (patterns by combinations of inputs).
QUESTIONS, WIDELY, STEPS = 1000, 400, 1 << 27

#: Choices in a test that are followed to where it is another test; one with more is left as it is.
BRANCHES = 8


@dataclass(frozen=True)
class Tracked:
    """A system with a truth value for each test. `tests` are by these truth values; `leaning` has the actions of which what is said of
    the tests needs assumptions; `counted` the words among theirs that some action adds to; `told` what tests of an action are in terms of others."""

    system: System
    tests: Mapping[Term, Bool]
    leaning: frozenset[str]
    counted: tuple[str, ...]
    told: Mapping[str, Mapping[Term, Term]]

    def __str__(self) -> str:
        """What is in mind, for somebody whose claim that did not decide."""
        said = f"with these tests of words in mind: {', '.join(map(str, self.tests.values()))}"
        what = " and ".join(self.counted)
        return said + (f" (if {what} cannot wrap around, say so in an assumption)" if what else "")

    def property(self, prop: Property) -> Property:
        """The same property, where it speaks of states with the truth values for the tests, and of steps with what their tests are."""
        by: dict[Term, Term] = {test: value for value, test in self.tests.items()}
        state = prop.state if prop.always is None else cast(Bool, replaced([prop.always], by)[0])
        steps = {name: cast(Bool, replaced([term], self.told.get(name, {}))[0]) for name, term in prop.steps.items()}
        return replace(prop, state=state, steps=steps, happens=prop.happens and self.property(prop.happens))

    def certified(self, certificate: Certificate) -> Certificate:
        """The certificate as one of the system itself: lemmas speak of the tests, and steps use what the tests' answers lean on."""
        certificate.vocabulary = certificate.vocabulary.told(self.tests)
        for (target, action), core in certificate.cores.items():
            if action in self.leaning:
                certificate.cores[(target, action)] = replace(core, assumptions=tuple(self.system.actions[action].assumed))
        return certificate


def track(
    system: System, properties: Sequence[Property], chosen: Sequence[Bool], solver: Solver, *, widely: bool = True, leaves: int = 0
) -> Tracked | None:  # fmt: skip
    """The system with the chosen tests in mind; None where there are too many. It has the runs of the system.

    `widely`: their answers are related to those of other tests that an action makes, too. With no tests its actions alone are told better.
    `leaves`: into how many tests of its own one may be taken apart where a choice in its words is made.
    """
    narrowed = narrow(system, properties)
    tests = {variable(show(test), 0): test for test in chosen}
    if (widely and not tests) or len(narrowed.variables) + len(tests) > 64:  # no slice has room for more
        return None
    asking = _Asking(solver, WIDELY if widely else QUESTIONS)
    base = asking.ways(tests, TRUE)
    words = set(variables(tests.values()))
    actions: dict[str, Action] = {}
    leaning: set[str] = set()
    told: dict[str, dict[Term, Term]] = {}
    for name, action in system.actions.items():
        own, asked_of = _tests(_terms(action)), _tests(_steps(action, properties))
        made = [test for test in dict.fromkeys((*own, *asked_of)) if test not in set(tests.values())]
        known = [*tests.values(), *made]
        before = len(tests)  # in terms of those before it: two that are told in terms of each other would be as free as they were
        apart = dict.fromkeys(own, leaves)  # one that is asked for alone is seen whole where it fails, and apart in a part that may be another
        told[name] = {}
        for place, test in enumerate(made, before):
            other = _said(test, known[:place], apart.get(test, 0))
            if other is not test:  # the tests by which it chooses are told, too
                told[name][test] = replaced([other], told[name])[0]
        by = {term: action.next[path] for path, term in system.variables.items() if path in action.next}
        after = dict(zip(tests, cast(list[Bool], substitute(list(tests.values()), by)), strict=True))
        moved = {value: term for value, term in after.items() if term is not tests[value]}
        next_ = {variable(f"{value.data} next", 0): term for value, term in moved.items()}
        asked = {variable(f"{show(test)} asked", 0): test for test in _asked(action, tests.values()) if moved or words & set(variables([test]))}
        said = base  # what the guard says of the tests, it says itself
        if moved or asked:
            for more in (asked, {}) if widely else ({},):  # with what the action itself asks of its inputs, if that is not too much
                ways = asking.ways({**tests, **next_, **more}, action.guard)
                if ways is not TRUE or not more:
                    break
            if action.assumed and (fewer := asking.ways({**tests, **next_, **more}, action.enabled)) is not ways:
                leaning.add(name)
                ways = fewer
            said = cast(Bool, substitute([ways], {**next_, **more})[0])
        if asking.left <= 0:
            return None
        then = {value: _said(term, known, leaves) for value, term in moved.items()}
        actions[name] = _retold(replace(action, guard=conj((action.guard, *_equal(tests), said))), then, told[name])
    values = {str(value.data): value for value in tests}
    start = conj((system.initial, *_equal(tests), asking.ways(tests, system.initial)))
    counted = tuple(sorted(str(one.data) for one in _counted(narrowed) & set(variables(tests.values()))))
    kept: dict[Term, Term] = {test: value for value, test in tests.items()}
    whole = replace(system, variables={**system.variables, **values}, initial=start, actions=actions, couple=lambda test: kept.get(test, test))
    return Tracked(whole, tests, frozenset(leaning), counted, told)


def _steps(action: Action, properties: Sequence[Property]) -> list[Bool]:
    """What is asked of an action's steps."""
    return [one.steps[action.name] for prop in properties for one in (prop, prop.happens) if one is not None and action.name in one.steps]


def _terms(action: Action) -> list[Term]:
    """What an action is made of."""
    return [action.guard, *action.assumed.values(), *action.next.values()]


def _tests(terms: Iterable[Term]) -> list[Bool]:
    """The tests of words in some terms, in the order in which a reader meets them."""
    return [cast(Bool, one) for one in postorder(terms) if one.op in ("eq", "ult")]


def _retold(action: Action, then: Mapping[Term, Term], told: Mapping[Term, Term]) -> Action:
    """The action with its tests in terms of others, and what it makes of the tests in mind."""
    terms = iter(replaced([*_terms(action), *then.values()], told))
    return replace(
        action, guard=cast(Bool, next(terms)), assumed={name: cast(Bool, next(terms)) for name in action.assumed},
        next={path: next(terms) for path in action.next} | {str(value.data): next(terms) for value in then},
    )  # fmt: skip


def branches(test: Bool, others: Sequence[Bool] = ()) -> list[tuple[Bool, Bool]]:
    """Where every choice (`ite`) between words in a test is made: the condition, and the test that it is there, be it one of `others` in which
    the same choices are made, or a constant; nothing where there are many."""
    found: list[tuple[Bool, Bool]] = []
    left = BRANCHES

    def follow(one: Term, path: Bool, forms: Sequence[Term]) -> None:
        nonlocal left
        known = next((other for form, other in zip(forms, others, strict=True) if form is one), None)
        choice = next((inner for inner in reversed(list(postorder(one.args))) if inner.op == "ite" and inner.width), None)
        if one.op == "const" or known is not None or choice is None:
            found.append((path, cast(Bool, one) if known is None else known))
            return
        left -= 1
        if left < 0:
            return
        condition = cast(Bool, choice.args[0])
        for value, way in ((TRUE, condition), (FALSE, ~condition)):
            chosen, *known_forms = replaced([one, *forms], {condition: value})
            follow(chosen, path & way, known_forms)

    follow(test, TRUE, others)
    return found if left >= 0 else []


def _said(test: Bool, others: Sequence[Bool], leaves: int = 0) -> Bool:
    """The test in terms of others, wherever a choice (`ite`) in its words is made so that it is one of them; the very test where it never is,
    and where it comes to more than so many leaves.

    `(c ? a : b) == d` is `c & a == d | ~c & b == d`: on the slice these would be three tests that have nothing to do with each other.
    """
    if any(test is other for other in others):
        return test
    found: dict[Bool, list[Bool]] = {}
    open_: dict[Bool, list[Bool]] = {}  # where it is none of them
    for path, leaf in branches(test, others):
        told = leaf.op == "const" or any(leaf is other for other in others)
        (found if told else open_).setdefault(leaf, []).append(path)
    if not found and not 1 < len(open_) <= leaves:
        return test
    if len(found) + len(open_) <= leaves:
        return disj(disj(paths) & leaf for leaf, paths in (*found.items(), *open_.items()))
    return disj([*(disj(paths) & leaf for leaf, paths in found.items()), disj(path for paths in open_.values() for path in paths) & test])


def _asked(action: Action, tests: Iterable[Term]) -> list[Bool]:
    """Tests that an action makes beyond those in mind; none where they are too many."""
    found = [test for test in _tests([action.enabled, *action.next.values()]) if test not in set(tests)]
    return found if len(found) <= MOST else []


def _equal(tests: Mapping[Term, Bool]) -> list[Bool]:
    return [cast(Bool, value) == test for value, test in tests.items()]


class _Asking:
    """Questions about the answers that tests can have together, as long as there are not too many."""

    def __init__(self, solver: Solver, left: int) -> None:
        """So many may be asked."""
        self.solver, self.left = solver, left

    def ways(self, tests: Mapping[Term, Bool], given: Bool) -> Bool:
        """Which answers the tests can have, as a formula of the truth values that stand for them; true where that is not found out."""
        found: list[Bool] = []
        while tests and self.left > 0:
            self.left -= 1
            answer = self.solver.ask([given, *_equal(tests), *(~way for way in found)])
            if answer.word == "unsat":
                return disj(found)
            if answer.word != "sat" or len(found) == WAYS:
                break
            found.append(conj(cast(Bool, value if answer.values.get(str(value.data)) else ~cast(Bool, value)) for value in tests))
        return TRUE


def candidates(system: System, properties: Iterable[Property]) -> list[Bool]:
    """Tests of state words: those that actions make, and orders that are asked about; where a word is counted, its order too. Those that compare
    with constants come last."""
    state = set(system.variables.values())
    made = _tests(term for action in system.actions.values() for term in (action.enabled, *action.next.values()))
    asked = _tests(term for prop in properties for term in terms_of(prop))
    found = [one for one in (*made, *asked) if set(variables([one])) <= state]
    ours, counted = set(made), _counted(system)
    tests = dict.fromkeys(one for one in found if one in ours or one.op == "ult")
    for test in list(tests):
        a, b = cast(tuple[Word, Word], test.args)
        if counted & set(variables([test])) and "const" not in (a.op, b.op):
            tests |= dict.fromkeys((*(() if test.op == "eq" else (a == b,)), a < b, b < a))
    return sorted(tests, key=lambda test: any(arg.op == "const" for arg in test.args))


def _counted(system: System) -> set[Term]:
    """The words to which some action adds."""
    steps = [(system.variables[path], term) for action in system.actions.values() for path, term in action.next.items()]
    return {word for word, term in steps if any(one.op == "add" for one in postorder([term]))}
