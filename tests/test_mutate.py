"""Mutation coverage: what is mutated, what becomes of each mutant, and that nothing of it depends on who decides it."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from specproof.claims import instantiate
from specproof.cli import main
from specproof.mutate.campaign import EQUIVALENT, KILLED, SURVIVED, Campaign, Fate, Request, run
from specproof.mutate.mutants import with_actions
from specproof.mutate.tamper import OPERATORS
from specproof.pinned import read, table
from specproof.trace import replay, violates

ROOT = Path(__file__).parents[1]
FILE = "tests/designs/claims_of_thin.py"
SCHEMA = json.loads((importlib.resources.files("specproof") / "schema" / "mutate.json").read_text(encoding="utf-8"))
MINE = Request("mine", (FILE,))

#: What the issue asks for, and which operator does it.
ASKED = {
    "drop an assignment": "drop-assignment", "swap two": "swap", "negate or drop a guard": "guard", "& for |": "and-or",
    "mask inverted": "mask-inverted", "the wrong VMCS": "wrong-part", "a constant for a variable": "constant",
    "a skipped propagation": "skipped-propagation", "a stale copy": "stale-copy", "width cut to 32 bits": "width-cut",
    "inverted polarity": "negation", "a decision on something else": "wrong-field", "state copied on one path": "branch",
    "an intercept lost in a merge": "operand",
}  # fmt: skip


@pytest.fixture(scope="module")
def fates() -> list[Fate]:
    """Every mutant of the thin design."""
    return run(MINE).fates


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["mutate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_way_to_be_wrong_that_was_asked_for_is_an_operator() -> None:
    """No operator is there that nobody can name."""
    assert set(ASKED.values()) == set(OPERATORS)


def test_every_kill_is_a_run_of_the_mutant_that_replays(fates: list[Fate]) -> None:
    """The mutant is built again by itself, and its run is executed on integers to the violation; a claim that fell silent has none."""
    campaign = Campaign.of(MINE)
    mutants = {mutant.id: mutant for mutant in campaign.all()}
    killed = [fate for fate in fates if fate.status == KILLED]
    names = [claim.name for claim in campaign.claims]
    assert len(killed) > 60
    for fate in killed:
        if fate.run is None:
            assert fate.by.endswith(("(vacuous)", "(sanity)")) or fate.by == "guest-gets-to-run", fate
            continue
        base = campaign.base(fate.configuration)
        system = with_actions(base.system, campaign.differing(mutants[fate.id], base))
        initial = {path: fate.run.initial[path] for path in system.variables}
        again = replay(system, fate.by, initial, [(step.action, step.inputs) for step in fate.run.steps])
        assert again is not None, fate
        assert again.length == fate.steps
        assert violates(system, instantiate(campaign.claims[names.index(fate.by)], system), again)


def test_a_mutant_whose_views_differ_survives_where_no_claim_speaks_of_it(fates: list[Fate]) -> None:
    """The thin design's claims do not say that what the guest writes reaches the register."""
    found = {fate.change: fate for fate in fates if fate.status == SURVIVED}
    [kept] = [fate for change, fate in found.items() if fate.action == "guest_wrmsr" and change.endswith("msr keeps its value")]

    assert [view.name for view in kept.views] == ["effective"]
    assert kept.run is not None
    assert [step.action for step in kept.run.steps] == ["vm_entry", "guest_wrmsr"]


def test_a_mutant_that_no_view_shows_is_equivalent(fates: list[Fate]) -> None:
    """In the emulated guest the register and KVM's copy of it get the same value, so that they may change places."""
    equivalent = {fate.change.split(": ")[1] for fate in fates if fate.status == EQUIVALENT}

    assert "msr is read instead of spec" in equivalent or "spec keeps its value" in equivalent
    assert all(fate.by for fate in fates if fate.status == EQUIVALENT)


