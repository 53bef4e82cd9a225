"""What is measured: a system and the properties asked of it, for every peer the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.sized import KINDS, scaled
from bench.synthetic import synthetic
from specproof.claims import Claim, MissingView, Property, instantiate
from specproof.design import Design
from specproof.load import Library, library
from specproof.product import product
from specproof.state import State
from specproof.system import System, build
from specproof.terms import Bool


@dataclass(frozen=True)
class Work:
    """One system; `bad` has for each claim the property whose violation is looked for."""

    system: System
    claims: tuple[Claim, ...]
    bad: Mapping[str, Property]


def load(design: str, configuration: str) -> Work:
    """The work of a shipped or synthetic design; `left~right` is the product of two configurations."""
    found, claims = design_of(design)
    if "~" in configuration:
        left, right = configuration.split("~")
        pair = product(build(found, left), build(found, right), (left, right))
        related = [claim for claim in claims if (claim.kind, claim.left, claim.right) == ("relation", left, right)]
        return _asked(pair.system, related, {claim.name: lambda claim=claim: pair.instantiate(claim) for claim in related})
    system = build(found, configuration)
    asked = [claim for claim in claims if claim.kind not in ("relation", "lemma")]
    return _asked(system, asked, {claim.name: lambda claim=claim: instantiate(claim, system) for claim in asked})


def _asked(system: System, claims: list[Claim], instances: Mapping[str, object]) -> Work:
    bad = {}
    for claim in claims:
        try:
            prop = instances[claim.name]()  # type: ignore[operator]
        except MissingView:
            continue
        bad[claim.name] = negated(prop) if claim.kind == "reachability" else prop
    return Work(system, tuple(claim for claim in claims if claim.name in bad), bad)


def negated(prop: Property) -> Property:
    """A violation of the result is a run that reaches what the property asks for."""

    def never(term: Bool | None) -> Bool | None:
        return None if term is None else ~term

    return Property(prop.claim, never(prop.state), {name: ~term for name, term in prop.steps.items()})


def design_of(name: str) -> tuple[Design[State], list[Claim]]:
    """A design with the claims that it is asked."""
    if name.partition(":")[0] in KINDS:
        return scaled(name)
    if ":" in name:
        return synthetic(name)
    shipped: Library = library()
    return shipped.design(name), shipped.asked_of(name)


def configurations_of(name: str) -> list[str]:
    """The configurations of a design, and the pairs of them that relations compare."""
    design, claims = design_of(name)
    pairs = dict.fromkeys(f"{claim.left}~{claim.right}" for claim in claims if claim.kind == "relation")
    usable = [pair for pair in pairs if set(pair.split("~")) <= set(design.settings) and load(name, pair).bad]
    return [*design.configurations, *usable]
