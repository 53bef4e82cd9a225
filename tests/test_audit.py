"""The audit of assumptions: least sets, what would save a refuted claim, and the verdicts under each answer to a question."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specproof import ModelError
from specproof.audit.page import main as write
from specproof.audit.page import page
from specproof.audit.sets import MOST, Search
from specproof.cli import main
from specproof.errors import UsageError
from specproof.load import library
from tests.designs.assumed import box

FILE = str(Path(__file__).parent / "designs" / "assumed.py")
TRANSCRIPT = Path(__file__).parent / "transcripts" / "assumptions-kvm-rfc-v2.txt"
SCHEMA = json.loads((importlib.resources.files("specproof") / "schema" / "assumptions.json").read_text(encoding="utf-8"))

Names = frozenset[str]


def settle(search: Search, holds: Callable[[Names], bool | None]) -> int:
    """Answers every question; how many there were. None is asked twice."""
    asked: set[Names] = set()
    while (wanted := search.next()) is not None:
        assert wanted not in asked
        asked.add(wanted)
        search.answer(wanted, holds(wanted))
    return len(asked)


@given(st.integers(0, 5), st.data())
def test_the_least_sets_are_all_least_sets(count: int, data: st.DataObject) -> None:
    """For any claim that holds under more if it holds under less, and any true word of its proof, they are those that trying all would find."""
    names = tuple("abcde"[:count])
    subsets = [frozenset(some) for size in range(count + 1) for some in combinations(names, size)]
    enough = [frozenset(names), *data.draw(st.lists(st.sampled_from(subsets), max_size=4))]

    def holds(given_: Names) -> bool:
        return any(given_ >= one for one in enough)

    used = data.draw(st.none() | st.sampled_from([one for one in subsets if holds(one)]))
    search = Search(names, used)
    settle(search, holds)
    least = [one for one in subsets if holds(one) and not any(holds(other) for other in subsets if other < one)]

    assert {frozenset(one) for one in search.least()} == set(least)


@given(st.integers(1, 5), st.data())
def test_a_proof_that_says_too_little_is_found_out(count: int, data: st.DataObject) -> None:
    """What a proof says that it uses is never taken for an answer: where it is not enough, no least set rests on it."""
    names = tuple("abcde"[:count])
    subsets = [frozenset(some) for size in range(count + 1) for some in combinations(names, size)]
    needed, said = data.draw(st.sampled_from(subsets)), data.draw(st.sampled_from(subsets))
    search = Search(names, said)
    settle(search, lambda given_: given_ >= needed)

    assert all(frozenset(one) >= needed for one in search.least())


def test_many_assumptions_are_left_out_one_by_one() -> None:
    """Beyond the limit there is one least set, by a question for each assumption and not for each set of them."""
    names = tuple(f"a{number}" for number in range(MOST + 4))
    search = Search(names)
    asked = settle(search, lambda given_: "a3" in given_ or {"a5", "a6"} <= given_)

    assert search.least() in ([("a3",)], [("a5", "a6")])
    assert asked <= 3 * len(names)


def test_what_is_undecided_is_no_answer() -> None:
    """A set that was left open counts neither as enough nor as too little, and is reported."""
    search = Search(("a", "b"), frozenset("a"))
    settle(search, lambda given_: None if given_ == {"b"} else given_ >= {"a"})

    assert search.least() == [("a",)]
    assert search.undecided == [frozenset("b")]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    code = main(["check", "--assumptions", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


BOX = """\
box
  proved under no assumption:
      needs-nothing, can-be-used, can-be-even
  proved under labelled:
      needs-labelled
  proved under small:
      needs-small
  proved under small and even:
      needs-small-and-even
  proved under small, or even:
      needs-small-or-even
  refuted, saved by nothing named:
      saved-by-nothing
  refuted, saved by odd:
      saved-by-odd

Where sources disagree: even, or odd (--with odd), or either (--without even)
  box: 3 of 9 verdicts change
                          even               odd                either
    needs-small-and-even  proved             refuted in 1 step  refuted in 1 step
    saved-by-odd          refuted in 1 step  proved             refuted
    can-be-even           proved             vacuous            proved

