"""The command line end to end: what it prints, its exit codes, its JSON; and never a traceback."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from specproof import load, pinned
from specproof.cli import main
from tests.designs import claims_of_thin

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
ROOT = Path(__file__).parents[1]
FLEET = [str(ROOT / "tests" / "policies" / name) for name in ("pool.toml", "bhi.toml")]
SCHEMA = json.loads((importlib.resources.files("specproof") / "schema" / "check.json").read_text(encoding="utf-8"))
CLAIMS = [value for value in vars(claims_of_thin).values() if isinstance(value, load.Claim)]

TABLE = """
[[verdict]]
design = "broken"
configuration = "virtualized"
claim = "forced"
verdict = "refuted"
steps = 2

[[verdict]]
design = "broken"
configuration = "emulated"
claim = "forced"
verdict = "refuted"
steps = 2
"""


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """As if the thin designs were what ships; the path of the pinned table."""
    designs = ((claims_of_thin.mine, "mine.py"), (claims_of_thin.broken, "mine.py"))
    monkeypatch.setattr(load, "_shipped", lambda: (designs, tuple(CLAIMS)))
    path = tmp_path / "verdicts.toml"
    path.write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(pinned, "table", lambda: path)
    return path


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line, in this process."""
    code = main([*arguments, "--jobs", "1"] if arguments[0] in ("check", "explain") else arguments)
    out, err = capsys.readouterr()
    return code, out, err


