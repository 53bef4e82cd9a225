"""Doing the work: units in this process, or over worker processes that can be killed.

Z3 does not always honour its time limit, so a unit with a limit runs in a process of its own that is
killed a little later, and so is a worker that has more than its share of the memory. Workers stream each
result as soon as it is there; one that is killed, or dies, costs none of the results before. The answers are
the same whatever the number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from specproof.calling import restored
from specproof.errors import SpecproofError
from specproof.interrupts import heard, heed, held
from specproof.load import LEMMAS, Library, library
from specproof.plan import Unit
from specproof.resident import limit, resident, seldom_collected
from specproof.verdict import NotAsked, Result, Unknown

if TYPE_CHECKING:
    from specproof.decide import Inspect

Answer = Result | NotAsked
Emit = Callable[[Answer], None]

#: Does a unit; True where it only looked up what was decided before.
Perform = Callable[[Unit, Library, Emit], bool | None]

#: Seconds that a worker has beyond the limit before it is killed, and how often a unit whose worker died is tried again.
GRACE, RETRIES = 2.0, 1
#: Seconds between two looks at the memory that workers have.
LOOK = 0.5


def perform(unit: Unit, known: Library, emit: Emit, inspect: Inspect | None = None) -> None:
    """Decides the claims of a unit and emits each answer once it is there; `inspect` is told how, but for lemmas."""
    from specproof.decide import decide, decide_lemma, decide_relation

    claims = [known.claims[name] for name in unit.claims]
    how: dict[str, Any] = {"without": unit.without, "timeout": unit.timeout, "patience": unit.patience, "inspect": inspect}
    if unit.kind == "lemmas":
        for claim in claims:
            emit(decide_lemma(claim, timeout=unit.timeout))
    elif unit.kind == "relation":
        emit(decide_relation(known.design(unit.design), claims[0], **how))
    else:
        beside = [known.claims[name] for name in unit.beside]
        for answer in decide(known.design(unit.design), unit.configuration, claims, on_result=emit, beside=beside, **how):
            emit(answer)


@dataclass
class Done:
    """What came of the units: for each its answers by claim, and why it ended where answers are missing."""

    answers: list[dict[str, Answer]]
    ended: list[str]
    error: str = ""
    interrupted: bool = False
    cached: set[int] = field(default_factory=set)

    def complete(self, units: Sequence[Unit], known: Library) -> list[list[Answer]]:
        """The answers of each unit in the order of its claims.

        A claim without one is unknown, with the reason; after an error only what was answered is returned.
        """
        found = []
        for unit, answers, ended in zip(units, self.answers, self.ended, strict=True):
            reason = ended or ("interrupted" if self.interrupted else "the engine gave no answer")
            whole = {name: answers.get(name) or _unknown(unit, known, name, reason) for name in unit.claims}
            found.append(list({name: answer for name, answer in whole.items() if name in answers or not self.error}.values()))
        return found

    def stop(self, failed: Mapping[int, str]) -> None:
        """As with one process: the first unit that `failed` ends everything, and what came of those after it is dropped."""
        if failed:
            first = min(failed)
            self.error = failed[first]
            for answers in self.answers[first + 1 :]:
                answers.clear()


def _unknown(unit: Unit, known: Library, claim: str, reason: str) -> Result:
    return Result(unit.design or LEMMAS, unit.configuration, claim, known.claims[claim].kind, Unknown("none", reason))


def run(
    units: Sequence[Unit], known: Library, *, jobs: int | None = None, on_answer: Callable[[int, Answer], None] = lambda index, answer: None,
    work: Perform = perform, scheduler: str | None = None, memory: int | None = None,
) -> Done:  # fmt: skip
    """Every unit, over `jobs` processes; as many as there are cores for None, in this one for 1 without a time limit.
    With the address of a `scheduler`, over the workers of that cluster. `memory`: megabytes that each process may have,
    by default its share of the machine's.

    Ctrl-C ends it; what was answered by then is in the result.
    """
    done = Done([{} for _ in units], ["" for _ in units])

    def keep(index: int, answer: Answer) -> None:
        if answer.claim not in done.answers[index]:
            done.answers[index][answer.claim] = answer
            on_answer(index, answer)

    try:
        if scheduler is not None:
            from specproof.cluster import Cluster

            Cluster(scheduler, units, known, keep, done, work).run()
        elif jobs == 1 and not any(unit.timeout for unit in units):
            _here(units, known, keep, done, work)
        else:
            size = min(jobs or cores(), len(units))
            _Crew(units, known, keep, done, work, memory or limit(size)).run(size)
    except KeyboardInterrupt:
        heard()
        restored()
        done.interrupted = True
    return done


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(units: Sequence[Unit], known: Library, keep: Callable[[int, Answer], None], done: Done, work: Perform) -> None:
    for index, unit in enumerate(units):
        kind, what = _guarded(work, unit, known, lambda answer, index=index: keep(index, answer))  # type: ignore[misc]
        if kind == "error":
            done.error = what
            return
        done.ended[index] = what
        if kind == "cached":
            done.cached.add(index)


def _guarded(work: Perform, unit: Unit, known: Library, emit: Emit) -> tuple[str, str]:
    """Does a unit. `error` and the message where the user has to change something; else `ended` and, of a defect, the
    reason; `cached` where the answers were there already."""
    try:
        looked_up = work(unit, known, emit)
    except SpecproofError as error:
        return "error", str(error)
    except MemoryError as error:  # a limit of the system's that is lower than ours
        return "ended", f"out of memory: {' '.join(str(error).split())}".rstrip(": ")
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        text = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
        files = {*known.homes.values(), *(claim.body.__code__.co_filename for claim in known.claims.values())}
        written = [frame for frame in frames if frame.filename in files]
        if written:
            return "error", f"{written[-1].filename}:{written[-1].lineno}: {text}"
        return "ended", f"internal error: {text} ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})"
    return "cached" if looked_up else "ended", ""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    unit: int | None = None
    deadline: float | None = None


@dataclass
class _Crew:
    units: Sequence[Unit]
    known: Library
    keep: Callable[[int, Answer], None]
    done: Done
    work: Perform
    memory: int
    waiting: list[int] = field(default_factory=list)
    tries: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    workers: list[_Worker] = field(default_factory=list)

    def run(self, size: int) -> None:
        self.waiting = list(range(len(self.units)))
        try:
            self._start(size)
            while self.waiting or any(worker.unit is not None for worker in self.workers):
                heed()
                self._assign()
                self._listen()
        finally:
            for worker in self.workers:
                worker.process.kill()
                worker.pipe.close()
        self.done.stop(self.failed)

    def _fail(self, index: int, message: str) -> None:
        """As with one process: the units before the first that failed are finished, those after it are dropped."""
        self.failed[index] = message
        first = min(self.failed)
        self.waiting = [unit for unit in self.waiting if unit < first]
        for worker in list(self.workers):
            if worker.unit is not None and worker.unit > first:
                self._finish(worker, "")
                self._replace(worker)

    def _start(self, size: int) -> None:
        """So many workers. On Linux they are forked, with all that they need in memory: nothing was asked of Z3 here, and somebody waits."""
        method = "fork" if sys.platform == "linux" else "spawn"
        if method == "fork":
            from specproof import decide  # noqa: F401 - with numpy and the SAT solver
            from specproof.solver import ready

            ready()
        else:
            resource_tracker.ensure_running()  # it lets Ctrl-C through again once it has begun
        for _ in range(size):
            with held():
                self.workers.append(self._worker(method))

    def _worker(self, method: str) -> _Worker:
        """A new process. Ctrl-C is held until somebody knows it who will end it."""
        context: Any = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        known = self.known if method == "fork" else self.known.files
        process = context.Process(target=serve, args=(theirs, known, self.work), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _assign(self) -> None:
        for worker in list(self.workers):
            if worker.unit is None and self.waiting:
                worker.unit = self.waiting.pop(0)
                try:
                    worker.pipe.send((worker.unit, self.units[worker.unit]))
                except OSError:
                    self._lost(worker)

    def _listen(self) -> None:
        busy = [worker for worker in self.workers if worker.unit is not None]
        if not busy:
            return
        limits = [worker.deadline - time.monotonic() for worker in busy if worker.deadline is not None]
        ready = wait([worker.pipe for worker in busy], max(0.0, min([LOOK, *limits])))
        for worker in busy:
            if worker.unit is None:
                continue
            if worker.pipe in ready:
                try:
                    self._hear(worker, *worker.pipe.recv())
                except (EOFError, OSError):
                    self._lost(worker)
            elif worker.deadline is not None and time.monotonic() >= worker.deadline:
                self._finish(worker, "time limit reached")
                self._replace(worker)
            elif resident(worker.process.pid) > self.memory:
                self._finish(worker, f"out of memory: it had more than {self.memory} MB")
                self._replace(worker)

    def _hear(self, worker: _Worker, kind: str, what: Any) -> None:
        index = worker.unit
        if index is None:
            return
        seconds = self.units[index].timeout
        if kind == "begun":
            worker.deadline = None if seconds is None else time.monotonic() + seconds + GRACE
        elif kind == "answer":
            self.keep(index, what)
        elif kind == "error":
            self._finish(worker, "")
            self._fail(index, what)
        else:
            if kind == "cached":
                self.done.cached.add(index)
            self._finish(worker, what)

    def _finish(self, worker: _Worker, ended: str) -> None:
        if worker.unit is not None:
            self.done.ended[worker.unit] = ended
        worker.unit = worker.deadline = None

    def _lost(self, worker: _Worker) -> None:
        """The worker is gone: its unit is tried once more, by another."""
        index = worker.unit
        worker.process.join(1.0)
        code = worker.process.exitcode
        self._finish(worker, f"the worker process ended (exit status {code})")
        if index is not None and self.tries.get(index, 0) < RETRIES:
            self.tries[index] = self.tries.get(index, 0) + 1
            self.done.ended[index] = ""
            self.waiting.insert(0, index)
        self._replace(worker)

    def _replace(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.pipe.close()
        if self.waiting:
            resource_tracker.ensure_running()
            with held():
                new = self._worker("spawn")  # this process may be in the middle of anything by now
                worker.process, worker.pipe = new.process, new.pipe
        else:
            self.workers.remove(worker)


def serve(pipe: Connection, known: Library | tuple[str, ...], work: Perform, idle: float | None = None) -> None:
    """A worker process: units come in, answers go out, until the other side goes away, or for `idle` seconds none came.

    `known`: the designs and claims, or the files that have them.
    """
    os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which kills this process: solvers would take it for an answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    seldom_collected()
    sys.stdout = sys.stderr  # answers go through the pipe, and standard output is the parent's
    known = library(known) if isinstance(known, tuple) else known
    while pipe.poll(idle):
        try:
            _, unit = pipe.recv()
        except EOFError:
            return
        pipe.send(("begun", None))
        pipe.send(_guarded(work, unit, known, lambda answer: pipe.send(("answer", answer))))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    else:
        first = os.getppid()
        while os.getppid() == first:
            time.sleep(1.0)
    os._exit(1)
