"""What Google's SKU descriptions say. Wordings and prices are of real SKUs of 2025 and 2026."""

from __future__ import annotations

import pytest

from catalog.sources.gcp_skus import (
    COMMITMENTS,
    CORE,
    GPU,
    ON_DEMAND,
    RAM,
    SLICE,
    SPOT,
    SSD,
    TPU,
    Component,
    MissingRate,
    Rates,
    Sku,
    Unreadable,
    component_of,
)

ONE_YEAR, THREE_YEARS = COMMITMENTS[12], COMMITMENTS[36]
UNIT = {RAM: "GiBy.h", SSD: "GiBy.mo"}


def sku(text: str, usage: str = "OnDemand", unit: str = "h", usd: float | None = 1.0) -> Sku:
    return Sku(text[:12], text, usage, ("us-central1",), unit, usd)


def read(text: str, usage: str, resource: str) -> Component | None:
    return component_of(sku(text, usage, UNIT.get(resource, "h")))


# How it is bought, resource and name (- for none): the SKU's description.
READ = """
on_demand core a3: A3 Instance Core running in Americas
on_demand ram a3: A3 Instance Ram running in Americas
on_demand core a3plus: A3Plus Instance Core running in Sao Paulo
on_demand core c4a: C4A Arm Instance Core running in Warsaw
on_demand ram n2d: N2D AMD Instance Ram running in Paris
on_demand core n1: N1 Predefined Instance Core running in Iowa
on_demand core c2: Compute optimized Core running in Americas
on_demand ram c2: Compute optimized Instance Ram running in Dallas
on_demand core m1: Memory-optimized Instance Core running in Iowa
on_demand ram m3: M3 Memory-optimized Instance Ram running in Iowa
on_demand core m4ultramem224: M4Ultramem224 Instance Core running in Iowa
spot core c3: Spot Preemptible C3 Instance Core running in Iowa
spot ram c2: Spot Preemptible Compute optimized Ram running in X
flex_start core a3: DWS Defined Duration A3 Core running in Americas
flex_start ram a3ultra: DWS Defined Duration A3Ultra Ram running in Iowa
one_year core n2d: Commitment v1: N2D AMD Cpu in Paris for 1 Year
three_years ram c4a: Commitment v1: C4A Arm Ram in Iowa for 3 Years
one_year core n1: Commitment v1: Cpu in Americas for 1 Year
three_years ram n1: Commitment v1: Ram in Americas for 3 Year
one_year core c2: Commitment: Compute optimized Core running in X for 1 Year
one_year core m1: Commitment v1: Memory-optimized Cpu in X for 1 Year
on_demand gpu nvidia-tesla-a100: Nvidia Tesla A100 GPU running in Iowa
on_demand gpu nvidia-a100-80gb: Nvidia Tesla A100 80GB GPU running in Iowa
on_demand gpu nvidia-h200-141gb: H200 141GB GPU running in Americas
on_demand gpu nvidia-rtx-pro-6000: RTX 6000 96GB running in Oregon
spot gpu nvidia-l4: Nvidia L4 GPU attached to Spot Preemptible VMs running in Iowa
flex_start gpu nvidia-h100-80gb: Nvidia H100 80GB GPU attached to DWS Defined Duration VMs in Iowa
three_years gpu nvidia-l4: Commitment v1: Nvidia L4 GPU running in Americas for 3 Years
one_year gpu nvidia-rtx-pro-6000: Commitment v1: RTX 6000 96GB running in Delhi for 1 Year
on_demand slice nvidia-b200: A4 Nvidia B200 (1 gpu slice) running in Americas
one_year slice nvidia-b200: Commitment v1: A4 Nvidia B200 (1 gpu slice) in Americas for 1 Year
on_demand ssd -: SSD backed Local Storage
on_demand ssd -: SSD backed Local Storage in Bangkok
flex_start ssd -: DWS Defined Duration SSD backed Local Storage running in Americas
one_year ssd -: Commitment v1: Local SSD in Iowa for 1 Year
on_demand ssd c4d: C4D Instance Local SSD running in Iowa
three_years ssd c4a: Commitment v1: C4A Local SSD in Frankfurt for 3 Years
on_demand tpu v5e: TpuV5e running in Americas
on_demand tpu 7x: TPU7x running in Americas
flex_start tpu v6e: DWS Defined Duration V6e running in Columbus
spot tpu v6e: TpuV6e attached to Spot Preemptible VMs running in Columbus
three_years tpu v5p: Commitment v1: TpuV5p running in Netherlands for 3 Years
on_demand tpu v2: TPU-v2 Accelerator USA
on_demand tpu v4_pod: Tpu-v4 Pod Accelerator USA
"""
WAYS = {"one_year": ONE_YEAR, "three_years": THREE_YEARS}
RESOURCES = {"core": CORE, "ram": RAM, "gpu": GPU, "slice": SLICE, "ssd": SSD, "tpu": TPU}
USAGE = {"one_year": "Commit1Yr", "three_years": "Commit3Yr", "spot": "Preemptible"}


