"""The cache: the same bytes again and sooner, never a value that was not put there, and no run lost to its file."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from specproof.answers import decode, encode
from specproof.cache import Cache, location
from specproof.cli import main
from specproof.jobs import run
from specproof.load import Library, library
from specproof.plan import Unit
from specproof.progress import Estimate
from specproof.remember import Remembering, engine, run_key, self_contained, unit_key
from specproof.verdict import NotAsked, Proved, Result, Unknown
from tests import fakes

ROOT = Path(__file__).parents[1]
FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")


@pytest.fixture
def said() -> list[str]:
    """What a cache complained of."""
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    """An empty one."""
    return Cache(tmp_path / "here" / "answers.sqlite", said.append)


def test_a_value_comes_back(cache: Cache, said: list[str]) -> None:
    """JSON goes in and the same JSON comes out, after the file was closed and opened again."""
    value = {"word": 2**64 - 1, "list": [1, "é", None, True]}

    cache.put("key", "unit", value)

    assert Cache(cache.path, said.append).get("key") == value
    assert cache.get("other") is None
    assert said == []


def test_location_follows_xdg(monkeypatch: pytest.MonkeyPatch, nothing_remembered: Path) -> None:
    """XDG_CACHE_HOME counts where it is an absolute path, as its specification says."""
    assert location() == nothing_remembered / "specproof" / "answers.sqlite"

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/somewhere")

    assert location() == Path("/somewhere/.cache/specproof/answers.sqlite")


@pytest.mark.parametrize("content", [b"", b"no database" * 500, b"SQLite format 3\0" + bytes(4096)])
def test_a_file_that_is_no_cache_is_made_anew(cache: Cache, said: list[str], content: bytes) -> None:
    """Whatever is there instead of the file is said and replaced; only an empty file is nothing to speak of."""
    cache.path.parent.mkdir()
    cache.path.write_bytes(content)

    cache.put("key", "unit", 1)

    assert cache.get("key") == 1
    assert [text.endswith("; it is made anew") for text in said] == [True] * bool(content)


def test_a_file_of_another_form_is_made_anew(cache: Cache, said: list[str]) -> None:
    """A file that an older version wrote is not read."""
    cache.put("key", "unit", 1)
    with closing(sqlite3.connect(cache.path)) as at:
        at.execute("PRAGMA user_version = 77")

    assert cache.get("key") is None
    assert "it has form 77, and 1 was expected" in said[0]


def test_a_changed_value_is_not_believed(cache: Cache, said: list[str]) -> None:
    """A value without its hash is damage, wherever it came from; so is one moved to another key."""
    cache.put("a", "unit", "proved")
    cache.put("b", "unit", "refuted")
    with closing(sqlite3.connect(cache.path)) as at, at:
        at.execute("UPDATE entry SET (value, hash) = (SELECT value, hash FROM entry WHERE key = 'a') WHERE key = 'b'")

    assert cache.get("b") is None
    assert "a value does not have its hash" in said[0]
    assert not Cache(cache.path, said.append).off


def test_bytes_that_changed_cost_values_and_never_an_answer(cache: Cache, said: list[str]) -> None:
    """Whatever bytes of the file are overwritten or cut off, a value is the one that was put there, or none."""
    values = {f"key {number}": [number, "x" * 200] for number in range(40)}
    for key, value in values.items():
        cache.put(key, "unit", value)
    whole = cache.path.read_bytes()
    chance = random.Random(1)
    for _ in range(60):
        torn = bytearray(whole)
        for _ in range(chance.choice((1, 4, 400))):
            torn[chance.randrange(len(torn))] = chance.randrange(256)
        cache.path.write_bytes(torn[: chance.choice((len(torn), chance.randrange(len(torn))))])
        again = Cache(cache.path, said.append)

        found = {key: again.get(key) for key in values}

        assert all(value in (values[key], None) for key, value in found.items())
        again.put("new", "unit", 1)
        assert again.off or again.get("new") == 1
    assert said


def test_it_stays_bounded(cache: Cache) -> None:
    """What was used longest ago goes first, and a value as large as the whole is not kept at all."""
    cache.limit = 4000
    chance = random.Random(1)
    cache.put("huge", "unit", [chance.random() for _ in range(1000)])
    for number in range(100):
        cache.put(f"{number}", "unit", [chance.random() for _ in range(10)])

    info = cache.info()

    assert 0 < info.size <= 4000
    assert cache.get("0") is None
    assert cache.get("99") is not None
    assert cache.get("huge") is None


def test_clear_forgets(cache: Cache, said: list[str]) -> None:
    """After it nothing is there, and the file is still good."""
    cache.put("key", "unit", 1)

    cache.clear()

    assert cache.get("key") is None
    assert cache.info().kinds == {}
    assert said == []


def test_one_that_cannot_be_written_is_said_once(tmp_path: Path, said: list[str]) -> None:
    """A cache below a file is no cache: one sentence, and everything works without."""
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "answers.sqlite", said.append)

    for _ in range(3):
        cache.put("key", "unit", 1)

    assert cache.get("key") is None
    assert not cache.sound()
    assert len(said) == 1
    assert said[0].endswith("(File exists); going on without")


def test_many_processes_use_it_at_once(cache: Cache, said: list[str]) -> None:
    """Values written by processes at the same time, from a file that none of them finds there, are all there."""
    program = """
        import sys
        from pathlib import Path
        from specproof.cache import Cache
        cache = Cache(Path(sys.argv[1]), print)
        for number in range(20):
            cache.put(f"{sys.argv[2]} {number}", "unit", [sys.argv[2], number])
            assert cache.get(f"{sys.argv[2]} {number}") == [sys.argv[2], number]
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program), str(cache.path)]
    processes = [subprocess.Popen([*command, str(name)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for name in range(4)]

    printed = [process.communicate(timeout=100)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert printed == [""] * 4
    assert all(cache.get(f"{name} {number}") == [str(name), number] for name in range(4) for number in range(20))
    assert said == []


UNITS = [
    Unit("configuration", "mine", "emulated", ("forced", "value-stays")),
    Unit("configuration", "broken", "virtualized", ("forced",)),
    Unit("relation", "broken", "virtualized~emulated", ("alike",)),
    Unit("lemmas", "bit-vectors", "", ("merging-is-always-forcing",)),
]


def test_answers_survive_json() -> None:
    """Lemmas, runs, runs of pairs, witnesses and reasons come back as they were."""
    known = library([FILE])

    answers = [answer for unit in run(UNITS, known, jobs=1).complete(UNITS, known) for answer in unit]
    answers.append(NotAsked("mine", "other", "no view"))

    assert [decode(json.loads(json.dumps(encode(answer)))) for answer in answers] == answers


def test_units_are_looked_up(nothing_remembered: Path) -> None:
    """The second time every unit is answered from the cache, by any number of workers, and the answers are equal."""
    known = library([FILE])
    work = Remembering(engine())

    first = run(UNITS, known, jobs=1, work=work)
    second = run(UNITS, known, jobs=2, work=work)

    assert first.cached == set()
    assert second.cached == set(range(len(UNITS)))
    assert second.complete(UNITS, known) == first.complete(UNITS, known)


def test_another_engine_decides_by_itself() -> None:
    """A process whose sources are not those of the process that asks neither reads nor writes."""
    known = library([FILE])

    run(UNITS[:1], known, jobs=1, work=Remembering("another"))

    assert not location().exists()


def test_undecided_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown verdict is decided again, and so is a unit that did not answer everything."""
    from specproof import jobs

    def unsure(unit: Unit, known: Library, emit: Any) -> None:
        emit(Result(unit.design, unit.configuration, unit.claims[0], "invariant", Proved("")))
        if unit.configuration == "emulated":
            emit(Result(unit.design, unit.configuration, unit.claims[1], "invariant", Unknown("", "tired")))

    known = library([FILE])
    units = [UNITS[0], Unit("configuration", "mine", "virtualized", ("forced", "value-stays"))]
    monkeypatch.setattr(jobs, "perform", unsure)
    for _ in range(2):
        done = run(units, known, jobs=1, work=Remembering(engine()))

        assert done.cached == set()
    assert Cache(location(), print).info().kinds == {}


def test_interrupted_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves nothing behind of the unit that was being decided."""
    from specproof import jobs

    def interrupted(unit: Unit, known: Library, emit: Any) -> None:
        fakes.perform(unit, known, emit)
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "perform", interrupted)

    done = run(UNITS[1:2], library([FILE]), jobs=1, work=Remembering(engine()))

    assert done.interrupted
    assert Cache(location(), print).info().kinds == {}


DESIGN = """
from specproof import Bool, Design, State, U64, field, invariant

class S(State):
    a: U64 = field("a")
    b: U64 = field("b")

{name} = Design("{name}", S, doc="")
{name}.configure()

@{name}.initial
def start(s: S) -> Bool:
    return (s.a == 0) & (s.b == 0)

@{name}.action(by="guest")
def go(s: S, v: U64) -> S:
    {comment}
    return s.replace(a=v & {mask})

@{name}.view
def seen(s: S):
    return s.{seen}

@invariant("{name}-small")
def small(v):
    return (v.seen & 0xf0) == 0
"""


def key_of(tmp_path: Path, **changes: str) -> str | None:
    """The key of the one claim of a file with these changes."""
    texts = {"name": "one", "comment": "", "mask": "0xf", "seen": "a", **changes}
    path = tmp_path / "design.py"
    path.write_text(DESIGN.format(**texts), encoding="utf-8")
    return unit_key(Unit("configuration", texts["name"], "", (f"{texts['name']}-small",)), library([str(path)]))


def test_the_key_is_what_is_asked(tmp_path: Path) -> None:
    """A comment changes no key; an action or a view does."""
    key = key_of(tmp_path)

    assert key is not None
    assert key_of(tmp_path, comment="# as before") == key
    assert key_of(tmp_path, mask="0xff") != key
    assert key_of(tmp_path, seen="b") != key


def test_keys_do_not_depend_on_the_process() -> None:
    """Two processes with different hashes of texts find the same key."""
    program = f"""
        from specproof.load import library
        from specproof.plan import Unit
        from specproof.remember import unit_key
        known = library([{FILE!r}])
        print(unit_key(Unit("configuration", "mine", "emulated", ("forced", "value-stays")), known))
        print(unit_key(Unit("relation", "broken", "virtualized~emulated", ("alike",)), known))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]

    printed = {
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }

    assert len(printed) == 1
    assert "None" not in printed.pop()


@pytest.mark.parametrize("text", ["import beside", "from . import x", "text = open('x').read()", "import os", "exec('')", "(", "import specproofs"])
def test_a_file_that_may_read_others_is_run_again(tmp_path: Path, text: str) -> None:
    """Its text does not say all that it defines, so a whole run of it is not remembered."""
    path = tmp_path / "design.py"
    path.write_text(f"from specproof import Design\n{text}\n", encoding="utf-8")

    assert not self_contained(str(path))
    assert run_key([str(path)], []) is None
    path.write_text(DESIGN.format(name="one", comment="", mask="0xf", seen="a"), encoding="utf-8")
    assert self_contained(str(path))


def execute(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "specproof", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, env={**os.environ, **environment})


ASKED = ("check", f"{FILE}:mine", f"{FILE}:broken", "--claim", "forced", "--claim", "alike")


def test_check_again_prints_the_same_bytes() -> None:
    """Standard output and exit code are those of the first time; standard error says what was cached."""
    first, second = execute(*ASKED), execute(*ASKED)
    decided = execute(*ASKED, "--no-cache")
    looked_up = execute(*ASKED, "--json", os.devnull)

    assert [one.stdout for one in (second, decided, looked_up)] == [first.stdout] * 3
    assert [one.returncode for one in (first, second, decided, looked_up)] == [1] * 4
    assert "cached" not in first.stderr + decided.stderr
    assert second.stderr.startswith("6 of 6 units cached; ")
    assert looked_up.stderr.startswith("6 of 6 units cached; ")


def test_what_was_printed_without_docstrings_is_not_printed_again() -> None:
    """`python -OO` has none to tell; a run in which there are said the same."""
    asked = ("review", "intel", "bochs", "--claim", "read-your-write", "--config", "with-control")
    bare, whole = execute(*asked, PYTHONOPTIMIZE="2"), execute(*asked)

    assert "RDMSR returns what the guest wrote last" in whole.stdout
    assert "RDMSR returns what the guest wrote last" not in bare.stdout


def test_a_whole_run_again_imports_nothing_heavy(tmp_path: Path) -> None:
    """Neither solver nor numpy nor any model is imported to print what was printed before."""
    path = tmp_path / "design.py"
    path.write_text(DESIGN.format(name="one", comment="", mask="0xf", seen="a"), encoding="utf-8")
    asked = ("check", str(path), "--claim", "one-small")
    first = execute(*asked)
    program = """
        import sys
        from specproof.cli import main
        main(sys.argv[1:])
        heavy = ("z3", "numpy", "pysat", "sympy", "rich", "specproof.models", "specproof.decide", "specproof.decision")
        print([name for name in heavy if name in sys.modules])
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *asked], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )

    assert done.stdout == first.stdout + "[]\n"
    assert done.stderr.startswith("1 of 1 unit cached; ")


