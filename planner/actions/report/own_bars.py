"""The user's own training runs of one network, as bars of a benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from catalog.accelerators import Accelerator
from planner.actions.calibration.own import Examined, Use, examine
from planner.actions.session import Session
from planner.items import rounded
from planner.performance.learned.table import fold_model
from planner.results.benchmark import BenchmarkBar

# Operations over the peak, from units a second of so many devices of a kind.
PeakShare = Callable[[float, Accelerator, float], float | None]


def own_bars(
    session: Session, model: str, total_units: float, peak_share: PeakShare
) -> list[BenchmarkBar]:
    """The newest run of each machine and set-up; those that no estimate uses say why.

    ``total_units`` is the whole training, in the unit that the runs count.
    """
    newest: dict[tuple[str, ...], Examined] = {}
    for run in examine(session.catalog):
        seen = run.own.observation
        mine = fold_model(seen.model) == fold_model(model) and seen.task == "train"
        if mine and run.use is not Use.UNDONE:
            set_up = seen.framework, seen.precision, seen.batch_global
            newest[(run.own.machine, seen.accelerator, *set_up)] = run
    return [_bar(run, session, total_units, peak_share) for run in newest.values()]


def _bar(
    run: Examined, session: Session, total_units: float, peak_share: PeakShare
) -> BenchmarkBar:
    seen = run.own.observation
    document: dict[str, Any] = json.loads(run.own.result_json)
    devices = max(1.0, seen.accelerators or 1.0)
    rate = (seen.value or 0.0) * devices
    spread: Mapping[str, float] = document.get("rates") or document.get("images_per_s") or {}
    low, high = (spread.get(q, seen.value or 0.0) * devices for q in ("p10", "p90"))
    spec = session.catalog.accelerators.get(seen.accelerator)
    return BenchmarkBar(
        device=f"this machine, {seen.host_cpu}" if spec is None else seen.accelerator,
        kind="CPU" if spec is None else spec.kind.value,
        devices=devices,
        precision=seen.precision,
        on=f"{seen.framework}, batch {seen.batch_global or '?'}",
        basis="measured",
        rate=rounded(rate),
        rate_p10=rounded(min(low, rate)),
        rate_p90=rounded(max(high, rate)),
        hours=rounded(total_units / rate / 3600),
        speed_up=None,
        usd_per_hour=None,
        usd_per_unit=None,
        peak_share=None if spec is None else peak_share(rate, spec, devices),
        busy=_busy(document.get("utilisation") or {}),
        source=f"{run.own.id}, {run.own.measured_at:%Y-%m-%d}",
        held_back="" if run.use is Use.USED else f"{run.use.value}: {run.reason}",
        expected=None if run.expected is None else rounded(run.expected * devices),
    )


def _busy(watched: Mapping[str, Any]) -> str:
    """Mean of what the meters saw, by their names."""
    samples = watched.get("samples") or []
    names = sorted({key for one in samples if isinstance(one, Mapping) for key in one})
    parts = []
    for name in names:
        if not name.endswith("_percent"):
            continue
        values = [float(one[name]) for one in samples if one.get(name) is not None]
        if values:
            parts.append(f"{name.removesuffix('_percent')} {sum(values) / len(values):.0f}%")
    return ", ".join(parts)
