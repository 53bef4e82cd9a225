"""Lemmas: clauses over one bit position that every reachable slice state satisfies and that together are inductive.

A state that satisfies all lemmas and breaks one of them (or a claim) in one step cannot be reachable, so
some of its bits exclude it: bits that no reachable state has together. Which bits are few is read off the
reachable states; a SAT solver finds the next such state. When it finds none, the lemmas are inductive and
imply the claims, and unsat cores say which of them each step needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from specproof.claims import Property
from specproof.explore import Reached
from specproof.query import Core, Query
from specproof.slice import Slice
from specproof.terms import FALSE, Bool
from specproof.vocabulary import Lemma, Vocabulary


@dataclass
class Certificate:
    """Lemmas that are inductive together and imply the claims. `cores[(target, action)]`: action None means "in a state".
    `leans`: assumptions about the initial states that a lemma needs, once `certify.accept` has found out. `said`: what
    `readable` made of a lemma, alone or as an equality."""

    vocabulary: Vocabulary
    lemmas: list[Lemma]
    claims: list[str]
    cores: dict[tuple[Lemma | str, str | None], Core] = field(default_factory=dict)
    leans: dict[Lemma, set[str]] = field(default_factory=dict)
    said: dict[tuple[Lemma, bool], tuple[str, str]] = field(default_factory=dict, repr=False)

    @cached_property
    def uses(self) -> dict[Lemma, list[tuple[str, str | None]]]:
        """For each lemma what needs it: a claim or "" for a lemma, and at which action."""
        found: dict[Lemma, list[tuple[str, str | None]]] = {}
        for (target, action), core in self.cores.items():
            for lemma in core.lemmas:
                found.setdefault(lemma, []).append((target if isinstance(target, str) else "", action))
        return found

    @property
    def terms(self) -> dict[Lemma, Bool]:
        """Each lemma at full width, in a state."""
        return {lemma: self.vocabulary.term(lemma, self.vocabulary.here) for lemma in self.lemmas}

    @cached_property
    def _needs(self) -> dict[Lemma | str, list[Core]]:
        """What each lemma or claim needs, action by action."""
        found: dict[Lemma | str, list[Core]] = {}
        for (target, _), core in self.cores.items():
            found.setdefault(target, []).append(core)
        return found

    def behind(self, *claims: str) -> tuple[list[Lemma], set[str]]:
        """The lemmas and assumptions that the proof of these claims uses, directly or through other lemmas."""
        todo: list[Lemma | str] = list(claims)
        seen: set[Lemma | str] = set(claims)
        assumptions: set[str] = set()
        while todo:
            for core in self._needs.get(todo.pop(), ()):
                assumptions.update(core.assumptions)
                new = [lemma for lemma in core.lemmas if lemma not in seen]
                seen.update(new)
                todo += new
        behind = [lemma for lemma in self.lemmas if lemma in seen]
        return behind, assumptions.union(*(self.leans.get(lemma, set()) for lemma in behind))


def discover(
    slice_: Slice, reached: Reached, properties: Sequence[Property], vocabulary: Vocabulary | None = None, wanted: Sequence[Lemma] = ()
) -> Certificate:  # fmt: skip
    """Lemmas that prove the properties, none of which may be violated on the slice, and `wanted` lemmas, over a `vocabulary` of it."""
    vocabulary = vocabulary or Vocabulary(slice_, reached)
    queries: dict[str | None, Query] = {None: Query(vocabulary, None, properties)}
    for action in slice_.system.actions.values():
        if action.enabled is not FALSE:
            queries[action.name] = Query(vocabulary, action, properties, reached.entailed[action.name])
    lemmas = list(wanted)
    for query in queries.values():
        for lemma in wanted:
            query.know(lemma)

    def block(target: Lemma | str) -> None:
        for query in queries.values():
            while isinstance(found := query.ask(target), dict):
                lemma = vocabulary.exclude(found)
                lemmas.append(lemma)
                for other in queries.values():
                    other.know(lemma)

    for prop in properties:
        block(prop.claim)
    place = 0
    while place < len(lemmas):
        block(lemmas[place])
        place += 1
    return _minimal(Certificate(vocabulary, lemmas, [prop.claim for prop in properties]), wanted, queries)


def _minimal(certificate: Certificate, wanted: Sequence[Lemma], queries: Mapping[str | None, Query]) -> Certificate:
    """Only lemmas that the claims, or those wanted, need, by unsat cores and then by leaving out one after the other."""

    def cores(target: Lemma | str, among: Sequence[Lemma]) -> dict[tuple[Lemma | str, str | None], Core] | None:
        found: dict[tuple[Lemma | str, str | None], Core] = {}
        for name, query in queries.items():
            answer = query.ask(target, among)
            if isinstance(answer, dict):
                return None
            if answer is not None:
                found[(target, name)] = answer
        return found

    short = sorted(certificate.lemmas, key=lambda lemma: len(lemma.literals))
    needed: dict[tuple[Lemma | str, str | None], Core] = {}
    todo: list[Lemma | str] = [*certificate.claims, *wanted]
    seen: set[Lemma | str] = set(todo)
    while todo:
        target = todo.pop(0)
        found = cores(target, short)
        if found is None:
            raise RuntimeError(f"{target} is not implied by the lemmas that were found for it")
        needed.update(found)
        for core in found.values():
            for lemma in core.lemmas:
                if lemma not in seen:
                    seen.add(lemma)
                    todo.append(lemma)
    keep = [lemma for lemma in short if lemma in seen]
    for lemma in sorted((one for one in keep if one not in wanted), key=lambda lemma: -len(lemma.literals)):
        rest = [other for other in keep if other is not lemma]
        replaced: dict[tuple[Lemma | str, str | None], Core] = {}
        for (target, name), core in needed.items():
            if target is not lemma and lemma in core.lemmas:
                answer = queries[name].ask(target, rest)
                if isinstance(answer, dict) or answer is None:
                    break
                replaced[(target, name)] = answer
        else:
            keep = rest
            needed = {key: core for key, core in {**needed, **replaced}.items() if key[0] is not lemma}
    certificate.lemmas, certificate.cores = keep, needed
    return certificate
