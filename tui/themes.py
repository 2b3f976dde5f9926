"""Themes of our own: everything at full contrast, for low vision and for projectors.

And the colours of the ways to pay, which no theme has: legible on every ground that a theme gives
them, told apart by people who see fewer colours, too. A test measures both.
"""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT = "textual-dark", "textual-light"

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#5cb8ff",
    secondary="#c9a0ff",
    accent="#ffd000",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    success="#00ff66",
    warning="#ffb000",
    error="#ff6060",
    dark=True,
    variables={"text-muted": "#ffffff", "block-cursor-text-style": "bold reverse"},
)
HIGH_CONTRAST_LIGHT = Theme(
    name="high-contrast-light",
    primary="#0030b0",
    secondary="#5b0090",
    accent="#8a3b00",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#d8d8d8",
    success="#005c20",
    warning="#7a3d00",
    error="#b00000",
    dark=False,
    variables={"text-muted": "#000000", "block-cursor-text-style": "bold reverse"},
)
OWN = (HIGH_CONTRAST, HIGH_CONTRAST_LIGHT)
# What the key for it goes through; all others are in the palette.
ROUND = (DARK, LIGHT, HIGH_CONTRAST.name, HIGH_CONTRAST_LIGHT.name)

# By name of a way (``tui.widgets.ways``): on dark and on light ground. The front is no way.
FRONT = "front"
WAY_COLOURS = {
    "on-demand": ("#a3dcff", "#2c0af8"),
    "spot": ("#fea005", "#8d4b01"),
    "reservation": ("#cca6ff", "#4c0e53"),
    "savings-plan": ("#f1dc97", "#423e01"),
    "resource-commitment": ("#faaaac", "#910d40"),
    "owned": ("#59ffd7", "#055c6e"),
    "capacity-block": ("#ff6ebe", "#b0008e"),
    "flex-start": ("#cffd37", "#010392"),
    "edge": ("#52abc6", "#6a3fd0"),
    FRONT: ("#49c979", "#117138"),
}


def way_variables(dark: bool) -> dict[str, str]:
    """For style sheets and markup: ``way-spot``. A theme may have others."""
    return {f"way-{name}": pair[0 if dark else 1] for name, pair in WAY_COLOURS.items()}