def test_after_a_change_only_what_it_touches_is_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One action of one design is changed: the other design's unit is still known."""
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    for path, name in zip(paths, ("first", "second"), strict=True):
        path.write_text(DESIGN.format(name=name, comment="", mask="0xf", seen="a"), encoding="utf-8")
    asked = ["check", *map(str, paths), "--claim", "first-small", "--claim", "second-small", "--jobs", "1"]

    assert main(asked) == 0
    capsys.readouterr()
    paths[0].write_text(DESIGN.format(name="first", comment="", mask="0xff", seen="a"), encoding="utf-8")

    assert main(asked) == 1
    out, err = capsys.readouterr()
    assert "first: first-small: refuted in 1 step\nsecond: second-small: proved\n" in out
    assert err.startswith("1 of 2 units cached; ")


def test_a_damaged_file_is_said_and_the_answers_are_right() -> None:
    """The run says that the cache was damaged, decides anew, and the next run is cached again."""
    first = execute(*ASKED)
    location().write_bytes(b"garbage" * 1000)

    second, third = execute(*ASKED), execute(*ASKED)

    assert second.stdout == first.stdout
    assert second.stderr.splitlines()[0] == f"specproof: the cache {location()} is damaged (file is not a database); it is made anew"
    assert third.stderr.startswith("6 of 6 units cached; ")


