"""A cluster: the answers are those of one process, and workers that join, leave or die cost none and double none."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

from specproof.jobs import Answer, run
from specproof.load import Library, library
from specproof.plan import Unit
from specproof.remember import Remembering, engine
from specproof.verdict import Proved, Refuted, Result, Unknown
from tests import fakes
from tests.designs import claims_of_thin

pytestmark = pytest.mark.filterwarnings("default")  # the library's own

ROOT = Path(__file__).parents[1]
FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
CLAIMS = ("forced", "value-stays", "mask-written-on-change")
known = Library(claims={name: getattr(claims_of_thin, name.replace("-", "_")) for name in CLAIMS})


def unit(what: str = "behaves", timeout: float | None = None) -> Unit:
    return Unit("configuration", "d", what, CLAIMS, (), timeout)


def words(answers: list[Answer]) -> list[str]:
    found = []
    for answer in answers:
        assert isinstance(answer, Result)
        found.append(answer.verdict.reason if isinstance(answer.verdict, Unknown) else answer.verdict.word)
    return found


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the cluster, ended afterwards."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False"}
    one = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield one
    finally:
        one.kill()
        one.communicate()


@contextlib.contextmanager
def scheduler() -> Iterator[str]:
    """The address of a scheduler in a process of its own, on loopback."""
    with process("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard") as one:
        assert one.stderr is not None
        for line in one.stderr:
            if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                yield found[1]
                return
        raise AssertionError("the scheduler did not start")


def worker(address: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """A worker process on loopback, with one thread and nobody who starts it again."""
    return process("-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")


@pytest.fixture(scope="module")
def two_workers() -> Iterator[str]:
    """A scheduler and two workers."""
    with scheduler() as address, worker(address), worker(address):
        yield address


def test_answers_are_those_of_one_process(two_workers: str) -> None:
    """Proofs and runs come back as they were found, in the order of the units."""
    found = library([FILE])
    units = [Unit("configuration", name, configuration, ("forced",)) for name in ("mine", "broken") for configuration in ("emulated", "virtualized")]
    units.append(Unit("relation", "broken", "virtualized~emulated", ("alike",)))

    here, there = run(units, found, jobs=1), run(units, found, scheduler=two_workers)

    def verdicts(answers: list[list[Answer]]) -> list[object]:
        return [answer.verdict for one in answers for answer in one if isinstance(answer, Result)]

    assert verdicts(there.complete(units, found)) == verdicts(here.complete(units, found))
    assert {type(verdict) for verdict in verdicts(there.complete(units, found))} == {Proved, Refuted}


def test_workers_remember(two_workers: str) -> None:
    """A unit that a worker has in its cache is said to be cached."""
    found = library([FILE])
    units = [Unit("configuration", "mine", "emulated", ("forced",))]

    for expected in (set(), {0}):
        assert run(units, found, scheduler=two_workers, work=Remembering(engine())).cached == expected


def test_time_limits_hold(two_workers: str) -> None:
    """A unit that does not heed its limit is ended on the worker, with the answers that it had."""
    units = [unit("hangs", timeout=0.3), unit(timeout=30)]

    done = run(units, known, scheduler=two_workers, work=fakes.perform)

    assert [words(answers) for answers in done.complete(units, known)] == [
        ["proved", "time limit reached", "time limit reached"], ["proved"] * 3
    ]  # fmt: skip


def test_a_solver_that_dies_is_tried_once_more(two_workers: str, tmp_path: Path) -> None:
    """The process below a worker dies: another does the unit; twice, and the claims are unknown with the reason."""
    units = [unit(f"dies-once {tmp_path / 'died'}"), unit("dies")]

    done = run(units, known, scheduler=two_workers, work=fakes.perform)

    assert [words(answers) for answers in done.complete(units, known)] == [
        ["proved"] * 3, ["proved", *["the worker process ended (exit status -9)"] * 2]
    ]  # fmt: skip


def test_an_error_ends_the_run_as_with_one_process(two_workers: str) -> None:
    """The first unit that cannot be asked is reported; those before it have their answers, those after it none."""
    units = [unit("dawdles 0.5"), unit("errs it"), unit()]

    done = run(units, known, scheduler=two_workers, work=fakes.perform)

    assert done.error == "it is not well formed"
    assert [len(answers) for answers in done.complete(units, known)] == [3, 1, 0]


def test_a_worker_that_is_killed_costs_nothing() -> None:
    """One of two worker processes is killed in the middle and another joins: every verdict is there, each once."""
    units = [unit(f"dawdles {0.4 + index / 100}") for index in range(12)]
    seen: list[tuple[int, str]] = []
    with scheduler() as address, worker(address) as first, contextlib.ExitStack() as later:

        def answered(index: int, answer: Answer) -> None:
            seen.append((index, answer.claim))
            if len(seen) == 1:
                later.enter_context(worker(address))
            elif len(seen) == 7:
                first.send_signal(signal.SIGKILL)

        done = run(units, known, scheduler=address, work=fakes.perform, on_answer=answered)

        assert [words(answers) for answers in done.complete(units, known)] == [["proved"] * 3] * len(units)
        assert sorted(seen) == sorted((index, claim) for index in range(len(units)) for claim in CLAIMS)
        assert first.wait() == -signal.SIGKILL


def test_workers_may_come_late(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without workers the run waits and says so; the first that joins does it."""
    import threading

    from specproof import cluster

    monkeypatch.setattr(cluster, "LOOK", 0.5)
    with scheduler() as address, contextlib.ExitStack() as later:
        timer = threading.Timer(2.0, lambda: later.enter_context(worker(address)))
        timer.start()

        done = run([unit()], known, scheduler=address, work=fakes.perform)

        timer.join()
        assert [words(answers) for answers in done.complete([unit()], known)] == [["proved"] * 3]
    assert capsys.readouterr().err.count("waiting for some to join") == 1


