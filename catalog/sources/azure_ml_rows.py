"""Azure Machine Learning's prices: pure functions on its meters and on the list of its VM sizes.

Compute clusters and instances are billed as the virtual machines that they are, plus a surcharge by
the vCPU and by the GPU that the retail feed lists and that has been 0 for training. Meters of
endpoints (a GPU surcharge of about $0.11, capacity units of model hosting) belong to other ways of
buying: Microsoft's page on online endpoints says that compute there has no surcharge either, so
they are told, not added.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.sources.azure_machines import PREFIX
from catalog.sources.azure_retail import LATER, parsed_time
from catalog.sources.azure_rows import option_row
from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import sequence

SERVICE = "Azure Machine Learning"
PRODUCT = "Machine Learning service"
VCPU_METER, GPU_METER = "Standard Training vCPU Surcharge", "Standard Training GPU Surcharge"
CLUSTER = "amlcompute"
# Series of learn.microsoft.com/azure/machine-learning/concept-compute-target, "Supported VM series
# and sizes", for those without a login; with one, the service's own list counts.
DOCUMENTED = re.compile(
    r"D\d+ds_v4|DS?\d+(-\d+)?_v2|D\d+s?_v3|E\d+a_v4|E\d+(-\d+)?i?s?_v3|F\d+s_v2|FX\d+mds|H\d+m?r?"
    r"|HB\d+rs(_v2)?|HB120(-\d+)?rs_v[23]|HC\d+rs|L\d+s_v2|M\d+(-\d+)?[a-z]*|NC\d+r?(_Promo)?"
    r"|NC\d+r?s_v[23]|ND\d+r?s(_v2)?|NV\d+|NV\d+s_v3|NC\d+as_T4_v3|NC\d+ads_A100_v4|ND96asr_v4"
    r"|NC\d+ad[a-z]*_H100_v5|ND96isr_H[12]00_v5"
)


@dataclass(frozen=True, slots=True)
class Surcharge:
    """USD per hour on top of the machine, by vCPU and by GPU; None where the feed has no meter."""

    vcpu: float | None
    gpu: float | None

    @property
    def is_known(self) -> bool:
        return self.vcpu is not None and self.gpu is not None

    def of(self, offer: Mapping[str, Any]) -> float:
        """For one machine. A meter that is not listed adds nothing."""
        gpus = float(offer.get("accelerator_count") or 0.0)
        # A part of a GPU is one to the meter.
        whole = max(1.0, gpus) if gpus else 0.0
        return (self.vcpu or 0.0) * float(offer.get("vcpus") or 0.0) + (self.gpu or 0.0) * whole


def surcharge_of(
    items: Iterable[Mapping[str, Any]], region: str, now: datetime
) -> tuple[Surcharge, list[Reject]]:
    """The training surcharge and what other meters there are. Raises FetchFailed for two prices."""
    found: dict[str, dict[datetime, float]] = {VCPU_METER: {}, GPU_METER: {}}
    others, rejects = Counter[str](), list[Reject]()
    for item in items:
        product, name = str(item.get("productName") or ""), str(item.get("meterName") or "")
        usd, start = item.get("retailPrice"), parsed_time(item.get("effectiveStartDate"))
        here = str(item.get("armRegionName") or "").lower() == region
        current = start is not None and start <= now and item.get("type") == "Consumption"
        if product != PRODUCT or not name.endswith("Surcharge") or not here or not current:
            others[product[:60] or "?"] += 1
        elif name not in found:
            reason = f"${usd} by the hour, of endpoints: not added to compute"
            rejects.append(Reject(name[:60], reason[:120]))
        elif item.get("currencyCode") != "USD" or item.get("unitOfMeasure") != "1 Hour":
            rejects.append(Reject(name, "not in USD by the hour"))
        elif isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd < 100:
            rejects.append(Reject(name, f"price {usd!r:.40} is none"))
        else:
            assert start is not None
            found[name][start] = float(usd)
    rejects += [Reject(f"{n} meters of {p}", "not of compute") for p, n in sorted(others.items())]
    vcpu, gpu = (prices[max(prices)] if prices else None for prices in found.values())
    return Surcharge(vcpu, gpu), rejects


@dataclass(frozen=True, slots=True)
class Supported:
    """Sizes that clusters take, lower case; ``no_low_priority`` of them only dedicated."""

    sizes: frozenset[str]
    no_low_priority: frozenset[str]


def supported_of(sizes: Iterable[Mapping[str, Any]], region: str) -> Supported:
    """What the service lists. Raises FetchFailed for a list without a cluster's size."""
    taken, dedicated = set[str](), set[str]()
    for size in sizes:
        name = str(size.get("name") or "").lower()
        types = [str(word).lower() for word in sequence(size.get("supportedComputeTypes"))]
        if not name or (types and CLUSTER not in types):
            continue
        taken.add(name)
        if size.get("lowPriorityCapable") is False:
            dedicated.add(name)
    if not taken:
        raise FetchFailed(f"Azure ML lists no VM size for clusters in {region}", LATER)
    return Supported(frozenset(taken), frozenset(dedicated))


def documented(sizes: Iterable[str]) -> Supported:
    """Of some sizes, those of the series that Microsoft's page lists."""
    return Supported(
        frozenset(n.lower() for n in sizes if DOCUMENTED.fullmatch(n.removeprefix(PREFIX))),
        frozenset(),
    )


def platform_row(
    offer: Mapping[str, Any],
    region: str,
    kind: str,
    machine_usd_per_hour: float,
    surcharge: Surcharge,
    remark: str,
) -> dict[str, Any]:
    """A row of the platform: the machine's price (low priority as spot) plus the surcharge."""
    usd = machine_usd_per_hour + surcharge.of(offer)
    row = option_row(str(offer["instance_type"]), region, kind, usd, remark)
    # Clusters have quotas of their own, with the classes of the virtual machines.
    row["quota_class"] = "azure-ml/" + str(row["quota_class"]).removeprefix("azure/")
    if kind == "on_demand" and not surcharge.is_known:
        row["confidence"] = "derived"  # the plain rate; no meter says that nothing comes on top
    return row
