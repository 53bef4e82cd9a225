"""A whole system as AIGER, for hardware model checkers: bit-blasted, one output for each claim.

An output rises exactly in the runs that violate its claim, so "proved" here is "never rises" there. The
first cycle chooses the initial state: variables that the initial predicate pins have it after the reset (a
bit that is pinned to 1 is kept inverted, since latches start at 0), the others take it from inputs, and
nothing happens until the predicate holds (`started`). In each later cycle inputs choose an action and its
parameters; where it is not enabled, nothing changes. A violation after n steps therefore shows n + 1
cycles after the reset for a claim about states, n cycles for a claim about steps.

Format: AIGER 1.0, http://fmv.jku.at/aiger/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from specproof.claims import Property
from specproof.readings.blast import Blaster, Gates, Literals
from specproof.system import Action, System
from specproof.terms import Term


@dataclass(frozen=True)
class Latch:
    """A bit of the state: its leaf, and the literal of the leaf's next value. It starts at 0."""

    name: str
    node: int
    next: int


@dataclass(frozen=True)
class Circuit:
    """Inputs and latches are leaves of `gates`; `outputs` are literals by claim."""

    gates: Gates
    inputs: Mapping[str, int]
    latches: tuple[Latch, ...]
    outputs: Mapping[str, int]

    def text(self) -> str:
        """The ASCII form."""
        return _Writer(self).ascii()

    def data(self) -> bytes:
        """The binary form, which tools read fastest."""
        return _Writer(self).binary()

    def only(self, *claims: str) -> Circuit:
        """The circuit with these outputs and what they depend on."""
        wanted = {claim: self.outputs[claim] for claim in claims}
        needed = _cone(self, list(wanted.values()))
        return Circuit(
            self.gates,
            {name: node for name, node in self.inputs.items() if node in needed},
            tuple(latch for latch in self.latches if latch.node in needed),
            wanted,
        )


def circuit(system: System, properties: Mapping[str, Property]) -> Circuit:
    """The system with an output for the violation of each property."""
    return _Builder(system).circuit(properties)


class _Builder:
    def __init__(self, system: System) -> None:
        self.system, self.gates = system, Gates()
        self.inputs: dict[str, int] = {}
        self.bits: dict[Term, Literals] = {}
        self.names: dict[Term, list[str]] = {}
        self.pool: dict[tuple[int, int], Literals] = {}
        self.resets = pinned(system.starts)
        for path, term in system.variables.items():
            self.names[term] = [f"{path}[{k}]" for k in range(term.width)] or [path]
            inverted = self.resets.get(term, 0)
            self.bits[term] = tuple(self.gates.leaf(name) ^ (inverted >> k & 1) for k, name in enumerate(self.names[term]))
        self.started = self.gates.leaf("started")
        self.read = Blaster(self.gates, self.bits)
        self.choice = [self._input(f"action[{k}]") for k in range(max(1, (len(system.actions) - 1).bit_length()))]
        self.taken = {name: self._taken(number, action) for number, (name, action) in enumerate(system.actions.items())}

    def _input(self, name: str) -> int:
        literal = self.gates.leaf(name)
        self.inputs[name] = literal >> 1
        return literal

    def _reader(self, action: Action) -> Blaster:
        """Terms of an action: its inputs share the circuit's with those of other actions."""
        values = dict(self.bits)
        count: dict[int, int] = {}
        for term in action.inputs.values():
            number = count[term.width] = count.get(term.width, 0) + 1
            if (term.width, number) not in self.pool:
                names = [f"word{number}.{term.width}[{k}]" for k in range(term.width)] or [f"choice{number}"]
                self.pool[term.width, number] = tuple(self._input(name) for name in names)
            values[term] = self.pool[term.width, number]
        return Blaster(self.gates, values)

    def _taken(self, number: int, action: Action) -> tuple[int, Blaster]:
        """That this cycle is a step by the action."""
        chosen = [literal ^ (number >> k & 1 ^ 1) for k, literal in enumerate(self.choice)]
        read = self._reader(action)
        return self.gates.all([self.started, *chosen, read(action.enabled)[0]]), read

    def circuit(self, properties: Mapping[str, Property]) -> Circuit:
        begins = self._begins()
        latches = [Latch("started", self.started >> 1, self.gates.either(self.started, begins))]
        fresh = self.gates.leaf("fresh")
        latches.append(Latch("fresh", fresh >> 1, self.gates.both(self.started ^ 1, begins)))
        for path, term in self.system.variables.items():
            latches += self._latches(path, term)
        outputs = {name: self._violated(prop, fresh) for name, prop in properties.items()}
        return Circuit(self.gates, self.inputs, tuple(latches), outputs)

    def _begins(self) -> int:
        """The initial predicate, of the values that the variables are about to start with."""
        values: dict[Term, Literals] = {}
        for term in self.system.variables.values():
            if term in self.resets:
                values[term] = tuple(self.resets[term] >> k & 1 for k in range(term.width or 1))
            else:
                values[term] = tuple(self._input(f"initial:{name}") for name in self.names[term])
        self.initial = values
        return Blaster(self.gates, values)(self.system.starts)[0]

    def _latches(self, path: str, term: Term) -> list[Latch]:
        after = list(self.bits[term])
        for name, action in self.system.actions.items():
            if path in action.next:
                taken, read = self.taken[name]
                after = [self.gates.choose(taken, new, old) for new, old in zip(read(action.next[path]), after, strict=True)]
        found = []
        for k, name in enumerate(self.names[term]):
            here = self.bits[term][k]
            first = here if term in self.resets else self.initial[term][k]
            found.append(Latch(name, here >> 1, self.gates.choose(self.started, after[k], first) ^ (here & 1)))
        return found

    def _violated(self, prop: Property, fresh: int) -> int:
        bad = []
        if prop.state is not None:
            where = self.started if not prop.steps else fresh
            bad.append(self.gates.both(where, self.read(prop.state)[0] ^ 1))
        for name, term in prop.steps.items():
            taken, read = self.taken[name]
            bad.append(self.gates.both(taken, read(term)[0] ^ 1))
        return self.gates.any(bad)


