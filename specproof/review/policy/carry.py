"""Whether a design carries a policy out: can each bit be required of it with its value, and is it then in force?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from specproof.claims import Claim
from specproof.decide import decide
from specproof.plan import configurations
from specproof.review.policy.read import Policy, bits
from specproof.review.result import listed
from specproof.review.sides import Side
from specproof.terms import Bool, implies
from specproof.verdict import NotAsked, Proved, Refuted, Result


@dataclass(frozen=True)
class Carried:
    """Whether a design carries out that a bit is forced, in a configuration: in words, and the exit code that this makes by itself.

    `line` is where the policy forces the bit.
    """

    design: str
    configuration: str
    bit: str
    to: int
    line: int
    said: str
    code: int

    @property
    def sentence(self) -> str:
        """All of it but the full stop."""
        where = f" ({self.configuration})" if self.configuration else ""
        return f"{self.design}{where}: {self.bit} forced to {self.to}: {self.said}"


def carried(policy: Policy, side: Side, timeout: float | None) -> list[Carried]:
    """The answer for each forced bit and value, in each configuration."""
    found, forced = [], dict[tuple[str, int], int]()
    for one in policy.force:
        forced.setdefault((one.bit, one.to), one.line)
    for configuration in configurations(side.design, None):
        wanted = [(bit, to, *_claims(bit, to)) for bit, to in forced]
        answers = decide(side.design, configuration, [claim for *_, can, holds in wanted for claim in (can, holds)], timeout=timeout)
        by = {answer.claim: answer for answer in answers}
        for bit, to, can, holds in wanted:
            said, code = _sentence(by[can.name], by[holds.name])
            found.append(Carried(side.label, configuration, bit, to, forced[bit, to], said, code))
    return found


def together(answers: Sequence[Carried]) -> str:
    """Several answers of a design in one text; configurations of which the same is said are named together."""
    alike: dict[tuple[str, int, str], list[str]] = {}
    for one in answers:
        alike.setdefault((one.bit, one.to, one.said), []).append(one.configuration)
    where = {key: f" ({listed(names)})" if any(names) else "" for key, names in alike.items()}
    return "; ".join(f"{bit} forced to {to}{where[bit, to, said]}: {said}" for bit, to, said in alike)


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
