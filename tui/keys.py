"""How a screen declares its keys: each has an id, so that a config file can move it."""

from __future__ import annotations

from textual.binding import Binding


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
