"""Parts of a review in processes of their own: the same answers as one after the other, whatever becomes of a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from specproof.errors import UsageError
from specproof.review.command import written
from specproof.review.compare import review
from specproof.review.sides import of_target
from specproof.review.together import done

ROOT = Path(__file__).parent.parent
SEED = ROOT / "tests/designs/seed.py"
HERE = os.getpid()


def test_results_are_in_the_order_of_the_parts_and_from_other_processes() -> None:
    """The first part is the last to be done, and the first in the result."""

    def part(number: int, seconds: float) -> tuple[int, int]:
        time.sleep(seconds)
        return number, os.getpid()

    found = done([lambda: part(0, 0.3), lambda: part(1, 0.0), lambda: part(2, 0.0)], 2)
    assert [number for number, _ in found] == [0, 1, 2]
    assert HERE not in {process for _, process in found}
    assert {process for _, process in done([lambda: part(0, 0.0)] * 2, 1)} == {HERE}


def test_an_error_of_a_part_is_raised_here() -> None:
    """As if the part had been done here."""

    def fails() -> int:
        raise UsageError("no such thing")

    with pytest.raises(UsageError, match="no such thing"):
        done([lambda: 1, fails], 2)


def test_what_a_killed_process_did_not_finish_is_done_here() -> None:
    """A process that dies costs no answer."""

    def dies_elsewhere() -> int:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    assert done([dies_elsewhere, dies_elsewhere], 2) == [HERE, HERE]


def test_a_review_says_the_same_with_any_number_of_jobs() -> None:
    """Claims, behaviours and formulas, to the byte."""
    sides = of_target("kvm-svm"), of_target("kvm-svm")
    both = of_target(f"{SEED}:seed"), of_target(f"{SEED}:ored")
    for old, new in (sides, both):
        one, two = (review(old, new, jobs=jobs) for jobs in (1, 2))
        for form in ("terminal", "json", "html"):
            assert _unhurried(written([one], form)) == _unhurried(written([two], form))


def _unhurried(text: str) -> str:
    """Without the seconds that it took."""
    return "\n".join(line for line in text.splitlines() if '"seconds"' not in line)


def test_an_interrupted_review_ends_at_once_and_without_a_traceback() -> None:
    """Ctrl-C while processes work: exit code 130, and nothing left behind."""
    command = [sys.executable, "-m", "specproof", "review", "kvm-rfc-v2", "kvm-reference", "--no-cache", "--jobs", "2"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 30
    while time.monotonic() < until and not _children(process.pid):
        time.sleep(0.1)
    workers = _children(process.pid)
    assert workers
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in tasks.read_text().split()] if tasks.exists() else []
