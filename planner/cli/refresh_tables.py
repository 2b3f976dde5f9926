"""What a refresh did, as tables, and what it is doing, as a bar or as lines."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from planner.actions.catalog.refresh import Outcome, Report, Status, left_out, why
from planner.cli.catalog_tables import console_of, table_of

# Lines of rejects shown for one slice unless all are asked for.
REASONS_SHOWN = 5
# Slices named one by one; more are summed up by source and kind.
SLICES_SHOWN = 24
NUMBERS = ("prices", "before", "left out", "seconds")


class Shown:
    """What is seen of a running refresh; by itself nothing."""

    def __init__(self) -> None:
        self.slices = self.published = 0

    def started(self, slices: int) -> None:
        """Told once, before the first outcome."""
        self.slices = slices

    def progress(self, outcome: Outcome) -> None:
        self.published += outcome.status is Status.PUBLISHED

    @property
    def interrupted(self) -> str:
        return f"{self.published} of {self.slices} slices published; the others are as they were"


class _Lines(Shown):
    def progress(self, outcome: Outcome) -> None:
        super().progress(outcome)
        typer.echo(outcome_line(outcome), err=True)


class _Bar(Shown):
    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar
        self._task = bar.add_task("asking", total=None)

    def started(self, slices: int) -> None:
        super().started(slices)
        self._bar.update(self._task, total=slices)

    def progress(self, outcome: Outcome) -> None:
        super().progress(outcome)
        task = outcome.task
        self._bar.update(
            self._task, advance=1, description=f"{task.provider} {task.region} {task.kind}"
        )
        if outcome.reason:  # what went well moves the bar; what did not is told above it
            self._bar.console.print(Text(outcome_line(outcome)))


@contextmanager
def shown(*, quiet: bool) -> Iterator[Shown]:
    """A bar on terminals, a line for each slice elsewhere, nothing when ``quiet``."""
    if quiet:
        yield Shown()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _Bar(bar)


def print_report(report: Report, *, name_rejects: bool) -> None:
    console = console_of()
    if len(report.outcomes) > SLICES_SHOWN:
        _print_sums(report, console)
    else:
        _print_slices(report, console)
    for outcome in report.outcomes:
        name = f"{outcome.task.provider} {outcome.task.region} {outcome.task.kind}"
        for what, reason in left_out(outcome) if name_rejects else ():
            console.print(Text(f"  {name}: left out {what}: {reason}"))
    if name_rejects:
        return
    if len(report.outcomes) > SLICES_SHOWN:
        _print_reasons(_by_source(report.outcomes), console)
    else:
        names = (f"{o.task.provider} {o.task.region} {o.task.kind}" for o in report.outcomes)
        _print_reasons(dict(zip(names, ([o] for o in report.outcomes), strict=True)), console)


def _print_slices(report: Report, console: Console) -> None:
    table = table_of(("source", "region", "kind", "result", *NUMBERS), right=NUMBERS)
    for outcome in report.outcomes:
        task = outcome.task
        table.add_row(
            task.provider,
            task.region,
            task.kind,
            outcome.status.value,
            str(outcome.rows),
            str(outcome.last_good_rows),
            str(len(left_out(outcome))),
            f"{outcome.seconds:.1f}",
        )
    console.print(table)
    for outcome in report.outcomes:
        name = f"{outcome.task.provider} {outcome.task.region} {outcome.task.kind}"
        for finding in outcome.findings:
            if finding.effect == "note":
                console.print(Text(f"  {name}: note: {finding.where}: {finding.reason}"))


def _print_sums(report: Report, console: Console) -> None:
    columns = ("source", "kind", "published", "kept", "failed", *NUMBERS)
    table = table_of(columns, right=columns[2:])
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in report.outcomes:
        groups.setdefault((outcome.task.provider, outcome.task.kind), []).append(outcome)
    for (provider, kind), outcomes in groups.items():
        count = Counter(outcome.status for outcome in outcomes)
        table.add_row(
            provider,
            kind,
            *(str(count[status]) for status in (Status.PUBLISHED, Status.KEPT, Status.FAILED)),
            str(sum(outcome.rows for outcome in outcomes)),
            str(sum(outcome.last_good_rows for outcome in outcomes)),
            str(sum(len(left_out(outcome)) for outcome in outcomes)),
            f"{max(outcome.seconds for outcome in outcomes):.1f}",
        )
    console.print(table)


def _by_source(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(f"{outcome.task.provider} {outcome.task.kind}", []).append(outcome)
    return found


def _print_reasons(groups: dict[str, list[Outcome]], console: Console) -> None:
    for name, outcomes in groups.items():
        counts = Counter(reason for outcome in outcomes for _, reason in left_out(outcome))
        for reason, count in counts.most_common(REASONS_SHOWN):
            console.print(Text(f"  {name}: left out {count}: {reason}"))
        if len(counts) > REASONS_SHOWN:
            more = len(counts) - REASONS_SHOWN
            console.print(Text(f"  {name}: {more} more reasons; --rejects names all"))


def outcome_line(outcome: Outcome) -> str:
    """One line of progress."""
    task = outcome.task
    line = f"{task.provider} {task.region} {task.kind}: {outcome.status.value}"
    if outcome.reason:
        return f"{line}: {why(outcome)}"
    what = "quota" if task.kind == "quotas" else "price"
    return f"{line}, {outcome.rows} {what}{'' if outcome.rows == 1 else 's'} in " + (
        f"{outcome.seconds:.1f} s"
    )
