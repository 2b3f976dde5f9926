"""Which page belongs to which result, written as HTML or Markdown."""

from __future__ import annotations

from pydantic import BaseModel

from planner.report.document import Document
from planner.report.html import to_html
from planner.report.markdown import to_markdown
from planner.results import PortfolioResult
from planner.results.benchmark import BenchmarkReport
from planner.results.capacity import CapacityResult
from planner.results.comparison import Comparison
from planner.results.hardware import HardwareComparison, HardwareSheet
from planner.results.mix import MixResult
from planner.results.study import Study

FORMS = {"html": to_html, "markdown": to_markdown}


def document_of(result: BaseModel, *, file: str, made: str) -> Document:
    """The report of a result; ``file`` is the saved result, for the commands that make it again."""
    if isinstance(result, Study):
        from planner.report.pages.plan import plan_document

        return plan_document(result, file=file, made=made)
    if isinstance(result, PortfolioResult):
        from planner.report.pages.portfolio import portfolio_document

        return portfolio_document(result, made=made)
    if isinstance(result, Comparison):
        from planner.report.pages.compare import compare_document

        return compare_document(result, made=made)
    if isinstance(result, CapacityResult):
        from planner.report.pages.capacity import capacity_document

        return capacity_document(result, made=made)
    if isinstance(result, MixResult):
        from planner.report.pages.mix import mix_document

        return mix_document(result, made=made)
    if isinstance(result, BenchmarkReport):
        from planner.report.pages.benchmark import benchmark_document

        return benchmark_document(result, made=made)
    if isinstance(result, HardwareSheet):
        from planner.report.pages.hardware import sheet_document

        return sheet_document(result, made=made)
    if isinstance(result, HardwareComparison):
        from planner.report.pages.hardware import comparison_document

        return comparison_document(result, made=made)
    raise TypeError(f"no report of {type(result).__name__}")


def rendered(result: BaseModel, form: str, *, file: str, made: str) -> str:
    """``form`` is html, markdown or json."""
    if form == "json":
        return result.model_dump_json(by_alias=True, indent=2)
    return FORMS[form](document_of(result, file=file, made=made))
