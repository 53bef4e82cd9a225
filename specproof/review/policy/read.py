"""Policies and pools: what their files say, checked against the rules of `models/capabilities.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

from specproof.errors import InputError, did_you_mean
from specproof.review.policy.lines import Source, read, shown

_RULES, _REGISTERS = "specproof.models.capabilities", "specproof.models.registers"


@cache
def rules() -> Any:
    """The rules about each bit, which are a model's."""
    return import_module(_RULES)


@cache
def bits() -> Mapping[str, int]:
    """The named bits of the register, by position."""
    found: Mapping[str, int] = import_module(_REGISTERS).SPEC_CTRL.positions
    return found


@dataclass(frozen=True)
class Force:
    """One bit that is forced, and for whom: capabilities that the host must have (`!` for must lack), CPUID of the guest, host types.

    `line` is where its bit stands, `pool_line` where its host types do.
    """

    bit: str
    to: int
    host: tuple[str, ...] = ()
    guest: tuple[str, ...] = ()
    pool: tuple[str, ...] = ()
    line: int = 0
    pool_line: int = 0

    def meant(self, host: Host, guest: frozenset[str]) -> bool:
        """Whether it is for this host and this guest."""
        return _all(self.host, host.capabilities) and _all(self.guest, guest) and (not self.pool or host.name in self.pool)


def _all(wanted: Sequence[str], has: frozenset[str]) -> bool:
    return all((name.removeprefix("!") in has) != name.startswith("!") for name in wanted)


@dataclass(frozen=True)
class Host:
    """A type of host: `virtualize`, the processor has the control; `emulate`, its hypervisor does the same by interception without."""

    name: str
    virtualize: bool = True
    emulate: bool = False
    cpuid: frozenset[str] = frozenset()
    arch_capabilities: frozenset[str] = frozenset()

    @property
    def capabilities(self) -> frozenset[str]:
        return self.cpuid | self.arch_capabilities

    @property
    def forces(self) -> bool:
        """Whether anything can be forced on its guests."""
        return self.virtualize or self.emulate

    @property
    def accepts(self) -> int:
        """The bits that its processor accepts."""
        found: int = rules().accepted(self.cpuid)
        return found


@dataclass(frozen=True)
class Policy:
    """A policy file. `guest` is the CPUID that guests see; `hosts` the pool, if the file names one."""

    name: str
    file: str
    force: tuple[Force, ...]
    guest: frozenset[str]
    hosts: tuple[Host, ...] = ()

    def on(self, host: Host) -> tuple[int, int]:
        """Mask and value on a host, as far as the host can force them."""
        mask = value = 0
        for one in self.force:
            bit = 1 << bits()[one.bit]
            if one.meant(host, self.guest) and host.forces and not self.refused(one, host):
                mask |= bit
                value |= bit * one.to
        return mask, value

    def refused(self, one: Force, host: Host) -> bool:
        """Whether the host cannot set the bit: its processor rejects it, or ignores it."""
        return one.to == 1 and rules().RULES[one.bit].feature not in host.cpuid


_HOST = ("name", "virtualize", "emulate", "cpuid", "arch_capabilities")
_FORCE = ("bit", "to", "host", "guest", "pool")


def policy(file: str) -> Policy:
    """A policy file; InputError with its line where something in it is not what it should be."""
    source = read(file)
    source.only(source.values, ("name", "guest", "force", "host", "mask", "value"))
    hosts = _hosts(source)
    guest = source.names(source.values, "guest")
    for name in guest:
        _known(source, name, rules().FEATURES, "CPUID feature", "", 0, "guest")
    mask = _word(source, "mask")
    value = _word(source, "value")
    force = _raw(source, mask, value)
    for number, entry in enumerate(source.tables("force")):
        force.append(_force(source, entry, number, mask))
    _contradictions(source, force, len(force) - len(source.tables("force")))
    name = source.name({"name": file, **source.values}, "a policy")
    if not force and mask:
        raise source.error("this mask has no values; write value = [...], or [[force]] for each bit", "", 0, "mask")
    if mask is not None:
        left = [bit for bit, position in bits().items() if mask >> position & 1 and bit not in {one.bit for one in force}]
        if left:
            raise source.error(f"mask has {', '.join(left)} without a value; write [[force]] for each, or leave it out of mask", "", 0, "mask")
    if not force and mask is None:
        raise source.error("this policy forces nothing; write [[force]] with 'bit' and 'to', or mask = [] to say so")
    return Policy(name, file, tuple(force), frozenset(guest), tuple(hosts))


