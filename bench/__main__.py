"""`python -m bench [--design NAME]... [--cut SECONDS] [--claims all|none|NAME,...] [--singly PEER,...] [--write] [--json FILE]`

Tables: all claims of a design together; claim by claim; how cost grows with a design made larger on purpose; our obligations
asked of other solvers; and where our own time goes. Every figure is seconds of the processor in a process of its own, imports
apart. Peers that are not installed are named and left out. Without --design: all that ship, and EACH of them claim by claim.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from bench.document import indented, section
from bench.own import ACCEPTING, CERTIFICATE
from bench.peers import Bench, machine, table
from bench.run import child
from bench.sized import KINDS
from specproof.load import library

#: Measured claim by claim where no design is named: with these the whole takes minutes and not hours.
EACH = ("kvm-rfc-v2", "intel")

SOLVERS = ("z3", "cvc5", "bitwuzla")

#: Each axis of the worst case on its own, and the shape of real designs; each from small to large.
GROWTH = (
    tuple(f"words:{n},flags:4,actions:8" for n in (2, 4, 8, 12, 16)),
    tuple(f"words:4,flags:{n},actions:8" for n in (2, 4, 8, 12, 16)),
    tuple(f"words:4,flags:4,actions:{n}" for n in (4, 8, 16, 32, 64)),
    tuple(f"vmcs:{n}" for n in (1, 2, 3, 4, 5)),
    *(tuple(f"{kind}:{n}" for n in (1, 2, 3, 4, 6, 8)) for kind in KINDS),
)


class Page:
    """Prints each section, and writes it into docs/performance.md where that is wanted."""

    def __init__(self, command: str, write: bool) -> None:
        self.command, self.write = command, write

    def put(self, name: str, title: str, about: str, *texts: str) -> None:
        """A section: its name on the page, its heading, what was measured, and tables as plain text."""
        about = textwrap.fill(f"`{self.command}`: {about}", 110, break_on_hyphens=False)
        print(f"{title}\n\n{about}\n")
        print("\n".join(texts), flush=True)
        if self.write:
            section(name, f"## {title}\n\n{about}\n\n" + "\n\n".join(indented(text) for text in texts))


def main() -> int:
    """Measures, prints the tables, and writes them where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--design", action="append", help="a design; more than once for several; default: all that ship")
    parser.add_argument("--config", help="one configuration of the designs, instead of each")
    parser.add_argument("--cut", type=float, default=10, help="seconds after which a peer is stopped")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each of which the median is told, where they are quick")
    parser.add_argument("--thorough", action="store_true", help="ask a peer again that was cut in another configuration of the design")
    parser.add_argument("--claims", default="all", help="claims of the second table: all, none, or names")
    parser.add_argument("--singly", default="pdr", help="peers of the second table: of pdr, spacer, bounded; the latter two take hours")
    parser.add_argument("--growth", default="all", help="all, none, or names of synthetic designs separated by ';'")
    parser.add_argument("--only", help="of together, singly, growth, obligations, profile: those, separated by commas")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--json", type=Path, help="write every measurement here too")
    wanted = parser.parse_args()
    designs = wanted.design or sorted(library().shipped)
    parts = wanted.only.split(",") if wanted.only else ["together", "singly", "growth", "obligations", "profile"]
    page = Page(" ".join(["python -m bench", *(argument for argument in sys.argv[1:] if argument != "--write")]), wanted.write)
    bench = Bench(wanted.cut, wanted.singly.split(","), wanted.repeat, wanted.thorough)
    print(machine() + "\n")
    if "together" in parts:
        together(bench, page, designs, wanted.config)
    if "singly" in parts and wanted.claims != "none":
        singly(bench, page, wanted.design or EACH, wanted.config, wanted.claims)
    if "growth" in parts and wanted.growth != "none":
        rows = bench.growth(GROWTH if wanted.growth == "all" else (tuple(wanted.growth.split(";")),))
        about = (
            f"synthetic designs of bench/synthetic.py and bench/sized.py, all their claims together, cut at {wanted.cut:g} s; - where a "
            "smaller one was cut; bounded Z3 has the runs that we found to find. Growth is fitted as in *Cost against size*."
        )
        page.put("growth", "Growth beside peers", about, table(list(bench.GROWTH), rows))
    if "obligations" in parts:
        obligations(page, designs, wanted.cut)
    if "profile" in parts:
        profile(page, designs)
    if wanted.json:
        wanted.json.write_text(json.dumps(bench.measured, indent=1) + "\n", encoding="utf-8")
    return 0


