"""Bitwuzla: the one file that imports it."""

from __future__ import annotations

from importlib.metadata import version as installed


def version() -> str:
    """The solver and its version."""
    return f"bitwuzla {installed('bitwuzla')}"


def ask(text: str, seconds: float | None) -> str:
    """The word on a whole SMT-LIB script; "unknown" with the reason where it has none."""
    import bitwuzla

    manager, options = bitwuzla.TermManager(), bitwuzla.Options()
    if seconds is not None:
        options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(seconds * 1000)))
    parser = bitwuzla.Parser(manager, options)
    try:
        parser.parse(text, True, False)
        return str(parser.bitwuzla().check_sat()).rsplit(".", 1)[-1].lower()
    except Exception as error:  # the binding raises bare exceptions
        return f"unknown ({' '.join(str(error).split())[:200]})"
