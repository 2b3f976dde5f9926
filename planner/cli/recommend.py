"""``planner recommend``: a workload file or flags in, a recommendation out."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import Format, say, show
from planner.cli.workload_options import Given, with_workload

if TYPE_CHECKING:
    from planner.actions.recommend.risk import RiskOptions
    from planner.results import PortfolioResult, Recommendation


class Objective(StrEnum):
    """What the choice makes least; a test holds it against ``planner.results.risk``."""

    MEDIAN_COST = "median-cost"
    P90_COST = "p90-cost"
    EXPECTED_COST = "expected-cost"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("recommend")(recommend)


@with_workload
def recommend(
    given: Given,
    top: Annotated[int, typer.Option(min=0, max=100, help="Alternatives shown.")] = 5,
    scenarios: Annotated[
        int | None,
        typer.Option(
            min=100, max=200_000, help="Draw speed, interruptions and spot prices, e.g. 10000."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the scenarios; 0 by default.")] = None,
    objective: Annotated[
        Objective, typer.Option(help="What to make least; p90 and expected use scenarios.")
    ] = Objective.MEDIAN_COST,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, with sources, and what relaxing saves.")
    ] = False,
    near: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Other plans within this share of the cost, e.g. 5%."),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Refuse a plan whose price is older, e.g. 7d."),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Fetch prices first; with --max-age, only if too old."),
    ] = False,
    currency: Annotated[
        str | None,
        typer.Option(metavar="CODE[=RATE]", help="Show costs also in EUR, or at EUR=0.92 a USD."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Recommend the cheapest configuration that meets the workload's constraints.

    Flags replace fields of the file. Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over
    budget.
    """
    from planner.actions.session import open_session

    risk = _risk(scenarios, seed, objective)
    within = None if near is None else _share(near)
    told = None if quiet else say

    def ask() -> Recommendation | PortfolioResult:
        return open_session(say=told).answer_from(
            given.file,
            text,
            given.fields,
            given.place,
            top=top,
            explain=explain,
            near=within,
            risk=risk,
        )

    text = None
    if given.file == "-" and refresh:  # stdin can be read once
        text = sys.stdin.read(1 << 20)
    if max_age is None and not refresh and currency is None:
        return show(ask(), format, explain)
    from planner.actions.current import current

    result = current(ask, max_age=max_age, refresh=refresh, currency=currency, say=told)
    return show(result, format, explain)


def _risk(scenarios: int | None, seed: int | None, objective: Objective) -> RiskOptions | None:
    """Scenarios where a flag asks for them. Raises BadInput for a seed of nothing."""
    if scenarios is None and objective is Objective.MEDIAN_COST:
        if seed is None:
            return None
        from planner.errors import BadInput

        raise BadInput("is a seed of no scenarios", where="--seed", remedy="add --scenarios 10000")
    from planner.actions.recommend.risk import SCENARIOS, RiskOptions

    return RiskOptions(scenarios or SCENARIOS, seed or 0, objective.value)


def _share(text: str) -> float:
    from planner.errors import BadInput
    from planner.quantities import share

    try:
        return share(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(problem, where="--near", remedy=remedy) from None
