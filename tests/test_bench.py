"""The benchmark measures the same obligations everywhere: peers agree, and a broken design is broken for all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import z3
from hypothesis import given, settings

from bench import z3terms
from bench.peers import Bench, Wrong, ratio, table
from bench.run import Run, child, run
from specproof.graph import variables
from specproof.readings.integers import evaluate
from specproof.terms import OPERATORS
from tests import strategies

TOP = Path(__file__).parents[1]


def test_z3_terms_have_every_operator() -> None:
    """The direct translation for bounded checking and Spacer is complete."""
    assert {*z3terms.MEANING, "var"} == set(OPERATORS)


@given(strategies.valued(depth=3))
@settings(max_examples=60, database=None)
def test_z3_terms_and_integers_agree(case: strategies.Case) -> None:
    """With values put in, an expression simplifies to the number."""
    term, values = case
    put = {}
    for v in variables([term]):
        value = values[str(v.data)]
        put[v] = z3.BitVecVal(value, v.width) if v.width else z3.BoolVal(bool(value))
    [result] = z3terms.translate([term], put)
    result = z3.simplify(result)

    assert (result.as_long() if term.width else int(z3.is_true(result))) == evaluate(term, values)


def test_all_peers_agree_on_small_designs() -> None:
    """The three tables, on a design that every peer proves and one for which every peer finds the run."""
    small = "words:2,flags:1,actions:2"
    command = [sys.executable, "-m", "bench", "--design", small, "--design", f"{small},broken:1", "--singly", "pdr,spacer,bounded", "--growth", small]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    for line in ("All claims of a design together", "Claim by claim", "Growth beside", "nothing to find", "1 of 1 runs", "refuted in 1",
                 "Our obligations", "Where the time goes", "In all:"):  # fmt: skip
        assert line in " ".join(done.stdout.split())
    assert "cut (" not in done.stdout


def test_a_peer_that_disagrees_stops_the_run() -> None:
    """A difference of verdicts is an error and never a figure."""
    mine = Run(1, 1, False, "", {"enforced": "proved"}, [{"claim": "enforced", "kind": "invariant"}])
    other = Run(1, 1, False, "", {"enforced": "refuted"})

    with pytest.raises(Wrong, match=r"^d c enforced: specproof says proved, peer says refuted$"):
        Bench(1, [])._agree("d", "c", "peer", mine, other)


def test_a_process_is_cut() -> None:
    """A peer that does not end is stopped after its seconds on the processor, and its memory is known."""
    done = run([sys.executable, "-c", "while True: pass"], 1)

    assert done.cut
    assert 0.5 < done.seconds < 3
    assert done.megabytes > 1


def test_a_task_that_fails_says_why() -> None:
    """An error in a measurement is shown with its text."""
    with pytest.raises(RuntimeError, match=r"(?s)bench\.child ours no-such-design.*there is no design 'no-such-design'"):
        child("ours", "no-such-design", "all", "", cut=30)


def test_ratios_and_tables_read_well() -> None:
    """Slower is said in words; a peer that was cut gives a bound."""
    assert ratio(2.0, 1.0, 60) == "2.00"
    assert ratio(0.5, 1.0, 60) == "0.50 (slower)"
    assert ratio(None, 2.0, 60) == "> 30.0"
    assert table(["name", "s"], [["a", "1.00"], ["bcdef", "12.00"]]) == "name       s\n-----  -----\na       1.00\nbcdef  12.00\n"
