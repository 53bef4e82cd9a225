"""How many shortest runs there are, and from which step on nothing puts it right."""

from __future__ import annotations

from typing import cast

from specproof.claims import Property
from specproof.lift import target_of, unroll
from specproof.solver import Solver
from specproof.story.danger import Danger
from specproof.story.graph import Graph
from specproof.story.model import Alike, Turn
from specproof.system import System
from specproof.terms import Bool
from specproof.trace import Trace

#: Sequences that are kept for a reader.
KEPT = 12


def alike(danger: Danger, system: System, prop: Property, trace: Trace, solver: Solver) -> Alike:
    """How many sequences of as many actions end in the violation, each tried at full width."""
    own = tuple(step.action for step in trace.steps)
    found, all_ = [own], True
    for names in danger.shortest(trace.length):
        if names is None:
            all_ = False
        elif names != own and _exists(system, prop, names, solver):
            found.append(names)
    return Alike(len(found), all_, tuple(found[1 : KEPT + 1]))


def _exists(system: System, prop: Property, names: tuple[str, ...], solver: Solver) -> bool:
    unrolled = unroll(system, names)
    goal = ~cast(Bool, target_of(prop, unrolled, names))
    return solver.ask([*unrolled.constraints, goal]).word == "sat"


def turn(danger: Danger, graph: Graph, trace: Trace, positions: tuple[int, ...], reference: tuple[str, Graph] | None) -> Turn | None:
    """Where the run leaves what the reference can be in, and from where on nothing puts it right; None off the graph."""
    numbers = _on_graph(danger, graph, trace, positions)
    if numbers is None:
        return None
    goal, sane = danger.distance >= trace.length, ""
    if reference is not None:
        shared = graph.shared_with(reference[1])
        if shared[numbers[0]]:
            goal, sane = shared, reference[0]
    left = next((moment for moment, number in enumerate(numbers) if sane and not goal[number]), None)
    ways, lost = [], []
    for number in numbers:
        way = danger.back(number, goal)
        lost.append(way is None)
        ways.append(way if way is not None else danger.back(number, goal, over=True) or ())
    last = next((moment for moment in range(1, trace.length) if all(lost[moment:])), None)
    return Turn(sane, left, last, tuple(ways))


def _on_graph(danger: Danger, graph: Graph, trace: Trace, positions: tuple[int, ...]) -> list[int] | None:
    """The states before the last step as states of the graph, at a position where the run is a shortest one."""
    states = trace.states()[: trace.length]
    for position in dict.fromkeys((*positions, *range(graph.slice.widest))):
        numbers = [number for state in states if (number := graph.state(state, position)) is not None]
        if len(numbers) == trace.length and numbers and danger.distance[numbers[0]] == trace.length:
            return numbers
    return None
