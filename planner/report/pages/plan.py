"""The report of a recommendation."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from planner.amounts import hours, hours_range, money, plain, seconds
from planner.report.document import (
    Bullets,
    Chart,
    Commands,
    Document,
    Draft,
    Paragraph,
    Section,
    Table,
)
from planner.report.drawing.charts import Bar, Point, Range, bars, ranges, steps
from planner.report.pages.grounds import facts_table
from planner.report.pages.swings import swings
from planner.report.risk import sentences
from planner.report.rows import chosen
from planner.report.service_mix import size_lines
from planner.report.words import cost, spread, time_scale, titles, when
from planner.results import FrontPoint, Item, Recommendation
from planner.results.risk import RiskOption
from planner.results.study import Study

COST_LINES = {
    "work_usd": "work", "set_up_usd": "set-up", "interruption_usd": "interruptions",
    "rounding_usd": "billing steps", "headroom_usd": "head-room", "capital_usd": "machines bought",
    "egress_usd": "data moved", "storage_usd": "data stored",
}  # fmt: skip
TIME_LINES = {
    "compute_hours": "computing", "communication_hours": "communication",
    "overhead_hours": "launches and input", "set_up_hours": "set-up",
    "interruption_hours": "interruptions",
}  # fmt: skip
KEPT = (
    " (another plan may win there); the speed alone keeps the plan, for it is known only afterwards"
)
# A smaller part of a whole worth a line: it rounds to 0.0%.
LEAST_SHARE = 0.0005


def plan_document(study: Study, *, file: str, made: str) -> Document:
    """Everything about one plan. ``made`` says by what and when the report was written."""
    result = study.result
    name = str(result.workload.get("name", "workload"))
    page = Draft([])
    page.add("Recommendation", *_recommended(result))
    page.add(f"Cost against {_quantity(result)}", *_front(result))
    page.add("Where the cost goes", _breakdown(result))
    page.add("Where the time goes", _time(result))
    page.add("What would change the cost", *swings(study.sensitivities, study.why_none, KEPT))
    page.add("What binds", *_binding(study))
    page.add("Risk", *_risk(study))
    page.add("How old the figures are", *_age(study))
    page.add("Assumptions", Bullets(study.assumptions))
    page.add("Evidence", *_evidence(study))
    page.add("How to make this again", *_again(study, file))
    return Document(f"Plan: {name}", result.headline, _facts(result), page.sections, made)


def sections_of(result: Recommendation) -> list[Section]:
    """What a plan inside a portfolio is worth saying."""
    name = str(result.workload.get("name", "workload"))
    page = Draft([])
    page.add(name, Paragraph(result.headline), _alternatives(result), _breakdown(result))
    return page.sections


def _facts(result: Recommendation) -> list[tuple[str, str]]:
    item, mix = result.recommendation, result.mix
    hourly = item.cost_usd_per_hour if mix is None else mix.cost_usd_per_hour
    total = item.cost_usd if mix is None else mix.cost_usd
    facts = []
    if hourly is not None:
        facts.append(("Cost", f"{money(hourly)} an hour"))
        facts.append((f"Over {item.horizon_hours:,.6g} h", money(total)))
    else:
        facts.append(("Cost", money(total)))
        if mix is None:
            facts.append(
                ("80% of cases", f"{money(item.cost_usd_p10)} to {money(item.cost_usd_p90)}")
            )
    if item.hours is not None:
        facts.append(("Time", hours(item.hours)))
        if item.hours_p10 is not None and item.hours_p90 is not None:
            facts.append(("80% of times", hours_range(item.hours_p10, item.hours_p90)))
    elif item.latency is not None:
        facts += [
            (title, seconds(value))
            for title, value in (
                ("TTFT p95", item.latency.ttft_p95_s),
                ("TPOT p95", item.latency.tpot_p95_s),
                ("Latency p95", item.latency.latency_p95_s),
            )
            if value is not None
        ]
    tokens = item.usd_per_million_tokens if mix is None else mix.usd_per_million_tokens
    if tokens is not None:
        facts.append(("Per million tokens", money(tokens)))
    facts.append(("Speed known by", item.throughput.basis))
    age = item.price.age_days
    facts.append(("Price age when planned", "unknown" if age is None else f"{age} days"))
    if result.status == "over_budget":
        facts.append(("Budget", "exceeded"))
    return facts


def _recommended(result: Recommendation) -> list[Paragraph | Bullets | Table | None]:
    parts = chosen(result)
    what = [
        f"{item.nodes} x {item.instance_type} ({item.devices}) in {item.cloud} {item.region}"
        + (f" on {item.platform}" if item.platform else "")
        + f", {item.purchase.replace('_', '-')}, laid out as {item.parallelism}."
        for item in parts
    ]
    if result.mix is not None:
        what.insert(0, f"A mix of {len(parts)} groups of machines that share the work:")
        what += size_lines(result.mix)
    if result.baseline is not None:
        base = result.baseline
        verdict = "cheaper" if base.cheaper else "dearer"
        what.append(f"{base.name} at its stated price: {money(base.cost_usd)}, {verdict}.")
    if result.credit_usd:
        what.append(f"{money(result.credit_usd)} of it is paid by credits held.")
    reasons = [line for line in result.explanation if line.startswith(("Cheapest of", "Runner-up"))]
    return [Bullets([*what, *reasons]), _alternatives(result)]


def _alternatives(result: Recommendation) -> Table | None:
    """The recommendation and what lost to it."""
    item = result.recommendation
    money_title, time_title, spread_title = titles(item.horizon_hours is not None)
    if item.latency is not None and item.latency.tpot_p95_s is not None:
        time_title = "TTFT + TPOT p95"
    figures = (money_title, time_title, spread_title)
    lost = "why it lost"
    if item.horizon_hours is not None:
        lost += f" (over {item.horizon_hours:,.6g} h)"
    columns = ("", "machine", "where", "buy", *figures, lost)
    rows = [_row("chosen", item) for item in chosen(result)]
    rows += [_row(str(n), item) for n, item in enumerate(result.alternatives, start=1)]
    return Table(columns, rows, right=figures, strong=0)


def _row(rank: str, item: Item) -> tuple[str, ...]:
    machine = f"{item.nodes} x {item.instance_type} ({item.devices})"
    buy = item.purchase.replace("_", "-")
    where = f"{item.cloud} {item.region}" + (f", {item.platform}" if item.platform else "")
    return rank, machine, where, buy, cost(item), when(item), spread(item), item.why_not


def _front(result: Recommendation) -> list[Chart | Paragraph]:
    """The front, and the recommendation on it."""
    service = result.recommendation.horizon_hours is not None
    points = [p for p in result.pareto if _time_of(p) is not None]
    if len(points) < 2:
        return []
    item = result.recommendation
    drawn = [
        Point(_time_of(p) or 0.0, _cost_of(p), f"{p.id}: {money(_cost_of(p))}", False)
        for p in points
    ]
    mine = _own_time(item)
    usd = item.cost_usd if item.cost_usd_per_hour is None else item.cost_usd_per_hour
    if mine is not None and result.mix is None:
        drawn.append(Point(mine, usd, f"recommended: {item.id}, {money(usd)}", True))
    quantity = _quantity(result)
    x_title = quantity if service else "time, all waiting included"
    said = seconds if service else hours
    cells = [(p.id, said(_time_of(p) or 0.0), money(_cost_of(p))) for p in points]
    ids = [p.id for p in points]
    if mine is not None and result.mix is None and item.id not in ids:
        ids.append(item.id)
        cells.append((item.id, said(mine), money(usd)))
    usd_title = "$/h" if service else "total"
    table = Table(
        ("plan", quantity, usd_title),
        cells,
        right=(quantity, usd_title),
        strong=ids.index(item.id) if item.id in ids else None,
    )
    svg = steps(
        f"Cost against {quantity}",
        f"{len(points)} plans that no other beats in both; the recommendation is marked.",
        drawn,
        x_title=x_title,
        y_title="USD an hour" if service else "USD in total",
        x_format=said,
        y_format=money,
    )
    caption = (
        "Plans that no other beats in both, whatever the deadline and the budget; to the left is "
        "faster, down is cheaper."
    )
    return [Chart(caption, svg, table)]


def _quantity(result: Recommendation) -> str:
    """What the front has against the cost."""
    item = result.recommendation
    if item.horizon_hours is None:
        return "time"
    tokens = item.latency is not None and item.latency.tpot_p95_s is not None
    return "TPOT p95" if tokens else "latency p95"


def _time_of(point: FrontPoint) -> float | None:
    return point.latency_s if point.hours is None else point.hours


def _cost_of(point: FrontPoint) -> float:
    return point.cost_usd if point.cost_usd_per_hour is None else point.cost_usd_per_hour


def _own_time(item: Item) -> float | None:
    """What the front's x is for this item."""
    if item.hours is not None or item.latency is None:
        return item.hours
    found = item.latency
    return found.latency_p95_s if found.tpot_p95_s is None else found.tpot_p95_s


