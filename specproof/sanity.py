"""Whether a design and its claims say anything at all: what a proof would not notice by itself.

An action that never happens proves much, and so do assumptions that contradict each other, a claim that is true of
anything, and code that asks the proof what is right. Such a design is reported as such beside its verdicts, and what would be proved of it is not.
What no proof needs (a guard, an assumption) is listed, and fails nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from specproof.census import census
from specproof.claims import Claim, MissingView, Phrase, Property, Views, phrase
from specproof.design import Design
from specproof.fallback import Budget, bounded_run
from specproof.graph import substitute, variables
from specproof.layout import TooLarge
from specproof.lift import unroll
from specproof.needed import needed
from specproof.readings.integers import evaluate
from specproof.solver import Solver
from specproof.system import Action, System, build
from specproof.terms import FALSE, Bool, Term, conj, variable
from specproof.trace import Trace
from specproof.verdict import Concern

if TYPE_CHECKING:
    from specproof.concrete import Concrete
    from specproof.explore import Reached
    from specproof.lemmas import Certificate
    from specproof.slice import Slice


#: Action sequences of the slice that are tried before runs of any actions are searched; seconds of work and steps that these may take.
PATHS, PATIENCE, LONGEST = 4, 5.0, 20

#: States in which an action fires on the slice, to which paths are looked at.
STATES = 64

#: Assignments that are tried before Z3 is asked whether a claim is true of anything.
SIMPLE = 64


class Sanity:
    """What is found while claims of a design in one configuration are decided."""

    def __init__(self, design: Design[Any], system: System, claims: Sequence[Claim], without: tuple[str, ...], seconds: float | None) -> None:
        """`claims`: those that the system can express. `seconds`: a limit for each question, or None."""
        self.design, self.system, self.without = design, system, without
        self.seconds = seconds
        self.looked: set[str] = set()
        self.solver = Solver(seconds)  # one of its own, as Z3's assignments depend on what was asked before
        self.found: list[Concern] = [*tautologies(claims, system, self.solver), *oracles(system)]

    def explored(self, slice_: Slice, reached: Reached) -> None:
        """Actions that fire in no reachable state of the slice, here or in another configuration; of those that no other slice has shown."""
        silent = {name: action for name, action in slice_.system.actions.items() if name not in reached.fired and name not in self.looked}
        self.found += contradictions({name: self.system.actions[name] for name in silent}, self.solver) if silent else []
        for name, action in silent.items():
            if (action.guard is FALSE and self._elsewhere(name)):
                continue
            if not any(fires(self.design, other, self.without, name) for other in self._others()):
                self.found.append(Concern("action-fires", name, _never(self.system.actions[name]), fails=True))

    def _others(self) -> list[str]:
        return [name for name in self.design.configurations if name != self.system.configuration]

    def _elsewhere(self, name: str) -> bool:
        """Whether the action's guard is not the constant 'false' in another configuration."""
        return any(build(self.design, other, self.without).actions[name].guard is not FALSE for other in self._others())

    def lifted(self, concrete: Concrete, traces: Iterable[Trace]) -> None:
        """Actions that fire on the slice, and for which no full-width run is found. `traces` are runs that are known already."""
        slice_, reached = concrete.slice, concrete.reached
        seen = {step.action for trace in traces for step in trace.steps} | self.looked
        self.looked |= set(slice_.system.actions)
        moves = {move.action.name: move for move in slice_.moves if move.action.name in reached.fired and move.action.name not in seen}
        states = {name: reached.firing(move, STATES) for name, move in moves.items()}
        for name in sorted(states, key=lambda name: -max(states[name], default=0)):  # a long run takes many actions
            if name in seen:
                continue
            run = next((run for state in states[name][:PATHS] for run in concrete.runs(state, name)), None)
            if run is not None:
                seen.update(action for action, _ in run.steps)
                continue
            paths = [list(path) for path in dict.fromkeys((*reached.path_to(slice_, state), name) for state in states[name])][:PATHS]
            if not self._runs(paths, seen) and not self._searched(name, seen):
                self.found += contradictions({name: self.system.actions[name]}, self.solver)
                text = f"{name} fires on the slice, and no full-width run was found in which it does"
                self.found.append(Concern("action-fires", name, text, fails=True))

    def proved(self, certificates: Sequence[Certificate]) -> None:
        """What the proofs have no need of."""
        self.found += needless(self.system, certificates)

    def _runs(self, paths: Iterable[Sequence[str]], seen: set[str]) -> bool:
        """Whether one of these is a full-width run; all its actions are seen then."""
        for path in paths:
            if self.solver.ask(unroll(self.system, path).constraints).word == "sat":
                seen.update(path)
                return True
        return False

    def _searched(self, name: str, seen: set[str]) -> bool:
        """Whether a full-width run of any actions ends with this one; all its actions are seen then.

        The slice may let an action fire from many states from which it does not, before one from which it does.
        """
        solver = Solver(self.seconds, None if self.seconds else PATIENCE)
        budget, fired, length = Budget(solver, self.seconds or PATIENCE), Property(name, None, {name: FALSE}), 0
        looked = census(self.system, fired, solver)
        trace = looked.trace if looked is not None else None
        while looked is None and trace is None and budget.more() and length < LONGEST:
            length += 1
            trace = bounded_run(self.system, fired, length, solver)
        if trace is not None:
            seen.update(step.action for step in trace.steps)
        return trace is not None

    def against(self, claim: str) -> list[Concern]:
        """What keeps a proof of this claim from being counted as one."""
        return [one for one in self.found if one.fails and one.claim in ("", claim)]