def pinned(starts: Term) -> dict[Term, int]:
    """Variables that a predicate on the initial state gives one constant value."""
    found: dict[Term, int] = {}
    todo: list[Term] = [starts]
    while todo:
        part = todo.pop()
        if part.op == "and" and not part.width:
            todo += part.args
        elif part.op == "var":
            found[part] = 1
        elif part.op == "not" and part.args[0].op == "var":
            found[part.args[0]] = 0
        elif part.op == "eq" and part.args[0].op == "var" and part.args[1].op == "const":
            found[part.args[0]] = cast(int, part.args[1].data)
    return found


def _cone(whole: Circuit, roots: list[int]) -> set[int]:
    """The nodes that the literals depend on, through any number of cycles."""
    follow = {latch.node: latch.next >> 1 for latch in whole.latches}
    needed: set[int] = set()
    todo = [literal >> 1 for literal in roots]
    while todo:
        number = todo.pop()
        if number in needed:
            continue
        needed.add(number)
        node = whole.gates.nodes[number]
        if not isinstance(node, str):
            todo += [literal >> 1 for literal in node]
        elif number in follow:
            todo.append(follow[number])
    return needed


class _Writer:
    """Numbers the nodes as the format wants them: inputs, latches, gates after their operands."""

    def __init__(self, whole: Circuit) -> None:
        self.whole = whole
        needed = _cone(whole, [*whole.outputs.values(), *(latch.next for latch in whole.latches)])
        self.gates = [number for number in sorted(needed) if number and not isinstance(whole.gates.nodes[number], str)]
        order = [*whole.inputs.values(), *(latch.node for latch in whole.latches), *self.gates]
        self.place = {0: 0} | {number: index + 1 for index, number in enumerate(order)}

    def literal(self, literal: int) -> int:
        return 2 * self.place[literal >> 1] + (literal & 1)

    def header(self, form: str) -> str:
        numbers = (len(self.place) - 1, len(self.whole.inputs), len(self.whole.latches), len(self.whole.outputs), len(self.gates))
        return f"{form} {' '.join(map(str, numbers))}\n"

    def symbols(self) -> str:
        lines = [f"i{index} {name}" for index, name in enumerate(self.whole.inputs)]
        lines += [f"l{index} {latch.name}" for index, latch in enumerate(self.whole.latches)]
        lines += [f"o{index} {name}" for index, name in enumerate(self.whole.outputs)]
        return "\n".join(lines) + "\n"

    def operands(self, number: int) -> tuple[int, int]:
        """A gate's operands, the larger first."""
        a, b = (self.literal(literal) for literal in cast(tuple[int, int], self.whole.gates.nodes[number]))
        return max(a, b), min(a, b)

    def ascii(self) -> str:
        lines = [self.header("aag")]
        lines += [f"{2 * self.place[node]}\n" for node in self.whole.inputs.values()]
        lines += [f"{2 * self.place[latch.node]} {self.literal(latch.next)}\n" for latch in self.whole.latches]
        lines += [f"{self.literal(literal)}\n" for literal in self.whole.outputs.values()]
        for number in self.gates:
            a, b = self.operands(number)
            lines.append(f"{2 * self.place[number]} {a} {b}\n")
        return "".join(lines) + self.symbols()

    def binary(self) -> bytes:
        head = self.header("aig") + "".join(f"{self.literal(latch.next)}\n" for latch in self.whole.latches)
        head += "".join(f"{self.literal(literal)}\n" for literal in self.whole.outputs.values())
        gates = bytearray()
        for number in self.gates:
            a, b = self.operands(number)
            for delta in (2 * self.place[number] - a, a - b):
                while delta > 127:
                    gates.append(delta & 127 | 128)
                    delta >>= 7
                gates.append(delta)
        return head.encode() + bytes(gates) + self.symbols().encode()

