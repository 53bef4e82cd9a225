"""Values of a system's fields, inputs and views as text, with their bits named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from specproof.graph import variables
from specproof.state import Bits
from specproof.story.model import named
from specproof.system import System
from specproof.terms import Term
from specproof.trace import Step


@dataclass(frozen=True)
class Registers:
    """Values of a system's fields and inputs as text, with their bits named."""

    system: System

    def value(self, value: int, width: int, bits: Bits | None) -> str:
        """`0x400 BHI_DIS_S`, `true`, `0`."""
        return named(value, width, bits.positions if bits else None)

    def field(self, path: str, value: int) -> str:
        """A leaf of the state."""
        declared = self.system.fields[path]
        return self.value(value, declared.width, declared.bits)

    def input(self, step: Step, name: str, value: int) -> str:
        """An input, with its bits named."""
        term = self.system.actions[step.action].inputs[name]
        return self.value(value, term.width, self.input_bits(step.action, name))

    def input_bits(self, action: str, name: str) -> Bits | None:
        """The names of an input's bits: those that it declares, or those of the fields that it flows into, where these agree."""
        taken = self.system.actions[action]
        if name in taken.bits:
            return taken.bits[name]
        term = taken.inputs[name]
        flows = {**taken.next, **taken.observed}
        into = [path for path, result in flows.items() if result is term]
        into = into or [path for path, result in flows.items() if any(used is term for used in variables([result]))]
        return self._common(path for path in into if self.system.fields[path].width == term.width)

    def term(self, term: Term, value: int) -> str:
        """A term over the state, such as a view."""
        used = [str(one.data) for one in variables([term]) if one.width and one.width == term.width]
        return self.value(value, term.width, self._common(used))

    def _common(self, paths: Iterable[str]) -> Bits | None:
        known = [self.system.fields[path].bits for path in paths if path in self.system.fields]
        return known[0] if known and all(bits is known[0] for bits in known) else None

    @cached_property
    def observed(self) -> frozenset[str]:
        """The leaves that only report what a step did."""
        return frozenset(path for path, declared in self.system.fields.items() if declared.observed)
