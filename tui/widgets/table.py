"""A table that may still be empty when it is clicked."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widgets import DataTable


class Table(DataTable[Text]):
    """The library's, which raises IndexError for a click on its header before it has columns."""

    async def _on_click(self, event: events.Click) -> None:
        if not self.columns:
            event.prevent_default()

    def action_scroll_home(self) -> None:
        """To the first row: the cursor is a whole row, so that there is no first cell to go to."""
        self.action_scroll_top()

    def action_scroll_end(self) -> None:
        self.action_scroll_bottom()
