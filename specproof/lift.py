"""From a run of the slice to a run of the system: full-width inputs from Z3, replayed on integers, shrunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import cast

from specproof.claims import Property
from specproof.errors import InputError
from specproof.graph import substitute
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import Bool, Term, Word, variable
from specproof.trace import Trace, initial_state, replay, violates

#: So many positions, and so many initial values with one bit, are worth trying in every combination.
FEW, TIED = 8, 12


class Disagreement(Exception):
    """Two readings of one term gave different answers: never a verdict, always a defect of the engine."""


@dataclass(frozen=True)
class Unrolled:
    """A run of named actions over one state of variables: constraints, and the last step's terms."""

    constraints: tuple[Bool, ...]
    before: Mapping[Term, Term]
    after: Mapping[Term, Term]
    inputs: tuple[Mapping[str, Term], ...]


def unroll(system: System, actions: Sequence[str]) -> Unrolled:
    """The path formula of these actions; inputs of step i are named `name@i`."""
    now: dict[Term, Term] = {term: term for term in system.variables.values()}
    before = dict(now)
    constraints: list[Bool] = [system.starts]
    inputs: list[Mapping[str, Term]] = []
    for index, name in enumerate(actions, 1):
        action = system.actions[name]
        renamed = {term: variable(f"{term.data}@{index}", term.width) for term in action.inputs.values()}
        inputs.append({key: renamed[term] for key, term in action.inputs.items()})
        before = {**now, **renamed}
        new = substitute([action.enabled, *action.next.values()], before)
        constraints.append(cast(Bool, new[0]))
        now = {**now, **{system.variables[path]: term for path, term in zip(action.next, new[1:], strict=True)}}
    return Unrolled(tuple(constraints), before, now, tuple(inputs))


def target_of(prop: Property, unrolled: Unrolled, actions: Sequence[str]) -> Term:
    """The property at the end of the run, as a term over the initial state and all inputs."""
    if actions and actions[-1] in prop.steps:
        return substitute([prop.steps[actions[-1]]], unrolled.before)[0]
    if prop.state is None:
        raise ValueError(f"{prop.claim} says nothing of an initial state")
    return substitute([prop.state], unrolled.after)[0]


def lift(system: System, prop: Property, actions: Sequence[str], solver: Solver, *, wanted: bool = False) -> Trace | None:
    """The run of these actions at whose end the property has the value `wanted`, shrunk; None where there is none.

    Raises Disagreement where Z3's inputs do not replay on integers.
    """
    unrolled = unroll(system, actions)
    reached = cast(Bool, target_of(prop, unrolled, actions))
    goal = [*unrolled.constraints, reached if wanted else ~reached]
    words = [term for term in [*system.variables.values(), *(term for step in unrolled.inputs for term in step.values())] if term.width]
    named = named_bits(system)
    frozen = {term for path, term in system.variables.items() if system.fields[path].frozen}
    answer = solver.ask(goal)
    if answer.word != "sat":
        return None
    small: dict[Term, Term] = {}
    # Named bits only, if that is enough; else at least outside of what never changes, such as reserved bits; else any.
    for kept in dict.fromkeys([frozenset(words), frozenset(words) - frozen] if named else []):
        some: dict[Term, Term] = {term: cast(Word, term) & (named & ((1 << term.width) - 1)) for term in words if term in kept}
        fewer = solver.ask(substitute(goal, some)) if some else answer
        if fewer.word == "sat":
            answer, small = fewer, some
            break
    values = {**answer.values, **{str(term.data): answer.values.get(str(term.data), 0) & named for term in small}}
    initial, steps = run_from(system, unrolled, actions, values)
    judge = Judge(system, prop, wanted)
    if judge(initial, steps) is None:
        raise Disagreement(f"{prop.claim} on {system.design}: Z3's run does not replay on integers: {list(actions)}")
    return shrink(judge, initial, steps, positions(system))


Steps = list[tuple[str, dict[str, int]]]


def run_from(system: System, unrolled: Unrolled, actions: Sequence[str], values: Mapping[str, int]) -> tuple[dict[str, int], Steps]:
    """The initial state and the inputs of each step, from the values of an unrolled run's variables; one without a value is 0."""
    initial = {path: values.get(path, 0) for path in system.variables}
    inputs = [{key: values.get(str(term.data), 0) for key, term in step.items()} for step in unrolled.inputs]
    return initial, list(zip(actions, inputs, strict=True))


