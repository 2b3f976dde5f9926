"""The terminal application: opens the first screen, holds what all screens share."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ScreenStackError, SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.content import Content
from textual.errors import NoWidget
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen

from planner.actions.explore.plan import Option, Subject, open_subject, sibling
from planner.errors import BadInput
from tui.ascii import AsciiOnly, wants_ascii
from tui.collector import ASK_S, Collector
from tui.config import config_path, read_config
from tui.key_order import OrderedKeysApp
from tui.modes import MODES, Mode, modes
from tui.precedence import Precedence
from tui.screenshot import Screenshots
from tui.sessions import Sessions
from tui.stylesheet import Sheet
from tui.themes import OWN, ROUND, way_variables
from tui.turn import TURN
from tui.widgets.status import SAID_S, Status

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.notifications import SeverityLevel
    from textual.widget import AwaitMount

    from planner.actions.saved_screens import SavedScreens
    from tui.screens.base import PlanningScreen

BETWEEN = "between"  # the mode while the screens of one workload give way to those of another
# After each wait, and each long step of numpy, the screen waits as long for a thread that plans.
SWITCH_S = 0.001
DEFAULT_WORKLOAD = Path(__file__).with_name("default_workload.yaml")


class PlannerApp(Sessions, Screenshots, OrderedKeysApp[str]):
    """Screens over one subject. Returns the path of a session to open instead, if any.

    ``inputs`` are those of the newest plan on Explore, ``marked`` the options marked there, in the
    order they were marked. ``catalog_version`` counts changes of the catalog.
    """

    stylesheet: Sheet
    TITLE = "planner"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = MODES[0].name
    ENABLE_COMMAND_PALETTE = True
    NOTIFICATION_TIMEOUT = 4
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "question_mark", "help", "Help", key_display="?", id="app.help", tooltip="this help"
        ),
        Binding("f1", "help", "Help", id="app.help_in_fields", show=False, tooltip="this help"),
        Binding(
            "l",
            "next_theme",
            "Theme",
            id="app.theme",
            show=False,
            tooltip="dark, light or high contrast; more in the palette",
        ),
        *(
            Binding(
                mode.key,
                f"switch_mode('{mode.name}')",
                mode.title,
                id=f"app.{mode.name}",
                show=False,
                tooltip=f"to the screen {mode.title}: {mode.does}",
            )
            for mode in modes()
        ),
        # They have priority: panes that scroll have these keys, too.
        Binding(
            "ctrl+pagedown",
            "next_mode(1)",
            "Next screen",
            id="app.next_screen",
            show=False,
            priority=True,
            tooltip="to the next screen, from a field as well",
        ),
        Binding(
            "ctrl+pageup",
            "next_mode(-1)",
            "Previous screen",
            id="app.previous_screen",
            show=False,
            priority=True,
            tooltip="to the screen before, from a field as well",
        ),
        Binding(
            "ctrl+s",
            "save",
            "Save session",
            id="app.save",
            show=False,
            tooltip="save inputs, pinned and marked options to a file",
        ),
        Binding(
            "ctrl+o",
            "open",
            "Open session",
            id="app.open",
            show=False,
            tooltip="open a saved file, or what was open last",
        ),
        Binding(
            "W",
            "other_workload",
            "Workload",
            id="app.workload",
            show=False,
            tooltip="to another workload of the file, where it holds several",
        ),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="quit"),
    ]

    def __init__(
        self, subject: Subject, *, saved: SavedScreens | None = None, ascii_only: bool = False
    ) -> None:
        super().__init__()
        self.stylesheet = Sheet(variables=self.get_css_variables())
        self.subject, self.inputs = subject, subject.inputs
        self.catalog_version = 0
        self.quit_guards = []
        self.saved_inputs = {} if saved is None else dict(saved.inputs)
        self.marked: list[Option] = [] if saved is None else [m.option() for m in saved.marked]
        self._saved = saved
        self._switches = False  # to another screen
        self._collector = Collector()
        self._precedence = Precedence()
        self._switch_s = sys.getswitchinterval()
        for theme in OWN:
            self.register_theme(theme)
        self._config = read_config(config_path(), self.available_themes, all_keys)
        self._ascii: list[LineFilter] = []
        if ascii_only or wants_ascii(self._config.ascii, os.environ):
            self._ascii = [AsciiOnly()]
        for mode in modes():
            self.add_mode(mode.name, partial(self._made, mode, subject))

    def _made(self, mode: Mode, subject: Subject) -> Screen[None]:
        """A screen that has the classes of its size before anything is in it: all would be styled
        twice."""
        screen = cast("PlanningScreen[Any, Any]", mode.screen(subject))
        screen.be_sized(self.size)
        return screen

    async def action_quit(self) -> None:
        """Close, unless a screen has something under way that the user must decide about."""
        if not self.is_held():
            await super().action_quit()

    def on_mount(self) -> None:
        self._collector.start()
        self._precedence.start()
        sys.setswitchinterval(SWITCH_S)
        self.set_interval(ASK_S, self._collect)
        saved = self._saved
        theme = (saved and saved.theme) or self._config.theme
        if theme in self.available_themes:
            self.theme = theme
        self.set_keymap(self._config.keys)
        if self.subject.note:
            self.notify(self.subject.note, timeout=12, markup=False)
        if self._config.mistakes:
            where = f"{config_path()}: "
            self.notify(
                "\n".join(mistake.removeprefix(where) for mistake in self._config.mistakes),
                title=f"Settings in {config_path()}",
                severity="warning",
                timeout=15,
                markup=False,
            )
        if saved is not None and saved.screen in {mode.name for mode in modes()}:
            self.call_after_refresh(self.switch_mode, saved.screen)

    def on_unmount(self) -> None:
        self._collector.stop()
        self._precedence.stop()
        sys.setswitchinterval(self._switch_s)

    async def _collect(self) -> None:
        due = self._collector.due(is_asked=len(self._screen_stack) > 1)
        if due is not None:
            await TURN.wait()
            due()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A question over a screen is answered first."""
        del parameters
        if self.current_mode == BETWEEN:
            return action not in ("switch_mode", "next_mode", "other_workload")
        if action == "other_workload":
            return len(self.subject.names) > 1 and not isinstance(self.screen, ModalScreen)
        return action != "next_mode" or not isinstance(self.screen, ModalScreen)

    async def action_next_mode(self, step: int) -> None:
        names = [mode.name for mode in modes()]
        name = names[(names.index(self.current_mode) + step) % len(names)]
        await self.action_switch_mode(name)

    async def action_switch_mode(self, mode: str) -> None:
        TURN.take()
        screen = None if mode == self.current_mode else self._outdated(mode)
        if screen is not None:
            await self.stylesheet.update_in_parts(screen)
            await TURN.wait()  # it is laid out in another
        self.switch_mode(mode)

    def _outdated(self, mode: str) -> Screen[Any] | None:
        """Its screen, where that has not seen the newest theme. Styles of both theme and size are
        to be given to it now: it counts as having them."""
        for screen in self._screen_stacks.get(mode, ())[:1]:
            if screen._css_update_count != self._css_update_count:
                cast("PlanningScreen[Any, Any]", screen).be_sized(self.size)
                screen._css_update_count = self._css_update_count
                return screen
        return None

    def switch_mode(self, mode: str) -> AwaitMount:
        screen = self._outdated(mode)
        if screen is not None:
            self.stylesheet.update(screen)
        self._switches = True
        try:
            return super().switch_mode(mode)
        finally:
            self._switches = False

    def _watch_theme(self, theme_name: str) -> None:
        self.call_next(self._read_theme)
        super()._watch_theme(theme_name)

    async def _read_theme(self) -> None:
        """In a turn of its own: what is styled with it follows."""
        TURN.take()
        self.stylesheet.set_variables(self.get_css_variables())
        self.stylesheet.reparse()
        await TURN.wait()

    def refresh_css(self, animate: bool = True) -> None:
        """Styles alone: what they change is laid out in a turn of its own, a screen that comes into
        sight right after it."""
        TURN.take()
        self._owes_a_turn = True
        if not self._switches:
            self.stylesheet.set_variables(self.get_css_variables())
            self.stylesheet.reparse()
            self.stylesheet.apply(self, animate=animate)
        for screen in self.screen_stack:
            self.stylesheet.update(screen, animate=animate and not self._switches)
            screen._css_update_count = self._css_update_count
            if not self._switches:
                screen.refresh(layout=True)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            self._collector.heard()
        if isinstance(event, events.MouseDown) and self._is_gone(event):
            return
        await super().on_event(event)

    def _is_gone(self, event: events.MouseDown) -> bool:
        """What is still drawn under the mouse was taken away: the library would raise."""
        try:
            widget, _ = self.screen.get_widget_at(event.x, event.y)
        except (NoWidget, ScreenStackError):
            return False
        return widget is not self.screen and not widget.is_attached

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A confirmation goes to the line of the screen that says what is; what needs attention
        is laid over its top."""
        main = self._screen_stacks.get(self.current_mode, [])[:1]
        lines = [] if severity != "information" else [each.query(Status) for each in main]
        if not any(lines):
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
            return
        plain = Content.from_markup(message).plain if markup else message
        lines[0].first().say(f"{title}: {plain}" if title else plain, timeout or SAID_S)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return way_variables(self.current_theme.dark)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._ascii]

    def catalog_changed(self) -> None:
        """Prices are new: every screen opens the catalog anew, and plans again when it is seen."""
        self.catalog_version += 1

    # -- help and palette ---------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for command in super().get_system_commands(screen):
            if command.title == "Screenshot":
                yield command._replace(callback=self.save_screen)
            elif command.title == "Keys":  # the library opens a panel of them
                yield SystemCommand("Keys", "Every key of this screen", self.action_help)
            else:
                yield command
        for active in self._own_bindings(screen):
            binding = active.binding
            yield SystemCommand(
                binding.description,
                f"{binding.tooltip} (key {self.get_key_display(binding)})",
                partial(self.run_action, binding.action, active.node),
            )

    def action_help(self) -> None:
        """What the screen shows, and its keys."""
        from tui.screens.help import HelpScreen

        keys = [
            (self.get_key_display(active.binding), active.binding.tooltip)
            for active in self._own_bindings(self.screen)
        ]
        self.push_screen(HelpScreen(getattr(self.screen, "HELP", None) or "", keys))

    def action_command_palette(self) -> None:
        from tui.screens.closing import Palette

        if self.use_command_palette and not isinstance(self.screen, Palette):
            # Without the library's id: the one before may not be gone yet.
            self.push_screen(Palette())

    def search_themes(self) -> None:
        from textual.theme import ThemeProvider

        from tui.screens.closing import Palette

        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes"))

    # -- several workloads --------------------------------------------------------------------

    def action_other_workload(self) -> None:
        """A list of those in the file."""
        from textual.command import SimpleCommand, SimpleProvider

        from tui.screens.closing import Palette

        names = self.subject.names
        own = self.subject.workload.name
        commands = [
            SimpleCommand(
                name,
                partial(self.to_workload, name),
                f"{number} of {len(names)}{', open now' if name == own else ''}",
            )
            for number, name in enumerate(names, start=1)
        ]
        # The library calls what is given for a screen and a style, and gives itself such a thing.
        found = cast("type[Provider]", SimpleProvider(self.screen, list(commands)))
        self.push_screen(Palette(providers=[found], placeholder="Workloads of this file"))

    def to_workload(self, name: str) -> None:
        """Study another workload of the file, unless something under way keeps this one open."""
        between = self.current_mode == BETWEEN
        if between or name == self.subject.workload.name or self.is_held():
            return
        try:
            subject = sibling(self.subject, name)
        except BadInput as error:
            self.notify(str(error), title="Not opened", severity="error", markup=False)
            return
        self.run_worker(self._take_up(subject), group="workload")

    async def _take_up(self, subject: Subject) -> None:
        """Screens that are about the workload are made anew, beginning with the one in sight."""
        self.subject, self.inputs = subject, subject.inputs
        self.saved_inputs, self._saved = {}, None
        self.marked.clear()
        mode, gone = self.current_mode, []
        for each in modes():
            stack = self._screen_stacks.get(each.name, [])
            if not (stack and cast("PlanningScreen[Any, Any]", stack[0]).take_up(subject)):
                gone.append(each)
        if mode in {each.name for each in gone}:
            self.add_mode(BETWEEN, Screen)
            await self.switch_mode(BETWEEN)
        self.quit_guards.clear()
        for each in gone:
            await self.remove_mode(each.name)
            self.add_mode(each.name, partial(self._made, each, subject))
        self._collector.afresh()
        if self.current_mode == BETWEEN:
            await self.switch_mode(mode)
            await self.remove_mode(BETWEEN)
        if subject.note:
            self.notify(subject.note, timeout=8, markup=False)

    def _own_bindings(self, screen: Screen[object]) -> list[ActiveBinding]:
        """Bindings that work now, one a thing to do; those of the screen come first."""
        found: dict[str, ActiveBinding] = {}
        own = (f"{self.current_mode}.", "app.")
        for active in screen.active_bindings.values():
            if (active.binding.id or "").startswith(own):
                found.setdefault(active.binding.description, active)
        return sorted(found.values(), key=lambda one: (one.binding.id or "").startswith("app."))

    def key_of(self, id_: str, default: str) -> str:
        """The key of a binding as the user has it, to be shown."""
        key = self._config.keys.get(id_, default).partition(",")[0].strip()
        return self.get_key_display(Binding(key, ""))

    def action_next_theme(self) -> None:
        at = ROUND.index(self.theme) if self.theme in ROUND else -1
        self.theme = ROUND[(at + 1) % len(ROUND)]


def all_keys() -> Mapping[str, str]:
    """The id of every key that a config file may move, with its default."""
    return {id_: keys for id_, (keys, _) in keys_and_meanings().items()}


def keys_and_meanings() -> Mapping[str, tuple[str, str]]:
    """Id, keys and what they do. Reads every screen."""
    found: dict[str, tuple[str, str]] = {}
    classes: list[type] = [PlannerApp]
    for mode in modes():
        classes += [base for base in mode.screen_class().__mro__ if "BINDINGS" in vars(base)]
    for owner in classes:
        for binding in vars(owner).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id and binding.tooltip:
                found.setdefault(binding.id, (binding.key, binding.tooltip))
    return found


def run(
    workload_path: str | None,
    *,
    workload: str | None = None,
    session: str | None = None,
    resume: bool = False,
    ascii_only: bool = False,
) -> int:
    """Open the application on a workload file, a saved session or the shipped example.

    ``workload`` names one of several in the file, of which the first is opened otherwise.

    Returns the exit code. Raises BadInput for a file that holds none, before the screen is taken
    over.
    """
    from planner.actions.saved_screens import last, load

    if resume:
        session = str(last())
    if session is None:
        shipped = workload_path is None
        subject, saved = (
            open_subject(workload_path or str(DEFAULT_WORKLOAD), shipped=shipped, name=workload),
            None,
        )
    else:
        saved = load(Path(session).expanduser())
        subject = saved.subject(session)
    # The command line turns collection off for commands that live for a second; what has been
    # imported by now stays, so it need not be looked at again.
    gc.freeze()
    gc.enable()
    while True:
        app = PlannerApp(subject, saved=saved, ascii_only=ascii_only)
        another = app.run()
        if another is None:
            return app.return_code or 0
        saved = load(Path(another))
        subject = saved.subject(another)
