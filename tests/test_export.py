"""`specproof export` end to end: what it writes, who reads it and says the same, and what it refuses, with the reason."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from specproof.cli import main
from specproof.load import library
from specproof.solver import Solver
from tests import btor2

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
ABC = shutil.which("berkeley-abc") or shutil.which("abc")
YOSYS = shutil.which("yosys")


def ask(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    code = main(["export", *arguments])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize(("form", "begins"), [("btor2", "; mine, virtualized; exported by"), ("aag", "aag "), ("horn", "; mine, virtualized; exp")])
def test_a_text_goes_to_standard_output(form: str, begins: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The same bytes each time, and nothing else; a line on stderr says how much it is."""
    first, second = (ask(capfd, f"{FILE}:mine", "--config", "virtualized", "--format", form) for _ in range(2))

    assert first == second
    assert first[0] == 0
    assert first[1].startswith(begins)
    assert re.fullmatch(r"\d+ claims, 5 actions, 7 fields; \d+ not asked\n", first[2])


def test_a_file_has_what_standard_output_has(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`-o` writes the same bytes, AIGER's binary form among them."""
    _, out, _ = ask(capfd, f"{FILE}:mine", "--format", "btor2")
    assert ask(capfd, f"{FILE}:mine", "--format", "btor2", "-o", "-")[:2] == (0, out)
    assert ask(capfd, f"{FILE}:mine", "--format", "btor2", "-o", str(tmp_path / "mine.btor2"))[:2] == (0, "")
    assert ask(capfd, f"{FILE}:mine", "--format", "aiger", "-o", str(tmp_path / "mine.aig"))[:2] == (0, "")

    assert (tmp_path / "mine.btor2").read_text() == out
    assert (tmp_path / "mine.aig").read_bytes().startswith(b"aig ")


def test_without_a_configuration_all_are_in_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    """The frozen fields that configurations fix are then states of the file."""
    whole, one = (ask(capfd, f"{FILE}:mine", *config, "--format", "btor2")[1] for config in ([], ["--config", "emulated"]))

    assert "virtualized" in btor2.read(whole).states
    assert "virtualized" not in btor2.read(one).states


def test_without_an_assumption_it_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """The heading names what is switched off."""
    _, out, _ = ask(capfd, "intel", "--config", "with-control", "--without", "entry-keeps-msr", "--format", "btor2")

    assert "; without entry-keeps-msr\n" in out
    assert "constraint" in out
    assert not re.search(r"constraint \d+ entry-keeps-msr", out)


REFUSED = [
    (["no-such-design", "--format", "btor2"], "there is no design 'no-such-design'"),
    ([FILE, "--format", "btor2"], r"has several designs, and a file holds one system: name one, as in .*claims_of_thin.py:mine"),
    (["bit-vectors", "--format", "aag"], "lemmas have no runs, and a file holds one system: name a design"),
    ([f"{FILE}:mine", "--format", "btor2", "--claim", "forcet"], "there is no claim 'forcet'; did you mean 'forced'"),
    ([f"{FILE}:mine", "--format", "btor2", "--config", "virtualised"], "mine has no configuration 'virtualised'; did you mean 'virtualized'"),
    ([f"{FILE}:mine", "--format", "btor2", "--config", "virtualized~emulate"], "no relation compares virtualized with emulate"),
    ([f"{FILE}:mine", "--format", "btor2", "--without", "luck"], "mine has no assumption 'luck'"),
    ([f"{FILE}:mine", "--format", "btor2", "--claim", "alike"], "alike compares two configurations: write --config virtualized~emulated"),
    (
        [f"{FILE}:mine", "--format", "aag", "--claim", "forced", "--config", "virtualized~emulated"],
        "forced compares no configurations: write --config",
    ),
    (["kvm-rfc-v2", "--format", "horn", "--claim", "read-your-write"], "kvm-rfc-v2 cannot express read-your-write: the processor's own promises"),
    ([f"{FILE}:mine", "--format", "btor2", "-o", "no/such/folder/x"], "-o no/such/folder/x: cannot be written: No such file or directory"),
    ([f"{FILE}:mine", "--format", "btor2", "-o", "."], "-o .: cannot be written: it is a folder"),
    ([f"{FILE}:mine", "--format", "verilog"], "'verilog' is not one of"),
    ([f"{FILE}:mine"], "Missing option '--format'"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_what_cannot_be_exported_is_refused(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    """One complaint with what was given and what to write, exit code 2, and nothing on standard output."""
    code, out, err = ask(capfd, *arguments)

    assert (code, out) == (2, "")
    assert re.search(said, err)
    assert "Traceback" not in err


def test_a_lemma_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """The complaint says where its SMT-LIB is to be had."""
    lemma = library().lemmas_of(None)[0].name
    code, _, err = ask(capfd, "intel", "--format", "btor2", "--claim", lemma)

    assert code == 2
    assert f"{lemma} is a lemma: it speaks of bit-vectors and of no run" in err
    assert f"specproof check --claim {lemma} --certificates DIR" in err


SPACER_CASES = [
    ("mine", "emulated", "mask-written-on-change"), ("broken", "virtualized", "forced"), ("broken", "emulated", "forced"),
    ("mine", "virtualized", "value-stays"),
]  # fmt: skip


@pytest.mark.parametrize(("design", "config", "claim"), SPACER_CASES)
def test_spacer_says_the_same(design: str, config: str, claim: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The Horn clauses are satisfiable exactly where the claim is proved."""
    _, out, _ = ask(capfd, f"{FILE}:{design}", "--config", config, "--claim", claim, "--format", "horn")
    words = {"proved": "sat", "vacuous": "sat", "refuted": "unsat"}

    assert Solver(30).horn(out) == words[_verdict(design, config, claim)[0]]


def _verdict(design: str, config: str, claim: str) -> tuple[str, int | None]:
    from specproof.decide import decide
    from specproof.verdict import Refuted, Result

    known = library((FILE,))
    [answer] = decide(known.design(design), config, [known.claim(claim)])
    assert isinstance(answer, Result)
    return answer.verdict.word, answer.verdict.trace.length if isinstance(answer.verdict, Refuted) else None


def _aiger(design: str, config: str, claim: str, folder: Path) -> Path:
    target = design if design.startswith("kvm") else f"{FILE}:{design}"
    assert main(["export", target, "--config", config, "--claim", claim, "--format", "aiger", "-o", str(folder / "claim.aig")]) == 0
    return folder / "claim.aig"


ABC_CASES = [
    ("mine", "virtualized", "forced"), ("broken", "emulated", "forced"), ("kvm-rfc-v2", "virtualized", "cache-coherence"),
    ("kvm-rfc-v2", "emulated", "cache-coherence"), ("kvm-rfc-v2", "emulated", "enforcement"), ("kvm-rfc-v2", "virtualized", "control-wiring"),
    ("kvm-rfc-v2", "virtualized", "merge-opens-nothing"),
]  # fmt: skip


@pytest.mark.skipif(ABC is None, reason="berkeley-abc is not installed")
@pytest.mark.parametrize(("design", "config", "claim"), ABC_CASES)
def test_abc_says_the_same(design: str, config: str, claim: str, tmp_path: Path) -> None:
    """ABC's pdr decides the exported file as we do; where it is refuted its run is no shorter, a cycle for the start aside."""
    word, steps = _verdict(design, config, claim)
    file = _aiger(design, config, claim, tmp_path)
    said = subprocess.run([str(ABC), "-c", f"read_aiger {file}; pdr"], capture_output=True, text=True, check=True, timeout=300).stdout

    assert ("Property proved" in said) == (word in ("proved", "vacuous"))
    if steps is not None:
        found = re.search(r"asserted in frame +(\d+)", said)
        assert found is not None
        assert int(found[1]) - 1 >= steps


@pytest.mark.skipif(YOSYS is None, reason="yosys is not installed")
def test_yosys_says_the_same(tmp_path: Path) -> None:
    """yosys reads the file, and its SAT-based bounded search finds the violation one cycle after it can be, not before."""
    _, steps = _verdict("broken", "virtualized", "forced")
    assert steps is not None
    file = _aiger("broken", "virtualized", "forced", tmp_path)

    def safe(cycles: int) -> bool:
        text = f"read_aiger {file}; sat -seq 1 -set-init-zero -prove forced 0 -tempinduct -tempinduct-baseonly -maxsteps {cycles}"
        said = subprocess.run([str(YOSYS), "-p", text], capture_output=True, text=True, timeout=300, check=True).stdout
        assert ("model found for base case: FAIL!" in said) != ("Reached maximum number of time steps" in said)
        return "FAIL!" not in said

    assert safe(steps)
    assert not safe(steps + 1)
