"""The keys that act now: in a field letters are typed, so that the way out of it comes first."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

IN_FIELDS = ("app.help_in_fields", "app.next_screen")


class KeyFooter(Footer):
    """The library's footer. In a field it leaves out keys that would be typed there."""

    def compose(self) -> ComposeResult:
        if not isinstance(self.screen.focused, Input):
            yield from super().compose()
            return
        for widget in super().compose():
            # Letters and signs; one arrow is one sign, too, and moves within the field.
            if not (isinstance(widget, FooterKey) and len(widget.key_display) == 1):
                yield widget
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id in IN_FIELDS:
                display = self.app.get_key_display(binding)
                yield FooterKey(binding.key, display, binding.description, binding.action)
