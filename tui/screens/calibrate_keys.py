"""Keys of the Calibrate screen. What each does is said in the help panel and the palette."""

from __future__ import annotations

from textual.binding import BindingType

from tui.keys import key, pane_keys
from tui.widgets.panes import Pane

PANES = (
    Pane("next", "n", "Next runs", "which runs would pay for themselves"),
    Pane("basis", "b", "Basis", "what the estimates stand on: measured, calibrated or analytic"),
    Pane("own", "o", "Own runs", "what was measured so far, and whether it is used"),
    Pane("run", "r", "Running", "the run under way, or the last one"),
)

KEYS: list[BindingType] = [
    *pane_keys("calibrate", PANES),
    key("calibrate", "g", "go", "Run it", "the cost first: run the chosen benchmark, or one on "
        "this machine", footer=True),
    key("calibrate", "x", "stop", "Stop run", "end the run and give its machine back; what it "
        "measured by then is kept", footer=True),
    key("calibrate", "m", "budget", "Money", "edit what all runs may cost; tab to repeats and to "
        "what a late end costs", footer=True),
    key("calibrate", "k", "judge('kept')", "Keep", "use the chosen run although it looks wrong",
        footer=True),
    key("calibrate", "d", "judge('undone')", "Undo", "leave the chosen run out of the estimates",
        footer=True),
    key("calibrate", "p", "judge('open')", "Reopen", "let the checks decide about the chosen run"),
    key("calibrate", "e", "resume", "Resume", "bring runs that a planner left behind to their "
        "end: fetch results, take machines down; nothing is launched"),
    key("calibrate", "y", "copy_command", "Copy command", "copy the command that says the same"),
]  # fmt: skip
# Keys that make sense in one pane only.
ONLY_IN = {"budget": "next", "judge": "own"}
