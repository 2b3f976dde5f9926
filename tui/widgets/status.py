"""One place for what an answer stands on, what went wrong and what would help."""

from __future__ import annotations

from rich.text import Text

from planner.actions.problems import Problem
from tui.widgets.steady import Steady


class Status(Steady):
    """Takes one line when all is well, as many as a problem needs otherwise."""

    noun = "plan"  # what the screen's answers are

    def waiting(self, what: str) -> None:
        self.tell(Text(what))

    def tell(self, text: Text) -> None:
        """The newest inputs have an answer."""
        self.set_classes("")
        self.update(text)

    def warn(self, title: str, text: str) -> None:
        """They have one, with something to know about it."""
        self.set_classes("warning")
        self.update(Text(f"{title} ", style="bold").append(text, style="not bold"))

    def problem(self, problem: Problem, old: str = "") -> None:
        """The newest inputs have none; ``old`` says what the one still on screen is for."""
        self.set_classes("error")
        text = Text(f"NO {self.noun.upper()} ", style="bold")
        text.append("; ".join([problem.text, *problem.remedies]), style="not bold")
        if old:
            text.append("\nOLD ", style="bold")
            text.append(f"below: {self.noun} for {old}", style="not bold")
        self.update(text)
