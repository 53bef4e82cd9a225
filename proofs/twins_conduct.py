"""Twins of the claims about who may act when: kvm-reference with one helper or action changed. As in twins.py."""

from specproof.models.kvm import Vcpu, current, vm_enters, vm_exits
from specproof.models.kvm_actions import writes
from specproof.proofs.twins import E, V, reads_the_effective_value, switches_the_guest_value_only, twin

from specproof import U64, Bool, Word, select
from specproof.models import kvm, kvm_actions, kvm_nested, kvm_transitions
from specproof.models import kvm_reference as reference


def executes_before_it_enters(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    return vm_enters(s).replace(by_l1=True)


def kicks_the_vcpu_out(s: Vcpu) -> Vcpu:
    return vm_exits(s).replace(by_userspace=True)


def enters_before_the_list(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    s = kvm_nested.nested_vmx_enter_from_vmentry(vm_exits(s), l1_intercepts)
    return vm_enters(s.replace(entering=True, by_l1=True))


def ends_with_the_register(s: Vcpu) -> Vcpu:
    return kvm_transitions.restore_spec_ctrl(s).replace(todo_mitigation_ctrl=False, todo_nested=False)


def takes_l2_for_l1(s: Vcpu, value: U64) -> Vcpu:
    return writes(s, value).replace(by_l1=True)


def stays_in_vmx_operation(s: Vcpu) -> Vcpu:
    return s.replace(vmcs02=kvm_nested.free_loaded_vmcs(s.vmcs02), pages_pending=False)


def stays_in_smm(s: Vcpu, fails: Bool) -> Vcpu:
    in_l2 = s.smm_guest_mode
    return select(in_l2, kvm_nested.nested_vmx_enter_non_root_mode(s, fails), s).replace(smm_guest_mode=False)


def goes_on_with_the_entry_list(s: Vcpu) -> Vcpu:
    return s.replace(leaving=True)


def stays_in_l2(s: Vcpu) -> Vcpu:
    return s.replace(vmcs02=s.vmcs02.replace(intercepted=True), l1_intercepts=False, pages_pending=False)


def forgets_the_exit_list(s: Vcpu) -> Vcpu:
    return kvm_nested.leave_guest_mode(s).replace(entering=False, entry_failed=True, changed_level=True)


def forgets_l1s_bitmap(s: Vcpu, l1_intercepts: Bool) -> Vcpu:
    merged = s.vmcs02.replace(intercepted=s.vmcs01.intercepted)
    return s.replace(vmcs02=merged, merged=True, l1_asked=l1_intercepts)


def saves_the_register_only(s: Vcpu) -> Vcpu:
    return s.replace(spec_ctrl=s.msr)


def reads_the_register(s: Vcpu) -> Word:
    return s.msr


def by_the_shadow(s: Vcpu) -> Word:
    return current(s).shadow


def merges_inverted(s: Vcpu, value: Word) -> Vcpu:
    merged = (s.msr & ~current(s).mask) | (value & current(s).mask)
    return kvm.vmcs_write(s.replace(msr=merged), shadow=value)


def refuses_the_guest(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    after = reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return after if host_initiated else s.replace(refused=True)


def keeps_the_bitmap(s: Vcpu) -> Vcpu:
    return kvm_nested.vmx_switch_vmcs(s, to_vmcs02=False).replace(l1_intercepts=False, pages_pending=False)


def writes_an_absent_field(s: Vcpu, value: Word) -> Vcpu:
    return kvm.vmcs_write(reference.vmx_set_guest_spec_ctrl(s, value), shadow=value)


def opens_nothing(s: Vcpu) -> Vcpu:
    return s


def closes_what_it_can_mask(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    after = reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return select(after.refused, after, kvm.vmx_enable_intercept_for_msr(after))


def takes_the_sources_bits_along(s: Vcpu, host: U64, accepts: U64, rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Vcpu:
    return kvm_transitions.migrate(s, host, accepts, rrsba_ctrl, rrsba, bhi_ctrl, bhi_no).replace(enforces=s.enforces)


def writes_both_shadows(s: Vcpu, value: Word) -> Vcpu:
    after = reference.vmx_set_guest_spec_ctrl(s, value)
    both = after.replace(vmcs01=after.vmcs01.replace(shadow=value), vmcs02=after.vmcs02.replace(shadow=value))
    return select(s.virtualized, both, after)


def keeps_the_cache(s: Vcpu) -> Vcpu:
    new = kvm_actions.create(s)
    return new.replace(vmcs01=new.vmcs01.replace(cache=s.vmcs01.cache))


def stores_the_request(s: Vcpu, ctrl: Word, has_reserved: Bool, host_initiated: bool) -> Vcpu:
    after = reference.vmx_set_msr_mitigation_ctrl(s, ctrl, has_reserved, host_initiated)
    return select(after.refused, after, s.replace(mitigation_ctrl=ctrl))


def refuses_what_it_cannot_force(s: Vcpu, value: Word) -> Vcpu:
    beyond = value & ~s.enforces
    return s.when(beyond != 0, refused=True, refused_bits=beyond)


def opens_at_the_first_exit(s: Vcpu) -> Vcpu:
    return kvm.vmx_disable_intercept_for_msr(vm_exits(s))


def caches_the_mask_twice(s: Vcpu, mask: Word) -> Vcpu:
    after = reference.vmx_set_spec_ctrl_mask(s, mask)
    return after.replace(vmcs01=after.vmcs01.replace(cache=mask), vmcs02=after.vmcs02.replace(cache=mask))


def fails_at_a_check_that_is_off(s: Vcpu, l1_intercepts: Bool, no_pages: Bool) -> Vcpu:
    failed = kvm_nested.leave_guest_mode(kvm_nested.nested_vmx_enter_from_vmentry(vm_exits(s), l1_intercepts))
    return failed.replace(entry_failed=True, changed_level=True, by_l1=True)


def executes_vmxon_itself(s: Vcpu) -> Vcpu:
    return kvm_nested.enter_vmx_operation(s).replace(vmx_on=True, by_l1=True)


def forgets_where_the_smi_came(s: Vcpu) -> Vcpu:
    return select(s.guest_mode, kvm_nested.nested_vmx_vmexit(s), s).replace(smm=True, smm_guest_mode=False)


def restores_l1_only(s: Vcpu) -> Vcpu:
    there = select(s.image_vmxon, kvm_nested.enter_vmx_operation(s), s)
    return kvm_transitions.finishes(there.replace(todo_nested=False, image_vmxon=False, image_guest_mode=False))


def goes_on_with_the_old_vmcs(s: Vcpu, guest_mode: Bool, fails: Bool) -> Vcpu:
    s = select(s.vmxon, s, kvm_nested.enter_vmx_operation(s)).replace(vmx_on=True, by_userspace=True)
    return select(guest_mode, kvm_nested.nested_vmx_enter_non_root_mode(s, fails), s)


def takes_vmcs02_for_set_up(s: Vcpu) -> Vcpu:
    return s.replace(vmcs02=s.vmcs02.replace(spec_ctrl_virt=s.vmcs01.spec_ctrl_virt, ipi_virt=False))


TWINS = (
    twin("vmcs02-is-set-up", V, "The constant fields of vmcs02 are not written.", prepare_vmcs02_early=takes_vmcs02_for_set_up),
    twin("guest-acts-while-it-runs", V, "KVM emulates an instruction of a guest that has not been entered.", vm_entry=executes_before_it_enters),
    twin("userspace-acts-between-runs", V, "An ioctl ends the guest's run instead of waiting for its end.", vm_exit=kicks_the_vcpu_out),
    twin("runs-when-complete", V, "L2 runs before its MSR-load list is processed.", nested_vmx_run=enters_before_the_list),
    twin("restored-once-complete", V, "A destination is content when it has the register.", restore_spec_ctrl=ends_with_the_register),
    twin("l1-instructions-are-l1s", V, "L2's write is taken for L1's.", l2_wrmsr=takes_l2_for_l1),
    twin("vmx-operation-as-told", V, "VMXOFF frees vmcs02 and leaves L1 in VMX operation.", free_nested=stays_in_vmx_operation),
    twin("smm-as-told", V, "RSM does not leave system management mode.", vmx_leave_smm=stays_in_smm),
    twin("lists-in-their-place", V, "A nested entry that failed goes on with its entry list.", load_vmcs12_host_state=goes_on_with_the_entry_list),
    twin("level-changes-as-told", V, "A nested exit leaves vmcs02 current.", leave_guest_mode=stays_in_l2),
    twin("lists-go-on", V, "After a refused entry of its list a nested entry fails, and no exit list follows.",
         vmentry_fail_vmexit=forgets_the_exit_list),
    twin("bitmap-as-merged", V, "The merge keeps what L1 asked for before.", nested_vmx_prepare_msr_bitmap=forgets_l1s_bitmap),
    twin("reads-return-what-was-set", V, "A read that exits returns the effective value.", vmx_get_msr_spec_ctrl=reads_the_effective_value),
    twin("reads-as-the-views-say", V, "An RDMSR that is passed through returns the register.", rdmsr_in_guest=reads_the_register,
         rdmsr=by_the_shadow),
    twin("writes-merge", V, "The processor takes the mask for the bits that a write reaches.", wrmsr_in_guest=merges_inverted),
    twin("requests-refused-for-a-reason", V, "A guest may ask for nothing.", vmx_set_msr_mitigation_ctrl=refuses_the_guest),
    twin("copies-follow-the-register", V, "An exit saves the register and not the shadow, as upstream does.",
         save_guest_spec_ctrl=saves_the_register_only),
    twin("closed-until-merged", V, "A nested exit leaves vmcs02's bitmap as it was merged last.", leave_guest_mode=keeps_the_bitmap),
    twin("mask-field-as-applied-in-l1", V, "The other VMCS gets the guest's value and keeps its own mask.",
         vmx_switch_vmcs=switches_the_guest_value_only),
    twin("absent-fields-stay", E, "The shadow is written where there is none.", vmx_set_guest_spec_ctrl=writes_an_absent_field),
    twin("opened-by-a-value", V, "The register is never passed through.", vmx_disable_intercept_for_msr=opens_nothing),
    twin("closed-by-a-policy", V, "A policy that the processor keeps closes the register all the same.",
         vmx_set_msr_mitigation_ctrl=closes_what_it_can_mask),
    twin("host-forces-what-it-has", V, "What the source could force is taken for what the destination can.", migrate=takes_the_sources_bits_along),
    twin("current-vmcs-only", V, "A VMWRITE reaches both VMCSs.", vmx_set_guest_spec_ctrl=writes_both_shadows),
    twin("new-vcpus-cache-is-empty", V, "A new vCPU takes for written what the one before it had.", create=keeps_the_cache),
    twin("entries-reach-vmcs02", V, "vmcs02 gets the guest's value and no mask.", vmx_switch_vmcs=switches_the_guest_value_only),
    twin("destination-has-the-mask", V, "A request is stored, and the mask is left as it was.", vmx_set_msr_mitigation_ctrl=stores_the_request),
    twin("policy-takes-effect", V, "A request is stored, and nothing is computed anew.", vmx_set_msr_mitigation_ctrl=stores_the_request),
    twin("refused-for-what-the-host-lacks", V, "Values are refused for bits that this host does not force.",
         kvm_spec_ctrl_test_value=refuses_what_it_cannot_force),
    twin("entries-in-order", V, "A nested entry fails at the hardware check though that is off.", nested_vmx_run_vmfail=fails_at_a_check_that_is_off),
    twin("exits-end-a-run", V, "VMXON does not exit.", handle_vmxon=executes_vmxon_itself),
    twin("rsm-returns", V, "An SMI forgets that it came in L2, and RSM returns to L1.", vmx_enter_smm=forgets_where_the_smi_came),
    twin("nested-state-is-restored", V, "A destination restores VMX operation and not L2.", restore_nested_state=restores_l1_only),
    twin("nesting-starts-afresh", V, "KVM_SET_NESTED_STATE goes on with the vmcs02 that is there.", kvm_set_nested_state=goes_on_with_the_old_vmcs),
    twin("cache-of-current-vmcs-only", V, "The mask is cached for both VMCSs.", vmx_set_spec_ctrl_mask=caches_the_mask_twice),
    twin("opened-by-nothing-else", V, "The register is passed through after any exit.", vm_exit=opens_at_the_first_exit),
)  # fmt: skip
