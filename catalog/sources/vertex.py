"""Vertex AI custom training: its own rates of cores, memory and GPUs, on Compute Engine's machines.

On demand, Vertex AI bills SKUs of its own in place of Compute Engine's. Flex start and spot are
billed by Compute Engine's SKUs, and Vertex AI's "management fee" comes on top of each part
(zenn.dev/google_cloud_jp/articles/dws-flex-new-skus shows both bills of an a3-highgpu-8g). Boot
disks are apart. Online and batch prediction have other SKUs, which are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from catalog.sources.base import Fetched, FetchFailed, Missing, Reject, Source, utc_now
from catalog.sources.gcp import GcpSource
from catalog.sources.gcp_client import GoogleClients, SharedAnswer
from catalog.sources.gcp_machines import (
    SHARED_CORES,
    MachineType,
    Unusable,
    is_sold,
    obtainability,
    offer_row,
    option_row,
    parts_of,
    quota_class,
    usd_per_hour,
)
from catalog.sources.gcp_pages import list_skus
from catalog.sources.gcp_skus import (
    FLEX_START,
    ON_DEMAND,
    SLICE,
    SPOT,
    SSD,
    MissingRate,
    Rates,
    Sku,
)

SERVICE = "Vertex AI"
TRAINING = re.compile(
    r"^Vertex AI: (?:Custom )?Training(?:/Pipelines)? (?P<fee>management fee )?on (?P<part>.+)$",
    re.IGNORECASE,
)
# A listed rate is taken for the plain one, or for plain and fee together, when it is this near.
TOLERANCE = 0.02
WAYS = {"on_demand": ON_DEMAND, "spot": SPOT, "flex_start": FLEX_START}


class VertexSource(Source):
    name: ClassVar[str] = "vertex-ai"
    cloud: ClassVar[str] = "gcp"
    platform: ClassVar[str] = "vertex-ai"
    kinds: tuple[str, ...] = tuple(WAYS)
    needs: str = GcpSource.needs

    def __init__(self) -> None:
        self._compute = GcpSource(self.name)
        self._rates: SharedAnswer[tuple[Rates, Rates]] = SharedAnswer()

    def missing(self) -> Missing | None:
        return self._compute.missing()

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        training, fees = self._training(deadline)
        plain = self._compute.rates(deadline)
        machines, rejects = self._compute.machines(region, deadline)
        offers, options = [], []
        for machine in machines:
            try:
                priced = _priced(machine, region, WAYS[kind], plain, training, fees)
            except (Unusable, MissingRate) as error:
                rejects.append(Reject(machine.name, error.reason))
                continue
            if priced is not None:
                offers.append(offer_row(machine, region))
                options.append(_option(machine, region, kind, *priced))
        for rates in (training, fees):
            rejects += [Reject(what, why) for where, what, why in rates.problems if region in where]
        if not options:
            words = kind.replace("_", " ")
            raise FetchFailed(
                f"no machine's Vertex AI training can be priced as {words} in {region}",
                "leave the region out of --regions; prices derived from plain machines stay",
            )
        return Fetched(
            offers=tuple(offers),
            options=tuple(options),
            rejects=tuple(rejects),
            source="Google Cloud Billing Catalog, Vertex AI training SKUs summed to machines, "
            f"{region}",
            fetched_at=utc_now(),
        )

    def _training(self, deadline: float) -> tuple[Rates, Rates]:
        """Training rates and management fees of all regions."""

        def ask() -> tuple[Rates, Rates]:
            clients = self._compute.clients
            return training_rates(list_skus(clients, service_id(clients, deadline), deadline))

        return self._rates.get(deadline, ask)


def service_id(clients: GoogleClients, deadline: float) -> str:
    """``services/ID`` of Vertex AI in the Billing Catalog, by its name. Raises FetchFailed."""
    client = clients.billing(deadline)
    request = {"page_size": 5000}
    for page in clients.pages("billing", deadline, client.list_services, request=request):
        for service in page.services:
            if service.display_name == SERVICE:
                return str(service.name)
    raise FetchFailed(
        f"the Billing Catalog has no service named {SERVICE}",
        "Google may have renamed it: please report it",
    )


def training_rates(skus: Iterable[Sku]) -> tuple[Rates, Rates]:
    """Rates of training and its management fees, from Vertex AI's SKUs.

    Behind its prefix a training SKU reads as a Compute Engine one does. Raises FetchFailed when
    none does.
    """
    kinds: tuple[list[Sku], list[Sku]] = ([], [])
    for sku in skus:
        if found := TRAINING.match(" ".join(sku.description.split())):
            kinds[bool(found["fee"])].append(replace(sku, description=found["part"]))
    training, fees = Rates(kinds[0]), Rates(kinds[1])
    if not len(training):
        raise FetchFailed(
            "none of Vertex AI's price list is a rate of training",
            "Google may have changed its descriptions: please report it",
        )
    return training, fees


def _priced(
    machine: MachineType, region: str, way: str, plain: Rates, training: Rates, fees: Rates
) -> tuple[float, str] | None:
    """USD per hour and how sure it is; None where Vertex AI does not train on the machine.

    Which sizes of a series it takes is not in the price list: shared cores and bare metal are
    known to be none.
    """
    if machine.name in SHARED_CORES or machine.name.endswith("-metal"):
        return None
    parts = [part for part in parts_of(machine, region, ON_DEMAND, plain) if part[1] != SSD]
    if any(resource == SLICE for _, resource, _ in parts):
        return None  # sold whole by Compute Engine; no training SKU says the same
    source = training if way == ON_DEMAND else fees
    if not any(source.has(region, ON_DEMAND, *part) for _, *part in parts):
        return None
    if way == ON_DEMAND:
        usd = sum(
            amount * _on_demand(region, (resource, name), plain, training, fees)
            for amount, resource, name in parts
        )
        return usd, "document"
    if not is_sold(machine, region, way, plain):
        return None
    usd = usd_per_hour(machine, region, way, plain)
    usd += sum(amount * fees.rate(region, ON_DEMAND, *part) for amount, *part in parts)
    # That spot is billed as flex start is, is an assumption: Google documents the latter only.
    return usd, "low" if way == SPOT else "derived"


def _on_demand(
    region: str, part: tuple[str, str], plain: Rates, training: Rates, fees: Rates
) -> float:
    """USD per hour of one unit of a part, with the management fee once.

    Most listed rates hold the fee. Beside Compute Engine's rate and the fee it can be seen
    whether they do; where it cannot, the listed rate stands. Raises MissingRate.
    """
    listed = training.rate(region, ON_DEMAND, *part)
    if not (plain.has(region, ON_DEMAND, *part) and fees.has(region, ON_DEMAND, *part)):
        return listed
    machine, fee = plain.rate(region, ON_DEMAND, *part), fees.rate(region, ON_DEMAND, *part)
    if abs(listed / (machine + fee) - 1) <= TOLERANCE:
        return listed
    if abs(listed / machine - 1) <= TOLERANCE:
        return listed + fee
    raise MissingRate(
        f"the training rate of {' '.join(part[::-1])}, ${listed:g}, is neither Compute Engine's "
        f"(${machine:g}) nor that with the fee (${fee:g})"
    )


def _option(
    machine: MachineType, region: str, kind: str, usd: float, confidence: str
) -> dict[str, Any]:
    """One row of ``purchase_options``, under Compute Engine's name of the machine."""
    quota = quota_class(machine, preemptible=kind != "on_demand").replace("gcp/", "vertex-ai/", 1)
    said = obtainability(machine.name, WAYS[kind])
    row = option_row(
        machine.name, region, kind, usd, quota, confidence=confidence, obtainability=said
    )
    # Vertex AI's billing increment is not in the price list; Compute Engine's is no guide.
    return {**row, "billing_increment_s": None, "minimum_s": None}


__all__: Sequence[str] = ("VertexSource", "service_id", "training_rates")
