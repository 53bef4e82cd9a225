"""Ways in which a system can do less than another, whatever is asked of it: fewer starts, fewer inputs, actions in fewer states.

A claim that is kept by doing less is no gain. The two are compared on the fields that both have; what the new system says of others is left out, so
that what is found is less indeed, though perhaps of states that no run reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from specproof.graph import conjuncts, substitute, variables
from specproof.solver import Solver
from specproof.system import System
from specproof.terms import Bool, Term, conj


def starts_less(old: System, new: System, fields: Mapping[Term, Term]) -> bool:
    """Whether the old system starts in a state in which the new one does not; `fields` are the new system's, by those of the old."""
    pinned = [cast(Bool, now == new.constants[path]) for now in fields.values() if (path := str(now.data)) in new.constants]
    return _beyond(old, fields, [old.starts], [new.starts, *pinned])


def seldomer(old: System, new: System, fields: Mapping[Term, Term]) -> list[str]:
    """The actions that the old system takes in a state in which the new one does not."""
    return [
        name
        for name, action in old.actions.items()
        if name in new.actions and new.actions[name].guard is not action.guard and _beyond(old, fields, [action.guard], [new.actions[name].guard])
    ]  # fmt: skip


def narrower(old: System, new: System) -> Iterator[tuple[str, str]]:
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
