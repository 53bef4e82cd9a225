"""`python -m bench.trusted [--write]`: the files that a verdict rests on, and their lines, as a part of docs/trust.md."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.document import section, table

ENGINE = Path(__file__).parents[1] / "specproof"
PAGE = ENGINE.parent / "docs" / "trust.md"

#: What a verdict of `check` rests on, by what it is for. What finds proofs and runs is not among it.
ROLES = {
    "the model as terms": ("terms.py", "graph.py", "state.py", "design.py", "system.py", "claims.py", "calling.py"),
    "of relations, two configurations as one system": ("product.py", "cone.py"),
    "proofs: what is asked, and of whom": ("certify.py", "symmetry.py", "vocabulary.py", "readings/smtlib.py", "solver.py"),
    "runs, on integers": ("trace.py", "readings/integers.py"),
    "the verdict": ("decide.py", "decision.py", "sanity.py", "verdict.py"),
    "only where the verdict says so: induction, Spacer": ("fallback.py", "induction.py"),
}

#: What looks for proofs and runs. A mistake here costs an answer and does not make a wrong one.
SEARCH = (
    "slice.py", "tracked.py", "spurious.py", "settled.py", "census.py", "layout.py", "image.py", "explore.py", "readings/bits.py", "program.py",
    "lemmas.py",
    "query.py", "concrete.py", "lift.py", "ways.py",
)  # fmt: skip


def lines(path: Path) -> int:
    """The lines of a file, blank ones and comments included."""
    return len(path.read_text(encoding="utf-8").splitlines())


def reached(start: Sequence[str]) -> list[Path]:
    """The files of the engine that these import, however indirectly and late, messages and types apart."""
    found: dict[Path, None] = {}
    todo = [ENGINE / name for name in start]
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = None
            todo += _imported(path)
    return sorted(found)


def _imported(path: Path) -> Iterator[Path]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    typing = {id(inner) for node in late for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("specproof") and id(node) not in typing:
            parts = node.module.split(".")[1:]
            for candidate in [parts, *([*parts, alias.name] for alias in node.names)]:
                file = ENGINE.joinpath(*candidate).with_suffix(".py")
                if candidate and file.is_file():
                    yield file


def text() -> str:
    """The two tables."""
    rows = []
    for role, names in ROLES.items():
        files = [ENGINE / name for name in names]
        rows.append([role, " ".join(f"`{name}`" for name in names), str(sum(map(lines, files)))])
    total = sum(lines(ENGINE / name) for names in ROLES.values() for name in names)
    verifier = reached(["trust/verify.py", "trust/solvers.py", "trust/files.py"])
    names = " ".join(f"`{path.relative_to(ENGINE).as_posix()}`" for path in verifier)
    return "\n".join([
        table(["for", "files of `specproof/`", "lines"], [*rows, ["together", "", str(total)]]), "",
        f"Not trusted, since what it finds is checked by the above ({sum(lines(ENGINE / name) for name in SEARCH)} lines): "
        f"{' '.join(f'`{name}`' for name in SEARCH)}.", "",
        f"`specproof verify` rests on {sum(map(lines, verifier))} lines, none of which search for anything: {names}.",
    ])  # fmt: skip


def main() -> int:
    """Prints or writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.trusted", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into docs/trust.md")
    if parser.parse_args().write:
        section("trusted files", text(), PAGE)
    else:
        print(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
