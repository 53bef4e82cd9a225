"""The kernel that the models of KVM transcribe: what they cite is there, and what they rest on is still in that order.

Needs the source of Linux 6.12, which does not come with specproof: SPECPROOF_LINUX names a tree, or Debian's package
linux-source-6.12 is installed, or SPECPROOF_FETCH=1 lets apt-get download that package. Skipped without.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import tarfile
from functools import cache
from pathlib import Path

import pytest

from specproof.load import library

PACKAGE = "linux-source-6.12"
WANTED = re.compile(r"/(arch/x86/(kvm|entry|xen|power|kernel)|virt/kvm)/.*\.[chS]$")

#: Names of the models that are no function's: a case of one, a part of one, what the processor does.
OURS = {
    "has_control", "vmcs_write", "wrmsr_in_guest", "rdmsr_in_guest", "vmx_vcpu_run", "save_guest_spec_ctrl", "vm_exits", "vm_enters",
    "vmx_get_msr_spec_ctrl", "vmx_set_msr_spec_ctrl", "vmx_get_msr_mitigation_ctrl", "vmx_set_msr_mitigation_ctrl", "vmx_set_msr_mitigation_enum",
    "other_vcpu_set_msr", "nested_vmx_enter_from_vmentry", "knows_v_spec_ctrl", "closed", "restore_guest_spec_ctrl", "restore_host_spec_ctrl",
}  # fmt: skip

#: Later than 6.12, or nobody's yet.
NOT_IN_6_12 = {"vmx_recalc_msr_intercepts", "vmx_vcpu_ioctl_force_spec_ctrl"}

#: What the models rest on: in a file a function, and in its body these in this order; a text after "not " is nowhere in it.
RESTS_ON = {
    "the value is tested, stored, and a nonzero one opens the register": (
        "vmx/vmx.c", "vmx_set_msr",
        ("case MSR_IA32_SPEC_CTRL:", "guest_has_spec_ctrl_msr(", "kvm_spec_ctrl_test_value(data)", "vmx->spec_ctrl = data", "if (!data)",
         "vmx_disable_intercept_for_msr(vcpu,", "MSR_TYPE_RW", "case MSR_IA32_TSX_CTRL:"),
    ),
    "intercepts are changed in vmcs01's bitmap, whatever is loaded": (
        "vmx/vmx.c", "vmx_disable_intercept_for_msr", ("vmx->vmcs01.msr_bitmap", "not loaded_vmcs->msr_bitmap"),
    ),
    "whether a write exits is asked of the VMCS that is loaded": ("vmx/vmx.c", "msr_write_intercepted", ("vmx->loaded_vmcs->msr_bitmap",)),
    "the register is read before the host's value is compared with the copy": (
        "vmx/vmx.c", "vmx_spec_ctrl_restore_host",
        ("VMX_RUN_SAVE_SPEC_CTRL", "vmx->spec_ctrl = __rdmsr(MSR_IA32_SPEC_CTRL)", "X86_FEATURE_KERNEL_IBRS", "vmx->spec_ctrl != hostval",
         "native_wrmsrl(MSR_IA32_SPEC_CTRL, hostval)"),
    ),
    "allocation names the members that it sets": (
        "vmx/vmx.c", "alloc_loaded_vmcs",
        ("vmcs_clear(loaded_vmcs->vmcs)", "loaded_vmcs->cpu = -1", "memset(loaded_vmcs->msr_bitmap, 0xff", "&loaded_vmcs->host_state",
         "&loaded_vmcs->controls_shadow", "not memset(loaded_vmcs,", "not sizeof(*loaded_vmcs)"),
    ),
    "VMXON allocates vmcs02": ("vmx/nested.c", "enter_vmx_operation", ("alloc_loaded_vmcs(&vmx->nested.vmcs02)",)),
    "VMXOFF frees vmcs02 and keeps the struct": ("vmx/nested.c", "free_nested", ("free_loaded_vmcs(&vmx->nested.vmcs02)", "not memset(")),
    "nested entry: switch, early fields, bitmaps, hardware check, late fields, list; failures go back by the switch alone": (
        "vmx/nested.c", "nested_vmx_enter_non_root_mode",
        ("vmx_switch_vmcs(vcpu, &vmx->nested.vmcs02)", "prepare_vmcs02_early(", "if (from_vmentry)", "nested_get_vmcs12_pages(vcpu)",
         "vmx_switch_vmcs(vcpu, &vmx->vmcs01)", "nested_vmx_check_vmentry_hw(vcpu)", "nested_vmx_check_guest_state(", "enter_guest_mode(vcpu)",
         "prepare_vmcs02(vcpu,", "if (from_vmentry)", "nested_vmx_load_msr(vcpu,", "KVM_REQ_GET_NESTED_STATE_PAGES", "vmentry_fail_vmexit:",
         "vmx_switch_vmcs(vcpu, &vmx->vmcs01)", "if (!from_vmentry)", "return NVMX_VMENTRY_VMEXIT", "load_vmcs12_host_state(",
         "not nested_vmx_vmexit("),
    ),
    "the hardware check runs vmcs02": ("vmx/nested.c", "nested_vmx_check_vmentry_hw", ("if (!nested_early_check)", "__vmx_vcpu_run(vmx,")),
    "nested exit: store list in vmcs02, switch, load list in vmcs01": (
        "vmx/nested.c", "nested_vmx_vmexit",
        ("if (vm_exit_reason != -1)", "prepare_vmcs12(", "vmx_switch_vmcs(vcpu, &vmx->vmcs01)", "load_vmcs12_host_state("),
    ),
    "the exit load list comes last in the host state": ("vmx/nested.c", "load_vmcs12_host_state", ("kvm_set_dr(", "nested_vmx_load_msr(",)),
    "no tertiary control is written for vmcs02": ("vmx/nested.c", "prepare_vmcs02_early", ("exec_controls_set(", "not tertiary_exec_controls_set(")),
    "an SMI in L2 is a nested exit without a store list": (
        "vmx/vmx.c", "vmx_enter_smm", ("nested_vmx_vmexit(vcpu, -1, 0, 0)", "nested.vmxon = false"),
    ),
    "RSM enters L2 and sets nested_run_pending afterwards": (
        "vmx/vmx.c", "vmx_leave_smm", ("nested_vmx_enter_non_root_mode(vcpu, false)", "nested_run_pending = 1"),
    ),
    "KVM_SET_NESTED_STATE: leave, allocate, the flag from userspace, enter": (
        "vmx/nested.c", "vmx_set_nested_state",
        ("vmx_leave_nested(vcpu)", "enter_vmx_operation(vcpu)", "KVM_STATE_NESTED_RUN_PENDING", "nested_vmx_enter_non_root_mode(vcpu, false)"),
    ),
    "a leave is a nested exit without a store list, then freeing": (
        "vmx/nested.c", "vmx_leave_nested", ("nested_vmx_vmexit(vcpu, -1, 0, 0)", "free_nested(vcpu)"),
    ),
    "the request for pages survives its failure": (
        "x86.c", "vcpu_enter_guest", ("kvm_check_request(KVM_REQ_GET_NESTED_STATE_PAGES", "kvm_make_request(KVM_REQ_GET_NESTED_STATE_PAGES", "r = 0"),
    ),
    "RESET and INIT clear the value": ("vmx/vmx.c", "vmx_vcpu_reset", ("if (!init_event)", "__vmx_vcpu_reset(", "vmx->spec_ctrl = 0")),
    "with legacy IBRS a context switch changes the copy and not the register": (
        "../kernel/cpu/bugs.c", "update_spec_ctrl_cond",
        ("this_cpu_write(x86_spec_ctrl_current, val)", "if (!cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS))", "wrmsrl(MSR_IA32_SPEC_CTRL, val)"),
    ),
    "a context switch changes SSBD and STIBP, and in that way": (
        "../kernel/process.c", "__speculation_ctrl_update", ("ssbd_tif_to_spec_ctrl(", "stibp_tif_to_spec_ctrl(", "update_spec_ctrl_cond(msr)"),
    ),
    "spectre_v2=ibrs sets legacy IBRS on processors with enhanced IBRS too": (
        "../kernel/cpu/bugs.c", "spectre_v2_select_mitigation",
        ("case SPECTRE_V2_IBRS:", "setup_force_cpu_cap(X86_FEATURE_KERNEL_IBRS)", "boot_cpu_has(X86_FEATURE_IBRS_ENHANCED)", "pr_warn("),
    ),
    "at entry 32 bits are compared and loaded": (
        "vmx/vmenter.S", "__vmx_vcpu_run",
        ("movl VMX_spec_ctrl(", "movl PER_CPU_VAR(x86_spec_ctrl_current)", "je .Lspec_ctrl_done", "xor %edx, %edx", "wrmsr", ".Lvmresume:",
         "call vmx_spec_ctrl_restore_host"),
    ),
    "SVM: a nested exit copies the value": ("svm/nested.c", "nested_svm_vmexit", ("nested_svm_copy_common_state(",)),
    "SVM: a forced leave does not": ("svm/nested.c", "svm_leave_nested", ("svm_switch_vmcb(svm, &svm->vmcb01)", "not nested_svm_copy_common_state(")),
    "a nested exit stores of CR4 what L2 owns, what L1 has, and what L2 was told": (
        "vmx/nested.c", "vmcs12_guest_cr4",
        ("vmcs_readl(GUEST_CR4) & vcpu->arch.cr4_guest_owned_bits", "vmcs12->guest_cr4 & vmcs12->cr4_guest_host_mask",
         "vmcs_readl(CR4_READ_SHADOW) & ~(vmcs12->cr4_guest_host_mask"),
    ),
    "SVM: another VMCB's load is a barrier, whatever the guest was told": (
        "svm/svm.c", "svm_vcpu_load", ("sd->current_vmcb != svm->vmcb", "indirect_branch_prediction_barrier()", "not guest_cpuid", "not guest_has_"),
    ),
    "SVM: a nested exit has no barrier in 6.12": ("svm/nested.c", "nested_svm_vmexit", ("not indirect_branch_prediction_barrier(",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel's tree, or the part of it that is cited."""
    if given := os.environ.get("SPECPROOF_LINUX"):
        return Path(given)
    packed = Path("/usr/src") / f"{PACKAGE}.tar.xz"
    folder = tmp_path_factory.mktemp("linux")
    if not packed.is_file() and os.environ.get("SPECPROOF_FETCH"):
        packed = _fetched(folder)
    if not packed.is_file():
        pytest.skip(f"the source of Linux 6.12 is not here: install Debian's {PACKAGE}, or set SPECPROOF_LINUX to a tree or SPECPROOF_FETCH=1")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, members=(one for one in archive if one.isfile() and WANTED.search(one.name)), filter="data")
    return next(path for path in folder.iterdir() if (path / "arch").is_dir())


