"""The steps of a run as lines of C for the host, L1 and L2, as the kernel's KVM selftests write them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from specproof.readings.integers import evaluate
from specproof.story.model import Beat, Story, shown
from specproof.story.subject import Subject, built, leaf_variables, reference_of
from specproof.system import System
from specproof.trace import take

#: Actions that put the vCPU into VMX operation or L2 from user space.
NESTED_STATE = ("kvm_set_nested_state", "restore_nested_state")

@dataclass
class Emitter:
    """Collects lines for the host, L1 and L2. `where` is who has control: host, L1 or L2. `loose`: a step was left out, so that
    what is seen after it is only reported."""

    story: Story
    subject: Subject
    host: list[str] = field(default_factory=list)
    guest: dict[str, list[str]] = field(default_factory=lambda: {"first": [], "L1": [], "L2": []})
    exits: list[str] = field(default_factory=list)
    where: str = "host"
    main: bool = False
    undriven: list[str] = field(default_factory=list)
    waiting: str = ""
    loose: bool = False

    @property
    def prelude(self) -> bool:
        return any(beat.action in NESTED_STATE and self.enters_l2(beat) for beat in self.story.beats)

    def enters_l2(self, beat: Beat) -> bool:
        """Whether KVM_SET_NESTED_STATE is to enter L2."""
        return bool(self.before(beat, "image_guest_mode") if beat.action == "restore_nested_state" else beat.input("guest_mode"))

    def before(self, beat: Beat, path: str) -> int:
        """A field before a step."""
        return self.story.moments[beat.number - 1].get(path, 0)

    def level(self, number: int) -> str:
        """Who runs, or would run, before a step."""
        return "L2" if self.story.moments[number - 1].get("guest_mode") else "L1"

    def remark(self, beat: Beat) -> str:
        """The comment above a step."""
        inputs = ", ".join(f"{value.name} = {shown(value)}" for value in beat.inputs)
        text = f"Step {beat.number}, {beat.by}: {beat.action}" + (f" ({inputs})" if inputs else "") + f". {beat.sentence}"
        return comment(text, "\t")

    def in_guest(self, beat: Beat, level: str, *lines: str) -> None:
        """Lines of guest code; the host runs the vCPU before it next does something."""
        self.where = level
        self.guest[self.key(level)] += [self.remark(beat), *(f"\t{line}" for line in lines)]

    def key(self, level: str) -> str:
        return "L2" if level == "L2" else "L1" if self.main else "first"

    def in_host(self, beat: Beat, *lines: str) -> None:
        """Lines of the host; where the guest has control it gives it back first."""
        self.to_host(beat.number)
        self.host += [self.remark(beat), *(f"\t{line}" for line in lines)]

    def to_host(self, number: int) -> None:
        if self.where != "host":
            self.guest[self.key(self.where)].append(f"\tGUEST_SYNC({number});")
            self.host.append(f"\trun_until(vcpu, {number});")
            self.where = "host"

    def expects(self, beat: Beat, name: str) -> tuple[int | None, int]:
        """An event of a step in the reference (None without one) and in the design."""
        ours = self.story.moments[beat.number].get(name, 0)
        other = self.story.beside
        return (other.rows[beat.number].state.get(name, 0) if other else None), ours

    def check(self, expression: str, what: str, expected: int | None, defective: int) -> None:
        """The host compares what it sees with what is right, and says what the defect shows."""
        self.host.append(f"\tvalue = {expression};")
        if expected is None or expected == defective:
            self.host += [
                comment(f"Expected: {expected if expected is not None else defective:#x}. Both designs show this.", "\t"),
                f'\tpr_info("{what}: 0x%lx\\n", value);',
            ]  # fmt: skip
            return
        if self.loose:
            said = f"Expected: {expected:#x}. With the defect: {defective:#x}. Not judged, since a step above is not driven."
            self.host += [comment(said, "\t"), f'\tpr_info("{what}: 0x%lx, and {expected:#x} if every step were driven\\n", value);']
            return
        self.host += [
            comment(f"Expected: {expected:#x}. With the defect: {defective:#x}.", "\t"),
            f"\tif (value != {expected:#x}ull) {{",
            "\t\tfailed = 1;",
            f'\t\tpr_info("{what}: 0x%lx, expected {expected:#x}%s\\n", value, value == {defective:#x}ull ? ", which is the defect" : "");',
            "\t}",
        ]  # fmt: skip

    def end(self) -> None:
        """What can be observed after the last step."""
        values = observable(self.subject, self.story)
        last, level = self.story.length, self.level(self.story.length + 1)
        runs = bool(self.story.moments[-1].get("running"))
        if runs or self.where != "host":
            number = "NUM_STEPS + 1" if runs else str(last)
            if runs:
                self.guest[self.key(level)] += ["\t/* What RDMSR returns at the end of the run. */", "\tread_spec_ctrl(NUM_STEPS + 1);"]
                self.where = level
            self.guest[self.key(self.where)].append(f"\tGUEST_SYNC({number});")
            self.host += ["\t/* The end of the run. */", f"\trun_until(vcpu, {number});"]
            self.where = "host"
            if runs:
                self.check("guest_saw(vm, NUM_STEPS + 1)", f"RDMSR in {level}", *values["rdmsr"])
        self.host.append("\t/* What userspace reads. */")
        self.check("vcpu_get_msr(vcpu, MSR_IA32_SPEC_CTRL)", "KVM_GET_MSRS", *values["userspace_reads"])

    def differs(self) -> bool:
        """Whether an observation tells the designs apart."""
        return any("With the defect" in line for line in self.host)


Pair = tuple[int | None, int]


def observable(subject: Subject, story: Story) -> dict[str, Pair]:
    """What RDMSR and KVM_GET_MSRS return at the end: in the reference, and in the design. User space reads after an exit."""
    reference = reference_of(subject)
    found: dict[str, Pair] = {}
    for name in ("rdmsr", "userspace_reads", "effective"):
        ours = _view(subject.system, name, story.moments[-1])
        theirs: int | None = None
        if story.beside and reference is not None:
            theirs = _view(built(reference, subject.configuration, ()), name, story.beside.rows[-1].state)
        found[name] = (theirs, ours if ours is not None else 0)
    return found


def _view(system: System, name: str, values: Mapping[str, int]) -> int | None:
    if name not in system.views:
        return None
    if name == "userspace_reads":
        values = take(system, values, "vm_exit", {}) or values
    return evaluate(system.view(name, leaf_variables(system)), values)


def comment(text: str, indent: str) -> str:
    """A C comment of at most 100 columns."""
    lines = textwrap.wrap(text.replace("*/", "* /"), 88, break_on_hyphens=False)
    if len(lines) == 1:
        return f"{indent}/* {lines[0]} */"
    return "\n".join([f"{indent}/*", *(f"{indent} * {line}" for line in lines), f"{indent} */"])
