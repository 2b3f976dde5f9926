"""Service Quotas as quota classes: names, defaults, what is in use, and who may not ask."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

from catalog import Catalog
from catalog.quotas import Quota
from catalog.sources import open_source
from catalog.sources.aws_quotas import ec2_class, quotas, sagemaker_class, vcpus_in_use
from catalog.sources.base import FetchedQuotas, FetchFailed
from tests.fakes.aws import FakeAws, ec2_error, json_error, paged


def quota(name: str, value: float | None, code: str = "") -> dict[str, Any]:
    return {"QuotaCode": code or f"L-{name}", "QuotaName": name, "Value": value}


@pytest.mark.parametrize(
    ("name", "quota_class"),
    [
        (
            "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
            "aws/Standard on-demand",
        ),
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "aws/Standard spot"),
        ("Running On-Demand G and VT instances", "aws/G and VT on-demand"),
        ("All G and VT Spot Instance Requests", "aws/G and VT spot"),
        ("Running On-Demand P instances", "aws/P on-demand"),
        ("All P4, P3 and P2 Spot Instance Requests", "aws/P spot"),
        ("All P5 Spot Instance Requests", "aws/P spot"),
        ("Running On-Demand Inf instances", "aws/Inf on-demand"),
        ("Running On-Demand Trn instances", "aws/Trn on-demand"),
        ("All DL Spot Instance Requests", "aws/DL spot"),
        ("Running On-Demand F instances", "aws/F on-demand"),
        ("Running On-Demand X instances", "aws/X on-demand"),
        ("Running On-Demand HPC instances", "aws/HPC on-demand"),
        ("Running On-Demand High Memory instances", "aws/High Memory on-demand"),
        ("Running Dedicated p5 Hosts", None),
        ("EC2-VPC Elastic IPs", None),
        ("Running On-Demand Quantum instances", None),
    ],
)
def test_names_of_quotas(name: str, quota_class: str | None) -> None:
    assert ec2_class(name) == quota_class


def test_classes_are_written_as_the_snapshot_writes_them(catalog: Catalog) -> None:
    rows = catalog.rows("purchase_options", "cloud = 'aws' AND quota_class != ''")
    written = {row["quota_class"] for row in rows}
    names = [
        f"{before} {family} {after}"
        for before, after in (("Running On-Demand", "instances"), ("All", "Spot Instance Requests"))
        for family in ("Standard (A, C)", "G and VT", "P", "Inf", "Trn", "F", "DL")
    ]
    assert written <= {ec2_class(name) for name in names}


def test_an_applied_quota_holds_and_else_the_default() -> None:
    found, rejects = quotas(
        [quota("Running On-Demand P instances", 384.0)],
        [
            quota("Running On-Demand P instances", 0.0),
            quota("Running On-Demand Inf instances", 0.0),
            quota("EC2-VPC Elastic IPs", 5.0),
            quota("Running On-Demand F instances", None),
            quota("Running On-Demand DL instances", -1),
        ],
        ec2_class,
        "vCPU",
    )
    # 0 is a limit, and a quota without a value is unknown.
    assert found == (
        Quota("aws/Inf on-demand", 0.0, None, "vCPU"),
        Quota("aws/P on-demand", 384.0, None, "vCPU"),
    )
    assert rejects == []


def test_of_several_quotas_of_a_class_that_differ_none_holds_and_all_are_told() -> None:
    old, new = "All P4, P3 and P2 Spot Instance Requests", "All P5 Spot Instance Requests"
    found, rejects = quotas([quota(old, 64.0), quota(new, 192.0)], [], ec2_class, "vCPU")
    # 64 would forbid a p5 that may be started, 192 would allow p4s that may not.
    assert found == ()
    assert [(reject.what, reject.reason.partition(":")[0]) for reject in rejects] == [
        (old, "64 vCPU"),
        (new, "192 vCPU"),
    ]
    found, rejects = quotas([quota(old, 0.0), quota(new, 0.0)], [], ec2_class, "vCPU")
    assert (found, rejects) == ((Quota("aws/P spot", 0.0, None, "vCPU"),), [])


def test_vcpus_in_use_are_counted_by_class() -> None:
    def instance(name: str, cores: int | None = 4, **more: Any) -> dict[str, Any]:
        cpus = {} if cores is None else {"CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2}}
        return {"InstanceType": name, **cpus, **more}

    running: Iterable[dict[str, Any]] = [
        {"Instances": [instance("m7i.2xlarge"), instance("c7i.2xlarge")]},
        {"Instances": [instance("p5.48xlarge", 96, InstanceLifecycle="capacity-block")]},
        {"Instances": [instance("g6.xlarge", 2, InstanceLifecycle="spot")]},
        {"Instances": [instance("inf2.xlarge", None), instance("inf2.xlarge")]},
        {},
    ]
    assert vcpus_in_use(running) == {
        "aws/Standard on-demand": 16,
        "aws/G and VT spot": 4,
        "aws/Inf on-demand": None,  # of one machine the vCPUs are not stated
    }


def test_sagemaker_keeps_quotas_by_instance_type() -> None:
    assert sagemaker_class("ml.g5.xlarge for training job usage") == (
        "sagemaker/ml.g5.xlarge instances"
    )
    assert sagemaker_class("ml.g5.xlarge for endpoint usage") is None
    assert sagemaker_class("ml.p5.48xlarge for spot training job usage") is None
    assert sagemaker_class("Total domains") is None


def fetched(name: str = "aws") -> FetchedQuotas:
    return open_source(name).fetch_quotas("us-east-1", time.monotonic() + 60)


def fill(aws: FakeAws) -> None:
    cpus = {"CoreCount": 4, "ThreadsPerCore": 2}
    aws.answers["ListServiceQuotas"] = paged(
        [
            quota("Running On-Demand P instances", 384.0),
            quota("Running On-Demand G and VT instances", 96.0),
            quota("ml.g5.xlarge for training job usage", 3.0),
        ],
        "Quotas",
    )
    aws.answers["ListAWSDefaultServiceQuotas"] = paged(
        [
            quota("Running On-Demand P instances", 0.0),
            quota("Running On-Demand Standard (A, C, D) instances", 5.0),
            quota("ml.p5.48xlarge for training job usage", 0.0),
        ],
        "Quotas",
    )
    aws.answers["DescribeInstances"] = lambda _: {
        "Reservations": [{"Instances": [{"InstanceType": "m7i.2xlarge", "CpuOptions": cpus}]}]
    }


def test_quotas_of_an_account(aws: FakeAws) -> None:
    fill(aws)
    found = fetched()
    assert found.quotas == (
        Quota("aws/G and VT on-demand", 96.0, 0.0, "vCPU"),
        Quota("aws/P on-demand", 384.0, 0.0, "vCPU"),
        Quota("aws/Standard on-demand", 5.0, 8.0, "vCPU"),
    )
    assert "ListServiceQuotas" in found.source
    assert {call["ServiceCode"] for call in aws.asked if call.service == "servicequotas"} == {"ec2"}


def test_quotas_of_sagemaker(aws: FakeAws) -> None:
    fill(aws)
    assert fetched("sagemaker").quotas == (
        Quota("sagemaker/ml.g5.xlarge instances", 3.0, None, "instance"),
        Quota("sagemaker/ml.p5.48xlarge instances", 0.0, None, "instance"),
    )
    assert aws.count("DescribeInstances") == 0


def test_what_may_not_be_asked_is_unknown(aws: FakeAws) -> None:
    fill(aws)
    aws.faults["DescribeInstances"].append(ec2_error("UnauthorizedOperation", status=403))
    aws.faults["ListAWSDefaultServiceQuotas"].append(json_error("AccessDeniedException"))
    found = fetched()
    assert {quota.quota_class: quota.used for quota in found.quotas} == {
        "aws/G and VT on-demand": None,
        "aws/P on-demand": None,
    }
    reasons = {reject.what: reject.reason for reject in found.rejects}
    assert "ec2:DescribeInstances" in reasons["instances in use"]
    assert "servicequotas:ListAWSDefaultServiceQuotas" in reasons["default quotas"]


def test_quotas_that_may_not_be_asked_name_the_permission(aws: FakeAws) -> None:
    fill(aws)
    aws.faults["ListServiceQuotas"].append(json_error("AccessDeniedException"))
    with pytest.raises(FetchFailed) as caught:
        fetched()
    assert "servicequotas:ListServiceQuotas" in caught.value.remedy


@pytest.mark.parametrize("name", ["aws", "sagemaker"])
def test_without_credentials_quotas_say_what_to_run(name: str) -> None:
    source = open_source(name)
    with pytest.raises(FetchFailed) as caught:
        source.fetch_quotas("us-east-1", time.monotonic() + 60)
    assert "aws configure" in caught.value.remedy
    assert source.missing() is None
    assert not source.has_quotas  # a refresh does not ask for what it cannot get
