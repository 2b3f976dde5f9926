"""A whole Google Cloud for the fake: machine types as the snapshot has them, SKUs that sum to them.

The snapshot has machines' prices, Google has rates of parts. Rates are solved from the prices of
each series, so that a refresh from the fake lands near the snapshot and passes its checks; a seed
moves each rate by up to 3%.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.attributes import SNAPSHOT
from tests.fakes.gcp import COMPUTE, OLD_TPU, VERTEX, machine, sku

if TYPE_CHECKING:
    from tests.fakes.gcp import FakeGcp

Row = dict[str, str]
Key = tuple[str, str]  # kind and months
TEMPLATE = "us-central1"
API_GPUS = {
    "A100-40GB": "nvidia-tesla-a100",
    "A100-80GB": "nvidia-a100-80gb",
    "H100-80GB": "nvidia-h100-80gb",
    "H200": "nvidia-h200-141gb",
    "B200": "nvidia-b200",
    "L4": "nvidia-l4",
    "RTX-PRO-6000-Server": "nvidia-rtx-pro-6000",
}
GPU_SKUS = {
    "nvidia-tesla-a100": "Nvidia Tesla A100 GPU",
    "nvidia-a100-80gb": "Nvidia Tesla A100 80GB GPU",
    "nvidia-h100-80gb": "Nvidia H100 80GB GPU",
    "nvidia-h100-mega-80gb": "Nvidia H100 80GB Mega GPU",
    "nvidia-h200-141gb": "H200 141GB GPU",
    "nvidia-l4": "Nvidia L4 GPU",
    "nvidia-rtx-pro-6000": "RTX 6000 96GB",
    "nvidia-tesla-t4": "Nvidia Tesla T4 GPU",
    "nvidia-tesla-p4": "Nvidia Tesla P4 GPU",
    "nvidia-tesla-p100": "Nvidia Tesla P100 GPU",
    "nvidia-tesla-v100": "Nvidia Tesla V100 GPU",
}
ATTACHED = {"T4": "nvidia-tesla-t4", "P4": "nvidia-tesla-p4", "P100": "nvidia-tesla-p100"}
ATTACHED |= {"V100-16GB": "nvidia-tesla-v100"}
# Series as SKUs of cores say it where that is not "C3 Instance".
TITLES = {
    "n1": "N1 Predefined Instance",
    "n2d": "N2D AMD Instance",
    "t2d": "T2D AMD Instance",
    "t2a": "T2A Arm Instance",
    "c4a": "C4A Arm Instance",
    "a3plus": "A3Plus Instance",
    "a3ultra": "A3Ultra Instance",
}
OWN_SSD = ("c4", "c4a", "c4d")
SSD_USD_PER_GIB_HOUR = 0.08 / 730
SHARED = {"e2-micro": 2, "e2-small": 2, "e2-medium": 2}
PARTITIONS = {"a2-ultragpu": 1, "a3-highgpu": 2, "a3-megagpu": 2, "a3-ultragpu": 4}
FLEX_SHARE = 0.55
DWS_SERIES = ("a2", "a3", "a3plus", "a3ultra", "g2", "g4")
PREMIUM = 1.15
TPU_TITLES = {"TPU-v5e": "TpuV5e", "TPU-v5p": "TpuV5p", "TPU-v6e": "TpuV6e"}
TOPOLOGIES = {"TPU-v5p": 3, "TPU-v5e": 2, "TPU-v6e": 2}


def fill(fake: FakeGcp, regions: list[str], seed: int) -> None:
    """Machines, cards, TPUs, SKUs and quotas of the regions; unknown ones are as us-central1."""
    fake.skus_per_page, fake.zones_per_page = 2000, 6
    fake.skus = {COMPUTE: [], OLD_TPU: [], VERTEX: []}
    for store in (fake.machines, fake.cards, fake.tpu_types, fake.quotas):
        store.clear()
    offers, options = _snapshot()
    for region in regions:
        known = region if region in offers else TEMPLATE
        _Region(
            fake, region, offers[known], options[known], random.Random(f"{seed} {region}")
        ).fill()


def _snapshot() -> tuple[dict[str, list[Row]], dict[str, dict[tuple[str, Key], float]]]:
    offers: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows("offers"):
        offers[row["region"]].append(row)
    options: defaultdict[str, dict[tuple[str, Key], float]] = defaultdict(dict)
    for row in _rows("purchase_options"):
        key = row["kind"], row["term_months"]
        options[row["region"]][row["instance_type"], key] = float(row["usd_per_hour"])
    return offers, options


def _rows(table: str) -> Iterator[Row]:
    with (SNAPSHOT / f"{table}.csv").open(newline="", encoding="utf-8") as lines:
        yield from (row for row in csv.DictReader(lines) if row["cloud"] == "gcp")


class _Region:
    def __init__(
        self,
        fake: FakeGcp,
        region: str,
        offers: list[Row],
        prices: Mapping[tuple[str, Key], float],
        rng: random.Random,
    ) -> None:
        self.fake, self.region, self.offers, self.prices, self.rng = (
            fake,
            region,
            offers,
            prices,
            rng,
        )
        self.zones = [f"{region}-a", f"{region}-b"]
        self.partitions: dict[str, int] = {}
        self.general_ssd: set[Key] = set()

    def fill(self) -> None:
        by_series: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.offers:
            name = row["instance_type"]
            if name.startswith(("tpu-", "ct")):
                self._tpu(row)
            elif "+" not in name:
                self._machine(row)
                by_series[_series(name)].append(row)
        for series, rows in by_series.items():
            for key in sorted({key for name, key in self.prices if _is_of(name, rows)}):
                self._rates(series, rows, key)
        self._attached()
        self.fake.quotas[self.region] = [
            {"metric": "CPUS", "limit": 72.0, "usage": 4.0},
            {"metric": "NVIDIA_H100_GPUS", "limit": 16.0, "usage": 8.0},
            {"metric": "PREEMPTIBLE_NVIDIA_H100_GPUS", "limit": 64.0, "usage": 0.0},
            {"metric": "C3_CPUS", "limit": 500.0, "usage": 0.0},
        ]

    def _machine(self, row: Row) -> None:
        name, vcpus = row["instance_type"], float(row["vcpus"])
        gpu = API_GPUS.get(row["accelerator"], "")
        if name.startswith("a3-megagpu"):
            gpu = "nvidia-h100-mega-80gb"
        count = float(row["accelerator_count"] or 0)
        partitions = 0
        for family, per_gpu in PARTITIONS.items():
            if name.startswith(family):
                self.partitions[name] = int(per_gpu * count)
        if "lssd" in name:
            plain = self.prices.get((name.replace("-lssd", ""), ("on_demand", "")))
            dear = self.prices[name, ("on_demand", "")]
            gib = (dear - plain) / SSD_USD_PER_GIB_HOUR if plain else 375.0
            metal = name.endswith("-metal")
            partitions = self.partitions[name] = 48 if metal else max(1, round(gib / 375))
        raw = machine(
            name,
            SHARED.get(name, int(vcpus)),
            float(row["memory_gib"]),
            gpu,
            max(1, int(count)),
            partitions=partitions,
            isSharedCpu=name in SHARED,
        )
        for zone in self.zones:
            self.fake.machines.setdefault(zone, []).append(raw)

    def _rates(self, series: str, rows: list[Row], key: Key) -> None:
        priced = [r for r in rows if (r["instance_type"], key) in self.prices]
        if series == "a4":
            for row in priced:
                usd = self._price(row, key) / float(row["accelerator_count"])
                self._add("A4 Nvidia B200 (1 gpu slice)", usd, key, group="GPU")
            return
        core, ram, gpus = self._solve(series, priced, key)
        title = TITLES.get(series, f"{series.upper()} Instance")
        self._add(f"{title} Core", core, key)
        self._add(f"{title} Ram", ram, key, group="RAM", unit="GiBy.h")
        for gpu, usd in gpus.items():
            self._add(GPU_SKUS[gpu], usd, key, group="GPU")
        self._ssd(series, priced, key, core, ram)

    def _solve(
        self, series: str, priced: list[Row], key: Key
    ) -> tuple[float, float, dict[str, float]]:
        """Rates of cores, memory and each GPU, that sum to the machines' prices."""
        plain = [r for r in priced if "lssd" not in r["instance_type"]] or priced
        shape = np.array([[float(r["vcpus"]), float(r["memory_gib"])] for r in plain])
        usd = np.array([self._price(r, key) for r in plain])
        if not plain[0]["accelerator"]:
            core, ram = np.linalg.lstsq(shape, usd, rcond=None)[0]
            if core > 0 and ram > 0:
                return float(core), float(ram), {}
            share = usd / (8 * shape[:, 0] + shape[:, 1])
            return float(8 * share.mean()), float(share.mean()), {}
        counts = np.array([float(r["accelerator_count"]) for r in plain])
        if series in ("g2", "g4"):
            parts = np.column_stack([shape, counts])
            core, ram, gpu = np.linalg.lstsq(parts, usd, rcond=None)[0]
            return float(core), float(ram), {_api_gpu(plain[0]): float(gpu)}
        core = 0.02 * float(np.mean(usd / counts)) / 12
        ram = core / 10
        ssd = np.array([self._ssd_gib(r) for r in plain]) * SSD_USD_PER_GIB_HOUR * 0.5
        rest = (usd - shape @ np.array([core, ram]) - ssd) / counts
        gpus: defaultdict[str, list[float]] = defaultdict(list)
        for row, value in zip(plain, rest, strict=True):
            gpus[_api_gpu(row)].append(float(value))
        return core, ram, {gpu: float(np.median(values)) for gpu, values in gpus.items()}

    def _ssd_gib(self, row: Row) -> float:
        return 375.0 * self.partitions.get(row["instance_type"], 0)

    def _ssd(self, series: str, priced: list[Row], key: Key, core: float, ram: float) -> None:
        """The series' own local SSD rate, or once the general one."""
        rates = [
            (self._price(r, key) - core * float(r["vcpus"]) - ram * float(r["memory_gib"]))
            / self._ssd_gib(r)
            for r in priced
            if "lssd" in r["instance_type"]
        ]
        if series in OWN_SSD and rates:
            usd = max(float(np.median(rates)), 1e-6) * 730
            title = f"{series.upper()} Instance Local SSD"
            self._add(title, usd, key, group="LocalSSD", unit="GiBy.mo")
        elif key not in self.general_ssd:
            self.general_ssd.add(key)
            usd = max(float(np.median(rates)) if rates else SSD_USD_PER_GIB_HOUR / 2, 1e-6) * 730
            self._add("SSD backed Local Storage", usd, key, group="LocalSSD", unit="GiBy.mo")

    def _price(self, row: Row, key: Key) -> float:
        return self.prices[row["instance_type"], key]

    def _add(
        self,
        title: str,
        usd: float,
        key: Key,
        *,
        group: str = "CPU",
        unit: str = "h",
        service: str = COMPUTE,
    ) -> None:
        kind, months = key
        usd *= 1 + self.rng.uniform(-0.03, 0.03)
        place = f"running in {self.region}"
        usage = "OnDemand"
        fields: dict[str, Any] = {"group": group, "unit": unit, "regions": [self.region]}
        if kind == "resource_commitment":
            years = int(months) // 12
            usage = f"Commit{years}Yr"
            body = title.replace(" Predefined Instance", "").replace(" Instance", "")
            body = {"N1 Core": "Cpu", "N1 Ram": "Ram"}.get(body, body.replace(" Core", " Cpu"))
            body = "Local SSD" if title.startswith("SSD") else body
            text = f"Commitment v1: {body} in {self.region} for {years} Year{'s' * (years > 1)}"
        elif kind == "spot":
            attached = group == "GPU" and "slice" not in title
            usage = "OnDemand" if "slice" in title else "Preemptible"
            vms = f"{title} attached to Spot Preemptible VMs {place}"
            text = (
                vms
                if attached or group == "TPU" or title.startswith("SSD")
                else (f"Spot Preemptible {title} {place}")
            )
        else:
            text = f"{title} {place}"
            self._flex_and_vertex(title, usd, group, unit)
        self.fake.skus[COMPUTE].append(sku(text, usd, usage=usage, **fields))

    def _flex_and_vertex(self, title: str, usd: float, group: str, unit: str) -> None:
        series = title.split()[0].lower()
        fields: dict[str, Any] = {"group": group, "unit": unit, "regions": [self.region]}
        place = f"running in {self.region}"
        dws = ""
        if group in ("CPU", "RAM") and series in DWS_SERIES:
            dws = f"DWS Defined Duration {title.replace(' Instance', '')} {place}"
        elif group == "GPU":
            dws = f"{title} attached to DWS Defined Duration VMs {place}"
        elif group == "LocalSSD" and title.startswith("SSD"):
            dws = f"DWS Defined Duration {title} {place}"
        if dws:
            self.fake.skus[COMPUTE].append(sku(dws, usd * FLEX_SHARE, **fields))
        if group in ("CPU", "RAM", "GPU", "N1Standard") and "slice" not in title:
            name = title.removesuffix(" GPU").replace("Nvidia", "NVIDIA")
            managed = f"Vertex AI: Training/Pipelines on {name} in {self.region}"
            fee = f"Vertex AI: Training/Pipelines management fee on {name} in {self.region}"
            rows = [sku(managed, usd * PREMIUM, **fields), sku(fee, usd * (PREMIUM - 1), **fields)]
            self.fake.skus[VERTEX] += rows

    def _tpu(self, row: Row) -> None:
        name, accelerator = row["instance_type"], row["accelerator"]
        chips = int(float(row["accelerator_count"]))
        if name.startswith("ct"):
            family = name.partition("-")[0]
            raw = machine(name, int(float(row["vcpus"])), float(row["memory_gib"]), family, chips)
            for zone in self.zones:
                self.fake.machines.setdefault(zone, []).append(raw)
            if name.endswith(("-1t", "ct5p-hightpu-4t")):
                for key in self._keys(name):
                    usd = self._price(row, key) / chips
                    self._add(TPU_TITLES[accelerator], usd, key, group="TPU")
            return
        shape = f"{chips // 4}x2x2" if accelerator in ("TPU-v4", "TPU-v5p") else f"{chips // 4}x4"
        shape = "2x2" if chips == 4 and accelerator != "TPU-v4" else shape
        types = self.fake.tpu_types.setdefault(self.zones[0], {})
        types[name.removeprefix("tpu-")] = shape
        if accelerator in ("TPU-v2", "TPU-v3", "TPU-v4"):
            pod = " Pod" if accelerator == "TPU-v4" else ""
            for kind, usage in (("on_demand", ""), ("spot", "Preemptible ")):
                if (usd := self.prices.get((name, (kind, "")))) is not None:
                    text = f"{usage}{accelerator}{pod} Accelerator USA"
                    self.fake.skus[OLD_TPU].append(
                        sku(text, usd, group="TPU", regions=[self.region])
                    )

    def _keys(self, name: str) -> list[Key]:
        return sorted(key for known, key in self.prices if known == name)

    def _attached(self) -> None:
        """N1 hosts and the cards that attach to them, where the snapshot has any."""
        rows = [r for r in self.offers if r["instance_type"].startswith("n1-standard-")]
        if not rows:
            return
        for vcpus in (4, 8, 16, 32, 64):
            raw = machine(f"n1-standard-{vcpus}", vcpus, 3.75 * vcpus)
            for zone in self.zones:
                self.fake.machines.setdefault(zone, []).append(raw)
        most: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            gpu = ATTACHED[row["accelerator"]]
            most[gpu] = max(most[gpu], int(float(row["accelerator_count"])))
        for zone in self.zones:
            self.fake.cards[zone] = dict(most)
        for kind, host in (("on_demand", 0.379998), ("spot", 0.10402)):
            key = kind, ""
            self._add("N1 Predefined Instance Core", host * 0.6655 / 8, key, group="N1Standard")
            self._add(
                "N1 Predefined Instance Ram",
                host * 0.3345 / 30,
                key,
                group="N1Standard",
                unit="GiBy.h",
            )
            for row in rows:
                if row["instance_type"].startswith("n1-standard-8+1x"):
                    usd = self.prices[row["instance_type"], key] - host
                    self._add(GPU_SKUS[ATTACHED[row["accelerator"]]], usd, key, group="GPU")


def _series(name: str) -> str:
    special = {"a3-megagpu": "a3plus", "a3-ultragpu": "a3ultra"}
    return next((s for p, s in special.items() if name.startswith(p)), name.partition("-")[0])


def _is_of(name: str, rows: list[Row]) -> bool:
    return any(row["instance_type"] == name for row in rows)


def _api_gpu(row: Row) -> str:
    if row["instance_type"].startswith("a3-megagpu"):
        return "nvidia-h100-mega-80gb"
    return API_GPUS[row["accelerator"]]
