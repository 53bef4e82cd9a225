"""What was decided before: JSON, compressed, by the hash of what was asked, in one bounded sqlite file.

Whatever is wrong with the file costs time and never an answer: a value is returned only if its own hash
is right, a damaged file is said and made anew, one that cannot be written is said once and done without.
Any number of processes may use it at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Bytes of values that are kept; beyond that the ones used longest ago go, until this share is left.
LIMIT, LEFT = 64 << 20, 0.8
#: Raised when the tables change; a file with another number is made anew.
VERSION = 1
#: Seconds to wait for another process, and after which a value counts as used again.
PATIENCE, AGAIN = 10.0, 3600

_TABLES = """
CREATE TABLE entry (key TEXT PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL, hash TEXT NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX oldest ON entry (used);
"""
#: What sqlite calls a file that is not as it wrote it: no such table, damaged, not a database, cut short.
_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_MISMATCH}


class Damaged(Exception):
    """The file is not as it was written."""


#: Everything that reading a damaged file raises, messages that are no text among it.
_BROKEN = (Damaged, sqlite3.DatabaseError, zlib.error, ValueError)


@dataclass(frozen=True)
class Info:
    """What is in a cache: number and bytes of values by kind."""

    path: Path
    kinds: dict[str, tuple[int, int]]
    on_disk: int

    @property
    def size(self) -> int:
        return sum(size for _, size in self.kinds.values())


def location() -> Path:
    """The file: below XDG_CACHE_HOME where that is an absolute path, else below ~/.cache."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if os.path.isabs(given) else Path(os.path.expanduser("~")) / ".cache"
    return home / "specproof" / "answers.sqlite"


class Cache:
    """The file at `path`. `say` is told, in a sentence, what is wrong with it."""

    def __init__(self, path: Path, say: Callable[[str], None], limit: int = LIMIT) -> None:
        """Nothing is opened yet; `limit` is the bytes of values to keep."""
        self.path, self.say, self.limit = path, say, limit
        self.off = False

    def get(self, key: str) -> Any:
        """The value of a key, or None."""

        def look(at: sqlite3.Connection) -> Any:
            row = at.execute("SELECT kind, value, hash, used FROM entry WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            kind, value, known, used = row
            if not isinstance(value, bytes) or _hash(key, kind, value) != known:
                raise Damaged("a value does not have its hash")
            if time.time() - used > AGAIN:
                with contextlib.suppress(sqlite3.OperationalError), at:  # another process writes: no matter
                    at.execute("UPDATE entry SET used = ? WHERE key = ?", (int(time.time()), key))
            return json.loads(zlib.decompress(value))

        return self._try(look)

    def put(self, key: str, kind: str, value: Any) -> None:
        """Keeps a value under a key."""
        data = zlib.compress(json.dumps(value, separators=(",", ":")).encode())
        if len(data) > self.limit // 4:
            return

        def keep(at: sqlite3.Connection) -> None:
            with at:
                at.execute("BEGIN IMMEDIATE")
                row = (key, kind, data, _hash(key, kind, data), len(data), int(time.time()))
                at.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
                self._shrink(at)

        self._try(keep)

    def _shrink(self, at: sqlite3.Connection) -> None:
        total = at.execute("SELECT coalesce(sum(size), 0) FROM entry").fetchone()[0]
        if total <= self.limit:
            return
        for key, size in at.execute("SELECT key, size FROM entry ORDER BY used, rowid").fetchall():
            if total <= self.limit * LEFT:
                return
            at.execute("DELETE FROM entry WHERE key = ?", (key,))
            total -= size

    def sound(self) -> bool:
        """Whether the file can be used; what is wrong is said, and mended where it can be."""
        self._try(_check)
        return not self.off

    def info(self) -> Info:
        """What is there; nothing where there is no file."""
        query = "SELECT kind, count(*), sum(size) FROM entry GROUP BY kind ORDER BY kind"
        rows = self._try(lambda at: at.execute(query).fetchall()) if self.path.exists() else []
        files = (self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm"))
        return Info(self.path, {kind: (count, size) for kind, count, size in rows or []}, sum(f.stat().st_size for f in files if f.exists()))

    def clear(self) -> None:
        """Removes every value; the file stays, since others may be using it."""

        def empty(at: sqlite3.Connection) -> None:
            with at:
                at.execute("DELETE FROM entry")
            at.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        if self.path.exists():
            self._try(empty)

    def _try(self, what: Callable[[sqlite3.Connection], T]) -> T | None:
        """What a function makes of the open file; None where there is none to be had."""
        for last in (False, True):
            if self.off:
                return None
            try:
                with closing(self._open()) as at:
                    return what(at)
            except _BROKEN as error:
                if last or not _damage(error):
                    self._give_up(error)
                else:
                    self._renew(error)
            except OSError as error:
                self._give_up(error)
        return None

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        at = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            at.execute("PRAGMA synchronous = OFF")  # a file torn by a power cut is found by its hashes, and made anew
            if (version := at.execute("PRAGMA user_version").fetchone()[0]) != VERSION:
                self._create(at, version)
        except BaseException:
            at.close()
            raise
        return at

    def _create(self, at: sqlite3.Connection, version: int) -> None:
        with _locked(self.path):
            now = at.execute("PRAGMA user_version").fetchone()[0]
            if now == VERSION:  # another process was first
                return
            if now or at.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise Damaged(f"it has form {version}, and {VERSION} was expected")
            at.execute("PRAGMA auto_vacuum = FULL")
            at.execute("PRAGMA journal_mode = WAL")
            at.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def _renew(self, error: Exception) -> None:
        """Removes a damaged file, unless another process has done so by now."""
        with _locked(self.path):
            try:
                with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as at:
                    if at.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                        _check(at)
                        return
            except _BROKEN:
                pass
            self.say(f"the cache {self.path} is damaged ({_line(error)}); it is made anew")
            for end in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def _give_up(self, error: Exception) -> None:
        self.off = True
        self.say(f"the cache {self.path} cannot be used ({_line(error)}); going on without")


def _check(at: sqlite3.Connection) -> None:
    """Raises Damaged where anything in the file is not as it was written."""
    said = at.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise Damaged(said)
    for key, kind, value, known in at.execute("SELECT key, kind, value, hash FROM entry"):
        if not isinstance(value, bytes) or _hash(key, kind, value) != known:
            raise Damaged("a value does not have its hash")


def _hash(key: str, kind: str, value: bytes) -> str:
    return hashlib.sha256(f"{key}\n{kind}\n".encode() + value).hexdigest()


def _damage(error: Exception) -> bool:
    return not isinstance(error, sqlite3.Error) or getattr(error, "sqlite_errorcode", None) in _DAMAGE


def _line(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time makes or removes the file."""
    with open(path.with_name("lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
