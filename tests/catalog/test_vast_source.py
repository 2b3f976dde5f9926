"""Vast: a price from many offers, shares of hosts, nulls, countries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.sources import vast
from catalog.sources.base import FetchFailed
from catalog.sources.vast import VastSource
from catalog.sources.vast_rows import low_quantile
from tests.catalog.gpu_clouds import fetch, offers, options, prices, reasons, serving
from tests.fakes.vast import KEY, FakeVast, offer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVast]:
    with serving(FakeVast(), monkeypatch) as served:
        yield served


def test_a_price_is_the_lower_quartile_and_not_the_lowest(fake: FakeVast) -> None:
    asked = [0.01, 0.30, 0.32, 0.34, 0.36, 0.40, 0.50, 9.0]
    fake.offers = [offer("RTX 4090", 1, usd, min_bid=usd / 2) for usd in asked]
    source = VastSource()
    usd = prices(fetch(source))["1x_RTX4090"]
    assert usd == pytest.approx(low_quantile(asked)) and 0.30 < usd < 0.34
    assert prices(fetch(source, "spot"))["1x_RTX4090"] == pytest.approx(usd / 2)
    note = options(fetch(source))["1x_RTX4090"]["obtainability"]
    assert note == "other people's machines; 8 offers when asked"


def test_low_quantile() -> None:
    assert low_quantile([5.0]) == 5.0
    assert low_quantile([1.0, 2.0, 3.0, 4.0, 5.0]) == 2.0
    assert low_quantile([4.0, 0.0]) == 1.0


def test_gpus_counts_and_memory_sizes_are_apart(fake: FakeVast) -> None:
    fake.offers = [
        offer("A100 SXM4", 1, 1.0, gpu_ram=81920),
        offer("A100 SXM4", 1, 0.7, gpu_ram=40960),
        offer("A100 PCIE", 2, 1.4, gpu_ram=81920),
        offer("H100 SXM", 8, 16.0, gpu_ram=81559),
    ]
    assert prices(fetch(VastSource())) == {
        "1x_A100-80GB": 1.0,
        "1x_A100-40GB": 0.7,
        "2x_A100-80GB-PCIe": 1.4,
        "8x_H100-80GB": 16.0,
    }


def test_memory_is_the_offers_share_of_the_host(fake: FakeVast) -> None:
    fake.offers = [offer("H100 SXM", 4, 8.0, gpu_ram=81559, cores=(128, 256), cpu_ram=2064384)]
    machine = offers(fetch(VastSource()))["4x_H100-80GB"]
    assert (machine["vcpus"], machine["memory_gib"]) == (128, 1008)


def test_nulls_are_unknown(fake: FakeVast) -> None:
    fake.offers = [
        offer("RTX 4090", 1, 0.4, cores=(8, None), geolocation=None, min_bid=None, gpu_ram=None),
        offer("RTX 3090", 1, 0.2, cores=(None, None), cpu_ram=None),
    ]
    source = VastSource()
    machines = offers(fetch(source))
    assert machines["1x_RTX4090"]["vcpus"] == 8 and "memory_gib" not in machines["1x_RTX4090"]
    assert "vcpus" not in machines["1x_RTX3090"]
    with pytest.raises(FetchFailed, match="nothing offered in all now"):
        fetch(source, "spot")


def test_a_country_is_what_hosts_say_of_themselves(fake: FakeVast) -> None:
    fake.offers = [
        offer("RTX 4090", 1, 0.4, geolocation="Norway, NO"),
        offer("RTX 4090", 1, 0.2, geolocation="California, US"),
        offer("RTX 4090", 1, 0.1, geolocation=None),
        offer("RTX 4090", 1, 0.1, geolocation="NOWHERE"),
        offer("L40S", 1, 0.6, gpu_ram=46068, geolocation="NO"),
    ]
    source = VastSource()
    assert prices(fetch(source, region="NO")) == {"1x_RTX4090": 0.4, "1x_L40S": 0.6}
    assert prices(fetch(source, region="US")) == {"1x_RTX4090": 0.2}
    assert len(fake.calls) == 1
    with pytest.raises(FetchFailed, match="nothing offered in DE now"):
        fetch(source, region="DE")
    with pytest.raises(FetchFailed, match="no region of Vast"):
        fetch(source, region="eu-west-1")
    assert source.regions([]) == ["all"] and source.regions(["all", "NO"]) == ["all", "NO"]


def test_the_search_asks_for_what_can_be_rented(fake: FakeVast) -> None:
    fake.offers = [offer("RTX 4090", 1, 0.4), offer("RTX 4090", 1, 0.01, reliability2=0.2)]
    assert prices(fetch(VastSource())) == {"1x_RTX4090": 0.4}
    search = fake.calls[0].json()
    assert search["rentable"] == search["verified"] == {"eq": True}
    assert search["rented"] == {"eq": False} and search["limit"] == vast.LIMIT


def test_an_answer_cut_off_at_the_limit_says_so(
    fake: FakeVast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vast, "LIMIT", 3)
    monkeypatch.setitem(vast.SEARCH, "limit", 3)
    fake.offers = [offer("RTX 4090", 1, 0.4)] * 5
    assert "cut off at 3 offers" in reasons(fetch(VastSource()))["search"]


def test_rejects_are_told_once_with_their_number(fake: FakeVast) -> None:
    fake.offers = [
        *[offer("Z9000", 1, 0.4)] * 3,
        offer("RTX 3080", 1, 0.1, gpu_ram=12288),
        offer("RTX 4090", 0, 0.1),
        offer("L40S", 1, None),
        offer("RTX 4090", 1, 0.3),
    ]
    got = fetch(VastSource())
    assert set(prices(got)) == {"1x_RTX4090"}
    assert reasons(got) == {
        "Z9000": "no facts about accelerator 'Z9000' with 24 GiB (3 offers)",
        "RTX 3080": "no facts about accelerator 'RTX 3080' with 12 GiB",
        "RTX 4090": "0 GPUs",
        "L40S": "no price",
    }


def test_a_key_is_sent_where_there_is_one(fake: FakeVast, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.populate(["US"], seed=1)
    fetch(VastSource(), region="US")
    assert fake.calls[-1].headers["authorization"] == f"Bearer {KEY}"
    monkeypatch.delenv("VAST_API_KEY")
    assert VastSource().missing() is None
