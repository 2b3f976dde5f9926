"""Catalog: what is offered at which price, how old it is, and what refreshes it."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from planner.actions.explore.plan import Subject
from planner.actions.problems import Problem, expected, problem_of
from planner.report.age import how_old
from tui.keys import id_of, labelled
from tui.screens.catalog_keys import KEYS, ONLY_IN, PANES
from tui.screens.catalog_rows import (
    MOVE_COLUMNS,
    OFFER_COLUMNS,
    OVERLAY_COLUMNS,
    move_rows,
    offer_rows,
    overlay_rows,
)
from tui.screens.paned import PanedScreen
from tui.widgets.charts.price_plot import PricePlot
from tui.widgets.footer import KeyFooter
from tui.widgets.inputs.fields import Field, Fields
from tui.widgets.mode_bar import ModeBar
from tui.widgets.offer_detail import OfferDetail
from tui.widgets.panes import PaneLine
from tui.widgets.refresh_pane import RefreshPane
from tui.widgets.refresh_rows import progress
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.rows import Rows

if TYPE_CHECKING:
    from catalog.overlays import Overlay
    from planner.actions.catalog.changes import Moves
    from planner.actions.catalog.listing import Listing, Offer
    from planner.actions.catalog.live_refresh import LiveRefresh
    from planner.actions.doctor.installation import Check
    from planner.actions.session import Session

# More rows than anybody reads; typing narrows them down.
OFFERS_SHOWN = 200
MOVES_SHOWN = 500
FIRST_TEXT = "gpu"
PROGRESS_S = 0.25


@dataclass(frozen=True)
class Asked:
    """What is looked at: the pane, what was typed, since when prices moved."""

    pane: str = "offers"
    text: str = FIRST_TEXT
    since: str = "snapshot"


@dataclass(frozen=True)
class Found:
    """What the pane asked for; None for what belongs to another."""

    listing: Listing | None = None
    moves: Moves | None = None
    sources: tuple[Check, ...] | None = None
    overlays: tuple[Overlay, ...] | None = None


class CatalogScreen(PanedScreen[Asked, Found]):
    """Four panes: offers, what moved, refresh, overlays."""

    MODE = "catalog"
    AUTO_FOCUS = "#offer-rows"
    CSS_PATH = "catalog.tcss"
    HELP = (
        "Offers: one line is one way to buy one machine; USD/h is of the whole machine. Age is of "
        "the price, ? marks one that the catalog doubts (old, contradicted or from memory). Below: "
        "the chosen offer with its source, and its price over time.\n"
        "Typing: every word must be part of a name (accelerator, machine, cloud, region, way to "
        "pay, platform); gpu, tpu, asic, accelerator (any of them), cpu, doubtful and <2.50 "
        "(USD/h) are understood as well.\n"
        "Refresh asks the sources that are ready. A slice is one source, region and way to pay; it "
        "is checked, then published whole; what fails keeps its last good prices.\n"
        "Overlays are yours alone: they lie over the catalog, later ones over earlier ones."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    PANES = PANES
    FOCUS: ClassVar[dict[str, str]] = {
        "offers": "#offer-rows", "moved": "#move-rows", "refresh": "#slice-rows",
        "overlays": "#overlay-rows",
    }  # fmt: skip

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._asked = Asked()
        self._listing: tuple[tuple[str, str], Listing] | None = None  # of the thread
        self._moves: tuple[tuple[str, str], Moves] | None = None  # of the thread
        self._wanted: Offer | None = None  # whose price history is to be shown
        self._reads_history = False

    def compose(self) -> ComposeResult:
        find = labelled(self, "catalog.find", "slash", "Find")
        yield self.mode_bar()
        yield from self.panes(
            Vertical(
                Fields([Field("find", find, FIRST_TEXT, "everything", 0)], id="finder"),
                Rows(OFFER_COLUMNS, id="offer-rows", classes="answer"),
                Horizontal(
                    OfferDetail(id="offer", classes="answer"),
                    PricePlot(id="history", classes="answer"),
                    id="below",
                ),
                id="offers",
            ),
            Vertical(Rows(MOVE_COLUMNS, id="move-rows", classes="answer"), id="moved"),
            RefreshPane(id="refresh"),
            Vertical(
                Rows(OVERLAY_COLUMNS, id="overlay-rows", classes="answer"),
                Steady(id="overlay-note"),
                id="overlays",
            ),
        )  # fmt: skip
        yield Status("Opening the catalog ...", id="status")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.status.noun = "answer"
        self.call_after_refresh(lambda: self.ask(self.restored(self._asked)))

    def take_up(self, subject: Subject) -> bool:
        """Offers are those of any workload, and a refresh under way goes on."""
        self.subject = subject
        self.query_one(ModeBar).show(subject)
        return True

    # -- asking -------------------------------------------------------------------------------

    def turned(self) -> None:
        self._asked = replace(self._asked, pane=self.pane)
        if self.pane == "refresh":
            self._show_refresh()
        self.ask(self._asked)

    def put(self, asked: Asked) -> None:
        self._asked = asked
        with self.prevent(Input.Changed):
            self.query_one("#find", Input).value = asked.text
        self.put_pane(asked.pane)

    def fields(self) -> tuple[str, ...]:
        return ("find",)

    def describe(self, asked: Asked) -> str:
        return f"{asked.text!r}" if asked.text else "everything"

    def work(self, session: Session, asked: Asked) -> Found | Problem:
        if asked.pane == "offers":
            return self._offers(session, asked)
        if asked.pane == "moved":
            return Found(moves=self._moved(session, asked.since))
        if asked.pane == "refresh":
            from planner.actions.doctor.sources import source_checks

            return Found(sources=tuple(source_checks(online=False)))
        from planner.actions.catalog.overlays import list_overlays

        return Found(overlays=tuple(list_overlays()))

    def _offers(self, session: Session, asked: Asked) -> Found:
        from planner.actions.catalog.search import find_offers

        key = session.catalog.content_id, asked.text
        if self._listing is None or self._listing[0] != key:
            self._listing = key, find_offers(session.catalog, asked.text, limit=OFFERS_SHOWN)
        return Found(listing=self._listing[1])

    def _moved(self, session: Session, since: str) -> Moves:
        from planner.actions.catalog.changes import catalog_diff

        key = session.catalog.content_id, since
        if self._moves is None or self._moves[0] != key:
            self._moves = key, catalog_diff(since)
        return self._moves[1]

    def show(self, answer: Found) -> None:
        if answer.listing is not None:
            self._show_offers(answer.listing)
        if answer.moves is not None:
            moves = answer.moves.moves[:MOVES_SHOWN]
            self.query_one("#move-rows", Rows).fill(move_rows(moves))
            hidden = len(answer.moves.moves) - len(moves)
            more = f"; {len(moves)} shown, `planner catalog diff` has all" if hidden else ""
            nothing = "" if answer.moves.moves else "; r fetches live prices"
            self.status.tell(Text(f"{answer.moves.sentence}{more}{nothing}"))
        if answer.sources is not None:
            self.refreshing.show_sources(answer.sources)
            self._show_refresh()
        if answer.overlays is not None:
            self.query_one("#overlay-rows", Rows).fill(overlay_rows(answer.overlays))
            none = "no overlays: a adds your negotiated discounts, rates or sites from a file"
            count = f"{len(answer.overlays)} overlays, the oldest first; later ones win"
            self.status.tell(Text(count if answer.overlays else none))

    def _show_offers(self, listing: Listing) -> None:
        self.query_one("#offer-rows", Rows).fill(offer_rows(listing.offers))
        self._chosen()
        shown, matching = len(listing.offers), listing.matching
        more = "; type more to narrow" if shown < matching else ""
        count = f"{shown:,} of {matching:,} offers shown" if more else f"{matching:,} offers"
        said = f"{count}, cheapest first{more}"
        if listing.is_old:
            keys = [
                self.planner_app.key_of(id_of(self.MODE, label), key)
                for label, key in (("Refresh", "r"), ("Start refresh", "g"))
            ]
            age, renew = how_old(listing.youngest_days), ", then ".join(keys)
            said += f"; newest price {age}: {renew}, renews it"
        if listing.is_doubted:
            why = "contradicted, from memory or over a year old"
            self.status.warn("DOUBTFUL PRICES", f"all of them are {why}; {said}")
        else:
            self.status.tell(Text(said))

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        text = event.input.value.strip()  # what it holds now, whatever it held then
        if text != self._asked.text:
            self._asked = replace(self._asked, text=text)
            self.ask_soon(self._asked)

    @on(Rows.RowHighlighted, "#offer-rows")
    def _chosen(self) -> None:
        """Its source at once, its prices over time when the thread has read them."""
        listing = None if self.answer is None else self.answer.listing
        place = self.query_one("#offer-rows", Rows).chosen
        if listing is None or place is None or place >= len(listing.offers):
            return
        offer = listing.offers[place]
        self.query_one("#offer", OfferDetail).show(offer)
        self._wanted = offer
        if not self._reads_history:
            self._reads_history = True
            self.run_worker(self._histories(), group="history")

    async def _histories(self) -> None:
        """One is read at a time; of those chosen meanwhile the last one counts."""
        from planner.actions.catalog.changes import offer_history

        plot, shown = self.query_one("#history", PricePlot), None
        while self._wanted is not None and self._wanted is not shown:
            shown = self._wanted
            try:
                plot.show(await asyncio.to_thread(offer_history, shown))
            except Exception as error:
                if not expected(error):
                    raise
                plot.problem(problem_of(error))
        self._reads_history = False

    # -- refreshing ---------------------------------------------------------------------------

    @property
    def refreshing(self) -> RefreshPane:
        return self.query_one(RefreshPane)

    @property
    def live(self) -> LiveRefresh | None:
        """The refresh under way, or the last one."""
        return self.refreshing.live

    def action_go(self) -> None:
        """Start a refresh."""
        if self.refreshing.is_running:
            self.notify("A refresh is under way; x stops it", severity="warning")
        else:
            self.refreshing.start()

    def action_jumps(self) -> None:
        self.refreshing.accept_jumps()

    def action_stop(self) -> None:
        if self.refreshing.is_running:
            self.refreshing.stop()
        else:
            self.notify("No refresh is under way", severity="warning")

    @on(RefreshPane.Went)
    def _show_refresh(self) -> None:
        """The same wherever the user looks."""
        self.query_one(PaneLine).note("refresh", self.refreshing.note)
        if self.pane == "refresh":
            self.refreshing.tell(self.status)

    @on(RefreshPane.Ended)
    def _refresh_ended(self) -> None:
        result = None if self.live is None else self.live.result
        if result is not None and result.published:
            self._asked = replace(self._asked, since="last")
            self._new_catalog()
        complete = result is not None and result.complete
        self.notify(
            progress(self.live),
            title="Refresh",
            severity="information" if complete else "warning",
            markup=False,
        )

    def _new_catalog(self) -> None:
        """This screen looks anew at once, the others when they are seen."""
        self.planner_app.catalog_changed()
        self.ask(self._asked)

    # -- overlays, moves ----------------------------------------------------------------------

    def action_since(self) -> None:
        since = "last" if self._asked.since == "snapshot" else "snapshot"
        self._asked = replace(self._asked, since=since)
        self.ask(self._asked)

    def action_add(self) -> None:
        from tui.screens.overlay_dialog import OverlayDialog

        self.app.push_screen(OverlayDialog(), self._added)

    def _added(self, said: list[str] | None) -> None:
        if said:
            self.query_one("#overlay-note", Static).update(Text("\n".join(said)))
            self._new_catalog()

    def action_remove(self) -> None:
        from tui.screens.confirm import Confirm

        table = self.query_one("#overlay-rows", Rows)
        if table.chosen is None:
            self.notify("There is no overlay to remove", severity="warning")
            return
        name = table.shown[table.chosen].key
        text = (
            f"Remove overlay {name}? Its prices and sites are taken away; the file it was made of "
            "stays."
        )
        self.app.push_screen(
            Confirm(text, yes="Remove it"), lambda yes: self._remove(name) if yes else None
        )

    def _remove(self, name: str) -> None:
        from planner.actions.catalog.overlays import remove_overlay

        try:
            remove_overlay(name)
        except Exception as error:
            if not expected(error):
                raise
            self.problem(problem_of(error))
            return
        self.query_one("#overlay-note", Static).update(Text(f"removed overlay {name}"))
        self._new_catalog()

    # -- keys ---------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys belong to one pane."""
        if not super().check_action(action, parameters):
            return False
        if action == "stop" and not self.refreshing.is_running:
            return False
        return ONLY_IN.get(action, self.pane) == self.pane

    def action_find(self) -> None:
        if self.pane != "offers":
            self.to("offers")
        field = self.query_one("#find", Input)
        self.set_focus(field)
        field.select_all()

    def action_copy_command(self) -> None:
        commands = {
            "offers": "planner catalog list " + shlex.join(self._asked.text.split()),
            "moved": f"planner catalog diff --since {self._asked.since}",
            "refresh": self.refreshing.command(),
            "overlays": "planner catalog overlays",
        }
        command = commands[self.pane].strip()
        self.app.copy_to_clipboard(command)
        self.notify(command, title="Copied to the clipboard", markup=False)
