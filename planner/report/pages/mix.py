"""The report of a mix made from a user's own throughput table."""

from __future__ import annotations

from planner.amounts import money
from planner.report.document import Bullets, Chart, Document, Draft, Table
from planner.report.drawing.charts import Bar, bars
from planner.report.mix import headline
from planner.report.pages.fronts import FRONTS, mix_front_blocks
from planner.report.pages.swings import TITLE, swings
from planner.results.mix import MixResult
from planner.results.study import MixStudy


def mix_document(study: MixStudy, *, made: str) -> Document:
    """What to rent, how it is loaded, what goes where, and what would change its cost."""
    result = study.result
    page = Draft([])
    page.add("What to rent", _groups(result))
    page.add("Cost by machine", _costs(result))
    page.add("How they are loaded", _loads(result))
    for name, table in _routes(result):
        page.add(f"Share of requests that goes to {name}", table)
    page.add("Queues", Bullets(_queues(result)))
    page.add(TITLE, *swings(study.sensitivities, study.why_none))
    for front in study.fronts:
        page.add(f"Cost against {FRONTS[front.over]}", *mix_front_blocks(front))
    page.add("Notes", Bullets([*result.reasons, *_assumed(study), *result.notes]))
    facts = [("Requests", f"{result.requests_per_second:g} a second")]
    if result.cost_usd_per_hour is not None:
        facts.insert(0, ("Cost", f"{money(result.cost_usd_per_hour)} an hour"))
    if result.cost_usd_per_million_requests is not None:
        facts.append(("Per million requests", money(result.cost_usd_per_million_requests)))
    if result.bound_usd_per_hour is not None:
        facts.append(("No mix costs less than", f"{money(result.bound_usd_per_hour)} an hour"))
    return Document(f"Mix: {result.name}", headline(result), facts, page.sections, made)


def _assumed(study: MixStudy) -> list[str]:
    """What the profile says, which nobody checked here."""
    return [
        "Throughputs and prices are those of the profile.",
        *(["Arrivals are drawn, not measured."] if study.result.simulation is not None else []),
    ]


def _groups(result: MixResult) -> Table:
    columns = ("machine", "count", "each an hour", "all an hour", "loaded", "requests/s", "waits")
    rows = [
        (
            group.type,
            str(group.count),
            money(group.usd_per_hour),
            money(group.cost_usd_per_hour),
            f"{group.utilisation:.0%}",
            f"{group.requests_per_second:.4g}",
            "" if group.queue_delay_s is None else f"{group.queue_delay_s:.3g} s",
        )
        for group in result.groups
    ]
    return Table(columns, rows, right=columns[1:])


def _costs(result: MixResult) -> Chart | None:
    if not result.groups:
        return None
    rows = [
        Bar(f"{g.count} x {g.type}", g.cost_usd_per_hour, money(g.cost_usd_per_hour))
        for g in result.groups
    ]
    table = Table(
        ("machines", "USD an hour"), [(r.name, r.said) for r in rows], right=("USD an hour",)
    )
    return Chart(
        "Dollars an hour.", bars("Cost an hour", "One bar a machine type.", rows, money), table
    )


def _loads(result: MixResult) -> Chart | None:
    if not result.groups:
        return None

    def said(share: float) -> str:
        return f"{share:.0%}"

    rows = [Bar(g.type, g.utilisation, said(g.utilisation)) for g in result.groups]
    table = Table(("machine", "loaded"), [(r.name, r.said) for r in rows], right=("loaded",))
    svg = bars("Load over capacity", "One bar a machine type; 100% is saturated.", rows, said)
    return Chart("Load over capacity.", svg, table)


def _routes(result: MixResult) -> list[tuple[str, Table]]:
    """Input lengths down, output lengths across."""
    found = []
    outputs = [f"out {length}" for length in result.output_len_buckets]
    for name, shares in result.assignment.items():
        rows = [
            (f"in {length}", *(f"{share:.0%}" if share else "" for share in row))
            for length, row in zip(result.input_len_buckets, shares, strict=False)
        ]
        found.append((name, Table(("", *outputs), rows, right=outputs)))
    return found


def _queues(result: MixResult) -> list[str]:
    done = result.simulation
    if done is None:
        return []
    limit = "" if done.max_queue_delay_s is None else f", limit {done.max_queue_delay_s:g} s"
    return [
        f"Simulated {done.requests:,} requests (burstiness {done.burstiness:g}, seed {done.seed}): "
        f"p{done.percentile:g} waits {done.queue_delay_s:.3g} s, {done.worst_queue_delay_s:.3g} s "
        f"in the worst group{limit}.",
    ]
