"""Plausible offers for the fake AWS: real instance types, prices near the snapshot's.

Types are AWS's own answers as moto carries them, cut to the fields that matter. Every region gets
what the snapshot has there, so that a refresh passes the checks against it; prices move by a few
percent with the seed. Among the rows are those that are no prices: capacity blocks at $0, unused
reservations, other systems, local zones.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from catalog.attributes import SNAPSHOT
from tests.fakes.aws import Asked, FakeAws, Wire, WrittenPages, lease, priced, term
from tests.fakes.aws_quotas import ec2_quotas, sagemaker_quotas

# What a region the snapshot does not know sells, at us-east-1's prices.
ORDINARY = ("g4dn.xlarge", "g5.2xlarge", "g6.xlarge", "p5.48xlarge", "m7i.2xlarge", "c7i.4xlarge")
ZONES = "abc"
JSON = "application/x-amz-json-1.1"
KEPT = (
    "InstanceType", "SupportedUsageClasses", "VCpuInfo", "MemoryInfo", "GpuInfo", "NeuronInfo",
    "InferenceAcceleratorInfo", "FpgaInfo", "MediaAcceleratorInfo", "BareMetal",
)  # fmt: skip
KEPT_OF_NETWORK = ("NetworkPerformance", "EfaSupported", "EfaInfo")
KEPT_OF_CARDS = ("NetworkCardIndex", "BaselineBandwidthInGbps", "InterfaceTypes")
# Share of the on-demand price: by years and payment, of reservations and of plans.
COMMITTED = {
    (1, "No Upfront"): 0.66,
    (1, "Partial Upfront"): 0.63,
    (1, "All Upfront"): 0.61,
    (3, "No Upfront"): 0.47,
    (3, "Partial Upfront"): 0.44,
    (3, "All Upfront"): 0.41,
}
PLAN_EXTRA = 1.12


@cache
def real_types() -> Mapping[str, Any]:
    """AWS's answers for over a thousand types, pruned."""
    import moto

    path = Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz"
    with gzip.open(path) as file:
        return {name: _pruned(raw) for name, raw in json.load(file).items()}


def _pruned(raw: Mapping[str, Any]) -> dict[str, Any]:
    network = raw["NetworkInfo"]
    kept = {name: raw[name] for name in KEPT if name in raw}
    kept["VCpuInfo"] = {"DefaultVCpus": raw["VCpuInfo"]["DefaultVCpus"]}
    kept["NetworkInfo"] = {name: network[name] for name in KEPT_OF_NETWORK if name in network} | {
        "NetworkCards": [
            {name: card[name] for name in KEPT_OF_CARDS if name in card}
            for card in network.get("NetworkCards", ())
        ]
    }
    return kept


