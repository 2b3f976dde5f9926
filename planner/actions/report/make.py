"""The use case behind ``planner report``: a saved result, or a classic exercise, made a page."""

from __future__ import annotations

from datetime import date
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel

from planner.actions.report.saved import read
from planner.actions.session import Session
from planner.results import Recommendation


def report_on(path: str, session: Session, *, today: date | None = None) -> BaseModel:
    """What the report of a saved result shows. Raises BadInput."""
    found = read(path)
    if isinstance(found, Recommendation):
        from planner.actions.report.study import study

        return study(found, path, session, today=today)
    return found


def made_by(session: Session, today: date | None = None) -> str:
    """By what, when, from which catalog: the last line of a report."""
    try:
        program = f"planner {version('ai-capacity-planner')}"
    except PackageNotFoundError:
        program = "planner"
    day = today or date.today()
    return f"Made by {program} on {day.isoformat()} with catalog {session.catalog.content_id}."
