"""Loading designs and claims: what is found, and what a file that is wrong is told."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specproof import ModelError, UsageError
from specproof.errors import did_you_mean
from specproof.load import library

Put = Callable[..., str]

GOOD = """
    from specproof import U64, Bool, Design, State, Word, field, invariant, lemma

    class S(State):
        a: U64 = field("a word")

    d = Design("mine", S, doc="a design")

    @d.initial
    def start(s: S) -> Bool:
        return s.a == 0

    @d.view
    def a(s: S) -> Word:
        return s.a

    @invariant("a-is-a")
    def a_is_a(v) -> Bool:
        return v.a == v.a
"""


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Writes a file into a folder of its own and returns its path."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "my_design.py") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


def says(text: str, kind: type[Exception] = ModelError) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


def test_a_file_offers_its_designs_and_claims(put: Put) -> None:
    """A design at the top level of a file is found, and it is asked the shipped claims and the file's own."""
    path = put(GOOD)

    found = library([path])

    assert found.own(path) == ["mine"]
    own = [claim.name for claim in found.asked_of("mine") if claim.name not in found.shipped_claims]
    assert own == ["a-is-a"]
    assert len(found.asked_of("mine")) > len(own)


def test_shipped_designs_are_not_asked_a_files_claims(put: Put) -> None:
    """A claim of a file concerns the designs of that file."""
    found = library([put(GOOD)])

    assert all("a-is-a" not in [claim.name for claim in found.asked_of(name)] for name in found.shipped)


def test_a_claim_that_no_name_holds_is_asked(put: Put) -> None:
    """Claims that are made in a loop are found: a check that is written is a check that runs."""
    path = put(GOOD + """
    for number in range(2):
        invariant(f"again-{number}")(lambda v: v.a == 0)
    """)

    assert [claim.name for claim in library([path]).asked_of("mine")][-3:] == ["a-is-a", "again-0", "again-1"]


def test_a_file_is_read_afresh(put: Put) -> None:
    """No bytecode cache: a second reading sees a change made within the same second."""
    path = put(GOOD)
    assert library([path]).own(path) == ["mine"]

    put(GOOD.replace('"mine"', '"ours"'))

    assert library([path]).own(path) == ["ours"]


def test_a_variant_of_a_shipped_design_is_the_files_own(put: Put) -> None:
    """What a file imports from the shipped designs is not asked again; what it makes of them is."""
    path = put("""
    from specproof.models.intel import intel

    changed = intel.but("changed", doc="nothing changed")
    """)

    assert library([path]).own(path) == ["changed"]


def test_a_file_may_not_change_what_ships(put: Put) -> None:
    """An assumption that is added to a shipped design would be one of every variant of it, and a review would see no difference."""
    from specproof.models.linux_host import linux_host

    file = put("""
        from specproof.models.linux_host import linux_host

        @linux_host.assumption("nothing-happens", of=("initial",))
        def nothing(s):
            return s.host == 0

        mine = linux_host.but("mine")
    """)
    try:
        with pytest.raises(ModelError, match=r"this file changes linux-host, which ships.*write linux_host\.but\("):
            library([file])
    finally:
        linux_host.assumptions.pop("nothing-happens", None)


def test_private_designs_are_not_asked(put: Put) -> None:
    """A name that begins with an underscore is an intermediate step."""
    path = put(GOOD + "\n    _base = d\n    del d\n    e = _base.but('other')\n")

    assert library([path]).own(path) == ["other"]


