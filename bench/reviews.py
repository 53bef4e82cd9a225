"""How long a review takes: every two shipped designs that have a configuration in common, on one core and without a cache.

`python -m bench.reviews` measures processes, imports included, and with `--write` puts down how many take less than five seconds.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from bench.document import section, table
from bench.runs import TOP, run
from specproof.load import library

#: Seconds of the processor that a review should not take.
AIM = 5.0


def pairs() -> list[tuple[str, str]]:
    """The names of every two designs, in their order, that have a configuration in common."""
    known = library()
    names = {name: set(known.designs[name].configurations) for name in sorted(known.shipped)}
    return [(one, other) for one, other in itertools.combinations(names, 2) if names[one] & names[other] or not (names[one] or names[other])]


def measure() -> list[tuple[float, str, str]]:
    """Seconds of the processor of each review, the longest first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP), *(one for one in sys.path if one and Path(one) != TOP)])}
    found = []
    for old, new in pairs():
        took = run(TOP, environment, "review", old, new, "--no-cache", "--jobs", "1")
        found.append((took.processor, old, new))
        print(f"{took.processor:6.2f}  {old}  {new}", flush=True)
    return sorted(found, reverse=True)


def main() -> int:
    """Measures and writes the section."""
    found = measure()
    over = [one for one in found if one[0] >= AIM]
    said = f"{len(found) - len(over)} of {len(found)} take less than {AIM:.0f} s of the processor, the median {found[len(found) // 2][0]:.1f}"
    print(said)
    if "--write" in sys.argv:
        what = "`python -m bench.reviews`: `specproof review OLD NEW --no-cache --jobs 1`, imports included, of every two designs that have a"
        what += f"\nconfiguration in common. {said}; the others:"
        rows = [[f"{old}, {new}", f"{seconds:.1f}"] for seconds, old, new in over]
        section("reviews", f"## Reviews of every two designs\n\n{what}\n\n{table(['old, new', 'processor s'], rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
