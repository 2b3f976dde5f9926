"""Datasheets and comparisons of hardware as documents."""

from __future__ import annotations

from collections.abc import Sequence

from planner.amounts import money, plain, scaled
from planner.report.document import Bullets, Chart, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, Curve, bars, curves
from planner.report.drawing.roofline import Placed, Roof, roofline
from planner.report.hardware_words import SUBJECTS, tick, value_of
from planner.results.hardware import (
    DeviceOn,
    DevicePrice,
    HardwareComparison,
    HardwareSheet,
    Sweep,
)

PRICE_COLUMNS = (
    "buy", "USD/h", "machine", "where", "per TFLOP/s", "per GB/s", "offers", "age",
)  # fmt: skip
OPERATOR_COLUMNS = ("operator", "operations", "bytes", "op/byte", "bound by", "reaches", "share")


def sheet_document(result: HardwareSheet, *, made: str) -> Document:
    """One device."""
    page = Draft([])
    page.add("Peaks", peaks(result))
    page.add("Roofline", *_bare_roofline([result]))
    page.add("What it costs", *_prices(result))
    page.add("Links and power", Table(("what", "value"), list(links(result))))
    page.add("What is known", Bullets(known(result)))
    return Document(result.name, lead(result), _facts(result), page.sections, made)


def comparison_document(result: HardwareComparison, *, made: str) -> Document:
    """Several devices, on one workload where there is one."""
    names = [one.name for one in result.sheets]
    page = Draft([])
    page.add("Datasheets", side_by_side(result.sheets))
    if result.on:
        page.add(f"The work: {result.workload}", *_on(result.on))
        page.add("Roofline", *_roofline(result))
        page.add("When which is cheapest", *_sweeps(result.sweeps, result.not_swept))
    else:
        page.add("Roofline", *_bare_roofline(result.sheets))
    page.add("Cheapest on demand", *_price_bars(result.sheets))
    page.add("Every way to pay", _all_prices(result.sheets))
    page.add("Sources", Bullets([_source(sheet) for sheet in result.sheets]))
    leads = [sweep.sentence for sweep in result.sweeps]
    text = leads[0] if leads else f"{', '.join(names)} side by side."
    # a kind was asked for, of which the cheapest device counts
    sides = list(result.sweeps[0].sides) if result.sweeps else names
    title = " or ".join(sides) + (f" for {result.workload}" if result.workload else "")
    return Document(title, text, [], page.sections, made)


def lead(sheet: HardwareSheet) -> str:
    """A device in a sentence."""
    memory = "memory unknown" if sheet.memory_gib is None else f"{sheet.memory_gib:g} GiB"
    width = sheet.memory_bandwidth_gb_per_s
    bandwidth = "" if width is None else f" at {width:,.0f} GB/s"
    year = "" if sheet.release_year is None else f", {sheet.release_year}"
    return f"{sheet.vendor} {sheet.kind}{year}: {memory}{bandwidth}."


def peaks(sheet: HardwareSheet) -> Table:
    """Dense peaks and the ridge of each precision."""
    rows = []
    for precision, value in sheet.peak_tera_ops.items():
        ridge = sheet.ridge_ops_per_byte.get(precision)
        rows.append((precision, plain(value), "unknown" if ridge is None else plain(ridge)))
    columns = ("precision", "peak, T op/s (dense)", "arithmetic binds above, op/byte")
    return Table(columns, rows, right=columns[1:])


def links(sheet: HardwareSheet) -> list[tuple[str, str]]:
    """Fast link, its reach, and power."""
    width = sheet.link_bandwidth_gb_per_s
    return [
        ("link", sheet.link or "unknown"),
        ("link bandwidth, both ways", "unknown" if width is None else f"{plain(width)} GB/s"),
        ("devices on the fast link", f"{sheet.link_domain:,}"),
        ("power", "unknown" if sheet.tdp_w is None else f"{sheet.tdp_w:g} W"),
        (
            f"{sheet.price_precision or ''} per watt".strip(),
            "unknown" if sheet.tera_ops_per_w is None else f"{sheet.tera_ops_per_w:.3g} T op/s",
        ),
    ]