@cache
def snapshot_prices() -> Mapping[str, Mapping[tuple[str, str], float]]:
    """Snapshot prices without upfront by region, then by type and kind."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    with (SNAPSHOT / "purchase_options.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["cloud"] != "aws" or row["payment"] not in ("", "no upfront"):
                continue
            if row["term_months"] in ("", "12"):
                key = row["instance_type"], row["kind"]
                found.setdefault(row["region"], {})[key] = float(row["usd_per_hour"])
    return found


_written = WrittenPages("DescribeInstanceTypes", "InstanceTypes", "instanceTypeSet")


class RegionWorld:
    """What one region sells; its answers are made when first asked for, and kept."""

    def __init__(self, region: str, seed: int) -> None:
        self.region = region
        self._rng = random.Random(f"{region} {seed}")
        known = snapshot_prices().get(region, {})
        usual = snapshot_prices()["us-east-1"]
        listed = {name: usd for (name, kind), usd in known.items() if kind == "on_demand"}
        listed = listed or {name: usual[name, "on_demand"] for name in ORDINARY}
        self.on_demand = {
            name: round(usd * self._rng.uniform(0.98, 1.02), 5)
            for name, usd in listed.items()
            if name in real_types()
        }
        self.known = known

    def _near(self, name: str, kind: str, share: float) -> float:
        usd = self.known.get((name, kind)) or self.on_demand[name] * share
        return usd * self._rng.uniform(0.97, 1.03)

    def sold_as(self, usage: str) -> list[str]:
        return [
            name for name in self.on_demand if usage in real_types()[name]["SupportedUsageClasses"]
        ]

    @cached_property
    def spot(self) -> list[tuple[str, str, str]]:
        """Type, zone and price; a local zone's is far from the others."""
        rows = []
        for name in self.sold_as("spot"):
            usd = self._near(name, "spot", 0.45)
            rows += [
                (name, self.region + zone, f"{usd * self._rng.uniform(0.98, 1.02):.6f}")
                for zone in ZONES
            ]
        return [*rows, (rows[0][0], f"{self.region}-lax-1a", "99.000000")] if rows else rows

    @cached_property
    def committed(self) -> dict[str, dict[tuple[int, str], float]]:
        """USD per hour, all counted, by type and then by years and payment."""
        return {
            name: {
                way: round(self._near(name, "reservation", COMMITTED[1, "No Upfront"]) * share, 5)
                for way, share in (
                    (way, share / COMMITTED[1, "No Upfront"]) for way, share in COMMITTED.items()
                )
            }
            for name in self.on_demand
        }

    @cached_property
    def products(self) -> list[tuple[Mapping[str, str], str]]:
        """Attributes and text of price list items."""
        items = []
        for name, usd in self.on_demand.items():
            raw = real_types()[name]
            facts = {
                "vcpu": str(raw["VCpuInfo"]["DefaultVCpus"]),
                "memory": f"{raw['MemoryInfo']['SizeInMiB'] / 1024:,g} GiB",
            }
            terms = {
                "OnDemand": [term([("Hrs", f"{usd:.10f}")])],
                "Reserved": [
                    lease(years, payment, paid(years, payment, rate))
                    for (years, payment), rate in self.committed[name].items()
                ],
            }
            items.append(priced(name, terms, self.region, **facts))
            unused = {"OnDemand": [term([("Hrs", f"{usd:.10f}")])]}
            over = {"capacitystatus": "UnusedCapacityReservation", "usagetype": f"UnusedBox:{name}"}
            items.append(priced(name, unused, self.region, **over))
        for name in self.sold_as("capacity-block"):
            free = {"OnDemand": [term([("Hrs", "0.0000000000")])]}
            over = {"marketoption": "CapacityBlock", "operation": "RunInstances:CB"}
            items.append(priced(name, free, self.region, **over))
        return [(json.loads(text)["product"]["attributes"], text) for text in items]

    @cached_property
    def managed(self) -> list[tuple[Mapping[str, str], str]]:
        """SageMaker's items: training and endpoints cost the same, Studio less."""
        items = []
        for name, usd in self.on_demand.items():
            if "metal" in name:
                continue
            for use, component, share in (
                ("Train", "Training", 1.2), ("Host", "Hosting", 1.2), ("Studio", "Studio", 1.0),
            ):  # fmt: skip
                attributes = {
                    "instanceName": f"ml.{name}",
                    "instanceType": f"ml.{name}-{component}",
                    "component": component,
                    "platoinstancetype": component,
                    "usagetype": f"USE1-{use}:ml.{name}",
                    "operation": "RunInstance",
                    "regionCode": self.region,
                    "locationType": "AWS Region",
                    "vCpu": str(real_types()[name]["VCpuInfo"]["DefaultVCpus"]),
                    "memory": f"{real_types()[name]['MemoryInfo']['SizeInMiB'] / 1024:g} GiB",
                    "computeType": "Standard",
                }
                document = {
                    "product": {"productFamily": "ML Instance", "attributes": attributes},
                    "terms": {"OnDemand": {"T": term([("Hrs", f"{usd * share:.10f}")])}},
                }
                filterable = attributes | {"productFamily": "ML Instance"}
                items.append((filterable, json.dumps(document)))
        return items

    @cached_property
    def plan_rates(self) -> list[dict[str, Any]]:
        rates = []
        for name, ways in self.committed.items():
            for (years, payment), usd in ways.items():
                rates += [
                    _plan_rate(self.region, name, years, payment, usd * PLAN_EXTRA, usage)
                    for usage in ("BoxUsage", "UnusedBox")
                ]
        return rates


def paid(years: int, payment: str, rate: float) -> list[tuple[str, str]]:
    """Hourly and upfront prices of a reservation that costs ``rate`` an hour, all counted."""
    hours = 8760 * years
    share = {"No Upfront": 0.0, "Partial Upfront": 0.5}.get(payment, 1.0)
    prices = [("Hrs", f"{rate * (1 - share):.10f}")]
    return [*prices, ("Quantity", f"{rate * share * hours:.2f}")] if share else prices


def _plan_rate(
    region: str, name: str, years: int, payment: str, usd: float, usage: str
) -> dict[str, Any]:
    properties = {
        "region": region,
        "instanceType": name,
        "instanceFamily": name.partition(".")[0],
        "productDescription": "Linux/UNIX",
        "tenancy": "shared",
    }
    return {
        "savingsPlanOffering": {
            "offeringId": "0f",
            "paymentOption": payment,
            "planType": "Compute",
            "durationSeconds": 31536000 * years,
            "currency": "USD",
        },
        "rate": f"{usd:.5f}",
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"{usage}:{name}",
        "operation": "RunInstances",
        "properties": [{"name": key, "value": value} for key, value in properties.items()],
    }


