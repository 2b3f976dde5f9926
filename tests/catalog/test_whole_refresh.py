"""The whole of it: all sources, 20 regions of three clouds, then answers with the new prices."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.refresh import Report, Status, Task, refresh
from catalog.sources.base import Fetched
from planner.actions.catalog.refresh import refresh_catalog
from planner.cli import main
from tests.catalog.test_refresh import Scripted
from tests.catalog.whole_refresh import TWENTY, all_fakes, regions_of
from tests.fakes.registry import faked_sources

LARGE = ("aws", "gcp", "azure", "sagemaker", "vertex-ai", "azure-ml")


@pytest.mark.nightly
def test_20_regions_of_3_clouds_are_refreshed_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path / "cache"))
    names = faked_sources()
    with all_fakes(seed=3) as env:
        for variable, value in env.items():
            monkeypatch.setenv(variable, value)
        # Words of fakes that no source knows beforehand are left out.
        regions = sorted({region for name in names for region in regions_of(name)} - {"US"})
        result = refresh_catalog(only=names, regions=regions, deadline_s=500)
    count: dict[str, Counter[Status]] = {name: Counter() for name in names}
    for outcome in result.report.outcomes:
        count[outcome.task.provider][outcome.status] += 1
    print(f"{len(result.report.outcomes)} slices in {result.report.seconds:.0f} s")
    for name in LARGE:
        assert count[name][Status.PUBLISHED] >= 19
        failed = [
            outcome
            for outcome in result.report.outcomes
            if outcome.task.provider == name
            and outcome.status not in (Status.PUBLISHED, Status.NOTHING)
            # The snapshot has TPUs there that the fake does not sell: their rows are kept.
            and "can be priced" not in outcome.reason
        ]
        assert not failed, [(outcome.task, outcome.reason) for outcome in failed]
    assert all(count[name][Status.PUBLISHED] for name in names)
    catalog = Catalog.open()
    refreshed = {(cloud, region) for cloud, region, _, _ in catalog.refreshed}
    assert all((cloud, region) in refreshed for cloud in TWENTY for region in TWENTY[cloud])
    assert main.run(["catalog", "check", "--quiet", "--format", "json"]) == 0
    capsys.readouterr()
    for cloud in TWENTY:
        arguments = ["recommend", "--finetune", "lora", "--model", "llama-3.1-8b", "--tokens",
                     "50M", "--cloud", cloud, "--region", TWENTY[cloud][0], "--purchase",
                     "on_demand", "--max-age", "1d", "--quiet", "--format", "json"]  # fmt: skip
        assert main.run(arguments) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["recommendation"]["price"]["layer"] == "refreshed"
        assert any("refreshed" in line for line in found["explanation"])


def told(catalog: Catalog, folder: Path, region: str) -> Report:
    def answer(_: str) -> Fetched:
        return Fetched((), (), (), "script", datetime(2026, 1, 1, tzinfo=UTC))

    return refresh([Task("aws", region, "on_demand")], {"aws": Scripted(answer)}, folder, catalog)


def test_nothing_sold_where_nothing_was_is_no_failure(tmp_path: Path, catalog: Catalog) -> None:
    (outcome,) = told(catalog, tmp_path, "x-1").outcomes
    assert (outcome.status, outcome.reason) == (Status.NOTHING, "")
    (outcome,) = told(catalog, tmp_path, "us-east-1").outcomes
    assert outcome.status is Status.KEPT
    assert list(tmp_path.iterdir()) == []
