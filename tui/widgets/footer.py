"""The keys that act now: in a field letters are typed, so that the way out of it comes first."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

IN_FIELDS = ("app.help_in_fields", "app.next_screen")


class KeyFooter(Footer):
    """The library's footer. In a field it leaves out keys that would be typed there.

    The library's watched over every key that it had ever shown: one more for each move of the
    focus, kept and told of changes for good. It also made all anew where nothing changed.
    """

    _shown: tuple[object, ...] | None = None

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

    async def recompose(self) -> None:
        await super().recompose()
        watched = vars(self).get("__watchers", {})
        for watchers in watched.values():
            watchers[:] = [each for each in watchers if not each[0]._closing]

    def bindings_changed(self, screen: Screen[object]) -> None:
        shown: tuple[object, ...] = tuple(
            (one.binding.key, one.binding.description, one.binding.action, one.enabled)
            for one in screen.active_bindings.values()
            if one.binding.show
        )
        shown = (isinstance(screen.focused, Input), *shown)
        if shown != self._shown and self.is_attached and screen is self.screen:
            self._shown = shown
            super().bindings_changed(screen)


def is_sign(key: Widget) -> bool:
    return isinstance(key, FooterKey) and len(key.key_display) == 1
