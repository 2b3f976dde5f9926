"""A style sheet that reads its sources once for each theme."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

SOURCES = 1024  # more than there are: the styles of every kind of widget
THEMES = 6

Rules = LRUCache[tuple[object, ...], list[RuleSet]]


class Part(DOMNode):
    """Of a widget: what has the styles of one of its component classes."""

    is_styled = False

    def notify_style_update(self) -> None:
        self.is_styled = True
        super().notify_style_update()


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

    def _process_component_classes(self, node: DOMNode) -> None:
        """Styles of the parts of a widget. The library makes each part anew, and has the widget
        painted again whether or not they changed."""
        changed = False
        for name in sorted(node._get_component_classes()):
            known = node._component_styles.get(name)
            part = None if known is None else known.node
            if not isinstance(part, Part):
                part = Part(classes=name)
                part._attach(node)
            before = dict(part.styles.base.get_rules())
            part.is_styled = False
            self.apply(part)
            if not part.is_styled:  # no rule is about it any more
                self.replace_rules(part, {})
            node._component_styles[name] = part.styles
            changed = changed or before != part.styles.base.get_rules()
        if changed:
            node.refresh()

    def _use(self, variables: dict[str, str]) -> None:
        key = tuple(variables.items())
        found = self._by_theme.get(key)
        if found is None:
            found = self._by_theme[key] = LRUCache(SOURCES)
        self._parse_cache = found