def configurations(design: str, one: str | None) -> list[dict[str, Any]]:
    """The configurations of a design, with their claims."""
    return [line for line in child("configurations", design, cut=600).said if one in (None, line["configuration"])]


def together(bench: Bench, page: Page, designs: list[str], configuration: str | None) -> None:
    """The first table."""
    rows = [row for design in designs for row in bench.together(design, configurations(design, configuration))]
    about = (
        f"all claims of a design in one configuration (`a~b`: relations between two) together, cut at {bench.cut:g} s; the median of "
        f"{bench.repeat} runs, one of each peer in turn, where they are quick. {machine()} The system is built inside our time and before that "
        "of the peers. bounded Z3 unrolls the runs that we found; yosys-smtbmc unrolls, or tries k-induction where there is nothing to "
        f"find. - where a peer was cut in another configuration before. {' '.join(bench.summary())}"
    )
    page.put("together", "All claims of a design together", about, table(list(bench.HEAD), rows))


def singly(bench: Bench, page: Page, designs: list[str] | tuple[str, ...], configuration: str | None, claims: str) -> None:
    """The second table."""
    texts = []
    for design in designs:
        for line in configurations(design, configuration):
            names = line["claims"] if claims == "all" else [name for name in claims.split(",") if name in line["claims"]]
            rows = bench.single(design, line["configuration"], names) if names else []
            if rows:
                texts.append(f"{design} {line['configuration']}\n\n{table(list(bench.SINGLE), rows)}")
    about = f"each claim by itself and from nothing, cut at {bench.cut:g} s; seconds, imports apart. {bench.singles()}"
    page.put("singly", "Claim by claim", about, *texts)


def obligations(page: Page, designs: list[str], cut: float) -> None:
    """What other solvers take for our obligations, as they are written into certificates."""
    rows = []
    for design in designs:
        [said] = child("opinions", design, ",".join(SOLVERS), str(cut), cut=600 + 3 * cut).said
        cells = []
        for name in SOLVERS:
            took = said.get(name)
            whole = took is not None and took["done"] == said["obligations"]
            cells.append("" if took is None else f"{took['seconds']:.2f}" if whole else f"cut ({took['done']})")
        rows.append([design, str(said["obligations"]), *cells])
        print(f"  obligations: {' '.join(rows[-1])}", file=sys.stderr, flush=True)
    about = (
        "every obligation of every certificate of a design, one by one and in full, as `specproof verify` asks them; seconds, reading "
        f"included, cut at {cut:g} s. {machine()}"
    )
    page.put("obligations", "Our obligations, and other solvers", about, table(["design", "obligations", *SOLVERS], rows))


def profile(page: Page, designs: list[str]) -> None:
    """Where our own time goes."""
    rows: list[tuple[str, dict[str, float]]] = []
    for design in designs:
        done = child("profile", design, cut=600)
        parts = done.said[0]["parts"]
        rows.append((design, {**parts, "imports": max(0.0, done.seconds - sum(parts.values()))}))
    names = list(rows[0][1])
    whole = {name: sum(parts[name] for _, parts in rows) for name in names}
    rows.append(("in all", whole))
    total = sum(whole.values()) - whole["imports"]
    shares = ", ".join(f"{name} {100 * seconds / total:.0f} %" for name, seconds in whole.items() if name != "imports")
    beside = (total - whole[CERTIFICATE]) / max(whole[CERTIFICATE], 1e-9)
    head = ["design", *names]
    cells = [[design, *(f"{parts[name]:.2f}" for name in names)] for design, parts in rows]
    about = (
        f"seconds of each part of the engine, all configurations and relations. Of the time after imports: {shares}. The overhead beside "
        f"Z3's time on the certificates is {beside:.1f} times that. *{ACCEPTING}* is the making of obligations, "
        "*lemmas* includes the SAT solver, *slice* is the exploration."
    )
    page.put("profile", "Where the time goes", about, table(head, cells))


if __name__ == "__main__":
    sys.exit(main())
