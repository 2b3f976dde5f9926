"""A style sheet that reads its sources once for each theme."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.app import App
from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

from tui.turn import TURN

SOURCES = 1024  # more than there are: the styles of every kind of widget
THEMES = 6
PARTS = 3  # of a screen: each is some 30 ms at most

Rules = LRUCache[tuple[object, ...], list[RuleSet]]


class Part(DOMNode):
    """Of a widget: what has the styles of one of its component classes."""

    is_styled = False

    def notify_style_update(self) -> None:
        self.is_styled = True
        super().notify_style_update()


class Refreshes:
    """What rules that change ask for: once a widget, where the library asks for each rule and all
    that is within, 1,600 times for a change of theme."""

    def __init__(self) -> None:
        self._layout: dict[DOMNode, bool] = {}  # of those to be painted
        self._within: dict[DOMNode, tuple[bool, bool]] = {}  # layout, painting

    def ask(
        self,
        node: DOMNode,
        *,
        layout: bool = False,
        children: bool = False,
        parent: bool = False,
        repaint: bool = True,
    ) -> None:
        """What ``Styles.refresh`` would do."""
        if not node._is_mounted:
            return
        if parent and node.parent is not None and repaint:
            self._layout.setdefault(node.parent, False)
        self._layout[node] = layout or self._layout.get(node, False)
        if children:
            before = self._within.get(node, (False, False))
            self._within[node] = (layout or before[0], repaint or before[1])

    def settle(self) -> None:
        """Do what was asked for."""
        others: dict[DOMNode, bool] = {}  # not to be painted, but laid out or asked of again
        for node, (layout, repaint) in self._within.items():
            for child in node.walk_children(with_self=False):
                of = self._layout if repaint else others
                of[child] = layout or of.get(child, False)
        for node, layout in self._layout.items():
            node.refresh(layout=layout or others.pop(node, False))
        for node, layout in others.items():
            node.refresh(layout=layout, repaint=False)


class Sheet(Stylesheet):
    """The library reads all sources anew for every screen that brings one more, for every theme
    and for every screen seen after a change of theme: a tenth of a second or two without an answer
    to a key.
    """

    _refreshes: Refreshes | None = None

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

    def update_nodes(self, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        """Of those that have a place: the others get their styles with it. The library also works
        them out for each class that a widget gets while it is made, by no rule of its screen."""
        nodes = [node for node in nodes if node._parent is not None or isinstance(node, App)]
        self._refreshes = refreshes = Refreshes()
        try:
            super().update_nodes(nodes, animate=animate)
        finally:
            self._refreshes = None
            refreshes.settle()

    async def update_in_parts(self, root: DOMNode) -> None:
        """Of all that is within, with room for keys between the parts. Nothing is laid out before
        the last where the turn of the loop has been taken."""
        nodes = list(root.walk_children(with_self=True))
        for part in range(PARTS):
            self.update_nodes(nodes[part * len(nodes) // PARTS : (part + 1) * len(nodes) // PARTS])
            await TURN.pause()

    def apply(
        self,
        node: DOMNode,
        *,
        animate: bool = False,
        cache: dict[tuple[object, ...], RulesMap] | None = None,
    ) -> None:
        base, refreshes = node.styles.base, self._refreshes
        if refreshes is None:
            super().apply(node, animate=animate, cache=cache)
            return
        base.__dict__["refresh"] = partial(refreshes.ask, node)
        try:
            super().apply(node, animate=animate, cache=cache)
        finally:
            del base.__dict__["refresh"]

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
        if changed and self._refreshes is not None:
            self._refreshes.ask(node)
        elif changed:
            node.refresh()

    def _use(self, variables: dict[str, str]) -> None:
        key = tuple(variables.items())
        found = self._by_theme.get(key)
        if found is None:
            found = self._by_theme[key] = LRUCache(SOURCES)
        self._parse_cache = found
