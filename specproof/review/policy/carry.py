"""Whether a design carries a policy out: can each bit be required of it with its value, and is it then in force?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from specproof.claims import Claim
from specproof.decide import decide
from specproof.plan import configurations
from specproof.review.policy.read import Policy, bits
from specproof.review.sides import Side
from specproof.terms import Bool, implies
from specproof.verdict import NotAsked, Proved, Refuted, Result


def carried(policy: Policy, side: Side, timeout: float | None) -> tuple[list[str], int]:
    """A sentence for each forced bit and configuration, and the exit code."""
    said, code = [], 0
    for configuration in configurations(side.design, None):
        wanted = [(one, *_claims(one.bit, one.to)) for one in policy.force]
        answers = decide(side.design, configuration, [claim for _, *pair in wanted for claim in pair], timeout=timeout)
        by = {answer.claim: answer for answer in answers}
        for one, can, holds in wanted:
            text, one_code = _sentence(by[can.name], by[holds.name])
            where = f" ({configuration})" if configuration else ""
            said.append(f"{side.label}{where}: {one.bit} forced to {one.to}: {text}.")
            code = max(code, one_code, key=(0, 3, 1).index)
    return said, code


def _claims(bit: str, to: int) -> tuple[Claim, Claim]:
    mask = 1 << bits()[bit]

    def can(v: Any) -> Bool:
        """The bit can be required with its value."""
        found: Bool = ((v.required_mask & mask) == mask) & ((v.required_value & mask) == mask * to)
        return found

    def holds(v: Any) -> Bool:
        """While the guest runs, the bit has the required value in the processor."""
        return implies(v.guest_runs, ((v.effective ^ v.required_value) & v.required_mask & mask) == 0)

    return _named(f"can-require-{bit}-{to}", "reachability", can), _named(f"enforces-{bit}-{to}", "invariant", holds)


def _named(name: str, kind: str, body: Callable[[Any], Bool]) -> Claim:
    return Claim(name, "", kind, body)


def _sentence(can: Result | NotAsked, holds: Result | NotAsked) -> tuple[str, int]:
    if isinstance(can, NotAsked) or isinstance(holds, NotAsked):
        reason = can.reason if isinstance(can, NotAsked) else holds.reason if isinstance(holds, NotAsked) else ""
        return f"cannot be asked: {reason}", 3
    if not isinstance(can.verdict, Proved):
        return ("the design can never require it", 1) if can.verdict.word == "vacuous" else ("undecided", 3)
    if isinstance(holds.verdict, Refuted):
        steps = [step.action for step in holds.verdict.trace.steps]
        return f"not enforced, by the run {', '.join(steps)}", 1
    return ("enforced in every run (proved)", 0) if isinstance(holds.verdict, Proved) else (f"{holds.verdict.word}", 3)
