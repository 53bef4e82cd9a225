"""The two sides of a review: where a design comes from, and the claims that it is asked.

Each side is loaded by itself, so that both may be the same file at two revisions, or a file whose designs
have the names of designs that ship. A design file is Python and is run as such.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from specproof.claims import Claim
from specproof.design import Design
from specproof.errors import ModelError, UsageError, did_you_mean
from specproof.load import Library, _of_file, library
from specproof.plan import is_file, split


@dataclass(frozen=True)
class Side:
    """A design, what it is called in the report, its claims, and its file as the user knows it.

    `stands_for` leads from the files that were run to the names that the user knows; they differ for a
    revision, which is run from a temporary folder. `file` is the design's own file, where it does not ship.
    """

    label: str
    design: Design[Any]
    claims: tuple[Claim, ...]
    stands_for: tuple[tuple[str, str], ...] = ()
    file: str = ""

    def place(self, file: str) -> str:
        """A file as the user knows it, relative to the current folder where it lies below."""
        file = _known(file, self.stands_for)
        relative = os.path.relpath(file)
        return file if relative.startswith("..") else relative

    def named(self, label: str) -> Side:
        """The same side under another name."""
        return replace(self, label=label)


@contextmanager
def isolated(folder: str) -> Iterator[None]:
    """Modules that a design file imports from its own folder are forgotten afterwards.

    What was there before stays, and so do libraries: a virtual environment may stand in that folder.
    """
    path, before = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        places = {name: _place(sys.modules[name]) for name in set(sys.modules) - before}
        sys.path[:] = path
        for name, file in places.items():
            if file.startswith(folder + os.sep) and "site-packages" not in file and not name.startswith("specproof."):
                del sys.modules[name]


def _place(module: ModuleType) -> str:
    """The file of a module, or the folder of a package that has none; a folder is found anew as long as it is on the path."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def of_target(target: str, shipped: Library | None = None) -> Side:
    """The design that a target names: a shipped one, `FILE.py` with one design, or `FILE.py:NAME`."""
    shipped = shipped or library()
    if not is_file(target):
        return Side(target, shipped.design(target), tuple(shipped.asked_of(target)))
    file, name = split(target)
    sides = of_file(file, shipped)
    return sides[chosen(file, name, sides)]


def chosen(file: str, name: str, sides: dict[str, Side]) -> str:
    """The design of a file that is meant; UsageError where that is open."""
    if name:
        if name not in sides:
            raise UsageError(f"{file}: there is no design {name!r} in this file; {did_you_mean(name, sides)}")
        return name
    if len(sides) > 1:
        raise UsageError(f"{file} has {len(sides)} designs; write which one is meant: {', '.join(f'{file}:{one}' for one in sides)}")
    return next(iter(sides))


def of_file(file: str, shipped: Library, real: str = "", stands_for: tuple[tuple[str, str], ...] = ()) -> dict[str, Side]:
    """The designs of a file by name, each asked the shipped claims and those of the file.

    `real` is the file that is run where that is not `file`, and what is wrong is told of it; `stands_for` leads
    back. Designs that the file imports from the package are not its own.
    """
    run = real or file
    path = Path(run).resolve()
    if path.is_dir():
        raise UsageError(f"{run}: this is a folder; a design file was expected")
    with isolated(str(path.parent)):
        if real:  # the folder that the file is a copy from may be on the path, with files of another age
            sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != _known(str(path.parent), stands_for)]
        designs, claims = _of_file(str(path))
    own = [design for design in designs if not any(design is known for known in shipped.designs.values())]
    if not own:
        raise ModelError(f"{run}: no design in this file; write 'my_design = Design(\"my-design\", MyState, doc=...)' at its top level")
    names = {claim.name for claim in claims}
    asked = [claim for claim in shipped.claims.values() if claim.name not in names]
    whole = tuple(claim for claim in (*asked, *claims) if claim.kind != "lemma")
    sides: dict[str, Side] = {}
    for design in own:
        if design.name in sides:
            raise ModelError(f"{run}: two designs are named {design.name!r}; give one another name")
        sides[design.name] = Side(design.name, design, whole, stands_for, file)
    return sides


def _known(file: str, stands_for: tuple[tuple[str, str], ...]) -> str:
    for real, known in stands_for:
        file = file.replace(real, known)
    return file


def told_apart(old: Side, new: Side, tags: tuple[str, str] = ("old", "new")) -> tuple[Side, Side]:
    """Both sides with labels that differ."""
    if old.label != new.label:
        return old, new
    return old.named(f"{old.label}@{tags[0]}"), new.named(f"{new.label}@{tags[1]}")
