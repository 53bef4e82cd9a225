"""A pool of hosts and a policy: is every guest that starts anywhere protected everywhere it can be moved to?

Every type of host is a place; guests start at any, and move on as often as they like. For each destination one
claim is decided for all starts and paths together; where it fails, one claim for each start and path, and one
for the direct way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specproof.claims import Claim
from specproof.decide import decide
from specproof.review.policy.compare import SHOWN, _cannot, _pointless, control, shown
from specproof.review.policy.model import Place, design
from specproof.review.policy.read import Host, Policy, bits, check_pool
from specproof.review.result import listed
from specproof.terms import Bool, implies
from specproof.verdict import Proved, Refuted, Result, Verdict

#: What a cell can say, and what it means.
CELLS = {
    "ok": "protected on any path from there", "path": "protected on the direct way, and not on every path", "no": "not protected",
    "never": "no guest from there is ever there", "-": "the policy asks for nothing there", "?": "undecided",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """From one type of host to another: the word, the bits that guests lack there, a run that shows it, and bits that are turned away."""

    source: str
    target: str
    word: str
    lacking: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fleet:
    """The matrix, the controls of each bit on each host, and what cannot be carried out."""

    policy: Policy
    hosts: tuple[Host, ...]
    places: tuple[Place, ...]
    cells: tuple[Cell, ...]
    controls: tuple[tuple[str, tuple[str, ...]], ...]
    cannot: tuple[str, ...]
    pointless: tuple[str, ...]

    def cell(self, source: str, target: str) -> Cell:
        """One cell of the matrix."""
        return next(one for one in self.cells if (one.source, one.target) == (source, target))

    @property
    def idle(self) -> list[str]:
        """The types of hosts for which the policy has nothing to say."""
        return [host.name for host in self.hosts if not any(one.meant(host, self.policy.guest) for one in self.policy.force)]

    @property
    def code(self) -> int:
        """0 every guest is protected everywhere, 1 some are not, 3 undecided, also where a policy that forces something forces it nowhere."""
        words = {one.word for one in self.cells}
        nowhere = bool(self.policy.force) and len(self.idle) == len(self.hosts)
        return 1 if words & {"no", "path"} else 3 if "?" in words or nowhere else 0


def fleet(policy: Policy, hosts: Sequence[Host], timeout: float | None = None) -> Fleet:
    """Decides the whole matrix."""
    check_pool(policy, hosts)
    places = [Place.of(policy, host) for host in hosts]
    system = design("fleet", f"guests under {policy.file}", places)
    numbers = range(len(places))
    asked = [number for number in numbers if places[number].owed]
    columns = _ask(system, [_claim(f"to-{target}", None, target, direct=False) for target in asked], timeout)
    open_ = [target for target in asked if not isinstance(columns[f"to-{target}"], Proved)]
    pairs = [
        _claim(f"{source}-{target}-{kind}", source, target, direct=kind == "direct")
        for target in open_ for source in numbers for kind in ("direct", "any")
    ]  # fmt: skip
    answers = _ask(system, pairs, timeout) if pairs else {}
    cells = []
    for source in numbers:
        for target in numbers:
            refused = _refused(places[source], places[target]) if source != target else ()
            names = (hosts[source].name, hosts[target].name)
            if target not in asked:
                cells.append(Cell(*names, "-", refused=refused))
            elif target not in open_:
                cells.append(Cell(*names, "ok", refused=refused))
            else:
                direct, any_ = (answers[f"{source}-{target}-{kind}"] for kind in ("direct", "any"))
                cells.append(_cell(names, direct, any_, places, target, refused))
    controls = tuple((host.name, tuple(control(policy, host, bit) for bit in bits())) for host in hosts)
    cannot, pointless = _cannot(policy, tuple(hosts)), _pointless(policy, tuple(hosts))
    return Fleet(policy, tuple(hosts), tuple(places), tuple(cells), controls, tuple(cannot), tuple(pointless))


def _ask(system: Any, claims: Sequence[Claim], timeout: float | None) -> dict[str, Verdict]:
    return {answer.claim: answer.verdict for answer in decide(system, "", claims, timeout=timeout) if isinstance(answer, Result)}


def _claim(name: str, source: int | None, target: int, *, direct: bool) -> Claim:
    """Guests from `source` (or from anywhere) have at `target` what they are owed, on the direct way or on any."""

    def protected(v: Any) -> Bool:
        here: Bool = getattr(v, f"at_{target}")
        if source is not None:
            here = here & getattr(v, f"from_{source}")
        if direct:
            here = here & ~v.detour
        return implies(here, ((v.effective ^ v.owed_value) & v.owed_mask) == 0)

    protected.__doc__ = "Every bit that the guest is owed has its value."
    return Claim(name, "", "invariant", protected)


def _cell(names: tuple[str, str], direct: Verdict, any_: Verdict, places: Sequence[Place], target: int, refused: tuple[str, ...]) -> Cell:
    words = {verdict.word for verdict in (direct, any_)}
    if "unknown" in words:
        return Cell(*names, "?", refused=refused)
    if isinstance(any_, Proved):
        return Cell(*names, "ok", refused=refused)
    if any_.word == "vacuous":
        return Cell(*names, "never", refused=refused)
    if not isinstance(any_, Refuted):
        return Cell(*names, "?", refused=refused)
    states = any_.trace.states()
    wrong = (states[-1]["msr"] ^ places[target].owed_value) & places[target].owed
    run = tuple(
        f"moves to {places[_where(state)].host.name}" if step.action == "moves" else f"{step.action} {step.inputs.get('value', 0):#x}"
        for step, state in zip(any_.trace.steps, states[1:], strict=True)
    )  # fmt: skip
    return Cell(*names, "no" if isinstance(direct, Refuted) else "path", _named(wrong), run, refused)


def _where(state: Mapping[str, int]) -> int:
    """The number of the place in a state."""
    return sum(1 << int(path.removeprefix("at")) for path, value in state.items() if path.startswith("at") and value)


def _named(value: int) -> tuple[str, ...]:
    return tuple(name for name, position in bits().items() if value >> position & 1)


def _refused(source: Place, target: Place) -> tuple[str, ...]:
    """Bits that a guest can set at the source and with which the destination turns it away."""
    settable = source.accepts | source.mask
    known = sum(1 << position for position in bits().values())
    return _named(settable & known & ~target.mask & ~target.accepts)


def line(found: Fleet) -> str:
    """The verdict in a few sentences."""
    name, count = found.policy.name, len(found.hosts)
    exposed = [one for one in found.cells if one.word in ("no", "path")]
    if len(found.idle) == count:
        head = f"{'not settled: ' if found.code else ''}the policy asks for nothing on any of them, so that it protects nobody"
    elif not exposed:
        but = f" but {listed(found.idle)}, where the policy asks for nothing" if found.idle else ""
        head = f"every guest is protected on every type of host{but}, wherever it started and whatever way it came (proved)"
        head = head if found.code == 0 else "not settled: some pairs are undecided"
    else:
        targets = list(dict.fromkeys(one.target for one in exposed))
        lacking = {target: list(dict.fromkeys(bit for one in exposed if one.target == target for bit in one.lacking)) for target in targets}
        head = f"guests are not protected on {listed([f'{target} ({listed(lacking[target])})' for target in targets])}"
    types = "1 type of host" if count == 1 else f"{count} types of hosts"
    sentences = [f"{name} on {types}: {head}."]
    if found.cannot:
        sentences.append(f"Not carried out: {'; '.join(found.cannot)}.")
    if found.pointless:
        sentences.append(f"Without effect: {'; '.join(found.pointless)}.")
    if refusing := shown(found.policy, found.hosts):
        sentences.append(f"{SHOWN}: {'; '.join(refusing)}.")
    turned = [one for one in found.cells if one.refused]
    if turned:
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for one in turned:
            alike.setdefault((one.target, tuple(one.refused)), []).append(one.source)
        moves = [f"to {target} from {listed(sources)}, of a guest that has set {_any(bits)}" for (target, bits), sources in alike.items()]
        more = f" and {len(moves) - 4} more" if len(moves) > 4 else ""
        sentences.append(f"Moves that can be refused: {'; '.join(moves[:4])}{more}.")
    return " ".join(sentences)


def _any(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`: one of them is enough."""
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
