"""The report of an estimate."""

from __future__ import annotations

from planner.amounts import hours, hours_range, plain, seconds
from planner.report.document import Bullets, Document, Draft, Paragraph, Table
from planner.results import Estimate, Latency


def estimate_document(result: Estimate, *, made: str) -> Document:
    """How fast, how sure, whether it fits, and what that stands on."""
    name = str(result.workload.get("name", "workload"))
    speed, unit = result.throughput, result.throughput.unit.replace("_per_s", "/s")
    page = Draft([])
    rows = [("speed", f"{plain(speed.value)} {unit}", f"{plain(speed.p10)} to {plain(speed.p90)}")]
    if result.hours is not None:
        ends = ""
        if result.hours_p10 is not None and result.hours_p90 is not None:
            ends = hours_range(result.hours_p10, result.hours_p90)
        rows.append(("productive time", hours(result.hours), ends))
    rows += [(title, seconds(value), "") for title, value in _latencies(result.latency)]
    page.add("How fast", Table(("", "estimate", "80% interval"), rows, right=("estimate",)))
    have = result.memory_gib
    memory = f"{result.memory_need_gib:.1f} GiB of a device are needed, of "
    page.add(
        "How it is laid out",
        Bullets(
            [
                f"{result.accelerators} x {result.accelerator} in {result.nodes} "
                f"machine{'s' if result.nodes > 1 else ''}, laid out as {result.parallelism}.",
                memory + ("an unknown amount." if have is None else f"{have:.1f} GiB."),
            ]
        ),
    )
    runs = [f"Own run {run.observation}: {run.weight:.0%} of it." for run in result.weighed]
    lines = [*runs, *result.observations]
    none = "None is in the file: `planner estimate --explain` lists those that weigh most."
    page.add("Measurements behind it", Bullets(lines) if lines else Paragraph(none))
    basis = {
        "measured": "this set-up was run here",
        "calibrated": "measurements are near",
        "analytic": "nothing near was measured",
    }
    facts = [
        ("Speed", f"{plain(speed.value)} {unit}"),
        ("80% interval", f"{plain(speed.p10)} to {plain(speed.p90)}"),
        ("Known by", f"{speed.basis}: {basis.get(speed.basis, '')}".rstrip(": ")),
    ]
    if result.hours is not None:
        facts.append(("Productive time", hours(result.hours)))
    lead = (
        f"{name} on {result.on}: {plain(speed.value)} {unit}, {speed.basis} estimate; set-up and "
        "waiting not counted."
    )
    return Document(f"Estimate: {name}", lead, facts, page.sections, made)


def _latencies(latency: Latency | None) -> list[tuple[str, float]]:
    if latency is None:
        return []
    found = (
        ("TTFT p95", latency.ttft_p95_s),
        ("TPOT p95", latency.tpot_p95_s),
        ("latency p95", latency.latency_p95_s),
    )
    return [(title, value) for title, value in found if value is not None]
