"""A style sheet that reads its sources once for each theme."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

SOURCES = 1024  # more than there are: the styles of every kind of widget
THEMES = 6

Rules = LRUCache[tuple[object, ...], list[RuleSet]]


class Sheet(Stylesheet):
    """The library reads all sources anew for every screen that brings one more, for every theme
    and for every screen seen after a change of theme: a tenth of a second or two without an answer
    to a key.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._by_theme: LRUCache[tuple[tuple[str, str], ...], Rules] = LRUCache(THEMES)
        self._use(variables)

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            self._parse_cache = LRUCache(1)  # what was read with the others stays
            super().set_variables(variables)
            self._use(variables)

    def reparse(self) -> None:
        # In place: rules are replaced once all sources have been read.
        self.parse()

    def _use(self, variables: dict[str, str]) -> None:
        key = tuple(variables.items())
        found = self._by_theme.get(key)
        if found is None:
            found = self._by_theme[key] = LRUCache(SOURCES)
        self._parse_cache = found
