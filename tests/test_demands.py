"""What is demanded of a design is remembered where somebody demands it: code that drops the demand does not lower it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from specproof.models.cr4 import cr4
from specproof.models.kvm_svm_views import kvm_svm
from specproof.models.linux_host import linux_host
from specproof.models.registers import SPEC_CTRL
from specproof.models.xen_ssbd import xen_ssbd
from specproof.models.xen_svm_views import xen_svm

from specproof import Bool, Design, State, Word, select, word
from specproof.decide import decide
from specproof.load import library
from specproof.models import cr4 as cr
from specproof.models import kvm_svm as svm
from specproof.models import linux_host as host
from specproof.models import xen_ssbd as ssbd17
from specproof.models import xen_svm as xsvm
from specproof.state import Field, fields
from specproof.verdict import Refuted, Result


def drops_stibp(s: xsvm.Vcpu, value: Word) -> xsvm.Vcpu:
    """A write of MSR_VIRT_SPEC_CTRL replaces all that is behind the guest's back."""
    return s.replace(behind=value & xsvm.SSBD)


def drops_the_write(s: xsvm.Vcpu, value: Word) -> xsvm.Vcpu:
    """... or nothing of it where something else is there."""
    return s.when(s.behind == 0, behind=value & xsvm.SSBD)


def loads_ssbd_alone(s: xsvm.Vcpu, image: Word, virt: Word) -> xsvm.Vcpu:
    """A restored vCPU is not given what a new one has."""
    return xsvm.with_save(s, image).replace(behind=virt, image_refused=image & ~s.offered)


def starts_without(s: xsvm.Vcpu) -> Bool:
    """Nor is a new one."""
    return xsvm.created(s.replace(behind=s.default)) & (s.behind == 0)


def switches_for_stibp_alone(s: host.Cpu, value: Word) -> host.Cpu:
    """Of what a task is to run with the context switch looks at STIBP."""
    differs = ((s.current ^ value) & word(SPEC_CTRL.STIBP)) != 0
    return select(differs, host.update_spec_ctrl_cond.body(s, value), s)


def keeps_ibrs_alone(s: host.Cpu, value: Word) -> host.Cpu:
    """Other bits are dropped, from the copy too."""
    return host.update_spec_ctrl.body(s, value & SPEC_CTRL.IBRS)


def leaves_it_to_the_other(s: ssbd17.Core, second: Bool, ssbd: Bool) -> ssbd17.Core:
    """A write is dropped while the guest on the other thread has set the bit of the core."""
    return select(ssbd17.thread(s, ~second).wants, s, ssbd17.guest_wrmsr_virt_spec_ctrl.body(s, second, ssbd))


def drops_userspaces_in_l2(s: svm.Vcpu, value: Word, host_initiated: bool) -> svm.Vcpu:
    """KVM_SET_MSRS succeeds while L2 is active, and stores nothing."""
    done = svm.svm_set_msr.body(s, value, host_initiated)
    return select(s.guest_mode & ~done.refused, s, done) if host_initiated else done


def drops_the_emulated_write(s: cr.Vcpu, value: Word) -> cr.Vcpu:
    """A write of CR4 exits, and is dropped."""
    return s


def stores_the_register(s: cr.Vcpu) -> cr.Vcpu:
    """L0's own bits come into vmcs12, and from there into what L1 asks for next."""
    return s.replace(guest12=s.cr4)


def barrier_for_who_was_told(s: svm.Vcpu) -> svm.Vcpu:
    """IBPB where another VMCB was loaded, for guests that were told of the register."""
    return s.when(s.other_vmcb & s.has_msr, trained_by_other=False, trained_by_l2=False).replace(other_vmcb=False)


DROPPED: tuple[tuple[Design[Any], str, str, dict[str, Callable[..., Any]]], ...] = (
    (xen_svm, "", "enforcement", {"guest_wrmsr_virt_spec_ctrl": drops_stibp}),
    (xen_svm, "", "virt-ssbd-in-force", {"guest_wrmsr_virt_spec_ctrl": drops_the_write}),
    (xen_svm, "", "enforcement", {"hvm_load_cpu_msrs": loads_ssbd_alone}),
    (xen_svm, "", "enforcement", {"initial": starts_without}),
    (xen_ssbd, "", "core-bit-while-wanted", {"guest_wrmsr_virt_spec_ctrl": leaves_it_to_the_other}),
    (kvm_svm, "swapped", "transparency", {"svm_set_msr": drops_userspaces_in_l2}),
    (kvm_svm, "swapped", "no-foreign-predictions", {"svm_vcpu_load": barrier_for_who_was_told}),
    (cr4, "", "cr4-effective", {"emulate_l1_write": drops_the_emulated_write}),
    (cr4, "", "cr4-nested-effective", {"emulate_l2_write": drops_the_emulated_write}),
    (cr4, "", "cr4-stored-at-exit", {"sync_vmcs12": stores_the_register}),
    (linux_host, "immediate", "user-runs-with-its-value", {"update_spec_ctrl_cond": switches_for_stibp_alone}),
    (linux_host, "kernel-ibrs", "user-runs-with-its-value", {"update_spec_ctrl_cond": switches_for_stibp_alone}),
    (linux_host, "immediate", "host-isolation", {"update_spec_ctrl": keeps_ibrs_alone}),
)


@pytest.mark.parametrize(("design", "configuration", "claim", "change"), DROPPED)
def test_a_demand_that_the_code_drops_is_broken(design: Design[Any], configuration: str, claim: str, change: dict[str, Callable[..., Any]]) -> None:
    """The variant is refuted by what was asked of it, though it keeps what it has made of that."""
    answer = decide(design.but(f"{design.name}-drops-it", **change), configuration, [library().claim(claim)])[0]

    assert isinstance(answer, Result) and isinstance(answer.verdict, Refuted), answer


#: Ghosts that a helper may set: what happens to predictors, which is an act and no demand; the processor's own, of which a variant is another
#: processor; and that a guest ran, which the constant that ACRN means to run with depends on.
BY_HELPERS = {
    "acrn": {"trained", "exited"}, "kvm-svm": {"trained_by_l2", "trained_by_other"}, "tdx-module": {"trained_by_other"},
    "intel": {"undisturbed", "written"}, "bochs": {"undisturbed", "written"},
}  # fmt: skip


def test_no_helper_remembers_what_it_is_held_to() -> None:
    """A helper is what a change replaces; if it also kept the ghost, code that does nothing would be asked nothing."""
    for name, design in library().designs.items():
        ghosts = {path.rpartition(".")[2] for path, declared in flat(design.state).items() if declared.ghost}
        for helper, body in design.functions.items():
            written = {one.arg for call in ast.walk(parsed(body)) if isinstance(call, ast.Call) for one in call.keywords}
            assert written & ghosts <= BY_HELPERS.get(name, set()), f"{name}: {helper}()"


def flat(record: type[State]) -> dict[str, Field]:
    """All fields of a state type, of its parts too."""
    found: dict[str, Field] = {}
    for name, declared in fields(record).items():
        inner = flat(declared.record) if declared.part and declared.record is not None else {}
        found.update({f"{name}.{path}": one for path, one in inner.items()} or {name: declared})
    return found


def parsed(body: Callable[..., Any]) -> ast.Module:
    """The text of a helper."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(body, "body", body)))))
