"""A plan as Kubernetes manifests: a Deployment and its Service, or an indexed Job."""

from __future__ import annotations

from typing import Any

from launchers.templates import Cluster
from planner.exports import vllm
from planner.exports.launch_scripts import notes, ranks_of, run_lines
from planner.exports.layout import environment
from planner.exports.serving import PORT, check_known, fleet_notes
from planner.exports.subject import ON_PREM, Subject, Wishes, refuse, refuse_places
from planner.exports.words import comment, label_value, one_line, yaml_text

# Where nodes carry the machine's name as the catalog writes it in the label below.
LABELLED = ("aws", "azure", "gcp")
INSTANCE_TYPE, REGION = "node.kubernetes.io/instance-type", "topology.kubernetes.io/region"
# What device plugins call their devices.
RESOURCES = {
    "NVIDIA": "nvidia.com/gpu",
    "AMD": "amd.com/gpu",
    "Intel": "gpu.intel.com/xe",
    "AWS": "aws.amazon.com/neuron",
}
GAUDI = "habana.ai/gaudi"
SERVER_IMAGES = {"NVIDIA": "vllm/vllm-openai:latest", "AMD": "rocm/vllm:latest"}
PROGRAM_IMAGES = {"NVIDIA": "pytorch/pytorch:latest", "AMD": "rocm/pytorch:latest"}
CPU_IMAGE = "python:3.12"
# Port of the ranks' rendezvous (launchers.templates.MASTER_PORT).
RENDEZVOUS_PORT = 29500


def kubernetes(subject: Subject, wishes: Wishes) -> str:
    """Manifests for ``kubectl apply -f``. Raises BadInput."""
    refuse_places(subject, "kubernetes", on_prem=True)
    if subject.is_tpu:
        raise refuse(
            subject,
            "kubernetes",
            f"GKE asks for the topology of a {subject.item.instance_type}, which the plan has not",
            "use --to skypilot",
        )
    make = _service if subject.is_service else _job
    said, documents = make(subject, wishes)
    return comment([*subject.summary, *said]) + yaml_text(*documents)


def node_labels(subject: Subject) -> dict[str, str]:
    """Labels of the nodes that are the recommended machines; empty where clouds put none."""
    item = subject.item
    if item.cloud not in LABELLED:
        return {}
    machine = item.instance_type.partition("+")[0]  # n1-standard-8+1xT4: the GPU comes on top
    labels = {INSTANCE_TYPE: machine, REGION: item.region}
    return {name: value for name, value in labels.items() if label_value(value) == value}


def device_resource(subject: Subject) -> str:
    """The extended resource of a device; empty for CPU machines. Raises BadInput for others."""
    if subject.is_cpu:
        return ""
    if subject.item.accelerator.startswith("Gaudi"):
        return GAUDI
    if subject.vendor not in RESOURCES:
        raise refuse(
            subject,
            "kubernetes",
            f"no device plugin is known here for {subject.item.accelerator}",
            "use --to skypilot, or plan with where.accelerators",
        )
    return RESOURCES[subject.vendor]


def _service(subject: Subject, wishes: Wishes) -> tuple[list[str], list[dict[str, Any]]]:
    name = subject.object_name
    said = list(fleet_notes(subject)) if subject.is_language_inference else []
    if wishes.command:
        line = wishes.command
    else:
        check_known(subject, "kubernetes")
        line = vllm.command(subject, wishes)
        if not wishes.model_id:
            said.append("Fill in MODEL: the name or path of the weights.")
    if subject.nodes_per_group > 1:
        raise refuse(
            subject,
            "kubernetes",
            f"one copy spans {subject.nodes_per_group} machines, which a Deployment cannot say",
            "plan with where.accelerators of more memory",
        )
    container = _container(subject, wishes, f"set -e\n{line}", SERVER_IMAGES)
    if not wishes.command:
        container["env"] = [
            {"name": "MODEL", "value": wishes.model_id},
            {
                "name": "HF_TOKEN",
                "valueFrom": {
                    "secretKeyRef": {"name": "hf-token", "key": "token", "optional": True}
                },
            },
        ]
    container["ports"] = [{"name": "http", "containerPort": PORT}]
    # Weights take minutes to load: ready when it answers, never killed for being slow at it.
    container["readinessProbe"] = {
        "httpGet": {"path": "/health", "port": "http"},
        "periodSeconds": 10,
    }
    labels = _labels(name)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(subject, name),
        "spec": {
            "replicas": subject.item.groups,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(subject, container),
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": labels,
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }
    return said, [deployment, service]


def _job(subject: Subject, wishes: Wishes) -> tuple[list[str], list[dict[str, Any]]]:
    name = subject.object_name
    ranks = ranks_of(subject)
    script = run_lines(subject, wishes, Cluster.ANY)
    container = _container(subject, wishes, script, PROGRAM_IMAGES)
    variables = environment(subject)
    if ranks.nodes > 1:
        # The pods of an indexed Job find each other by name through the headless Service.
        hosts = [f"{name}-{index}.{name}" for index in range(ranks.nodes)]
        variables["NODE_IPS"] = "\n".join(hosts)
    container["env"] = [{"name": key, "value": value} for key, value in variables.items()]
    pod = _pod(subject, container)
    pod["restartPolicy"] = "Never"
    if ranks.nodes > 1:
        pod["subdomain"] = name
    labels = _labels(name)
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(subject, name),
        "spec": {
            "completions": ranks.nodes,
            "parallelism": ranks.nodes,
            "completionMode": "Indexed",
            # All ranks must live: one that dies ends the others, and the Job begins again.
            "backoffLimit": 3 * ranks.nodes if subject.item.purchase == "spot" else ranks.nodes,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    documents = [job]
    if ranks.nodes > 1:
        headless = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": labels,
                "ports": [{"name": "rendezvous", "port": RENDEZVOUS_PORT}],
            },
        }
        documents.insert(0, headless)
    return notes(subject, wishes), documents


def _container(
    subject: Subject, wishes: Wishes, script: str, images: dict[str, str]
) -> dict[str, Any]:
    resource = device_resource(subject)
    image = wishes.image or (CPU_IMAGE if subject.is_cpu else images.get(subject.vendor, ""))
    if not image:
        raise refuse(
            subject,
            "kubernetes",
            f"no usual image is known for {subject.item.accelerator}",
            "say --image",
        )
    container: dict[str, Any] = {
        "name": "work",
        "image": image,
        "command": ["bash", "-c", script],
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
    }
    if resource:
        count = str(subject.devices_per_node)
        container["resources"] = {"limits": {resource: count}, "requests": {resource: count}}
    return container


def _pod(subject: Subject, container: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = {"containers": [container]}
    labels = node_labels(subject)
    if labels:
        pod["nodeSelector"] = labels
    resource = device_resource(subject)
    if resource:
        pod["tolerations"] = [{"key": resource, "operator": "Exists", "effect": "NoSchedule"}]
    # Ranks and data loaders exchange tensors there; the default is 64 MiB.
    pod["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    return pod


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "capacity-planner"}


def _metadata(subject: Subject, name: str) -> dict[str, Any]:
    """Name and labels, with the plan in annotations, which take any text."""
    item = subject.item
    plan = {
        "capacity-planner/workload": one_line(subject.name),
        "capacity-planner/plan": item.id,
        "capacity-planner/layout": item.parallelism,
        "capacity-planner/cost-usd": f"{item.cost_usd:.6g}",
    }
    if item.cloud == ON_PREM:
        plan["capacity-planner/site"] = one_line(item.region)
    return {"name": name, "labels": _labels(name), "annotations": plan}
