"""The violated claim as a reader checks it: the formula, its values put in, and the bits where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from specproof.graph import fold, variables
from specproof.readings import text
from specproof.readings.integers import evaluate
from specproof.state import Bits
from specproof.story.flows import decided
from specproof.story.model import BitLine, Formula, Value, named
from specproof.story.subject import Look, Subject, spoken
from specproof.terms import Term, Word
from specproof.trace import Trace

#: Characters of a formula beyond which values are put into its failing part only.
LONG = 120

#: Operators of which bit k of the result depends on bit k of the arguments only.
_BITWISE = frozenset({"var", "const", "and", "or", "xor", "not", "ite", "eq", "implies"})


def formula(subject: Subject, trace: Trace) -> Formula:
    """The claim at the end of a run."""
    term, looks = spoken(subject)
    states = trace.states()
    values = {name: evaluate(look.term, _state(subject, states, look)) for name, look in looks.items()}
    bits = _names_of(subject, looks)
    shown = [Value(name, values[name], look.term.width, 0, _positions(bits[name])) for name, look in looks.items()]
    false = list(_failing(term, values))
    reduced = [short if short.op != "const" else atom for atom, short in zip(false, decided(false, values, keep=True), strict=True)]
    atoms = [part for atom in reduced for part in _nonzero(atom, values)]
    lines = [line for atom in atoms for line in _bit_lines(atom, values, bits)]
    positions = tuple(dict.fromkeys(line.position for line in lines))
    whole = text.show(term)
    put_in = _put_in(term, values, bits) if len(whole) <= LONG else " & ".join(_put_in(atom, values, bits) for atom in atoms)
    meanings = {name: said for name, look in looks.items() if (said := subject.meaning(name.rpartition(".")[2], look.term))}
    return Formula(whole, put_in, tuple(shown), tuple(text.show(atom) for atom in atoms), tuple(lines), positions, meanings)


def _names_of(subject: Subject, looks: Mapping[str, Look]) -> dict[str, Bits | None]:
    """The names of each word's bits; where its fields disagree, those of the other words that the claim looks at."""
    found = {name: subject.bits_of(look.term, look.term.width) for name, look in looks.items()}
    known = [bits for bits in found.values() if bits is not None]
    common = max(known, key=known.count) if known else None
    return {name: bits or (common if looks[name].term.width else None) for name, bits in found.items()}


def _positions(bits: Bits | None) -> Mapping[str, int] | None:
    return bits.positions if bits else None


def _state(subject: Subject, states: list[dict[str, int]], look: Look) -> dict[str, int]:
    """The values of the state that a claim looks at; events are of the last step only."""
    moment = max(look.moment, -len(states))
    values = dict(states[moment])
    if moment != -1:
        values.update({path: 0 for path, declared in subject.system.fields.items() if declared.observed})
    return values


def _failing(term: Term, values: Mapping[str, int]) -> Iterator[Term]:
    """The smallest parts of a false formula that are false by themselves."""
    if evaluate(term, values):
        return
    if term.op == "implies":
        yield from _failing(term.args[1], values)
    elif term.op in ("and", "or") and not term.width:
        for part in term.args:
            yield from _failing(part, values)
    elif term.op == "ite" and not term.width:
        yield from _failing(term.args[1] if evaluate(term.args[0], values) else term.args[2], values)
    elif term.op == "not" and term.args[0].op == "or":
        for part in term.args[0].args:
            yield from _failing(cast(Term, ~part), values)  # type: ignore[operator]
    else:
        yield term


def _nonzero(atom: Term, values: Mapping[str, int]) -> Iterator[Term]:
    """`(a | (b ^ c)) == 0` as those of `a == 0` and `b == c` that fail."""
    if atom.op == "eq" and atom.args[1].op == "const" and atom.args[1].data == 0:
        left = cast(Word, atom.args[0])
        if left.op == "or":
            for part in left.args:
                if evaluate(part, values):
                    yield from _nonzero(cast(Word, part) == 0, values)
            return
        if left.op == "xor" and all(side.op != "const" for side in left.args):
            yield cast(Word, left.args[0]) == cast(Word, left.args[1])
            return
    yield atom


def _bit_lines(atom: Term, values: Mapping[str, int], bits: Mapping[str, Bits | None]) -> Iterator[BitLine]:
    """A false equality of words, at each bit where the sides differ."""
    if atom.op != "eq" or not _is_bitwise(atom):
        return
    left, right = (evaluate(side, values) for side in atom.args)
    known = [bits.get(str(one.data)) for one in variables([atom])]
    names = next((one for one in known if one is not None), None)
    for position in range(cast(Word, atom.args[0]).width):
        if (left ^ right) >> position & 1:
            yield BitLine(position, _name(names, position), _at(atom, values, position))


def _is_bitwise(atom: Term) -> bool:
    from specproof.graph import postorder

    return all(one.op in _BITWISE or not one.width for one in postorder(atom.args))


def _name(bits: Bits | None, position: int) -> str:
    known = [name for name, place in bits.positions.items() if place == position] if bits else []
    return known[0] if known else ""


def _at(atom: Term, values: Mapping[str, int], position: int) -> str:
    """The formula at one bit: every word is its bit there, after its name."""

    def meaning(term: Term, args: tuple[text.Shown, ...]) -> text.Shown:
        if term.op == "var":
            value = values[str(term.data)] >> (position if term.width else 0) & 1
            return f"{term.data} {value}", text._ATOM
        if term.op == "const" and term.width:
            return str(term.data >> position & 1), text._ATOM
        return text.MEANING[term.op](term, args)

    sides = []
    for side in atom.args:
        shown = fold([side], meaning)[0]
        value = evaluate(side, values) >> position & 1
        sides.append(shown[0] if side.op in ("var", "const") else f"({shown[0]}) = {value}")
    return f"{sides[0]} is not {sides[1]}"


def _put_in(term: Term, values: Mapping[str, int], bits: Mapping[str, Bits | None]) -> str:
    """The formula with values instead of names."""

    def meaning(one: Term, args: tuple[text.Shown, ...]) -> text.Shown:
        if one.op != "var":
            return text.MEANING[one.op](one, args)
        name = str(one.data)
        shown = named(values[name], one.width, _positions(bits[name])).split(" ")[0]
        return shown, text._ATOM

    return fold([term], meaning)[0][0]
