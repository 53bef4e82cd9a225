"""What our own time is spent on, and what other solvers take for our obligations."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from bench.work import configurations_of, design_of

SOLVER, ACCEPTING, CERTIFICATE, REST = "Z3 for runs and sanity", "certificates", "Z3 on the certificate", "the rest"

#: Parts of the engine, each with its functions. Time in a function that another of these calls counts for that one alone.
PARTS = {
    SOLVER: ["specproof.solver.Solver.ask"],
    "slice": [*(f"specproof.{name}.explore" for name in ("decision", "product", "settled")), "specproof.decision.Slice", "specproof.product.Slice"],
    "lemmas": ["specproof.decision.discover"],
    "terms": ["specproof.decide.build", "specproof.decide.ask", "specproof.decide.between", "specproof.decide.merge"],
    ACCEPTING: ["specproof.decision.accept"],
    "replay": ["specproof.decision.lift", "specproof.decision.shrink", "specproof.decision.Concrete.ending", "specproof.sanity.Sanity.lifted"],
}  # fmt: skip


class Clock:
    """Seconds of the processor by part; what a part calls of another is the other's."""

    def __init__(self) -> None:
        self.took = dict.fromkeys([CERTIFICATE, *PARTS, REST], 0.0)
        self.inside: list[str] = [REST]
        self.since = time.process_time()

    def switch(self) -> None:
        """The time up to now is the innermost part's."""
        now = time.process_time()
        self.took[self.inside[-1]] += now - self.since
        self.since = now

    @contextmanager
    def within(self, part: str) -> Iterator[None]:
        self.switch()
        self.inside.append(part)
        try:
            yield
        finally:
            self.switch()
            self.inside.pop()


def decided(design: str, inspect: Callable[..., None] | None = None) -> None:
    """Decides every claim of a design in every configuration, relations too."""
    from specproof import decide as engine

    found, claims = design_of(design)
    for configuration in configurations_of(design):
        if "~" in configuration:
            for claim in claims:
                if claim.kind == "relation" and f"{claim.left}~{claim.right}" == configuration:
                    engine.decide_relation(found, claim, inspect=inspect)
        else:
            engine.decide(found, configuration, [claim for claim in claims if claim.kind not in ("relation", "lemma")], inspect=inspect)


def shares(design: str) -> dict[str, float]:
    """Seconds of each part of the engine while a design is decided."""
    from specproof.solver import Solver

    Solver().ask([])  # imports
    configurations_of(design)
    clock = Clock()

    def timed(part: str, what: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*args: Any, **keys: Any) -> Any:
            with clock.within(CERTIFICATE if part == SOLVER and ACCEPTING in clock.inside else part):
                return what(*args, **keys)

        return inner

    with ExitStack() as stack:
        for part, names in PARTS.items():
            for name in names:
                owner, last = _owner(name)
                stack.enter_context(patch.object(owner, last, timed(part, getattr(owner, last))))
        clock.since = time.process_time()
        decided(design)
        clock.switch()
    return clock.took


def _owner(name: str) -> tuple[Any, str]:
    """Where a function is looked up: its module, or its class there; and its name."""
    *path, last = name.split(".")
    owner: Any = importlib.import_module(".".join(path[:2]))
    for piece in path[2:]:
        owner = getattr(owner, piece)
    return owner, last


def scripts(design: str) -> list[str]:
    """Every obligation of a design's certificates at full width, as SMT-LIB."""
    from specproof.readings.smtlib import script

    found: list[str] = []

    def keep(decision: Any, results: Sequence[Any]) -> None:
        found.extend(script(one.assertions) for one in decision.obligations())

    decided(design, keep)
    return found


def opinions(design: str, names: Sequence[str], cut: float) -> dict[str, Any]:
    """How long each solver takes for a design's obligations, and how many it got through before the cut."""
    from specproof.errors import UsageError
    from specproof.trust.solvers import solver

    texts = scripts(design)
    found: dict[str, Any] = {"obligations": len(texts)}
    for name in names:
        try:
            other = solver(name, cut)
        except UsageError:
            continue  # not installed: the table says so
        other.ask("(set-logic QF_BV)\n(assert true)\n(check-sat)\n")  # imports
        start, done, wrong = time.process_time(), 0, 0
        for text in texts:
            if time.process_time() - start > cut:
                break
            word = other.ask(text)
            done += 1
            wrong += word == "sat"
        if wrong:
            raise RuntimeError(f"{design}: {name} refuses {wrong} obligations that Z3 accepts")
        found[name] = {"seconds": time.process_time() - start, "done": done}
    return found
