"""Import the user's own prices and sites as overlays; list and remove them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog.errors import UnknownName, nearest
from catalog.layers import LayeredCatalog
from catalog.offers import PurchaseKind
from catalog.overlays import NAME, Discount, Overlay, Overlays, Rate
from planner.errors import BadInput
from planner.field_errors import shown

# Billing exports of a month have a few million lines of a kilobyte.
MOST_BYTES = 4 << 30
MOST_CELL = 1 << 18
PLATFORMS = ("", "vm", "sagemaker", "vertex-ai", "azure-ml")


class Form(StrEnum):
    """What a file holds. YAML holds discounts, rates and sites; CSV one of the others."""

    YAML = "yaml"
    RATES = "rates"
    FOCUS = "focus"
    SKYPILOT = "skypilot"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to. ``left_out`` counts rows by reason."""

    overlay: Overlay
    path: Path
    left_out: Counter[str]
    replaced: bool


def import_overlay(
    file: str, name: str, *, form: Form | None = None, cloud: str = "", region: str = ""
) -> Imported:
    """Read a file into the overlay ``name``, in place of the one of that name.

    ``cloud`` is that of a SkyPilot file, which does not say; ``region`` keeps one region only.
    Raises BadInput for a file or name that cannot be used, CatalogError when it cannot be kept.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{shown(name)} is no overlay name",
            where="--name",
            remedy="say up to 40 of a-z, 0-9 and -, e.g. edp-2026",
        )
    path = Path(file)
    form = form or _form(path)
    catalog = Catalog.open()
    left_out: Counter[str] = Counter()
    now = datetime.now(UTC).replace(microsecond=0)
    if form is Form.YAML:
        overlay = _from_yaml(file, name, now, catalog)
    else:
        rates = _rates(form, path, catalog, cloud, left_out)
        rates = [rate for rate in rates if not region or rate.region == region]
        if not rates:
            said = "; ".join(f"{count} rows: {why}" for why, count in left_out.most_common(3))
            raise BadInput("holds no usable rate", where=file, remedy=said or "name another file")
        origin = {
            Form.RATES: f"own rates of {path.name}",
            Form.FOCUS: f"effective rates of the FOCUS billing export {path.name}",
            Form.SKYPILOT: f"SkyPilot catalog {path.name} of {cloud}",
        }[form]
        overlay = Overlay(name, form.value, origin, now, rates=tuple(rates))
    overlays = Overlays()
    known = {kept.name for kept in overlays.all()}
    trial = LayeredCatalog(catalog, [overlay], "trial")
    trial.offers  # noqa: B018  (placing the rates finds those without a machine)
    if trial.unplaced:
        lost = set(trial.unplaced)
        left_out["a machine that the catalog does not have; give vcpus, memory_gib and "
                 "accelerator columns"] += len(lost)  # fmt: skip
        kept = tuple(rate for rate in overlay.rates if rate not in lost)
        if not kept and not overlay.discounts and not overlay.sites:
            first = trial.unplaced[0].instance_type
            close = nearest(first, catalog.offers.vocabularies["instance_type"])
            hint = f"did you mean {', '.join(close)}?" if close else "give vcpus and memory_gib"
            raise BadInput(f"the catalog has no machine {first!r}", where=file, remedy=hint)
        overlay = Overlay(
            name, overlay.form, overlay.origin, now, overlay.discounts, kept, overlay.sites
        )
    return Imported(overlay, overlays.save(overlay), left_out, name in known)


def list_overlays() -> list[Overlay]:
    """Oldest import first."""
    return Overlays().all()


def remove_overlay(name: str) -> None:
    """Raises BadInput for a name that no overlay has."""
    try:
        Overlays().remove(name)
    except UnknownName as error:
        raise BadInput(
            str(error), where="--remove", remedy="see planner catalog overlays"
        ) from None


def _form(path: Path) -> Form:
    if path.suffix.lower() in (".yaml", ".yml"):
        return Form.YAML
    with _opened(path) as lines:
        header = next(csv.reader(lines), [])
    columns = {name.strip().lstrip("\ufeff") for name in header}
    if {"EffectiveCost", "ConsumedQuantity"} <= columns:
        return Form.FOCUS
    if {"InstanceType", "SpotPrice", "Region"} <= columns:
        return Form.SKYPILOT
    if {"instance_type", "usd_per_hour"} <= columns:
        return Form.RATES
    raise BadInput(
        "is neither own rates (cloud, region, instance_type, usd_per_hour), a FOCUS export "
        "(EffectiveCost, ConsumedQuantity) nor a SkyPilot catalog (InstanceType, Price, SpotPrice)",
        where=f"{path}: header",
        remedy="rename its columns, or write a YAML file of discounts, rates and sites",
    )


def _opened(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput("is over 4 GiB", where=str(path), remedy="split it by month")
        return path.open(newline="", encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise BadInput(
            f"cannot be read ({error.strerror})", where=str(path), remedy="check the path"
        ) from None


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(MOST_CELL)
    with _opened(path) as lines:
        reader = csv.DictReader(lines, restkey="", restval="")
        try:
            yield from reader
        except csv.Error as error:
            raise BadInput(
                f"is not CSV ({error})",
                where=f"{path}: line {reader.line_num}",
                remedy="correct it",
            ) from None


def _rates(
    form: Form, path: Path, catalog: Catalog, cloud: str, left_out: Counter[str]
) -> list[Rate]:
    if form is Form.FOCUS:
        from planner.actions.focus import COLUMNS, rates_of

        rows = _csv_rows(path)
        known: dict[str, set[str]] = {}
        for row in catalog.rows("offers", "1 GROUP BY cloud, instance_type"):
            known.setdefault(row["cloud"], set()).add(row["instance_type"])
        found = rates_of(
            _with_columns(rows, COLUMNS, path), {c: frozenset(n) for c, n in known.items()}
        )
        left_out.update(found.left_out)
        return found.rates
    if form is Form.SKYPILOT:
        return _skypilot(path, cloud, catalog, left_out)
    return [
        _rate(row, f"{path}: line {number}")
        for number, row in enumerate(_csv_rows(path), start=2)
        if any(row.values())
    ]


def _with_columns(
    rows: Iterable[dict[str, str]], needed: Iterable[str], path: Path
) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows):
        if number == 0:
            lacking = [name for name in needed if name not in row]
            if lacking:
                raise BadInput(
                    f"has no column {', '.join(lacking)}",
                    where=f"{path}: header",
                    remedy="export the columns of FOCUS 1.x",
                )
        yield row


def _skypilot(path: Path, cloud: str, catalog: Catalog, left_out: Counter[str]) -> list[Rate]:
    from catalog.sources.accelerator_names import accelerator_named
    from catalog.sources.hosted_rows import Rejects
    from catalog.sources.skypilot_rows import REQUIRED, hosted_rows

    known = catalog.offers.vocabularies["cloud"]
    if cloud not in known:
        close = nearest(cloud, known)
        raise BadInput(
            "a SkyPilot catalog does not say its cloud",
            where="--cloud",
            remedy=f"did you mean {', '.join(close)}?" if close else "add --cloud aws",
        )
    rejects = Rejects()
    rates: dict[tuple[str, str, bool], Rate] = {}
    for row in hosted_rows(cloud, _with_columns(_csv_rows(path), REQUIRED, path), rejects):
        key = row.region, row.instance_type, row.spot
        # One price a zone: the cheapest is where one would ask first.
        if key in rates and rates[key].usd_per_hour <= row.usd_per_hour:
            continue
        gpu = accelerator_named(row.gpu, row.gpu_memory_gib) if row.gpu else ""
        if row.gpu and not gpu:
            left_out[f"no facts about accelerator {row.gpu!r:.40}"] += 1
            continue
        rates[key] = Rate(
            cloud=cloud,
            region=row.region,
            instance_type=row.instance_type,
            usd_per_hour=row.usd_per_hour,
            kind="spot" if row.spot else "on_demand",
            vcpus=row.vcpus,
            memory_gib=row.memory_gib,
            accelerator=gpu or "",
            accelerator_count=row.gpu_count if gpu else None,
        )
    for reject in rejects.told():
        left_out[reject.reason] += 1
    return list(rates.values())


def _from_yaml(file: str, name: str, now: datetime, catalog: Catalog) -> Overlay:
    from planner.yaml_file import load

    document = load(file)
    if not isinstance(document, dict) or not document:
        raise BadInput("holds no mapping", where=file, remedy="write discounts:, rates: or sites:")
    unknown = sorted(set(document) - {"discounts", "rates", "sites"})
    if unknown:
        raise BadInput(
            f"unknown field {shown(unknown[0])}",
            where=file,
            remedy="known: discounts, rates, sites",
        )
    discounts = tuple(
        _discount(row, f"{file}: discounts[{number}]", catalog)
        for number, row in enumerate(_list(document, "discounts", file))
    )
    rates = tuple(
        _rate(row, f"{file}: rates[{number}]")
        for number, row in enumerate(_list(document, "rates", file))
    )
    sites = tuple(
        _site(row, f"{file}: sites[{number}]")
        for number, row in enumerate(_list(document, "sites", file))
    )
    return Overlay(name, Form.YAML.value, f"{Path(file).name}", now, discounts, rates, sites)


def _list(document: Mapping[str, Any], field: str, file: str) -> list[Any]:
    found = document.get(field) or []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadInput("is no list of mappings", where=f"{file}: {field}", remedy="begin with -")
    return found


def _discount(row: Mapping[str, Any], where: str, catalog: Catalog) -> Discount:
    from planner.quantities import share

    _known_fields(row, Discount, where, extra=("family",))
    values = dict(row)
    family = values.pop("family", None)
    if family is not None:
        values["instance_type"] = f"{family}*"
    try:
        off = share(values.get("discount"))
    except (ValueError, TypeError) as error:
        raise BadInput(
            str(error).partition(";")[0], where=f"{where}.discount", remedy="say 15%"
        ) from None
    if not 0 < off < 1:
        raise BadInput(
            f"{off:.0%} is no discount", where=f"{where}.discount", remedy="say 15% or 0.15"
        )
    cloud = str(values.get("cloud", "*"))
    clouds = catalog.offers.vocabularies["cloud"]
    if cloud != "*" and cloud not in clouds:
        close = nearest(cloud, clouds)
        remedy = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(clouds)}"
        raise BadInput(f"unknown cloud {shown(cloud)}", where=f"{where}.cloud", remedy=remedy)
    kinds = values.get("kinds") or ()
    kinds = tuple(kinds) if isinstance(kinds, list) else (str(kinds),) if kinds else ()
    for kind in kinds:
        _kind(str(kind), f"{where}.kinds")
    return Discount(
        discount=off,
        cloud=cloud,
        platform=_platform(values.get("platform", ""), where),
        region=str(values.get("region", "*")),
        instance_type=str(values.get("instance_type", "*")),
        kinds=kinds,
    )


def _rate(row: Mapping[str, Any], where: str) -> Rate:
    _known_fields(row, Rate, where)
    values: dict[str, Any] = {}
    for field in fields(Rate):
        cell = row.get(field.name)
        text = "" if cell is None else str(cell).strip()
        if field.name in ("usd_per_hour", "upfront_usd", "vcpus", "memory_gib",
                          "accelerator_count", "term_months"):  # fmt: skip
            values[field.name] = _amount(text, f"{where}.{field.name}")
        else:
            values[field.name] = text[:200]
    for name in ("cloud", "region", "instance_type", "usd_per_hour"):
        if values[name] in ("", None):
            raise BadInput("is missing", where=f"{where}.{name}", remedy="give it")
    term = values["term_months"]
    values["term_months"] = None if term is None else int(term)
    values["kind"] = _kind(values["kind"] or "on_demand", f"{where}.kind")
    values["platform"] = _platform(values["platform"], where)
    return Rate(**values)


def _amount(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{shown(text)} is no number", where=where, remedy="say 1.25") from None
    if not 0 < value < 1e9:
        raise BadInput(f"{value:g} is no amount", where=where, remedy="say what it costs, in USD")
    return value


def _kind(text: str, where: str) -> str:
    folded = text.lower().replace("-", "_")
    if folded not in set(PurchaseKind):
        known = ", ".join(PurchaseKind)
        raise BadInput(f"unknown kind {shown(text)}", where=where, remedy=f"known: {known}")
    return folded


def _platform(text: object, where: str) -> str:
    if text not in PLATFORMS:
        known = ", ".join(PLATFORMS[1:])
        raise BadInput(
            f"unknown platform {shown(str(text))}", where=f"{where}.platform", remedy=known
        )
    return "" if text == "vm" else str(text)


def _site(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    from pydantic import ValidationError

    from planner.workload import Site
    from planner.workload.refusals import bad_input

    try:
        Site.model_validate(row)
    except ValidationError as error:
        raise bad_input(error, Site, where) from None
    # As it was written: quantities are read again with their units.
    return {k: v if isinstance(v, (int, float, bool)) else str(v) for k, v in row.items()}


def _known_fields(
    row: Mapping[str, Any], of: type[Any], where: str, extra: tuple[str, ...] = ()
) -> None:
    known = [field.name for field in fields(of)] + list(extra)
    for name in row:
        if str(name) not in known:
            close = nearest(str(name), known)
            raise BadInput(
                f"unknown field {shown(str(name))}",
                where=where,
                remedy=f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}",
            )
