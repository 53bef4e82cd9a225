"""What `specproof list` prints: designs, claims, actions, assumptions and views, each with its sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from specproof.claims import Claim, MissingView, instantiate
from specproof.design import Design
from specproof.load import LEMMAS, Library
from specproof.product import between
from specproof.report import wrapped
from specproof.system import System, build


def listing(what: str, known: Library, designs: Sequence[str]) -> list[str]:
    """The lines; `designs` restricts the list, and `bit-vectors` among them stands for the lemmas."""
    named = [known.design(name) for name in designs if name != LEMMAS]
    if what == "designs":
        return [text for design in named for text in _design(design)]
    if what == "claims":
        asked = {claim.name for name in designs if name != LEMMAS for claim in known.asked_of(name)}
        files = [None if LEMMAS in designs else "", *known.files]
        lemmas = {claim.name for file in files if file != "" for claim in known.lemmas_of(file)}
        rows = [(f"{claim.id:<4}{name}", f"{claim.kind}: {claim.sentence}") for name, claim in known.claims.items() if name in asked | lemmas]
        return _table(rows)
    if what == "not-asked":
        return [text for design in named for text in _not_asked(design, known)]
    parts: Mapping[str, Callable[[Design[Any]], list[tuple[str, str]]]] = {"actions": _actions, "assumptions": _assumptions, "views": _views}
    found = []
    for design in named:
        found += [*_headed(design.name, _table(parts[what](design), "  ") or ["  none"])]
    return found


def _design(design: Design[Any]) -> list[str]:
    vendor = f" [{design.vendor}]" if design.vendor else ""
    found = _headed(design.name + vendor, wrapped(_sentence(design.doc), "  "))
    if design.configurations:
        found += wrapped(f"configurations: {', '.join(design.configurations)}", "  ")
    more = [name for name in design.settings if name not in design.configurations]
    return found + (wrapped(f"further settings: {', '.join(more)}", "  ") if more else [])


def _actions(design: Design[Any]) -> list[tuple[str, str]]:
    found = []
    for name, action in design.actions.items():
        source = f" ({action.source})" if action.source else ""
        found.append((name, f"{action.by}: {_sentence(action.doc)}{source}"))
    return found


def _assumptions(design: Design[Any]) -> list[tuple[str, str]]:
    found = []
    for name, assumption in {**design.assumptions, **design.alternatives}.items():
        off = f" Off by default; instead of {assumption.instead_of}." if assumption.instead_of else ""
        found.append((name, f"{_sentence(assumption.doc)} Of: {', '.join(assumption.of)}.{off}"))
    return found


def _views(design: Design[Any]) -> list[tuple[str, str]]:
    offered = [(name, _sentence(cleandoc(view.__doc__ or ""))) for name, view in design.views.items()]
    return offered + [(name, f"lacking: {reason}") for name, reason in design.lacking.items()]


def _not_asked(design: Design[Any], known: Library) -> list[str]:
    """The claims that a design cannot express, those with the same reason together."""
    system = build(design, next(iter(design.configurations), ""))
    reasons: dict[str, list[str]] = {}
    for claim in known.asked_of(design.name):
        if (reason := _lacking(design, system, claim)) is not None:
            reasons.setdefault(reason, []).append(f"{claim.name} ({claim.id})" if claim.id else claim.name)
    rows = [text for reason, claims in reasons.items() for text in wrapped(f"{', '.join(claims)}: {reason}", "  ", "      ")]
    return _headed(design.name, rows or ["  none"])


def _lacking(design: Design[Any], system: System, claim: Claim) -> str | None:
    """Why a claim is not asked of a design; None where it is."""
    try:
        if claim.kind != "relation":
            instantiate(claim, system)
            return None
        between(design, claim).instantiate(claim)
    except MissingView as missing:
        return str(missing)
    return None


def _sentence(doc: str) -> str:
    return " ".join(doc.split("\n\n")[0].split())


def _headed(title: str, body: Sequence[str]) -> list[str]:
    return [title, *body]


def _table(rows: Sequence[tuple[str, str]], indent: str = "") -> list[str]:
    width = min(40, max((len(name) for name, _ in rows), default=0))
    return [text for name, doc in rows for text in wrapped(doc or "-", f"{indent}{name:<{width}}  ", " " * (len(indent) + width + 2))]
