"""What a screen of capacity needs: texts as typed in, a plan beside the best one out.

Free of presentation; every figure is that of ``planner capacity`` or ``planner mix`` with the same
changes.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from planner.actions.explore.inputs import Inputs, Subject, constrain
from planner.errors import BadInput
from planner.quantities import share
from planner.workload.inference import is_service

# A screen is painted before anything is planned: what only planning needs is imported there.
if TYPE_CHECKING:
    from planner.actions.capacity.question import Changes, Question
    from planner.actions.session import Session
    from planner.optimize.mix.profile import MixProfile
    from planner.results.break_even import BreakEven
    from planner.results.capacity import CapacityAnswer, Served
    from planner.results.mix import MixResult

Floats = NDArray[np.float64]
Curve = Literal["", "demand", "utilisation"]
FIELDS = ("file", "demand_scale", "max_spot_share", "count")
# A week, a day: what demand repeats by, and the length of a bin from which on it is whole ones.
WHOLE_HOURS = ((168.0, 24.0), (24.0, 12.0))
GAP, TIME_LIMIT_S = 1e-4, 20.0


@dataclass(frozen=True)
class CapacityInputs:
    """What the fields hold. ``file`` empty: a year of the workload, or the example.

    ``counts``: offer, option and machines, as typed, of what is decided otherwise than the best.
    ``curve``: which break-even is wanted beside the plan, none where empty.
    """

    workload: Inputs
    file: str = ""
    demand_scale: str = "1"
    max_spot_share: str = ""
    counts: tuple[tuple[str, str, str], ...] = ()
    curve: Curve = ""


@dataclass(frozen=True)
class Decision:
    """Machines committed to or bought: as many as cost least, and as many as are planned with."""

    offer: str
    option: str
    best: int
    count: int
    fixed: bool


@dataclass(frozen=True)
class CapacityView:
    """``chosen`` is ``best`` unless counts were decided. ``source``: service, example or file."""

    inputs: CapacityInputs
    source: str
    question: Question
    best: CapacityAnswer
    chosen: CapacityAnswer
    decisions: tuple[Decision, ...]
    curve: BreakEven | None

    @property
    def more_usd(self) -> float:
        """What the choice costs more than the best, over the horizon."""
        return self.chosen.result.cost_usd - self.best.result.cost_usd


@dataclass(frozen=True)
class MixView:
    """A mix of machines for requests of many sizes."""

    inputs: CapacityInputs
    profile: MixProfile
    result: MixResult


@dataclass(frozen=True)
class Stack:
    """``Served`` in as many bins as there are columns: means over ``hours`` each.

    ``amount`` (ways, bins); ``demand`` and ``peak`` (bins,) are mean and most of the demand.
    """

    unit: str
    hours: float
    first_hour: float
    ways: tuple[str, ...]
    amount: Floats
    demand: Floats | None
    peak: Floats | None


def stacked(served: Served, bins: int, first: int = 0, periods: int | None = None) -> Stack:
    """``periods`` (all) from ``first`` on in at most ``bins`` bins of one length, the last shorter.

    Bins longer than a day are whole weeks, those longer than half a day whole days: else weekends
    and nights would fall into some bins only.
    """
    size = served.amount.shape[1]
    first = min(max(first, 0), max(size - 1, 0))
    last = size if periods is None else min(first + periods, size)
    length = max(math.ceil((last - first) / max(bins, 1)), 1)
    for unit_hours, longer in WHOLE_HOURS:
        whole = round(unit_hours / served.period_hours)
        if whole >= 1 and length * served.period_hours > longer:
            length = math.ceil(length / whole) * whole
            break
    starts = np.arange(first, last, length)
    counts = np.diff([*starts.tolist(), last])
    demand = served.demand
    return Stack(
        unit=served.unit,
        hours=length * served.period_hours,
        first_hour=first * served.period_hours,
        ways=served.ways,
        amount=np.add.reduceat(served.amount[:, :last], starts, axis=1) / counts,
        demand=None if demand is None else np.add.reduceat(demand[:last], starts) / counts,
        peak=None if demand is None else np.maximum.reduceat(demand[:last], starts),
    )


class CapacityDesk:
    """Answers inputs one after the other; what did not change is not planned anew.

    ``example`` is the spec for work that ends. To be used from one thread.
    """

    def __init__(self, subject: Subject, example: str) -> None:
        self._subject, self._example = subject, example
        self._asked: tuple[object, ...] = ()
        self._question: Question | MixProfile | None = None
        self._best: tuple[tuple[object, ...], CapacityAnswer] | None = None
        self._curve: tuple[tuple[object, ...], BreakEven] | None = None

    def source(self, inputs: CapacityInputs) -> str:
        """What would be planned: the service, the example, or a file."""
        if inputs.file.strip():
            return "file"
        return "service" if is_service(self._subject.workload) else "example"

    def answer(
        self, session: Session, inputs: CapacityInputs, stop: Callable[[], bool] | None = None
    ) -> CapacityView | MixView:
        """Plan. ``stop``: whether newer inputs wait, asked between points of a curve.

        Raises BadInput (of a field of FIELDS, or of the file), Infeasible and PlannerError.
        """
        from planner.actions.capacity.question import Question

        question = self._opened(session, inputs)
        if not isinstance(question, Question):
            return self._mix(question, inputs)
        changes = changes_of(inputs)
        free = replace(changes, counts={})
        key = (*self._asked, changes.demand_scale, changes.max_spot_share)
        from planner.actions.capacity.plan import capacity
        from planner.optimize.capacity.program import Settings

        settings = Settings(GAP, TIME_LIMIT_S)
        if self._best is None or self._best[0] != key:
            # No baseline rents spot machines: they cost the same whatever their share may be.
            before, savings = self._best, None
            if before is not None and before[0][:-1] == key[:-1]:
                savings = before[1].result.savings
            self._best = key, capacity(question, settings, changes=free, savings=savings)
        best = self._best[1]
        chosen = best
        if changes.counts:
            savings = best.result.savings
            chosen = capacity(question, settings, changes=changes, savings=savings)
        return CapacityView(
            inputs=inputs,
            source=self.source(inputs),
            question=question,
            best=best,
            chosen=chosen,
            decisions=_decisions(question, best, chosen, changes),
            curve=self._curve_of(question, inputs, free, key, stop),
        )

    def _opened(self, session: Session, inputs: CapacityInputs) -> Question | MixProfile:
        source = self.source(inputs)
        own = inputs.workload if source == "service" else None
        asked = (session.catalog.content_id, source, inputs.file.strip(), own)
        if self._question is None or asked != self._asked:
            self._question = self._read(session, source, inputs)
            self._asked = asked
        return self._question

    def _read(self, session: Session, source: str, inputs: CapacityInputs) -> Question | MixProfile:
        if source == "service":
            from planner.actions.capacity.service import question_of_service

            workload = constrain(self._subject, inputs.workload)
            where = self._subject.file or "workload"
            return question_of_service(workload, session.catalog, session.measured, where=where)
        file = inputs.file.strip() if source == "file" else self._example
        if _is_profile(file):
            from planner.actions.mix.plan import profile_from

            return profile_from(file)
        from planner.actions.capacity.question import question_from

        return question_from(file, catalog=lambda: session.catalog)

    def _mix(self, profile: MixProfile, inputs: CapacityInputs) -> MixView:
        from planner.actions.mix.plan import plan_mix, varied

        most = _share(inputs.max_spot_share)
        rate = profile.requests_per_second * _scale(inputs.demand_scale)
        asked = varied(profile, requests_per_second=rate, max_spot_share=most)
        return MixView(inputs, asked, plan_mix(asked))

    def _curve_of(
        self,
        question: Question,
        inputs: CapacityInputs,
        free: Changes,
        key: tuple[object, ...],
        stop: Callable[[], bool] | None,
    ) -> BreakEven | None:
        if not inputs.curve:
            return None
        whole = (*key, inputs.curve)
        if self._curve is None or self._curve[0] != whole:
            from planner.actions.capacity.break_even import break_even

            self._curve = whole, break_even(question.ready(free), inputs.curve, stop=stop)
        return self._curve[1]


def changes_of(inputs: CapacityInputs) -> Changes:
    """What was typed, as the changes that the command line makes. Raises BadInput."""
    from planner.actions.capacity.question import Changes
    from planner.optimize.capacity.fleet import Option

    scale = _scale(inputs.demand_scale)
    counts = {(offer, Option(option)): _whole(count) for offer, option, count in inputs.counts}
    return Changes(None if scale == 1 else scale, _share(inputs.max_spot_share), counts)


def _scale(text: str) -> float:
    plain = text.strip().lower().strip("x× ")
    try:
        value = float(plain) if plain else 1.0
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise BadInput(
            f"{text.strip()!r} is no factor above 0", where="demand_scale", remedy="say 1.5"
        )
    return value


def _share(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return share(text.strip())
    except ValueError as error:
        raise BadInput(
            str(error), where="max_spot_share", remedy="say 25%, or nothing for no limit"
        ) from None


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise BadInput(
            f"{text!r} is not a whole number", where="count", remedy="give one such as 4"
        )
    return int(text)


def _is_profile(file: str) -> bool:
    """Whether a file looks like a mix profile; what cannot be read is not."""
    from planner.actions.mix.plan import looks_like_profile

    return looks_like_profile(file)


def _decisions(
    question: Question, best: CapacityAnswer, chosen: CapacityAnswer, changes: Changes
) -> tuple[Decision, ...]:
    """Every commitment and purchase that is offered, those of the plan first."""
    from planner.actions.capacity.question import DECIDED

    found = []
    counted: list[dict[tuple[str, str], float]] = [
        {(c.offer, c.option): c.count for c in answer.result.counts} for answer in (best, chosen)
    ]
    for offer in question.spec.offers:
        for option, part in DECIDED.items():
            if getattr(offer, part) is not None:
                first, now = (round(of.get((offer.name, str(option)), 0.0)) for of in counted)
                fixed = (offer.name, option) in changes.counts
                found.append(Decision(offer.name, str(option), first, now, fixed))
    return tuple(sorted(found, key=lambda d: not (d.best or d.count or d.fixed)))


def capacity_command(subject: Subject, view: CapacityView | MixView, example: str) -> str:
    """A shell command that gives the same answer."""
    inputs = view.inputs
    scale, most = _scale(inputs.demand_scale), _share(inputs.max_spot_share)
    flags: list[str] = []
    if isinstance(view, MixView):
        if scale != 1:
            flags += ["--requests-per-second", f"{view.profile.requests_per_second:.10g}"]
        if most is not None:
            flags += ["--max-spot-share", f"{most:.10g}"]
        return shlex.join(["planner", "mix", inputs.file.strip(), *flags])
    if scale != 1:
        flags += ["--demand-scale", f"{scale:.10g}"]
    if most is not None:
        flags += ["--max-spot-share", f"{most:.10g}"]
    for offer, option, count in inputs.counts:
        flags += ["--count", f"{offer}={option.replace('_', '-')}:{count}"]
    own = view.source == "service"
    if own and (subject.file is None or inputs.workload != subject.inputs):
        import yaml

        spec = view.question.spec.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        )
        text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
        return f"{shlex.join(['planner', 'capacity', '-', *flags])} <<'SPEC'\n{text}SPEC"
    file = subject.file if own else inputs.file.strip() or example
    return shlex.join(["planner", "capacity", file or "-", *flags])
