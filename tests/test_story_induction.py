"""Why a claim is not inductive by itself, and lemmas that can be pasted and are proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from specproof.cli import main
from specproof.verdict import EVERY, SPACER

FILE = Path(__file__).parent / "designs" / "claims_of_thin.py"


def triage(capsys: pytest.CaptureFixture[str], target: str, claim: str, configuration: str) -> str:
    main(["explain", target, claim, "--config", configuration, "--induction", "--jobs", "1"])
    return capsys.readouterr().out


def test_the_state_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    """The bits that matter, that no run reaches them, and the lemma that says so."""
    out = triage(capsys, f"{FILE}:mine", "forced", "emulated")

    assert out.startswith("mine, emulated: forced: not inductive by itself; it is with 2 lemmas, which need 1 more in turn.\n")
    assert """
  1  vm_entry breaks it from a state in which
      spec: 0
      vmcs.mask: 0x1 IBRS
      No run reaches that at bit 0 (IBRS), whatever the rest of the state. This excludes it:
      (~spec & vmcs.mask) == 0
      Every bit set in vmcs.mask is set in spec.
""" in out


def test_the_state_can_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a refuted claim the state before the last step is reachable, and no lemma helps."""
    out = triage(capsys, f"{FILE}:broken", "forced", "emulated")

    assert "not inductive, and no lemma helps: a run of 1 step reaches the state before the last:" in " ".join(out.split())
    assert "\n  1  KVM: set_mask with mask " in out
    assert "\n  2  KVM: vm_entry, which breaks it\n" in out


def test_what_is_pasted_is_proved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The lemmas, as printed, are claims that hold of the design."""
    out = triage(capsys, f"{FILE}:mine", "forced", "emulated")
    text = out.split("get one:\n")[1]
    assert text.count("@invariant(") == 3
    assert text.startswith("\nfrom typing import Any\n\nfrom specproof import Bool, Word, ")
    (tmp_path / "pasted.py").write_text(FILE.read_text() + "from tests.designs.thin import Vcpu\n" + text)

    claims = ["--claim", "forced-lemma-1", "--claim", "forced-lemma-2"]
    code = main(["check", f"{tmp_path / 'pasted.py'}:mine", "--config", "emulated", *claims, "--jobs", "1"])

    assert code == 0
    assert "2 verdicts: 2 proved" in capsys.readouterr().out


@pytest.mark.slow
def test_what_is_pasted_of_a_shipped_design_is_proved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Imports and all: the text stands at the left margin of a file that varies the reference."""
    mine = tmp_path / "mine.py"
    mine.write_text("from specproof.models.kvm_reference import kvm_reference\n\nmine = kvm_reference.but(\"mine\")\n")
    out = triage(capsys, f"{mine}:mine", "emulation-interlock", "emulated")
    text = out.split("get one:\n")[1]
    mine.write_text(mine.read_text() + text)

    lemmas = [f"emulation-interlock-lemma-{number}" for number in range(1, text.count("@invariant(") + 1)]
    code = main(["check", f"{mine}:mine", "--config", "emulated", *(f"--claim={lemma}" for lemma in lemmas), "--jobs", "1"])

    assert lemmas
    assert code == 0
    assert f"{len(lemmas)} verdict{'s' * (len(lemmas) > 1)}: {len(lemmas)} proved" in capsys.readouterr().out


def test_an_inductive_claim(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing to say of a claim that each action keeps."""
    more = '\n\n@invariant("always")\ndef always(v: Any) -> Bool:\n    """Trivial."""\n    return v.effective == v.effective\n'
    (tmp_path / "more.py").write_text(FILE.read_text() + more)

    out = triage(capsys, f"{tmp_path / 'more.py'}:mine", "always", "emulated")

    assert "inductive by itself: each action keeps it" in out


def test_what_is_not_about_induction(capsys: pytest.CaptureFixture[str]) -> None:
    """Reachability and relations are not asked."""
    out = triage(capsys, f"{FILE}:mine", "guest-gets-to-run", "emulated")

    assert "induction is asked of invariants and step claims only" in out


COUNTED = '''"""Two threads of a core and a count of them that the last one may get wrong."""

from specproof import U8, Bool, Design, State, Word, field, implies, invariant


class Core(State):
    """A core."""

    first: Bool = field("thread 0 wants it")
    second: Bool = field("thread 1 wants it")
    count: U8 = field("disable_state")
    on: Bool = field("the core has it")


core = Design("core", Core, doc="a core with two threads")


@core.initial
def start(s: Core) -> Bool:
    """Off."""
    return s.matches(first=False, second=False, count=0, on=False)


@core.action(by="thread 0")
def first_on(s: Core) -> Core:
    """The first of both switches it on."""
    return s.when(~s.first & (s.count == 0), on=True).when(~s.first, count=s.count + 1, first=True)


@core.action(by="thread 0")
def first_off(s: Core) -> Core:
    """The last of both switches it off."""
    was = s.first
    s = s.when(was, count=s.count + 0xFF, first=False)
    return s.when(was & (s.count == 0), on=False)


@core.view
def wanted(s: Core) -> Bool:
    """A thread wants it."""
    return s.first | s.second


@core.view
def on(s: Core) -> Bool:
    """The core has it."""
    return s.on


@invariant("no-more")
def no_more(v) -> Bool:
    """It is on for somebody only."""
    return implies(v.on, v.wanted)
'''


def test_no_lemma_is_made_of_a_slice_that_breaks_the_claim(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One bit does not count: what holds of the slice's states implies nothing, and was printed as lemmas, some of them false."""
    (tmp_path / "core.py").write_text(COUNTED)
    main(["explain", str(tmp_path / "core.py"), "no-more", "--induction", "--jobs", "1"])
    out = " ".join(capsys.readouterr().out.split())

    assert out.startswith("core: no-more: not inductive by itself. 1 first_off breaks it from a state in which")
    assert f"The claim was proved otherwise ({EVERY}), so no run reaches that state" in out
    assert "lemma-1" not in out


@pytest.mark.parametrize(("few", "method", "said"), [(True, EVERY, "the list of them is its lemma"), (False, SPACER, "there is no lemma to read")])
def test_a_proof_without_lemmas_to_read_does_not_pass_for_one_that_needs_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: bool, method: str, said: str
) -> None:
    """The claim needs an invariant, be it a list of states or what Spacer found; that each action keeps the claim is not true."""
    if not few:
        monkeypatch.setattr("specproof.fallback.census", lambda *given: None)
    (tmp_path / "core.py").write_text(COUNTED)
    main(["explain", str(tmp_path / "core.py"), "no-more", "--jobs", "1", "--no-cache"])
    out = " ".join(capsys.readouterr().out.split())

    assert f"Decided by: {method}." in out
    assert said in out and "each action satisfies it by itself" not in out
