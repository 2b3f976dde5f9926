"""``planner launch``: start what a saved result recommends, within limits, and give it back.

The launchers are imported only when something is started.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import Catalog
from planner.actions.calibration.ready import launch_errors
from planner.actions.catalog.freshness import age_limit_days, refuse
from planner.actions.exports import READABLE, Result, Which, subject_from, vendors
from planner.actions.price_now import PriceNow, price_now
from planner.actions.saved_result import read_saved
from planner.actions.session import open_session
from planner.amounts import hours as in_words
from planner.amounts import money
from planner.errors import BadInput, OverBudget
from planner.exports.skypilot import resources_of, task_of
from planner.exports.subject import Subject, Wishes
from planner.exports.words import dns_name

if TYPE_CHECKING:
    from launchers.base import BenchmarkRun, Bill, CostEstimate
    from launchers.sky_job import SkyJobLauncher
    from launchers.spending import Spending
    from launchers.stages import Stages

Say = Callable[[str], None]
# A job is stopped after this many times the slow end of its estimate, unless the user says when.
PATIENCE = 1.5
SHORTEST_HOURS = 0.5
# SkyPilot may find the machine a little dearer than the catalog: a cap leaves room for that.
CAP_MARGIN = 1.05
# Of a task file, what the plan says instead.
PLANNED = ("name", "resources", "num_nodes", "service")


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """What to run and how far to go. ``command`` is a shell line, ``task_file`` a SkyPilot task
    whose resources are replaced by the plan's, ``workdir`` a folder carried to every node,
    ``secrets`` names of environment variables handed
    on unseen. ``keep_up`` leaves a service running without any end."""

    which: Which = field(default_factory=Which)
    command: str = ""
    template: str = ""
    task_file: str = ""
    workdir: str = ""
    model_id: str = ""
    secrets: tuple[str, ...] = ()
    max_cost_usd: float | None = None
    max_hours: float | None = None
    max_age: str | None = None
    keep_up: bool = False


@dataclass(frozen=True, slots=True)
class LaunchOutcome:
    """What was started. ``kept_up`` says that it still runs and costs; ``seconds`` is how long it
    was held and ``bill`` what it cost otherwise."""

    run_id: str
    cluster: str
    target: str
    estimate: CostEstimate
    kept_up: bool
    seconds: float = 0.0
    bill: Bill | None = None


@dataclass(frozen=True)
class _Planned:
    """A launch before anything of it exists."""

    subject: Subject
    config: Mapping[str, Any]
    target: str
    timeout_s: float
    max_hours: float | None
    estimate: CostEstimate
    notes: list[str] = field(default_factory=list)


def launch(
    path: str,
    options: LaunchOptions,
    confirm: Callable[[CostEstimate], bool],
    progress: Say,
    *,
    catalog: Catalog | None = None,
    today: date | None = None,
) -> LaunchOutcome:
    """Start a saved result's configuration through SkyPilot, and wait for its end.

    ``confirm`` is asked before anything is rented. A job's machines are given back when it ends,
    fails, meets a limit or is interrupted; a service's too, unless ``keep_up``.

    Raises BadInput for a result that cannot be launched, prices older than ``max_age`` and a
    launch that was not confirmed; OverBudget when it is expected to cost more than
    ``max_cost_usd``, or was stopped there; PlannerError when it failed; CatalogError.
    """
    from launchers.base import RunTerms
    from launchers.errors import HoursReached, LaunchRefused
    from launchers.ledger import RunLedger
    from launchers.runs import Drive, carry_out, leave_up
    from launchers.sky_job import JOB
    from launchers.spending import Spending
    from launchers.stages import Stage, Stages

    catalog = catalog or open_session(progress).catalog  # negotiated prices included
    ledger = RunLedger()
    ledger.runs()  # what cannot be kept must not be paid for
    with launch_errors():
        planned = _plan(path, options, catalog, today or date.today())
        run = _run(planned, options, JOB)
        terms = RunTerms(
            cost_usd=planned.estimate.usd,
            usd_per_hour=planned.estimate.usd_per_hour,
            max_cost_usd=options.max_cost_usd,
            max_hours=planned.max_hours,
            timeout_s=planned.timeout_s,
        )
        spending = Spending(terms, where=f"{planned.target}: {run.run_id}")
        stages = Stages(progress, spending)
        launcher = _launcher(planned, run, options, spending, stages)
        estimate = launcher.estimate_cost(run)
        stages.enter(Stage.ESTIMATE, planned.subject.summary[0])
        for note in planned.notes:
            progress(f"note: {note}")
        stages.enter(Stage.CONFIRM)
        if not confirm(estimate):
            raise LaunchRefused("not confirmed, nothing was started", where=planned.target)
        drive = Drive(
            launcher, run, ledger, progress, lambda _: None, replace(terms), spending, stages
        )
        if options.keep_up:
            leave_up(drive, confirmed=True)
            return LaunchOutcome(run.run_id, launcher.resource, planned.target, estimate, True)
        try:
            carry_out(drive, confirmed=True)
        except HoursReached:
            if not planned.subject.is_service:
                raise
            progress("taken down at --max-hours, as asked")
    record = ledger.run(run.run_id)
    bill = None if record is None else record.bill
    seconds = spending.seconds
    return LaunchOutcome(
        run.run_id, launcher.resource, planned.target, estimate, False, seconds, bill
    )


def _plan(path: str, options: LaunchOptions, catalog: Catalog, today: date) -> _Planned:
    result = read_saved(path, READABLE)
    assert isinstance(result, Result)
    subject = subject_from(result, path, options.which, vendors(catalog))
    _check(subject, options)
    config = _config(subject, options)
    price = price_now(subject.item, catalog, today)
    notes = _check_price(subject, price, options.max_age)
    target = _target(subject)
    rate = price.rate * subject.item.nodes
    if options.keep_up:
        planned_hours = subject.item.horizon_hours or 730.0
        estimate = _estimate(rate * planned_hours, rate, planned_hours, "no end: until you stop it")
        return _Planned(subject, config, target, 0.0, None, estimate, notes)
    return _bounded(subject, config, target, rate, options, notes)


def _check(subject: Subject, options: LaunchOptions) -> None:
    """Mistakes that are seen without asking anybody. Raises BadInput."""
    if options.command and options.task_file:
        raise BadInput("goes with no --task, which has a run", where="--command")
    if options.task_file and options.template:
        raise BadInput("goes with --command", where="--template", remedy="leave it out")
    if options.workdir and not Path(options.workdir).is_dir():
        raise BadInput("is no folder", where=f"--workdir {options.workdir}", remedy="name one")
    service = subject.is_service
    serves = service and subject.is_language_inference
    if not (options.command or options.task_file or serves):
        raise BadInput(
            "says what to rent, not what to run there",
            where=subject.where,
            remedy="say --command 'python train.py', or --task TASK.yaml",
        )
    if not service and options.keep_up:
        raise BadInput("is for services; a job ends", where="--keep-up", remedy="leave it out")
    if options.keep_up and (options.max_cost_usd is not None or options.max_hours is not None):
        raise BadInput(
            "nobody watches what stays up, so that no limit can be kept",
            where="--keep-up",
            remedy="leave out --max-cost and --max-hours, or leave it out",
        )
    if service and not options.keep_up and options.max_hours is None:
        raise BadInput(
            "a service has no end",
            where=subject.where,
            remedy="say --max-hours 4 to have it taken down then, or --keep-up to leave it running "
            "and paid for until you stop it",
        )
    missing = [name for name in options.secrets if name not in os.environ]
    if missing:
        raise BadInput(
            f"{missing[0]} is not set in the environment",
            where="--secret",
            remedy=f"export {missing[0]}=...",
        )
    uses_model = service and not (options.command or options.task_file)
    if uses_model and not (options.model_id or "/" in subject.model):
        raise BadInput(
            f"which weights are {subject.model}?",
            where="--model-id",
            remedy="name them as vLLM finds them, e.g. meta-llama/Llama-3.1-70B-Instruct",
        )


def _config(subject: Subject, options: LaunchOptions) -> dict[str, Any]:
    """The SkyPilot task: the plan's machines, and the user's work on them. Raises BadInput."""
    wishes = Wishes(
        command=options.command or ("true" if options.task_file else ""),
        template=options.template,
        model_id=options.model_id,
    )
    config = task_of(subject, wishes, as_service=False)
    if options.workdir:
        config["workdir"] = str(Path(options.workdir).absolute())
    if not options.task_file:
        return config
    from planner.yaml_file import load

    task = load(options.task_file)
    if not isinstance(task, dict) or not task.get("run"):
        raise BadInput("has no run", where=options.task_file, remedy="name a SkyPilot task")
    own = {str(name): value for name, value in task.items() if name not in PLANNED}
    envs = {**config.get("envs", {}), **(own.pop("envs", None) or {})}
    config.pop("run", None)
    config.pop("envs", None)
    if options.workdir:
        own.pop("workdir", None)
    return {**config, **({"envs": envs} if envs else {}), **own}


def _check_price(subject: Subject, price: PriceNow, max_age: str | None) -> list[str]:
    """What to tell about the price. Raises BadInput when it is older than allowed."""
    notes = [price.moved] if price.moved else []
    if max_age is None:
        if price.age_days is not None and price.age_days > 30:
            notes.append(f"the price is {price.age_days} days old; --max-age 7d refuses such")
        return notes
    limit = age_limit_days(max_age)
    stated = subject.item.price.layer == "workload"
    if not stated and (price.age_days is None or price.age_days > limit):
        aged = subject.item.price.model_copy(update={"age_days": price.age_days})
        raise refuse([subject.item.model_copy(update={"price": aged})], max_age)
    return notes


def _bounded(
    subject: Subject,
    config: Mapping[str, Any],
    target: str,
    rate: float,
    options: LaunchOptions,
    notes: list[str],
) -> _Planned:
    """How long it may be held, from the limits or the estimate. Raises OverBudget,
    LaunchRefused."""
    from launchers.cost_cap import limits

    item, most, cap = subject.item, options.max_hours, options.max_cost_usd
    if item.hours is not None:
        slow = item.hours_p90 if item.hours_p90 is not None else item.hours
        timeout_s = 3600 * max(SHORTEST_HOURS, PATIENCE * slow)
        expected = rate * item.hours
        if cap is not None and expected > cap:
            raise OverBudget(
                f"{subject.where}: is expected to cost {money(expected)}, more than --max-cost "
                f"{cap:g} USD"
            )
    else:
        assert most is not None  # _check: a service without an end says so
        timeout_s = 3600 * most
    if cap is not None and rate > 0:
        within_cap = cap / (rate * CAP_MARGIN)
        most = within_cap if most is None else min(most, within_cap)
    held = limits(timeout_s, most)
    # The guard here and the machine itself keep to this, whichever is asked for.
    end = held.hours if most is None else most
    basis = f"{item.nodes} x {item.instance_type} at {money(rate / item.nodes)} an hour"
    if item.hours is not None:
        basis += f"; expected {money(rate * item.hours)} for {in_words(item.hours)}"
        if held.program_s < 3600 * item.hours:
            notes = [
                *notes,
                f"it is stopped after {in_words(held.program_s / 3600)} of running, before its "
                f"expected end after {in_words(item.hours)}",
            ]
    basis += f"; stopped after {in_words(end)} at the latest"
    if item.purchase == "spot":
        notes = [
            *notes,
            "a spot machine that is taken away ends the run; planner export --to skypilot and "
            "`sky jobs launch` start again",
        ]
    estimate = _estimate(rate * held.hours, rate, held.hours, basis)
    return _Planned(subject, config, target, timeout_s, end, estimate, notes)


def _estimate(usd: float, rate: float, hours: float, basis: str) -> CostEstimate:
    from launchers.base import CostEstimate

    return CostEstimate(usd, rate, hours, basis)


def _target(subject: Subject) -> str:
    """Where it runs, in the words of ``launchers.targets``."""
    resources = resources_of(subject)
    for value in (resources["infra"], resources.get("instance_type", "")):
        if not re.fullmatch(r"[\w.$*/:@-]*", value):  # a target is words between commas
            raise BadInput(
                f"{value[:60]!r} names no machine or place",
                where=subject.where,
                remedy="save the result again, it was changed by hand",
            )
    parts = [f"skypilot:{resources['infra']}"]
    for name, key in (("accelerators", "accelerators"), ("instance", "instance_type")):
        if key in resources:
            parts.append(f"{name}={resources[key]}")
    if resources.get("use_spot"):
        parts.append("spot")
    if subject.item.nodes > 1:
        parts.append(f"nodes={subject.item.nodes}")
    return ",".join(parts)


def _run(planned: _Planned, options: LaunchOptions, job: str) -> BenchmarkRun:
    from launchers.base import BenchmarkRun

    name = dns_name(planned.subject.name)[:20].strip("-")
    return BenchmarkRun(
        run_id=f"{name}-{uuid.uuid4().hex[:8]}",
        benchmark=job,
        program=Path(),
        arguments=(),
        timeout_s=planned.timeout_s,
        secrets={secret: os.environ[secret] for secret in options.secrets},
    )


def _launcher(
    planned: _Planned,
    run: BenchmarkRun,
    options: LaunchOptions,
    spending: Spending,
    stages: Stages,
) -> SkyJobLauncher:
    from launchers.sky_job import SkyJobLauncher
    from launchers.targets import parse_target

    target = parse_target(planned.target)
    assert target is not None

    def guard() -> None:
        if not options.keep_up:
            spending.check()
        stages.tick()

    def on_rate(usd_per_hour: float) -> None:
        spending.usd_per_hour = usd_per_hour

    return SkyJobLauncher(
        target,
        run.run_id,
        planned.estimate,
        max_cost_usd=options.max_cost_usd,
        max_hours=planned.max_hours,
        guard=guard,
        on_rate=on_rate,
        config=planned.config,
        stays_up=options.keep_up,
    )
