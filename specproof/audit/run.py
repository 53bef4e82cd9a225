"""The audit itself: rounds of units, each asked under other assumptions, until every claim's least sets are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from specproof.audit.sets import Names, Search
from specproof.decision import SLICE, TRACKED
from specproof.design import Design
from specproof.jobs import Answer, Done
from specproof.load import LEMMAS, Library
from specproof.pinned import text
from specproof.plan import Unit
from specproof.system import build
from specproof.terms import TRUE
from specproof.verdict import Proved, Refuted, Result, Unknown, Vacuous

#: Does units; the answers to each by claim.
Ask = Callable[[Sequence[Unit]], Done]


@dataclass(frozen=True)
class Finding:
    """A claim of a design in a configuration. Of a proof `least` are its least sets of assumptions, `undecided` whether
    a smaller one was left open; of a refutation `saved_by` are the alternatives under each of which it is proved."""

    result: Result
    least: tuple[tuple[str, ...], ...] = ()
    undecided: bool = False
    saved_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A claim whose verdict depends on the answer to a question: as assumed, either way, and with the alternative."""

    configuration: str
    claim: str
    assumed: str
    either: str
    instead: str

    @property
    def differs(self) -> bool:
        """Whether the three are not one, whatever the lengths of the runs."""
        return len({said.split(" ")[0] for said in (self.assumed, self.either, self.instead)}) > 1


@dataclass(frozen=True)
class Disputed:
    """An assumption of a design that has an alternative, and the claims whose verdicts depend on it; `asked` how many there were."""

    design: str
    assumption: str
    alternative: str
    rows: tuple[Row, ...]
    asked: int


