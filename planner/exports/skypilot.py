"""A plan as a SkyPilot task; a service as one that ``sky serve up`` takes as well."""

from __future__ import annotations

from typing import Any

from launchers.templates import Cluster
from planner.exports import vllm
from planner.exports.launch_scripts import notes, run_lines
from planner.exports.layout import environment
from planner.exports.serving import PORT, check_known, fleet_notes
from planner.exports.subject import Subject, Wishes, refuse, refuse_places
from planner.exports.words import comment, yaml_text

# SkyPilot's names of the catalog's clouds.
CLOUDS = {
    "aws": "aws",
    "azure": "azure",
    "digitalocean": "do",
    "gcp": "gcp",
    "lambda": "lambda",
    "nebius": "nebius",
    "oci": "oci",
    "runpod": "runpod",
    "verda": "verda",
}
# SkyPilot's names of accelerators (its catalog fetchers, 0.14), where it asks for them by name:
# beside a GCP machine, and on RunPod, whose pods have names of their own here.
ACCELERATORS = {
    "gcp": {
        "A100-40GB": "A100",
        "A100-80GB": "A100-80GB",
        "B200": "B200",
        "H100-80GB": "H100",
        "H200": "H200",
        "K80": "K80",
        "L4": "L4",
        "P100": "P100",
        "P4": "P4",
        "RTX-PRO-6000-Server": "RTXPRO6000",
        "T4": "T4",
        "V100-16GB": "V100",
    },
    "runpod": {
        "A100-80GB": "A100-80GB-SXM",
        "A100-80GB-PCIe": "A100-80GB",
        "A30": "A30",
        "A40": "A40",
        "B200": "B200",
        "H100-80GB": "H100-SXM",
        "H100-NVL": "H100-NVL",
        "H100-PCIe": "H100",
        "H200": "H200-SXM",
        "L4": "L4",
        "L40": "L40",
        "L40S": "L40S",
        "MI300X": "MI300X",
        "RTX-A4000": "RTXA4000",
        "RTX-A5000": "RTXA5000",
        "RTX-A6000": "RTXA6000",
        "RTX-PRO-6000-MaxQ": "RTXPRO6000-MaxQ",
        "RTX-PRO-6000-Server": "RTXPRO6000",
        "RTX3070": "RTX3070",
        "RTX3080": "RTX3080",
        "RTX3090": "RTX3090",
        "RTX4000-Ada": "RTX4000-Ada",
        "RTX4080": "RTX4080",
        "RTX4090": "RTX4090",
        "RTX5000-Ada": "RTX5000-Ada",
        "RTX5090": "RTX5090",
        "RTX6000-Ada": "RTX6000-Ada",
    },
}
# A GCP family whose GPU has a name of its own there.
H100_MEGA = ("a3-megagpu", "H100-MEGA")
PURCHASES = ("on_demand", "spot", "savings_plan", "resource_commitment")
# Boot, image and weights.
READY_SECONDS = 1800


def skypilot(subject: Subject, wishes: Wishes) -> str:
    """YAML for ``sky launch``, and for ``sky serve up`` where it is a service. Raises BadInput."""
    task = task_of(subject, wishes)
    if subject.is_service:
        said = fleet_notes(subject) if subject.is_language_inference else []
        said = [*said, "Start it with sky serve up, or planner launch; this stays up and costs."]
    else:
        said = [
            *notes(subject, wishes),
            "Add `workdir: .` to carry the folder with your program to the machines.",
        ]
        if subject.item.purchase == "spot":
            said.append("sky jobs launch starts it again when the machine is taken away.")
    return comment([*subject.summary, *said]) + yaml_text(task)


def task_of(subject: Subject, wishes: Wishes, *, as_service: bool = True) -> dict[str, Any]:
    """The task as a mapping. ``as_service`` lets SkyPilot keep the copies of a service, else its
    machines are the nodes of one cluster. Raises BadInput."""
    resources = resources_of(subject)
    task: dict[str, Any] = {"name": subject.object_name, "resources": resources}
    nodes = subject.item.nodes
    if subject.is_service:
        resources["ports"] = PORT
        if as_service:
            nodes = subject.nodes_per_group
            task["service"] = {
                "readiness_probe": {"path": "/health", "initial_delay_seconds": READY_SECONDS},
                "replicas": subject.item.groups,
            }
    if nodes > 1:
        task["num_nodes"] = nodes
    envs = environment(subject)
    if subject.is_service and not wishes.command:
        # Empty: the command then says that it must be given.
        envs |= {"MODEL": wishes.model_id}
    if envs:
        task["envs"] = envs
    return task | _work(subject, wishes)


def resources_of(subject: Subject) -> dict[str, Any]:
    """What SkyPilot is to rent: cloud, region, machine, way to pay. Raises BadInput."""
    refuse_places(subject, "skypilot")
    item = subject.item
    if item.cloud not in CLOUDS:
        raise refuse(
            subject,
            "skypilot",
            f"it does not know the cloud {item.cloud}",
            f"plan with where.clouds: [{', '.join(sorted(CLOUDS))}]",
        )
    if item.purchase not in PURCHASES:
        raise refuse(
            subject,
            "skypilot",
            f"it cannot buy {item.purchase}",
            "plan with where.purchase: [on_demand, spot]",
        )
    place = [CLOUDS[item.cloud]]
    if item.region != "all":
        place += [item.region, *([item.zone] if item.zone else [])]
    found: dict[str, Any] = {"infra": "/".join(place)}
    if item.cloud == "gcp" and subject.is_tpu:
        found["accelerators"] = f"{item.instance_type}:1"
    else:
        if item.cloud != "runpod":
            found["instance_type"] = item.instance_type.partition("+")[0]
        if item.cloud in ACCELERATORS and not subject.is_cpu:
            found["accelerators"] = f"{_accelerator(subject)}:{subject.devices_per_node}"
        elif item.cloud == "runpod":
            found["instance_type"] = item.instance_type
    if item.purchase == "spot":
        found["use_spot"] = True
    return found


def _accelerator(subject: Subject) -> str:
    item = subject.item
    family, mega = H100_MEGA
    if item.instance_type.startswith(family):
        return mega
    name = ACCELERATORS[item.cloud].get(item.accelerator)
    if name is None:
        raise refuse(
            subject,
            "skypilot",
            f"its name for {item.accelerator} is not known here",
            "plan with where.accelerators, or write accelerators by hand",
        )
    return name


def _work(subject: Subject, wishes: Wishes) -> dict[str, Any]:
    """``setup`` and ``run``."""
    if subject.is_service and not wishes.command:
        check_known(subject, "skypilot")
        line = vllm.command(subject, wishes)
        return {"setup": "pip install -q vllm", "run": f"set -e\n{line}\n"}
    found = {"run": run_lines(subject, wishes, Cluster.SKYPILOT) + "\n"}
    if wishes.command and not wishes.template:
        return found
    return {"setup": "python3 -c 'import torch' || pip install -q torch", **found}
