"""specproof beside its peers: the same claims of the same system, and no figure where they disagree."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import yosys
from bench.run import ABC, FLOWS, Run, abc, child
from bench.scale import growth

OURS, SPACER, BOUNDED, SMTBMC = "specproof", "Spacer", "bounded Z3", "yosys-smtbmc"

#: A peer that took longer is not measured again for a median.
QUICK = 2.0


class Wrong(Exception):
    """Two peers disagree, which is worse than any time."""


def machine() -> str:
    """What it ran on, with which versions, and which peers there are."""
    names = [f"{name} {_version(name)}" for name in ("z3-solver", "numpy", "cvc5", "bitwuzla")]
    peers = [f"ABC at {ABC}" if ABC else "berkeley-abc is not installed: its columns are empty (apt-get install berkeley-abc)"]
    peers.append("yosys-smtbmc over Z3" if yosys.FOUND else "yosys is not installed: its column is empty (apt-get install yosys)")
    processor = next((line.split(": ")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{processor}, {os.cpu_count()} cores, one of them used; Python {platform.python_version()}, {', '.join(names)}; {'; '.join(peers)}."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _lines(file: str) -> Iterator[str]:
    path = Path(file)
    yield from path.read_text().splitlines() if path.exists() else ()


class Bench:
    """Measures, and keeps every figure in `measured`."""

    def __init__(self, cut: float, singly: list[str], repeat: int = 1, thorough: bool = False) -> None:
        """`cut`: seconds after which a peer is stopped. `singly`: the peers of the second table. `repeat`: of how many runs,
        one of each peer in turn, the median is told. A peer that was cut in one configuration of a design is asked of the
        others only where it is `thorough`."""
        self.cut, self.singly, self.repeat, self.thorough = cut, singly, repeat, thorough
        self.measured: list[dict[str, Any]] = []
        self.sums: dict[str, list[float]] = {}
        self.best: list[tuple[str, float, float | None]] = []
        self.alone: list[tuple[float, float | None]] = []

    def together(self, design: str, configurations: list[dict[str, Any]]) -> list[list[str]]:
        """Rows of the first table: all claims of a configuration together."""
        given_up: set[str] = set()
        return [self._together(design, line["configuration"], line["claims"], given_up) for line in configurations]

    def _together(self, design: str, configuration: str, claims: list[str], given_up: set[str]) -> list[str]:
        asks: dict[str, Callable[[], Run]] = {OURS: lambda: self._ours(design, configuration, "")}
        if ABC:
            asks |= {name: lambda flow=flow: self._abc(design, configuration, "", flow) for name, flow in FLOWS.items()}  # type: ignore[misc]
        asks[SPACER] = lambda: self._peer("spacer", design, configuration, "")
        done = self.medians({name: ask for name, ask in asks.items() if name not in given_up})
        mine = done[OURS]
        runs = [name for name, word in mine.words.items() if word == "refuted" or (word == "proved" and name in reachability(mine))]
        if runs and BOUNDED not in given_up:
            done |= self.medians({BOUNDED: lambda: self._peer("bounded", design, configuration, ",".join(runs))})
        if yosys.FOUND and SMTBMC not in given_up:
            done |= self.medians({SMTBMC: lambda: self._smtbmc(design, configuration, bool(runs))})
        for name, peer in done.items():
            if name != OURS:
                self._agree(design, configuration, name, mine, peer)
            if peer.cut and not self.thorough and name != OURS:
                given_up.add(name)
        provers = [done[name] for name in (*FLOWS, SPACER) if name in done]
        best = min((peer.inner for peer in provers if not peer.cut), default=None)
        self.best.append((f"{design} {configuration}", mine.inner, best))
        for name in (OURS, *FLOWS, SPACER):
            self.sums.setdefault(name, []).append(done[name].inner if name in done and not done[name].cut else self.cut)
        clauses = [str(done[name].said[0]["clauses"]) for name in FLOWS if name in done and done[name].said[0]["clauses"]]
        lemmas = next((str(line["lemmas"]) for line in mine.said if "lemmas" in line), "")
        return [
            f"{design} {configuration}".strip(), str(len(claims)), shown(mine, len(claims), memory=True), lemmas,
            *(shown(done.get(name), len(claims), skipped=name in given_up) for name in FLOWS), "/".join(clauses),
            shown(done.get(SPACER), len(claims), skipped=SPACER in given_up),
            found(done.get(BOUNDED), len(runs), self.cut, BOUNDED in given_up), found(done.get(SMTBMC), len(runs), self.cut, SMTBMC in given_up),
            ratio(best, mine.inner, self.cut),
        ]  # fmt: skip

    HEAD = ("design", "claims", OURS, "lemmas", *FLOWS, "clauses", SPACER, BOUNDED, SMTBMC, "best / ours")

    def medians(self, asks: Mapping[str, Callable[[], Run]]) -> dict[str, Run]:
        """Each once, then in turn again those that were quick; of each the run of the median time."""
        runs = {name: [ask()] for name, ask in asks.items()}
        for _ in range(self.repeat - 1):
            for name, ask in asks.items():
                if not runs[name][0].cut and runs[name][0].inner < QUICK:
                    runs[name].append(ask())
        return {name: sorted(all_, key=lambda one: one.inner)[len(all_) // 2] for name, all_ in runs.items()}

    def summary(self) -> list[str]:
        """What the first table says in sum."""
        ours = sum(self.sums[OURS])
        peers = ", ".join(f"{name} {sum(took):.1f} s" for name, took in self.sums.items() if name != OURS)
        slower = [f"{name} ({best / mine:.2f})" for name, mine, best in self.best if best is not None and best < mine]
        tens = sum(1 for _, mine, best in self.best if (self.cut if best is None else best) >= 10 * mine)
        said = [f"In all: {OURS} {ours:.1f} s; {peers}, a run that was cut or left out counted as {self.cut:g} s."]
        said.append(f"At least ten times faster than the fastest of them in {tens} of {len(self.best)} rows.")
        said.append(f"A peer is faster in {len(slower)}: {', '.join(slower)}." if slower else "No peer is faster in any.")
        return said

    def single(self, design: str, configuration: str, claims: list[str]) -> list[list[str]]:
        """Rows of the second table: each claim by itself."""
        mine = self._note(OURS, design, configuration, "each", child("singly", design, configuration, ",".join(claims), cut=max(self.cut, 60) * 5))
        by_claim = {line["claim"]: line for line in mine.said if "claim" in line}
        files: dict[str, Run] = {}
        if ABC and "pdr" in self.singly:
            with tempfile.TemporaryDirectory() as folder:
                outputs = child("exports", design, configuration, ",".join(claims), folder, cut=600).said[0]["outputs"]
                for number, claim in enumerate(outputs):
                    files[claim] = self._note("abc pdr", design, configuration, claim, abc(f"{folder}/{number}.aig", [claim], "pdr -a", self.cut))
        return [self._single(design, configuration, claim, by_claim, files.get(claim), mine) for claim in claims if claim in by_claim]

    def _single(self, design: str, configuration: str, claim: str, lines: Mapping[str, Any], flow: Run | None, mine: Run) -> list[str]:
        line = lines[claim]
        fixed = self._peer("spacer", design, configuration, claim) if "spacer" in self.singly else None
        violated = line["word"] == "refuted" or claim in reachability(mine)
        unrolled = self._peer("bounded", design, configuration, claim) if violated and "bounded" in self.singly else None
        peers = [peer for peer in (flow, fixed, unrolled) if peer is not None]
        for peer in peers:
            self._agree(design, configuration, claim, mine, peer)
        best = min((peer.inner for peer in peers if not peer.cut), default=None if peers else -1)
        self.alone.append((line["seconds"], best))
        word = line["word"] if line.get("length") is None else f"{line['word']} in {line['length']}"
        cells = [shown(peer, 1) for peer in (flow, fixed, unrolled)]
        return [claim, word, f"{line['seconds']:.2f}", *cells, ratio(best, line["seconds"], self.cut)]

    def singles(self) -> str:
        """What the second table says in sum."""
        slower = [mine / best for mine, best in self.alone if best is not None and 0 < best < mine]
        said = f"The slowest of ours takes {max(mine for mine, _ in self.alone):.2f} s. " if self.alone else ""
        return said + f"A peer is faster on {len(slower)} of {len(self.alone)} claims" + (f", at most {max(slower):.1f} times." if slower else ".")

    SINGLE = ("claim", "verdict", OURS, "pdr", SPACER, BOUNDED, "best / ours")

    def growth(self, axes: tuple[tuple[str, ...], ...]) -> list[list[str]]:
        """Rows of the third table. A peer that was cut is not asked of what is larger still."""
        rows = []
        for axis in axes:
            given_up: set[str] = set() if ABC else {"pdr"}
            points: dict[str, list[dict[str, Any]]] = {tool: [] for tool in self.GROWTH[4:]}
            for name in axis:
                [size] = child("configurations", name, cut=600).said
                mine = self._ours(name, "all", "")
                runs = ",".join(claim for claim, word in mine.words.items() if word == "refuted")
                asks: dict[str, Callable[[], Run]] = {
                    "pdr": lambda name=name: self._abc(name, "all", "", "pdr -a"),  # type: ignore[misc]
                    SPACER: lambda name=name: self._peer("spacer", name, "all", ""),  # type: ignore[misc]
                }
                if runs:
                    asks[BOUNDED] = lambda name=name, runs=runs: self._peer("bounded", name, "all", runs)  # type: ignore[misc]
                done = {OURS: mine, **{tool: ask() for tool, ask in asks.items() if tool not in given_up}}
                for tool, peer in done.items():
                    if tool != OURS:
                        self._agree(name, "all", tool, mine, peer)
                    if peer.cut:
                        given_up.add(tool)
                    else:
                        points[tool].append({"n": int(name.rpartition(":")[2]), "seconds": peer.inner})
                cells = [shown(done.get(tool), len(size["claims"]), memory=True, skipped=True) for tool in points]
                rows.append([name, *(str(size[key]) for key in ("words", "flags", "actions")), *cells])
            if all(name.count(":") == 1 for name in axis):
                fitted = [growth(found) if len(found) > 2 else "" for found in points.values()]
                rows.append([f"growth of {axis[0].partition(':')[0]}", "", "", "", *fitted])
        return rows

    GROWTH = ("design", "words", "Booleans", "actions", OURS, "pdr", SPACER, BOUNDED)

    def _ours(self, design: str, configuration: str, claim: str) -> Run:
        done = child("ours", design, configuration, claim, cut=max(self.cut, 60))
        return self._note(OURS, design, configuration, claim, done)

    def _peer(self, task: str, design: str, configuration: str, claim: str) -> Run:
        return self._note(task, design, configuration, claim, child(task, design, configuration, claim, cut=self.cut))

    def _abc(self, design: str, configuration: str, claim: str, flow: str) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/system.aig"
            outputs = child("export", design, configuration, claim, file, cut=600).said[0]["outputs"]
            return self._note(f"abc {flow}", design, configuration, claim, abc(file, outputs, flow, self.cut))

    def _smtbmc(self, design: str, configuration: str, violated: bool) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            outputs = child("verilog", design, configuration, "", folder, cut=600).said[0]["outputs"]
            return self._note("yosys-smtbmc", design, configuration, "", yosys.smtbmc(Path(folder), outputs, violated, self.cut))

    def _note(self, tool: str, design: str, configuration: str, claim: str, done: Run) -> Run:
        self.measured.append({
            "tool": tool, "design": design, "configuration": configuration, "claim": claim or None, "seconds": round(done.inner, 4),
            "process_seconds": round(done.seconds, 4), "megabytes": round(done.megabytes, 1), "cut": done.cut, "words": done.words,
        })  # fmt: skip
        print(f"  {tool}: {design} {configuration} {claim or 'all'} {done.inner:.2f} s{' cut' if done.cut else ''}", file=sys.stderr, flush=True)
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


def shown(peer: Run | None, claims: int, *, memory: bool = False, skipped: bool = False) -> str:
    """Seconds; where it was cut, how much it had decided; - where it was left out because it was cut before."""
    if peer is None:
        return "-" if skipped else ""
    if peer.cut:
        return f"cut ({len(peer.words)} of {claims})" if claims > 1 else "cut"
    return f"{peer.inner:.2f}" + (f" s {peer.megabytes:.0f} MB" if memory else "")


def found(peer: Run | None, runs: int, cut: float, skipped: bool) -> str:
    """What a peer that unrolls got: the runs that it found, or where there are none whether it proved that."""
    if peer is None:
        return "-" if skipped else "nothing to find"
    if not runs:
        return "cut" if peer.cut else f"{peer.inner:.2f} s"
    depth = max((line["depth"] for line in peer.said if "depth" in line), default=None)
    took = f"{len(peer.words)} of {runs} runs, {peer.inner if not peer.cut else cut:.1f} s"
    return took if depth is None else f"{took}, depth {depth}"


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
