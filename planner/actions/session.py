"""One user's session: the catalog opened once, with the user's own measurements beside it.

CLI, TUI and Python API call the same methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from catalog import Catalog
from planner.actions.asked import asked
from planner.actions.recommend.plan import Plan, recommend
from planner.errors import BadInput
from planner.performance.efficiency import Measured
from planner.results import Estimate, Front, PortfolioResult, Recommendation
from planner.workload import Portfolio, Workload

if TYPE_CHECKING:
    from planner.actions.estimate.batch import Batch
    from planner.actions.recommend.risk import RiskOptions
    from planner.results.calibration_basis import CalibrationBasis
    from planner.results.calibration_plan import CalibrationPlan
    from planner.results.comparison import Comparison
    from planner.results.diff import Replay

Say = Callable[[str], None]


class Session:
    """Catalog and measurements, and the use cases over them."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    @cached_property
    def measured(self) -> list[Measured]:
        """The user's own runs as the learner sees them."""
        from catalog.observations import data_dir

        # Most sessions have none: looking for the file is cheaper than importing what reads it.
        if not (data_dir() / "observations.sqlite").exists():
            return []
        from planner.actions.calibration.own import own_measurements

        return own_measurements(self.catalog)

    def recommend(
        self,
        workload: Workload,
        *,
        top: int = 5,
        explain: bool = False,
        near: float | None = None,
        where: str = "workload",
        risk: RiskOptions | None = None,
    ) -> Plan:
        from planner.actions.private_layers import for_workload

        workload, catalog, notes = for_workload(workload, self.catalog)
        plan = recommend(
            workload,
            catalog,
            measured=self.measured,
            top=top,
            explain=explain,
            near=near,
            where=where,
            risk=risk,
        )
        plan.recommendation.explanation.extend(notes)
        return plan

    def compare(
        self,
        workload: Workload,
        a: str,
        b: str,
        *,
        axes: Sequence[str] | None = (),
        where: str = "workload",
    ) -> Comparison:
        """Two sides of one workload: cost, time, and where the cheaper one flips.

        ``axes`` empty: all; None: none.
        """
        from planner.actions.compare.answer import compare

        return compare(workload, a, b, self.catalog, self.measured, axes=axes, where=where)

    def calibration_basis(self, workload: Workload, *, where: str = "workload") -> CalibrationBasis:
        """What the estimates of a workload stand on, by accelerator. Raises BadInput."""
        from planner.actions.calibration.bases import calibration_basis
        from planner.actions.private_layers import for_workload

        workload, catalog, _ = for_workload(workload, self.catalog)
        return calibration_basis(workload, catalog, self.measured, where=where)

    def calibration_plan(
        self,
        workload: Workload,
        *,
        budget_usd: float,
        repeats: float = 1.0,
        late_usd: float | None = None,
        where: str = "workload",
    ) -> CalibrationPlan:
        """Which runs to make next for a workload. Raises BadInput, Infeasible."""
        from planner.actions.calibration.plan import calibration_plan
        from planner.actions.private_layers import for_workload

        workload, catalog, notes = for_workload(workload, self.catalog)
        plan = calibration_plan(
            workload,
            catalog,
            self.measured,
            budget_usd=budget_usd,
            repeats=repeats,
            late_usd=late_usd,
            where=where,
        )
        plan.assumptions.extend(notes)
        return plan

    def replay(self, file: str) -> Replay:
        """A saved recommendation answered again. Raises BadInput, Infeasible."""
        from planner.actions.diff import replay

        return replay(file, self.catalog, self.measured)

    def estimate(
        self, workload: Workload, on: str, *, explain: bool = False, where: str = "workload"
    ) -> Estimate:
        """Speed of the workload on ``local`` or ``ACCELERATOR[:COUNT][xNODES]``."""
        from planner.actions.estimate.one import estimate

        return estimate(
            workload, on, self.catalog, measured=self.measured, explain=explain, where=where
        )

    def estimate_batch(
        self,
        path: str,
        text: str | None = None,
        *,
        exclude_measured: bool = False,
        explain: bool = False,
    ) -> Batch:
        """Predictions for every row of a CSV file of set-ups."""
        from catalog.observations import OwnObservations
        from planner.actions.estimate.batch import estimate_batch

        own = [run.observation.to_row() for run in OwnObservations().all()]
        return estimate_batch(
            path,
            self.catalog,
            text=text,
            measured=() if exclude_measured else self.measured,
            own_runs=own,
            exclude_measured=exclude_measured,
            explain=explain,
        )

    def answer_from(
        self,
        file: str | None,
        text: str | None,
        flags: Mapping[str, Any],
        place: Mapping[str, Any],
        *,
        top: int = 5,
        explain: bool = False,
        near: float | None = None,
        risk: RiskOptions | None = None,
    ) -> Recommendation | PortfolioResult:
        """The answer to a file (or its ``text``) of one workload or several, flags laid over it.

        ``near`` goes with one workload; a portfolio leaves it out.
        Raises BadInput and Infeasible.
        """
        found, where = asked(file, text, flags, place)
        if isinstance(found, Portfolio):
            from planner.actions.portfolio.plan import recommend_portfolio
            from planner.actions.private_layers import for_portfolio

            catalog = for_portfolio(found, self.catalog)
            return recommend_portfolio(
                found,
                catalog,
                measured=self.measured,
                top=top,
                where=where,
                explain=explain,
                risk=risk,
            )
        plan = self.recommend(found, top=top, explain=explain, near=near, where=where, risk=risk)
        return plan.recommendation

    def front_from(
        self,
        file: str | None,
        text: str | None,
        flags: Mapping[str, Any],
        place: Mapping[str, Any],
        *,
        carbon: bool = False,
    ) -> Front:
        """The cost x time (x carbon) front of one workload, deadline and budget apart.

        Raises BadInput.
        """
        from planner.actions.recommend.pareto import cost_front

        workload, where = workload_from(file, text, flags, place)
        return cost_front(workload, self.catalog, self.measured, where=where, carbon=carbon)

    def recommend_from(
        self,
        file: str | None,
        text: str | None,
        flags: Mapping[str, Any],
        place: Mapping[str, Any],
        *,
        top: int = 5,
    ) -> Plan:
        """From a file (or its ``text``) with flags laid over it. Raises BadInput."""
        workload, where = workload_from(file, text, flags, place)
        return self.recommend(workload, top=top, where=where)


def open_session(say: Say | None = None) -> Session:
    """Open the catalog; ``say`` is told when its compiled file had to be repaired."""
    catalog = Catalog.open()
    if say and catalog.repaired_damage:
        say(f"note: {catalog.path} was damaged ({catalog.repaired_damage}) and has been rebuilt")
    from planner.actions.private_layers import with_overlays

    return Session(with_overlays(catalog, say))


def workload_from(
    file: str | None, text: str | None, flags: Mapping[str, Any], place: Mapping[str, Any]
) -> tuple[Workload, str]:
    """A checked workload and the name of where it came from. Raises BadInput, also for several."""
    found, where = asked(file, text, flags, place)
    if isinstance(found, Portfolio):
        raise BadInput(
            "holds several workloads, and one is needed here",
            where=f"{where}: workloads",
            remedy="put it in a file of its own",
        )
    return found, where
