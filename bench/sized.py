"""Designs of any size, each large in one way that hypervisors are: `guests:N`, `vcpus:N`, `depth:N`, `policies:N`.

`guests:N`: an L1 with N L2 guests, each with a vmcs02 that caches what was last written to its mask. `vcpus:N`:
N virtual CPUs that share a policy of the whole machine and nothing else. `depth:N`: N hypervisors one inside the
other, each with a mask for the next, outright. `policies:N`: one virtual CPU and N words that together say what
is required.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from specproof import U64, Bool, Claim, Design, State, Word, conj, disj, field, implies, invariant, ite, part, word


def scaled(name: str) -> tuple[Design[Any], list[Claim]]:
    """The design that a name asks for, with its claims."""
    kind, _, size = name.partition(":")
    return KINDS[kind](name, int(size))


def _record(kind: str, fields: dict[str, tuple[Any, Any]]) -> type[State]:
    annotations = {name: what for name, (what, _) in fields.items()}
    return type(kind, (State,), {"__annotations__": annotations, "__module__": __name__, **{name: one for name, (_, one) in fields.items()}})


def _named(name: str, body: Callable[..., Any], **inputs: Any) -> Callable[..., Any]:
    body.__name__, body.__annotations__ = name, inputs
    return body


def _sets(name: str, path: str) -> Callable[..., Any]:
    return _named(name, lambda s, value: s.replace(**{path: value}), value=U64)


def _all(words: Sequence[Word]) -> Word:
    found = words[0]
    for one in words[1:]:
        found = found | one
    return found


def _spread(condition: Bool) -> Word:
    return ite(condition, ~word(0), 0)


def _design(name: str, record: type[State], doc: str, start: Callable[[Any], Bool]) -> Design[Any]:
    design: Design[Any] = Design(name, record, doc=doc)
    design.initial(start)
    design.setting("all", lambda s: word(0) == word(0))
    design.configure("all")
    return design


class Vmcs02(State):
    """What L0 runs one L2 guest with."""

    mask: U64 = field("the mask field")
    cache: U64 = field("what L0 believes the mask field to be")
    current: Bool = field("it is loaded")


def _guests(name: str, count: int) -> tuple[Design[Any], list[Claim]]:
    every = [f"v{k}" for k in range(count)]
    words = {key: (U64, field(key)) for key in ("msr", "policy", "l1_mask", "guest")}
    record = _record("L1", {**words, "in_l2": (Bool, field("L2 runs")), **{v: (Vmcs02, part(f"of L2 guest {v}")) for v in every}})
    zero = {"mask": 0, "cache": 0, "current": False}
    design = _design(name, record, f"An L1 with {count} L2 guests", lambda s: s.matches(
        msr=0, policy=0, l1_mask=0, guest=0, in_l2=False, **{v: getattr(s, v).replace(**zero) for v in every}))  # fmt: skip

    def enter(v: str) -> Callable[[Any], Any]:
        def body(s: Any) -> Any:
            wanted = s.policy | s.l1_mask
            there = getattr(s, v)
            there = there.when(there.cache != wanted, mask=wanted, cache=wanted).replace(current=True)
            others = {other: getattr(s, other).replace(current=False) for other in every if other != v}
            return s.replace(**{v: there}, **others, in_l2=True, msr=s.guest | there.mask)

        return body

    for v in every:
        design.action(by="hypervisor", guard=lambda s: ~s.in_l2)(_named(f"enter_{v}", enter(v)))

    def loaded(s: Any) -> Word:
        return _all([getattr(s, v).mask & _spread(getattr(s, v).current) for v in every])

    design.action(by="guest", guard=lambda s: s.in_l2)(_named("wrmsr", lambda s, value: s.replace(guest=value, msr=value | loaded(s)), value=U64))
    design.action(by="hypervisor", guard=lambda s: s.in_l2)(_named("leave", lambda s: s.replace(in_l2=False, msr=s.policy)))
    design.action(by="host", guard=lambda s: ~s.in_l2)(_named("set_policy", lambda s, value: s.replace(policy=value), value=U64))
    design.action(by="L1", guard=lambda s: ~s.in_l2)(_named("set_mask", lambda s, value: s.replace(l1_mask=value), value=U64))
    for key in ("in_l2", "msr", "guest", "policy", "l1_mask"):
        design.view(_named(key, lambda s, key=key: getattr(s, key)))

    @invariant("enforced")
    def enforced(v: Any) -> Bool:
        """In L2 the host's and L1's bits are set."""
        return implies(v.in_l2, (v.msr & (v.policy | v.l1_mask)) == (v.policy | v.l1_mask))

    @invariant("exact")
    def exact(v: Any) -> Bool:
        """In L2 every other bit is the guest's."""
        return implies(v.in_l2, (v.msr ^ (v.guest | v.policy | v.l1_mask)) == 0)

    return design, [enforced, exact]


