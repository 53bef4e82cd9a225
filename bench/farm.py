"""What it would cost to decide every second-order mutant of every shipped design, on any number of workers.

`python -m bench.farm --measure FILE` decides a sample of each design's pairs and writes what they took;
`python -m bench.farm FILE` simulates the whole from that: batches of pairs are handed out one by one, largest
design first; a worker explores a design before its first batch of it, and the scheduler hands out one batch
at a time.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.document import indented, section

#: Seconds that scheduler and client are busy with a task, here: 3,000 tasks that do nothing on two workers of dask.distributed 2026.8.
DISPATCH = 0.003
WORKERS = (1, 16, 256, 4096, 65536)
#: Batches that are simulated one by one; more are taken several at a time, where that leaves many for each worker.
MOST = 200_000


@dataclass(frozen=True)
class Design:
    """A design's pairs: how many, what a worker does before the first, and what a sample of them took."""

    name: str
    pairs: int
    setup: float
    took: tuple[float, ...]

    @property
    def work(self) -> float:
        """Seconds of all pairs, without setups."""
        return self.pairs * sum(self.took) / len(self.took)


def measure(name: str, sample: int, timeout: float) -> dict[str, Any]:
    """Decides a sample of a design's pairs, in this process."""
    from specproof.mutate.campaign import Campaign, Request
    from specproof.mutate.tamper import OPERATORS

    campaign = Campaign.of(Request(name, order=2, sample=sample, seed=1, timeout=timeout))
    places = sum(len(campaign.workshop.changes(action, tuple(OPERATORS))) for action in campaign.design.actions)
    start = time.process_time()
    for configuration in campaign.configurations:
        campaign.base(configuration)
    setup = time.process_time() - start
    start = time.process_time()
    chosen = campaign.all()
    made = (time.process_time() - start) / max(1, len(chosen))
    took, left = [], []
    for mutant in chosen:
        start = time.process_time()
        if campaign.strike(mutant) is None:
            left.append(mutant)
        took.append(made + time.process_time() - start)
    start = time.process_time()
    fates = [campaign.settle(mutant).status for mutant in left]
    rest = time.process_time() - start
    took += [0.0] * (0 if took else 1)
    spread = rest / len(took)
    return {
        "design": name, "pairs": places * (places - 1) // 2, "setup": setup, "took": [seconds + spread for seconds in took],
        "killed": len(chosen) - len(left), "left": fates,
    }  # fmt: skip


def simulate(designs: Sequence[Design], workers: int, batch: float, dispatch: float = DISPATCH) -> float:
    """Seconds until the last batch of about `batch` seconds is done: each goes to the worker that is free first.

    A worker stays with its design while that has batches left, then takes up the one with most work left for each
    worker on it. Long and short pairs are spread evenly over batches, as a random order does.
    """
    several = sum(design.work for design in designs) / batch / max(MOST, 20 * workers)
    if several > 1:
        batch, dispatch = batch * several, dispatch * several
    chance = random.Random(1)
    left = {design.name: max(1, round(design.work / batch)) for design in designs}
    cost = {design.name: design.work / left[design.name] for design in designs}
    setup = {design.name: design.setup for design in designs}
    staff = dict.fromkeys(left, 0)
    at: dict[int, str] = {}
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    clock, end = 0.0, 0.0
    while any(left.values()):
        now, worker = heapq.heappop(free)
        here = at.get(worker)
        if here is None or not left[here]:
            new = max((name for name in left if left[name]), key=lambda name: left[name] * cost[name] / (staff[name] + 1))
            staff[new] += 1
            if here is not None:
                staff[here] -= 1
            at[worker], now, here = new, now + setup[new], new
        left[here] -= 1
        clock = max(clock + dispatch, now)
        finish = clock + cost[here] * chance.uniform(0.8, 1.2)
        end = max(end, finish)
        heapq.heappush(free, (finish, worker))
    return end


def table(designs: Sequence[Design], batch: float) -> list[tuple[int, float, float]]:
    """For each number of workers: seconds, and the share of the workers' time that is work."""
    work = sum(design.work for design in designs)
    return [(count, seconds := simulate(designs, count, batch), work / (seconds * count)) for count in WORKERS]


def read(path: Path) -> list[Design]:
    """What `--measure` wrote."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return [Design(one["design"], one["pairs"], one["setup"], tuple(one["took"])) for one in found["designs"]]


def text(designs: Sequence[Design], batch: float) -> str:
    """Both tables."""
    lines = [f"{'design':<24}{'pairs':>10}{'setup s':>10}{'s a pair':>10}{'hours':>10}"]
    for design in sorted(designs, key=lambda one: -one.work):
        lines.append(f"{design.name:<24}{design.pairs:>10}{design.setup:>10.1f}{design.work / design.pairs:>10.2f}{design.work / 3600:>10.1f}")
    lines += ["", f"{'workers':>8}{'hours':>12}{'efficiency':>12}"]
    lines += [f"{count:>8}{seconds / 3600:>12.2f}{share:>12.0%}" for count, seconds, share in table(designs, batch)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measures, or simulates and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.farm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=Path("farm.json"))
    parser.add_argument("--measure", action="store_true", help="decide samples and write the file")
    parser.add_argument("--one", metavar="DESIGN", help="decide a sample of one design and print JSON")
    parser.add_argument("--sample", type=int, default=12, help="pairs of each design")
    parser.add_argument("--timeout", type=float, default=2, help="seconds for a question to a solver")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--batch", type=float, default=20, help="seconds of work in a batch")
    wanted = parser.parse_args()
    if wanted.one:
        print(json.dumps(measure(wanted.one, wanted.sample, wanted.timeout)))
        return 0
    if wanted.measure:
        from specproof.load import library

        known, found = library(), []
        wanted.file.parent.mkdir(parents=True, exist_ok=True)
        for name in known.designs:
            command = [sys.executable, "-m", "bench.farm", "--one", name, "--sample", str(wanted.sample), "--timeout", str(wanted.timeout)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{name}: {done.stderr.splitlines()[-1]}", file=sys.stderr)
                continue
            found.append(json.loads(done.stdout))
            wanted.file.write_text(json.dumps({"designs": found}, indent=1) + "\n", encoding="utf-8")  # so far, in case it is cut
            each = sum(found[-1]["took"]) / len(found[-1]["took"])
            print(f"{name}: {found[-1]['pairs']} pairs, {found[-1]['setup']:.1f} s, then {each:.2f} s each", flush=True)
        return 0
    said = text(read(wanted.file), wanted.batch)
    print(said, end="")
    if wanted.write:
        section("farm", f"## Every pair of mutants, simulated\n\n{' '.join((__doc__ or '').split())}\n\n{indented(said)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
