"""Bugs that really happened, as variants of designs, and repairs of what is found in designs that ship.

Plain data: `proofs/` has the bugs, `specproof history` prints them. A variant is no shipped design, so it
lives in a tuple and not at the top level of a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specproof.design import Design

#: How a bug ended: corrected, found before it shipped, or still there in the source that the design transcribes.
STATUS = ("fixed", "in review", "live")


@dataclass(frozen=True)
class Bug:
    """A bug: `claim` is refuted of `variant` in `configuration`, in at most `steps` steps, and not of `fixed`.

    `id` is the entry of the fact sheet on history, `source` where the bug and its correction can be read,
    `steps` what the entry's trigger needs. Where the bug is live, `variant` is the design that ships.
    """

    id: str
    title: str
    year: int
    source: str
    claim: str
    configuration: str
    steps: int
    variant: Design[Any]
    fixed: Design[Any]
    status: str = "fixed"


@dataclass(frozen=True)
class Repair:
    """What would correct a finding in a design that ships: with it, every one of `claims` holds in `configuration`.

    It shows that the finding has that one cause. `why` says what is changed.
    """

    design: Design[Any]
    configuration: str
    claims: tuple[str, ...]
    repaired: Design[Any]
    why: str


@dataclass(frozen=True)
class Omitted:
    """A bug that the designs cannot express, and the reason."""

    id: str
    title: str
    reason: str


@dataclass(frozen=True)
class Broken:
    """A twin of a design that one claim must refute, in one configuration, and why it is there."""

    claim: str
    configuration: str
    design: Design[Any]
    why: str
