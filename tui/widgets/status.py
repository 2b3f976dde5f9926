"""One place for what the plan stands on, what went wrong and what would help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from planner.actions.explore import Inputs, Problem, View, money


class Status(Static):
    """Takes one line when all is well, as many as a problem needs otherwise."""

    def waiting(self, what: str) -> None:
        self.set_classes("")
        self.update(Text(what))

    def good(self, view: View) -> None:
        """The newest inputs have a plan."""
        found = view.recommendation
        counts = f"{view.meeting:,} of {view.feasible:,} options meet every limit"
        if view.unplaced:
            counts += f"; {view.unplaced:,} of unknown latency are not drawn"
        if found.status == "over_budget":
            self.set_classes("warning")
            least = sum(item.cost_usd_at_risk for item in view.chosen)
            service = view.x_axis.unit != "hours"
            which, more = ("cheapest", "latency") if service else ("cheapest in time", "time")
            self.update(
                Text("OVER BUDGET ", style="bold").append(
                    f"{counts}; the {which} costs up to {money(least)} at "
                    f"{view.workload.risk:.0%}: raise the budget or allow more {more}",
                    style="not bold",
                )
            )
        else:
            self.set_classes("")
            self.update(Text(counts))

    def problem(self, problem: Problem, shown: View | None, fields: Sequence[str]) -> None:
        """The newest inputs have no plan; ``shown`` is the older one still on screen."""
        self.set_classes("error")
        text = Text("NO PLAN ", style="bold")
        text.append("; ".join([problem.text, *problem.remedies]), style="not bold")
        if shown is not None:
            text.append("\nOLD ", style="bold")
            text.append(f"below: plan for {describe(shown.inputs, fields)}", style="not bold")
        self.update(text)


def describe(inputs: Inputs, fields: Sequence[str]) -> str:
    """The inputs in a phrase."""
    parts = []
    for name in fields:
        value = getattr(inputs, name).strip()
        if name == "max_nodes":
            parts.append(f"{value} nodes")
        elif name == "budget":
            parts.append(f"budget ${value.lstrip('$ ')}" if value else "no budget")
        else:
            word = name.replace("_", " ").replace("ttft", "TTFT").replace("tpot", "TPOT")
            parts.append(f"{word} {value}" if value else f"no {word}")
    return ", ".join([*parts, " + ".join(kind.replace("_", "-") for kind in inputs.purchase)])
