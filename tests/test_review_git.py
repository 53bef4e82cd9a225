"""Reviews of one design file at two revisions, with a repository made for the purpose."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.review_tools import SEED, run

GOOD = Path(SEED).read_text(encoding="utf-8").split("\n\ndef not_forced(")[0] + "\n"
BAD = GOOD.replace("    return s.shadow | mask\n", "    return s.cur\n")
CLAIMS = ["--claim", "enforcement", "--claim", "transparency"]


def git(folder: Path, *arguments: str) -> None:
    """git, with a name to commit under."""
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits: the design is good, then it does not force any more; the test runs in the repository."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "designs").mkdir()
    for text, message in ((GOOD, "good"), (BAD, "bad")):
        (tmp_path / "designs" / "design.py").write_text(text, encoding="utf-8")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", message)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_revisions(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """BASE..HEAD compares two commits, whatever the working tree holds."""
    (repository / "designs" / "design.py").write_text("nonsense(", encoding="utf-8")

    found = run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS)

    out = capsys.readouterr().out
    assert found == 1
    assert "seed@HEAD~1 -> seed@HEAD: do not take it as it is: it loses protection. Asked only: enforcement" in " ".join(out.split())


def test_the_working_tree(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """BASE.. compares with the working tree."""
    (repository / "designs" / "design.py").write_text(GOOD, encoding="utf-8")

    found = run("review", "--git", "HEAD..", "designs/design.py", *CLAIMS)

    assert found == 0
    said = "seed@HEAD -> seed@working tree: nothing is lost, and protection is gained."
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_design_that_a_file_has_no_longer_is_said(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are reviewed; that one is gone, or has another name, must not go unsaid. Who names a design asks of that one."""
    file = repository / "designs" / "design.py"
    file.write_text(GOOD + '\n\nother = seed.but("other")\n', encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "two")
    file.write_text(GOOD, encoding="utf-8")

    assert run("review", "--git", "HEAD..", "designs/design.py", *CLAIMS) == 0
    assert "Less is asked of it than of seed@HEAD: designs/design.py has no other any more." in " ".join(capsys.readouterr().out.split())
    assert run("review", "--git", "HEAD..", "designs/design.py:seed", *CLAIMS) == 0
    assert "any more" not in capsys.readouterr().out


