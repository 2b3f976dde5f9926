"""Who serves which requests in a mix, and what the simulation saw, in sentences."""

from __future__ import annotations

from planner.amounts import money, seconds
from planner.results import Item, Mix
from planner.results.service_mix import ServiceSimulation


def size_lines(mix: Mix) -> list[str]:
    """Which group serves which requests, how good that is, and what the simulation saw."""
    lines = []
    for one in mix.sizes or ():
        parts = zip(mix.groups, one.by_group, strict=True)
        where = ", ".join(f"{part:.0%} {_short(g, mix)}" for g, part in parts if part >= 0.005)
        lines.append(
            f"Requests of about {one.input_length:,.0f} + {one.output_length:,.0f} tokens "
            f"({one.share:.0%}): {where}."
        )
    if mix.gap is not None:
        bound = f"{money(mix.bound_usd_per_hour or 0.0)}/h"
        if mix.bound_usd is not None:
            bound = money(mix.bound_usd)
        lines.append(
            f"Planned by request size: no mix of these classes costs less than {bound} "
            f"(gap {mix.gap:.2%})."
        )
    if mix.simulation is not None:
        lines += _simulated(mix, mix.simulation)
    return lines


def _short(item: Item, mix: Mix) -> str:
    """A group's machine, with the way to pay where that alone tells it from another."""
    alike = sum(other.instance_type == item.instance_type for other in mix.groups)
    return item.instance_type if alike < 2 else f"{item.instance_type} {item.purchase}"


def _simulated(mix: Mix, simulation: ServiceSimulation) -> list[str]:
    """What the simulation saw in each group."""
    lines = []
    for item, group in zip(mix.groups, simulation.groups, strict=True):
        if group is None:
            continue
        text = f"Simulated, {_short(item, mix)}: TTFT p95 {seconds(group.ttft_p95_s)}"
        if group.tpot_p95_s is not None:
            text += f", TPOT p95 {seconds(group.tpot_p95_s)}"
        lines.append(f"{text} over {group.requests:,} requests.")
    if simulation.met is False:
        lines.append("In the simulation a latency target is missed: see `simulation`.")
    if simulation.tightened:
        lines.append(f"Given more head-room {simulation.tightened} times by these checks.")
    return lines
