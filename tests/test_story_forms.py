"""Forms of a story: a mail's columns, a trace file that replays, what is said of a file that does not, a waveform."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from specproof.cli import main
from specproof.story.layout import rows

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
BROKEN = [f"{FILE}:broken", "forced", "--config", "emulated", "--jobs", "1"]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("trace") / "t.json"
    assert main(["explain", *BROKEN, "--format", "json", "-o", str(path)]) == 1
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def replayed(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: Any, *more: str) -> tuple[int, str, str]:
    path = tmp_path / "t.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    code, out, err = ask(capsys, "replay", str(path), *more)
    return code, out, err.replace(str(path), "t.json")


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("claim", ["forced", "mask-written-on-change"])
def test_a_mail_has_75_columns(capsys: pytest.CaptureFixture[str], form: str, claim: str) -> None:
    """Counterexamples and proofs fit a mail."""
    _, out, _ = ask(capsys, "explain", f"{FILE}:broken", claim, "--format", form, "--jobs", "1")

    assert out.count("broken, ") >= 2
    assert max(map(len, out.splitlines())) <= 75


def test_markdown_is_balanced(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fence is closed, each step is a heading."""
    _, out, _ = ask(capsys, "explain", *BROKEN, "--format", "markdown")

    assert out.count("```") % 2 == 0
    assert "### 1. KVM: set_mask" in out


def test_a_trace_file_has_its_schema(trace: dict[str, Any]) -> None:
    """The published schema describes it."""
    schema = json.loads(files("specproof").joinpath("schema/trace.json").read_text())

    jsonschema.Draft202012Validator(schema).validate(trace)


def test_a_trace_replays(capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any]) -> None:
    """Step by step, on integers, to the violation."""
    code, out, _ = replayed(capsys, tmp_path, trace)

    assert code == 0
    assert out == """\
broken, emulated: forced
  step 0 fits: a run can start there
  step 1, set_mask, fits
  step 2, vm_entry, fits
  the run replays, and forced (T1) fails at its end, as recorded
"""