def test_a_scheduler_that_goes_away_leaves_the_rest_undecided() -> None:
    """What was answered stays; what was not is unknown, with the reason."""
    units = [unit(), unit("hangs")]
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(scheduler())
        stack.enter_context(worker(address))

        done = run(units, known, scheduler=address, work=fakes.perform, on_answer=lambda index, answer: stack.close())

    assert [words(answers) for answers in done.complete(units, known)] == [["proved"] * 3, ["the scheduler went away"] * 3]


def test_a_file_travels_with_the_question(two_workers: str, tmp_path: Path) -> None:
    """A design file that stands alone is sent; one that reads others must be there already."""
    from specproof.cluster import Source

    text = (Path(__file__).parent / "designs" / "claims_of_thin.py").read_bytes()
    away = str(tmp_path / "nowhere" / "design.py")

    copy = Source(away, text, alone=True).here()

    assert copy != away
    assert Path(copy).read_bytes() == text
    with pytest.raises(Exception, match="imports or reads other files"):
        Source(away, text, alone=False).here()


def test_any_function_can_be_spread(two_workers: str) -> None:
    """Other work in units, mutants for one: each result once, and an error where the function raises one."""
    from specproof.cluster import spread
    from specproof.errors import SpecproofError

    assert sorted(spread(two_workers, fakes.squared, range(20))) == [number**2 for number in range(20)]
    with pytest.raises(SpecproofError, match="a negative number"):
        list(spread(two_workers, fakes.squared, [1, -1]))


def test_check_on_a_cluster(two_workers: str) -> None:
    """The command prints the same bytes as on one machine."""
    command = [sys.executable, "-m", "specproof", "check", f"{FILE}:mine", f"{FILE}:broken", "--claim", "forced", "--no-cache"]

    here, there = (
        subprocess.run([*command, *more], capture_output=True, text=True, cwd=ROOT, timeout=100) for more in ((), ("--scheduler", two_workers))
    )

    assert there.stdout == here.stdout
    assert there.returncode == here.returncode == 1


def test_an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is an error of the command line, said in a sentence."""
    from specproof import cluster
    from specproof.errors import UsageError

    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(UsageError, match="no dask scheduler answers there"):
            run([unit()], known, scheduler=address, work=fakes.perform)


def test_a_local_cluster_of_processes() -> None:
    """dask's own LocalCluster does, with the nannies that start its workers; one of them is restarted meanwhile."""
    program = """
        import os, signal, sys
        from distributed import LocalCluster
        from specproof.jobs import run
        from tests import fakes
        from tests.test_cluster import known, unit, words

        if __name__ == "__main__":
            with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1") as cluster:
                units = [unit(f"dawdles {0.3 + index / 100}") for index in range(8)]
                seen = []
                def answered(index, answer):
                    seen.append((index, answer.claim))
                    if len(seen) == 4:
                        os.kill(cluster.workers[0].pid, signal.SIGKILL)
                done = run(units, known, scheduler=cluster.scheduler_address, work=fakes.perform, on_answer=answered)
                assert [words(answers) for answers in done.complete(units, known)] == [["proved"] * 3] * 8
                assert len(seen) == len(set(seen)) == 24
            print("done")
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=ROOT, timeout=200,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.stdout == "done\n", done.stderr
