"""Which offers may run a workload: the user's filters, the device's abilities, what is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable, UnknownName
from catalog.model_shapes import ModelShape
from planner.errors import BadInput, Infeasible
from planner.field_errors import shown, some
from planner.workload import (
    BatchInference,
    Edge,
    Generic,
    LanguageTraining,
    Platform,
    Purchase,
    Serving,
    VisionInference,
    VisionTraining,
    Workload,
    is_service,
)

Mask = NDArray[np.bool_]
OWN_CLOUDS = ("on-prem", "edge")
COMMITTED = (Purchase.RESERVATION, Purchase.SAVINGS_PLAN, Purchase.RESOURCE_COMMITMENT)


def ability(workload: Workload, shape: ModelShape) -> str:
    """What a device must be able to do, in the words of ``Accelerator.can_run``."""
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return "training"
    if isinstance(workload, Generic):
        return "generic"
    if isinstance(workload, (VisionInference, Edge)) and shape.kind == "vision":
        return "vision-inference"
    if isinstance(workload, (Serving, BatchInference, Edge)) and shape.kind in (
        "transformer",
        "encoder-decoder",
    ):
        return "llm-inference"
    return {"diffusion": "diffusion", "vision": "vision-inference"}.get(shape.kind, "llm-inference")


def eligible(
    workload: Workload, shape: ModelShape, catalog: Catalog, offers: OfferTable, where: str
) -> tuple[OfferTable, Counter[str]]:
    """Offers that pass the user's filters and are known well enough to be timed.

    Raises BadInput for unknown names and for filters that leave nothing, Infeasible when nothing
    they leave can do the work.
    """
    wanted = workload.where
    own = offers.is_in("cloud", OWN_CLOUDS)
    keep = _bought(workload, offers, where) | own
    for name, column in (
        ("clouds", "cloud"),
        ("regions", "region"),
        ("instance_types", "instance_type"),
    ):
        values: tuple[str, ...] = getattr(wanted, name)
        if values:
            known = set(offers.vocabularies[column])
            for value in values:
                if value not in known:
                    raise _unknown(where, name, value, known)
            accepted = [*values, "all"] if column == "region" else list(values)
            keep &= offers.is_in(column, accepted) | own
    if wanted.residency:
        keep &= _resident(wanted.residency, offers, catalog, where) | own
    quota_classes = set(offers.vocabularies["quota_class"])
    for value in wanted.quotas:
        if value not in quota_classes:
            raise _unknown(where, "quotas", value, quota_classes)
    clouds = set(offers.vocabularies["cloud"])
    for value in wanted.credits:
        if value not in clouds:
            raise _unknown(where, "credits", value, clouds)
    keep &= _accelerators(wanted.accelerators, offers, catalog, where)
    if not keep.any():
        raise BadInput(
            "no offer in the catalog passes these filters together",
            where=f"{where}: where",
            remedy="widen clouds, regions, residency, accelerators, platforms or purchase",
        )
    keep, excluded = _known_and_able(workload, shape, offers, catalog, keep)
    if not keep.any():
        reasons = [f"{count} offers: {reason}" for reason, count in excluded.most_common()]
        raise Infeasible("no offer that passes the filters can do this work", reasons)
    return offers.take(np.flatnonzero(keep)), excluded


def _bought(workload: Workload, offers: OfferTable, where: str) -> Mask:
    """Rows sold in one of the ways and on one of the platforms that are allowed."""
    wanted = workload.where
    none = np.zeros(len(offers), bool)
    if not wanted.cloud_offers or isinstance(workload, Edge):
        return none
    kinds = [kind.value for kind in wanted.purchase]
    if not is_service(workload) and not wanted.amortise_commitments:
        # A new commitment is owed for its whole term; a job that ends does not take one on.
        kinds = [kind for kind in kinds if kind not in COMMITTED]
        if not kinds and not (wanted.commitments or wanted.on_prem):
            raise BadInput(
                "only has commitments, which outlast a job that ends",
                where=f"{where}: where.purchase",
                remedy="add on_demand, or set amortise_commitments: true",
            )
    platforms = ["" if p is Platform.VM else p.value for p in wanted.platforms]
    held = offers.is_in("payment", ["held"])
    return (offers.is_in("kind", kinds) & offers.is_in("platform", platforms)) | held


def _resident(names: tuple[str, ...], offers: OfferTable, catalog: Catalog, where: str) -> Mask:
    places: set[tuple[str, str]] = set()
    for name in names:
        try:
            places |= catalog.regions_in(name)
        except UnknownName:
            raise _unknown(where, "residency", name, set(catalog.residencies)) from None
    pairs = np.array(
        [
            [(cloud, region) in places for region in offers.vocabularies["region"]]
            for cloud in offers.vocabularies["cloud"]
        ],
        bool,
    )
    mask: Mask = pairs[offers.codes["cloud"], offers.codes["region"]]
    return mask


def _accelerators(names: tuple[str, ...], offers: OfferTable, catalog: Catalog, where: str) -> Mask:
    if not names:
        return np.ones(len(offers), bool)
    canonical = []
    for name in names:
        if name.lower() == "cpu":
            canonical.append("")
            continue
        try:
            canonical.append(catalog.accelerator(name).name)
        except UnknownName:
            family = [n for n in catalog.accelerators if n.lower().startswith(f"{name.lower()}-")]
            if family:  # H100 stands for H100-80GB, H100-PCIe, H100-NVL
                canonical += family
                continue
            raise _unknown(where, "accelerators", name, set(catalog.accelerators)) from None
    return offers.is_in("accelerator", canonical) | offers.is_in("cpu", [c for c in canonical if c])


def _known_and_able(
    workload: Workload, shape: ModelShape, offers: OfferTable, catalog: Catalog, keep: Mask
) -> tuple[Mask, Counter[str]]:
    """Drop what cannot do the work or is not known well enough, counted by reason."""
    needed = ability(workload, shape)
    devices = catalog.accelerators
    able = [name for name, device in devices.items() if needed in device.can_run]
    precision = None if workload.precision is None else workload.precision.value
    limited = [
        name
        for name, device in devices.items()
        if precision and device.only_precisions and precision not in device.only_precisions
    ]
    has_accelerator = ~offers.is_in("accelerator", [""])
    on_cpu = ~has_accelerator
    no_peak = np.zeros(len(offers), bool)
    doubted = no_peak
    if workload.where.price_confidence == "documented":
        # The platform's surcharge is the user's explicit wish, however well it is known.
        doubted = offers.is_in("confidence", ["low"]) & offers.is_in("platform", [""])
    words = {"training": "cannot train", "generic": "does not run general programs"}
    excluded: Counter[str] = Counter()
    for reason, bad in (
        (
            f"device {words.get(needed, f'cannot do {needed}')}",
            has_accelerator & ~offers.is_in("accelerator", able),
        ),
        (
            f"device is limited to other precisions than {precision}",
            offers.is_in("accelerator", limited),
        ),
        ("CPU type unknown", on_cpu & np.isnan(offers.numbers["cpu_sockets"])),
        (
            "number of accelerators unknown",
            has_accelerator & np.isnan(offers.numbers["accelerator_count"]),
        ),
        (
            "listed, but sold only as spot or flex-start",
            offers.is_in("obtainability", ["spot-or-flex-start-only"])
            & offers.is_in("kind", ["on_demand"]),
        ),
        ("price of low confidence", doubted),
        ("excluded by where.exclude", _named(workload.where.exclude, offers)),
    ):
        hit = keep & bad
        if hit.any():
            excluded[reason] += int(hit.sum())
            keep = keep & ~bad
    return keep, excluded


def _named(names: tuple[str, ...], offers: OfferTable) -> Mask:
    """Rows whose id begins with one of the names, part by part."""
    mask = np.zeros(len(offers), bool)
    for name in names:
        parts = name.split("/")
        if len(parts) > 4:  # a candidate of one machine count; the count is matched later
            continue
        hit = np.ones(len(offers), bool)
        for column, part in zip(("cloud", "region", "instance_type", "kind"), parts, strict=False):
            hit &= offers.is_in(column, [part])
        mask |= hit
    return mask


def _unknown(where: str, name: str, value: str, known: set[str]) -> BadInput:
    from catalog.errors import nearest

    close = nearest(value, known)
    hint = f"did you mean {', '.join(close)}?" if close else f"the catalog has {some(known)}"
    return BadInput(
        f"{shown(value)} is not in the catalog", where=f"{where}: where.{name}", remedy=hint
    )
