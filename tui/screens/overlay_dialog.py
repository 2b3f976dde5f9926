"""A file of own prices laid over the catalog."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Button, Input, Static

from planner.actions.problems import Problem, expected, problem_of
from tui.screens.dialog import Dialog
from tui.widgets.inputs.fields import Field

FORMS = (
    "YAML of discounts, rates and sites; CSV of own rates (cloud, region, instance_type, "
    "usd_per_hour), a FOCUS billing export or a SkyPilot catalog (name its cloud)"
)


class OverlayDialog(Dialog[list[str]]):
    """Answers with what was imported, a line each, or not at all."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog", can_focus=False):
            yield Static("Lay prices of a file over the catalog", classes="title")
            yield from self.field(Field("file", "File", hint="edp.yaml"))
            yield from self.field(Field("name", "Name", hint="of the overlay, e.g. edp-2026"))
            yield from self.field(Field("cloud", "Cloud", hint="of a SkyPilot file only"))
            yield Static(FORMS, id="said", markup=False)
            yield from self.buttons(("add", "Add it"), ("cancel", "Cancel"))

    @on(Input.Changed, "#file")
    def _name_it(self) -> None:
        """A name from the file's, until the user gives one."""
        name = self.query_one("#name", Input)
        stem = Path(self.value("file")).stem.lower()
        suggested = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in stem).strip("-")
        if name.value == "" or name.value == getattr(self, "_suggested", None):
            self._suggested = name.value = suggested[:40]

    @on(Input.Submitted)
    @on(Button.Pressed, "#add")
    def _add(self) -> None:
        if not self.value("file"):
            self.problem(Problem("file", "no file is named", ("say which",)))
            return
        self.tell("reading ...")
        self.run_worker(
            self._import(self.value("file"), self.value("name"), self.value("cloud")),
            exclusive=True,
        )

    async def _import(self, file: str, name: str, cloud: str) -> None:
        """In a thread of its own: a billing export may have millions of lines."""
        from planner.actions.catalog.overlays import import_overlay

        try:
            path = str(Path(file).expanduser())
            found = await asyncio.to_thread(import_overlay, path, name, cloud=cloud)
        except Exception as error:
            if not expected(error):
                raise
            self.problem(problem_of(error))
            return
        overlay = found.overlay
        word = "replaced" if found.replaced else "saved"
        said = [
            f"{word} overlay {overlay.name}: {len(overlay.discounts)} discounts, "
            f"{len(overlay.rates)} rates, {len(overlay.sites)} sites"
        ]
        said += [f"left out {count}: {why}" for why, count in found.left_out.most_common(3)]
        self.dismiss(said)
