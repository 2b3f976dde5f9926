"""Oracle's public shapes and price list as priced machines: pure functions on parsed JSON.

A GPU shape has one product, typed 'ocpu', whose price is of one GPU-hour. On x86 one OCPU is a
core of two vCPUs, on Arm a vCPU. Quantities may come as fractions where whole ones are meant, and
the newest shapes come without OCPUs and memory: these stay unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import Reject
from catalog.sources.bodies import mapping, positive, sequence
from catalog.sources.cloud_rows import Machine, Priced, Unusable, printable

Raw = Mapping[str, Any]
# docs.oracle.com, Preemptible Instances: half of the on-demand price.
PREEMPTIBLE_SHARE = 0.5
# GPU generations that shapes name by number.
BY_NUMBER = {"GPU2": "P100", "GPU3": "V100-16GB", "GPU4": "A100-40GB"}
BY_WORD = {"A100-v2": "A100-80GB", "RTXPRO": "RTX-PRO-6000-Server"}
SHAPE = re.compile(r"(?:BM|VM)\.(?P<number>GPU\d?)(?:\.(?P<word>[A-Za-z0-9-]+))?\.\d+")
# "BM.GPU.GB200.4 (NVL72)": the API's name ends before the parenthesis.
SUFFIX = re.compile(r"\s*\([^()]*\)\s*$")
# The estimator calls CPUs beside some NVIDIA GPUs 'arm' that are x86; only Grace is Arm.
ARM_GPU_HOSTS = ("GB200", "GB300", "GH200")
# Sizes of flexible shapes that the catalog holds: vCPUs, and GiB for each vCPU.
FLEXIBLE = ("VM.Standard.E4.Flex", "VM.Standard.E5.Flex")
FLEX_VCPUS = (2, 4, 6, 8, 12, 16, 20, 24, 32, 64, 96, 128)
FLEX_GIB_PER_VCPU = (4, 8)


def usd_prices(products: object) -> dict[str, tuple[float, str]]:
    """USD per unit and the unit's words ('' where not stated) by part number, pay as you go.

    A part with several prices (tiers) has no one price and is left out.
    """
    prices: dict[str, tuple[float, str]] = {}
    for raw in sequence(products):
        product = mapping(raw)
        if product.get("pricetype", "HOUR") != "HOUR":
            continue
        values = [
            price.get("value")
            for local in sequence(product.get("currencyCodeLocalizations"))
            if mapping(local).get("currencyCode") == "USD"
            for price in sequence(mapping(local).get("prices"))
            if mapping(price).get("model") == "PAY_AS_YOU_GO"
        ]
        usd = positive(values[0]) if len(values) == 1 else None
        if usd is not None:
            unit = str(product.get("metricName") or "").upper()
            prices[str(product.get("partNumber"))] = usd, unit
    return prices


def shapes_of(
    shapes: object, prices: Mapping[str, tuple[float, str]], kind: str
) -> tuple[list[Priced], list[Reject]]:
    """Priced machines of one kind; GPU shapes, and flexible ones in the catalog's sizes."""
    priced: list[Priced] = []
    rejects: list[Reject] = []
    for raw in sequence(shapes):
        shape = mapping(raw)
        name = SUFFIX.sub("", printable(shape.get("name") or "?"))
        if shape.get("hidden") or shape.get("status") != "ACTIVE":
            continue
        if kind == "spot" and not shape.get("allowPreemptible"):
            continue
        try:
            if mapping(shape.get("subType")).get("value") == "gpu" or shape.get("gpuQty"):
                priced.append(_gpu_shape(name, shape, prices))
            elif name in FLEXIBLE:
                priced += _flexible(name, shape, prices)
        except Unusable as error:
            rejects.append(error.reject)
    if kind == "spot":
        priced = [
            Priced(one.machine, one.usd_per_hour * PREEMPTIBLE_SHARE, one.obtainability)
            for one in priced
        ]
    return priced, rejects


def accelerator_of(shape_name: str) -> str | None:
    """The catalog's name of the GPU in a shape's name; None when unknown."""
    match = SHAPE.fullmatch(shape_name)
    if match is None:
        return None
    word = match["word"]
    if word is None:
        return BY_NUMBER.get(match["number"])
    sizes = {"H100": 80.0, "A100": 40.0, "V100": 16.0}
    return accelerator_named(BY_WORD.get(word, word), sizes.get(word))


def _gpu_shape(name: str, shape: Raw, prices: Mapping[str, tuple[float, str]]) -> Priced:
    accelerator, count = accelerator_of(name), positive(shape.get("gpuQty"))
    if accelerator is None:
        raise Unusable(name, reason_unknown(name))
    if count is None or count != int(count):
        raise Unusable(name, f"{shape.get('gpuQty')!r:.20} GPUs")
    product = _product(name, shape, "ocpu")
    usd, unit = _price(name, product, prices)
    ocpus = positive(product.get("qty"))
    # The type says OCPU; the price list's own unit, where it is stated, decides.
    if "OCPU" in unit and "GPU" not in unit:
        if ocpus is None:
            raise Unusable(name, "priced per OCPU without their number")
        usd_per_hour = usd * ocpus
    else:
        usd_per_hour = usd * count
    arm = any(word in name for word in ARM_GPU_HOSTS)
    machine = Machine(
        name,
        None if ocpus is None or arm else ocpus * 2,
        positive(shape.get("bundleMemoryQty")),
        accelerator,
        count,
    )
    return Priced(machine, usd_per_hour)


def _flexible(name: str, shape: Raw, prices: Mapping[str, tuple[float, str]]) -> Iterator[Priced]:
    ocpu, memory = _product(name, shape, "ocpu"), _product(name, shape, "memory")
    usd_per_ocpu, usd_per_gib = _price(name, ocpu, prices)[0], _price(name, memory, prices)[0]
    most_ocpus = positive(ocpu.get("max")) or float("inf")
    most_gib = positive(memory.get("max")) or float("inf")
    return (
        Priced(
            Machine(f"{name}$_{vcpus}_{vcpus * ratio}", vcpus, vcpus * ratio),
            vcpus / 2 * usd_per_ocpu + vcpus * ratio * usd_per_gib,
        )
        for vcpus in FLEX_VCPUS
        for ratio in FLEX_GIB_PER_VCPU
        if vcpus / 2 <= most_ocpus and vcpus * ratio <= most_gib
    )


def _product(name: str, shape: Raw, kind: str) -> Raw:
    found = [
        mapping(product)
        for product in sequence(shape.get("products"))
        if mapping(mapping(product).get("type")).get("value") == kind
    ]
    if len(found) != 1:
        raise Unusable(name, f"{len(found)} products of type {kind!r}")
    return found[0]


def _price(name: str, product: Raw, prices: Mapping[str, tuple[float, str]]) -> tuple[float, str]:
    part = str(product.get("partNumber"))
    if part not in prices:
        raise Unusable(name, f"no hourly USD price of part {printable(part)}")
    return prices[part]
