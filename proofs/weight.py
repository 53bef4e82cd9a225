"""Which claims say that somebody is protected, worst loss first: what `specproof review` names before all others.

The others say that a guest, its hypervisor or userspace can rely on what they read, or that code does what
its comment promises: a loss there is a defect, and nobody is open to an attack by it alone.
"""

PROTECTION = (
    "enforcement", "step-non-evasion", "forced-to-one", "forced-to-zero", "masked-bits-frozen", "host-isolation", "host-value-is-its-own",
    "host-value-after-exit", "kernel-runs-with-its-bits", "nmi-runs-protected", "barrier-write-at-exit", "no-foreign-predictions",
    "l1-apart-from-l2", "exactness", "nested-continuity", "emulation-interlock", "merge-opens-nothing", "virtual-register-acts",
    "virt-ssbd-in-force", "core-bit-while-wanted", "user-runs-with-its-value", "effective-is-what-was-set", "cr4-effective", "cr4-nested-effective",
    "cr4-stored-at-exit",
)  # fmt: skip

#: Views that say what is demanded of a design, and not what it does. Where a change computes one of them otherwise, by whatever helper, the
#: claims that speak of it are asked as they were, too.
DEMANDED = ("required_mask", "required_value", "locked", "host_wants", "host_needs", "kernel_needs", "expected", "virt_wanted")
