"""The C program of a run: what it says, and that it compiles against the selftests of Debian's kernel source."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from specproof.cli import main

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
PACKAGE = "linux-source-6.12"

#: Runs of kvm-rfc-v2 that between them use KVM_SET_NESTED_STATE, L1, L2, lists, migration and the virtual MSRs.
RUNS = [("enforcement", "virtualized"), ("virtual-msr-access", "virtualized"), ("no-redundant-write", "virtualized"),
        ("nested-continuity", "emulated"), ("msr-list", "emulated"), ("migration", "emulated")]  # fmt: skip


def emitted(capsys: pytest.CaptureFixture[str], claim: str, configuration: str) -> str:
    main(["explain", "kvm-rfc-v2", claim, "--config", configuration, "--emit", "selftest", "--jobs", "1"])
    return capsys.readouterr().out


def test_it_says_what_to_expect_and_what_cannot_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps as comments, the observation that is right and that of the defect, and that the effective value is none."""
    text = emitted(capsys, "enforcement", "virtualized")

    assert "Step 6, L2: l2_wrmsr (value = 0)." in text
    assert "NOT OBSERVABLE: the effective value, 0x0 with the defect and 0x" in text
    assert "/* Expected: 0x0. Both designs show this. */" in text
    assert "as in every run" not in text and "ipi_virt" not in text
    assert "TEST_ASSERT(!set_nested_state(vcpu, image, false)" in text
    assert "Nothing that user space or guest code can observe tells the defect from the right design." in text


def test_userspace_reads_after_an_exit(capsys: pytest.CaptureFixture[str]) -> None:
    """L2's last write, of 0, is what KVM_GET_MSRS returns, though the model's run ends while L2 runs and KVM's copy is old."""
    text = emitted(capsys, "enforcement", "virtualized")

    assert "/* Expected: 0x0. Both designs show this. */" in text.split("/* What userspace reads. */")[1]


def test_vmx_operation_without_l2(capsys: pytest.CaptureFixture[str]) -> None:
    """KVM_SET_NESTED_STATE with a VMXON region alone needs no image of L2, and L1 then prepares its VMCS before it enters L2."""
    text = emitted(capsys, "msr-list", "emulated")

    assert "TEST_ASSERT(!enter_vmx_operation(vcpu, vmxon_gpa)" in text
    assert "vcpu, image" not in text.split("int main")[1]
    l1 = text.split("static void l1_code")[1].split("\n}\n")[0]
    assert l1.index("prepare_l2(vmx);") < l1.index("enter_l2(entries);")


def test_after_a_step_that_is_not_driven_nothing_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """Such a program reports what it sees and cannot fail."""
    text = emitted(capsys, "migration", "emulated")

    assert "NOT DRIVEN: step 6, l2_entry_fails" in text
    assert "Not judged, since a step above is not driven." in " ".join(text.split()).replace(" * ", " ")
    assert "failed = 1" not in text


def test_an_observation_that_differs_fails_the_test(capsys: pytest.CaptureFixture[str]) -> None:
    """Where RDMSR or KVM_GET_MSRS shows the defect, the program exits with a failure and says that it is the defect."""
    text = emitted(capsys, "transparency", "emulated")

    assert "With the defect: 0x" in text
    assert 'which is the defect' in text
    assert "Nothing that user space" not in text


def test_other_designs_have_no_selftest(capsys: pytest.CaptureFixture[str]) -> None:
    """A design without KVM's actions is told what to use instead."""
    assert main(["explain", f"{FILE}:broken", "forced", "--emit", "selftest", "--jobs", "1"]) == 2
    assert "has none of its actions; use --emit pytest" in capsys.readouterr().err


@pytest.fixture(scope="session")
def selftests(pytestconfig: pytest.Config) -> Path:
    """The selftests' folder, from Debian's package; kept in pytest's cache."""
    for tool in ("gcc", "apt-get", "dpkg-deb", "tar", "make", "xz"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(PACKAGE)
    root = folder / PACKAGE
    kvm = root / "tools" / "testing" / "selftests" / "kvm"
    if not (root / "usr" / "include" / "linux" / "kvm.h").exists():
        environment = {**os.environ, "LC_ALL": "C"}

        def run(*arguments: str, where: Path = folder) -> None:
            done = subprocess.run(arguments, cwd=where, env=environment, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{PACKAGE} cannot be had: {arguments[0]}: {(done.stderr or done.stdout).strip()[-200:]}")

        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", PACKAGE)
        (package,) = folder.glob(f"{PACKAGE}_*.deb")
        run("dpkg-deb", "-x", str(package), "unpacked")
        package.unlink()
        parts = ["tools", "arch/x86", "include", "scripts", "Makefile", "Kbuild", "Kconfig"]
        run("tar", "-xJf", f"unpacked/usr/src/{PACKAGE}.tar.xz", *(f"{PACKAGE}/{part}" for part in parts))
        shutil.rmtree(folder / "unpacked")
        run("make", "-s", "headers", "ARCH=x86", where=root)
    return kvm


FLAGS = [
    "-Wall", "-Werror", "-Wstrict-prototypes", "-Wuninitialized", "-O2", "-std=gnu99", "-DCONFIG_64BIT", "-U_FORTIFY_SOURCE", "-D_GNU_SOURCE=",
    "-fno-builtin-memcmp", "-fno-builtin-memcpy", "-fno-builtin-memset", "-fno-builtin-strnlen", "-fno-stack-protector", "-fno-PIE",
    "-fno-strict-aliasing", "-march=x86-64-v2", "-I../../../include", "-I../../../arch/x86/include", "-I../../../../usr/include", "-Iinclude",
    "-Ix86_64", "-Iinclude/x86_64", "-I../rseq", "-I..",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "configuration"), RUNS)
def test_it_compiles(capsys: pytest.CaptureFixture[str], tmp_path: Path, selftests: Path, claim: str, configuration: str) -> None:
    """With the flags of the selftests' own Makefile, and warnings as errors."""
    (tmp_path / "run.c").write_text(emitted(capsys, claim, configuration))

    command = ["gcc", *FLAGS, "-c", str(tmp_path / "run.c"), "-o", str(tmp_path / "run.o")]
    done = subprocess.run(command, cwd=selftests, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
