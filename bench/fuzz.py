"""`python -m bench.fuzz [--count N] [--seed S] [--kind K]... [--seconds T]`

Malformed inputs of every kind that the command line reads, each made from a good one by a few changes. What must come is an exit
code that the command documents: no exception, no internal error, no more than some seconds of the processor.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from specproof import pinned
from specproof.cli import main as cli
from specproof.trust.files import MANIFEST, seal

TOP = Path(__file__).parents[1]

#: Seconds of the processor that one input may take.
LIMIT = 20.0

#: What stands in for a value of JSON, or for a piece of text.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1 << 70, 1.5, float("inf"), "", "x" * 5000, "\ud800", "../../x", "<script>", "0x", "-0x1", [], {}, [[]], {"": 0},
)  # fmt: skip
PIECES = (
    "\0", "\ufeff", "'", '"', '"""', "\\", "\n", "[", "]]", "{", "}", "=", "#", "0x", "1e999", "-1", "null", "nan", "../", "\u2028", "\ud83d\ude00",
    "[[host]]", "[[force]]", "true", "9" * 400, "[" * 2000, " " * 3000, "lambda: 0", "~", "import nothing_of_that_name", "s.nothing", "return None",
)  # fmt: skip


class Hang(BaseException):
    """One input took more than its time; no handler of the program's can take it for an error of its own."""


@dataclass
class Kind:
    """One kind of input: the good ones, the file that is changed, and the command that reads it."""

    good: list[bytes]
    suffix: str
    command: Callable[[Path], int]
    codes: tuple[int, ...] = (0, 1, 2, 3)


@dataclass
class Wrong:
    """An input that was not taken as it should be."""

    kind: str
    number: int
    what: str
    data: bytes


# --------------------------------------------------------------------------------------------------------- changes


def changed(data: bytes, suffix: str, drawn: random.Random) -> bytes:
    """A good input with a few changes; one in four of its structure, where it is JSON."""
    if suffix == ".json" and drawn.random() < 0.4:
        with contextlib.suppress(ValueError):
            value = json.loads(data)
            for _ in range(drawn.choice((1, 1, 2))):
                value = _restructured(value, drawn)
            return json.dumps(value).encode()
    for _ in range(drawn.choice((1, 1, 1, 2, 3, 8))):
        data = _edited(data, drawn)
    return data


def _edited(data: bytes, drawn: random.Random) -> bytes:
    place, length = drawn.randrange(len(data) + 1), drawn.choice((1, 1, 2, 5, 20, 200))
    end = min(len(data), place + length)
    way = drawn.randrange(8)
    if way == 0:
        return data[:place]
    if way == 1:
        return data[:place] + data[end:]
    if way == 2:
        return data[:end] + data[place:]
    if way == 3:
        return data[:place] + drawn.choice(PIECES).encode("utf-8", "surrogatepass") + data[place:]
    if way == 4:
        return data[:place] + drawn.choice(PIECES).encode("utf-8", "surrogatepass") + data[end:]
    if way == 5 and end > place:
        return data[:place] + bytes([data[place] ^ 1 << drawn.randrange(8)]) + data[place + 1 :]
    lines = data.split(b"\n")
    one, other = drawn.randrange(len(lines)), drawn.randrange(len(lines))
    if way == 6:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(one, lines[other])
    return b"\n".join(lines)


