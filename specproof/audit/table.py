"""The audit as text: by design, which claims need which assumptions, what would save the others, and where sources disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from specproof.audit.run import Disputed, Finding, Row
from specproof.load import LEMMAS, Library
from specproof.report import wrapped
from specproof.verdict import Proved, Refuted

#: Design, configuration, claim, in the order of the report; a claim with the configurations that a line speaks of.
Places = dict[str, list[str]]


def lines(findings: Sequence[Finding], disputed: Sequence[Disputed], known: Library) -> list[str]:
    """All of it, at most 100 columns."""
    found: list[str] = []
    for design in dict.fromkeys(one.result.design for one in findings):
        if design != LEMMAS:
            found += [*_design(design, [one for one in findings if one.result.design == design]), ""]
    return found + disagreements(disputed, known)


def _design(design: str, findings: Sequence[Finding]) -> list[str]:
    groups: dict[str, Places] = {}
    asked: dict[str, list[str]] = {}
    for one in findings:
        asked.setdefault(one.result.claim, []).append(one.result.configuration)
        groups.setdefault(needs(one), {}).setdefault(one.result.claim, []).append(one.result.configuration)
    found = [design]
    for title in sorted(groups, key=_rank):
        found += [*wrapped(f"{title}:", "  ", "    "), *wrapped(_places(groups[title], asked), "      ", "      ")]
    return found


def needs(one: Finding) -> str:
    """What a finding says, without its place: `proved under a and b`."""
    word = one.result.verdict.word
    if isinstance(one.result.verdict, Refuted):
        return f"refuted, saved by {' or by '.join(one.saved_by)}" if one.saved_by else "refuted, saved by nothing named"
    if not isinstance(one.result.verdict, Proved):
        return word
    return "proved under " + sets(one.least) + (", or under less, which was left open" if one.undecided else "")


def sets(least: Iterable[Sequence[str]]) -> str:
    """Sets in words: `a, b and c, or d`; `no assumption` for the empty one."""
    return ", or ".join(" and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]]) or "no assumption" for names in least)


def _rank(title: str) -> tuple[bool, bool, int, str]:
    return not title.startswith("proved"), title != "proved under no assumption", title.count(",") + title.count(" and "), title


def _places(places: Mapping[str, Sequence[str]], asked: Mapping[str, Sequence[str]]) -> str:
    """Claims, each with its configurations where that is not all of them in which it was asked."""
    parts = []
    for claim, configurations in places.items():
        some = "" if list(configurations) == list(asked[claim]) else f" ({', '.join(configurations)})"
        parts.append(claim + some)
    return ", ".join(parts)


def disagreements(disputed: Sequence[Disputed], known: Library) -> list[str]:
    """Each question on which sources disagree, with the verdicts under each answer; designs that agree are told together."""
    found: list[str] = []
    questions = dict.fromkeys((one.assumption, one.alternative) for one in disputed)
    for assumption, alternative in questions:
        found += wrapped(f"Where sources disagree: {assumption}, or {alternative} (--with {alternative}), or either (--without {assumption})")
        for one in (one for one in disputed if (one.assumption, one.alternative) == (assumption, alternative)):
            count = f"{len(one.rows)} of {one.asked} verdict{'s' * (one.asked != 1)} change{'s' * (len(one.rows) == 1)}"
            found.append(f"  {one.design}: {count}")
            found += _table(one.rows, assumption, alternative)
        found.append("")
    return found


def _table(rows: Sequence[Row], assumption: str, alternative: str) -> list[str]:
    if not rows:
        return []
    whole = [("", assumption, alternative, "either"), *((place(row), row.assumed, row.instead, row.either) for row in rows)]
    widths = [max(len(row[column]) for row in whole) for column in range(4)]
    return [("    " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip() for row in whole]


def place(row: Row) -> str:
    """The claim, with the configuration where there is one."""
    return row.claim + (f" ({row.configuration})" if row.configuration else "")
