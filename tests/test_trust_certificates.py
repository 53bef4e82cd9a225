"""Certificates: what is written, what re-checks it, and what is found when somebody tampers with it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from specproof import Design, State, invariant
from specproof.cli import main
from specproof.errors import InputError, ModelError
from specproof.terms import FALSE, word
from specproof.trust.command import verify as command
from specproof.trust.files import MANIFEST, load, seal
from specproof.trust.rule import zero
from specproof.trust.solvers import solver
from specproof.trust.verify import Verified, verify

CLAIMS = Path(__file__).parent / "designs" / "claims_of_thin.py"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a design and its broken twin, with a claim of every kind."""
    folder = tmp_path_factory.mktemp("certificates") / "out"
    code = main(["check", str(CLAIMS), "--certificates", str(folder), "--jobs", "1"])
    assert code in (0, 1)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(written, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_relation_that_is_proved_comes_with_the_run_of_its_antecedent(tmp_path: Path) -> None:
    """Its machine shares fields between the two sides, and the run is told on that machine."""
    file = tmp_path / "related.py"
    file.write_text(
        "from tests.designs import thin\nfrom specproof import implies, relation\nmine = thin.thin.but('mine')\n"
        "@relation('same-run', left='virtualized', right='emulated')\n"
        "def same_run(a, b):\n    'Both run, or none.'\n    return implies(a.guest_runs, b.guest_runs & (a.required_mask == b.required_mask))\n"
    )
    main(["check", str(file), "--claim", "same-run", "--certificates", str(tmp_path / "out"), "--jobs", "1"])
    found = checked(tmp_path / "out")

    assert (found.wrong, found.open) == ([], [])
    assert [key[2:4] for key in found.accepted] == [("same-run", "proved")]
    assert found.runs == 1


def checked(folder: Path, name: str = "z3") -> Verified:
    """What the verifier finds."""
    return verify(folder, solver(name).ask)


def resealed(folder: Path) -> None:
    """The manifest again, with hashes that fit: somebody who covers his tracks."""
    said = load(folder / MANIFEST)
    seal(folder, {"versions": said["versions"], "answers": said["answers"]})


ODD = r"""
from specproof import U64, Bool, Design, State, field, frozen, implies, invariant, reachable, relation, step

class Odd(State):
    bvand: U64 = field("a word")
    t3: U64 = field("another")
    quick: Bool = frozen("a setting")

odd = Design('odd|"\\ %24; \u00f6', Odd, doc="names that scripts and folders have to hold")
odd.setting('qu|ck"', lambda s: s.quick)
odd.setting('a\\b', lambda s: ~s.quick)
odd.configure('qu|ck"', 'a\\b')

@odd.initial
def start(s):
    return (s.bvand == 0) & (s.t3 == 0)

@odd.action(by='any|body')
def initially(s, value: U64):
    both = s.bvand ^ value
    return s.replace(t3=both, bvand=both & (both | s.t3))

@odd.assumption('on|y "odd" \\', of=("initially",))
def only_odd(s, value: U64):
    "The lowest bit is never set."
    return ~value.bit(0)

@odd.view
def word(s): return s.t3

@odd.view
def other(s): return s.bvand

CLAIMS = ['x y', 'x_y', 'x/y', 'x|y"\\', '.x', '=2Ex', 'initially', '..']
for name in CLAIMS:
    @invariant(name)
    def low(v): return implies(v.other == v.word, ~v.word.bit(0))

@step('before | after')
def moves(a, b): return a.word == b.word

@reachable('some|thing')
def some(v): return v.word == 2

@relation('a|ike', left='qu|ck"', right='a\\b')
def alike(a, b): return (a.word ^ b.word) == 0
"""


def test_names_of_any_kind_come_back(tmp_path: Path) -> None:
    """Of designs, claims, settings, assumptions, fields: what is written is verified, whatever symbols and files it takes."""
    file, folder = tmp_path / "odd.py", tmp_path / "out"
    file.write_text(ODD, encoding="utf-8")
    main(["check", str(file), "--certificates", str(folder), "--jobs", "1"])
    found, answers = checked(folder), load(folder / MANIFEST)["answers"]

    assert (found.wrong, found.open) == ([], [])
    assert {key[2] for key in found.accepted} == {answer["claim"] for answer in answers} >= {'x|y"\\', "..", "before | after", "some|thing", "a|ike"}
    assert len(found.accepted) == len(answers) == 2 * 10 + 1
    leans = {key[2]: key[4] for key in found.accepted if key[1] == "a\\b"}
    assert leans["x y"] == ('on|y "odd" \\',)
    assert leans["some|thing"] == leans["before | after"] == ()
    assert {"proved", "refuted"} == {key[3] for key in found.accepted}
    for other in ("cvc5", "bitwuzla"):
        pytest.importorskip(other)
        assert (checked(folder, other).wrong, checked(folder, other).open) == ([], [])


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "nul\0", "\ud800", " padded", "padded "])
def test_what_cannot_be_a_name_is_refused_where_it_is_given(name: str) -> None:
    """Before anything is decided, and not when certificates are written."""
    thin = Design("thin", State, doc="nothing")
    for give in (
        lambda: Design(name, State, doc="nothing"), lambda: invariant(name)(lambda v: v.x), lambda: thin.setting(name, lambda s: s.x),
        lambda: thin.assumption(name, of=("initial",))(lambda s: s.x), lambda: thin.action(by="me")(lambda s: s),
    ):  # fmt: skip
        with pytest.raises(ModelError, match="cannot name a"):
            give()


