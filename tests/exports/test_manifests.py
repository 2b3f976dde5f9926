"""Kubernetes and Karpenter manifests against their schemas, and SkyPilot tasks read by SkyPilot."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from catalog import Catalog
from launchers.cost_cap import limits
from launchers.sky_job import bounded
from planner.actions.device_names import accelerator_name
from planner.errors import BadInput
from planner.exports.karpenter import karpenter
from planner.exports.kubernetes import kubernetes
from planner.exports.skypilot import ACCELERATORS, skypilot, task_of
from planner.exports.subject import Wishes
from planner.results import Recommendation
from tests.exports.conftest import HOSTILE, example, named, on, subject

NODE_POOL = json.loads((Path(__file__).parent / "karpenter_nodepool.json").read_text())
KUBERNETES = "1.34"
NOTHING = Wishes()
NAMES = {**ACCELERATORS["runpod"], **ACCELERATORS["gcp"]}


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def checked(text: str) -> list[dict[str, Any]]:
    """Documents that Kubernetes takes, unknown fields included in what it refuses."""
    found = documents(text)
    for document in found:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    return found


def test_a_service_is_a_deployment_behind_a_service(
    serving: Recommendation, catalog: Catalog
) -> None:
    deployment, service = checked(kubernetes(subject(serving, catalog), NOTHING))
    assert (deployment["kind"], deployment["spec"]["replicas"]) == ("Deployment", 2)
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "8"}
    assert pod["nodeSelector"]["node.kubernetes.io/instance-type"] == "p5.48xlarge"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    assert "--data-parallel-size 2" in container["command"][2]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports[service["spec"]["ports"][0]["targetPort"]] == 8000


def test_a_job_is_indexed_and_its_pods_find_each_other(
    training: Recommendation, catalog: Catalog
) -> None:
    headless, job = checked(kubernetes(subject(training, catalog), NOTHING))
    spec = job["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (2, 2, "Indexed")
    pod = spec["template"]["spec"]
    assert headless["spec"]["clusterIP"] == "None"
    assert pod["subdomain"] == headless["metadata"]["name"]
    env = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    name = job["metadata"]["name"]
    assert env["NODE_IPS"].split("\n") == [f"{name}-0.{name}", f"{name}-1.{name}"]
    assert (env["PLANNER_TENSOR_PARALLEL"], env["PLANNER_PIPELINE_PARALLEL"]) == ("4", "2")
    # torchrun's lines find rank and head in what the pod has.
    stub = 'python3() { printf "%s\\n" "$@"; }\n'
    done = subprocess.run(
        ["bash", "-c", stub + pod["containers"][0]["command"][2]],
        env={"PATH": os.environ["PATH"], "JOB_COMPLETION_INDEX": "1", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {f"--master-addr={name}-0.{name}", "--node-rank=1"} <= set(done.stdout.splitlines())


@pytest.mark.parametrize(
    "name", ["finetune-llama-8b-lora", "train-mnist-cnn", "simulate-hpc", "infer-resnet-service"]
)
def test_examples_become_manifests(name: str, catalog: Catalog) -> None:
    wishes = Wishes(command="python train.py", image="my/image:1")
    checked(kubernetes(subject(example(name, catalog), catalog), wishes))


@pytest.mark.parametrize("make", [kubernetes, skypilot])
def test_a_server_that_nobody_knows_is_asked_for(catalog: Catalog, make: Any) -> None:
    with pytest.raises(BadInput, match="what serves resnet50 is not known here; say --command"):
        make(subject(example("infer-resnet-service", catalog), catalog), NOTHING)


def test_a_node_pool_makes_the_plans_machines(training: Recommendation, catalog: Catalog) -> None:
    (pool,) = documents(karpenter(subject(training, catalog), NOTHING))
    jsonschema.validate(pool, NODE_POOL)
    node = pool["spec"]["template"]["spec"]
    wanted = {one["key"]: one["values"] for one in node["requirements"]}
    assert wanted["node.kubernetes.io/instance-type"] == ["p4d.24xlarge"]
    assert wanted["karpenter.sh/capacity-type"] == ["on-demand"]
    assert pool["spec"]["limits"]["nvidia.com/gpu"] == "16"
    assert node["expireAfter"] == "Never", "a job's machines are not replaced under it"


@pytest.mark.parametrize(
    ("cloud", "region", "machine", "group"),
    [
        ("azure", "eastus", "Standard_ND96asr_v4", "karpenter.azure.com"),
        ("gcp", "us-central1", "a2-highgpu-8g", "karpenter.k8s.gcp"),
    ],
)
def test_a_node_pool_of_each_provider(
    training: Recommendation, catalog: Catalog, cloud: str, region: str, machine: str, group: str
) -> None:
    there = on(training, cloud=cloud, region=region, instance_type=machine, purchase="spot")
    (pool,) = documents(karpenter(subject(there, catalog), NOTHING))
    jsonschema.validate(pool, NODE_POOL)
    assert pool["spec"]["template"]["spec"]["nodeClassRef"]["group"] == group


def test_hostile_names_stay_text(
    training: Recommendation, serving: Recommendation, catalog: Catalog
) -> None:
    """A name ends no comment, no value and no manifest."""
    for result in (named(training, name=HOSTILE), named(serving, name=HOSTILE)):
        plan = subject(result, catalog)
        for document in checked(kubernetes(plan, Wishes(model_id=HOSTILE, image="i"))):
            jsonschema.validate(document["metadata"]["name"], {"pattern": "^[a-z0-9-]{1,63}$"})
        (pool,) = documents(karpenter(plan, NOTHING))
        jsonschema.validate(pool, NODE_POOL)
        (task,) = documents(skypilot(plan, Wishes(model_id=HOSTILE)))
        assert set(task) <= {"name", "resources", "num_nodes", "service", "envs", "setup", "run"}
    command = f"python train.py --name {json.dumps(HOSTILE)}"
    (task,) = documents(skypilot(subject(training, catalog), Wishes(command=command)))
    assert task["run"].removesuffix("\n") == command


def test_skypilots_names_are_the_catalogs_devices(catalog: Catalog) -> None:
    by_context = {"A100-80GB", "H100", "RTXPRO6000"}  # which of several, the cloud says
    for names in ACCELERATORS.values():
        assert set(names) <= set(catalog.accelerators)
        assert len(set(names.values())) == len(names)
        for name, sky_name in names.items():
            meant = accelerator_name(catalog, sky_name.removesuffix("-SXM"))
            assert meant == name or sky_name in by_context, (sky_name, meant)


MACHINES: list[dict[str, Any]] = [
    {},
    {"purchase": "spot", "zone": "us-east-1a"},
    {"cloud": "azure", "region": "eastus", "instance_type": "Standard_ND96asr_v4"},
    {"cloud": "gcp", "region": "us-central1", "instance_type": "a2-highgpu-8g"},
    {
        "cloud": "gcp", "region": "us-central1", "instance_type": "n1-standard-8+1xT4",
        "accelerator": "T4", "accelerators": 2.0,
    },
    {
        "cloud": "gcp", "region": "us-central1", "instance_type": "tpu-v5p-8",
        "accelerator": "TPU-v5p", "nodes": 1, "accelerators": 4.0,
    },
    {"cloud": "verda", "region": "FIN-03", "instance_type": "8A100.40S.176V"},
    {"cloud": "lambda", "region": "us-east-1", "instance_type": "gpu_8x_a100"},
    {
        "cloud": "nebius", "region": "eu-north1", "accelerator": "H100-80GB",
        "instance_type": "gpu-h100-sxm_8gpu-128vcpu-1600gb",
    },
    {"cloud": "oci", "region": "us-ashburn-1", "instance_type": "BM.GPU4.8"},
    {"cloud": "digitalocean", "region": "nyc2", "instance_type": "gpu-h100x8-640gb"},
    {
        "cloud": "runpod", "region": "all", "instance_type": "8x_L40S_SECURE",
        "accelerator": "L40S",
    },
    {
        "cloud": "aws", "region": "us-east-1", "instance_type": "c5.2xlarge", "nodes": 1,
        "accelerator": "CPU-CascadeLake-8275CL", "accelerators": 0.2, "parallelism": "dp1",
    },
]  # fmt: skip
READER = """
import json, socket, sys
def no_network(*a, **k): raise AssertionError("network")
socket.socket.connect = no_network
socket.getaddrinfo = no_network
import sky
found = []
for path in sys.argv[1:]:
    task = sky.Task.from_yaml(path)
    task.validate_name()
    (one,) = task.resources
    found.append({
        "cloud": str(one.cloud).lower(), "region": one.region, "machine": one.instance_type,
        "accelerators": one.accelerators, "spot": one.use_spot, "nodes": task.num_nodes,
        "cost": one._max_hourly_cost if hasattr(one, "_max_hourly_cost") else None,
        "labels": one.labels,
        "replicas": task.service.min_replicas if task.service else None,
        "probe": task.service.readiness_path if task.service else None,
    })
