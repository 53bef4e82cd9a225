"""Designs made larger on purpose: `words:W,flags:F,actions:A[,broken:1]` or `vmcs:N`.

`words:...` is a worst case for an explicit search: W words that move independently of each other, F flags
that toggle independently, A actions; broken, the last action ignores the mask. `vmcs:N` is what hypervisors look like: one register, a policy, and
N VMCSs each with mask, shadow and a cached mask, brought up to date when they become current.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from specproof import U64, Bool, Claim, Design, State, Word, conj, field, frozen, implies, invariant, ite, part, word


def synthetic(name: str) -> tuple[Design[Any], list[Claim]]:
    """The design that a name asks for, with its claims."""
    sizes = {key: int(value) for key, value in (part.split(":") for part in name.split(","))}
    if "vmcs" in sizes:
        return _hypervisor(name, sizes["vmcs"])
    return _independent(name, sizes["words"], sizes["flags"], sizes["actions"], bool(sizes.get("broken")))


def _record(words: int, flags: int) -> type[State]:
    annotations: dict[str, Any] = {"mask": U64} | {f"w{k}": U64 for k in range(words)} | {f"b{k}": Bool for k in range(flags)}
    fields: dict[str, Any] = {key: field(f"number {key}") for key in annotations} | {"mask": frozen("the bits that are set in every word")}
    return type("Grown", (State,), {"__annotations__": annotations, "__module__": __name__, **fields})


def _independent(name: str, words: int, flags: int, actions: int, broken: bool) -> tuple[Design[Any], list[Claim]]:
    record = _record(words, flags)
    design: Design[Any] = Design(name, record, doc="Words that move on their own")
    design.initial(lambda s: conj([*(getattr(s, f"w{k}") == s.mask for k in range(words)), *(~getattr(s, f"b{k}") for k in range(flags))]))
    design.setting("all", lambda s: s.mask == s.mask)
    design.configure("all")
    for number in range(actions):
        design.action(by="environment", guard=_guard(number, flags))(_move(number, words, flags, broken and number == actions - 1))

    def every(s: Any) -> Word:
        kept = s.w0
        for k in range(1, words):
            kept = kept & getattr(s, f"w{k}")
        return kept

    design.view(every)
    design.view(_named("mask", lambda s: s.mask))

    @invariant("kept")
    def kept(v: Any) -> Bool:
        """Every word keeps the bits of the mask."""
        return (v.every & v.mask) == v.mask

    return design, [kept]


def _named(name: str, body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    body.__name__ = name
    return body


def _guard(number: int, flags: int) -> Callable[[Any], Bool]:
    return lambda s: ~getattr(s, f"b{number % flags}") | getattr(s, f"b{(number + 1) % flags}")


def _move(number: int, words: int, flags: int, broken: bool) -> Callable[..., Any]:
    """An action: a word takes masked bits of its neighbour, the others from an input; a flag toggles."""
    target, flag = f"w{number % words}", f"b{number % flags}"
    neighbour = f"w{(number + 1 + number // words) % words}"

    def body(s: Any, value: U64, toggles: Bool) -> Any:
        merged = (getattr(s, neighbour) & s.mask) | (value & ~s.mask)
        return s.replace(**{target: value if broken else merged, flag: getattr(s, flag) ^ toggles})

    body.__name__ = f"move{number}"
    body.__annotations__ = {"value": U64, "toggles": Bool}
    return body


class Vmcs(State):
    """One VMCS."""

    mask: U64 = field("the mask field")
    cache: U64 = field("what the hypervisor believes the mask field to be")
    shadow: U64 = field("the shadow field")
    current: Bool = field("it is the current one")


def _hypervisor(name: str, count: int) -> tuple[Design[Any], list[Claim]]:
    annotations: dict[str, Any] = {"msr": U64, "policy": U64, "believed": U64, "running": Bool} | {f"v{k}": Vmcs for k in range(count)}
    fields: dict[str, Any] = {key: field(f"the {key}") for key in ("msr", "policy", "believed", "running")}
    fields |= {f"v{k}": part(f"VMCS {k}") for k in range(count)}
    record = type("Host", (State,), {"__annotations__": annotations, "__module__": __name__, **fields})
    design: Design[Any] = Design(name, record, doc=f"A hypervisor with {count} VMCSs")
    every = [f"v{k}" for k in range(count)]
    blank = {"mask": 0, "cache": 0, "shadow": 0}
    design.initial(
        lambda s: s.matches(msr=0, policy=0, believed=0, running=False, **{v: getattr(s, v).replace(current=v == "v0", **blank) for v in every})
    )
    design.setting("all", lambda s: s.policy == s.policy)

    def mask(s: Any) -> Word:
        found = s.v0.mask & 0
        for v in every:
            vmcs = getattr(s, v)
            found = found | (vmcs.mask & _spread(vmcs.current))
        return found

    def guest_wrmsr(s: Any, value: U64) -> Any:
        merged = (s.msr & mask(s)) | (value & ~mask(s))
        shadows = {v: getattr(s, v).when(getattr(s, v).current, shadow=value) for v in every}
        return s.replace(msr=merged, believed=value, **shadows)

    def synced(s: Any, v: str) -> Any:
        vmcs = getattr(s, v)
        vmcs = vmcs.when(vmcs.cache != s.policy, mask=s.policy, cache=s.policy)
        return s.replace(**{v: vmcs.replace(shadow=s.believed)})

    def set_policy(s: Any, value: U64) -> Any:
        s = s.replace(policy=value)
        for v in every:
            there = synced(s, v)
            s = s.replace(**{v: getattr(s, v).when(getattr(s, v).current, **_parts(getattr(there, v)))})
        return s

    def enter(s: Any) -> Any:
        return s.replace(msr=s.believed | s.policy, running=True)

    def leave(s: Any) -> Any:
        return s.replace(running=False)

    for body, running in ((guest_wrmsr, True), (set_policy, False), (enter, False), (leave, True)):
        body.__annotations__ = {key: U64 for key in ("value",) if key in body.__code__.co_varnames[:2]}
        design.action(by="environment", guard=(lambda s: s.running) if running else (lambda s: ~s.running))(body)
    for v in every:
        design.action(by="hypervisor", guard=lambda s: ~s.running)(_switch(v, every, synced))
    design.view(_named("running", lambda s: s.running))
    design.view(_named("msr", lambda s: s.msr))
    design.view(_named("policy", lambda s: s.policy))
    design.view(_named("believed", lambda s: s.believed))
    design.view(_named("shadow_error", lambda s: _joined([(getattr(s, v).shadow ^ s.believed) & _spread(getattr(s, v).current) for v in every])))

    @invariant("enforced")
    def enforced(v: Any) -> Bool:
        """While the guest runs, the policy's bits are set."""
        return implies(v.running, (v.msr & v.policy) == v.policy)

    @invariant("exact")
    def exact(v: Any) -> Bool:
        """While the guest runs, the other bits are the guest's."""
        return implies(v.running, v.msr == (v.believed | v.policy))

    @invariant("coherent")
    def coherent(v: Any) -> Bool:
        """The shadow of the current VMCS is what the guest wrote."""
        return v.shadow_error == 0

    design.configure("all")
    return design, [enforced, exact, coherent]


def _spread(condition: Bool) -> Word:
    return ite(condition, ~word(0), 0)


def _joined(words: list[Word]) -> Word:
    found = words[0]
    for one in words[1:]:
        found = found | one
    return found


def _parts(vmcs: Any) -> dict[str, Any]:
    return {"mask": vmcs.mask, "cache": vmcs.cache, "shadow": vmcs.shadow}


def _switch(target: str, every: list[str], synced: Callable[[Any, str], Any]) -> Callable[[Any], Any]:
    def body(s: Any) -> Any:
        s = s.replace(**{v: getattr(s, v).replace(current=v == target) for v in every})
        return synced(s, target)

    body.__name__ = f"switch_to_{target}"
    body.__annotations__ = {}
    return body
