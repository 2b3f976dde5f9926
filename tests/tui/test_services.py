"""Services: dollars an hour over latency, latency inputs, every way to pay, mixes."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Static

from planner.actions.explore.plan import (
    Problem,
    View,
    command_line,
    constrain,
    explore,
    open_subject,
)
from planner.actions.session import Session, workload_from
from tests.tui.conftest import Start
from tui.widgets.charts.axes import DollarsPerHour, Latencies
from tui.widgets.tables.options import Options
from tui.widgets.ways import WAYS

SERVING = """
kind: serving
model: llama-3.1-70b
requests_per_second: 10
ttft_p95: 1s
tpot_p95: 50ms
hosted_api: {usd_per_million_input_tokens: 0.5, usd_per_million_output_tokens: 1.5}
where: {purchase: [on_demand, spot]}
"""
VISION = """
kind: vision-inference
model: resnet50
requests_per_second: 5000
latency_p95: 50ms
where:
  clouds: [aws]
  purchase: [reservation, on_demand, spot]
  platforms: [vm, sagemaker]
  credits: {aws: 5000}
  on_prem: [{name: lab, system: DGX H100, machines: 2, usd_per_kwh: 0.1, power: 10kW}]
"""
EDGE = """
kind: edge
model: yolov8n
frames_per_second: 30
streams: 10
latency_p95: 50ms
"""


def written(path: Path, text: str) -> Path:
    file = path / "work.yaml"
    file.write_text(text)
    return file


def planned(session: Session, file: Path) -> View:
    subject = open_subject(str(file))
    view = explore(session, subject, subject.inputs)
    assert isinstance(view, View), view
    return view


def test_a_service_is_placed_by_latency_and_dollars_an_hour(
    session: Session, tmp_path: Path
) -> None:
    view = planned(session, written(tmp_path, SERVING))
    candidates, points = view._lookup._c, view.points
    assert (view.x_axis.unit, view.x_axis.title, view.x_axis.limit) == ("seconds", "TPOT p95", 0.05)
    assert view.y_axis.unit == "usd_per_hour"
    assert np.array_equal(points.x, candidates.latency()[points.index])
    assert np.allclose(points.y * 730, candidates.usd[points.index])
    assert np.all(np.diff(view.front.x) > 0) and np.all(np.diff(view.front.y) < 0)


def test_a_mix_has_a_row_a_group_and_its_own_headline(session: Session, tmp_path: Path) -> None:
    view = planned(session, written(tmp_path, SERVING))
    mix = view.recommendation.mix
    assert mix is not None and mix.cost_usd_per_hour is not None
    rows = [option for option in view.options if option.role in ("recommended", "group")]
    assert [option.item for option in rows] == mix.groups == view.chosen
    assert all(option.headline == view.recommendation.headline for option in rows)
    assert rows[0].y == mix.cost_usd_per_hour


def test_front_options_cost_per_token_as_the_recommendation_says(
    session: Session, tmp_path: Path
) -> None:
    view = planned(session, written(tmp_path, SERVING))
    for option in view.options:
        assert view._lookup._builder.item(option.index).usd_per_million_tokens is not None
    alternative = next(option for option in view.options if option.role == "alternative")
    again = view._lookup._builder.item(alternative.index, lost_to=view.best)
    assert again.usd_per_million_tokens == alternative.item.usd_per_million_tokens


@pytest.mark.parametrize("text", [SERVING, VISION, EDGE])
def test_edits_lose_nothing_else_of_the_workload(tmp_path: Path, text: str) -> None:
    subject = open_subject(str(written(tmp_path, text)))
    assert constrain(subject, subject.inputs) == subject.workload
    found = constrain(subject, dataclasses.replace(subject.inputs, budget="9000", max_nodes="8"))
    place = subject.workload.where.model_copy(update={"max_nodes": 8})
    assert found == subject.workload.model_copy(update={"budget": 9000.0, "where": place})


def test_a_deadline_typed_for_a_service_is_ignored(tmp_path: Path) -> None:
    subject = open_subject(str(written(tmp_path, EDGE)))
    assert constrain(subject, dataclasses.replace(subject.inputs, deadline="1h")).deadline is None


def test_a_latency_that_cannot_be_read_names_its_field(session: Session, tmp_path: Path) -> None:
    subject = open_subject(str(written(tmp_path, SERVING)))
    result = explore(session, subject, dataclasses.replace(subject.inputs, tpot_p95="50"))
    assert isinstance(result, Problem) and result.field == "tpot_p95" and result.remedies


def test_the_copied_command_has_the_latencies(tmp_path: Path) -> None:
    subject = open_subject(str(written(tmp_path, SERVING)))
    inputs = dataclasses.replace(subject.inputs, ttft_p95="2s", purchase=("on_demand",))
    words = shlex.split(command_line(subject, inputs))
    assert words == [
        "planner", "recommend", subject.file, "--ttft-p95", "2s", "--purchase", "on_demand",
    ]  # fmt: skip
    flagged, _ = workload_from(subject.file, None, {"ttft_p95": "2s"}, {"purchase": ["on_demand"]})
    assert constrain(subject, inputs) == flagged


def test_ways_to_pay_differ_in_glyph_and_colour() -> None:
    assert len({way.glyph for way in WAYS.values()}) == len(WAYS)
    assert len({way.colour for way in WAYS.values()}) == len(WAYS)


def test_service_axes_say_their_units() -> None:
    assert Latencies().get_labels_for_ticks([-3, -1.5228787, 0]) == ["1 ms", "30 ms", "1 s"]
    assert DollarsPerHour().get_labels_for_ticks([0, 3]) == ["$1/h", "$1k/h"]


async def test_the_screen_of_a_service(start: Start, tmp_path: Path) -> None:
    async with start((80, 24), file=written(tmp_path, SERVING)) as it:
        whole = it.screen.region
        for name in ("ttft_p95", "tpot_p95", "budget", "max_nodes", "on_demand", "spot"):
            field = it.screen.query_one(f"#{name}")
            assert field.region.width >= 4 and whole.contains_region(field.region), name
        assert not it.screen.query("#deadline")
        assert "$/h by TPOT p95" in str(it.screen.query_one("#key", Static).render())
        for words in ("TTFT: ", "TPOT: ", "In flight: ", "hosted API: ", "If sold out", "Mix: "):
            assert words in it.detail, words
        assert "$0.00" not in it.detail.split("Cost:")[1].splitlines()[0]
        await it.pilot.press("i")
        assert it.app.focused is it.screen.query_one("#ttft_p95")
        await it.type_into("tab", "40ms")
        await it.planned(lambda view: view.inputs.tpot_p95 == "40ms")
        assert it.view.x_axis.limit == 0.04


async def test_other_ways_to_pay_survive_the_boxes(start: Start, tmp_path: Path) -> None:
    async with start(file=written(tmp_path, VISION)) as it:
        drawn = {it.view.points.ways[code] for code in it.view.points.way.tolist()}
        assert {"reservation", "on_demand", "spot", "owned"} <= drawn
        assert "reserved" in str(it.screen.query_one("#key", Static).render())
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("reservation", "on_demand"))
        where = it.view.workload.where
        assert where.credits == {"aws": 5000} and len(where.platforms) == 2 and where.on_prem
        assert it.screen.query_one(Options).row_count == len(it.view.options)


async def test_edge_has_no_ways_to_pay_to_choose(start: Start, tmp_path: Path) -> None:
    async with start(file=written(tmp_path, EDGE)) as it:
        assert not it.screen.query("#spot") and it.view.options[0].way == "edge"
        await it.pilot.press("s", "o", "d", "i")
        assert it.app.focused is it.screen.query_one("#latency_p95")
