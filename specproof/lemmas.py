"""Lemmas: clauses over one bit position that every reachable slice state satisfies and that together are inductive.

A state that satisfies all lemmas and breaks one of them (or a claim) in one step cannot be reachable, so
some of its bits exclude it: bits that no reachable state has together. Which bits are few is read off the
reachable states; a SAT solver finds the next such state. When it finds none, the lemmas are inductive and
imply the claims, and unsat cores say which of them each step needs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
from pysat.solvers import Solver as Sat

from specproof.claims import Property
from specproof.explore import Reached
from specproof.readings.bits import Compiler, Program
from specproof.slice import Slice
from specproof.system import Action
from specproof.terms import FALSE, TRUE, Bool, Term, Word, conj, implies, word

Literal = tuple[Hashable, bool]
Packed = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True)
class Lemma:
    """A clause: at every bit position at least one literal holds. Literals are sorted."""

    literals: tuple[Literal, ...]


class Vocabulary:
    """What lemmas speak of: the bits of a slice state, the constants of its class, and the design's views."""

    def __init__(self, slice_: Slice, reached: Reached) -> None:
        """Packs a column of bits, one for each reachable state, for every word of the vocabulary."""
        self.slice = slice_
        layout, states = slice_.layout, reached.states
        self.views = self._views()
        columns = {key: layout.column(states, key)[:, 0] for key in layout.keys}
        columns |= {("class", value): layout.class_column(states, value)[:, 0] for value in layout.constants}
        for key, program in self.views.items():
            loads = {load: columns[load][:, None] for load in program.loads()}
            columns[key] = np.broadcast_to(program.run(loads)[0], (len(states), 1))[:, 0]
        self.keys = list(columns)
        self.index = {key: number for number, key in enumerate(self.keys)}
        self.count = len(states)
        self.true = np.stack([_pack(column) for column in columns.values()])
        valid = _pack(np.ones(len(states), dtype=np.bool_))
        self.false = ~self.true & valid
        self.popular = np.array([column.sum() for column in columns.values()], dtype=np.int64)

    def _views(self) -> dict[Hashable, Program]:
        found: dict[Hashable, Program] = {}
        system = self.slice.system
        for name in sorted(system.views):
            term = system.view(name, system.state())
            if term.op in ("var", "const"):
                continue
            program = compile_value(self.slice, term)
            if program is not None:
                found[("view", name)] = program
        return found

    def exclude(self, values: Mapping[Hashable, bool]) -> Lemma:
        """A short clause that the state `values` breaks and every reachable state satisfies."""
        rows = [self.true[number] if values[key] else self.false[number] for key, number in self.index.items()]
        popular = np.array([self.popular[n] if values[key] else self.count - self.popular[n] for key, n in self.index.items()])
        plain = np.arange(len(rows))
        orders = [np.argsort(-popular, kind="stable"), plain, plain[::-1], np.argsort(popular, kind="stable")]
        best = min((self._reduce(rows, order) for order in orders), key=len)
        return Lemma(tuple(sorted(((self.keys[number], not values[self.keys[number]]) for number in best), key=repr)))

    def _reduce(self, rows: Sequence[Packed], order: Iterable[int]) -> list[int]:
        """Positions of a minimal subset of rows that have no common bit, dropping in this order."""
        sequence = [int(number) for number in order]
        suffix = [np.full_like(rows[0], np.uint64(0xFFFFFFFFFFFFFFFF))]
        for number in reversed(sequence):
            suffix.append(suffix[-1] & rows[number])
        kept, common = [], suffix[0]
        for place, number in enumerate(sequence):
            rest = suffix[len(sequence) - place - 1]
            if (common & rest).any():
                kept.append(number)
                common = common & rows[number]
            if not common.any():
                break
        return kept

    def term(self, lemma: Lemma, values: Mapping[str, Term]) -> Bool:
        """The lemma at full width, over the terms of a state's leaves."""
        widest = self.slice.widest
        bools: list[Bool] = []
        words: Word | None = None
        for key, positive in lemma.literals:
            term = self.leaf(key, values)
            if term.width:
                wide = cast(Word, term).zext(widest)
                negated = ~wide if positive else wide
                words = negated if words is None else words & negated
            else:
                bools.append(~cast(Bool, term) if positive else cast(Bool, term))
        return implies(conj(bools), FALSE if words is None else words == 0)

    def leaf(self, key: Any, values: Mapping[str, Term]) -> Term:
        """The full-width term of a word of the vocabulary."""
        kind = key[0]
        if kind == "class":
            return word(key[1], self.slice.widest)
        if kind == "view":
            return self.slice.system.view(key[1], values)
        return cast(Word, values[key[1]]).bit(key[2]) if kind == "watched" else values[key[1]]


