"""A stranger's design whose own code misbehaves: every command says in one line what it did, and where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from specproof.cli import main

DESIGN = """\
import sys
from specproof import U64, Bits, Bool, Design, State, Word, field, frozen, invariant
class S(State):
    a: U64 = field('a word')
    h: U64 = frozen('what the host is')
d = Design('d', S, doc='a design')
@d.initial
def start(s: S) -> Bool:
    return s.a == 0
@d.view
def a(s: S) -> Word:
    return s.a
@d.action(by='guest', guard=lambda s: s.a == 0)
def go(s: S, v: U64) -> S:
    return s.replace(a=v)
d.setting('c', lambda s: s.h == 0)
d.configure('c')
@invariant('small')
def small(v) -> Bool:
    return v.a == 0
"""


@pytest.fixture
def good(tmp_path: Path) -> str:
    """A design that is in order."""
    path = tmp_path / "good.py"
    path.write_text(DESIGN)
    return str(path)


def wrong(tmp_path: Path, old: str, new: str) -> str:
    """The same design with something else in it."""
    assert old in DESIGN
    path = tmp_path / "wrong.py"
    path.write_text(DESIGN.replace(old, new))
    return str(path)


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line, in this process."""
    code = main([*arguments, *(["--jobs", "1"] if arguments[0] in ("check", "explain", "mutate") else [])])
    return code, *capsys.readouterr()


def execute(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run([sys.executable, "-m", "specproof", *arguments], capture_output=True, text=True, timeout=120, check=False)


def commands(good: str, file: str) -> list[list[str]]:
    """Every command that builds a design, asks a claim of it, or both."""
    return [
        ["check", file, "--no-cache"], ["explain", file, "small"], ["review", good, file], ["export", file, "--format", "btor2"],
        ["mutate", file], ["simulate", file], ["list", "not-asked", file],
    ]  # fmt: skip


#: What stands where in the design, and what is said of it.
MISBEHAVIOUR = {
    "an action ends the program": ("    return s.replace(a=v)", "    sys.exit(0)", ":15: action go: it ends the program: 0"),
    "an action calls itself": ("s.replace(a=v)", "go(s, v)", ":15: action go: RecursionError: maximum recursion depth exceeded"),
    "an action is left": ("    return s.replace(a=v)", "    raise GeneratorExit", ":15: action go: GeneratorExit"),
    "a guard asks for an input": (
        "guard=lambda s: s.a == 0", "guard=lambda s, v: v == s.a",
        ":13: guard of go: a guard takes the state alone, and this one v, too; what depends on an input goes into the action: "
        "s.when(v != 0, ...) does nothing where that is false",
    ),
    "a claim is a word": ("return v.a == 0", "return v.a", ":18: claim small returned a; a truth value was expected; compare the word, as in '== 0'"),
    "a claim returns nothing": (
        "return v.a == 0", "v.a == 0", ":18: claim small returned None; a truth value was expected; does it end without 'return'?",
    ),
    "a guard divides by 0": ("guard=lambda s: s.a == 0", "guard=lambda s: 1 / 0", ":13: d: guard of go: ZeroDivisionError: division by zero"),
    "a guard ends the program": ("guard=lambda s: s.a == 0", "guard=lambda s: exit()", ":13: d: guard of go: it ends the program"),
    "the start ends the program": ("    return s.a == 0\n@d.view", "    sys.exit('no')\n@d.view", ":9: d: initial: it ends the program: no"),
    "the start looks up nothing": ("    return s.a == 0\n@d.view", "    return {}['x']\n@d.view", ":9: d: initial: KeyError: 'x'"),
    "a name that is not imported": ("s.replace(a=v)", "s.replace(a=conj(v))",
                                    ":15: action go: name 'conj' is not defined; write 'from specproof import conj'"),
    "an annotation of no type": ("v: U64", "v: 'U65'", ":13: action go: name 'U65' is not defined; did you mean 'U64'?"),
    "an error of a library": ("s.replace(a=v)", "s.replace(a=__import__('json').loads('x'))", ":15: action go: JSONDecodeError: Expecting value"),
    "a setting divides by 0": ("lambda s: s.h == 0", "lambda s: 1 / 0", ":16: d: setting c: ZeroDivisionError: division by zero"),
    "a view looks up nothing": ("    return s.a\n", "    return {}['x']\n", ":12: view a: KeyError: 'x'"),
    "a view ends the program": ("    return s.a\n", "    sys.exit(0)\n", ":12: view a: it ends the program: 0"),
    "a view of two things": ("def a(s: S)", "def a(s: S, x)", ":10: view a: a() missing 1 required positional argument: 'x'"),
    "a claim divides by 0": ("return v.a == 0", "return 1 / 0", ":20: claim small: ZeroDivisionError: division by zero"),
    "a claim ends the program": ("return v.a == 0", "sys.exit(0)", ":20: claim small: it ends the program: 0"),
}  # fmt: skip

#: What commands do not look at.
UNSEEN = {"simulate": ("a view", "a claim", "a setting"), "export": ("a setting",), "mutate": ("a setting",)}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_what_a_function_raises_is_told_with_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, good: str, name: str) -> None:
    """Whatever it raises and whatever was asked for: one line, the line of the file, and exit code 2."""
    old, new, message = MISBEHAVIOUR[name]
    path = wrong(tmp_path, old, new)

    for command in commands(good, path):
        if name.startswith(UNSEEN.get(command[0], ())):
            continue
        code, out, err = ask(capsys, *command)
        last = err.splitlines()[-1]
        assert (code, out) == (2, ""), (command, err)
        assert last.startswith(f"specproof: {path}{message}"), command
        assert "Traceback" not in err


