"""Which page belongs to which result, written as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from pydantic import BaseModel

from planner.report.document import Document
from planner.report.html import to_html
from planner.report.markdown import to_markdown
from planner.results import Estimate, Front
from planner.results.benchmark import BenchmarkReport
from planner.results.break_even import BreakEven
from planner.results.capacity import CapacityFront
from planner.results.hardware import HardwareComparison, HardwareSheet
from planner.results.mix import MixFront
from planner.results.study import CapacityStudy, ComparisonStudy, MixStudy, PortfolioStudy, Study
from planner.results.sweep import Sweep

# Module and function of each page: imported when one is asked for.
_PAGES: Mapping[type[BaseModel], tuple[str, str]] = {
    PortfolioStudy: ("portfolio", "portfolio_document"),
    ComparisonStudy: ("compare", "compare_document"),
    CapacityStudy: ("capacity", "capacity_document"),
    MixStudy: ("mix", "mix_document"),
    Estimate: ("estimate", "estimate_document"),
    Sweep: ("sweep", "sweep_document"),
    Front: ("fronts", "front_document"),
    MixFront: ("fronts", "mix_front_document"),
    CapacityFront: ("fronts", "capacity_front_document"),
    BreakEven: ("fronts", "break_even_document"),
    BenchmarkReport: ("benchmark", "benchmark_document"),
    HardwareSheet: ("hardware", "sheet_document"),
    HardwareComparison: ("hardware", "comparison_document"),
}
FORMS = {"html": to_html, "markdown": to_markdown}


def document_of(result: BaseModel, *, file: str, made: str) -> Document:
    """The report of a result; ``file`` is the saved result, for the commands that make it again."""
    if isinstance(result, Study):
        from planner.report.pages.plan import plan_document

        return plan_document(result, file=file, made=made)
    if type(result) not in _PAGES:
        raise TypeError(f"no report of {type(result).__name__}")
    module, function = _PAGES[type(result)]
    page = getattr(import_module(f"planner.report.pages.{module}"), function)
    document: Document = page(result, made=made)
    return document


def rendered(result: BaseModel, form: str, *, file: str, made: str) -> str:
    """``form`` is html, markdown or json."""
    if form == "json":
        return result.model_dump_json(by_alias=True, indent=2)
    return FORMS[form](document_of(result, file=file, made=made))
