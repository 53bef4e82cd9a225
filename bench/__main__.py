"""`python -m bench [--design NAME]... [--cut SECONDS] [--claims all|none|NAME,...] [--singly PEER,...] [--json FILE]`

Three tables: all claims of a design together; claim by claim; and how cost grows with a design made larger
on purpose. Every figure is seconds of the processor in a process of its own, imports apart. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.run import ABC, FLOWS, Run, abc, child

DESIGNS = ("kvm-rfc-v2", "kvm-reference", "intel")

#: Each axis of the worst case on its own, and the shape of real designs; each from small to large.
GROWTH = (
    tuple(f"words:{n},flags:4,actions:8" for n in (2, 4, 8, 12, 16)),
    tuple(f"words:4,flags:{n},actions:8" for n in (2, 4, 8, 12, 16)),
    tuple(f"words:4,flags:4,actions:{n}" for n in (4, 8, 16, 32, 64)),
    tuple(f"vmcs:{n}" for n in (1, 2, 3, 4, 5)),
)


class Wrong(Exception):
    """Two peers disagree, which is worse than any time."""


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--design", action="append", help=f"a design; more than once for several; default: {', '.join(DESIGNS)}")
    parser.add_argument("--config", help="one configuration of the designs, instead of each")
    parser.add_argument("--cut", type=float, default=60, help="seconds after which a peer is stopped")
    parser.add_argument("--claims", default="all", help="claims of the second table: all, none, or names")
    parser.add_argument("--singly", default="pdr", help="peers of the second table: of pdr, spacer, bounded; the latter two take hours")
    parser.add_argument("--growth", default="all", help="all, none, or names of synthetic designs separated by ';'")
    parser.add_argument("--json", type=Path, help="write every measurement here too")
    wanted = parser.parse_args()
    print(machine())
    bench = Bench(wanted.cut, wanted.singly.split(","))
    for design in wanted.design or DESIGNS:
        bench.design(design, wanted.config, wanted.claims)
    if wanted.growth != "none":
        bench.growth(GROWTH if wanted.growth == "all" else (tuple(wanted.growth.split(";")),))
    if wanted.json:
        wanted.json.write_text(json.dumps(bench.measured, indent=1) + "\n", encoding="utf-8")
    return 0


def machine() -> str:
    """What it ran on, and with which versions."""
    names = [f"{name} {version(name)}" for name in ("z3-solver", "numpy", "sympy")]
    where = f"ABC at {ABC}" if ABC else "berkeley-abc is not installed: its columns are empty (apt-get install berkeley-abc)"
    processor = next((line.split(": ")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{processor}, {os.cpu_count()} cores, one of them used; Python {platform.python_version()}, {', '.join(names)}; {where}\n"


def _lines(file: str) -> Iterator[str]:
    path = Path(file)
    yield from path.read_text().splitlines() if path.exists() else ()


class Bench:
    """Measures and prints; keeps every figure in `measured`."""

    def __init__(self, cut: float, singly: list[str]) -> None:
        """`cut`: seconds after which a peer is stopped; `singly`: the peers of the second table."""
        self.cut, self.singly = cut, singly
        self.measured: list[dict[str, Any]] = []

    def design(self, design: str, configuration: str | None, claims: str) -> None:
        """The first two tables, for one design, in one configuration or in each."""
        said = [line for line in child("configurations", design, cut=600).said if configuration in (None, line["configuration"])]
        print(f"{design}: all claims together, cut at {self.cut:g} s\n")
        rows = [self.together(design, line["configuration"], line["claims"]) for line in said]
        print(table(["configuration", "claims", "specproof", "lemmas", *FLOWS, "clauses", "Spacer", "bounded Z3", "best / ours"], rows))
        if claims == "none":
            return
        print(f"\n{design}: claim by claim; seconds, and for specproof also with a cold start of the process\n")
        for line in said:
            names = line["claims"] if claims == "all" else [name for name in claims.split(",") if name in line["claims"]]
            rows = [self.single(design, line["configuration"], name) for name in names]
            if rows:
                print(line["configuration"])
                print(table(["claim", "verdict", "specproof", "cold", "pdr", "Spacer", "bounded Z3", "best / ours"], rows))

    def together(self, design: str, configuration: str, claims: list[str]) -> list[str]:
        """A row of the first table."""
        mine = self._ours(design, configuration, "")
        flows = {name: self._abc(design, configuration, "", flow) for name, flow in FLOWS.items()} if ABC else {}
        fixed = self._peer("spacer", design, configuration, "")
        runs = [name for name, word in mine.words.items() if word == "refuted" or (word == "proved" and name in reachability(mine))]
        unrolled = self._peer("bounded", design, configuration, ",".join(runs)) if runs else None
        peers = {**flows, "Spacer": fixed}
        for name, peer in {**peers, **({"bounded Z3": unrolled} if unrolled else {})}.items():
            self._agree(design, configuration, name, mine, peer)
        clauses = [str(run_.said[0]["clauses"]) for run_ in flows.values() if run_.said[0]["clauses"]]
        best = min((peer.inner for peer in peers.values() if not peer.cut), default=None)
        found = "nothing to find"
        if unrolled:
            depth = max((line["depth"] for line in unrolled.said if "depth" in line), default=0)
            found = f"{len(unrolled.words)} of {len(runs)} runs, {unrolled.inner if not unrolled.cut else self.cut:.1f} s, depth {depth}"
        lemmas = next((str(line["lemmas"]) for line in mine.said if "lemmas" in line), "")
        return [
            configuration, str(len(claims)), shown(mine, len(claims), memory=True), lemmas,
            *(shown(flows.get(name), len(claims)) for name in FLOWS), "/".join(clauses), shown(fixed, len(claims)), found,
            ratio(best, mine.inner, self.cut),
        ]  # fmt: skip

    def single(self, design: str, configuration: str, claim: str) -> list[str]:
        """A row of the second table."""
        mine = self._ours(design, configuration, claim)
        word = mine.words.get(claim, "cut")
        flow = self._abc(design, configuration, claim, "pdr -a") if ABC and "pdr" in self.singly else None
        fixed = self._peer("spacer", design, configuration, claim) if "spacer" in self.singly else None
        violated = word == "refuted" or claim in reachability(mine)
        unrolled = self._peer("bounded", design, configuration, claim) if violated and "bounded" in self.singly else None
        peers = [peer for peer in (flow, fixed, unrolled) if peer is not None]
        for peer in peers:
            self._agree(design, configuration, claim, mine, peer)
        best = min((peer.inner for peer in peers if not peer.cut), default=None if peers else -1)
        length = next((line["length"] for line in mine.said if line.get("length") is not None), None)
        return [
            claim, word if length is None else f"{word} in {length}", shown(mine, 1), f"{mine.seconds:.2f}",
            *(shown(peer, 1) for peer in (flow, fixed, unrolled)), ratio(best, mine.inner, self.cut),
        ]  # fmt: skip

    def growth(self, axes: tuple[tuple[str, ...], ...]) -> None:
        """The third table. A peer that was cut is not asked of what is larger still."""
        print(f"\nGrowth: synthetic designs, all their claims together, cut at {self.cut:g} s; - where a smaller one was cut\n")
        rows = []
        for axis in axes:
            given_up: set[str] = set()
            for name in axis:
                [size] = child("configurations", name, cut=600).said
                asks = {
                    "specproof": lambda name=name: self._ours(name, "all", ""),
                    "pdr": lambda name=name: self._abc(name, "all", "", "pdr -a"),
                    "Spacer": lambda name=name: self._peer("spacer", name, "all", ""),
                }
                if not ABC:
                    given_up.add("pdr")
                done = {tool: ask() for tool, ask in asks.items() if tool not in given_up}
                for tool, peer in done.items():
                    if "specproof" in done and tool != "specproof":
                        self._agree(name, "all", tool, done["specproof"], peer)
                    if peer.cut:
                        given_up.add(tool)
                cells = [shown(done[tool], len(size["claims"]), memory=tool == "specproof") if tool in done else "-" for tool in asks]
                rows.append([name, *(str(size[key]) for key in ("words", "flags", "actions")), *cells])
        print(table(["design", "words", "Booleans", "actions", "specproof", "pdr", "Spacer"], rows))

    def _ours(self, design: str, configuration: str, claim: str) -> Run:
        done = child("ours", design, configuration, claim, cut=max(self.cut, 60))
        return self._note("specproof", design, configuration, claim, done)

    def _peer(self, task: str, design: str, configuration: str, claim: str) -> Run:
        return self._note(task, design, configuration, claim, child(task, design, configuration, claim, cut=self.cut))

    def _abc(self, design: str, configuration: str, claim: str, flow: str) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/system.aig"
            outputs = child("export", design, configuration, claim, file, cut=600).said[0]["outputs"]
            return self._note(f"abc {flow}", design, configuration, claim, abc(file, outputs, flow, self.cut))

    def _note(self, tool: str, design: str, configuration: str, claim: str, done: Run) -> Run:
        self.measured.append({
            "tool": tool, "design": design, "configuration": configuration, "claim": claim or None, "seconds": round(done.inner, 4),
            "process_seconds": round(done.seconds, 4), "megabytes": round(done.megabytes, 1), "cut": done.cut, "words": done.words,
        })  # fmt: skip
        print(f"  {tool}: {design} {configuration} {claim or 'all'} {done.inner:.2f} s{' cut' if done.cut else ''}", file=sys.stderr)
        return done

    def _agree(self, design: str, configuration: str, peer: str, mine: Run, other: Run) -> None:
        """Raises where a peer's verdict is not ours."""
        reached = reachability(mine)
        for claim, word in other.words.items():
            expected = mine.words.get(claim, word)
            holds = {"proved": "proved", "vacuous": "proved", "refuted": "refuted"}.get(expected, word)
            if claim in reached:
                holds = "refuted" if expected == "proved" else "proved"
            if word not in (holds, "unknown"):
                raise Wrong(f"{design} {configuration} {claim}: specproof says {expected}, {peer} says {word}")


def reachability(mine: Run) -> set[str]:
    """The claims that ask for a run rather than against one: for peers, what they ask for is a violation."""
    return {line["claim"] for line in mine.said if line.get("kind") == "reachability"}


def shown(peer: Run | None, claims: int, *, memory: bool = False) -> str:
    """Seconds; where it was cut, how much it had decided."""
    if peer is None:
        return ""
    if peer.cut:
        return f"cut ({len(peer.words)} of {claims})" if claims > 1 else "cut"
    return f"{peer.inner:.2f}" + (f" s {peer.megabytes:.0f} MB" if memory else "")


def ratio(best: float | None, mine: float, cut: float) -> str:
    """How many times faster specproof is than the fastest peer; below 1 it is slower."""
    if best == -1:
        return ""
    return f"> {cut / mine:.1f}" if best is None else f"{best / mine:.2f}" + (" (slower)" if best < mine else "")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Columns, the first flush left."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]

    def line(row: list[str]) -> str:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        return "  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()

    lines = [line(row) for row in [head, *rows]]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], ""])


if __name__ == "__main__":
    sys.exit(main())
