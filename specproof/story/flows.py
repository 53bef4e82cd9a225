"""Where the value of a field came from in a step: what the model computes, with every condition decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specproof.graph import postorder, replaced, variables
from specproof.readings.integers import evaluate_all
from specproof.readings.text import show
from specproof.system import System
from specproof.terms import Term, boolean


@dataclass(frozen=True)
class Flow:
    """The fields and inputs (`input value`) that a field's new value was made of, and how: `(msr & mask) | (value & ~mask)`."""

    sources: tuple[str, ...]
    rule: str


def flows(system: System, state: Mapping[str, int], action: str, inputs: Mapping[str, int]) -> dict[str, Flow]:
    """For each word that the step changes, its flow."""
    taken = system.actions[action]
    names = {str(term.data): f"input {name}" for name, term in taken.inputs.items()}
    values = {**state, **{str(term.data): inputs[name] for name, term in taken.inputs.items()}}
    words = {path: term for path, term in {**taken.next, **taken.observed}.items() if term.width}
    found = {}
    for path, term in zip(words, decided(list(words.values()), values), strict=True):
        sources = tuple(dict.fromkeys(names.get(str(one.data), str(one.data)) for one in variables([term])))
        text = show(term)
        for internal, name in names.items():
            text = text.replace(internal, name.removeprefix("input "))
        found[path] = Flow(sources, text if len(text) <= 120 else "")
    return found


def decided(roots: list[Term], values: Mapping[str, int], *, keep: bool = False) -> list[Term]:
    """The terms with every truth value put in, so that only words are left. `keep`: roots that are truth values stay terms."""
    own = {id(root) for root in roots} if keep else set()
    truths = [term for term in postorder(roots) if not term.width and id(term) not in own]
    known = dict(zip(truths, evaluate_all(truths, values), strict=True))
    return replaced(roots, {term: boolean(bool(value)) for term, value in known.items()})
