"""The tutorial and the recipes: every snippet is run, and every output is what the page says."""

import os
import re
import shlex
from pathlib import Path

import pytest

import specproof.cli

PAGE = Path("docs/tutorial.md")
_FENCE = re.compile(r"^```(python|console)\n(.*?)^```$", re.M | re.S)


def played(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The page with every output replaced by what comes out: Python goes into design.py, `$ specproof` is run."""
    design = folder / "design.py"
    code: list[str] = []

    def block(found: re.Match[str]) -> str:
        kind, body = found[1], found[2]
        if kind == "python":
            imports = body.startswith("from specproof import implies")
            head, _, rest = body.partition("\n") if imports else ("", "", body)
            if imports:
                code.insert(1, head + "\n")
            code.append(rest.strip("\n") + "\n")
            design.write_text("\n\n".join(part for part in code if part.strip()), encoding="utf-8")
            return found[0]
        command = body.splitlines()[0].removeprefix("$ specproof ")
        capsys.readouterr()
        specproof.cli.main(shlex.split(command))
        out = capsys.readouterr().out.rstrip("\n")
        return f"```console\n$ specproof {command}\n{out}\n```"

    return _FENCE.sub(block, text)


def test_the_tutorial_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types what the page says sees what the page shows."""
    text = PAGE.read_text(encoding="utf-8")
    page = PAGE.resolve()
    monkeypatch.chdir(tmp_path)

    found = played(text, tmp_path, capsys)
    if os.environ.get("SPECPROOF_UPDATE"):
        page.write_text(found, encoding="utf-8")
        text = found

    assert found == text


def test_the_recipes_are_valid() -> None:
    """The workflow and the hook of docs/ci.md are as the published schemas want them."""
    import json

    import jsonschema
    import yaml

    text = Path("docs/ci.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^`([^`\n]+\.ya?ml)`:\n\n```yaml\n(.*?)^```$", text, re.M | re.S))
    schemas = {".github/workflows/specproof.yml": "github-workflow-schema", ".pre-commit-config.yaml": "pre-commit-config-schema"}

    assert set(found) == set(schemas)
    for title, name in schemas.items():
        schema = json.loads(Path(f"tests/data/{name}.json").read_text(encoding="utf-8"))
        read = yaml.safe_load(found[title])
        jsonschema.validators.validator_for(schema)(schema).validate({"on" if key is True else key: value for key, value in read.items()})
