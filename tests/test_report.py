"""What `check` prints: never wider than 100 columns, differences marked, what is not asked said once."""

from __future__ import annotations

from typing import Any

from specproof import Design, State
from specproof.load import Library
from specproof.pinned import Difference
from specproof.report import Matrix, changed, counts, line, not_asked, remarks, unit
from specproof.trace import Step, Trace
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown, Vacuous
from tests.designs import claims_of_thin

NAMES = ("forced", "value-stays", "alike", "cached", "merging-is-forcing")
known = Library(claims={name: getattr(claims_of_thin, name.replace("-", "_")) for name in NAMES})
proved, vacuous = Proved("-"), Vacuous("-", "its antecedent never happens in this configuration")


def refuted(steps: int) -> Refuted:
    return Refuted("-", Trace("", "", "", {}, (Step("go", "guest", "", "", {}, {}),) * steps))


def results(design: str, **verdicts: Any) -> list[Result]:
    return [
        Result(design, configuration, claim.replace("_", "-"), "invariant", verdict)
        for claim, pair in verdicts.items()
        for configuration, verdict in zip(("virtualized", "emulated"), pair, strict=True)
    ]


def test_the_matrix_says_both_configurations() -> None:
    """A cell has one verdict where the configurations agree, else one each in their order."""
    answers = [
        *results("kvm", forced=(refuted(4), proved), value_stays=(proved, proved)),
        Result("kvm", "virtualized~emulated", "alike", "relation", refuted(12)),
        NotAsked("kvm", "cached", "kvm offers no view 'cache'"),
        *results("xen", forced=(vacuous, vacuous), cached=(proved, Unknown("-", "time limit reached"))),
        Result("bit-vectors", "", "merging-is-forcing", "lemma", proved),
    ]

    assert Matrix(known, answers, frozenset({("kvm", "virtualized", "forced")})).lines() == [
        "-: not asked; refuted N: by a run of N steps; !: not as pinned.",
        "",
        "virtualized / emulated: the order in a cell of kvm, xen; one verdict where all agree.",
        "",
        "                 kvm                  xen",
        "T1  forced       refuted 4! / proved  vacuous",
        "T3  value-stays  proved",
        "T4  alike        refuted 12",
        "T7  cached       -                    proved / unknown",
        "",
        "                        bit-vectors",
        "T8  merging-is-forcing  proved",
        "",
    ]


def test_the_verdicts_of_many_configurations_are_counted() -> None:
    """Side by side they were wider than any window, below a page of names of configurations."""
    verdicts = [proved] * 16 + [refuted(1)] * 47 + [vacuous]
    answers = [
        Result("big", f"a-configuration-{number}", claim, "invariant", verdict)
        for claim, found in (("forced", verdicts), ("value-stays", [proved] * 64))
        for number, verdict in enumerate(found)
    ]

    assert Matrix(known, answers, frozenset()).lines() == [
        "refuted N: by a run of N steps.",
        "",
        "64 configurations of big: a cell counts their verdicts; one where all agree.",
        "",
        "                 big",
        "T1  forced       16 proved / 47 refuted 1 / 1 vacuous",
        "T3  value-stays  proved",
        "",
    ]


def test_no_number_is_broken_behind_a_long_name() -> None:
    """`195 claims` was `1` on one line and `95 claims` on the next."""
    name = "a-design-" * 12
    answers = [NotAsked(name, "cached", f"{name} offers no view 'view{number}'") for number in range(50)]

    assert not_asked(answers, known)[0] == f"not asked of {name}: 50"


def test_many_designs_are_printed_in_blocks() -> None:
    """Where words are too wide there are signs, and columns that do not fit go below, so that no line is wider than 100."""
    verdicts = {"forced": (refuted(10), proved), "value_stays": (vacuous, vacuous)}
    answers = [answer for number in range(12) for answer in results(f"a-hypervisor-{number}", **verdicts)]

    lines = Matrix(known, answers, frozenset()).lines()

    assert max(map(len, lines)) <= 100
    assert lines[0] == "RN: by a run of N steps; ok: proved; vac: vacuous."
    assert sum(text.count("R10/ok") for text in lines) == 12
    assert sum(text.count("vac") for text in lines[1:]) == 12
    assert lines[6:10] == [
        " " * 17 + (" " * 11).join(["a-"] * 6),
        " " * 17 + "  ".join(["hypervisor-"] * 6),
        " " * 17 + (" " * 12).join("012345"),
        "T1  forced       " + "       ".join(["R10/ok"] * 6),
    ]


def test_the_matrix_goes_by_vendor() -> None:
    """A block for each, with the claims that one of its designs is asked; what a vendor's designs are not asked is not there."""
    vendors = {"a": "KVM", "b": "Xen", "c": "KVM"}
    library = Library({name: Design(name, State, doc="-", vendor=vendor) for name, vendor in vendors.items()}, known.claims)
    answers = [
        *(Result(name, "", "forced", "invariant", proved) for name in "abc"), Result("c", "", "cached", "invariant", refuted(3)),
        NotAsked("a", "cached", "-"), NotAsked("b", "cached", "-"), Result("bit-vectors", "", "merging-is-forcing", "lemma", proved),
    ]  # fmt: skip

    assert Matrix(library, answers, frozenset()).lines() == [
        "-: not asked; refuted N: by a run of N steps.", "",
        "KVM", "", "            a       c", "T1  forced  proved  proved", "T7  cached  -       refuted 3", "",
        "Xen", "", "            b", "T1  forced  proved", "",
        "                        bit-vectors", "T8  merging-is-forcing  proved", "",
    ]  # fmt: skip


