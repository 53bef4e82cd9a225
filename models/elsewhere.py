"""What is asked elsewhere: for views that a design does not have, where the claims on them are asked instead.

A claim that a design cannot express is shown with a reason. Most reasons are the same for all systems but one or
two: the processor's own promises are asked of the processor, a swap that an NMI may interrupt where it is modelled
in steps. A design's own `lacks` comes first.

Sources: none; this says nothing about any system.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from specproof import Design


def _all(names: Iterable[str], reason: str) -> dict[str, str]:
    return dict.fromkeys(names, reason)


ELSEWHERE: Mapping[str, str] = {
    **_all(
        ("tried", "tried_read", "undisturbed", "entry_step", "exit_step", "failed_early", "failed_late", "loads_host", "stored", "reserved",
         "enumerated", "allows", "switches", "mask", "at_entry", "agreed"),
        "the processor's own promises are asked of intel and bochs",
    ),
    **_all(("kernel_runs", "user_runs"), "what the host's kernel runs with is asked of linux-host"),
    **_all(("in_nmi", "nmi_returned"), "NMIs between the steps of a switch are modelled in xen-pv"),
    **_all(("saved_window",), "a window between the exit and the save is modelled in xen-vmx"),
    **_all(("core_wanted", "core_bit"), "a bit that two threads share is modelled in xen-ssbd"),
    **_all(("virt_wanted",), "MSR_VIRT_SPEC_CTRL is modelled in xen-svm"),
    **_all(("bystander_reads",), "one vCPU is modelled; two that take turns on a CPU are in acrn and hedron"),
    **_all(("migrated", "image_refused", "toolstack_refused"), "saving and restoring by a toolstack is modelled in xen-vmx, xen-svm and xen-pv"),
    **_all(("chosen_value", "restore_refused"), "policies and ioctls are KVM's on VMX"),
    **_all(("cr4_reads", "cr4_wanted", "cr4_stored", "in_nested_guest", "nested_entered"), "CR4 is another register: asked of cr4"),
    **_all(("chosen_mask", "policy_refused"), "policies and ioctls are KVM's on VMX"),
    **_all(("did_init", "did_reset"), "INIT and RESET are modelled for KVM alone"),
    **_all(("reentered",), "the exit and the next entry are separate steps of this model"),
    **_all(("vcpus_apart", "barrier_offered"), "barriers for predictors are not modelled here"),
    **_all(
        ("touched_fields", "control_on"),
        "asked of xen-vmx and tdx-module, which once wrote fields that a processor may lack; KVM's helpers stand under a test of the capability",
    ),
    **_all(("has_msr", "offered"), "what the guest's CPUID says of the register is not modelled here"),
    **_all(("stale_at_exit", "wrong_at_entry"), "no write is skipped because of a copy of the register"),
    **_all(("host_chose",), "who changes the hypervisor's own value is asked of KVM; elsewhere it is constant, or not the hypervisor's to change"),
    **_all(("host_entered",), "which exit wrote the register is not modelled here"),
    **_all(("host_adds",), "bits that the host adds or forces are said to be required"),
    **_all(("host_illegal",), "the hypervisor's own writes are not modelled here, or are of values that it read back"),
    **_all(("exits_on_write", "l0_closed", "l1_closed"), "what L0 and L1 intercept is not kept apart in this model"),
    **_all(("operand", "locked"), "which of the guest's writes fault is asked of the other systems"),
    **_all(
        ("guest_read", "value_read", "by_l1", "by_l2", "by_userspace", "entering", "leaving", "list_entry", "merged", "merge_pending",
         "vmx_operation", "vmx_on", "in_smm", "smi", "rsm", "entry_failed", "changed_level", "return_failed", "list_loaded"),
        "who may act at which point of a nested transition is asked of KVM on VMX",
    ),
    **_all(("guest_wrote_enum", "userspace_wrote", "list_wrote", "vmx_off", "refused_bits"), "who may act at which point is asked of KVM on VMX"),
    **_all(("saved_effective", "saved_guest_value"), "what an exit copies is asked of KVM on VMX"),
    **_all(("copied",), "what is saved at an exit is the hypervisor's copy of the effective value; see I9"),
    **_all(
        ("shadow", "control", "mask_field", "other_shadow", "other_mask", "other_cache", "stale_cache", "needless_mask_write", "miswired",
         "virtualized", "intercepted"),
        "there is no VMCS in this design",
    ),
    **_all(("applied_mask", "derived_mask", "ctrl", "ctrl_refused", "policy_written", "guest_wrote_ctrl"), "nobody asks for bits to be forced here"),
    **_all(("host_has",), "nobody asks for bits to be forced here"),
    **_all(("in_l2",), "no guest's guest is modelled here"),
    **_all(
        ("effective_next", "guest_reads", "userspace_reads", "settled", "refused", "guest_wrote", "host_wants", "host_accepts", "required_mask",
         "required_value"),
        "there is no guest's value of IA32_SPEC_CTRL to follow in this design",
    ),
}  # fmt: skip


def say_where(design: Design[Any]) -> None:
    """The design gets a reason for every view of the above that it neither has nor explains itself."""
    design.lacks(**{name: reason for name, reason in ELSEWHERE.items() if name not in design.views and name not in design.lacking})
