"""Every reading of a term gives it the same meaning: integers, Z3 by way of SMT-LIB, sympy, the slice, text."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import specproof.readings
from specproof.graph import simplified
from specproof.readings import blast
from specproof.readings.bitproof import impossible
from specproof.readings.bits import Compiler, watched_bits
from specproof.readings.closed import NotBitwise, agree_text, bit_of, closed_form, closed_text
from specproof.readings.integers import evaluate
from specproof.readings.python import expression
from specproof.readings.smtlib import horn, plain, symbol
from specproof.solver import Solver
from specproof.terms import FALSE, OPERATORS, TRUE, Term, Word, implies, ite, make, variable, word
from tests import strategies

BITS = (*strategies.BITWISE, "implies")
SMALL = (1, 2, 3, 5, 8)


def w(name: str) -> Word:
    """A word of 64 bits."""
    return variable(name, 64)  # type: ignore[return-value]


def settle(examples: int) -> Any:
    """So many examples, without a time limit for one of them and without a folder of old ones."""
    return settings(max_examples=examples, deadline=None, database=None)


def tables() -> dict[str, Mapping[str, object]]:
    """The table of every reading; the slice's is of what it compiles operators to."""
    modules = {info.name: importlib.import_module(f"specproof.readings.{info.name}") for info in pkgutil.iter_modules(specproof.readings.__path__)}
    given = {name: getattr(module, "COMPILED", getattr(module, "MEANING", None)) for name, module in modules.items()}
    return {name: table for name, table in given.items() if table is not None}


@pytest.mark.parametrize("reading", tables())
def test_every_reading_gives_every_operator_a_meaning(reading: str) -> None:
    """An operator that a reading lacks, or has and nobody knows, is found here and not in a proof; some look variables up."""
    assert {*tables()[reading], "var"} == set(OPERATORS)


def test_no_reading_is_forgotten() -> None:
    """These at the least are held to the list of operators."""
    assert {"bits", "blast", "btor2", "closed", "integers", "smtlib", "text"} <= set(tables())


def test_random_terms_have_every_operator() -> None:
    """The strategy can build each operator, so that the tests below are about all of them."""
    assert set(strategies.WORD_OPERATORS) | set(strategies.BOOL_OPERATORS) == set(OPERATORS)


@given(strategies.valued())
@settle(200)
def test_simplification_keeps_the_value(case: tuple[Term, Mapping[str, int]]) -> None:
    """A node that the operators build, simplified, has the value of the plain node."""
    from specproof.graph import fold

    plain, values = case
    simple = fold([plain], simplified)[0]

    assert simple.width == plain.width
    assert evaluate(simple, values) == evaluate(plain, values)


@given(strategies.valued(widths=(1, 2, 3, 5, 8, 33)))
@settle(200)
def test_python_says_the_same(case: strategies.Case) -> None:
    """The text, run as a design's would be, is a term of the same value."""
    term, values = case
    known = {str(v.data): v for v in _variables(term)}

    read = eval(expression(term), {"word": word, "ite": ite, "implies": implies, "TRUE": TRUE, "FALSE": FALSE, **known})

    assert read.width == term.width
    assert evaluate(read, values) == evaluate(term, values)


def test_python_of_a_complement_in_more_bits() -> None:
    """A method binds before `~`; and a number has none."""
    a = variable("a", 8)
    inverted = make("not", (a,), 8)

    assert expression(make("zext", (inverted,), 9)) == "(~a).zext(9)"
    assert expression(make("not", (make("zext", (a,), 9),), 9)) == "~a.zext(9)"
    assert expression(make("bit", (word(5),), 0, 2)) == "word(0x5).bit(2)"