class World:
    """The regions, and the answers to each operation."""

    def __init__(self, regions: Sequence[str], seed: int) -> None:
        self.regions = {region: RegionWorld(region, seed) for region in regions}

    def answers(self) -> dict[str, Any]:
        return {
            "DescribeInstanceTypes": self.types,
            "DescribeInstanceTypeOfferings": self.offerings,
            "DescribeSpotPriceHistory": self.spot,
            "DescribeCapacityBlockOfferings": self.blocks,
            "DescribeInstances": self.instances,
            "GetProducts": self.products,
            "DescribeSavingsPlansOfferingRates": self.plans,
            "ListServiceQuotas": lambda asked: self.quotas(asked, applied=True),
            "ListAWSDefaultServiceQuotas": lambda asked: self.quotas(asked, applied=False),
        }

    def types(self, asked: Asked) -> Wire:
        names = list(self.regions[asked.region].on_demand)
        page, token = _page(names, asked.get("NextToken"), int(asked.get("MaxResults", 100)))
        return _written.page({name: real_types()[name] for name in page}, token)

    def offerings(self, asked: Asked) -> Wire:
        region = self.regions[asked.region]
        rows = [(name, zone) for name in region.on_demand for zone in ZONES]
        page, token = _page(rows, asked.get("NextToken"), int(asked.get("MaxResults", 1000)))
        items = "".join(
            f"<item><instanceType>{name}</instanceType><location>{asked.region}{zone}</location>"
            "<locationType>availability-zone</locationType></item>"
            for name, zone in page
        )
        return _xml(asked.operation, "instanceTypeOfferingSet", items, token)

    def spot(self, asked: Asked) -> Wire:
        page, token = _page(self.regions[asked.region].spot, asked.get("NextToken"), 1000)
        items = "".join(
            f"<item><availabilityZone>{zone}</availabilityZone><instanceType>{name}</instanceType>"
            f"<productDescription>Linux/UNIX</productDescription><spotPrice>{usd}</spotPrice>"
            "<timestamp>2026-11-25T00:00:00.000Z</timestamp></item>"
            for name, zone, usd in page
        )
        return _xml(asked.operation, "spotPriceHistorySet", items, token)

    def blocks(self, asked: Asked) -> dict[str, Any]:
        region, name = self.regions[asked.region], asked["InstanceType"]
        usd = (region.known.get((name, "capacity_block")) or region.on_demand[name] * 0.7) * 24
        offering = {
            "CapacityBlockOfferingId": f"cb-{name}",
            "InstanceType": name,
            "AvailabilityZone": f"{asked.region}a",
            "InstanceCount": int(asked["InstanceCount"]),
            "CapacityBlockDurationHours": int(asked["CapacityDurationHours"]),
            "UpfrontFee": f"{usd:.4f}",
            "CurrencyCode": "USD",
            "Tenancy": "default",
        }
        return {"CapacityBlockOfferings": [offering]}

    def instances(self, asked: Asked) -> dict[str, Any]:
        cpus = {"CoreCount": 4, "ThreadsPerCore": 2}
        running = [{"InstanceId": "i-1", "InstanceType": "m7i.2xlarge", "CpuOptions": cpus}]
        return {"Reservations": [{"Instances": running}]}

    def products(self, asked: Asked) -> Wire:
        wanted = {item["Field"]: item["Value"] for item in asked["Filters"]}
        region = self.regions[wanted["regionCode"]]
        listed = region.managed if asked["ServiceCode"] == "AmazonSageMaker" else region.products
        found = [
            text
            for attributes, text in listed
            if all(attributes.get(field) == value for field, value in wanted.items())
        ]
        page, token = _page(found, asked.get("NextToken"), int(asked.get("MaxResults", 100)))
        return _json({"FormatVersion": "aws_v1", "PriceList": page}, "NextToken", token)

    def plans(self, asked: Asked) -> Wire:
        (region,) = (i["values"][0] for i in asked["filters"] if i["name"] == "region")
        rates = self.regions[region].plan_rates
        page, token = _page(rates, asked.get("nextToken"), asked.get("maxResults", 1000))
        return _json({"searchResults": page}, "nextToken", token)

    def quotas(self, asked: Asked, *, applied: bool) -> Wire:
        listed = (
            ec2_quotas(applied)
            if asked["ServiceCode"] == "ec2"
            else sagemaker_quotas(list(self.regions[asked.region].on_demand))
        )
        page, token = _page(listed, asked.get("NextToken"), 100)
        return _json({"Quotas": page}, "NextToken", token)


def populate(fake: FakeAws, regions: list[str], seed: int) -> None:
    """Fill the fake; its public files say the same as its API."""
    from tests.fakes.aws_files import public_files

    world = World(regions, seed)
    fake.answers.update(world.answers())
    fake.files.update(public_files(world, seed))


def _page(items: Sequence[Any], token: str | None, size: int) -> tuple[Sequence[Any], str]:
    start = int(token or 0)
    return items[start : start + size], str(start + size) if start + size < len(items) else ""


def _xml(operation: str, tag: str, items: str, token: str) -> Wire:
    body = f"<{operation}Response><{tag}>{items}</{tag}><nextToken>{token}</nextToken>"
    return Wire(f"{body}</{operation}Response>".encode())


def _json(document: dict[str, Any], name: str, token: str) -> Wire:
    return Wire(json.dumps(document | ({name: token} if token else {})).encode(), JSON)
