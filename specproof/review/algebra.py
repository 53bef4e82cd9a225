"""What a changed helper or action does to one bit, before and after, and exactly when the two agree.

Both versions are run once on variables. Where an assignment differs, the smallest pair of formulas that
differ under one condition is shown; conditions common to both are stripped, which keeps "agree" exact.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast, get_type_hints

from specproof.calling import called
from specproof.design import Design, blank
from specproof.errors import SpecproofError
from specproof.graph import substitute, unfolded
from specproof.readings.text import constant, show
from specproof.review.cone import unchanged
from specproof.review.result import Closed, Formula
from specproof.state import State, _width, flatten
from specproof.system import Action, System
from specproof.terms import TRUE, Bool, Term, Word, variable

#: A formula over more symbols than this is named and not expanded.
SYMBOLS = 6
#: So is one that is larger, with all that it uses more than once written out.
UNFOLDED = 20_000

#: Operators that look at other bits than their own.
_CROSSING = frozenset({"eq", "ult", "bit", "add", "shl", "lshr", "extract", "zext"})
#: Those of them that are symbols of a closed form.
_TESTS = frozenset({"eq", "ult", "bit"})


@dataclass(frozen=True)
class Pair:
    """Two terms that differ under a condition."""

    what: str
    under: Bool
    before: Term
    after: Term


def apart(what: str, before: Term, after: Term, under: Bool = TRUE) -> Iterator[Pair]:
    """The smallest pairs into which a difference falls apart without loss: down the same branches of `ite`."""
    if before is after:
        return
    if before.op == "ite" and after.op == "ite" and before.args[0] is after.args[0]:
        condition = cast(Bool, before.args[0])
        yield from apart(what, before.args[1], after.args[1], under & condition)
        yield from apart(what, before.args[2], after.args[2], under & ~condition)
        return
    for one, other, swapped in ((before, after, False), (after, before, True)):
        if one.op == "ite" and (one.args[1] is other or one.args[2] is other):
            condition = cast(Bool, one.args[0])
            then, otherwise = (other, one.args[2]) if one.args[1] is other else (other, one.args[1])
            differs = ~condition if one.args[1] is other else condition
            if not swapped:
                yield Pair(what, under & differs, otherwise, then)
            else:
                yield Pair(what, under & differs, then, otherwise)
            return
    yield Pair(what, under, before, after)


def formulas(
    old: Design[Any], new: Design[Any], systems: Mapping[str, tuple[System, System]], views: Mapping[str, tuple[Term, Term]]
) -> list[Formula]:
    """The formulas of `views` (what each sees before and after), of every changed helper, then of every changed action, the same ones of several
    places together."""
    found: list[tuple[str, str, Pair]] = [(f"{name} (a view)", "", pair) for name, terms in views.items() for pair in apart("what it sees", *terms)]
    found += [(f"{name}()", "", pair) for name, pairs in _functions(old, new) for pair in pairs]
    for configuration, (left, right) in systems.items():
        for name, action in left.actions.items():
            if name in right.actions and not unchanged(action, right.actions[name]):
                found += [(name, configuration, pair) for pair in _action(left, right, action, right.actions[name])]
    both = [system for pair in systems.values() for system in pair]
    aside = {path for system in both for path, declared in system.fields.items() if declared.ghost or declared.observed}
    return _grouped(found, aside)


def _functions(old: Design[Any], new: Design[Any]) -> Iterator[tuple[str, list[Pair]]]:
    """Helpers whose own code differs, where both take the same parameters."""
    if old.state is not new.state and old.state.__annotations__.keys() != new.state.__annotations__.keys():
        return
    for name, body in old.functions.items():
        other = new.functions.get(name)
        if other is None or body is other or _code(body) == _code(other):
            continue
        results = []
        for design, one in ((old, body), (new, other)):
            try:
                with design.building():
                    results.append(_parts(called(one, f"function {name}", *_arguments(one, design))))
            except (SpecproofError, TypeError, NameError, AttributeError, KeyError, ValueError):
                break
        if len(results) == 2 and set(results[0]) == set(results[1]):
            yield name, [pair for path, term in results[0].items() for pair in apart(path, term, results[1][path])]


def _code(body: Any) -> tuple[Any, ...]:
    code = body.__code__
    return code.co_code, code.co_consts[1:] if body.__doc__ else code.co_consts, code.co_names, code.co_varnames


def _arguments(body: Any, design: Design[Any]) -> list[Any]:
    hints = get_type_hints(body, include_extras=True)
    arguments: list[Any] = []
    for name, parameter in inspect.signature(body).parameters.items():
        hint = hints[name]
        if parameter.default is not inspect.Parameter.empty or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            raise TypeError("a helper with defaults takes no generic arguments")
        if isinstance(hint, type) and issubclass(hint, State):
            state = blank(hint)[0]
            arguments.append(state)
        else:
            arguments.append(variable(name, 64 if hint is Word else _width(hint, name) or 0))
    return arguments


def _parts(result: Any) -> dict[str, Term]:
    if isinstance(result, State):
        return dict(flatten(result))
    if isinstance(result, Term):
        return {"the result": result}
    raise TypeError("neither a state nor a term")


def _action(left: System, right: System, old: Action, new: Action) -> Iterator[Pair]:
    renamed = [_short_inputs(action, system) for action, system in ((old, left), (new, right))]
    if old.enabled is not new.enabled:
        guards = [substitute([action.enabled], by)[0] for action, by in zip((old, new), renamed, strict=True)]
        yield Pair("when it can happen", TRUE, guards[0], guards[1])
    for path in dict.fromkeys((*old.next, *new.next, *old.observed, *new.observed)):
        sides = []
        for system, action, by in ((left, old, renamed[0]), (right, new, renamed[1])):
            if path not in system.fields:
                break
            sides.append(substitute([_value(system, action, path)], by)[0])
        if len(sides) == 2 and sides[0].width == sides[1].width:
            yield from apart(path, sides[0], sides[1])


def _value(system: System, action: Action, path: str) -> Term:
    for table in (action.next, action.observed):
        if path in table:
            return table[path]
    return system.state()[path]


def _short_inputs(action: Action, system: System) -> dict[Term, Term]:
    """Inputs under their own names, without the action's, where no field has that name."""
    return {term: variable(name, term.width) for name, term in action.inputs.items() if name not in system.fields}


