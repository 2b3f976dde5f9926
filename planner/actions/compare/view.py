"""What a screen of comparison needs: sides as typed in or options marked, columns and a curve out.

Free of presentation; every figure is that of ``planner compare`` (of marked options, of
``planner recommend``).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from planner.actions.explore.inputs import Inputs, Subject, command_line, constrain
from planner.errors import BadInput
from planner.report.side_by_side import Side
from planner.results import Item

# A screen is painted before anything is planned: what only planning needs is imported there.
if TYPE_CHECKING:
    from planner.actions.compare.axes import Question
    from planner.actions.session import Session
    from planner.results.comparison import Axis, Comparison

FIELDS = ("a", "b")
AxisName = Literal[
    "", "model_size", "sequence_length", "price_a", "price_b", "utilisation", "deadline"
]
DEFAULT_SIDES = ("gpu", "tpu")


@dataclass(frozen=True)
class CompareInputs:
    """``a`` and ``b`` as ``planner compare`` reads them; ``axis``: what is varied, if anything."""

    workload: Inputs
    a: str
    b: str
    axis: AxisName = ""


@dataclass(frozen=True)
class CompareView:
    """The comparison, its two sides as columns, and what was found along ``inputs.axis``.

    ``not_searched``: why the axis says nothing here.
    """

    inputs: CompareInputs
    comparison: Comparison
    columns: tuple[Side, ...]
    axis: Axis | None
    not_searched: str = ""


@dataclass
class _Asked:
    """Sides that have been planned, and axes that have been searched."""

    key: tuple[object, ...]
    question: Question
    axes: dict[str, Axis] = field(default_factory=dict)
    not_searched: dict[str, str] = field(default_factory=dict)


class CompareDesk:
    """Answers inputs one after the other; what did not change is not planned anew.

    To be used from one thread.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._asked: _Asked | None = None

    def answer(
        self,
        session: Session,
        inputs: CompareInputs,
        *,
        first: Callable[[CompareView], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> CompareView:
        """Compare. ``stop``: whether newer inputs wait, asked between plans along an axis.

        ``first`` is told of the sides where the search along the axis is still to come.

        Raises BadInput (of a field of FIELDS), Infeasible when neither side can do it.
        """
        from planner.actions.compare.answer import along
        from planner.actions.compare.axes import NotSearched

        asked = self._sides(session, inputs)
        name = inputs.axis
        if name and name not in asked.axes and name not in asked.not_searched:
            if first is not None:
                first(_view(asked, replace(inputs, axis="")))
            try:
                asked.axes[name] = along(asked.question, name, stop=stop)
            except NotSearched as error:
                asked.not_searched[name] = str(error)
        return _view(asked, inputs)

    def _sides(self, session: Session, inputs: CompareInputs) -> _Asked:
        key = (session.catalog.content_id, inputs.workload, inputs.a.strip(), inputs.b.strip())
        if self._asked is None or self._asked.key != key:
            from planner.actions.compare.answer import two_sides

            workload = constrain(self._subject, inputs.workload)
            where = self._subject.file or "workload"
            try:
                question = two_sides(
                    workload, *key[2:], session.catalog, session.measured, where=where
                )
            except BadInput as error:
                flag = error.where.partition(":")[0].removeprefix("--")
                if flag not in FIELDS and not flag.startswith("a, "):
                    raise
                # What the command line calls --a is the field a of the screen.
                raise BadInput(error.problem, where=flag[0], remedy=error.remedy) from None
            self._asked = _Asked(key, question)
        return self._asked


def _view(asked: _Asked, inputs: CompareInputs) -> CompareView:
    from planner.actions.compare.answer import published_comparison

    axis = asked.axes.get(inputs.axis)
    comparison = published_comparison(asked.question, [] if axis is None else [axis])
    return CompareView(
        inputs=inputs,
        comparison=comparison,
        columns=(Side.of_side(comparison.a), Side.of_side(comparison.b)),
        axis=axis,
        not_searched=asked.not_searched.get(inputs.axis, ""),
    )


def default_axis(subject: Subject) -> AxisName:
    """What the work is first varied in: the model's size where that can be, else the price."""
    from planner.workload import BatchInference, LanguageTraining, Serving

    language = (LanguageTraining, Serving, BatchInference)
    return "model_size" if isinstance(subject.workload, language) else "price_a"


def sides_of(items: Sequence[Item]) -> tuple[str, str] | None:
    """Two sides that tell the first two options apart; None where only the number differs."""
    first, second = items[:2]
    for of in (_accelerator, _cloud, _purchase, _region, _machine):
        a, b = of(first), of(second)
        if a != b:
            return a, b
    return None


def _accelerator(item: Item) -> str:
    return "cpu" if item.accelerator.startswith("CPU-") else item.accelerator


def _cloud(item: Item) -> str:
    return "on-prem" if item.cloud == "on-prem" else item.cloud


def _purchase(item: Item) -> str:
    return item.purchase.replace("_", "-")


def _region(item: Item) -> str:
    return f"region={item.region}"


def _machine(item: Item) -> str:
    return f"instance_type={item.instance_type}"


def compare_command(subject: Subject, view: CompareView) -> str:
    """A shell command that gives the same comparison."""
    inputs = view.inputs
    flags = ["--a", inputs.a.strip(), "--b", inputs.b.strip()]
    if inputs.axis:
        flags += ["--axis", inputs.axis.replace("_", "-")]
    plan = command_line(subject, inputs.workload)
    head, line, rest = plan.partition("\n")
    head = head.replace("planner recommend", f"planner compare {shlex.join(flags)}", 1)
    return head + line + rest
