"""One plan and its study for all tests of reports, made once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import Catalog
from planner.actions.report.make import report_of
from planner.actions.report.study import study as study_of
from planner.actions.session import Session, workload_from
from planner.results import PortfolioResult
from planner.results.capacity import CapacityFront, CapacityFrontPoint
from planner.results.study import CapacityStudy, ComparisonStudy, MixStudy, PortfolioStudy, Study
from planner.results.sweep import Sweep, SweepRow
from tests.planner.conftest import LORA, ROOT
from tests.planner.conftest import planner as planner


@pytest.fixture(scope="session")
def session(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session of a user who has measured nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNER_DATA_DIR", str(tmp_path_factory.mktemp("nothing")))
        found = Session(catalog)
        assert found.measured == []
        yield found


@pytest.fixture(scope="session")
def saved(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommendation saved as ``recommend --format json`` does."""
    workload, where = workload_from(str(LORA), None, {}, {})
    result = session.recommend(workload, where=where).recommendation
    path = tmp_path_factory.mktemp("saved") / "plan.json"
    path.write_text(result.model_dump_json(by_alias=True, indent=2))
    return path


@pytest.fixture(scope="session")
def study(saved: Path, session: Session) -> Study:
    from planner.actions.saved_result import read_result

    return study_of(read_result(str(saved)), str(saved), session)


@pytest.fixture(scope="session")
def several(session: Session, study: Study) -> PortfolioStudy:
    """Two workloads with one budget, which they exceed."""
    portfolio = PortfolioResult(
        status="over_budget",
        name="two",
        headline="two",
        cost_usd=3.0,
        cost_usd_at_risk=4.0,
        budget_usd=2.0,
        quotas={"aws/P": {"used": 8.0, "limit": 16.0}},
        workloads=[study.result, study.result],
        explanation=["because"],
        solver=study.result.solver,
        seconds=0.1,
    )
    found = report_of(portfolio, "portfolio.json", session)
    assert isinstance(found, PortfolioStudy)
    return found


@pytest.fixture(scope="session")
def sides(session: Session) -> ComparisonStudy:
    workload, where = workload_from(str(LORA), None, {}, {})
    compared = session.compare(workload, "A100-80GB", "H100-80GB", axes=["deadline"], where=where)
    found = report_of(compared, "sides.json", session)
    assert isinstance(found, ComparisonStudy)
    return found


@pytest.fixture(scope="session")
def mixed(session: Session) -> MixStudy:
    """The mix of the example, at a quarter of its load and without a limit on waiting."""
    from planner.actions.mix.plan import MixOptions, plan_mix, profile_from

    profile = profile_from(str(ROOT / "examples" / "serving-mix-profile.json"))
    small = profile.model_copy(update={"slo": None, "requests_per_second": 10.0})
    found = report_of(plan_mix(small, MixOptions(simulate=False)), "mix.json", session)
    assert isinstance(found, MixStudy)
    return found


@pytest.fixture(scope="session")
def year(session: Session) -> CapacityStudy:
    """A week of demand, rented and owned."""
    from planner.actions.capacity.plan import capacity_from
    from planner.optimize.capacity.program import Settings

    spec = {
        "name": "year", "demand": {"shape": "weekly", "mean": 40, "peak": 60, "peak_hour": 15},
        "periods": 168,
        "offers": [
            {"name": "cloud", "throughput": 10, "on_demand_usd_per_hour": 10,
             "spot_usd_per_hour": 4, "max_spot": 2},
            {"name": "own", "throughput": 10, "owned_count": 2},
        ],
    }  # fmt: skip
    answer = capacity_from("spec.json", Settings(), text=json.dumps(spec))
    found = report_of(answer, "year.json", session)
    assert isinstance(found, CapacityStudy)
    return found


@pytest.fixture(scope="session")
def swept() -> Sweep:
    """One combination with a plan, one without."""
    rows = [
        SweepRow(values={"deadline": "1h", "where.purchase": ["spot"]}, status="ok", cost_usd=2.0),
        SweepRow(values={"deadline": "2h", "where.purchase": ["spot"]}, status="infeasible",
                 reason="nothing finishes"),
    ]  # fmt: skip
    return Sweep(
        name="deadlines", catalog="abc", fields=["deadline", "where.purchase"],
        counts={"ok": 1, "infeasible": 1}, rows=rows,
    )  # fmt: skip


@pytest.fixture(scope="session")
def less_carbon() -> CapacityFront:
    points = [
        CapacityFrontPoint(cost_usd=usd, kg_co2e=kg, committed={"a": 1.0})
        for usd, kg in ((1.0, 9.0), (2.0, 3.0))
    ]
    return CapacityFront(
        name="year", over="carbon", unit="x", horizon_hours=9, points=points, solve_seconds=1
    )
