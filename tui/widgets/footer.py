"""The keys of a screen in its last line."""

from __future__ import annotations

from textual import widgets
from textual.screen import Screen


class Footer(widgets.Footer):
    """The library's, which watched over every key that it had ever shown: one more for each move
    of the focus, kept and told of changes for good. It also made all anew where nothing changed.
    """

    _shown: tuple[object, ...] | None = None

    async def recompose(self) -> None:
        await super().recompose()
        watched = vars(self).get("__watchers", {})
        for watchers in watched.values():
            watchers[:] = [each for each in watchers if not each[0]._closing]

    def bindings_changed(self, screen: Screen[object]) -> None:
        shown = tuple(
            (one.binding.key, one.binding.description, one.binding.action, one.enabled)
            for one in screen.active_bindings.values()
            if one.binding.show
        )
        if shown != self._shown and self.is_attached and screen is self.screen:
            self._shown = shown
            super().bindings_changed(screen)
