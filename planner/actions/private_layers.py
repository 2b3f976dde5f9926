"""The user's private layers over a workload: own prices, own sites, account quotas.

Most users have none, and then nothing is imported for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog import Catalog
from catalog.observations import data_dir
from planner.workload import Portfolio, Workload

if TYPE_CHECKING:
    from catalog.overlays import Overlay


def with_overlays(catalog: Catalog, say: Callable[[str], None] | None = None) -> Catalog:
    """The catalog with overlays applied, each told of once. Raises CatalogError."""
    if not (data_dir() / "private" / "overlays").is_dir():
        return catalog
    from catalog.layers import LayeredCatalog, layered

    found = layered(catalog)
    if say and isinstance(found, LayeredCatalog):
        names = ", ".join(overlay.name for overlay in found.overlays)
        say(f"note: overlays applied: {names} (planner catalog overlays)")
    return found


def for_workload(workload: Workload, catalog: Catalog) -> tuple[Workload, Catalog, list[str]]:
    """The workload with own sites, the catalog with account quotas, and what to tell of them.

    What the workload says itself wins: its own sites, a choice of clouds, its own quotas.
    """
    notes: list[str] = []
    private = data_dir() / "private"
    if not private.is_dir():
        return workload, catalog, notes
    overlays: tuple[Overlay, ...] = getattr(catalog, "overlays", ())
    sites = [(overlay.name, site) for overlay in overlays for site in overlay.sites]
    where = workload.where
    if sites and not where.on_prem and not where.clouds:
        from planner.workload import Site

        own = tuple(Site.model_validate(site) for _, site in sites)
        workload = workload.model_copy(update={"where": where.model_copy(update={"on_prem": own})})
        names = ", ".join(site.name for site in own)
        notes.append(f"Own sites of overlays are considered: {names}.")
    if not where.quotas and (private / "quotas").is_dir():
        from catalog.layers import account_quotas, with_quotas

        catalog = with_quotas(catalog, account_quotas())
        if catalog.account_limits:
            notes.append(
                f"{len(catalog.account_limits)} account quotas fetched by refresh are respected, "
                "each in its region; where.quotas replaces them."
            )
    return workload, catalog, notes


def for_portfolio(portfolio: Portfolio, catalog: Catalog) -> Catalog:
    """The catalog with account quotas, unless the portfolio states quotas of its own."""
    own = portfolio.shared.quotas or any(w.where.quotas for w in portfolio.workloads)
    if own or not (data_dir() / "private" / "quotas").is_dir():
        return catalog
    from catalog.layers import account_quotas, with_quotas

    return with_quotas(catalog, account_quotas())
