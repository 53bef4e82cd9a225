"""Runs made by hand: a dialogue, its answers to mistakes, what it saves."""

from __future__ import annotations

from pathlib import Path

import pytest

from specproof.cli import main
from specproof.errors import InputError
from specproof.load import library
from specproof.registers import Registers
from specproof.story.prompt import Dialogue
from specproof.story.simulate import Simulation
from specproof.story.subject import NO_CLAIM, Subject
from specproof.system import build

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
ASSUMED = str(Path(__file__).parent / "designs" / "assumed.py")


@pytest.fixture
def dialogue() -> Dialogue:
    known = library([FILE])
    simulation = Simulation(Subject(known, known.design("broken"), "emulated", NO_CLAIM), known.asked_of("broken"))
    simulation.start({})
    return Dialogue(simulation)


def test_a_dialogue(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Steps, claims, undo, and a file that replays."""
    import io

    path = tmp_path / "t.json"
    lines = ["start host=IBRS", "set_mask mask=BHI_DIS_S", "vm_entry", "claims", f"save {path}", "undo", "bogus", "run", "quit", "never read"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))

    code = main(["simulate", f"{FILE}:broken", "--config", "emulated"])

    out = capsys.readouterr().out
    assert code == 0
    assert out.splitlines()[0] == "broken, emulated. 'help' says what can be typed."
    assert "vmcs.mask: 0 -> 0x400 BHI_DIS_S\n" in out
    assert "! fails now: forced\n" in out
    assert "fails  forced: Masked bits are set while the guest runs.\n" in out
    assert "vm_entry is undone\n" in out
    assert "! there is no action or command 'bogus'; " in out
    assert out.endswith("1  KVM: set_mask   mask 0x400 BHI_DIS_S\n")
    assert main(["replay", str(path)]) == 0
    assert capsys.readouterr().out.endswith("  step 2, vm_entry, fits\n  the run replays\n")


def test_a_trace_goes_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run may begin with the steps of a counterexample."""
    import io

    path = tmp_path / "t.json"
    main(["explain", f"{FILE}:broken", "forced", "--config", "emulated", "--format", "json", "-o", str(path), "--jobs", "1"])
    monkeypatch.setattr("sys.stdin", io.StringIO("run\n"))
    capsys.readouterr()

    assert main(["simulate", f"{FILE}:broken", "--config", "emulated", "--trace", str(path)]) == 0
    assert "2  KVM: vm_entry" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "place", "even", "odd"),
    [
        ((), "box", "value: 0 -> 0x2", "! put cannot happen now: the assumption even excludes it"),
        (("--with", "odd"), "box, with odd", "! put cannot happen now: the assumption odd excludes it", "value: 0 -> 0x3"),
        (("--without", "even"), "box, without even", "value: 0 -> 0x2", "value: 0 -> 0x3"),
    ],
)
def test_assumptions_are_changed_as_in_a_check(
    options: tuple[str, ...], place: str, even: str, odd: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    """What is said to a step depends on them, the first line names them, and a run that is saved replays under them."""
    import io

    def said(step: str) -> list[str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{step}\nsave {tmp_path}/run.json\n"))
        assert main(["simulate", f"{ASSUMED}:box", *options]) == 0
        return capsys.readouterr().out.splitlines()

    assert said("put value=2")[0] == f"{place}. 'help' says what can be typed."
    assert even in said("put value=2")
    assert odd in said("put value=3")
    assert main(["replay", f"{tmp_path}/run.json"]) == 0


PINNED = """
from specproof import U64, Design, State, field
class S(State):
    a: U64 = field("a word")
d = Design("pinned", S, doc="starts in one state")
d.initial(lambda s: {start})
d.shows("a")
@d.action(by="me")
def put(s: S, v: U64) -> S:
    return s.replace(a=v)
"""


def test_a_start_without_choice_or_without_state_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than an empty list, or advice to choose other values; and one step is not 'steps'."""
    import io

    file = tmp_path / "pinned.py"
    file.write_text(PINNED.format(start="s.a == 0"))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"put v=1\nsave {tmp_path}/one.json\n"))
    assert main(["simulate", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1] == "Every run starts in this state."
    assert f"1 step is in {tmp_path}/one.json; " in out

    file.write_text(PINNED.format(start="(s.a == 0) & (s.a == 1)"))
    assert main(["simulate", str(file)]) == 2
    assert "pinned: nothing satisfies its initial predicate; no run starts" in capsys.readouterr().err
    assert main(["export", str(file), "--format", "btor2"]) == 2
    assert "pinned: nothing satisfies its initial predicate; no run starts, and every claim would hold" in capsys.readouterr().err


def test_an_alternative_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked for."""
    assert main(["simulate", f"{ASSUMED}:box", "--with", "ood"]) == 2
    assert "box has no alternative 'ood'; did you mean 'odd'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set_mask mask=BHI", "mask: 'BHI' is no number and no bit's name; known: IBRS, STIBP, SSBD, RRSBA_DIS_S, BHI_DIS_S"),
        ("set_mask mask=0x10000000000000000", "mask has 64 bits: 0x10000000000000000 does not fit"),
        ("set_mask mask", "'mask': NAME=VALUE was expected"),
        ("set_mask msk=1", "set_mask has no input 'msk'; did you mean 'mask'?"),
        ("vm_exit", "vm_exit cannot happen now: running is false"),
        ("undo", "there is nothing to undo"),
        ("state sspec", "there is no field 'sspec'; did you mean 'spec'?"),
        ("start running=true", "no run starts with these values; 'start' without values shows what there is to choose"),
        ("start speck=1", "no run starts with a field 'speck'; did you mean 'spec'?"),
        ("start running=maybe", "running is a truth value: write true or false, not 'maybe'"),
        ("save", "save: one file name was expected"),
        ("why vm_exi", "why: one action was expected; did you mean 'vm_exit'?"),
        ("set_mask 'mask=1", "set_mask 'mask=1: No closing quotation"),
    ],
)
def test_a_line_that_means_nothing(dialogue: Dialogue, line: str, said: str) -> None:
    """It is answered, and nothing happens."""
    with pytest.raises(InputError) as error:
        dialogue.answer(line)

    assert str(error.value) == said
    assert dialogue.simulation.steps == []


