"""What `check` says of a design that is made from one that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from specproof.models.xen_svm import xen_svm

from specproof.cli import main
from specproof.load import library
from specproof.variant import origin

FILE = '''
from specproof import U64, Bool, Design, State, field
from specproof.models.xen_svm import Vcpu, xen_svm
from specproof.models.xen_vmx import xen_vmx


def toolstack_sets(s: Vcpu, value: U64) -> Vcpu:
    """The value is dropped, though it is remembered that it was asked for."""
    s = s.replace(operand=value, believed=value)
    return s.when((value & ~s.offered) != 0, believed=s.believed, refused=True)


drops = xen_svm.but("drops", toolstack_sets=toolstack_sets)
twice = drops.but("twice", toolstack_sets=xen_svm.actions["toolstack_sets"].body)
plain = xen_vmx.but("plain")
blind = xen_svm.but("blind", without=("saved_effective",))
'''


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a check of a design of FILE prints of what is otherwise in the design that it is made from."""
    file = tmp_path / "mine.py"
    file.write_text(FILE)

    def check(name: str, *options: str) -> str:
        main(["check", f"{file}:{name}", "--no-cache", *options])
        _, found, said = capsys.readouterr().out.partition(f"{name} is made from xen-")
        return " ".join(said.partition("\n\n")[0].split()) if found else ""

    return check


def test_what_is_otherwise_is_told(printed: Callable[..., str]) -> None:
    """The finding of xen-svm is no news; that a shorter run of another kind shows the same is."""
    said = printed("drops", "--claim", "userspace-view", "--claim", "enforcement")

    assert said == (
        "svm. Refuted by runs of another length: userspace-view (1 step, there 2). "
        "'specproof review xen-svm mine.py:drops' says what that gains and loses."
    )


def test_a_variant_of_a_variant_is_compared_with_what_ships(printed: Callable[..., str]) -> None:
    """One that has the same verdicts is told to have."""
    assert printed("twice", "--claim", "userspace-view") == "svm. No verdict is another there."


def test_what_can_no_longer_be_asked_is_told(printed: Callable[..., str]) -> None:
    """A view that was left out takes its claims along."""
    said = printed("blind", "--claim", "effective-cache", "--claim", "enforcement")

    assert said.startswith("svm. Not asked here, refuted there: effective-cache. ")


def test_nothing_is_told_where_nothing_is_comparable(printed: Callable[..., str]) -> None:
    """The pins are of all assumptions, and who asks for quiet wants none of it."""
    assert printed("drops", "--claim", "userspace-view", "--quiet") == ""
    assert printed("plain", "--claim", "enforcement") == "vmx. No verdict is another there."
    assert printed("plain", "--claim", "enforcement", "--without", "xen-runs-with-bhi-dis-s") == ""


def test_a_design_that_ships_is_made_from_none() -> None:
    """Though kvm-rfc-v2 is, by the code, a variant of another."""
    known = library()

    assert {origin(known, name) for name in known.designs} == {""}
    assert xen_svm.parent is None
