"""Errors that a user can cause; each says what was given, what was expected, what to write instead.

    SpecproofError
      ModelError      a design, an action, a claim or a term is not well formed
      UsageError      the command line, or a name, is not what it should be
      InputError      a data file (policy, trace, certificate) is not what it should be
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any

#: Names that a message lists; those beyond are counted.
MANY = 24


class SpecproofError(Exception):
    """Base class; the command line prints the message, and never a traceback."""


class ModelError(SpecproofError):
    """A design, an action, a claim or a term is not well formed."""


class UsageError(SpecproofError):
    """A name or an option is not one that exists."""


class InputError(SpecproofError):
    """A data file is not what it should be."""


class MissingView(Exception):
    """A design does not offer a view that a claim needs: the claim is not asked. No error of the user's."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The tail of a message about an unknown name: the nearest known one, whatever the case of its letters, or all of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(given.lower(), dict.fromkeys(name.lower() for name in names), n=1, cutoff=0.5)
    if near:
        alike = [name for name in names if name.lower() == near[0]]
        best = max(alike, key=lambda name: difflib.SequenceMatcher(None, given, name).ratio())
        return f"did you mean {best!r}?"
    more = f" and {len(names) - MANY} more" if len(names) > MANY + 1 else ""
    return "known: " + (", ".join(names[:MANY] if more else names) + more if names else "none")


def is_name(name: object) -> bool:
    """Whether this can be a name: printable text that neither begins nor ends with a space. Scripts, tables and folders hold any such."""
    return isinstance(name, str) and bool(name) and name.isprintable() and name == name.strip()


def named(name: str, what: str) -> str:
    """The name; ModelError where it is none, which says of what."""
    if not is_name(name):
        raise ModelError(f"{name!r} cannot name {what}: a name is printable text on one line, with no space before or after it")
    return name


def where(function: Callable[..., Any]) -> str:
    """`file:line` of a function, for a message; empty where Python does not know it. Of one that stands in for another, the other's."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def at(place: str) -> str:
    """The beginning of a message about what stands at `file:line`; empty for a place that is not known."""
    return f"{place}: " if place else ""


def placed(message: str, place: str) -> str:
    """The message with `file:line` before it, unless it has one."""
    return message if message.startswith("/") else at(place) + message