@pytest.mark.parametrize("name", ["a+b", "a~b"])
def test_a_setting_that_no_option_could_name_is_refused(name: str) -> None:
    """`--config a+b` is two settings."""
    with pytest.raises(ModelError, match="cannot name a setting"):
        Design("thin", State, doc="nothing").setting(name, lambda s: s.x)


def test_every_verdict_has_a_certificate_that_holds(written: Path) -> None:
    """Proved, refuted and vacuous claims of every kind are accepted, with as many answers as the manifest has."""
    found = checked(written)
    answers = load(written / MANIFEST)["answers"]

    assert (found.wrong, found.open) == ([], [])
    assert {(claim, verdict) for _, _, claim, verdict, _ in found.accepted} >= {
        ("forced", "proved"), ("forced", "refuted"), ("mask-written-on-change", "proved"), ("value-stays", "refuted"),
        ("alike", "refuted"), ("guest-gets-to-run", "proved"), ("never-asked", "vacuous"),
        ("merging-is-forcing", "proved"), ("merging-is-always-forcing", "refuted"),
    }  # fmt: skip
    assert len(found.accepted) == len(answers)


@pytest.mark.parametrize("name", ["cvc5", "bitwuzla"])
def test_other_solvers_accept_the_same_files(written: Path, name: str) -> None:
    """cvc5 and Bitwuzla answer every query as Z3 does."""
    pytest.importorskip(name)
    found = checked(written, name)

    assert (found.wrong, found.open) == ([], [])
    assert found.queries == checked(written).queries


def test_a_program_on_the_path_may_be_the_solver(written: Path, tmp_path: Path) -> None:
    """Whatever reads a file and prints sat or unsat."""
    program = tmp_path / "mysolver"
    python = f"#!{sys.executable}\nimport sys\nfrom specproof.solver import Solver\nprint(Solver().ask_text(open(sys.argv[1]).read()))\n"
    program.write_text(python.replace("import sys\n", f"import sys\nsys.path.insert(0, {os.getcwd()!r})\n", 1))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    one = next(path for path in sorted(written.rglob("*.smt2")) if "lemmas" in path.parts).read_text()

    assert solver(str(program)).ask(one) == "unsat"
    assert solver(str(program)).ask(one.replace("(assert (not", "(assert (or true")) == "sat"