def test_the_document_fits_its_schema_and_the_text_shows_each_survivor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1; a survivor with its action, the line of its change, what changed, and how views differ."""
    path = tmp_path / "mutants.json"
    code, out, err = ask(capsys, f"{FILE}:mine", "--json", str(path), "--jobs", "1")
    found = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    survivors = [one for one in found["mutants"] if one["status"] == "survived"]

    assert code == 1
    assert survivors
    for one in survivors:
        assert f"{one['id']} survived: {one['action']}" in out
        assert all(change["where"] in out and change["text"] in out for change in one["changes"])
        assert all(view["design"] != view["mutant"] for view in one["views"])
    assert "differs after vm_entry guest_wrmsr of virtualized:\n        effective  0x" in out
    assert sum(found["counts"].values()) == len(found["mutants"])
    assert "mutants" in err and "mutants" not in err.replace(" mutants", "")


def test_nothing_depends_on_the_number_of_workers(tmp_path: Path) -> None:
    """The same bytes on standard output and in the file, from two processes and from one."""
    written = []
    for jobs in ("1", "2"):
        path = tmp_path / f"{jobs}.json"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "specproof", "mutate", f"{FILE}:mine", "--jobs", jobs, "--json", str(path), "--quiet"],
            capture_output=True, text=True, cwd=ROOT, timeout=300,
        )  # fmt: skip
        assert done.stderr == ""
        written.append((done.returncode, done.stdout, path.read_bytes()))

    assert written[0] == written[1]


def test_one_operator_one_action_one_claim(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Only what is asked for is wrong, and only what is asked for kills."""
    path = tmp_path / "some.json"
    options = ("--operators", "guard,drop-assignment", "--action", "set_mask", "--claim", "T2", "--json", str(path), "--jobs", "1", "--quiet")
    code, _, err = ask(capsys, f"{FILE}:mine", *options)
    found = json.loads(path.read_text(encoding="utf-8"))["mutants"]

    assert (code, err) == (1, "")
    assert {one["operator"] for one in found} == {"guard", "drop-assignment"}
    assert {one["action"] for one in found} == {"set_mask"}
    assert {one["by"].removesuffix(" (vacuous)") for one in found if one["status"] == "killed"} <= {"mask-written-on-change"}


def test_two_wrong_operations_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Pairs are drawn by a seed; each says both of its changes."""
    path = tmp_path / "pairs.json"
    ask(capsys, f"{FILE}:mine", "--order", "2", "--sample", "12", "--seed", "3", "--json", str(path), "--jobs", "1")
    found = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)

    assert 6 <= len(found["mutants"]) <= 12
    assert all(len(one["changes"]) == 2 for one in found["mutants"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("kvm-referense",), "there is no design 'kvm-referense'; did you mean 'kvm-reference'?"),
        ((FILE,), f"{FILE} has 2 designs (mine, broken); name one, as in {FILE}:mine"),
        ((f"{FILE}:mine", "--operators", "swop"), "there is no mutation operator 'swop'; did you mean 'swap'?"),
        ((f"{FILE}:mine", "--action", "set_masks"), "mine has no action 'set_masks'; did you mean 'set_mask'?"),
        ((f"{FILE}:mine", "--claim", "force"), "there is no claim 'force'; did you mean 'forced'?"),
        ((f"{FILE}:mine", "--order", "2"), "--order 2 has too many mutants to decide them all; say how many to draw with --sample N"),
        (("bit-vectors",), "bit-vectors has no actions that could be wrong; name a design, see 'specproof list designs'"),
        ((f"{FILE}:mine", "--json", "/nowhere/at/all"), "--json /nowhere/at/all: cannot be written: No such file or directory"),
    ],
)
def test_a_bad_request_is_answered_by_what_to_write_instead(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str) -> None:
    """Exit code 2 and one line."""
    code, out, err = ask(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err == f"specproof: {complaint}\n"


def test_operators_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    code, out, _ = ask(capsys, "--list-operators")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(OPERATORS)


def test_a_time_limit_leaves_fates_unknown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A limit that nothing can keep: exit code 3 or 1, and every mutant is in the file."""
    path = tmp_path / "late.json"
    code, _, _ = ask(capsys, f"{FILE}:mine", "--operators", "drop-assignment", "--timeout", "1e-4", "--jobs", "1", "--json", str(path), "--quiet")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))

    assert code in (1, 3)
    assert len(found["mutants"]) == len(Campaign.of(Request("mine", (FILE,), ("drop-assignment",))).all())
    for one in found["mutants"]:
        assert one["status"] != "unknown" or one["by"]


