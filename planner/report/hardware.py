"""Hardware in a terminal, and as rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from planner.amounts import plain
from planner.report.document import Table
from planner.report.hardware_words import SUBJECTS
from planner.report.pages.hardware import (
    OPERATOR_COLUMNS,
    PRICE_COLUMNS,
    known,
    lead,
    links,
    on_table,
    operator_rows,
    peaks,
    price_rows,
    side_by_side,
    sweep_table,
)
from planner.results.hardware import HardwareComparison, HardwareEntry, HardwareList, HardwareSheet

# Columns of a roofline in plain characters.
_WIDTH, _HEIGHT = 64, 12
LIST_COLUMNS = (
    "name", "vendor", "kind", "memory_gib", "memory_bandwidth_gb_per_s", "peak_bf16_tflops",
    "peak_int8_tops", "tdp_w", "release_year", "usd_per_hour", "price_age_days", "offers",
    "measurements",
)  # fmt: skip


def print_list(result: HardwareList, console: Console) -> None:
    """One line a device."""
    table = _plain(
        ("device", "kind", "GiB", "GB/s", "16 bit", "int8", "W", "year", "USD/h", "age", "offers",
         "runs"),
        right=("GiB", "GB/s", "16 bit", "int8", "W", "year", "USD/h", "age", "offers", "runs"),
    )  # fmt: skip
    for entry in result.entries:
        usd = "" if entry.usd_per_hour is None else plain(entry.usd_per_hour, 3)
        table.add_row(
            entry.name,
            entry.kind,
            _cell(entry.memory_gib),
            _cell(entry.memory_bandwidth_gb_per_s),
            _cell(_sixteen(entry)),
            _cell(entry.peak_tera_ops.get("int8")),
            _cell(entry.tdp_w),
            str(entry.release_year or "?"),
            usd,
            "" if entry.price_age_days is None else f"{entry.price_age_days}d",
            str(entry.offers or ""),
            str(entry.measurements or ""),
        )
    console.print(table)
    console.print("16 bit, int8: dense T op/s. USD/h: one device, cheapest on demand.")


def list_csv(result: HardwareList) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(LIST_COLUMNS)
    for entry in result.entries:
        cells = {
            **entry.model_dump(exclude={"peak_tera_ops"}),
            "peak_bf16_tflops": entry.peak_tera_ops.get("bf16"),
            "peak_int8_tops": entry.peak_tera_ops.get("int8"),
        }
        writer.writerow("" if cells[name] is None else cells[name] for name in LIST_COLUMNS)
    return out.getvalue().rstrip("\n")


def print_sheet(sheet: HardwareSheet, console: Console) -> None:
    """Peaks, prices, links, and what is known."""
    console.print(Text(f"{sheet.name}: ", style="bold") + Text(lead(sheet)))
    _print(peaks(sheet), console)
    for title, value in links(sheet):
        console.print(Text(f"{title}: {value}"))
    if sheet.prices:
        precision = sheet.price_precision or "arithmetic"
        console.print(Text(f"\nCheapest by way to pay, one device, USD/h ({precision})", "bold"))
        _print(Table(PRICE_COLUMNS, price_rows(sheet.prices), right=_PRICED), console)
    else:
        console.print("No offer in the catalog sells it.")
    for line in known(sheet):
        console.print(Text(f"- {line}"))


_PRICED = ("USD/h", "per TFLOP/s", "per GB/s", "offers", "age")


def print_comparison(result: HardwareComparison, console: Console) -> None:
    """Datasheets; on a workload the operators, rooflines and sweeps."""
    _print(side_by_side(result.sheets), console)
    cells = [(sheet.name, *row) for sheet in result.sheets for row in price_rows(sheet.prices)[:2]]
    if cells:
        console.print(Text("\nThe two cheapest ways to pay, one device, USD/h", style="bold"))
        _print(Table(("device", *PRICE_COLUMNS), cells, right=_PRICED), console)
    if not result.on:
        return
    console.print(
        Text(f"\n{result.workload} on the number of devices that does most each", style="bold")
    )
    _print(on_table(result.on), console)
    for one in result.on:
        if one.why_not:
            console.print(Text(f"- {one.name}: {one.why_not}"))
    for one in result.on:
        if not one.operators:
            continue
        title = f"\n{one.name}: operators of one {result.work_unit} on one device"
        console.print(Text(title, style="bold"))
        _print(Table(OPERATOR_COLUMNS, operator_rows(one), right=OPERATOR_COLUMNS[1:4]), console)
    for line in text_roofline(result):
        console.print(Text(line))
    console.print(Text("\nWhen which is cheapest", style="bold"))
    for sweep in result.sweeps:
        console.print(Text(f"- {sweep.sentence}"))
    for name, why in result.not_swept.items():
        console.print(Text(f"- {SUBJECTS[name]}: not varied, {why}."))
    for sweep in result.sweeps:
        console.print()
        _print(sweep_table(sweep), console)


def text_roofline(result: HardwareComparison) -> list[str]:
    """Roofs and operators in plain characters, both axes logarithmic."""
    import math

    able = [one for one in result.on if one.peak_flops and one.memory_bytes_per_s and one.operators]
    if not able:
        return []
    points = [(p.ops_per_byte, p.flops_per_s) for one in able for p in one.operators]
    ridges = [(o.peak_flops or 1) / (o.memory_bytes_per_s or 1) for o in able]
    low, high = min([x for x, _ in points] + ridges) / 2, max([x for x, _ in points] + ridges) * 2
    bottom = min(y for _, y in points) / 2
    top = max(one.peak_flops or 1.0 for one in able) * 1.2
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]

    def put(x: float, y: float, mark: str) -> None:
        column = round(math.log(x / low) / math.log(high / low) * (_WIDTH - 1))
        row = round(math.log(y / bottom) / math.log(top / bottom) * (_HEIGHT - 1))
        if 0 <= column < _WIDTH and 0 <= row < _HEIGHT:
            grid[_HEIGHT - 1 - row][column] = mark

    for one in able:
        for column in range(_WIDTH):
            x = low * (high / low) ** (column / (_WIDTH - 1))
            put(x, min(one.peak_flops or 0.0, x * (one.memory_bytes_per_s or 0.0)), ".")
    for number, one in enumerate(able, start=1):
        for part in one.operators:
            put(part.ops_per_byte, part.flops_per_s, str(number % 10))
    lines = ["", "Roofline: operations/s upwards, operations per byte to the right, both log"]
    for number, cells in enumerate(grid):
        label = f"{plain(top / 1e12, 3)}T" if number == 0 else ""
        label = f"{bottom / 1e12:.2g}T" if number == _HEIGHT - 1 else label
        lines.append(f"{label:>7} |{''.join(cells)}".rstrip())
    lines.append(f"{'':>7} +{'-' * _WIDTH}")
    ends = plain(low, 3), plain(high, 3)
    lines.append(f"{'':>9}{ends[0]}{ends[1]:>{_WIDTH - len(ends[0])}}")
    names = "  ".join(f"{n % 10} on {one.name}" for n, one in enumerate(able, start=1))
    return [*lines, f"  . roofs  {names}"]


def _print(table: Table, console: Console) -> None:
    shown = _plain(table.columns, table.right)
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)


def _plain(columns: Sequence[str], right: Sequence[str] = ()) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        side = "right" if column in right else "left"
        table.add_column(column, justify="right" if side == "right" else "left", overflow="fold")
    return table


def _sixteen(entry: HardwareEntry) -> float | None:
    return entry.peak_tera_ops.get("bf16", entry.peak_tera_ops.get("fp16"))


def _cell(value: float | None) -> str:
    return "?" if value is None else plain(value)
