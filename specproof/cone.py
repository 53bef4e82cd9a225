"""The cone of influence: what the verdict on a property can depend on, and the system without the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from specproof.claims import Property
from specproof.graph import conjuncts
from specproof.system import System
from specproof.terms import Bool, Term, conj


def terms_of(prop: Property) -> list[Term]:
    """Every term of a property, antecedents included."""
    found: list[Term] = []
    for one in (prop, *([prop.happens] if prop.happens else [])):
        found += [*([] if one.state is None else [one.state]), *one.steps.values()]
    return found


def cone(system: System, *properties: Property) -> set[str]:
    """The fields on which the verdicts on the properties can depend."""
    found = set(system.names_in(*(term for prop in properties for term in terms_of(prop))))
    for name in _asked(properties):
        found.update(system.reads[name][0])
    while True:
        before = len(found)
        for enabled, reads in system.reads.values():
            touched = [names for path, names in reads.items() if path in found]
            if touched:
                found.update(enabled, *touched)
        for _, names in system.start_parts:
            if names & found:
                found |= names
        if len(found) == before:
            return found


def _asked(properties: Sequence[Property]) -> dict[str, None]:
    """The actions of whose steps the properties speak."""
    return dict.fromkeys(name for prop in properties for one in (prop, prop.happens) if one is not None for name in one.steps)


def narrow(system: System, properties: Sequence[Property]) -> System:
    """The system with the fields of the properties' cone alone: it has their runs, as far as they can tell.

    Actions that touch nothing in the cone are left out, unless a property speaks of their steps.
    """
    kept, asked = cone(system, *properties), _asked(properties)
    if not kept or kept == set(system.variables):
        return system

    def about(term: Bool) -> Bool:
        return conj(part for part in conjuncts(term) if system.names_in(part) <= kept)

    actions = {
        name: replace(action, next={path: term for path, term in action.next.items() if path in kept})
        for name, action in system.actions.items()
        if name in asked or kept & set(action.next)
    }
    assumed: Mapping[str, Bool] = {name: about(term) for name, term in system.initially_assumed.items()}
    return replace(
        system, variables={path: term for path, term in system.variables.items() if path in kept},
        hidden={path: term for path, term in system.variables.items() if path not in kept},
        initial=about(system.initial), initially_assumed=assumed, actions=actions,
    )  # fmt: skip


def apart(system: System, properties: Mapping[str, Property], most: float = 1) -> list[list[str]]:
    """The names of the properties, those together whose cones are in one another; all together where a cone has more than `most` of the fields."""
    everything = len(cone(system, *properties.values()))
    cones: dict[str, set[str]] = {}
    for name, prop in properties.items():
        cones[name] = cone(system, prop)
        if len(cones[name]) > most * everything:
            return [list(properties)]
    found: list[tuple[set[str], list[str]]] = []
    for name, own in sorted(cones.items(), key=lambda item: -len(item[1])):
        home = next((names for fields, names in found if own <= fields), None)
        if home is None:
            found.append((own, [name]))
        else:
            home.append(name)
    return [names for _, names in found]
