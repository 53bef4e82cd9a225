"""Reviews of policy files: whole transcripts, and complaints that point at the line."""

import json
import math
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specproof.errors import InputError
from specproof.review.policy.compare import compare, control
from specproof.review.policy.read import Host, any_host, bits, policy, pool
from tests.review_tools import held, run

POLICIES = Path("tests/policies")


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("rrsba-forced", "rrsba-and-bhi", 0),  # BHI_DIS_S is added
        ("rrsba-forced", "rrsba-guest", 1),  # RRSBA_DIS_S moves from forced 1 to guest-owned
        ("rrsba-forced", "stibp-to-0", 1),  # a bit is forced to 0
    ],
)
def test_policy_transcript(old: str, new: str, wanted: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole mail of a review of two policies, and its exit code."""
    found = run("review", "--policy", f"{POLICIES}/{old}.toml", f"{POLICIES}/{new}.toml", "--pool", f"{POLICIES}/pool.toml", "--format", "text")

    held(f"policy-{old}-{new}", capsys.readouterr().out)
    assert wanted == found


def test_the_verdict_line_of_each_policy_review_is_enough_to_act_on() -> None:
    """Adding protection, taking it away and forcing to 0 read differently in the first sentence."""
    from specproof.review.policy.compare import line

    old = policy(f"{POLICIES}/rrsba-forced.toml")
    added, dropped, zero = (compare(old, policy(f"{POLICIES}/{name}.toml")) for name in ("rrsba-and-bhi", "rrsba-guest", "stibp-to-0"))

    assert "at least as much as the old policy" in line(added) and "guests that go back to the old policy lose what it adds" in line(added)
    assert "do not take it as it is: it protects less than the old policy (RRSBA_DIS_S)." in line(dropped)
    assert "do not take it as it is: it protects less than the old policy (STIBP)." in line(zero) and "STIBP (guest -> forced 0)" in line(zero)


def test_what_a_guest_gets_is_what_the_engine_says() -> None:
    """The table of a review is the claim `exactness`: the guest's value but for the forced bits, in any order of moves."""
    found = compare(policy(f"{POLICIES}/rrsba-forced.toml"), policy(f"{POLICIES}/stibp-to-0.toml"))

    for _, results in found.moved:
        words = {result.claim: result.verdict.word for result in results}
        assert words["exactness"] == words["transparency"] == "proved"


def test_forcing_without_effect_and_without_means() -> None:
    """BHI_NO makes BHI_DIS_S pointless; a host without the control and without emulation forces nothing."""
    both = policy(f"{POLICIES}/rrsba-and-bhi.toml")
    found = compare(both, both, pool(f"{POLICIES}/pool.toml"))

    assert any(text.startswith("BHI_DIS_S on after-bhi: ARCH_CAPABILITIES.BHI_NO is set") for text in found.pointless)
    assert any(text.startswith("RRSBA_DIS_S on after-bhi: ARCH_CAPABILITIES.RRSBA is clear") for text in found.pointless)
    assert "sapphire-rapids-plain forces nothing: it has neither the control nor the emulation" in found.cannot
    assert any(text.startswith("BHI_DIS_S on cascade-lake: its CPUID has no BHI_CTRL") for text in found.cannot)


def test_who_controls_a_bit() -> None:
    """A bit that the guest's CPUID hides can be set all the same: the register is passed through."""
    forced, free = policy(f"{POLICIES}/stibp-to-0.toml"), policy(f"{POLICIES}/rrsba-guest.toml")
    host = any_host()

    assert control(forced, host, "STIBP") == "forced 0"
    assert control(forced, host, "RRSBA_DIS_S") == "forced 1"
    assert control(free, host, "RRSBA_DIS_S") == "guest"
    assert control(free, host, "BHI_DIS_S") == "guest (hidden)"
    assert control(free, pool(f"{POLICIES}/pool.toml")[0], "BHI_DIS_S") == "faults"


def test_a_design_that_cannot_force_to_0_is_found() -> None:
    """RFC v2 can require bits to be 1 and never to be 0, so it does not carry such a policy out."""
    from specproof.review.policy.carry import carried
    from specproof.review.sides import of_target

    found = carried(policy(f"{POLICIES}/stibp-to-0.toml"), of_target("tests/designs/seed.py:seed"), None)

    assert ("seed (virtualized): RRSBA_DIS_S forced to 1: enforced in every run (proved)", 0) in [(one.sentence, one.code) for one in found]
    assert ("seed (virtualized): STIBP forced to 0: the design can never require it", 1) in [(one.sentence, one.code) for one in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[force]]\nbit = "BHI_DIS"\nto = 1\n', ":2: there is no bit 'BHI_DIS'; did you mean 'BHI_DIS_S'?"),
        ('[[force]]\nbit = "IBRS"\nto = 2\n', ":3: to = 2: 0 or 1 was expected"),
        ('[[force]]\nbit = "IBRS"\nto = 1.0\n', ":3: to = 1.0: 0 or 1 was expected"),
        ('[[force]]\nbit = "IBRS"\nto = 0.0\n', ":3: to = 0.0: 0 or 1 was expected"),
        (f'[[force]]\nbit = "IBRS"\nto = {"9" * 4301}\n', ":3: this number has more than 4300 digits"),
        (f'[[force]]\nbit = "IBRS"\nto = -1_{"9" * 4300}\n', ":3: this number has more than 4300 digits"),
        (f'[[force]]\nbit = "IBRS"\nto = 0x{"f" * 9000}\n', ":3: to = a number too large to write here: 0 or 1 was expected"),
        (f'mask = []\nname = [0x{"f" * 9000}]\n', ":2: name = a number too large to write here: a text was expected"),
        (f'mask = []\nguest = 0x{"f" * 9000}\n', ":2: guest = a number too large to write here: a list of names was expected"),
        ('[[force]]\nbit = "IBRS"\n', ":1: this [[force]] has no 'to'"),
        ('[[force]]\nto = 1\n', ":1: this [[force]] has no 'bit'"),
        ('[[force]]\nbit = "IBRS"\nto = 1\n\n[[force]]\nbit = "IBRS"\nto = 0\n', ":7: IBRS is forced to 0 here and to 1 in line 2"),
        ('mask = ["IBRS"]\nvalue = ["IBRS", "STIBP"]\n', ":2: value has STIBP outside of mask"),
        ("mask = 0x600\nvalue = 0x400\n", ":1: mask = 0x600 has bit 9, which has no name"),
        ('mask = ["SSBD"]\n\n[[force]]\nbit = "IBRS"\nto = 1\n', ":4: IBRS is forced to 1 and is not in mask"),
        ('mask = ["SSBD"]\n', ":1: this mask has no values"),
        ('mask = []\n\n[force]\nbit = "IBRS"\n', ":3: 'force' is written as tables: [[force]]"),
        ('mask = []\n\n[force.sub]\nbit = "IBRS"\n', ":3: 'force' is written as tables: [[force]]"),
        ("mask = []\nforce = 1\n", ":2: 'force' is written as tables: [[force]]"),
        ('mask = []\n\n[host]\nname = "a"\n', ":3: 'host' is written as tables: [[host]]"),
        ("mask = []\n\n[extra]\na = 1\n", ":3: there is no key 'extra'"),
        ("mask = []\n\n[[extra]]\na = 1\n[[extra]]\n", ":3: there is no key 'extra'"),
        ("mask = []\n\n[extra.more]\na = 1\n", ":3: there is no key 'extra'"),
        ('[[force]]\nbit = "IBRS"\nto = 1\n[force.more]\na = 1\n', ":4: there is no key 'more' of [[force]]"),
        ('guest = []\nforce = [{bit = "IBRS", to = 1}, {bit = "STIBP", to = 3}]\n', ":2: to = 3: 0 or 1 was expected"),
        ('guest = []\nforce = [\n  {bit = "IBRS", to = 1}, # {\n  {bit = "STIBP", to = 3},\n]\n', ":4: to = 3: 0 or 1 was expected"),
        ('guest = []\nforce = [\n {bit = "IBRS", to = 1},\n {bit = "IBRS", to = 0}]\n', ":4: IBRS is forced to 0 here and to 1 in line 3"),
        ('mask = []\nname = "a\\u001b[31mb"\n', ":2: 'a\\x1b[31mb' cannot name a policy: a name is printable text on one line"),
        ('mask = []\nname = " "\n', ":2: name = ' ': a text was expected"),
        ('mask = []\n[[host]]\ncpuid = []\nname = "a\\nb"\n', ":4: 'a\\nb' cannot name a type of host: a name is printable text on one line"),
        (
            'name = "x"\nmask = ["BHI_DIS_S", "STIBP", "SSBD"]\n[[force]]\nbit = "BHI_DIS_S"\nto = 1\n',
            ":2: mask has STIBP, SSBD without a value; write [[force]] for each, or leave it out of mask",
        ),
        ('value = ["SSBD"]\n', ":1: 'value' goes with 'mask'"),
        ("mask = 0x10000000000000000\n", ":1: mask = 0x10000000000000000 does not fit in 64 bits"),
        ('nmae = "x"\nmask = []\n', ":1: there is no key 'nmae'; did you mean 'name'?"),
        ('[[force]]\nbit = "IBRS"\nto = 1\nhost = ["BHI_NOO"]\n', ":4: there is no capability 'BHI_NOO'; did you mean 'BHI_NO'?"),
        ('[[force]]\nbit = "IBRS"\nto = 1\nguest = "STIBP"\n', ":4: guest = 'STIBP': a list of names was expected"),
        ('name = "x"\n', ":1: this policy forces nothing"),
        ("x = \n", ":1: this is not TOML"),
        ('[force]\nbit = "IBRS"\n', "'force' is written as tables: [[force]]"),
        ('mask = []\n[[host]]\nname = "a"\n[[host]]\nname = "a"\n', ":5: two types of hosts are named 'a'"),
        ('mask = []\n[[host]]\nname = "a"\nvirtualize = 1\n', ":4: virtualize = 1: true or false was expected"),
        ('mask = []\n[[host]]\nname = "a"\n[[force]]\nbit = "IBRS"\nto = 1\npool = ["b"]\n', ":5: IBRS is forced to 1 and is not in mask"),
    ],
)
def test_complaints_point_at_the_line(text: str, said: str, tmp_path: Path) -> None:
    """Each complaint has file and line, what was given, and what to write instead."""
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(InputError) as raised:
        policy(str(file))
    assert f"{file}" in str(raised.value)
    assert said in str(raised.value)


