"""Text that leaves the layout alone as long as it takes the same room."""

from __future__ import annotations

from textual.visual import VisualType
from textual.widgets import Static


class Steady(Static):
    """A static that lays the screen out anew only for text that is larger or smaller than before.

    The library's always does, and that takes longer than painting the text.
    """

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        if isinstance(content, str) and content == self.content:
            return
        before = self._room()
        super().update(content, layout=False)
        self.clear_cached_dimensions()
        if layout and (before is None or before != self._room()):
            self.refresh(layout=True)

    def _room(self) -> tuple[int, int] | None:
        """Width, where it follows the text, and height of it; None before the first layout."""
        here, screen = self.container_size, self.app.size
        width = self.content_size.width
        if not width:
            return None
        free = self.get_content_width(here, screen) if self.styles.is_auto_width else 0
        return free, self.get_content_height(here, screen, width)
