"""Names and sentences are data: they open no element of a page, name no path outside, and nothing that is read is run."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from specproof.cli import main
from specproof.trust.files import MANIFEST

ENGINE = Path(__file__).parents[1] / "specproof"

#: In every name that a design has: an element, the end of one, of an attribute, of a CDATA section; in sentences even more.
EVIL = "<script>alert(1)</script>]]>&'"

DESIGN = f'''
from specproof import U64, Design, State, field, invariant

EVIL = {EVIL!r}
TEXT = EVIL + '\\\\"```'

class S(State):
    w: U64 = field(TEXT, source=TEXT)

d = Design("../../design" + EVIL, S, doc=TEXT, vendor=EVIL)

@d.initial
def start(s):
    return s.w == 0

@d.view
def w(s):
    return s.w

def put(s, v: U64):
    return s.replace(w=v)

put.__doc__ = TEXT
d.action(by=EVIL, source=TEXT)(put)

def zero(v):
    return v.w == 0

zero.__doc__ = TEXT
invariant("../../claim" + EVIL)(zero)

still = d.but("/still" + EVIL, put=lambda s, v: s)
still.actions["put"].body.__annotations__["v"] = U64
'''


class Elements(HTMLParser):
    """What a browser would see: which elements with which attributes."""

    def __init__(self, text: str) -> None:
        """Reads a page."""
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """A file with a design that was never meant well, two folders down."""
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    (folder / "evil.py").write_text(DESIGN, encoding="utf-8")
    return folder / "evil.py"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_certificates_stay_in_their_folder(tmp_path: Path, design: Path) -> None:
    """Whatever designs and claims are called; and such certificates verify."""
    folder = design.parent / "certificates"
    assert main(["check", f"{design}", "--jobs", "1", "--certificates", str(folder)]) == 1

    assert len(files(folder)) > 3
    assert files(tmp_path) == {"deep/down/evil.py", *(f"deep/down/certificates/{name}" for name in files(folder))}
    assert all(re.fullmatch(r"[A-Za-z0-9._+~=@/-]+", name) for name in files(folder))
    assert main(["verify", str(folder)]) == 0
    assert EVIL in json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["answers"][0]["design"]


@pytest.mark.parametrize("command", [["check"], ["explain"], ["review"]])
def test_pages_have_no_element_of_a_designs(design: Path, command: list[str]) -> None:
    """Of scripts a page has its own alone, it loads nothing, and no attribute runs anything."""
    page = design.parent / "page.html"
    name, other = f"{design}:../../design{EVIL}", f"{design}:/still{EVIL}"
    arguments = {
        "check": ["check", str(design), "--jobs", "1", "--html", str(page)],
        "explain": ["explain", name, f"../../claim{EVIL}", "--jobs", "1", "--html", str(page)],
        "review": ["review", other, name, "--format", "html", "-o", str(page)],
    }[command[0]]
    assert main(arguments) in (0, 1)

    text = page.read_text(encoding="utf-8")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    for tag, attributes in Elements(text).found:
        assert not {key for key in attributes if key.startswith("on")}
        assert not re.match(r"(https?:)?//|javascript:", attributes.get("href") or attributes.get("src") or "")
        assert tag not in ("iframe", "object", "embed", "base")
    scripts = [attributes for tag, attributes in Elements(text).found if tag == "script"]
    assert len(scripts) <= 2
    assert all("src" not in attributes for attributes in scripts)


@pytest.mark.parametrize("form", ["junit", "sarif", "json", "markdown"])
def test_reports_for_machines_are_well_formed(design: Path, form: str) -> None:
    """XML is XML and JSON is JSON, with the names as they are."""
    report = design.parent / "report"
    assert main(["review", f"{design}:/still{EVIL}", f"{design}:../../design{EVIL}", "--format", form, "-o", str(report)]) in (0, 1)

    text = report.read_text(encoding="utf-8")
    if form == "junit":
        assert any(EVIL in value for element in ElementTree.fromstring(text).iter() for value in element.attrib.values())
    elif form == "markdown":
        assert re.findall(r"(?<!\\)<script", re.sub(r"^```$.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)) == []
    else:
        assert EVIL in json.dumps(json.loads(text), ensure_ascii=False)


def test_a_picture_of_a_fleet_is_xml(tmp_path: Path) -> None:
    """Also where hosts and policies have names of elements."""
    policy, pool, picture = tmp_path / "policy.toml", tmp_path / "pool.toml", tmp_path / "fleet.svg"
    policy.write_text('name = "<script>alert(1)</script>"\n\n[[force]]\nbit = "RRSBA_DIS_S"\nto = 1\nhost = ["RRSBA_CTRL"]\n')
    pool.write_text('[[host]]\nname = "<script>&"\nvirtualize = true\ncpuid = ["SPEC_CTRL", "RRSBA_CTRL"]\n')
    code = main(["fleet", str(pool), str(policy), "--format", "svg", "-o", str(picture)])

    if code == 2:  # such names are refused, which is as good
        assert not picture.exists()
    else:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(picture.read_text(encoding="utf-8")).iter()}
        assert "script" not in tags


def test_nothing_that_is_read_is_run() -> None:
    """Design files are, and say so; no other file of the package runs text or unpickles anything."""
    running = {"exec", "eval", "compile", "loads", "load"}
    found: set[tuple[str, str]] = set()
    for path in sorted(ENGINE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"} & set(names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in running - {"loads", "load"}:
                found.add((path.relative_to(ENGINE).as_posix(), node.func.id))

    assert found == {("load.py", "exec"), ("load.py", "compile")}
    assert "run as such" in (ENGINE / "load.py").read_text(encoding="utf-8")
