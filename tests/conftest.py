"""Every test runs with its own cache and data folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import Catalog


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One compiled catalog for the whole run: building it takes over a second."""
    folder = tmp_path_factory.mktemp("cache")
    Catalog.open(folder)
    return folder


@pytest.fixture(autouse=True)
def isolated_dirs(compiled_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the planner's folders away from the user's; returns the data folder."""
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(compiled_cache))
    monkeypatch.setenv("PLANNER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def catalog(compiled_cache: Path) -> Catalog:
    return Catalog.open(compiled_cache)
