"""AWS's public files as the fake serves them: price lists and plans in CSV, the advisor's JSON."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.aws_world import RegionWorld, World

PUBLISHED = "2026-11-20T00:00:00Z"
VERSION = "20261120000000"
# The columns of 2026 that matter, and some that do not, in AWS's order.
COLUMNS = (
    "SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate",
    "StartingRange", "EndingRange", "Unit", "PricePerUnit", "Currency", "RelatedTo",
    "LeaseContractLength", "PurchaseOption", "OfferingClass", "Product Family", "serviceCode",
    "Location", "Location Type", "Instance Type", "Current Generation", "Instance Family", "vCPU",
    "Memory", "Network Performance", "Tenancy", "Operating System", "License Model", "usageType",
    "operation", "CapacityStatus", "GPU", "GPU Memory", "MarketOption", "Pre Installed S/W",
    "Region Code",
)  # fmt: skip
PLAN_COLUMNS = (
    "SKU", "RateCode", "Unit", "EffectiveDate", "DiscountedRate", "Currency", "DiscountedSKU",
    "DiscountedServiceCode", "DiscountedUsageType", "DiscountedOperation", "PurchaseOption",
    "LeaseContractLength", "LeaseContractLengthUnit", "ServiceCode", "UsageType", "Operation",
    "Description", "Instance Family", "Location", "Location Type", "Granularity",
    "Product Family", "DiscountedRegionCode", "DiscountedInstanceType",
)  # fmt: skip
MANAGED_COLUMNS = (
    "SKU", "TermType", "Unit", "PricePerUnit", "Currency", "Product Family", "Location Type",
    "Instance Type", "vCpu", "Memory", "usageType", "operation", "Component",
    "Plato Instance Type", "Compute Type", "Region Code",
)  # fmt: skip
PLAIN = {
    "SKU": "A", "OfferTermCode": "JRTCKXETXF", "TermType": "OnDemand", "Unit": "Hrs",
    "EffectiveDate": "2026-11-01", "Currency": "USD", "Product Family": "Compute Instance",
    "serviceCode": "AmazonEC2", "Location Type": "AWS Region", "Tenancy": "Shared",
    "Operating System": "Linux", "operation": "RunInstances", "CapacityStatus": "Used",
    "MarketOption": "OnDemand", "Pre Installed S/W": "NA", "License Model": "No License required",
}  # fmt: skip


def csv_file(
    columns: Iterable[str], rows: Iterable[Mapping[str, str]], *, quoted: bool = True
) -> bytes:
    """A price file: five lines about it, the header, the rows."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    said = "This list is for information, with commas, and more"
    for name, value in (
        ("FormatVersion", "v1.0"),
        ("Disclaimer", said),
        ("Publication Date", PUBLISHED),
        ("Version", VERSION),
        ("OfferCode", "AmazonEC2"),
    ):
        writer.writerow((name, value))
    writer.writerow(columns)
    for row in rows:
        writer.writerow([row.get(column, "") for column in columns])
    return out.getvalue().encode()


def price_row(name: str, usd: str, region: str = "us-east-2", **over: str) -> dict[str, str]:
    """A row of the EC2 file; keywords have ``_`` for the blank of a column's name."""
    columns = {key.replace("_", " "): value for key, value in over.items()}
    named = {
        "Instance Type": name,
        "PricePerUnit": usd,
        "Region Code": region,
        "usageType": f"USE2-BoxUsage:{name}",
        "vCPU": "192",
        "Memory": "2,048 GiB",
        "Instance Family": "General purpose",
    }
    return PLAIN | named | columns


def plan_row(name: str, usd: str, region: str = "us-east-2", **over: str) -> dict[str, str]:
    columns = {key.replace("_", " "): value for key, value in over.items()}
    named = {
        "SKU": "S1", "Unit": "Hrs", "DiscountedRate": usd, "Currency": "USD",
        "DiscountedServiceCode": "AmazonEC2", "DiscountedUsageType": f"USE2-BoxUsage:{name}",
        "DiscountedOperation": "RunInstances", "PurchaseOption": "No Upfront",
        "LeaseContractLength": "1", "LeaseContractLengthUnit": "year",
        "ServiceCode": "ComputeSavingsPlans", "Product Family": "ComputeSavingsPlans",
        "DiscountedRegionCode": region, "DiscountedInstanceType": name,
    }  # fmt: skip
    return named | columns


