"""Why a run of the slice is none: the tests of whole words that, kept in mind from step to step, exclude it.

A slice has a test of words answered anew at every step. So it may have a run that no full-width run follows, and most
tests of a system have nothing to do with that. Here each step of such a run is what it is at full width, and the states
between the steps agree in what the slice sees of them and in the answers of some tests: which of these exclude the run is asked of Z3.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from specproof.claims import Property
from specproof.cone import narrow
from specproof.graph import postorder, substitute
from specproof.needed import needed
from specproof.solver import Solver
from specproof.symmetry import fails_at
from specproof.system import System
from specproof.terms import TRUE, Bool, Term, Word, variable
from specproof.tracked import branches, candidates


@dataclass(frozen=True)
class Spurious:
    """A run of a slice to a violation: its actions, the position at which it was seen, and what the slice sees of a state."""

    actions: tuple[str, ...]
    position: int
    keys: tuple[Hashable, ...]


def missing(
    system: System, left: Mapping[str, Property], runs: Mapping[str, Sequence[Spurious]], chosen: Sequence[Bool],
    known: Mapping[str, Sequence[Bool]], solver: Solver,
) -> list[Bool]:  # fmt: skip
    """Tests that exclude a spurious run to a property that is left, and are not among those that are chosen. `known`: what holds before each
    action is taken."""
    found: list[Bool] = []
    for name, asked in left.items():
        narrowed = narrow(system, [asked])
        whole = candidates(narrowed, [asked])
        apart = [leaf for test in whole for _, leaf in branches(test) if leaf.op != "const"]
        simple = sorted(dict.fromkeys((*whole, *apart)), key=_choices, reverse=True)
        for run in runs.get(name, ()):
            kept = [*chosen, *found]
            # those in which no choice is made, unless fewer do in which some are
            orders = [[test for test in tests if all(test is not one for one in kept)] for tests in (simple, whole)]
            found += excluding(narrowed, asked, run, orders, kept, known, solver)
    return found


def _choices(test: Term) -> int:
    return sum(one.op == "ite" and one.width > 0 for one in postorder([test]))


def excluding(
    system: System, prop: Property, run: Spurious, orders: Sequence[Sequence[Bool]], kept: Sequence[Bool], known: Mapping[str, Sequence[Bool]],
    solver: Solver,
) -> list[Bool]:  # fmt: skip
    """The fewest tests (none can be left out) that exclude the run beside those that are `kept` in mind already; empty where these do it
    alone, so that no test is missing, or where no tests together do. `orders`: in which tests are left out, the first of which a tie is, and
    has all tests."""
    every, *others = orders
    always, links = _linked(system, prop, run, [*kept, *every], known)
    always += [link for test in kept for link in links[test]]

    def excluded(among: Sequence[Bool]) -> bool:
        return solver.ask([*always, *(link for test in among for link in links[test])]).word == "unsat"

    if not every or excluded(()) or not excluded(every):
        return []
    return min((needed(tests, excluded) for tests in (every, *(some for some in others if excluded(some)))), key=len)


def _linked(
    system: System, prop: Property, run: Spurious, tests: Sequence[Bool], known: Mapping[str, Sequence[Bool]]
) -> tuple[list[Bool], dict[Bool, list[Bool]]]:  # fmt: skip
    """What holds of the run step by step, and for each test that its answer is carried over."""
    always: list[Bool] = []
    links: dict[Bool, list[Bool]] = {test: [] for test in tests}
    after: dict[Term, Term] | None = None
    actions = [name for name in run.actions if name in system.actions]  # the others touch nothing on which the property depends
    for number, name in enumerate(actions, 1):
        action = system.actions[name]
        now: dict[Term, Term] = {term: variable(f"{term.data}@{number}", term.width) for term in system.variables.values()}
        if after is None:
            always.append(cast(Bool, substitute([system.starts], now)[0]))
        else:
            always += [same for key in run.keys if (same := _seen_alike(key, run.position, system, after, now)) is not TRUE]
            for test in tests:
                before, then = (cast(Bool, substitute([test], state)[0]) for state in (after, now))
                links[test].append(before == then)
        inputs: dict[Term, Term] = {term: variable(f"{term.data}@{number}", term.width) for term in action.inputs.values()}
        by = {**now, **inputs}
        enabled, *moved = substitute([action.enabled, *action.next.values()], by)
        always += [cast(Bool, enabled), *(cast(Bool, substitute([fact], by)[0]) for fact in known.get(name, ()))]
        if number == len(actions) and name in prop.steps:
            always.append(fails_at(cast(Bool, substitute([prop.steps[name]], by)[0]), run.position))
        after = {**now, **dict(zip((system.variables[path] for path in action.next), moved, strict=True))}
    if prop.state is not None and after is not None and actions[-1] not in prop.steps:
        always.append(fails_at(cast(Bool, substitute([prop.state], after)[0]), run.position))
    return always, links


def _seen_alike(key: Any, position: int, system: System, after: Mapping[Term, Term], now: Mapping[Term, Term]) -> Bool:
    """That two states agree in what the slice sees under a key; true of what is no field of the system."""
    kind, path, *where = key
    term = system.variables.get(path)
    if term is None:
        return TRUE
    if kind == "bool":
        return cast(Bool, after[term]) == cast(Bool, now[term])
    place = where[0] if where else position
    return cast(Word, after[term]).bit(place) == cast(Word, now[term]).bit(place) if place < term.width else TRUE