def test_a_design_that_does_not_carry_the_policy_out_is_said_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1, and the first sentence, a case of JUnit and a result of SARIF say why, for each bit."""
    from xml.etree import ElementTree

    file = tmp_path / "policy.toml"
    forced = (("RRSBA_DIS_S", 1), ("STIBP", 0), ("SSBD", 0))
    file.write_text("".join(f'[[force]]\nbit = "{bit}"\nto = {to}\n\n' for bit, to in forced), encoding="utf-8")

    def report(form: str) -> str:
        assert run("review", "--policy", str(file), str(file), "--design", "tests/designs/seed.py:seed", "--format", form) == 1
        return capsys.readouterr().out

    said = json.loads(report("json"))["line"]
    wrong = [f"{bit} forced to 0 (virtualized and emulated): the design can never require it" for bit in ("STIBP", "SSBD")]
    head = f"do not take it as it is: seed does not carry it out: {'; '.join(wrong)}. By itself the policy protects at least as much"
    assert said.startswith(f"{file} -> {file}: {head}")

    xmlschema.XMLSchema("tests/data/junit-10.xsd").validate(report("junit"))
    suite = ElementTree.fromstring(report("junit"))[0]
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert (suite.get("failures"), failed) == ("4", ["STIBP-forced-to-0", "SSBD-forced-to-0"] * 2)
    assert suite.findtext("system-out") == said

    sarif = json.loads(report("sarif"))
    jsonschema.Draft7Validator(json.loads(Path("tests/data/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))).validate(sarif)
    (found,) = sarif["runs"]
    at = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in found["results"]]
    assert at == [6, 10, 6, 10]
    assert {one["level"] for one in found["results"]} == {"error"}
    assert found["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == said


def test_what_is_undecided_is_no_proof_in_the_first_sentence() -> None:
    """Whatever makes the exit code 3 is said before anything else, and what makes it 1 before that."""
    from dataclasses import replace

    from specproof.review.policy.carry import Carried
    from specproof.review.policy.cases import cases
    from specproof.review.policy.compare import line
    from specproof.verdict import Unknown

    both = policy(f"{POLICIES}/rrsba-forced.toml")
    found = compare(both, both)
    asked = Carried("seed", "emulated", "RRSBA_DIS_S", 1, 5, "undecided", 3)
    (way, (first, *rest)), *ways = found.moved
    moved = replace(found, moved=((way, (replace(first, verdict=Unknown("", "")), *rest)), *ways))

    assert (found.code, moved.code, replace(found, carried=(asked,)).code) == (0, 3, 3)
    assert "not settled: what becomes of guests that move from the old policy to the new is undecided." in line(moved)
    said = "not settled: whether seed carries it out is undecided: RRSBA_DIS_S forced to 1 (emulated): undecided."
    assert said in line(replace(found, carried=(asked,)))
    assert [one.fate for one in cases(replace(moved, carried=(asked,))).claims] == ["kept", "kept", "kept", "undecided", "undecided"]
    assert replace(moved, carried=(asked, replace(asked, bit="STIBP", said="not enforced, by the run enter", code=1))).code == 1


_FOR_ONE_HOST = '[[force]]\nbit = "BHI_DIS_S"\nto = 1\npool = ["saphire-rapids"]\n'


@pytest.mark.parametrize("command", ["fleet", "review", "review of both"])
def test_a_host_type_that_the_pool_does_not_have_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in a host type forces the bit nowhere, and is no proof that everybody is protected."""
    file = tmp_path / "policy.toml"
    file.write_text(_FOR_ONE_HOST, encoding="utf-8")
    arguments = {
        "fleet": ("fleet", f"{POLICIES}/pool.toml", str(file)),
        "review": ("review", "--policy", f"{POLICIES}/bhi.toml", str(file), "--pool", f"{POLICIES}/pool.toml"),
        "review of both": ("review", "--policy", str(file), f"{POLICIES}/bhi.toml", "--pool", f"{POLICIES}/pool.toml"),
    }[command]

    assert run(*arguments) == 2
    assert f"{file}:4: there is no host type 'saphire-rapids'; did you mean 'sapphire-rapids'?" in capsys.readouterr().err


