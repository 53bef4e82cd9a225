"""Lemmas as equations that a person reads: two one-sided inclusions become an equality."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast

from specproof.lemmas import Certificate
from specproof.readings.english import sentence as english
from specproof.readings.text import show
from specproof.terms import Bool, Word, conj, implies
from specproof.verdict import LemmaLine
from specproof.vocabulary import Lemma, Literal


def lines(certificate: Certificate, lemmas: Sequence[Lemma], claim: str) -> tuple[LemmaLine, ...]:
    """One line for each lemma behind a claim, or for two that say an equality."""
    by_literals = {lemma.literals: lemma for lemma in lemmas}
    found = []
    done: set[Lemma] = set()
    for lemma in lemmas:
        if lemma in done:
            continue
        twin = by_literals.get(_twin(lemma))
        together = [lemma] + ([twin] if twin is not None else [])
        done.update(together)
        key = lemma, twin is not None
        if key not in certificate.said:  # most lemmas stand behind many claims
            certificate.said[key] = _equality(certificate, lemma) if twin is not None else _clause(certificate, lemma)
        equation, sentence = certificate.said[key]
        uses = [use for one in together for use in certificate.uses.get(one, ())]
        actions = sorted({action for target, action in uses if not target and action})
        claims = sorted({target for target, _ in uses if target})
        found.append(LemmaLine(equation, tuple(actions), tuple(claims), sentence))
    return tuple(found)


def _clause(certificate: Certificate, lemma: Lemma) -> tuple[str, str]:
    vocabulary = certificate.vocabulary
    term = vocabulary.term(lemma, vocabulary.here)
    return show(term), english(term)


def _split(lemma: Lemma, certificate: Certificate | None = None) -> tuple[list[Literal], list[Literal]]:
    words = [literal for literal in lemma.literals if _is_word(literal[0], certificate)]
    return words, [literal for literal in lemma.literals if literal not in words]


def _is_word(key: Hashable, certificate: Certificate | None) -> bool:
    kind = key[0]  # type: ignore[index]
    if kind == "view" and certificate is not None:
        return bool(certificate.vocabulary.here[key].width)
    return kind in ("word", "class", "view")


def _twin(lemma: Lemma) -> tuple[Literal, ...]:
    """The literals of the lemma that says the other inclusion: the two word literals with their signs exchanged."""
    words = [literal for literal in lemma.literals if _is_word(literal[0], None)]
    if len(words) != 2 or words[0][1] == words[1][1]:
        return ()
    flipped = {(key, not sign) for key, sign in words}
    return tuple(sorted((set(lemma.literals) - set(words)) | flipped, key=repr))


def _equality(certificate: Certificate, lemma: Lemma) -> tuple[str, str]:
    vocabulary = certificate.vocabulary
    words, bools = _split(lemma, certificate)
    if len(words) != 2:
        equation, sentence = _clause(certificate, lemma)
        return f"{equation} and the other way round", f"{sentence.removesuffix('.')}, and the other way round."
    both = [cast(Word, vocabulary.here[key]) for key, _ in words]
    left, right = (word.zext(max(word.width for word in both)) for word in both)  # the wider one has no bit beyond the other's
    conditions = []
    for key, positive in bools:
        term = cast(Bool, vocabulary.here[key])
        conditions.append(~term if positive else term)
    said = implies(conj(conditions), left == right)
    return show(said), english(said)
