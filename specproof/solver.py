"""Z3: the one file that imports it. A question is SMT-LIB text; every question has a fresh solver."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from specproof.graph import variables
from specproof.interrupts import heed, searching
from specproof.readings.smtlib import plain, script
from specproof.terms import Term


@dataclass(frozen=True)
class Answer:
    """`word` is "sat", "unsat" or "unknown"; `values` the assignment by variable name where sat."""

    word: str
    values: Mapping[str, int]
    reason: str = ""


#: Units of its own count of work ("rlimit") that Z3 does in a second of an idle core: 3 to 6 million searching runs of the KVM designs
#: at full width, on the machine of docs/performance.md. Of Spacer, that does 1 to 3 million, a unit is taken for `SPACER` units.
PACE, SPACER = 4_000_000, 3

#: So many times as long as its work should take a question may take by the clock, where no time limit says otherwise.
SLACK = 20

#: While set, called with every question and Z3's answer to it: second opinions.
second: ContextVar[Callable[[Sequence[Term], Answer], None] | None] = ContextVar("who else is asked", default=None)


def ready() -> None:
    """Brings Z3 into memory, which the first `Solver` does otherwise."""
    import z3  # noqa: F401


class Solver:
    """Asks Z3; one context for one system, so that no answer depends on what was asked of another."""

    def __init__(self, seconds: float | None = None, work: float | None = None) -> None:
        """`seconds`: a limit for each question, by the clock, or None. `work`: one in seconds of an idle core, by Z3's count of what it does, so
        that the answers do not depend on what else the machine does; `SLACK` times that by the clock is then the last resort."""
        self.seconds, self.work = seconds, work
        self.asked = 0
        self.spent = 0.0  # seconds of work, of the questions that had a limit of work

    @cached_property
    def _z3(self) -> Any:
        import z3

        return z3

    @cached_property
    def _context(self) -> Any:
        """Made with the first question, as that takes time and not everybody has one."""
        context = self._z3.Context
        context.owner = False  # until it is made: Ctrl-C while it is leaves one whose end would ask for this and complain
        return context()

    def ask(self, assertions: Sequence[Term]) -> Answer:
        """Whether the assertions can hold together, and with which values."""
        answer = self._ask(assertions)
        if (also := second.get()) is not None:
            also(assertions, answer)
        return answer

    def _ask(self, assertions: Sequence[Term]) -> Answer:
        self.asked += 1
        with self._fresh() as solver:
            solver.from_string(script(assertions, check=False))
            answer = self._checked(solver)
            if answer == self._z3.unsat:
                return Answer("unsat", {})
            if answer == self._z3.sat:
                return Answer("sat", self._values(solver.model(), variables(assertions)))
            return Answer("unknown", {}, _reason(solver))

    def ask_text(self, text: str) -> str:
        """The word on a whole script that anybody may have written; "unknown" with the reason where it cannot be read."""
        self.asked += 1
        with self._fresh() as solver:
            try:
                solver.from_string(text.replace("(check-sat)", ""))
                answer = self._checked(solver)
            except self._z3.Z3Exception as error:
                return f"unknown ({_line(error)})"
            return str(answer) if answer != self._z3.unknown else f"unknown ({_reason(solver)})"

    def horn(self, text: str) -> str:
        """Spacer's word on constrained Horn clauses: "sat" where no run is bad."""
        self.asked += 1
        solver = self._for("HORN")
        self._limit(solver, PACE // SPACER)
        try:
            solver.from_string(text)
            with hushed():
                answer = self._checked(solver)
            return str(answer) if answer != self._z3.unknown else f"unknown ({_reason(solver)})"
        except self._z3.Z3Exception as error:
            return f"unknown ({_line(error)})"
        finally:
            self._count(solver)

    def _checked(self, solver: Any) -> Any:
        with searching(self._context) as told:
            solver.set("ctrl_c", not told)
            return solver.check()

    def _limit(self, solver: Any, pace: int = PACE) -> None:
        seconds = self.work * SLACK if self.seconds is None and self.work is not None else self.seconds
        if seconds is not None:
            solver.set("timeout", max(1, int(seconds * 1000)))
        if self.work is not None:
            solver.set("rlimit", max(1, int(self.work * pace)))

    def _count(self, solver: Any) -> None:
        """What was done so far: Z3 counts for the whole context."""
        if self.work is not None:
            found = solver.statistics()
            self.spent = max(found.get_key_value(key) for key in found.keys() if key == "rlimit count") / PACE  # noqa: SIM118

    def _for(self, logic: str) -> Any:
        """A solver in this context. Z3's own `SolverFor` makes a context for the name of the logic, which takes 10 ms."""
        z3, context = self._z3, self._context
        return z3.Solver(z3.z3core.Z3_mk_solver_for_logic(context.ref(), z3.to_symbol(logic, context)), context)

    @contextmanager
    def _fresh(self) -> Iterator[Any]:
        solver = self._for("QF_FD")  # bit-blasting to its SAT solver: half the time of "QF_BV" here
        self._limit(solver)
        try:
            yield solver
        finally:
            self._count(solver)
            solver.reset()

    def _values(self, model: Any, asked: Sequence[Term]) -> dict[str, int]:
        """Values of the asked variables; one that does not matter is 0. The model also knows our definitions."""
        called = {plain(term.data): str(term.data) for term in asked}
        found = {str(term.data): 0 for term in asked}
        core, context = self._z3.z3core, self._context.ref()  # its Python objects for declarations and values cost three times as much
        for number in range(core.Z3_model_get_num_consts(context, model.model)):
            declaration = core.Z3_model_get_const_decl(context, model.model, number)
            name = called.get(core.Z3_get_symbol_string(context, core.Z3_get_decl_name(context, declaration)))
            if name is not None:
                value = core.Z3_model_get_const_interp(context, model.model, declaration)
                truth = core.Z3_get_bool_value(context, value)  # 1 and -1; 0 of a word
                found[name] = int(truth > 0) if truth else int(core.Z3_get_numeral_string(context, value))
        return found


@contextmanager
def hushed() -> Iterator[None]:
    """While this holds nothing reaches standard error: Spacer writes pages of its own lemmas there when it gives up."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    quiet = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(quiet, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(quiet)


def _reason(solver: Any) -> str:
    """Why Z3 does not know. It gives up for Ctrl-C, and may take that for itself: the user meant the whole run."""
    heed()
    reason = str(solver.reason_unknown())
    if "interrupted from keyboard" in reason:
        raise KeyboardInterrupt
    return "its limit was reached" if reason in ("no reason given", "max. resource limit exceeded") else reason


def _line(error: Exception) -> str:
    value = error.args[0] if error.args else ""
    return " ".join((value.decode(errors="replace") if isinstance(value, bytes) else str(value)).split())
