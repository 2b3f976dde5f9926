"""Colours of the ways to pay, measured: legible in every theme, told apart by everybody."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from tests.tui.conftest import Start
from tui.app import PlannerApp
from tui.themes import FRONT, OWN, way_variables
from tui.widgets.charts.chart import Chart
from tui.widgets.ways import WAYS, component

LEAST_CONTRAST = 4.5  # of text on its ground: WCAG AA
# The share of its own colour in the ground of a column of the demand chart.
TINT = 0.08
# Those that most plans choose among; the others are rarely beside each other.
SIX = ("on_demand", "spot", "reservation", "savings_plan", "resource_commitment", "owned")
# What is seen of light (linear red, green, blue) without one kind of cone, from Machado, Oliveira
# and Fernandes 2009, and the least distance there in Oklab, where 0.02 is just noticed.
SEEN = {
    "all cones": (np.eye(3), 0.12),
    "no long": (
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        0.08,
    ),
    "no middle": (
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        0.08,
    ),
    "no short": (
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
        0.06,
    ),
}
THEMES = [
    theme
    for theme in (*BUILTIN_THEMES.values(), *OWN)
    if not theme.name.startswith("ansi")  # the terminal's own colours: not known here
]

Light = NDArray[np.float64]


def light(colour: Color) -> Light:
    parts = np.array(colour.rgb) / 255
    linear: Light = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear


def contrast(one: Color, other: Color) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, bright = sorted(float(light(each) @ weights) for each in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def oklab(linear: Light) -> Light:
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
    axes = np.array(
        [[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    )
    found: Light = axes @ np.cbrt(np.maximum(cones @ np.clip(linear, 0, 1), 0))
    return found


def colours(theme: Theme) -> dict[str, Color]:
    found = way_variables(theme.dark) | theme.variables
    names = {name: way.colour for name, way in WAYS.items()} | {FRONT: f"way-{FRONT}"}
    return {name: Color.parse(found[variable]) for name, variable in names.items()}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_way_to_pay_is_legible(theme: Theme) -> None:
    ground = Color.parse(theme.to_color_system().generate()["background"])
    for name, colour in colours(theme).items():
        assert contrast(colour, ground) >= LEAST_CONTRAST, (name, contrast(colour, ground))
        if name in SIX:
            tinted = ground.blend(colour, TINT)
            assert contrast(colour, tinted) >= LEAST_CONTRAST, (name, contrast(colour, tinted))


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("dark", [True, False])
def test_ways_to_pay_are_told_apart(dark: bool, seen: str) -> None:
    matrix, least = SEEN[seen]
    found = {
        name: oklab(np.asarray(matrix) @ light(Color.parse(way_variables(dark)[way.colour])))
        for name, way in WAYS.items()
    }
    for one, other in combinations(WAYS, 2):
        apart = float(np.linalg.norm(found[one] - found[other]))
        enough = least if {one, other} <= {*SIX} else least / 2
        assert apart >= enough, (one, other, round(apart, 3))


async def test_the_chart_draws_in_them(start: Start) -> None:
    async with start((80, 24)) as it:
        app: PlannerApp = it.app
        for theme in ("textual-light", "textual-dark"):
            app.theme = theme
            await it.pilot.pause()
            expected = way_variables(app.current_theme.dark)
            for name, way in WAYS.items():
                style = it.screen.query_one(Chart).get_component_rich_style(component(name))
                assert style.color is not None
                assert style.color.name == expected[way.colour]
