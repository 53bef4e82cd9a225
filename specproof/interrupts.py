"""Ctrl-C ends a run wherever it comes.

Python drops the exception where it is raised while an object is freed, and makes another of it while a class is made; solvers take
the signal for themselves, and may have their answer before they look. So it is remembered, and asked for between two questions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

#: No signal: told to the thread that watches, which would wait for the end of a pipe that other processes may have too.
END = b"\0"

_holds = False  # `heeded` does
_came = False
_searching: Any = None  # what is told to give up


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """While this holds Ctrl-C is remembered until somebody has `heard` it. Does nothing in a thread, or where Ctrl-C is ignored."""
    global _came, _holds
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _came, _holds = False, True
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    hook = sys.unraisablehook
    sys.unraisablehook = lambda what: None if what.exc_type is KeyboardInterrupt else hook(what)  # it is raised again by `heed`
    signal.signal(signal.SIGINT, _come)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(told,), daemon=True)
    with held():  # solvers' own handlers are for the first thread
        watcher.start()
    try:
        yield
    except Exception:
        heed()  # the making of a class turns it into an error of its own
        raise
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = hook
        os.write(tell, END)
        watcher.join()
        os.close(tell)
        os.close(told)
        _came = _holds = False


def _come(*_: object) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def _watch(told: int) -> None:
    """In a thread of its own, since the first one may be inside Z3 for long."""
    while os.read(told, 1) != END:
        if (context := _searching) is not None:
            context.interrupt()
            del context


def heed() -> None:
    """Raises KeyboardInterrupt if Ctrl-C came and nobody has heard it: called between two questions to a solver."""
    if _came:
        raise KeyboardInterrupt


def heard() -> None:
    """The run has been ended for it."""
    global _came
    _came = False


@contextlib.contextmanager
def searching(context: Any) -> Iterator[bool]:
    """While this holds Ctrl-C makes a context of Z3 give up. False where it has to see to that itself, since nobody heeds."""
    global _searching
    heed()
    _searching = context if _holds else None
    try:
        yield _holds
    finally:
        _searching = None


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits while a process is made: the new one inherits that, and meets none before it knows what to do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
