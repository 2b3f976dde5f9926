"""The screen as it is, as an SVG file."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from textual._compositor import LayoutUpdate
from textual._files import generate_datetime_filename

from tui.turn import TURN

if TYPE_CHECKING:
    from textual import events
    from textual.app import App

    Base = App[Any]
else:
    Base = object  # the library would take a second base that is an application for the only one

CLOSED_S = 0.1  # the palette is gone


class Screenshots(Base):
    """For an application, named before its base."""

    def save_screen(self) -> None:
        self.set_timer(CLOSED_S, lambda: self.run_worker(take(self), group="screenshot"))

    def on_delivery_complete(self, event: events.DeliveryComplete) -> None:
        where = "" if event.path is None else f" here as {event.path.name}"
        self.notify(f"The screen is saved{where}", markup=False)

    def on_delivery_failed(self, event: events.DeliveryFailed) -> None:
        said = f"The screen is not saved: {event.exception}; start in a folder that can be written"
        self.notify(said, severity="error", markup=False)


async def take(app: App[Any]) -> None:
    """Save it in the working directory, or where the browser saves files. The library does all at
    once, a fifth of a second without an answer to a key."""
    await TURN.wait()
    compositor = app.screen._compositor
    unpainted = set(compositor._dirty_regions)
    shown = compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True)
    compositor._dirty_regions.update(unpainted)  # the terminal has not got them yet
    assert isinstance(shown, LayoutUpdate)
    svg = await asyncio.to_thread(_drawn, shown, *app.size, app.title)
    app.deliver_text(
        io.StringIO(svg),
        save_directory=Path.cwd(),
        save_filename=generate_datetime_filename(app.title, ".svg"),
        open_method="browser",
        mime_type="image/svg+xml",
    )


def _drawn(shown: LayoutUpdate, width: int, height: int, title: str) -> str:
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(shown)
    return console.export_svg(title=title)
