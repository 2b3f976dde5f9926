"""The workload under study and its constraints as a person types them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from planner.errors import BadInput
from planner.workload import Workload, parse, read


@dataclass(frozen=True)
class Inputs:
    """Constraints as a person typed them; an empty deadline or budget means no limit."""

    deadline: str
    budget: str
    max_nodes: str
    purchase: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """The workload under study and where it came from (``file`` None: shipped with the planner)."""

    workload: Workload
    file: str | None

    @property
    def inputs(self) -> Inputs:
        """The workload's own constraints, as text that parses back to them."""
        w = self.workload
        return Inputs(
            deadline="" if w.deadline is None else _hours_text(w.deadline),
            budget="" if w.budget is None else f"{w.budget:.10g}",
            max_nodes=str(w.where.max_nodes),
            purchase=tuple(kind.value for kind in w.where.purchase),
        )


def open_subject(file: str, *, shipped: bool = False) -> Subject:
    """Read a workload file. Raises BadInput. ``shipped`` files are not named in commands."""
    if file == "-":
        raise BadInput(
            "the keyboard is needed for the screen, so standard input cannot be the workload",
            where="-",
            remedy="save it to a file and name that",
        )
    return Subject(read(file), None if shipped else file)


def constrain(subject: Subject, inputs: Inputs) -> Workload:
    """The workload with the typed constraints in place of its own. Raises BadInput."""
    own = subject.inputs
    data: dict[str, Any] = subject.workload.model_dump(mode="json", exclude_none=True)
    # What was not touched keeps its exact value, whatever its text rounds to.
    deadline, budget = inputs.deadline.strip(), inputs.budget.strip()
    exact = subject.workload.deadline
    data["deadline"] = f"{exact!r}h" if deadline == own.deadline else deadline
    if budget != own.budget:
        data["budget"] = budget
    for name, text in (("deadline", deadline), ("budget", budget)):
        if not text:
            data.pop(name, None)
    nodes = inputs.max_nodes.strip()
    if not nodes.isdecimal():
        raise BadInput(
            f"{nodes!r} is not a whole number", where="max_nodes", remedy="give one such as 16"
        )
    if not inputs.purchase:
        raise BadInput(
            "no way to pay is left", where="purchase", remedy="choose on-demand, spot or both"
        )
    data["where"] = {**data["where"], "max_nodes": int(nodes), "purchase": list(inputs.purchase)}
    return parse(data, where=subject.file or "workload")


def command_line(subject: Subject, workload: Workload) -> str:
    """A shell command that gives the same recommendation."""
    own = subject.workload
    removed = (own.deadline is not None and workload.deadline is None) or (
        own.budget is not None and workload.budget is None
    )
    if subject.file is None or removed:
        # Flags cannot take a limit away, and the shipped workload has no path worth typing.
        import yaml

        data = workload.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        if workload.deadline is not None:
            data["deadline"] = _hours_text(workload.deadline)
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        return f"planner recommend - <<'WORKLOAD'\n{text}WORKLOAD"
    words = ["planner", "recommend", subject.file]
    if workload.deadline is not None and workload.deadline != own.deadline:
        words += ["--deadline", _hours_text(workload.deadline)]
    if workload.budget is not None and workload.budget != own.budget:
        words += ["--budget", f"{workload.budget:.10g}"]
    if workload.where.max_nodes != own.where.max_nodes:
        words += ["--max-nodes", str(workload.where.max_nodes)]
    if workload.where.purchase != own.where.purchase:
        for kind in workload.where.purchase:
            words += ["--purchase", kind.value]
    return shlex.join(words)


def _hours_text(value: float) -> str:
    minutes = value * 60
    return f"{minutes:.10g}m" if value < 1 and minutes == int(minutes) else f"{value:.10g}h"
