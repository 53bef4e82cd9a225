"""What two designs can be compared in: what can be seen of both, and what is demanded of both."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import cast

from specproof.claims import MissingView, Views
from specproof.observable import Observable
from specproof.review.weight import before, demanded, now
from specproof.system import System
from specproof.terms import Term


@cache
def shipped() -> tuple[Observable, ...]:
    """The table that ships."""
    return tuple(import_module("specproof.proofs.observables").OBSERVABLES)


def offered(old: System, new: System) -> list[Observable]:
    """The observables of two systems: those of the table that both offer, else every view that both have. A view is looked at as it was, where
    both have it like that too: what is seen of the change may not be what the change says."""
    both = _both(old, new)
    known = {now(view) for view in both}
    found = [one for one in shipped() if known >= set(one.views)] or [_alone(view) for view in sorted(known)]
    return [replace(one, view=_as_it_was(one.view, both), when=tuple(_as_it_was(name, both) for name in one.when)) for one in found]


def demands(old: System, new: System) -> list[Observable]:
    """What is demanded of two systems, by the views of both, each as it was where both have it like that.

    What only the proof remembers, such as what the guest wrote last, is what a design is held to as well.
    """
    both = _both(old, new)
    looked = {view: _as_it_was(view, both) for view in sorted({now(view) for view in both})}
    return [
        replace(_alone(view), view=name)
        for view, name in looked.items()
        if view in demanded() or (_remembered(old, name) and _remembered(new, name))
    ]


def _remembered(system: System, view: str) -> bool:
    """Whether a view looks at ghosts, and besides at nothing that can change."""
    try:
        read = system.names_in(getattr(Views(system, system.state()), view))
    except MissingView:
        return False
    fields = [system.fields[path] for path in read]
    return any(one.ghost for one in fields) and all(one.ghost or one.frozen for one in fields)


def _both(old: System, new: System) -> frozenset[str]:
    return (old.views - set(old.lacking)) & (new.views - set(new.lacking))


def _alone(view: str) -> Observable:
    return Observable(view.replace("_", "-"), view, f"the view {view}")


def _as_it_was(name: str, both: frozenset[str]) -> str:
    return before(name) if before(name.removeprefix("~")) in both else name


def unlike(old: System, new: System) -> tuple[str, ...]:
    """Views that both offer, in words of another width on each side: their values cannot be compared."""
    return tuple(view for view in sorted(_both(old, new)) if width(old, view) != width(new, view))


def width(system: System, view: str) -> int:
    """The width of a view; MissingView where the system does not have it."""
    return cast(Term, getattr(Views(system, system.state()), view)).width
