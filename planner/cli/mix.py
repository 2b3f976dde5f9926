"""``planner mix``: throughput per request size in, machines and routing out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.answers import Format, console

if TYPE_CHECKING:
    from planner.actions.mix.plan import MixOptions
    from planner.optimize.mix.profile import MixProfile


class Front(StrEnum):
    TYPES = "types"
    HEAD_ROOM = "head-room"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("mix")(mix)


def mix(
    file: Annotated[
        str, typer.Argument(metavar="PROFILE.json", help="Mix profile, JSON or YAML; - for stdin.")
    ],
    requests_per_second: Annotated[
        float | None, typer.Option(help="Of all sizes together, instead of the file's.")
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS=UNITS", help="Most that a quota class has; repeatable."),
    ] = None,
    max_types: Annotated[int | None, typer.Option(help="Most kinds of accelerator.")] = None,
    max_spot_share: Annotated[
        float | None, typer.Option(help="Most of all requests on spot, 0 to 1.")
    ] = None,
    min_zones: Annotated[int | None, typer.Option(help="Zones to spread over.")] = None,
    min_regions: Annotated[int | None, typer.Option(help="Regions to spread over.")] = None,
    min_clouds: Annotated[int | None, typer.Option(help="Clouds to spread over.")] = None,
    spare: Annotated[
        int | None, typer.Option(help="Instances of each offer that may fail (N+k).")
    ] = None,
    max_utilisation: Annotated[
        float | None, typer.Option(help="Most that an instance is loaded to, 0 to 1.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Most it may cost, USD per hour.")] = None,
    max_queue_delay: Annotated[
        float | None, typer.Option(help="Longest wait in seconds at the percentile.")
    ] = None,
    percentile: Annotated[float | None, typer.Option(help="Of the wait, 95 by default.")] = None,
    burstiness: Annotated[
        float | None, typer.Option(help="Squared variation of arrival gaps; 1 is Poisson.")
    ] = None,
    simulation: Annotated[
        bool, typer.Option("--simulation/--no-simulation", help="Check the mix by simulation.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulation.")] = 0,
    gap: Annotated[
        float | None,
        typer.Option(help="How near to the best, relative: 1e-6 for small mixes, else 1e-3."),
    ] = None,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds a solve may take.")] = 30.0,
    solver: Annotated[str, typer.Option(help="HiGHS, CBC or any that PuLP knows.")] = "HiGHS",
    front: Annotated[
        Front | None,
        typer.Option(help="List what fewer machine types, or more head-room, cost."),
    ] = None,
    write_lp: Annotated[
        str | None, typer.Option(metavar="FILE.lp", help="Write the program to a file as well.")
    ] = None,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Find the cheapest mix of machines for requests of many sizes, proven or with its gap.

    Flags replace fields of the file. Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over
    budget.
    """
    from planner.actions.mix.plan import MixOptions, plan_mix, profile_from, varied
    from planner.errors import BadInput

    spread = [
        {"over": over, "at_least": least}
        for over, least in (("zone", min_zones), ("region", min_regions), ("cloud", min_clouds))
        if least is not None
    ]
    if percentile is not None and max_queue_delay is None:
        raise BadInput("goes with --max-queue-delay", where="--percentile", remedy="give both")
    limits: dict[str, Any] = {
        "quotas": _quotas(quota or []),
        "max_types": max_types,
        "max_spot_share": max_spot_share,
        "spread": spread,
        "spare_instances": spare,
        "max_utilisation": max_utilisation,
        "budget_usd_per_hour": budget,
    }
    options = MixOptions(gap, time_limit, solver, seed, simulation, write_lp)
    if front is not None:
        for flag, given in (("--max-queue-delay", max_queue_delay), ("--write-lp", write_lp)):
            if given is not None:
                raise BadInput("does not go with --front", where=flag, remedy="leave one out")
    slo = {"max_queue_delay_s": max_queue_delay, "percentile": percentile}
    profile = profile_from(file, None, limits, slo, burstiness)
    profile = varied(profile, requests_per_second=requests_per_second)
    if front is not None and _show_front(profile, front, options, format):
        if profile.slo is not None and not quiet:
            typer.echo("note: delays are shown; the profile's limit on them is not kept", err=True)
        return 0
    result = plan_mix(profile, options)
    if format is Format.TABLE:
        from planner.report.mix import print_mix

        if result.groups or result.status != "infeasible":
            print_mix(result, console())
    else:
        from planner.report.mix import to_csv, to_json, to_markdown

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(result))
    for line in [] if quiet else result.notes:
        typer.echo(f"note: {line}", err=True)
    if result.status == "infeasible":
        typer.echo("infeasible: no mix meets the limits", err=True)
        for line in result.reasons:
            typer.echo(f"  - {line}", err=True)
        return 3
    if result.over_budget:
        typer.echo(f"over budget: the mix costs ${result.cost_usd_per_hour:g}/h", err=True)
        return 4
    return 0


def _show_front(profile: MixProfile, over: Front, options: MixOptions, form: Format) -> bool:
    """Print the front; false, and nothing printed, when there is no mix at all."""
    from planner.actions.mix.front import mix_front

    found = mix_front(profile, over.value, options)
    if not found.points:
        return False
    if form is Format.TABLE:
        from planner.report.mix_front import print_front

        print_front(found, console())
    else:
        from planner.report.mix_front import to_csv, to_markdown
        from planner.report.rows import to_json

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[form]
        typer.echo(write(found))
    return True


def _quotas(given: list[str]) -> dict[str, float]:
    from planner.errors import BadInput

    found = {}
    for text in given:
        name, equals, units = text.rpartition("=")
        try:
            found[name] = float(units)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise BadInput(
                f"{text!r} is not a quota", where="--quota", remedy="write --quota 'aws/P=192'"
            )
    return found
