"""Workload files: one workload, or several under ``workloads:`` that share limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError

from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.quantities import Limit, Usd
from planner.workload.inference import BatchInference, Serving, VisionInference
from planner.workload.other import Edge, Generic
from planner.workload.part import Part
from planner.workload.profiles import beside, with_profile
from planner.workload.refusals import bad_input
from planner.workload.training import LanguageTraining, VisionTraining
from planner.workload.where import Id, Where
from planner.yaml_file import load

Workload = (
    LanguageTraining | VisionTraining | Serving | BatchInference | VisionInference | Generic | Edge
)
MODELS: dict[str, type[Workload]] = {
    "pretrain": LanguageTraining,
    "finetune": LanguageTraining,
    "vision-training": VisionTraining,
    "serving": Serving,
    "batch-inference": BatchInference,
    "vision-inference": VisionInference,
    "generic": Generic,
    "edge": Edge,
}
KINDS = tuple(MODELS)
MAX_WORKLOADS = 200


class Shared(Part):
    """What the workloads of a portfolio share. ``where`` fills what a workload does not say."""

    name: str = Field(default="portfolio", min_length=1, max_length=100)
    budget: Usd | None = Field(default=None, description="most all of them may cost together")
    quotas: dict[Id, Limit] = Field(default_factory=dict, description="limits they share")
    credits: dict[Id, Usd] = Field(default_factory=dict, description="by cloud, shared")


class Portfolio(Part):
    """Several workloads decided jointly."""

    shared: Shared
    workloads: tuple[Workload, ...]


class PortfolioFile(Shared):
    """A portfolio as it is written: what is shared, and the workloads. For the JSON schema."""

    where: Where = Field(default=Where(), description="for workloads that do not say it themselves")
    workloads: tuple[Annotated[Workload, Field(discriminator="kind")], ...] = Field(
        min_length=1, max_length=MAX_WORKLOADS
    )


def parse(data: object, *, where: str) -> Workload:
    """Check one workload given as a mapping. Raises BadInput naming ``where`` and the field."""
    mapping = _mapping(data, where)
    if "workloads" in mapping:
        raise BadInput(
            "holds several workloads, and one is needed here",
            where=f"{where}: workloads",
            remedy="put it in a file of its own",
        )
    kind = mapping.get("kind")
    if kind is None:
        raise BadInput("is missing", where=f"{where}: kind", remedy=suggest("", KINDS))
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadInput(
            f"{shown(kind)} is not a kind of work",
            where=f"{where}: kind",
            remedy=suggest(kind, KINDS),
        )
    try:
        return MODELS[kind].model_validate(with_profile(mapping, where))
    except ValidationError as error:
        raise bad_input(error, MODELS[kind], where) from None


def parse_any(data: object, *, where: str) -> Workload | Portfolio:
    """Check a workload or a portfolio. Raises BadInput."""
    mapping = _mapping(data, where)
    if "workloads" not in mapping:
        return parse(mapping, where=where)
    listed = mapping["workloads"]
    if not isinstance(listed, list) or not listed:
        raise BadInput(
            f"{shown(listed)} is not a list of workloads" if listed != [] else "is empty",
            where=f"{where}: workloads",
            remedy="list workloads, each with its own `kind:`",
        )
    if len(listed) > MAX_WORKLOADS:
        raise BadInput(
            f"holds {len(listed)} workloads, more than {MAX_WORKLOADS}",
            where=f"{where}: workloads",
            remedy="plan them in several files",
        )
    rest = {key: value for key, value in mapping.items() if key not in ("workloads", "where")}
    try:
        shared = Shared.model_validate(rest)
    except ValidationError as error:
        raise bad_input(error, Shared, where, extra=("where", "workloads")) from None
    defaults = mapping.get("where", {})
    try:
        _Defaults.model_validate({"where": defaults})
    except ValidationError as error:
        raise bad_input(error, _Defaults, where) from None
    workloads: list[Workload] = []
    names: set[str] = set()
    for number, item in enumerate(listed):
        place = f"{where}: workloads[{number}]"
        workload = parse(_alone(_mapping(item, place), number, defaults), where=place)
        if workload.name in names:
            raise BadInput(
                f"{shown(workload.name)} is given twice",
                where=f"{place}: name",
                remedy="give each workload a name of its own",
            )
        names.add(workload.name)
        workloads.append(workload)
    return Portfolio.model_construct(shared=shared, workloads=tuple(workloads))


def member(data: object, name: str, *, where: str) -> dict[str, Any]:
    """One workload of a portfolio, as a file of its own would hold it. Raises BadInput."""
    parse_any(data, where=where)  # all of it: a mistake beside the one wanted is told, too
    mapping = _mapping(data, where)
    listed, defaults = mapping["workloads"], mapping.get("where", {})
    parts = [_alone(item, number, defaults) for number, item in enumerate(listed)]
    found = next((part for part in parts if part["name"] == name), None)
    if found is None:
        raise BadInput(
            f"has no workload {shown(name)}",
            where=f"{where}: workloads",
            remedy=suggest(name, tuple(str(part["name"]) for part in parts)),
        )
    return found


def _alone(item: dict[str, Any], number: int, defaults: dict[str, Any]) -> dict[str, Any]:
    """A workload of a portfolio with its name and what ``where`` fills in."""
    part = dict(item)
    part.setdefault("name", f"{part.get('kind', 'workload')}-{number + 1}")
    own = part.get("where", {})
    return {**part, "where": {**defaults, **own}} if isinstance(own, dict) else part


class _Defaults(Part):
    """A portfolio's ``where``, checked by itself: a mistake in it is not the workloads'."""

    where: Where = Where()


def read(path: str, text: str | None = None) -> Workload:
    """Read one workload file; ``text`` stands for its content when it is already at hand."""
    return parse(beside(load(path, text), path), where="stdin" if path == "-" else path)


def read_any(path: str, text: str | None = None) -> Workload | Portfolio:
    """Read a file of one workload or of a portfolio. Raises BadInput."""
    return parse_any(beside(load(path, text), path), where="stdin" if path == "-" else path)


def _mapping(data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadInput(
            f"holds {shown(data)}, not a workload",
            where=where,
            remedy="write `kind: finetune` and the other fields as a mapping",
        )
    return data