print(json.dumps(found))
"""


def sky_catalog(home: Path, machines: Iterable[dict[str, Any]]) -> None:
    """SkyPilot's own files of what clouds sell, with the rows that the tasks ask for."""
    header = (
        "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "Price",
        "SpotPrice", "Region", "AvailabilityZone", "GpuInfo", "Arch", "DeviceMemoryGiB",
    )  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in machines:
        cloud = {"digitalocean": "do"}.get(one["cloud"], one["cloud"])
        device, count = NAMES.get(one["accelerator"], ""), 8
        row = {"vCPUs": 96, "MemoryGiB": 1152, "Price": 30.0, "SpotPrice": 9.0}
        row |= {"Region": one["region"], "AvailabilityZone": one["zone"] or f"{one['region']}-a"}
        machine = one["instance_type"].partition("+")[0]
        if machine.startswith("tpu-"):
            row |= {"AcceleratorName": machine, "AcceleratorCount": 1, "InstanceType": "TPU-VM"}
        else:
            row |= {"InstanceType": machine}
            if device and cloud != "gcp":
                row |= {"AcceleratorName": device, "AcceleratorCount": count}
        rows.setdefault(cloud, []).append(row)
        if cloud == "gcp" and device:
            count = 1 if "+" in one["instance_type"] else 8
            alone = {"InstanceType": "", "AcceleratorName": device, "AcceleratorCount": count}
            rows["gcp"].append({**row, **alone})
    for cloud, found in rows.items():
        path = home / ".sky" / "catalogs" / "v8" / cloud / "vms.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(found)


