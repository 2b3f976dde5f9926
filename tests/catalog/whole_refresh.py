"""A whole refresh: every source against its fake, 20 regions of each of the three large clouds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from tests.fakes.registry import REGIONS, fake_module, faked_sources, open_fake

TWENTY: Mapping[str, tuple[str, ...]] = {
    "aws": (
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
        "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-south-2",
        "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ap-southeast-3", "ap-east-1", "me-central-1",
    ),
    "gcp": (
        "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west4",
        "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-north1",
        "asia-east1", "asia-northeast1", "asia-northeast3", "asia-south1", "asia-southeast1",
        "northamerica-northeast1", "southamerica-west1", "me-central2",
    ),
    "azure": (
        "eastus", "eastus2", "westus", "westus2", "westus3", "centralus", "southcentralus",
        "northcentralus", "canadacentral", "westeurope", "northeurope", "uksouth",
        "swedencentral", "germanywestcentral", "francecentral", "spaincentral", "southeastasia",
        "japaneast", "koreacentral", "australiaeast",
    ),
}  # fmt: skip


def regions_of(name: str) -> tuple[str, ...]:
    """Twenty of a large cloud, what the fake has of the others."""
    cloud = {"sagemaker": "aws", "vertex-ai": "gcp", "azure-ml": "azure"}.get(name, name)
    return TWENTY.get(cloud, REGIONS.get(name, ("all",)))


@contextlib.contextmanager
def all_fakes(seed: int) -> Iterator[dict[str, str]]:
    """All fakes, filled; the environment that points every source at its own."""
    env: dict[str, str] = {}
    with ExitStack() as stack:
        for name in {fake_module(name): name for name in faked_sources()}.values():
            fake = stack.enter_context(open_fake(name))
            fake.populate(list(regions_of(name)), seed)
            env |= fake.env
        yield env
