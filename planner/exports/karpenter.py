"""A Karpenter NodePool that makes the recommended machines and no others."""

from __future__ import annotations

from typing import Any

from planner.exports.kubernetes import INSTANCE_TYPE, REGION, device_resource, node_labels
from planner.exports.subject import Subject, Wishes, refuse, refuse_places
from planner.exports.words import comment, yaml_text

# Node class of each provider of Karpenter: group and kind.
NODE_CLASSES = {
    "aws": ("karpenter.k8s.aws", "EC2NodeClass"),
    "azure": ("karpenter.azure.com", "AKSNodeClass"),
    "gcp": ("karpenter.k8s.gcp", "GCENodeClass"),
}
CAPACITY_TYPES = {
    "on_demand": "on-demand",
    "spot": "spot",
    "savings_plan": "on-demand",  # both are discounts on machines asked for on demand
    "resource_commitment": "on-demand",
    "reservation": "reserved",
    "capacity_block": "reserved",
}
NODE_CLASS = "default"


def karpenter(subject: Subject, wishes: Wishes) -> str:
    """The manifest, ``karpenter.sh/v1``. Raises BadInput for clouds Karpenter does not know."""
    del wishes
    refuse_places(subject, "karpenter")
    item = subject.item
    if item.cloud not in NODE_CLASSES:
        raise refuse(
            subject,
            "karpenter",
            f"it has no provider for {item.cloud}",
            f"plan with where.clouds: [{', '.join(NODE_CLASSES)}], or use --to skypilot",
        )
    capacity = CAPACITY_TYPES.get(item.purchase)
    if capacity is None or subject.is_tpu or "+" in item.instance_type:
        what = item.purchase if capacity is None else item.instance_type
        raise refuse(subject, "karpenter", f"it cannot make {what} machines", "use --to skypilot")
    group, kind = NODE_CLASSES[item.cloud]
    labels = node_labels(subject)
    wanted = {
        "kubernetes.io/os": "linux",
        "karpenter.sh/capacity-type": capacity,
        INSTANCE_TYPE: labels[INSTANCE_TYPE],
        REGION: labels[REGION],
    }
    if item.zone:
        wanted["topology.kubernetes.io/zone"] = item.zone
    resource = device_resource(subject)
    node: dict[str, Any] = {
        "nodeClassRef": {"group": group, "kind": kind, "name": NODE_CLASS},
        "requirements": [
            {"key": key, "operator": "In", "values": [value]} for key, value in wanted.items()
        ],
        # A job's machines are not replaced under it.
        "expireAfter": "720h" if subject.is_service else "Never",
    }
    limits: dict[str, str] = {}
    if item.vcpus is not None:
        limits["cpu"] = f"{item.vcpus:g}"
    if resource:
        node["taints"] = [{"key": resource, "effect": "NoSchedule"}]
        limits[resource] = str(subject.devices_per_node * item.nodes)
    spec: dict[str, Any] = {
        "template": {
            "metadata": {"labels": {"capacity-planner/workload": subject.object_name}},
            "spec": node,
        },
        # An idle machine is given back; one with work on it stays.
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "5m"},
    }
    if limits:
        spec["limits"] = limits
    manifest = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": subject.object_name},
        "spec": spec,
    }
    head = comment(
        [
            *subject.summary,
            f"At most the plan's {item.nodes} machines. It names the {kind} `{NODE_CLASS}`, which "
            "says image, subnets and role in your cluster.",
        ]
    )
    return head + yaml_text(manifest)
