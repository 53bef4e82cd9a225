"""One measurement, in a process of its own: `python -m bench.child TASK DESIGN [CONFIGURATION CLAIMS [FILE]]`.

CLAIMS are names separated by commas, or "" for all.

Each task prints one JSON object a line as soon as it knows something, so that a run that is cut shows how
far it came. Seconds are of the processor, so that a busy machine does not count, and leave out the import
of libraries and, for peers, the making of the system.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import z3  # here, so that its import is in nobody's time

from bench.work import Work, configurations_of, design_of, load


def say(**what: Any) -> None:
    """One line of the result."""
    print(json.dumps(what), flush=True)


def _names(work: Work, names: str) -> list[str]:
    """The claims to ask, in the order of the design's."""
    return [name for name in work.bad if not names or name in names.split(",")]


def ours(design: str, configuration: str, names: str) -> None:
    """Decides with specproof; the system is built inside the measured time."""
    from specproof import decide as engine
    from specproof.verdict import Proved, Refuted, Result

    found, claims = design_of(design)
    asked = _names(load(design, configuration), names)
    wanted = [one for one in claims if one.name in asked]
    start = time.process_time()
    related = "~" in configuration
    results = [engine.decide_relation(found, one) for one in wanted] if related else engine.decide(found, configuration, wanted)
    seconds = time.process_time() - start
    lemmas: set[str] = set()
    for result in results:
        if isinstance(result, Result):
            verdict = result.verdict
            if isinstance(verdict, Proved):
                lemmas |= {line.equation for line in verdict.lemmas}
            say(claim=result.claim, word=verdict.word, kind=result.kind, length=verdict.trace.length if isinstance(verdict, Refuted) else None)
    say(seconds=seconds, lemmas=len(lemmas))


def export(design: str, configuration: str, names: str, file: str) -> None:
    """Writes the binary AIGER file of all claims, or of one with its cone."""
    from specproof.readings.aiger import circuit

    work = load(design, configuration)
    start = time.process_time()
    whole = circuit(work.system, work.bad)
    one = whole.only(*_names(work, names))
    Path(file).write_bytes(one.data())
    say(seconds=time.process_time() - start, latches=len(one.latches), outputs=list(one.outputs))


def exports(design: str, configuration: str, names: str, folder: str) -> None:
    """Writes an AIGER file for each claim, with its cone: FOLDER/0.aig and so on."""
    from specproof.readings.aiger import circuit

    work = load(design, configuration)
    whole = circuit(work.system, work.bad)
    asked = _names(work, names)
    for number, name in enumerate(asked):
        (Path(folder) / f"{number}.aig").write_bytes(whole.only(name).data())
    say(outputs=asked)


def verilog(design: str, configuration: str, names: str, folder: str) -> None:
    """Writes what yosys reads."""
    from bench.yosys import write
    from specproof.readings.aiger import circuit

    work = load(design, configuration)
    asked = _names(work, names)
    write(circuit(work.system, work.bad).only(*asked), Path(folder))
    say(outputs=asked)


def singly(design: str, configuration: str, names: str) -> None:
    """Decides with specproof, each claim by itself and from nothing."""
    from specproof import decide as engine
    from specproof.solver import Solver
    from specproof.verdict import Refuted, Result

    found, claims = design_of(design)
    asked = _names(load(design, configuration), names)
    Solver().ask([])  # imports
    for one in (one for one in claims if one.name in asked):
        start = time.process_time()
        related = "~" in configuration
        [result] = [engine.decide_relation(found, one)] if related else engine.decide(found, configuration, [one])
        seconds = time.process_time() - start
        if isinstance(result, Result):
            verdict = result.verdict
            length = verdict.trace.length if isinstance(verdict, Refuted) else None
            say(claim=one.name, word=verdict.word, kind=result.kind, length=length, seconds=seconds)


def profile(design: str) -> None:
    """Seconds of each part of the engine, for all claims of a design."""
    from bench.own import shares

    say(parts=shares(design))


def opinions(design: str, names: str, cut: str) -> None:
    """What other solvers take for the obligations of a design's certificates."""
    from bench.own import opinions as asked

    say(**asked(design, names.split(","), float(cut)))


def spacer(design: str, configuration: str, names: str) -> None:
    """Z3's Spacer at full width: reachable states as a relation, a query for each claim."""
    work = load(design, configuration)
    start = time.process_time()
    for name, word, seconds in spacer_words(work, _names(work, names)):
        say(claim=name, word=word, seconds=seconds)
    say(seconds=time.process_time() - start)