def test_host_types_without_any_pool_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no file names a host, `pool` can match none: what to write is said."""
    file = tmp_path / "policy.toml"
    file.write_text(_FOR_ONE_HOST, encoding="utf-8")

    assert run("review", "--policy", str(file), str(file)) == 2
    wanted = f"{file}:4: there is no host type 'saphire-rapids'; known: none; write a [[host]] of that name, or give --pool POOL.toml"
    assert wanted in capsys.readouterr().err


def test_host_types_of_the_policy_and_of_the_pool_are_known(tmp_path: Path) -> None:
    """A policy can force a bit on a type of its own, and on one of the pool that it is asked about."""
    file = tmp_path / "policy.toml"
    file.write_text(
        '[[force]]\nbit = "BHI_DIS_S"\nto = 1\npool = ["own", "sapphire-rapids"]\n[[host]]\nname = "own"\nvirtualize = true\ncpuid = ["BHI_CTRL"]\n',
        encoding="utf-8",
    )
    both = policy(str(file))

    assert compare(both, both, pool(f"{POLICIES}/pool.toml")).code == 0
    with pytest.raises(InputError, match="there is no host type 'sapphire-rapids'; known: own"):
        compare(both, both)


def test_hosts_that_differ_between_the_two_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both policies would be asked on the new hosts, and that these force nothing any more would be no change."""
    host = '[[host]]\nname = "rapids"\nvirtualize = {}\ncpuid = ["SPEC_CTRL", "BHI_CTRL"]\n'
    files = []
    for name, virtualizes in (("old", "true"), ("new", "false")):
        files.append(tmp_path / f"{name}.toml")
        files[-1].write_text('[[force]]\nbit = "BHI_DIS_S"\nto = 1\n' + host.format(virtualizes))

    assert run("review", "--policy", *map(str, files)) == 2
    assert "the host type 'rapids' is another one here than in" in capsys.readouterr().err


