"""Units of work on the workers of a dask cluster: `--scheduler ADDRESS`.

A worker hands each unit to a process of its own, so that it stays answerable while a solver works and can
end one that does not heed its time limit. What a worker had when it went away is done by another; an answer
counts once, whoever gave it. All machines must have the same specproof and libraries, which each unit checks.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from specproof.errors import SpecproofError, UsageError
from specproof.jobs import GRACE, RETRIES, Answer, Done, Perform
from specproof.load import Library
from specproof.plan import Unit
from specproof.remember import digest, engine, say, self_contained, shipped

T = TypeVar("T")
R = TypeVar("R")

#: Seconds to wait for the scheduler to answer; between looks at whether there are workers; before an idle process ends.
CONNECT, LOOK, IDLE = 15.0, 5.0, 300.0


@dataclass(frozen=True)
class Source:
    """A design file as the client has it: `alone` says that its text is all there is to it."""

    path: str
    content: bytes
    alone: bool

    def here(self) -> str:
        """A path on this machine with that content; UsageError where there can be none."""
        path = Path(self.path)
        if path.is_file() and path.read_bytes() == self.content:
            return self.path
        if not self.alone:
            raise UsageError(f"{self.path} imports or reads other files, and {socket.gethostname()} does not have it there with the same content")
        folder = Path(tempfile.gettempdir()) / f"specproof-{os.getuid()}-{hashlib.sha256(self.content).hexdigest()[:16]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        copy = folder / path.name
        new = folder / f".{os.getpid()}-{threading.get_ident()}"
        new.write_bytes(self.content)
        os.replace(new, copy)
        return str(copy)


@dataclass(frozen=True)
class Task:
    """A unit as it is sent: with the files that it needs, how it is done, and the hash of the client's sources."""

    unit: Unit | Call
    sources: tuple[Source, ...]
    work: Callable[..., Any]
    same: str


@dataclass
class Outcome:
    """What came of a task: as `jobs` has it, `ended`, `cached` or `error` with a text, and the answers."""

    kind: str
    what: str = ""
    answers: list[Any] = field(default_factory=list)


def identity() -> str:
    """The hash of everything that an answer may depend on besides the question: engine, libraries, models and proofs."""
    return digest(engine(), shipped())


def carry_out(task: Task) -> Outcome:
    """Does a task on a worker, in the process that this thread of it keeps for that."""
    from distributed import get_worker

    if identity() != task.same:
        return Outcome("error", f"the worker on {socket.gethostname()} has another specproof, or other libraries; install the same everywhere")
    try:
        files = tuple(source.here() for source in task.sources)
    except UsageError as error:
        return Outcome("error", str(error))
    hands: dict[int, Hand] = vars(get_worker()).setdefault("specproof_hands", {})
    me = threading.get_ident()
    answers: list[Any] = []
    for last in (False,) * RETRIES + (True,):
        hand = hands.get(me)
        if hand is None or not hand.fits(files, task.work):
            if hand is not None:
                hand.close()
            hand = hands[me] = Hand(files, task.work)
        outcome = hand.do(task.unit, answers)
        if outcome is not None:
            return outcome
        del hands[me]
        if last:
            return Outcome("ended", f"the worker process ended (exit status {hand.close()})", answers)
        hand.close()
    raise AssertionError


class Hand:
    """A process that does units one after another, and that can be killed."""

    def __init__(self, files: tuple[str, ...], work: Callable[..., Any]) -> None:
        """Starts it with design files and a way to do units."""
        self.files, self.work = files, work
        ours, theirs = socket.socketpair()
        with theirs:
            program = f"from specproof.cluster import attend; attend({theirs.fileno()})"
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self.process = subprocess.Popen(
                [sys.executable, "-c", program], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
            )
        self.pipe = Connection(ours.detach())
        self.pipe.send((files, work))

    def fits(self, files: tuple[str, ...], work: Callable[..., Any]) -> bool:
        """Whether it is alive and was started with these."""
        return self.process.poll() is None and (self.files, self.work) == (files, work)

    def do(self, unit: Unit | Call, answers: list[Any]) -> Outcome | None:
        """Does a unit and adds its answers; None where the process went away."""
        deadline: float | None = None
        try:
            self.pipe.send((0, unit))
            while self.pipe.poll(None if deadline is None else max(0.0, deadline - time.monotonic())):
                kind, what = self.pipe.recv()
                if kind == "begun":
                    deadline = None if unit.timeout is None else time.monotonic() + unit.timeout + GRACE
                elif kind == "answer":
                    answers.append(what)
                else:
                    return Outcome(kind, what, answers)
        except (EOFError, OSError):
            return None
        self.close()
        return Outcome("ended", "time limit reached", answers)

    def close(self) -> int:
        """Ends it, and returns its exit status."""
        try:
            status = self.process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.pipe.close()
        return status


