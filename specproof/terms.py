"""Terms: what a model's functions compute when they run once on variables.

A term is an immutable node `operator(arguments)`. `Word` is an unsigned bit-vector of a fixed
width, `Bool` a truth value. Equal terms are one object, so that "unchanged" is `is`. What an operator
means is not said here: every file in `readings/` is a table `operator -> meaning` for `fold`.

Terms have no truth value, and `==` builds a term: compare terms with `is`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NoReturn, TypeVar, cast, overload
from weakref import ref

from specproof.errors import ModelError

#: Every operator, with the sort of its result. Each reading must give all of them a meaning.
OPERATORS: Mapping[str, str] = {
    "const": "both", "var": "both", "not": "both", "and": "both", "or": "both", "xor": "both",
    "ite": "both", "add": "word", "shl": "word", "lshr": "word", "extract": "word", "zext": "word",
    "eq": "bool", "ult": "bool", "bit": "bool", "implies": "bool",
}  # fmt: skip


class Term:
    """A node of the graph. `width` is in bits, 0 for a `Bool`; `data` is the constant's value, the
    variable's name, the bit's or the shift's index, or `(high, low)` of an extraction."""

    __slots__ = ("__weakref__", "args", "data", "op", "width")
    op: str
    args: tuple[Term, ...]
    data: Any
    width: int

    def __bool__(self) -> NoReturn:
        raise ModelError(
            f"the term {_short(self)} has no truth value: it stands for every state at once. "
            "Instead of 'if', 'and', 'or', 'not' or 'in', write 's.when(condition, field=value)', "
            "'ite(condition, a, b)', '&', '|' or '~'"
        )

    def __index__(self) -> NoReturn:
        raise ModelError(f"the term {_short(self)} is no number: it stands for every state at once; write what is computed of it as a term")

    __int__ = __index__

    def __iter__(self) -> NoReturn:
        raise ModelError(f"the term {_short(self)} is not a sequence; take one bit with '.bit(k)', several with '.extract(high, low)'")

    def __getitem__(self, index: object) -> NoReturn:
        self.__iter__()

    def __repr__(self) -> str:
        return _short(self)

    __hash__ = object.__hash__


def _short(term: Term) -> str:
    from specproof.readings.text import show  # the printer is a reading, and readings import terms

    text = show(term)
    return text if len(text) <= 80 else text[:77] + "..."


class _Held(ref[Term]):
    """A term that is found by its parts as long as somebody else holds it; what `WeakValueDictionary` does, in half the time."""

    __slots__ = ("parts",)
    parts: tuple[Any, ...]


_interned: dict[tuple[Any, ...], _Held] = {}


def _gone(held: _Held, interned: dict[tuple[Any, ...], _Held] = _interned) -> None:
    if interned.get(held.parts) is held:  # the same parts may have been put together again
        del interned[held.parts]


def make(op: str, args: tuple[Term, ...], width: int, data: Any = None) -> Term:
    """The one node with these parts, unsimplified."""
    parts = (op, args, width, data)
    held = _interned.get(parts)
    found = None if held is None else held()
    if found is None:
        found = object.__new__(Word if width else Bool)
        found.op, found.args, found.width, found.data = op, args, width, data
        held = _interned[parts] = _Held(found, _gone)
        held.parts = parts
    return found


class Bool(Term):
    """A truth value. `& | ^ ~ ==` build terms."""

    __slots__ = ()

    def __and__(self, other: Bool | bool) -> Bool:
        return conj((self, _bool(other)))

    def __or__(self, other: Bool | bool) -> Bool:
        return disj((self, _bool(other)))

    def __xor__(self, other: Bool | bool) -> Bool:
        return cast(Bool, _xor(self, _bool(other)))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Bool:
        return cast(Bool, _not(self))

    def __eq__(self, other: object) -> Bool:  # type: ignore[override]
        return ~(self ^ _bool(other))

    def __ne__(self, other: object) -> Bool:  # type: ignore[override]
        return self ^ _bool(other)

    __hash__ = object.__hash__


