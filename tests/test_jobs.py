"""Workers: same answers in the same order whatever their number, and none lost to a worker that goes away."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from specproof.jobs import Answer, Done, run
from specproof.load import Library
from specproof.plan import Unit
from specproof.progress import Progress
from specproof.resident import limit, resident
from specproof.verdict import Proved, Refuted, Result, Unknown
from tests import fakes
from tests.designs import claims_of_thin

CLAIMS = ("forced", "value-stays", "mask-written-on-change")
known = Library(claims={name: getattr(claims_of_thin, name.replace("-", "_")) for name in CLAIMS})


def unit(what: str = "behaves", timeout: float | None = None, design: str = "d") -> Unit:
    return Unit("configuration", design, what, CLAIMS, (), timeout)


def words(done: Done, units: list[Unit]) -> list[list[str]]:
    return [[_word(answer) for answer in answers] for answers in done.complete(units, known)]


def _word(answer: Answer) -> str:
    assert isinstance(answer, Result)
    return answer.verdict.reason if isinstance(answer.verdict, Unknown) else answer.verdict.word


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_answers_are_the_same_whatever_the_number_of_workers(jobs: int) -> None:
    """Results are those of the units, in the order of the units; only the way there differs."""
    units = [unit(f"dawdles {0.2 - index * 0.1}") for index in range(3)]
    shown: list[tuple[str, str]] = []
    progress = Progress(units, lambda answer: shown.append((answer.configuration, answer.claim)) if isinstance(answer, Result) else None)

    done = run(units, known, jobs=jobs, work=fakes.perform, on_answer=progress.answered)

    assert words(done, units) == [["proved"] * 3] * 3
    assert shown == [(one.configuration, claim) for one in units for claim in CLAIMS]


def test_a_worker_that_does_not_end_is_killed() -> None:
    """A unit that ignores its time limit costs what it had not answered by then, and nothing else."""
    units = [unit("hangs", timeout=0.3), unit(timeout=30)]
    started = time.monotonic()

    done = run(units, known, jobs=1, work=fakes.perform)

    assert words(done, units) == [["proved", "time limit reached", "time limit reached"], ["proved"] * 3]
    assert time.monotonic() - started < 20


def test_a_worker_that_takes_too_much_memory_is_killed() -> None:
    """It costs what it had not answered, is not tried again, and leaves the others alone."""
    units = [unit("fills"), unit()]
    started = time.monotonic()

    done = run(units, known, jobs=2, work=fakes.perform, memory=600)

    reason = "out of memory: it had more than 600 MB"
    assert words(done, units) == [["proved", reason, reason], ["proved"] * 3]
    assert time.monotonic() - started < 60


def test_workers_share_the_memory_of_the_machine() -> None:
    """All together have less than the machine has, and a process's own memory is known."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20

    assert 0 < limit(4) * 4 < total
    assert limit(1) >= 3 * limit(4)
    assert 10 < resident(os.getpid()) < total
    assert resident(2**30) == 0


def test_a_worker_that_dies_is_replaced_once(tmp_path: Path) -> None:
    """A dead worker costs a second try and no verdict."""
    units = [unit(f"dies-once {tmp_path / 'died'}"), unit()]

    done = run(units, known, jobs=2, work=fakes.perform)

    assert words(done, units) == [["proved"] * 3] * 2


def test_a_unit_that_kills_every_worker_is_unknown() -> None:
    """After two dead workers the claims that nobody answered are unknown, with the reason."""
    units = [unit("dies"), unit()]

    done = run(units, known, jobs=2, work=fakes.perform)

    reason = "the worker process ended (exit status -9)"
    assert words(done, units) == [["proved", reason, reason], ["proved"] * 3]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_user_must_change_ends_the_run(jobs: int) -> None:
    """The first unit that errs ends it: what was answered before is kept, what comes later is dropped."""
    units = [unit("dawdles 0.3"), unit("errs my.py:3"), unit(), unit("errs my.py:9")]

    done = run(units, known, jobs=jobs, work=fakes.perform)

    assert done.error == "my.py:3 is not well formed"
    assert words(done, units) == [["proved"] * 3, ["proved"], [], []]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_defect_of_the_engine_is_no_verdict(jobs: int) -> None:
    """An internal error makes the unit's other claims unknown, and says where it was."""
    units = [unit("slips"), unit()]

    done = run(units, known, jobs=jobs, work=fakes.perform)

    assert [word[:57] for word in words(done, units)[0][1:]] == ["internal error: ZeroDivisionError: a defect of the engine"] * 2
    assert "(fakes.py:" in words(done, units)[0][1]
    assert words(done, units)[1] == ["proved"] * 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_too_little_memory_is_no_defect_of_the_engine(jobs: int) -> None:
    """With `ulimit -v`, say: the unit's other claims are unknown, with that reason."""
    units = [unit("starves"), unit()]

    done = run(units, known, jobs=jobs, work=fakes.perform)

    assert words(done, units) == [["proved", *["out of memory: Unable to allocate 599. KiB"] * 2], ["proved"] * 3]


def test_an_error_inside_a_design_file_is_the_authors() -> None:
    """An exception that passes through a file of the user's names its line, whatever its class."""

    def work(unit: Unit, known: Library, emit: Any) -> None:
        claims_of_thin.forced.body(None)

    done = run([unit()], known, jobs=1, work=work)

    assert "claims_of_thin.py:" in done.error
    assert done.error.endswith("AttributeError: 'NoneType' object has no attribute 'guest_runs'")


def test_interruption_keeps_what_is_there() -> None:
    """Ctrl-C ends the run; finished results are kept and the rest is unknown, 'interrupted'."""
    units = [unit(), unit()]
    seen = 0

    def interrupt(index: int, answer: Answer) -> None:
        nonlocal seen
        seen += 1
        if seen == 4:
            raise KeyboardInterrupt

    done = run(units, known, jobs=1, work=fakes.perform, on_answer=interrupt)

    assert done.interrupted
    assert words(done, units) == [["proved"] * 3, ["proved", "interrupted", "interrupted"]]


def test_a_claim_without_an_answer_is_unknown() -> None:
    """The engine saying nothing is not a pass."""
    done = run([unit()], known, jobs=1, work=lambda unit, known, emit: None)

    assert words(done, [unit()]) == [["the engine gave no answer"] * 3]


def test_results_of_the_engine_cross_the_pipe() -> None:
    """Proofs and counterexamples arrive as they were sent, from designs that the worker loads by itself."""
    from specproof.load import library

    file = Path(__file__).parent / "designs" / "claims_of_thin.py"
    library_ = library([str(file)])
    units = [Unit("configuration", name, "emulated", ("forced",)) for name in ("mine", "broken")]

    here, there = (run(units, library_, jobs=jobs).complete(units, library_) for jobs in (1, 2))

    verdicts = [[answer.verdict for answers in side for answer in answers if isinstance(answer, Result)] for side in (here, there)]
    assert verdicts[0] == verdicts[1]
    assert [type(verdict) for verdict in verdicts[0]] == [Proved, Refuted]
