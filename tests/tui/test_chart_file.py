"""The chart as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from textual.widgets import Input, Static

from planner.actions.explore.plan import Subject, View, explore, open_subject
from planner.actions.session import Session
from planner.errors import BadInput
from tests.tui.conftest import Start
from tui.app import DEFAULT_WORKLOAD
from tui.chart_file import chart_html, chart_svg, write_chart
from tui.screens.path import PathScreen

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def view(session: Session) -> View:
    known = open_subject(str(DEFAULT_WORKLOAD))
    name = 'A <b>"bold"</b> & \x07 name'
    data = {**known.data, "name": name, "budget": "30 USD"}
    subject = Subject(known.workload.model_copy(update={"name": name}), None, data)
    found = explore(session, subject, subject.inputs)
    assert isinstance(found, View), found
    return found


def test_every_point_is_drawn_at_its_place(view: View) -> None:
    root = fromstring(chart_svg(view, view.options[3:4]))
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    glyphs = {"o", "×"}
    assert sum(word in glyphs for word in words) == len(view.points.x)
    assert words.count("★") == 1 and words.count("*") == 1
    title = root.find(f"{SVG}title")
    assert title is not None and (title.text or "").startswith('A <b>"bold"</b> & \ufffd name')
    assert any(word.startswith("$") for word in words) and any(w.endswith(" h") for w in words)
    places = [
        (float(text.get("x", "")), float(text.get("y", "")))
        for text in root.iter(f"{SVG}text")
        if text.text in glyphs
    ]
    # Both axes are logarithmic: places are linear in the logarithms, up is dearer.
    drawn = np.array(sorted(places))
    wanted = sorted((x, -y) for x, y in zip(view.points.x, view.points.y, strict=True))
    logs = np.log10(np.array([[x, -y] for x, y in wanted]))
    assert np.corrcoef(drawn[:, 0], logs[:, 0])[0, 1] > 0.9999
    heights = np.sort(drawn[:, 1]), np.sort(-np.log10(view.points.y))
    assert np.corrcoef(*heights)[0, 1] > 0.9999
    assert len(list(root.iter(f"{SVG}polyline"))) == 3  # the front, deadline and budget


def test_the_page_has_the_table_and_the_command(view: View) -> None:
    page = chart_html(view, (), "planner recommend <x>")
    assert "<b>" not in page.replace("&lt;b&gt;", "") and "planner recommend &lt;x&gt;" in page
    for option in view.options:
        assert option.item.instance_type in page.replace("<wbr>", "")
    assert "<script" not in page and "http://" not in page.replace("http://www.w3.org", "")


def test_a_png_is_the_same_chart(view: View, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    few = slice(0, None, 300)  # marks take the time
    columns = {
        name: getattr(view.points, name)[few] for name in ("index", "x", "y", "way", "meets")
    }
    view = replace(view, points=replace(view.points, **columns))
    path = tmp_path / "chart.PNG"
    write_chart(path, view, (), "", force=False)
    root = fromstring(chart_svg(view))
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    size = [int.from_bytes(content[at : at + 4], "big") for at in (16, 20)]
    assert size == [2 * int(root.get(name, "0")) for name in ("width", "height")]
    with pytest.raises(BadInput, match="exists already"):
        write_chart(path, view, (), "", force=False)


async def test_the_key_writes_it(start: Start, tmp_path: Path) -> None:
    async with start() as it:
        await it.pilot.press("e")
        assert isinstance(it.app.screen, PathScreen)
        field = it.app.screen.query_one("#path", Input)
        field.value = str(tmp_path / "chart.bmp")
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        said = str(it.app.screen.query_one("#path-says", Static).render())
        assert ".bmp is no format of charts" in said and ".svg, .png, .html" in said
        field.value = str(tmp_path / "chart.html")
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        await it.pilot.pause()
        assert (
            it.view.recommendation.headline.split(";")[0] in (tmp_path / "chart.html").read_text()
        )