def test_what_was_finished_before_a_program_ended_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path, good: str) -> None:
    """The answers about the designs before it are shown and written."""
    Path(good).write_text(DESIGN.replace("'d'", "'first'").replace("'small'", "'tiny'"))
    path = wrong(tmp_path, "    return s.replace(a=v)", "    sys.exit(0)")
    file = tmp_path / "out.json"

    code, out, err = ask(capsys, "check", good, path, "--json", str(file), "--no-cache")

    assert code == 2
    assert err.endswith(f"specproof: {path}:15: action go: it ends the program: 0\n")
    assert "first, c: tiny: refuted" in out
    assert "tiny" in {one["claim"] for one in json.loads(file.read_text())["results"]}


def test_ctrl_c_in_a_function_is_no_mistake_of_its_author(tmp_path: Path) -> None:
    """It ends the run as anywhere else."""
    done = execute("check", wrong(tmp_path, "    return s.replace(a=v)", "    raise KeyboardInterrupt"), "--jobs", "1")

    assert done.returncode == 130


def test_what_a_design_prints_goes_to_standard_error(tmp_path: Path, good: str) -> None:
    """Standard output is read by machines: at import, in an action, in a view and in a claim, here and in other processes."""
    path = tmp_path / "loud.py"
    text = DESIGN + "print('said at import')\n"
    for line, name in (("    return s.replace(a=v)", "go"), ("    return s.a\n", "a"), ("    return v.a == 0", "small")):
        text = text.replace(line, f"    print('said by {name}')\n{line}")
    path.write_text(text)

    for before, after in (
        (["check"], ["--live"]), (["check"], ["--jobs", "1"]), (["explain"], ["small"]), (["review", good], ["--format", "json"]),
        (["export"], ["--format", "btor2"]), (["mutate"], []), (["list", "not-asked"], []),
    ):  # fmt: skip
        loud = execute(*before, str(path), *after)
        assert "said" not in loud.stdout, before
        assert {"said at import", "said by go", "said by a", "said by small"} <= set(loud.stderr.splitlines()), before


