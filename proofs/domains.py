"""Who trained the predictors: no guest runs on another's branch predictions where the system means to prevent it (P12).

One ghost per pair is enough: whether another domain ran since the last barrier. Nothing here models a
predictor; a processor that separates the domains by itself is safe whatever these claims say.

Sources: [K17] Linux 2e7eab81425a (CVE-2022-2196), 8c4f28cd81fe, 656d9624bd21: IBPB on nested exit.
"""

from typing import Protocol

from specproof import Bool, implies, invariant


class Machine(Protocol):
    """The views of a machine that runs guests in turn."""

    guest_runs: Bool
    in_l2: Bool  # L2 is current
    trained_by_other: Bool  # another vCPU ran on this CPU since the last barrier
    trained_by_l2: Bool  # L2 ran since the last barrier
    vcpus_apart: Bool  # the system means to keep vCPUs' predictions apart, whatever a guest was told
    barrier_offered: Bool  # L1 was told that IBRS keeps it apart from L2


@invariant("no-foreign-predictions", id="B1")
def no_foreign_predictions(v: Machine) -> Bool:
    """A guest does not run on predictions that another vCPU trained, where the system issues barriers at all."""
    return implies(v.guest_runs & v.vcpus_apart, ~v.trained_by_other)


@invariant("l1-apart-from-l2", id="B2")
def l1_apart_from_l2(v: Machine) -> Bool:
    """L1 does not run on predictions that its own L2 trained, where it was told that it has IBRS. [K17]"""
    return implies(v.guest_runs & ~v.in_l2 & v.barrier_offered, ~v.trained_by_l2)
