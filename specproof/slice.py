"""The slice of a system at one bit position, and all of its reachable states.

A slice state packs one position of every word, every truth value, the watched bits and the class of
the position (which bits the model's constants have there) into one unsigned 64-bit integer. The
exploration is breadth first and complete, so the first violation of a property is a shortest one, and
a set of bits that no reachable state has can be excluded by a lemma.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from specproof.claims import Property
from specproof.graph import postorder
from specproof.layout import Compiled, Layout, States, TooLarge
from specproof.readings.bits import Compiler, watched_bits
from specproof.system import Action, System
from specproof.terms import Bool, Term


@dataclass
class Move:
    """An action on the slice: outputs are its guard and the next value of each bit that it can change."""

    action: Action
    compiled: Compiled
    targets: list[int]
    touched: int


@dataclass
class Watch:
    """A property on the slice: a program per action (or one, under None, for a property of states)
    whose outputs are enabled, violated, and antecedent happens."""

    prop: Property
    programs: dict[str | None, Compiled]


@dataclass
class Group:
    """Properties that one program looks for, since they read the same bits: outputs are enabled, and for each
    property violated and antecedent happens. With `initially` they are asked of initial states only."""

    action: str | None
    initially: bool
    names: list[str]
    compiled: Compiled


class Slice:
    """The one-bit system of a system and of properties that are asked of it."""

    def __init__(self, system: System, properties: Sequence[Property]) -> None:
        """Compiles everything; raises TooLarge where a state does not fit in 64 bits."""
        self.system = system
        roots, next_of = _roots(system, properties)
        words = [*system.variables.values(), *(term for action in system.actions.values() for term in action.inputs.values())]
        self.widest = max([term.width for term in postorder([*words, *roots])] or [0]) or 1  # a term may be wider than every variable
        self.watched = watched_bits(roots, next_of)
        self.layout = Layout()
        for path, term in system.variables.items():
            self.layout.keys[("word" if term.width else "bool", path)] = len(self.layout.keys)
            for position in sorted(self.watched.get(path, ())):
                self.layout.keys[("watched", path, position)] = len(self.layout.keys)
        self.layout.class_shift = len(self.layout.keys)
        self._compiled: list[Compiled] = []
        self.moves = [self._move(action) for action in system.actions.values()]
        self.watches = [self._watch(prop) for prop in properties]
        self.groups = self._groups()
        self.start = self._start()
        self._finish()

    def compiler(self, *, tests: bool) -> Compiler:
        """A compiler for terms of this slice."""
        return Compiler(self.widest, self.watched, tests=tests, couple=self.system.couple)

    def finish(self, compiler: Compiler) -> Compiled:
        """What a compiled program reads, sorted into state and inputs."""
        loads = compiler.program.loads()
        state = [key for key in loads if key in self.layout.keys or key[0] == "class"]  # type: ignore[index]
        compiled = Compiled(compiler.program, state, [key for key in loads if key not in set(state)])
        for term, (value, agree) in compiler.tested.items():
            compiled.tests[term] = len(compiler.program.outputs), len(compiler.program.outputs) + 1
            compiler.program.outputs += [value, agree]
        self._compiled.append(compiled)
        return compiled

    def _move(self, action: Action) -> Move:
        compiler = self.compiler(tests=True)
        outputs, targets = [compiler.at(action.enabled)], []
        for path, term in action.next.items():
            for key, bit in self.layout.keys.items():
                if key[1] == path:  # type: ignore[index]
                    outputs.append(compiler.at(term, key[2] if key[0] == "watched" else None))  # type: ignore[index]
                    targets.append(bit)
        compiler.program.outputs = outputs
        return Move(action, self.finish(compiler), targets, sum(1 << bit for bit in targets))

    def _watch(self, prop: Property) -> Watch:
        programs: dict[str | None, Compiled] = {name: self._violation(self.system.actions[name], _asked(prop, name)) for name in prop.steps}
        if prop.state is not None:
            programs[None] = self._violation(None, _asked(prop, None))
        return Watch(prop, programs)

    def _violation(self, action: Action | None, *asked: tuple[Bool, Bool | None]) -> Compiled:
        compiler = self.compiler(tests=action is not None)
        outputs = [compiler.program.constant(True) if action is None else compiler.at(action.enabled)]
        for term, happens in asked:
            outputs.append(compiler.somewhere(term, False))
            outputs.append(compiler.program.constant(True) if happens is None else compiler.somewhere(happens, True))
        compiler.program.outputs = outputs
        return self.finish(compiler)

    def _groups(self) -> list[Group]:
        """Programs that read nothing that a larger one of the same action does not read are joined to it."""
        found: list[Group] = []
        members: list[list[tuple[Bool, Bool | None]]] = []
        ordered = [(-len(compiled.state_keys), watch, action, compiled) for watch in self.watches for action, compiled in watch.programs.items()]
        for _, watch, action, compiled in sorted(ordered, key=lambda item: item[0]):
            if not compiled.shows():
                continue
            prop, initially = watch.prop, action is None and bool(watch.prop.steps)
            asked = _asked(prop, action)
            reads = {*compiled.state_keys, *compiled.inputs}
            home = next(
                (n for n, group in enumerate(found) if (group.action, group.initially) == (action, initially) and reads <= self._reads(group)), None
            )  # fmt: skip
            if home is None:
                found.append(Group(action, initially, [prop.claim], compiled))
                members.append([asked])
            else:
                found[home].names.append(prop.claim)
                members[home].append(asked)
        for group, terms in zip(found, members, strict=True):
            if len(terms) > 1:
                group.compiled = self._violation(self.system.actions[group.action] if group.action else None, *terms)
        return found

    @staticmethod
    def _reads(group: Group) -> set[Hashable]:
        return {*group.compiled.state_keys, *group.compiled.inputs}

    def _start(self) -> list[tuple[Compiled, frozenset[Hashable]]]:
        """The initial predicate as conjuncts, each with the keys it reads, for a stepwise enumeration."""
        found = []
        for part in _conjuncts(self.system.starts):
            compiler = self.compiler(tests=False)
            compiler.program.outputs = [compiler.may(part)]
            compiled = self.finish(compiler)
            if compiled.inputs:
                raise TooLarge(f"the initial predicate reads {compiled.inputs[0]}, which no slice has")
            found.append((compiled, frozenset(key for key in compiled.state_keys if key in self.layout.keys)))
        return found

    def _finish(self) -> None:
        """Position classes, now that all constants are known; masks and couplings of every program."""
        layout = self.layout
        constants = {key[1] for compiled in self._compiled for key in compiled.state_keys if key[0] == "class"}  # type: ignore[index]
        constants |= {(1 << term.width) - 1 for term in self.system.variables.values() if 0 < term.width < self.widest}
        constants |= {1 << position for positions in self.watched.values() for position in positions}
        layout.constants = tuple(sorted(constants))
        layout.classes = sorted({tuple(bool(constant >> position & 1) for constant in layout.constants) for position in range(self.widest)})
        if layout.width > 64:
            raise TooLarge(f"a slice state of {self.system.design} has {layout.width} bits; 64 fit")
        for compiled in self._compiled:
            self._bind(compiled)

    def _bind(self, compiled: Compiled) -> None:
        layout = self.layout
        for key in compiled.state_keys:
            compiled.mask |= layout.class_mask() if key[0] == "class" else 1 << layout.keys[key]  # type: ignore[index]
        for index, key in enumerate(compiled.inputs):
            if key[0] == "watched" and ("word", key[1]) in compiled.inputs:  # type: ignore[index]
                compiled.couplings.append((compiled.inputs.index(("word", key[1])), index, key[2]))  # type: ignore[index]
                compiled.mask |= layout.class_mask()
        if len(compiled.inputs) > 18:
            raise TooLarge(f"an action of {self.system.design} has {len(compiled.inputs)} free bits on the slice; write it in stages")

    def initial_states(self) -> States:
        """Every initial slice state, variable by variable, each conjunct applied as soon as it can be."""
        layout = self.layout
        states = (np.arange(len(layout.classes), dtype=np.uint64)) << np.uint64(layout.class_shift)
        waiting = list(self.start)
        have: set[Hashable] = set()
        for key, bit in self._order():
            states = np.concatenate([states, states | np.uint64(1 << bit)])
            have.add(key)
            if key[0] == "watched":  # type: ignore[index]
                same = layout.column(states, key) == layout.column(states, ("word", key[1]))  # type: ignore[index]
                states = states[(same | ~layout.class_column(states, 1 << key[2]))[:, 0]]  # type: ignore[index]
            if key[0] == "word" and (width := self.system.variables[key[1]].width) < self.widest:  # type: ignore[index]
                states = states[(~layout.column(states, key) | layout.class_column(states, (1 << width) - 1))[:, 0]]
            ready = [(compiled, reads) for compiled, reads in waiting if reads <= have]
            waiting = [(compiled, reads) for compiled, reads in waiting if not reads <= have]
            for compiled, _ in ready:
                holds = compiled.run(layout, states)[0][0]
                states = states[np.broadcast_to(holds, (len(states), 1))[:, 0]]
            if len(states) > 1 << 22:
                raise TooLarge(f"{self.system.design} has more than {1 << 22} initial slice states; pin more fields in its initial predicate")
        for compiled, _ in waiting:
            states = states[np.broadcast_to(compiled.run(layout, states)[0][0], (len(states), 1))[:, 0]]
        return np.sort(states)

    def _order(self) -> list[tuple[Hashable, int]]:
        """Variables so that each conjunct is complete early: those of short conjuncts first."""
        rank: dict[Hashable, int] = {}
        for _, reads in sorted(self.start, key=lambda item: len(item[1])):
            for key in reads:
                rank.setdefault(key, len(rank))
        ordered = sorted(self.layout.keys.items(), key=lambda item: (rank.get(item[0], len(rank)), item[1]))
        words = [item for item in ordered if item[0][0] != "watched"]  # type: ignore[index]
        return words + [item for item in ordered if item[0][0] == "watched"]  # type: ignore[index]


def _roots(system: System, properties: Sequence[Property]) -> tuple[list[Term], dict[str, list[Term]]]:
    """Every term that the slice reads, and the next values of each variable."""
    roots: list[Term] = [system.starts]
    next_of: dict[str, list[Term]] = {}
    for action in system.actions.values():
        roots += [action.enabled, *action.observed.values(), *action.next.values()]
        for path, term in action.next.items():
            next_of.setdefault(path, []).append(term)
    for prop in properties:
        for one in (prop, *([prop.happens] if prop.happens else [])):
            roots += [*([] if one.state is None else [one.state]), *one.steps.values()]
    return roots, next_of


def _asked(prop: Property, action: str | None) -> tuple[Bool, Bool | None]:
    """A property and its antecedent at an action, or of states."""
    if action is None:
        return cast(Bool, prop.state), prop.happens.state if prop.happens else None
    return prop.steps[action], prop.happens.steps[action] if prop.happens else None


def _conjuncts(term: Term) -> list[Term]:
    if term.op == "and" and not term.width:
        return [*_conjuncts(term.args[0]), *_conjuncts(term.args[1])]
    return [term]


