"""What `check` prints: a line a verdict, the matrix design x claim, one line of counts. Text only, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from specproof.design import switched
from specproof.jsonout import concerns
from specproof.load import LEMMAS, Library
from specproof.pinned import Difference
from specproof.pinned import text as verdict_text
from specproof.plan import Key
from specproof.verdict import NotAsked, Refuted, Result, Unknown, Vacuous

WIDTH = 100

#: A blank at which no line is broken.
TIE = "\N{NO-BREAK SPACE}"

#: Verdicts in a matrix of many columns.
SIGNS: Mapping[str, str] = {"proved": "ok", "refuted": "R", "vacuous": "vac", "unknown": "?"}
Answer = Result | NotAsked

#: So many different reasons why claims are not asked are told one by one.
REASONS = 40

#: The verdicts of so many configurations stand side by side in a cell; those of more are counted.
BESIDE = 8

#: Paints a text by what it says (a verdict's word, "differs", "faint"); the identity where stdout is no terminal.
Paint = Callable[[str, str], str]

#: Takes one answer to a terminal or a file.
Show = Callable[[Answer], None]


def plain(text: str, role: str) -> str:
    """The text without colours."""
    return text


def wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most 100 columns; `first` begins the first line, `rest` (blanks of its width) the others. No word is broken."""
    indent = " " * len(first) if rest is None else rest
    found = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    return found or [first.rstrip()]


def place(design: str, configuration: str) -> str:
    """`kvm-rfc-v2, virtualized`; `kvm-rfc-v2, virtualized against emulated` of a relation."""
    return ", ".join(part for part in (design, configuration.replace("~", " against ")) if part)


def line(answer: Answer) -> str:
    """One verdict on one line."""
    if isinstance(answer, NotAsked):
        return f"{answer.design}: {answer.claim}: not asked"
    reason = f": {answer.verdict.reason}" if isinstance(answer.verdict, Unknown | Vacuous) else ""
    return f"{place(answer.design, answer.configuration)}: {answer.claim}: {verdict_text(answer)}{reason}"


def unit(answers: Sequence[Answer]) -> list[str]:
    """A design in one configuration on a line or two: how many claims are proved, and which are refuted."""
    results = [answer for answer in answers if isinstance(answer, Result)]
    if not results:
        return []
    words = [f"{number} {word}" for word in ("proved", "vacuous", "unknown") if (number := sum(one.verdict.word == word for one in results))]
    broken = [f"{one.claim}{TIE}{one.verdict.trace.length}" for one in results if isinstance(one.verdict, Refuted)]
    if broken:
        words.append(f"{len(broken)} refuted: {', '.join(broken)}")
    return [text.replace(TIE, " ") for text in wrapped(", ".join(words), f"{place(results[0].design, results[0].configuration)}: ", "    ")]


def cell(result: Result, short: bool = False) -> str:
    """A verdict as the matrix has it, in words or, where these are too wide, as a sign."""
    steps = str(result.verdict.trace.length) if isinstance(result.verdict, Refuted) and result.kind != "lemma" else ""
    return SIGNS[result.verdict.word] + steps if short else f"{result.verdict.word} {steps}".rstrip()