class Judge:
    """Replays runs on integers and says which still show what they should."""

    def __init__(self, system: System, prop: Property, wanted: bool) -> None:
        """The property has the value `wanted` at the end of a run that shows it."""
        self.system, self.prop, self.wanted = system, prop, wanted
        self._last: Trace | None = None

    def __call__(self, initial: Mapping[str, int], steps: Steps) -> Trace | None:
        trace = replay(self.system, self.prop.claim, initial, steps, self._last)
        if trace is None or violates(self.system, self.prop, trace) == self.wanted:
            return None
        self._last = trace  # most runs that are tried next begin as this one does
        return trace


def named_bits(system: System) -> int:
    """All bits that a register of the system has a name for."""
    return sum(1 << position for position in set(positions(system)))


def positions(system: System) -> list[int]:
    """Named positions, in the order in which the fields and their names are declared."""
    found: dict[int, None] = {}
    for declared in system.fields.values():
        if declared.bits is not None:
            found.update(dict.fromkeys(declared.bits.positions.values()))
    return list(found)


def least_start(system: System, values: Mapping[str, int]) -> dict[str, int]:
    """Values with which a run starts, each 0 where that will do, and else without the bits that have no name where that will do."""
    start = {path: values.get(path, 0) for path in system.variables}
    known, named = initial_state(system, start), named_bits(system)
    for path, term in system.variables.items():
        for fewer in dict.fromkeys((0, start[path] & named) if term.width else (0,)):
            if fewer != start[path]:
                try:
                    known = initial_state(system, {**start, path: fewer}, known)
                except InputError:
                    continue
                start[path] = fewer
                break
    return start


def least(system: System, prop: Property, trace: Trace, *, wanted: bool = False) -> Trace:
    """A run at whose end the property has the value `wanted`, shrunk."""
    initial = {path: trace.initial[path] for path in system.variables}
    return shrink(Judge(system, prop, wanted), initial, [(step.action, dict(step.inputs)) for step in trace.steps], positions(system))


def shrink(judge: Judge, initial: Mapping[str, int], steps: Steps, preferred: Sequence[int]) -> Trace:
    """The same actions with as few set bits as a greedy search finds: one position if it can be, named if it can be."""
    state, run = dict(initial), [(name, dict(inputs)) for name, inputs in steps]
    used = 0
    for value in [*state.values(), *(value for _, inputs in run for value in inputs.values())]:
        used |= value
    order = [position for position in preferred if used >> position & 1]
    order += [position for position in range(used.bit_length()) if used >> position & 1 and position not in order]
    keep = next((1 << position for position in order if judge(*_project(state, run, 1 << position, judge)) is not None), used)
    if keep == used:
        for position in reversed(order):  # unnamed and late positions go first
            if judge(*_project(state, run, keep & ~(1 << position), judge)) is not None:
                keep &= ~(1 << position)
    state, run = _settle(judge, *_project(state, run, keep, judge), order, preferred)
    for value in sorted(set(state.values()) - {0}):
        _clear(judge, state, run, [path for path, held in state.items() if held == value])
    for _ in range(2):  # what one pass frees, the next can clear
        before = dict(state), [(name, dict(inputs)) for name, inputs in run]
        for values in [*(inputs for _, inputs in run), state]:
            for name in list(values):
                _lower(judge, state, run, values, name)
        few = _few(state, run, order)
        state, run = _gather(judge, state, run, few, preferred)
        _thin(judge, state, run, few)
        if before == (state, run):
            break
    trace = judge(state, run)
    if trace is None:
        raise Disagreement(f"{judge.prop.claim}: shrinking lost the run")
    return trace


def _project(state: Mapping[str, int], run: Steps, keep: int, judge: Judge) -> tuple[dict[str, int], Steps]:
    """Every word restricted to the kept positions; truth values stay."""
    widths = {path: term.width for path, term in judge.system.variables.items()}
    smaller = {path: value & keep if widths[path] else value for path, value in state.items()}
    steps = []
    for name, inputs in run:
        declared = judge.system.actions[name].inputs
        steps.append((name, {key: value & keep if declared[key].width else value for key, value in inputs.items()}))
    return smaller, steps