def test_a_condition_on_hosts_is_tried_without_a_pool(tmp_path: Path) -> None:
    """The host that has every bit fulfils most conditions; what is no longer forced on others must be seen."""
    force = '[[force]]\nbit = "BHI_DIS_S"\nto = 1\n'
    for name, text in (("old", force), ("new", f'{force}host = ["RRSBA_CTRL"]\n'), ("many", f'{force}host = ["{MANY}"]\n')):
        (tmp_path / f"{name}.toml").write_text(text)
    old, new, many = (policy(str(tmp_path / f"{name}.toml")) for name in ("old", "new", "many"))
    found = compare(old, new)

    assert [host.name for host in found.hosts] == ["a host with every bit", "a host with every bit without RRSBA_CTRL"]
    assert found.code == 1 and [(one.bit, one.host) for one in found.bits] == [("BHI_DIS_S", "a host with every bit without RRSBA_CTRL")]
    with pytest.raises(InputError, match=r"give the hosts, --pool POOL\.toml"):
        compare(old, many)


#: More capabilities than are tried without a pool.
MANY = '", "'.join(("SPEC_CTRL", "STIBP", "SSBD", "RRSBA_CTRL", "BHI_CTRL"))


def test_bits_for_different_hosts_do_not_contradict(tmp_path: Path) -> None:
    """Forcing a bit to 1 on some hosts and to 0 on others is no contradiction where nobody is both."""
    file = tmp_path / "policy.toml"
    file.write_text('[[force]]\nbit = "SSBD"\nto = 1\nhost = ["!SSB_NO"]\n[[force]]\nbit = "SSBD"\nto = 0\nhost = ["SSB_NO"]\n', encoding="utf-8")

    assert [one.to for one in policy(str(file)).force] == [1, 0]