def public_files(world: World, seed: int) -> dict[str, Callable[[], bytes]]:
    """By path; each is made when it is first asked for."""
    offers, plans = "/offers/v1.0/aws", "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan"
    files: dict[str, Callable[[], bytes]] = {
        "/spot-advisor-data.json": lambda: advisor(world, seed)
    }
    for service, made in (("AmazonEC2", _ec2_file), ("AmazonSageMaker", _managed_file)):
        paths = {region: f"{offers}/{service}/{VERSION}/{region}/index" for region in world.regions}
        index = {
            "publicationDate": PUBLISHED,
            "regions": {
                region: {"regionCode": region, "currentVersionUrl": f"{path}.json"}
                for region, path in paths.items()
            },
        }
        text = json.dumps(index).encode()
        files[f"{offers}/{service}/current/region_index.json"] = lambda text=text: text
        for region, path in paths.items():
            one = world.regions[region]
            files[f"{path}.csv"] = cache(lambda made=made, one=one: made(one))
    listed = [
        {"regionCode": region, "versionUrl": f"{plans}/{VERSION}/{region}/index.json"}
        for region in world.regions
    ]
    plan_index = json.dumps({"publicationDate": PUBLISHED, "regions": listed}).encode()
    files[f"{plans}/current/region_index.json"] = lambda: plan_index
    for region, one in world.regions.items():
        path = f"{plans}/{VERSION}/{region}/index.csv"
        files[path] = cache(lambda one=one: _plan_file(one))
    return files


def advisor(world: World, seed: int) -> bytes:
    """The Spot Instance Advisor's document for all regions."""
    rng = random.Random(seed)
    labels = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
    ranges = [
        {"index": number, "label": label, "dots": number, "max": 5 * number + 5}
        for number, label in enumerate(labels)
    ]
    regions = {
        region: {
            "Linux": {
                name: {"s": rng.randint(40, 70), "r": rng.randrange(5)}
                for name in one.sold_as("spot")
            },
            "Windows": {},
        }
        for region, one in world.regions.items()
    }
    document = {"global_rate": "<10%", "ranges": ranges, "spot_advisor": regions}
    return json.dumps(document).encode()


def _ec2_file(one: RegionWorld) -> bytes:
    from tests.fakes.aws_world import paid, real_types

    rows: list[dict[str, str]] = []
    for name, usd in one.on_demand.items():
        raw = real_types()[name]
        gpus = raw.get("GpuInfo", {}).get("Gpus", [{}])[0].get("Count", "")
        facts = {
            "vCPU": str(raw["VCpuInfo"]["DefaultVCpus"]),
            "Memory": f"{raw['MemoryInfo']['SizeInMiB'] / 1024:,g} GiB",
            "GPU": str(gpus or ""),
            "Instance_Family": "GPU instance" if gpus else "General purpose",
            "Network_Performance": raw["NetworkInfo"]["NetworkPerformance"],
            "SKU": name,
        }
        listed = f"{usd:.10f}"
        rows.append(price_row(name, listed, one.region, **facts))
        rows.append(price_row(name, listed, one.region, **facts, Operating_System="Windows"))
        unused = "UnusedCapacityReservation"
        rows.append(price_row(name, listed, one.region, **facts, CapacityStatus=unused))
        for number, ((years, payment), rate) in enumerate(one.committed[name].items()):
            leased = {
                "TermType": "Reserved",
                "OfferTermCode": f"T{number}",
                "LeaseContractLength": f"{years}yr",
                "PurchaseOption": payment,
                "OfferingClass": "standard",
            }
            rows += [
                price_row(name, amount, one.region, **facts, **leased, Unit=unit)
                for unit, amount in paid(years, payment, rate)
            ]
    for name in one.sold_as("capacity-block"):
        rows.append(price_row(name, "0.0000000000", one.region, MarketOption="CapacityBlock"))
    return csv_file(COLUMNS, rows)


def _plan_file(one: RegionWorld) -> bytes:
    rows = []
    for rate in one.plan_rates:
        offering = rate["savingsPlanOffering"]
        name = rate["usageType"].partition(":")[2]
        years = str(round(offering["durationSeconds"] / 31536000))
        over = {
            "DiscountedUsageType": rate["usageType"],
            "PurchaseOption": offering["paymentOption"],
            "LeaseContractLength": years,
        }
        rows.append(plan_row(name, rate["rate"], one.region, **over))
        other = {"Product_Family": "EC2InstanceSavingsPlans"}
        rows.append(plan_row(name, "0.00001", one.region, **over, **other))
    return csv_file(PLAN_COLUMNS, rows, quoted=False)


def _managed_file(one: RegionWorld) -> bytes:
    rows = []
    for attributes, text in one.managed:
        dimension = json.loads(text)["terms"]["OnDemand"]["T"]["priceDimensions"]["D0"]
        rows.append(
            {
                "SKU": "M", "TermType": "OnDemand", "Unit": "Hrs", "Currency": "USD",
                "PricePerUnit": dimension["pricePerUnit"]["USD"],
                "Product Family": "ML Instance", "Location Type": "AWS Region",
                "vCpu": attributes["vCpu"], "Memory": attributes["memory"],
                "usageType": attributes["usagetype"], "operation": "RunInstance",
                "Component": attributes["component"],
                "Plato Instance Type": attributes["platoinstancetype"],
                "Compute Type": attributes["computeType"], "Region Code": one.region,
            }
        )  # fmt: skip
    return csv_file(MANAGED_COLUMNS, rows)
