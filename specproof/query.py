"""One action of a slice in a SAT solver: which states satisfy some lemmas and break another in one step."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from pysat.solvers import Solver as Sat

from specproof.claims import Property
from specproof.interrupts import heed
from specproof.layout import Entailment, flag
from specproof.program import Program
from specproof.readings.bits import Compiler
from specproof.system import Action
from specproof.terms import TRUE, Bool, Term
from specproof.vocabulary import Lemma, Vocabulary


def solved(sat: Any, assumptions: Sequence[int] = ()) -> bool:
    """Whether the clauses of a solver can be satisfied. It takes Ctrl-C for itself and raises an error of its own: the user meant the whole run."""
    heed()
    try:
        return bool(sat.solve(assumptions=assumptions))
    except Exception as error:
        if "keyboard interrupt" in str(error):
            raise KeyboardInterrupt from error
        raise


class Query:
    """One action (or none) in a SAT solver: the state before, the step, and what it breaks."""

    def __init__(
        self, vocabulary: Vocabulary, action: Action | None, properties: Sequence[Property], entailed: Iterable[Entailment] = ()
    ) -> None:
        """Encodes the step of `action`; without one, violations in a state. `entailed`: what its tests entail of one another."""
        self.sat = Sat(name="minisat22")
        self.vocabulary, self.action = vocabulary, action
        slice_ = vocabulary.slice
        compiler = slice_.compiler(tests=action is not None)
        self.guard: list[tuple[str, int]] = []
        post: dict[Hashable, int] = {}
        views_before = {key: compiler.at(vocabulary.here[key]) for key in vocabulary.views}
        if action is not None:
            self.guard = [("", compiler.at(action.guard)), *((name, compiler.at(term)) for name, term in action.assumed.items())]
            after = vocabulary.after(action.next)
            for key in slice_.layout.keys:
                if key[1] in action.next:  # type: ignore[index]
                    post[key] = compiler.at(action.next[key[1]], key[2] if key[0] == "watched" else None)  # type: ignore[index]
            post |= {key: compiler.at(after[key]) for key in vocabulary.views}
        self.claims = {prop.claim: self._violation(compiler, prop) for prop in properties if self._asks(prop)}
        self._encode(compiler.program)
        self.before = {key: self._load(key) for key in slice_.layout.keys} | {("class", v): self._load(("class", v)) for v in slice_.layout.constants}
        self.before |= {key: self.literals[node] for key, node in views_before.items()}
        self.after = {**self.before, **{key: self.literals[node] for key, node in post.items()}}
        self._couple(compiler.program)
        self.trusted: dict[int, tuple[int, ...]] = {}
        place_of = {test: place for place, test in enumerate(compiler.tested)}
        asked = [one for one in entailed if {one.then, *(test for test, _ in one.given if flag(test) is None)} <= place_of.keys()]
        for one in sorted(asked, key=lambda one: one.place(place_of)):
            holds, alike = (self.literals[node] for node in compiler.tested[one.then])
            given = [self._given(compiler, test) * (1 if wanted else -1) for test, wanted in one.given]
            self.trusted[self._fresh()] = (*given, -alike) if one.never is None else (*given, self.rows[one.never], alike)
            self.sat.add_clause([-self.top, *(-literal for literal in given), holds if one.never is None else -holds])
        self.selected: dict[Lemma, int] = {}
        self.selects: dict[int, Lemma] = {}
        self.among: tuple[Sequence[Lemma], list[int]] | None = None

    def _given(self, compiler: Compiler, test: Term) -> int:
        """A test that an entailment is about, or a truth value of the state."""
        return self.literals[compiler.tested[test][0]] if flag(test) is None else self.before["bool", flag(test)]

    def _asks(self, prop: Property) -> bool:
        if self.action is None:
            return prop.always is not None
        return self.action.name in prop.steps and prop.steps[self.action.name] is not TRUE

    def _violation(self, compiler: Compiler, prop: Property) -> int:
        term = prop.steps[self.action.name] if self.action is not None else cast(Bool, prop.always)
        return compiler.somewhere(term, False)

    def _encode(self, program: Program) -> None:
        self.top = 1
        self.sat.add_clause([1])
        self.loaded: dict[Hashable, int] = {}
        self.literals: list[int] = []
        for node in program.nodes:
            if node[0] == "load":
                self.literals.append(self._load(node[1]))
            else:
                self.literals.append(self._gate(node[0], [self.literals[arg] for arg in node[1:]]))

    def _fresh(self) -> int:
        self.top += 1
        return self.top

    def _load(self, key: Any) -> int:
        if key[0] == "constant":
            return 1 if key[1] else -1
        if key not in self.loaded:
            self.loaded[key] = self._fresh()
        return self.loaded[key]

    def _gate(self, op: str, args: Sequence[int]) -> int:
        a = args[0]
        if op == "not":
            return -a
        out, b = self._fresh(), args[1]
        if op == "and":
            clauses = [[-out, a], [-out, b], [out, -a, -b]]
        elif op == "or":
            clauses = [[out, -a], [out, -b], [-out, a, b]]
        elif op == "xor":
            clauses = [[-out, a, b], [-out, -a, -b], [out, -a, b], [out, a, -b]]
        else:
            c = args[2]
            clauses = [[-a, -out, b], [-a, out, -b], [a, -out, c], [a, out, -c], [-out, b, c], [out, -b, -c]]
        for clause in clauses:
            self.sat.add_clause(clause)
        return out

    def _couple(self, program: Program) -> None:
        """Position classes, and watched bits that are the generic one at their own position."""
        layout = self.vocabulary.slice.layout
        self.rows: list[int] = []
        for row in layout.classes:
            self.rows.append(self._fresh())
            for value, present in zip(layout.constants, row, strict=True):
                literal = self.before[("class", value)]
                self.sat.add_clause([-self.rows[-1], literal if present else -literal])
        self.sat.add_clause(self.rows)
        for key in [*layout.keys, *self.loaded]:
            if key[0] == "watched" and ("word", key[1]) in {**layout.keys, **self.loaded}:  # type: ignore[index]
                here = self.before[("class", 1 << key[2])]  # type: ignore[index]
                a, b = self._load(key), self._load(("word", key[1]))  # type: ignore[index]
                self.sat.add_clause([-here, a, -b])
                self.sat.add_clause([-here, -a, b])
        for path, term in self.vocabulary.slice.system.variables.items():
            if 0 < term.width < self.vocabulary.slice.widest:
                self.sat.add_clause([-self._load(("word", path)), self.before[("class", (1 << term.width) - 1)]])

    def know(self, lemma: Lemma) -> None:
        """From now on the state before satisfies the lemma, where it is selected."""
        if lemma not in self.selected:
            self.selected[lemma] = self._fresh()
            self.selects[self.selected[lemma]] = lemma
            literals = [self.before[key] if positive else -self.before[key] for key, positive in lemma.literals]
            self.sat.add_clause([-self.selected[lemma], *literals])

    def _selected(self, lemmas: Sequence[Lemma]) -> list[int]:
        """What selects these; the same ones are asked about many times in a row."""
        if self.among is None or self.among[0] is not lemmas:
            self.among = lemmas, [self.selected[lemma] for lemma in lemmas]
        return self.among[1]

    def breaks(self, target: Lemma | str) -> list[int] | None:
        """Assumptions under which the target fails after the step; None where the step cannot touch it."""
        if isinstance(target, str):
            return [self.literals[self.claims[target]]] if target in self.claims else None
        if all(self.after[key] == self.before[key] for key, _ in target.literals):
            return None
        return [-self.after[key] if positive else self.after[key] for key, positive in target.literals]

    def _solve(self, assumptions: list[int]) -> dict[Hashable, bool] | set[int]:
        """The state of a satisfying assignment, or the assumptions that exclude one."""
        if not solved(self.sat, assumptions):
            return set(self.sat.get_core() or ())
        model = set(self.sat.get_model() or ())
        return {key: (literal in model) if literal > 0 else (-literal not in model) for key, literal in self.before.items()}

    @cached_property
    def _guards(self) -> dict[str, int]:
        return {name: self.literals[node] for name, node in self.guard}

    def ask(self, target: Lemma | str, lemmas: Sequence[Lemma] | None = None) -> dict[Hashable, bool] | Core | None:
        """A state before that breaks the target, or one of the entailments that keep it from being broken; a core where
        there is none; None where there is nothing to ask."""
        breaking = self.breaks(target)
        if breaking is None:
            return None
        known = [*self._guards.values(), *(self.selected.values() if lemmas is None else self._selected(lemmas))]
        used = self._solve([*breaking, *known, *self.trusted])
        if isinstance(used, dict):
            return used
        for selector in [selector for selector in self.trusted if selector in used]:
            why = self._solve([*self.trusted[selector], *known])
            if isinstance(why, dict):
                return why
            used |= why
        assumptions = tuple(name for name, literal in self._guards.items() if name and literal in used)
        guard = any(not name and literal in used for name, literal in self._guards.items())
        return Core(tuple(self.selects[literal] for literal in sorted(used & self.selects.keys())), assumptions, guard)


@dataclass(frozen=True)
class Core:
    """What a step needs: lemmas before it, assumptions about the environment, and whether it needs the action's guard."""

    lemmas: tuple[Lemma, ...]
    assumptions: tuple[str, ...]
    guard: bool = True
