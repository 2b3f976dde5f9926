"""Drawings: scales, escaping, and what is where."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.amounts import plain
from planner.errors import BadInput
from planner.report.document import Bullets, Document, Section, Table
from planner.report.drawing import png
from planner.report.drawing.charts import Bar, Curve, Point, Swing, bars, curves, steps, tornado
from planner.report.drawing.markup import el, html_text, svg_text
from planner.report.drawing.plot import Scale, around
from planner.report.drawing.roofline import Placed, Roof, roofline
from planner.report.drawing.style import PRINTED
from planner.report.markdown import escaped, to_markdown


class Page(HTMLParser):
    """Tags of a page, and the title of its paragraph."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.title = ""
        self.feed(text.encode().decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.title = dict(attrs).get("title") or self.title


@given(st.floats(1e-9, 1e12), st.floats(1.001, 1e9), st.booleans())
def test_ticks_are_few_and_within(low: float, ratio: float, log: bool) -> None:
    scale = Scale(low, low * ratio, 0.0, 100.0, log)
    ticks = scale.ticks(6)
    assert len(ticks) <= 8
    assert all(low * (1 - 1e-6) <= tick <= low * ratio * (1 + 1e-6) for tick in ticks)
    assert ticks == sorted(ticks)


def test_scales_keep_order_and_ends() -> None:
    for log in (False, True):
        scale = Scale(1.0, 1000.0, 10.0, 110.0, log)
        assert (scale.at(1.0), scale.at(1000.0)) == (10.0, 110.0)
        assert scale.at(10.0) < scale.at(100.0)
        assert scale.at(1e9) == 110.0 and scale.at(0.0) == 10.0
    assert Scale(1.0, 1000.0, 0.0, 90.0, True).at(10.0) == pytest.approx(30.0)
    assert around([2.0, 2.0], log=False) != (2.0, 2.0)


@given(st.text())
def test_any_text_stays_text(text: str) -> None:
    """What is read back is what was said, but for what no document can hold."""
    root = ET.fromstring(svg_text(el("svg", el("title", text), el("desc", text), name=text)))
    kept = root[0].text or ""
    assert len(kept) == len(text.replace("\r\n", "\n").replace("\r", "\n"))
    page = Page(html_text(el("html", el("body", el("p", text, title=text)))))
    assert page.tags == ["html", "body", "p"] and len(page.title) == len(text)


@given(st.text(min_size=1))
def test_markdown_cells_stay_cells(text: str) -> None:
    table = Table(("a", "b"), [(text, "x")])
    page = to_markdown(Document(text, text, [], [Section(text, [table, Bullets([text])])], ""))
    assert "<" not in page
    row = next(line for line in page.splitlines() if line.endswith(" | x |"))
    assert row.replace("\\\\", "").replace("\\|", "").count("|") == 3
    assert "\n" not in escaped(text)


def test_bars_are_as_long_as_their_values() -> None:
    rows = [Bar("a", 10.0, "10"), Bar("b", 20.0, "20", 15.0, 30.0, 1, True)]
    root = bars("Bars", "two", rows, plain)
    widths = [float(node.get("width") or 0) for node in root.iter("rect")]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert "hollow" in (list(root.iter("rect"))[1].get("class") or "")
    assert bars("None", "nothing", [], plain).tag == "svg"


def test_a_front_is_drawn_as_steps_down_to_the_recommendation() -> None:
    points = [Point(1, 30, "fast"), Point(2, 20, "middle"), Point(4, 10, "slow", True)]
    root = steps("Front", "three", points, x_title="h", y_title="$", x_format=plain, y_format=plain)
    line = next(root.iter("polyline")).get("points") or ""
    corners = [tuple(map(float, pair.split(","))) for pair in line.split()]
    assert len(corners) == 5
    for (x0, y0), (x1, y1) in pairwise(corners):
        assert x0 == x1 or y0 == y1  # never across
        assert x1 >= x0 and y1 >= y0  # later is cheaper: downwards in pixels


def test_a_tornado_says_where_no_plan_is_left() -> None:
    rows = [Swing("deadline", 8.0, None, "twice", "half"), Swing("price", 9.0, 12.0, "-", "+")]
    text = svg_text(tornado("T", "about", rows, 10.0, plain))
    assert "half: no plan" in text and "twice: 8" in text


def test_a_png_has_the_colours_of_paper_and_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What draws it knows no variables of style sheets: everything would be black."""
    pytest.importorskip("resvg_py")
    root = bars("Bars", "two", [Bar("a", 10.0, "10")], plain)
    assert "var(" not in PRINTED and "fill:#0072b2" in PRINTED
    assert len(png.png_bytes(root, where="b.png")) > 2000
    monkeypatch.setattr(png, "_DRAW", "import sys; sys.exit(sys.argv[3])")
    with pytest.raises(BadInput, match=r"no font is installed .* name end in .svg"):
        png.png_bytes(root, where="b.png")
    monkeypatch.setattr(png, "_DRAW", "raise ValueError('no such colour')")
    with pytest.raises(BadInput, match="no such colour; let the name end"):
        png.png_bytes(root, where="b.png")
    monkeypatch.setattr(png, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"b.png: .* resvg-py; pip install 'ai-capacity-planner"):
        png.png_bytes(root, where="b.png")


def test_curves_leave_gaps() -> None:
    lines = [Curve("a", [1, 2, 4, 8], [1.0, None, 3.0, 4.0]), Curve("b", [1, 2], [None, None])]
    root = curves("C", "about", lines, x_title="", y_title="", x_format=plain, y_format=plain)
    assert len(list(root.iter("polyline"))) == 2


def test_operators_lie_under_their_roof() -> None:
    roof = Roof("device", 100e12, 1e12)
    assert roof.ridge == 100.0
    placed = [Placed(0, "products", 1000.0, 60e12, ""), Placed(0, "norms", 0.5, 0.4e12, "")]
    root = roofline("R", "about", [roof], placed)
    line = next(root.iter("polyline")).get("points") or ""
    corners = [tuple(map(float, pair.split(","))) for pair in line.split()]
    dots = [(float(n.get("cx") or 0), float(n.get("cy") or 0)) for n in root.iter("circle")]
    assert len(dots) == 2
    ridge = corners[1]
    products, norms = dots
    assert products[0] > ridge[0] > norms[0]
    assert products[1] > ridge[1]  # below the roof: further down
    slope = (corners[0][1] - ridge[1]) / (ridge[0] - corners[0][0])
    assert norms[1] > ridge[1] + slope * (ridge[0] - norms[0])
    assert math.isfinite(slope)


def test_numbers_are_never_in_powers_of_ten() -> None:
    assert [plain(x) for x in (0.5, 12.34, 1234.5, 1_234_567.0)] == [
        "0.5", "12.34", "1,234", "1,234,567",
    ]  # fmt: skip
