"""The Catalog screen: every key, every pane, figures as the command line has them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from catalog import Catalog
from planner.actions.catalog.live_refresh import LiveRefresh, TypedRefresh
from planner.actions.catalog.overlays import list_overlays
from planner.actions.catalog.refresh import Outcome, Status, Task
from planner.actions.catalog.search import find_offers
from planner.cli.main import run as planner
from planner.report.age import how_old
from planner.report.offers import price
from tests.fakes.aws import FakeAws, ec2_error, paged, price_item
from tests.tui.paned import opened
from tui.screens import base
from tui.screens.catalog import FIRST_TEXT, OFFERS_SHOWN, CatalogScreen
from tui.screens.confirm import Confirm
from tui.screens.help import HelpScreen
from tui.screens.overlay_dialog import OverlayDialog
from tui.widgets.refresh_pane import MEANWHILE, RefreshPane

REGION = "me-central-1"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick_typing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.02)


async def test_offers_as_they_are_typed(catalog: Catalog, capsys: Capture) -> None:
    # Before: while the application runs, what is printed is its own.
    assert planner(["catalog", "list", "h100", "spot", "--format", "json", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)["offers"][:OFFERS_SHOWN]
    async with opened("catalog") as it:
        found = find_offers(catalog, FIRST_TEXT, limit=OFFERS_SHOWN)
        assert len(it.cells("#offer-rows")) == OFFERS_SHOWN
        assert f"{OFFERS_SHOWN} of {found.matching:,} offers" in it.status
        # Age is said in words of use, with the keys that help; the strong mark is for doubt.
        old = f"newest price {how_old(found.youngest_days)}: r, then g, renews"
        assert found.is_old == (old in it.status)  # the snapshot ages
        assert not found.is_doubted and not it.screen.status.has_class("warning")
        await it.press("slash")
        assert it.app.focused is it.screen.query_one("#find")
        await it.press(*"h100")
        await it.press("space", *"spot")
        await it.until(lambda: it.screen._asked.text == "h100 spot", "typing")
        await it.until(lambda: it.screen.answered == it.screen._asked, "the search")
        shown = it.cells("#offer-rows")
        assert [(r["cloud"], r["instance_type"]) for r in rows] == [(c[0], c[2]) for c in shown]
        prices = [price(row["usd_per_hour"], row["confidence"]) for row in rows]
        assert prices == [cells[7] for cells in shown]
        assert any(cells[7].endswith("?") for cells in shown)  # doubted ones are marked
        assert [r["layer"] for r in rows] == [cells[9] for cells in shown]
        await it.press("escape", "down", "down")
        assert it.rows("#offer-rows").chosen == 2
        await it.until(lambda: rows[2]["citation"][:40] in it.text("#offer-text"), "the source")
        detail = it.text("#offer-text")
        assert prices[2] in detail and "old; snapshot" in detail
        assert "Price history" in it.text("#history")
        await it.press("y")
        assert it.app.clipboard == "planner catalog list h100 spot"
        # What matches nothing is said, and the last answer stays.
        before = it.cells("#offer-rows")
        await it.press("slash")
        it.set("#find", "h100 mars")
        await it.until(lambda: "leave out 'mars'" in it.status, "the refusal")
        assert it.screen.has_class("-old") and it.cells("#offer-rows") == before
        assert "OLD below" in it.status
        it.set("#find", "<cheap")
        await it.until(lambda: "is no price" in it.status, "the refusal")
        it.set("#find", "h100")
        await it.until(lambda: not it.screen.has_class("-old"), "the answer")
        assert it.cells("#offer-rows") != before
        await it.press("escape", "u")
        await it.until(lambda: it.cells("#offer-rows") == before, "undo")
        await it.press("U")
        await it.until(lambda: it.cells("#offer-rows") != before, "redo")
        it.set("#find", "doubtful")
        await it.until(lambda: it.status.startswith("DOUBTFUL PRICES all of them"), "the mark")
        await it.press("escape", "question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = " ".join(it.text("#help Static", it.app.screen).split())
        for words in ("Overlays are yours", "type to filter", "copy the command"):
            assert words in text
        await it.press("escape")
        names = {command.title for command in it.app.get_system_commands(it.screen)}
        assert {"Find", "Offers", "Moved", "Refresh", "Overlays", "Copy command"} <= names
        assert "Start refresh" not in names  # it belongs to another pane


async def test_a_refresh_from_sources_to_what_moved(aws: FakeAws, own_cache: Path) -> None:
    aws.closed_regions["us-east-1"] = ec2_error("AuthFailure", status=401)
    async with opened("catalog") as it:
        await it.press("r")
        await it.until(lambda: bool(it.cells("#slice-rows")), "the sources")
        sources = {cells[0]: cells for cells in it.cells("#slice-rows")}
        assert sources["aws"][3] == "ready" and sources["lambda"][3] == "cannot be asked"
        assert "LAMBDA_API_KEY" in sources["lambda"][-1]  # what it lacks, and the remedy
        await it.press("x")  # nothing is under way
        it.set("#only", "aws")
        it.set("#regions", f"{REGION},us-east-1")
        it.set("#kinds", "on_demand")
        await it.press("j")
        assert it.screen.query_one("#accept_jumps").value
        await it.press("g")
        await it.until(lambda: it.screen.live.is_over, "the refresh")
        await it.until(lambda: "done" in it.text("#progress"), "the last word")
        assert "2/2 slices, 1 published, 1 not; done" in it.text("#progress")
        failed, good = it.cells("#slice-rows")
        assert failed[1] == "us-east-1" and failed[3] == "kept last good"
        assert "not enabled" in failed[-1] and failed[-1] in it.text("#why")
        assert good[3] == "published" and good[4] == "3"
        assert "KEPT OLD PRICES 1 of 2 slices" in it.status and "g tries again" in it.status
        await it.press("y")
        command = f"planner catalog refresh --only aws --regions {REGION},us-east-1"
        assert it.app.clipboard == f"{command} --kinds on_demand --accept-jumps"
        assert it.app.catalog_version == 1
        # What moved, since before it and since the snapshot.
        await it.press("m")
        await it.until(lambda: "since 20" in it.status, "the moves")
        moved = [cells for cells in it.cells("#move-rows") if cells[2] == "g6.xlarge"]
        assert moved and moved[0][5] == "0.9000"
        await it.press("s")
        await it.until(lambda: "since the embedded snapshot" in it.status, "the moves")
        await it.press("y")
        assert it.app.clipboard == "planner catalog diff --since snapshot"
        # The offers are those of the new catalog.
        await it.press("o")
        it.set("#find", f"g6.xlarge {REGION} demand")
        await it.until(lambda: it.cells("#offer-rows")[0][7] == "0.9000", "the new price")
        assert it.cells("#offer-rows")[0][9] == "refreshed"
        # A second price later makes a plot.
        aws.answers["GetProducts"] = paged(
            (price_item("g6.xlarge", "0.8"), price_item("p5.48xlarge", "55.04"),
             price_item("m7i.2xlarge", "0.4032")), "PriceList",
        )  # fmt: skip
        await it.press("r", "g")
        await it.until(lambda: it.screen.live.is_over, "the second refresh")
        await it.press("o")
        await it.until(lambda: "1 changes" in it.text("#history"), "the plot")
        assert re.search(r"\*\*\*", it.text("#history")) and "0.8" in it.text("#history")


async def test_a_wrong_source_is_said_and_a_hanging_refresh_stopped(
    aws: FakeAws, own_cache: Path
) -> None:
    def hangs(_asked: object) -> dict[str, object]:
        time.sleep(3)
        return {}

    aws.answers["GetProducts"] = hangs
    async with opened("catalog", (80, 24)) as it:
        await it.press("r")
        it.set("#only", "awz")
        await it.press("g")
        await it.until(lambda: "did you mean aws" in it.status, "the refusal")
        it.set("#only", "aws")
        it.set("#regions", REGION)
        it.set("#kinds", "on_demand")
        await it.press("g")
        await it.until(lambda: it.screen.live.slices == 1, "the question")
        await it.press("o")  # it goes on while one looks elsewhere
        await it.until(lambda: "0/1" in it.text("#panes"), "the note")
        await it.press("r", "x")
        await it.until(lambda: it.screen.live.is_over, "the stop", seconds=2)
        await it.until(lambda: "stopped" in it.text("#progress"), "the last word")
        assert "stopped before it answered; refresh again" in it.cells("#slice-rows")[0][-1]
        assert it.app.catalog_version == 0


async def test_few_rows_are_shown_while_many_slices_come() -> None:
    slices = [
        Outcome(
            Task("aws", f"r{place}", "spot"), Status.FAILED if place % 2 else Status.PUBLISHED, 1.0
        )
        for place in range(2 * MEANWHILE)
    ]
    async with opened("catalog") as it:
        pane = it.screen.query_one(RefreshPane)
        pane.live = LiveRefresh(TypedRefresh())
        pane.live.outcomes += slices[:10]
        pane._go_on()
        assert [cells[1] for cells in it.cells("#slice-rows")][:6] == [
            "r9",
            "r7",
            "r5",
            "r3",
            "r1",
            "r8",
        ]
        pane.live.outcomes += slices[10:]
        pane._go_on()
        shown = [cells[1] for cells in it.cells("#slice-rows")]
        assert shown[0] == f"r{2 * MEANWHILE - 1}" and len(shown) == MEANWHILE
        pane.live.is_over = True
        pane.post_message(RefreshPane._Over())
        await it.until(lambda: len(it.cells("#slice-rows")) == 2 * MEANWHILE, "the last rows")


async def test_overlays_come_and_go(own_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "My EDP.yaml"
    file.write_text("discounts: [{cloud: aws, instance_type: g6.xlarge, discount: 50%}]\n")
    async with opened("catalog", (80, 24)) as it:
        it.set("#find", "g6.xlarge us-east-1 demand")
        await it.until(lambda: it.cells("#offer-rows")[0][2] == "g6.xlarge", "the search")
        before = it.cells("#offer-rows")[0]
        await it.press("v")
        await it.until(lambda: "no overlays" in it.status, "the overlays")
        await it.press("d")  # there is none to remove
        await it.press("a")
        dialog = it.app.screen
        assert isinstance(dialog, OverlayDialog)
        await it.press("enter")
        assert "no file is named" in it.text("#said", dialog)
        it.set("#file", str(tmp_path / "none.yaml"))
        dialog.query_one("#add", Button).press()  # clicks miss it while the text above grows
        await it.until(lambda: "none.yaml" in it.text("#said", dialog), "the refusal")
        it.set("#file", str(file))
        await it.pilot.pause()
        assert dialog.query_one("#name", Input).value == "my-edp"
        dialog.query_one("#add", Button).press()
        await it.until(lambda: isinstance(it.app.screen, CatalogScreen), "the end of the dialog")
        await it.until(lambda: bool(it.cells("#overlay-rows")), "the overlay")
        assert it.cells("#overlay-rows")[0][:3] == ("my-edp", "yaml", "1")
        assert "saved overlay my-edp: 1 discounts" in it.text("#overlay-note")
        assert it.app.catalog_version == 1
        await it.press("o")
        await it.until(lambda: it.cells("#offer-rows")[0] != before, "the discount")
        now = it.cells("#offer-rows")[0]
        assert float(now[7]) == pytest.approx(float(before[7].rstrip("?")) / 2, rel=1e-3)
        assert now[9] == "overlay my-edp"
        await it.press("v", "delete")
        assert isinstance(it.app.screen, Confirm)
        await it.press("n")
        assert [overlay.name for overlay in list_overlays()] == ["my-edp"]
        await it.press("d", "y")
        await it.until(lambda: "no overlays" in it.status, "the removal")
        assert list_overlays() == [] and it.app.catalog_version == 2


@pytest.mark.nightly
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_pane_has_room(size: tuple[int, int]) -> None:
    async with opened("catalog", size) as it:
        whole = it.screen.region
        for name, parts in {
            "offers": ("#find", "#offer-rows", "#offer", "#history"),
            "moved": ("#move-rows",),
            "refresh": ("#only", "#regions", "#kinds", "#accept_jumps", "#slice-rows"),
            "overlays": ("#overlay-rows",),
        }.items():
            await it.press({"offers": "o", "moved": "m", "refresh": "r", "overlays": "v"}[name])
            for part in (*parts, "#status", "#panes"):
                region = it.screen.query_one(part).region
                assert whole.contains_region(region) and region.width >= 8, part
            for table in it.screen.query("Rows"):
                assert table.max_scroll_x == 0 or not table.region.width
            if name == "offers":
                assert it.rows("#offer-rows").region.height >= size[1] // 3


@pytest.mark.nightly
async def test_without_colour_and_at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened("catalog", (80, 24)) as it:
        assert it.cells("#offer-rows")
        for size in ((30, 10), (10, 4), (1, 1), (200, 60), (80, 24)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause()
        assert it.app.export_screenshot()