def _word(source: Source, key: str) -> int | None:
    """A mask or a value: a number or a list of named bits."""
    if key not in source.values:
        return None
    found = source.values[key]
    known = sum(1 << position for position in bits().values())
    if isinstance(found, int) and not isinstance(found, bool):
        if not 0 <= found < 1 << 64:
            raise source.error(f"{key} = {found:#x} does not fit in 64 bits", "", 0, key)
        if found & ~known:
            low = (found & ~known).bit_length() - 1
            raise source.error(f"{key} = {found:#x} has bit {low}, which has no name; known: {', '.join(bits())}", "", 0, key)
        return found
    if isinstance(found, list):
        total = 0
        for name in source.names(source.values, key):
            total |= 1 << bits()[_known(source, name, tuple(bits()), "bit", "", 0, key)]
        return total
    raise source.error(f"{key} = {shown(found)}: a number or a list of bits was expected", "", 0, key)


def _raw(source: Source, mask: int | None, value: int | None) -> list[Force]:
    """Bits that are forced by `value` within `mask`, as KVM_CAP_FORCE_SPEC_CTRL takes them."""
    if value is None:
        return []
    if mask is None:
        raise source.error("'value' goes with 'mask': the bits that are forced", "", 0, "value")
    outside = value & ~mask
    if outside:
        names = ", ".join(name for name, position in bits().items() if outside >> position & 1)
        raise source.error(f"value has {names} outside of mask; a bit that is not masked is the guest's", "", 0, "value")
    line = source.line("", 0, "mask")
    return [Force(name, value >> position & 1, line=line) for name, position in bits().items() if mask >> position & 1]


def _force(source: Source, entry: Mapping[str, Any], number: int, mask: int | None) -> Force:
    source.only(entry, _FORCE, "force", number)
    bit = _known(source, source.text(entry, "bit", "force", number), tuple(bits()), "bit", "force", number, "bit")
    to = entry.get("to")
    if isinstance(to, bool) or not isinstance(to, int) or to not in (0, 1):
        what = f"to = {shown(to)}: 0 or 1 was expected" if "to" in entry else "this [[force]] has no 'to'; write to = 0 or to = 1"
        raise source.error(what, "force", number, "to")
    if mask is not None and not mask >> bits()[bit] & 1:
        raise source.error(f"{bit} is forced to {to} and is not in mask", "force", number, "bit")
    known = (*rules().FEATURES, *rules().ARCH_CAPABILITIES)
    wanted = {key: source.names(entry, key, "force", number) for key in ("host", "guest", "pool")}
    for key, names, what in (("host", known, "capability"), ("guest", rules().FEATURES, "CPUID feature")):
        for name in wanted[key]:
            _known(source, name.removeprefix("!"), names, what, "force", number, key)
    lines = (source.line("force", number, key) for key in ("bit", "pool"))
    return Force(bit, to, wanted["host"], wanted["guest"], wanted["pool"], *lines)


def _contradictions(source: Source, force: Sequence[Force], raw: int) -> None:
    """No bit is forced to both values for the same guests on the same hosts."""
    for later, one in enumerate(force):
        for other in force[:later]:
            if one.bit == other.bit and one.to != other.to and not _apart(one, other):
                raise source.error(
                    f"{one.bit} is forced to {one.to} here and to {other.to} in line {other.line}, for hosts or guests that can be the same",
                    "force", later - raw, "to",
                )  # fmt: skip


