"""What is tried where the slice alone does not decide: an exact test of words that it cannot see, or an
operator that is not bitwise.

In this order: induction at full width with the lemmas at hand, then with lemmas of its own, then together with
the other claims that the slice leaves open (then, in `settled` and `tracked`, on a slice that knows what tests entail, or keeps
them in mind); runs of growing length, all actions at once; every state, where they are few (`census`); Spacer; longer runs. The verdict names the one
that answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import cast

from specproof.census import census
from specproof.claims import Property
from specproof.explore import Reached
from specproof.graph import substitute
from specproof.induction import Induction, together
from specproof.lemmas import Certificate
from specproof.lift import Disagreement, Judge, Steps, positions, shrink
from specproof.query import Core
from specproof.readable import lines
from specproof.readings.smtlib import horn
from specproof.slice import Slice
from specproof.solver import Solver
from specproof.system import Action, System
from specproof.terms import FALSE, TRUE, Bool, Term, choose, conj, disj, variable
from specproof.trace import Trace
from specproof.verdict import EVERY, SPACER, Proved, Refuted, Unknown, Vacuous, Verdict
from specproof.vocabulary import Vocabulary

#: Seconds of work for everything that is tried on one property, where the user sets no limit.
PATIENCE = 60.0
#: What each of several gets at least.
LEAST = 10.0
#: The method of a verdict by runs of growing length.
BOUNDED = "bounded runs by Z3, replayed on integers"
#: The method of a proof by several claims that are inductive together.
SEVERAL = "induction at full width by Z3, of several claims together"
#: The method of a verdict by looking at every state.
COUNTED = "every state that it depends on, on integers"
#: For each step of a run the actions that it can be, or None where all can.
Allowed = Sequence[Set[str]] | None
#: Length of the runs that are searched before Spacer is asked.
FIRST = 5
LAST = 40


def all_ways(length: int) -> Allowed:
    """Of the runs of any length every step can be every action."""
    return None


@dataclass(frozen=True)
class Inductive:
    """A verdict by induction, and the certificate of the lemmas that were made for it, if they were. The claim is in it if they imply it:
    one of states may be inductive with them, and follow from itself."""

    verdict: Verdict
    own: Certificate | None = None


def by_induction(
    system: System, prop: Property, kind: str, certificate: Certificate | None, solver: Solver, patience: float | None = None,
    explored: tuple[Slice, Reached] | None = None,
) -> Inductive | None:  # fmt: skip
    """The verdict on a property that the slice left open, where it is inductive with the lemmas of the others, or with its own.

    `explored`: the slice, and what it reached, of which its own are made.
    """
    budget = _budget(solver, patience)
    induction = Induction(system, prop, budget.solver)
    own = induction.strengthened(*explored) if explored is not None else None
    if own is not None:
        verdict = _holds(prop, kind, f"induction at full width by Z3{', with lemmas of its own' if own.lemmas else ''}", system, budget, own)
        said = isinstance(verdict, Proved) and prop.steps and kind != "reachability"
        cores = {(target, at): core for (target, at), core in own.cores.items() if target != prop.claim or (said and at is not None)}
        return Inductive(verdict, replace(own, cores=cores, claims=[prop.claim] if said else []))
    cores_of = induction.needs(certificate)
    if cores_of is None:
        return None
    if certificate is not None:
        certificate = replace(certificate, cores=certificate.cores | {(prop.claim, at): core for at, core in cores_of.items()})
    method = "induction at full width by Z3, with the lemmas of the other claims"
    return Inductive(_holds(prop, kind, method, system, budget, certificate, cores_of.values()))


def by_several(
    system: System, properties: Mapping[str, Property], wanted: str, kind: str, certificate: Certificate | None, solver: Solver,
    patience: float | None = None, explored: tuple[Slice, Reached] | None = None,
) -> Inductive | None:  # fmt: skip
    """The verdict on one of the properties that the slice left open, where those of them that are inductive together imply it.

    What one of them says may be all that another lacks: that no copy is newer than the counter, of what a hit means.
    """
    if certificate is None and explored is None:
        return None
    budget = _budget(solver, patience)
    vocabulary = certificate.vocabulary if certificate is not None else Vocabulary(*cast(tuple[Slice, Reached], explored))
    own = together(system, properties, wanted, vocabulary, certificate, budget.solver)
    if own is None:
        return None
    verdict = _holds(properties[wanted], kind, SEVERAL, system, budget, own)
    return Inductive(verdict, own) if isinstance(verdict, Proved) else None


def _budget(solver: Solver, patience: float | None, among: int = 1) -> Budget:
    """The limit is the solver's: of the clock where the user set one, else of work. Where it has none `among` so many share `PATIENCE`."""
    bounded = Solver(solver.seconds, None if solver.seconds else solver.work or PATIENCE)
    limit = solver.seconds or solver.work or max(LEAST, PATIENCE / among)
    return Budget(bounded, limit if patience is None else patience)


