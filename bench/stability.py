"""`python -m bench.stability [--design NAME]... [--seeds N] [--write]`

How much the cost of an obligation depends on chance: every query of the shipped designs' certificates is put to Z3 under several
seeds, each time with its assertions in another order, and Z3's own count of its work (`rlimit`) is compared.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.document import section, table
from bench.trusted import PAGE
from bench.work import design_of
from specproof import decide
from specproof.certify import Obligation, bundle
from specproof.load import library
from specproof.readings.smtlib import script
from specproof.terms import Term

#: An obligation is fragile where its dearest run costs more than so many times its cheapest, and is not cheap at all.
TIMES, WORK = 3.0, 2_000_000


@dataclass(frozen=True)
class Spread:
    """What one query cost under each seed."""

    design: str
    configuration: str
    name: str
    counts: tuple[int, ...]
    words: frozenset[str]

    @property
    def ratio(self) -> float:
        return max(self.counts) / max(1, min(self.counts))

    @property
    def fragile(self) -> bool:
        return (self.ratio > TIMES and max(self.counts) > WORK) or self.words != {"unsat"}


def queries(name: str) -> Iterator[tuple[str, Obligation]]:
    """The questions that `check` asks to accept the certificates of a design, by configuration."""
    design, claims = design_of(name)
    plain = [claim for claim in claims if claim.kind in ("invariant", "step", "reachability")]
    for configuration in design.configurations or ("",):
        found: list[decide.Decision] = []
        decide.decide(design, configuration, plain, inspect=lambda decision, _, found=found: found.append(decision))
        for decision in found:
            together: dict[tuple[Any, ...], list[Obligation]] = {}
            for one in decision.obligations():
                together.setdefault((one.at, "" if one.at else one.kind, one.assumed), []).append(one)
            yield from ((configuration, bundle(group)) for group in together.values())


def cost(assertions: Sequence[Term], seed: int) -> tuple[str, int]:
    """Z3's answer and its count, with the assertions in the order that the seed gives."""
    import z3

    ordered = list(assertions)
    random.Random(seed).shuffle(ordered)
    solver = z3.SolverFor("QF_FD", ctx=z3.Context())
    solver.set("random_seed", seed)
    solver.from_string(script(ordered, check=False))
    word = str(solver.check())
    statistics = solver.statistics()
    return word, int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118


def measure(name: str, seeds: int) -> list[Spread]:
    """The spread of every query of a design."""
    found = []
    for configuration, one in queries(name):
        runs = [cost(one.narrowed, seed) for seed in range(1, seeds + 1)]
        found.append(Spread(name, configuration, one.name, tuple(count for _, count in runs), frozenset(word for word, _ in runs)))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so many of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(spreads: Sequence[Spread]) -> list[str]:
    """One design in one configuration as a line of the table."""
    ratios, most = [one.ratio for one in spreads], max(spreads, key=lambda one: max(one.counts))
    return [
        spreads[0].design, spreads[0].configuration, str(len(spreads)), f"{quantile(ratios, 0.5):.2f}", f"{quantile(ratios, 0.9):.2f}",
        f"{max(ratios):.2f}", f"{max(most.counts) / 1e6:.2f} M", f"{most.ratio:.2f}", str(sum(one.fragile for one in spreads)),
    ]  # fmt: skip


def main() -> int:
    """Prints the table and the fragile obligations; 1 where there are any."""
    parser = argparse.ArgumentParser(prog="python -m bench.stability", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--design", action="append", help="a design; more than once for several; default: those of KVM")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="put the table into docs/trust.md")
    wanted = parser.parse_args()
    rows, fragile = [], []
    for name in wanted.design or [name for name in library().designs if name.startswith("kvm-")]:
        spreads = measure(name, wanted.seeds)
        for configuration in dict.fromkeys(one.configuration for one in spreads):
            rows.append(row([one for one in spreads if one.configuration == configuration]))
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
        fragile += [one for one in spreads if one.fragile]
    head = ["design", "configuration", "queries", "median max/min", "90 %", "greatest", "dearest query", "its max/min", "fragile"]
    lines = [table(head, rows), "", f"Fragile obligations: {len(fragile) or 'none'}."]
    lines += [f"- {one.design} {one.configuration}: {one.name[:100]}: {one.ratio:.1f}, {', '.join(sorted(one.words))}" for one in fragile]
    print("\n".join(lines))
    if wanted.write:
        said = f"Z3's resource count under {wanted.seeds} seeds, assertions shuffled: `python -m bench.stability --write`. Fragile is what"
        section("stability", "\n".join([said, f"costs more than {TIMES:g} times its cheapest run, and over {WORK:,} units.", "", *lines]), PAGE)
    return 1 if fragile else 0


if __name__ == "__main__":
    sys.exit(main())
