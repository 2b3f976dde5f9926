"""Vertex AI custom training, against the bills of an a3-highgpu-8g published at zenn.dev.

google_cloud_jp/dws-flex-new-skus, August 2025: on demand and flex start, without boot disk.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from catalog.sources.base import Fetched, FetchFailed
from catalog.sources.vertex import VertexSource
from tests.catalog.gcp_setup import A3, IOWA, gcp, rate, reasons, usd
from tests.fakes.gcp import COMPUTE, VERTEX, FakeGcp, machine, sku

__all__ = ["gcp"]  # a fixture
ON_DEMAND_BILL = 90.1282656 + 6.0991216 + 4.7799648
FLEX_START_BILL = 33.606088 + 2.274272 + 1.782144 + 0.65753425 + 11.7558608 + 0.7955376 + 0.6235632
TRAINING, FEE = (
    "Vertex AI: Training/Pipelines on",
    "Vertex AI: Training/Pipelines management fee on",
)
SKUS = [
    rate(f"{TRAINING} NVIDIA H100 80GB in Iowa", 11.2660332, "GPU"),
    rate(f"{TRAINING} A3 Instance Core in Iowa", 0.0293227),
    rate(f"{TRAINING} A3 Instance RAM in Iowa", 0.0025534, "RAM"),
    rate(f"{FEE} NVIDIA H100 80GB in Iowa", 1.4694826, "GPU"),
    rate(f"{FEE} A3 Instance Core in Iowa", 0.0038247),
    rate(f"{FEE} A3 Instance RAM in Iowa", 0.0003331, "RAM"),
    rate(f"{TRAINING} SSD backed PD Capacity", 0.1955, "LocalSSD"),
    rate("Vertex AI: Online/Batch Prediction A3 Predefined Instance Core running in Iowa", 9.0),
    rate("Vertex AI: Online/Batch Prediction Nvidia H100 80gb GPU running in Iowa", 99.0, "GPU"),
    rate("Gemini 2.5 Pro Text Input - Predictions", 0.00000125, "Text"),
]


@pytest.fixture
def vertex(gcp: FakeGcp) -> FakeGcp:
    gcp.machines = {"us-central1-a": [A3, machine("c3-standard-8", 8, 32)]}
    gcp.cards = {}
    gcp.skus[VERTEX] = list(SKUS)
    return gcp


def fetch(kind: str = "on_demand") -> Fetched:
    return VertexSource().fetch(IOWA, kind, time.monotonic() + 20)


def test_on_demand_is_what_google_billed(vertex: FakeGcp) -> None:
    found = fetch()
    assert usd(found) == {"a3-highgpu-8g": pytest.approx(ON_DEMAND_BILL, abs=1e-5)}
    row = found.options[0]
    assert row["quota_class"] == "vertex-ai/H100-80GB GPUs"
    assert (row["billing_increment_s"], row["minimum_s"]) == (None, None)
    assert row["confidence"] == "document"
    assert not found.rejects  # a machine Vertex AI does not train on is no fault


def test_flex_start_is_what_google_billed(vertex: FakeGcp) -> None:
    found = fetch("flex_start")
    assert usd(found) == {"a3-highgpu-8g": pytest.approx(FLEX_START_BILL, abs=1e-5)}
    assert found.options[0]["confidence"] == "derived"
    assert found.options[0]["quota_class"] == "vertex-ai/preemptible H100-80GB GPUs"


def test_spot_is_compute_engines_price_and_the_fee(vertex: FakeGcp) -> None:
    text, fields = "attached to Spot Preemptible VMs in Iowa", {"usage": "Preemptible"}
    vertex.skus[COMPUTE] += [
        rate("Spot Preemptible A3 Instance Core running in Iowa", 0.01, **fields),
        rate("Spot Preemptible A3 Instance Ram running in Iowa", 0.001, "RAM", **fields),
        rate(f"Nvidia H100 80GB GPU {text}", 5.0, "GPU", **fields),
        rate(f"SSD backed Local Storage {text}", 0.04, "LocalSSD"),
    ]
    plain = 208 * 0.01 + 1872 * 0.001 + 8 * 5 + 6000 * 0.04 / 730
    fee = 11.7558608 + 0.7955376 + 0.6235632
    found = fetch("spot")
    assert usd(found) == {"a3-highgpu-8g": pytest.approx(plain + fee, abs=1e-5)}
    assert found.options[0]["confidence"] == "low"


def n1_skus(core: float, ram: float) -> list[dict[str, Any]]:
    """Older machines: plain rates, and fees that are listed apart."""
    return [
        rate(f"{TRAINING} N1 Predefined Instance Core running in Americas", core),
        rate(f"{TRAINING} N1 Predefined Instance Ram running in Americas", ram, "RAM"),
        rate(f"{FEE} N1 Instance Core in Americas", 0.0047417),
        rate(f"{FEE} N1 Instance RAM in Americas", 0.0006356, "RAM"),
    ]


@pytest.mark.parametrize("share", [1.0, 1.15])
def test_the_fee_counts_once_whether_the_listed_rate_holds_it_or_not(
    vertex: FakeGcp, share: float
) -> None:
    core, ram = 0.031611, 0.004237
    vertex.machines["us-central1-a"] = [machine("n1-standard-8", 8, 30)]
    vertex.skus[COMPUTE] = [
        rate("N1 Predefined Instance Core running in Americas", core),
        rate("N1 Predefined Instance Ram running in Americas", ram, "RAM"),
    ]
    vertex.skus[VERTEX] = n1_skus(core * share, ram * share)
    # cloud.google.com/vertex-ai/pricing: 15% over Compute Engine's $0.379998.
    assert usd(fetch()) == {"n1-standard-8": pytest.approx(0.379998 * 1.15, rel=1e-3)}


def test_a_rate_that_is_neither_is_rejected(vertex: FakeGcp) -> None:
    vertex.skus[VERTEX][1] = rate(f"{TRAINING} A3 Instance Core in Iowa", 0.05)
    with pytest.raises(FetchFailed, match="no machine's Vertex AI training"):
        fetch()
    vertex.machines["us-central1-a"].append(machine("e2-standard-8", 8, 32))
    vertex.skus[VERTEX] += [
        rate(f"{TRAINING} E2 Instance Core running in Iowa", 0.025),
        rate(f"{TRAINING} E2 Instance Ram running in Iowa", 0.0034, "RAM"),
    ]
    found = fetch()
    assert usd(found) == {"e2-standard-8": pytest.approx(0.2 + 32 * 0.0034)}
    assert "neither Compute Engine's ($0.025498) nor" in reasons(found)["a3-highgpu-8g"]


@pytest.mark.parametrize("lacking", range(3))
def test_a_missing_part_leaves_no_partial_sum(vertex: FakeGcp, lacking: int) -> None:
    vertex.machines["us-central1-a"].append(machine("e2-standard-8", 8, 32))
    vertex.skus[VERTEX] = [
        *(raw for number, raw in enumerate(SKUS) if number != lacking),
        rate(f"{TRAINING} E2 Instance Core running in Iowa", 0.025),
        rate(f"{TRAINING} E2 Instance Ram running in Iowa", 0.0034, "RAM"),
    ]
    found = fetch()
    assert list(usd(found)) == ["e2-standard-8"]
    assert "no on demand rate of" in reasons(found)["a3-highgpu-8g"]


def test_the_service_is_found_by_its_name(vertex: FakeGcp) -> None:
    assert fetch().options
    assert vertex.count("/v1/services/C7E2-9256-1C43/skus") == 4  # ten SKUs, three a page
    del vertex.services["Vertex AI"]
    with pytest.raises(FetchFailed, match="no service named Vertex AI"):
        fetch()
    vertex.services["Vertex AI"] = "NEW1-NEW2-NEW3"
    vertex.skus["NEW1-NEW2-NEW3"] = list(SKUS)
    assert usd(fetch())["a3-highgpu-8g"] == pytest.approx(ON_DEMAND_BILL, abs=1e-5)


def test_a_price_list_without_training_is_told(vertex: FakeGcp) -> None:
    vertex.skus[VERTEX] = [sku("Vertex AI: Something else", 1.0)]
    with pytest.raises(FetchFailed, match="none of Vertex AI's price list is a rate of training"):
        fetch()


def test_lists_are_asked_once_for_all_kinds(vertex: FakeGcp) -> None:
    source = VertexSource()
    for kind in ("on_demand", "flex_start", "on_demand"):
        source.fetch(IOWA, kind, time.monotonic() + 20)
    assert vertex.count(COMPUTE) == 8 and vertex.count(VERTEX) == 4
    assert vertex.count("machineTypes") == 1