@dataclass
class _Group:
    pair: Pair
    whats: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    configurations: list[str] = field(default_factory=list)


def _grouped(found: Sequence[tuple[str, str, Pair]], aside: set[str]) -> list[Formula]:
    """Those that can be read first: of helpers, then short ones before long ones, and last what is there for the proof alone (`aside`)."""
    groups: dict[tuple[Any, ...], _Group] = {}
    for place, configuration, pair in found:
        group = groups.setdefault((pair.under, pair.before, pair.after), _Group(pair))
        for value, values in ((pair.what, group.whats), (place, group.places), (configuration, group.configurations)):
            if value and value not in values:
                values.append(value)
    order = sorted(groups.values(), key=lambda group: _reading(group, aside))
    return [_formula(group) for group in order]


def _reading(group: _Group, aside: set[str]) -> tuple[bool, bool, bool, int]:
    """What has a closed form first, what is there for the proof alone last, then helpers and views, and short ones first."""
    pair = group.pair
    told = not _is_large(pair) and not any(leaf.op in _CROSSING - _TESTS for leaf in _symbols((pair.before, pair.after)))
    size = unfolded((pair.before, pair.after))
    return not told, set(group.whats) <= aside, not any(place.endswith(("()", "(a view)")) for place in group.places), size


def _is_huge(pair: Pair) -> bool:
    return unfolded((pair.under, pair.before, pair.after)) > UNFOLDED


def _is_large(pair: Pair) -> bool:
    return _is_huge(pair) or len(_symbols((pair.before, pair.after))) > SYMBOLS


