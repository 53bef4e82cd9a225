"""How long a review takes, on one core and without a cache: of every two shipped designs that have a configuration in common, and of the
correction of every bug of the past, which is a line or two.

`python -m bench.reviews` measures processes, imports included, and with `--write` puts down how many take less than five seconds.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench.document import section, table
from bench.runs import TOP, run
from specproof.load import library
from specproof.proofs import history_kvm, history_vendors

#: Seconds of the processor that a review should not take.
AIM = 5.0


def pairs() -> list[tuple[str, str]]:
    """The names of every two designs, in their order, that have a configuration in common."""
    known = library()
    names = {name: set(known.designs[name].configurations) for name in sorted(known.shipped)}
    return [(one, other) for one, other in itertools.combinations(names, 2) if names[one] & names[other] or not (names[one] or names[other])]


def corrections(folder: Path) -> list[tuple[str, str, str]]:
    """Each bug and its correction, by name or as a file in the folder, and what to call it; without those of which both sides ship."""
    shipped = library().designs
    found = []
    for module in (history_kvm, history_vendors):
        for number, bug in enumerate(module.BUGS):
            sides = []
            for side, design in (("variant", bug.variant), ("fixed", bug.fixed)):
                sides.append(design.name)
                if shipped.get(design.name) is not design:
                    file = folder / f"{module.__name__.rpartition('.')[2]}_{number}_{side}.py"
                    file.write_text(f"from {module.__name__} import BUGS\n\ndesign = BUGS[{number}].{side}\n", encoding="utf-8")
                    sides[-1] = str(file)
            if not shipped.keys() >= set(sides):
                found.append((*sides, f"{bug.id}, {bug.fixed.name}"))
    return found


def measure(asked: Iterable[tuple[str, str, str]]) -> list[tuple[float, str]]:
    """Seconds of the processor of each review, the longest first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP), *(one for one in sys.path if one and Path(one) != TOP)])}
    found = []
    for old, new, called in asked:
        took = run(TOP, environment, "review", old, new, "--no-cache", "--jobs", "1")
        found.append((took.processor, called))
        print(f"{took.processor:6.2f}  {called}", flush=True)
    return sorted(found, reverse=True)


def said(found: list[tuple[float, str]]) -> str:
    """How many are as they should be."""
    good = sum(seconds < AIM for seconds, _ in found)
    return f"{good} of {len(found)} take less than {AIM:.0f} s of the processor, the median {found[len(found) // 2][0]:.1f}"


def main() -> int:
    """Measures and writes the section."""
    shipped = measure((old, new, f"{old}, {new}") for old, new in pairs())
    with tempfile.TemporaryDirectory() as folder:
        bugs = measure(corrections(Path(folder)))
    print(said(shipped), said(bugs), sep="\n")
    if "--write" in sys.argv:
        rows = [[[called, f"{seconds:.1f}"] for seconds, called in found if seconds >= AIM] for found in (shipped, bugs)]
        what = "`python -m bench.reviews`: `specproof review OLD NEW --no-cache --jobs 1`, imports included, of every two designs that have a"
        what += f"\nconfiguration in common. {said(shipped)}; the others:\n\n{table(['old, new', 'processor s'], rows[0])}"
        what += f"\n\nOf the correction of every bug of the past (`specproof history`), a line or two each: {said(bugs)};\nthe others:"
        section("reviews", f"## Reviews of every two designs, and of corrections\n\n{what}\n\n{table(['bug, corrected', 'processor s'], rows[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