def _never(action: Action) -> str:
    under = f", under {', '.join(action.assumed)}" if action.assumed else ""
    return f"{action.name} fires in no reachable state{under}, in no configuration"


def fires(design: Design[Any], configuration: str, without: tuple[str, ...], name: str) -> bool:
    """Whether an action fires in some reachable slice state of another configuration."""
    from specproof.explore import explore
    from specproof.slice import Slice

    try:
        slice_ = Slice(build(design, configuration, without), [])
        return name in explore(slice_, stop=lambda reached: name in reached.fired).fired
    except TooLarge:
        return True  # nothing is known, and nothing is said


def tautologies(claims: Sequence[Claim], system: System, solver: Solver) -> list[Concern]:
    """Claims that are true whatever the views are. Z3 is asked about those alone that no simple values make false."""
    views = Views(system, system.state())
    said: dict[str, Phrase] = {}
    for claim in claims:
        try:
            said[claim.name] = phrase(claim, *([views, views] if claim.kind in ("step", "relation") else [views]))
        except MissingView:
            continue
    apart = {name: _apart(one, f"{number}") for number, (name, one) in enumerate(said.items()) if not _denied(one.term)}
    if not apart or solver.ask([conj(~term for term in apart.values())]).word == "sat":
        return []
    empty = [name for name, term in apart.items() if solver.ask([~term]).word == "unsat"]
    return [Concern("tautology", name, f"{name} is true of any views whatever: it says nothing", fails=True, claim=name) for name in empty]


def oracles(system: System) -> list[Concern]:
    """Actions by which a ghost decides what the system does: no code can read what only the proof has."""
    ghosts = {path for path, declared in system.fields.items() if declared.ghost}
    watching = {path for path, declared in system.fields.items() if declared.ghost or declared.observed}
    found = []
    for name, action in system.actions.items():
        acting = {"": action.guard, **{path: term for path, term in action.next.items() if path not in watching}}
        for path, term in acting.items():
            read = sorted({str(leaf.data) for leaf in variables([term])} & ghosts)
            if read:
                does = f"{name} sets {path} by" if path else f"{name} can happen or not by"
                text = f"{does} {' and '.join(read)}, which only the proof has; make it a field if the system has it, else read what the system has"
                found.append(Concern("ghosts-watch", name, text, fails=True))
                break  # one of what it does is enough to say so
    return found


def _denied(claim: Bool) -> bool:
    """Whether one of some simple assignments makes it false: words of few different values, so that some are equal and some not."""
    source = random.Random(0)
    names = {str(term.data): (0, 1, (1 << term.width) - 1) if term.width else (0, 1) for term in variables([claim])}
    return any(not evaluate(claim, {name: source.choice(values) for name, values in names.items()}) for _ in range(SIMPLE))


def _apart(one: Phrase, tag: str) -> Bool:
    """The claim over variables of its own."""
    by: dict[Term, Term] = {term: variable(f"{tag} {term.data}", term.width) for names in one.seen for term in names.values()}
    return cast(Bool, substitute([one.term], by)[0])


def contradictions(actions: Mapping[str, Action], solver: Solver) -> list[Concern]:
    """Assumptions about one action that exclude each other, or its guard."""
    found = []
    for name, action in actions.items():
        if action.assumed and action.guard is not FALSE and solver.ask([action.enabled]).word == "unsat" and solver.ask([action.guard]).word == "sat":
            least = _least(action.guard, action.assumed, solver)
            text = f"{name}: {' and '.join(least)} cannot hold together with its guard"
            found.append(Concern("assumptions-agree", ", ".join(least), text, fails=True))
    return found


def _least(guard: Bool, assumed: Mapping[str, Bool], solver: Solver) -> list[str]:
    """Assumptions that are enough for the contradiction, none of which can be left out."""
    return needed(list(assumed), lambda some: solver.ask([guard, *(assumed[name] for name in some)]).word == "unsat")


def needless(system: System, certificates: Sequence[Certificate]) -> list[Concern]:
    """Guards, assumptions and lemmas that no step of the proofs uses."""
    cores = [(action, core) for certificate in certificates for (_, action), core in certificate.cores.items()]
    leans = [names for certificate in certificates for names in certificate.leans.values()]
    guards = {action for action, core in cores if action is not None and core.guard}
    assumptions = {name for _, core in cores for name in core.assumptions}.union(*leans)
    lemmas = {lemma for _, core in cores for lemma in core.lemmas}
    asked = {name for action in system.actions.values() for name in action.assumed} | set(system.initially_assumed)
    found = [
        Concern("needed", name, f"no proof needs the guard of {name}", fails=False)
        for name, action in system.actions.items() if action.guard.op != "const" and name not in guards
    ]  # fmt: skip
    found += [Concern("needed", name, f"no proof needs the assumption {name}", fails=False) for name in sorted(asked - assumptions)]
    unused = [lemma for certificate in certificates for lemma in certificate.lemmas if lemma not in lemmas]
    found += [Concern("needed", "lemma", f"no proof needs {len(unused)} of the lemmas", fails=False)] if unused else []
    return found
