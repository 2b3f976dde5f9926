"""Keys of the Mix & capacity screen. What each does is said in the help panel and the palette."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.keys import key


def _key(keys: str, action: str, label: str, does: str, *, footer: bool = False) -> Binding:
    return key("capacity", keys, action, label, does, footer=footer)


KEYS: list[BindingType] = [
    _key(
        "plus,equals_sign",
        "step(1)",
        "More",
        "one more of the machine under the cursor",
        footer=True,
    ),
    # At 80 columns help and the way out must be in sight: what goes without saying beside its
    # opposite, or is underlined in a label, is not in the footer.
    _key("minus", "step(-1)", "Fewer", "one fewer of the machine under the cursor"),
    _key("n", "focus_on('count')", "Number", "type the number of the machine under the cursor"),
    _key("x", "best(False)", "Best number", "back to the best number on this row"),
    _key("r", "best(True)", "Reset", "back to the best number on every row", footer=True),
    _key("d", "focus_on('demand_scale')", "Demand", "edit the factor on all demand"),
    _key("s", "focus_on('max_spot_share')", "Spot share", "edit the most that spot may serve"),
    _key(
        "o",
        "focus_on('file')",
        "Open",
        "open a capacity spec or a mix profile by its path",
        footer=True,
    ),
    _key("p", "curve('')", "Plan", "chart the demand and who serves it"),
    _key(
        "b",
        "curve('demand')",
        "Break-even",
        "chart cloud, on-prem and both over the demand",
        footer=True,
    ),
    _key("e", "curve('utilisation')", "Utilisation", "chart each way to pay over the time in use"),
    _key("a", "fit_all", "Fit all", "everything in sight on the chart"),
    _key("y", "copy_command", "Copy", "copy the command that gives this plan", footer=True),
    _key("c", "focus_on('chart')", "Chart", "to the chart"),
    _key("t", "focus_on('lines')", "Table", "to the table"),
    _key("z", "zoom_pane", "Zoom pane", "the focused pane over the whole screen, and back"),
]