@dataclass(frozen=True)
class Matrix:
    """Answers, design x claim, by vendor; a vendor's designs in blocks of as many as fit."""

    known: Library
    answers: Sequence[Answer]
    differing: frozenset[Key]
    paint: Paint = plain

    def lines(self) -> list[str]:
        """The designs of a vendor side by side, with the claims that at least one of them is asked; lemmas last."""
        groups: dict[str, list[str]] = {}
        for design in dict.fromkeys(answer.design for answer in self.answers):
            groups.setdefault(self._vendor(design), []).append(design)
        named = len(groups.keys() - {LEMMAS}) > 1
        found: list[str] = []
        shorts: set[bool] = set()
        gaps = False
        for vendor, designs in groups.items():
            claims = [name for name in self.known.claims if any(self._cell(design, name).strip("-") for design in designs)]
            if claims:
                left = max(map(len, map(self._title, claims)))
                short = self._crowded(designs, claims, left)
                shorts.add(short)
                gaps |= any(self._cell(design, claim).startswith("-") for design in designs for claim in claims)
                found += [self.paint(vendor, "heading"), ""] if named and vendor not in ("", LEMMAS) else []
                found += [*self._legend(designs), *self._table(designs, claims, left, short), ""]
        return [*self._signs(shorts, gaps), *found] if found else []

    def _vendor(self, design: str) -> str:
        """Whose design it is; empty where the design does not say, as a user's own."""
        return LEMMAS if design == LEMMAS else self.known.designs[design].vendor if design in self.known.designs else ""

    def _table(self, designs: Sequence[str], claims: Sequence[str], left: int, short: bool) -> list[str]:
        found: list[str] = []
        start = 0
        while start < len(designs):
            end, total = start, left
            columns = []
            while end < len(designs):
                cells = [self._cell(designs[end], claim, short) for claim in claims]
                heading = _stacked(designs[end]) if short else [designs[end]]
                width = max(map(len, [*heading, *cells]))
                if end > start and total + 2 + width > WIDTH:
                    break
                columns.append((heading, cells, width))
                total += 2 + width
                end += 1
            found += [*([""] if start else []), *self._block(claims, left, columns)]
            start = end
        return found

    def _crowded(self, designs: Sequence[str], claims: Sequence[str], left: int) -> bool:
        """Whether words would be too wide for the designs to stand side by side."""
        widths = [max(len(design), *(len(self._cell(design, claim)) for claim in claims)) for design in designs]
        return left + sum(2 + width for width in widths) > WIDTH

    def _block(self, claims: Sequence[str], left: int, columns: Sequence[tuple[Sequence[str], Sequence[str], int]]) -> list[str]:
        """Columns side by side; of the claims those that one of them is asked."""
        height = max(len(heading) for heading, _, _ in columns)
        found = []
        for row in range(-height, 0):
            heads = [(heading[row] if len(heading) >= -row else "", width) for heading, _, width in columns]
            found.append("  ".join([" " * left, *(self.paint(text, "heading") + " " * (width - len(text)) for text, width in heads)]).rstrip())
        for row, claim in enumerate(claims):
            if any(cells[row].strip("-") for _, cells, _ in columns):
                painted = [_painted(cells[row], width, self.paint) for _, cells, width in columns]
                found.append("  ".join([f"{self._title(claim):<{left}}", *painted]).rstrip())
        return found

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

    def _cell(self, design: str, claim: str, short: bool = False) -> str:
        here = self._by_cell.get((design, claim), [])
        results = [answer for answer in here if isinstance(answer, Result)]
        if not results:
            return ("-" if here else "") + "!" * ((design, claim) in self._differing_cells)
        cells = [cell(result, short) + "!" * ((design, result.configuration, claim) in self.differing) for result in results]
        if len(set(cells)) == 1:
            return cells[0]
        if len(cells) > BESIDE:
            cells = [f"{count} {one}" for one, count in Counter(cells).items()]
        return ("/" if short else " / ").join(cells)

    def _legend(self, designs: Sequence[str]) -> list[str]:
        """Which configurations the cells of some designs speak of."""
        by: dict[tuple[str, ...], list[str]] = {}
        for design in designs:
            asked = dict.fromkeys(answer.configuration for answer in self.answers if isinstance(answer, Result) and answer.design == design)
            by.setdefault(tuple(name for name in asked if name and "~" not in name), []).append(design)
        found = []
        for configurations, whose in by.items():
            if len(configurations) > BESIDE:
                found += wrapped(f"{len(configurations)} configurations of {', '.join(whose)}: a cell counts their verdicts; one where all agree.")
            elif len(configurations) > 1:
                found += wrapped(f"{' / '.join(configurations)}: the order in a cell of {', '.join(whose)}; one verdict where all agree.")
            elif configurations:
                found += wrapped(f"{configurations[0]}: the configuration of {', '.join(whose)}.")
        return [*found, ""] if found else []

    def _signs(self, shorts: set[bool], gaps: bool) -> list[str]:
        """What the signs mean that occur; `shorts`: whether there are blocks with signs, and with words; `gaps`: cells with "-"."""
        words = {answer.verdict.word for answer in self.answers if isinstance(answer, Result) and answer.kind != "lemma"}
        said = ["-: not asked"] if gaps else []
        if "refuted" in words:
            said.append(" or ".join(sign for sign, used in (("refuted N", False), ("RN", True)) if used in shorts) + ": by a run of N steps")
        if True in shorts:
            said += [f"{SIGNS[word]}: {word}" for word in ("proved", "vacuous", "unknown") if word in words]
        said += ["!: not as pinned"] if self.differing else []
        return [*wrapped("; ".join(said) + "."), ""] if said else []


def _stacked(name: str) -> list[str]:
    """A design's name on lines of about eight columns, broken after its hyphens."""
    lines = [""]
    for part in name.replace("-", "- ").split():
        lines = [*lines[:-1], lines[-1] + part] if len(lines[-1] + part) <= 8 else [*lines, part]
    return [line for line in lines if line]


def _painted(text: str, width: int, paint: Paint) -> str:
    roles = (("differs", ("!",)), ("unknown", ("unknown", "?")), ("refuted", ("refuted", "R")), ("vacuous", ("vac",)), ("proved", ("proved", "ok")))
    role = next((role for role, signs in roles if any(sign in text for sign in signs)), "faint")
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
        if len(claims) > REASONS:  # a design of other things, with words of its own
            count = sum(map(len, claims.values()))
            text = f"{count} claims, of views and configurations that it does not have; 'specproof list not-asked' with its name says which"
        together.setdefault(text, []).append(design)
    found = [line for text, designs in together.items() for line in wrapped(text, f"not asked of {', '.join(designs)}: ", "    ")]
    return [*found, ""] if found else []


def remarks(answers: Sequence[Answer], *, brief: bool = False) -> list[str]:
    """The reasons of what is vacuous or undecided; `brief`: of what is undecided, and where the others are told."""
    found = []
    for answer in answers:
        if isinstance(answer, Result) and isinstance(answer.verdict, Unknown if brief else Vacuous | Unknown):
            found += wrapped(line(answer), "", "    ")
    skipped = sum(isinstance(answer, NotAsked) for answer in answers)
    vacuous = sum(isinstance(answer, Result) and isinstance(answer.verdict, Vacuous) for answer in answers)
    if brief and (skipped or vacuous):
        found += wrapped(
            f"Not asked, because the design cannot express it: {skipped}; vacuous: {vacuous}. "
            "'specproof check DESIGN' and 'specproof list not-asked' say why."
        )  # fmt: skip
    return [*found, ""] if found else []


def changed(differing: Sequence[Difference], without: Sequence[str]) -> list[str]:
    """What is not as pinned; with assumptions switched off, what each of them was good for."""
    found = []
    tail = f" {switched(without)}" if without else ""
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
