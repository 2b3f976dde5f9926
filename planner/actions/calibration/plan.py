"""What to measure next for a workload: runs that could be made, priced, and ranked by worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.offers import OfferTable, PurchaseKind
from launchers.benchmarks import BENCHMARKS
from launchers.cost_cap import held_hours
from planner.actions.kept import Kept
from planner.actions.planning import Prepared, prepare
from planner.candidates.order import cheapest_first
from planner.errors import BadInput
from planner.information.belief import Belief, believe
from planner.information.decision import Alternatives
from planner.information.ranking import Ranked, Ranking, Run, Worth, rank
from planner.items import candidate_id, rounded
from planner.performance.efficiency import Z90, Measured, Setup
from planner.performance.tasks import setups_of, task_of
from planner.results.calibration_plan import CalibrationPlan, PlannedRun
from planner.workload import Workload

Rows = NDArray[np.intp]

# What measures a task, best first: the next of kin that a benchmark program exists for.
BENCHMARK_OF_TASK: dict[str, tuple[str, ...]] = {
    "language-training": (
        "transformer",
        "cnn",
    ),
    "vision-training": ("resnet50", "cnn"),
    "llm-serving": ("decode",),
    "llm-batch": ("decode",),
}
# SkyPilot's names of clouds that it rents from, by the catalog's.
SKYPILOT = {
    "aws": "aws",
    "gcp": "gcp",
    "azure": "azure",
    "lambda": "lambda",
    "runpod": "runpod",
    "nebius": "nebius",
    "oci": "oci",
    "vast": "vast",
    "digitalocean": "do",
}
# A program of a few minutes.
RUN_S = 480.0
# Ways to run the workload that the decision is between: the cheapest of each accelerator.
PER_ACCELERATOR = 3
ALTERNATIVES = 60


@dataclass(frozen=True)
class _Possible:
    """A run that could be made, and where."""

    benchmark: str
    accelerator: str
    on: str
    offer: str
    usd: float
    setup: Setup
    log_sd: float


def calibration_plan(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    budget_usd: float,
    repeats: float = 1.0,
    late_usd: float | None = None,
    where: str = "workload",
) -> CalibrationPlan:
    """Rank the runs that could inform the choice for a workload.

    ``measured`` are the runs made so far. The workload will be run ``repeats`` times; a late end
    costs ``late_usd`` (None: as much as the run that was late).

    Raises BadInput where no benchmark measures this kind of work, Infeasible as `recommend` does.
    """
    if budget_usd < 0 or not repeats > 0:
        raise BadInput("must be positive", where="--budget and --repeats", remedy="say 20USD and 1")
    asked = (workload, catalog.content_id, tuple(measured))
    question = _QUESTIONS.find(asked)
    if question is None:
        question = _question(workload, catalog, measured, where)
        _QUESTIONS.keep(asked, question)
    alternatives = _late(question.alternatives, question.belief, late_usd)
    found = rank(
        alternatives,
        question.belief,
        [Run(len(question.chosen) + i, one.usd) for i, one in enumerate(question.possible)],
        budget_usd=budget_usd,
        repeats=repeats,
        known=question.worth,
    )
    return _published(question, alternatives, found, budget_usd, repeats)


@dataclass(frozen=True)
class _Question:
    """All that budget, repeats and the price of a late end leave as it is.

    ``chosen`` are the candidates that ``alternatives`` are made of; ``worth`` is what ``rank``
    knows.
    """

    prepared: Prepared
    chosen: Rows
    possible: Sequence[_Possible]
    alternatives: Alternatives
    belief: Belief
    has_runs: bool
    worth: dict[tuple[int, ...], list[Worth]] = field(default_factory=dict)


_QUESTIONS = Kept[_Question](2)


def _question(
    workload: Workload, catalog: Catalog, measured: Sequence[Measured], where: str
) -> _Question:
    """Raises BadInput, Infeasible."""
    prepared = prepare(workload, catalog, where=where)
    task = task_of(workload, prepared.shape)
    benchmark = next((b for b in BENCHMARK_OF_TASK.get(task, ()) if b in BENCHMARKS), None)
    if benchmark is None:
        known = ", ".join(t for t, names in BENCHMARK_OF_TASK.items() if set(names) & {*BENCHMARKS})
        raise BadInput(
            f"no benchmark measures {task}", where=where, remedy=f"there are some for {known}"
        )
    chosen = _shortlist(prepared)
    if not len(chosen):
        raise BadInput(
            "nothing can run this workload, so there is nothing to measure",
            where=where,
            remedy="see `planner recommend`",
        )
    possible = _possible_runs(prepared, chosen, benchmark, catalog)
    alternatives, belief = _decision(prepared, chosen, possible, measured)
    return _Question(prepared, chosen, possible, alternatives, belief, bool(measured))


def _errors(question: _Question) -> list[tuple[float, float]]:
    """For each run, how far above its estimate the workload's time on that accelerator may be,
    now and after it."""
    c, belief, chosen = question.prepared.candidates, question.belief, question.chosen
    names = [c.machines.devices[int(c.config[row])].name for row in chosen.tolist()]
    found = []
    for number, one in enumerate(question.possible):
        place = names.index(one.accelerator)
        states = belief, belief.after(len(chosen) + number, 0.0)
        now, after = (float(np.expm1(Z90 * np.sqrt(b.variance[place]))) for b in states)
        found.append((now, after))
    return found


def _shortlist(prepared: Prepared) -> Rows:
    """Candidates the choice is between: the cheapest few of every accelerator, in time or nearly.

    What would be too slow even two standard deviations faster than estimated is left out.
    """
    c, deadline = prepared.candidates, prepared.workload.deadline
    rows = prepared.feasible
    if deadline is not None:
        sd = c.throughput.log_sd[c.config[rows]]
        fastest = c.set_up_hours[rows] + c.work_hours[rows] * np.exp(-2 * sd)
        rows = rows[fastest <= deadline]
    rows = cheapest_first(c, rows)
    seen: dict[str, int] = {}
    kept = []
    for row in rows.tolist():
        name = c.machines.devices[int(c.config[row])].name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= PER_ACCELERATOR:
            kept.append(row)
    in_time = set(prepared.in_time.tolist())
    kept.sort(key=lambda row: row not in in_time)  # keeps their order otherwise
    return np.array(kept[:ALTERNATIVES], np.intp)


def _possible_runs(
    prepared: Prepared, chosen: Rows, benchmark: str, catalog: Catalog
) -> list[_Possible]:
    """The benchmark on one machine of each accelerator among the candidates, where cheapest."""
    c = prepared.candidates
    setups = setups_of(prepared.workload, prepared.shape, c.machines, c.throughput)
    found, done = list[_Possible](), set[str]()
    model = catalog.model_shape(BENCHMARKS[benchmark].model).name
    for index in chosen.tolist():
        config = int(c.config[index])
        device = c.machines.devices[config]
        if device.name in done:
            continue
        done.add(device.name)
        rented = _cheapest_machine(c.offers, device.name)
        if rented is None:
            continue
        row, on = rented
        like = setups[config]
        names = ("cloud", "region", "instance_type", "kind")
        found.append(
            _Possible(
                benchmark,
                device.name,
                on,
                "/".join(c.offers.text(name, row) for name in names),
                float(c.offers.numbers["usd_per_hour"][row]) * held_hours(RUN_S) if on else 0.0,
                Setup(
                    like.task, like.kind, device.name, model, like.precision, like.framework, -1, 1
                ),
                float(c.throughput.log_sd[config]),
            )
        )
    return found


def _cheapest_machine(offers: OfferTable, accelerator: str) -> tuple[int, str] | None:
    """Row of the cheapest machine with it that can be rented for a run, and SkyPilot's target.

    A machine of the user's own is free and has no target.
    """
    own = offers.is_in("accelerator", [accelerator]) | offers.is_in("cpu", [accelerator])
    usable = own & np.isfinite(offers.numbers["usd_per_hour"]) & offers.is_in("platform", [""])
    site = np.flatnonzero(usable & offers.is_in("cloud", ["on-prem"]))
    if len(site):
        return int(site[0]), ""
    kinds = [PurchaseKind.ON_DEMAND, PurchaseKind.SPOT]
    rows = np.flatnonzero(
        usable & offers.is_in("cloud", list(SKYPILOT)) & offers.is_in("kind", kinds)
    )
    if not len(rows):
        return None
    # Spot machines may be taken back during the run: on demand unless nothing else is sold.
    on_demand = offers.is_in("kind", [PurchaseKind.ON_DEMAND])[rows]
    rows = rows[on_demand] if on_demand.any() else rows
    row = int(rows[np.argmin(offers.numbers["usd_per_hour"][rows])])
    region = offers.text("region", row)
    place = SKYPILOT[offers.text("cloud", row)] + (f"/{region}" if region != "all" else "")
    spot = ",spot" if offers.text("kind", row) == PurchaseKind.SPOT else ""
    return row, f"skypilot:{place},instance={offers.text('instance_type', row)}{spot}"


def _decision(
    prepared: Prepared,
    chosen: Rows,
    possible: Sequence[_Possible],
    measured: Sequence[Measured],
) -> tuple[Alternatives, Belief]:
    c, workload = prepared.candidates, prepared.workload
    setups = setups_of(workload, prepared.shape, c.machines, c.throughput)
    config = c.config[chosen]
    belief = believe(
        [*(setups[i] for i in config.tolist()), *(one.setup for one in possible)],
        np.concatenate([c.throughput.log_sd[config], [one.log_sd for one in possible]]),
        measured,
    )
    if c.amount.is_service:  # more machines where they are slower: cost follows speed
        work_usd, deadline = c.usd[chosen], None
        work_hours = np.zeros(len(chosen))
    else:
        work_usd = c.lines["work_usd"][chosen] + c.lines["interruption_usd"][chosen]
        work_hours, deadline = c.work_hours[chosen] + c.lost_hours[chosen], workload.deadline
    alternatives = Alternatives(
        np.arange(len(chosen)),
        c.usd[chosen] - work_usd,
        work_usd,
        c.set_up_hours[chosen],
        work_hours,
        deadline,
        workload.risk,
        0.0,
        np.unique([c.machines.devices[i].name for i in config.tolist()], return_inverse=True)[1],
    )
    return alternatives, belief


def _late(alternatives: Alternatives, belief: Belief, late_usd: float | None) -> Alternatives:
    """With the price of a late end."""
    if alternatives.deadline_hours is None:
        return alternatives
    if late_usd is None:
        pick = int(alternatives.choose(belief))
        late_usd = float(alternatives.expected_usd(belief)[pick])
    return replace(alternatives, late_usd=late_usd)


def _published(
    question: _Question,
    alternatives: Alternatives,
    found: Ranking,
    budget_usd: float,
    repeats: float,
) -> CalibrationPlan:
    c, possible = question.prepared.candidates, question.possible
    errors, now = _errors(question), int(alternatives.choose(question.belief))
    pick = int(question.chosen[now])
    spent = sum(possible[one.run].usd for one in found.chosen)
    runs = [_run(possible[one.run], errors[one.run], one, "") for one in found.chosen]
    for one in found.declined:
        usd = possible[one.run].usd
        reason = (
            "does not fit into the budget"
            if one.value_usd > usd
            else "cannot change the choice"
            if one.value_usd == 0
            else "costs more than it saves"
        )
        runs.append(_run(possible[one.run], errors[one.run], one, reason))
    deadline = alternatives.deadline_hours is not None
    assumptions = [
        "Errors of the estimates are normal in logs and shared between set-ups by task, kind of "
        "device, accelerator and model, as own measurements are (docs/design.md).",
        f"A run holds its machine for {held_hours(RUN_S) * 60:.0f} minutes at most: set-up, "
        f"{RUN_S / 60:.0f} minutes of program, idle time before it goes down.",
    ]
    if deadline:
        assumptions.append(
            f"A run of the workload that ends late costs ${alternatives.late_usd:,.2f} besides."
        )
    if c.amount.is_service:
        assumptions.append("Machines of a service follow its speed in proportion, not in steps.")
    if question.has_runs:
        assumptions.append("Runs made so far are taken into account.")
    return CalibrationPlan(
        workload=question.prepared.workload.subject,
        choice=candidate_id(c, pick, float(c.nodes[pick])),
        choice_cost_usd=rounded(float(alternatives.estimated_usd(question.belief)[now])),
        choice_usd=rounded(found.expected_usd),
        repeats=repeats,
        budget_usd=budget_usd,
        late_usd=rounded(alternatives.late_usd) if deadline else None,
        perfect_usd=rounded(found.perfect_usd),
        runs=runs,
        spent_usd=rounded(spent),
        saved_usd=rounded(sum(one.value_usd for one in found.chosen)),
        assumptions=assumptions,
    )


def _run(possible: _Possible, error: tuple[float, float], one: Ranked, why_not: str) -> PlannedRun:
    return PlannedRun(
        benchmark=possible.benchmark,
        accelerator=possible.accelerator,
        on=possible.on,
        offer=possible.offer,
        price_usd=rounded(possible.usd),
        value_usd=rounded(one.value_usd),
        value_per_usd=rounded(one.value_usd / possible.usd) if possible.usd else None,
        changes_choice=round(one.changes, 3),
        error_now=round(error[0], 3),
        error_after=round(error[1], 3),
        worth_it=not why_not,
        why_not=why_not,
    )
