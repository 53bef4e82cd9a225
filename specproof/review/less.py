"""Ways in which a system can do less than another, whatever is asked of it: fewer starts, fewer inputs, actions in fewer states.

A claim that is kept by doing less is no gain. The two are compared on the fields that both have; what the new system says of others is left out, so
that what is found is less indeed, though perhaps of states that no run reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from specproof.design import Design
from specproof.graph import conjuncts, substitute, variables
from specproof.review.line import some
from specproof.review.result import ClaimChange, word
from specproof.review.weight import AS_IT_WAS, worst_first
from specproof.review.words import kept
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import Bool, Term, conj


def less(
    old: Design[Any], new: Design[Any], systems: Mapping[str, tuple[System, System]], left: Sequence[str], leant: Sequence[str],
    asked: Sequence[ClaimChange],
) -> tuple[str, ...]:  # fmt: skip
    """What makes that less is asked of the new design than of the old: configurations (`left`), actions and inputs that it has not, states in which
    it does not take an action or does not start, what its proofs assume besides (`leant` are all of that), and claims (of those that were `asked`)
    that held and that it gives a reason not to be asked."""
    fields = kept(old, new)
    gone = [name for name in old.actions if name not in new.actions]
    inputs = {f"{key} of {name}": None for pair in systems.values() for name, key in _narrower(*pair)}
    seldom = {name: None for pair in systems.values() for name in _seldomer(*pair, fields)}
    excused = [change.claim for change in asked if change.fate == "not asked" and word(change.old) in ("proved", "holds")]
    again = {change.claim.removesuffix(AS_IT_WAS) for change in asked if change.claim.endswith(AS_IT_WAS) and change.fate != "not asked"}
    unasked = worst_first([name for name in dict.fromkeys(excused) if name.removesuffix(AS_IT_WAS) not in again])
    added = [name for name in leant if name not in old.assumptions]
    other = [name for name in leant if name in old.assumptions and any(_otherwise(name, *pair) for pair in systems.values())]
    fewer = any(_starts_less(*pair, fields) for pair in systems.values())
    said = [f"it has no configuration {some(left)}"] if left else []
    said += [f"it has no {some(gone)}"] if gone else []
    said += [f"it does not take every {some(list(inputs))}"] if inputs else []
    said += [f"it does not take {some(list(seldom))} in every state in which the old design does"] if seldom else []
    said += [f"it assumes {some(added)}"] if added else []
    said += [f"it takes {some(other)} otherwise"] if other else []
    said += ["it does not start in every state in which the old design does"] if fewer else []
    said += [f"it says why it is not asked {some(unasked)}"] if unasked else []
    return tuple(said)


def _otherwise(name: str, old: System, new: System) -> bool:
    """Whether an assumption says something else of what both can do than it did."""
    places = [(old.initially_assumed, new.initially_assumed)]
    places += [(old.actions[key].assumed, action.assumed) for key, action in new.actions.items() if key in old.actions]
    return any(name in after and before.get(name) is not after[name] for before, after in places)


def _starts_less(old: System, new: System, fields: Mapping[Term, Term]) -> bool:
    """Whether the old system starts in a state in which the new one does not; `fields` are the new system's, by those of the old."""
    pinned = [cast(Bool, now == new.constants[path]) for now in fields.values() if (path := str(now.data)) in new.constants]
    return _beyond(old, fields, [old.starts], [new.starts, *pinned])


def _seldomer(old: System, new: System, fields: Mapping[Term, Term]) -> list[str]:
    """The actions that the old system takes in a state in which the new one does not."""
    return [
        name
        for name, action in old.actions.items()
        if name in new.actions and new.actions[name].guard is not action.guard and _beyond(old, fields, [action.guard], [new.actions[name].guard])
    ]  # fmt: skip


def _narrower(old: System, new: System) -> Iterator[tuple[str, str]]:
    """Inputs of actions of both that the new system does not have, or has in fewer bits."""
    for name, action in old.actions.items():
        for key, term in action.inputs.items() if name in new.actions else ():
            now = new.actions[name].inputs.get(key)
            if now is None or now.width < term.width:
                yield name, key


def _beyond(old: System, fields: Mapping[Term, Term], before: Sequence[Bool], after: Sequence[Bool]) -> bool:
    """Whether there is a state of which the old system says `before`, and not what the new one says `after` of fields that both have."""
    constants: dict[Term, Term] = {now: old.constants[path] for was, now in fields.items() if (path := str(was.data)) in old.constants}
    known = set(fields.values())
    said = [part for part in conjuncts(conj(after)) if all(used in known for used in variables([part]))]
    said = [cast(Bool, part) for part in substitute(said, constants)]
    return Solver().ask([*(cast(Bool, one) for one in substitute(before, fields)), ~conj(said)]).word == "sat"
