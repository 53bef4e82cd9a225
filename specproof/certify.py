"""Certificates at full width: every obligation of a proof as terms, and Z3's word on each.

`Proved` can be constructed from an accepted certificate only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from specproof.claims import Property
from specproof.lemmas import Certificate
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import Term, conj
from specproof.vocabulary import Lemma


@dataclass(frozen=True)
class Obligation:
    """One query: unsatisfiable, or the proof fails. `kind` is initiation, consecution or claim."""

    name: str
    kind: str
    assertions: tuple[Term, ...]
    claims: tuple[str, ...] = ()


def obligations(system: System, certificate: Certificate, properties: Mapping[str, Property]) -> Iterator[Obligation]:
    """All obligations of a certificate: initiation, one consecution an action, one claim an action or state."""
    now = system.state()
    at = {lemma: certificate.vocabulary.term(lemma, now) for lemma in certificate.lemmas}
    assumed = tuple(system.initially_assumed.values())
    if certificate.lemmas:
        yield Obligation("initiation", "initiation", (system.initial, *assumed, ~conj(at.values())))
    for name, action in system.actions.items():
        pairs = [(target, core) for (target, by), core in certificate.cores.items() if by == name]
        before = {lemma: None for _, core in pairs for lemma in core.lemmas}
        used = {assumption: action.assumed[assumption] for _, core in pairs for assumption in core.assumptions}
        context = (action.guard, *used.values(), *(at[lemma] for lemma in before))
        after = system.state(action.next)
        kept = conj(certificate.vocabulary.term(target, after) for target, _ in pairs if isinstance(target, Lemma))
        if any(isinstance(target, Lemma) for target, _ in pairs):
            yield Obligation(f"{name} keeps the lemmas", "consecution", (*context, ~kept))
        claims = [target for target, _ in pairs if isinstance(target, str)]
        for claim in claims:
            core = certificate.cores[(claim, name)]
            facts = (action.guard, *(action.assumed[a] for a in core.assumptions), *(at[lemma] for lemma in core.lemmas))
            yield Obligation(f"{name} satisfies {claim}", "claim", (*facts, ~properties[claim].steps[name]), (claim,))
    for claim in certificate.claims:
        prop = properties[claim]
        if prop.state is not None:
            needed = certificate.cores.get((claim, None))
            facts = tuple(at[lemma] for lemma in needed.lemmas) if needed else ()
            yield Obligation(f"lemmas imply {claim}", "claim", (*facts, ~prop.state), (claim,))


@dataclass(frozen=True)
class Rejected:
    """An obligation that Z3 did not accept, and its answer."""

    obligation: Obligation
    word: str
    reason: str


def accept(
    system: System, certificate: Certificate, properties: Mapping[str, Property], solver: Solver, extra: Iterable[Obligation] = ()
) -> list[Rejected]:
    """Asks Z3 every obligation at full width; an empty list means that the claims are proved."""
    rejected = []
    for obligation in (*obligations(system, certificate, properties), *extra):
        answer = solver.ask(obligation.assertions)
        if answer.word != "unsat":
            rejected.append(Rejected(obligation, answer.word, answer.reason))
    return rejected