def test_ctrl_c_keeps_what_was_decided(tmp_path: Path) -> None:
    """130; the fates that were there are shown and written, the others unknown."""
    path = tmp_path / "half.json"
    some = ("kvm-reference", "--action", "vm_entry", "--jobs", "1", "--json", str(path))
    command = [sys.executable, "-W", "error", "-m", "specproof", "mutate", *some]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert "mutants" in process.stderr.readline()  # a tenth is decided
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.stdout.read(), process.stderr.read()
        code = process.wait(timeout=60)
    found = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)

    assert code == 130
    assert err.endswith("specproof: interrupted\n")
    assert "Traceback" not in err
    assert found["counts"]["killed"] > 0
    assert {one["by"] for one in found["mutants"] if one["status"] == "unknown"} >= {"interrupted"}
    assert f"{found['counts']['unknown']} unknown" in out


def test_no_mutant_of_a_sample_of_the_reference_survives() -> None:
    """What no claim notices would be a claim that is missing."""
    found = run(Request("kvm-reference", sample=16, seed=2, actions=("nested_exit", "vm_entry", "exit_and_reenter"))).fates

    assert len(found) > 8
    assert [fate for fate in found if fate.status not in (KILLED, EQUIVALENT)] == []


def test_every_claim_that_holds_of_a_design_may_kill_its_mutants() -> None:
    """What the table pins as proved is what a campaign asks: a claim that its slice could not show would kill nothing, silently."""
    design, configuration = "kvm-rfc-v2", "emulated"
    base = Campaign.of(Request(design)).base(configuration)
    pinned = {pin.claim for pin in read(table()).values() if (pin.design, pin.configuration) == (design, configuration) and pin.verdict == "proved"}

    assert (pinned & set(base.properties)) - set(base.holding) == set()
    assert len(base.holding) > 40


def test_a_claim_kills_that_the_slice_alone_does_not_decide() -> None:
    """That a mask of several bits is 0 is more than one position shows: such a claim is asked of mutants since Z3 says that it holds."""
    campaign = Campaign.of(Request("kvm-reference", (), ("operand",), actions=("kvm_set_msrs_mitigation_ctrl",), claims=("closed-by-a-policy",)))
    [mutant] = [one for one in campaign.all() if one.change.endswith("& ~virtualized") and "without ((" in one.change]
    base = campaign.base("emulated")
    fate = campaign.strike(mutant)

    assert base.reached.violated["closed-by-a-policy"]
    assert base.holding == ["closed-by-a-policy"]
    assert fate is not None
    assert (fate.status, fate.by) == (KILLED, "closed-by-a-policy")


def test_a_free_input_that_is_taken_for_its_opposite_is_no_mistake() -> None:
    """Userspace chooses whether L2 is entered: what it calls its choice is no difference between runs."""
    campaign = Campaign.of(Request("kvm-reference", (), ("negation",), actions=("kvm_set_nested_state",)))
    [mutant] = [one for one in campaign.all() if "~(kvm_set_nested_state:guest_mode) as the condition" in one.change]
    fate = campaign.settle(mutant)

    assert (fate.status, fate.by) == (EQUIVALENT, "the same with an input negated")


def test_fields_that_nothing_reads_until_they_are_written_again_may_be_wrong() -> None:
    """VMXOFF frees vmcs02: what its fields are then matters to nobody, until VMXON allocates it again."""
    campaign = Campaign.of(Request("kvm-reference", (), ("constant",), actions=("handle_vmxoff",)))
    found = {one.change.split(": ")[1]: one for one in campaign.all()}
    freed = campaign.settle(found["spec_ctrl_virt = true"])
    kept = found["vmxon = true"]

    assert (freed.status, freed.by) == (EQUIVALENT, "it differs only in fields that nothing reads before they are written again")
    assert not campaign.dead("virtualized").same(campaign.differing(kept, campaign.base("virtualized")))


def test_no_mutant_that_a_run_kills_differs_only_in_what_nothing_reads(fates: list[Fate]) -> None:
    """Of a mutant that breaks a claim, or makes one fall silent, somebody reads what it does."""
    campaign = Campaign.of(MINE)
    mutants = {mutant.id: mutant for mutant in campaign.all()}
    killed = [mutants[fate.id] for fate in fates if fate.status == KILLED]

    assert len(killed) > 60
    for mutant in killed:
        same = [campaign.dead(name).same(campaign.differing(mutant, campaign.base(name))) for name in campaign.configurations]
        assert not all(same), mutant.change