def execute(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own, where every warning is an error."""
    command = [sys.executable, "-W", "error", "-m", "specproof", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, **options)


def test_check_prints_the_matrix_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """A file of one's own, whole: lines, matrix, what is not asked, one line of counts."""
    code, out, err = ask(capsys, "check", f"{FILE}:broken", "--claim", "T1", "--claim", "T4", "--claim", "T7", "--claim", "T9")

    assert code == 1
    assert out == """\
broken, virtualized: forced: refuted in 2 steps
broken, emulated: forced: refuted in 2 steps
broken, virtualized against emulated: alike: refuted in 2 steps
bit-vectors: merging-is-always-forcing: refuted

refuted N: by a run of N steps.

virtualized / emulated: the order in a cell of broken; one verdict where all agree.

            broken
T1  forced  refuted 2
T4  alike   refuted 2

                               bit-vectors
T9  merging-is-always-forcing  refuted

not asked of broken: T7 (there is no cache in the thin design)

4 verdicts: 0 proved, 4 refuted, 0 vacuous, 0 unknown; 1 not asked; nothing is pinned
"""
    assert err.endswith(" s\n")


@pytest.mark.parametrize(
    ("claims", "code"),
    [(["T1", "T2", "T5", "T8"], 0), (["T1", "T3"], 1), (["T6"], 1), (["T9"], 1)],
)
def test_exit_codes_of_ones_own_file(capsys: pytest.CaptureFixture[str], claims: list[str], code: int) -> None:
    """0 where all is proved; 1 where a claim is refuted, or vacuous in every configuration."""
    found, _, _ = ask(capsys, "check", f"{FILE}:mine", *(part for claim in claims for part in ("--claim", claim)))

    assert found == code


def test_exit_code_of_the_undecided() -> None:
    """A claim that the time does not suffice for is unknown, and that is 3."""
    done = execute("check", f"{FILE}:mine", "--claim", "T1", "--config", "virtualized", "--timeout", "0.000001")

    assert "Traceback" not in done.stderr
    assert (done.returncode, ": unknown" in done.stdout) in ((3, True), (0, False))  # a solver may be quicker than its clock


def test_everything_is_told_in_brief(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    """Without a design: a line for each in each configuration, and where the reasons are told; the JSON has every verdict."""
    _, out, _ = ask(capsys, "check")

    lines = out.splitlines()
    assert lines[2].startswith("mine, virtualized against emulated: ")
    assert lines[3] == "broken, virtualized: 2 proved, 1 vacuous, 2 refuted: forced 2, value-stays 2"
    assert "Not asked, because the design cannot express it: 2; vacuous: " in out
    assert "there is no cache in the thin design" not in out


def test_as_pinned_is_0(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    """A refuted claim that is pinned as refuted, in as many steps, is what was expected."""
    code, out, _ = ask(capsys, "check", "broken", "--claim", "forced")

    assert code == 0
    assert out.endswith("2 verdicts: 0 proved, 2 refuted, 0 vacuous, 0 unknown; 0 not asked; all as pinned\n")


def test_another_verdict_than_pinned_is_1(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    """The cell is marked and the difference told."""
    shipped.write_text(TABLE.replace("steps = 2", "steps = 3", 1))

    code, out, _ = ask(capsys, "check", "broken", "--claim", "forced")

    assert code == 1
    assert "T1  forced  refuted 2! / refuted 2\n" in out
    assert "! broken, virtualized: forced: refuted in 2 steps; pinned: refuted in 3 steps\n" in out


def test_what_is_not_pinned_is_1(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    """A shipped design has every verdict in the table."""
    code, out, _ = ask(capsys, "check", "mine", "--claim", "forced", "--config", "emulated")

    assert code == 1
    assert "! mine, emulated: not in the pinned table: forced proved\n" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nosuch"], "there is no design 'nosuch'; "),
        (["check", "nosuch.py"], "nosuch.py: there is no such file"),
        (["check", FILE, "--claim", "forcd"], "there is no claim 'forcd'; did you mean 'forced'?"),
        (["check", FILE, "--claim", ""], "there is no claim ''; known: "),
        (["check", FILE, "--config", "emulate"], "mine has no configuration 'emulate'; did you mean 'emulated'?"),
        (["check", FILE, "--without", "sky"], "mine has no assumption 'sky'; known: none"),
        (["check", FILE, "--claim", "T7"], "nothing was checked: the designs can express none of these claims"),
        (["check", FILE, "--json", "/nowhere/at/all.json"], "--json /nowhere/at/all.json: cannot be written: No such file or directory"),
        (["check", FILE, "--json", "/"], "--json /: cannot be written: it is a folder"),
        (["check", FILE, "--json", ""], "--json: no file is named"),
        (["check", FILE, "--json", "-"], "--json -: a file was expected, and standard output has the report; for a file of that name write ./-"),
        (["check", FILE, "--json", "/tmp/x", "--html", "/tmp/../tmp/x"], "--html /tmp/../tmp/x: --json writes this file; name another one"),
        (["explain", FILE, "forced", "--format", "json", "-o", "x", "--html", "x"], "--html x: --output writes this file; name another one"),
        (["fleet", *FLEET, "-o", "x", "--svg", "x"], "--svg x: --output writes this file; name another one"),
        (["review", "tests/", "acrn"], "tests/: this is a folder; a design file was expected"),
        (["explain", "bit-vectors", "H1"], "nothing was checked: read-your-write is asked of none of these designs in this way"),
    ],
)
def test_bad_usage_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """One line on standard error, the nearest name, and nothing was done."""
    code, _, err = ask(capsys, *arguments)

    assert code == 2
    assert err.splitlines()[-1].startswith(f"specproof: {message}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "{}", "--json", "{}"], ["check", "{}", "--html", "{}"], ["check", "{}:mine", "--assumptions", "--json", "{}"],
        ["explain", "{}:mine", "small", "--format", "json", "-o", "{}"], ["explain", "{}", "small", "--html", "{}"],
        ["review", "{}", "acrn", "-o", "{}"], ["mutate", "{}", "--json", "{}"], ["export", "{}", "--format", "btor2", "-o", "{}"],
        ["fleet", "{}", "policy.toml", "--svg", "{}"], ["fleet", "pool.toml", "{}", "-o", "{}"],
    ],
)  # fmt: skip
def test_what_is_read_is_not_overwritten(capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]) -> None:
    """A design file that a slip of the hand names for the output is as it was."""
    path = Path(_design(tmp_path, "s.replace(a=v)"))
    before = path.read_text()

    code, out, err = ask(capsys, *(word.format(path) for word in arguments))

    assert (code, out, path.read_text()) == (2, "", before)
    assert err.endswith(f" {path}: this file is read, and would be overwritten; name another one\n")


def test_a_path_that_is_no_utf_8_is_written_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its run can be replayed from the file that names it, and an address has its byte."""
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    broken, trace, sarif = _design(folder, "s.replace(a=v)"), str(tmp_path / "trace.json"), tmp_path / "found.sarif"
    kept = _design(tmp_path, "s.replace(a=v & 1)")

    assert main(["explain", broken, "small", "--format", "json", "-o", trace]) == 1
    assert main(["replay", trace]) == 0
    assert main(["review", kept, broken, "--format", "sarif", "-o", str(sarif)]) == 1
    assert "%FF/" in sarif.read_text()
    assert "Traceback" not in capsys.readouterr().err


WRONG = [["check", "--jobs", "0"], ["check", "--timeout", "-1"], ["list", "things"], ["explain"], ["chekc"], ["review", "a", "b", "--timeout", "x"]]
LIMITED = ("check", "explain", "review", "verify", "mutate", "fleet")
LIMITS = [[command, "--timeout", limit] for command in LIMITED for limit in ("nan", "inf", "1e308")]


@pytest.mark.parametrize("arguments", [*WRONG, *LIMITS])
def test_a_wrong_command_line_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """What the command line itself cannot be is told with how it is used."""
    assert main(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_two_things_cannot_be_written_to_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    """A form and a test."""
    assert main(["explain", FILE, "forced", "--format", "json", "--emit", "pytest"]) == 2
    assert "--format json and --emit pytest are two things to write" in capsys.readouterr().err


TWICE = """
from specproof import *

class S(State):
    a: Bool = field("a door")

d = Design("d", S, doc="a door")
d.initial(lambda s: ~s.a)
d.initial(lambda s: s.a)
d.shows("a")
"""


def test_a_start_that_is_given_twice(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The second would silently replace the first."""
    (tmp_path / "twice.py").write_text(TWICE, encoding="utf-8")
    assert main(["check", str(tmp_path / "twice.py")]) == 2
    assert "twice.py:9: d has an initial predicate, " in (said := capsys.readouterr().err) and "twice.py:8; write one that says both" in said


def test_an_id_that_a_shipped_claim_has(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--claim I1` would mean either."""
    claim = '@invariant("open", id="I1")\ndef opens(v) -> Bool:\n    """It may."""\n    return v.a | ~v.a\n'
    (tmp_path / "id.py").write_text(TWICE.replace("d.initial(lambda s: s.a)\n", "") + claim, encoding="utf-8")
    assert main(["check", str(tmp_path / "id.py")]) == 2
    assert "claim open has the id 'I1' of enforcement; give it another, or none" in capsys.readouterr().err


BROKEN_DESIGNS = {
    "misspelt field": ("s.replace(aa=v)", ":13: action go: S has no field 'aa'; did you mean 'a'?"),
    "not total": ("None", ":11: action go is not total: it returned None, and a S was expected in every case; "
                  "end with 'return s.when(condition, field=value)'"),
    "python if": ("s if s.a == v else s.replace(a=v)", ":13: action go: the term a == go:v has no truth value"),
    "width": ("s.replace(a=v.extract(31, 0))", ":13: action go: S.a: a word of 64 bits was expected"),
    "attribute": ("s.replace(a=v.nonsense)", ":13: action go: 'Word' object has no attribute 'nonsense'"),
}  # fmt: skip


def _design(tmp_path: Path, body: str, start: str = "s.a == 0") -> str:
    path = tmp_path / "mine.py"
    path.write_text(
        "from specproof import U64, Bool, Design, State, Word, field, invariant\n"
        "class S(State):\n    a: U64 = field('a word')\n"
        "d = Design('d', S, doc='a design')\n"
        f"@d.initial\ndef start(s: S) -> Bool:\n    return {start}\n"
        "@d.view\ndef a(s: S) -> Word:\n    return s.a\n"
        f"@d.action(by='guest')\ndef go(s: S, v: U64) -> S:\n    return {body}\n"
        "@invariant('small')\ndef small(v) -> Bool:\n    return v.a == 0\n"
    )
    return str(path)


@pytest.mark.parametrize("name", BROKEN_DESIGNS)
def test_a_design_that_is_wrong_is_2(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """File, line, what was given, what to write; no traceback."""
    body, message = BROKEN_DESIGNS[name]
    path = _design(tmp_path, body)

    code, out, err = ask(capsys, "check", path, "--claim", "small")

    assert (code, out) == (2, "")
    assert err.startswith(f"specproof: {path}{message}")
    assert err.count("\n") == 1


#: What somebody may write instead of a part of the design above, and what is said to it.
MISTAKES = {
    "a claim of too many states": ("def small(v)", "def small(v, w)", ":14: claim small: an invariant is given the views, and this"),
    "a step claim of one state": ("@invariant", "@step", ":14: claim small: a step claim is given the views before and the views after, and"),
    "a claim without a name": ("@invariant('small')", "@invariant", ":14: a claim needs a name: write '@invariant(\"its-name\")' above it"),
    "a lemma without types": ("@invariant", "@lemma", ":14: small: the parameter 'v' needs a type, U64 or Bool"),
    "a guard that is none": ("by='guest'", "by='guest', guard=None", ":4: d: guard of go is None; a function of the state was expected"),
    "a view of no field": ("@d.view\ndef a(s: S) -> Word:\n    return s.a\n", "d.shows('aa')\n", ":8: d has no field 'aa' to show; did you mean"),
    "a view of a state": ("return s.a\n", "return s\n", ":8: the view a returned a state S; a word or a truth value was expected"),
    "a width below 1": ("a: U64", "a: Annotated[Word, -3]", ":3: S.a has -3 bits; a word has 1 to 4096"),
    "no width at all": ("a: U64", "a: Annotated[Word, 0]", ":3: S.a has 0 bits; a word has 1 to 4096"),
    "a width beyond all": ("a: U64", "a: Annotated[Word, 1 << 40]", ":3: S.a has 1099511627776 bits; a word has 1 to 4096"),
    "a method's name": ("a: U64 = field('a word')", "when: U64 = field('a word')", ":3: S: a field cannot be called 'when', which is what every"),
    "Python's own name": ("a: U64 = field('a word')", "_a: U64 = field('a word')", ":3: S: a field cannot be called '_a', which begins with '_'"),
    "a state within itself": ("a: U64 = field('a word')", "a: 'S' = part('a state')", ":2: S has a part that has a S again: a state is finite"),
    "a shift by a word": ("s.replace(a=v)", "s.replace(a=s.a << v)", ":13: action go: a shift of go:v in a word of 64 bits: write a number"),
    "a difference": ("s.replace(a=v)", "s.replace(a=s.a - 1)", ":13: action go: words have no '-': instead of 'a - b' write 'a + ~b + 1', and"),
    "a product": ("s.replace(a=v)", "s.replace(a=2 * v)", ":13: action go: words have no '*', '/', '//', '%' or '**': with a power of two"),
    "a number of a word": ("s.replace(a=v)", "s.replace(a=int(v))", ":13: action go: the term go:v is no number: it stands for every state at once;"),
    "an index": ("s.replace(a=v)", "s.when(v[3], a=v)", ":13: action go: the term go:v is not a sequence; take one bit with '.bit(k)', several with"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_what_to_write(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """One line, with file and line, and neither a traceback nor a verdict."""
    old, new, message = MISTAKES[name]
    path = Path(_design(tmp_path, "s.replace(a=v)"))
    text = path.read_text()
    imports = "from typing import Annotated; from specproof import U64, Bool, Design, State, Word, field, invariant, lemma, part, step\n"
    path.write_text(imports + text.split("\n", 1)[1].replace(old, new))

    code, out, err = ask(capsys, "check", str(path), "--claim", "small")

    assert old in text
    assert (code, out) == (2, "")
    assert err.startswith(f"specproof: {path}{message}")
    assert err.count("\n") == 1


def test_a_misspelt_view_is_told_where_the_claim_is_asked_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As where everything is asked."""
    path = Path(_design(tmp_path, "s.replace(a=v)"))
    path.write_text(path.read_text().replace("return v.a == 0", "return v.aa == 0"))

    code, _, err = ask(capsys, "check", str(path), "--claim", "small")

    assert code == 2
    assert err.endswith(f"specproof: {path}:14: claim small was asked of no design: d offers no view 'aa'; did you mean 'a'?\n")


def test_a_start_that_nothing_satisfies_is_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A design without runs has no claims proved."""
    path = _design(tmp_path, "s.replace(a=v)", start="(s.a == 0) & (s.a == 1)")

    code, out, err = ask(capsys, "check", path)

    assert (code, out) == (2, "")
    assert err == f"specproof: {path}:5: d: nothing satisfies its initial predicate (it reads a); no run starts\n"


def test_an_assumption_that_excludes_every_start_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The initial predicate is not what is wrong then."""
    path = Path(_design(tmp_path, "s.replace(a=v)"))
    path.write_text(path.read_text() + "@d.assumption('dry', of=('initial',))\ndef dry(s): return s.a == 1\n")

    code, _, err = ask(capsys, "check", str(path))

    assert code == 2
    assert "d: nothing satisfies its initial predicate together with what is assumed of the start (dry) (it reads a); no run starts" in err


def test_a_misspelt_view_in_ones_own_claim_is_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A claim of the file that none of its designs can express says nothing; what the others say is shown first."""
    path = Path(_design(tmp_path, "s.replace(a=v & s.a)"))
    path.write_text(path.read_text() + "@invariant('wrong')\ndef wrong(v) -> Bool:\n    return v.aa == 0\n")

    code, out, err = ask(capsys, "check", str(path))

    assert (code, "d: small: proved" in out) == (2, True)
    assert err.endswith(f"specproof: {path}:17: claim wrong was asked of no design: d offers no view 'aa'; did you mean 'a'?\n")


def test_paths_are_told_as_seen_from_here(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name a file as the user would."""
    _design(tmp_path, "None")
    monkeypatch.chdir(tmp_path)

    _, _, err = ask(capsys, "check", "mine.py", "--claim", "small")

    assert err.startswith("specproof: mine.py:11: action go is not total")

    _, _, err = ask(capsys, "review", f"{tmp_path}{os.sep}", "acrn")

    assert err == f"specproof: {tmp_path}{os.sep}: this is a folder; a design file was expected\n"


def test_json_follows_its_schema(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every verdict of every kind of claim, as the published schema says."""
    path = tmp_path / "check.json"

    ask(capsys, "check", FILE, "--json", str(path))
    found = json.loads(path.read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    results = {(one["design"], one["configuration"], one["claim"]): one for one in found["results"]}
    proof = results["mine", "virtualized", "forced"]
    run = results["broken", "virtualized", "forced"]
    assert (found["schema"], found["version"]) == (1, "0.1.0")
    assert (proof["verdict"], proof["kind"], proof["expected"]) == ("proved", "invariant", "-")
    assert "(~spec & vmcs.mask) == 0" in proof["lemmas"]
    assert [step["action"] for step in run["trace"]] == ["initial", "set_mask", "vm_entry"]
    assert run["trace"][0]["changed"]["virtualized"] == "0x1"
    assert run["trace"][1]["inputs"].keys() == {"mask"}
    assert run["trace"][2]["by"] == "KVM"
    assert results["mine", "emulated", "never-asked"]["verdict"] == "vacuous"
    assert results["bit-vectors", "", "merging-is-always-forcing"]["trace"][0]["changed"].keys() == {"cur", "value", "mask"}
    assert {"design": "mine", "claim": "cached", "reason": "there is no cache in the thin design"} in found["not_asked"]


def test_the_schema_is_a_schema() -> None:
    """And it refuses a proof without lemmas."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    proof = {"design": "d", "configuration": "", "claim": "c", "kind": "step", "verdict": "proved", "expected": "-"}
    proof |= {"seconds": 0, "method": "", "assumptions": []}

    with pytest.raises(jsonschema.ValidationError, match="'lemmas' is a required property"):
        jsonschema.validate({"schema": 1, "version": "", "results": [proof], "not_asked": []}, SCHEMA)


def test_a_second_run_prints_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the number of workers; of the JSON only 'seconds' differs."""
    runs = []
    for number, jobs in enumerate(("1", "2", "3")):
        path = tmp_path / f"{number}.json"
        done = execute("check", FILE, "--jobs", jobs, "--json", str(path))
        found = json.loads(path.read_text(encoding="utf-8"))
        for one in found["results"]:
            del one["seconds"]
        runs.append((done.returncode, done.stdout, json.dumps(found)))

    assert runs[0] == runs[1] == runs[2]
    assert runs[0][0] == 1


def test_explain_prints_every_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """A proof and its twin's counterexample, each in both configurations."""
    code, proof, _ = ask(capsys, "explain", f"{FILE}:mine", "forced")
    assert code == 0
    assert [text for text in proof.splitlines() if "proved for all values" in text] == [
        f"mine, {configuration}: forced (T1): proved for all values and for runs of any length" for configuration in ("virtualized", "emulated")
    ]

    code, run, _ = ask(capsys, "explain", f"{FILE}:broken", "forced", "--config", "emulated")
    assert code == 1
    assert run.count("refuted by a run of 2 steps") == 1
    assert max(map(len, run.splitlines())) <= 100


def test_explain_reaches(capsys: pytest.CaptureFixture[str]) -> None:
    """A reachability claim is proved by its run, which is shown."""
    code, out, _ = ask(capsys, "explain", f"{FILE}:mine", "guest-gets-to-run", "--config", "emulated")

    assert code == 0
    assert "\n  1  KVM: vm_entry\n" in out


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        ("designs", ["mine", "  The thin design under another name", "  configurations: virtualized, emulated"]),
        ("actions", ["  vm_exit         hardware: The guest's value is read back, the host's restored unless it is there", " " * 18 + "already."]),
        ("assumptions", ["mine", "  none"]),
        ("views", ["  cache          lacking: there is no cache in the thin design"]),
        ("not-asked", ["  cached (T7): there is no cache in the thin design"]),
    ],
)
def test_lists(capsys: pytest.CaptureFixture[str], what: str, lines: list[str]) -> None:
    """Each with its sentence, from the docstrings."""
    code, out, _ = ask(capsys, "list", what, f"{FILE}:mine")

    assert code == 0
    assert out.splitlines()[-len(lines) :] == lines


def test_list_of_claims(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    """Every claim by id and name, with its kind."""
    code, out, _ = ask(capsys, "list", "claims")

    assert code == 0
    assert [text[:4].strip() for text in out.splitlines() if text[0] == "T"] == [f"T{number}" for number in range(1, 10)]
    assert "T4  alike                      relation: Both configurations have one value in the register.\n" in out


def test_help_is_quick() -> None:
    """Nothing heavy is imported before it is used."""
    heavy = ("z3", "numpy", "sympy", "rich", "pysat")
    script = f"import sys, specproof.cli as c; code = c.main(['--help']); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`specproof list claims | head` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m specproof list claims {FILE} | head -1", shell=True, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True,
    )  # fmt: skip

    assert done.stderr == ""


@pytest.mark.parametrize(("encoding", "arrow"), [("ascii", b"\\u2192"), ("utf-8", "\u2192".encode())])
def test_what_an_encoding_has_no_way_to_write_is_escaped(encoding: str, arrow: bytes) -> None:
    """A terminal that knows ASCII alone gets the page all the same."""
    page = [sys.executable, "-m", "specproof", "review", "acrn", "acrn", "--claim", "enforcement", "--format", "html"]
    done = subprocess.run(page, capture_output=True, cwd=ROOT, timeout=60, env={**os.environ, "PYTHONIOENCODING": encoding})

    assert (done.returncode, done.stderr) == (0, b"")
    assert arrow in done.stdout


def test_without_standard_output_the_exit_code_is_the_answer() -> None:
    """As of a service that has closed it."""
    done = subprocess.run(f"{sys.executable} -m specproof list claims {FILE} >&-", shell=True, stderr=subprocess.PIPE, cwd=ROOT, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")


SLOW = """
from specproof import *

class S(State):
    a: U64 = field("a word")
    b: U64 = field("a word")

d = Design("slow", S, doc="mixes what it is given")

@d.initial
def start(s: S) -> Bool:
    return s.matches(a=3, b=0)

@d.action(by="guest")
def mix(s: S, v: U64) -> S:
    t = v
    for _ in range(60):
        t = (t + (s.a << 7)) ^ (t >> 3) ^ s.b
        t = ite(t < s.a, t + s.b + (t << 13), t)
    return s.replace(a=t, b=s.a + t)

@d.view
def a(s: S) -> Word:
    return s.a

@d.view
def b(s: S) -> Word:
    return s.b

@invariant("hard")
def hard(v) -> Bool:
    return (v.a + (v.b << 1)) != 0xdeadbeef12345678
"""


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_interruption_shows_what_is_there(tmp_path: Path, jobs: list[str]) -> None:
    """Ctrl-C while the solver works: finished results are shown and written, the rest is unknown, exit 130 at once."""
    slow, path = tmp_path / "slow.py", tmp_path / "out.json"
    slow.write_text(SLOW)
    command = [sys.executable, "-W", "error", "-m", "specproof", "check", f"{FILE}:mine", str(slow), "--claim", "forced", "--claim", "hard"]
    command += ["--json", str(path), *jobs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(2)]
        time.sleep(0.5)
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert first == [f"mine, {configuration}: forced: proved\n" for configuration in ("virtualized", "emulated")]
    assert time.monotonic() - started < 10
    assert process.returncode == 130
    assert "slow: hard: unknown: interrupted\n" in out
    assert err.endswith("specproof: interrupted; what was decided by then is above\n")
    assert "Traceback" not in err
    assert [one["verdict"] for one in json.loads(path.read_text(encoding="utf-8"))["results"]] == ["proved", "proved", "unknown"]


def test_a_view_of_another_width_is_told_where_it_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And not at the line of the claim, which ships and is right for others."""
    path = tmp_path / "narrow.py"
    path.write_text(
        "from typing import Annotated\nfrom specproof import Design, State, U64, Word, field\n"
        "class S(State):\n    a: Annotated[Word, 32] = field('a word')\n    b: U64 = field('another')\n"
        "d = Design('d', S, doc='narrow')\nd.initial(lambda s: s.a == 0)\n"
        "@d.view\ndef effective(s):\n    return s.a\n"
        "@d.view\ndef required_value(s):\n    return s.b\n"
        "@d.view\ndef guest_runs(s):\n    return s.a.bit(0)\n"
    )

    code, _, err = ask(capsys, "check", str(path), "--claim", "forced-to-one")

    assert code == 2
    given = "the view effective has 32 bits, and claim forced-to-one takes it for 64"
    assert err == f"specproof: {path}:8: {given}; write '.zext(64)', or give the view another name\n"
