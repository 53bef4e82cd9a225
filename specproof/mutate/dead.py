"""Whether a mutant differs from the design only in fields that nothing reads before they are written again.

Such are the fields of a VMCS that is not allocated, or what is remembered of an SMI after RSM. It is shown at full
width, under the lemmas of the design: after the wrong action a few fields differ, and then some truth values, or words that are
0, are known; as long as they are, no step and no view depends on these fields; and a step after which one of them is not
known leaves the fields equal. Which values do is found by leaving out those that do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from specproof.graph import substitute
from specproof.mutate.baseline import Baseline, is_value
from specproof.readings.integers import evaluate
from specproof.system import Action
from specproof.terms import TRUE, Bool, Term, choose, conj, variable

#: Fields by path, and values that are known: path and truth value; of a word False says that it is 0.
Fields = frozenset[str]
Literals = frozenset[tuple[str, bool]]


class Dead:
    """What is known of the design in one configuration; the same question is asked of many mutants."""

    def __init__(self, base: Baseline) -> None:
        """Nothing is asked before it is needed."""
        self.base, self.system, self.solver = base, base.system, base.solver
        self._known: dict[tuple[Fields, Literals], Literals | None] = {}
        inputs = [term for action in self.system.actions.values() for term in action.inputs.values()]
        self._names = [str(term.data) for term in [*self.system.variables.values(), *inputs]]

    def same(self, actions: Mapping[str, Action]) -> bool:
        """Whether the mutant with these actions has the design's runs but for fields that nothing reads."""
        return all(self._same(name, wrong) for name, wrong in actions.items())

    def _same(self, name: str, wrong: Action) -> bool:
        right, old = self.system.actions[name], self.system.variables
        pairs: dict[str, tuple[Term, Term]] = {}
        for path in dict.fromkeys([*right.next, *wrong.next]):
            pairs[path] = tuple(choose(one.enabled, one.next.get(path, old[path]), old[path]) for one in (right, wrong))  # type: ignore[assignment]
        for path in dict.fromkeys([*right.observed, *wrong.observed]):
            zero = self.system.state()[path]
            if not self._always(_equal(*(choose(one.enabled, one.observed.get(path, zero), zero) for one in (right, wrong)))):
                return False
        apart = frozenset(path for path, (a, b) in pairs.items() if not self._always(_equal(a, b)))
        differ = ~conj(_equal(*pairs[path]) for path in sorted(apart))
        after = {path: pairs[path][0] if path in pairs else term for path, term in old.items()}
        literals = self._kept(apart, [differ], after, self._literals(apart))
        kept = self._dead(apart, literals)
        return kept is not None and self._kept(apart, *self._step(wrong, apart, kept), kept) == kept and self._unread(wrong, apart, kept)

    def _literals(self, apart: Fields) -> Literals:
        """Any truth value of another field, and that a word is 0."""
        others = {path: term for path, term in self.system.variables.items() if path not in apart}
        return frozenset((path, value) for path, term in others.items() for value in ((False,) if term.width else (False, True)))

    def _always(self, term: Bool, *known: Bool) -> bool:
        return term is TRUE or self.solver.ask([*self.base.lemmas, *known, ~term]).word == "unsat"

    def _kept(self, apart: Fields, assertions: Sequence[Bool], after: Mapping[str, Term], literals: Literals) -> Literals:
        """Those literals that hold of the values after every step that the assertions allow."""
        left = dict.fromkeys(sorted(literals))
        while left:
            goal = conj(is_value(after[path], value) for path, value in left)
            answer = self.solver.ask([*self.base.lemmas, *assertions, ~goal])
            if answer.word != "sat":
                return frozenset(left) if answer.word == "unsat" else frozenset()
            values = {**dict.fromkeys(self._names, 0), **answer.values}
            left = dict.fromkeys((path, value) for path, value in left if bool(evaluate(after[path], values)) == value)
        return frozenset()

    def _fresh(self, apart: Fields) -> dict[Term, Term]:
        return {self.system.variables[path]: variable(f"{path} otherwise", self.system.variables[path].width) for path in sorted(apart)}

    def _step(self, action: Action, apart: Fields, known: Literals) -> tuple[list[Bool], dict[str, Term]]:
        """A step after which these fields differ if they did before, and the design's values after it."""
        old, fresh = self.system.variables, self._fresh(apart)
        terms = [action.next.get(path, old[path]) for path in sorted(apart)]
        differ = ~conj(_equal(a, b) for a, b in zip(terms, substitute(terms, fresh), strict=True))
        now = conj(is_value(old[path], value) for path, value in sorted(known))
        return [now, action.enabled, differ], {path: action.next.get(path, term) for path, term in old.items()}

    def _unread(self, action: Action, apart: Fields, known: Literals) -> bool:
        """Whether an action does the same to all other fields, whatever these hold."""
        terms = [action.enabled, *(term for path, term in action.next.items() if path not in apart), *action.observed.values()]
        enabled, *rest = [_equal(a, b) for a, b in zip(terms, substitute(terms, self._fresh(apart)), strict=True)]
        now = conj(is_value(self.system.variables[path], value) for path, value in sorted(known))
        return self._always(enabled, now) and self._always(conj(rest), now, action.enabled)

    def _dead(self, apart: Fields, literals: Literals) -> Literals | None:
        """Those of the literals that hold as long as the fields differ, if no step of the design and no view reads the fields meanwhile."""
        if (apart, literals) not in self._known:
            self._known[apart, literals] = self._found(apart, literals)
        return self._known[apart, literals]

    def _found(self, apart: Fields, literals: Literals) -> Literals | None:
        kept, before = literals, None
        while kept != before:
            before = kept
            for action in self.system.actions.values():
                if kept:
                    kept = self._kept(apart, *self._step(action, apart, kept), kept)
        if not kept or not all(self._unread(action, apart, kept) for action in self.system.actions.values()):
            return None
        probe = {path: variable(path, declared.width) for path, declared in self.system.fields.items() if declared.observed}
        views = [self.system.view(view, self.system.state(probe)) for view in sorted(self.system.views)]
        now = conj(is_value(self.system.variables[path], value) for path, value in sorted(kept))
        same = conj(_equal(a, b) for a, b in zip(views, substitute(views, self._fresh(apart)), strict=True))
        return kept if self._always(same, now) else None


def _equal(a: Term, b: Term) -> Bool:
    return TRUE if a is b else cast(Bool, a == b)