def test_a_unit_on_a_line() -> None:
    """How many claims are proved, vacuous or unknown, and which are refuted, with the lengths of their runs."""
    answers = [
        Result("kvm", "emulated", "forced", "invariant", refuted(3)), Result("kvm", "emulated", "alike", "invariant", proved),
        Result("kvm", "emulated", "value-stays", "invariant", refuted(12)), NotAsked("kvm", "cached", "-"),
    ]  # fmt: skip

    assert unit(answers) == ["kvm, emulated: 1 proved, 2 refuted: forced 3, value-stays 12"]
    assert unit([*answers[:1] * 20, *answers[1:]])[1].startswith("    forced 3, forced 3, ")
    assert unit([NotAsked("kvm", "cached", "-")]) == []


def test_a_line_a_verdict() -> None:
    """Design, configuration, claim, verdict; a reason where nothing was decided."""
    said = [line(answer) for answer in results("kvm", forced=(refuted(1), Unknown("-", "time limit reached")), value_stays=(proved, vacuous))]

    assert said == [
        "kvm, virtualized: forced: refuted in 1 step",
        "kvm, emulated: forced: unknown: time limit reached",
        "kvm, virtualized: value-stays: proved",
        "kvm, emulated: value-stays: vacuous: its antecedent never happens in this configuration",
    ]


def test_what_is_not_asked_is_said_once() -> None:
    """Designs that lack the same are named together, claims with one reason too."""
    answers = [
        NotAsked(design, claim, reason.format(design))
        for design in ("kvm", "xen")
        for claim, reason in (("cached", "{} offers no view 'cache'"), ("alike", "{} offers no view 'cache'"), ("forced", "nothing is forced"))
    ]

    assert not_asked(answers, known) == ["not asked of kvm, xen: T7, T4 (no view 'cache'); T1 (nothing is forced)", ""]


def test_of_a_design_with_words_of_its_own_only_the_number_is_said() -> None:
    """A page of reasons would hide its own verdicts."""
    answers = [NotAsked("mine", "cached", f"mine offers no view 'view{number}'") for number in range(50)]

    text = " ".join(part.strip() for part in not_asked(answers, known))
    assert text.startswith("not asked of mine: 50 claims, of views and configurations that it does not have; 'specproof list not-asked'")


def test_differences_and_remarks() -> None:
    """What is not as pinned says both; what is new is listed by design and configuration."""
    differing = [
        Difference(("kvm", "virtualized", "forced"), "proved", "refuted in 4 steps"),
        Difference(("kvm", "emulated", "forced"), "proved", None),
        Difference(("kvm", "emulated", "value-stays"), "refuted in 2 steps", None),
    ]

    assert changed(differing, ("sky",)) == [
        "! kvm, virtualized: forced: proved without sky; pinned: refuted in 4 steps",
        "! kvm, emulated: not in the pinned table: forced proved, value-stays refuted in 2 steps",
        "",
    ]
    assert remarks(results("kvm", forced=(proved, vacuous))) == [
        "kvm, emulated: forced: vacuous: its antecedent never happens in this configuration", "",
    ]  # fmt: skip


def test_remarks_on_everything_are_brief() -> None:
    """Reasons of what is undecided, and one sentence about where the others are told."""
    answers = [*results("kvm", forced=(vacuous, Unknown("-", "interrupted"))), NotAsked("kvm", "cached", "-")]

    assert remarks(answers, brief=True) == [
        "kvm, emulated: forced: unknown: interrupted",
        "Not asked, because the design cannot express it: 1; vacuous: 1. 'specproof check DESIGN' and",
        "'specproof list not-asked' say why.", "",
    ]  # fmt: skip
    assert remarks(results("kvm", forced=(proved, refuted(1))), brief=True) == []


def test_the_line_of_counts() -> None:
    """One line, and 'all as pinned' only where something is pinned and everything decided."""
    answers = results("kvm", forced=(proved, refuted(2)))
    unknown = results("kvm", forced=(proved, Unknown("-", "interrupted")))

    assert counts(answers, 0, True) == "2 verdicts: 1 proved, 1 refuted, 0 vacuous, 0 unknown; 0 not asked; all as pinned"
    assert counts(answers, 1, True).endswith("; 1 not as pinned")
    assert counts(answers, 0, False).endswith("; nothing is pinned")
    assert counts(unknown, 0, True).endswith("; every decided verdict as pinned")
    assert counts([*answers[:1], NotAsked("kvm", "cached", "-")], 0, True).startswith("1 verdict: 1 proved, 0 refuted, 0 vacuous, 0 unknown; 1 not")
