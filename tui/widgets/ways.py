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
    "on_demand": Way(ON_DEMAND, "on-demand", "way-on-demand"),
    "spot": Way(SPOT, "spot", "way-spot"),
    "reservation": Way("R", "reserved", "way-reservation"),
    "savings_plan": Way("$", "savings plan", "way-savings-plan"),
    "resource_commitment": Way("C", "commitment", "way-resource-commitment"),
    "capacity_block": Way("#", "block", "way-capacity-block"),
    "flex_start": Way("~", "flex start", "way-flex-start"),
    "owned": Way("■", "own", "way-owned"),
    "edge": Way("+", "edge", "way-edge"),
}


def way_of(name: str) -> Way:
    """A way that the catalog has learnt of since is drawn, too."""
    return WAYS.get(name) or Way("?", name.replace("_", " "), "foreground")


def component(name: str) -> str:
    """The chart's style for a way."""
    return f"chart--{(name if name in WAYS else 'on_demand').replace('_', '-')}"
