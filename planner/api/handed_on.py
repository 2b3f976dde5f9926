"""What is made of an answer for others: a page, text for another tool, a verdict for CI."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from planner.api.questions import Question, laid_over, read, session_or_new
from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.actions.session import Session
    from planner.results.base import Result
    from planner.results.gate import Gate

Form = Literal["html", "markdown", "json"]


def make_report(
    result: Result | str | os.PathLike[str],
    form: Form = "html",
    *,
    session: Session | None = None,
) -> str:
    """The page of an answer, or of one saved in a file, as text: whole, with no script and nothing
    to fetch.

    A recommendation is answered again with the session's catalog, a mix and a capacity plan are
    planned again for their fronts: what would change the cost, what binds, whether it still holds.

    Args:
        result: what ``recommend``, ``pareto``, ``estimate``, ``compare``, ``mix``, ``capacity``,
            ``hardware`` or ``compare_hardware`` answered, or a file with such a result.
        form: ``html``, ``markdown``, or ``json`` for what the page shows.
        session: an open catalog.
    """
    from planner.actions.report.make import made_by, report_of, report_on
    from planner.report.pages.rendered import FORMS, rendered

    if form not in (*FORMS, "json"):
        raise BadInput(
            f"{form!r} is no form of a report", where="form", remedy="say html, markdown or json"
        )
    opened = session_or_new(session)
    if isinstance(result, (str, os.PathLike)):
        file = os.fspath(result)
        shown = report_on(file, opened)
    else:
        file = "result.json"
        shown = report_of(result, file, opened)
    return rendered(shown, form, file=file, made=made_by(opened))


def export(
    result: Result | str | os.PathLike[str],
    to: str,
    *,
    command: str = "",
    template: str = "",
    image: str = "",
    model_id: str = "",
    megatron: bool = False,
    workload: str = "",
    group: int | None = None,
    alternative: int | None = None,
    start: date | None = None,
) -> list[str]:
    """An answer, or one saved in a file, as text for another tool.

    One text; of a mix one for each group, in their order, where the tool takes one configuration
    (``skypilot``, ``vllm``, launch scripts).

    Args:
        result: of ``recommend``, ``mix`` or ``capacity``.
        to: ``skypilot``, ``kubernetes``, ``karpenter``, ``torchrun``, ``deepspeed``, ``ray-train``,
            ``horovod``, ``vllm``, ``tensorrt-llm``, ``commitments`` or ``focus``.
        command: what runs.
        template: starts ``command`` as ranks: ``torchrun`` and others.
        image: of the container, for ``kubernetes``.
        model_id: name or path of the weights, for services.
        megatron: give the layout as Megatron-LM's arguments.
        workload: which of a portfolio.
        group: one group of a mix, from 1.
        alternative: one of the alternatives, from 1.
        start: first day of ``focus``; default today.
    """
    from planner.actions.exports import TARGETS, Which, export_saved
    from planner.actions.exports import export as exported
    from planner.exports.subject import Wishes
    from planner.results.capacity import CapacityAnswer

    if to not in TARGETS:
        raise BadInput(
            f"{to!r} is no target", where="to", remedy=f"use one of {', '.join(TARGETS)}"
        )
    which = Which(workload, group, alternative)
    wishes = Wishes(command, template, image, model_id, megatron)
    if isinstance(result, (str, os.PathLike)):
        return export_saved(os.fspath(result), to, which, wishes, start=start)
    if isinstance(result, CapacityAnswer):
        result = result.result
    return exported(result, "result", to, which, wishes, start=start)


def gate(
    workload: Question,
    *,
    max_cost: str | float | None = None,
    max_regret: str | float | None = None,
    baseline: str | os.PathLike[str] | None = None,
    session: Session | None = None,
    **fields: Any,
) -> Gate:
    """Whether a workload's cheapest plan is within its limits; ``verdict`` says which it breaks.

    Args:
        workload: a file, or a mapping of the same fields.
        max_cost: the most it may cost: ``"500 USD"``, or dollars as a number; default its budget.
        max_regret: how much dearer the baseline may be to keep: ``"10%"`` or 0.1.
        baseline: the file of the plan that is kept.
        session: an open catalog.
        fields: what replaces the workload's fields.
    """
    from planner.actions.gate import Limits
    from planner.actions.gate import gate as gated
    from planner.field_errors import amount
    from planner.quantities import share, usd

    file, text = read(workload, "workload")
    flags, place = laid_over(fields)
    limits = Limits(
        max_cost_usd=None if max_cost is None else amount(usd, max_cost, "max_cost"),
        max_regret=None if max_regret is None else amount(share, max_regret, "max_regret"),
        baseline=None if baseline is None else os.fspath(baseline),
    )
    return gated(session_or_new(session), file, text, flags, place, limits)
