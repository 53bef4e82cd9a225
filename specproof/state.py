"""States: frozen records of words, truth values and parts that are records themselves.

    class Vmcs(State):
        mask: U64 = field("IA32_SPEC_CTRL_MASK, 204AH", bits=SPEC_CTRL)
        shadow: U64 = field("IA32_SPEC_CTRL_SHADOW, 204CH", bits=SPEC_CTRL)

    class Vcpu(State):
        msr: U64 = field("IA32_SPEC_CTRL, MSR 48H", bits=SPEC_CTRL)
        vmcs01: Vmcs = part("the VMCS that KVM runs L1 with")

A step is one `return s.when(condition, msr=value)`. Fields that only report what a step did
(`observed`) are cleared before every action and are not part of the state between steps.
"""

from __future__ import annotations

import inspect
import linecache
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Self, dataclass_transform

from specproof.calling import caller, hints
from specproof.errors import ModelError, did_you_mean, placed
from specproof.terms import Bool, Term, Word, choose, coerce, conj


class Bits:
    """Names for the bits of a register: `SPEC_CTRL = Bits(IBRS=0, STIBP=1)`; `SPEC_CTRL.STIBP` is 0x2."""

    def __init__(self, /, **positions: int) -> None:
        """Each name with its position, 0 being the least significant bit. ModelError where a name stands for no bit, or two for one."""
        names: dict[int, str] = {}
        for name, position in positions.items():
            if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < WIDEST:
                raise ModelError(f"the position of {name} is {position!r}; write the number of a bit, as in Bits({name}=0), 0 being the lowest")
            if position in names:
                raise ModelError(f"{names[position]} and {name} are both bit {position}; give each bit one name")
            names[position] = name
        self.positions: Mapping[str, int] = dict(positions)

    def __getattr__(self, name: str) -> int:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return 1 << self.positions[name]
        except KeyError:
            raise ModelError(f"no bit is named {name!r}; {did_you_mean(name, self.positions)}") from None

    def names(self, value: int) -> str:
        """`IBRS|BHI_DIS_S|0x800` for a value; `0` for none."""
        known = [name for name, position in self.positions.items() if value >> position & 1]
        rest = value & ~sum(1 << position for position in self.positions.values())
        return "|".join(known + ([f"{rest:#x}"] if rest else [])) or "0"


@dataclass(frozen=True)
class Field:
    """One field of a state: what it is, where the fact is from, and how it behaves.

    `frozen` fields never change (a configuration, a capability); `ghost` fields exist for the proof
    only; `observed` fields say what the last step did, and of those the `quiet` ones nothing that a
    step's name does not say: claims need them, and the story of a run leaves them out.
    """

    doc: str
    source: str = ""
    bits: Bits | None = None
    frozen: bool = False
    ghost: bool = False
    observed: bool = False
    part: bool = False
    quiet: bool = False
    name: str = ""
    width: int = 0
    record: type[State] | None = None


def field(doc: str, *, source: str = "", bits: Bits | None = None) -> Any:
    """A word or a truth value of the state."""
    return Field(doc, source, bits)


def frozen(doc: str, *, source: str = "", bits: Bits | None = None) -> Any:
    """A word or a truth value that no action changes: a configuration or a capability."""
    return Field(doc, source, bits, frozen=True)


def ghost(doc: str, *, source: str = "", bits: Bits | None = None) -> Any:
    """A word or a truth value that only the proof has."""
    return Field(doc, source, bits, ghost=True)


def observed(doc: str, *, source: str = "", bits: Bits | None = None, quiet: bool = False) -> Any:
    """What the last step did; false or 0 before every action and in the initial state. A `quiet` one is not told of a step."""
    return Field(doc, source, bits, observed=True, quiet=quiet)


def part(doc: str) -> Any:
    """A record inside the record."""
    return Field(doc, part=True)


#: Bits of the widest word: more than any register has, and no more than certificates hold.
WIDEST = 4096

#: State types whose fields are being worked out: a part of one of them would never end.
_working: list[type[State]] = []


