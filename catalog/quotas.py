"""Account quotas as the clouds told them: the user's own, in the private folder (files 0600)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from catalog.errors import CatalogError
from catalog.observations import data_dir
from catalog.whole_file import safe_word, write_whole

SCHEMA = "catalog.quotas/1"


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of an account in one region.

    ``quota_class`` is written as in the column ``purchase_options.quota_class``
    (``aws/P on-demand``). ``limit`` and ``used`` count ``unit`` (vCPU, GPU, chip, instance);
    ``used`` is None where unknown. A limit of 0 means that nothing may be started.
    """

    quota_class: str
    limit: float
    used: float | None
    unit: str

    def __post_init__(self) -> None:
        numbers = (self.limit, 0.0 if self.used is None else self.used)
        if not self.quota_class or not all(math.isfinite(n) and n >= 0 for n in numbers):
            raise ValueError(f"quota {self.quota_class!r} of {self.limit} {self.unit}")


@dataclass(frozen=True, slots=True)
class RegionQuotas:
    """Quotas of one cloud and region with where and when they were read."""

    provider: str
    cloud: str
    region: str
    fetched_at: datetime
    source: str
    quotas: tuple[Quota, ...]


def quotas_dir() -> Path:
    """Folder of the fetched quotas; of no use to anyone but the account's owner."""
    return data_dir() / "private" / "quotas"


def write_quotas(directory: Path, found: RegionQuotas) -> Path:
    """Keep one region's quotas, replacing older ones; returns the path. Raises CatalogError."""
    document = {**asdict(found), "schema": SCHEMA, "fetched_at": found.fetched_at.isoformat()}
    path = directory / f"{safe_word(found.provider)}.{safe_word(found.region)}.json"
    write_whole(path, json.dumps(document, separators=(",", ":")).encode())
    return path


def read_quotas(directory: Path) -> list[RegionQuotas]:
    """All kept quotas, newest last. Raises CatalogError for a file that cannot be used."""
    if not directory.is_dir():
        return []
    found = [_read(path) for path in sorted(directory.glob("*.json"))]
    return sorted(found, key=lambda region: region.fetched_at)


def quotas_by_place(directory: Path) -> Mapping[tuple[str, str, str], tuple[Quota, datetime]]:
    """The newest quota by cloud, region and quota class, with when it was read."""
    return {
        (part.cloud, part.region, quota.quota_class): (quota, part.fetched_at)
        for part in read_quotas(directory)
        for quota in part.quotas
    }


def _read(path: Path) -> RegionQuotas:
    try:
        document = json.loads(path.read_bytes())
        if document.pop("schema") != SCHEMA:
            raise ValueError("written by another version")
        document["fetched_at"] = datetime.fromisoformat(document["fetched_at"])
        document["quotas"] = tuple(Quota(**quota) for quota in document["quotas"])
        return RegionQuotas(**document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CatalogError(
            f"quotas cannot be read ({error})",
            path=path,
            remedy="delete the file or run `planner catalog refresh --kinds quotas`",
        ) from error