def _fetched(folder: Path) -> Path:
    """Debian's package, downloaded and unpacked; where that fails, a path that is not there."""
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, capture_output=True, timeout=300)
        package = next(folder.glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "unpacked")], check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        pytest.skip(f"Debian's {PACKAGE} cannot be had: {error}")
    return folder / "unpacked" / "usr" / "src" / f"{PACKAGE}.tar.xz"


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def body(text: str, name: str) -> str:
    """The body of a function without comments, in C or between SYM_FUNC_START and SYM_FUNC_END."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    if f"SYM_FUNC_START({name})" in text:
        return text.split(f"SYM_FUNC_START({name})")[1].split(f"SYM_FUNC_END({name})")[0]
    found = re.search(rf"^[\w *]*\b{name}\([^;{{}}]*\)\n?\s*{{", text, re.MULTILINE)
    assert found, f"{name} is not there"
    return text[found.end() : text.index("\n}", found.end())]


def test_functions_that_actions_name_are_there(kernel: Path) -> None:
    """`source=` of every action that cites the kernel names a file of it and something in that file."""
    sources = {action.source for design in library().designs.values() for action in design.actions.values()}
    cited = [found for source in sources if (found := re.fullmatch(r"((?:arch/x86/(?:kvm|kernel|entry|xen|power)|virt)/[\w/]+\.[chS]):(.+)", source))]

    assert len(cited) > 30
    missing = [one[0] for one in cited if one[2] not in NOT_IN_6_12 and not re.search(rf"\b{re.escape(one[2])}\b", read(kernel / one[1]))]
    assert missing == []


def test_helpers_have_the_names_of_the_kernel(kernel: Path) -> None:
    """Each function of the models of 6.12 has the name of one in the file that its docstring cites, or is ours and said to be."""
    designs = library().designs
    wrong = []
    for name, folder in (("kvm-upstream", "vmx"), ("kvm-svm", "svm")):
        for helper, function in designs[name].functions.items():
            told = inspect.getdoc(getattr(function, "body", function)) or ""
            files = re.findall(r"[\w/]+\.[chS]\b", " ".join(re.findall(r"\[([^\]]*LNX[^\]]*)\]", told)))
            paths = [kernel / place / file for file in files for place in (f"arch/x86/kvm/{folder}", "arch/x86/kvm", "virt/kvm")]
            there = any(path.is_file() and re.search(rf"\b{helper}\b", read(path)) for path in paths)
            if there == (helper in OURS):
                wrong.append(f"{name}: {helper}")
    assert wrong == []


@pytest.mark.parametrize("fact", RESTS_ON)
def test_what_the_models_rest_on_is_there(kernel: Path, fact: str) -> None:
    """In this order, in that function."""
    file, function, texts = RESTS_ON[fact]
    code = body(read(kernel / "arch/x86/kvm" / file), function)

    place = 0
    for text in texts:
        if text.startswith("not "):
            assert text.removeprefix("not ") not in code, text
        else:
            place = code.find(text, place) + 1
            assert place, text