def fields(record: type[State]) -> Mapping[str, Field]:
    """The fields of a state type by name, in the order of their declaration; worked out once for each type."""
    known: Mapping[str, Field] | None = record.__dict__.get("_fields")
    if known is None:
        if record in _working:
            raise ModelError(placed(f"{record.__name__} has a part that has a {record.__name__} again: a state is finite", _place(record)))
        _working.append(record)
        try:
            known = _declared(record)
        finally:
            _working.remove(record)
        type.__setattr__(record, "_fields", known)
    return known


def _declared(record: type[State]) -> Mapping[str, Field]:
    found: dict[str, Field] = {}
    try:
        types = hints(record, record.__name__)
    except ModelError as error:
        raise ModelError(placed(str(error), _place(record))) from None
    for name, hint in types.items():
        declared = record.__dict__.get(name) or next((base.__dict__[name] for base in record.__mro__ if name in base.__dict__), None)
        if not name.startswith("_") or isinstance(declared, Field):
            try:
                found[name] = _field(record, name, hint, declared)
            except ModelError as error:
                raise ModelError(placed(str(error), _place(record, name))) from None
    return found


def _place(record: type[State], name: str = "") -> str:
    """`file:line` of a state type, or of the field of that name where its source can be read."""
    home = next((base for base in record.__mro__ if issubclass(base, State) and name in inspect.get_annotations(base)), record)
    file, _, line = home._place.rpartition(":")
    linecache.checkcache(file)
    below = enumerate(linecache.getlines(file)[int(line) :], int(line) + 1) if name and file else ()
    return next((f"{file}:{number}" for number, text in below if re.match(rf"\s+{name}\s*:", text)), home._place)


def _field(record: type[State], name: str, hint: Any, declared: object) -> Field:
    """A field as it is known once its annotation has been read."""
    if name.startswith("_") or name in State.__dict__:
        why = "begins with '_'" if name.startswith("_") else f"is what every state has, as in 's.{name}(...)'"
        raise ModelError(f"{record.__name__}: a field cannot be called {name!r}, which {why}; give it another name")
    if not isinstance(declared, Field):
        raise ModelError(f"{record.__name__}.{name} is declared without a sentence about it; write {name}: U64 = field('what it is')")
    what = f"{record.__name__}.{name}"
    width = _width(hint, what)
    inner = hint if width is None else None
    if inner is not None:
        fields(inner)
    if declared.part != (inner is not None):
        word = f"U{width}" if width in (8, 16, 32, 64) else f"Annotated[Word, {width}]"
        one, kind, write = ("a", inner.__name__, "part") if inner is not None else ("no", word if width else "Bool", "field")
        raise ModelError(f"{what} is {one} record; write {name}: {kind} = {write}('what it is')")
    _fits(declared.bits, width or 0, what)
    values = {**declared.__dict__, "name": name, "width": width or 0, "record": inner}
    return Field(**values)


def _fits(bits: Bits | None, width: int, what: str) -> None:
    """ModelError where a bit has a name that the word does not have."""
    for name, position in bits.positions.items() if bits is not None and width else ():
        if position >= width:
            raise ModelError(f"{what} has {width} bits, and {name} is bit {position}; the highest is {width - 1}")


def _width(hint: Any, what: str) -> int | None:
    """Bits of an annotation, 0 for Bool, None for a record."""
    if hint is Bool:
        return 0
    if typing.get_origin(hint) is typing.Annotated and hint.__origin__ is Word:
        width = hint.__metadata__[0]
        if isinstance(width, bool) or not isinstance(width, int) or not 0 < width <= WIDEST:
            raise ModelError(f"{what} has {width!r} bits; a word has 1 to {WIDEST}")
        _fits(_named(hint), width, what)
        return width
    if isinstance(hint, type) and issubclass(hint, State):
        return None
    raise ModelError(f"{what} has type {getattr(hint, '__name__', hint)}; write U64, U32, U16, U8, Annotated[Word, bits], Bool or a State")


def _named(hint: Any) -> Bits | None:
    """The names of the bits of an annotation, as in `Annotated[Word, 64, SPEC_CTRL]`."""
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Bits)), None)


