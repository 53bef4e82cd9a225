"""What `specproof export` writes: a design in one configuration with claims, for other people's model checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import specproof
from specproof.claims import Claim, MissingView, Property, instantiate
from specproof.cone import narrow
from specproof.design import switched
from specproof.errors import ModelError, UsageError, at, did_you_mean
from specproof.fallback import horn_rules, never
from specproof.load import Library
from specproof.plan import configurations, pair
from specproof.product import product
from specproof.readings.aiger import circuit
from specproof.readings.btor2 import btor2
from specproof.readings.smtlib import horn
from specproof.solver import Solver
from specproof.system import System, build

FORMS = ("btor2", "aiger", "aag", "horn")


@dataclass(frozen=True)
class Export:
    """A system and what must never fail of it. `left_out` has the claims that it cannot express, with the reasons."""

    system: System
    properties: Mapping[str, Property]
    left_out: Mapping[str, str]
    without: tuple[str, ...] = ()

    def write(self, form: str) -> bytes:
        """The file's content."""
        if form == "btor2":
            return btor2(self.system, self.properties, self._heading()).encode()
        if form == "horn":
            return self._horn().encode()
        whole = circuit(self.system, self.properties)
        return whole.data() if form == "aiger" else whole.text().encode()

    def _horn(self) -> str:
        rules = [horn_rules(self.system, prop) for prop in self.properties.values()]
        state, start, steps, _ = rules[0]
        heading = [*self._heading(), "satisfiable: all of them hold; unsatisfiable: a run violates one"]
        return "".join(f"; {text}\n" for text in heading) + horn(state, start, steps, [term for *_, bad in rules for term in bad])

    def _heading(self) -> list[str]:
        parts = [self.system.design, self.system.configuration or "in every configuration"]
        found = [f"{', '.join(parts)}; exported by specproof {specproof.__version__}"]
        if self.without:
            found.append(switched(self.without))
        return [*found, f"claims: {', '.join(self.properties)}"]


def export(known: Library, design: str, configuration: str | None, names: Sequence[str], without: tuple[str, ...]) -> Export:
    """The system of a design with the claims of these names, or all that it can express for none.

    With names the system is what they can depend on. UsageError where a name is unknown, or cannot be exported.
    """
    found = known.design(design)
    wanted = [known.claim(name) for name in names]
    for claim in wanted:
        if claim.kind == "lemma":
            raise UsageError(
                f"{claim.name} is a lemma: it speaks of bit-vectors and of no run, so there is no system to export; "
                f"its SMT-LIB is what 'specproof check --claim {claim.name} --certificates DIR' writes"
            )
    asked = wanted or known.asked_of(design)
    if configuration is not None and "~" in configuration:
        return _related(known, design, configuration, asked, named=bool(wanted), without=without)
    for claim in wanted:
        if claim.kind == "relation":
            raise UsageError(f"{claim.name} compares two configurations: write --config {pair(claim)}")
    if configuration and not configurations(found, configuration):
        names_ = dict.fromkeys([*found.configurations, *found.settings])
        raise UsageError(f"{design} has no configuration {configuration!r}; {did_you_mean(configuration, names_)}")
    system = build(found, configuration or "", without)
    properties, left_out = {}, {}
    for claim in asked:
        if claim.kind == "relation":
            continue
        try:
            prop = instantiate(claim, system)
        except MissingView as missing:
            left_out[claim.name] = str(missing)
        else:
            properties[claim.name] = never(prop) if claim.kind == "reachability" else prop
    return _of(Export(system, properties, left_out, without), named=bool(wanted))


def _related(known: Library, design: str, configuration: str, asked: Sequence[Claim], *, named: bool, without: tuple[str, ...]) -> Export:
    """The two sides of relations as one system; nothing is shared, so nothing has to be proved of the sharing."""
    relations = [claim for claim in asked if claim.kind == "relation"]
    for claim in relations if named else ():
        if pair(claim) != configuration:
            raise UsageError(f"{claim.name} compares two other configurations: write --config {pair(claim)}")
    if named and len(relations) < len(asked):
        other = next(claim.name for claim in asked if claim.kind != "relation")
        raise UsageError(f"{other} compares no configurations: write --config with one of them, not with two")
    relations = [claim for claim in relations if pair(claim) == configuration]
    if not relations:
        raise UsageError(f"no relation compares {configuration.replace('~', ' with ')}; 'specproof list claims {design}' says which there are")
    left, right = configuration.split("~", 1)
    found = known.design(design)
    both = product(build(found, left, without), build(found, right, without), (left, right), shared=frozenset())
    properties, left_out = {}, {}
    for claim in relations:
        try:
            properties[claim.name] = both.instantiate(claim)
        except MissingView as missing:
            left_out[claim.name] = str(missing)
    return _of(Export(both.system, properties, left_out, without), named=named)


def _of(whole: Export, *, named: bool) -> Export:
    """The export, or UsageError where there is nothing in it that was asked for."""
    if named and whole.left_out:
        raise UsageError(next(f"{whole.system.design} cannot express {name}: {reason}" for name, reason in whole.left_out.items()))
    if Solver().ask([whole.system.starts]).word == "unsat":
        design = f"{at(whole.system.places.get('', ''))}{whole.system.design}"
        raise ModelError(f"{design}: nothing satisfies its initial predicate; no run starts, and every claim would hold")
    if not whole.properties:
        raise UsageError(f"{whole.system.design} can express none of the claims, so there is nothing to export")
    if not named:
        return whole
    return replace(whole, system=narrow(whole.system, list(whole.properties.values())))
