"""Every form of a review, held to the schema that is published for it, and read back."""

import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from tests.review_tools import SEED, run

PAIRS = [("seed", "lazy"), ("lazy", "seed"), ("lazy", "lazy-too"), ("seed", "renamed")]
CLAIMS = [part for name in ("enforcement", "exactness", "transparency", "reset") for part in ("--claim", name)]


def form_of(old: str, new: str, form: str, capsys: pytest.CaptureFixture[str]) -> str:
    """A review of two designs of the seed's file in a form."""
    run("review", f"{SEED}:{old}", f"{SEED}:{new}", "--format", form, *CLAIMS)
    return capsys.readouterr().out


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_json_is_as_the_published_schema_says(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The schema that ships describes what is written."""
    schema = json.loads(resources.files("specproof").joinpath("schema/review.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(json.loads(form_of(old, new, "json", capsys)))


def test_json_is_the_same_but_for_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs of one question write the same bytes, times apart."""
    texts = [re.sub(r'"seconds": [0-9.]+', "", form_of("seed", "lazy", "json", capsys)) for _ in range(2)]

    assert texts[0] == texts[1]


def test_a_title_of_markdown_stays_together(capsys: pytest.CaptureFixture[str]) -> None:
    """A heading is one line, and what stands on the next would be no part of it: a title that is too long for one is bold."""
    told = form_of("lazy", "seed", "markdown", capsys)

    assert re.search(r"^### .*\n(?!\n)", told, re.MULTILINE) is None
    assert re.search(r"^\*\*The shortest run that tells them apart [^*]*\n[^*]*\(virtualized, emulated\)\*\*\n\n", told, re.MULTILINE)


def test_a_run_told_for_two_configurations_says_of_which_its_values_are(capsys: pytest.CaptureFixture[str]) -> None:
    """The two may take the same steps with other values of their fields, first of all what makes them two; a run of one says nothing of it."""
    told = form_of("lazy", "seed", "html", capsys)
    after = re.findall(r"<h3>The shortest run that tells them apart [^<]*\(virtualized, emulated\)</h3>\s*<p>(.*?)</p>", told)

    assert after == ["Values are those of virtualized."]

    run("review", f"{SEED}:lazy", f"{SEED}:seed", "--config", "emulated", "--format", "html", *CLAIMS)

    assert "Values are those of" not in capsys.readouterr().out


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_sarif_is_as_oasis_publishes_it(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    """SARIF 2.1.0, against the schema of the standard."""
    schema = json.loads(Path("tests/data/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))

    jsonschema.Draft7Validator(schema).validate(json.loads(form_of(old, new, "sarif", capsys)))


def test_sarif_points_at_the_lines_of_the_design(capsys: pytest.CaptureFixture[str]) -> None:
    """A lost claim is an error at the action that breaks it, and its run leads through the file."""
    found = json.loads(form_of("seed", "lazy", "sarif", capsys))
    results = [one for one in found["runs"][0]["results"] if one["ruleId"] == "enforcement"]

    assert {one["level"] for one in results} == {"error"}
    lines = Path(SEED).read_text(encoding="utf-8").splitlines()
    flow = results[0]["codeFlows"][0]["threadFlows"][0]["locations"]
    at = [one["location"]["physicalLocation"] for one in flow]
    assert {one["artifactLocation"]["uri"] for one in at} == {SEED}
    assert [one["executionOrder"] for one in flow] == [1, 2, 3]
    assert "set_mask" in "".join(lines[at[1]["region"]["startLine"] - 1 :][:2])
    assert flow[1]["location"]["message"]["text"].startswith("1. KVM: set_mask, mask 0x1: mask 0x0 -> 0x1")


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_junit_is_as_the_schema_says(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JUnit XML, against the XSD that Jenkins' xunit plugin published."""
    text = form_of(old, new, "junit", capsys)
    root = ElementTree.fromstring(text)

    xmlschema.XMLSchema("tests/data/junit-10.xsd").validate(text)
    assert len(root.findall("testsuite/testcase")) == int(root.find("testsuite").get("tests"))  # type: ignore[union-attr, arg-type]


def test_junit_fails_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """A case a claim: what is lost fails with its run, the rest passes."""
    root = ElementTree.fromstring(form_of("seed", "lazy", "junit", capsys))

    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {"enforcement", "exactness"}
    assert "set_mask" in (root.find(".//failure").text or "")  # type: ignore[union-attr]


class _Page(HTMLParser):
    """What a page loads, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """One file, every element closed, nothing from outside; before and after stand side by side."""
    text = form_of("seed", "lazy", "html", capsys)
    page = _Page()
    page.feed(text)

    assert not page.open
    assert not page.loads
    assert "url(" not in text and "@import" not in text
    assert '<th scope="col">seed</th><th scope="col">lazy</th>' in text
    assert '<td class="refuted">refuted, 2 steps</td>' in text


def test_text_and_markdown_fit_a_mail(capsys: pytest.CaptureFixture[str]) -> None:
    """At most 75 columns, and no control characters."""
    for form in ("text", "markdown"):
        lines = form_of("seed", "lazy", form, capsys).splitlines()

        assert max(map(len, lines)) <= 75
        assert all(line.isprintable() for line in lines)


def test_output_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o writes the whole file and nothing to standard output."""
    run("review", f"{SEED}:seed", f"{SEED}:renamed", "--format", "json", "-o", str(tmp_path / "review.json"), *CLAIMS)

    assert capsys.readouterr().out == ""
    assert json.loads((tmp_path / "review.json").read_text(encoding="utf-8"))["exit"] == 0


def test_names_cannot_break_out_of_a_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A design's sentences are text in every form."""
    nasty = '<script>alert("x")</script> & \\x07 ]]>'
    code = Path(SEED).read_text(encoding="utf-8").replace('doc="masks without forcing"', f'doc="{nasty.replace(chr(34), chr(39))}"')
    code = code.replace('field("the guest runs")', "field('</style><script>alert(1)</script>')")
    (tmp_path / "d.py").write_text(code.replace('"""The guest runs."""', "'''</td><script>alert(2)</script>'''"), encoding="utf-8")
    for form in ("html", "junit", "sarif", "json"):
        run("review", f"{tmp_path}/d.py:seed", f"{tmp_path}/d.py:lazy", "--format", form, *CLAIMS)
        text = capsys.readouterr().out

        assert form in ("sarif", "json") or "<script>" not in text
        if form == "junit":
            ElementTree.fromstring(text)
        elif form != "html":
            json.loads(text)
