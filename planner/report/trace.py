"""A profile as table, CSV and Markdown; JSON and YAML are the document itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.trace.profile import LayerTotals, Profile, inline

LAYERS_SHOWN = 12
COLUMNS = (
    "name", "type", "calls", "parameters", "parameter_bytes", "flops", "activation_values",
    "activation_bytes", "output_shape",
)  # fmt: skip


def headline(profile: Profile) -> str:
    """The profile in a sentence."""
    t = profile.totals
    return (
        f"{amount(t.parameters, giga='B')} parameters in {size(t.parameter_bytes)}; one sample's "
        f"forward pass takes {amount(t.forward_flops)} operations ({amount(t.forward_flops / 2)} "
        f"multiply-accumulates) and writes {amount(t.activation_values)} values, "
        f"{size(t.activation_bytes)}"
    )


def print_profile(profile: Profile, console: Console) -> None:
    """Headline, operators by class, the layers with most operations, and the model's mapping."""
    console.print(Text(f"{profile.model.name}: ", style="bold") + Text(headline(profile)))
    console.print(_operators(profile))
    console.print(_layers(_repeated(profile.layers)))
    words = (f"{name}: {value}" for name, value in _plain(profile).items())
    console.print(Text("model: {" + ", ".join(words) + "}"))


@dataclass
class _Repeated:
    """Layers that differ in their numbers only, such as those of equal blocks."""

    name: str
    type: str
    output: str
    count: int = 0
    parameters: int = 0
    flops: float = 0.0
    written: float = 0.0


def _repeated(layers: Sequence[LayerTotals]) -> list[_Repeated]:
    """In the order of their first."""
    found: dict[tuple[str, str, str], _Repeated] = {}
    for layer in layers:
        name = ".".join("*" if part.isdigit() else part for part in layer.name.split("."))
        key = (name, layer.type, "x".join(map(str, layer.output_shape)))
        row = found.setdefault(key, _Repeated(layer.name, *key[1:]))
        row.name = name if row.count else layer.name
        row.count += 1
        row.parameters += layer.parameters
        row.flops += layer.flops
        row.written += layer.activation_values
    return list(found.values())


def _plain(profile: Profile) -> dict[str, object]:
    """The model as YAML's flow style writes it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in inline(profile.model).items()
    }


def _operators(profile: Profile) -> Table:
    table = _table("operators", "calls", "operations", "share", "written", "read")
    total = sum(row.flops for row in profile.operators) or 1.0
    for row in profile.operators:
        table.add_row(
            row.operator_class,
            str(row.calls),
            amount(row.flops),
            f"{row.flops / total:.1%}",
            amount(row.activation_values),
            size(row.read_bytes),
        )
    return table


def _layers(rows: Sequence[_Repeated]) -> Table:
    table = _table("layers", "number", "type", "output", "parameters", "operations", "written")
    largest = sorted(rows, key=lambda row: -row.flops)[:LAYERS_SHOWN]
    for row in rows:
        if any(row is each for each in largest):
            table.add_row(
                Text(row.name, overflow="ellipsis", no_wrap=True),
                str(row.count),
                row.type,
                row.output,
                amount(row.parameters, giga="B"),
                amount(row.flops),
                amount(row.written),
            )
    others = [row for row in rows if not any(row is each for each in largest)]
    if others:
        table.add_row(
            "others",
            str(sum(row.count for row in others)),
            "",
            "",
            amount(sum(row.parameters for row in others), giga="B"),
            amount(sum(row.flops for row in others)),
            amount(sum(row.written for row in others)),
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, title in enumerate(titles):
        left = number == 0 or title in ("type", "output")
        table.add_column(title, justify="left" if left else "right")
    return table


def to_csv(profile: Profile) -> str:
    """One row a layer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(layer) for layer in profile.layers)
    return out.getvalue().rstrip("\n")


def to_markdown(profile: Profile) -> str:
    lines = [headline(profile), "", "| class | calls | flops | activation_values | read_bytes |"]
    lines.append("|" + " --- |" * 5)
    lines += [
        f"| {row.operator_class} | {row.calls} | {row.flops:.6g} | {row.activation_values:.6g} "
        f"| {row.read_bytes:.6g} |"
        for row in profile.operators
    ]
    lines += ["", "| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(map(str, _row(layer))) + " |" for layer in profile.layers]
    lines += ["", "```yaml", f"model: {json.dumps(inline(profile.model))}", "```"]
    return "\n".join(lines)


def _row(layer: LayerTotals) -> list[object]:
    shape = "x".join(map(str, layer.output_shape))
    return [getattr(layer, name) for name in COLUMNS[:-1]] + [shape]


def amount(value: float, giga: str = "G") -> str:
    """A count as people say it: 25.6M, 8.18G; parameters: 7.2B."""
    for unit, scale in (("P", 1e15), ("T", 1e12), (giga, 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{unit}"
    return f"{value:.3g}"


def size(value: float) -> str:
    """Bytes as people say them: 97.5 MiB."""
    for unit, scale in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"
