"""How a screen declares its keys: each has an id, so that a config file can move it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from tui.widgets.panes import Pane


def key(
    screen: str,
    keys: str,
    action: str,
    label: str,
    does: str,
    *,
    footer: bool = False,
    moves_focus: bool = False,
) -> Binding:
    """A key of a screen (its mode's name); ``does`` is said in the help panel and the palette.

    A key that moves the focus has priority: the very next key must go to the new place. Its action
    has to be refused by ``check_action`` while something is typed into a field.
    """
    name = label.lower().replace(" ", "_").replace("-", "_")
    return Binding(
        keys,
        action,
        label,
        id=f"{screen}.{name}",
        tooltip=does,
        show=footer,
        priority=moves_focus,
    )


def pane_keys(screen: str, panes: Sequence[Pane]) -> list[Binding]:
    """One a pane of a screen."""
    return [key(screen, one.key, f"pane('{one.name}')", one.title, one.does) for one in panes]