def test_names_are_completed(dialogue: Dialogue) -> None:
    """Actions that can happen now, their inputs, fields and commands."""
    assert dialogue.complete("v", "v") == ["vm_entry"]
    assert dialogue.complete("set_mask ", "") == ["mask="]
    assert dialogue.complete("set_mask mask=1 ", "") == []
    assert dialogue.complete("state vmcs.", "vmcs.") == ["vmcs.mask", "vmcs.shadow"]
    assert "claims" in dialogue.complete("", "")


@pytest.mark.parametrize("name", ["kvm-upstream", "kvm-rfc-v1", "kvm-rfc-v2", "kvm-rfc-v3", "kvm-reference"])
def test_values_of_the_virtual_msrs_have_their_bits_named(name: str) -> None:
    """Such an input flows into no field as it is: it says itself what its bits are called, where it is shown and where it is typed."""
    known = library()
    system = build(known.design(name), "emulated")
    registers = Registers(system)
    written = [(one.name, key) for one in system.actions.values() for key in one.inputs if key == "data"]

    assert len(written) >= 4
    for action, key in written:
        bits = registers.input_bits(action, key)
        assert bits is not None
        assert bits.names(2) == "RETPOLINE_S"
    simulation = Simulation(Subject(known, known.design(name), "emulated", NO_CLAIM), [])
    simulation.start({})
    Dialogue(simulation).answer("kvm_set_msrs_mitigation_ctrl data=RETPOLINE_S|BHB_CLEAR_SEQ_S")

    assert simulation.steps == [("kvm_set_msrs_mitigation_ctrl", {"data": 3})]


def test_choices_of_a_start(dialogue: Dialogue) -> None:
    """Fields that the initial predicate leaves open, also where they are tied to one another."""
    assert dialogue.simulation.choices() == ["msr", "host"]


def test_empty_lines_and_remarks_say_nothing(dialogue: Dialogue) -> None:
    """They are for scripts."""
    assert dialogue.answer("") == []
    assert dialogue.answer("# a remark") == []
