"""What each action of KVM's is in C: an ioctl of the host's, or code of L1 or L2."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from specproof.story.emit_steps import Emitter, comment
from specproof.story.model import Beat

#: Bits of the virtual MSRs by the position at which the models keep them.
RECODED = {6: 1, 10: 0}

#: Actions that no user space or guest code can make happen at a chosen moment, and why.
NOT_DRIVEN = {
    "host_changes": "the host's own value changes with its tasks and mitigations; a selftest cannot choose it",
    "other_vcpu_runs": "another vCPU would have to run on the same CPU in between",
    "enter_smm": "an SMI needs a handler in SMRAM; see smm_test.c",
    "leave_smm": "RSM needs a handler in SMRAM; see smm_test.c",
    "init": "INIT comes from another vCPU's APIC",
    "l2_entry_fails": "the processor refuses the entry for a reason that user space cannot cause at will",
    "nested_vmx_run_vmfail": "an early failure needs the module parameter nested_early_check, or a page that cannot be mapped",
}


Step = Callable[[Emitter, Beat], None]


def _undriven(emitter: Emitter, beat: Beat) -> None:
    reason = NOT_DRIVEN.get(beat.action, "no ioctl or guest code for it is known here")
    emitter.undriven.append(f"step {beat.number}, {beat.action}: {reason}")
    emitter.loose = True
    emitter.to_host(beat.number)
    said = f'\tpr_info("step {beat.number}, {beat.action}, is not driven\\n");'
    emitter.host += [emitter.remark(beat), comment(f"NOT DRIVEN: {reason}.", "\t"), said]


def _reads(emitter: Emitter, beat: Beat) -> None:
    level = "L2" if beat.action.startswith("l2") else "L1"
    emitter.in_guest(beat, level, f"read_spec_ctrl({beat.number});")
    emitter.to_host(beat.number)
    emitter.check(f"guest_saw(vm, {beat.number})", f"step {beat.number}, RDMSR in {level}", *emitter.expects(beat, "read"))


def _writes(msr: str, name: str) -> Step:
    def step(emitter: Emitter, beat: Beat) -> None:
        level = "L2" if beat.action.startswith("l2") else "L1"
        emitter.in_guest(beat, level, f"write_msr({beat.number}, {msr}, {beat.input(name):#x}ull);")
        expected, defective = emitter.expects(beat, "refused")
        if expected or defective:
            emitter.to_host(beat.number)
            emitter.check(f"guest_took(vm, {beat.number})", f"step {beat.number}, vector", 13 if expected else 0, 13 if defective else 0)

    return step


def _entry(emitter: Emitter, beat: Beat) -> None:
    level = emitter.level(beat.number)
    emitter.where = level
    emitter.guest[emitter.key(level)].append(emitter.remark(beat))


def _exit(emitter: Emitter, beat: Beat) -> None:
    if emitter.where == "host":
        emitter.where = emitter.level(beat.number)
    emitter.to_host(beat.number)
    emitter.host.append(emitter.remark(beat))


def _reenters(emitter: Emitter, beat: Beat) -> None:
    _exit(emitter, beat)
    emitter.where = emitter.level(beat.number)


def _gets(emitter: Emitter, beat: Beat) -> None:
    emitter.in_host(beat)
    emitter.check("vcpu_get_msr(vcpu, MSR_IA32_SPEC_CTRL)", f"step {beat.number}, KVM_GET_MSRS", *emitter.expects(beat, "read"))


def _sets(msr: str, name: str) -> Step:
    def step(emitter: Emitter, beat: Beat) -> None:
        emitter.in_host(beat)
        refused, defective = emitter.expects(beat, "refused")
        taken = None if refused is None else int(not refused)
        emitter.check(f"set_msr(vcpu, {msr}, {beat.input(name):#x}ull)", f"step {beat.number}, KVM_SET_MSRS", taken, int(not defective))

    return step


def _nested_state(emitter: Emitter, beat: Beat) -> None:
    """Into L2 with the image of the prelude, or with a VMXON region alone; L1 has no VMCS of its own then."""
    into, fails = emitter.enters_l2(beat), bool(beat.input("fails"))
    where = f'"step {beat.number}, KVM_SET_NESTED_STATE"'
    if beat.action == "restore_nested_state" and not emitter.before(beat, "image_vmxon"):
        emitter.in_host(beat, "leave_nested(vcpu);")
    elif not into:
        emitter.in_host(beat, f"TEST_ASSERT(!enter_vmx_operation(vcpu, vmxon_gpa), {where});")
        emitter.waiting = "prepare_l2(vmx);"
    elif fails:
        emitter.in_host(beat, f"TEST_ASSERT(set_nested_state(vcpu, image, true), {where});")
        emitter.waiting = "prepare_l2(vmx);"
    else:
        emitter.in_host(beat, "load_registers(vcpu, image);", f"TEST_ASSERT(!set_nested_state(vcpu, image, false), {where});")
        emitter.main, emitter.waiting = True, ""


def _vmxon(emitter: Emitter, beat: Beat) -> None:
    emitter.in_guest(beat, "L1", "GUEST_ASSERT(prepare_for_vmx_operation(vmx));")
    emitter.waiting = "prepare_l2(vmx);"


def _vmx(emitter: Emitter, beat: Beat) -> None:
    """L1 enters L2, with the list entries that the next steps process."""
    lines = [emitter.waiting] if emitter.waiting else []
    emitter.waiting = ""
    lines += [f"intercept_writes(vmx, {str(bool(beat.input('l1_intercepts'))).lower()});", "entries = 0;"]
    entries = _list(emitter, beat, "entering")
    lines += [f"add_entry(entry_list, &entries, {entry});" for entry in entries]
    lines.append("enter_l2(entries);")
    emitter.in_guest(beat, "L1", *lines)
    if emitter.story.moments[beat.number].get("guest_mode"):
        emitter.where = "L2"


def _list(emitter: Emitter, beat: Beat, flag: str) -> list[str]:
    """The entries that KVM processes after this step, as index and value."""
    found = []
    for later in emitter.story.beats[beat.number :]:
        if not emitter.story.moments[later.number - 1].get(flag):
            break
        if later.action == "nested_vmx_load_msr_spec_ctrl":
            found.append(f"MSR_IA32_SPEC_CTRL, {later.input('value'):#x}ull")
        elif later.action == "nested_vmx_load_msr_mitigation_ctrl":
            found.append(f"MSR_VIRTUAL_MITIGATION_CTRL, {later.input('data'):#x}ull")
        elif later.action == "nested_vmx_load_msr_fails":
            found.append("MSR_FS_BASE, 0")
    return found


def _bad(emitter: Emitter, beat: Beat) -> None:
    lines = [emitter.waiting] if emitter.waiting else []
    emitter.waiting = ""
    emitter.in_guest(beat, "L1", *lines, f"intercept_writes(vmx, {str(bool(beat.input('l1_intercepts'))).lower()});", "enter_l2_badly();")
    emitter.exits += _list(emitter, beat, "leaving")


def _in_list(emitter: Emitter, beat: Beat) -> None:
    level = emitter.level(beat.number)
    text = comment(f"Step {beat.number}: {beat.action} is in the list that the step before processes.", "\t")
    emitter.guest[emitter.key(level)].append(text)


def _leaves(emitter: Emitter, beat: Beat) -> None:
    if emitter.where == "host":
        emitter.where = "L2"
    emitter.in_guest(beat, "L2", "vmcall();")
    emitter.exits += _list(emitter, beat, "leaving")
    emitter.where = "L1"


def _creates(emitter: Emitter, beat: Beat) -> None:
    emitter.in_host(beat, "vcpu = create_again(vm, vcpu, start);")
    emitter.main = not emitter.prelude


def _migrates(emitter: Emitter, beat: Beat) -> None:
    text = "The destination is this host: another host's capabilities cannot be had here."
    emitter.in_host(beat, comment(text, "").strip(), "saved = vcpu_get_msr(vcpu, MSR_IA32_SPEC_CTRL);", "vcpu = create_again(vm, vcpu, start);")
    emitter.undriven.append(f"step {beat.number}, migrate, in part: {text.rstrip('.')}")
    emitter.main = not emitter.prelude


def _restores(emitter: Emitter, beat: Beat) -> None:
    emitter.in_host(beat, 'TEST_ASSERT(set_msr(vcpu, MSR_IA32_SPEC_CTRL, saved), "the saved value is taken");')


def _restores_ctrl(emitter: Emitter, beat: Beat) -> None:
    data = sum(1 << raw for place, raw in RECODED.items() if emitter.story.moments[beat.number - 1].get("image_mitigation_ctrl", 0) >> place & 1)
    emitter.in_host(beat, f"set_msr(vcpu, MSR_VIRTUAL_MITIGATION_CTRL, {data:#x}ull);")


_STEPS: Mapping[str, Step] = {
    "guest_rdmsr": _reads, "l2_rdmsr": _reads,
    "guest_wrmsr": _writes("MSR_IA32_SPEC_CTRL", "value"), "l2_wrmsr": _writes("MSR_IA32_SPEC_CTRL", "value"),
    "guest_wrmsr_mitigation_ctrl": _writes("MSR_VIRTUAL_MITIGATION_CTRL", "data"),
    "guest_wrmsr_mitigation_enum": _writes("MSR_VIRTUAL_MITIGATION_ENUM", "data"),
    "vm_entry": _entry, "vm_exit": _exit, "exit_and_reenter": _reenters,
    "kvm_get_msrs": _gets, "kvm_set_msrs_spec_ctrl": _sets("MSR_IA32_SPEC_CTRL", "value"),
    "kvm_set_msrs_mitigation_ctrl": _sets("MSR_VIRTUAL_MITIGATION_CTRL", "data"),
    "kvm_set_nested_state": _nested_state, "restore_nested_state": _nested_state,
    "kvm_leave_nested": lambda emitter, beat: emitter.in_host(beat, "leave_nested(vcpu);"),
    "handle_vmxon": _vmxon, "handle_vmxoff": lambda emitter, beat: emitter.in_guest(beat, "L1", "vmxoff();"),
    "nested_vmx_run": _vmx, "nested_vmx_run_bad_guest_state": _bad, "nested_exit": _leaves,
    "nested_vmx_load_msr_spec_ctrl": _in_list, "nested_vmx_load_msr_mitigation_ctrl": _in_list,
    "nested_vmx_load_msr_fails": _in_list, "nested_vmx_load_msr_ends": _in_list,
    "create": _creates, "migrate": _migrates, "restore_spec_ctrl": _restores, "restore_mitigation_ctrl": _restores_ctrl,
}  # fmt: skip


def run(emitter: Emitter) -> None:
    """Every step, then what can be observed at the end."""
    emitter.main = not emitter.prelude
    for beat in emitter.story.beats:
        _STEPS.get(beat.action, _undriven)(emitter, beat)
    emitter.end()
