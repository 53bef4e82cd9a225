"""Intel's TDX module, continued: what claims can look at, in the words of proofs/vocabulary.py.

What is modelled, what is not, and the sources are in the header of tdx_module.py.
"""

from specproof.models.elsewhere import say_where
from specproof.models.tdx_module import DDPD_U, MODULE, Lp, current, hidden, tdx_module, virt

from specproof import Bool, Word, conj, disj, ite, word

#: The design, now complete.
__all__ = ["tdx_module"]


@tdx_module.view
def guest_runs(s: Lp) -> Bool:
    """The TD runs, L1 or L2."""
    return s.running


@tdx_module.view
def may_enter(s: Lp) -> Bool:
    """The module runs and could enter the TD next."""
    return (s.called | s.handling) & s.created


@tdx_module.view
def settled(s: Lp) -> Bool:
    """No migration is under way: an import is one step here."""
    return conj(())


@tdx_module.view
def virtualized(s: Lp) -> Bool:
    """The processor has the control."""
    return s.allows


@tdx_module.view
def has_control(s: Lp) -> Bool:
    """The processor allows the control and has its fields."""
    return s.allows


@tdx_module.view
def control(s: Lp) -> Bool:
    """The current VMCS has the control set."""
    return current(s).bit7


@tdx_module.view
def control_on(s: Lp) -> Bool:
    """The TD runs with the control."""
    return current(s).bit7


@tdx_module.view
def mask_field(s: Lp) -> Word:
    """The mask field of the current VMCS."""
    return current(s).mask


@tdx_module.view
def locked(s: Lp) -> Word:
    """Bits that the TD's writes do not reach."""
    return ite(current(s).bit7, current(s).mask, 0)


@tdx_module.view
def effective(s: Lp) -> Word:
    """What the processor acts on."""
    return s.msr


@tdx_module.view
def effective_next(s: Lp) -> Word:
    """The effective value, or what it will be once the TD runs again."""
    return ite(s.running, s.msr, s.value)


@tdx_module.view
def saved_effective(s: Lp) -> Word:
    """The module's copy of the real value."""
    return s.value


@tdx_module.view
def saved_guest_value(s: Lp) -> Word:
    """What the module would show of it."""
    return virt(s, s.value)


@tdx_module.view
def userspace_reads(s: Lp) -> Word:
    """What TDH.VP.RD and an export give. [META]"""
    return virt(s, s.value)


@tdx_module.view
def rdmsr(s: Lp) -> Word:
    """What RDMSR returns to the TD: it does not exit."""
    return ite(current(s).bit7, current(s).shadow, s.msr)


@tdx_module.view
def guest_reads(s: Lp) -> Word:
    """What RDMSR returns, or would return if the module entered the TD without writing the shadow."""
    return ite(s.running | current(s).bit7, rdmsr(s), s.value)


@tdx_module.view
def believes(s: Lp) -> Word:
    """What the TD, or an import for it, set last."""
    return s.believed


@tdx_module.view
def required_mask(s: Lp) -> Word:
    """DDPD_U, where it is hidden."""
    return ite(hidden(s), word(DDPD_U), 0)


@tdx_module.view
def required_value(s: Lp) -> Word:
    """Set."""
    return ite(hidden(s), word(DDPD_U), 0)


@tdx_module.view
def host_wants(s: Lp) -> Word:
    """The module's constant while the module runs, else what the host VMM wrote last."""
    return ite(s.called | s.handling, word(MODULE), s.host)


@tdx_module.view
def leaked(s: Lp) -> Word:
    """Bits in which the module or the host VMM runs with something else."""
    return ite(s.running, 0, s.msr ^ host_wants(s))


@tdx_module.view
def host_accepts(s: Lp) -> Word:
    """Bits that a WRMSR on this processor accepts."""
    return s.accepts


@tdx_module.view
def offered(s: Lp) -> Word:
    """Bits that the TD's CPUID enumerates: all of the processor's but a hidden DDPD_U."""
    return ite(s.td_ddpd, s.accepts, s.accepts & ~word(DDPD_U))


@tdx_module.view
def opened(s: Lp) -> Bool:
    """The register is passed through: always."""
    return conj(())


@tdx_module.view
def exits_on_write(s: Lp) -> Bool:
    """A WRMSR by the TD exits: never."""
    return disj(())


@tdx_module.view
def list_loaded(s: Lp) -> Bool:
    """An MSR-load list set the register: there are none."""
    return disj(())


@tdx_module.view
def vcpus_apart(s: Lp) -> Bool:
    """The module means to keep vCPUs' predictions apart. [ENTER]"""
    return conj(())


tdx_module.shows(
    "in_l2", "guest_wrote", "operand", "refused", "copied", "changed_level", "touched_fields", "stale_at_exit", "wrong_at_entry",
    "host_illegal", "trained_by_other",
)  # fmt: skip
say_where(tdx_module)
