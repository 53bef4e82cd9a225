"""Reviews as JUnit XML: a suite a review, a case a claim; what is lost or not carried out fails, what is undecided is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from specproof.review.line import line
from specproof.review.paper import place, title
from specproof.review.result import MEANING, ClaimChange, Review
from specproof.story.blocks import blocks
from specproof.story.layout import lines

#: Characters that XML 1.0 has no way to write.
_FORBIDDEN = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def text(reviews: Sequence[Review], said: Callable[[Review], str] = line) -> str:
    """The file; `said` is the verdict of a review."""
    root = ElementTree.Element("testsuites")
    for review in reviews:
        root.append(_suite(review, said(review)))
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(review: Review, said: str) -> ElementTree.Element:
    name = f"{review.old.label} -> {review.new.label}"
    suite = ElementTree.Element("testsuite", name=_clean(name))
    for change in review.claims:
        suite.append(_case(review, change))
    if review.silent or review.open:
        case = ElementTree.SubElement(suite, "testcase", classname=_clean(review.new.label), name="what can be seen", time="0.000")
        ElementTree.SubElement(case, "error", type="undecided", message=_clean(said))
    ElementTree.SubElement(suite, "system-out").text = _clean(said)
    suite.set("tests", str(len(suite.findall("testcase"))))
    for what in ("failures", "errors", "skipped"):
        tag = {"failures": "failure", "errors": "error", "skipped": "skipped"}[what]
        suite.set(what, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", f"{review.seconds:.3f}")
    return suite


def _case(review: Review, change: ClaimChange) -> ElementTree.Element:
    classname = ".".join(part for part in (review.new.label, place(change.configuration)) if part)
    case = ElementTree.Element("testcase", classname=_clean(classname), name=_clean(change.claim), time="0.000")
    said = f"{change.fate}: {MEANING[change.fate]}"
    why = _clean(f"{said}: {change.reason}".rstrip(": "))
    if change.fate in ("lost", "worse", "not carried out"):
        ElementTree.SubElement(case, "failure", type=change.fate.replace(" ", "-"), message=why).text = _clean(_told(change))
    elif change.fate in ("undecided", "dropped", "hollow"):
        ElementTree.SubElement(case, "error", type=change.fate, message=why).text = _clean(change.sentence)
    elif change.fate in ("not asked", "vacuous"):
        ElementTree.SubElement(case, "skipped", type=change.fate.replace(" ", "-"), message=_clean(change.reason or said))
    elif change.fate != "kept":
        ElementTree.SubElement(case, "system-out").text = _clean(said)
    return case


def _told(change: ClaimChange) -> str:
    head = f"{title(change)}: {change.sentence}"
    return "\n".join([head, *(lines(blocks(change.story), 75) if change.story is not None else [])])


def _clean(text: str) -> str:
    return text.translate(_FORBIDDEN)