def price_rows(prices: Sequence[DevicePrice]) -> list[tuple[str, ...]]:
    """Cells below PRICE_COLUMNS."""
    return [
        (
            price.purchase.replace("_", "-"),
            plain(price.usd_per_hour),
            f"{price.machine} ({price.devices:g})",
            f"{price.cloud} {price.region}",
            _small(price.usd_per_tflops_hour),
            _small(price.usd_per_gb_per_s_hour),
            f"{price.offers:,}",
            "?" if price.age_days is None else f"{price.age_days} d",
        )
        for price in prices
    ]


def _small(usd: float | None) -> str:
    return "?" if usd is None else f"{usd:.3g}"


def known(sheet: HardwareSheet) -> list[str]:
    """What it can run, what was measured on it, and where the figures are from."""
    counted = ", ".join(f"{n:,} {task}" for task, n in sheet.measurements.items())
    return [
        f"Can run: {', '.join(sheet.can_run) or 'nothing that is planned here'}.",
        f"Published measurements in the catalog: {counted or 'none'}.",
        _source(sheet),
    ]


def _source(sheet: HardwareSheet) -> str:
    return (
        f"{sheet.name}: {sheet.source or 'source unknown'} (as of "
        f"{sheet.source_as_of or 'unknown'}; verified by: {sheet.verified_by or 'nothing'})."
    )


def _facts(sheet: HardwareSheet) -> list[tuple[str, str]]:
    precision = sheet.price_precision
    facts = []
    if precision is not None:
        facts.append((f"{precision} peak", f"{plain(sheet.peak_tera_ops[precision])} T op/s"))
    if sheet.memory_gib is not None:
        facts.append(("Memory", f"{sheet.memory_gib:g} GiB"))
    rented = next((p for p in sheet.prices if p.purchase == "on_demand"), None)
    if rented is not None:
        facts.append(("On demand from", f"{money(rented.usd_per_hour)} an hour"))
        age = "age unknown" if rented.age_days is None else f"{rented.age_days} days"
        facts.append(("Age of that price", age))
    return facts


def _prices(sheet: HardwareSheet) -> list[Paragraph | Table]:
    if not sheet.prices:
        return [Paragraph("No offer in the catalog sells it.")]
    note = (
        f"One device of the cheapest machine by each way to pay; machines are rented whole. Per "
        f"TFLOP/s of dense {sheet.price_precision or 'arithmetic'} and per GB/s of memory, USD/h."
    )
    return [Paragraph(note), Table(PRICE_COLUMNS, price_rows(sheet.prices), right=_NUMBERS)]


_NUMBERS = ("USD/h", "per TFLOP/s", "per GB/s", "offers", "age")


def _all_prices(sheets: Sequence[HardwareSheet]) -> Table:
    rows = [(sheet.name, *row) for sheet in sheets for row in price_rows(sheet.prices)]
    return Table(("device", *PRICE_COLUMNS), rows, right=_NUMBERS)


def _price_bars(sheets: Sequence[HardwareSheet]) -> list[Chart | Paragraph]:
    """Price of arithmetic and of bandwidth."""
    charts: list[Chart | Paragraph] = []
    for title, field in (
        ("USD an hour per TFLOP/s of dense peak", "usd_per_tflops_hour"),
        ("USD an hour per GB/s of memory bandwidth", "usd_per_gb_per_s_hour"),
    ):
        rows, cells = [], []
        for number, sheet in enumerate(sheets):
            price = next((p for p in sheet.prices if p.purchase == "on_demand"), None)
            value = None if price is None else getattr(price, field)
            if price is None or value is None:
                continue
            rows.append(Bar(sheet.name, value, f"{value:.3g}", series=number))
            age = "unknown" if price.age_days is None else f"{price.age_days} days"
            cells.append((sheet.name, f"{value:.3g}", f"{price.cloud} {price.region}", age))
        if rows:
            svg = bars(title, "One bar a device; shorter is cheaper.", rows, lambda v: f"{v:.3g}")
            table = Table(("device", "USD", "cheapest at", "age"), cells, right=("USD", "age"))
            charts.append(Chart(f"{title}.", svg, table))
    return charts or [Paragraph("None of them is sold on demand.")]