def _few(state: Mapping[str, int], run: Steps, order: Sequence[int]) -> list[int]:
    """The positions that are worth a closer search: those in use, or where a frozen word fills up too many, those that inputs use."""
    given = [value for _, inputs in run for value in inputs.values()]
    for values in ([*state.values(), *given], given):
        used = _used(values, order)
        if len(used) <= FEW:
            return used
    return []


def _used(values: Sequence[int], order: Sequence[int]) -> list[int]:
    return [position for position in order if any(value >> position & 1 for value in values)]


def _settle(judge: Judge, state: dict[str, int], run: Steps, order: Sequence[int], preferred: Sequence[int]) -> tuple[dict[str, int], Steps]:
    """Each position moved to the first of those preferred that is free and shows the same: which one Z3 chose says nothing.

    Moved in every word, or in the fields alone whose bits have names: an index or a counter is what it is.
    """
    registers = {path for path, declared in judge.system.fields.items() if declared.bits is not None}
    used = _used([*state.values(), *(value for _, inputs in run for value in inputs.values())], order)
    for go in list(used):
        for come in [position for position in preferred[: preferred.index(go) if go in preferred else None] if position not in used]:
            whole = _moved(state, run, go, come, "", judge)
            part = {path: whole[0][path] if path in registers else value for path, value in state.items()}
            moved = next((one for one in (whole, (part, run)) if one != (state, run) and judge(*one) is not None), None)
            if moved is not None:
                state, run = moved
                used = [come if position == go else position for position in used]
                break
    return state, run


def _gather(judge: Judge, state: dict[str, int], run: Steps, order: Sequence[int], preferred: Sequence[int]) -> tuple[dict[str, int], Steps]:
    """All of one position moved to another that is used too, where that shows the same: everywhere, but for the inputs of one name, or of inputs.
    None is moved from a position that is preferred to one that is not."""
    for come, go in (pair for pair in permutations(order, 2) if pair[0] in preferred or pair[1] not in preferred):
        values = [*state.values(), *(value for _, inputs in run for value in inputs.values())]
        if all(any(value >> position & 1 for value in values) for position in (come, go)):
            names = dict.fromkeys(name for _, inputs in run for name, value in inputs.items() if value >> go & 1)
            moved = [_moved(state, run, go, come, but, judge) for but in ("", *names)]
            moved.append((state, moved[0][1]))
            state, run = next((one for one in moved if one != (state, run) and judge(*one) is not None), (state, run))
    return state, run


def _moved(state: Mapping[str, int], run: Steps, go: int, come: int, but: str, judge: Judge) -> tuple[dict[str, int], Steps]:
    def move(value: int, term: Term) -> int:
        return (value & ~(1 << go)) | 1 << come if term.width > come and value >> go & 1 else value

    system = judge.system
    steps = [
        (action, {name: value if name == but else move(value, system.actions[action].inputs[name]) for name, value in inputs.items()})
        for action, inputs in run
    ]  # fmt: skip
    return {path: move(value, system.variables[path]) for path, value in state.items()}, steps


def _thin(judge: Judge, state: dict[str, int], run: Steps, order: Sequence[int]) -> None:
    """Clears one position in two or three initial values at once: what the initial predicate ties together goes together."""
    for position in order:
        tied = [path for path, value in state.items() if value >> position & 1 and judge.system.variables[path].width]
        for size in (3, 2):
            for paths in combinations(tied, size) if len(tied) <= TIED else ():
                if all(state[path] >> position & 1 for path in paths):
                    fewer = {**state, **{path: state[path] ^ (1 << position) for path in paths}}
                    if judge(fewer, run) is not None:
                        state.update(fewer)


def _clear(judge: Judge, state: dict[str, int], run: Steps, paths: Sequence[str]) -> None:
    """Tries 0 for several initial values at once: what starts equal often has to stay equal."""
    old = {path: state[path] for path in paths}
    state.update(dict.fromkeys(paths, 0))
    if judge(state, run) is None:
        state.update(old)


def _lower(judge: Judge, state: dict[str, int], run: Steps, values: dict[str, int], name: str) -> None:
    """Tries 0 for one value, then clears its bits one by one, from the top."""
    old = values[name]
    if old == 0:
        return
    values[name] = 0
    if judge(state, run) is not None:
        return
    values[name] = old
    for position in reversed(range(old.bit_length())):
        if values[name] >> position & 1 and values[name] != 1 << position:
            values[name] ^= 1 << position
            if judge(state, run) is None:
                values[name] ^= 1 << position


