"""A review of two policies as blocks of text, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import specproof
from specproof.review.jsonform import _review as review_json
from specproof.review.policy.compare import PolicyReview, line, lost
from specproof.review.policy.read import Policy, bits, rules
from specproof.review.result import listed
from specproof.story.blocks import Block, blocks
from specproof.verdict import Refuted, Result

#: Raised whenever a reader of the old form could misread the new one.
SCHEMA = 1


def document(found: PolicyReview) -> list[Block]:
    """The whole report."""
    report = [Block("head", f"Review of the policy {found.old.name} -> {found.new.name}", role="heading"), Block("text", line(found))]
    report += [*_bits(found), *_notes(found), *_protection(found), *_moved(found), *_seen(found), *_carried(found), *_rests(found)]
    return report


def _bits(found: PolicyReview) -> Iterator[Block]:
    yield Block("title", "Who controls each bit")
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in found.bits:
        alike.setdefault((one.bit, one.before, one.after, one.forward, one.back, one.sees), []).append(one.host)
    for (bit, before, after, forward, back, sees), hosts in alike.items():
        rows = [(bit, f"{before} -> {after}, on {listed(hosts)}"), ("old to new", forward), ("new to old", back), ("guest sees", sees)]
        yield Block("rows", rows=tuple(rows))
    if found.same:
        rows = [(bit, "unchanged") for bit in found.same]
        yield Block("rows", rows=(("unchanged", ", ".join(name for name, _ in rows)),))
    yield Block("text", _LEGEND, inner=True, role="faint")


_LEGEND = (
    "guest: the guest sets it; guest (hidden): it can, though its CPUID does not show the bit, since the register is passed through; "
    "forced: whatever the guest writes; faults: setting it is #GP. 'old to new' is what the processor acts on for a guest that runs "
    "through the change, is saved before it and restored after it, or migrates from a host of the old policy to one of the new."
)


def _notes(found: PolicyReview) -> Iterator[Block]:
    if found.cannot:
        yield Block("title", "Bits that a host cannot force")
        yield Block("rows", rows=tuple(("", text) for text in found.cannot))
    if found.pointless:
        yield Block("title", "Bits whose forcing protects nobody")
        yield Block("rows", rows=tuple(("", text) for text in found.pointless))


def _protection(found: PolicyReview) -> Iterator[Block]:
    change = lost(found)
    yield Block("title", "Does the new policy protect at least as much, over all writes?")
    if change is None:
        fates = {one.fate for one in found.review.claims if one.claim == "protection"}
        text = {"kept": "Yes, proved for all values and for any order of writes and moves."}.get("".join(fates), "")
        yield Block("text", text or f"What the old policy protects from: {', '.join(sorted(fates))}.")
        return
    yield Block("text", f"No. A guest that writes this has less set under {found.new.name} than it would have under {found.old.name}:")
    if change.story is not None:
        yield from blocks(change.story)


def _moved(found: PolicyReview) -> Iterator[Block]:
    yield Block("title", "Guests that cross between the two policies")
    rows = []
    for name, results in found.moved:
        said = "; ".join(f"{_WORDS[result.claim]}: {_word(result)}" for result in results)
        rows.append((name, said))
    yield Block("rows", rows=tuple(rows))


_WORDS = {
    "protection": "they keep what protected them where they came from", "exactness": "the register is the guest's value but for the forced bits",
    "transparency": "RDMSR returns what the guest wrote",
}  # fmt: skip


def _word(result: Result) -> str:
    if isinstance(result.verdict, Refuted):
        return f"no, by the run {', '.join(step.action for step in result.verdict.trace.steps) or 'without steps'}"
    return {"proved": "proved", "vacuous": "never asked for"}.get(result.verdict.word, result.verdict.word)


def _seen(found: PolicyReview) -> Iterator[Block]:
    differ = [one for one in found.review.behaviours if one.differs and one.name != "course"]
    yield Block("title", "What the guest can see of the change")
    if not differ and not all(one.same for one in found.review.behaviours):
        yield Block("text", "Undecided.")
    elif not differ:
        yield Block("text", "Nothing: fed the same writes and moves, RDMSR and faults never differ (proved). What it costs can be measured.")
    for one in differ:
        rows: list[tuple[str, ...]] = [("", found.old.name, found.new.name)]
        for number, moment in enumerate(one.moments, 1):
            inputs = "".join(f", {name} {value}" for name, value in moment.inputs)
            rows.append((str(number), f"{moment.by}: {moment.action}{inputs}", "the same"))
        rows.append((">", f"{one.name} {one.before}", f"{one.name} {one.after}"))
        yield Block("text", f"The shortest run after which {one.sentence} differs:")
        yield Block("columns", rows=tuple(rows))


def _carried(found: PolicyReview) -> Iterator[Block]:
    if found.carried:
        yield Block("title", "Does the design carry the new policy out?")
        yield Block("rows", rows=tuple(("", f"{one.sentence}.") for one in found.carried))


def _rests(found: PolicyReview) -> Iterator[Block]:
    yield Block("title", "The hosts")
    rows = []
    for host in found.hosts:
        how = "with the control" if host.virtualize else "by interception" if host.emulate else "forces nothing"
        has = sorted(host.cpuid), sorted(host.arch_capabilities)
        rows.append((host.name, f"{how}; CPUID {', '.join(has[0]) or 'none'}; ARCH_CAPABILITIES {', '.join(has[1]) or 'none'}"))
    yield Block("rows", rows=tuple(rows))
    used = {one.bit for policy in (found.old, found.new) for one in policy.force}
    sources = [f"{bit}: {rules().RULES[bit].where} {rules().RULES[bit].source}" for bit in bits() if bit in used]
    if sources:
        yield Block("text", f"Which bits exist, and when they protect, are the rules of models/capabilities.py: {'; '.join(sources)}.", role="faint")


def json_document(found: PolicyReview) -> dict[str, Any]:
    """What `--format json` writes of policies; the schema is `specproof/schema/policy.json`."""
    return {
        "schema": SCHEMA, "version": specproof.__version__, "exit": found.code, "line": line(found),
        "old": _policy(found.old), "new": _policy(found.new),
        "bits": [
            {
                "bit": one.bit, "host": one.host, "before": one.before, "after": one.after, "old_to_new": one.forward, "new_to_old": one.back,
                "guest_sees": one.sees,
            }
            for one in found.bits
        ],
        "unchanged": list(found.same), "cannot_force": list(found.cannot), "without_effect": list(found.pointless),
        "crossing": [{"way": name, "verdicts": {result.claim: result.verdict.word for result in results}} for name, results in found.moved],
        "carried_out": [f"{one.sentence}." for one in found.carried], "review": review_json(found.review),
    }  # fmt: skip


def _policy(policy: Policy) -> dict[str, Any]:
    force = [{"bit": one.bit, "to": one.to, "host": list(one.host), "guest": list(one.guest), "pool": list(one.pool)} for one in policy.force]
    return {"name": policy.name, "file": policy.file, "guest": sorted(policy.guest), "force": force}
