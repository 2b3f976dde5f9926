"""The main screens: one mode each, built on its first visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.screen import Screen

    from planner.actions.explore.plan import Subject


@dataclass(frozen=True)
class Mode:
    """``place`` is ``module:class``; the class is called with the subject."""

    name: str
    key: str
    title: str
    does: str
    place: str

    @property
    def exists(self) -> bool:
        return find_spec(self.place.partition(":")[0]) is not None

    def screen_class(self) -> type[Screen[None]]:
        """Import it: what a screen needs is read when it is first shown."""
        module, _, name = self.place.partition(":")
        return cast("type[Screen[None]]", getattr(import_module(module), name))

    def screen(self, subject: Subject) -> Screen[None]:
        """Build it."""
        return cast("Callable[[Subject], Screen[None]]", self.screen_class())(subject)


MODES = (
    Mode("explore", "1", "Explore", "cost against time", "tui.screens.explore:ExploreScreen"),
    Mode("capacity", "2", "Capacity", "mix and capacity", "tui.screens.capacity:CapacityScreen"),
    Mode("compare", "3", "Compare", "options side by side", "tui.screens.compare:CompareScreen"),
    Mode("calibrate", "4", "Calibrate", "own runs", "tui.screens.calibrate:CalibrateScreen"),
    Mode("catalog", "5", "Catalog", "prices and sources", "tui.screens.catalog:CatalogScreen"),
)


def modes() -> list[Mode]:
    """Those whose screens are there."""
    return [mode for mode in MODES if mode.exists]
