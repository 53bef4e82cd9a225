"""`python -m bench.mutants [--file F]... [--sample N] [--seed S] [--json FILE]`

Mutation testing of the files that decide verdicts: each mutant is one small change of one of them, and the tests of that
file are run against it. A mutant that they pass is either equivalent or a missing test; they are listed, to be looked at.

Each mutant runs in a fork of this process, which has loaded the libraries; the changed file takes its place on import.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any, cast

TOP = Path(__file__).parents[1]

_ENGINE = ("test_trust_soundness", "test_trust_vacuity", "test_decide", "test_random_designs")
_TRUST = ("test_trust_certificates",)

#: Each file that decides verdicts with the tests that it must not survive, quick ones first.
FILES = {
    "certify.py": ("test_symmetry", *_ENGINE),
    "lift.py": _ENGINE,
    "verdict.py": ("test_trust_soundness", "test_report"),
    "decide.py": _ENGINE,
    "slice.py": _ENGINE,
    "readings/integers.py": ("test_readings", "test_decide"),
    "trust/rule.py": _TRUST,
    "trust/verify.py": _TRUST,
}

#: Tests that say nothing of verdicts, or run the command line in another process, which no mutant reaches.
LEFT_OUT = (
    "test_two_runs_write_the_same_bytes", "test_check_reports_it_beside_the_verdicts", "test_the_command_says_what_it_did",
    "test_verifying_loads_neither", "test_other_solvers_accept", "test_a_program_on_the_path", "test_a_wrong_verdict_is_found_shrunk",
)  # fmt: skip

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: where, what, and the changed file as a tree."""

    file: str
    line: int
    change: str
    tree: ast.Module


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    whole = ast.parse(text)
    silent = _silent(whole)
    for place, node in enumerate(cast("Iterator[Any]", ast.walk(whole))):
        for number in range(0 if id(node) in silent else len(_ways(node))):
            tree = copy.deepcopy(whole)
            changed = next(islice(ast.walk(tree), place, None))
            text, apply = _ways(changed)[number]
            apply()
            yield Mutant(file, getattr(node, "lineno", None) or node.target.lineno, text, ast.fix_missing_locations(tree))


def _silent(tree: ast.Module) -> set[int]:
    """Nodes whose change no verdict can depend on: types, decorators, messages of errors, imports."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts: list[Any] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.FunctionDef):
            parts += [node.returns, *node.decorator_list]
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.ImportFrom | ast.Import):
            parts.append(node)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            skipped |= {id(inner) for inner in ast.walk(part)} if part is not None else set()
    return skipped


def _ways(node: Any) -> list[tuple[str, Callable[[], object]]]:
    """How a node can be changed: what that is called, and what changes it in place."""
    ways: list[tuple[str, Callable[[], object]]] = []
    if isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            if type(op) in _SWAPS:
                ways.append((f"{_name(op)} -> {_name(_SWAPS[type(op)]())}", lambda k=k, op=op: node.ops.__setitem__(k, _SWAPS[type(op)]())))
        for k, side in enumerate(node.comparators):
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                ways.append((f"'{side.value}' -> another", lambda k=k: node.comparators.__setitem__(k, ast.Constant("another"))))
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _SWAPS:
        ways.append((f"{_name(node.op)} -> {_name(_SWAPS[type(node.op)]())}", lambda: setattr(node, "op", _SWAPS[type(node.op)]())))
        if isinstance(node, ast.BoolOp):
            ways += [(f"operand {k + 1} dropped", lambda k=k: node.values.pop(k)) for k in range(len(node.values))]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        plain = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), node.operand)) if isinstance(node.op, ast.Not) else node.operand
        ways.append((f"{_name(node.op)} dropped", lambda: _become(node, plain)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
        other = (not node.value) if isinstance(node.value, bool) else node.value + 1
        ways.append((f"{node.value} -> {other}", lambda: setattr(node, "value", other)))
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Constant):
        ways += [(f"condition -> {value}", lambda value=value: setattr(node, "test", ast.Constant(value))) for value in (True, False)]
    elif isinstance(node, ast.comprehension) and node.ifs:
        ways.append(("filter dropped", lambda: setattr(node, "ifs", [])))
    elif isinstance(node, ast.Starred) and isinstance(node.value, ast.Name | ast.Call | ast.Attribute):
        ways.append((f"*{ast.unparse(node.value)} dropped", lambda: setattr(node, "value", ast.Tuple([], ast.Load()))))
    if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.With | ast.While):
        for k, statement in enumerate(node.body):
            if isinstance(statement, ast.AugAssign | ast.Continue | ast.Break) or (
                isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant | ast.Yield)
            ):
                ways.append((f"'{ast.unparse(statement)[:60]}' deleted", lambda k=k: node.body.__setitem__(k, ast.Pass())))
    return ways


def _name(op: ast.AST) -> str:
    return type(op).__name__


def _become(node: Any, other: Any) -> None:
    node.__class__, node.__dict__ = other.__class__, dict(other.__dict__)


class Instead(importlib.machinery.SourceFileLoader):
    """Loads a module from a tree."""

    tree: ast.Module

    def get_code(self, fullname: str) -> CodeType:
        """The code of the tree."""
        return compile(self.tree, self.path, "exec")


class Finder:
    """Finds one module; others are found as ever."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The changed module, or None."""
        if name != self.module:
            return None
        loader = Instead(name, str(self.path))
        loader.tree = self.tree
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


