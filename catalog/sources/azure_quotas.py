"""Azure's quotas as the catalog names them: a pure function on what usage.list returns.

Azure counts vCPUs of a family (``standardNDSH100v5Family``) and of all spot VMs together
(``lowPriorityCores``). Which sizes are of a family only the sizes' own list tells, and one family
may hold several of the catalog's classes: each then has the family's limit, which they share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.quotas import Quota
from catalog.sources.azure_machines import PREFIX, SPOT_QUOTA, quota_class
from catalog.sources.base import Reject
from catalog.sources.bodies import mapping

SPOT_CORES = "lowprioritycores"
ALL_CORES = "cores"


def quotas_of(
    usages: Iterable[Mapping[str, Any]], families: Mapping[str, str]
) -> tuple[list[Quota], list[Reject]]:
    """Quotas and what is none for the catalog; ``families`` has Azure's family by size."""
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for size, family in families.items():
        if family and size.startswith(PREFIX):
            classes[family.lower()].add(size)
    quotas: list[Quota] = []
    rejects: list[Reject] = []
    for usage in usages:
        name = str(mapping(usage.get("name")).get("value") or "?")
        limit, used = _amount(usage.get("limit")), _amount(usage.get("currentValue"))
        key = name.lower()
        if key == SPOT_CORES:
            drawn = {SPOT_QUOTA}
        elif key == ALL_CORES:
            rejects.append(Reject(name, "the region's vCPUs of all families: no class of its own"))
            continue
        else:
            drawn = {quota_class(size) for size in classes.get(key, ())}
        if not drawn:
            rejects.append(Reject(name, "no VM size of the region draws on it"))
        elif limit is None:
            rejects.append(Reject(name, f"limit {usage.get('limit')!r:.40} is no amount"))
        else:
            quotas += [Quota(word, limit, used, "vCPU") for word in sorted(drawn)]
    return quotas, rejects


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
