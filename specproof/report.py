"""What `check` prints: a line a verdict, the matrix design x claim, one line of counts. Text only, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from specproof.jsonout import concerns
from specproof.load import LEMMAS, Library
from specproof.pinned import Difference
from specproof.pinned import text as verdict_text
from specproof.plan import Key
from specproof.verdict import NotAsked, Refuted, Result, Unknown, Vacuous

WIDTH = 100
Answer = Result | NotAsked

#: Paints a text by what it says (a verdict's word, "differs", "faint"); the identity where stdout is no terminal.
Paint = Callable[[str, str], str]

#: Takes one answer to a terminal or a file.
Show = Callable[[Answer], None]


def plain(text: str, role: str) -> str:
    """The text without colours."""
    return text


def wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most 100 columns; `first` begins the first line, `rest` (blanks of its width) the others."""
    indent = " " * len(first) if rest is None else rest
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False) or [first.rstrip()]


def place(design: str, configuration: str) -> str:
    """`kvm-rfc-v2, virtualized`; `kvm-rfc-v2, virtualized against emulated` of a relation."""
    return ", ".join(part for part in (design, configuration.replace("~", " against ")) if part)


def line(answer: Answer) -> str:
    """One verdict on one line."""
    if isinstance(answer, NotAsked):
        return f"{answer.design}: {answer.claim}: not asked"
    reason = f": {answer.verdict.reason}" if isinstance(answer.verdict, Unknown | Vacuous) else ""
    return f"{place(answer.design, answer.configuration)}: {answer.claim}: {verdict_text(answer)}{reason}"


def cell(result: Result) -> str:
    """A verdict as the matrix has it."""
    if isinstance(result.verdict, Refuted) and result.kind != "lemma":
        return f"refuted {result.verdict.trace.length}"
    return result.verdict.word


@dataclass(frozen=True)
class Matrix:
    """Answers, design x claim, to be printed in blocks of as many designs as fit."""

    known: Library
    answers: Sequence[Answer]
    differing: frozenset[Key]
    paint: Paint = plain

    def lines(self) -> list[str]:
        """A block for each family of claims (I1, I2, ...; H1, ...), with the designs that have verdicts in it."""
        designs = list(dict.fromkeys(answer.design for answer in self.answers))
        claims = [name for name in self.known.claims if any(self._cell(design, name).strip("-") for design in designs)]
        left = max((len(self._title(name)) for name in claims), default=0)
        found = self._legend(designs, [self._cell(design, claim) for design in designs for claim in claims])
        for _, family in groupby(claims, self._family):
            rows = list(family)
            columns = [[design, *(self._cell(design, claim) for claim in rows)] for design in designs]
            spoken = [column for column in columns if any(cell.strip("-") for cell in column[1:])]
            found += _blocks(left, ["", *map(self._title, rows)], spoken, self.paint)
        return found

    def _family(self, name: str) -> tuple[bool, str]:
        claim = self.known.claims[name]
        return claim.kind == "lemma", "" if claim.kind == "lemma" else claim.id.rstrip("0123456789")

    def _title(self, name: str) -> str:
        return f"{self.known.claims[name].id:<4}{name}"

    @cached_property
    def _by_cell(self) -> Mapping[tuple[str, str], list[Answer]]:
        found: dict[tuple[str, str], list[Answer]] = {}
        for answer in self.answers:
            found.setdefault((answer.design, answer.claim), []).append(answer)
        return found

    @cached_property
    def _differing_cells(self) -> frozenset[tuple[str, str]]:
        return frozenset((design, claim) for design, _, claim in self.differing)

    def _cell(self, design: str, claim: str) -> str:
        here = self._by_cell.get((design, claim), [])
        results = [answer for answer in here if isinstance(answer, Result)]
        if not results:
            return ("-" if here else "") + "!" * ((design, claim) in self._differing_cells)
        cells = [cell(result) + "!" * ((design, result.configuration, claim) in self.differing) for result in results]
        return cells[0] if len(set(cells)) == 1 else " / ".join(cells)

    def _legend(self, all_designs: Sequence[str], cells: Sequence[str]) -> list[str]:
        """Which configurations the cells speak of, and the signs that occur in them."""
        designs = [design for design in all_designs if design != LEMMAS]
        by: dict[tuple[str, ...], list[str]] = {}
        for design in designs:
            asked = dict.fromkeys(answer.configuration for answer in self.answers if isinstance(answer, Result) and answer.design == design)
            by.setdefault(tuple(name for name in asked if name and "~" not in name), []).append(design)
        found = []
        for configurations, whose in by.items():
            if len(configurations) > 1:
                found += wrapped(f"{' / '.join(configurations)}: the order in a cell of {', '.join(whose)}; one verdict where all agree.")
            elif configurations:
                found += wrapped(f"{configurations[0]}: the configuration of {', '.join(whose)}.")
        signs = (("-", "-: not asked"), ("refuted", "refuted N: by a run of N steps"), ("!", "!: not as pinned"))
        said = [meaning for sign, meaning in signs if any(sign in cell for cell in cells)]
        return [*found, *(["; ".join(said) + "."] if said else []), ""] if designs else []