def test_files_may_share_a_helper(put: Put) -> None:
    """A file imports what stands beside it."""
    put("NAME = 'from-a-helper'\n", "helper_of_the_test.py")
    path = put(GOOD.replace('Design("mine"', "Design(NAME").replace("from specproof", "from helper_of_the_test import NAME\n    from specproof", 1))

    assert library([path]).own(path) == ["from-a-helper"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "{path}:1: this file does not import: '(' was never closed"),
        ("import nosuchmodule", "{path}:1: this file does not import: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("x = 1\n\nraise SystemExit(3)", "{path}:3: this file does not import: it ends the program: 3"),
        ("def f():\n    return 1 / 0\n\nf()", "{path}:2: this file does not import: ZeroDivisionError: division by zero"),
        ("import os", "{path}: no design in this file; write 'my_design = Design(\"my-design\", MyState, doc=...)' at its top level"),
        ("x = '\ud800'".encode("utf-8", "surrogatepass").decode("latin-1"), "{path}: no design in this file; write 'my_design = "
         "Design(\"my-design\", MyState, doc=...)' at its top level"),
        ("from specproof import word\nword(1, 2) << 3", "{path}:2: a shift of 3 in a word of 2 bits: write a number from 0 to 1"),
        ("from specproof import Design, State\nd = Design('d', State, doc='')\nd.configure('nowhere')",
         "{path}:3: d has no setting 'nowhere'; known: none"),
        ("from specproof import U64, State, field\nclass S(State):\n    a: U64 = field('a')\nS()", "{path}:4: S needs a value for ['a']"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_import_is_named_with_its_line(put: Put, text: str, message: str) -> None:
    """File, line and reason, on one line."""
    path = put(text)

    with says(message.format(path=path)):
        library([path])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('@d.view("third")', "'third' is no function: a function or a view has the name of the 'def' that '@design.view' stands above"),
        ("@d.view()", "Design.view() missing 1 required positional argument: 'body'; write '@design.view'"),
        ("@d.action", "Design.action() takes 1 positional argument but 2 were given; write '@design.action(by=\"guest\")'"),
        ("@d.assumption", "keyword-only argument: 'of'; write '@design.assumption(\"its-name\", of=(\"an_action\",))'"),
        ("@d.veiw", "'Design' object has no attribute 'veiw'; did you mean 'view'?"),
        ('Design("two", S)', "keyword-only argument: 'doc'; write 'Design(\"its-name\", ItsState, doc=\"what it is, in a sentence\")'"),
    ],
)
def test_a_decorator_that_is_called_otherwise_is_told_how(put: Put, line: str, message: str) -> None:
    """Where nothing is near, Python's own words stand alone."""
    path = put(GOOD + f"\n    {line}\n" + ("    def third(s):\n        return s.a\n" if line.startswith("@") else ""))

    with pytest.raises(ModelError) as raised:
        library([path])

    assert str(raised.value).startswith(f"{path}:")
    assert str(raised.value).endswith(message)


def test_a_file_that_is_no_text() -> None:
    """Bytes that are no Python are an error like any other."""
    with pytest.raises(ModelError, match=r"python.*: this file does not import: "):
        library([sys.executable])


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """A path without a file is bad usage."""
    with says(f"{tmp_path / 'none.py'}: there is no such file", UsageError):
        library([str(tmp_path / "none.py")])


def test_two_designs_of_one_name(put: Put) -> None:
    """A name stands for one design, in one file and over all files."""
    one = put(GOOD, "one.py")
    two = put(GOOD.replace("a-is-a", "b-is-b"), "two.py")
    both = put(GOOD + "\n    e = d.but('mine')\n", "both.py")

    with says(f"two designs are named 'mine': one in {one}, one in {two}; give one another name"):
        library([one, two])
    with says(f"two designs are named 'mine': one in {both}, one in {both}; give one another name"):
        library([both])


def test_a_design_named_like_a_shipped_one(put: Put) -> None:
    """A file does not replace what ships."""
    path = put(GOOD.replace('"mine"', '"intel"'))

    with pytest.raises(ModelError, match=rf"^two designs are named 'intel': one in .*intel\.py, one in {re.escape(path)}; give one another name$"):
        library([path])


