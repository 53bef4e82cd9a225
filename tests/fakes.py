"""Stand-ins for the engine, importable by worker processes: what a unit does is said by the name of its design."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from specproof import ModelError
from specproof.jobs import Emit
from specproof.load import Library
from specproof.plan import Unit
from specproof.verdict import Proved, Result


def perform(unit: Unit, known: Library, emit: Emit) -> None:
    """Proves every claim, after doing what the configuration says."""
    for number, claim in enumerate(unit.claims):
        if number == 1:
            _misbehave(unit.configuration)
        emit(Result(unit.design, unit.configuration, claim, "invariant", Proved("a stand-in")))


def _misbehave(what: str) -> None:
    kind, _, where = what.partition(" ")
    if kind == "hangs":
        time.sleep(600)
    elif kind == "fills":
        held = [bytearray(b"x" * (1 << 24)) for _ in range(64)]
        time.sleep(600 + len(held))
    elif kind == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "dies-once" and not Path(where).exists():
        Path(where).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "errs":
        raise ModelError(f"{where} is not well formed")
    elif kind == "slips":
        raise ZeroDivisionError("a defect of the engine")
    elif kind == "starves":
        raise MemoryError("Unable to allocate 599. KiB")
    elif kind == "dawdles":
        time.sleep(float(where))


def squared(number: int) -> int:
    """Other work than deciding claims."""
    if number < 0:
        raise ModelError(f"{number} is a negative number")
    return number**2