def _blocks(left: int, names: Sequence[str], columns: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    """Columns side by side, as many as fit beside the names, then the next ones below."""
    found: list[str] = []
    start = 0
    while start < len(columns):
        end, total = start, left
        while end < len(columns) and (end == start or total + 2 + _wide(columns[end]) <= WIDTH):
            total += 2 + _wide(columns[end])
            end += 1
        for row, name in enumerate(names):
            text = "  ".join([f"{name:<{left}}", *(_painted(column[row], _wide(column), row, paint) for column in columns[start:end])])
            found.append(text.rstrip())
        found.append("")
        start = end
    return found


def _wide(column: Sequence[str]) -> int:
    return max(map(len, column))


def _painted(text: str, width: int, row: int, paint: Paint) -> str:
    words = ("unknown", "refuted", "vacuous", "proved")
    role = "heading" if row == 0 else "differs" if "!" in text else next((word for word in words if word in text), "faint")
    return paint(text, role) + " " * (width - len(text))


def counts(answers: Sequence[Answer], differing: int, pinned: bool) -> str:
    """The one line at the end. `pinned`: whether the table says something about these designs."""
    results = [answer for answer in answers if isinstance(answer, Result)]
    words = [f"{sum(result.verdict.word == word for result in results)} {word}" for word in ("proved", "refuted", "vacuous", "unknown")]
    skipped = len(answers) - len(results)
    if not pinned:
        tail = "nothing is pinned"
    elif differing:
        tail = f"{differing} not as pinned"
    elif any(isinstance(result.verdict, Unknown) for result in results):
        tail = "every decided verdict as pinned"
    else:
        tail = "all as pinned"
    return f"{len(results)} verdict{'s' * (len(results) != 1)}: {', '.join(words)}; {skipped} not asked; {tail}"


def not_asked(answers: Iterable[Answer], known: Library) -> list[str]:
    """The claims that designs cannot express, by id, with the reasons; designs that lack the same are named together."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for answer in answers:
        if isinstance(answer, NotAsked):
            reason = answer.reason.replace(f"{answer.design} offers no view", "no view")
            reasons.setdefault(answer.design, {}).setdefault(reason, []).append(known.claims[answer.claim].id or answer.claim)
    together: dict[str, list[str]] = {}
    for design, claims in reasons.items():
        text = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in claims.items())
        together.setdefault(text, []).append(design)
    found = [line for text, designs in together.items() for line in wrapped(text, f"not asked of {', '.join(designs)}: ", "    ")]
    return [*found, ""] if found else []


def remarks(answers: Iterable[Answer]) -> list[str]:
    """The reasons of what is vacuous or undecided."""
    found = []
    for answer in answers:
        if isinstance(answer, Result) and isinstance(answer.verdict, Vacuous | Unknown):
            found += wrapped(line(answer), "", "    ")
    return [*found, ""] if found else []


def changed(differing: Sequence[Difference], without: Sequence[str]) -> list[str]:
    """What is not as pinned; with assumptions switched off, what each of them was good for."""
    found = []
    tail = f" without {', '.join(without)}" if without else ""
    new: dict[str, list[str]] = {}
    for one in differing:
        design, configuration, claim = one.key
        if one.pinned is None:
            new.setdefault(place(design, configuration), []).append(f"{claim} {one.found}")
        else:
            found += wrapped(f"{place(design, configuration)}: {claim}: {one.found}{tail}; pinned: {one.pinned}", "! ", "    ")
    for where, verdicts in new.items():
        found += wrapped(f"{where}: not in the pinned table: {', '.join(verdicts)}", "! ", "    ")
    return [*found, ""] if found else []


def sanity(answers: Iterable[Answer], *, all_: bool) -> list[str]:
    """What keeps proofs from counting; with `all_` also what no proof needs, which fails nothing."""
    lines: list[str] = []
    unneeded: dict[str, list[str]] = {}
    for design, configuration, one in concerns(answers):
        if one.fails:
            lines += wrapped(one.text, f"! {place(design, configuration)}: ", "    ")
        elif all_:
            unneeded.setdefault(place(design, configuration), []).append(one.text.removeprefix("no proof needs "))
    for where, texts in unneeded.items():
        lines += wrapped("; ".join(texts), f"no proof needs, in {where}: ", "    ")
    return lines