def _pack(column: Any) -> Packed:
    size = -(-len(column) // 64) * 64
    padded = np.zeros(size, dtype=np.bool_)
    padded[: len(column)] = column
    return np.packbits(padded).view(np.uint64)


def compile_value(slice_: Slice, term: Term) -> Program | None:
    """The program of a state term's bit, or None where the slice cannot know it."""
    compiler = slice_.compiler(tests=True)
    compiler.program.outputs = [compiler.at(term)]
    known = {("class", value) for value in slice_.layout.constants} | set(slice_.layout.keys)
    return compiler.program if set(compiler.program.loads()) <= known else None


class Query:
    """One action (or none) in a SAT solver: the state before, the step, and what it breaks."""

    def __init__(self, vocabulary: Vocabulary, action: Action | None, properties: Sequence[Property]) -> None:
        """Encodes the step of `action`; without one, violations in a state."""
        self.sat = Sat(name="minisat22")
        self.vocabulary, self.action = vocabulary, action
        slice_ = vocabulary.slice
        compiler = slice_.compiler(tests=action is not None)
        system = slice_.system
        self.guard: list[tuple[str, int]] = []
        post: dict[Hashable, int] = {}
        views_before = {key: compiler.at(vocabulary.leaf(key, system.state())) for key in vocabulary.views}
        if action is not None:
            self.guard = [("", compiler.at(action.guard)), *((name, compiler.at(term)) for name, term in action.assumed.items())]
            after = system.state(action.next)
            for key in [*slice_.layout.keys, *vocabulary.views]:
                if key[0] == "view" or key[1] in action.next:  # type: ignore[index]
                    post[key] = self._value(compiler, key, after)
        self.claims = {prop.claim: self._violation(compiler, prop) for prop in properties if self._asks(prop)}
        self._encode(compiler.program)
        self.before = {key: self._load(key) for key in slice_.layout.keys} | {("class", v): self._load(("class", v)) for v in slice_.layout.constants}
        self.before |= {key: self.literals[node] for key, node in views_before.items()}
        self.after = {**self.before, **{key: self.literals[node] for key, node in post.items()}}
        self._couple(compiler.program)
        self.selected: dict[Lemma, int] = {}

    def _asks(self, prop: Property) -> bool:
        if self.action is None:
            return prop.state is not None
        return self.action.name in prop.steps and prop.steps[self.action.name] is not TRUE

    def _violation(self, compiler: Compiler, prop: Property) -> int:
        term = prop.steps[self.action.name] if self.action is not None else cast(Bool, prop.state)
        return compiler.somewhere(term, False)

    def _value(self, compiler: Compiler, key: Any, after: Mapping[str, Term]) -> int:
        if key[0] == "view":
            return compiler.at(self.vocabulary.slice.system.view(key[1], after))
        return compiler.at(after[key[1]], key[2] if key[0] == "watched" else None)

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
        rows = []
        for row in layout.classes:
            rows.append(self._fresh())
            for value, present in zip(layout.constants, row, strict=True):
                literal = self.before[("class", value)]
                self.sat.add_clause([-rows[-1], literal if present else -literal])
        self.sat.add_clause(rows)
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
            literals = [self.before[key] if positive else -self.before[key] for key, positive in lemma.literals]
            self.sat.add_clause([-self.selected[lemma], *literals])

    def breaks(self, target: Lemma | str) -> list[int] | None:
        """Assumptions under which the target fails after the step; None where the step cannot touch it."""
        if isinstance(target, str):
            return [self.literals[self.claims[target]]] if target in self.claims else None
        if all(self.after[key] == self.before[key] for key, _ in target.literals):
            return None
        return [-self.after[key] if positive else self.after[key] for key, positive in target.literals]

    @cached_property
    def _guards(self) -> dict[str, int]:
        return {name: self.literals[node] for name, node in self.guard}

    def ask(self, target: Lemma | str, lemmas: Iterable[Lemma]) -> dict[Hashable, bool] | None | Core:
        """A state before that breaks the target; a core where there is none; None where there is nothing to ask."""
        breaking = self.breaks(target)
        if breaking is None:
            return None
        chosen = {self.selected[lemma]: lemma for lemma in lemmas}
        if self.sat.solve(assumptions=[*breaking, *self._guards.values(), *chosen]):
            model = set(self.sat.get_model() or ())
            return {key: (literal in model) if literal > 0 else (-literal not in model) for key, literal in self.before.items()}
        used = set(self.sat.get_core() or ())
        return Core(tuple(lemma for literal, lemma in chosen.items() if literal in used), tuple(n for n, literal in self._guards.items() if n and literal in used))


@dataclass(frozen=True)
class Core:
    """What a step needs: lemmas before it, and assumptions about the environment."""

    lemmas: tuple[Lemma, ...]
    assumptions: tuple[str, ...]


@dataclass
class Certificate:
    """Lemmas that are inductive together and imply the claims. `cores[(target, action)]`: action None means "in a state"."""

    vocabulary: Vocabulary
    lemmas: list[Lemma]
    claims: list[str]
    cores: dict[tuple[Lemma | str, str | None], Core] = field(default_factory=dict)

    def behind(self, claim: str) -> tuple[list[Lemma], set[str]]:
        """The lemmas and assumptions that the proof of one claim uses, directly or through other lemmas."""
        needs: dict[Lemma | str, list[Core]] = {}
        for (target, _), core in self.cores.items():
            needs.setdefault(target, []).append(core)
        todo: list[Lemma | str] = [claim]
        seen: set[Lemma | str] = {claim}
        assumptions: set[str] = set()
        while todo:
            for core in needs.get(todo.pop(), ()):
                assumptions.update(core.assumptions)
                new = [lemma for lemma in core.lemmas if lemma not in seen]
                seen.update(new)
                todo += new
        return [lemma for lemma in self.lemmas if lemma in seen], assumptions


def discover(slice_: Slice, reached: Reached, properties: Sequence[Property]) -> Certificate:
    """Lemmas that prove the properties, none of which may be violated on the slice."""
    vocabulary = Vocabulary(slice_, reached)
    queries: dict[str | None, Query] = {None: Query(vocabulary, None, properties)}
    for action in slice_.system.actions.values():
        if action.name in reached.fired:
            queries[action.name] = Query(vocabulary, action, properties)
    lemmas: list[Lemma] = []

    def block(target: Lemma | str) -> None:
        for query in queries.values():
            while isinstance(found := query.ask(target, lemmas), dict):
                lemma = vocabulary.exclude(found)
                lemmas.append(lemma)
                for other in queries.values():
                    other.know(lemma)

    for prop in properties:
        block(prop.claim)
    place = 0
    while place < len(lemmas):
        block(lemmas[place])
        place += 1
    return _minimal(Certificate(vocabulary, lemmas, [prop.claim for prop in properties]), queries)


def _minimal(certificate: Certificate, queries: Mapping[str | None, Query]) -> Certificate:
    """Only lemmas that the claims need, by unsat cores and then by leaving out one after the other."""

    def cores(target: Lemma | str, among: Sequence[Lemma]) -> dict[tuple[Lemma | str, str | None], Core] | None:
        found: dict[tuple[Lemma | str, str | None], Core] = {}
        for name, query in queries.items():
            answer = query.ask(target, among)
            if isinstance(answer, dict):
                return None
            if answer is not None:
                found[(target, name)] = answer
        return found

    short = sorted(certificate.lemmas, key=lambda lemma: len(lemma.literals))
    needed: dict[tuple[Lemma | str, str | None], Core] = {}
    todo: list[Lemma | str] = list(certificate.claims)
    seen: set[Lemma | str] = set(todo)
    while todo:
        target = todo.pop(0)
        found = cores(target, short)
        if found is None:
            raise RuntimeError(f"{target} is not implied by the lemmas that were found for it")
        needed.update(found)
        for core in found.values():
            for lemma in core.lemmas:
                if lemma not in seen:
                    seen.add(lemma)
                    todo.append(lemma)
    keep = [lemma for lemma in short if lemma in seen]
    for lemma in sorted(keep, key=lambda lemma: -len(lemma.literals)):
        rest = [other for other in keep if other is not lemma]
        replaced: dict[tuple[Lemma | str, str | None], Core] = {}
        for (target, name), core in needed.items():
            if target is not lemma and lemma in core.lemmas:
                answer = queries[name].ask(target, rest)
                if isinstance(answer, dict) or answer is None:
                    break
                replaced[(target, name)] = answer
        else:
            keep = rest
            needed = {key: core for key, core in {**needed, **replaced}.items() if key[0] is not lemma}
    certificate.lemmas, certificate.cores = keep, needed
    return certificate
