"""`specproof new`: the files that it writes are decided at once."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from specproof.load import library
from specproof.mutate.mutants import shape
from specproof.review.start import variant
from specproof.system import build
from tests.review_tools import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_small_design_is_decided_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file without a parent has a design, views of the shipped names and a claim of its own, all proved."""
    assert run("new", "my_design") == 0
    assert run("check", "my_design.py", "--claim", "enforcement", "--claim", "masked-bits-are-set", "--claim", "transparency") == 0
    assert "3 proved, 0 refuted" in capsys.readouterr().out


def test_a_variant_of_a_shipped_design_is_decided_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file names its parent, lists what can be replaced, and has the parent's verdicts."""
    assert run("new", "my_design", "--from", "intel") == 0
    text = (folder / "my_design.py").read_text(encoding="utf-8")

    assert "from specproof.models.intel" in text and "#     vm_entry: " in text
    assert max(map(len, text.splitlines())) <= 120
    assert run("check", "my_design.py", "--claim", "read-your-write", "--config", "with-control") == 0


def test_helpers_are_copied_with_what_they_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copied helper is the parent's, until it is edited: the review says that nothing differs, then what does."""
    assert run("new", "my_design", "--from", "kvm-rfc-v2", "--change", "vmx_set_guest_spec_ctrl", "--change", "vmx_switch_vmcs") == 0
    review = ("review", "kvm-rfc-v2", "my_design.py", "--claim", "transparency", "--config", "virtualized")
    capsys.readouterr()

    assert run(*review) == 0
    assert "both are the same, term by term" in " ".join(capsys.readouterr().out.split())
    text = (folder / "my_design.py").read_text(encoding="utf-8")
    (folder / "my_design.py").write_text(text.replace("vmcs_write(s, shadow=value)", "vmcs_write(s, shadow=0)"), encoding="utf-8")
    assert run(*review, "--format", "sarif") == 1
    said = json.loads(capsys.readouterr().out)["runs"][0]
    assert "Runs of my-design break transparency (virtualized, " in said["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    at = said["results"][0]["locations"][0]["physicalLocation"]  # the helper in this file, not the action of the parent that calls it
    lines = (folder / "my_design.py").read_text(encoding="utf-8").splitlines()
    assert at["artifactLocation"]["uri"] == "my_design.py" and "def vmx_set_guest_spec_ctrl" in lines[at["region"]["startLine"] - 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new", "My-Design"), "a Python name in small letters was expected, such as my_design"),
        (("new", "my_design", "--from", "kvm-referense"), "did you mean 'kvm-reference'?"),
        (("new", "my_design", "--from", "intel", "--change", "merge"), "did you mean 'merged'?"),
        (("new", "specproof"), "specproof: this is the name of a module that Python would import from here instead; write another name"),
        (("new", "json"), "such as my_json"),
        (("new", "class"), "class: this is a word of Python; write another name, such as my_class"),
        (("new", "kvm_reference", "--from", "kvm-reference"), "kvm_reference: a design that ships has this name"),
        (("new", "implies"), "implies: specproof has this name, and the file would import it; write another name, such as my_implies"),
        (("new", "merged", "--from", "intel", "--change", "merged"), "what is copied from intel has this name; write another one, such as my_"),
        (("new", "nowhere/my_design"), "new nowhere/my_design.py: cannot be written: No such file or directory"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One message, exit code 2."""
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err


def test_a_change_that_is_named_twice_is_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file can be decided."""
    assert run("new", "twice", "--from", "intel", "--change", "vm_exit", "--change", "vm_exit") == 0
    assert (folder / "twice.py").read_text(encoding="utf-8").count("vm_exit=vm_exit") == 1
    capsys.readouterr()


def test_a_file_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody wrote stays, unless --force says otherwise."""
    (folder / "my_design.py").write_text("mine", encoding="utf-8")

    assert run("new", "my_design") == 2
    assert (folder / "my_design.py").read_text(encoding="utf-8") == "mine"
    assert run("new", "my_design", "--force") == 0


def test_a_file_that_could_not_be_written_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk left an empty file, which --force had to overwrite later."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert run("new", "my_design") == 2
    assert "new my_design.py: cannot be written: No space left on device" in capsys.readouterr().err
    assert not list(folder.iterdir())
    assert run("new", "my_design") == 0


@pytest.mark.parametrize("parent", list(library().designs))
def test_everything_that_can_be_copied_is_the_parents(parent: str) -> None:
    """Each helper and action alone, and all together: the file imports what they use, and the design is the parent's, term by term.

    A helper for which a design gives another function (`legal=valid_on_every_cpu`), and what is imported under another name, made
    files that did not import.
    """
    design = library().designs[parent]
    names = [*design.functions, *design.actions]
    for changes in (*([name] for name in names), names):
        module: dict[str, Any] = {"__name__": "mine"}
        exec(variant("mine", parent, changes), module)
        assert module["mine"].functions.keys() == design.functions.keys()
    for configuration in design.configurations:
        old, new = (build(one, configuration).actions for one in (design, module["mine"]))
        assert {name: shape(action) for name, action in old.items()} == {name: shape(action) for name, action in new.items()}


def test_what_the_file_says_to_type_can_be_typed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a design that cannot express `enforcement`, too, with views that it has."""
    run("new", "my_design", "--from", "linux-host")
    text = (folder / "my_design.py").read_text(encoding="utf-8")
    (command,) = re.findall(r"specproof (explain .*)", text)

    assert run(*command.split()) == 0
    assert "v.required_mask" not in text
