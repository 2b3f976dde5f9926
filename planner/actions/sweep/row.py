"""One combination of a sweep answered: the same function on every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from catalog import Catalog, UnknownName
from planner.actions.recommend.plan import recommend
from planner.actions.recommend.risk import SCENARIOS, RiskOptions
from planner.actions.sweep.file import Combination, check_asked
from planner.errors import BadInput, Infeasible, PlannerError
from planner.performance.efficiency import Measured
from planner.results import Recommendation
from planner.workload import parse


@dataclass(frozen=True)
class Setup:
    """What all rows share and every worker must have: the user's measurements, the day prices are
    aged to, and the catalog by its content.
    """

    where: str
    measured: Sequence[Measured]
    today: date
    content_id: str


class Runner:
    """Answers combinations with one open catalog. Raises PlannerError when it is another one."""

    def __init__(self, setup: Setup, catalog: Catalog | None = None) -> None:
        self.setup = setup
        self.catalog = catalog or Catalog.open()
        if self.catalog.content_id != setup.content_id:
            raise PlannerError(
                "a worker has another catalog than this machine; install the same version and "
                "refresh both or neither"
            )

    def row(self, combination: Combination) -> dict[str, Any]:
        """Fields of a ``SweepRow``. What is wrong with one combination is its row, not raised."""
        row: dict[str, Any] = {"values": combination.values}
        try:
            found = self._answer(combination)
        except Infeasible as error:
            reasons = [str(error), *error.reasons]
            return {**row, "status": "infeasible", "reason": "; ".join(reasons)}
        except (BadInput, UnknownName) as error:
            return {**row, "status": "bad_input", "reason": str(error)}
        except Exception as error:  # noqa: BLE001 - one failure must not lose the other rows
            reason = f"unexpected {type(error).__name__}: {error}"
            return {**row, "status": "failed", "reason": " ".join(reason.split())}
        return {**row, "status": found.status, **_figures(found)}

    def _answer(self, combination: Combination) -> Recommendation:
        where = self.setup.where
        asked = check_asked(combination.asked, f"{where}: vary")
        risk = None
        if asked.scenarios is not None or asked.objective != "median-cost":
            risk = RiskOptions(asked.scenarios or SCENARIOS, asked.seed, asked.objective)
        return recommend(
            parse(combination.workload, where=where),
            self.catalog,
            measured=self.setup.measured,
            top=0,
            where=where,
            today=self.setup.today,
            risk=risk,
        ).recommendation


def _figures(found: Recommendation) -> dict[str, Any]:
    item = found.recommendation
    groups = [item] if found.mix is None else found.mix.groups
    figures: dict[str, Any] = {
        "id": " + ".join(group.id for group in groups),
        "purchase": " + ".join(dict.fromkeys(group.purchase for group in groups)),
        "accelerator": " + ".join(dict.fromkeys(group.accelerator for group in groups)),
        "accelerators": sum(group.accelerators for group in groups),
        "nodes": sum(group.nodes for group in groups),
        "cost_usd": item.cost_usd if found.mix is None else found.mix.cost_usd,
        "cost_usd_at_risk": sum(group.cost_usd_at_risk for group in groups),
        "cost_usd_per_hour": item.cost_usd_per_hour
        if found.mix is None
        else found.mix.cost_usd_per_hour,
        "hours": max((g.hours for g in groups if g.hours is not None), default=None),
        "throughput": sum(group.throughput.value for group in groups),
        "throughput_unit": item.throughput.unit,
        "basis": item.throughput.basis,
        "price_as_of": item.price.as_of,
    }
    if found.mix is None:
        for name in ("usd_per_million_tokens", "hours_p10", "hours_p90"):
            figures[name] = getattr(item, name)
    if found.risk is not None:
        picked = found.risk.picked
        figures |= {"mean_cost_usd": picked.cost_usd.mean, "p90_cost_usd": picked.cost_usd.p90}
        for name in ("deadline_met", "within_budget", "capacity_met", "regret_usd"):
            figures[name] = getattr(picked, name)
    return figures
