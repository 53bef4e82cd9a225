"""A guest under a policy, as a design: it writes its register, is moved between places, and the policy there holds.

A place is a type of host under a policy. What it forces are constants; everything else is decided by the
engine. On a place that forces bits, a WRMSR of the guest leaves `(MSR & mask) | (value & ~mask)` in the
register, in hardware or by interception; a move loads `(value & ~mask) | forced`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from specproof.claims import Claim
from specproof.design import Design
from specproof.review.policy.read import Force, Host, Policy, bits, rules
from specproof.state import Bits, State, field, frozen, ghost, observed, select
from specproof.terms import Bool, Word, choose, conj, disj, word


@dataclass(frozen=True)
class Place:
    """A type of host under a policy: what is forced there, what its processor accepts, and what the policy wants there.

    `owed` are the bits that the policy forces for these guests and that protect somebody on this host, whether the host
    can force them or not; `useful` are all bits that protect somebody on this host when they are set.
    """

    host: Host
    policy: Policy
    mask: int
    value: int
    accepts: int
    owed: int
    owed_value: int
    useful: int

    @classmethod
    def of(cls, policy: Policy, host: Host) -> Place:
        """What a policy comes to on a host."""
        mask, value = policy.on(host)
        owed = owed_value = 0
        for one in policy.force:
            if one.meant(host, policy.guest) and not _needless(one, host):
                bit = 1 << bits()[one.bit]
                owed, owed_value = owed | bit, owed_value | bit * one.to
        useful = sum(1 << position for bit, position in bits().items() if not rules().needless(bit, host.arch_capabilities))
        return cls(host, policy, mask, value, host.accepts, owed, owed_value, useful)


def _needless(one: Force, host: Host) -> bool:
    """Forcing a bit to 1 where that protects nobody; to 0 it is never a protection, but it is still what was asked for."""
    return one.to == 1 and bool(rules().needless(one.bit, host.arch_capabilities))


def _index_bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def design(
    name: str, doc: str, places: Sequence[Place], was: Sequence[Place] = (), *, ways: Callable[[int, int], bool] | None = None
) -> Design[Any]:
    """Guests that start at any of the places and are moved between them; `ways` says from where to where, by default anywhere.

    `was`: for each place the one under the policy that it is compared with, by default itself.
    """
    size = _index_bits(len(places))
    named = Bits(**bits())
    U64, here, there = Annotated[Word, 64], [f"at{k}" for k in range(size)], [f"from{k}" for k in range(size)]
    namespace: dict[str, Any] = {
        "msr": field("IA32_SPEC_CTRL: what the processor acts on", bits=named),
        "guest": field("what the guest wrote last, and reads", bits=named),
        "detour": ghost("the guest has been elsewhere than where it started and where it is"),
        "refused": observed("the write faulted, or the destination refused the guest"),
        **{path: field(f"bit {k} of the number of the place") for k, path in enumerate(here)},
        **{path: frozen(f"bit {k} of the number of the place where the guest started") for k, path in enumerate(there)},
    }
    namespace["__annotations__"] = {path: U64 if path in ("msr", "guest") else Bool for path in namespace}
    record: type[State] = type("Guest", (State,), namespace)
    found: Design[Any] = Design(name, record, doc=doc)

    def at(s: Any, number: int, paths: Sequence[str] = here) -> Bool:
        return conj(getattr(s, path) if number >> k & 1 else ~getattr(s, path) for k, path in enumerate(paths))

    def pick(where: Callable[[int], Bool], values: Sequence[int]) -> Word:
        result: Word = word(values[-1])
        for number, value in list(enumerate(values))[-2::-1]:
            result = choose(where(number), word(value), result)
        return result

    masks, values, accepts = ([getattr(place, key) for place in places] for key in ("mask", "value", "accepts"))

    def created(s: Any) -> Bool:
        started = disj(at(s, number) & at(s, number, there) for number in range(len(places)))
        forced = pick(lambda number: at(s, number), values)
        start: Bool = started & s.matches(guest=0, detour=False) & (s.msr == forced)
        return start

    def guest_wrmsr(s: Any, value: Any) -> Any:
        """The guest writes; the merged value decides about #GP."""
        mask = pick(lambda number: at(s, number), masks)
        merged = (s.msr & mask) | (value & ~mask)
        legal = (merged & ~pick(lambda number: at(s, number), accepts)) == 0
        return s.replace(refused=True).when(legal, msr=merged, guest=value, refused=False)

    def moves(s: Any, **to: Any) -> Any:
        """The guest is saved here and restored there, or migrated; the destination tests what it would load."""
        target = [to[f"to{k}"] for k in range(size)]

        def chosen(number: int) -> Bool:
            return conj(bit if number >> k & 1 else ~bit for k, bit in enumerate(target))

        mask, value = pick(chosen, masks), pick(chosen, values)
        loaded = (s.guest & ~mask) | value
        legal = (loaded & ~pick(chosen, accepts)) == 0
        exists = disj(chosen(number) for number in range(len(places)))
        if ways is not None:
            exists = exists & disj(at(s, a) & chosen(b) for a in range(len(places)) for b in range(len(places)) if ways(a, b))
        away = conj(getattr(s, a) == getattr(s, b) for a, b in zip(here, there, strict=True))
        changes = dict(zip(here, target, strict=True))
        there_ = s.replace(msr=loaded, detour=s.detour | ~away, **changes)
        turned = s.replace(refused=True)
        return select(exists, select(legal, there_, turned), s)

    guest_wrmsr.__annotations__ = {"value": U64}
    moves.__signature__ = _signature(["s", *(f"to{k}" for k in range(size))])  # type: ignore[attr-defined]
    moves.__annotations__ = {f"to{k}": Bool for k in range(size)}
    found.initial(created)
    found.action(by="guest")(guest_wrmsr)
    found.action(by="userspace")(moves)
    views: dict[str, Callable[[Any], Any]] = {
        "guest_runs": lambda s: s.detour | ~s.detour, "effective": lambda s: s.msr, "rdmsr": lambda s: s.guest, "believes": lambda s: s.guest,
        "refused": lambda s: s.refused, "detour": lambda s: s.detour,
        "required_mask": lambda s: pick(lambda number: at(s, number), masks),
        "required_value": lambda s: pick(lambda number: at(s, number), values),
        "owed_mask": lambda s: pick(lambda number: at(s, number), [place.owed for place in places]),
        "owed_value": lambda s: pick(lambda number: at(s, number), [place.owed_value for place in places]),
        "protected_before": lambda s: pick(lambda number: at(s, number), [place.useful for place in places])
        & (
            (s.guest & ~pick(lambda number: at(s, number), [place.mask for place in was or places]))
            | pick(lambda number: at(s, number), [place.value for place in was or places])
        ),
    }  # fmt: skip
    for number in range(len(places)):
        views[f"at_{number}"] = lambda s, number=number: at(s, number)  # type: ignore[misc]
        views[f"from_{number}"] = lambda s, number=number: at(s, number, there)  # type: ignore[misc]
    for view, body in views.items():
        body.__name__ = view
        found.view(body)
    return found


def _signature(names: Sequence[str]) -> Any:
    import inspect

    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])


def claims() -> list[Claim]:
    """What is asked of a policy: it protects, it hides nothing from the guest, and it loads what it says."""

    def protects(v: Any) -> Bool:
        """Whatever the guest writes and wherever it is moved, every bit that would protect it under the other policy is set."""
        return _nothing(v.protected_before & ~v.effective)

    def exact(v: Any) -> Bool:
        """The register is the guest's value but for the bits that are forced where it is."""
        return _nothing(v.effective ^ ((v.believes & ~v.required_mask) | v.required_value))

    def hides(v: Any) -> Bool:
        """The guest reads what it wrote last."""
        return _nothing(v.rdmsr ^ v.believes)

    return [Claim("protection", "", "invariant", protects), Claim("exactness", "", "invariant", exact), Claim("transparency", "", "invariant", hides)]


def _nothing(bits_: Word) -> Bool:
    return bits_ == 0


def one_of(numbers: Sequence[int], view: str) -> Callable[[Any], Bool]:
    """A condition on the views `at_N` or `from_N`."""
    return lambda v: disj(getattr(v, f"{view}_{number}") for number in numbers)