def test_a_file_that_was_moved(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On either side it has the name that it had there, whichever of the two is given."""
    git(repository, "mv", "designs/design.py", "moved.py")
    git(repository, "commit", "-q", "-m", "moved")

    for name in ("moved.py", "designs/design.py"):
        assert run("review", "--git", "HEAD~2..HEAD", name, *CLAIMS) == 1
        assert "seed@HEAD~2 -> seed@HEAD: do not take it" in " ".join(capsys.readouterr().out.split())


def test_a_shipped_design_has_no_revisions(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what is expected instead of its name."""
    assert run("review", "--git", "HEAD..", "kvm-reference") == 2
    assert "--git takes a design file, not kvm-reference" in capsys.readouterr().err


def test_from_a_folder_below(repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The path is relative to the current folder, as everywhere."""
    monkeypatch.chdir(repository / "designs")

    assert run("review", "--git", "HEAD~1..HEAD", "design.py", *CLAIMS) == 1


@pytest.mark.parametrize("on_the_path", [False, True])
def test_files_beside_the_design_are_of_the_same_revision(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on_the_path: bool
) -> None:
    """What a design imports from beside it is as old as the design, and the two sides do not mix, though Python finds its folder."""
    designs = repository / "designs"
    if on_the_path:
        monkeypatch.syspath_prepend(str(designs))
    (designs / "parts.py").write_text("def forced(s, mask):\n    return s.shadow | mask\n", encoding="utf-8")
    top = "from parts import forced as _forced\n"
    text = top + GOOD.replace("    return s.shadow | mask\n", "    return _forced(s, mask)\n")
    (designs / "design.py").write_text(text, encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "a helper beside it")
    (designs / "parts.py").write_text("def forced(s, mask):\n    return s.cur\n", encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "the helper is broken")

    found = run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS)

    assert found == 1
    assert "it loses protection" in capsys.readouterr().out


def test_names_that_are_not_utf_8(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are bytes as git has them: a file beside the design, a file that was moved, and the folder of the design."""
    folder = repository / os.fsdecode(b"\xff")
    (repository / "designs" / os.fsdecode(b"\xff.txt")).write_text("text\n", encoding="utf-8")
    (repository / "designs" / os.fsdecode(b"\xff.py")).write_text("x = 1\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "odd names")
    git(repository, "mv", "designs", folder.name)
    git(repository, "commit", "-q", "-m", "an odd folder")

    assert run("review", "--git", "HEAD~2..HEAD~1", "designs/design.py", *CLAIMS) == 0
    assert run("review", "--git", "HEAD~3..HEAD", f"{folder.name}/design.py", *CLAIMS) == 1
    assert "seed@HEAD~3 -> seed@HEAD: do not take it" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("linked", [False, True])
def test_in_a_hook(repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], linked: bool) -> None:
    """The repository is that of the file, in a linked worktree too, whatever git tells its hooks of the one that it runs for."""
    folder = repository
    if linked:
        folder = repository / "linked"
        git(repository, "worktree", "add", "-q", str(folder))
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-commit").write_text('#!/bin/sh\nenv | grep ^GIT_ > "$SEEN"\n', encoding="utf-8")
    (hooks / "pre-commit").chmod(0o755)
    seen = repository / "seen"
    monkeypatch.setenv("SEEN", str(seen))
    (folder / "designs" / "design.py").write_text(GOOD, encoding="utf-8")
    git(folder, "commit", "-q", "-m", "good again", "designs/design.py")
    for line in seen.read_text(encoding="utf-8").splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("GIT_DIR", os.environ.get("GIT_DIR", ".git"))
    monkeypatch.chdir(folder)

    assert "GIT_INDEX_FILE" in os.environ
    assert run("review", "--git", "HEAD~1..", "designs/design.py", *CLAIMS) == 0
    assert "seed@HEAD~1 -> seed@working tree: nothing is lost" in " ".join(capsys.readouterr().out.split())


def test_folders_and_submodules_that_are_named_as_files_are(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are no Python files, and none is the design."""
    designs = repository / "designs"
    (designs / "folder.py").mkdir()
    (designs / "folder.py" / "text.txt").write_text("text\n", encoding="utf-8")
    (designs / "module.py").mkdir()
    git(designs / "module.py", "init", "-q")
    git(designs / "module.py", "commit", "-q", "--allow-empty", "-m", "empty")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "odd names")

    assert run("review", "--git", "HEAD~2..HEAD", "designs/design.py", *CLAIMS) == 1
    assert "seed@HEAD~2 -> seed@HEAD: do not take it" in " ".join(capsys.readouterr().out.split())
    assert run("review", "--git", "HEAD..HEAD", "designs/folder.py") == 2
    assert "designs/folder.py does not exist at HEAD" in capsys.readouterr().err


@pytest.mark.parametrize("head", ["HEAD", ""])
@pytest.mark.parametrize(
    ("beside", "folder"),
    [("pkg/helper.py", "designs"), ("pkg/__init__.py pkg/helper.py", ""), ("pkg/__init__.py pkg/helper/__init__.py", "designs")],
)
def test_a_package_beside_the_design(repository: Path, capsys: pytest.CaptureFixture[str], beside: str, folder: str, head: str) -> None:
    """What a design imports from a package beside it is as old as the design, and the two sides do not mix."""
    *others, helper = [repository / folder / file for file in beside.split()]
    helper.parent.mkdir(parents=True)
    for other in others:
        other.write_text("", encoding="utf-8")
    design = repository / folder / "design.py"
    top = "from pkg.helper import forced as _forced\n"
    design.write_text(top + GOOD.replace("    return s.shadow | mask\n", "    return _forced(s, mask)\n"), encoding="utf-8")
    for text in ("s.shadow | mask", "s.cur"):
        helper.write_text(f"def forced(s, mask):\n    return {text}\n", encoding="utf-8")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", text)

    assert run("review", "--git", f"HEAD~1..{head}", str(design.relative_to(repository)), *CLAIMS) == 1
    assert "it loses protection" in capsys.readouterr().out


@pytest.mark.parametrize("link", ["real/../parts_of.txt", "../common.py", "other.py"])
def test_a_symbolic_link_beside_the_design(repository: Path, capsys: pytest.CaptureFixture[str], link: str) -> None:
    """It is what it leads to at that revision: in the folder or out of it, whatever that is called, and over another link."""
    designs = repository / "designs"
    (designs / "real").mkdir()
    (designs / "real" / "text.txt").write_text("text\n", encoding="utf-8")
    (designs / "parts.py").symlink_to(link)
    (designs / "other.py").symlink_to("parts_of.txt")
    design = "from parts import forced as _forced\n" + GOOD.replace("s.shadow | mask\n", "_forced(s, mask)\n")
    (designs / "design.py").write_text(design, encoding="utf-8")
    for text in ("s.shadow | mask", "s.cur"):
        for file in (designs / "parts_of.txt", repository / "common.py"):
            file.write_text(f"def forced(s, mask):\n    return {text}\n", encoding="utf-8")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", text)

    assert run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS) == 1
    assert "it loses protection" in capsys.readouterr().out


@pytest.mark.parametrize("link", ["/outside.py", "../../outside.py", "nothing.py", "parts.py", ".", "module"])
def test_a_symbolic_link_that_leads_to_no_file(repository: Path, capsys: pytest.CaptureFixture[str], link: str) -> None:
    """That is said where the design imports it, and stops no design that does not."""
    designs = repository / "designs"
    (designs / "module").mkdir()
    git(designs / "module", "init", "-q")
    git(designs / "module", "commit", "-q", "--allow-empty", "-m", "empty")
    (designs / "parts.py").symlink_to(link)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "a link")
    (designs / "design.py").write_text("import parts\n" + GOOD, encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "it is imported")

    assert run("review", "--git", "HEAD~2..HEAD~1", "designs/design.py", *CLAIMS) == 0
    assert run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS) == 2
    said = f"designs/parts.py is a symbolic link to {link}, which is no file of this revision"
    assert capsys.readouterr().err == f"specproof: HEAD:designs/design.py:1: this file does not import: ImportError: {said}\n"


def test_an_object_that_is_not_there(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged repository gives a message that says which file is missing."""
    key = subprocess.run(["git", "rev-parse", "HEAD~1:designs/design.py"], cwd=repository, check=True, capture_output=True).stdout.decode().strip()
    (repository / ".git" / "objects" / key[:2] / key[2:]).unlink()

    assert run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS) == 2
    assert f"this repository lacks the object {key}, which is designs/design.py; fetch it" in capsys.readouterr().err


def test_sarif_names_the_file_of_the_repository(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No path of a temporary folder gets into a report."""
    run("review", "--git", "HEAD~1..HEAD", "designs/design.py", "--format", "sarif", *CLAIMS)

    out = capsys.readouterr().out
    assert '"uri": "designs/design.py"' in out
    assert "/tmp" not in out.replace(str(repository), "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("HEAD~1..HEAD", "designs/other.py"), "designs/other.py does not exist at HEAD~1, so there is nothing to compare; 'specproof check FILE"),
        (("nothing..HEAD", "designs/design.py"), "this repository has no revision 'nothing'"),
        (("HEAD~1...HEAD", "designs/design.py"), "three dots stand for a merge base; write BASE..HEAD"),
        (("--output=x..HEAD", "designs/design.py"), "this repository has no revision '--output=x'"),
        (("HEAD~1..HEAD", "designs/design.py:sed"), "no design 'sed' is in both revisions; known: seed"),
    ],
)
def test_bad_revisions(repository: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One message, exit code 2, no traceback."""
    assert run("review", "--git", *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", "designs/design.py:1: this file does not import: '(' was never closed"),
        ("import parts\n", "designs/parts.py:2: this file does not import"),
        ("x = 1\n", "designs/design.py: no design in this file"),
    ],
)
@pytest.mark.parametrize("revisions", ["HEAD~1..HEAD", "HEAD..HEAD~1", "HEAD..", "..HEAD"])
def test_a_file_that_does_not_load_at_a_revision(
    repository: Path, capsys: pytest.CaptureFixture[str], text: str, said: str, revisions: str
) -> None:
    """The message names the file at the revision, as git does: the file of the working tree is fine."""
    (repository / "designs" / "design.py").write_text(text, encoding="utf-8")
    (repository / "designs" / "parts.py").write_text("\nx = (\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "broken")
    (repository / "designs" / "design.py").write_text(GOOD, encoding="utf-8")

    assert run("review", "--git", revisions, "designs/design.py") == 2
    assert capsys.readouterr().err.startswith(f"specproof: HEAD:{said}")


def test_a_design_that_is_wrong_at_a_revision(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is told of the file as git names it, not of a copy that is gone."""
    (repository / "designs" / "design.py").write_text(GOOD.replace("s.shadow", "s.shadwo"), encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "wrong")

    assert run("review", "--git", "HEAD~1..HEAD", "designs/design.py", *CLAIMS) == 2
    error = capsys.readouterr().err
    assert error.startswith("specproof: HEAD:designs/design.py:")
    assert "did you mean 'shadow'?" in error
    assert "specproof-" not in error


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """git says that there is no repository, and nothing else happens."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "design.py").write_text(GOOD, encoding="utf-8")

    assert run("review", "--git", "HEAD..", "design.py") == 2
    assert "not a git repository" in capsys.readouterr().err


def test_what_git_says_is_to_be_done_is_said(repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a repository of somebody else's its first line alone does not help."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    assert run("review", "--git", "HEAD..", "designs/design.py") == 2
    assert "dubious ownership" in (said := capsys.readouterr().err)
    assert "git config --global --add safe.directory" in said and said.count("\n") == 1
