"""What can go wrong around a run: interruptions at any moment, full disks, workers that are killed, runs that share a cache."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.interrupts import _children, interrupted
from specproof.calling import aside, restored

ROOT = Path(__file__).parents[1]
THIN = str(ROOT / "tests" / "designs" / "claims_of_thin.py")
FULL = Path("/dev/full")


def specproof(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "specproof", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=300, check=False, **options
    )


@pytest.mark.parametrize("delay", [0.7, 1.5, 3.0])
def test_ctrl_c_at_any_moment_ends_it(tmp_path: Path, delay: float) -> None:
    """`python -m bench.interrupts` does so at many random ones."""
    code, wrong = interrupted(["check", "kvm-rfc-v2", "--jobs", "2", "--no-cache"], delay, tmp_path)

    assert not wrong
    assert code in (130, 0, 1, -signal.SIGINT)  # 1 and the signal: Python itself was still starting


#: What a program says that is interrupted half a second after it began to search.
_SEARCH = """
import os, signal, time
from specproof.interrupts import heed, heeded

def interrupted(search):
    if os.fork() == 0:
        time.sleep(0.5)
        os.kill(os.getppid(), signal.SIGINT)
        os._exit(0)
    try:
        search()
    except KeyboardInterrupt:
        print("interrupted")
"""

#: More pigeons than holes: the SAT solver searches for hours, and no other thread runs meanwhile.
_PIGEONS = """
from pysat.solvers import Solver
from specproof.query import solved
holes = 12
with Solver(name="minisat22") as sat:
    for pigeon in range(holes + 1):
        sat.add_clause([1 + pigeon * holes + hole for hole in range(holes)])
        for other in range(pigeon):
            for hole in range(holes):
                sat.add_clause([-1 - pigeon * holes - hole, -1 - other * holes - hole])
    interrupted(lambda: solved(sat))
"""

#: Products of words: Spacer finds no invariant of these.
_PRODUCTS = """
from specproof.solver import Solver
word, start, factor = "(_ BitVec 64)", "#x0000000000000003", "#x0000000012345671"
horn = f'''(set-logic HORN)
(declare-fun reached ({word} {word}) Bool)
(assert (forall ((x {word}) (y {word})) (=> (and (= x {start}) (= y {start})) (reached x y))))
(assert (forall ((x {word}) (y {word})) (=> (reached x y) (reached (bvadd (bvmul x y) {start}) (bvxor (bvmul y y) x)))))
(assert (forall ((x {word}) (y {word})) (=> (reached x y) (not (= (bvmul x x) {factor})))))'''
with heeded():
    solver = Solver(seconds=50)
    interrupted(lambda: solver.horn(horn))
"""

#: Python drops what is raised while an object is freed.
_FREED = """
class Freed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

with heeded():
    freed = Freed()
    del freed
    print("went on")
    try:
        heed()
    except KeyboardInterrupt:
        print("interrupted")
"""

#: And makes another error of what is raised while a class is made.
_MADE = """
class Named:
    def __set_name__(self, *_):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

try:
    with heeded():
        class Made:
            name = Named()
except KeyboardInterrupt:
    print("interrupted")
"""


#: A process that was forked has all pipes of the first one, and may live on.
_FORKED = """
with heeded():
    other = os.fork()
    if not other:
        time.sleep(100)
        os._exit(0)
print("ended")
os.kill(other, signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("search", "said"),
    [(_PIGEONS, "interrupted\n"), (_PRODUCTS, "interrupted\n"), (_FREED, "went on\ninterrupted\n"), (_MADE, "interrupted\n"), (_FORKED, "ended\n")],
    ids=["pysat", "spacer", "freed", "made", "forked"],
)
def test_ctrl_c_is_not_lost_in_a_solver_or_in_python(search: str, said: str) -> None:
    """A solver's own error was taken for a defect of the engine: claims were unknown, and the run went on."""
    done = subprocess.run([sys.executable, "-c", _SEARCH + search], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["list", "claims"], ["check", THIN, "--claim", "forced", "--jobs", "1"], ["--help"]])
def test_a_full_disk_under_standard_output_is_one_line(arguments: list[str]) -> None:
    """And the exit code is not that of a verdict."""
    with FULL.open("w") as full:
        done = specproof(*arguments, stdout=full)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "specproof: standard output: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize(("claim", "code"), [("forced", 0), ("no-such-claim", 2)])
def test_a_full_disk_under_standard_error_changes_no_exit_code(claim: str, code: int) -> None:
    """Progress is dropped there. The exception that writing it raised ended in 1, as if a verdict differed."""
    command = [sys.executable, "-m", "specproof", "check", f"{THIN}:mine", "--claim", claim, "--jobs", "1"]
    with FULL.open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=full, text=True, timeout=300, check=False)

    assert done.returncode == code
    assert ("2 proved" in done.stdout) is (code == 0)


