"""What the command `new` writes: a design file of one's own, made from a design that ships, to be changed and decided at once."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specproof.design import Design


def write(name: str, parent: str, changes: Sequence[str], force: bool) -> str:
    """Writes NAME.py and returns what to say about it."""
    from specproof.errors import UsageError
    from specproof.jsonout import Output
    from specproof.load import library

    stem = Path(name.removesuffix(".py"))
    if not re.fullmatch(r"[a-z][a-z0-9_]*", stem.name):
        raise UsageError(f"{name}: a Python name in small letters was expected, such as my_design")
    if keyword.iskeyword(stem.name) or stem.name in {"specproof", *sys.stdlib_module_names}:
        what = "a word of Python" if keyword.iskeyword(stem.name) else "the name of a module that Python would import from here instead"
        raise UsageError(f"{name}: this is {what}; write another name, such as my_{stem.name}")
    if _public(stem.name):
        raise UsageError(f"{name}: specproof has this name, and the file would import it; write another name, such as my_{stem.name}")
    if stem.name.replace("_", "-") in library().designs:
        raise UsageError(f"{name}: a design that ships has this name; write another name, such as my_{stem.name}")
    path = stem.with_suffix(".py")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; --force overwrites it")
    if changes and not parent:
        raise UsageError("--change goes with --from: the design whose helper it is")
    text = variant(stem.name, parent, changes) if parent else small(stem.name)
    Output(str(path), "new").text(text)
    return f"{path} written; now: specproof check {path}\n"


def small(name: str) -> str:
    """A design in one file: a mask, what is forced behind it, and two claims."""
    template = (Path(__file__).parent / "small.py.txt").read_text(encoding="utf-8")
    return template.replace("my_design", name).replace("my-design", name.replace("_", "-"))


def variant(name: str, parent: str, changes: Sequence[str]) -> str:
    """A variant of a shipped design, with the helpers to be changed copied in and the others listed."""
    from specproof import pinned
    from specproof.errors import UsageError, did_you_mean
    from specproof.load import library

    known = library()
    design = known.design(parent)
    bodies = {**design.functions, **{action: spec.body for action, spec in design.actions.items()}}
    for change in changes:
        if change not in bodies:
            raise UsageError(f"{parent} has no helper or action {change!r}; {did_you_mean(change, bodies)}")
    changes = list(dict.fromkeys(changes))
    copied = [_copied(bodies[change]) for change in changes]
    variable = _variable(design, known.homes[parent])
    module = _module(known.homes[parent])
    own = {change: bodies[change].__name__ for change in changes}  # what ships may have given the helper another function
    used: dict[str, tuple[str, Any]] = {}
    for word, home, value in (one for _, words in copied for one in words if one[0] not in own.values()):
        if used.setdefault(word, (home, value))[1] is not value:
            raise UsageError(f"--change: two helpers mean two things by {word!r}, which one file cannot have; change one of them at a time")
    if name in {variable, *used, *own.values()}:
        raise UsageError(f"{name}: what is copied from {parent} has this name; write another one, such as my_{name}")
    imports = [f"from {module} import {variable}", *(f"from {home} import {word}" for word, (home, _) in used.items())]
    body = "\n\n\n".join(source for source, _ in copied)
    kebab = name.replace("_", "-")
    asked = [claim for _, _, claim in pinned.read(pinned.table() / f"{parent}.toml")]
    claim = "enforcement" if "enforcement" in asked else asked[0]
    arguments = "".join(f"\n    {change}={function}," for change, function in own.items())
    lines = [
        f'"""A variant of {parent}: say here in one sentence what is different, and why.',
        "",
        f"Decide it:        specproof check {name}.py",
        f"One claim:        specproof explain {name}.py {claim}",
        f"Against {parent}:  specproof review {parent} {name}.py",
        '"""',
        "",
        *_merged(imports),
        "",
        *(["", body, ""] if body else []),
        "",
        "# What is given here replaces the helper, action or view of that name; everything else is the parent's.",
        f"# To copy a helper into this file: specproof new {name} --from {parent} --change NAME --force",
        f"{name} = {variable}.but(",
        f'    "{kebab}",',
        '    doc="say in one sentence what is different",' + arguments,
        ")",
        "",
        *_helpers(design, changes),
        *_own_claim(design),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _copied(body: Callable[..., Any]) -> tuple[str, list[tuple[str, str, Any]]]:
    """A helper's source without its decorators, and the names that it uses: whence each is imported, and what it stands for."""
    import ast
    import inspect
    import textwrap

    source = textwrap.dedent(inspect.getsource(body))
    source = source[source.index("def ") :] if not source.startswith("def ") else source
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    own = body.__module__
    found = []
    for name in sorted(used):
        if name in body.__globals__ and name not in dir(__builtins__) and name != body.__name__:
            value = body.__globals__[name]
            home = str(getattr(value, "__module__", None))
            there = getattr(sys.modules.get(home), name, None) is value  # else it was imported under another name
            where = home if there and home.startswith("specproof.models.") else "specproof" if _public(name) else own
            found.append((name, where, value))
    return source.rstrip(), found


def _public(name: str) -> bool:
    import specproof

    return hasattr(specproof, name)


def _merged(lines: Sequence[str]) -> list[str]:
    """Imports of one module on one line."""
    by: dict[str, dict[str, None]] = {}
    for line in lines:
        _, module, _, name = line.split(" ", 3)
        by.setdefault(module, {})[name] = None
    found = []
    for module, names in sorted(by.items()):
        line = f"from {module} import {', '.join(sorted(names))}"
        found += [line] if len(line) <= 110 else [f"from {module} import (", *(f"    {name}," for name in sorted(names)), ")"]
    return found


def _variable(design: Design[Any], home: str) -> str:
    import importlib

    module = importlib.import_module(_module(home))
    return next(name for name, value in vars(module).items() if value is design)


def _module(home: str) -> str:
    return f"specproof.models.{Path(home).stem}"


def _helpers(design: Design[Any], changes: Sequence[str]) -> list[str]:
    """The helpers, actions and views that can be replaced, each with its sentence."""
    found = [f"# What {design.name} has, and this file can replace:", "#"]
    actions = {name: spec.body for name, spec in design.actions.items()}
    for title, table in (("helpers", design.functions), ("actions", actions), ("views", design.views)):
        found.append(f"#   {title}:")
        for name, body in table.items():
            if name not in changes:
                sentence = " ".join((body.__doc__ or "").split("\n\n")[0].split())
                line = f"#     {name}: {sentence}"
                found.append(line if len(line) <= 110 else line[:107].rpartition(" ")[0] + " ...")
    return found


def _own_claim(design: Design[Any]) -> list[str]:
    formula = "implies(v.guest_runs, (v.effective & v.required_mask) == v.required_value)"
    if {"guest_runs", "effective", "required_mask", "required_value"} - design.views.keys():
        formula = "implies(v.CONDITION, (v.ONE & v.OTHER) == 0), with views of this design in the place of the capitals"
    return [
        "#",
        "# A claim of your own, over views; it is asked of this design beside the claims that ship:",
        "#",
        "#     from specproof import Bool, implies, invariant",
        "#",
        '#     @invariant("my-claim")',
        "#     def my_claim(v) -> Bool:",
        '#         """What must hold, in one sentence."""',
        f"#         return {formula}",
    ]