def test_without_a_place_for_it_there_is_one_warning(tmp_path: Path) -> None:
    """A cache that cannot be written costs one line on standard error, whatever the number of workers."""
    (tmp_path / "file").write_text("")

    done = execute(*ASKED, "--jobs", "2", XDG_CACHE_HOME=str(tmp_path / "file"))

    assert done.returncode == 1
    assert done.stderr.count("going on without") == 1


def test_no_cache_leaves_no_file() -> None:
    """With --no-cache nothing is read and nothing is written."""
    execute(*ASKED, "--no-cache")

    assert not location().exists()


def test_the_cache_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`info` says where it is and what is in it, `clear` empties it."""
    main([*ASKED, "--jobs", "1"])
    capsys.readouterr()

    assert main(["cache", "info"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == str(location())
    assert [line.split()[:2] for line in shown[1:3]] == [["costs", "1"], ["unit", "6"]]
    assert "of values, at most 64.0 MB are kept; " in shown[3]
    assert main(["cache", "clear"]) == 0
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("0 B of values, at most 64.0 MB are kept")


def test_nothing_that_verifies_knows_the_cache() -> None:
    """No file of `trust/` but the one that `check` works with names it: `verify` reads certificates and nothing else."""
    for path in (ROOT / "specproof" / "trust").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "specproof.cache" not in text and "specproof.remember" not in text, path.name


def test_live_prints_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Each answer is an object on a line of its own; the last line says that it is over, and what was cached."""
    lines = []
    for _ in range(2):
        assert main([*ASKED, "--jobs", "1", "--live"]) == 1
        out, err = capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]

    assert err == ""
    verdicts = {(line["design"], line["configuration"], line["claim"]): line["verdict"] for line in lines if line["event"] == "verdict"}
    assert verdicts["mine", "emulated", "forced"] == "proved"
    assert verdicts["broken", "virtualized~emulated", "alike"] == "refuted"
    assert {key: lines[-1][key] for key in ("event", "exit", "unknown", "units", "cached")} == {
        "event": "end", "exit": 1, "unknown": 0, "units": 6, "cached": 6,
    }  # fmt: skip
    assert [line["event"] for line in lines].count("end") == 1