@pytest.mark.parametrize("line", READ.strip().splitlines())
def test_descriptions_are_read(line: str) -> None:
    said, _, text = line.partition(": ")
    way, resource, name = said.split()
    found = read(text, USAGE.get(way, "OnDemand"), RESOURCES[resource])
    assert found is not None
    assert found.way == WAYS.get(way, way)
    assert found.resource == RESOURCES[resource]
    assert found.name == ("" if name == "-" else name.replace("_", " "))


@pytest.mark.parametrize(
    "text",
    [
        "Nvidia H100 80GB Mega GPU running in Iowa",
        "Nvidia H100 Mega 80GB GPU running in Iowa",
        "Nvidia H100 80GB Plus GPU running in Iowa",
    ],
)
def test_the_three_spellings_of_h100_mega_are_one(text: str) -> None:
    found = read(text, "OnDemand", GPU)
    assert found is not None and found.name == "nvidia-h100-mega-80gb"


@pytest.mark.parametrize(
    ("text", "resource", "name"),
    [
        ("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Iowa", SLICE, "nvidia-b200"),
        ("Preemptible TPU-v3 Accelerator USA", TPU, "v3"),
        ("SSD backed Local Storage attached to Spot Preemptible VMs in Iowa", SSD, ""),
    ],
)
def test_spot_by_its_text_is_spot_whatever_its_usage_type_says(
    text: str, resource: str, name: str
) -> None:
    found = read(text, "OnDemand", resource)
    assert found is not None
    assert (found.way, found.resource, found.name) == (SPOT, resource, name)


@pytest.mark.parametrize(
    "text",
    [
        "N2 Sole Tenancy Instance Core running in Iowa",
        "Sole Tenancy Premium for N2 Sole Tenancy Instance Core running in Iowa",
        "Reserved Nvidia Tesla A100 GPU in Seoul",
        "Reserved V5e TPU in Seoul in Calendar Mode",
        "DWS Calendar Mode A4 Nvidia B200 (1 gpu slice) in Americas",
        "C3 Instance Local SSD attached to Calendar mode reservations running in Iowa",
        "Memory Optimized Upgrade Premium for Memory-optimized Instance Core running in Iowa",
        "N2 Custom Instance Core running in Iowa",
        "N2 Custom Extended Instance Ram running in Iowa",
        "VM state: preserved local SSD in Bangkok",
        "N2 Instance Ram for suspended VMs running in Iowa",
        "Capacity Optimized TpuV6e running in Columbus",
        "Commitment - dollar based v1: GCE for 1 year",
        "Committed Use Discount Premium for E2 Custom Instance Core running in Johannesburg",
        "Commitment v1: N4A Core in Johannesburg for 5 Years",
        "Reserved Nvidia H100 80GB Mega GPU in Americas in Calendar Mode",
        "Licensing Fee for Windows Server 2019 Datacenter Edition (CPU cost)",
        "vGPU G4 Local SSD running in Iowa",
        "Network Inter Zone Data Transfer Out",
        "Nvidia L40 GPU running in Netherlands",
        "Storage PD Capacity in Iowa",
    ],
)
def test_what_is_no_part_of_a_plain_machine_is_left_out(text: str) -> None:
    assert component_of(sku(text)) is None


def test_a_commitment_is_no_on_demand_price() -> None:
    text = "Commitment v1: Nvidia H100 80GB GPU running in Americas for 1 Year"
    rates = Rates([sku(text, "Commit1Yr")])
    assert rates.has("us-central1", ONE_YEAR, GPU, "nvidia-h100-80gb")
    assert not rates.has("us-central1", ON_DEMAND, GPU, "nvidia-h100-80gb")