def _breakdown(result: Recommendation) -> Chart | None:
    parts = [item.cost_breakdown for item in chosen(result)]
    values = {
        words: sum(getattr(part, name) for part in parts) for name, words in COST_LINES.items()
    }
    return _shares("Cost by what it pays for", values, money)


def _time(result: Recommendation) -> Chart | None:
    found = result.recommendation.time_breakdown
    if found is None or result.mix is not None:
        return None
    values = {words: getattr(found, name) for name, words in TIME_LINES.items()}
    scale, word = time_scale(sum(values.values()))
    scaled = {words: value * scale for words, value in values.items()}
    return _shares(
        "Time by what it goes to", scaled, lambda v: hours(v / scale), lambda v: f"{v:g} {word}"
    )


def _shares(
    title: str,
    values: dict[str, float],
    form: Callable[[float], str],
    tick: Callable[[float], str] | None = None,
) -> Chart | None:
    """Parts of a whole; ``tick`` is how the axis says them."""
    total = sum(values.values())
    kept = {name: value for name, value in values.items() if value > LEAST_SHARE * total}
    if not kept or total <= 0:
        return None
    rows = [
        Bar(name, value, f"{form(value)} ({_part(value / total)})") for name, value in kept.items()
    ]
    table = Table(
        ("line", "amount", "share"),
        [
            *((name, form(value), f"{value / total:.1%}") for name, value in kept.items()),
            ("all", form(total), "100%"),
        ],
        right=("amount", "share"),
    )
    about = f"{len(kept)} lines that add up to {form(total)}."
    svg = bars(title, about, rows, tick or form)
    return Chart(f"{title}: {form(total)} in all.", svg, table)