7 proved, 3 of them under no assumption; 2 refuted, 1 of them saved by an alternative; 0 left open
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_box(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of answer: none, one, two, one of two, an initial one; saved and not; whatever the number of workers."""
    code, out, _ = ask(capsys, f"{FILE}:box", "--jobs", jobs)

    assert out == BOX
    assert code == 0


def test_json_follows_its_schema(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is printed is in the JSON, and two runs write the same bytes, one of them from the cache."""
    texts = []
    for name in ("one.json", "two.json"):
        ask(capsys, f"{FILE}:box", "--jobs", "1", "--json", str(tmp_path / name))
        texts.append((tmp_path / name).read_text())
    found: dict[str, Any] = json.loads(texts[0])
    jsonschema.validate(found, SCHEMA)
    least = {one["claim"]: one["least"] for one in found["results"] if one["verdict"] == "proved"}

    assert texts[0] == texts[1]
    assert least["needs-small-or-even"] == [["small"], ["even"]]
    assert {one["claim"]: one["saved_by"] for one in found["results"] if one["verdict"] == "refuted"} == {
        "saved-by-odd": ["odd"], "saved-by-nothing": []
    }  # fmt: skip
    assert [one["alternative"] for one in found["disputed"]] == ["odd"]


def test_one_claim_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """With --claim nothing else is asked."""
    code, out, _ = ask(capsys, f"{FILE}:box", "--claim", "needs-small", "--jobs", "1")

    assert code == 0
    assert out.splitlines()[:2] == ["box", "  proved under small:"]


def test_without_what_a_least_set_has_the_claim_is_refuted(capsys: pytest.CaptureFixture[str]) -> None:
    """The audit and `--without` agree in both directions, and `--with` is the alternative."""

    def verdict(claim: str, *options: str) -> str:
        main(["check", f"{FILE}:box", "--claim", claim, "--jobs", "1", *options])
        return capsys.readouterr().out.splitlines()[0].rsplit(": ", 1)[-1]

    assert verdict("needs-small", "--without", "even", "--without", "labelled") == "proved"
    assert verdict("needs-small", "--without", "small").startswith("refuted")
    assert verdict("saved-by-odd", "--without", "even").startswith("refuted")
    assert verdict("saved-by-odd", "--with", "odd") == "proved"


REFUSED = [
    (["--without", "even"], "--assumptions asks what each assumption is good for: leave out --without or --with"),
    (["--html", "x.html"], "leave out --html"),
    (["--live"], "leave out --live"),
    (["--certificates", "d"], "leave out --certificates"),
    (["--config", "upside-down"], "box has no configuration 'upside-down'"),
    (["--json", "no/such/folder/x.json"], "--json no/such/folder/x.json: cannot be written: No such file or directory"),
    (["--claim", "needs-smal"], "there is no claim 'needs-smal'; did you mean 'needs-small"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_what_cannot_be_asked_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One complaint, exit code 2, no table."""
    code, out, err = ask(capsys, f"{FILE}:box", *arguments)

    assert (code, out) == (2, "")
    assert said in err


def test_an_unknown_alternative_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """`--with` of what is no alternative says what there is; so does a design that has an alternative to nothing."""
    assert main(["check", f"{FILE}:box", "--with", "od", "--jobs", "1"]) == 2
    assert "box has no alternative 'od'; did you mean 'odd'" in capsys.readouterr().err
    with pytest.raises(UsageError, match="no assumption 'odd'; "):
        box.in_force(["odd"])
    with pytest.raises(ModelError, match="box has no assumption 'evn' for strange to stand instead of; did you mean 'even'"):
        box.assumption("strange", of=("put",), instead_of="evn")(lambda s: True)  # type: ignore[arg-type, return-value]


def test_a_variant_without_an_assumption_has_no_alternative_to_it() -> None:
    """An alternative goes with what it stands instead of, and is on only where it is asked for."""
    assert list(box.in_force()) == ["small", "even", "labelled"]
    assert list(box.in_force(["+odd"])) == ["small", "labelled", "odd"]
    assert not box.but("box-2", without=("even",)).alternatives
    assert list(box.but("box-3", without=("small",)).alternatives) == ["odd"]


def test_list_shows_alternatives(capsys: pytest.CaptureFixture[str]) -> None:
    """`list assumptions` says which of them are off, and instead of what."""
    assert main(["list", "assumptions", FILE]) == 0
    assert "Off by default; instead of even." in " ".join(capsys.readouterr().out.split())


def test_the_story_of_a_run_knows_alternatives(capsys: pytest.CaptureFixture[str]) -> None:
    """A run under an alternative is told, replayed and certified like any other, and its heading says under which."""
    arguments = ["kvm-rfc-v2", "host-isolation", "--config", "virtualized", "--with", "entry-loads-shadow", "--jobs", "1"]
    main(["explain", *arguments])
    out = capsys.readouterr().out

    assert "Asked with entry-loads-shadow." in out
    assert "refuted by a run of" in out


@pytest.mark.slow
def test_kvm_rfc_v2_is_as_its_transcript(capsys: pytest.CaptureFixture[str]) -> None:
    """What proofs of KVM's second series lean on; the audit of all its claims is in docs/assumptions.md."""
    claims = ("enforcement", "cache-coherence", "transparency")
    code, out, _ = ask(capsys, "kvm-rfc-v2", *(part for name in claims for part in ("--claim", name)), "--config", "virtualized", "--jobs", "2")

    assert out == TRANSCRIPT.read_text(encoding="utf-8")
    assert code == 0


def test_the_page_says_what_the_json_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The page has each assumption with its text, each question with the verdicts under each answer, and each least set."""
    ask(capsys, f"{FILE}:box", "--jobs", "1", "--json", str(tmp_path / "box.json"))
    found = page(json.loads((tmp_path / "box.json").read_text()), library((FILE,)))

    assert "\n    specproof check box --assumptions --json AUDIT.json\n    python -m specproof.audit.page AUDIT.json > docs/assumptions.md\n" in found
    assert "- **odd** (box). An alternative to even, off by default. What is put into it is odd; [B] says so.\n  - [B] nobody in parti" in found
    assert "| saved-by-odd | refuted in 1 step | proved | refuted |\n" in found
    assert "| proved under small, or even | needs-small-or-even |\n" in found
    assert "| refuted; saved by odd | saved-by-odd |\n" in found


def test_the_page_names_designs_without_assumptions_and_a_command_of_any_length() -> None:
    """The command that made the page is continued, not cut; a design that assumes nothing is said to."""
    audit = {"results": [{"design": name, "configuration": "", "claim": "c", "verdict": "proved"} for name in ("hedron", "tdx-module", "xen-svm")]}
    known = library()
    found = page({**audit, "disputed": []}, known)
    command = found.split("Generated by\n\n")[1].replace(" \\\n", " ").split("\n")[0]

    assert " ".join(command.split()) == "specproof check hedron tdx-module xen-svm --assumptions --json AUDIT.json"
    assert "hedron, tdx-module and xen-svm make no named assumption: what is proved there is proved under none.\n" in found


def test_the_page_of_what_is_no_audit_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One line that names the file, and exit code 2."""
    (tmp_path / "x.json").write_text("[1]")
    (tmp_path / "y.json").write_text("nonsense")

    assert [write([str(tmp_path / name)]) for name in ("x.json", "y.json", "none.json")] == [2, 2, 2]
    assert write([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 4
    assert "the JSON of 'check --assumptions --json' was expected" in err


def test_the_page_in_docs_has_every_question(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/assumptions.md names every assumption and alternative of the designs that it speaks of."""
    text = (Path(__file__).parents[1] / "docs" / "assumptions.md").read_text(encoding="utf-8")
    known = library()
    designs = [line.removeprefix("### ") for line in text.partition("## By design")[2].splitlines() if line.startswith("### ")]

    assert {"intel", "kvm-rfc-v2"} <= set(designs)
    for design in designs:
        for name in (*known.design(design).assumptions, *known.design(design).alternatives):
            assert f"- **{name}** (" in text, name
