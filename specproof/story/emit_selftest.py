"""A run as a C program for the kernel's KVM selftests: real ioctls and guest code, with what is expected and what the
defect shows. It drives what user space and guest code can do and observe, and says what they cannot.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from specproof.errors import UsageError
from specproof.story.emit_actions import RECODED, run
from specproof.story.emit_steps import Emitter, observable
from specproof.story.model import Story, shown
from specproof.story.subject import Subject

#: What the program says where it can tell nothing.
SILENT = '\tpr_info("Nothing that user space or guest code can observe tells the defect from the right design.\\n");'


def program(story: Story, subject: Subject) -> str:
    """The text of the C file; UsageError for a design that is not KVM's on Intel."""
    if story.kind == "relation":
        raise UsageError("a selftest drives one KVM on one host, and this run is of two configurations side by side; use --emit pytest")
    if not {"kvm_get_msrs", "nested_exit"} <= set(subject.system.actions):
        raise UsageError(f"a selftest drives KVM on Intel, and {story.design} has none of its actions; use --emit pytest")
    emitter = Emitter(story, subject)
    run(emitter)
    virtual = "mitigation_enum" in story.fields
    enum = sum(1 << raw for place, raw in RECODED.items() if story.moments[0].get("mitigation_enum", 0) >> place & 1)
    offers = virtual and (enum or story.moments[0].get("enumerates", 0))
    uses = any("VIRTUAL" in line for lines in (emitter.host, *emitter.guest.values()) for line in lines) or offers
    saved = ["\tuint64_t saved __attribute__((unused));", ""] if any("saved = " in line for line in emitter.host) else []
    intercept = next((bool(beat.input("l1_intercepts")) for beat in story.beats if "l1_intercepts" in {value.name for value in beat.inputs}), False)
    parts = {
        "about": "\n".join(f" * {line}".rstrip() for line in _about(emitter)), "count": str(story.length),
        "exit_list": "\n".join(f"\tadd_entry(exit_list, &exits, {entry});" for entry in emitter.exits),
        "l1": "\n".join([*([_part("prelude_l1").rstrip()] if emitter.prelude else []), *emitter.guest["L1"]]),
        "l2": "\n".join([*([_part("prelude_l2").rstrip()] if emitter.prelude else []), *emitter.guest["L2"]]),
        "first": "\n".join(emitter.guest["first"]), "virtual": _part("virtual") if uses else "",
        "requires": "\tTEST_REQUIRE(kvm_msr_is_in_save_restore_list(MSR_VIRTUAL_MITIGATION_CTRL));\n" if uses else "",
        "prelude": _part("prelude_host") if emitter.prelude else "",
        "setup": f"\toffer(vcpu, {int(bool(story.moments[0].get('enumerates', 0)))}, {enum:#x});\n" if offers else "",
        "host": "\n".join([*(["\t{", *saved] if saved else []), *emitter.host, *(["\t}"] if saved else [])]),
        "end": "" if emitter.differs() else SILENT, "intercept": str(intercept).lower(),
    }  # fmt: skip
    text = _part("selftest")
    for _ in range(2):  # the parts have places of their own
        text = re.sub(r"@(\w+)@", lambda place: parts[place[1]], text)
    return re.sub(r"\n{3,}", "\n\n", text)


def _part(name: str) -> str:
    return (Path(__file__).parent / "c" / f"{name}.c.in").read_text(encoding="utf-8")


def _about(emitter: Emitter) -> list[str]:
    """The comment at the top: which claim, what the host must be, what cannot be observed."""
    story, subject = emitter.story, emitter.subject
    effective = observable(subject, story)["effective"]
    starts = "; ".join(f"{value.name} {shown(value)}" for value in story.initial if not value.any and value.name not in story.given)
    paragraphs = [
        f"{story.design}, {story.configuration}: {story.claim} is refuted by a run of {story.length} steps.",
        story.sentence,
        f"Written by 'specproof explain {story.design} {story.claim} --config {story.configuration} --emit selftest'.",
        *([f"The host must be one on which the run can start: {starts}."] if starts else []),
    ]
    if effective[0] is not None and effective[0] != effective[1]:
        paragraphs.append(
            f"NOT OBSERVABLE: the effective value, {effective[1]:#x} with the defect and {effective[0]:#x} without. RDMSR returns what the "
            "guest wrote and not what the processor acts on; to see it, read the MSR on the host between VM exit and its restore (a probe on "
            "vmx_spec_ctrl_restore_host), or the VMCS fields by a dump."
        )
    else:
        paragraphs.append("NOT OBSERVABLE: the effective value. RDMSR returns what the guest wrote and not what the processor acts on.")
    if emitter.undriven:
        paragraphs.append("NOT DRIVEN: " + "; ".join(emitter.undriven) + ".")
    paragraphs.append("Guest code gives control to user space by an exit and a re-entry of its own, which the run does not have.")
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(paragraph.replace("*/", "* /"), 90, break_on_hyphens=False), ""]
    return lines[:-1]
