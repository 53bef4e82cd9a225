"""Two policies on a pool of hosts: who controls each bit before and after, what guests get and see, and what is still protected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from specproof.decide import decide
from specproof.errors import InputError
from specproof.review.compare import review
from specproof.review.policy.carry import Carried, together
from specproof.review.policy.model import Place, claims, design
from specproof.review.policy.read import Host, Policy, any_hosts, bits, check_pool, rules
from specproof.review.result import Behaviour, ClaimChange, Review, listed
from specproof.review.sides import Side
from specproof.verdict import Proved, Refuted, Result

#: Who can control a bit.
GUEST, HIDDEN, FAULTS = "guest", "guest (hidden)", "faults"


@dataclass(frozen=True)
class BitChange:
    """One bit on one type of host: who controls it before and after, and what that does to guests that are moved either way."""

    bit: str
    host: str
    before: str
    after: str
    forward: str
    back: str
    sees: str


@dataclass(frozen=True)
class PolicyReview:
    """Everything that a review of two policies found. `moved` are the claims about guests that cross between the two, by direction."""

    old: Policy
    new: Policy
    hosts: tuple[Host, ...]
    bits: tuple[BitChange, ...]
    same: tuple[str, ...]
    cannot: tuple[str, ...]
    pointless: tuple[str, ...]
    review: Review
    moved: tuple[tuple[str, tuple[Result, ...]], ...]
    carried: tuple[Carried, ...] = ()

    @property
    def shown(self) -> list[str]:
        """Bits that the guest's CPUID shows under the new policy on a host that refuses them."""
        return shown(self.new, self.hosts)

    @property
    def wrong(self) -> list[str]:
        """What makes the exit code 1, in words: the new policy protects less, a guest that crosses does, or the design does not carry it out."""
        found = [
            f"it protects less than the old policy{_broken_bits(one)}" if one.claim == "protection" else f"it breaks {one.claim}"
            for one in self.review.of("lost")
        ]
        for way, results in self.moved[:1]:
            found += [f"guests that move {way} break {one.claim}" for one in results if isinstance(one.verdict, Refuted) and not found]
        failing = [one for one in self.carried if one.code == 1]
        return found + ([f"{failing[0].design} does not carry it out: {together(failing)}"] if failing else [])

    @property
    def unsettled(self) -> list[str]:
        """What makes the exit code 3 where nothing is wrong, in words."""
        found = [
            f"whether it protects as much as the old policy is {one.fate}" if one.claim == "protection" else f"{one.claim} is {one.fate}"
            for one in self.review.of("undecided", "dropped", "hollow")
        ]
        for way, results in self.moved:
            if any(not isinstance(one.verdict, Proved | Refuted) for one in results):
                found.append(f"what becomes of guests that move {way} is undecided")
        if any(not (one.same or one.differs or one.searched) for one in self.review.behaviours):
            found.append("whether the guest can see it is undecided")
        open_ = [one for one in self.carried if one.code == 3]
        return found + ([f"whether {open_[0].design} carries it out is undecided: {together(open_)}"] if open_ else [])

    @property
    def code(self) -> int:
        """The exit code: 1 something is wrong, 3 something is not settled."""
        return 1 if self.wrong else 3 if self.unsettled else 0


def control(policy: Policy, host: Host, bit: str) -> str:
    """Who controls a bit of a guest of this policy on this host."""
    mask, value = policy.on(host)
    position = bits()[bit]
    if mask >> position & 1:
        return f"forced {value >> position & 1}"
    if not host.accepts >> position & 1:
        return FAULTS
    return GUEST if rules().RULES[bit].feature in policy.guest else HIDDEN


def shown(policy: Policy, hosts: Sequence[Host]) -> list[str]:
    """Bits that the guest's CPUID shows on a host that refuses them, by the host: a guest that believes it takes #GP."""
    found = []
    for host in hosts:
        refused = [bit for bit in bits() if control(policy, host, bit) == FAULTS and rules().RULES[bit].feature in policy.guest]
        found += [f"{listed(refused)} on {host.name}"] if refused else []
    return found