def test_mask_and_value_as_numbers(tmp_path: Path) -> None:
    """The two arguments of KVM_CAP_FORCE_SPEC_CTRL can be written as they are."""
    file = tmp_path / "policy.toml"
    file.write_text("mask = 0x442\nvalue = 0x400\n", encoding="utf-8")

    assert {(one.bit, one.to) for one in policy(str(file)).force} == {("STIBP", 0), ("RRSBA_DIS_S", 0), ("BHI_DIS_S", 1)}


def test_json_of_policies_is_as_its_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The published schema describes what is written."""
    run("review", "--policy", f"{POLICIES}/rrsba-forced.toml", f"{POLICIES}/rrsba-guest.toml", "--format", "json")
    schema = json.loads(resources.files("specproof").joinpath("schema/policy.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("form", ["terminal", "text", "markdown", "html", "sarif", "junit"])
def test_every_form_of_a_policy_review(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every form says that protection is lost."""
    found = run("review", "--policy", f"{POLICIES}/rrsba-forced.toml", f"{POLICIES}/rrsba-guest.toml", "--format", form)

    out = capsys.readouterr().out
    assert found == 1
    assert "protect" in out
    assert form not in ("text", "markdown") or max(map(len, out.splitlines())) <= 75


def test_fleet_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """A host that forces nothing exposes every guest that comes to it, and no other host does."""
    found = run("fleet", f"{POLICIES}/pool.toml", f"{POLICIES}/bhi.toml", "--format", "text")

    held("fleet-bhi", capsys.readouterr().out)
    assert found == 1


