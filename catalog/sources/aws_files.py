"""AWS's public price files, for who has no account at hand: no credentials, no client library.

A region's EC2 file is a CSV of some hundred MB with all operating systems and tenancies, read as a
stream: lines without the words of a plain Linux machine are left out before they are parsed.
Machine facts come from its columns, except what a GPU is: no column names it. Known types have
their device from the embedded snapshot, new sizes of a known family that of the family, and a new
family with devices is a reject.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from catalog.attributes import SNAPSHOT
from catalog.sources.aws_devices import Unusable
from catalog.sources.aws_prices import (
    PRICE_FILTERS,
    PriceCollector,
    PriceList,
    check_use,
    commitment,
    usd_amount,
)
from catalog.sources.base import Reject
from catalog.sources.bodies import parse_csv

# Lines before the header: format, disclaimer, publication date, version, offer code.
PREAMBLE_LINES = 5
# Column of the file by attribute of the API.
COLUMNS = {
    "operatingSystem": "Operating System",
    "tenancy": "Tenancy",
    "preInstalledSw": "Pre Installed S/W",
    "capacitystatus": "CapacityStatus",
    "marketoption": "MarketOption",
}
# ``MarketOption`` is required, not only looked at: without it a capacity block of eight H200 is
# an on-demand machine for $0.
REQUIRED = (
    "SKU", "OfferTermCode", "TermType", "Unit", "PricePerUnit", "Currency", "EffectiveDate",
    "LeaseContractLength", "PurchaseOption", "OfferingClass", "Instance Type", "vCPU", "Memory",
    *COLUMNS.values(),
)  # fmt: skip
PLAN_REQUIRED = (
    "Unit", "DiscountedRate", "Currency", "DiscountedUsageType", "DiscountedOperation",
    "PurchaseOption", "LeaseContractLength", "LeaseContractLengthUnit",
)  # fmt: skip
ACCELERATED = re.compile(r"gpu|asic|fpga|media|accelerat", re.IGNORECASE)
NETWORK = re.compile(r"([\d.]+) (Gigabit|Megabit)")


@dataclass(slots=True)
class PriceFile:
    """A region's file: machines by type (columns of ``offers``), prices, rejected machines."""

    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    prices: PriceList = field(default_factory=PriceList)
    rejects: list[Reject] = field(default_factory=list)
    published: datetime | None = None


def read_price_file(lines: Iterable[bytes], region: str) -> PriceFile:
    """Read a region's EC2 CSV. Raises FetchFailed when it is of another form."""
    made = PriceFile()
    collector = PriceCollector()
    reserved: dict[tuple[str, str], tuple[dict[str, str], dict[str, list[float]]]] = {}
    text = kept_lines(lines, (b"Linux", b"Shared"), made)
    what = f"AWS price file of {region}"
    for row in parse_csv(
        text, what, required=REQUIRED, rejects=made.rejects, skip_lines=PREAMBLE_LINES
    ):
        name = row["Instance Type"]
        try:
            if not _wanted(row, name, region):
                continue
            usd = usd_amount(row["PricePerUnit"], name)
            if row["Currency"] != "USD":
                raise Unusable(f"priced in {row['Currency']}", name)
            if row["TermType"] == "OnDemand":
                if row["Unit"] != "Hrs" or usd == 0:
                    raise Unusable(f"on demand at ${usd:g} per {row['Unit']}", name)
                collector.on_demand(name, usd)
            elif row["TermType"] == "Reserved" and row["OfferingClass"] != "convertible":
                units = reserved.setdefault((row["SKU"], row["OfferTermCode"]), (row, {}))[1]
                units.setdefault(row["Unit"], []).append(usd)
        except Unusable as error:
            collector.reject(error.what, error.reason)
            continue
        if name not in made.machines:
            _add_machine(made, row, region)
    for first, units in reserved.values():
        name, lease = first["Instance Type"], first["LeaseContractLength"]
        try:
            collector.reserved(*commitment(name, lease, first["PurchaseOption"], units))
        except Unusable as error:
            collector.reject(name, error.reason, reserved=True)
    made.prices = collector.result()
    return made


def plan_rows(
    lines: Iterable[bytes], region: str, rejects: list[Reject]
) -> Iterator[dict[str, str]]:
    """Rows of a region's Compute Savings Plans CSV that may be of a plain Linux machine."""
    text = kept_lines(lines, (b"BoxUsage", b"RunInstances"), without=b"EC2InstanceSavingsPlans")
    return parse_csv(
        text,
        f"AWS Savings Plans file of {region}",
        required=PLAN_REQUIRED,
        rejects=rejects,
        skip_lines=PREAMBLE_LINES,
    )


