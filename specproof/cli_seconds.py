"""Time limits on the command line."""

from __future__ import annotations

import math
from typing import Any

import click

#: The longest limit, in seconds: four months. Z3 is told milliseconds, and reads so many.
LONGEST = 10_000_000


class Seconds(click.FloatRange):
    """More than no seconds, and no more than four months of them."""

    name = "number of seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; `nan` is in every range and is none."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no time limit; a number of seconds above 0 was expected, {LONGEST} at most", param, ctx)
        return seconds
