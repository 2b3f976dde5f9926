"""What is open, as a file: kept, saved, opened, and whether it may be left."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from planner.errors import BadInput

if TYPE_CHECKING:
    from textual.app import App

    from planner.actions.explore.plan import Option, Subject
    from planner.actions.saved_screens import SavedScreens

    Base = App[str]
else:
    Base = object  # the library would take a second base that is an application for the only one


class Sessions(Base):
    """For an application, named before its base. Returns the path of a session to open instead.

    ``saved_inputs`` are those of screens that were not visited yet.
    """

    subject: Subject
    marked: list[Option]
    saved_inputs: dict[str, dict[str, object]]
    # Each says whether the application must stay open for now, and asks the user why.
    quit_guards: list[Callable[[], bool]]
    _saved: SavedScreens | None
    _keeping = _keep_again = False

    def is_held(self) -> bool:
        return any(guard() for guard in self.quit_guards)

    def saved_pins(self) -> list[Option]:
        """Options that were pinned when the session was saved."""
        return [] if self._saved is None else [pin.option() for pin in self._saved.pinned]

    def state(self) -> SavedScreens:
        """What is open now."""
        from planner.actions.saved_screens import SavedOption, SavedScreens, texts

        inputs = dict(self.saved_inputs)
        pinned = self.saved_pins()
        for mode, stack in self._screen_stacks.items():
            for screen in stack[:1]:
                newest = getattr(screen, "inputs_to_save", None)
                if newest is not None:
                    inputs[mode] = texts(newest)
                pinned = getattr(screen, "pinned", pinned)
        return SavedScreens(
            file=self.subject.file,
            workload=dict(self.subject.data),
            portfolio=self.subject.portfolio,
            screen=self.current_mode,
            theme=self.theme,
            inputs=inputs,
            marked=SavedOption.each(self.marked),
            pinned=SavedOption.each(pinned),
        )

    def keep(self) -> None:
        """Write what is open to the file of the last session, in a thread, newest state last."""
        if self._keeping:
            self._keep_again = True
            return
        self._keeping = True
        self.run_worker(self._keep(), group="keep")

    async def _keep(self) -> None:
        from planner.actions.saved_screens import last, save

        try:
            await asyncio.to_thread(save, self.state(), last(), force=True)
        except BadInput as error:  # said once: every further answer would say it again
            self.notify(f"The session is not kept: {error}", severity="warning", markup=False)
            return
        self._keeping = False
        if self._keep_again:
            self._keep_again = False
            self.keep()

    def action_save(self) -> None:
        from planner.actions.saved_screens import folder, save
        from tui.screens.path import PathScreen, file_name

        state = self.state()

        def write(path: Path, force: bool) -> None:
            save(state, path, force=force)

        name = f"{file_name(self.subject.workload.name)}.json"
        self.push_screen(PathScreen("Save the session as", folder() / name, write), self._saved_as)

    def _saved_as(self, path: str | None) -> None:
        if path is not None:
            command = f"planner tui --session {shlex.quote(path)}"
            self.notify(command, title="Saved; opens with", markup=False)

    def action_open(self) -> None:
        from planner.actions.saved_screens import last, load
        from tui.screens.path import PathScreen

        def read(path: Path, force: bool) -> None:
            del force
            load(path).subject(str(path))

        self.push_screen(PathScreen("Open the session", last(), read), self._open)

    def _open(self, path: str | None) -> None:
        if path is not None and not self.is_held():
            self.exit(path)