def kept_lines(
    lines: Iterable[bytes],
    words: tuple[bytes, ...],
    made: PriceFile | None = None,
    without: bytes | None = None,
) -> Iterator[str]:
    """The preamble and header, then lines with all of ``words``: parsing every line takes longer.

    Raises UnicodeDecodeError, which the parser tells.
    """
    for number, line in enumerate(lines):
        if number <= PREAMBLE_LINES:
            if made is not None and line.lstrip(b'"').startswith(b"Publication Date"):
                made.published = _date(line)
            yield line.decode("utf-8-sig")
        elif all(word in line for word in words) and not (without and without in line):
            yield line.decode()


def _wanted(row: Mapping[str, str], name: str, region: str) -> bool:
    """Whether it is a row about a machine of the region. Raises Unusable for another use of one."""
    if not name or row.get("Region Code", region) != region:
        return False  # the free tier, and local zones where a file has them
    for attribute, column in COLUMNS.items():
        wanted, found = PRICE_FILTERS[attribute], row[column]
        if found != wanted and not (attribute == "preInstalledSw" and found == ""):
            # Other systems, tenancies and unused reservations are other products, each with all its
            # terms; a block under the name of its machine is worth telling.
            if attribute == "marketoption" and row["TermType"] == "OnDemand":
                raise Unusable(f"{attribute} is {found}, not {wanted}", name)
            return False
    check_use(
        row.get("usageType", ""), row.get("operation", ""), row.get("Location Type", ""), name
    )
    return True


def _add_machine(made: PriceFile, row: Mapping[str, str], region: str) -> None:
    name = row["Instance Type"]
    try:
        made.machines[name] = machine_row(row, region)
    except Unusable as error:
        reject = Reject(name, error.reason)
        if reject not in made.rejects:
            made.rejects.append(reject)


def machine_row(row: Mapping[str, str], region: str) -> dict[str, Any]:
    """A row of ``offers`` from the file's columns. Raises Unusable."""
    name = row["Instance Type"]
    vcpus, memory = row["vCPU"].replace(",", ""), row["Memory"].replace(",", "")
    gib = re.fullmatch(r"([\d.]+) GiB", memory)
    if not vcpus.isdigit() or gib is None:
        raise Unusable("vCPUs or memory not stated", name)
    accelerator, count = _devices(name, row)
    return {
        "cloud": "aws",
        "region": region,
        "zone": "",
        "instance_type": name,
        "vcpus": int(vcpus),
        "memory_gib": float(gib[1]),
        "accelerator": accelerator,
        "accelerator_count": count,
        "hosts": 1,
        "network_gbps": _network_gbps(row.get("Network Performance", "")),
    }


def _devices(name: str, row: Mapping[str, str]) -> tuple[str, float | None]:
    known = known_devices()
    if name in known:
        return known[name]
    gpus = row.get("GPU", "")
    accelerated = ACCELERATED.search(row.get("Instance Family", "")) or gpus not in ("", "NA", "0")
    if not accelerated:
        return "", None
    family = name.partition(".")[0]
    devices = {device for other, device in known.items() if other.partition(".")[0] == family}
    accelerators = {accelerator for accelerator, _ in devices}
    if len(accelerators) != 1 or accelerators == {""}:
        raise Unusable(f"no facts about the accelerator of {family}", name)
    if any(count is None or count < 1 for _, count in devices) or not gpus.isdigit():
        raise Unusable(f"how much of a device {name} has is not stated", name)
    return accelerators.pop(), float(gpus)


@cache
def known_devices() -> Mapping[str, tuple[str, float | None]]:
    """Accelerator and count by AWS instance type, from the embedded snapshot."""
    with (SNAPSHOT / "offers.csv").open(newline="", encoding="utf-8") as lines:
        return {
            row["instance_type"]: (
                row["accelerator"],
                float(row["accelerator_count"]) if row["accelerator_count"] else None,
            )
            for row in csv.DictReader(lines)
            if row["cloud"] == "aws"
        }


def _network_gbps(text: str) -> float | None:
    """Gbit/s; None for prose, and for 'Up to', which is a burst and no bandwidth."""
    match = NETWORK.fullmatch(text)
    if match is None:
        return None
    return float(match[1]) / (1 if match[2] == "Gigabit" else 1000)


def _date(line: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(line.decode().split(",")[1].strip().strip('"'))
    except (ValueError, IndexError):
        return None