@pytest.mark.parametrize(("form", "width"), [("text", 75), ("terminal", 100), ("markdown", 75)])
@pytest.mark.parametrize(("count", "name"), [(1, "a"), (11, "h-"), (28, "a-name-that-is-longer-than-half-of-a-mail-")])
def test_each_row_of_a_large_matrix_is_one_line(
    form: str, width: int, count: int, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each pair of hosts has its word once, in the row and below the letter of each; and no line is too wide."""
    hosts = [f'[[host]]\nname = "{name}{number}"\nvirtualize = {str(number % 2 == 0).lower()}\ncpuid = ["BHI_CTRL"]\n' for number in range(count)]
    (tmp_path / "pool.toml").write_text("\n".join(hosts), encoding="utf-8")

    run("fleet", str(tmp_path / "pool.toml"), f"{POLICIES}/bhi.toml", "--format", form)

    out = capsys.readouterr().out
    wanted = "1 type of host:" if count == 1 else f"{count} types of hosts:"
    assert wanted in " ".join(out.split())
    table = out.rpartition("whatever way")[2].partition("ok: protected")[0].splitlines()[1:]
    letters = [chr(ord("A") + number) if number < 26 else f"A{chr(ord('A') + number - 26)}" for number in range(count)]
    cells, heading = {}, list[str]()
    for words in (line.replace("came", "").replace("`", "").replace("*", "").split() for line in table):
        if words and set(words) <= set(letters):
            heading = words
        elif words:
            assert len(words) == len(heading) + 2
            cells.update({(words[0], letter): word for letter, word in zip(heading, words[2:], strict=True)})
    assert cells == {(row, column): "no" if number % 2 else "ok" for row in letters for number, column in enumerate(letters)}
    assert max(map(len, table)) <= width


def test_fleet_without_the_plain_host_is_safe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All pairs and all paths are proved where every host forces what is asked for."""
    text = (POLICIES / "pool.toml").read_text(encoding="utf-8")
    kept = [part for part in text.split("[[host]]") if "plain" not in part]
    (tmp_path / "pool.toml").write_text("[[host]]".join(kept), encoding="utf-8")

    found = run("fleet", str(tmp_path / "pool.toml"), f"{POLICIES}/bhi.toml", "--svg", str(tmp_path / "fleet.svg"))

    assert found == 0
    assert "every guest is protected on every type of host" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "fleet.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_fleet_says_what_the_guest_is_shown_and_cannot_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A feature in the guest's CPUID that a type of host lacks, as SSBD once was (K11); any bit that faults there stops a move."""
    (tmp_path / "pool.toml").write_text(
        '[[host]]\nname = "old"\nemulate = true\ncpuid = ["SPEC_CTRL"]\n\n'
        '[[host]]\nname = "new"\nvirtualize = true\ncpuid = ["SPEC_CTRL", "STIBP", "SSBD", "PSFD"]\n'
    )
    (tmp_path / "policy.toml").write_text('name = "shown"\nguest = ["SPEC_CTRL", "STIBP", "SSBD"]\nmask = []\n')

    run("fleet", str(tmp_path / "pool.toml"), str(tmp_path / "policy.toml"))
    said = " ".join(capsys.readouterr().out.split())

    assert "Shown to the guest by CPUID, and #GP where it is set: SSBD on old." in said
    assert "to old from new, of a guest that has set SSBD or PSFD." in said


def test_stibp_is_ignored_and_not_refused_where_ibrs_is_enumerated_without_it() -> None:
    """Xen's msr.c says so: no #GP, and no effect, so that it cannot be forced either."""
    stibp = 1 << bits()["STIBP"]
    with_ibrs, without = Host("with-ibrs", cpuid=frozenset({"SPEC_CTRL"})), Host("without", cpuid=frozenset({"SSBD"}))
    forced = policy(str(POLICIES / "stibp-to-0.toml"))
    to_one = replace(next(one for one in forced.force if one.bit == "STIBP"), to=1)

    assert with_ibrs.accepts & stibp
    assert not without.accepts & stibp
    assert forced.refused(to_one, with_ibrs)


def test_fleet_json_and_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON is as its schema says, and the picture is well-formed XML with a sentence for each cell."""
    from xml.etree import ElementTree

    run("fleet", f"{POLICIES}/pool.toml", f"{POLICIES}/bhi.toml", "--format", "json")
    schema = json.loads(resources.files("specproof").joinpath("schema/fleet.json").read_text(encoding="utf-8"))
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema).validate(document)
    run("fleet", f"{POLICIES}/pool.toml", f"{POLICIES}/bhi.toml", "--format", "svg")
    root = ElementTree.fromstring(capsys.readouterr().out)

    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 4 * len(bits()) + 16
    assert "sapphire-rapids to sapphire-rapids-plain: not protected, without RRSBA_DIS_S, BHI_DIS_S" in titles
    assert len(document["matrix"]) == 16


def test_names_of_the_picture_stay_in_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Long names of hosts are turned above their matrix alone, and end inside the picture."""
    from xml.etree import ElementTree

    name = "a-type-of-host-with-a-name-that-is-longer-than-anybody-expects-it-to-be"
    host = '[[host]]\nname = "{}"\nvirtualize = true\ncpuid = ["SPEC_CTRL", "RRSBA_CTRL", "BHI_CTRL"]\n'
    (tmp_path / "pool.toml").write_text(host.format("short") + host.format(name))
    run("fleet", str(tmp_path / "pool.toml"), f"{POLICIES}/bhi.toml", "--format", "svg")
    root = ElementTree.fromstring(capsys.readouterr().out)
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    (turned,) = (node for node in texts if node.text == name and node.get("transform"))
    (above,) = (node for node in texts if (node.text or "").startswith("start (row)"))
    length = 7.2 * len(name)  # of such a name in a font of 13 pixels

    assert float(turned.get("y", 0)) - length * math.sin(math.radians(50)) > float(above.get("y", 0))
    assert float(turned.get("x", 0)) + length * math.cos(math.radians(50)) < float(root.get("width", 0))


def test_where_the_policy_asks_for_nothing_nobody_is_said_to_be_protected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A condition that no host fulfils is no proof; one that some do not fulfil is said; a policy that forces nothing says so itself."""
    force = 'guest = ["SPEC_CTRL"]\n[[force]]\nbit = "BHI_DIS_S"\nto = 1\n'
    host = '[[host]]\nname = "{}"\nvirtualize = true\ncpuid = ["SPEC_CTRL", "BHI_CTRL"{}]\n'
    (tmp_path / "pool.toml").write_text(host.format("old", "") + host.format("newer", ', "RRSBA_CTRL"'))
    said = {}
    for name, text in (("never", f'{force}guest = ["BHI_CTRL"]\n'), ("newer", f'{force}host = ["RRSBA_CTRL"]\n'), ("none", "mask = []\n")):
        (tmp_path / f"{name}.toml").write_text(text)
        code = run("fleet", str(tmp_path / "pool.toml"), str(tmp_path / f"{name}.toml"))
        said[name] = code, " ".join(capsys.readouterr().out.split())

    assert said["never"][0] == 3 and "not settled: the policy asks for nothing on any of them, so that it protects nobody." in said["never"][1]
    assert said["newer"][0] == 0 and "on every type of host but old, where the policy asks for nothing, wherever" in said["newer"][1]
    assert said["none"][0] == 0 and "2 types of hosts: the policy asks for nothing on any of them" in said["none"][1]


def test_a_pool_without_hosts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty pool is bad usage, not a pass."""
    (tmp_path / "pool.toml").write_text('name = "empty"\n', encoding="utf-8")

    assert run("fleet", str(tmp_path / "pool.toml"), f"{POLICIES}/bhi.toml") == 2
    assert "this pool has no [[host]]" in capsys.readouterr().err


def test_a_pool_with_one_table_of_hosts_is_refused_where_that_stands(tmp_path: Path) -> None:
    """`[host]` is no list of hosts, and the complaint has its line."""
    file = tmp_path / "pool.toml"
    file.write_text('name = "pool"\n\n[host]\nname = "a"\n', encoding="utf-8")

    with pytest.raises(InputError, match=":3: 'host' is written as tables"):
        pool(str(file))


def test_a_byte_order_mark_is_no_part_of_a_policy(tmp_path: Path) -> None:
    """Some editors begin a file with one."""
    file = tmp_path / "policy.toml"
    file.write_text('[[force]]\nbit = "IBRS"\nto = 1\n', encoding="utf-8-sig")

    assert [(one.bit, one.line) for one in policy(str(file)).force] == [("IBRS", 2)]


@pytest.mark.parametrize("name", ["a\\u001b[31mb", "a\\nb", "a\\u0000b", " a"])
def test_a_host_with_a_name_that_cannot_be_shown_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal would obey, or no picture can have, is no name of a type of host."""
    file = tmp_path / "pool.toml"
    file.write_text(f'[[host]]\nvirtualize = true\nname = "{name}"\n', encoding="utf-8")

    assert run("fleet", str(file), f"{POLICIES}/bhi.toml", "--format", "svg") == 2
    out, err = capsys.readouterr()
    assert (out, "\x1b" in err) == ("", False)
    assert f"{file}:3: " in err and "cannot name a type of host: a name is printable text on one line, with no space before or after it" in err


_TOKENS = st.sampled_from(
    ["[[force]]", "[[host]]", "[guest]", "[force]", "bit", "to", "host", "guest", "pool", "name", "mask", "value", "cpuid", "virtualize", "=", "=",
     "=", '"BHI_DIS_S"', '"IBRS"', '"x"', "[]", "[1]", '["IBRS"]', '["BHI_CTRL", "!BHI_NO"]', "0", "1", "-1", "0x440", "true", "1.5", "nan",
     '"""', "'''", "{", "}", "{a = 1}", "2024-01-01", "\n", "\n", "\n", "#", "\\", "\x00", "é"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tokens=st.lists(_TOKENS, max_size=40))
def test_no_text_breaks_the_reader(tokens: list[str], tmp_path: Path) -> None:
    """Whatever stands in the file, the answer is a policy or a complaint with file and line."""
    file = tmp_path / "policy.toml"
    file.write_text(" ".join(tokens), encoding="utf-8")
    said = []
    for reader in (policy, pool):
        try:
            reader(str(file))
        except InputError as error:
            said.append(str(error))

    assert all(text.startswith(f"{file}:") for text in said)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes, tmp_path: Path) -> None:
    """Bytes that are no text are said to be none."""
    file = tmp_path / "policy.toml"
    file.write_bytes(data)
    said = []
    try:
        policy(str(file))
    except InputError as error:
        said.append(str(error))

    assert all(text.startswith(f"{file}:") for text in said)
