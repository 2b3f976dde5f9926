"""From command-line flags to fields of a workload: the kind they mean, contradictions refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planner.errors import BadInput
from planner.field_errors import shown
from planner.workload import KINDS, MODELS

Fields = dict[str, Any]

# Flags that say the kind outright, and the kind.
SWITCHES: Mapping[str, str] = {
    "finetune": "finetune",
    "pretrain": "pretrain",
    "serve": "serving",
    "batch": "batch-inference",
    "edge": "edge",
}
# Without a file and a switch the kind follows from what only that kind has, first match first.
IMPLIED: Sequence[tuple[str, str]] = (
    ("flops", "generic"),
    ("fps", "edge"),
    ("power", "edge"),
    ("ttft_p95", "serving"),
    ("tpot_p95", "serving"),
    ("images", "vision-inference"),
    ("samples", "vision-training"),
    ("epochs", "vision-training"),
)


def option(name: str) -> str:
    """How a flag is written: ``ttft_p95`` is ``--ttft-p95``."""
    return "--" + name.replace("_", "-")


def fields_of(
    given: Mapping[str, Any], targets: Mapping[str, str], *, has_file: bool
) -> tuple[Fields, Fields]:
    """Fields of the workload, and of its ``where``, that the flags ``given`` stand for.

    ``targets`` has each flag's field, such as ``where.clouds``. Flags not given are None, False
    or empty. Raises BadInput for flags that contradict each other.
    """
    said = {
        name: value
        for name, value in given.items()
        if value is not None and value is not False and value != []
    }
    kind = _kind(said, has_file=has_file)
    fields: Fields = {} if kind is None else {"kind": kind}
    place: Fields = {}
    taken: dict[str, str] = {}
    for name, value in said.items():
        target = targets.get(name, "")
        if not target:
            continue
        if target in taken:
            raise _exclude(taken[target], name)
        taken[target] = name
        head, _, rest = target.partition(".")
        if rest and head in taken:
            raise _exclude(taken[head], name)
        if kind is not None and not has_file and head not in MODELS[kind].model_fields:
            others = [other for other in KINDS if head in MODELS[other].model_fields]
            raise BadInput(
                f"does not go with kind {kind}",
                where=option(name),
                remedy=f"it goes with {', '.join(others)}",
            )
        if head == "where":
            place[rest] = _placed(name, value)
        elif rest:
            fields.setdefault(head, {})[rest] = value
        else:
            fields[head] = value
    return fields, place


def _kind(said: Mapping[str, Any], *, has_file: bool) -> str | None:
    """The kind of work that the flags say; None when they leave it to the file."""
    switches = [name for name in SWITCHES if name in said]
    if len(switches) > 1:
        raise _exclude(*switches[:2])
    named = said.get("kind")
    if switches:
        kind = SWITCHES[switches[0]]
        if named is not None and named != kind:
            raise BadInput(
                f"{named} and {option(switches[0])} exclude each other",
                where="--kind",
                remedy="give one of them",
            )
        return kind
    if named is not None:
        if named not in KINDS:
            raise BadInput(
                f"{shown(named)} is not a kind of work",
                where="--kind",
                remedy=f"use one of {', '.join(KINDS)}",
            )
        return str(named)
    if has_file:
        return None
    return next((kind for name, kind in IMPLIED if name in said), None)


def _exclude(first: str, second: str) -> BadInput:
    return BadInput(
        f"{option(first)} and {option(second)} exclude each other",
        where="command line",
        remedy="give one of them",
    )


def _placed(name: str, value: Any) -> Any:
    """A flag's value as the field of ``where`` wants it."""
    if name in ("quota", "credit"):
        return dict(_pair(name, text) for text in value)
    if name == "on_prem":
        return [site for text in value for site in _sites(text)]
    if name == "no_cloud":
        return False
    return value


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, amount = text.rpartition("=")
    if not equals or not key.strip() or not amount.strip():
        example = "'aws/P on-demand=192'" if name == "quota" else "aws=5000"
        raise BadInput(
            f"{shown(text)} is not NAME=AMOUNT",
            where=option(name),
            remedy=f"write {option(name)} {example}",
        )
    return key.strip(), amount.strip()


def _sites(text: str) -> list[Any]:
    """Own sites: a YAML file of one or a list of them, or a system's name and how many."""
    if text.endswith((".yaml", ".yml")):
        from planner.yaml_file import load

        content = load(text)
        if isinstance(content, dict):
            content = content.get("on_prem", content)
        found = content if isinstance(content, list) else [content]
        if not found or not all(isinstance(site, dict) for site in found):
            raise BadInput(
                "holds no site", where=text, remedy="write a list of sites, each with name, system"
            )
        return found
    system, colon, machines = text.rpartition(":")
    if not colon:
        system, machines = text, "1"
    if not system.strip():
        raise BadInput(
            f"{shown(text)} names no system",
            where="--on-prem",
            remedy="write --on-prem 'DGX H100:2', or the name of a YAML file of sites",
        )
    return [{"name": system.strip(), "system": system.strip(), "machines": machines}]