def side_by_side(sheets: Sequence[HardwareSheet]) -> Table:
    """A row a fact, a column a device."""
    precisions = list(dict.fromkeys(p for sheet in sheets for p in sheet.peak_tera_ops))
    rows: list[list[str]] = [
        ["kind", *(f"{sheet.vendor} {sheet.kind}" for sheet in sheets)],
        ["memory, GiB", *(_figure(sheet.memory_gib) for sheet in sheets)],
        ["bandwidth, GB/s", *(_figure(sheet.memory_bandwidth_gb_per_s) for sheet in sheets)],
    ]
    rows += [
        [f"{p}, T op/s", *(_figure(sheet.peak_tera_ops.get(p), "-") for sheet in sheets)]
        for p in precisions
    ]
    rows.append(
        [
            "arithmetic binds above, op/byte",
            *(_ridge(sheet) for sheet in sheets),
        ]
    )
    for title, cells in zip(
        [title for title, _ in links(sheets[0])][:4],
        zip(*[[value for _, value in links(sheet)][:4] for sheet in sheets], strict=True),
        strict=True,
    ):
        rows.append([title, *cells])
    rows.append(["released", *(str(sheet.release_year or "unknown") for sheet in sheets)])
    names = [sheet.name for sheet in sheets]
    return Table(("", *names), rows)


def _ridge(sheet: HardwareSheet) -> str:
    value = sheet.ridge_ops_per_byte.get(sheet.price_precision or "")
    return "unknown" if value is None else f"{plain(value, 3)} ({sheet.price_precision})"


def _figure(value: float | None, otherwise: str = "unknown") -> str:
    return otherwise if value is None else f"{value:,.6g}"


def _on(on: Sequence[DeviceOn]) -> list[Table | Bullets]:
    """How many devices, how fast, for how much."""
    return [on_table(on), Bullets([f"{one.name}: {one.why_not}." for one in on if one.why_not])]


def on_table(on: Sequence[DeviceOn]) -> Table:
    columns = (
        "device", "number", "layout", "speed", "80% range", "known by", "$/h", "$ per million",
    )  # fmt: skip
    rows = []
    for one in on:
        if one.devices is None or one.throughput is None:
            rows.append((one.name, "cannot", *[""] * 6))
            continue
        ends = f"{scaled(one.throughput_p10 or 0.0)} - {scaled(one.throughput_p90 or 0.0)}"
        each = one.usd_per_million_units
        rows.append(
            (
                one.name,
                f"{one.devices}",
                one.layout,
                f"{scaled(one.throughput)} {one.unit.replace('_per_s', '/s')}",
                ends,
                one.basis,
                "?" if one.usd_per_hour is None else plain(one.usd_per_hour),
                "?" if each is None else f"{each:.3g}",
            )
        )
    return Table(columns, rows, right=("number", "speed", "80% range", "$/h", "$ per million"))


def operator_rows(one: DeviceOn) -> list[tuple[str, ...]]:
    """Cells below OPERATOR_COLUMNS."""
    return [
        (
            part.name,
            f"{part.flops:.3g}",
            f"{part.bytes:.3g}",
            plain(part.ops_per_byte, 3),
            part.bound,
            f"{plain(part.flops_per_s / 1e12, 3)} T op/s",
            f"{part.share:.0%}",
        )
        for part in one.operators
    ]


def _roofline(result: HardwareComparison) -> list[Chart | Paragraph]:
    able = [one for one in result.on if one.peak_flops and one.memory_bytes_per_s and one.operators]
    if not able:
        return [Paragraph("No roofline: peaks, bandwidths or operators are unknown.")]
    roofs = [
        Roof(f"{one.name} {one.precision}", one.peak_flops or 1.0, one.memory_bytes_per_s or 1.0)
        for one in able
    ]
    placed = [
        Placed(
            number,
            part.name,
            part.ops_per_byte,
            part.flops_per_s,
            f"{part.name} on {one.name}: {part.share:.0%} of the time, bound by {part.bound}",
        )
        for number, one in enumerate(able)
        for part in one.operators
    ]
    words = (
        f"Operators of one {result.work_unit} at the speed that the model expects before learned "
        "corrections; left of a roof's bend the memory binds, right of it arithmetic. What moves "
        "between devices is not drawn."
    )
    rows = [(one.name, *row) for one in able for row in operator_rows(one)]
    right = ("operations", "bytes", "op/byte", "reaches", "share")
    table = Table(("device", *OPERATOR_COLUMNS), rows, right=right)
    return [Chart(words, roofline("Roofline", words, roofs, placed), table)]