def test_quiet_prints_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the line of counts where nothing is pinned, the first time and when it is known."""
    for _ in range(2):
        assert main([*ASKED, "--jobs", "1", "--quiet"]) == 1
        out, err = capsys.readouterr()

        assert out.count("\n") == 1
        assert out.endswith("nothing is pinned\n")
        assert err == ""


def test_estimates_are_honest() -> None:
    """There is none before anything is known; then what units took last time counts, at the speed of this run."""
    units = [Unit("configuration", f"d{number}", "", ("c",)) for number in range(4)]

    def answered(estimate: Estimate, *seconds: float) -> str:
        for index, one in enumerate(seconds):
            estimate.answered(index, Result(f"d{index}", "", "c", "invariant", Proved(""), one))
        return estimate.text

    costs = {f"configuration d{number} c": 20.0 for number in range(4)}
    assert answered(Estimate(units, {}, 1), 1.0, 1.0) == ""
    assert answered(Estimate(units, costs, 1)) == "about 90 s left"
    assert answered(Estimate(units, costs, 2), 10.0) == "about 15 s left"
    assert answered(Estimate(units, costs, 2), 40.0, 40.0) == "about 40 s left"
    assert answered(Estimate(units, costs, 2), 1.0, 1.0, 1.0, 1.0) == ""