def attend(descriptor: int) -> None:
    """The process of a `Hand`: is told files and work, then does units."""
    from specproof.jobs import serve

    pipe = Connection(descriptor)
    files, work = pipe.recv()
    serve(pipe, files, work, idle=IDLE)


@dataclass
class Cluster:
    """Units in, answers out, like `jobs._Crew`, on the cluster whose scheduler is at `address`."""

    address: str
    units: Sequence[Unit]
    known: Library
    keep: Callable[[int, Answer], None]
    done: Done
    work: Perform

    def run(self) -> None:
        """Every unit. Workers may come and go meanwhile; without any it waits, and says so once."""
        failed: dict[int, str] = {}
        for index, outcome in outcomes(self.address, self.units, self.known.files, self.work, failed):
            for answer in outcome.answers:
                self.keep(index, answer)
            if outcome.kind == "error":
                failed[index] = outcome.what
            else:
                self.done.ended[index] = outcome.what
            if outcome.kind == "cached":
                self.done.cached.add(index)
        self.done.stop(failed)


@dataclass(frozen=True)
class Call:
    """A unit of another kind of work: what a function is given."""

    item: Any
    timeout: float | None = None


@dataclass(frozen=True)
class Calling:
    """Does calls of one function."""

    function: Callable[[Any], Any]

    def __call__(self, unit: Any, known: Library, emit: Callable[[Any], None]) -> None:
        """The one answer is what the function returns."""
        emit(self.function(unit.item))


def spread(address: str, function: Callable[[T], R], items: Sequence[T], files: Sequence[str] = ()) -> Iterator[R]:
    """What a function makes of items, in the order in which that is known: `imap_unordered` on a cluster.

    `files`: the user's design files that the function needs. Raises where the function does, or no worker survives an item.
    """
    for _, outcome in outcomes(address, [Call(item) for item in items], files, Calling(function), {}):
        if not outcome.answers:
            raise SpecproofError(outcome.what or "the function gave no answer")
        yield from outcome.answers


def outcomes(
    address: str, units: Sequence[Unit | Call], files: Sequence[str], work: Callable[..., Any], failed: Mapping[int, str]
) -> Iterator[tuple[int, Outcome]]:
    """Number and outcome of each unit as it is done. Units after one in `failed`, which the caller fills, are not waited for."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said once, by us
    with _client(address) as client:
        same, sources, name = identity(), tuple(_source(file) for file in files), os.urandom(8).hex()
        waiting = {
            client.submit(carry_out, Task(unit, sources, work, same), key=f"specproof-{name}-{index}", pure=False, priority=-index): index
            for index, unit in enumerate(units)
        }
        watch = _Watch(address, client)
        try:
            while waiting:
                for future in watch.ready(waiting):
                    index = waiting.pop(future)
                    if not failed or index < min(failed):
                        yield index, _outcome(future)
                for later in [one for one, index in waiting.items() if failed and index > min(failed)]:
                    later.cancel()
                    del waiting[later]
        finally:
            if client.status == "running":
                client.cancel(list(waiting), force=True)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--scheduler needs the package distributed; install specproof[cluster]") from None
    try:
        return Client(address, timeout=CONNECT)
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"--scheduler {address}: no dask scheduler answers there ({' '.join(str(error).split())})") from None


@dataclass
class _Watch:
    """Waits for futures, and says once where there is nobody to work on them."""

    address: str
    client: Any
    said: bool = False

    def ready(self, waiting: Mapping[Any, int]) -> list[Any]:
        """Those that are done, in the order of their units; after a while perhaps none."""
        from distributed import wait

        try:
            wait(list(waiting), timeout=LOOK, return_when="FIRST_COMPLETED")
        except TimeoutError:
            if not self.said and self.client.status == "running" and not self.client.scheduler_info()["workers"]:
                self.said = True
                say(f"there are no workers at {self.address}; waiting for some to join")
        except Exception:  # the scheduler went away, and with it every future
            if not any(one.done() for one in waiting):
                raise
        return [one for one in waiting if one.done()]


def _outcome(future: Any) -> Outcome:
    try:
        outcome: Outcome = future.result()
    except Exception as error:
        return Outcome("ended", _why(future.status, error))
    return outcome


def _source(file: str) -> Source:
    return Source(file, Path(file).read_bytes(), self_contained(file))


def _why(status: str, error: BaseException) -> str:
    """Why a future has no result."""
    if type(error).__name__ == "KilledWorker":
        return "every worker that had this unit went away"
    if status in ("cancelled", "lost"):
        return "the scheduler went away"
    return f"the cluster failed: {type(error).__name__}: {' '.join(str(error).split())}"
