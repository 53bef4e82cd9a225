"""The folder of certificates: safe names, a manifest with hashes, and what is found to be wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from specproof.errors import InputError, UsageError

MANIFEST = "manifest.json"
SCHEMA = "specproof manifest 1"

#: No manifest or certificate that we write is near this.
LARGEST = 256 << 20


def write(folder: Path, name: str, content: str | Mapping[str, Any]) -> None:
    """A file below a folder; UsageError where that fails."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from None


def fresh(directory: Path) -> None:
    """Makes a folder for certificates; UsageError where there is something in it, or it cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(f"{directory}: certificates are written into an empty folder, and there is something in this one")
        (directory / MANIFEST).write_text("{}")
    except OSError as error:
        raise UsageError(f"{directory}: cannot be written: {error.strerror}") from None


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
            size += len(block)
    return found.hexdigest(), size


def seal(directory: Path, content: Mapping[str, Any]) -> None:
    """Writes the manifest: what is said, and the hash of every file below the folder."""
    files = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and name != MANIFEST:
            found, size = digest(path)
            files[name] = {"sha256": found, "bytes": size}
    body = {"schema": SCHEMA, **content, "files": files}
    text = json.dumps({**body, "sha256": _own(body)}, ensure_ascii=False, indent=1) + "\n"
    try:
        (directory / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{directory / MANIFEST}: cannot be written: {error.strerror}") from None


def _own(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")).hexdigest()


def load(path: Path) -> Any:
    """JSON from a file; InputError where it is not."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than anything that specproof writes")
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {str(error)[:200]}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a folder, well formed and as it was written; InputError otherwise."""
    path = directory / MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; 'specproof check --certificates {directory}' writes it")
    found = load(path)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InputError(f"{path}: {SCHEMA!r} was expected; the run that wrote it may not have come to its end")
    said = found.pop("sha256", None)
    if said != _own(found):
        raise InputError(f"{path}: was changed after it was written: its own hash does not fit")
    files = found.get("files")
    if not isinstance(files, dict) or not all(_harmless(name) and _entry(entry) for name, entry in files.items()):
        raise InputError(f"{path}: the list of files is not well formed")
    return found


def _harmless(name: object) -> bool:
    if not isinstance(name, str) or "\\" in name or "\0" in name or not name:
        return False
    pure = PurePosixPath(name)
    return not pure.is_absolute() and ".." not in pure.parts and pure.as_posix() == name


def _entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)


def damages(directory: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """What is wrong with the files: missing, truncated, changed, or not in the manifest."""
    for name, entry in files.items():
        path = directory / name
        if path.is_symlink() or not path.is_file():
            yield f"{name}: is missing" if not path.is_symlink() else f"{name}: is a link, and certificates have none"
            continue
        found, size = digest(path)
        if size < entry["bytes"]:
            yield f"{name}: is truncated, {size} bytes of {entry['bytes']}"
        elif found != entry["sha256"]:
            yield f"{name}: was changed"
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if not path.is_dir() and name != MANIFEST and name not in files:
            yield f"{name}: is not in the manifest"
