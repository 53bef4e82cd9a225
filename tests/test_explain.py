"""Transcripts of `explain`: a proof as its lemmas, a counterexample as steps, register values with their bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from specproof.explain import Registers, explain
from specproof.load import LEMMAS, Library, library
from specproof.pinned import Pin, Pins
from specproof.state import Bits
from specproof.system import build
from specproof.trace import replay
from specproof.verdict import LemmaLine, NotAsked, Proved, Refuted, Result, Unknown, Verdict
from tests.designs import claims_of_thin

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
SPEC_CTRL = Bits(IBRS=0, STIBP=1, SSBD=2, RRSBA_DIS_S=6, BHI_DIS_S=10)


@pytest.fixture(scope="module")
def known() -> Library:
    return library([FILE])


def said(known: Library, claim: str, verdict: Verdict, design: str = "broken", configuration: str = "virtualized", pins: Pins | None = None) -> str:
    lines = explain(Result(design, configuration, claim, known.claims[claim].kind, verdict), known, pins or {})
    assert max(map(len, lines)) <= 100
    return "\n".join(lines)


def test_a_counterexample(known: Library) -> None:
    """Who acts, the inputs, only what changed; at the end what the claim looks at."""
    system = build(known.design("broken"), "virtualized")
    trace = replay(system, "forced", {"host": 0x1, "msr": 0x1}, [("set_mask", {"mask": 0x442}), ("vm_entry", {})])
    assert trace is not None
    pins = {("broken", "virtualized", "forced"): Pin("broken", "virtualized", "forced", "refuted", 2, "Line 7 forgets to force.\n\nAny host.")}

    text = said(known, "forced", Refuted("-", trace), pins=pins)

    assert text.startswith("""\
broken, virtualized: forced (T1): refuted by a run of 2 steps, and by none that is shorter

  Masked bits are set while the guest runs.

  0  initial state; whatever is not listed is 0 or false
      msr   0x1 IBRS
      host  0x1 IBRS
      as in every run: virtualized

  1  KVM: set_mask
      The host decides what is masked, and forces it.
      input mask        0x442 STIBP|RRSBA_DIS_S|BHI_DIS_S (other bits any)
      vmcs.mask         0 -> 0x442 STIBP|RRSBA_DIS_S|BHI_DIS_S (other bits any)   = mask
      event wrote_mask  true
""")
    assert """
  There the claim fails:
      claim              guest_runs implies (effective & required_mask) == required_mask
      that is            true implies (0 & 0x442) == 0x442
      bit 1 STIBP        (effective 0 & required_mask 1) = 0 is not required_mask 1
      bit 6 RRSBA_DIS_S  (effective 0 & required_mask 1) = 0 is not required_mask 1
      bit 10 BHI_DIS_S   (effective 0 & required_mask 1) = 0 is not required_mask 1

  What it looks at, after the last step:
      guest_runs     true
      effective      0
      required_mask  0x442 STIBP|RRSBA_DIS_S|BHI_DIS_S
""" in text
    assert text.endswith("""
  Analysis: Line 7 forgets to force.

  Any host.
""")


def test_a_step_claim_is_looked_at_before_and_after(known: Library) -> None:
    """A step claim fails by a step, so both of its states are shown; a longer run is said to be perhaps not the shortest."""
    trace = replay(build(known.design("mine"), "emulated"), "value-stays", {}, [("vm_entry", {}), ("emulated_wrmsr", {"value": 4})])
    assert trace is not None

    text = said(known, "value-stays", Refuted("-", trace, shortest=False), "mine", "emulated")

    assert text.startswith("mine, emulated: value-stays (T3): refuted by a run of 2 steps; a shorter one may exist\n")
    assert """
  What it looks at, before and after the last step:
      before.guest_runs  true
      after.guest_runs   true
      before.effective   0
      after.effective    0x4 SSBD