def spacer_words(work: Work, names: Sequence[str], limit: float | None = None) -> Iterator[tuple[str, str, float]]:
    """Spacer's word on each claim, and the seconds that it took; `limit` is in seconds for each."""
    from bench.z3terms import symbol, translate

    system = work.system
    state = {term: symbol(path, term.width) for path, term in system.variables.items()}
    fixed = z3.Fixedpoint()
    fixed.set(engine="spacer")
    if limit is not None:
        fixed.set(timeout=int(limit * 1000))
    relation = z3.Function("reachable", *[value.sort() for value in state.values()], z3.BoolSort())
    fixed.register_relation(relation)
    fixed.declare_var(*state.values())
    fixed.rule(relation(*state.values()), translate([system.starts], state))
    known: dict[str, dict[Any, Any]] = {}
    for name, action in system.actions.items():
        inputs = {term: symbol(str(term.data), term.width) for term in action.inputs.values()}
        if inputs:
            fixed.declare_var(*inputs.values())
        known[name] = {**state, **inputs}
        new = translate([action.enabled, *(action.next.get(path, term) for path, term in system.variables.items())], known[name])
        fixed.rule(relation(*new[1:]), [relation(*state.values()), new[0]])
    for name in names:
        begun = time.process_time()
        try:
            answer = str(fixed.query(z3.And(relation(*state.values()), _bad(work, name, known, state))))
        except z3.Z3Exception:  # an assertion of its own failed
            answer = "unknown"
        yield name, {"sat": "refuted", "unsat": "proved"}.get(answer, "unknown"), time.process_time() - begun


def _bad(work: Work, name: str, known: Mapping[str, Mapping[Any, Any]], state: Mapping[Any, Any]) -> Any:
    """That the claim is violated, in a state or by a step from it."""
    from bench.z3terms import translate

    prop, parts = work.bad[name], []
    if prop.state is not None:
        if prop.steps:
            parts += translate([work.system.starts & ~prop.state], state)
        else:
            parts += translate([~prop.state], state)
    for action, term in prop.steps.items():
        parts += translate([work.system.actions[action].enabled & ~term], known[action])
    return z3.Or(*parts)


def bounded(design: str, configuration: str, names: str) -> None:
    """Z3 at full width, the runs unrolled step by step; finds violations, and proves nothing."""
    work = load(design, configuration)
    start = time.process_time()
    for name, depth in first_violations(work, _names(work, names)):
        seconds = time.process_time() - start
        say(depth=depth, seconds=seconds) if name is None else say(claim=name, word="refuted", length=depth, seconds=seconds)
    say(seconds=time.process_time() - start)


def first_violations(work: Work, names: Sequence[str]) -> Iterator[tuple[str | None, int]]:
    """Each claim that has a violation, with the length of the shortest run; None and a length when all runs of it were looked at."""
    from bench.z3terms import symbol, translate

    system = work.system
    solver = z3.SolverFor("QF_BV")
    state = {term: symbol(f"{path}@0", term.width) for path, term in system.variables.items()}
    solver.add(*translate([system.starts], state))
    waiting = list(names)
    known: dict[str, dict[Any, Any]] = {}
    enabled: dict[str, Any] = {}
    depth = 0
    while waiting:
        before = (known, enabled)
        known, enabled, after = {}, {}, {}
        for name, action in system.actions.items():
            known[name] = {**state, **{term: symbol(f"{term.data}@{depth}", term.width) for term in action.inputs.values()}}
            enabled[name], *new = translate([action.enabled, *action.next.values()], known[name])
            after[name] = dict(zip(action.next, new, strict=True))
        for name in list(waiting):
            prop = work.bad[name]
            parts = translate([~prop.state], state) if prop.state is not None and (not prop.steps or depth == 0) else []
            if depth:
                parts += [z3.And(*violated) for violated in _steps(prop, *before)]
            solver.push()
            solver.add(z3.Or(*parts))
            if solver.check() == z3.sat:
                waiting.remove(name)
                yield name, depth
            solver.pop()
        yield None, depth
        state = _next(solver, system, state, depth, enabled, after)
        depth += 1


def _steps(prop: Any, known: Mapping[str, Mapping[Any, Any]], enabled: Mapping[str, Any]) -> list[list[Any]]:
    """For each action: it is taken in the last step, and that violates the property."""
    from bench.z3terms import translate

    return [[enabled[name], *translate([~term], known[name])] for name, term in prop.steps.items()]


def _next(solver: Any, system: Any, state: Mapping[Any, Any], depth: int, enabled: Mapping[str, Any], after: Mapping[str, Any]) -> dict[Any, Any]:
    """The state after one more step, of which exactly one action is chosen among the enabled."""
    from bench.z3terms import symbol

    chosen = z3.BitVec(f"action@{depth}", max(1, (len(enabled) - 1).bit_length()))
    picks = {name: chosen == number for number, name in enumerate(enabled)}
    solver.add(z3.Or(*[z3.And(picks[name], enabled[name]) for name in enabled]))
    following = {}
    for path, term in system.variables.items():
        value = state[term]
        for name in enabled:
            if path in after[name]:
                value = z3.If(picks[name], after[name][path], value)
        following[term] = symbol(f"{path}@{depth + 1}", term.width)
        solver.add(following[term] == value)
    return following


def configurations(design: str) -> None:
    """The configurations to measure, and the claims of each."""
    for configuration in configurations_of(design):
        work = load(design, configuration)
        say(configuration=configuration, claims=list(work.bad), words=sum(1 for v in work.system.variables.values() if v.width),
            flags=sum(1 for v in work.system.variables.values() if not v.width), actions=len(work.system.actions))  # fmt: skip


if __name__ == "__main__":
    TASKS = {
        "ours": ours, "singly": singly, "export": export, "exports": exports, "verilog": verilog, "spacer": spacer, "bounded": bounded,
        "configurations": configurations, "profile": profile, "opinions": opinions,
    }  # fmt: skip
    TASKS[sys.argv[1]](*sys.argv[2:])
