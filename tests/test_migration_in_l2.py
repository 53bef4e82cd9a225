"""A mask that changes under migration while L2 runs: the scenario is in the models, in every order of the ioctls."""

from __future__ import annotations

from itertools import permutations

import pytest

from specproof.load import library
from specproof.system import System, build
from specproof.trace import initial_state, take

IBRS, BOTH = 0x1, 0x440
RESTORES = ("restore_nested_state", "restore_spec_ctrl", "restore_mitigation_ctrl")

#: A vCPU on a host that can force nothing, and a guest that was told of both mitigations.
START = {
    "defined": BOTH | IBRS, "accepts": IBRS, "mitigation_enum": BOTH, "enumerates": 1, "vmcs01.spec_ctrl_virt": 1, "vmcs01.ipi_virt": 1,
    "vmcs01.intercepted": 1, "vmcs01.written": 1, "vmcs02.intercepted": 1,
}  # fmt: skip


def run(system: System, state: dict[str, int], *steps: tuple[str, dict[str, int]]) -> dict[str, int]:
    """The state after the steps, each of which must be possible."""
    for name, inputs in steps:
        after = take(system, state, name, inputs)
        assert after is not None, f"{name} is not possible"
        state = after
    return state


def migrated(system: System, virtualized: bool, order: tuple[str, ...]) -> dict[str, int]:
    """L2 runs and is migrated to a host that forces what the guest asked for long ago; ready for KVM_RUN."""
    state = initial_state(system, {**START, "virtualized": int(virtualized)})
    return run(
        system, state, ("vm_entry", {}), ("guest_wrmsr_mitigation_ctrl", {"data": 3}), ("vm_entry", {}), ("guest_wrmsr", {"value": IBRS}),
        ("handle_vmxon", {}), ("vm_entry", {}), ("nested_vmx_run", {}), ("nested_vmx_load_msr_ends", {}), ("vm_entry", {}), ("vm_exit", {}),
        ("migrate", {"accepts": BOTH | IBRS, "rrsba_ctrl": 1, "rrsba": 1, "bhi_ctrl": 1}), *((name, {}) for name in order),
    )  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(RESTORES)), ids=lambda order: ">".join(name.split("_", 1)[1] for name in order))
@pytest.mark.parametrize("configuration", ["virtualized", "emulated"])
@pytest.mark.parametrize("design", ["kvm-rfc-v2", "kvm-reference"])
def test_the_new_mask_reaches_l2_and_then_l1(design: str, configuration: str, order: tuple[str, ...]) -> None:
    """The destination's mask is not the source's; L2 cannot write past it, nor L1 after the exit, whichever ioctl came last."""
    system = build(library().design(design), configuration)
    state = migrated(system, configuration == "virtualized", order)

    assert state["guest_mode"]
    assert state["vmcs02.mask"] == (BOTH if configuration == "virtualized" else 0)
    state = run(system, state, ("vm_entry", {}), ("l2_wrmsr", {"value": 0}))
    assert (state["msr"], state["believed"]) == (BOTH, 0)
    state = run(system, state, ("nested_exit", {}), ("nested_vmx_load_msr_ends", {}), ("vm_entry", {}), ("guest_wrmsr", {"value": IBRS}))
    assert (state["msr"], state["believed"]) == (BOTH | IBRS, IBRS)


@pytest.mark.parametrize("order", list(permutations(RESTORES)), ids=lambda order: ">".join(name.split("_", 1)[1] for name in order))
def test_rfc_v3_protects_neither_level_there(order: tuple[str, ...]) -> None:
    """Where MITIGATION_CTRL comes last, as QEMU has it, L2's mask field stays as it was; L1's does in any order."""
    system = build(library().design("kvm-rfc-v3"), "virtualized")
    state = migrated(system, True, order)
    late = order.index("restore_mitigation_ctrl") > order.index("restore_nested_state")

    assert (state["force_mask"], state["vmcs01.mask"], state["vmcs02.mask"]) == (BOTH, 0, 0 if late else BOTH)
    state = run(system, state, ("vm_entry", {}), ("l2_wrmsr", {"value": 0}))
    assert state["msr"] == (0 if late else BOTH)