@given(strategies.valued())
@settle(100)
def test_z3_and_integers_agree(case: tuple[Term, Mapping[str, int]]) -> None:
    """Z3, which reads SMT-LIB text, can give a term no other value than the integers do."""
    term, values = case
    inputs = [_is(v, values[str(v.data)]) for v in _variables(term)]

    assert Solver(20).ask([*inputs, _is(term, evaluate(term, values))]).word == "sat"
    assert Solver(20).ask([*inputs, make("not", (_is(term, evaluate(term, values)),), 0)]).word == "unsat"


#: What a design may call a field, or a person a setting: also what our definitions were, and what no symbol can hold.
NAMES = ["t0", "t1", "t2", "t3", "t4", "$0", "$2", "%24;0", "gr\u00f6\u00dfe", "a|b", "a\\b", 'a"b', "a b.c", "let", "true", "bvand", "(x)", "; x"]


@pytest.mark.parametrize("name", NAMES)
def test_z3_knows_a_variable_by_whatever_name_it_has(name: str) -> None:
    """Terms that share parts have definitions in their script, and no name is taken for one of those."""
    a, b = variable(name, 8), variable("b", 8)
    shared = a ^ b
    answer = Solver().ask([a == 3, (shared & b) == (shared | 1), b == 0x13])

    assert answer.word == "unsat"

    answer = Solver().ask([a == 3, (shared & b) == (shared ^ 1), b == 0x12])

    assert (answer.word, answer.values) == ("sat", {name: 3, "b": 0x12})


def test_names_that_differ_stay_different() -> None:
    """Also where one looks like the other's escaped form."""
    symbols = [symbol(name) for name in (*NAMES, *(plain(name) for name in NAMES))]

    assert len(set(symbols)) == len({*NAMES, *(plain(name) for name in NAMES)})


@pytest.mark.parametrize("name", ["t0", "$0", "Inv", "state"])
def test_spacer_knows_a_variable_by_whatever_name_it_has(name: str) -> None:
    """A word that starts with 0 and counts becomes 3, whatever the definitions around it are called."""
    state = variable(name, 8)
    clauses = horn([state], state == 0, [(state == state & 3, [state + 1])], [(state ^ 1) + (state ^ 1) == 4])

    assert Solver().horn(clauses) == "unsat"


@given(strategies.valued(depth=3, widths=SMALL))
@settle(100)
def test_sympy_and_integers_agree_at_every_bit(case: tuple[Term, Mapping[str, int]]) -> None:
    """Each bit's formula, with the values put in, is the bit of the number."""
    term, values = case
    number = evaluate(term, values)
    put = _symbols(term, values)
    memo: dict[Any, Any] = {}

    for index in range(term.width or 1):
        assert bool(bit_of(term, index, memo).xreplace(put)) == bool(number >> index & 1)


@given(st.data())
@settle(20)
def test_sympy_and_integers_agree_at_64_bits(data: st.DataObject) -> None:
    """At full width too, for a bit that is drawn."""
    term = data.draw(strategies.terms(64, 2, widths=(33, 64)))
    values = data.draw(strategies.assignments(term))
    index = data.draw(st.integers(0, 63))

    assert bool(bit_of(term, index).xreplace(_symbols(term, values))) == bool(evaluate(term, values) >> index & 1)


@given(st.data())
@settle(100)
def test_the_closed_form_holds_at_every_position(data: st.DataObject) -> None:
    """Where a term is bitwise, one formula gives each of its bits from the same bits of its words."""
    term = data.draw(strategies.terms(8, 4, BITS, (8,)))
    values = data.draw(strategies.assignments(term))
    formula = closed_form(term)
    number = evaluate(term, values)

    for index in range(8):
        put = {sympy.Symbol(str(v.data)): _truth(values[str(v.data)] >> (index if v.width else 0)) for v in _variables(term)}
        put |= {symbol: _truth(int(symbol.name, 0) >> index) for symbol in formula.free_symbols if symbol.name[0].isdigit()}
        assert bool(formula.xreplace(put)) == bool(number >> index & 1)


