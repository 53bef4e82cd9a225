"""What a user waits for: the first verdict, the whole matrix on one core and on two, the same again, and after a change; one
design, one claim, and a review of two designs.

`python -m bench.runs` measures `specproof check` and `review` as processes, on a copy of the sources, with a cache of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.document import section, table

TOP = Path(__file__).parents[1]


@dataclass(frozen=True)
class Took:
    """One run: seconds on the clock, seconds of all its processes, megabytes of the largest, and its last line on stderr."""

    clock: float
    processor: float
    megabytes: float
    said: str
    output: str


def run(folder: Path, environment: Mapping[str, str], *arguments: str) -> Took:
    """Runs `specproof` and its workers to the end."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        start = time.monotonic()
        command = [sys.executable, "-m", "specproof", *arguments]
        process = subprocess.Popen(command, cwd=folder, env={**environment}, stdout=out, stderr=error)
        _, status, usage = os.wait4(process.pid, 0)  # its workers' time is in it: it waits for them
        clock = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), error.seek(0)
        said, output = error.read().splitlines(), out.read()
    if process.returncode not in (0, 1, 3):
        raise RuntimeError(f"{command}: {said}")
    return Took(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said[-1] if said else "", output)


def first_verdict(folder: Path, environment: Mapping[str, str]) -> float:
    """Seconds on the clock until the first line of a check that knows nothing."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "specproof", "check", "--no-cache"], cwd=folder, env={**environment}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    seconds = time.monotonic() - start
    process.terminate()
    process.communicate()
    return seconds


def measure(designs: Sequence[str]) -> list[list[str]]:
    """The rows of the table; `designs`: those that are checked, by default all that ship."""
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("specproof", "models", "proofs"):
            shutil.copytree(TOP / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(TOP / "pyproject.toml", folder)
        path = os.pathsep.join([str(folder), *(one for one in sys.path if one and Path(one) != TOP)])
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": path}

        def row(what: str, *arguments: str) -> Took:
            took = run(folder, environment, *arguments)
            known = took.said.split(";")[0] if "cached" in took.said else ""
            if "--live" in arguments:
                last = json.loads(took.output.splitlines()[-1])
                known = f"{last['cached']} of {last['units']} units cached"
            rows.append([what, f"{took.clock:.2f}", f"{took.processor:.2f}", f"{took.megabytes:.0f}", known])
            print("  ".join(rows[-1]), flush=True)
            return took

        run(folder, environment, "check", "--quiet", "--no-cache", "bit-vectors")  # compiles the files
        rows.append(["first verdict, nothing known", f"{first_verdict(folder, environment):.2f}", "", "", ""])
        one = row("all claims, one process, no cache", "check", *designs, "--jobs", "1", "--no-cache")
        two = row("all claims, two processes, no cache", "check", *designs, "--jobs", "2", "--no-cache")
        row("the same, and what was found is kept", "check", *designs, "--jobs", "2")
        again = row("again", "check", *designs)
        if not one.output == two.output == again.output:
            raise RuntimeError("two runs of the same check differ")
        row("again, every unit looked up", "check", *designs, "--live", "--jobs", "2")
        row("every claim of kvm-reference, one process", "check", "kvm-reference", "--jobs", "1", "--no-cache")
        row("one claim of it, one process", "check", "kvm-reference", "--claim", "enforcement", "--jobs", "1", "--no-cache")
        pair = ("review", "kvm-rfc-v2", "kvm-reference", "--no-cache")
        if row("review of two designs, one process", *pair, "--jobs", "1").output != row("... two processes", *pair, "--jobs", "2").output:
            raise RuntimeError("two runs of the same review differ")
        changed = folder / "models" / "acrn.py"
        changed.write_text(changed.read_text(encoding="utf-8").replace(" | ", " & ", 1), encoding="utf-8")
        row("after a change of one design", "check", *designs, "--jobs", "2")
    return rows


def main() -> int:
    """Measures and writes the section."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    rows = measure(arguments)
    print(json.dumps(rows))
    if "--write" in sys.argv:
        head = ["run", "clock s", "processor s", "MB of the largest process", "cache"]
        load = os.getloadavg()[0]
        what = f"`python -m bench.runs`: `specproof` as a process, imports included; {os.cpu_count()} cores, load {load:.1f} at the end."
        section("runs", f"## What a user waits for\n\n{what}\n\n{table(head, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
