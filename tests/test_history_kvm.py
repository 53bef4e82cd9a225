"""Bugs of KVM/VMX that really happened would have been found, and `specproof history` says so."""

import re

import pytest
from click.testing import CliRunner
from specproof.proofs.history_kvm import BUGS

from specproof.cli_history import history, history_of, tell
from specproof.decide import decide
from specproof.load import library
from specproof.proofs import history_kvm, history_vendors
from specproof.verdict import Result, Unknown


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_bug_is_refuted_by_its_claim_within_its_trigger_and_its_correction_is_not(bug):
    """With the old code put back the claim that it broke fails, in no more steps than the bug's trigger needs."""
    told = tell(bug, library())

    assert told.as_told, (told.broken, told.steps, told.fixed)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [*BUGS, *history_vendors.BUGS], ids=lambda bug: f"{bug.id}-{bug.variant.name}")
def test_no_claim_of_a_bug_is_undecided(bug):
    """Where the old code is back every claim is decided, not that one alone which it broke: it is what a reviewer of such a change asks."""
    claims = [claim for claim in library().claims.values() if claim.kind not in ("lemma", "relation")]
    results = decide(bug.variant, bug.configuration, claims, patience=10)

    assert [result.claim for result in results if isinstance(result, Result) and isinstance(result.verdict, Unknown)] == []


def test_the_table_has_a_line_for_each_bug():
    """The command prints id, year, claim, length of the run and both verdicts, and exits with 0 if all is as told."""
    result = CliRunner().invoke(history, ["K16", "K11"], standalone_mode=False)

    assert result.return_value == 0
    assert re.search(r"^K16 +2018 +merge-opens-nothing +refuted 2 +proved +fixed\n     KVM: [^\n]*206587a9fb76\.$", result.output, re.MULTILINE)
    assert re.search(r"^K11 +not expressed\n     KVM: CPUID.SSBD ", result.output, re.MULTILINE)
    assert max(map(len, result.output.splitlines())) <= 100


def test_an_unknown_bug_is_named_with_the_nearest():
    """An id that is none is an error that names one."""
    result = CliRunner().invoke(history, ["K61"], standalone_mode=False)

    assert "there is no bug 'K61'" in str(result.exception)


def test_what_one_file_tells_another_does_not_omit():
    """A bug that some design expresses is not listed among those that none does."""
    bugs, omitted = history_of([history_kvm, history_vendors])

    assert not {bug.id for bug in bugs} & {one.id for one in omitted}
