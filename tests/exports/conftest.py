"""Results to export, made once, and put on other machines without planning anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.exports.subject import Subject, subject_for
from planner.report.rows import to_json
from planner.results import Item, Recommendation
from planner.workload import parse, read
from tests.planner.conftest import ROOT, child_environment, planner

__all__ = ["child_environment", "planner"]

EXAMPLES = ROOT / "examples"
# Nasty in shells, YAML, Markdown, HTML, labels and spreadsheets alike.
HOSTILE = "=x'\"; touch pwned #\n$(touch pwned) `touch pwned` {{a: [b}} &c *d <img> | --- @e é\x07"
OnMachine = Callable[..., Recommendation]


@cache
def example(name: str, catalog: Catalog) -> Recommendation:
    workload = read(str(EXAMPLES / f"{name}.yaml"))
    return recommend(workload, catalog, top=2).recommendation


@pytest.fixture
def training(catalog: Catalog) -> Recommendation:
    """Tensor, pipeline and data parallel on several machines."""
    return on(
        example("finetune-llama-70b-full", catalog),
        cloud="aws",
        region="us-east-1",
        instance_type="p4d.24xlarge",
        accelerator="A100-40GB",
        purchase="on_demand",
        nodes=2,
        accelerators=16.0,
        parallelism="tp4 pp2 vpp2 dp2 zero1 selective recompute, micro-batch 1",
    )


@pytest.fixture
def serving(catalog: Catalog) -> Recommendation:
    return on(
        example("serve-llama-70b", catalog),
        cloud="aws",
        region="us-east-1",
        instance_type="p5.48xlarge",
        accelerator="H100-80GB",
        accelerators=16.0,
        vcpus=384.0,
        parallelism="2 replicas of tp4",
    )


def on(result: Recommendation, **fields: Any) -> Recommendation:
    """The result on another machine; it keeps its cost and time."""
    changed: Item = result.recommendation.model_copy(update=fields)
    return result.model_copy(update={"recommendation": changed})


def named(result: Recommendation, **fields: Any) -> Recommendation:
    """The result with other fields of its workload."""
    return result.model_copy(update={"workload": {**result.workload, **fields}})


def subject(result: Recommendation, catalog: Catalog) -> Subject:
    from planner.actions.exports import vendors
    from planner.actions.saved_result import workload_of

    return subject_for(
        result.recommendation, workload_of(result, "r.json"), "r.json", vendors(catalog)
    )


def saved(result: Any, folder: Path, name: str = "result.json") -> Path:
    path = folder / name
    path.write_text(to_json(result), encoding="utf-8")
    return path


def small(catalog: Catalog, **fields: Any) -> Recommendation:
    """A little work planned for real."""
    given = {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "5M"} | fields
    said = {name: value for name, value in given.items() if value is not None}
    return recommend(parse(said, where="test"), catalog, top=2).recommendation
