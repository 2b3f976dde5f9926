"""Themes of our own: everything at full contrast, for low vision and for projectors."""

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