def fall_back(
    system: System, prop: Property, kind: str, reason: str, solver: Solver, patience: float | None = None, among: int = 1, *,
    ways: Callable[[int], Allowed] = all_ways,
) -> Verdict:  # fmt: skip
    """A verdict on a property that nothing else decided; `reason` says why. With a `patience` of 0 nothing is tried."""
    budget = _budget(solver, patience, among)
    bounded, limit = budget.solver, budget.limit
    trace = None
    open_: list[int] = []
    for length in range(FIRST + 1):
        if trace is None and budget.more():
            trace = bounded_run(system, prop, length, bounded, undecided=open_, allowed=ways(length))
    looked = census(system, prop, bounded) if trace is None and budget.more() else None
    if looked is not None and looked.trace is not None:
        return Proved(COUNTED, witness=looked.trace) if kind == "reachability" else Refuted(COUNTED, looked.trace)
    every = {name: None for action in system.actions.values() for name in action.assumed} | dict.fromkeys(system.initially_assumed)
    whole = [Core((), tuple(every))]  # which of them a proof needs these two do not say
    if looked is not None and looked.accepted(system, prop, bounded):
        budget.limit += 10
        return _holds(prop, kind, EVERY, system, budget, cores=whole)
    if trace is None and budget.more() and bounded.horn(horn(*horn_rules(system, prop))) == "sat":
        budget.limit += 10
        return _holds(prop, kind, SPACER, system, budget, cores=whole)
    for length in range(FIRST + 1, LAST):
        if trace is None and budget.more():
            trace = bounded_run(system, prop, length, bounded, undecided=open_)
    if trace is None:
        gave_up = f"Spacer gives up, and runs of up to {LAST - 1} steps show nothing"
        what = gave_up if budget.more() else f"nothing else answered in {limit:g} s{budget.unit}"
        if looked is not None:
            what += f"; but it depends on {len(looked.states)} states alone, which were all looked at, and none breaks it (which is no certificate)"
        return Unknown("one-bit slice, induction, bounded runs, Spacer", f"{reason}; {what}")
    if kind == "reachability":
        return Proved(BOUNDED, witness=trace)
    return Refuted(BOUNDED, trace, shortest=not open_)


def shortened(
    system: System, prop: Property, found: Refuted, least: int, solver: Solver, patience: float | None = None, *,
    ways: Callable[[int], Allowed] = all_ways,
) -> Refuted:  # fmt: skip
    """A refutation by a run that need not be a shortest one, or by a shorter run. No run of less than `least` steps refutes the property."""
    budget = _budget(solver, LEAST if patience is None else min(patience, LEAST))
    open_: list[int] = []
    for length in range(least, found.trace.length):
        if not budget.more():
            return found
        trace = bounded_run(system, prop, length, budget.solver, undecided=open_, allowed=ways(length))
        if trace is not None:
            return Refuted(BOUNDED, trace, shortest=not open_)
    return replace(found, shortest=not open_)


