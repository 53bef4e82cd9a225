"""The page of measurements, and the simulation of many workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import mutation
from bench.document import section, table
from bench.farm import Design, simulate, text
from bench.scale import growth


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    """Each measurement owns its text; what others wrote, people among them, stays where it is."""
    page = tmp_path / "docs" / "performance.md"
    section("one", "first", page)
    section("two", "second", page)
    page.write_text(page.read_text().replace("second", "second").replace("<!-- two -->", "Said by hand.\n\n<!-- two -->"))

    section("one", "1 \\1 new", page)

    assert page.read_text().split("<!-- one -->")[1] == (
        "\n1 \\1 new\n<!-- end of one -->\n\nSaid by hand.\n\n<!-- two -->\nsecond\n<!-- end of two -->\n"
    )


def test_tables() -> None:
    """Numbers stand flush right."""
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_workers_share_the_work() -> None:
    """One worker takes all the work and a setup of each design; more take less, down to a setup and a batch."""
    designs = [Design("large", 10_000, 5.0, (0.5,)), Design("small", 100, 1.0, (0.1, 0.3))]
    work = 5000 + 20

    one, many, most = (simulate(designs, workers, batch=20.0, dispatch=0.0) for workers in (1, 16, 10_000))

    assert one == pytest.approx(work + 6, rel=0.02)
    assert work / 16 <= many <= work / 16 * 1.1 + 20 * 1.2
    assert 5 + 20 * 0.8 <= most <= 5 + 20 * 1.2
    assert "efficiency" in text(designs, 20.0)


def test_the_scheduler_is_a_limit() -> None:
    """However many workers: batches are handed out one by one."""
    designs = [Design("d", 1000, 0.0, (0.01,))]

    assert simulate(designs, 1000, batch=0.01, dispatch=0.1) >= 100


def test_growth_is_fitted_where_there_is_some() -> None:
    """Sizes at which starting up is what takes time say nothing."""
    flat = [{"n": n, "seconds": 0.05} for n in range(1, 6)]

    assert growth(flat) == "too small to tell"
    assert growth(flat + [{"n": n, "seconds": 0.001 * 2**n} for n in range(8, 13)]) == "2.00^n"


def test_the_page_about_mutants_has_every_survivor() -> None:
    """Tables count, what is equivalent is grouped by its change, and each survivor is named with its actions."""
    mutants = [
        {"operator": "swap", "status": status, "by": by, "change": change, "action": action}
        for status, by, change, action in (
            ("killed", "forced", "a.py:1: x", "go"), ("equivalent", "every view is the same", "a.py:2: y", "go"),
            ("survived", "", "a.py:3: z", "go"), ("survived", "", "a.py:3: z", "stop"),
        )
    ]  # fmt: skip
    counts = {"killed": 1, "equivalent": 1, "survived": 2, "unknown": 0}
    text_ = mutation.page([{"design": "mine", "order": 1, "sample": 9, "seed": 4, "counts": counts, "mutants": mutants}])

    assert "| `specproof mutate mine --sample 9 --seed 4` | 4 | 1 | 1 | 2 | 0 |" in text_
    assert "| swap | 1 | 1 | 2 | 0 |" in text_
    assert "Survived:\n\n- `a.py:3: z`, in go, stop\n" in text_
    assert "Killed by: forced (1)." in text_
