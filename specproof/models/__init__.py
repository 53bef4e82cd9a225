"""The designs that ship: one file a system.

In a checkout the files stand in the top-level folder `models/`; in a wheel they are beside this file.
"""

from pathlib import Path

_top = Path(__file__).resolve().parents[2]
_project = _top / "pyproject.toml"
if _project.is_file() and 'name = "specproof"' in _project.read_text(encoding="utf-8"):
    __path__.append(str(_top / "models"))
