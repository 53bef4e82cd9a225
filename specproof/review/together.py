"""Parts of one review at the same time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from specproof.interrupts import held

R = TypeVar("R")

#: What the processes that are forked next may be asked to do: designs are functions, which no pipe carries.
_parts: Sequence[Callable[[], object]] = ()


def done(parts: Sequence[Callable[[], R]], jobs: int) -> list[R]:
    """The results in the order of the parts, each worked out in one of `jobs` processes, or here for 1 or where processes cannot be forked.

    An error that a part raises is raised here, the first part's first. What a process that died did not finish is done here.
    """
    global _parts
    jobs = min(jobs, len(parts))
    if jobs < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return [part() for part in parts]
    _parts = parts
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _quietly)
    try:
        with held():
            waiting = [pool.submit(_do, number) for number in range(len(parts))]
        results: list[R] = []
        for part, one in zip(parts, waiting, strict=True):
            try:
                results.append(one.result())  # type: ignore[arg-type]
            except BrokenProcessPool:
                results.append(part())
        return results
    except BaseException:  # Ctrl-C, or an error that makes the rest idle
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)  # waits: a thread of the pool that outlives this meets the end of the interpreter with closed pipes


def _quietly() -> None:
    """Ctrl-C reaches all processes of a terminal: it ends these without a word, and the first one says it."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _do(number: int) -> object:
    return _parts[number]()
