"""What a Google Cloud SKU prices: read off its description, for it has no field that says so.

``usageType`` is not enough: spot SKUs of B200 and of the older TPUs call themselves OnDemand, and
so do reservations, the Dynamic Workload Scheduler's rates and dedicated hosts. A description that
is not understood gives no component; nothing is guessed from a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ON_DEMAND, SPOT, FLEX_START = "on_demand", "spot", "flex_start"
# Commitments by term in months; each has its own SKU for every resource.
COMMITMENTS = {12: "commitment 12 months", 36: "commitment 36 months"}

CORE, RAM, GPU, SLICE, SSD, TPU = "core", "RAM", "GPU", "GPU slice", "local SSD", "TPU chip"
# Google bills by the month of 730 hours.
HOURS_PER_MONTH = 730.0
# Resource: unit of its SKU and the hours that a price per unit covers. Older RAM SKUs say GBy;
# Google's own price pages multiply both spellings by the machine's memory in GiB.
UNITS = {
    CORE: {"h": 1.0},
    GPU: {"h": 1.0},
    SLICE: {"h": 1.0},
    TPU: {"h": 1.0},
    RAM: {"GiBy.h": 1.0, "GBy.h": 1.0},
    SSD: {"GiBy.mo": HOURS_PER_MONTH, "GBy.mo": HOURS_PER_MONTH, "GiBy.h": 1.0},
}
# Rates of something other than a plain machine of a catalogued type. "Calendar Mode" is capacity
# booked ahead, "Reserved" the (mostly $0) use of such a booking.
OTHER = re.compile(
    r"sole tenancy|custom|suspended|preserved|premium|reserved|calendar mode|capacity optimized"
    r"|vgpu|extended|dollar based|licens|upgrade",
    re.IGNORECASE,
)
# Descriptions of the series that do not begin with the series' name.
SERIES = {"compute optimized": "c2", "memory-optimized": "m1"}
# Words between a series' name and the resource, as in "N2D AMD Instance Core".
SERIES_WORDS = re.compile(r" (?:instance|predefined|amd|arm|memory-optimized)$")
GPUS = {
    "nvidia tesla k80": "nvidia-tesla-k80",
    "nvidia tesla p4": "nvidia-tesla-p4",
    "nvidia tesla p100": "nvidia-tesla-p100",
    "nvidia tesla t4": "nvidia-tesla-t4",
    "nvidia tesla v100": "nvidia-tesla-v100",
    "nvidia tesla a100": "nvidia-tesla-a100",
    "nvidia tesla a100 80gb": "nvidia-a100-80gb",
    "nvidia l4": "nvidia-l4",
    "nvidia h100 80gb": "nvidia-h100-80gb",
    "nvidia h100 80gb mega": "nvidia-h100-mega-80gb",
    "nvidia h100 mega 80gb": "nvidia-h100-mega-80gb",
    "nvidia h100 80gb plus": "nvidia-h100-mega-80gb",
    "h200 141gb": "nvidia-h200-141gb",
    "nvidia h200 141gb": "nvidia-h200-141gb",
    "rtx 6000 96gb": "nvidia-rtx-pro-6000",
}
SPOT_WORDS = re.compile(
    r"\battached to (?:spot )?preemptible vms$|\b(?:spot )?preemptible\b ?", re.IGNORECASE
)
FLEX_WORDS = re.compile(
    r"\battached to dws (?:defined duration|flex start) vms$|^dws (?:defined duration|flex start)",
    re.IGNORECASE,
)
# Two rates of one thing that differ by less than this are the same rate.
SAME = 0.01
# Chips that the price of a TPU SKU covers. v2, v3 and v4 are priced by 8 cores of 2 to a chip.
TPU_CHIPS = {"v2": 4, "v3": 4, "v4": 4, "v5e": 1, "v5p": 1, "v6e": 1, "7x": 1}


@dataclass(frozen=True, slots=True)
class Sku:
    """The fields of a SKU that matter here; ``usd`` is the price of one ``unit``.

    ``usd`` is None where no price is in force; ``problem`` then says why.
    """

    sku_id: str
    description: str
    usage_type: str
    regions: tuple[str, ...]
    unit: str
    usd: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """What one SKU prices: ``name`` is a series, GPU or TPU version; ``way`` how it is bought.

    A core-hour, GPU-hour, chip-hour, or hour of one GiB. A slice of several GPUs is already
    divided by them. An empty name of local SSD is the rate of every series without its own.
    """

    way: str
    resource: str
    name: str
    hours_per_unit: float
    share: float


class Unreadable(Exception):
    """A SKU that looks like a part of a machine, but contradicts itself."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def component_of(sku: Sku) -> Component | None:
    """The component a SKU prices; None for one that is no part of a plain machine.

    Raises Unreadable where its text contradicts its other fields.
    """
    text = " ".join(sku.description.split())
    if OTHER.search(text):
        return None
    way, body = _way(text, sku.usage_type)
    if way is None:
        return None
    found = _resource(body)
    if found is None:
        return None
    resource, name, share = found
    hours = UNITS[resource].get(sku.unit)
    if hours is None:
        raise Unreadable(f"{resource} priced per {sku.unit or 'unknown unit'}")
    return Component(way, resource, name, hours, share)


