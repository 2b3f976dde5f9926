"""Keys of the Catalog screen. What each does is said in the help panel and the palette."""

from __future__ import annotations

from textual.binding import BindingType

from tui.keys import key, pane_keys
from tui.widgets.panes import Pane

PANES = (
    Pane("offers", "o", "Offers", "search what is offered, with price, age and source"),
    Pane("moved", "m", "Moved", "what moved since the embedded snapshot or the last refresh"),
    Pane("refresh", "r", "Refresh", "fetch live prices; what fails keeps its last good ones"),
    Pane("overlays", "v", "Overlays", "your own prices and sites, laid over the catalog"),
)

KEYS: list[BindingType] = [
    key("catalog", "slash", "find", "Find", "type to filter: h100 spot us-east <2.50, gpu, tpu, "
        "cpu, doubtful", footer=True),
    *pane_keys("catalog", PANES),
    key("catalog", "g", "go", "Start refresh", "ask the sources now, in the background",
        footer=True),
    key("catalog", "x", "stop", "Stop refresh", "what has not answered keeps its last good prices",
        footer=True),
    key("catalog", "j", "jumps", "Accept jumps", "publish prices that moved beyond belief, too"),
    key("catalog", "s", "since", "Since", "compare with the snapshot, or with before the last "
        "refresh", footer=True),
    key("catalog", "a", "add", "Add overlay", "lay prices of a file over the catalog: YAML of "
        "discounts, rates, sites; CSV of rates or a billing export", footer=True),
    key("catalog", "delete,d", "remove", "Remove overlay", "take the chosen overlay away",
        footer=True),
    key("catalog", "y", "copy_command", "Copy command", "copy the command that says the same"),
]  # fmt: skip
# Keys that make sense in one pane only.
ONLY_IN = {
    "go": "refresh", "stop": "refresh", "jumps": "refresh", "since": "moved",
    "add": "overlays", "remove": "overlays",
}  # fmt: skip
