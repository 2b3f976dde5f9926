"""How a screen declares its keys: each has an id, so that a config file can move it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rich.markup import escape
from textual.binding import Binding
from textual.dom import DOMNode

from tui.widgets.panes import Pane

if TYPE_CHECKING:
    from tui.app import PlannerApp


def key(
    screen: str,
    keys: str,
    action: str,
    label: str,
    does: str,
    *,
    footer: bool = False,
) -> Binding:
    """A key of a screen (its mode's name); ``does`` is said in the help panel and the palette."""
    return Binding(keys, action, label, id=id_of(screen, label), tooltip=does, show=footer)


def id_of(screen: str, label: str) -> str:
    """The name of a key in the config file."""
    return f"{screen}.{label.lower().replace(' ', '_').replace('-', '_')}"


def labelled(node: DOMNode, id_: str, default: str, label: str) -> str:
    """A label as markup, with the letter underlined that the user has as the key; a key that is
    none of its letters stands before it."""
    key = cast("PlannerApp", node.app).key_of(id_, default)
    at = label.lower().find(key.lower()) if len(key) == 1 else -1
    if at < 0:
        return f"[u]{escape(key)}[/u] {escape(label)}"
    return f"{escape(label[:at])}[u]{label[at]}[/u]{escape(label[at + 1 :])}"


def pane_keys(screen: str, panes: Sequence[Pane]) -> list[Binding]:
    """Of a screen of panes: one to each pane, and one out of a field."""
    out = key(
        screen,
        "escape",
        "to_table",
        "Leave the field",
        "back to the table; so does enter",
        footer=True,
    )
    return [*(key(screen, p.key, f"pane('{p.name}')", p.title, p.does) for p in panes), out]
