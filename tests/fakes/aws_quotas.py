"""Service quotas of the fake account: names and codes of 2026, small limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

QUOTAS = {
    "L-1216C47A": ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5.0),
    "L-34B43A08": ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5.0),
    "L-DB2E81BA": ("Running On-Demand G and VT instances", 0.0),
    "L-3819A6DF": ("All G and VT Spot Instance Requests", 0.0),
    "L-417A185B": ("Running On-Demand P instances", 0.0),
    "L-7212CCBC": ("All P4, P3 and P2 Spot Instance Requests", 64.0),
    "L-C4BD4855": ("All P5 Spot Instance Requests", 192.0),
    "L-1945791B": ("Running On-Demand Inf instances", 0.0),
    "L-2C3B7624": ("Running On-Demand Trn instances", 0.0),
    "L-6E869C2A": ("Running On-Demand DL instances", 0.0),
    "L-0263D0A3": ("EC2-VPC Elastic IPs", 5.0),
}
APPLIED = {"L-417A185B": 384.0, "L-DB2E81BA": 96.0}


def ec2_quotas(applied: bool) -> list[dict[str, Any]]:
    """The account's applied quotas, or AWS's defaults of all."""
    return [
        {"QuotaCode": code, "QuotaName": name, "Value": APPLIED[code] if applied else value}
        for code, (name, value) in QUOTAS.items()
        if not applied or code in APPLIED
    ]


def sagemaker_quotas(names: Sequence[str]) -> list[dict[str, Any]]:
    """Two training jobs and two endpoints on each instance type."""
    return [
        {"QuotaCode": f"L-{use}{number}", "QuotaName": f"ml.{name} for {use} usage", "Value": 2.0}
        for number, name in enumerate(names)
        for use in ("training job", "endpoint")
    ]
