"""The wheel: one top-level name, everything that is needed, and it works where nothing else of the project is."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(site: Path, *arguments: str) -> str:
    """The command as it is installed there, from a folder that is not the checkout."""
    command = [sys.executable, "-W", "error", "-m", "specproof", *arguments]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=120, env={"PATH": "", "PYTHONPATH": str(site)}, check=True)
    assert done.stderr == ""
    return done.stdout


def test_one_top_level_package(unpacked: Path) -> None:
    """site-packages gets `specproof` and nothing else."""
    assert [path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")] == ["specproof"]


@pytest.mark.parametrize("path", ["py.typed", "schema/check.json", "models/intel.py", "proofs/pinned/bit-vectors.toml", "proofs/hardware.py"])
def test_what_ships(unpacked: Path, path: str) -> None:
    """Models, proofs, the pinned table, the schema, the marker that it is typed."""
    assert (unpacked / "specproof" / path).is_file()


def test_every_design_is_found_where_it_is_installed(unpacked: Path) -> None:
    """The same designs and claims as in the checkout."""
    from specproof.load import library

    known = library()
    designs, claims = run(unpacked, "list", "designs"), run(unpacked, "list", "claims")

    assert [text.split()[0] for text in designs.splitlines() if not text.startswith(" ")] == list(known.designs)
    assert all(name in claims for name in known.claims)


def test_a_project_around_it_is_not_taken_for_ours(unpacked: Path) -> None:
    """Installed into the folder of another project, its `models/` are left alone."""
    (unpacked / "models").mkdir()
    (unpacked / "models" / "theirs.py").write_text("raise SystemExit('another project was imported')")
    (unpacked / "pyproject.toml").write_text("[project]\nname = 'theirs'\n")

    assert "theirs" not in run(unpacked, "list", "designs")


def test_the_source_distribution_has_all_that_its_tests_and_its_readme_need(tmp_path: Path) -> None:
    """Without bench/ a dozen files of tests cannot be imported, and without docs/ the README's links lead nowhere."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    files = (file for folder in ("bench", "docs", "tests") for file in (ROOT / folder).glob("*") if file.suffix in {".py", ".md"})
    wanted = {str(file.relative_to(ROOT)) for file in files}

    assert not wanted - there