@dataclass_transform(frozen_default=True, field_specifiers=(field, frozen, ghost, observed, part))
class State:
    """Base class of states; instances are frozen and hold terms."""

    _place: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Notes where it is written, for messages."""
        cls._place = caller()

    def __init__(self, /, **values: Any) -> None:
        """Every field by name; the engine does this, models write `replace` and `when`."""
        known = fields(type(self))
        missing = set(known) - set(values)
        if missing:
            raise ModelError(f"{type(self).__name__} needs a value for {sorted(missing)}")
        object.__setattr__(self, "_values", {name: self._coerced(known, name, value) for name, value in values.items()})

    @classmethod
    def _coerced(cls, known: Mapping[str, Field], name: str, value: Any) -> Any:
        if name not in known:
            raise ModelError(f"{cls.__name__} has no field {name!r}; {did_you_mean(name, known)}")
        declared = known[name]
        if declared.record is not None:
            if not isinstance(value, declared.record):
                raise ModelError(f"{cls.__name__}.{name}: a {declared.record.__name__} was expected, not {value!r}")
            return value
        return coerce(value, declared.width, f"{cls.__name__}.{name}")

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name not in (values := object.__getattribute__(self, "_values")):
            return object.__getattribute__(self, name)
        return values[name]

    def __getattr__(self, name: str) -> NoReturn:
        known = fields(type(self))
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModelError(f"{type(self).__name__} has no field {name!r}; {did_you_mean(name, known)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ModelError(f"states are frozen: instead of 's.{name} = ...' write 'return s.replace({name}=...)' or 's.when(condition, {name}=...)'")

    def __bool__(self) -> NoReturn:
        raise ModelError("a state has no truth value; compare its fields")

    def __repr__(self) -> str:
        return f"a state {type(self).__name__}"

    def replace(self, /, **changes: Any) -> Self:
        """The same state with some fields changed."""
        known = fields(type(self))
        coerced = {name: self._coerced(known, name, value) for name, value in changes.items()}
        new = object.__new__(type(self))
        object.__setattr__(new, "_values", {**self._values, **coerced})
        return new

    def when(self, condition: Bool, /, **changes: Any) -> Self:
        """The same state with some fields changed where `condition` holds."""
        return select(condition, self.replace(**changes), self)

    def matches(self, /, **values: Any) -> Bool:
        """All the named fields have these values."""
        wanted = self.replace(**values)
        return conj(_equal(wanted._values[name], self._values[name]) for name in values)

    _values: dict[str, Any]


S = typing.TypeVar("S", bound=State)


def _equal(a: Any, b: Any) -> Bool:
    if isinstance(a, State):
        return conj(_equal(a._values[name], b._values[name]) for name in a._values)
    return typing.cast(Bool, a == b)


def select(condition: Bool, then: S, otherwise: S) -> S:
    """`then` where `condition` holds, else `otherwise`, field by field."""
    if then is otherwise:
        return then
    merged = {}
    for name, value in then._values.items():
        other = otherwise._values[name]
        merged[name] = select(condition, value, other) if isinstance(value, State) else choose(condition, value, other)
    new = object.__new__(type(then))
    object.__setattr__(new, "_values", merged)
    return new


def leaves(record: type[State], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every word and truth value with its path, `vmcs01.mask`, parts spelt out."""
    for name, declared in fields(record).items():
        if declared.record is not None:
            yield from leaves(declared.record, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", declared


def assemble(record: type[S], values: Mapping[str, Term], prefix: str = "") -> S:
    """The state whose leaves have the given terms, by path."""
    parts: dict[str, Any] = {}
    for name, declared in fields(record).items():
        path = f"{prefix}{name}"
        parts[name] = assemble(declared.record, values, f"{path}.") if declared.record else values[path]
    return record(**parts)


def flatten(state: State, prefix: str = "") -> dict[str, Term]:
    """The terms of a state's leaves by path."""
    flat: dict[str, Term] = {}
    for name, value in state._values.items():
        if isinstance(value, State):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