def test_skypilot_reads_tasks_and_services(
    training: Recommendation, serving: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    """``sky.Task.from_yaml`` in a process of its own, with a home and no network."""
    pytest.importorskip("sky")
    results = [on(training, **fields) for fields in MACHINES]
    texts = [
        skypilot(subject(result, catalog), Wishes(command="python train.py")) for result in results
    ]
    texts += [
        skypilot(subject(training, catalog), NOTHING),
        skypilot(subject(serving, catalog), NOTHING),
    ]
    hostile = named(serving, name=HOSTILE)
    texts.append(skypilot(subject(hostile, catalog), Wishes(model_id=HOSTILE)))
    started = bounded(task_of(subject(training, catalog), NOTHING), "run-1", limits(3600), 99.5)
    texts.append(yaml.safe_dump(started))
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    items = [result.recommendation for result in [*results, serving]]
    sky_catalog(tmp_path, [item.model_dump() for item in items])
    done = subprocess.run(
        [sys.executable, "-c", READER, *map(str, paths)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-2000:]
    read = json.loads(done.stdout.splitlines()[-1])
    for result, task in zip(results, read, strict=False):
        item = result.recommendation
        cloud = {"digitalocean": "do", "runpod": "runpod"}.get(item.cloud, item.cloud)
        assert task["cloud"] == cloud, task
        assert task["region"] == (None if item.region == "all" else item.region)
        assert task["spot"] == (item.purchase == "spot")
        assert task["nodes"] == item.nodes
        if item.cloud == "runpod":
            assert (task["machine"], task["accelerators"]) == (None, {"L40S": 8})
        elif not item.instance_type.startswith("tpu-"):
            assert task["machine"] == item.instance_type.partition("+")[0]
    tpu = next(task for task in read if task["accelerators"] == {"tpu-v5p-8": 1})
    assert tpu["machine"] in (None, "TPU-VM")
    service, nasty, launched = read[-3:]
    assert (service["replicas"], service["probe"], service["nodes"]) == (2, "/health", 1)
    assert nasty["replicas"] == 2
    assert launched["labels"] == {"planner-run": "run-1"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"cloud": "edge"}, "edge device"),
        ({"cloud": "on-prem", "region": "basement"}, "own site"),
        ({"cloud": "crusoe"}, "does not know the cloud crusoe"),
        ({"platform": "sagemaker"}, "managed by sagemaker"),
        ({"purchase": "capacity_block"}, "cannot buy capacity_block"),
    ],
)
def test_what_skypilot_cannot_rent_is_said(
    training: Recommendation, catalog: Catalog, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        skypilot(subject(on(training, **fields), catalog), NOTHING)
