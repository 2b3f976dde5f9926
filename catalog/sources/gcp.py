"""Google Cloud through its own client libraries: machine types, TPUs, prices, quotas.

There is no price of a machine in the API. Machine types come from Compute Engine, TPU slices from
the TPU API, rates of cores, memory, GPUs, local SSD and TPU chips from the Billing Catalog; a
machine's price is the sum of its parts.

Needs the ``gcp`` extra and application default credentials that may list machine types
(roles/compute.viewer) and TPU types (roles/tpu.viewer). The price list takes GOOGLE_API_KEY too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

from catalog.attributes import SNAPSHOT
from catalog.sources.base import (
    Fetched,
    FetchedQuotas,
    FetchFailed,
    Missing,
    Reject,
    Source,
    check_deadline,
    utc_now,
)
from catalog.sources.gcp_client import GoogleClients, SharedAnswer
from catalog.sources.gcp_machines import (
    MachineType,
    Unusable,
    check,
    is_sold,
    obtainability,
    offer_row,
    option_row,
    quota_class,
    usd_per_hour,
    with_attached_gpus,
)
from catalog.sources.gcp_pages import (
    AllTypes,
    RegionTypes,
    TpuTypes,
    list_skus,
    list_tpu_types,
    list_tpu_zones,
    list_types,
    region_of,
)
from catalog.sources.gcp_quotas import quotas_of
from catalog.sources.gcp_skus import (
    COMMITMENTS,
    FLEX_START,
    ON_DEMAND,
    SPOT,
    MissingRate,
    Rates,
)
from catalog.sources.gcp_tpus import (
    Slice,
    is_tpu,
    is_tpu_sold,
    tpu_machine,
    tpu_offer_row,
    tpu_quota_class,
    tpu_slice,
    tpu_usd_per_hour,
)

COMPUTE_SERVICE = "services/6F81-5844-456A"
# v2, v3 and v4 are priced by a service of their own, later TPUs by Compute Engine.
OLD_TPU_SERVICE = "services/E000-3F24-B8AA"
COMMITMENT = "resource_commitment"
# Ways to buy by purchase kind, with the columns that tell them apart.
WAYS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "on_demand": [(ON_DEMAND, {})],
    "spot": [(SPOT, {})],
    "flex_start": [(FLEX_START, {})],
    COMMITMENT: [
        (way, {"term_months": months, "payment": "monthly", "upfront_usd": 0.0})
        for months, way in COMMITMENTS.items()
    ],
}
Offer = MachineType | Slice


class GcpSource(Source):
    name: ClassVar[str] = "gcp"
    cloud: ClassVar[str] = "gcp"
    kinds: tuple[str, ...] = tuple(WAYS)
    needs: str = (
        "the extra gcp and Google Cloud credentials (`gcloud auth application-default login`)"
    )
    has_quotas: bool = True

    def __init__(self, name: str = "gcp") -> None:
        """``name`` is the source that asks: it says which endpoint variable counts."""
        self.clients = GoogleClients(name)
        # The lists are of all regions: asked once, whatever the number of slices.
        self._types: SharedAnswer[AllTypes] = SharedAnswer()
        self._rates: SharedAnswer[Rates] = SharedAnswer()
        self._tpu_zones: SharedAnswer[frozenset[str]] = SharedAnswer()
        self._tpu_types: dict[str, SharedAnswer[TpuTypes]] = {}

    def missing(self) -> Missing | None:
        return self.clients.missing()

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        rates = self.rates(deadline)
        found, rejects = self._offers(region, deadline)
        offers, options = [], []
        for offer in found:
            rows = []
            for way, columns in WAYS[kind]:
                try:
                    row = _option(offer, region, kind, way, rates, columns)
                except (Unusable, MissingRate) as error:
                    rejects.append(Reject(offer.name, error.reason))
                else:
                    rows += [row] if row else []
            if rows:
                offers.append(_offer(offer, region))
                options += rows
        rejects += [
            Reject(what, reason) for regions, what, reason in rates.problems if region in regions
        ]
        if not options:
            words = kind.replace("_", " ")
            raise FetchFailed(
                f"nothing that can be priced is sold as {words} in {region}",
                "check the region's name or leave it out of --regions or --kinds",
            )
        return Fetched(
            offers=tuple(offers),
            options=tuple(options),
            rejects=tuple(rejects),
            source="Google Cloud Billing Catalog, SKUs summed to machines, and Compute Engine "
            f"machineTypes.aggregatedList, {region}",
            fetched_at=utc_now(),
        )

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        client = self.clients.compute("Regions", deadline)
        answer = self.clients.call(
            "compute",
            deadline,
            client.get,
            request={"project": self.clients.project(deadline), "region": region},
        )
        quotas, rejects = quotas_of(type(answer).pb(answer).quotas)
        return FetchedQuotas(
            quotas=quotas,
            rejects=rejects,
            source=f"Google Cloud compute regions.get, {region}",
            fetched_at=utc_now(),
        )

    def rates(self, deadline: float) -> Rates:
        """Compute Engine's and the older TPUs' rates in all regions."""

        def ask() -> Rates:
            services = (COMPUTE_SERVICE, OLD_TPU_SERVICE)
            skus = [sku for s in services for sku in list_skus(self.clients, s, deadline)]
            rates = Rates(skus)
            if not len(rates):
                raise FetchFailed(
                    f"none of the price list's {len(skus)} entries is a machine's part",
                    "Google may have changed its descriptions: please report it",
                )
            return rates

        return self._rates.get(deadline, ask)

    def machines(self, region: str, deadline: float) -> tuple[list[MachineType], list[Reject]]:
        """Machines of a region that are no TPUs, by name, and what is none or not there."""
        own, rejects = self._own(region, deadline)
        found: list[MachineType] = []
        for machine in own:
            if not is_tpu(machine.name):
                with _rejecting(machine.name, rejects):
                    check(machine)
                    found.append(machine)
        return sorted(found, key=lambda machine: machine.name), rejects

    def _own(self, region: str, deadline: float) -> tuple[list[MachineType], list[Reject]]:
        types = self._types.get(deadline, lambda: list_types(self.clients, deadline))
        own = types.regions.get(region, RegionTypes())
        machines = [*own.machines.values()]
        return [*machines, *with_attached_gpus(machines, own.cards)], types.rejects(region)

    def _offers(self, region: str, deadline: float) -> tuple[list[Offer], list[Reject]]:
        """Machines and TPUs of a region, by name, and what of the answers is no offer."""
        machines, rejects = self.machines(region, deadline)
        found: dict[str, Offer] = {machine.name: machine for machine in machines}
        for machine in self._own(region, deadline)[0]:
            if is_tpu(machine.name):
                with _rejecting(machine.name, rejects):
                    found[machine.name] = tpu_machine(machine)
        for name, shapes in self._slices(region, deadline, rejects).items():
            with _rejecting(name, rejects):
                if (tpu := tpu_slice(name, shapes)) is not None:
                    found[tpu.name] = tpu
        if not found:
            unreached = "; ".join(f"{r.what}: {r.reason}" for r in rejects[:3])
            raise FetchFailed(
                f"no machine types in {region}" + (f" ({unreached})" if unreached else ""),
                "check the region's name or try again later",
            )
        return [found[name] for name in sorted(found)], rejects

    def _slices(
        self, region: str, deadline: float, rejects: list[Reject]
    ) -> dict[str, tuple[str, ...]]:
        """TPU types of a region. Those the snapshot knows stand in for lists that do not come."""
        try:
            zones = self._tpu_zones.get(deadline, lambda: list_tpu_zones(self.clients, deadline))
            own = [zone for zone in zones if region_of(zone) == region]
            once = self._tpu_types.setdefault(region, SharedAnswer())
            types = once.get(deadline, lambda: list_tpu_types(self.clients, own, deadline))
        except FetchFailed as failure:
            check_deadline(deadline, "listing TPU types")
            said = Reject("TPU slices", f"{failure.problem}; {failure.remedy}")
            types = TpuTypes({}, (said,))
        known: dict[str, tuple[str, ...]] = {}
        for reject in types.rejects:
            reason = f"{reject.reason} (those known before are priced)"
            rejects.append(Reject(reject.what, reason))
            known = dict.fromkeys(_known_slices().get(region, ()), ())
        return {**known, **types.topologies}


def _option(
    offer: Offer, region: str, kind: str, way: str, rates: Rates, columns: dict[str, Any]
) -> dict[str, Any] | None:
    """The row of one way to buy; None where the offer is not sold so."""
    preemptible = kind in (SPOT, FLEX_START)
    if not _is_sold(offer, region, way, rates):
        if way == ON_DEMAND:  # the others are not sold of everything
            raise MissingRate(f"no part of it has an on demand rate in {region}")
        return None
    if isinstance(offer, Slice):
        usd, quota = (
            tpu_usd_per_hour(offer, region, way, rates),
            tpu_quota_class(offer, preemptible),
        )
        return option_row(offer.name, region, kind, usd, quota, **columns)
    usd, quota = usd_per_hour(offer, region, way, rates), quota_class(offer, preemptible)
    if said := obtainability(offer.name, way):
        columns = {**columns, "obtainability": said}
    if 0 < offer.gpu_count < 1 and kind != SPOT:
        columns = {**columns, "confidence": "derived"}  # rates are of whole GPUs
    return option_row(offer.name, region, kind, usd, quota, **columns)


def _is_sold(offer: Offer, region: str, way: str, rates: Rates) -> bool:
    if isinstance(offer, Slice):
        return is_tpu_sold(offer, region, way, rates)
    return is_sold(offer, region, way, rates)


def _offer(offer: Offer, region: str) -> dict[str, Any]:
    return tpu_offer_row(offer, region) if isinstance(offer, Slice) else offer_row(offer, region)


@contextmanager
def _rejecting(name: str, rejects: list[Reject]) -> Iterator[None]:
    """What is unusable inside becomes a reject of ``name``."""
    try:
        yield
    except Unusable as error:
        rejects.append(Reject(name, error.reason))


@cache
def _known_slices() -> Mapping[str, Sequence[str]]:
    """TPU types of more than a machine that the snapshot has, by region."""
    found: dict[str, list[str]] = {}
    with (SNAPSHOT / "offers.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            name = row["instance_type"]
            if row["cloud"] == "gcp" and name.startswith("tpu-v"):
                found.setdefault(row["region"], []).append(name.removeprefix("tpu-"))
    return found