def _part(share: float) -> str:
    return "under 1%" if share < 0.005 else f"{share:.0%}"


def _binding(study: Study) -> list[Paragraph | Bullets]:
    if study.relaxations is None:
        return []
    if not study.relaxations:
        return [Paragraph("No limit binds: giving way in any one of them saves nothing.")]
    return [Bullets([each.sentence for each in study.relaxations])]


def _risk(study: Study) -> list[Chart | Bullets | Paragraph]:
    risk = study.risk
    if risk is None:
        return []
    owner = study.result if study.result.risk is not None else study.now
    assert owner is not None
    service = risk.picked.capacity_per_second is not None
    rows = [_range(option, option.id == risk.picked.id) for option in risk.options]
    form = plain if service else money
    cells = [
        (
            option.id,
            money(option.cost_usd.mean),
            *(form(value) for value in _drawn(option)),
            _kept(option.deadline_met if option.capacity_met is None else option.capacity_met),
            f"{option.best_in_hindsight:.0%}",
        )
        for option in risk.options
    ]
    of = "carried, " if service else ""
    columns = (
        "plan", "mean cost", f"{of}p10", f"{of}median", f"{of}p90", "limits kept",
        "best in hindsight",
    )  # fmt: skip
    table = Table(columns, cells, right=columns[1:])
    what = "What is carried within the SLO, a second," if service else "Cost"
    caption = f"{what} in {risk.scenarios:,} scenarios: 80% of them lie within each line."
    svg = ranges(f"{what} in the scenarios", caption, rows, form)
    note = "" if study.result.risk is not None else "The scenarios are of today's answer."
    return [
        Bullets([*sentences(owner, risk), *([note] if note else [])]),
        Chart(caption, svg, table),
    ]


def _drawn(option: RiskOption) -> tuple[float, float, float]:
    """p10, median and p90 of a job's cost; of a service, whose machines are paid whatever comes,
    of what they carry.
    """
    found = option.capacity_per_second or option.cost_usd
    return found.p10, found.p50, found.p90


def _range(option: RiskOption, strong: bool) -> Range:
    said = f"mean {money(option.cost_usd.mean)}"
    if option.capacity_per_second is not None:
        said = f"enough in {_kept(option.capacity_met)}"
    return Range(option.id, *_drawn(option), said, strong)


def _kept(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _age(study: Study) -> list[Paragraph | Table]:
    saved, now = study.result, study.now
    which = "the catalog it was made with" if study.same_catalog else "another catalog than then"
    if now is None:
        text = f"Answered again with {which}: no plan any more ({study.why_none})."
    elif study.same_plan:
        text = f"Answered again with {which}: the same plan at the same cost."
    else:
        text = f"Answered again with {which}, the answer differs: {now.headline}."
    table = facts_table(study.facts)
    info = saved.catalog
    refreshed = f", {info.refreshed_slices} refreshed slices" if info.refreshed_slices else ""
    return [
        Paragraph(f"Planned with catalog {info.content_id}: {info.offers:,} offers{refreshed}."),
        Paragraph(text),
        table,
    ]


def _evidence(study: Study) -> list[Paragraph | Bullets]:
    lines = [
        f"Own run {run.observation}: {run.weight:.0%} of the correction." for run in study.own_runs
    ]
    lines += study.observations
    if not lines:
        return [
            Paragraph(
                "Nothing measured is near this set-up: the speed is the model's. "
                "`planner calibrate plan` says which run would help most."
            )
        ]
    return [
        Paragraph("Measurements that weigh most in the speed of the cheapest plan."),
        Bullets(lines),
    ]


def _again(study: Study, file: str) -> list[Paragraph | Commands]:
    info = study.result.catalog
    return [
        Commands(
            [
                f"planner replay {shlex.quote(file)}",
                f"planner report {shlex.quote(file)} -o report.html",
            ]
        ),
        Paragraph(
            f"Catalog {info.content_id}. The file holds the workload; `planner diff` tells what "
            "changed between two answers."
        ),
    ]
