"""What can be seen of a design from outside, as data: `proofs/observables.py` has the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Observable:
    """A view that can be compared between two designs, and the truth values (`~` for their opposite) under which it is seen."""

    name: str
    view: str
    sentence: str
    when: tuple[str, ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """Every view that it needs."""
        return (self.view, *(name.removeprefix("~") for name in self.when))
