"""`specproof cache`: what is kept of earlier runs, and how to be rid of it."""

from __future__ import annotations

import click

from specproof.cache import LIMIT, Cache, location


@click.group()
def cache() -> None:
    """What is kept of earlier runs. 'specproof verify' never reads it; 'check --no-cache' does without."""


@cache.command()
def info() -> int:
    """Where it is, and what is in it."""
    found = Cache(location(), _say).info()
    click.echo(found.path)
    for kind, (count, size) in found.kinds.items():
        click.echo(f"{kind:<8}{count:>8}{_bytes(size):>12}")
    click.echo(f"{_bytes(found.size)} of values, at most {_bytes(LIMIT)} are kept; {_bytes(found.on_disk)} on disk")
    return 0


@cache.command()
def clear() -> int:
    """Forget everything."""
    Cache(location(), _say).clear()
    return 0


def _say(message: str) -> None:
    click.echo(f"specproof: {message}", err=True)


def _bytes(size: int) -> str:
    for unit, scale in (("MB", 1 << 20), ("kB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
