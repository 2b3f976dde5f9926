"""The use case behind ``planner report``: a saved result, or a classic exercise, made a page."""

from __future__ import annotations

from datetime import date
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel

from planner.actions.report.saved import REPORTABLE, read
from planner.actions.session import Session
from planner.errors import BadInput
from planner.results import PortfolioResult, Recommendation
from planner.results.capacity import CapacityAnswer, CapacityResult
from planner.results.comparison import Comparison
from planner.results.mix import MixResult


def report_on(path: str, session: Session, *, today: date | None = None) -> BaseModel:
    """What the report of a saved result shows. Raises BadInput."""
    return report_of(read(path), path, session, today=today)


def report_of(
    result: object, path: str, session: Session, *, today: date | None = None
) -> BaseModel:
    """What the report of a result shows; ``path`` is what errors call it. Raises BadInput."""
    if isinstance(result, CapacityAnswer):
        result = result.result
    if isinstance(result, Recommendation):
        from planner.actions.report.study import study

        return study(result, path, session, today=today)
    if isinstance(result, PortfolioResult):
        from planner.actions.report.grounds import portfolio_study

        return portfolio_study(result, path, session, today=today)
    if isinstance(result, Comparison):
        from planner.actions.report.grounds import comparison_study

        return comparison_study(result, path, session, today=today)
    if isinstance(result, MixResult):
        from planner.actions.report.planned_again import mix_study

        return mix_study(result, path)
    if isinstance(result, CapacityResult):
        from planner.actions.report.planned_again import capacity_study

        return capacity_study(result, path)
    if not isinstance(result, REPORTABLE):
        raise BadInput(
            f"is a {type(result).__name__}, of which there is no report",
            where=path,
            remedy="give what a function of planner answered",
        )
    return result


def made_by(session: Session, today: date | None = None) -> str:
    """By what, when, from which catalog: the last line of a report."""
    try:
        program = f"planner {version('ai-capacity-planner')}"
    except PackageNotFoundError:
        program = "planner"
    day = today or date.today()
    return f"Made by {program} on {day.isoformat()} with catalog {session.catalog.content_id}."
