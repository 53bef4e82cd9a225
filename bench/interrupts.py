"""`python -m bench.interrupts [--count N] [--seed S] [--longest SECONDS] [--command check|review]`

Ctrl-C, for all processes of the terminal, at random moments: each time it must end with 130, show no traceback and leave no
worker behind, and what is in the JSON file of a check must be whole, undecided claims unknown. While Python itself starts, before
any of our code can, it ends as Python does (-2 or 1).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TOP = Path(__file__).parents[1]

#: Seconds that may pass between Ctrl-C and the end, and with which a run that ends as if there had been none was about to end.
PATIENCE, ENDING = 60.0, 1.0


def interrupted(arguments: list[str], delay: float, folder: Path) -> tuple[int, str]:
    """Runs `specproof` and interrupts it; its exit code, and what was wrong about its end ("" for nothing)."""
    output = folder / "out.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "specproof", *arguments, *(["--json", str(output)] if arguments[0] == "check" else [])]
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        time.sleep(delay)
        children = _children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        sent = time.monotonic()
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return -1, "it did not end"
    code = process.returncode
    if code == 0 or (code == 1 and arguments[0] == "review" and not err):  # it was done; nothing that is asked here is undecided
        late = time.monotonic() - sent
        return code, f"it went on for {late:.1f} s: {err[-400:]}" if late > ENDING else ""
    starting = code == -signal.SIGINT or (code == 1 and err.rstrip().endswith("KeyboardInterrupt"))
    if starting and not re.search(r'cli\.py", line \d+, in main', err):  # Python itself was: it ends by the signal, or with a line, as Python does
        return code, ""
    if code != 130 or "Traceback" in err or "Traceback" in out:
        return code, f"exit code {code}: {err[-400:]}"
    for _ in range(100):
        if not any(Path(f"/proc/{child}").exists() for child in children):
            break
        time.sleep(0.1)
    else:
        return code, f"left behind: {children}"
    if output.exists():
        found = json.loads(output.read_text(encoding="utf-8"))["results"]
        if other := {one["reason"] for one in found if one["verdict"] == "unknown"} - {"interrupted"}:
            return code, f"undecided, and not for the interruption: {sorted(other)}"
    return code, ""


def _children(pid: int) -> list[int]:
    """Processes that this one started, and theirs."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            own = [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii").split()]
            found += [*own, *(other for child in own for other in _children(child))]
    except OSError:
        pass
    return found


def main() -> int:
    """Prints how often it ended how."""
    parser = argparse.ArgumentParser(prog="python -m bench.interrupts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=8.0, help="the last moment, in seconds after the start")
    parser.add_argument("--command", choices=("check", "review"), default="check")
    wanted = parser.parse_args()
    designs = ["kvm-rfc-v2"] if wanted.command == "check" else ["kvm-rfc-v2", "kvm-rfc-v3"]
    drawn, counts, wrong = random.Random(wanted.seed), Counter[int](), 0
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(wanted.count):
            delay = drawn.uniform(0.0, wanted.longest)
            code, what = interrupted([wanted.command, *designs, "--jobs", "2", "--no-cache"], delay, Path(folder))
            counts[code] += 1
            if what:
                wrong += 1
                print(f"WRONG after {delay:.3f} s: {what}", flush=True)
    ended = ", ".join(f"{number} with {code}" for code, number in sorted(counts.items()))
    print(f"{counts.total()} interruptions, {wrong} wrong; exit codes: {ended}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
