"""Solvers by name: Z3 from its package, cvc5 and Bitwuzla from theirs, or any program that reads SMT-LIB 2."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from specproof.errors import UsageError, did_you_mean

NAMES = ("z3", "cvc5", "bitwuzla")


@dataclass(frozen=True)
class Other:
    """A solver: its name with its version, and its word on a script ("sat", "unsat", or "unknown" with a reason)."""

    name: str
    ask: Callable[[str], str]


def solver(name: str, seconds: float | None = None) -> Other:
    """The solver of that name, or the program of that path; UsageError where there is none."""
    if name == "z3":
        return _z3(seconds)
    if name == "cvc5":
        from specproof.trust import with_cvc5

        return Other(_installed(name, with_cvc5.version), lambda text: with_cvc5.ask(text, seconds))
    if name == "bitwuzla":
        from specproof.trust import with_bitwuzla

        return Other(_installed(name, with_bitwuzla.version), lambda text: with_bitwuzla.ask(text, seconds))
    path = shutil.which(name)
    if path is None:
        raise UsageError(f"there is no solver and no program {name!r}; {did_you_mean(name, NAMES)}")
    return Other(os.path.basename(path), lambda text: _program(path, text, seconds))


def _installed(name: str, of: Callable[[], str]) -> str:
    try:
        version(name)
        return of()
    except (PackageNotFoundError, ImportError):
        raise UsageError(f"{name} is not installed; write: pip install {name}") from None


def _z3(seconds: float | None) -> Other:
    from specproof.solver import Solver

    def ask(text: str) -> str:
        return Solver(seconds).ask_text(text)

    return Other(f"z3 {version('z3-solver')}", ask)


def _program(path: str, text: str, seconds: float | None) -> str:
    """The first word that a program prints when it is given a script as a file. It is killed after the time limit."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "query.smt2")
        with open(file, "w", encoding="utf-8") as script:
            script.write(text)
        try:
            done = subprocess.run([path, file], capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "unknown (time limit reached)"
        except OSError as error:
            return f"unknown ({error.strerror})"
    words = done.stdout.decode("utf-8", "replace").split()
    if words[:1] in (["sat"], ["unsat"]):
        return words[0]
    return f"unknown ({(' '.join(words) or done.stderr.decode('utf-8', 'replace').strip() or f'exit status {done.returncode}')[:200]})"