def test_a_reader_of_standard_error_who_has_gone_changes_no_exit_code() -> None:
    """It is not the reader of the verdicts."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "specproof", "check", f"{THIN}:mine", "--claim", "forced", "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=write, text=True, timeout=300, check=False)
    os.close(write)

    assert (done.returncode, "2 proved" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "bit-vectors"], 0), (["check", "nosuch"], 2), (["check", "my.py"], 2), (["check", "bit-vectors", "--json", "x"], 2),
        (["review", "intel", "bochs"], 2), (["new", "mine"], 2), (["replay", "x.json"], 2),
    ],
)  # fmt: skip
def test_a_folder_that_is_gone_is_one_line(tmp_path: Path, arguments: list[str], code: int) -> None:
    """A shell stays in a folder that was removed: tracebacks, and the exit code of a verdict."""
    (tmp_path / "gone").mkdir()
    command = f"import os; os.rmdir(os.getcwd()); os.execv({sys.executable!r}, [{sys.executable!r}, '-P', '-m', 'specproof', *{arguments!r}])"
    done = subprocess.run([sys.executable, "-c", command], cwd=tmp_path / "gone", capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == code, done.stderr
    assert code == 0 or len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_named(option: str) -> None:
    """The verdicts are shown all the same."""
    done = specproof("check", f"{THIN}:mine", "--claim", "forced", "--jobs", "1", option, str(FULL), stdout=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"specproof: {option} /dev/full: cannot be written: No space left on device"
    assert "2 proved" in done.stdout


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by way of /proc")
def test_a_worker_that_is_killed_costs_no_verdict() -> None:
    """kill -9 while it decides: its unit is done again, and the verdicts are those of a run in peace."""
    command = [sys.executable, "-m", "specproof", "check", THIN, "--jobs", "2", "--no-cache"]
    peace = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        first = process.stdout.readline()  # without a buffer, in which further lines would stay
        killed = [child for child in _children(process.pid) if _is_worker(child)][:1]
        for child in killed:
            os.kill(child, signal.SIGKILL)
        rest, err = process.communicate(timeout=300)

    assert killed
    assert (first + rest).decode() == peace.stdout
    assert process.returncode == peace.returncode
    assert b"Traceback" not in err


def _is_worker(pid: int) -> bool:
    return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_runs_that_share_a_cache_say_the_same(nothing_remembered: Path) -> None:
    """Three at once, and one more that finds everything there."""
    command = [sys.executable, "-m", "specproof", "check", THIN, "--jobs", "1"]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=300) for process in started]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert {out for out, _ in said} == {again.stdout}
    assert {process.returncode for process in started} == {again.returncode}
    assert not any("Traceback" in err or "damaged" in err for _, err in said)
    assert "cached" in again.stderr
    assert list(nothing_remembered.rglob("answers.sqlite"))


SHARED = """
from specproof import U64, Design, State, field, invariant

class S(State):
    msr: U64 = field("the register")
    mask: U64 = field("the mask")

flat = Design("flat", S, doc="a register that is written under a mask")
flat.initial(lambda s: s.msr == s.mask)
flat.shows("msr", "mask")

@flat.function
def mixed(s, value):
    return value

@flat.action(by="guest")
def write(s: S, value: U64) -> S:
    return s.replace(msr=(s.msr & s.mask) | (mixed(s, value) & ~s.mask))

def deeply(s, value):
    for _ in range(700):
        value = (value & s.msr) | (~value & s.mask)
    return value

deep = flat.but("deep", mixed=deeply)

@invariant("locked")
def locked(v):
    return (v.msr & v.mask) == v.mask
"""


@pytest.mark.parametrize("command", [["check", "--claim", "locked", "--no-cache"], ["explain", "locked"], ["review"]])
def test_terms_that_nest_deeply_and_share_much_are_like_any(tmp_path: Path, command: list[str]) -> None:
    """Deeper than Python calls nest, and as text longer than any disk: they are decided, told and compared all the same."""
    file = tmp_path / "shared.py"
    file.write_text(SHARED)
    of = [f"{file}:flat", f"{file}:deep"][command[0] != "review" :]
    done = specproof(command[0], *of, *command[1:], stdout=subprocess.PIPE)

    assert (done.returncode, "internal error" in done.stdout) == (0, False), done.stdout + done.stderr


def test_a_context_whose_making_was_interrupted_ends_without_a_word() -> None:
    """Ctrl-C inside of Z3's constructor leaves an object that was never filled in."""
    import z3

    from specproof.solver import Solver

    assert Solver(None).ask([]).word == "sat"
    z3.Context.__new__(z3.Context).__del__()
    assert z3.Context().owner


def test_what_was_found_goes_to_standard_output_whenever_ctrl_c_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a design's function had it aside, of which nothing was put back."""
    real = sys.stdout
    monkeypatch.setattr(sys, "stdout", real)
    aside().__enter__()
    aside().__enter__()
    assert sys.stdout is not real

    restored()

    assert sys.stdout is real


@pytest.mark.parametrize(("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)])
@pytest.mark.parametrize(
    "arguments", [["check", f"{THIN}:broken", "--claim", "forced"], ["review", f"{THIN}:mine", f"{THIN}:broken", "--claim", "forced"]]
)
def test_a_terminal_shows_colours_unless_it_is_not_to(arguments: list[str], variables: dict[str, str], colours: bool) -> None:
    """NO_COLOR and a terminal that is dumb were not heeded."""
    ours, theirs = os.openpty()
    environment = {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, "TERM": "xterm", **variables}
    command = [sys.executable, "-m", "specproof", *arguments]
    said = b""
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=subprocess.DEVNULL, env=environment):
        os.close(theirs)
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            while part := os.read(ours, 1 << 16):
                said += part
    os.close(ours)

    assert b"forced" in said
    assert (b"\x1b[" in said) is colours
