"""What may be answered from the cache, and under which key.

Two levels. A whole run, by the hash of every source and option: nothing is imported to answer it. A unit
of work, by the hash of the terms that its design and claims are made of, the engine and its libraries:
after a change of one action only the units whose terms have changed are decided. Undecided and
interrupted work is never kept, and `verify` knows nothing of this file.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specproof.cache import Cache, location

if TYPE_CHECKING:
    from specproof.claims import Claim
    from specproof.design import Design
    from specproof.jobs import Emit, Perform
    from specproof.load import Library
    from specproof.plan import Unit
    from specproof.system import System

#: What answers can depend on besides our own files, as packages are called on import and in their metadata.
LIBRARIES = {"z3": "z3_solver", "numpy": "numpy", "pysat": "python_sat", "click": "click"}
#: What a file may import and still be known by its text alone.
PLAIN = ("specproof", "__future__", "collections", "dataclasses", "enum", "functools", "itertools", "operator", "typing")
_READS = {"open", "exec", "eval", "compile", "input", "__import__", "__builtins__"}


def digest(*parts: object) -> str:
    """The hash of texts, and of whatever JSON can say."""
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def _folder(name: str) -> Path:
    """Where models or proofs are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    beside = package.parent / name
    return beside if (package.parent / "pyproject.toml").is_file() and beside.is_dir() else package / name


def _files(folder: Path, skip: Sequence[str] = ()) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and name not in skip)
        yield from (os.path.join(path, name) for name in sorted(files))
        skip = ()


def _hashes(folder: Path, skip: Sequence[str] = ()) -> list[str]:
    return [f"{os.path.relpath(file, folder)} {_hash_of(file)}" for file in _files(folder, skip)]


def _hash_of(file: str) -> str:
    try:
        with open(file, "rb") as content:
            return hashlib.sha256(content.read()).hexdigest()
    except OSError:  # it went away while we looked
        return "gone"


def _stamps(folder: Path, skip: Sequence[str] = ()) -> list[tuple[str, int, int]]:
    """Name, size and time of every source: what changes when a file is edited while we run."""
    found = []
    for path in _files(folder, skip):
        with contextlib.suppress(OSError):
            about = os.stat(path)
            found.append((path, about.st_size, about.st_mtime_ns))
    return found


@cache
def _engine() -> tuple[str, list[tuple[str, int, int]]]:
    ours = (Path(__file__).parent, ("models", "proofs"))
    stamps = _stamps(*ours)
    installed = []
    for module, package in LIBRARIES.items():
        spec = importlib.util.find_spec(module)
        origin = spec.origin if spec else None
        around = sorted(os.listdir(Path(origin).parents[1])) if origin else []
        installed.append([module, *(name for name in around if name.lower().startswith(package) and name.endswith("-info"))])
    return digest(sys.version_info[:3], sys.flags.optimize, installed, _hashes(*ours)), stamps  # python -OO has no docstrings to tell


def engine() -> str:
    """The hash of the engine's sources, Python's version and whether it optimizes, and the installed versions of the libraries that it uses."""
    return _engine()[0]


def unchanged() -> bool:
    """Whether the engine's sources are still those that `engine` saw: what was imported since is then of that hash."""
    return _stamps(Path(__file__).parent, ("models", "proofs")) == _engine()[1]


def self_contained(file: str) -> bool:
    """Whether a file can read nothing but itself and the package, so that its text says all that it defines."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and not all(_plain(alias.name) for alias in node.names):
            return False
        if isinstance(node, ast.ImportFrom) and (node.level or not _plain(node.module or "")):
            return False
        if isinstance(node, ast.Name) and node.id in _READS:
            return False
    return True


def _plain(module: str) -> bool:
    return module.split(".")[0] in PLAIN


def run_key(files: Sequence[str], options: Sequence[Any]) -> str | None:
    """The key of a whole run; None where its files may read others."""
    if not all(self_contained(file) for file in files):
        return None
    return digest("run", engine(), shipped(), [(os.path.abspath(file), _hash_of(file)) for file in files], options)


def shipped() -> str:
    """The hash of the models and proofs that ship, the pinned table included."""
    return digest(*(_hashes(_folder(name)) for name in ("models", "proofs")))


@dataclass
class Transcript:
    """What a run printed on standard output, how many units it decided, and its exit code."""

    texts: list[str] = field(default_factory=list)
    units: int = 0
    code: int = 0

    @classmethod
    def read(cls, data: Any) -> Transcript | None:
        """From JSON; None where this is none."""
        try:
            return cls([str(text) for text in data["texts"]], int(data["units"]), int(data["code"]))
        except (KeyError, TypeError, ValueError):
            return None


class Memory:
    """The cache as one run of the command line uses it."""

    def __init__(self, files: Sequence[str], options: Sequence[Any] | None) -> None:
        """`options`: all that what is printed depends on besides sources; None where the run must be done in any case."""
        self.cache = Cache(location(), say)
        self.files, self.options = files, options
        self.key = self._key()

    def _key(self) -> str | None:
        return None if self.options is None else run_key(self.files, self.options)

    def recall(self) -> Transcript | None:
        """The whole run, where it was done before."""
        return None if self.key is None else Transcript.read(self.cache.get(self.key))

    def work(self) -> Perform | None:
        """What looks up units, and keeps those that it had to decide; None where the file cannot be used."""
        return Remembering(engine()) if self.cache.sound() else None

    def keep(self, done: Transcript) -> None:
        """Keeps a run, unless a source was edited meanwhile."""
        if self.key is not None and unchanged() and self._key() == self.key:
            self.cache.put(self.key, "run", asdict(done))

    def costs(self) -> dict[str, float]:
        """Seconds that units took when they were last decided, by their titles."""
        found = self.cache.get(digest("costs"))
        return {title: float(seconds) for title, seconds in found.items()} if isinstance(found, dict) else {}

    def learn(self, costs: Mapping[str, float]) -> None:
        """Keeps what units took."""
        if costs:
            self.cache.put(digest("costs"), "costs", {**self.costs(), **costs})


def unit_key(unit: Unit, known: Library) -> str | None:
    """The key of a unit: everything that its answers are made from, as terms. None where the model is not well formed."""
    from specproof.claims import lemma_term
    from specproof.errors import SpecproofError
    from specproof.readings.smtlib import script

    claims = [known.claims[name] for name in (*unit.claims, *unit.beside)]
    try:
        if unit.kind == "lemmas":
            said: list[Any] = [script([lemma_term(claim)], check=False) for claim in claims]
        else:
            design = known.design(unit.design)
            sides = [claims[0].left, claims[0].right] if unit.kind == "relation" else [unit.configuration]
            if unit.kind == "relation" and not set(sides) <= set(design.settings):
                said = ["no such configurations", sides, sorted(design.settings)]
            else:
                built = [_built(design, side, unit.without) for side in sides]
                said = [[key for _, key in built], [_claim(claim, [system for system, _ in built]) for claim in claims]]
    except SpecproofError:
        return None  # deciding it says what is wrong
    return digest("unit", engine(), unit.kind, unit.design, unit.configuration, unit.claims, unit.without, unit.timeout, said)


@lru_cache(maxsize=32)
def _built(design: Design[Any], configuration: str, without: tuple[str, ...]) -> tuple[System, str]:
    """A system, and the hash of all of it: a design's relations ask for the same ones again."""
    from specproof.system import build

    system = build(design, configuration, without)
    return system, digest(_system(system))


