"""Random small designs: the engine, an exhaustive search, bounded Z3 and Spacer must agree. `python -m bench.random` does many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import random
from bench.designs import Asked, Found, Move, Search, Small, TooMany, antecedents, lemma_holds, source
from specproof.cli import main
from specproof.decide import decide
from specproof.terms import Term, make
from specproof.verdict import Proved, Result


def word(name: str) -> Term:
    return make("var", (), 3, name)


def number(value: int) -> Term:
    return make("const", (), 3, value)


def equal(left: Term, right: Term) -> Term:
    return make("eq", (left, right), 0)


TRUE = make("const", (), 0, True)

#: A word that counts up by one, and is asked never to be 5.
COUNTER = Small(
    {"w": (3, "field")}, equal(word("s.w"), number(0)), None,
    [Move("count", {}, TRUE, None, {"w": make("add", (word("s.w"), number(1)), 3)})],
    {"look_w": word("s.w")}, [Asked("never-5", "invariant", make("not", (equal(word("v.look_w"), number(5)),), 0))],
)  # fmt: skip


def test_every_way_to_decide_agrees(tmp_path: Path) -> None:
    """A fixed seed's designs: verdicts and lengths are the same, and every run is one in plain Python too."""
    decided, counts, wrong = random.campaign(100, 3, 300, tmp_path / "wrong.py")

    assert not wrong, wrong
    assert decided >= 100
    assert {"invariant proved", "invariant refuted"} <= set(counts)


def test_an_exhaustive_search_counts() -> None:
    """The shortest run to 5 has five steps; one more state than allowed is too many."""
    known, fired = Search(COUNTER).run(COUNTER.claims)

    assert known == {"never-5": Found(5, None)}
    assert fired == {"count"}
    with pytest.raises(TooMany):
        Search(COUNTER, most=5).run(COUNTER.claims)


def test_lemmas_are_tried_for_all_values() -> None:
    """x + 1 is not always more than x."""
    more = make("ult", (word("x"), make("add", (word("x"), number(1)), 3)), 0)

    assert not lemma_holds(Asked("more", "lemma", more))
    assert lemma_holds(Asked("same", "lemma", equal(word("x"), word("x"))))


def test_a_wrong_verdict_is_found_shrunk_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that proves everything does not last long, and what is written is a small design file."""

    def credulous(*given: object, **options: object) -> list[object]:
        results = decide(*given, **options)  # type: ignore[arg-type]
        return [Result(r.design, r.configuration, r.claim, r.kind, Proved("faith")) if isinstance(r, Result) else r for r in results]

    monkeypatch.setattr(random, "decide", credulous)
    file = tmp_path / "found" / "wrong.py"

    _, _, wrong = random.campaign(200, 1, 60, file, peers=False)

    assert "visiting every state says" in wrong
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert random.loaded(text)[0].name == "random"


def test_a_run_of_another_length_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts that agree are not enough: the shortest run must be as long as it is."""
    known = Search(COUNTER).run(COUNTER.claims)[0]
    known["never-5"].length = 4
    monkeypatch.setattr(Search, "run", lambda self, claims: (known, {"count"}))

    with pytest.raises(random.Disagree, match="never-5"):
        random.Judge(COUNTER, random.Counter()).run()


def test_the_file_of_a_design_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written can be checked by the command line, and is refuted there too."""
    file = tmp_path / "counter.py"
    file.write_text(source(COUNTER), encoding="utf-8")

    assert main(["check", str(file), "--claim", "never-5", "--jobs", "1"]) == 1
    assert "refuted in 5" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["twice", "against-true"])
def test_an_antecedent_is_one_however_it_is_drawn(name: str) -> None:
    """A term is drawn as it is; written with a design's operators, `~~implies(b, c)` and `~((a | TRUE) ^ implies(b, c))` are the implication."""
    a, b, c = (make("var", (), 0, name) for name in "abc")
    inner = make("implies", (b, c), 0)
    negated = make("not", (inner,), 0) if name == "twice" else make("xor", (make("or", (a, TRUE), 0), inner), 0)

    assert antecedents(make("implies", (a, make("not", (negated,), 0)), 0)) == [a, b]
