"""What is exported: one configuration of a result with its workload, read once for all formats."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from planner.amounts import hours, money
from planner.errors import BadInput
from planner.exports.words import dns_name
from planner.performance.layouts import Layout, parse_layout
from planner.results import Item, Recommendation
from planner.workload import (
    BatchInference,
    LanguageTraining,
    Serving,
    VisionTraining,
    Workload,
)

# Devices that no cluster manager starts work on.
EDGE, ON_PREM = "edge", "on-prem"


@dataclass(frozen=True)
class Wishes:
    """What the user adds to a result. ``command`` runs the work (a shell line; where a launcher
    starts it: a Python program with arguments), ``template`` names such a launcher
    (``launchers.templates``) in a task or manifest, ``image`` is a container image, ``model_id``
    the name or path under which the serving engine finds the model."""

    command: str = ""
    template: str = ""
    image: str = ""
    model_id: str = ""
    megatron: bool = False


@dataclass(frozen=True)
class Subject:
    """One configuration: ``groups`` times ``nodes_per_group`` machines of ``devices_per_node``.

    ``layout`` is that of one group where it trains; a service's groups hold ``replicas`` copies of
    the model, each ``layout.tensor`` x ``layout.pipeline`` devices. CPU machines have one device.
    ``vendor`` makes the accelerator, as the catalog writes it; empty where unknown. ``part`` is the
    number of a mix's group and how many there are; (1, 1) where it is no mix.
    """

    item: Item
    workload: Workload
    where: str
    layout: Layout
    replicas: int
    vendor: str = ""
    part: tuple[int, int] = (1, 1)

    @property
    def name(self) -> str:
        return self.workload.name

    @property
    def object_name(self) -> str:
        """Of what is made of it in a cluster: groups of a mix have names of their own."""
        number, of = self.part
        return dns_name(self.name, end="" if of == 1 else f"-g{number}")

    @property
    def model(self) -> str:
        return self.workload.subject

    @property
    def precision(self) -> str:
        said = self.workload.precision
        if said is not None:
            return said.value
        return "bf16" if isinstance(self.workload, LanguageTraining | Serving) else "fp32"

    @property
    def is_service(self) -> bool:
        return self.item.cost_usd_per_hour is not None

    @property
    def trains(self) -> bool:
        return isinstance(self.workload, LanguageTraining | VisionTraining)

    @property
    def is_language_inference(self) -> bool:
        if isinstance(self.workload, BatchInference):
            return self.item.usd_per_million_tokens is not None
        return isinstance(self.workload, Serving)

    @property
    def nodes_per_group(self) -> int:
        return max(1, round(self.item.nodes / self.item.groups))

    @property
    def is_cpu(self) -> bool:
        return self.item.accelerator.startswith("CPU-")

    @property
    def is_tpu(self) -> bool:
        return self.item.accelerator.startswith("TPU-")

    @property
    def devices_per_node(self) -> int:
        """Accelerators of one machine; 1 for a CPU machine and for a share of an accelerator."""
        return 1 if self.is_cpu else max(1, math.floor(self.item.accelerators / self.item.nodes))

    @property
    def global_batch(self) -> int | None:
        """Sequences or samples an optimizer step; None where it does not train."""
        work = self.workload
        if isinstance(work, LanguageTraining):
            return max(1, round(work.step_tokens / work.sequence_length))
        return work.batch_size if isinstance(work, VisionTraining) else None

    @property
    def accumulation(self) -> int | None:
        """Micro-batches of one replica in a step, so that they make the global batch."""
        batch, micro = self.global_batch, self.layout.micro_batch
        if batch is None or micro is None:
            return None
        return max(1, math.ceil(batch / (micro * (self.layout.data or 1))))

    @property
    def summary(self) -> list[str]:
        """The plan in comment lines: what, where, for how much, how sure, from which price."""
        item = self.item
        cost = (
            f"{money(item.cost_usd_per_hour)} an hour"
            if item.cost_usd_per_hour is not None
            else f"{money(item.cost_usd)} in total ({money(item.cost_usd_p10)} to "
            f"{money(item.cost_usd_p90)} with 80% probability)"
        )
        time = "" if item.hours is None else f", {hours(item.hours)}"
        price = item.price
        number, of = self.part
        group = [
            f"group {number} of a mix of {of}, which does {item.share_of_work:.3g} of the work"
        ]
        return [
            *(group if of > 1 else []),
            f"{self.name}: {item.nodes} x {item.instance_type} ({item.devices}), "
            f"{item.cloud} {item.region}, {item.purchase}; {cost}{time}",
            f"layout: {item.parallelism}" + (f", {item.groups} groups" if item.groups > 1 else ""),
            f"estimate: {item.throughput.basis}; price {money(price.usd_per_hour)} an hour a "
            f"machine, as of {price.as_of or 'an unknown date'}",
        ]


def subject_of(
    result: Recommendation,
    workload: Workload,
    where: str,
    vendors: Mapping[str, str],
    *,
    group: int | None = None,
    alternative: int | None = None,
) -> Subject:
    """The configuration to export: the recommended one, or the mix's ``group`` or the
    ``alternative`` of that number, counted from 1. ``vendors`` are makers by accelerator.

    Raises BadInput, for a mix without a group too.
    """
    if group is not None and alternative is not None:
        raise BadInput("goes with no --alternative", where="--group", remedy="say one of them")
    part = (1, 1)
    if alternative is not None:
        item = _numbered(result.alternatives, alternative, "--alternative", "alternatives")
    elif result.mix is not None:
        groups = result.mix.groups
        if group is None:
            listed = "; ".join(f"{n}: {one.id}" for n, one in enumerate(groups, start=1))
            raise BadInput(
                f"is a mix of {len(groups)} configurations, and this target takes one",
                where=where,
                remedy=f"say --group N ({listed})",
            )
        item = _numbered(groups, group, "--group", "groups")
        part = (group, len(groups))
    elif group is not None:
        raise BadInput("the result is no mix", where="--group", remedy="leave it out")
    else:
        item = result.recommendation
    return subject_for(item, workload, where, vendors, part)


def subject_for(
    item: Item,
    workload: Workload,
    where: str,
    vendors: Mapping[str, str],
    part: tuple[int, int] = (1, 1),
) -> Subject:
    """An item with the workload it is for."""
    if item.nodes < 1 or item.groups < 1 or item.accelerators <= 0:
        raise BadInput(
            "has a configuration without machines",
            where=where,
            remedy="save the result again, it was changed by hand",
        )
    text = item.parallelism
    replicas = re.match(r"(\d+) replicas(?: of (.+))?", text)
    layout = parse_layout((replicas[2] or "") if replicas else text)
    copies = int(replicas[1]) if replicas else 1
    vendor = vendors.get(item.accelerator, "")
    return Subject(item, workload, where, layout, copies, vendor, part)


def refuse(subject: Subject, target: str, problem: str, remedy: str) -> BadInput:
    """Why a result cannot be exported to a target."""
    return BadInput(
        f"cannot be exported to {target}: {problem}", where=subject.where, remedy=remedy
    )


def refuse_places(subject: Subject, target: str, *, on_prem: bool = False) -> None:
    """Raises BadInput for edge devices, managed platforms, and own machines unless ``on_prem``."""
    item = subject.item
    if item.cloud == EDGE:
        raise refuse(
            subject,
            target,
            f"{item.instance_type} is an edge device, which nobody rents out",
            "use --to focus for its cost",
        )
    if item.platform is not None:
        raise refuse(
            subject,
            target,
            f"{item.instance_type} is managed by {item.platform}, which starts work its own way",
            "plan with where.platforms: [vm]",
        )
    if item.cloud == ON_PREM and not on_prem:
        raise refuse(
            subject,
            target,
            f"{item.region} is an own site",
            "use --to kubernetes, torchrun or deepspeed there",
        )


def _numbered(items: list[Item], number: int, flag: str, what: str) -> Item:
    if not 1 <= number <= len(items):
        held = f"the result has {len(items)} {what}" if items else f"the result has no {what}"
        remedy = f"say 1 to {len(items)}" if items else f"leave out {flag}"
        raise BadInput(f"{number}: {held}", where=flag, remedy=remedy)
    return items[number - 1]