""" in text


def test_a_relation_shows_both_sides(known: Library) -> None:
    """Fields on which the sides differ carry the name of their side; the others are shown once."""
    from specproof.decide import decide_relation

    result = decide_relation(known.design("mine"), claims_of_thin.alike)
    assert isinstance(result, Result)
    assert isinstance(result.verdict, Refuted)

    text = said(known, "alike", result.verdict, "mine", "virtualized~emulated")

    assert text.startswith("mine, virtualized against emulated: alike (T4): refuted by a run of 2 steps")
    assert "virtualized.effective  0x" in text
    assert "emulated.effective     0" in text


def test_a_proof(known: Library) -> None:
    """Each lemma with what it is needed for, the assumptions that the proof leans on, a run in which it matters."""
    verdict = Proved(
        "one-bit slice, lemmas, Z3 at full width",
        (LemmaLine("(~spec & vmcs.mask) == 0", ("vm_entry",), (), "Every bit set in vmcs.mask is set in spec."),
         LemmaLine("running implies (~msr & vmcs.mask) == 0", ("vm_exit",), ("forced",))),
    )

    assert said(known, "forced", verdict, "mine") == """\
mine, virtualized: forced (T1): proved for all values and for runs of any length

  Masked bits are set while the guest runs.

  Decided by: one-bit slice, lemmas, Z3 at full width.

  It leans on no assumption about the environment.

  It follows from what holds in every reachable state, kept by each action:

   1  (~spec & vmcs.mask) == 0
        Every bit set in vmcs.mask is set in spec.
        needed so that the lemmas survive vm_entry
   2  running implies (~msr & vmcs.mask) == 0
        needed for the claim forced, and so that the lemmas survive vm_exit
"""


def test_the_run_of_a_proof_is_told_without_what_it_does_not_need(known: Library) -> None:
    """Deciding takes any run in which what is claimed happens; one bit of a mask is a change of it."""
    trace = replay(build(known.design("mine"), "virtualized"), "mask-written-on-change", {"host": 0x1, "msr": 0x1}, [("set_mask", {"mask": 0x442})])
    assert trace is not None and trace.steps[0].inputs == {"mask": 0x442}

    text = said(known, "mask-written-on-change", Proved("-", (), (), trace), "mine")

    assert text.endswith("""
  A run in which what it speaks of happens:
      1  KVM: set_mask  mask 0x1 IBRS
""")


def test_a_lemma_is_refuted_by_values(known: Library) -> None:
    """A lemma has no run, only values."""
    from specproof.trace import Trace

    trace = Trace(LEMMAS, "", "merging-is-always-forcing", {"cur": 0, "value": 1, "mask": 0xF00}, ())

    assert said(known, "merging-is-always-forcing", Refuted("-", trace), LEMMAS, "") == """\
bit-vectors: merging-is-always-forcing (T9): refuted by these values

  The same without its condition, which is wrong.

  These values refute it:
      cur    0
      value  1
      mask   0xf00
"""


def test_what_is_undecided_or_not_asked_says_why(known: Library) -> None:
    """The reason is in the first line."""
    unknown = said(known, "forced", Unknown("-", "time limit reached"), "mine")
    absent = explain(NotAsked("mine", "cached", "there is no cache in the thin design"), known, {})

    assert unknown.splitlines()[0] == "mine, virtualized: forced (T1): unknown: time limit reached"
    assert absent[0] == "mine: cached (T7): not asked: there is no cache in the thin design"


def test_another_verdict_than_the_pinned_one_is_said(known: Library) -> None:
    """`explain` compares like `check`."""
    pins = {("mine", "virtualized", "forced"): Pin("mine", "virtualized", "forced", "refuted", 2, "Not shown: it is of another verdict.")}

    text = said(known, "forced", Proved("-"), "mine", pins=pins)

    assert "The pinned verdict is another: refuted in 2 steps." in text
    assert "Not shown" not in text


@pytest.mark.parametrize(
    ("value", "width", "bits", "text"),
    [
        (0, 64, SPEC_CTRL, "0"), (1, 0, None, "true"), (0, 0, None, "false"), (0x400, 64, SPEC_CTRL, "0x400 BHI_DIS_S"),
        (0x401, 64, None, "0x401"), (1, 64, None, "1"), (0x8000, 64, SPEC_CTRL, "0x8000"), (0x8001, 64, SPEC_CTRL, "0x8001 IBRS|0x8000"),
        ((1 << 64) - 1, 64, SPEC_CTRL, "0xffffffffffffffff all bits"),
        ((1 << 64) - 1 - 0x400, 64, SPEC_CTRL, "0xfffffffffffffbff all but BHI_DIS_S"),
    ],
)  # fmt: skip
def test_values(known: Library, value: int, width: int, bits: Bits | None, text: str) -> None:
    """Hexadecimal with the names of the bits; of nearly full words the names of those that are missing."""
    assert Registers(build(known.design("mine"), "virtualized")).value(value, width, bits) == text
