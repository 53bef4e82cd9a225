"""`python -m bench.scale [--cut SECONDS] [--write]`: time and memory against the size of the designs of bench/sized.py."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench.document import section, table
from bench.sized import scaled

#: The sizes that are measured. `apart` decides part by part what can be (bench/local.py).
SIZES = {
    "guests": (1, 2, 4, 6, 8, 10, 12, 14), "vcpus": (1, 2, 4, 7, 16, 32, 64), "apart vcpus": (1, 4, 16, 32, 64, 128),
    "depth": (1, 2, 4, 6, 8, 10, 12, 14), "policies": (1, 2, 4, 8, 12, 14, 16, 18),
}  # fmt: skip


def measure(name: str) -> dict[str, Any]:
    """Seconds, megabytes and verdicts of one design, in this process; `apart vcpus:4` is decided part by part."""
    import resource
    import time

    from bench.local import decide_apart
    from specproof.claims import instantiate
    from specproof.decision import Decision
    from specproof.solver import Solver
    from specproof.system import build

    apart = name.startswith("apart ")
    design, claims = scaled(name.removeprefix("apart "))
    Solver(None).ask([])  # imports
    words: dict[str, str] = {}
    start = time.process_time()
    system = build(design, "all")
    properties = {claim.name: instantiate(claim, system) for claim in claims}
    kinds = {claim.name: claim.kind for claim in claims}
    decided = 1
    if apart:
        decided = decide_apart(system, properties, kinds, Solver(None), lambda claim, verdict: words.__setitem__(claim, verdict.word))
    else:
        Decision(system, properties, kinds, Solver(None), lambda claim, verdict: words.__setitem__(claim, verdict.word)).run()
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"design": name, "seconds": seconds, "megabytes": memory, "words": words, "decided": decided}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[str, float]:
    """The better of n^k and k^n through the points, by least squares on logarithms: which one, and k."""
    fits = []
    for form, xs in (("n^k", [math.log(n) for n in sizes]), ("k^n", [float(n) for n in sizes])):
        ys = [math.log(value) for value in seconds]
        mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
        slope = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)
        error = sum((my + slope * (x - mx) - y) ** 2 for x, y in zip(xs, ys, strict=True))
        fits.append((error, form, slope if form == "n^k" else math.exp(slope)))
    _, form, value = min(fits)
    return form, value


def growth(found: Sequence[Mapping[str, Any]]) -> str:
    """How the seconds grow, from the sizes where the design and not the process is what takes them."""
    large = [one for one in found if one["seconds"] > 2 * found[0]["seconds"]]
    if len(large) < 3:
        return "too small to tell"
    form, value = exponent([one["n"] for one in large], [one["seconds"] for one in large])
    return f"n^{value:.1f}" if form == "n^k" else f"{value:.2f}^n"


def sizes(kind: str, cut: float) -> list[dict[str, Any]]:
    """Each size of a kind in a process of its own, until one takes longer than `cut`."""
    found: list[dict[str, Any]] = []
    for size in SIZES[kind]:
        command = [sys.executable, "-m", "bench.scale", "--one", f"{kind}:{size}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5 * cut)
            found.append({"n": size, **json.loads(done.stdout)})
        except (subprocess.TimeoutExpired, ValueError):
            break
        words = found[-1]["words"]
        found[-1]["said"] = ", ".join(f"{list(words.values()).count(word)} {word}" for word in sorted(set(words.values())))
        print(f"{kind}:{size}: {found[-1]['seconds']:.2f} s, {found[-1]['megabytes']:.0f} MB, {found[-1]['said']}", flush=True)
        if found[-1]["seconds"] > cut:
            break
    return found


TEXT = """## Cost against size

`python -m bench.scale`: designs of bench/sized.py, all their claims together, on the slice engine; the system is
built inside the measured time, libraries are imported before. *guests*: an L1 with n L2 guests. *vcpus*: n virtual
CPUs under one policy; `decide` sees that no claim depends on two of them, and gives each a slice. *apart vcpus*: the
same, cut into parts by name (bench/local.py), of which one is decided for all. *depth*: n hypervisors one inside the
other. *policies*: n words of policy. Growth is fitted to the sizes that take more than twice the smallest.

Why: the slice holds one bit of every word, so each word that moves by itself doubles its states, and they are explored
one by one. There are n 2^(n+4) + 4 of *guests* (which one is current, and one bit of each cached mask), 2 8^n of
*vcpus* (each has 8 of its own), (n+1) 2^(n+1) of *depth* (who runs, and one bit of each mask), 5 2^n of *policies*;
tests/test_local.py counts them. At small n what any design costs hides that, so the fitted bases lie below 2.
Slices of their own take the 8^n away: the claims of one virtual CPU read that one and the policy, so no other can matter;
what is left is to build n of everything and to replay each refutation on all n, n^2 small steps. That all parts are alike,
so that one is enough, saves the rest. The same tests explore the whole too for n up to 3: the verdicts and the lengths of
runs are the same."""


def main() -> int:
    """Measures and prints a line for each size and the growth of each kind."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", metavar="NAME", help="measure one design here and print JSON")
    parser.add_argument("--cut", type=float, default=60, help="seconds after which a size is given up, and larger ones with it")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    wanted = parser.parse_args()
    if wanted.one:
        print(json.dumps(measure(wanted.one)))
        return 0
    rows = []
    for kind in SIZES:
        found = sizes(kind, wanted.cut)
        grows = growth(found)
        print(f"{kind}: {grows}\n", flush=True)
        rows += [[f"{kind}, n = {one['n']}", f"{one['seconds']:.2f}", f"{one['megabytes']:.0f}", one["said"], ""] for one in found]
        rows[-1][-1] = grows
    if wanted.write:
        section("scale", f"{TEXT}\n\n{table(['design', 'seconds', 'MB', 'verdicts', 'growth'], rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