def _restructured(value: Any, drawn: random.Random) -> Any:
    """One value somewhere inside replaced, dropped, doubled or moved under another name."""
    if not isinstance(value, dict | list) or not value or drawn.random() < 0.15:
        return drawn.choice(VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = drawn.choice(keys)
    way = drawn.random()
    if way < 0.15:
        del value[key]
    elif way < 0.25 and isinstance(value, dict):
        value[drawn.choice(("", "x" * 300, "\ud800", "design", "../x", *map(str, keys)))] = value.pop(key)
    elif way < 0.25:
        value.insert(key, value[drawn.choice(keys)])  # type: ignore[arg-type]
    else:
        value[key] = _restructured(value[key], drawn)
    return value


# --------------------------------------------------------------------------------------------------------- kinds


def kinds(folder: Path) -> dict[str, Kind]:
    """Every kind of input, with good ones made in `folder`."""
    policies = [path.read_bytes() for path in sorted((TOP / "tests" / "policies").glob("*.toml"))]
    pools = [one for one in policies if b"[[host]]" in one]
    plain = [one for one in policies if b"[[host]]" not in one]
    good = folder / "good.toml"
    good.write_bytes(plain[0])
    pool = folder / "pool.toml"
    pool.write_bytes(pools[0])
    thin = (TOP / "tests" / "designs" / "claims_of_thin.py").read_bytes()
    own = folder / "own.py"
    own.write_bytes(thin)
    shutil.copy(TOP / "tests" / "designs" / "thin.py", folder / "thin.py")
    trace, checked, certificates = folder / "trace.json", folder / "check.json", folder / "certificates"
    _quietly(["explain", f"{own}:broken", "forced", "--config", "emulated", "--jobs", "1", "--format", "json", "-o", str(trace)])
    _quietly(["check", str(own), "--claim", "forced", "--config", "emulated", "--jobs", "1", "--certificates", str(certificates)])
    _quietly(["check", "intel", "--jobs", "1", "--json", str(checked)])
    files = [path.relative_to(certificates) for path in sorted(certificates.rglob("*")) if path.is_file()]
    return {
        "policy": Kind(plain, ".toml", lambda file: cli(["review", "--policy", str(good), str(file), "--format", "text", "--timeout", "5"])),
        "pool": Kind(pools, ".toml", lambda file: cli(["fleet", str(file), str(good), "--format", "text", "--timeout", "5"])),
        "trace": Kind([trace.read_bytes()], ".json", lambda file: cli(["replay", str(file), "--model", str(own)])),
        "check": Kind([checked.read_bytes()], ".json", lambda file: pinned.main([str(file)]), (0, 2)),
        "design": Kind([own.read_bytes()], ".py", _check),
        **{
            f"certificate {name}{' sealed' * sealed}": Kind([(certificates / file).read_bytes()], file.suffix, _verifies(certificates, file, sealed))
            for name, file in {_sort(one): one for one in files}.items()
            for sealed in (False, True)
        },
    }


def _check(file: Path) -> int:
    return cli(["check", str(file), "--claim", "forced", "--config", "emulated", "--jobs", "1", "--no-cache"])


def _sort(file: Path) -> str:
    """Files that are read alike: the manifest, certificates, runs, queries, what is written for people."""
    return file.name if file.suffix == ".json" else file.suffix


def _verifies(certificates: Path, name: Path, sealed: bool) -> Callable[[Path], int]:
    """Verifies with a changed file; `sealed`: by somebody who made all hashes fit."""

    def verify(file: Path) -> int:
        manifest, held = (certificates / MANIFEST).read_bytes(), (certificates / name).read_bytes()
        try:
            shutil.copy(file, certificates / name)
            if sealed:
                with contextlib.suppress(ValueError):
                    said = json.loads((certificates / MANIFEST).read_bytes())
                    if isinstance(said, dict):
                        seal(certificates, {key: value for key, value in said.items() if key not in ("sha256", "schema", "files")})
            return cli(["verify", str(certificates), "--timeout", "5"])
        finally:
            (certificates / name).write_bytes(held)
            (certificates / MANIFEST).write_bytes(manifest)

    return verify


def _quietly(arguments: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli(arguments)


# ----------------------------------------------------------------------------------------------------------- a run


def fuzz(count: int, seed: int, chosen: list[str], seconds: float = 1e9) -> tuple[Counter[tuple[str, int]], list[Wrong], float]:
    """How often each kind ended with each exit code, what was wrong, and the longest time of one input."""
    counts: Counter[tuple[str, int]] = Counter()
    wrong: list[Wrong] = []
    longest, until = 0.0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, {"XDG_CACHE_HOME": name}):
        folder = Path(name)
        table = folder / "table"
        table.mkdir()
        known = {kind: made for kind, made in kinds(folder).items() if not chosen or kind.split()[0] in chosen}
        with mock.patch.object(pinned, "table", return_value=table), _clock():
            for number in range(count):
                if time.monotonic() > until:
                    break
                kind = list(known)[number % len(known)]
                drawn = random.Random(f"{seed} {number}")
                made = known[kind]
                data = changed(drawn.choice(made.good), made.suffix, drawn)
                file = folder / f"input{number}{made.suffix}"
                file.write_bytes(data)
                before = _used()
                code, what = _one(made, file)
                longest = max(longest, _used() - before)
                counts[(kind, code)] += 1
                if what:
                    wrong.append(Wrong(kind, number, what, data))
                file.unlink()
    return counts, wrong, longest


def _one(kind: Kind, file: Path) -> tuple[int, str]:
    said = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = kind.command(file)
    except Hang:
        return -1, f"more than {LIMIT:g} s"
    except BaseException as error:
        return -1, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    text = said.getvalue()
    for sign in ("Traceback", "internal error", "Error:"):
        if sign in text and (sign != "Error:" or kind.suffix != ".py"):
            return code, next(line for line in text.splitlines() if sign in line)
    return code, "" if code in kind.codes else f"exit code {code}"


@contextlib.contextmanager
def _clock() -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise Hang

    old = signal.signal(signal.SIGPROF, late)
    try:
        yield
    finally:
        signal.signal(signal.SIGPROF, old)


def _used() -> float:
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def main() -> int:
    """Prints the figures and what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", default=[], choices=["policy", "pool", "trace", "check", "design", "certificate"])
    parser.add_argument("--seconds", type=float, default=1e9, help="end after so many seconds of the clock")
    parser.add_argument("--keep", type=Path, help="a folder for inputs that were wrong")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    counts, wrong, longest = fuzz(wanted.count, wanted.seed, wanted.kind, wanted.seconds)
    for kind in dict.fromkeys(kind for kind, _ in sorted(counts)):
        codes = ", ".join(f"{number} with {code}" for (one, code), number in sorted(counts.items()) if one == kind)
        print(f"{kind:28} {sum(number for (one, _), number in counts.items() if one == kind):6}  exit codes: {codes}")
    print(f"{counts.total()} inputs, {len(wrong)} wrong, at most {longest:.2f} s of the processor for one")
    for one in wrong:
        print(f"WRONG {one.kind} {one.number}: {one.what}")
        if wanted.keep:
            wanted.keep.mkdir(parents=True, exist_ok=True)
            (wanted.keep / f"{one.kind.replace(' ', '')}-{one.number}").write_bytes(one.data)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
