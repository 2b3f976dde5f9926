"""The use case behind ``planner export``: a saved result as text for another tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel

from planner.actions.saved_result import read_saved, workload_of
from planner.errors import BadInput
from planner.exports.subject import Subject, Wishes, subject_of
from planner.results import PortfolioResult, Recommendation
from planner.results.capacity import CapacityResult
from planner.results.mix import MixResult

if TYPE_CHECKING:
    from catalog import Catalog

Result = Recommendation | PortfolioResult | MixResult | CapacityResult
READABLE: dict[str, type[BaseModel]] = {
    "planner.recommendation/1": Recommendation,
    "planner.portfolio/1": PortfolioResult,
    "planner.mix/1": MixResult,
    "planner.capacity/1": CapacityResult,
}
Launchable = Callable[[Subject, Wishes], str]
# Targets that start one configuration, and those that list what it costs.
LAUNCHES = (
    "skypilot", "kubernetes", "karpenter", "torchrun", "deepspeed", "ray-train", "horovod",
    "vllm", "tensorrt-llm",
)  # fmt: skip
LISTS = ("commitments", "focus")
TARGETS = (*LAUNCHES, *LISTS)
MIX_HOURS = 730.0


@dataclass(frozen=True)
class Which:
    """Which configuration of a result: of a portfolio the ``workload`` of that name, of a mix the
    ``group``, or an ``alternative``, both counted from 1."""

    workload: str = ""
    group: int | None = None
    alternative: int | None = None

    @property
    def said(self) -> str:
        """The flag that was said; empty for none."""
        named = {
            "--workload": self.workload,
            "--group": self.group,
            "--alternative": self.alternative,
        }
        return next((flag for flag, value in named.items() if value), "")


# Of a mix these take all groups in one text; the others need one each.
TOGETHER = ("kubernetes", "karpenter")


def export_saved(
    path: str, target: str, which: Which, wishes: Wishes, *, start: date | None = None
) -> list[str]:
    """``export`` of a saved result."""
    result = read_saved(path, READABLE)
    assert isinstance(result, Result)
    return export(result, path, target, which, wishes, start=start)


def export(
    result: object,
    path: str,
    target: str,
    which: Which,
    wishes: Wishes,
    *,
    start: date | None = None,
) -> list[str]:
    """A result as text for ``target``: one, or of a mix one for each group where the target takes
    one configuration. ``path`` is what errors call the result; ``start`` is the day from which
    costs are dated.

    Raises BadInput for a result that the target cannot take.
    """
    if not isinstance(result, Result):
        raise BadInput(
            f"is a {type(result).__name__}, which nothing is started or paid from",
            where=path,
            remedy="export what recommend, mix or capacity answered",
        )
    if target in LISTS:
        if which.group or which.alternative:
            raise BadInput(
                f"does not go with --to {target}, which lists all that was chosen",
                where=which.said,
                remedy="leave it out",
            )
        return [_listed(result, path, target, which, start or date.today())]
    write = _launchers()[target]
    texts = [write(subject, wishes) for subject in _subjects(result, path, which)]
    return ["---\n".join(texts)] if target in TOGETHER else texts


def _subjects(result: Result, path: str, which: Which) -> list[Subject]:
    """What is to be started: of a mix all groups, unless one was asked for."""
    if which.group is None and which.alternative is None:
        whole = None
        if isinstance(result, Recommendation | PortfolioResult):
            (one,) = _chosen_workloads(result, path, which, one=True)
            whole = one.mix
        if whole is not None:
            known = vendors()
            return [
                subject_from(result, path, Which(which.workload, number), known)
                for number in range(1, len(whole.groups) + 1)
            ]
    return [subject_from(result, path, which)]


def subject_from(
    result: Result, path: str, which: Which, known: Mapping[str, str] | None = None
) -> Subject:
    """The configuration of a result that can be started; ``known`` are ``vendors``.

    Raises BadInput.
    """
    if isinstance(result, MixResult | CapacityResult):
        raise BadInput(
            "is a plan of machine counts and names no program",
            where=path,
            remedy=f"use --to {' or '.join(LISTS)}, or save one with planner recommend",
        )
    (one,) = _chosen_workloads(result, path, which, one=True)
    return subject_of(
        one,
        workload_of(one, path),
        path,
        vendors() if known is None else known,
        group=which.group,
        alternative=which.alternative,
    )


def vendors(catalog: Catalog | None = None) -> Mapping[str, str]:
    """Who makes each accelerator, by its name in the catalog."""
    if catalog is None:
        from catalog import Catalog

        catalog = Catalog.open()
    return {name: device.vendor for name, device in catalog.accelerators.items()}


def _listed(result: Result, path: str, target: str, which: Which, start: date) -> str:
    from planner.exports import commitments, focus

    if isinstance(result, MixResult | CapacityResult) and which.workload:
        raise BadInput("the result is of one workload", where="--workload", remedy="leave it out")
    if isinstance(result, CapacityResult):
        if target == "commitments":
            return commitments.of_capacity(result, path)
        return focus.of_capacity(result, start)
    if isinstance(result, MixResult):
        if target == "commitments":
            raise BadInput(
                "is a mix by the hour and commits to nothing",
                where=path,
                remedy="plan a year with planner capacity",
            )
        return focus.of_mix(result, start, MIX_HOURS)
    results = _chosen_workloads(result, path, which, one=False)
    if target == "commitments":
        return commitments.of_recommendations(results, path)
    return focus.of_recommendations(results, start)


def _chosen_workloads(
    result: Recommendation | PortfolioResult, path: str, which: Which, *, one: bool
) -> list[Recommendation]:
    if isinstance(result, Recommendation):
        if which.workload and which.workload != result.workload.get("name"):
            raise BadInput(
                f"the result is of {str(result.workload.get('name'))!r}",
                where=f"--workload {which.workload}",
                remedy="leave it out",
            )
        return [result]
    names = [str(part.workload.get("name")) for part in result.workloads]
    if which.workload:
        named = zip(result.workloads, names, strict=True)
        found = [part for part, name in named if name == which.workload]
        if not found:
            raise BadInput(
                "is not in the portfolio",
                where=f"--workload {which.workload}",
                remedy=f"use one of {', '.join(names)}",
            )
        return found[:1]
    if one:
        raise BadInput(
            f"is a portfolio of {len(names)} workloads, and this target takes one",
            where=path,
            remedy=f"say --workload NAME, one of {', '.join(names)}",
        )
    return list(result.workloads)


def _launchers() -> Mapping[str, Launchable]:
    from planner.exports.deepspeed import deepspeed
    from planner.exports.karpenter import karpenter
    from planner.exports.kubernetes import kubernetes
    from planner.exports.launch_scripts import horovod, ray_train, torchrun
    from planner.exports.skypilot import skypilot
    from planner.exports.tensorrt_llm import tensorrt_llm
    from planner.exports.vllm import vllm

    return {
        "skypilot": skypilot,
        "kubernetes": kubernetes,
        "karpenter": karpenter,
        "torchrun": torchrun,
        "deepspeed": deepspeed,
        "ray-train": ray_train,
        "horovod": horovod,
        "vllm": vllm,
        "tensorrt-llm": tensorrt_llm,
    }
