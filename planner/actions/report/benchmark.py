"""The use cases behind ``planner report benchmark``: the classic exercises, measured where somebody
measured and estimated elsewhere.
"""

from __future__ import annotations

from datetime import date

from planner.actions.report.benchmark_cnn import cnn
from planner.actions.report.benchmark_transformer import transformer
from planner.actions.session import Session
from planner.results.benchmark import BenchmarkReport


def benchmark(
    exercise: str, session: Session, *, model: str | None = None, today: date | None = None
) -> BenchmarkReport:
    """``cnn`` or ``transformer``. Raises BadInput for a model without what is needed."""
    today = today or date.today()
    if exercise == "cnn":
        return cnn(session, today=today)
    return transformer(session, model=model, today=today)
