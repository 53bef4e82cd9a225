"""The one place where functions of designs and claims are called: whatever they raise becomes an error with the line of their file.

What their code prints goes to standard error, since standard output is for answers.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType
from typing import IO, Any, TypeVar, cast, get_type_hints

from specproof.errors import MissingView, ModelError, SpecproofError, at, did_you_mean, where

R = TypeVar("R")

_ENGINE = str(Path(__file__).parent) + "/"
_OURS = (_ENGINE + "models/", _ENGINE + "proofs/")
_LIBRARIES = tuple(sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))

#: Errors of Python's whose text needs no name of the kind of error before it.
_PLAIN = (SpecproofError, TypeError, AttributeError, NameError)


class _Aside:
    """Standard error for code that takes it for standard output; closing it closes nothing."""

    def __init__(self) -> None:
        """What stands for it now is standard output again when it is `restored`."""
        self.instead_of = sys.stdout

    def close(self) -> None:
        """Does nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def aside() -> redirect_stdout[IO[str]]:
    """While this holds, what is printed goes to standard error."""
    return redirect_stdout(cast(IO[str], _Aside()))


def restored() -> None:
    """Standard output is itself again, where Ctrl-C came while it was to be put back: what was found would go to standard error."""
    while isinstance(sys.stdout, _Aside):
        sys.stdout = sys.stdout.instead_of


def called(function: Callable[..., R], what: str, /, *args: Any, **kwargs: Any) -> R:
    """What a function of a design or a claim returns. ModelError that names `what` was called for all that it raises, but for MissingView."""
    try:
        with aside():
            return function(*args, **kwargs)
    except (KeyboardInterrupt, MissingView):
        raise
    except BaseException as error:
        raise located(function, what, error) from None


def hints(function: Callable[..., Any], what: str) -> dict[str, Any]:
    """The annotations of a function or a class; ModelError where one is no Python."""
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:
        raise located(function, what, error) from None


def located(function: Callable[..., Any], what: str, error: BaseException) -> ModelError:
    """The error with the line of the model where it arose: the innermost frame that is neither the engine's nor a library's."""
    text = str(error)
    if isinstance(error, SpecproofError) and text.startswith("/"):
        return ModelError(text)
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    trace, place = error.__traceback__, where(function)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == own or _is_the_users(name):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return ModelError(f"{at(place)}{what}: {text + hint(error) if isinstance(error, _PLAIN) else told(error)}")


def caller() -> str:
    """`file:line` of the innermost code that runs and is neither the engine's nor a library's; empty for none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_the_users(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""


def _is_the_users(file: str) -> bool:
    return file.startswith(_OURS) or not file.startswith((_ENGINE, *_LIBRARIES, "<"))


def told(error: BaseException) -> str:
    """An error that is none of the engine's in one line: its kind, its text, and what to write instead."""
    kind = "it ends the program" if isinstance(error, SystemExit) else type(error).__name__
    text = " ".join(str(error).split()) + hint(error)
    return f"{kind}: {text}" if text else kind


def hint(error: BaseException) -> str:
    """What to write instead of a name that there is not, or of a decorator that was called otherwise; empty where nothing is near."""
    near = ""
    if isinstance(error, NameError):
        from specproof import __all__ as offered

        if error.name in offered:
            return f"; write 'from specproof import {error.name}'"
        near = did_you_mean(str(error.name), offered)
    elif isinstance(error, AttributeError) and error.obj is not None:
        near = did_you_mean(str(error.name), [name for name in dir(error.obj) if not name.startswith("_")])
    elif isinstance(error, TypeError) and (method := re.match(r"Design\.(\w+)\(\)", str(error))):
        from specproof.design import FORMS

        return f"; write {FORMS[method[1]]!r}" if method[1] in FORMS else ""
    return f"; {near}" if near.startswith("did") else ""
