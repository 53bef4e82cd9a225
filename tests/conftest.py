"""What every test runs under."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ours", deadline=None)  # a machine that is busy is not a bug
settings.load_profile("ours")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of its own for each test: what one decides is no answer for another."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