@given(strategies.valued())
@settle(200)
def test_the_slice_and_integers_agree_at_every_position(case: tuple[Term, Mapping[str, int]]) -> None:
    """Given what the slice cannot know (tests, moved bits), its bit is the bit of the number, wherever it looks."""
    term, values = case
    number = evaluate(term, values)
    compiler = Compiler(64, watched_bits([term], {}), tests=True)
    compiler.program.outputs = [compiler.at(term)]

    for position in range(term.width or 1):
        assert _run(compiler, values, position) == bool(number >> position & 1)


@given(strategies.valued())
@settle(200)
def test_gates_and_integers_agree_at_every_bit(case: tuple[Term, Mapping[str, int]]) -> None:
    """Each bit's gate, simulated, is the bit of the number."""
    term, values = case
    number = evaluate(term, values)
    gates = blast.Gates()
    leaves = {v: tuple(gates.leaf(f"{v.data}[{k}]") for k in range(v.width or 1)) for v in _variables(term)}
    literals = blast.Blaster(gates, leaves)(term)
    given_ = {literal >> 1: bool(values[str(v.data)] >> k & 1) for v, bits_ in leaves.items() for k, literal in enumerate(bits_)}
    simulated = blast.simulate(gates, given_)

    assert [blast.value_of(literal, simulated) for literal in literals] == [bool(number >> k & 1) for k in range(term.width or 1)]


@given(strategies.truths())
@settle(200)
def test_the_slice_may_whatever_is(case: tuple[Term, Mapping[str, int]]) -> None:
    """A truth value that holds is possible at every position: the slice over-approximates."""
    term, values = case
    wanted = bool(evaluate(term, values))
    compiler = Compiler(64, watched_bits([term], {}), tests=False)
    compiler.program.outputs = [compiler.may(term, wanted)]

    for position in range(64):
        assert _run(compiler, values, position)


@given(strategies.truths(), st.booleans())
@settle(200)
def test_the_slice_finds_a_witness_position(case: tuple[Term, Mapping[str, int]], tests: bool) -> None:
    """A truth value that holds is seen at some position, where the words differ that it says differ."""
    term, values = case
    wanted = bool(evaluate(term, values))
    compiler = Compiler(64, watched_bits([term], {}), tests=tests)
    compiler.program.outputs = [compiler.somewhere(term, wanted)]

    assert any(_run(compiler, values, position) for position in range(64))


@given(strategies.truths(operators=(*BITS, "eq", "bit"), widths=(2, 3)), strategies.truths(operators=(*BITS, "eq", "bit"), widths=(3, 64)))
@settle(150)
def test_the_proof_bit_by_bit_is_exact(one: strategies.Case, other: strategies.Case) -> None:
    """For truth values of bitwise words, with tests within words and single bits, it answers as Z3 does."""
    for assertions in ([one[0], other[0]], [one[0], make("not", (other[0],), 0)]):
        assert impossible(assertions) == (Solver(20).ask(assertions).word == "unsat")


@given(st.data())
@settle(60)
def test_the_proof_bit_by_bit_decides_equations(data: st.DataObject) -> None:
    """So it does for an equation of words under another."""
    left, right, given_left, given_right = (data.draw(strategies.terms(8, 3, (*strategies.BITWISE, "eq"), (8,))) for _ in range(4))
    assertions = [make("eq", (given_left, given_right), 0), make("not", (make("eq", (left, right), 0),), 0)]

    assert impossible(assertions) == (Solver(20).ask(assertions).word == "unsat")


def test_the_merge_and_the_forcing_agree_where_masked_bits_are_set() -> None:
    """The closed forms of the two formulas, and the exact condition under which they agree."""
    merge = (w("cur") & w("mask")) | (w("val") & ~w("mask"))

    assert closed_text(merge) == "(cur & mask) | (val & ~mask)"
    assert agree_text(merge, w("val") | w("mask")) == "mask -> cur"
    assert agree_text(merge, (w("val") & ~w("mask")) | (w("forced") & w("mask"))) == "mask -> cur == forced"
    assert agree_text(merge, w("val") ^ ((w("val") ^ w("cur")) & w("mask"))) == "always"
    assert agree_text(merge, ~merge) == "never"