class Vcpu(State):
    """One virtual CPU."""

    msr: U64 = field("the register")
    cache: U64 = field("the policy that was last applied")
    guest: U64 = field("what the guest wrote")
    runs: Bool = field("the guest runs")
    stale: Bool = field("the policy changed since the last entry")


def _vcpus(name: str, count: int) -> tuple[Design[Any], list[Claim]]:
    every = [f"c{k}" for k in range(count)]
    record = _record("Vm", {"policy": (U64, field("of the whole machine")), **{c: (Vcpu, part(f"virtual CPU {c}")) for c in every}})
    zero = {"msr": 0, "cache": 0, "guest": 0, "runs": False, "stale": False}
    design = _design(name, record, f"{count} virtual CPUs under one policy", lambda s: s.matches(
        policy=0, **{c: getattr(s, c).replace(**zero) for c in every}))  # fmt: skip

    def on(c: str, change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        return lambda s: s.replace(**{c: change(s, getattr(s, c))})

    def runs(c: str, wanted: bool) -> Callable[[Any], Bool]:
        return lambda s: getattr(s, c).runs if wanted else ~getattr(s, c).runs

    def enter(s: Any, c: Any) -> Any:
        c = c.when(c.stale, cache=s.policy, stale=False)
        return c.replace(runs=True, msr=c.guest | c.cache)

    def written(name: str, c: str) -> Callable[..., Any]:
        return _named(name, lambda s, value: s.replace(**{c: getattr(s, c).replace(guest=value, msr=value | getattr(s, c).cache)}), value=U64)

    def kick(s: Any, value: Word) -> Any:
        return s.replace(policy=value, **{c: getattr(s, c).replace(runs=False, stale=True) for c in every})

    for c in every:
        design.action(by="hypervisor", guard=runs(c, False))(_named(f"enter_{c}", on(c, enter)))
        design.action(by="hypervisor", guard=runs(c, True))(_named(f"leave_{c}", on(c, lambda s, c: c.replace(runs=False))))
        design.action(by="guest", guard=runs(c, True))(written(f"wrmsr_{c}", c))
    design.action(by="host")(_named("set_policy", kick, value=U64))
    claims = []
    for c in every:
        for key in ("msr", "guest", "runs"):
            design.view(_named(f"{key}_{c}", lambda s, c=c, key=key: getattr(getattr(s, c), key)))
        claims += _of_vcpu(c)
    design.view(_named("policy", lambda s: s.policy))
    return design, claims


def _of_vcpu(c: str) -> list[Claim]:
    @invariant(f"enforced-{c}")
    def enforced(v: Any) -> Bool:
        """While this one runs the policy's bits are set in its register."""
        return implies(getattr(v, f"runs_{c}"), (getattr(v, f"msr_{c}") & v.policy) == v.policy)

    @invariant(f"free-{c}")
    def free(v: Any) -> Bool:
        """No bit is ever set that the guest did not write: refuted by any policy."""
        return implies(getattr(v, f"runs_{c}"), (getattr(v, f"msr_{c}") & ~getattr(v, f"guest_{c}")) == 0)

    return [enforced, free]


def _depth(name: str, count: int) -> tuple[Design[Any], list[Claim]]:
    levels = range(count)
    fields: dict[str, tuple[Any, Any]] = {"msr": (U64, field("the register")), "guest": (U64, field("what the running level wrote"))}
    fields |= {f"mask{k}": (U64, field(f"what L{k} enforces on all above it")) for k in levels}
    fields |= {f"above{k}": (Bool, field(f"a level above L{k} runs")) for k in levels}
    record = _record("Tower", fields)
    design = _design(name, record, f"{count} hypervisors, one inside the other", lambda s: s.matches(
        msr=0, guest=0, **{f"mask{k}": 0 for k in levels}, **{f"above{k}": False for k in levels}))  # fmt: skip

    def required(s: Any) -> Word:
        return _all([getattr(s, f"mask{k}") & _spread(getattr(s, f"above{k}")) for k in levels])

    def at(k: int) -> Callable[[Any], Bool]:
        """L`k` runs: every level below it is below the running one, and it is not."""
        return lambda s: conj([*(getattr(s, f"above{j}") for j in range(k)), *([~getattr(s, f"above{k}")] if k < count else [])])

    def enter(k: int) -> Callable[[Any], Any]:
        def body(s: Any) -> Any:
            s = s.replace(**{f"above{k}": True})
            return s.replace(msr=s.guest | required(s))

        return body

    def leave(k: int) -> Callable[[Any], Any]:
        def body(s: Any) -> Any:
            s = s.replace(**{f"above{j}": False for j in range(k, count)})
            return s.replace(msr=s.guest | required(s))

        return body

    for k in levels:
        design.action(by=f"L{k}", guard=at(k))(_named(f"enter_L{k + 1}", enter(k)))
        design.action(by=f"L{k}", guard=lambda s, k=k: getattr(s, f"above{k}"))(_named(f"exit_to_L{k}", leave(k)))
        design.action(by=f"L{k}", guard=at(k))(_sets(f"set_mask{k}", f"mask{k}"))
    design.action(by="guest", guard=at(count))(_named("wrmsr", lambda s, value: s.replace(guest=value, msr=value | required(s)), value=U64))
    design.view(_named("required", required))
    for key in ("msr", "guest"):
        design.view(_named(key, lambda s, key=key: getattr(s, key)))
    design.view(_named("nested", lambda s: disj([getattr(s, f"above{k}") for k in levels])))

    @invariant("enforced")
    def enforced(v: Any) -> Bool:
        """Above L0 every mask below the running level is enforced."""
        return implies(v.nested, (v.msr & v.required) == v.required)

    @invariant("exact")
    def exact(v: Any) -> Bool:
        """Above L0 every other bit is what was written."""
        return implies(v.nested, (v.msr ^ (v.guest | v.required)) == 0)

    return design, [enforced, exact]


def _policies(name: str, count: int) -> tuple[Design[Any], list[Claim]]:
    fields: dict[str, tuple[Any, Any]] = {key: (U64, field(key)) for key in ("msr", "guest", *(f"p{k}" for k in range(count)))}
    record = _record("Host", {**fields, "runs": (Bool, field("the guest runs"))})
    design = _design(name, record, f"{count} words of policy", lambda s: s.matches(msr=0, guest=0, runs=False, **{f"p{k}": 0 for k in range(count)}))

    def required(s: Any) -> Word:
        return _all([getattr(s, f"p{k}") for k in range(count)])

    for k in range(count):
        design.action(by="host", guard=lambda s: ~s.runs)(_sets(f"set_p{k}", f"p{k}"))
    design.action(by="hypervisor", guard=lambda s: ~s.runs)(_named("enter", lambda s: s.replace(runs=True, msr=s.guest | required(s))))
    design.action(by="hypervisor", guard=lambda s: s.runs)(_named("leave", lambda s: s.replace(runs=False)))
    written = _named("wrmsr", lambda s, value: s.replace(guest=value, msr=value | required(s)), value=U64)
    design.action(by="guest", guard=lambda s: s.runs)(written)
    design.view(_named("required", required))
    for key in ("msr", "guest", "runs"):
        design.view(_named(key, lambda s, key=key: getattr(s, key)))

    @invariant("enforced")
    def enforced(v: Any) -> Bool:
        """While the guest runs everything that is required is set."""
        return implies(v.runs, (v.msr & v.required) == v.required)

    @invariant("exact")
    def exact(v: Any) -> Bool:
        """While the guest runs every other bit is the guest's."""
        return implies(v.runs, (v.msr ^ (v.guest | v.required)) == 0)

    return design, [enforced, exact]


#: What makes a design of each kind, of a name and a size.
KINDS: dict[str, Callable[[str, int], tuple[Design[Any], list[Claim]]]] = {"guests": _guests, "vcpus": _vcpus, "depth": _depth, "policies": _policies}
