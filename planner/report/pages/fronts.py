"""Fronts and break-evens: of plans, mixes and capacity, alone or inside another page."""

from __future__ import annotations

from planner.amounts import hours, money, plain, seconds
from planner.report.break_even import sentences, value
from planner.report.document import Bullets, Chart, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, Curve, Point, bars, curves, steps
from planner.results import Front, FrontPoint
from planner.results.break_even import BreakEven
from planner.results.capacity import CapacityFront, CapacityFrontPoint
from planner.results.mix import MixFront

FRONTS = {"types": "machine types", "head-room": "head-room"}
BEATEN = "Each is the cheapest there is at its limit; none beats another in both."


def front_document(result: Front, *, made: str) -> Document:
    """Cost against time or latency."""
    page = Draft([])
    name = str(result.workload.get("name", "workload"))
    page.add("The front", *_front(result))
    about = (
        f"{len(result.points)} of {result.on_front} plans that no other beats, out of "
        f"{result.candidates:,} that can do the work."
    )
    page.add("What is left out", Paragraph(_left_out(result)))
    facts = []
    if result.points:
        cheapest = min(result.points, key=lambda p: p.cost_usd)
        fastest = result.points[0]
        facts = [
            ("Cheapest", f"{_usd(cheapest)}, {_time(cheapest)}"),
            ("Fastest", f"{_usd(fastest)}, {_time(fastest)}"),
        ]
    return Document(f"Front: {name}", about, facts, page.sections, made)


def _left_out(result: Front) -> str:
    text = "Deadline and budget are no limits here; every other limit of the workload holds."
    if result.carbon_known is not None:
        text += f" Carbon is known for {result.carbon_known:,} of the plans."
    return text


def _time(point: FrontPoint) -> str:
    if point.hours is not None:
        return hours(point.hours)
    return "" if point.latency_s is None else seconds(point.latency_s)


def _usd(point: FrontPoint) -> str:
    if point.cost_usd_per_hour is not None:
        return f"{money(point.cost_usd_per_hour)}/h"
    return money(point.cost_usd)


def _front(result: Front) -> list[Chart | Paragraph | Table]:
    service = any(point.cost_usd_per_hour is not None for point in result.points)
    quantity = "latency" if service else "time"
    drawn = [
        Point(
            (p.latency_s if p.hours is None else p.hours) or 0.0,
            p.cost_usd if p.cost_usd_per_hour is None else p.cost_usd_per_hour,
            f"{p.id}: {_usd(p)}, {_time(p)}",
        )
        for p in result.points
        if p.hours is not None or p.latency_s is not None
    ]
    carbon = result.carbon_known is not None
    columns = ("plan", quantity, "cost", *(["kg CO2e"] if carbon else []))
    cells = [
        (
            p.id,
            _time(p),
            _usd(p),
            *(["unknown" if p.kg_co2e is None else plain(p.kg_co2e, 3)] if carbon else []),
        )
        for p in result.points
    ]
    table = Table(columns, cells, right=columns[1:])
    if len(drawn) < 2:
        return [table]
    caption = "Plans that no other beats; to the left is faster, down is cheaper."
    svg = steps(
        f"Cost against {quantity}",
        caption,
        drawn,
        x_title=f"{quantity}{', p95' if service else ', all waiting included'}",
        y_title="USD an hour" if service else "USD in total",
        x_format=seconds if service else hours,
        y_format=money,
    )
    return [Chart(caption, svg, table)]


def mix_front_document(result: MixFront, *, made: str) -> Document:
    """Cost of a mix against machine types or head-room."""
    page = Draft([])
    page.add("The front", *mix_front_blocks(result))
    lead = f"Cost of the mix against {FRONTS[result.over]}: {len(result.points)} points."
    return Document(f"Mixes: {result.name}", lead, [], page.sections, made)


