"""Certificates at full width: every obligation of a proof as terms, and Z3's word on each.

`Proved` can be constructed from an accepted certificate only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from specproof.claims import Property
from specproof.lemmas import Certificate
from specproof.lift import Disagreement
from specproof.query import Core
from specproof.readings.integers import evaluate
from specproof.solver import Solver
from specproof.symmetry import at_representatives, fails_at_representatives
from specproof.system import Action, System
from specproof.terms import FALSE, TRUE, Bool, Term, conj, implies
from specproof.vocabulary import Lemma


@dataclass(frozen=True)
class Obligation:
    """From the facts follows the goal, or the proof fails. `kind` is initiation (of initial states), consecution or claim; `at` the action
    that it is about, "" for a state; `assumed` the assumptions among the facts."""

    name: str
    kind: str
    facts: tuple[Term, ...]
    goal: Bool
    claims: tuple[str, ...] = ()
    at: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def assertions(self) -> tuple[Term, ...]:
        """What must be unsatisfiable, in full."""
        return (*self.facts, ~self.goal)

    @property
    def narrowed(self) -> tuple[Term, ...]:
        """What is satisfiable exactly if `assertions` is, with the failing bit at one position of each kind."""
        return fails_at_representatives(self.facts, self.goal)

    @property
    def lighter(self) -> tuple[Term, ...]:
        """Less than `narrowed`, and more quickly decided: if it is unsatisfiable, so are both others."""
        return at_representatives(self.facts, self.goal)


def obligations(system: System, certificate: Certificate, properties: Mapping[str, Property]) -> Iterator[Obligation]:
    """All obligations of a certificate: initiation, one consecution an action, one an action and claim, one a claim of states.

    Complete by itself, whatever found the lemmas: a pair of action and lemma (or claim) is left out only where the
    action leaves the very term as it is, or can never be enabled. Cores only choose which lemmas a query may use.
    """
    vocabulary = certificate.vocabulary
    at = certificate.terms
    everything = Core(tuple(certificate.lemmas), tuple(system.assumptions))
    if certificate.lemmas:
        yield Obligation("initiation", "initiation", (system.initial, *system.initially_assumed.values()), conj(at.values()))
    for name, action in system.actions.items():
        if action.enabled is FALSE:
            continue

        def facts(cores: Sequence[Core], action: Action = action) -> tuple[Bool, ...]:
            assumed = {assumption: None for core in cores for assumption in core.assumptions if assumption in action.assumed}
            before = {lemma: None for core in cores for lemma in core.lemmas}
            return (action.guard, *(action.assumed[assumption] for assumption in assumed), *(at[lemma] for lemma in before))

        after = vocabulary.after(action.next)
        moved = {lemma: term for lemma in certificate.lemmas if (term := vocabulary.term(lemma, after)) is not at[lemma]}
        by_need: dict[tuple[str, ...], list[Lemma]] = {}
        for lemma in moved:
            by_need.setdefault(certificate.cores.get((lemma, name), everything).assumptions, []).append(lemma)
        for needs, kept in by_need.items():
            cores = [certificate.cores.get((lemma, name), everything) for lemma in kept]
            title = f"{name} keeps the lemmas" + (f" that need {', '.join(needs)}" if needs else "")
            yield Obligation(title, "consecution", facts(cores), conj(moved[lemma] for lemma in kept), at=name, assumed=needs)
        for claim in certificate.claims:
            wanted = properties[claim].steps.get(name, TRUE)
            if wanted is not TRUE:
                core = certificate.cores.get((claim, name), everything)
                yield Obligation(f"{name} satisfies {claim}", "claim", facts([core]), wanted, (claim,), name, core.assumptions)
    for claim in certificate.claims:
        prop = properties[claim]
        if prop.always is not None:
            core = certificate.cores.get((claim, None), everything)
            yield Obligation(f"lemmas imply {claim}", "claim", tuple(at[lemma] for lemma in core.lemmas), prop.always, (claim,))
        elif prop.state is not None and prop.state is not TRUE:
            yield Obligation(f"{claim} holds initially", "initiation", (system.initial, *system.initially_assumed.values()), prop.state, (claim,))


@dataclass(frozen=True)
class Rejected:
    """An obligation that Z3 did not accept, and its answer."""

    obligation: Obligation
    word: str
    reason: str


def accept(system: System, certificate: Certificate, properties: Mapping[str, Property], solver: Solver) -> list[Rejected]:
    """Asks Z3 every obligation at full width; an empty list means that the claims are proved.

    The failing bit is looked for at one position of each kind (`symmetry`), and obligations about one action are asked
    together, one by one only where that fails: each makes the certificates of the KVM designs several times faster.
    Asking first with the lemmas at those positions alone takes another third off.
    Certificates that are written and verified have the obligations in full.
    """
    rejected = []
    certificate.leans = leaning(system, certificate, solver)
    together: dict[tuple[str, str, tuple[str, ...]], list[Obligation]] = {}
    for obligation in obligations(system, certificate, properties):
        place = (obligation.at, "" if obligation.at else obligation.kind, obligation.assumed)
        together.setdefault(place, []).append(obligation)
    for group in together.values():
        whole = bundle(group)
        if solver.ask(whole.lighter).word == "unsat" or (len(group) > 1 and solver.ask(whole.narrowed).word == "unsat"):
            continue
        for obligation in group:
            answer = solver.ask(obligation.narrowed)
            if answer.word != "unsat":
                rejected.append(Rejected(obligation, answer.word, answer.reason))
    return rejected


def bundle(group: Sequence[Obligation]) -> Obligation:
    """Obligations about one action (or about states, or about initial states) under the same assumptions as one: all
    goals from all facts. So facts that hold of some states only must not meet goals about others."""
    facts = tuple(dict.fromkeys(fact for obligation in group for fact in obligation.facts))
    first, goals = group[0], conj(one.goal for one in group)
    return Obligation("; ".join(one.name for one in group), first.kind, facts, goals, at=first.at, assumed=first.assumed)


def leaning(system: System, certificate: Certificate, solver: Solver) -> dict[Lemma, set[str]]:
    """Which assumptions about the initial states each lemma needs to hold there; all that Z3 does not say it holds without."""
    leans: dict[Lemma, set[str]] = {}
    at = certificate.terms
    others = {name: conj(term for other, term in system.initially_assumed.items() if other != name) for name in system.initially_assumed}
    open_ = {name: dict(at) for name in others}

    while any(open_.values()):
        goal = conj(implies(others[name], conj(left.values())) for name, left in open_.items())
        answer = solver.ask(fails_at_representatives([system.initial], goal))
        if answer.word == "unsat":
            break
        values = {path: answer.values.get(path, 0) for path in system.variables}
        broken = {lemma for lemma, term in at.items() if answer.word != "sat" or not evaluate(term, values)}
        without = [name for name in open_ if answer.word != "sat" or evaluate(others[name], values)]
        found = [(name, lemma) for name in without for lemma in open_[name] if lemma in broken]
        if not found:
            raise Disagreement(f"{system.design}: Z3's initial state breaks no lemma on integers")
        for name, lemma in found:
            leans.setdefault(lemma, set()).add(name)
            del open_[name][lemma]
    return leans