def _way(text: str, usage_type: str) -> tuple[str | None, str]:
    """How the SKU is bought, and its description without the words that say so and the place."""
    term = re.search(r" for (\d) years?$", text, re.IGNORECASE)
    if text.lower().startswith("commitment"):
        months = 12 * int(term.group(1)) if term else 0
        if months and months not in COMMITMENTS:
            return None, ""  # five years, of which the usage type says just "Commit"
        if usage_type != f"Commit{months // 12}Yr":
            said = f"{months} months" if months else "no term"
            raise Unreadable(f"{said} by its text, {usage_type or 'nothing'} by its usage type")
        assert term is not None
        body = re.sub(r"^commitment[^:]*:\s*", "", text[: term.start()], flags=re.IGNORECASE)
        return COMMITMENTS[months], _without_place(body)
    if usage_type not in ("OnDemand", "Preemptible"):
        return None, ""
    body = _without_place(text)
    if FLEX_WORDS.search(body):
        return FLEX_START, FLEX_WORDS.sub("", body).strip()
    if SPOT_WORDS.search(body) or usage_type == "Preemptible":
        return SPOT, SPOT_WORDS.sub("", body).strip()
    return ON_DEMAND, body


def _without_place(text: str) -> str:
    """Without "running in Americas", "in Iowa" or the continent that ends older TPU SKUs."""
    text = re.sub(r" (?:running )?in [^()]+$", "", text, flags=re.IGNORECASE)
    return re.sub(r" (?:USA|EMEA|Europe|Asia)$", "", text)


def _resource(body: str) -> tuple[str, str, float] | None:
    """Resource, name and the share of the SKU's price that one unit of it takes."""
    text = body.lower()
    if part := re.fullmatch(r"\w+ nvidia (\w+) \((\d+) gpu slice\)", text):
        return SLICE, f"nvidia-{part.group(1)}", 1 / int(part.group(2))
    if part := re.fullmatch(r"(?:tpu ?)?(v5e|v5p|v6e|7x)(?: tpu)?", text):
        return TPU, part.group(1), 1 / TPU_CHIPS[part.group(1)]
    if part := re.fullmatch(r"tpu-(v[234])( pod)?(?: accelerator)?", text):
        name = part.group(1)
        return TPU, name + (part.group(2) or ""), 1 / TPU_CHIPS[name]
    if (gpu := GPUS.get(text.removesuffix(" gpu"))) is not None:
        return GPU, gpu, 1.0
    if text in ("ssd backed local storage", "local ssd"):
        return SSD, "", 1.0
    if part := re.fullmatch(r"(\w+?) (?:instance )?local ssd", text):
        return SSD, part.group(1), 1.0
    if part := re.fullmatch(r"(?:(.+) )?(core|cpu|ram)", text):
        series = _series(part.group(1))
        return (RAM if part.group(2) == "ram" else CORE, series, 1.0) if series else None
    return None


def _series(words: str | None) -> str:
    """Series of a core or RAM SKU; empty when unknown. N1 commitments name none."""
    if words is None:
        return "n1"
    while (shorter := SERIES_WORDS.sub("", words)) != words:
        words = shorter
    if words in SERIES:
        return SERIES[words]
    joined = words.replace(" ", "")
    return joined if re.fullmatch(r"[a-z]\d[a-z0-9]*", joined) else ""


class MissingRate(Exception):
    """A machine's component that has no rate, or no certain one; ``reason`` says which."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _Listed:
    usd: float
    sku_id: str
    regions: int


class Rates:
    """Rates of one service by region, way to buy, resource and name, in USD per unit and hour.

    ``problems`` holds the SKUs that could not be used: regions, which one, why.
    """

    def __init__(self, skus: Iterable[Sku]) -> None:
        self._rates: dict[tuple[str, str, str, str], list[_Listed]] = {}
        self.problems: list[tuple[tuple[str, ...], str, str]] = []
        for sku in skus:
            self._add(sku)

    def _add(self, sku: Sku) -> None:
        what = f"SKU {sku.sku_id} ({sku.description})"
        try:
            component = component_of(sku)
        except Unreadable as error:
            self.problems.append((sku.regions, what, sku.problem or error.reason))
            return
        if component is None:
            return
        if sku.usd is None or sku.usd <= 0:
            reason = sku.problem or "price is $0 (a placeholder, not a price)"
            self.problems.append((sku.regions, what, reason))
            return
        usd_per_hour = round(sku.usd / component.hours_per_unit * component.share, 12)
        for region in sku.regions:
            key = region, component.way, component.resource, component.name
            listed = _Listed(usd_per_hour, sku.sku_id, len(sku.regions))
            self._rates.setdefault(key, []).append(listed)

    def __len__(self) -> int:
        return len(self._rates)

    def has(self, region: str, way: str, resource: str, name: str) -> bool:
        return (region, way, resource, name) in self._rates

    def rate(self, region: str, way: str, resource: str, name: str) -> float:
        """USD per hour of one unit. Raises MissingRate; never answers with another way's rate.

        Of two SKUs for one thing the one of fewer regions counts, being made for this region (an
        assumption). Where they differ by next to nothing, as those of M1 "in Tokyo" and "in
        Japan" do, it is the higher.
        """
        found = self._rates.get((region, way, resource, name))
        said = f"{way.replace('_', ' ')} rate of {name or 'local SSD'}"
        if resource not in (SSD, TPU):
            said += f" {resource}"
        if not found:
            raise MissingRate(f"no {said} in {region}")
        fewest = min(listed.regions for listed in found)
        nearest = sorted({one.usd: one.sku_id for one in found if one.regions == fewest}.items())
        if nearest[-1][0] > nearest[0][0] * (1 + SAME):
            prices = " and ".join(f"${usd:g} ({sku})" for usd, sku in nearest)
            raise MissingRate(f"the {said} is listed at {prices}")
        return nearest[-1][0]

    def regions(self) -> Iterator[str]:
        yield from sorted({key[0] for key in self._rates})
