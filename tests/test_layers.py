"""Imports go one way, and what is heavy or foreign is imported in one place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "specproof").rglob("*.py"))
SHIPPED = sorted([*(ROOT / "models").glob("*.py"), *(ROOT / "proofs").glob("*.py")])

#: Which files of the engine may import a library that is not Python's own: each solver and sympy are behind
#: one door, numpy is where slices are.
FOREIGN = {
    "z3": {"solver.py"},
    "sympy": {"readings/closed.py"},
    "numpy": {
        "concrete.py", "explore.py", "layout.py", "slice.py", "program.py", "image.py", "table.py", "vocabulary.py", "ways.py",
        "story/graph.py", "story/danger.py", "mutate/baseline.py", "mutate/kill.py",
    },
    "pysat": {"query.py"},
    "cvc5": {"trust/with_cvc5.py"},
    "bitwuzla": {"trust/with_bitwuzla.py"},
    "click": {"cli.py", "cli_cache.py", "cli_findings.py", "cli_history.py", "cli_seconds.py", "session.py", "trust/work.py",
              *(f"{part}/command.py" for part in ("audit", "mutate", "review", "story", "trust"))},
    "rich": {"progress.py"},
    "distributed": {"cluster.py"},
    "jinja2": {"story/page.py"},
}


def imported(path: Path, *, late: bool = True) -> Iterator[str]:
    """The modules that a file imports; without `late` only those that importing it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(node) for outer in ast.walk(tree) if isinstance(outer, ast.FunctionDef | ast.If) and _is_late(outer) for node in ast.walk(outer)}
    for node in ast.walk(tree):
        if not late and id(node) in inner:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "specproof":
                yield from (f"specproof.{alias.name}" for alias in node.names if (ROOT / "specproof" / f"{alias.name}.py").exists())


def _is_late(node: ast.FunctionDef | ast.If) -> bool:
    return isinstance(node, ast.FunctionDef) or (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")


def name(path: Path) -> str:
    return path.relative_to(ROOT / "specproof").as_posix()


@pytest.mark.parametrize("library", FOREIGN)
def test_a_foreign_library_has_its_place(library: str) -> None:
    """A new user of a library is a decision, and changes this test."""
    users = {name(path) for path in ENGINE if any(module.split(".")[0] == library for module in imported(path))}

    assert users <= FOREIGN[library]


def test_no_other_library_is_used() -> None:
    """Everything else is Python's own."""
    foreign = {module.split(".")[0] for path in ENGINE for module in imported(path)} - {*sys.stdlib_module_names, "specproof"}

    assert foreign <= set(FOREIGN)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_models_and_proofs_know_the_package_only(path: Path) -> None:
    """A model file holds no line about solvers; it imports the words of `specproof` and other models."""
    allowed = {"specproof", "dataclasses", "typing", "collections.abc", "__future__"}
    others = {module for module in imported(path) if not module.startswith(("specproof.models", "specproof.proofs"))}

    assert others <= allowed


def test_models_do_not_know_what_is_claimed_of_them() -> None:
    """Claims look at designs, never the other way round."""
    for path in (ROOT / "models").glob("*.py"):
        assert not [module for module in imported(path) if module.startswith("specproof.proofs")], path.name


def test_imports_go_one_way() -> None:
    """No file of the engine imports, however indirectly, what imports it."""
    graph = {_module(path): {one for one in imported(path, late=False) if one.startswith("specproof.")} for path in ENGINE}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " imports ".join((*above[above.index(module) :], module))
        if module not in done:
            for one in sorted(graph.get(module, ())):
                visit(one, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def _module(path: Path) -> str:
    return "specproof." + name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_the_engine_does_not_know_the_command_line() -> None:
    """What decides does not print, and works without the command line."""
    outer = {"cli", "session", "report", "explain", "progress", "listing", "jsonout", "pinned", "plan", "jobs", "load", "__main__",
             "answers", "cache", "cli_cache", "cli_findings", "cli_history", "cluster", "findings", "live", "remember", "variant"}  # fmt: skip
    for path in ENGINE:
        if path.parent.name in ("specproof", "readings") and path.stem not in outer:
            assert not [one for one in imported(path) if one.removeprefix("specproof.") in outer], path.name