def test_a_solver_that_does_not_know_leaves_the_claim_open(written: Path) -> None:
    """An answer other than sat or unsat is neither accepted nor called wrong."""
    found = verify(written, lambda text: "unknown (tired)")

    assert found.wrong == []
    assert not [key for key in found.accepted if key[3] != "refuted"]
    assert any("the solver says unknown (tired)" in text for text in found.open)


def test_verifying_loads_neither_models_nor_what_finds_proofs(written: Path) -> None:
    """Only the rule, the interpreter, the front end's terms and a solver are in memory afterwards."""
    script = (
        "import sys\nfrom specproof.cli import main\n"
        f"assert main(['verify', {str(written)!r}]) == 0\n"
        "print('\\n'.join(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    ours = {name for name in loaded if name.startswith("specproof")}

    assert not loaded & {"numpy", "sympy", "pysat", "cvc5", "bitwuzla"}
    assert not {name for name in ours if name.split(".")[1:2] in (["models"], ["proofs"])}
    assert not ours & {
        f"specproof.{name}"
        for name in ("slice", "explore", "lemmas", "vocabulary", "query", "lift", "certify", "product", "fallback", "decide", "trace", "load", "jobs")
    }


def test_a_changed_byte_is_found_and_its_file_named(folder: Path) -> None:
    """In every file of the folder, one at a time."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            before = path.read_bytes()
            path.write_bytes(before.replace(b"0", b"1", 1) if b"0" in before else before + b";")
            name = path.relative_to(folder).as_posix()
            complaints: list[str] = []
            from specproof.trust.files import damages, manifest

            complaints += damages(folder, manifest(folder)["files"])
            assert complaints == [f"{name}: was changed"]
            path.write_bytes(before)


def test_truncated_missing_and_additional_files_are_found_and_named(folder: Path) -> None:
    """Each with what is wrong with it."""
    truncated, missing, extra = "mine/virtualized/certificate.json", "mine/emulated/model.txt", "mine/emulated/note.txt"
    (folder / truncated).write_bytes((folder / truncated).read_bytes()[:100])
    (folder / missing).unlink()
    (folder / extra).write_text("")
    wrong = checked(folder).wrong

    assert any(text.startswith(f"{truncated}: is truncated, 100 bytes of") for text in wrong)
    assert f"{missing}: is missing" in wrong
    assert f"{extra}: is not in the manifest" in wrong


def test_a_manifest_that_was_edited_says_so(folder: Path) -> None:
    """Its own hash does not fit any more."""
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"verdict": "refuted"', '"verdict": "proved"', 1))

    with pytest.raises(InputError, match="was changed after it was written"):
        checked(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": "specproof manifest 1"}', "\0", "[" * 100_000, "NaN"])
def test_a_manifest_that_is_none_says_so(folder: Path, content: str) -> None:
    """Whatever stands there."""
    (folder / MANIFEST).write_text(content)
    outcome = CliRunner().invoke(command, [str(folder)])

    assert isinstance(outcome.exception, InputError)


def test_no_file_outside_the_folder_is_read(folder: Path) -> None:
    """A manifest with a path that leads out is refused."""
    from specproof.trust.files import _own

    said = load(folder / MANIFEST)
    said.pop("sha256")
    said["files"]["../../secret"] = {"sha256": "", "bytes": 0}
    (folder / MANIFEST).write_text(json.dumps({**said, "sha256": _own(said)}))

    with pytest.raises(InputError, match="list of files is not well formed"):
        checked(folder)


def edited(folder: Path, name: str, change: Callable[[Any], None]) -> Verified:
    """What is found after a change of a certificate by somebody who fixes the hashes."""
    path = folder / name
    data = load(path)
    change(data)
    path.write_text(json.dumps(data))
    resealed(folder)
    return checked(folder)


def test_a_changed_lemma_is_found_even_where_all_hashes_fit(folder: Path) -> None:
    """The queries are generated again, and are not what the files say."""

    def weaken(data: Any) -> None:
        data["nodes"].append(["const", 0, [], True])
        data["lemmas"][0]["says"] = len(data["nodes"]) - 1

    before = len(checked(folder).accepted)
    found = edited(folder, "mine/virtualized/certificate.json", weaken)

    assert any("is not what the certificate's lemmas and claims ask for" in text for text in found.wrong)
    assert len(found.accepted) < before


def test_a_verdict_turned_round_is_found(folder: Path) -> None:
    """A refuted claim called proved has no queries, and one called refuted no run."""

    def turn(data: Any) -> None:
        for claim in data["claims"]:
            claim["verdict"] = {"proved": "refuted", "refuted": "proved"}.get(claim["verdict"], claim["verdict"])

    found = edited(folder, "broken/virtualized/certificate.json", turn)

    assert any("claims/value-stays/" in text and "is missing" in text for text in found.wrong)
    assert any("there is no run that shows its violation" in text for text in found.wrong)


def test_a_script_that_proves_something_else_is_found(folder: Path) -> None:
    """An obligation that became trivial is not the one that the rule asks for."""
    path = next(path for path in sorted(folder.rglob("*.smt2")) if "lemmas" in path.parts)
    path.write_text("(set-logic QF_BV)\n(assert false)\n(check-sat)\n")
    resealed(folder)

    assert f"{path.relative_to(folder).as_posix()}: is not what the certificate's lemmas and claims ask for" in checked(folder).wrong


def test_a_run_that_does_not_happen_is_found(folder: Path) -> None:
    """Each value of a run is computed again, and so is whether it shows what it should."""
    path = next(path for path in sorted(folder.rglob("*violation.json")) if "value-stays" in path.name)
    run = load(path)
    run["steps"][-1]["changed"] = dict.fromkeys(run["steps"][-1]["changed"], "0x1234")
    path.write_text(json.dumps(run))
    resealed(folder)
    name = path.relative_to(folder).as_posix()

    assert any(text.startswith(f"{name}: step") and "the run says 0x1234" in text for text in checked(folder).wrong)


def test_a_claim_whose_query_is_gone_is_not_accepted(folder: Path) -> None:
    """Hashes and all: the complaint alone is not enough, as somebody may count the accepted ones."""
    path = next(path for path in sorted((folder / "mine" / "virtualized" / "claims").rglob("*.smt2")))
    path.unlink()
    resealed(folder)
    found, claim = checked(folder), path.parent.name

    assert f"{path.relative_to(folder).as_posix()}: is missing, or cannot be read" in found.wrong
    assert ("mine", "virtualized", claim) not in {key[:3] for key in found.accepted}
    assert found.queries > 0


def test_a_text_of_the_model_that_is_gone_is_found(folder: Path) -> None:
    """Hashes and all."""
    (folder / "mine" / "emulated" / "model.txt").unlink()
    resealed(folder)

    assert checked(folder).wrong == ["mine/emulated/model.txt: is missing, or is not the text of the certificate"]


def test_a_run_of_another_claim_is_found(folder: Path) -> None:
    """Even where its steps show what they should."""
    path = next(path for path in sorted(folder.rglob("*violation.json")) if "value-stays" in path.name)
    path.write_text(json.dumps({**load(path), "claim": "forced"}))
    resealed(folder)

    assert f"{path.relative_to(folder).as_posix()}: is a run of forced" in checked(folder).wrong


@pytest.mark.parametrize(("claim", "shows"), [("guest-gets-to-run", "goal"), ("forced", "antecedent"), ("value-stays", "violation")])
def test_a_verdict_without_the_run_that_it_must_come_with_is_not_accepted(folder: Path, claim: str, shows: str) -> None:
    """Each kind of verdict has a run without which it says too little: that its goal, its antecedent, its violation happens."""
    name = "broken" if shows == "violation" else "mine"
    place = folder / name / "virtualized"
    for path in (place / "runs").glob(f"{claim}-*"):
        path.unlink()

    def forget(data: Any) -> None:
        for one in data["claims"]:
            if one["name"] == claim:
                one["runs"] = []

    found = edited(folder, f"{name}/virtualized/certificate.json", forget)

    assert any(f"{claim}: " in text and f"there is no run that shows its {shows}" in text for text in found.wrong)
    assert (name, "virtualized", claim) not in {key[:3] for key in found.accepted}


def test_a_run_that_shows_nothing_is_found(folder: Path) -> None:
    """A shorter run is not a violation."""
    path = next(path for path in sorted(folder.rglob("*violation.json")) if "value-stays" in path.name)
    run = load(path)
    run["steps"] = run["steps"][:-1]
    path.write_text(json.dumps(run))
    resealed(folder)

    assert any("does not end in what it should show" in text for text in checked(folder).wrong)


def test_a_claim_of_the_manifest_without_a_certificate_is_found(folder: Path) -> None:
    """A whole certificate that is gone, hashes and all."""
    shutil.rmtree(folder / "mine" / "virtualized")
    resealed(folder)

    assert f"{MANIFEST}: mine virtualized forced proved: no certificate says so" in checked(folder).wrong


def test_a_claim_that_is_true_of_anything_has_no_certificate(tmp_path: Path) -> None:
    """It is called vacuous, and not because what it speaks of never happens: no query may say that."""
    file = tmp_path / "empty.py"
    file.write_text(
        "from tests.designs import thin\nfrom specproof import implies, step\nmine = thin.thin.but('mine')\n"
        "@step('says-nothing')\n"
        "def says_nothing(a, b):\n    'Or-ing in and masking changes nothing.'\n"
        "    return implies(a.guest_runs, ((a.effective | b.effective) & a.effective) == a.effective)\n"
    )
    main(["check", str(file), "--claim", "says-nothing", "--config", "emulated", "--certificates", str(tmp_path / "out"), "--jobs", "1"])
    found = checked(tmp_path / "out")

    assert found.wrong == []
    assert found.accepted == []
    assert found.open == ["mine emulated says-nothing: vacuous: no certificate: says-nothing is true of any views whatever: it says nothing"]


def answered(folder: Path, answers: object) -> None:
    """The manifest again with these answers, and hashes that fit."""
    seal(folder, {"versions": load(folder / MANIFEST)["versions"], "answers": answers})


def test_a_claim_that_came_without_a_certificate_is_open_with_the_reason(folder: Path) -> None:
    """Neither wrong nor accepted, so that 'all certificates hold' is not said; whatever verdict the manifest gives it."""
    answers = load(folder / MANIFEST)["answers"]
    answered(folder, [*answers, {"design": "mine", "configuration": "", "claim": "hard", "verdict": "proved", "reason": "Spacer"}])
    found, outcome = checked(folder), CliRunner().invoke(command, [str(folder)], standalone_mode=False)

    assert found.open == ["mine hard: proved: no certificate: Spacer"]
    assert found.wrong == []
    assert not any("hard" in key for key in found.accepted)
    assert outcome.return_value == 3
    assert "all certificates hold" not in outcome.output


def test_an_answer_with_another_verdict_than_its_certificate_is_found(folder: Path) -> None:
    """Of each part of what it says: the design, the configuration, the claim, the verdict."""
    answers = load(folder / MANIFEST)["answers"]
    one = next(answer for answer in answers if answer["claim"] == "forced" and answer["verdict"] == "proved")
    for part, other in (("design", "broken"), ("configuration", "elsewhere"), ("claim", "alike"), ("verdict", "refuted")):
        answered(folder, [{**one, part: other}])
        said = " ".join({**one, part: other}.values())

        assert checked(folder).wrong == [f"{MANIFEST}: {said}: no certificate says so"]


@pytest.mark.parametrize("answers", [None, {}, ["forced proved"], [[]]])
def test_answers_that_are_none_are_refused(folder: Path, answers: object) -> None:
    """Rather than taken for no answers, of which nothing is wrong."""
    answered(folder, answers)

    with pytest.raises(InputError, match="list of answers is not well formed"):
        checked(folder)


def test_files_that_nothing_asks_for_are_named(folder: Path) -> None:
    """Even where the manifest lists them."""
    (folder / "mine" / "virtualized" / "lemmas" / "99-initially.smt2").write_text("(check-sat)\n")
    resealed(folder)

    assert any(text.endswith("99-initially.smt2: belongs to no lemma and to no claim") for text in checked(folder).wrong)


def test_a_folder_that_is_not_empty_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that somebody has there is overwritten."""
    (tmp_path / "note").write_text("mine")

    assert main(["check", str(CLAIMS), "--certificates", str(tmp_path)]) == 2
    assert "certificates are written into an empty folder" in capsys.readouterr().err


def test_an_unwritable_folder_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason that the system gives."""
    assert main(["check", str(CLAIMS), "--certificates", "/proc/nowhere"]) == 2
    assert "/proc/nowhere: cannot be written" in capsys.readouterr().err


def test_the_command_says_what_it_did(written: Path, folder: Path) -> None:
    """A line for each claim, a line of counts, and an exit code."""
    good = CliRunner().invoke(command, [str(written)], standalone_mode=False)
    (folder / "mine" / "virtualized" / "model.txt").unlink()
    bad = CliRunner().invoke(command, [str(folder)], standalone_mode=False)

    assert good.return_value == 0
    assert "all certificates hold: " in good.output
    assert bad.return_value == 1
    assert "WRONG    mine/virtualized/model.txt: is missing" in bad.output


def test_an_unknown_solver_is_named(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest known one."""
    assert main(["verify", str(written), "--solver", "cvc4"]) == 2
    assert "there is no solver and no program 'cvc4'; did you mean 'cvc5'?" in capsys.readouterr().err


def test_two_runs_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    """Certificates have no dates, and do not depend on the number of workers."""
    with suppress(SystemExit):
        main(["check", str(CLAIMS), "--certificates", str(tmp_path / "again"), "--jobs", "2"])
    names = sorted(path.relative_to(written) for path in written.rglob("*"))

    assert names == sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*"))
    assert all((written / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names if (written / name).is_file())


def test_what_no_action_reports_is_nothing() -> None:
    """Observed leaves that are cleared are 0, or false, in every query."""
    assert zero(8) is word(0, 8)
    assert zero(0) is FALSE


def test_what_was_decided_apart_is_in_one_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two proofs, each with lemmas of its own."""
    assert main(["check", str(CLAIMS.with_name("two.py")), "--certificates", str(tmp_path / "proof"), "--no-cache", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "proof")]) == 0
    assert "2 proved" in capsys.readouterr().out
    assert len(list((tmp_path / "proof" / "two" / "all" / "lemmas").glob("*-@initially.smt2"))) == 2


SIDES = """
from specproof import U64, Bool, Design, State, field, frozen, relation


class One(State):
    word: U64 = field("a word")
    fast: Bool = frozen("how it is done")


one = Design("one", One, doc="the same twice")


@one.initial
def start(s: One) -> Bool:
    return s.word == 0


@one.action(by="anybody")
def write(s: One, value: U64) -> One:
    return s.replace(word=value)


one.views |= {"word": lambda s: s.word}
one.setting("fast", lambda s: s.fast)
one.setting("slow", lambda s: ~s.fast)
one.configure("fast", "slow")


@relation("anything", left="fast", right="slow")
def anything(a, b) -> Bool:
    \"\"\"True of any views.\"\"\"
    return (a.word == b.word) | (a.word != b.word)


@relation("same", left="fast", right="slow")
def same(a, b) -> Bool:
    \"\"\"The same on both sides.\"\"\"
    return a.word == b.word
"""


def test_a_relation_without_a_certificate_leaves_the_others_theirs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a folder of its own, also the one of which there is nothing to write."""
    file = tmp_path / "one.py"
    file.write_text(SIDES, encoding="utf-8")
    main(["check", str(file), "--certificates", str(tmp_path / "proof"), "--no-cache", "--quiet"])
    capsys.readouterr()
    main(["verify", str(tmp_path / "proof")])
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert "proved   one fast~slow  same" in said
