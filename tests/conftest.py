"""Every test runs with its own cache and data folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from catalog import Catalog

# The gate tries the same examples on every run; what new ones find is for people at their desks
# and for the nightly run.
settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")


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
    monkeypatch.setenv("PLANNER_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def catalog(compiled_cache: Path) -> Catalog:
    return Catalog.open(compiled_cache)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="also run the tests marked nightly")
    parser.addoption(
        "--seed-offset",
        type=int,
        default=0,
        metavar="N",
        help="other seeded fault runs than last night's: N is added to each seed",
    )
    parser.addoption(
        "--update-snapshots", action="store_true", help="keep how the screens look now"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--nightly"):
        skip = pytest.mark.skip(reason="nightly: run with --nightly")
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(skip)