def _apart(one: Force, other: Force) -> bool:
    """Whether nobody can be meant by both."""
    for mine, theirs in ((one.host, other.host), (one.guest, other.guest)):
        if any(f"!{name}" in theirs or (name.startswith("!") and name[1:] in theirs) for name in mine):
            return True
    return bool(one.pool and other.pool and not set(one.pool) & set(other.pool))


def _known(source: Source, name: str, names: Sequence[str], what: str, table: str, number: int, key: str) -> str:
    if name not in names:
        raise source.error(f"there is no {what} {name!r}; {did_you_mean(name, names)}", table, number, key)
    return name


def check_pool(policy: Policy, hosts: Sequence[Host]) -> None:
    """Every type of host that a policy names is its own or one of these; InputError with file and line where one is neither."""
    known = [host.name for host in (*policy.hosts, *hosts)]
    for one in policy.force:
        for name in one.pool:
            if name not in known:
                tail = "" if known else "; write a [[host]] of that name, or give --pool POOL.toml"
                raise InputError(f"{policy.file}:{one.pool_line}: there is no host type {name!r}; {did_you_mean(name, known)}{tail}")


def pool(file: str) -> tuple[Host, ...]:
    """The types of hosts that a file names."""
    source = read(file)
    source.only(source.values, ("name", "host"))
    hosts = _hosts(source)
    if not hosts:
        raise source.error("this pool has no [[host]]")
    return tuple(hosts)


def _hosts(source: Source) -> list[Host]:
    found: list[Host] = []
    for number, entry in enumerate(source.tables("host")):
        source.only(entry, _HOST, "host", number)
        name = source.name(entry, "a type of host", "host", number)
        if any(name == other.name for other in found):
            raise source.error(f"two types of hosts are named {name!r}", "host", number, "name")
        cpuid, arch = source.names(entry, "cpuid", "host", number), source.names(entry, "arch_capabilities", "host", number)
        for one in cpuid:
            _known(source, one, rules().FEATURES, "CPUID feature", "host", number, "cpuid")
        for one in arch:
            _known(source, one, tuple(rules().ARCH_CAPABILITIES), "bit of ARCH_CAPABILITIES", "host", number, "arch_capabilities")
        virtualize = source.flag(entry, "virtualize", "host", number, default=False)
        emulate = source.flag(entry, "emulate", "host", number, default=False)
        found.append(Host(name, virtualize, emulate, frozenset(cpuid), frozenset(arch)))
    if len(found) > 32:
        raise source.error(f"{len(found)} types of hosts; at most 32 are decided together", "host", 32)
    return found


def any_host() -> Host:
    """Where no pool is named: a processor that has every bit, is exposed to everything, and has the control."""
    exposed = frozenset(rule.needs for rule in rules().RULES.values() if rule.needs)
    return Host("a host with every bit", True, False, frozenset(rules().FEATURES), exposed)


def any_hosts(old: Policy, new: Policy) -> tuple[Host, ...]:
    """Where no pool is named: that host, and the same with and without each of the capabilities on which one of the two policies alone depends."""
    apart = sorted({name.removeprefix("!") for one in _said(old) ^ _said(new) for name in one.host})
    if len(apart) > _APART:
        raise InputError(f"{new.file}: the two policies depend on {', '.join(apart)} in other ways; give the hosts, --pool POOL.toml")
    hosts = [any_host()]
    for name in apart:
        hosts += [_turned(host, name) for host in hosts]
    return tuple(hosts)


#: Capabilities on which two policies may depend in other ways and be compared without a pool: each doubles the hosts.
_APART = 4


def _said(policy: Policy) -> set[Force]:
    """What a policy forces and where, wherever in its file."""
    return {replace(one, line=0, pool_line=0, host=tuple(sorted(one.host))) for one in policy.force}


def _turned(host: Host, name: str) -> Host:
    """The host without a capability that it has, or with one that it has not."""
    word = "without" if name in host.capabilities else "with"
    key = "cpuid" if name in rules().FEATURES else "arch_capabilities"
    return replace(host, name=f"{host.name}{' and' if host.name != any_host().name else ''} {word} {name}", **{key: getattr(host, key) ^ {name}})