def with_one_more(system: System, prop: Property, actions: Sequence[str], solver: Solver, patience: float | None = None) -> Refuted | None:
    """A refutation by these actions of a run of the slice, which no full-width run follows, with a step of any kind before one of them.

    The slice sees one bit: what another bit needs, so that a test of the whole word has its answer, may take a step more.
    """
    budget = _budget(solver, LEAST if patience is None else min(patience, LEAST))
    for place in range(len(actions)):
        allowed: list[Set[str]] = [{name} for name in actions]
        allowed.insert(place, system.actions.keys())
        trace = bounded_run(system, prop, len(allowed), budget.solver, allowed=allowed) if budget.more() else None
        if trace is not None:
            return Refuted(BOUNDED, trace, shortest=False)
    return None


class Budget:
    """What is left for one property, shared by all questions about it: seconds of the clock, or of work."""

    def __init__(self, solver: Solver, limit: float) -> None:
        """`limit`: seconds, of the clock if the solver has a limit by the clock."""
        self.solver, self.limit, self.by_clock = solver, limit, solver.seconds is not None
        self.begun = self._now()
        self.unit = "" if self.by_clock else " of work"

    def _now(self) -> float:
        return time.monotonic() if self.by_clock else self.solver.spent

    def more(self) -> bool:
        """Whether another question may be asked; it may then take what is left."""
        left = self.limit - (self._now() - self.begun)
        if left <= 0:
            return False
        if self.by_clock:
            self.solver.seconds = max(0.1, left)
        else:
            self.solver.work = max(0.1, left)
        return True


def _holds(
    prop: Property, kind: str, method: str, system: System, budget: Budget, certificate: Certificate | None = None, cores: Iterable[Core] = ()
) -> Verdict:  # fmt: skip
    """A proof where a run shows the antecedent; vacuous where it is proved that none does. Without a certificate the `cores` say what is assumed."""
    if kind == "reachability":
        return Vacuous(method, "what it asks for never happens in this configuration")
    what = "its antecedent" if prop.happens is not None else "a step"
    silent = never(prop.happens or _any(prop)) if prop.happens is not None or prop.state is None else None
    if silent is not None and Induction(system, silent, budget.solver).needs(certificate) is not None:
        return Vacuous(method, f"{what} never happens in this configuration")
    happening = never(prop.happens) if prop.happens is not None else None
    looked = census(system, happening, budget.solver) if happening is not None else None
    if looked is not None and happening is not None and looked.accepted(system, happening, budget.solver):
        return Vacuous(method, f"{what} never happens in this configuration")
    witness = looked.trace if looked is not None else None
    for length in range(LAST if prop.happens is not None else 0):
        if witness is None and budget.more():
            witness = bounded_run(system, cast(Property, prop.happens), length, budget.solver, wanted=True)
    if witness is None and prop.happens is not None:
        return Unknown(method, "it holds, but no run was found in which its antecedent happens")
    if certificate is None:
        return Proved(method, (), tuple(sorted({name for core in cores for name in core.assumptions})), witness)
    behind, assumptions = certificate.behind(prop.claim)
    return Proved(method, lines(certificate, behind, prop.claim), tuple(sorted(assumptions)), witness)


def _any(prop: Property) -> Property:
    """The property that holds of every step that a property speaks of."""
    return Property(prop.claim, None, dict.fromkeys(prop.steps, TRUE))


def never(prop: Property) -> Property:
    """The property that this one never holds: a violation is a run that reaches it."""
    state = None if prop.state is None else ~prop.state
    return Property(prop.claim, state, {name: ~term for name, term in prop.steps.items()})


