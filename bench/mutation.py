"""docs/mutation.md, from what `specproof mutate --json` wrote.

`python -m bench.mutation FILE...` writes the page from those files: a section for each design and order, a table by
operator, which claims kill, and what is equivalent in groups.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.document import table
from specproof.mutate.tamper import OPERATORS

PAGE = Path(__file__).parents[1] / "docs" / "mutation.md"
#: Of fewer mutants it is not listed what is equivalent.
SMALL = 60
WORDS = ("killed", "equivalent", "survived", "unknown")

HEAD = """# Mutation coverage of the claims

Would any claim notice if one operation of a model were wrong? `specproof mutate DESIGN` builds every action again with
one operation wrong and decides the claims that hold of the design. Written by `python -m bench.mutation FILE...` from
the JSON files of the commands below.

A mutant is *killed* where a run, executed step by step on integers, breaks a claim that holds of the design, or where
a claim that spoke of something falls silent; *equivalent* where the engine proves that no view tells it from the
design; *survived* where a view differs and no claim says so; *unknown* where neither was decided in the time given.
Only a survivor says that a claim is missing. A claim that the design itself breaks kills nothing of it, so of a design
with findings some survive that would not survive of the corrected one; many claims of proofs/upkeep.py and fields.py
are phrased so that RFC v2 keeps them. `--sample` figures are of a part of the mutants and no statement about all.

## How the claims came to be

The whole first order of kvm-reference and of kvm-rfc-v2 was decided from start to end, against all claims up to J89
(*At a glance*). No mutant of kvm-reference survives, and none is undecided. J40 to J84, in proofs/conduct.py,
possible.py, upkeep.py and fields.py, are claims that survivors of earlier rounds showed to be missing: 405 mutants were
left of kvm-reference when the claims ended with J39, of which 194 differed in a view after one step. The last round
added what J76 says of a destination's effective value, and J84 of a VMCS that nothing set up.

The four survivors of kvm-rfc-v2 *mend* the design: they write the mask of a vmcs02 that was allocated in the same step, or
may write it, although the stale cache says that it is there (`stale-cache-of-vmcs02` in findings.md). No claim that v2 keeps
can object to that, and none should.

Six of kvm-rfc-v2 are unknown: they write to vmcs02 too what goes to vmcs01 when L2 is left. By hand, that is the same design:
vmcs01's mask is written where the two caches differ, and then vmcs02's field is as its cache says. Which is two equalities
of words in one invariant, and no slice sees it.

Samples of the other designs, and pairs of wrong operations, are against the same claims. A survivor of a design other than
these two was not looked into; it may be a missing claim, or a detail that no claim should fix.

Most of what was missing was of one kind: an action that can no longer happen, or only in fewer states, breaks no claim
about what must not be. That is what possible.py is for.

## Operators
"""


def command(found: Mapping[str, Any]) -> str:
    """What gives these figures."""
    parts = ["specproof mutate", found["design"]]
    parts += [f"--order {found['order']}"] if found["order"] != 1 else []
    parts += [f"--sample {found['sample']} --seed {found['seed']}"] if found["sample"] is not None else []
    return " ".join(parts)


def page(documents: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    lines = [HEAD, *operators(), "\n## At a glance\n", overview(documents)]
    for found in documents:
        lines += ["", *section(found)]
    return "\n".join(lines).rstrip() + "\n"


def operators() -> Iterator[str]:
    """A line for each."""
    yield table(["operator", "what is wrong"], [[f"`{name}`", text] for name, text in OPERATORS.items()]).replace("---:", "---")


def overview(documents: Sequence[Mapping[str, Any]]) -> str:
    """A row for each command."""
    rows = [[f"`{command(found)}`", str(len(found["mutants"])), *(str(found["counts"][word]) for word in WORDS)] for found in documents]
    return table(["command", "mutants", *WORDS], rows)


def section(found: Mapping[str, Any]) -> Iterator[str]:
    """One campaign."""
    mutants = found["mutants"]
    yield f"## {found['design']}{', two wrong operations' if found['order'] == 2 else ''}\n\n    {command(found)}\n"
    if found["order"] == 1:
        names = [name for name in OPERATORS if any(one["operator"] == name for one in mutants)]
        rows = [[name, *(str(sum(one["operator"] == name and one["status"] == word for one in mutants)) for word in WORDS)] for name in names]
        yield table(["operator", *WORDS], rows)
    yield from listed("Killed by", (one["by"] for one in mutants if one["status"] == "killed"))
    yield from listed("Equivalent, as", (one["by"] for one in mutants if one["status"] == "equivalent"))
    if len(mutants) >= SMALL:
        yield from grouped("Equivalent, by what is wrong", [one for one in mutants if one["status"] == "equivalent"])
    yield from grouped("Survived", [one for one in mutants if one["status"] == "survived"], most=None)
    yield from listed("Unknown, as", (one["by"] for one in mutants if one["status"] == "unknown"))
    yield from grouped("Unknown", [one for one in mutants if one["status"] == "unknown"], most=None)


def listed(title: str, words: Iterator[str]) -> Iterator[str]:
    """How often each word comes, most first."""
    counts = sorted(Counter(words).items(), key=lambda one: (-one[1], one[0]))
    if counts:
        yield f"\n{title}: " + ", ".join(f"{word} ({number})" for word, number in counts) + "."


def grouped(title: str, mutants: Sequence[Mapping[str, Any]], most: int | None = 12) -> Iterator[str]:
    """Mutants by their change, wherever it was made: a helper's line is run by many actions."""
    groups: dict[str, list[str]] = {}
    for one in mutants:
        groups.setdefault(one["change"], []).append(one["action"])
    order = sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
    shown = order[:most]
    if shown:
        yield f"\n{title}:\n"
        yield from (f"- `{change}`, in {', '.join(dict.fromkeys(actions))}" for change, actions in shown)
        if len(order) > len(shown):
            yield f"- and {len(order) - len(shown)} other changes, in one action or a few each"


def main(arguments: Sequence[str]) -> int:
    """Writes the page."""
    if not arguments:
        raise SystemExit("usage: python -m bench.mutation FILE..., each written by 'specproof mutate DESIGN --json FILE'")
    PAGE.write_text(page([json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
