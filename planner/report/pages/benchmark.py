"""The classic exercises as documents. Every bar says how its figure is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from planner.amounts import hours, money, plain
from planner.report.document import Bullets, Chart, Commands, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, bars
from planner.report.words import time_scale
from planner.results.benchmark import BenchmarkBar, BenchmarkReport

# Measured bars are filled, calibrated ones too in another colour, analytic ones are outlines.
LOOKS = {
    "measured": (2, False), "measured elsewhere": (2, False), "calibrated": (0, False),
    "analytic": (0, True),
}  # fmt: skip
KEY = (
    "Green and filled: measured (here, or elsewhere and published). Blue and filled: estimated, "
    "with measurements nearby (calibrated). Blue outline: estimated from datasheets alone "
    "(analytic). Whiskers hold 80%; of published runs they are the range."
)
# Bars are drawn on a logarithmic scale where the longest is so many times the shortest.
WIDE = 30.0


def benchmark_document(result: BenchmarkReport, *, made: str) -> Document:
    """Speed, speed-up, cost and utilisation."""
    page = Draft([])
    page.add("The question", Paragraph(result.question))
    first, chart = ("Training time", _time) if result.exercise == "cnn" else ("Speed", _speed)
    page.add(first, Paragraph(KEY), chart(result))
    page.add("Speed-up", _speed_up(result))
    page.add(f"Cost of {_a(result.cost_unit)}", _cost(result))
    page.add("How busy the devices are", _utilisation(result))
    page.add("Everything in one table", _table(result))
    left = [f"{name}: {why}." for name, why in result.left_out.items()]
    page.add("Left out", Bullets(left))
    page.add("Notes", Bullets(result.notes))
    page.add("Sources", Bullets(_sources(result)))
    page.add("Measure more of it", Commands(result.commands))
    title = {"cnn": "A small CNN on CPU, GPU and TPU", "transformer": "GPU against TPU"}
    counts: dict[str, int] = {}
    for bar in result.bars:
        counts[bar.basis] = counts.get(bar.basis, 0) + 1
    facts = [
        ("Network", result.model),
        *((basis, f"{n} bar{'s' if n > 1 else ''}") for basis, n in counts.items()),
    ]
    return Document(title[result.exercise], result.answer, facts, page.sections, made)


def _a(unit: str) -> str:
    return f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"


def _per(result: BenchmarkReport, bar: BenchmarkBar) -> float:
    """Networks of one device are compared whole, clusters by the device."""
    return 1.0 if result.exercise == "cnn" else bar.devices


def _time(result: BenchmarkReport) -> Chart:
    scale, word = time_scale(max(bar.hours for bar in result.bars))

    def said(time: float) -> str:
        return _duration(time / scale)

    def of(bar: BenchmarkBar) -> tuple[float, float | None, float | None]:
        time = bar.hours * scale
        return time, time * bar.rate / bar.rate_p90, time * bar.rate / bar.rate_p10

    title = "Time of the whole training, set-up not counted"
    return _chart(result, title, of, said, result.bars, lambda v: f"{v:g} {word}")


def _duration(time_hours: float) -> str:
    """Minutes of a short training to a tenth."""
    minutes = time_hours * 60
    return f"{minutes:.1f} min" if 2 <= minutes < 10 else hours(time_hours)


def _speed(result: BenchmarkReport) -> Chart:
    unit = "images/s" if result.unit == "images_per_s" else "tokens/s per device"

    def of(bar: BenchmarkBar) -> tuple[float, float | None, float | None]:
        per = _per(result, bar)
        return bar.rate / per, bar.rate_p10 / per, bar.rate_p90 / per

    return _chart(result, f"Speed in {unit}", of, lambda v: plain(v, 3), result.bars)


def _speed_up(result: BenchmarkReport) -> Chart | None:
    known = [bar for bar in result.bars if bar.speed_up is not None]
    if not known:
        return None

    def of(bar: BenchmarkBar) -> tuple[float, float | None, float | None]:
        up = bar.speed_up or 0.0
        return up, up * bar.rate_p10 / bar.rate, up * bar.rate_p90 / bar.rate

    title = f"Times as fast as {result.baseline}"
    if result.exercise == "transformer":
        title += ", device by device"
    return _chart(result, title, of, lambda v: f"{v:.2g}x", known)


def _cost(result: BenchmarkReport) -> Chart | None:
    known = [bar for bar in result.bars if bar.usd_per_unit is not None]
    if not known:
        return None
    known.sort(key=lambda bar: bar.usd_per_unit or 0.0)

    def of(bar: BenchmarkBar) -> tuple[float, float | None, float | None]:
        usd = bar.usd_per_unit or 0.0
        return usd, usd * bar.rate / bar.rate_p90, usd * bar.rate / bar.rate_p10

    title = f"Dollars for {_a(result.cost_unit)}"
    return _chart(result, title, of, money, known)


def _utilisation(result: BenchmarkReport) -> Chart | None:
    known = [bar for bar in result.bars if bar.peak_share is not None]
    if not known:
        return None

    def of(bar: BenchmarkBar) -> tuple[float, float | None, float | None]:
        return bar.peak_share or 0.0, None, None

    title = "Operations done over the datasheet's peak"
    return _chart(result, title, of, _share, known)


def _chart(
    result: BenchmarkReport,
    title: str,
    of: Callable[[BenchmarkBar], tuple[float, float | None, float | None]],
    form: Callable[[float], str],
    shown: Sequence[BenchmarkBar],
    tick: Callable[[float], str] | None = None,
) -> Chart:
    rows, cells = [], []
    for bar in shown:
        value, low, high = of(bar)
        series, hollow = LOOKS[bar.basis]
        said = f"{form(value)}, {bar.basis}" + (", held back" if bar.held_back else "")
        rows.append(Bar(_name(result, bar), value, said, low, high, series, hollow))
        ends = "" if low is None or high is None else f"{form(low)} to {form(high)}"
        cells.append((_name(result, bar), form(value), ends, bar.basis))
    figures = ("figure", "80% interval")
    table = _filled(("device", *figures, "known by"), cells, figures)
    values = [row.value for row in rows]
    log = min(values) > 0 and max(values) > WIDE * min(values)
    about = f"{title}, one bar a device of {result.model}; each says how it is known."
    return Chart(f"{title}.", bars(title, about, rows, tick or form, log=log), table)


def _name(result: BenchmarkReport, bar: BenchmarkBar) -> str:
    return bar.device if result.exercise == "cnn" else f"{bar.device}, {bar.precision}"


def _table(result: BenchmarkReport) -> Table:
    rate = result.unit.replace("_per_s", "/s")
    columns = (
        "device", "devices", "precision", "known by", rate, "training", "speed-up", "$ an hour",
        f"$ {_a(result.cost_unit)}", "of peak", "meters", "machine or runs",
    )  # fmt: skip
    rows = [
        (
            bar.device,
            f"{bar.devices:.2g}" if bar.devices < 10 else f"{bar.devices:g}",
            bar.precision,
            bar.basis,
            plain(bar.rate, 3),
            _duration(bar.hours),
            "" if bar.speed_up is None else f"{bar.speed_up:.2g}x",
            "" if bar.usd_per_hour is None else plain(bar.usd_per_hour, 3),
            "" if bar.usd_per_unit is None else f"{bar.usd_per_unit:.2g}",
            "" if bar.peak_share is None else _share(bar.peak_share),
            bar.busy,
            f"{bar.on}; {bar.held_back}" if bar.held_back else bar.on,
        )
        for bar in result.bars
    ]
    right = ("devices", rate, "training", "speed-up", columns[7], columns[8], "of peak")
    return _filled(columns, rows, right)


def _filled(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> Table:
    """A table without the columns that nobody filled."""
    kept = [n for n in range(len(columns)) if any(row[n] for row in rows)]
    return Table([columns[n] for n in kept], [[row[n] for n in kept] for row in rows], right=right)


def _share(value: float) -> str:
    return f"{value * 100:.2g}%"


def _sources(result: BenchmarkReport) -> list[str]:
    """A line a source, with the devices whose figures are from it."""
    speeds: dict[str, list[str]] = {}
    prices: dict[str, list[str]] = {}
    for bar in result.bars:
        if bar.source:
            speeds.setdefault(bar.source, []).append(bar.device)
        if bar.price_from:
            age = "age unknown" if bar.price_age_days is None else f"{bar.price_age_days} days old"
            prices.setdefault(f"{bar.price_from}, {age}", []).append(bar.device)
    return [
        f"{what} of {', '.join(dict.fromkeys(devices))}: {source}."
        for what, found in (("Speed", speeds), ("Price", prices))
        for source, devices in found.items()
    ]
