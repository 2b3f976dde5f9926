"""One place for what an answer stands on, what went wrong and what would help."""

from __future__ import annotations

from rich.text import Text
from textual.timer import Timer

from planner.actions.problems import Problem
from tui.widgets.steady import Steady

SAID_S = 4.0


class Status(Steady):
    """Takes one line when all is well, as many as a problem needs otherwise."""

    noun = "plan"  # what the screen's answers are

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(Text(text), id=id)
        self._told = Text(text)  # stands there again when what was said is over
        self._saying: Timer | None = None

    def say(self, what: str, seconds: float = SAID_S) -> None:
        """Confirm something for a moment, in the lines there are: nothing else moves."""
        width, height = self.content_size
        text = Text(" ".join(what.split()), style="bold")
        if width:
            lines = text.wrap(self.app.console, width)
            text = Text("\n").join(lines[:height])
            if len(lines) > height:
                text.truncate(len(text.plain) - 1, overflow="ellipsis")
            text.append("\n" * (height - len(lines)))
        self._hush()
        self._saying = self.set_timer(seconds, self._be_done)
        self.update(text)

    def _hush(self) -> None:
        if self._saying is not None:
            self._saying.stop()
            self._saying = None

    def _be_done(self) -> None:
        self._hush()
        self.update(self._told)

    def _stand(self, text: Text, look: str) -> None:
        """A confirmation stays its time, unless there is something to know."""
        self._told = text
        if look:
            self._hush()
        self.set_classes(look)
        if self._saying is None:
            self.update(text)

    def waiting(self, what: str) -> None:
        self.tell(Text(what))

    def tell(self, text: Text) -> None:
        """The newest inputs have an answer."""
        self._stand(text, "")

    def warn(self, title: str, text: str) -> None:
        """They have one, with something to know about it."""
        self._stand(Text(f"{title} ", style="bold").append(text, style="not bold"), "warning")

    def problem(self, problem: Problem, old: str = "") -> None:
        """The newest inputs have none; ``old`` says what the one still on screen is for."""
        text = Text(f"NO {self.noun.upper()} ", style="bold")
        text.append("; ".join([problem.text, *problem.remedies]), style="not bold")
        if old:
            text.append("\nOLD ", style="bold")
            text.append(f"below: {self.noun} for {old}", style="not bold")
        self._stand(text, "error")