def test_a_trace_replays_on_another_design(capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any]) -> None:
    """The same steps on the sound design: they can be taken, and the claim holds."""
    code, out, _ = replayed(capsys, tmp_path, trace, "--on", "mine")

    assert code == 1
    assert "forced (T1) holds at its end: the trace no longer refutes it" in out


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Puts a value at a place such as `steps.0.action`; None takes it away."""

    def apply(trace: dict[str, Any]) -> None:
        *folders, last = path.split(".")
        at: Any = trace
        for folder in folders:
            at = at[int(folder)] if isinstance(at, list) else at[folder]
        if value is None:
            del at[last]
        else:
            at[int(last) if isinstance(at, list) else last] = value

    return apply


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (change("version", 7), "t.json: the trace is of version 7, and this specproof reads version 1; write it again with 'specproof explain'"),
        (change("format", "other"), 't.json: this is not a trace file: a JSON object with "format": "specproof-trace" was expected'),
        (change("steps", None), "t.json: there is no 'steps'; the file is incomplete"),
        (change("steps.1", "vm_entry"), "t.json: step 2: 'vm_entry'; an object was expected"),
        (change("steps.0.inputs", {"mask": "many"}), "t.json: step 1: inputs 'mask' is 'many'; hexadecimal text such as \"0x400\" was expected"),
        (change("steps.0.inputs", {"mask": 4}), "t.json: step 1: inputs 'mask' is 4; hexadecimal text such as \"0x400\" was expected"),
        (change("steps.0.extra", 1), "t.json: step 1: unknown entry 'extra'; known: "),
        (change("design", "brocken"), "there is no design 'brocken'; did you mean 'broken'?"),
        (change("claim", "force"), "there is no claim 'force', which the trace is about; did you mean 'forced'?"),
        (change("configuration", "emulate"), "broken has no configuration 'emulate'; did you mean 'emulated'?"),
        (change("without", ["calm"]), "broken has no assumption 'calm', which the trace switches off; known: none"),
        (change("file", "gone.py"), "t.json: the design broken is in gone.py, which is not there; say where it is with --model FILE.py"),
    ],
)
def test_a_file_that_is_no_trace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any], broken: Callable[[dict[str, Any]], None], said: str
) -> None:
    """One message that says what is wrong; exit code 2, and no traceback."""
    copy = json.loads(json.dumps(trace))
    broken(copy)

    code, _, err = replayed(capsys, tmp_path, copy)

    assert code == 2
    assert err.startswith(f"specproof: {said}")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (change("steps.0.action", "set_maks"), "  step 1 does not fit: broken has no action 'set_maks'; did you mean 'set_mask'?"),
        (change("steps.0.inputs", {"mask": "0x4", "masks": "0x0"}), "  step 1, set_mask, does not fit: there is no input 'masks'"),
        (change("steps.0.inputs", {}), "  step 1, set_mask, does not fit: the trace has no value for the input 'mask'"),
        (change("steps.0.inputs", {"mask": "0x1" + "0" * 16}), "  step 1, set_mask, does not fit: the input mask has 64 bits, and the trace has 0x1"),
        (change("steps.1.action", "vm_exit"), "  step 2, vm_exit, does not fit: it cannot happen there: running is false"),
        (change("steps.1.changed", {"running": "0x1", "msr": "0x4"}), "  step 2, vm_entry, does not fit: msr is 0, and the trace has 4"),
        (change("steps.1.changed", {"runing": "0x1"}), "  step 2, vm_entry, does not fit: broken has no field 'runing'; did you mean 'running'?"),
        (change("initial.sspec", "0x0"), "  step 0 does not fit: broken has no field 'sspec'; did you mean 'spec'?"),
        (change("initial.spec", "0x4"), "  step 0 does not fit: no run starts in that state: spec == 0 is false"),
        (change("initial.running", "0x2"), "  step 0 does not fit: running is a truth value, and the trace has 0x2"),
    ],
)
def test_where_a_trace_stops_fitting(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any], broken: Callable[[dict[str, Any]], None], said: str
) -> None:
    """The step is named, and what does not fit; the steps before it fit."""
    copy = json.loads(json.dumps(trace))
    broken(copy)

    code, out, _ = replayed(capsys, tmp_path, copy)

    assert code == 2
    assert out.splitlines()[-1].startswith(said)


def test_a_design_that_has_changed(capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any]) -> None:
    """With another model the message says so, and from which step on."""
    folder = tmp_path / "mine"
    folder.mkdir()
    text = Path(FILE).read_text().replace(', effective_value=thin.does_not_force)', ")")
    (folder / "changed.py").write_text(text)

    code, out, _ = replayed(capsys, tmp_path, trace, "--model", str(folder / "changed.py"))

    assert code == 2
    assert out.splitlines()[-2] == "  step 0 fits: a run can start there"
    last = out.splitlines()[-1]
    assert last.startswith("  step 1, set_mask, does not fit: spec is ")
    assert last.endswith("; broken has changed since the trace was written")


@pytest.mark.parametrize("length", [0, 1, 200, 2000])
def test_a_truncated_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any], length: int) -> None:
    """A file that ends in the middle is not a whole trace."""
    text = json.dumps(trace, indent=1)

    code, _, err = replayed(capsys, tmp_path, text[:length])

    assert code == 2
    assert "this is not a whole trace file" in err


def test_a_number_of_thousands_of_digits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Python reads 4,300 of them."""
    code, _, err = replayed(capsys, tmp_path, '{"format": ' + "1" * 5000 + "}")

    assert (code, err.count("\n")) == (2, 1)
    assert "a number in it has thousands of digits" in err


def test_a_file_that_ends_within_a_step(capsys: pytest.CaptureFixture[str], tmp_path: Path, trace: dict[str, Any]) -> None:
    """The step is said."""
    text = json.dumps(trace, indent=1)

    _, _, err = replayed(capsys, tmp_path, text[: text.rindex('"action"') + 20])

    assert f"it ends in the middle of step {len(trace['steps'])}" in err


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is named."""
    code, _, err = ask(capsys, "replay", str(tmp_path / "none.json"))

    assert code == 2
    assert err.rstrip().endswith("none.json: this trace file cannot be read: No such file or directory")


def test_a_waveform(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every declared variable has a value at time 0, identifiers are unique, and x stands where any value would do."""
    path = tmp_path / "t.vcd"
    ask(capsys, "explain", *BROKEN, "--format", "vcd", "-o", str(path))
    text = path.read_text()
    declared = re.findall(r"^\$var \w+ \d+ (\S+) (\S+)", text, re.M)
    first = text.split("#10\n")[0].split("$dumpvars")[1]
    set_ = {line.split()[-1] if line[0] in "bs" else line[1:] for line in first.splitlines() if line and not line.startswith("$")}

    assert len({identifier for identifier, _ in declared}) == len(declared)
    assert {identifier for identifier, _ in declared} == set_
    assert text.count("$scope") == text.count("$upscope")
    assert re.findall(r"^#(\d+)$", text, re.M) == ["0", "10", "20", "30"]
    assert "sset_mask" in text
    assert re.search(r"^b(?:x+[01]|[01]+x)[01x]* ", text, re.M)