def survives(mutant: Mutant, seconds: int) -> str:
    """"killed", "survived" or "killed, time" of a mutant that takes more processor time than `seconds`."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            os.setpgid(0, 0)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            told = os.dup(2)
            os.dup2(quiet, 2)
            module = "specproof." + mutant.file.removesuffix(".py").replace("/", ".")
            sys.meta_path.insert(0, Finder(module, TOP / "specproof" / mutant.file, mutant.tree))
            import pytest

            chosen = [f"tests/{name}.py" for name in FILES[mutant.file]]
            quickly = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
            code = int(pytest.main([*quickly, "-k", " and ".join(f"not {name}" for name in LEFT_OUT), *chosen]))
        except BaseException as error:
            os.write(told, repr(error).encode())
        finally:
            os._exit(code)
    timer = threading.Timer(10 * seconds, os.killpg, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    code = os.waitstatus_to_exitcode(status)
    if code > 3:
        raise SystemExit(f"{mutant.file}: its tests do not run: pytest ends with {code}")
    return "survived" if code == 0 else "killed" if code > 0 else "killed, time"


def main() -> int:
    """Prints each mutant's fate, and a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", action="append", choices=list(FILES), help="one file; more than once for several; default: all")
    parser.add_argument("--sample", type=int, help="so many mutants of each file, drawn with the seed; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", type=int, default=150, help="seconds of the processor after which a mutant counts as killed")
    parser.add_argument("--json", type=Path, help="write every mutant's fate here too, as soon as it is known")
    wanted = parser.parse_args()
    sys.path.insert(0, str(TOP))
    for library in ("pytest", "z3", "numpy", "hypothesis", "pysat.solvers", "click", "sympy", "jsonschema"):
        importlib.import_module(library)
    importlib.import_module("hypothesis.internal.conjecture.engine").MAX_SHRINKS = 1  # type: ignore[attr-defined]  # it is enough to fail
    told: list[dict[str, Any]] = []
    for file in wanted.file or FILES:
        text = (TOP / "specproof" / file).read_text(encoding="utf-8")
        if (plain := survives(Mutant(file, 0, "nothing", ast.parse(text)), wanted.cpu)) != "survived":
            raise SystemExit(f"{file}: its tests fail without any change: {plain}")
        found = list(mutants(file, text))
        chosen = found if wanted.sample is None else random.Random(wanted.seed).sample(found, min(wanted.sample, len(found)))
        for mutant in sorted(chosen, key=lambda mutant: mutant.line):
            started = time.monotonic()
            fate = survives(mutant, wanted.cpu)
            told.append({"file": file, "line": mutant.line, "change": mutant.change, "fate": fate, "of": len(found)})
            print(f"{fate:12} {file}:{mutant.line}  {mutant.change}  ({time.monotonic() - started:.0f} s)", flush=True)
            if wanted.json:
                wanted.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print("\n| file | mutants | tried | killed | survived |\n| --- | ---: | ---: | ---: | ---: |")
    for file in dict.fromkeys(one["file"] for one in told):
        fates = Counter(one["fate"].split(",")[0] for one in told if one["file"] == file)
        print(f"| {file} | {next(one['of'] for one in told if one['file'] == file)} | {fates.total()} | {fates['killed']} | {fates['survived']} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
