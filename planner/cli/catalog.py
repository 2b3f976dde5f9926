"""``planner catalog``: what is offered, where each figure is from, and live refreshes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from planner.cli import catalog_changes, catalog_overlays, catalog_rates, catalog_refresh
from planner.cli.catalog_options import Format, FormatOption, QuietOption, open_catalog, say

app = typer.Typer(
    name="catalog",
    help="Offers, prices and facts, each with its source and date; live refreshes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            help="Parts of names, e.g. h100 spot us-east; gpu, tpu, cpu, '<2.50' USD/h, doubtful.",
        ),
    ] = None,
    cloud: Annotated[list[str] | None, typer.Option(help="Cloud; repeatable.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Region; repeatable.")] = None,
    residency: Annotated[
        list[str] | None,
        typer.Option(help="eu, us, gov, uk, canada, apac ... or a country; repeatable."),
    ] = None,
    accelerator: Annotated[
        list[str] | None, typer.Option(help="Accelerator name or alias, or cpu; repeatable.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", "--purchase", help="on_demand, spot, reservation ...; repeatable."),
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(help="vm, sagemaker, vertex-ai, azure-ml or all; repeatable. [default: vm]"),
    ] = None,
    max_price: Annotated[
        float | None, typer.Option(metavar="USD_PER_HOUR", help="Most a machine may cost an hour.")
    ] = None,
    min_memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", help="Least memory of one accelerator; of a CPU-only machine."),
    ] = None,
    gpu: Annotated[
        bool | None, typer.Option("--gpu/--cpu", help="With a GPU, or without any accelerator.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Rows shown, 0 = all. Tables show 40, JSON and CSV all."),
    ] = None,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """List offers that match all filters, with price, age and source.

    Cheapest first; prices that are doubted or over a year old come after the others.
    """
    from catalog.accelerators import AcceleratorKind
    from planner.actions.catalog.listing import list_offers
    from planner.actions.catalog.search import typed_filters
    from planner.cli import catalog_formats, catalog_tables

    catalog = open_catalog(quiet)
    typed = typed_filters(catalog, words or ())
    filters = replace(
        typed,
        clouds=cloud or (),
        regions=region or (),
        residencies=residency or (),
        accelerators=accelerator or (),
        kinds=kind or (),
        platforms=platform or typed.platforms,
        max_usd_per_hour=typed.max_usd_per_hour if max_price is None else max_price,
        min_memory_gib=min_memory,
        has_accelerator=typed.has_accelerator if gpu is None else None if gpu else False,
        device_kinds=typed.device_kinds if gpu is None else (AcceleratorKind.GPU,) * gpu,
    )
    for_people = format in (Format.TABLE, Format.MARKDOWN)
    most = limit if limit is not None else (40 if for_people else 0)
    listing = list_offers(catalog, filters, limit=most)
    if format is Format.TABLE:
        catalog_tables.print_listing(listing)
    elif format is Format.JSON:
        typer.echo(catalog_formats.listing_json(listing))
    elif format is Format.MARKDOWN:
        typer.echo(catalog_formats.listing_markdown(listing), nl=False)
    else:
        typer.echo(catalog_formats.listing_csv(listing), nl=False)
    hidden = listing.matching - len(listing.offers)
    if not quiet and hidden:
        say(f"{len(listing.offers):,} of {listing.matching:,} offers shown; --limit 0 shows all")
    return 0


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Accelerator, machine, device, model, region.")],
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Show all facts about one name, each with its source and date."""
    from planner.actions.catalog.facts import show as facts_about
    from planner.cli import catalog_formats, catalog_tables

    sections = facts_about(open_catalog(quiet), name)
    if format is Format.TABLE:
        catalog_tables.print_sections(sections)
    elif format is Format.JSON:
        typer.echo(catalog_formats.sections_json(sections))
    elif format is Format.MARKDOWN:
        typer.echo(catalog_formats.sections_markdown(sections), nl=False)
    else:
        typer.echo(catalog_formats.sections_csv(sections), nl=False)
    return 0


@app.command()
def check(
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Check the published catalog: prices, machines, accelerators, regions, platforms, sources.

    Exit codes: 0 no fault (remarks may remain), 2 a row is wrong.
    """
    from planner.actions.catalog.listing import check as check_all
    from planner.cli import catalog_formats, catalog_tables

    catalog = open_catalog(quiet)
    findings = check_all(catalog)
    faults = sum(finding.effect != "note" for finding in findings)
    if format is Format.TABLE:
        catalog_tables.print_findings(findings)
    elif format is Format.JSON:
        typer.echo(catalog_formats.findings_json(findings, catalog.content_id))
    elif format is Format.MARKDOWN:
        typer.echo(catalog_formats.findings_markdown(findings), nl=False)
    else:
        typer.echo(catalog_formats.findings_csv(findings), nl=False)
    if not quiet:
        say(f"{catalog.offer_count:,} offers checked: {faults} faults, "
            f"{len(findings) - faults} remarks")  # fmt: skip
    return 2 if faults else 0


catalog_refresh.register(app)
catalog_changes.register(app)
catalog_overlays.register(app)
catalog_rates.register(app)
