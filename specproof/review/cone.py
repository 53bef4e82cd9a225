"""What a claim can depend on: the cone of influence, and whether a change lies outside of it.

Equal terms are one object, so "the same before and after" is `is`. A claim whose cone is the same in both
systems has the same verdict in both; it is decided once.
"""

from __future__ import annotations

from collections.abc import Mapping

from specproof.claims import Property
from specproof.cone import cone
from specproof.system import Action, System
from specproof.terms import FALSE, Term


def same(old: System, new: System, before: Property, after: Property) -> bool:
    """Whether the change cannot reach the claim: its property and everything in its cone are the very same terms."""
    if not _same_property(before, after):
        return False
    names = cone(old, before)
    if names != cone(new, after) or not _same_start(old, new, names):
        return False
    if bool(before.steps) and set(old.actions) != set(new.actions):
        return False
    everywhere = bool(before.steps)
    return all(
        _same_action(old.actions.get(name), new.actions.get(name), names, everywhere) for name in dict.fromkeys((*old.actions, *new.actions))
    )


def _same_property(before: Property, after: Property) -> bool:
    if (before.state is not after.state) or set(before.steps) != set(after.steps) or (before.happens is None) != (after.happens is None):
        return False
    if any(term is not after.steps[name] for name, term in before.steps.items()):
        return False
    return before.happens is None or after.happens is None or _same_property(before.happens, after.happens)


def _same_start(old: System, new: System, names: set[str]) -> bool:
    parts = [{part for part, reads in system.start_parts if not reads or reads & names} for system in (old, new)]
    return parts[0] == parts[1]


def _touching(action: Action | None, names: set[str]) -> Mapping[str, Term]:
    if action is None or action.enabled is FALSE:
        return {}
    return {path: term for path, term in action.next.items() if path in names}


def _same_action(old: Action | None, new: Action | None, names: set[str], everywhere: bool) -> bool:
    left, right = _touching(old, names), _touching(new, names)
    if set(left) != set(right) or any(term is not right[path] for path, term in left.items()):
        return False
    if not left and not everywhere:
        return True
    return old is not None and new is not None and old.enabled is new.enabled


def identical(old: System, new: System) -> bool:
    """Whether two systems are the same terms throughout: the change is one of names and comments."""
    if set(old.variables) != set(new.variables) or old.starts is not new.starts or set(old.actions) != set(new.actions):
        return False
    if any(term is not new.variables[path] for path, term in old.variables.items()):
        return False
    return all(unchanged(action, new.actions[name]) for name, action in old.actions.items())


def unchanged(old: Action, new: Action) -> bool:
    """Whether an action is the same terms on both sides."""
    return (
        old.enabled is new.enabled
        and _same_terms(old.next, new.next)
        and _same_terms(old.observed, new.observed)
    )  # fmt: skip


def _same_terms(old: Mapping[str, Term], new: Mapping[str, Term]) -> bool:
    return set(old) == set(new) and all(term is new[path] for path, term in old.items())
