"""Keys of the Explore screen. What each does is said in the help panel and the palette."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.keys import key


def _key(keys: str, action: str, label: str, does: str, *, footer: bool = False) -> Binding:
    return key("explore", keys, action, label, does, footer=footer)


KEYS: list[BindingType] = [
    _key("f", "fit_front", "Fit front", "the front alone fills the chart"),
    _key("a", "fit_all", "Fit all", "every option in sight, with the limits as dotted lines"),
    _key("y", "copy_command", "Copy", "copy the command that gives this plan", footer=True),
    _key(
        "j",
        "copy_json",
        "Copy JSON",
        "copy the plan as planner recommend writes it with --format json",
    ),
    _key(
        "e",
        "export_chart",
        "Export chart",
        "write the chart: .svg, .png, or .html with table",
    ),
    _key("k", "copy_skypilot", "Copy SkyPilot", "copy the chosen option as a SkyPilot task (YAML)"),
    _key(
        "d",
        "focus_on('deadline')",
        "Deadline",
        "edit the deadline: 24h, 90m, 3d, empty for none",
        footer=True,
    ),
    _key(
        "i",
        "latency",
        "Latency",
        "edit the latency limits, tab to the next: 1s, 50ms, empty for none",
        footer=True,
    ),
    _key(
        "b",
        "focus_on('budget')",
        "Budget",
        "edit the budget in dollars, empty for none",
        footer=True,
    ),
    _key("n", "focus_on('max_nodes')", "Nodes", "edit the largest number of machines"),
    _key(
        "w",
        "focus_on('clouds')",
        "Where",
        "edit clouds; tab: regions, then how sure limits must hold",
    ),
    _key("o", "tick('on_demand')", "On-demand", "allow on-demand machines or not"),
    _key("s", "tick('spot')", "Spot", "allow spot machines or not"),
    _key("r", "tick('reservation')", "Reserved", "allow reserved machines or not"),
    _key("slash", "search", "Search", "search all options: aws h100 spot", footer=True),
    _key("escape", "end_search", "End search", "end the search, or the zoom of a pane"),
    _key("x", "sort", "Sort", "sort the table by its next column; a click on a title does, too"),
    _key("p", "pin", "Pin", "keep the chosen row on top whatever is planned, or let it go"),
    _key("m", "mark", "Mark", "mark the chosen row for the screen Compare, or not", footer=True),
    _key("comma", "along_front(-1)", "Faster", "choose the next faster option of the front"),
    _key("full_stop", "along_front(1)", "Cheaper", "choose the next cheaper option of the front"),
    _key("c", "focus_on('chart')", "Chart", "to the chart"),
    _key("t", "focus_on('options')", "Table", "to the table"),
    _key("v", "detail", "Detail", "the whole detail over the screen, and back to the table"),
    _key("z", "zoom_pane", "Zoom pane", "the focused pane over the whole screen, and back"),
]