def _bare_roofline(sheets: Sequence[HardwareSheet]) -> list[Chart | Paragraph]:
    """Roofs without work, in the precision of the prices."""
    roofs = []
    for sheet in sheets:
        precision, width = sheet.price_precision, sheet.memory_bandwidth_gb_per_s
        if precision is not None and width:
            peak = sheet.peak_tera_ops[precision] * 1e12
            roofs.append(Roof(f"{sheet.name} {precision}", peak, width * 1e9))
    if not roofs:
        return [Paragraph("No roofline: peak or memory bandwidth is unknown.")]
    words = "Operations/s by operations per byte moved; the bend is where arithmetic takes over."
    rows = [(r.name, plain(r.peak / 1e12), plain(r.bandwidth / 1e9), plain(r.ridge)) for r in roofs]
    columns = ("device", "peak, T op/s", "memory, GB/s", "bend, op/byte")
    table = Table(columns, rows, right=columns[1:])
    return [Chart(words, roofline("Roofline", words, roofs, []), table)]


def roofline_svg(result: HardwareSheet | HardwareComparison) -> str | None:
    """The drawing alone, as a file; None where there is none."""
    from planner.report.drawing.markup import svg_text

    if isinstance(result, HardwareSheet):
        blocks = _bare_roofline([result])
    else:
        blocks = _roofline(result) if result.on else _bare_roofline(result.sheets)
    chart = next((block for block in blocks if isinstance(block, Chart)), None)
    return None if chart is None else svg_text(chart.svg)


def _sweeps(sweeps: Sequence[Sweep], left_out: dict[str, str]) -> list[Chart | Bullets | Paragraph]:
    if not sweeps:
        return [Paragraph("Nothing of this workload can be varied.")]
    blocks: list[Chart | Bullets | Paragraph] = [
        Paragraph(
            "The cheapest plan of each side (real machines at their prices, rented whole, set-up "
            "and limits included) as one thing is varied and all else stays."
        ),
        Bullets([sweep.sentence for sweep in sweeps]),
    ]
    blocks += [chart for sweep in sweeps if (chart := _sweep_chart(sweep)) is not None]
    if left_out:
        blocks.append(
            Bullets([f"{SUBJECTS[name]}: not varied, {why}." for name, why in left_out.items()])
        )
    return blocks


def _sweep_chart(sweep: Sweep) -> Chart | None:
    lines = [
        Curve(
            side if any(point.usd is not None for point in points) else f"{side}: cannot",
            sweep.values,
            [point.usd for point in points],
        )
        for side, points in sweep.sides.items()
    ]
    if not any(value is not None for line in lines for value in line.y):
        return None
    table = sweep_table(sweep)
    subject = SUBJECTS[sweep.axis]
    marks = [(flip.at, "") for flip in sweep.flips]
    if sweep.now is not None:
        marks.append((sweep.now, "now"))
    svg = curves(
        f"Cost by {subject}",
        sweep.sentence,
        lines,
        x_title=f"{subject} ({sweep.unit})",
        y_title="USD",
        x_format=lambda value: tick(value, sweep.unit),
        y_format=money,
        marks=marks,
    )
    return Chart(f"Cost of the cheapest plan by {subject}.", svg, table)


def sweep_table(sweep: Sweep) -> Table:
    """A row a value, a column a side."""
    names = list(sweep.sides)
    rows = []
    for number, value in enumerate(sweep.values):
        cells = []
        for side in names:
            point = sweep.sides[side][number]
            device = f" ({point.device})" if point.device and point.device != side else ""
            cells.append("cannot" if point.usd is None else money(point.usd) + device)
        rows.append((value_of(value, sweep.unit), *cells, sweep.winners[number] or "nobody"))
    return Table((SUBJECTS[sweep.axis], *names, "cheapest"), rows, right=names)
