"""Shapes against their definitions; files and exports read, or refused with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planner.demand import shapes
from planner.demand.readers import read_series
from planner.errors import BadInput


def test_a_day_has_its_mean_its_peak_and_its_hour() -> None:
    day = shapes.diurnal(shapes.middles(24 * 60, 1 / 60), 100, 160, 15)
    assert day.mean() == pytest.approx(100)
    assert day.max() == pytest.approx(160, rel=1e-4)
    assert np.argmax(day) / 60 == pytest.approx(15, abs=0.02)
    assert day.min() == pytest.approx(40, rel=1e-3)


def test_weekends_are_days_six_and_seven() -> None:
    week = shapes.weekly(shapes.middles(168, 1), 100, 150, 12, 0.5).reshape(7, 24)
    assert week[5:].mean() == pytest.approx(week[:5].mean() / 2)
    from_friday = shapes.weekly(shapes.middles(168, 1), 100, 150, 12, 0.5, first_day=5)
    assert from_friday.reshape(7, 24)[1:3].mean() == pytest.approx(50)


def test_growth_compounds() -> None:
    year = shapes.growth(shapes.middles(8760, 1), 100, 150, 8760)
    assert year[-1] / year[0] == pytest.approx(1.5, rel=1e-3)
    assert np.ptp(year[1:] / year[:-1]) < 1e-12
    grown = shapes.diurnal(np.array([0.0, 8760.0]), 100, 100, 0, growth_per_year=0.4)
    assert grown == pytest.approx([100, 140])


def test_a_launch_rises_then_halves() -> None:
    hours = np.array([0.0, 95.0, 100.0, 172.0, 244.0])
    spike = shapes.launch_spike(hours, 10, 90, 100, 10, 72)
    assert spike == pytest.approx([10, 50, 90, 50, 30])


def read(tmp_path: Path, text: str, **options: object) -> list[float]:
    path = tmp_path / "demand.csv"
    path.write_text(text, encoding="utf-8")
    named = {"column": None, "form": "csv", "fill": "refuse", "period_hours": 1.0, **options}
    return read_series(path, shown="demand.csv", **named).tolist()  # type: ignore[arg-type]


def test_period_and_demand(tmp_path: Path) -> None:
    assert read(tmp_path, "period,demand\n0,5\n1,7.5\n\n2,0\n") == [5, 7.5, 0]
    assert read(tmp_path, "period;load\n0;5\n1;6\n") == [5, 6]
    assert read(tmp_path, "period,chat,batch\n0,5,1\n1,6,2\n", column="batch") == [1, 2]


PROMETHEUS = (
    '"Time","sum(rate(requests_total[5m]))"\n'
    "2026-01-05 00:00:00,10\n2026-01-05 00:30:00,20\n2026-01-05 01:00:00,{}\n"
    "2026-01-05 02:00:00,40\n"
)


def test_prometheus_export_is_averaged_by_period(tmp_path: Path) -> None:
    assert read(tmp_path, PROMETHEUS.format(30), form="prometheus") == [15, 30, 40]


@pytest.mark.parametrize(
    ("fill", "expected"), [("zero", [15, 0, 40]), ("last", [15, 15, 40]), ("interpolate", 27.5)]
)
def test_holes_are_filled_as_asked(tmp_path: Path, fill: str, expected: object) -> None:
    figures = read(tmp_path, PROMETHEUS.format("NaN"), form="prometheus", fill=fill)
    assert figures == (expected if isinstance(expected, list) else [15, expected, 40])


def test_cloudwatch_export_with_its_preamble(tmp_path: Path) -> None:
    text = (
        "Id,m1\nLabel,RequestCount\nPeriod,3600\nStatistic,Sum\n"
        "Timestamp,RequestCount\n2026/01/05 00:00:00,120\n2026/01/05 01:00:00,180\n"
    )
    assert read(tmp_path, text, form="cloudwatch") == [120, 180]
    plain = "Timestamp,RequestCount\n1767571200,3\n1767574800,4\n"
    assert read(tmp_path, plain, form="cloudwatch") == [3, 4]


REFUSED = {
    "no rows": ("period,demand\n", "has no rows", {}),
    "empty": ("", "is empty", {}),
    "no header": ("0,5\n1,6\n", "line 1: has no header", {}),
    "text": ("period,demand\n0,five\n", "line 2, demand: 'five' is not a number", {}),
    "hole": ("period,demand\n0,\n", "line 2, demand: '' is not a number", {}),
    "negative": ("period,demand\n0,5\n1,-1\n", "line 3, demand: -1 is below 0", {}),
    "infinite": ("period,demand\n0,inf\n", "'inf' is not a number", {}),
    "skipped": ("period,demand\n0,1\n2,1\n", "line 3, period: 2 follows 0", {}),
    "two columns": ("period,a,b\n0,1,2\n", "2 columns that may be the demand", {}),
    "column": ("period,load\n0,1\n", "did you mean load?", {"column": "laod"}),
    "not a time": ("time,x\nsoon,1\n", "line 2: 'soon' is not a time", {"form": "prometheus"}),
    "missing period": (
        PROMETHEUS.format("NaN"),
        "no figure for 1 of 3 periods, first 2026-01-05 01:00",
        {"form": "prometheus"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_file_line_and_remedy(tmp_path: Path, name: str) -> None:
    text, expected, options = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text, **options)
    assert "demand.csv" in str(caught.value) and expected in str(caught.value)
    assert caught.value.remedy


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_series(
            tmp_path / "x.csv",
            column=None,
            form="csv",
            fill="refuse",
            period_hours=1,
            shown="x.csv",
        )
