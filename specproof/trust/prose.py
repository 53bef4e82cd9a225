"""The text of a certificate's model, lemmas and claims, for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specproof.graph import fold, postorder
from specproof.readings.text import show
from specproof.terms import Term, make
from specproof.trust.format import Certificate
from specproof.trust.machine import Machine
from specproof.trust.rule import Statement

#: Text of a term longer than this is split: parts that occur more than once get a name.
LONG = 160


def text_of(certificate: Certificate) -> str:
    """The whole text."""
    machine = certificate.proof.machine
    lines = [" ".join(part for part in (machine.design, machine.configuration) if part), ""]
    if machine.actions:
        lines += [*_model(machine), ""]
    for number, lemma in enumerate(certificate.proof.lemmas, 1):
        lines += _said(f"lemma {number:2}: ", lemma.says)
    for one in certificate.statements:
        lines += ["", *_claim(one)]
    return "\n".join(lines) + "\n"


def _model(machine: Machine) -> Iterator[str]:
    for path, width in machine.variables.items():
        yield f"variable  {path}: {_sort(width)}"
    for path, (width, value) in machine.constants.items():
        yield f"constant  {path}: {_sort(width)} = {value:#x}"
    for path, width in machine.observed.items():
        yield f"observed  {path}: {_sort(width)}"
    yield ""
    yield from _said("initially ", machine.initial)
    for name, term in machine.initially_assumed.items():
        yield from _said(f"  assumed ({name}) ", term)
    for name, act in machine.actions.items():
        yield ""
        yield f"action    {name}({', '.join(f'{given}: {_sort(width)}' for given, width in act.inputs.items())}) by {act.by or 'nobody'}"
        if act.source:
            yield f"  source  {act.source}"
        yield from _said("  guard   ", act.guard)
        for assumption, term in act.assumed.items():
            yield from _said(f"  assumed ({assumption}) ", term)
        for path, term in {**act.next, **act.observed}.items():
            yield from _said(f"  {path} := ", term)


def _claim(one: Statement) -> Iterator[str]:
    yield f"claim {one.name} ({one.kind}): {one.verdict}"
    yield f"  {one.sentence}"
    yield from _said("  it says ", one.says)
    for symbol, term in {**one.before, **one.after}.items():
        yield from _said(f"    {symbol} is ", term)


def _sort(width: int) -> str:
    return f"{width} bits" if width else "truth value"


def _said(what: str, term: Term) -> list[str]:
    """One line, or several where the term shares so much that one would be endless."""
    if _length(term) <= LONG:
        return [what + show(term)]
    uses: dict[Term, int] = {}
    for inner in postorder([term]):
        for arg in inner.args:
            uses[arg] = uses.get(arg, 0) + 1
    names: dict[Term, Term] = {}
    lines: list[str] = []

    def meaning(inner: Term, args: tuple[Term, ...]) -> Term:
        whole = make(inner.op, args, inner.width, inner.data)
        if inner is not term and inner.args and uses[inner] > 1 and _length(inner) > 20:
            names[inner] = make("var", (), inner.width, f"${len(names) + 1}")
            lines.append(f"      where ${len(names)} is {show(whole)}")
            return names[inner]
        return whole

    short = fold([term], meaning)[0]
    return [what + show(short), *lines]


def _length(term: Term) -> int:
    """About how long the text of a term is."""
    def meaning(inner: Term, args: tuple[int, ...]) -> int:
        return min(1 << 40, len(str(inner.data)) + 3 + sum(args))

    return fold([term], meaning)[0]


def summary(statements: Mapping[str, int]) -> str:
    """`3 proved, 1 refuted`."""
    return ", ".join(f"{count} {word}" for word, count in statements.items() if count) or "nothing"
