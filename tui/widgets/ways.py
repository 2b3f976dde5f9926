"""Ways to pay: a glyph, a colour and a name each, so that they can be told apart without colour."""

from __future__ import annotations

from dataclasses import dataclass

# Between words of a legend that belong together: the library breaks lines at no-break spaces, too.
GAP = "\N{BRAILLE PATTERN BLANK}"


@dataclass(frozen=True)
class Way:
    glyph: str
    name: str
    colour: str  # a variable of the theme


ON_DEMAND, SPOT, BEST, MARKED = "o", "×", "★", "*"
WAYS = {
    "on_demand": Way(ON_DEMAND, "on-demand", "primary"),
    "spot": Way(SPOT, "spot", "text-warning"),
    "reservation": Way("R", "reserved", "text-secondary"),
    "savings_plan": Way("$", "savings plan", "accent"),
    "resource_commitment": Way("C", "commitment", "error"),
    "capacity_block": Way("#", "block", "secondary"),
    "flex_start": Way("~", "flex start", "text-accent"),
    "owned": Way("■", "own", "text-primary"),
    "edge": Way("+", "edge", "text-success"),
}


def way_of(name: str) -> Way:
    """A way that the catalog has learnt of since is drawn, too."""
    return WAYS.get(name) or Way("?", name.replace("_", " "), "foreground")


def component(name: str) -> str:
    """The chart's style for a way."""
    return f"chart--{(name if name in WAYS else 'on_demand').replace('_', '-')}"