def compare(old: Policy, new: Policy, pool: Sequence[Host] = (), timeout: float | None = None) -> PolicyReview:
    """What the change from one policy to another gains and loses on the hosts of a pool."""
    types = tuple(pool) or _hosts(old, new)
    for policy in (old, new):
        check_pool(policy, types)
    hosts = types or any_hosts(old, new)
    before, after = ([Place.of(policy, host) for host in hosts] for policy in (old, new))
    sides = [
        Side(_label(policy, old, new, tag), design(_label(policy, old, new, tag), f"guests under {policy.file}", places, before), tuple(claims()))
        for policy, places, tag in ((old, before, "old"), (new, after, "new"))
    ]
    found = review(sides[0], sides[1], timeout=timeout, observables=("rdmsr", "faults"), old_views=False)  # a policy is what its views say
    changes = [_change(bit, old, new, host) for bit in bits() for host in hosts]
    return PolicyReview(
        old, new, hosts, tuple(one for one in changes if one.before != one.after),
        tuple(bit for bit in bits() if all(one.before == one.after for one in changes if one.bit == bit)),
        tuple(_cannot(new, hosts)), tuple(_pointless(new, hosts)), found, tuple(_moved(before, after, timeout)),
    )  # fmt: skip


def _label(policy: Policy, old: Policy, new: Policy, tag: str) -> str:
    return policy.name if old.name != new.name else f"{policy.name}@{tag}"


def _hosts(old: Policy, new: Policy) -> tuple[Host, ...]:
    by = {host.name: host for host in old.hosts}
    for host in new.hosts:
        if by.setdefault(host.name, host) != host:
            why = f"the host type {host.name!r} is another one here than in {old.file}"
            raise InputError(f"{new.file}: {why}; policies are compared on the same hosts: give them, --pool POOL.toml")
    return tuple(by.values())


def _effect(who: str, guest: int) -> int:
    return int(who[-1]) if who.startswith("forced") else guest if who in (GUEST, HIDDEN) else 0


def _change(bit: str, old: Policy, new: Policy, host: Host) -> BitChange:
    before, after = control(old, host, bit), control(new, host, bit)
    return BitChange(bit, host.name, before, after, _crossing(before, after), _crossing(after, before), _sight(before, after))


def _crossing(source: str, target: str) -> str:
    """What a guest gets that comes from one control of the bit to another, with the bit clear and set."""
    if target == FAULTS:
        if source.startswith("forced") or source in (GUEST, HIDDEN):
            return "refused where the guest has set it, else clear"
        return "nothing"
    moves = [(guest, _effect(source, guest), _effect(target, guest)) for guest in (0, 1)]
    differ = [f"{was} -> {now} where the guest has {guest}" for guest, was, now in moves if was != now]
    return ", ".join(differ) or "nothing"


def _sight(before: str, after: str) -> str:
    """What the guest can see of it by itself: faults, since RDMSR returns what it wrote."""
    if before == FAULTS and after != FAULTS:
        return "setting it no longer faults"
    if before != FAULTS and after == FAULTS:
        return "setting it faults"
    return "nothing: RDMSR returns what it wrote"


def _cannot(policy: Policy, hosts: Sequence[Host]) -> list[str]:
    found = []
    for host in hosts:
        meant = [one for one in policy.force if one.meant(host, policy.guest)]
        if not host.forces and meant:
            found.append(f"{host.name} forces nothing: it has neither the control nor the emulation")
            continue
        for one in meant:
            if policy.refused(one, host):
                rule = rules().RULES[one.bit]
                found.append(f"{one.bit} on {host.name}: its CPUID has no {rule.feature} ({rule.where}) {rule.source}")
    return found


def _pointless(policy: Policy, hosts: Sequence[Host]) -> list[str]:
    found = []
    for host in hosts:
        for one in policy.force:
            why = rules().needless(one.bit, host.arch_capabilities) if one.to == 1 and one.meant(host, policy.guest) else ""
            if why and host.forces and not policy.refused(one, host):
                found.append(f"{one.bit} on {host.name}: {why}")
    return found


#: The ways in which guests cross between the two policies.
WAYS = ("from the old policy to the new", "from the new policy to the old", "in both directions, any number of times")


