"""A process with a limit: how long it took, how much memory it had, what it said."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ABC = shutil.which("berkeley-abc") or shutil.which("abc")

#: Lines are written as they come, so that what a cut run found is not lost in a buffer.
UNBUFFERED = ["stdbuf", "-oL"] if shutil.which("stdbuf") else []

#: Commands of ABC, each a known way to prove many outputs together.
FLOWS = {"pdr": "pdr -a", "scorr pdr": "scorr; dc2; pdr -a"}


@dataclass
class Run:
    """What a process did. `seconds` is its time on the processor, `words` the verdicts by claim, `said` the lines of a child."""

    seconds: float
    megabytes: float
    cut: bool
    output: str
    words: dict[str, str] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def inner(self) -> float:
        """Seconds without imports and the making of the system, where the child says so."""
        done = [line["seconds"] for line in self.said if "seconds" in line and not {"claim", "depth"} & set(line)]
        return done[-1] if done else self.seconds


def run(arguments: Sequence[str], cut: float, folder: str | None = None, path: str | None = None) -> Run:
    """Runs a process that the system kills after `cut` seconds on the processor, and we after five times that, with all that it
    started. `folder`: where it runs; `path`: where it looks for programs."""
    limit = math.ceil(cut)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            list(arguments), stdout=output, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **({"PATH": path} if path else {})},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        )  # fmt: skip
        timer = threading.Timer(5 * cut, _end, [process.pid])
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
            _end(process.pid)
        output.seek(0)
        text = output.read().decode(errors="replace")
    process.returncode = os.waitstatus_to_exitcode(status)
    cut_off = process.returncode in (-signal.SIGKILL, -signal.SIGXCPU)
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, cut_off, text)


def _end(group: int) -> None:
    """Kills a process with what it started, as far as anything of that is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def child(task: str, *arguments: str, cut: float) -> Run:
    """A task of bench.child. Raises where it fails."""
    done = run([sys.executable, "-m", "bench.child", task, *arguments], cut)
    for line in done.output.splitlines():
        try:
            done.said.append(json.loads(line))
        except ValueError:
            if not done.cut:
                raise RuntimeError(f"bench.child {task} {' '.join(arguments)}:\n{done.output}") from None
    done.words = {line["claim"]: line["word"] for line in done.said if "claim" in line}
    return done


def abc(file: str, outputs: Sequence[str], flow: str, cut: float) -> Run:
    """ABC on an AIGER file: each output proved, or refuted where it can rise."""
    flow = flow if len(outputs) > 1 else flow.replace("pdr -a", "pdr")
    done = run([*UNBUFFERED, str(ABC), "-c", f"read_aiger {file}; {flow}"], cut)
    refuted = {outputs[int(number)] for number in re.findall(r"Output +(\d+) was asserted", done.output)}
    if len(outputs) == 1:
        single = "proved" if "Property proved" in done.output else "refuted" if "was asserted" in done.output else ""
        done.words = {outputs[0]: single} if single else {}
    else:
        done.words = dict.fromkeys(sorted(refuted), "refuted")
        if re.search(r"Undecided = 0\.", done.output):
            done.words |= {name: "proved" for name in outputs if name not in refuted}
    done.cut = done.cut or len(done.words) < len(outputs)
    clauses = re.findall(r"Invariant F\[\d+\] : (\d+) clauses", done.output)
    done.said = [{"clauses": int(clauses[-1]) if clauses else None}]
    return done