def _formula(group: _Group) -> Formula:
    pair = group.pair
    under = "" if pair.under is TRUE or _is_huge(pair) else show(pair.under)
    tell = None if _is_large(pair) else partial(_closed, pair, tuple(group.whats))
    return Formula(tuple(group.places), ", ".join(group.whats), under, tuple(group.configurations), tell)


def _closed(pair: Pair, whats: Sequence[str]) -> Closed:
    """What is assigned before and after, and when they agree; where bits move between positions, the terms and why there is no more to say."""
    from specproof.readings.closed import NotBitwise, agree_condition, agree_text, closed_text

    if pair.before.op == pair.after.op == "const" and pair.before.width:
        apart_in = constant(pair.before.data ^ pair.after.data, pair.before.width)
        return Closed(show(pair.before), show(pair.after), f"~{apart_in}", f"they agree exactly outside the bits of {apart_in}")
    try:
        before, after = (closed_text(term, tests=True) for term in (pair.before, pair.after))
        condition = agree_condition(pair.before, pair.after, tests=True)
        agree = agree_text(pair.before, pair.after, tests=True)
    except NotBitwise as reason:
        return Closed(show(pair.before), show(pair.after), words=str(reason))
    return Closed(before, after, agree, in_words(condition, agree, whats))


def _symbols(terms: Iterable[Term]) -> set[Term]:
    """What the closed forms of these terms have for symbols: variables, and comparisons as a whole."""
    leaves: set[Term] = set()
    stack = list(terms)
    seen: set[Term] = set()
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        if term.op == "var" or term.op in _CROSSING or (term.op == "const" and term.width and term.data not in (0, (1 << term.width) - 1)):
            leaves.add(term)
        else:
            stack.extend(term.args)
    return leaves


def in_words(condition: Any, text: str, whats: Sequence[str]) -> str:
    """The condition as a sentence. `condition` is a formula of the closed reading, `text` how it is written, `whats` what is assigned."""
    if text in ("always", "never"):
        return f"they {text} agree"
    clause = _clause(condition)
    if clause is not None:
        negative, positive = clause
        fixed = [name for name in (*negative, *positive) if name[0].isdigit()]
        if fixed and len(negative) == len(positive) == len(fixed) == 1:
            outside = f"{negative[0]} has no bit outside {positive[0]}"
            return f"they agree exactly where {outside if fixed == positive else f'{positive[0]} has all bits of {negative[0]}'}"
        if len(fixed) == 1 and len(negative) == 2 and not positive:
            return f"they agree exactly where {next(name for name in negative if name not in fixed)} has no bit of {fixed[0]}"
        if fixed and len(negative) + len(positive) == 1:
            return f"they agree exactly {'in' if positive else 'outside'} the bits of {fixed[0]}"
        if len(negative) == 1 and len(positive) == 1:
            which = "the masked bits are" if _is_mask(negative[0]) else f"the bits of {negative[0]} are"
            where = "already set" if positive[0] in whats else f"set in {positive[0]}"
            return f"they agree exactly where {which} {where}"
        if len(negative) == 1 and not positive:
            return "they agree exactly where no bit is masked" if _is_mask(negative[0]) else f"they agree exactly where {negative[0]} is clear"
        if len(positive) == 1 and not negative:
            return "they agree exactly where all bits are masked" if _is_mask(positive[0]) else f"they agree exactly where {positive[0]} is set"
        if len(negative) == 2 and not positive:
            return f"they agree exactly where no bit is set in both {negative[0]} and {negative[1]}"
    return "they agree at exactly the bits where this holds"


def _is_mask(name: str) -> bool:
    return "mask" in name.rpartition(".")[2].lower()


def _clause(condition: Any) -> tuple[list[str], list[str]] | None:
    """The names of a clause's negative and positive literals, or None where it is no clause."""
    parts = condition.args if type(condition).__name__ == "Or" else (condition,)
    negative: list[str] = []
    positive: list[str] = []
    for part in parts:
        inner = part.args[0] if type(part).__name__ == "Not" else part
        if not inner.is_Symbol:
            return None
        (negative if inner is not part else positive).append(str(inner))
    return sorted(negative), sorted(positive)
