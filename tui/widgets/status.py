"""One place for what the plan stands on, what went wrong and what would help."""

from __future__ import annotations

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
        if found.status == "over_budget":
            self.set_classes("warning")
            least = found.recommendation.cost_usd_at_risk
            self.update(
                Text("OVER BUDGET ", style="bold").append(
                    f"{counts}; the cheapest in time costs up to {money(least)} at "
                    f"{view.workload.risk:.0%}: raise the budget or allow more time",
                    style="not bold",
                )
            )
        else:
            self.set_classes("")
            self.update(Text(counts))

    def problem(self, problem: Problem, shown: View | None) -> None:
        """The newest inputs have no plan; ``shown`` is the older one still on screen."""
        self.set_classes("error")
        text = Text("NO PLAN ", style="bold")
        text.append("; ".join([problem.text, *problem.remedies]), style="not bold")
        if shown is not None:
            text.append("\nOLD ", style="bold")
            text.append(f"below: plan for {describe(shown.inputs)}", style="not bold")
        self.update(text)


def describe(inputs: Inputs) -> str:
    """The inputs in a phrase."""
    deadline = f"deadline {inputs.deadline}" if inputs.deadline.strip() else "no deadline"
    budget = f"budget ${inputs.budget.lstrip('$ ')}" if inputs.budget.strip() else "no budget"
    buy = " + ".join(kind.replace("_", "-") for kind in inputs.purchase)
    return f"{deadline}, {budget}, {inputs.max_nodes} nodes, {buy}"