def _moved(before: Sequence[Place], after: Sequence[Place], timeout: float | None) -> list[tuple[str, tuple[Result, ...]]]:
    """Guests that run through the change, are saved across it, or migrate between hosts of the two policies.

    Who comes from a policy is asked whether it still has what would protect it under that policy.
    """
    places = [*before, *after]
    split = len(before)
    allowed: tuple[tuple[Callable[[int, int], bool], list[Place]], ...] = (
        (lambda a, b: not (a >= split > b), [*before, *before]),
        (lambda a, b: not (a < split <= b), [*after, *after]),
        (lambda a, b: True, places),
    )  # fmt: skip
    found = []
    for name, (ways, was) in zip(WAYS, allowed, strict=True):
        crossing = design(f"guests that move {name}", name, places, was, ways=ways)
        asked = [claim for claim in claims() if claim.name != "protection" or name != WAYS[-1]]
        results = decide(crossing, "", asked, timeout=timeout)
        found.append((name, tuple(result for result in results if isinstance(result, Result))))
    return found


_UNSEEN = ["The guest cannot see it: RDMSR and faults are the same (proved)."]


#: What `shown` lists, in a verdict.
SHOWN = "Shown to the guest by CPUID, and #GP where it is set"


def line(found: PolicyReview) -> str:
    """The verdict in a few sentences for a mail."""
    sentences = [f"{found.old.name} -> {found.new.name}: {_verdict(found)}"]
    if found.bits:
        sentences.append(f"Changed: {listed(list(dict.fromkeys(_said(one) for one in found.bits)))}.")
    else:
        sentences.append("No bit changes hands on these hosts.")
    seen = [one for one in found.review.behaviours if one.differs]
    if found.review.behaviours:
        sentences += [_seen(seen)] if seen else _UNSEEN if all(one.same for one in found.review.behaviours) else []
    if found.cannot:
        sentences.append(f"Not carried out: {'; '.join(found.cannot)}.")
    if found.pointless:
        sentences.append(f"Without effect: {'; '.join(found.pointless)}.")
    if found.shown:
        sentences.append(f"{SHOWN}: {'; '.join(found.shown)}.")
    if found.carried and not any(one.code for one in found.carried):
        sentences.append(f"{found.carried[0].design} carries it out: {together(found.carried)}.")
    return " ".join(sentences)


def _said(one: BitChange) -> str:
    return f"{one.bit} ({one.before} -> {one.after})"


def _seen(behaviours: Sequence[Behaviour]) -> str:
    names = {"rdmsr": "RDMSR returns something else", "faults": "other writes fault"}
    return f"The guest can see it: {listed([names.get(one.name, one.name) for one in behaviours])}."


def lost(found: PolicyReview) -> ClaimChange | None:
    """The run that shows that the new policy protects less."""
    return next((change for change in found.review.claims if change.claim == "protection" and change.fate == "lost"), None)


def _verdict(found: PolicyReview) -> str:
    """What to do, from what makes the exit code; then, where only the design is at fault, how the policies compare."""
    said = "; ".join(found.wrong or found.unsettled)
    if not said:
        return f"it {_kept(found)}"
    head = f"do not take it as it is: {said}." if found.wrong else f"not settled: {said}."
    by_itself = replace(found, carried=())
    return head if by_itself.wrong or by_itself.unsettled else f"{head} By itself the policy {_kept(found)}"


def _kept(found: PolicyReview) -> str:
    back = [result for _, results in found.moved[1:2] for result in results if result.claim == "protection"]
    if any(isinstance(result.verdict, Refuted) for result in back):
        return (
            "protects at least as much as the old policy, whatever the guest writes (proved); "
            "guests that go back to the old policy lose what it adds."
        )
    return "protects at least as much as the old policy, whatever the guest writes and wherever it is moved (proved)."


def _broken_bits(change: ClaimChange) -> str:
    if change.story is None or change.story.formula is None:
        return ""
    names = [line.name or f"bit {line.position}" for line in change.story.formula.failing]
    return f" ({', '.join(names)})" if names else ""