def test_a_design_that_closes_standard_output_is_answered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is ours."""
    path = tmp_path / "closing.py"
    path.write_text(DESIGN + "sys.stdout.close()\n")

    code, out, err = ask(capsys, "check", str(path), "--claim", "small", "--no-cache")

    assert (code, "d, c: small: refuted" in out, "Traceback" in err) == (1, True, False)


#: What is declared otherwise, and what is said of it.
MALFORMED = {
    "a bit below the first": ("field('a word')", "field('a word', bits=Bits(IBRS=-1))", ":4: the position of IBRS is -1; write the number of a bit"),
    "a bit that is text": ("field('a word')", "field('a word', bits=Bits(IBRS='0'))", ":4: the position of IBRS is '0'; write the number of a bit"),
    "a bit that is a truth value": ("field('a word')", "field('a word', bits=Bits(IBRS=True))", ":4: the position of IBRS is True; write the"),
    "a bit beyond the word": ("field('a word')", "field('a word', bits=Bits(IBRS=64))", ":4: S.a has 64 bits, and IBRS is bit 64; the highest is 63"),
    "a bit beyond an input": ("v: U64", "v: __import__('typing').Annotated[Word, 8, Bits(IBRS=9)]",
                              ":13: go: the input 'v' has 8 bits, and IBRS is bit 9; the highest is 7"),
    "a bit of two names": ("field('a word')", "field('a word', bits=Bits(IBRS=0, X=0))", ":4: IBRS and X are both bit 0; give each bit one name"),
    "a state that is none": ("'d', S,", "'d', int,", ":6: the state of d is <class 'int'>; write 'class ItsState(State):' with its fields"),
    "a variant by text": ("@invariant", "_e = d.but('e', go='x')\n@invariant", ":18: e cannot have 'x' for go; a function was expected"),
    "another action's input": ("    return s.replace(a=v)", "    seen.append(v)\n    return s\nseen = []\n@d.action(by='guest')\n"
                               "def other(s: S) -> S:\n    return s.replace(a=seen[0])",
                               ":18: action other reads go:v, which is neither a field nor an input of its own; take it as a parameter"),
    "a field of no type": ("    h: U64", "    h: int", ":5: S.h has type int; write U64, U32, U16, U8"),
    "a field without a sentence": ("    h: U64 = frozen('what the host is')", "    h: U64", ":5: S.h is declared without a sentence about it"),
    "a field with a reserved name": ("    h: U64", "    when: U64", ":5: S: a field cannot be called 'when', which is what every state has"),
    "a field with a private name": ("    h: U64", "    _h: U64", ":5: S: a field cannot be called '_h', which begins with '_'"),
    "a field of an unknown type": ("    h: U64", "    h: 'U65'", ":3: S: name 'U65' is not defined; did you mean 'U64'?"),
    "no start": ("@d.initial\n", "", ":6: d has no initial states; write '@d.initial' above a predicate on the state"),
    "a start that is never": ("    return s.a == 0\n@d.view", "    return (s.a == 0) & (s.a != 0)\n@d.view",
                              ":7: d: nothing satisfies its initial predicate; no run starts"),
    "a setting of no frozen field": ("lambda s: s.h == 0", "lambda s: s.a == 0",
                                     ":16: d: the setting c reads a, which is not frozen; declare it with 'frozen(...)'"),
}  # fmt: skip

#: What commands do not need.
ACCEPTED = {
    "list": ("a start that is never",), "mutate": ("a setting of no frozen field", "a start that is never"),
    "export": ("a setting of no frozen field",), "simulate": ("a setting of no frozen field",),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_declared_wrongly_is_told_with_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, good: str, name: str) -> None:
    """By every command, and not as a defect of the engine."""
    old, new, message = MALFORMED[name]
    path = wrong(tmp_path, old, new)

    for command in commands(good, path):
        if name in ACCEPTED.get(command[0], ()):
            continue
        code, out, err = ask(capsys, *command)
        assert (code, out) == (2, ""), (command, err)
        assert err.splitlines()[-1].startswith(f"specproof: {path}{message}"), command


def test_annotations_may_be_text(capsys: pytest.CaptureFixture[str], tmp_path: Path, good: str) -> None:
    """As they all are after this import; a review forgets the module of a file once it was run."""
    path = tmp_path / "text.py"
    path.write_text("from __future__ import annotations\n" + DESIGN)

    code, out, err = ask(capsys, "review", good, str(path))

    assert (code, "both are the same" in out) == (0, True), err


@pytest.mark.parametrize(("view", "odd", "wanted"), [("rdmsr", "a truth value", "a word"), ("guest_runs", "a word", "a truth value")])
def test_a_view_of_the_wrong_kind_is_the_designs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, good: str, view: str, odd: str, wanted: str
) -> None:
    """The claim that trips over it is in order: it ships, and says what it takes the view for."""
    values = {"rdmsr": "s.a", "believes": "s.a", "guest_runs": "s.a == 0", "effective": "s.a", "required_mask": "s.h", "required_value": "s.h"}
    values[view] = {"s.a": "s.a == 0"}.get(values[view], "s.a")
    path = wrong(tmp_path, "d.setting", "".join(f"@d.view\ndef {name}(s): return {value}\n" for name, value in values.items()) + "d.setting")
    line = 16 + 2 * list(values).index(view)

    for command in (["check", path, "--no-cache"], ["review", good, path], ["export", path, "--format", "btor2"]):
        code, out, err = ask(capsys, *command)
        assert (code, out) == (2, ""), command
        assert err.splitlines()[-1].startswith(f"specproof: {path}:{line}: the view {view} is {odd}, and {wanted} was expected: claim "), command
