"""The keys that act now: in a field letters are typed, so that the way out of it comes first."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

IN_FIELDS = ("app.help_in_fields", "app.next_screen")


class KeyFooter(Footer):
    """The library's footer. In a field it leaves out keys that would be typed there."""

    def compose(self) -> ComposeResult:
        if not isinstance(self.screen.focused, Input):
            yield from super().compose()
            return
        # Letters and signs are left out; one arrow is one sign, too, and moves within the field.
        keys = [key for key in super().compose() if not is_sign(key)]
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id in IN_FIELDS:
                display = self.app.get_key_display(binding)
                key = FooterKey(binding.key, display, binding.description, binding.action)
                keys.append(key.data_bind(compact=Footer.compact))
        self.styles.grid_size_columns = len(keys)
        yield from keys


def is_sign(key: Widget) -> bool:
    return isinstance(key, FooterKey) and len(key.key_display) == 1
