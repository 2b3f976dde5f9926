"""What is asked: a file's workload or portfolio with flags laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.errors import BadInput
from planner.workload import MODELS, Portfolio, Workload, parse_any
from planner.workload.profiles import beside
from planner.yaml_file import load

# Flags that a portfolio takes: the budget is shared, the risk goes to every workload.
SHARED = ("budget",)
EACH = ("risk",)


def asked(
    file: str | None, text: str | None, flags: Mapping[str, Any], place: Mapping[str, Any]
) -> tuple[Workload | Portfolio, str]:
    """A checked workload or portfolio, and the name of where it came from. Raises BadInput.

    ``flags`` replace fields of the file, ``place`` fields of its ``where``; mappings such as
    quotas are merged. What is None or empty was not given.
    """
    given = {name: value for name, value in flags.items() if value not in (None, {})}
    placed = {name: value for name, value in place.items() if value not in (None, [], {})}
    if file is None:
        data: object = {}
        where = "command line"
        if not given:
            raise BadInput(
                "no workload given",
                remedy="name a workload file, or say --model ... --finetune lora --tokens 50M",
            )
        if "kind" not in given:
            raise BadInput(
                "the kind of work is missing",
                where=where,
                remedy="add --finetune lora, --pretrain, --serve, --batch, --edge or --kind KIND",
            )
    else:
        where = "stdin" if file == "-" else file
        data = beside(load(file, text), file)
        if given or placed:
            where += " with flags"
    if isinstance(data, dict):
        if "workloads" in data:
            data = _over_portfolio(data, given, placed, where)
        else:
            _check_kind(data.get("kind"), given.get("kind"), where)
            if "model" in given:  # replaced whole: a profile is not laid over another model
                data = {name: value for name, value in data.items() if name != "model"}
            data = _over(_over(data, given), {"where": placed} if placed else {})
    return parse_any(data, where=where), where


def _check_kind(in_file: object, by_flags: str | None, where: str) -> None:
    """A flag may turn fine-tuning into pre-training, not into another kind of work."""
    if by_flags is None or not isinstance(in_file, str) or in_file not in MODELS:
        return
    if MODELS[in_file] is not MODELS[by_flags]:
        raise BadInput(
            f"is {in_file} in the file and {by_flags} by flags",
            where=f"{where}: kind",
            remedy="leave out the file or the flag",
        )


def _over(data: dict[Any, Any], fields: Mapping[str, Any]) -> dict[Any, Any]:
    """``data`` with ``fields`` laid over it; mappings are merged, one inside the other."""
    merged = dict(data)
    for name, value in fields.items():
        below = merged.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = _over(below, value)
        elif isinstance(value, dict) and below is not None and name in merged:
            pass  # the file's value is no mapping: the check of fields says so
        else:
            merged[name] = value
    return merged


def _over_portfolio(
    data: dict[Any, Any], given: Mapping[str, Any], placed: Mapping[str, Any], where: str
) -> dict[Any, Any]:
    for name in given:
        if name not in (*SHARED, *EACH):
            raise BadInput(
                f"--{name.replace('_', '-')} does not go with several workloads",
                where=f"{where}: workloads",
                remedy="write it into the workload it is meant for",
            )
    merged = _over(data, {name: given[name] for name in SHARED if name in given})
    each = {name: given[name] for name in EACH if name in given}
    if placed:
        each["where"] = dict(placed)
    listed = merged["workloads"]
    if each and isinstance(listed, list):
        merged["workloads"] = [_over(w, each) if isinstance(w, dict) else w for w in listed]
    return merged