def test_two_claims_of_one_name(put: Put) -> None:
    """A claim is known by its name."""
    path = put(GOOD + """
    @invariant("a-is-a")
    def again(v) -> Bool:
        return v.a == 0
    """)

    with says(f"two claims are named 'a-is-a': {path}:17 and {path}:21; give one another name"):
        library([path])


def test_unknown_names_are_answered_with_the_nearest() -> None:
    """A typo is met with the name that was meant."""
    found = library()

    with says("there is no design 'intell'; did you mean 'intel'?", UsageError):
        found.design("intell")
    with says("there is no claim 'read-your-writes'; did you mean 'read-your-write'?", UsageError):
        found.claim("read-your-writes")
    with says("there is no claim 'h1'; did you mean 'H1'?", UsageError):
        found.claim("h1")


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("MSR", ["mask", "msr"], "msr"),
        ("INTEL", ["bochs", "intel"], "intel"),
        ("Kvm-Referense", ["kvm-reference", "kvm-rfc-v2"], "kvm-reference"),
        ("ibrs", ["IBRS", "STIBP"], "IBRS"),
        ("Mask", ["MASK", "mask"], "mask"),
        ("MASKS", ["MASK", "mask"], "MASK"),
    ],
)
def test_the_nearest_name_is_found_whatever_the_case(given: str, known: list[str], meant: str) -> None:
    """Of two that differ in it only, the one that is nearer as it stands."""
    assert did_you_mean(given, known) == f"did you mean {meant!r}?"


def test_a_long_list_of_known_names_is_cut() -> None:
    """Where no name is near, a page of them helps nobody; but for one more than fits no 'and 1 more' stands."""
    names = [f"name-{number:03}" for number in range(100)]

    assert did_you_mean("?", names) == f"known: {', '.join(names[:24])} and 76 more"
    assert did_you_mean("?", names[:25]) == f"known: {', '.join(names[:25])}"
    assert did_you_mean("?", []) == "known: none"
    assert did_you_mean("?", ["twice", "twice"]) == "known: twice"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Whatever it is called."""
    (tmp_path / "models.py").mkdir()

    with says(f"{tmp_path}/models.py: this is a folder; name a file in it", UsageError):
        library([f"{tmp_path}/models.py"])


def test_a_claim_is_known_by_its_id() -> None:
    """The ids of the fact sheets are names too."""
    found = library()

    assert found.claim("H1") is found.claim("read-your-write")


def test_claims_come_in_the_order_of_their_ids() -> None:
    """I2 before I10, lemmas last."""
    found = library()
    numbers = [int(claim.id[1:]) for claim in found.claims.values() if claim.id[:1] == "H" and claim.kind != "lemma"]
    kinds = [claim.kind == "lemma" for claim in found.claims.values()]

    assert numbers == sorted(numbers)
    assert kinds == sorted(kinds)


@pytest.mark.parametrize("raised", ["GeneratorExit('x')", "type('Odd', (BaseException,), {})('x')"])
def test_whatever_a_file_raises_is_told(put: Put, raised: str) -> None:
    """Errors that are no Exception too; Ctrl-C alone is passed on."""
    path = put(f"\nraise {raised}")

    with pytest.raises(ModelError, match=rf"^{re.escape(path)}:2: this file does not import: (GeneratorExit|Odd): x$"):
        library([path])
    with pytest.raises(KeyboardInterrupt):
        library([put("raise KeyboardInterrupt")])


def test_a_name_that_is_not_imported_is_told_where_it_is(put: Put) -> None:
    """And one that is nearly a name that there is, as which."""
    path = put("SPEC_CTRL = Bits(IBRS=0)")
    with says(f"{path}:1: this file does not import: NameError: name 'Bits' is not defined; write 'from specproof import Bits'"):
        library([path])

    path = put("SPEC_CTRL = Bitz(IBRS=0)")
    with says(f"{path}:1: this file does not import: NameError: name 'Bitz' is not defined; did you mean 'Bits'?"):
        library([path])