@pytest.mark.parametrize(
    ("text", "usage", "unit", "reason"),
    [
        ("Commitment v1: N2 Cpu in Iowa for 1 Year", "Commit3Yr", "h", "12 months by its text"),
        ("Commitment v1: N2 Cpu in Iowa for 1 Year", "OnDemand", "h", "OnDemand by its usage"),
        ("Commitment v1: N2 Cpu in Iowa", "Commit1Yr", "h", "no term by its text"),
        ("A3 Instance Core running in Iowa", "OnDemand", "s", "core priced per s"),
        ("A3 Instance Ram running in Iowa", "OnDemand", "h", "RAM priced per h"),
        ("SSD backed Local Storage", "OnDemand", "", "unknown unit"),
    ],
)
def test_a_sku_that_contradicts_itself_is_told(
    text: str, usage: str, unit: str, reason: str
) -> None:
    odd = sku(text, usage, unit)
    with pytest.raises(Unreadable, match=reason):
        component_of(odd)
    rates = Rates([odd])
    assert len(rates) == 0
    assert rates.problems[0][0] == ("us-central1",) and reason in rates.problems[0][2]


def test_local_ssd_is_priced_by_the_month_of_730_hours() -> None:
    rates = Rates([sku("SSD backed Local Storage", unit="GiBy.mo", usd=0.08)])
    assert rates.rate("us-central1", ON_DEMAND, SSD, "") == pytest.approx(0.08 / 730)


def test_old_tpus_are_priced_by_eight_cores_and_new_ones_by_the_chip() -> None:
    rates = Rates(
        [
            sku("TPU-v2 Accelerator USA", usd=4.5),
            sku("TPU-v2 Pod Accelerator USA", usd=6.0),
            sku("TpuV5e running in Americas", usd=1.2),
        ]
    )
    assert rates.rate("us-central1", ON_DEMAND, TPU, "v2") == 4.5 / 4
    assert rates.rate("us-central1", ON_DEMAND, TPU, "v2 pod") == 6.0 / 4
    assert rates.rate("us-central1", ON_DEMAND, TPU, "v5e") == 1.2


def test_a_slice_of_several_gpus_is_divided() -> None:
    rates = Rates([sku("A4 Nvidia B200 (8 gpu slice) running in Iowa", usd=128.88)])
    assert rates.rate("us-central1", ON_DEMAND, SLICE, "nvidia-b200") == pytest.approx(16.11)


def test_a_rate_listed_twice_at_two_prices_is_no_rate() -> None:
    text = "A3 Instance Core running in Iowa"
    twice = [sku(text, usd=0.0255), sku(text.replace("Iowa", "Americas"), usd=0.0293)]
    with pytest.raises(MissingRate, match=r"listed at \$0.0255 .* and \$0.0293"):
        Rates(twice).rate("us-central1", ON_DEMAND, CORE, "a3")
    same = Rates([sku(text), sku(text.replace("Iowa", "US Central 1"))])
    assert same.rate("us-central1", ON_DEMAND, CORE, "a3") == 1.0


def test_of_a_wide_and_a_narrow_sku_the_narrow_one_counts() -> None:
    everywhere = ("us-central1", "us-east1", "us-west1")
    wide = Sku("w", "N2 Instance Core running in Americas", "OnDemand", everywhere, "h", 0.03)
    narrow = Sku("n", "N2 Instance Core running in Iowa", "OnDemand", ("us-central1",), "h", 0.05)
    for rates in (Rates([wide, narrow]), Rates([narrow, wide])):
        assert rates.rate("us-central1", ON_DEMAND, CORE, "n2") == 0.05
        assert rates.rate("us-east1", ON_DEMAND, CORE, "n2") == 0.03


def test_next_to_equal_rates_are_one() -> None:
    tokyo = sku("Memory-optimized Instance Core running in Tokyo", usd=0.0426)
    japan = sku("Memory-optimized Instance Core running in Japan", usd=0.0426489)
    for rates in (Rates([tokyo, japan]), Rates([japan, tokyo])):
        assert rates.rate("us-central1", ON_DEMAND, CORE, "m1") == 0.0426489


def test_a_price_of_nothing_is_a_placeholder() -> None:
    rates = Rates([sku("Nvidia Tesla V100 GPU running in Seoul", usd=0.0)])
    assert not rates.has("us-central1", ON_DEMAND, GPU, "nvidia-tesla-v100")
    assert "$0" in rates.problems[0][2]


def test_a_missing_rate_is_named_and_no_other_way_stands_in() -> None:
    rates = Rates([sku("Spot Preemptible C4A Arm Instance Ram running in Warsaw", unit="GiBy.h")])
    with pytest.raises(MissingRate, match="no on demand rate of c4a RAM in us-central1"):
        rates.rate("us-central1", ON_DEMAND, RAM, "c4a")
    with pytest.raises(MissingRate, match="in europe-west4"):
        rates.rate("europe-west4", SPOT, RAM, "c4a")
