"""A small interpreter of BTOR2 for the tests: it reads the text by the format's rules and knows nothing of the package.

A file that refers to a line that is not there yet, gives a state a value that stands after it, mixes widths or numbers
its lines out of order is refused with an assertion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Machine:
    """What a text says. Numbers are those of its lines."""

    widths: dict[int, int] = field(default_factory=dict)  # of sorts
    width: dict[int, int] = field(default_factory=dict)  # of nodes
    operations: dict[int, tuple[str, list[int]]] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    nexts: dict[int, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    constraints: list[tuple[str, int]] = field(default_factory=list)

    def values(self, state: Mapping[str, int], given: Mapping[str, int]) -> dict[int, int]:
        """Every node's value in a cycle. What is not given is 0."""
        found = {number: state[name] for name, number in self.states.items()}
        found |= {number: given.get(name, 0) for name, number in self.inputs.items()}
        for number, (name, arguments) in self.operations.items():
            ones = (1 << self.width[number]) - 1
            found[number] = _VALUE[name](self, arguments, found) & ones
        return found

    def initial(self, free: Mapping[str, int]) -> dict[str, int]:
        """The state of the first cycle; states without a value of their own take it from `free`."""
        nothing = self.values(dict.fromkeys(self.states, 0), {})
        return {name: nothing[self.starts[number]] if number in self.starts else free[name] for name, number in self.states.items()}

    def after(self, values: Mapping[int, int]) -> dict[str, int]:
        """The state of the next cycle."""
        return {name: values[self.nexts[number]] for name, number in self.states.items()}

    def broken(self, values: Mapping[int, int]) -> list[str]:
        """The constraints that do not hold in a cycle."""
        return [name for name, number in self.constraints if not values[number]]

    def violated(self, values: Mapping[int, int]) -> set[str]:
        """The claims whose `bad` holds in a cycle."""
        return {name for name, number in self.bad.items() if values[number]}


_BINARY: dict[str, Callable[[int, int], int]] = {
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b, "implies": lambda a, b: (a ^ 1) | b, "add": lambda a, b: a + b,
    "sll": lambda a, b: a << b, "srl": lambda a, b: a >> b, "eq": lambda a, b: a == b, "ult": lambda a, b: a < b,
}  # fmt: skip

_VALUE: dict[str, Callable[[Machine, list[int], Mapping[int, int]], int]] = {
    **{name: lambda m, a, v, f=f: f(v[a[0]], v[a[1]]) for name, f in _BINARY.items()},  # type: ignore[misc]
    "zero": lambda m, a, v: 0,
    "constd": lambda m, a, v: a[0],
    "not": lambda m, a, v: ~v[a[0]],
    "ite": lambda m, a, v: v[a[1]] if v[a[0]] else v[a[2]],
    "slice": lambda m, a, v: v[a[0]] >> a[2],
    "uext": lambda m, a, v: v[a[0]],
}


def read(text: str) -> Machine:
    """The machine of a text."""
    m = Machine()
    last = 0
    for line in text.splitlines():
        if line.startswith(";"):
            continue
        number, kind, *rest = line.split(" ")
        here = int(number)
        assert here > last
        last = here
        if kind == "sort":
            assert rest[0] == "bitvec"
            m.widths[here] = int(rest[1])
        elif kind in ("bad", "constraint"):
            assert m.width[int(rest[0])] == 1
            if kind == "bad":
                m.bad[rest[1]] = int(rest[0])
            else:
                m.constraints.append((rest[1], int(rest[0])))
        elif kind in ("init", "next"):
            state, value = int(rest[1]), int(rest[2])
            assert m.widths[int(rest[0])] == m.width[state] == m.width[value]
            assert kind == "next" or value < state
            assert state in m.states.values() and state not in (m.starts if kind == "init" else m.nexts)
            (m.starts if kind == "init" else m.nexts)[state] = value
        else:
            _node(m, here, kind, rest)
    assert set(m.nexts) == set(m.states.values())
    return m


def _node(m: Machine, here: int, kind: str, rest: list[str]) -> None:
    width = m.width[here] = m.widths[int(rest[0])]
    if kind in ("input", "state"):
        table = m.inputs if kind == "input" else m.states
        assert rest[1] not in table
        table[rest[1]] = here
        return
    arguments = [int(rest[1])] if kind == "constd" else [int(text) for text in rest[1:]]
    of = [m.width[number] for number in arguments[:1]] if kind in ("slice", "uext") else [m.width[one] for one in arguments if kind != "constd"]
    if kind in ("and", "or", "xor", "add", "sll", "srl", "not"):
        assert set(of) == {width}
    elif kind in ("eq", "ult"):
        assert of[0] == of[1] and width == 1
    elif kind == "implies":
        assert of == [1, 1] and width == 1
    elif kind == "ite":
        assert of == [1, width, width]
    elif kind == "slice":
        assert of[0] > arguments[1] >= arguments[2] and width == arguments[1] - arguments[2] + 1
    elif kind == "uext":
        assert width == of[0] + arguments[1]
    elif kind == "constd":
        assert arguments[0] < 1 << width
    else:
        assert kind == "zero", kind
    m.operations[here] = (kind, arguments)
