"""The one object that every form of a counterexample is made from.

    Story
      subject        design, configuration, claim, and the fields of the state with their documentation
      moments        the state initially and after each step, with the bits whose value does not matter
      beats          one a step: who acted, where the source says so, what changed and by which helper
      formula        the violated claim, with its values put in, bit by bit where it fails
      alike, turn, prevention, beside      what an analysis found out, None where it was not asked

Values are integers, names are text: nothing here knows terms, so a story can be written to a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from specproof.state import Field


@dataclass(frozen=True)
class Value:
    """A named value; bits of `free` may be any."""

    name: str
    value: int
    width: int
    free: int = 0
    bits: Mapping[str, int] | None = None

    @property
    def any(self) -> bool:
        """Whether no bit of it matters."""
        return bool(self.free) and self.free == (1 << max(1, self.width)) - 1


@dataclass(frozen=True)
class Change:
    """A field that a step changed, the helper of the model that wrote it, where it was one, and what it was made of."""

    path: str
    before: Value
    after: Value
    writer: str = ""
    event: bool = False
    ghost: bool = False
    sources: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True)
class Beat:
    """One step as it is told. `place` is the file and line of the action in the model."""

    number: int
    action: str
    by: str
    source: str
    sentence: str
    place: str
    inputs: tuple[Value, ...]
    changes: tuple[Change, ...]

    def input(self, name: str) -> int:
        """The value of an input; 0 where there is none of that name."""
        return next((value.value for value in self.inputs if value.name == name), 0)


@dataclass(frozen=True)
class BitLine:
    """The failing formula at one bit: `(effective 0 & required_mask 1) == required_value 1`."""

    position: int
    name: str
    text: str


@dataclass(frozen=True)
class Formula:
    """The claim as a formula over what it looks at, and where it fails. `meanings`: what each of these is, in a sentence."""

    text: str
    put_in: str
    values: tuple[Value, ...]
    atoms: tuple[str, ...]
    failing: tuple[BitLine, ...]
    positions: tuple[int, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Alike:
    """Sequences of actions of the shortest length that end in the violation; `exact` where there are no more."""

    count: int
    exact: bool
    others: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Turn:
    """Where the run leaves what is sane, and until when something could put it right.

    `sane` says what the measure is: states that the reference can be in, or (without one) states as far
    from the violation as the start. `left` is the first moment that is not sane, `lost` the first from
    which no way leads back but starting over, None where there is none. `ways` has for each moment
    before the end the shortest way back.
    """

    sane: str
    left: int | None
    lost: int | None
    ways: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Repair:
    """A change of the model that makes the run impossible; `all_runs` where no other run violates the claim then either."""

    text: str
    all_runs: bool
    where: str = ""


@dataclass(frozen=True)
class Difference:
    """Something that the two designs have with different values."""

    name: str
    here: Value
    there: Value


@dataclass(frozen=True)
class Row:
    """One moment of the run in the reference design: what it did, and where it differs."""

    status: str
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]
    state: Mapping[str, int]


@dataclass(frozen=True)
class Beside:
    """The same actions and inputs through the reference design. `first` is the first moment that differs; `holds` is
    None where the claim cannot be asked of the reference."""

    reference: str
    rows: tuple[Row, ...]
    first: int | None
    holds: bool | None


@dataclass(frozen=True)
class Story:
    """A run that was replayed, with everything that a reader needs. `given`: fields that every run starts with as this one does."""

    design: str
    configuration: str
    claim: str
    id: str
    kind: str
    sentence: str
    purpose: str
    without: tuple[str, ...]
    fingerprint: str
    fields: Mapping[str, Field]
    moments: tuple[Mapping[str, int], ...]
    free: tuple[Mapping[str, int], ...]
    beats: tuple[Beat, ...]
    formula: Formula | None = None
    shortest: bool = True
    alike: Alike | None = None
    turn: Turn | None = None
    prevention: tuple[Repair, ...] | None = None
    beside: Beside | None = None
    file: str = ""
    given: frozenset[str] = frozenset()

    @property
    def length(self) -> int:
        return len(self.beats)

    def fields_event(self, path: str) -> bool:
        """Whether a name is that of a field which only reports what a step did."""
        return path in self.fields and self.fields[path].observed

    @property
    def initial(self) -> tuple[Value, ...]:
        """What the first state has that is not 0, or that may be anything."""
        found = [self.value(0, path) for path, declared in self.fields.items() if not declared.observed]
        return tuple(value for value in found if value.value or value.free)

    def value(self, moment: int, path: str) -> Value:
        """A field at a moment."""
        declared = self.fields[path]
        bits = declared.bits.positions if declared.bits else None
        return Value(path, self.moments[moment].get(path, 0), declared.width, self.free[moment].get(path, 0), bits)


def named(value: int, width: int, bits: Mapping[str, int] | None, free: int = 0) -> str:
    """`0x400 BHI_DIS_S`, `true`, `0`, `any`, `0x4 SSBD, other bits any`."""
    ones = (1 << max(1, width)) - 1
    if free and free & ones == ones:
        return "any"
    text = _known(value & ~free, width, bits)
    return f"{text} (other bits any)" if free else text


def _known(value: int, width: int, bits: Mapping[str, int] | None) -> str:
    if not width:
        return "true" if value else "false"
    if not value:
        return "0"
    missing = ((1 << width) - 1) ^ value
    if not missing:
        return f"{value:#x} all bits"
    if bits is None:
        return str(value) if value == 1 else f"{value:#x}"
    if missing.bit_count() < 8 and value.bit_count() > 8:
        return f"{value:#x} all but {_names(missing, bits)}"
    names = _names(value, bits)
    return names if names == f"{value:#x}" else f"{value:#x} {names}"


def _names(value: int, bits: Mapping[str, int]) -> str:
    known = [name for name, position in bits.items() if value >> position & 1]
    rest = value & ~sum(1 << position for position in bits.values())
    return "|".join(known + ([f"{rest:#x}"] if rest else []))


def shown(value: Value) -> str:
    """A value as every form prints it."""
    return named(value.value, value.width, value.bits, value.free)
