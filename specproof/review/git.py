"""The same design file at two revisions, by git alone.

`BASE..HEAD` as git knows revisions; `BASE..` stands for the working tree after BASE, `BASE` alone too, and
`..` for the working tree after HEAD. Every Python file of the design's folder and of the packages in it is taken
from the revision, so that what the file imports from beside it is of the same age; what it imports from
specproof is not.
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from specproof.errors import SpecproofError, UsageError

#: How the working tree is named in a report.
WORKING_TREE = "working tree"
#: How git says in a list of files that one is a symbolic link.
_LINK = "120000"
#: What `git rev-parse --local-env-vars` names, but for settings: git sets them for its hooks, and they would lead away from the file.
_LOCAL = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
})  # fmt: skip


def revisions(text: str) -> tuple[str, str]:
    """Base and head of `BASE..HEAD`; an empty head is the working tree."""
    if "..." in text:
        raise UsageError(f"--git {text}: three dots stand for a merge base; write BASE..HEAD, or BASE.. for the working tree")
    base, _, head = text.partition("..")
    return base or "HEAD", head


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git says, given some input, in the repository that a folder is in, whichever repository a hook runs for."""
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], input=given, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise UsageError("--git needs the program git, which is not on the PATH") from None
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split())  # what to do about it may stand below it
        raise UsageError(f"git {arguments[0]}: {reason.removeprefix('fatal: ') or 'failed'}")
    return done.stdout


def root(file: Path) -> Path:
    """The top folder of the repository that a file is in."""
    folder = file.parent
    while not folder.is_dir():
        folder = folder.parent
    return Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


@contextmanager
def at(revision: str, file: Path, other: str = "") -> Iterator[tuple[Path, Path]]:
    """The file as it was at a revision, with its folder: the file, and the folder that stands for the repository.

    A file that was moved between that revision and the `other` (empty for the working tree) is found under the
    name that it had.
    """
    top = root(file)
    path = Path(os.path.relpath(file.resolve(), top.resolve())).as_posix()
    name = _commit(top, revision)
    files = _beside(top, name, path)
    if path not in files:
        moved = _moved(top, name, other, path)
        files = _beside(top, name, moved) if moved else {}
        if not moved or moved not in files:
            raise UsageError(f"{path} does not exist at {revision}, so there is nothing to compare; 'specproof check FILE.py' decides a file alone")
        path = moved
    with tempfile.TemporaryDirectory(prefix="specproof-") as folder:
        for one, contents in _read(top, name, files):
            target = Path(folder) / one
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents)
        try:
            yield Path(folder) / path, Path(folder)
        except SpecproofError as error:  # said of the file as git names it: the copy is gone when it is read
            text = str(error)
            for known in (str(Path(folder).resolve()), folder):
                text = text.replace(f"{known}/", f"{revision}:")
            raise type(error)(text) from None


def _beside(top: Path, commit: str, path: str) -> dict[str, tuple[str, str]]:
    """The Python files in a file's folder at a commit, those of packages too, each with its mode and its hash.

    A package is a folder that can be imported. Folders and submodules may be named as files are, and are none.
    """
    folder = Path(path).parent
    listed = os.fsdecode(_git(top, "ls-tree", "-r", "-z", commit, *([f"{folder}/"] if folder.name else [])))
    files = {}
    for entry in listed.split("\0")[:-1]:
        about, name = entry.split("\t", 1)
        mode, kind, key = about.split()
        if name.endswith(".py") and kind == "blob" and all(one.isidentifier() for one in Path(name).relative_to(folder).parent.parts):
            files[name] = mode, key
    return files


def _read(top: Path, commit: str, files: dict[str, tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """What is in files at a commit; a symbolic link is followed there, and one that leads to no file says so where it is imported."""
    for (name, (mode, key)), (kind, text) in zip(files.items(), _objects(top, [key for _, key in files.values()]), strict=True):
        if kind != "blob":
            raise UsageError(f"--git: this repository lacks the object {key}, which is {name}; fetch it")
        if mode == _LINK:
            kind, found = next(_objects(top, [f"{commit}:{name}"], "--follow-symlinks"))
            said = f"{name} is a symbolic link to {os.fsdecode(text)}, which is no file of this revision"
            text = found if kind == "blob" else f"raise ImportError({said!a})\n".encode()
        yield name, text


def _objects(top: Path, names: Iterable[str], *options: str) -> Iterator[tuple[str, bytes]]:
    """The kind and the contents of each object; `missing` and other such words stand for a kind where there is none."""
    told = io.BytesIO(_git(top, "cat-file", "--batch", *options, given=os.fsencode("".join(f"{name}\n" for name in names))))
    while words := told.readline().decode("utf-8", "replace").split():
        if words[-1] == "missing":
            yield words[-1], b""
        else:
            yield words[-2], told.read(int(words[-1]))
            told.read(1)


def _moved(top: Path, commit: str, other: str, path: str) -> str:
    """What a file was called at a commit that has another name for it than the other revision; empty where git sees no move."""
    listed = _git(top, "diff", "-z", "--name-status", "--find-renames", "--diff-filter=R", commit, *([other] if other else []), "--")
    parts = os.fsdecode(listed).split("\0")
    moves = dict(zip(parts[2::3], parts[1::3], strict=False))
    return moves.get(path, "")


def _commit(top: Path, revision: str) -> str:
    """The hash of the commit that a revision names."""
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except UsageError:
        raise UsageError(f"--git: this repository has no revision {revision!r}") from None
