"""Hardware catalog: facts about accelerators, offers, prices, model shapes and measurements.

Private package of the ``ai-capacity-planner`` distribution (public API: ``planner``).
It decides nothing and imports nothing of ours. Every row carries its source and date;
an unknown is ``None`` or NaN, never zero. Types of places and of owned hardware are in
``catalog.regions`` and ``catalog.sites``, which are loaded when first asked for.
"""

from catalog.accelerators import Accelerator
from catalog.errors import CatalogError, UnknownName
from catalog.model_shapes import ModelShape
from catalog.offers import OfferTable
from catalog.store import Catalog

__all__ = ["Accelerator", "Catalog", "CatalogError", "ModelShape", "OfferTable", "UnknownName"]
