"""``planner catalog import`` and ``planner catalog overlays``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from planner.cli.catalog_options import Format, FormatOption, QuietOption, say


class FormOption(StrEnum):
    """What a file holds; a test holds it against ``planner.actions.catalog.overlays.Form``."""

    YAML = "yaml"
    RATES = "rates"
    FOCUS = "focus"
    SKYPILOT = "skypilot"


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("import")(import_command)
    app.command()(overlays)


def import_command(
    file: Annotated[str, typer.Argument(help="YAML of discounts, rates, sites; or CSV.")],
    name: Annotated[str, typer.Option(help="Name of the overlay, e.g. edp-2026.")],
    form: Annotated[
        FormOption | None,
        typer.Option("--as", help="What the file holds. [default: told by its columns]"),
    ] = None,
    cloud: Annotated[str, typer.Option(help="Cloud of a SkyPilot catalog.")] = "",
    region: Annotated[str, typer.Option(help="Keep this region's rates only.")] = "",
    quiet: QuietOption = False,
) -> int:
    """Lay own prices over the catalog: negotiated discounts, own rates, billing exports, sites.

    Overlays are private: they stay in your data folder (mode 0600). YAML has `discounts:`
    (discount, cloud, family or instance_type, region, kinds), `rates:` and `sites:`; CSV has own
    rates (cloud, region, instance_type, usd_per_hour), a FOCUS 1.x billing export or a SkyPilot
    catalog.
    """
    from planner.actions.catalog.overlays import Form, import_overlay

    found = import_overlay(
        file, name, form=Form(form.value) if form else None, cloud=cloud, region=region
    )
    overlay = found.overlay
    if not quiet:
        word = "replaced" if found.replaced else "saved"
        say(
            f"{word} overlay {overlay.name}: {len(overlay.discounts)} discounts, "
            f"{len(overlay.rates)} rates, {len(overlay.sites)} sites ({found.path})"
        )
        for reason, count in found.left_out.most_common():
            say(f"  left out {count}: {reason}")
    return 0


def overlays(
    remove: Annotated[str, typer.Option(metavar="NAME", help="Remove this one.")] = "",
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """List overlays, the oldest import first; later ones go over earlier ones."""
    from planner.actions.catalog.overlays import list_overlays, remove_overlay
    from planner.cli.catalog_formats import as_csv, as_json, as_markdown
    from planner.cli.catalog_tables import console_of, table_of

    if remove:
        remove_overlay(remove)
        if not quiet:
            say(f"removed overlay {remove}")
        return 0
    columns = ("name", "form", "discounts", "rates", "sites", "imported", "origin")
    rows = [
        {
            "name": o.name, "form": o.form, "discounts": len(o.discounts), "rates": len(o.rates),
            "sites": len(o.sites), "imported": o.imported_at.isoformat(), "origin": o.origin,
        }
        for o in list_overlays()
    ]  # fmt: skip
    if format is Format.JSON:
        typer.echo(as_json({"schema": "planner.catalog_overlays/1", "overlays": rows}))
    elif format is Format.CSV:
        typer.echo(as_csv(columns, rows), nl=False)
    elif format is Format.MARKDOWN:
        typer.echo(as_markdown(columns, rows), nl=False)
    elif rows:
        table = table_of(columns, right=("discounts", "rates", "sites"))
        for row in rows:
            table.add_row(*(str(row[name]) for name in columns))
        console_of(100).print(table)
    if not rows and not quiet:
        say("no overlays; see planner catalog import --help")
    return 0