class Word(Term):
    """An unsigned bit-vector. `& | ^ ~ + << >> == != < <= > >=` build terms; shifts take a number."""

    __slots__ = ()

    def __and__(self, other: Word | int) -> Word:
        return cast(Word, _and(self, _word(other, self.width)))

    def __or__(self, other: Word | int) -> Word:
        return cast(Word, _or(self, _word(other, self.width)))

    def __xor__(self, other: Word | int) -> Word:
        return cast(Word, _xor(self, _word(other, self.width)))

    def __add__(self, other: Word | int) -> Word:
        right = _word(other, self.width)
        if _is_const(self, 0):
            return right
        if _is_const(right, 0):
            return self
        return _fold_const("add", (self, right), self.width)

    __rand__, __ror__, __rxor__, __radd__ = __and__, __or__, __xor__, __add__

    def __invert__(self) -> Word:
        return cast(Word, _not(self))

    def __sub__(self, other: object) -> NoReturn:
        raise ModelError("words have no '-': instead of 'a - b' write 'a + ~b + 1', and for bits to be cleared 'a & ~b'")

    __rsub__ = __sub__

    def __neg__(self) -> NoReturn:
        raise ModelError("words have no '-': instead of '-a' write '~a + 1', and for all bits but those of a '~a'")

    def __mul__(self, other: object) -> NoReturn:
        raise ModelError("words have no '*', '/', '//', '%' or '**': with a power of two write 'a << k', 'a >> k' or 'a & (2**k - 1)'")

    __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __mul__

    def __lshift__(self, by: int) -> Word:
        by = self._index(by, "shift")
        return _fold_const("shl", (self,), self.width, by) if by else self

    def __rshift__(self, by: int) -> Word:
        by = self._index(by, "shift")
        return _fold_const("lshr", (self,), self.width, by) if by else self

    def extract(self, high: int, low: int) -> Word:
        """Bits `high` down to `low`, both included, as a word of `high - low + 1` bits."""
        if self._index(low, "bit") > self._index(high, "bit"):
            raise ModelError(f"extract({high}, {low}): the high bit comes first")
        width = high - low + 1
        return self if width == self.width else _fold_const("extract", (self,), width, (high, low))

    def zext(self, width: int) -> Word:
        """The same number in `width` bits, which must not be fewer."""
        if width < self.width:
            raise ModelError(f"zext({width}) of a word of {self.width} bits: use extract to narrow it")
        return self if width == self.width else _fold_const("zext", (self,), width)

    def bit(self, index: int) -> Bool:
        """Bit `index` as a truth value; bit 0 is the least significant."""
        index = self._index(index, "bit")
        if self.op == "const":
            return boolean(bool(self.data >> index & 1))
        return cast(Bool, make("bit", (self,), 0, index))

    def __eq__(self, other: object) -> Bool:  # type: ignore[override]
        return _eq(self, _word(other, self.width))

    def __ne__(self, other: object) -> Bool:  # type: ignore[override]
        return ~_eq(self, _word(other, self.width))

    def __lt__(self, other: Word | int) -> Bool:
        return _ult(self, _word(other, self.width))

    def __gt__(self, other: Word | int) -> Bool:
        return _ult(_word(other, self.width), self)

    def __le__(self, other: Word | int) -> Bool:
        return ~(self > other)

    def __ge__(self, other: Word | int) -> Bool:
        return ~(self < other)

    __hash__ = object.__hash__

    def _index(self, value: int, what: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < self.width:
            raise ModelError(f"a {what} of {value!r} in a word of {self.width} bits: write a number from 0 to {self.width - 1}")
        return value


U64 = Annotated[Word, 64]
U32 = Annotated[Word, 32]
U16 = Annotated[Word, 16]
U8 = Annotated[Word, 8]


def word(value: int, width: int = 64) -> Word:
    """The constant `value` in `width` bits; a value that does not fit is an error."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ModelError(f"a word of {width} bits was expected, not {value!r}")
    if not 0 <= value < 1 << width:
        size = f", {width}" if width != 64 else ""
        ones = f" (of a number: ~word({~value:#x}{size}))" if 0 <= ~value < 1 << width else ""
        raise ModelError(f"{value:#x} does not fit in {width} bits; words are unsigned, and '~' belongs on the term: ~s.mask & ...{ones}")
    return cast(Word, make("const", (), width, value))


TRUE = cast(Bool, make("const", (), 0, True))
FALSE = cast(Bool, make("const", (), 0, False))


def boolean(value: bool) -> Bool:
    """The constant truth value."""
    return TRUE if value else FALSE


def variable(name: str, width: int) -> Term:
    """A variable of `width` bits, or a truth value where `width` is 0."""
    return make("var", (), width, name)


def coerce(value: object, width: int, what: str = "a value") -> Term:
    """`value` as a term of `width` bits (0: a truth value), or an error that names `what`."""
    if isinstance(value, Term):
        if value.width != width:
            raise ModelError(f"{what}: {_sort(width)} was expected, and {_short(value)} is {_sort(value.width)}{_instead(value, width)}")
        return value
    try:
        return _word(value, width) if width else _bool(value)
    except ModelError as error:
        raise ModelError(f"{what}: {error}") from None


def _instead(value: Term, width: int) -> str:
    """What to write for a term of another width."""
    name = _short(value)
    if not width:
        return f"; write '{name} != 0' or '.bit(k)'"
    if not value.width:
        return f"; write 'ite({name}, word(1{'' if width == 64 else f', {width}'}), 0)'"
    return f"; write '.zext({width})'" if value.width < width else f"; write '.extract({width - 1}, 0)' for its lowest bits"


def _sort(width: int) -> str:
    return f"a word of {width} bits" if width else "a truth value"


def _word(value: object, width: int) -> Word:
    if isinstance(value, Word):
        if value.width != width:
            raise ModelError(f"{_short(value)} has {value.width} bits where {width} were expected{_instead(value, width)}")
        return value
    if isinstance(value, Bool):
        raise ModelError(f"{_short(value)} is a truth value where a word of {width} bits was expected; write 'ite({_short(value)}, a, b)'")
    return word(cast(int, value), width)


def _bool(value: object) -> Bool:
    if isinstance(value, Bool):
        return value
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, Word):
        raise ModelError(f"{_short(value)} is a word where a truth value was expected; write '{_short(value)} != 0' or '.bit(k)'")
    instead = f"; write {bool(value)}, and for 'b == {value}' just '{'b' if value else '~b'}'" if value in (0, 1) else ""
    raise ModelError(f"a truth value was expected, not {value!r}{instead}")


def _is_const(term: Term, value: int) -> bool:
    return term.op == "const" and term.data == value


def _ones(width: int) -> int:
    return (1 << width) - 1 if width else 1


def _fold_const(op: str, args: tuple[Term, ...], width: int, data: Any = None) -> Word:
    term = make(op, args, width, data)
    if all(arg.op == "const" for arg in args):
        from specproof.readings.integers import evaluate

        return word(evaluate(term, {}), width)
    return cast(Word, term)


def _ordered(a: Term, b: Term) -> tuple[Term, Term]:
    """Constants last, so that `x & 4` and `4 & x` are one term; other operands keep their order."""
    return (b, a) if a.op == "const" else (a, b)


def _complementary(a: Term, b: Term) -> bool:
    return (a.op == "not" and a.args[0] is b) or (b.op == "not" and b.args[0] is a)


def _constant(width: int, value: int) -> Term:
    return word(value, width) if width else boolean(bool(value))


def _and(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if b.op == "const":
        if a.op == "const":
            return _constant(a.width, a.data & b.data)
        if b.data == 0:
            return b
        if b.data == _ones(b.width):
            return a
    if a is b:
        return a
    if _complementary(a, b):
        return _constant(a.width, 0)
    return make("and", (a, b), a.width)


def _or(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if b.op == "const":
        if a.op == "const":
            return _constant(a.width, a.data | b.data)
        if b.data == 0:
            return a
        if b.data == _ones(b.width):
            return b
    if a is b:
        return a
    if _complementary(a, b):
        return _constant(a.width, _ones(a.width))
    return make("or", (a, b), a.width)


def _xor(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if b.op == "const":
        if a.op == "const":
            return _constant(a.width, a.data ^ b.data)
        if b.data == 0:
            return a
        if b.data == _ones(b.width):
            return _not(a)
    if a is b:
        return _constant(a.width, 0)
    return make("xor", (a, b), a.width)


def _not(a: Term) -> Term:
    if a.op == "const":
        return _constant(a.width, a.data ^ _ones(a.width))
    return a.args[0] if a.op == "not" else make("not", (a,), a.width)


def _eq(a: Word, b: Word) -> Bool:
    a, b = cast(tuple[Word, Word], _ordered(a, b))
    if a is b:
        return TRUE
    if a.op == "const" and b.op == "const":
        return boolean(a.data == b.data)
    return cast(Bool, make("eq", (a, b), 0))


def _ult(a: Word, b: Word) -> Bool:
    if a is b or _is_const(b, 0):
        return FALSE
    if a.op == "const" and b.op == "const":
        return boolean(a.data < b.data)
    return cast(Bool, make("ult", (a, b), 0))


def conj(parts: Iterable[Bool | bool]) -> Bool:
    """All of them; `TRUE` for none."""
    result: Term = TRUE
    for part in parts:
        result = _and(result, _bool(part))
    return cast(Bool, result)


def disj(parts: Iterable[Bool | bool]) -> Bool:
    """At least one of them; `FALSE` for none."""
    result: Term = FALSE
    for part in parts:
        result = _or(result, _bool(part))
    return cast(Bool, result)


def implies(antecedent: Bool, consequent: Bool) -> Bool:
    """`antecedent` implies `consequent`. In a claim the antecedent must be reachable, or it is vacuous."""
    antecedent, consequent = _bool(antecedent), _bool(consequent)
    if antecedent is FALSE or consequent is TRUE:
        return TRUE
    if antecedent is TRUE:
        return consequent
    return cast(Bool, make("implies", (antecedent, consequent), 0))


T = TypeVar("T", bound=Term)


@overload
def ite(condition: Bool, then: Word | int, otherwise: Word) -> Word: ...
@overload
def ite(condition: Bool, then: Word, otherwise: int) -> Word: ...
@overload
def ite(condition: Bool, then: Bool | bool, otherwise: Bool | bool) -> Bool: ...
def ite(condition: Bool, then: object, otherwise: object) -> Term:
    """`then` where `condition` holds, else `otherwise`; at least one of a word's branches is a term."""
    model = then if isinstance(then, Term) else otherwise
    if not isinstance(model, Term):
        if isinstance(then, bool) and isinstance(otherwise, bool):
            model = TRUE
        else:
            raise ModelError(f"ite(..., {then!r}, {otherwise!r}): give the width, as in ite(condition, word(0x400), 0), or word(1, 8) for 8 bits")
    width = model.width
    return choose(condition, coerce(then, width, "ite"), coerce(otherwise, width, "ite"))


def _sides(condition: Term) -> frozenset[Term]:
    """The two sides of an equality."""
    return frozenset(condition.args)


def choose(condition: Bool, then: T, otherwise: T) -> T:
    """`ite` of two terms of one sort."""
    condition = _bool(condition)
    if then is otherwise or condition is TRUE:
        return then
    if condition is FALSE:
        return otherwise
    if condition.op == "not":
        return choose(cast(Bool, condition.args[0]), otherwise, then)
    if condition.op == "eq" and then in _sides(condition) and otherwise in _sides(condition):
        return otherwise  # x == y ? x : y, a write that is skipped where it would change nothing
    if then.width == 0:
        if then is TRUE or then is condition:
            return cast(T, _or(condition, otherwise))
        if then is FALSE:
            return cast(T, _and(_not(condition), otherwise))
        if otherwise is TRUE:
            return cast(T, _or(_not(condition), then))
        if otherwise is FALSE or otherwise is condition:
            return cast(T, _and(condition, then))
    if otherwise.op == "ite" and otherwise.args[0] is condition:
        otherwise = cast(T, otherwise.args[2])
    if then.op == "ite" and then.args[0] is condition:
        then = cast(T, then.args[1])
    return cast(T, make("ite", (condition, then, otherwise), then.width))
