"""What a capacity plan costs, line by line, beside the best one, and what it stands on."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from planner.actions.capacity.view import CapacityView
from planner.amounts import money
from planner.report.break_even import sentences
from planner.report.capacity import WAYS, against
from planner.results.break_even import BreakEven
from tui.widgets.steady import Steady

# Cells: of a narrow screen's pane, two figures of millions fit.
NAME, FIGURE, BAR = 13, 11, 10


SHORT = {"resource_commitment_usd": "commitments"}


class PlanDetail(VerticalScroll, can_focus=True):
    """Scrolls when its text is longer than the pane."""

    ALLOW_MAXIMIZE = True  # what scrolls may not, unless it says so

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Steady(id="plan-text"), id=id, classes=classes)

    def show(self, text: Text) -> None:
        self.query_one("#plan-text", Static).update(text)
        self.scroll_home(animate=False)


def describe(view: CapacityView) -> Text:
    """Cost lines, baselines, what is unserved or owed, and notes."""
    result, best = view.chosen.result, view.best.result
    decided = view.chosen is not view.best
    text = Text()
    text.append("Cost over the horizon\n", style="bold underline")
    text.append(f"{'':<{NAME}}{'yours' if decided else 'best':>{FIGURE}}")
    text.append(f"{'best':>{FIGURE}}\n" if decided else "\n")
    _line(text, "total", result.cost_usd, best.cost_usd if decided else None, 0.0, bold=True)
    costs, base = result.cost_breakdown.model_dump(), best.cost_breakdown.model_dump()
    most = max(*costs.values(), *base.values(), 1e-9)
    for name, usd in costs.items():
        if usd or base[name]:
            words = SHORT.get(name) or name.removesuffix("_usd").replace("_", "-")
            _line(text, words, usd, base[name] if decided else None, usd / most)
    text.append("no plan costs less than ", style="dim")
    text.append(f"{money(best.bound_usd)}\n")
    text.append("Instead\n", style="bold underline")
    for name, way in WAYS.items():
        text.append(f"{way}: ", style="bold").append(f"{against(getattr(result.savings, name))}\n")
    if result.residual_liability_usd:
        text.append("owed after the horizon: ", style="bold")
        text.append(f"{money(result.residual_liability_usd)}\n")
    if result.sunk_usd:
        text.append("sunk: ", style="bold")
        text.append(f"{money(result.sunk_usd)} for commitments already held\n")
    for unmet in result.unmet_demand:
        if unmet.periods:
            text.append("unserved: ", style="bold")
            text.append(f"{unmet.share:.3%} of {unmet.workload} in {unmet.periods} periods\n")
    for note in [result.method.note, *result.notes]:
        if note:
            text.append(f"- {note}\n")
    return text


def _line(
    text: Text, name: str, usd: float, best: float | None, share: float, *, bold: bool = False
) -> None:
    style = "bold" if bold else ""
    text.append(f"{name:<{NAME}}{money(usd):>{FIGURE}}", style=style)
    if best is not None:
        text.append(f"{money(best):>{FIGURE}}", style=style)
    elif share:
        text.append(f" {'█' * max(round(share * BAR), 1)}", style="dim")
    text.append("\n")


def describe_curve(found: BreakEven) -> Text:
    """Where the cheaper way flips."""
    text = Text()
    text.append("Break-even\n", style="bold underline")
    text.append(f"USD for one {found.unit} served for an hour\n")
    for line in sentences(found):
        text.append(f"- {line}\n")
    return text
