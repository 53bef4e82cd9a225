"""What `check` is going to ask: units of work, each with the claims that it answers, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specproof.claims import Claim
from specproof.design import Design
from specproof.errors import UsageError, did_you_mean
from specproof.load import LEMMAS, Library

#: Design, configuration, claim.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Unit:
    """Claims that are decided together: those of a design in one configuration, one relation, or lemmas."""

    kind: str
    design: str
    configuration: str
    claims: tuple[str, ...]
    without: tuple[str, ...] = ()
    timeout: float | None = None
    patience: float | None = None  # seconds for what the slice leaves open, where that is not as usual
    beside: tuple[str, ...] = ()  # invariants that are not asked, and may be what an asked one lacks

    @property
    def keys(self) -> list[Key]:
        return [(self.design, self.configuration, claim) for claim in self.claims]

    @property
    def title(self) -> str:
        return " ".join(part for part in (self.design, self.configuration) if part)


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. No targets: everything that ships."""

    targets: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    configuration: str | None = None
    without: tuple[str, ...] = ()
    timeout: float | None = None

    @property
    def whole(self) -> bool:
        """Whether every claim of the designs is asked, in every configuration, under all assumptions."""
        return not (self.claims or self.without) and self.configuration is None


def is_file(target: str) -> bool:
    """Whether a target names a file; `FILE.py:NAME` names one design of it."""
    return target.endswith(".py") or "/" in target or ".py:" in target


def split(target: str) -> tuple[str, str]:
    """`FILE.py:NAME` as file and name; the name is empty where none is given."""
    if target.endswith(".py") or ".py:" not in target:
        return target, ""
    file, name = target.rsplit(":", 1)
    return file, name


def files_of(targets: Sequence[str]) -> tuple[str, ...]:
    """The files among the targets."""
    return tuple(split(target)[0] for target in targets if is_file(target))


def plan(library: Library, request: Request) -> list[Unit]:
    """The units that answer a request; UsageError where it names what does not exist."""
    designs = chosen(library, request.targets)
    wanted = list(dict.fromkeys(library.claim(name).name for name in request.claims))
    named = bool(request.targets)
    units: list[Unit] = []
    settled = [name for name in designs if name != LEMMAS and _has(library.design(name), request, named)]
    for name in settled:
        units += _units(library, library.design(name), wanted, request)
    if not request.configuration and not request.without:
        units += _lemmas(library, designs, wanted, request)
    if not units:
        raise UsageError("nothing was checked: " + _why(library, wanted, request, settled))
    return units


def chosen(library: Library, targets: Sequence[str]) -> list[str]:
    """The designs that targets name, `bit-vectors` among them where lemmas are meant; all shipped ones for none."""
    if not targets:
        return [*(name for name in library.designs if name in library.shipped), LEMMAS]
    found: list[str] = []
    for target in targets:
        file, one = split(target)
        if not is_file(target):
            found.append(target if target == LEMMAS else library.design(target).name)
            continue
        own = library.own(str(Path(file).resolve()))
        if one and one not in own:
            raise UsageError(f"{file}: there is no design {one!r} in this file; {did_you_mean(one, own)}")
        found += [one] if one else own
    return list(dict.fromkeys(found))


def _has(design: Design[Any], request: Request, named: bool) -> bool:
    """Whether a design has the configuration and the assumptions asked about; an error where it was named itself."""
    if not all(design.can_change(change) for change in request.without):
        if named:
            design.in_force(request.without)  # raises, and says what there is
        return False
    if request.configuration is not None and not configurations(design, request.configuration):
        if named:
            known = [*design.configurations, *design.settings]
            raise UsageError(f"{design.name} has no configuration {request.configuration!r}; {did_you_mean(request.configuration, known)}")
        return False
    return True


def configurations(design: Design[Any], wanted: str | None) -> list[str]:
    """The configurations of a design in which claims are asked; with `wanted` those that have all its settings.

    `left~right` stands for the relations between the two, and is kept as it is.
    """
    known = list(design.configurations or ("",))
    if wanted is None or wanted in known:
        return known if wanted is None else [wanted]
    parts = wanted.replace("~", "+").split("+")
    if not all(part in design.settings for part in parts):
        return []
    matching = [name for name in known if set(parts) <= set(name.split("+"))]
    return [wanted] if "~" in wanted or not matching else matching


def _units(library: Library, design: Design[Any], wanted: Sequence[str], request: Request) -> list[Unit]:
    claims = [claim for claim in library.asked_of(design.name) if not wanted or claim.name in wanted]
    plain = tuple(claim.name for claim in claims if claim.kind != "relation")
    others = () if design.name in library.shipped else library.asked_of(design.name)  # the claims of what ships are decided one by one, too
    beside = tuple(claim.name for claim in others if claim.kind == "invariant" and claim not in claims)
    units = []
    for configuration in configurations(design, request.configuration):
        if plain and "~" not in configuration:
            units.append(Unit("configuration", design.name, configuration, plain, request.without, request.timeout, beside=beside))
    for claim in claims:
        if claim.kind == "relation" and request.configuration in (None, pair(claim)):
            units.append(Unit("relation", design.name, pair(claim), (claim.name,), request.without, request.timeout))
    return units


def pair(claim: Claim) -> str:
    """The configuration under which a relation is reported."""
    return f"{claim.left}~{claim.right}"


def _lemmas(library: Library, designs: Sequence[str], wanted: Sequence[str], request: Request) -> list[Unit]:
    """Lemmas are asked with everything, with their file, under their own name, or by name."""
    whole = [str(Path(target).resolve()) for target in request.targets if is_file(target) and not split(target)[1]]
    shipped = [None] if LEMMAS in designs or wanted else []
    names = [claim.name for file in (*shipped, *(library.files if wanted else whole)) for claim in library.lemmas_of(file)]
    names = [name for name in dict.fromkeys(names) if not wanted or name in wanted]
    return [Unit("lemmas", LEMMAS, "", tuple(names), (), request.timeout)] if names else []


def _why(library: Library, wanted: Sequence[str], request: Request, settled: Sequence[str]) -> str:
    for change in request.without:
        if not any(design.can_change(change) for design in library.designs.values()):
            on, name = change.startswith("+"), change.removeprefix("+")
            names = dict.fromkeys(one for design in library.designs.values() for one in (design.alternatives if on else design.assumptions))
            return f"no design has an {'alternative' if on else 'assumption'} {name!r}; {did_you_mean(name, names)}"
    if not settled and request.configuration:
        known = [name for design in library.designs.values() for name in (*design.configurations, *design.settings)]
        return f"no design has a configuration {request.configuration!r}; {did_you_mean(request.configuration, known)}"
    if wanted:
        return f"{', '.join(wanted)} is asked of none of these designs in this way"
    return "there are no designs and no claims"
