"""The keys of a screen in its last line."""

from __future__ import annotations

from textual import widgets


class Footer(widgets.Footer):
    """The library's, which watched over every key that it had ever shown: one more for each move
    of the focus, kept and told of changes for good."""

    async def recompose(self) -> None:
        await super().recompose()
        watched = vars(self).get("__watchers", {})
        for watchers in watched.values():
            watchers[:] = [each for each in watchers if not each[0]._closing]