def _system(system: System) -> list[Any]:
    """All of a system: its fields, where it starts, what its actions do and say, and what its views see."""
    from specproof.claims import Views
    from specproof.readings.smtlib import script
    from specproof.terms import Term, variable

    fields = [
        [path, one.width, one.frozen, one.ghost, one.observed, one.doc, sorted(one.bits.positions.items()) if one.bits else None]
        for path, one in system.fields.items()
    ]
    terms: list[Term] = [system.initial, *system.initially_assumed.values(), *system.constants.values()]
    actions: list[Any] = []
    for action in system.actions.values():
        parts = (action.assumed, action.next, action.observed)
        inputs = [[name, str(term.data), term.width] for name, term in action.inputs.items()]
        actions.append([action.name, action.by, action.source, action.doc, inputs, [list(part) for part in parts]])
        terms += [action.guard, *(term for part in parts for term in part.values())]
    probe = {path: variable(f"observed {path}", one.width) for path, one in system.fields.items() if one.observed}
    views = Views(system, system.state(probe))
    names = sorted(system.views - set(system.lacking))
    terms += [getattr(views, name) for name in names]
    said = [fields, list(system.variables), list(system.constants), list(system.initially_assumed), actions, names]
    return [*said, sorted(system.lacking.items()), list(system.assumptions), script(terms, check=False)]


def _claim(claim: Claim, systems: Sequence[System]) -> list[str]:
    """A claim over the views, which are in the key themselves; or why it is not asked."""
    from specproof.claims import MissingView, look, phrase
    from specproof.readings.smtlib import script

    like = [look(system, "") for system in systems] * (2 if claim.kind == "step" else 1)
    try:
        said = script([phrase(claim, *like).term], check=False)
    except MissingView as missing:
        said = f"not asked: {missing}"
    return [claim.name, claim.kind, claim.left, claim.right, said]


@dataclass(frozen=True)
class Remembering:
    """Does a unit of work like `jobs.perform`, from the cache where it is there. Can be sent to another process.

    `engine`: the hash of the engine that asks; a process that finds another one decides without the cache.
    """

    engine: str

    def __call__(self, unit: Unit, known: Library, emit: Emit) -> bool:
        """Whether the cache had the answers."""
        from specproof.answers import Answer, encode
        from specproof.jobs import perform
        from specproof.verdict import Result, Unknown

        kept = Cache(location(), say)
        key = unit_key(unit, known) if engine() == self.engine else None
        if key is not None and (answers := _answers(kept.get(key), unit)) is not None:
            for answer in answers:
                emit(answer)
            return True
        found: dict[str, Answer] = {}

        def note(answer: Answer) -> None:
            found.setdefault(answer.claim, answer)
            emit(answer)

        perform(unit, known, note)
        undecided = any(isinstance(answer, Result) and isinstance(answer.verdict, Unknown) for answer in found.values())
        if key is not None and set(found) == set(unit.claims) and not undecided and unchanged():
            kept.put(key, "unit", [encode(answer) for answer in found.values()])
        return False


def _answers(data: Any, unit: Unit) -> list[Any] | None:
    """The answers to a unit's claims; None where the data is not that."""
    from specproof.answers import decode

    try:
        answers = [decode(one) for one in data]
    except (KeyError, TypeError, ValueError):
        return None
    return answers if {(one.design, one.claim) for one in answers} == {(unit.design, claim) for claim in unit.claims} else None


def say(message: str) -> None:
    """A warning, which changes no answer."""
    print(f"specproof: {message}", file=sys.stderr)