@dataclass
class Audit:
    """What is asked and what was found. `units` are the whole questions, under every assumption."""

    known: Library
    units: Sequence[Unit]
    ask: Ask
    findings: list[Finding] = field(default_factory=list)
    disputed: list[Disputed] = field(default_factory=list)
    interrupted: bool = False
    asked: int = 0

    def run(self, base: Done) -> None:
        """All of it, given the answers to the whole questions."""
        results = [
            {name: answer for name, answer in answers.items() if isinstance(answer, Result)} for answers in base.answers
        ]  # fmt: skip
        searches = {
            (index, name): Search(self._acting(self.units[index]), _used(result))
            for index, found in enumerate(results)
            for name, result in found.items()
            if self.units[index].design != LEMMAS and isinstance(result.verdict, Proved) and result.kind != "reachability"
        }
        self._search(searches)
        others = self._under_others(results, searches)
        for index, found in enumerate(results):
            for name in (one for one in self.units[index].claims if one in found):
                search = searches.get((index, name))
                least = tuple(search.least()) if search else ((),) if isinstance(found[name].verdict, Proved) else ()
                saved = self._saved(index, name, found[name], others)
                self.findings.append(Finding(found[name], least, bool(search and search.undecided), saved))
        self.disputed = list(self._disputes(results, searches, others))

    def _acting(self, unit: Unit) -> tuple[str, ...]:
        """The assumptions that restrict something in the unit's configuration, in the order of the design."""
        design = self.known.design(unit.design)
        found = {name for side in unit.configuration.split("~") for name in acting(design, side)}
        return tuple(name for name in design.assumptions if name in found)

    def _search(self, searches: Mapping[tuple[int, str], Search]) -> None:
        """Rounds of questions: claims of one unit that ask about the same set are asked together."""
        while not self.interrupted:
            wanted: dict[tuple[int, Names], list[str]] = {}
            for (index, name), search in searches.items():
                given = search.next()
                if given is not None:
                    wanted.setdefault((index, given), []).append(name)
            if not wanted:
                return
            units = [
                self._unit(index, names, tuple(one for one in self.known.design(self.units[index].design).assumptions
                                               if one in searches[index, names[0]].names and one not in given))
                for (index, given), names in wanted.items()
            ]  # fmt: skip
            for ((index, given), names), answers in zip(wanted.items(), self._ask(units), strict=True):
                for name in names:
                    searches[index, name].answer(given, _holds(answers.get(name)))

    def _unit(self, index: int, names: Sequence[str], changes: tuple[str, ...]) -> Unit:
        """Without patience: bounded runs and Spacer would take a minute for each claim, and answer by the clock."""
        unit = self.units[index]
        return replace(unit, claims=tuple(name for name in unit.claims if name in names), without=changes, patience=0.0)

    def _ask(self, units: Sequence[Unit]) -> list[dict[str, Answer]]:
        if not units:
            return []
        self.asked += len(units)
        done = self.ask(units)
        self.interrupted |= done.interrupted
        return [{one.claim: one for one in answers} for answers in done.complete(units, self.known)]

    def _under_others(
        self, results: Sequence[Mapping[str, Result]], searches: Mapping[tuple[int, str], Search],
    ) -> dict[tuple[int, str, str], Answer]:  # fmt: skip
        """Answers with an assumption left open (by its name) and with the alternative instead (`+` before its name).

        What holds either way holds with the alternative, and what is refuted stays so either way: neither is asked.
        """
        units: dict[tuple[int, str], Unit] = {}
        for index, found in enumerate(results):
            if self.units[index].design == LEMMAS or self.interrupted:
                continue
            acting_here = self._acting(self.units[index])
            for alternative in self.known.design(self.units[index].design).alternatives.values():
                of = alternative.instead_of
                if of not in acting_here:
                    continue
                vacuous = [name for name, result in found.items() if isinstance(result.verdict, Vacuous)]
                rest = frozenset(acting_here) - {of}
                fails = [name for name in found if (search := searches.get((index, name))) and not enough(search, rest)]
                reach = [name for name, result in found.items() if result.kind == "reachability" and isinstance(result.verdict, Proved)]
                refuted = [name for name, result in found.items() if isinstance(result.verdict, Refuted)]
                for change, names in ((of, [*vacuous, *fails]), (f"+{alternative.name}", [*vacuous, *fails, *reach, *refuted])):
                    if names:
                        units[index, change] = self._unit(index, names, (change,))
        answered = zip(units, self._ask(list(units.values())), strict=True)
        return {(index, change, name): answer for (index, change), answers in answered for name, answer in answers.items()}

    def _saved(self, index: int, name: str, result: Result, others: Mapping[tuple[int, str, str], Answer]) -> tuple[str, ...]:
        if not isinstance(result.verdict, Refuted) or result.design == LEMMAS:
            return ()
        alternatives = self.known.design(result.design).alternatives
        return tuple(one for one in alternatives if _word(others.get((index, f"+{one}", name))) == "proved")

    def _disputes(
        self, results: Sequence[Mapping[str, Result]], searches: Mapping[tuple[int, str], Search], others: Mapping[tuple[int, str, str], Answer],
    ) -> Iterator[Disputed]:  # fmt: skip
        for design in dict.fromkeys(unit.design for unit in self.units if unit.design != LEMMAS):
            for alternative in self.known.design(design).alternatives.values():
                rows, asked = [], 0
                for index, found in enumerate(results):
                    if self.units[index].design != design or alternative.instead_of not in self._acting(self.units[index]):
                        continue
                    for name in (one for one in self.units[index].claims if one in found):
                        asked += 1
                        rows.append(self._row(index, found[name], alternative.instead_of, alternative.name, others))
                yield Disputed(design, alternative.instead_of, alternative.name, tuple(row for row in rows if row.differs), asked)

    def _row(self, index: int, result: Result, of: str, instead: str, others: Mapping[tuple[int, str, str], Answer]) -> Row:
        either, other = (others.get((index, change, result.claim)) for change in (of, f"+{instead}"))
        unasked = result.verdict.word  # follows from the verdict, though not by how short a run
        return Row(result.configuration, result.claim, text(result), _text(either) or unasked, _text(other) or unasked)


def acting(design: Design[Any], configuration: str) -> set[str]:
    """The assumptions that restrict something in a configuration."""
    if not all(name in design.settings for name in filter(None, configuration.split("+"))):
        return set()
    system = build(design, configuration)
    terms = [system.initially_assumed, *(action.assumed for action in system.actions.values())]
    return {name for one in terms for name, term in one.items() if term is not TRUE}


def enough(search: Search, given: Names) -> bool:
    """Whether the claim holds under these, by answers or by what its proof says that it uses."""
    known = search.holds(given)
    return known if known is not None else search.used is not None and given >= search.used


def _used(result: Result) -> Names | None:
    """The assumptions that a proof uses, where it is of the kind that knows."""
    verdict = result.verdict
    return frozenset(verdict.assumptions) if isinstance(verdict, Proved) and verdict.method in (SLICE, TRACKED) else None


def _holds(answer: Answer | None) -> bool | None:
    if not isinstance(answer, Result) or isinstance(answer.verdict, Unknown):
        return None
    return isinstance(answer.verdict, Proved | Vacuous)


def _word(answer: Answer | None) -> str:
    return answer.verdict.word if isinstance(answer, Result) else ""


def _text(answer: Answer | None) -> str:
    return text(answer) if isinstance(answer, Result) else ""
