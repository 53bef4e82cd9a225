"""The slice of a system at one bit position, and all of its reachable states.

A slice state packs one position of every word, every truth value, the watched bits and the class of
the position (which bits the model's constants have there) into one unsigned 64-bit integer. The
exploration is breadth first and complete, so the first violation of a property is a shortest one, and
a set of bits that no reachable state has can be excluded by a lemma.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from specproof.claims import Property
from specproof.graph import postorder
from specproof.layout import Compiled, Layout, States, TooLarge
from specproof.program import Program
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


#: What must hold, and the antecedent that should happen.
Asked = tuple[Bool, Bool | None]


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
        self._compiled: list[Compiled] | None = []
        self.properties = {prop.claim: prop for prop in properties}
        self.moves = [self.move(action) for action in system.actions.values()]
        self.groups = self._groups()
        self.start = self._start()
        self._finish()

    def compiler(self, *, tests: bool) -> Compiler:
        """A compiler for terms of this slice."""
        return Compiler(self.widest, self.watched, tests=tests, couple=self.system.couple)

    def finish(self, program: Program, tested: Mapping[Term, tuple[int, int]] | None = None) -> Compiled:
        """What a compiled program reads, sorted into state and inputs; `tested`: nodes that become further outputs, see `Compiler`.

        Raises TooLarge where the whole slice is compiled already, and this reads a constant that nothing in it does.
        """
        outputs = len(program.outputs)
        for nodes in (tested or {}).values():
            program.outputs += nodes
        loads = program.loads()
        state = [key for key in loads if key in self.layout.keys or key[0] == "class"]  # type: ignore[index]
        compiled = Compiled(program, state, [key for key in loads if key not in set(state)])
        compiled.tests = {term: (outputs + 2 * number, outputs + 2 * number + 1) for number, term in enumerate(tested or {})}
        if self._compiled is not None:
            self._compiled.append(compiled)
        else:
            self._bind(compiled)
        return compiled

    def move(self, action: Action) -> Move:
        """An action, be it one of the system's or not, as a move; raises TooLarge where it does not fit."""
        compiler = self.compiler(tests=True)
        outputs, targets = [compiler.at(action.enabled)], []
        for path, term in action.next.items():
            for key, bit in self.layout.keys.items():
                if key[1] == path:  # type: ignore[index]
                    outputs.append(compiler.at(term, key[2] if key[0] == "watched" else None))  # type: ignore[index]
                    targets.append(bit)
        compiler.program.outputs = outputs
        return Move(action, self.finish(compiler.program, compiler.tested), targets, sum(1 << bit for bit in targets))

    def violation(self, action: Action | None, *asked: Asked) -> Compiled:
        """What would violate properties by a step of such an action, or in a state: outputs as those of a group. Raises TooLarge as `move`."""
        compiler = self.compiler(tests=action is not None)
        compiler.program.outputs = self._outputs(compiler, action, asked)
        return self.finish(compiler.program, compiler.tested)

    def programs(self, claim: str) -> dict[str | None, Compiled]:
        """What violates one of the properties, by action; under None in a state."""
        prop = self.properties[claim]
        found: dict[str | None, Compiled] = {name: self.violation(self.system.actions[name], _asked(prop, name)) for name in prop.steps}
        if prop.state is not None:
            found[None] = self.violation(None, _asked(prop, None))
        return found

    @staticmethod
    def _outputs(compiler: Compiler, action: Action | None, asked: Iterable[Asked]) -> list[int]:
        true = compiler.program.constant(True)
        outputs = [true if action is None else compiler.at(action.enabled)]
        for term, happens in asked:
            outputs.append(compiler.somewhere(term, False))
            outputs.append(true if happens is None else compiler.somewhere(happens, True))
        return outputs

    def _groups(self) -> list[Group]:
        """Every property at every action, those together that read nothing that one of them does not read: all of an action are
        compiled at once, and each group takes the part that it needs."""
        questions: dict[tuple[str | None, bool], list[str]] = {}
        for claim, prop in self.properties.items():
            for step in prop.steps:
                questions.setdefault((step, False), []).append(claim)
            if prop.state is not None:
                questions.setdefault((None, bool(prop.steps)), []).append(claim)
        found: list[Group] = []
        for (name, initially), claims in questions.items():
            compiler = self.compiler(tests=name is not None)
            action = self.system.actions[name] if name is not None else None
            outputs = self._outputs(compiler, action, [_asked(self.properties[claim], name) for claim in claims])
            needs = compiler.program.needs()
            pairs = {claim: (outputs[1 + 2 * place], outputs[2 + 2 * place]) for place, claim in enumerate(claims)}
            reads = {claim: needs[outputs[0]] | needs[pair[0]] | needs[pair[1]] for claim, pair in pairs.items()}
            homes: list[tuple[int, list[str]]] = []
            for claim in sorted(claims, key=lambda claim: -reads[claim].bit_count()):
                if self._shows(compiler.program, outputs[0], *pairs[claim]):
                    home = next((names for read, names in homes if reads[claim] & ~read == 0), None)
                    if home is None:
                        homes.append((reads[claim], [claim]))
                    else:
                        home.append(claim)
            for _, names in homes:
                found.append(Group(name, initially, names, self._part(compiler, [outputs[0], *(node for claim in names for node in pairs[claim])])))
        return found

    def _part(self, compiler: Compiler, outputs: list[int]) -> Compiled:
        """What these nodes need, with the tests among it."""
        _, place = compiler.program.part(outputs)
        tested = {term: nodes for term, nodes in compiler.tested.items() if nodes[0] in place}
        program, place = compiler.program.part([*outputs, *(agrees for _, agrees in tested.values())])
        del program.outputs[len(outputs) :]
        return self.finish(program, {term: (place[holds], place[agrees]) for term, (holds, agrees) in tested.items()})

    @staticmethod
    def _shows(program: Program, enabled: int, violated: int, happens: int) -> bool:
        """Whether anything can be seen: it is enabled, and violated or its antecedent happens."""
        never = ("load", ("constant", False))
        return program.nodes[enabled] != never and (program.nodes[violated] != never or program.nodes[happens] != never)

    def _start(self) -> list[tuple[Compiled, frozenset[Hashable]]]:
        """The initial predicate as conjuncts, each with the keys it reads, for a stepwise enumeration."""
        found = []
        for part, _ in self.system.start_parts:
            compiler = self.compiler(tests=False)
            compiler.program.outputs = [compiler.may(part)]
            compiled = self.finish(compiler.program)
            if compiled.inputs:
                raise TooLarge(f"the initial predicate reads {compiled.inputs[0]}, which no slice has")
            found.append((compiled, frozenset(key for key in compiled.state_keys if key in self.layout.keys)))
        return found

    def _finish(self) -> None:
        """Position classes, now that all constants are known; masks and couplings of every program."""
        layout = self.layout
        every, self._compiled = self._compiled or [], None
        constants = {key[1] for compiled in every for key in compiled.state_keys if key[0] == "class"}  # type: ignore[index]
        constants |= {(1 << term.width) - 1 for term in self.system.variables.values() if 0 < term.width < self.widest}
        constants |= {1 << position for positions in self.watched.values() for position in positions}
        layout.constants = tuple(sorted(constants))
        classes = {tuple(bool(constant >> position & 1) for constant in layout.constants) for position in range(self.widest)}
        layout.classes = sorted(classes, key=lambda row: (-sum(row), row))  # runs are told at the positions that the model says most about
        if layout.width > 64:
            raise TooLarge(f"a slice state of {self.system.design} has {layout.width} bits; 64 fit")
        for compiled in every:
            self._bind(compiled)

    def _bind(self, compiled: Compiled) -> None:
        layout = self.layout
        for key in compiled.state_keys:
            if key[0] == "class" and key[1] not in layout.constants:  # type: ignore[index]
                raise TooLarge(f"the constant {key[1]:#x} is new")  # type: ignore[index]
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
                states = states[compiled.steps(layout, states).show()]
            if len(states) > 1 << 22:
                raise TooLarge(f"{self.system.design} has more than {1 << 22} initial slice states; pin more fields in its initial predicate")
        for compiled, _ in waiting:
            states = states[compiled.steps(layout, states).show()]
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


def _asked(prop: Property, action: str | None) -> Asked:
    """A property and its antecedent at an action, or of states."""
    if action is None:
        return cast(Bool, prop.state), prop.happens.state if prop.happens else None
    return prop.steps[action], prop.happens.steps[action] if prop.happens else None