def test_a_constant_is_a_symbol_of_the_closed_form() -> None:
    """Whether a position has a bit of 0x400 is part of the formula; all ones and 0 are truth values."""
    running = variable("running", 0)

    assert closed_text(w("x") | 0x400) == "x | 0x400"
    assert closed_text((w("x") & ~word(0x4)) | (w("y") & 0x4)) == "(x & ~4) | (y & 4)"  # a mask and its complement are one symbol
    assert closed_text(ite(running, w("x") | word(0), ~word(0))) == "running -> x"  # type: ignore[call-overload]


def test_comparisons_in_a_closed_form_are_refused_or_named() -> None:
    """A write that is skipped where nothing would change depends on whole words, and the message says so."""
    skipped = ite(w("cache") == w("mask"), w("x"), w("mask"))

    with pytest.raises(NotBitwise, match=r"^cache == mask looks at a whole word, so .* is not the same function of every bit$"):
        closed_form(skipped)
    assert closed_text(skipped, tests=True) == "(mask & ~(cache == mask)) | (x & (cache == mask))"


@pytest.mark.parametrize("moved", [w("x") + w("y"), w("x") << 3, w("x") >> 3, w("x").extract(40, 8).zext(64)])
def test_an_operator_that_moves_bits_has_no_closed_form(moved: Word) -> None:
    """Addition, shifts and extraction are refused by name, alone and inside a bitwise term."""
    with pytest.raises(NotBitwise, match="moves bits between positions"):
        closed_form(moved & w("m"))
    with pytest.raises(NotBitwise, match="is not decided bit by bit"):
        impossible([moved == w("m")])


def test_bit_proofs_know_single_bits_and_constants() -> None:
    """A bit read as a condition is the same bit as in the word's position of that number."""
    x = w("x")

    assert impossible([x.bit(10), (x & 0x400) == 0])
    assert not impossible([x.bit(10), (x & 0x200) == 0])


def _variables(term: Term) -> list[Term]:
    from specproof.graph import variables

    return variables([term])


def _is(term: Term, value: int) -> Any:
    """The assertion that a term has a value, unsimplified."""
    if not term.width:
        return term if value else make("not", (term,), 0)
    return make("eq", (term, word(value, term.width)), 0)


def _truth(value: int) -> Any:
    return sympy.true if value & 1 else sympy.false


def _symbols(term: Term, values: Mapping[str, int]) -> dict[Any, Any]:
    """Every bit of every variable with its value."""
    put = {}
    for v in _variables(term):
        value = values[str(v.data)]
        if v.width:
            put.update({sympy.Symbol(f"{v.data}[{index}]"): _truth(value >> index) for index in range(v.width)})
        else:
            put[sympy.Symbol(str(v.data))] = _truth(value)
    return put


def _run(compiler: Compiler, values: Mapping[str, int], position: int) -> bool:
    """The program's output at a position of given words, with the truth for what the slice leaves free."""
    loads: dict[Any, Any] = {}
    for key in compiler.program.loads():
        kind, what = key[0], key[1]  # type: ignore[index]
        if kind == "word":
            value = values[what] >> position & 1
        elif kind == "watched":
            value = values[what] >> key[2] & 1  # type: ignore[index]
        elif kind == "bool":
            value = values[what]
        elif kind == "class":
            value = what >> position & 1
        else:
            at = key[2] if kind == "free" else 0  # type: ignore[index]
            value = evaluate(what, values) >> (position if at is None else at) & 1
        loads[key] = np.full((1, 1), bool(value))
    return bool(compiler.program.run(loads)[0][0, 0])
