"""What can be seen of a design from outside, so that two designs can be told apart: used by `specproof review`.

Each is a view, and when it can be seen: where a design offers the view, both designs are fed the same
inputs, and the shortest run is searched after which what is seen differs.
"""

from specproof import Observable

OBSERVABLES = (
    Observable("guest-runs", "guest_runs", "whether the guest runs"),
    Observable("rdmsr", "rdmsr", "what RDMSR returns in the guest", when=("guest_runs",)),
    Observable("effective-in-guest", "effective", "the value that the processor acts on while the guest runs", when=("guest_runs",)),
    Observable("value-in-host", "effective", "the value that the processor acts on while the host runs", when=("~guest_runs",)),
    Observable("userspace", "userspace_reads", "what userspace reads of the register", when=("~guest_runs",)),
    Observable("exits", "intercepted", "whether the guest's access to the register causes a VM exit", when=("guest_runs",)),
    Observable("faults", "refused", "whether the access is refused: #GP, or an error for userspace"),
)