@pytest.mark.skipif(shutil.which("vcd2fst") is None, reason="gtkwave's vcd2fst is not installed")
def test_gtkwave_reads_the_waveform(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """GTKWave's own converter takes the file."""
    import subprocess

    ask(capsys, "explain", *BROKEN, "--format", "vcd", "-o", str(tmp_path / "t.vcd"))
    subprocess.run(["vcd2fst", str(tmp_path / "t.vcd"), str(tmp_path / "t.fst")], check=True, capture_output=True)

    assert (tmp_path / "t.fst").stat().st_size > 100


def test_an_emitted_test_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """The test that --emit pytest writes replays the run; for a relation on both sides."""
    for arguments in (BROKEN, [f"{FILE}:mine", "alike", "--jobs", "1"]):
        _, out, _ = ask(capsys, "explain", *arguments, "--emit", "pytest")
        scope: dict[str, Any] = {}
        exec(compile(out, "emitted", "exec"), scope)
        (test,) = [value for name, value in scope.items() if name.startswith("test_")]
        test()


def test_a_claim_without_a_sentence_leaves_no_gap(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docstring is not asked of a claim: the emitted test says what it replays, and `simulate` names the claim alone."""
    import io

    text = (Path(FILE).parent / "thin.py").read_text()
    claim = '\n@invariant("forced")\ndef forced(v):\n    return implies(v.guest_runs, (v.required_mask & ~v.effective) == 0)\n'
    (tmp_path / "bare.py").write_text("from specproof import implies, invariant\n" + text + claim)
    arguments = [f"{tmp_path / 'bare.py'}:thin-broken", "--config", "virtualized"]

    _, out, _ = ask(capsys, "explain", arguments[0], "forced", *arguments[1:], "--emit", "pytest", "--jobs", "1")
    assert re.search(r'\(\) -> None:\n    """thin-broken, virtualized: forced is refuted by a run of \d steps\."""\n', out)
    monkeypatch.setattr("sys.stdin", io.StringIO("set_mask mask=1\nvm_entry\nclaims\nquit\n"))
    _, out, _ = ask(capsys, "simulate", *arguments)
    assert re.search(r"^fails  forced$", out, re.M)


def test_what_is_proved_is_not_emitted_as_a_test_that_refutes(capsys: pytest.CaptureFixture[str]) -> None:
    """The run that comes with a proof breaks nothing."""
    code, out, err = ask(capsys, "explain", "intel", "read-your-write", "--config", "with-control", "--emit", "pytest")

    assert (code, out) == (2, "")
    assert "intel, with-control: read-your-write is proved; --emit pytest writes a run that refutes a claim as a test" in err


def test_there_must_be_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A form of a run says what there is instead."""
    code, _, err = ask(capsys, "explain", f"{FILE}:mine", "never-asked", "--config", "emulated", "--format", "json", "--jobs", "1")

    assert code == 2
    assert "there is no run to write: mine, emulated: never-asked is vacuous" in err


def test_output_needs_a_form(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--output alone is an error, and so is a folder."""
    code, _, err = ask(capsys, "explain", *BROKEN, "-o", str(tmp_path / "x"))
    assert (code, "there is nothing to write; add --format or --emit" in err) == (2, True)

    code, _, err = ask(capsys, "explain", *BROKEN, "--format", "json", "-o", str(tmp_path))
    assert (code, "cannot be written: it is a folder" in err) == (2, True)


def test_a_name_that_is_longer_than_its_column_is_shown() -> None:
    """Also where every name of the rows is."""
    name = "configurations of a design with quite a long name alone"

    assert rows([(name, "emulated")], 100, "  ") == [f"  {name}  emulated"]
    assert rows([("", "only a value")], 100, "  ") == ["  only a value"]