def mix_front_blocks(front: MixFront) -> list[Chart | Paragraph | Table]:
    """A chart with its figures; the table alone where there is one point."""
    types = front.over == "types"

    def said(limit: float) -> str:
        return f"{limit:.0f}" if types else f"{limit:.0%}"

    first = "machine types" if types else "most that a machine is loaded to"
    waits = f"waits, p{front.percentile:g}"
    cells = [
        (
            said(point.limit),
            f"{money(point.cost_usd_per_hour)}/h",
            "unknown" if point.queue_delay_s is None else seconds(point.queue_delay_s),
            ", ".join(f"{count} x {name}" for name, count in point.machines.items()),
        )
        for point in front.points
    ]
    table = Table((first, "cost", waits, "machines"), cells, right=(first, "cost", waits))
    note = f"{BEATEN} A limit on waiting is not kept here: each point says how long requests wait."
    if len(front.points) < 2:
        return [Paragraph(note), table]
    if types:
        rows = [
            Bar(f"at most {said(p.limit)}", p.cost_usd_per_hour, money(p.cost_usd_per_hour))
            for p in front.points
        ]
        return [Chart(note, bars(f"Cost against {first}", note, rows, money), table)]
    drawn = [Point(p.limit, p.cost_usd_per_hour, said(p.limit)) for p in front.points]
    svg = steps(
        f"Cost against {first}",
        note,
        drawn,
        x_title=first,
        y_title="USD an hour",
        x_format=said,
        y_format=money,
    )
    return [Chart(note, svg, table)]


def capacity_front_document(result: CapacityFront, *, made: str) -> Document:
    """Cost of a capacity plan against carbon or unmet demand."""
    carbon = result.over == "carbon"
    measure = "kg CO2e" if carbon else f"{result.unit} x hours unmet"

    def second(point: CapacityFrontPoint) -> float:
        return (point.kg_co2e if carbon else point.unmet_unit_hours) or 0.0

    cells = [
        (
            plain(second(point)),
            *([] if carbon else [f"{point.unmet_share or 0.0:.2%}"]),
            money(point.cost_usd),
            ", ".join(f"{count:.3g} x {name}" for name, count in point.committed.items()),
        )
        for point in result.points
    ]
    columns = (measure, *([] if carbon else ["of the demand"]), "cost", "committed and bought")
    table = Table(columns, cells, right=columns[:-1])
    page = Draft([])
    if len(result.points) < 2:
        page.add("The front", table)
    else:
        words = f"{BEATEN} Machines are fractions here."
        svg = curves(
            f"Cost against {measure}",
            words,
            [
                Curve(
                    "cheapest plan",
                    [second(point) for point in result.points],
                    [point.cost_usd for point in result.points],
                )
            ],
            x_title=measure,
            y_title="USD",
            x_format=plain,
            y_format=money,
        )
        page.add("The front", Chart(words, svg, table))
    facts = [("Horizon", f"{result.horizon_hours:,.6g} h")]
    if result.points:
        dearest, cheapest = result.points[-1], result.points[0]
        facts += [
            (f"{plain(second(point))} {measure}", money(point.cost_usd))
            for point in (dearest, cheapest)
        ]
    lead = f"What less {'carbon' if carbon else 'unmet demand'} costs: {len(result.points)} plans."
    return Document(f"Capacity: {result.name}", lead, facts, page.sections, made)


def break_even_document(result: BreakEven, *, made: str) -> Document:
    """Which way is cheapest along the demand or the utilisation."""
    page = Draft([])
    page.add("Where it flips", *break_even_blocks(result))
    lead = sentences(result)[0]
    return Document(f"Break-even: {result.name}", f"{lead}.", [], page.sections, made)


def break_even_blocks(found: BreakEven) -> list[Chart | Bullets]:
    """Sentences, and the cost of each way."""
    demand = found.over == "demand"
    subject = "demand" if demand else "share of the time in use"

    def said(at: float) -> str:
        return value(found, at) if demand else f"{at:.0%}"

    at = [point.at for point in found.points]
    lines = [
        Curve(way.replace("_", "-"), at, [p.usd_per_unit_hour[way] for p in found.points])
        for way in found.ways
    ]
    step = 1 if len(at) <= 12 else 6
    cells = [
        (
            said(point.at),
            *(
                "cannot" if (usd := point.usd_per_unit_hour[way]) is None else money(usd)
                for way in found.ways
            ),
        )
        for point in found.points[::step]
    ]
    columns = (subject, *(way.replace("_", "-") for way in found.ways))
    caption = f"USD for one {found.unit} served for an hour, by way, along the {subject}" + (
        " (all of it times a factor)." if demand else "."
    )
    marks = [(flip.at, "") for flip in found.flips]
    if found.now is not None:
        marks.append((found.now, "now"))
    svg = curves(
        f"Cost along the {subject}",
        caption,
        lines,
        x_title=subject,
        y_title=f"USD per {found.unit} and hour",
        x_format=said,
        y_format=money,
        marks=marks,
    )
    return [Bullets(sentences(found)), Chart(caption, svg, Table(columns, cells, right=columns))]
