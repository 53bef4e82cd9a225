"""Finding designs and claims: those that ship, and those of a user's own file.

A design file is Python and is run as such: load only files that you would run.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from specproof.calling import aside, told
from specproof.claims import Claim, collecting
from specproof.design import Design
from specproof.errors import ModelError, UsageError, did_you_mean, placed, where

#: The design under which lemmas are reported: they speak of no design.
LEMMAS = "bit-vectors"

Home = tuple[Design[Any], str]


@dataclass
class Library:
    """What can be asked: designs and claims by name, shipped ones first. `homes` has the file
    of each design, `claims_of` the names of the claims of each of the user's files."""

    designs: dict[str, Design[Any]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    claims_of: dict[str, list[str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    shipped: frozenset[str] = frozenset()
    shipped_claims: frozenset[str] = frozenset()

    def design(self, name: str) -> Design[Any]:
        """The design of that name; UsageError with the nearest one where there is none."""
        if name not in self.designs:
            hint = f"; for a file write ./{name}.py" if Path(f"{name}.py").exists() else ""
            raise UsageError(f"there is no design {name!r}; {did_you_mean(name, self.designs)}{hint}")
        return self.designs[name]

    def claim(self, name: str) -> Claim:
        """The claim of that name or id; UsageError with the nearest one where there is none."""
        for claim in self.claims.values():
            if name and name in (claim.name, claim.id):
                return claim
        known = [claim.id for claim in self.claims.values() if claim.id] if re.fullmatch(r"[A-Za-z]+\d+", name) else self.claims
        raise UsageError(f"there is no claim {name!r}; {did_you_mean(name, known)}")

    def own(self, file: str) -> list[str]:
        """The names of a file's designs, in the order of their definition."""
        return [name for name, home in self.homes.items() if home == file]

    def asked_of(self, design: str) -> list[Claim]:
        """The claims that a design is asked: the shipped ones, then those of its own file. No lemmas."""
        return [claim for claim in self._of(self.homes[design], shipped=True) if claim.kind != "lemma"]

    def lemmas_of(self, file: str | None) -> list[Claim]:
        """The lemmas of a file, or those that ship."""
        return [claim for claim in self._of(file, shipped=file is None) if claim.kind == "lemma"]

    def _of(self, file: str | None, shipped: bool) -> list[Claim]:
        own = self.claims_of.get(file, []) if file else []
        return [claim for name, claim in self.claims.items() if name in own or (shipped and name in self.shipped_claims)]

    def _add(self, designs: Iterable[Home], claims: Iterable[Claim]) -> None:
        for design, home in designs:
            if self.designs.get(design.name, design) is not design:
                other = self.homes[design.name]
                raise ModelError(f"two designs are named {design.name!r}: one in {other}, one in {home}; give one another name")
            self.designs[design.name] = design
            self.homes.setdefault(design.name, home)
        for claim in claims:
            other_claim = self.claims.setdefault(claim.name, claim)
            if other_claim is not claim:
                places = f"{where(other_claim.body)} and {where(claim.body)}"
                raise ModelError(f"two claims are named {claim.name!r}: {places}; give one another name")
        ids: dict[str, Claim] = {}
        for claim in self.claims.values():
            other_claim = ids.setdefault(claim.id or claim.name, claim)
            if other_claim is not claim:
                raise ModelError(f"{where(claim.body)}: claim {claim.name} has the id {claim.id!r} of {other_claim.name}; give it another, or none")


def library(files: Sequence[str] = ()) -> Library:
    """The shipped designs and claims, and those of the given files."""
    found = Library()
    found._add(*_shipped())
    found.shipped, found.shipped_claims = frozenset(found.designs), frozenset(found.claims)
    paths = [str(Path(file).resolve()) for file in files]
    for path in dict.fromkeys(paths):
        designs, claims = _of_file(path)
        new = [design for design in designs if not any(design is known for known in found.designs.values())]
        if not new:
            raise ModelError(f"{path}: no design in this file; write 'my_design = Design(\"my-design\", MyState, doc=...)' at its top level")
        found._add([(design, path) for design in new], claims)
        found.claims_of[path] = [claim.name for claim in claims if claim.name not in found.shipped_claims]
    found.files = tuple(dict.fromkeys(paths))
    return found


@cache
def _shipped() -> tuple[tuple[Home, ...], tuple[Claim, ...]]:
    models = [(design, str(module.__file__)) for module in _imported_first(_modules("specproof.models")) for design in _designs(module)]
    claims = [claim for module in _modules("specproof.proofs") for claim in _claims(module)]
    return tuple(sorted(_once(models), key=lambda home: home[0].name)), tuple(sorted(_distinct(claims), key=_rank))


def _modules(package: str) -> Iterator[ModuleType]:
    folder = importlib.import_module(package)
    for name in sorted({found.name for found in pkgutil.iter_modules(folder.__path__)}):
        module = f"{package}.{name}"
        spec = importlib.util.find_spec(module)
        path = (spec.origin if spec else None) or module
        try:
            yield importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise _not_imported(path, error) from None


def _imported_first(modules: Iterable[ModuleType]) -> Iterator[ModuleType]:
    """The modules, each after those of them that it imports from: where a design is met first, it was made."""
    by_name = {module.__name__.rsplit(".", 1)[-1]: module for module in modules}
    done: set[str] = set()

    def visit(name: str) -> Iterator[ModuleType]:
        if name in by_name and name not in done:
            done.add(name)
            source = Path(str(by_name[name].__file__)).read_text(encoding="utf-8")
            for other in re.findall(r"^\s*from (?:specproof\.models)?\.(\w+) import", source, re.MULTILINE):
                yield from visit(other)
            yield by_name[name]

    for name in by_name:
        yield from visit(name)


def _of_file(path: str) -> tuple[list[Design[Any]], list[Claim]]:
    """The designs at the top level of a file and the claims that it defines; read afresh, never from a bytecode cache."""
    if Path(path).is_dir():
        raise UsageError(f"{path}: this is a folder; name a file in it")
    if not Path(path).is_file():
        raise UsageError(f"{path}: there is no such file")
    name = f"specproof_file_{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
    module = ModuleType(name)
    module.__file__ = path
    if (folder := os.path.dirname(path)) not in sys.path:
        sys.path.append(folder)  # after everything else: a file beside the design shadows no library
    sys.modules[name] = module
    ours = [(design, design.written()) for design, _ in _shipped()[0]]
    try:
        with collecting() as defined, aside():
            exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _not_imported(path, error) from None
    for design, written in ours:
        if design.written() != written:
            name = design.name
            raise ModelError(f"{path}: this file changes {name}, which ships, for all others too; write {name.replace('-', '_')}.but(\"mine\", ...)")
    return list(_designs(module)), list(_distinct([*defined, *_claims(module)]))


def _not_imported(path: str, error: BaseException) -> ModelError:
    """One line for what went wrong while a file was run, with the line of the file."""
    if isinstance(error, SyntaxError) and error.filename:
        return ModelError(f"{error.filename}:{error.lineno or 1}: this file does not import: {error.msg}")
    if isinstance(error, OSError) and error.filename == path:
        return ModelError(f"{path}: this file cannot be read: {error.strerror}")
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    place = f"{path}:{lines[-1] if lines else 1}"
    if isinstance(error, ModelError):
        return ModelError(placed(str(error), place))
    return ModelError(f"{place}: this file does not import: {told(error)}")


def _designs(module: ModuleType) -> Iterator[Design[Any]]:
    for name, value in vars(module).items():
        if isinstance(value, Design) and not name.startswith("_"):
            yield value


def _claims(module: ModuleType) -> Iterator[Claim]:
    for name, value in vars(module).items():
        if isinstance(value, Claim) and not name.startswith("_"):
            yield value


def _once(homes: Iterable[Home]) -> Iterator[Home]:
    seen: set[int] = set()
    for design, home in homes:
        if id(design) not in seen:
            seen.add(id(design))
            yield design, home


def _distinct(claims: Iterable[Claim]) -> Iterator[Claim]:
    yield from {id(claim): claim for claim in claims}.values()


def _rank(claim: Claim) -> tuple[bool, str, int, str]:
    """Claims in the order of the fact sheets: I1, I2, ..., those without an id, then the lemmas."""
    parts = re.fullmatch(r"([A-Z]+)(\d+)", claim.id)
    letters, number = (parts[1], int(parts[2])) if parts else ("~", 0)
    return claim.kind == "lemma", letters, number, claim.name