def bounded_run(
    system: System, prop: Property, length: int, solver: Solver, *, wanted: bool = False, undecided: list[int] | None = None,
    allowed: Allowed = None,
) -> Trace | None:  # fmt: skip
    """A run of exactly `length` steps at whose end the property has the value `wanted`, or None where Z3 finds none.

    Where Z3 does not know, the length is added to `undecided`. `allowed`: for each step the actions that it can be, if not all.
    """
    if length == 0 and prop.state is None:
        return None
    every = [system.actions.keys()] * length if allowed is None else allowed
    actions = [{name: action for name, action in system.actions.items() if name in names} for names in every]
    if not all(actions):
        return None
    states = [{term: variable(f"{path}@{index}", term.width) for path, term in system.variables.items()} for index in range(length + 1)]
    parts: list[Term] = list(substitute([system.starts], states[0]))
    for index in range(length):
        parts += _any_step(system, actions[index], states[index], states[index + 1], index)
    parts.append(_end(system, prop, states, actions, wanted))
    answer = solver.ask(parts)
    if answer.word == "unknown" and undecided is not None:
        undecided.append(length)
    if answer.word != "sat":
        return None
    initial = {path: answer.values.get(f"{path}@0", 0) for path in system.variables}
    steps: Steps = []
    for index in range(length):
        name = next(name for name in actions[index] if answer.values.get(f"take {name}@{index}"))
        steps.append((name, {key: answer.values.get(f"{term.data}@{index}", 0) for key, term in system.actions[name].inputs.items()}))
    judge = Judge(system, prop, wanted)
    if judge(initial, steps) is None:
        raise Disagreement(f"{prop.claim} on {system.design}: a bounded run does not replay on integers")
    return shrink(judge, initial, steps, positions(system))


def _selectors(actions: Mapping[str, Action], index: int) -> dict[str, Bool]:
    return {name: cast(Bool, variable(f"take {name}@{index}", 0)) for name in actions}


def _inputs(actions: Mapping[str, Action], index: int) -> dict[Term, Term]:
    return {term: variable(f"{term.data}@{index}", term.width) for action in actions.values() for term in action.inputs.values()}


def _any_step(system: System, actions: Mapping[str, Action], now: dict[Term, Term], after: dict[Term, Term], index: int) -> Iterator[Term]:
    """The constraints of one step: the first selected action is taken."""
    taken = _selectors(actions, index)
    yield disj(taken.values())
    memo: dict[Term, Term] = {}
    by = {**now, **_inputs(actions, index)}
    next_: dict[str, Term] = {path: now[term] for path, term in system.variables.items()}
    for name, action in reversed(list(actions.items())):
        new = substitute([action.enabled, *action.next.values()], by, memo)
        yield ~taken[name] | cast(Bool, new[0])
        stay = {path: now[term] for path, term in system.variables.items()}
        stay.update(zip(action.next, new[1:], strict=True))
        next_ = {path: choose(taken[name], stay[path], term) for path, term in next_.items()}
    for path, term in next_.items():
        yield cast(Term, after[system.variables[path]] == term)


def _end(system: System, prop: Property, states: list[dict[Term, Term]], actions: Sequence[Mapping[str, Action]], wanted: bool) -> Bool:
    if not prop.steps or not actions:
        result = cast(Bool, substitute([prop.state if prop.state is not None else TRUE], states[-1])[0])
        return result if wanted else ~result
    index = len(actions) - 1
    by = {**states[-2], **_inputs(actions[-1], index)}
    taken, first, ways = _selectors(actions[-1], index), TRUE, []
    for name in actions[-1]:  # the step is the first that is selected, be it one that the property speaks of or not
        if name in prop.steps:
            holds = cast(Bool, substitute([prop.steps[name]], by)[0])
            ways.append(conj((first, taken[name], holds if wanted else ~holds)))
        first = first & ~taken[name]
    return disj(ways)


def horn_rules(system: System, prop: Property) -> tuple[list[Term], Term, list[tuple[Term, list[Term]]], list[Term]]:
    """The system as constrained Horn clauses: variables, start, steps (enabled, next values), and bad states or steps."""
    variables_ = list(system.variables.values())
    steps: list[tuple[Term, list[Term]]] = []
    bad: list[Term] = []
    for name, action in system.actions.items():
        steps.append((action.enabled, [action.next.get(path, term) for path, term in system.variables.items()]))
        if name in prop.steps:
            bad.append(action.enabled & ~prop.steps[name])
    if prop.state is not None:
        bad.append(~prop.state if not prop.steps else system.starts & ~prop.state)
    return variables_, system.starts, steps, [term for term in bad if term is not FALSE]
