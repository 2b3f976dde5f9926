"""Own prices, own sites, billing exports and account quotas: private layers over the catalog."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog, CatalogError
from catalog.layer_names import layer_of
from catalog.layers import LayeredCatalog, layered, limited
from catalog.overlays import Overlays, private_dir
from catalog.quotas import Quota, RegionQuotas, quotas_dir, write_quotas
from planner.actions.catalog.listing import Filters, list_offers
from planner.actions.catalog.overlays import import_overlay, list_overlays, remove_overlay
from planner.actions.focus import rates_of
from planner.actions.session import open_session, workload_from
from planner.cli.catalog import app
from planner.errors import BadInput, Infeasible

AWS = "us-east-1"
WORK = {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "50M"}


def run(*arguments: str) -> int:
    return int(app(args=list(arguments), prog_name="catalog", standalone_mode=False) or 0)


def usd(catalog: Catalog, name: str, kind: str = "on_demand", region: str = AWS) -> float:
    table = catalog.offers
    mask = table.is_in("instance_type", [name]) & table.is_in("kind", [kind])
    mask &= table.is_in("region", [region]) & table.is_in("platform", [""])
    (row,) = np.flatnonzero(mask)
    return float(table.numbers["usd_per_hour"][row])


def source(catalog: Catalog, name: str, region: str = AWS) -> str:
    table = catalog.offers
    mask = table.is_in("instance_type", [name]) & table.is_in("kind", ["on_demand"])
    mask &= table.is_in("region", [region]) & table.is_in("platform", [""])
    return table.text("price_source", int(np.flatnonzero(mask)[0]))


def test_a_discount_by_cloud_and_family(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "edp.yaml"
    file.write_text(
        "discounts:\n"
        "  - {cloud: aws, family: g6, discount: 20%}\n"
        "  - {cloud: aws, discount: 0.1, kinds: [on_demand, spot]}\n"
    )
    found = import_overlay(str(file), "edp")
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert found.path.parent == private_dir() / "overlays"
    after = layered(catalog)
    assert usd(after, "g6.xlarge") == pytest.approx(0.8 * usd(catalog, "g6.xlarge"))
    assert usd(after, "g5.xlarge") == pytest.approx(0.9 * usd(catalog, "g5.xlarge"))
    assert usd(after, "g6.xlarge", "spot") == pytest.approx(0.9 * usd(catalog, "g6.xlarge", "spot"))
    other = catalog.offers.is_in("cloud", ["gcp"])
    before, now = (c.offers.numbers["usd_per_hour"][other] for c in (catalog, after))
    np.testing.assert_array_equal(before, now)
    key = source(after, "g6.xlarge")
    assert layer_of(key) == "overlay edp"
    assert "0.2 off by overlay edp" in after.sources[key].citation
    assert after.sources[key].as_of == catalog.sources[source(catalog, "g6.xlarge")].as_of
    assert after.content_id != catalog.content_id
    assert catalog.offers is not after.offers


def test_own_rates_replace_and_add(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(
        "cloud,region,instance_type,usd_per_hour,kind,vcpus,memory_gib,accelerator,accelerator_count\n"
        "aws,us-east-1,g6.xlarge,0.5,on_demand,,,,\n"
        "aws,eu-nowhere-9,g6.xlarge,0.6,on_demand,,,,\n"
        "acme,lab,big-box,3.0,on_demand,64,512,H100-80GB,8\n"
        "aws,us-east-1,no.such,1.0,on_demand,,,,\n"
    )
    found = import_overlay(str(file), "own")
    assert sum(found.left_out.values()) == 1
    after = layered(catalog)
    assert usd(after, "g6.xlarge") == 0.5
    assert usd(after, "g6.xlarge", region="eu-nowhere-9") == 0.6
    table = after.offers
    (row,) = np.flatnonzero(table.is_in("instance_type", ["big-box"]))
    assert (table.text("accelerator", row), table.number("accelerator_count", row)) == (
        "H100-80GB",
        8,
    )
    assert len(table) == len(catalog.offers) + 2
    listing = list_offers(after, Filters(clouds=["aws"], regions=[AWS], accelerators=["L4"]))
    layers = {offer.instance_type: offer.layer for offer in listing.offers}
    assert layers["g6.xlarge"] in ("overlay own", "snapshot")
    assert "overlay own" in {offer.layer for offer in listing.offers}
    # A discount leaves what was negotiated alone.
    (tmp_path / "d.yaml").write_text("discounts: [{cloud: aws, discount: 50%}]")
    import_overlay(str(tmp_path / "d.yaml"), "zz-later")
    assert usd(layered(catalog), "g6.xlarge") == 0.5


FOCUS_HEADER = (
    "ProviderName,ChargeCategory,ServiceCategory,PricingCategory,RegionId,ConsumedQuantity,"
    "ConsumedUnit,EffectiveCost,BillingCurrency,ChargeDescription,SkuPriceDetails\n"
)


def test_a_focus_export_gives_effective_rates(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "focus.csv"
    file.write_text(
        FOCUS_HEADER + "AWS,Usage,Compute,Standard,us-east-1,100,Hours,70,USD,"
        "$0.8 per On Demand Linux g6.xlarge Instance Hour,\n"
        "AWS,Usage,Compute,Committed,us-east-1,100,Hours,50,USD,g6.xlarge reserved,\n"
        "AWS,Usage,Compute,Dynamic,us-east-1,10,Hours,2.5,USD,g6.xlarge spot,\n"
        'Microsoft,Usage,Compute,Standard,East US,10,Hours,30,USD,VM,"{""InstanceType"":'
        '""Standard_NC24ads_A100_v4""}"\n'
        "AWS,Tax,Compute,Standard,us-east-1,1,Hours,9,USD,g6.xlarge,\n"
        "AWS,Usage,Storage,Standard,us-east-1,5,GB-Months,9,USD,gp3,\n"
        "AWS,Usage,Compute,Standard,eu-west-1,5,Hours,9,EUR,g6.xlarge,\n"
        "AWS,Usage,Compute,Standard,us-east-1,0.2,Hours,9,USD,g5.xlarge,\n"
        "AWS,Usage,Compute,Standard,us-east-1,nan,Hours,9,USD,g6.xlarge,\n"
    )
    found = import_overlay(str(file), "bill")
    assert found.overlay.form == "focus"
    assert set(found.left_out) >= {
        "not usage (purchase, tax, credit, adjustment)",
        "not measured in hours",
        "not billed in USD",
        "machines that ran under an hour",
        "cost or quantity is no amount",
    }
    after = layered(catalog)
    assert usd(after, "g6.xlarge") == pytest.approx(0.6)
    assert usd(after, "g6.xlarge", "spot") == pytest.approx(0.25)
    assert usd(after, "Standard_NC24ads_A100_v4", region="eastus") == pytest.approx(3.0)


def test_focus_details_that_are_bombs_are_no_machines() -> None:
    row = {
        "ProviderName": "AWS", "RegionId": "us-east-1", "ConsumedUnit": "Hours",
        "ConsumedQuantity": "2", "EffectiveCost": "1", "SkuPriceDetails": "{" * 19_000,
        "ChargeDescription": "x " * 100_000,
    }  # fmt: skip
    found = rates_of([row], {"aws": frozenset({"g6.xlarge"})})
    assert not found.rates
    assert found.left_out["no machine type told"] == 1


def test_a_skypilot_catalog_file(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "vms.csv"
    file.write_text(
        "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,SpotPrice,Region,"
        "GpuInfo\n"
        "g6.xlarge,L4,1,4,16,0.77,0.2,us-east-1,\n"
        "g6.xlarge,L4,1,4,16,0.77,0.1,us-east-1,\n"
    )
    with pytest.raises(BadInput, match="does not say its cloud"):
        import_overlay(str(file), "sky")
    import_overlay(str(file), "sky", cloud="aws")
    after = layered(catalog)
    assert usd(after, "g6.xlarge") == 0.77
    assert usd(after, "g6.xlarge", "spot") == 0.1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no mapping"),
        ("- a", "no mapping"),
        ("prices: []", "known: discounts"),
        ("discounts: {cloud: aws}", "no list"),
        ("discounts: [{cloud: awz, discount: 5%}]", "did you mean aws"),
        ("discounts: [{cloud: aws}]", "15%"),
        ("discounts: [{cloud: aws, discount: 100%}]", "no discount"),
        ("discounts: [{cloud: aws, discount: -5%}]", "15%"),
        ("discounts: [{discount: 5%, kinds: [free]}]", "unknown kind"),
        ("discounts: [{discount: 5%, regoin: eu}]", "did you mean region"),
        ("rates: [{cloud: aws, region: us-east-1, instance_type: g6.xlarge}]", "usd_per_hour"),
        (
            "rates: [{cloud: aws, region: r, instance_type: g6.xlarge, usd_per_hour: 0}]",
            "no amount",
        ),
        ("rates: [{cloud: aws, region: r, instance_type: g6.x, usd_per_hour: 1}]", "no machine"),
        ("sites: [{name: lab}]", "accelerator"),
    ],
)
def test_wrong_files_are_bad_input(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=said):
        import_overlay(str(file), "own")
    assert list_overlays() == []


@pytest.mark.parametrize("name", ["", "../../x", "A", "a b", "x" * 41, "a/b", "."])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("discounts: [{discount: 5%}]")
    with pytest.raises(BadInput, match="no overlay name"):
        import_overlay(str(file), name)
    with pytest.raises(BadInput):
        remove_overlay(name)


def test_listing_and_removing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("discounts: [{discount: 5%}]")
    assert run("import", str(file), "--name", "edp") == 0
    assert "saved overlay edp: 1 discounts" in capsys.readouterr().err
    assert run("import", str(file), "--name", "edp") == 0
    assert "replaced" in capsys.readouterr().err
    assert run("overlays", "--format", "json") == 0
    assert [o["name"] for o in json.loads(capsys.readouterr().out)["overlays"]] == ["edp"]
    assert run("list", "--cloud", "aws", "--accelerator", "L4", "--limit", "5") == 0
    shown = capsys.readouterr()
    assert "overlay edp" in shown.out
    assert "overlays applied: edp" in shown.err
    assert run("overlays", "--remove", "edp") == 0
    assert list_overlays() == []
    with pytest.raises(BadInput, match="unknown overlay"):
        remove_overlay("edp")


def test_nothing_private_is_in_the_shareable_catalog(
    tmp_path: Path, own_cache: Path, isolated_dirs: Path
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("cloud,region,instance_type,usd_per_hour\naws,us-east-1,g6.xlarge,0.123456\n")
    import_overlay(str(file), "secret-deal")
    open_session().catalog.offers  # noqa: B018
    for path in own_cache.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"secret-deal" not in content
            assert b"0.123456" not in content


def test_a_damaged_overlay_is_told(tmp_path: Path) -> None:
    directory = private_dir() / "overlays"
    directory.mkdir(parents=True)
    (directory / "bad.json").write_text("{")
    with pytest.raises(CatalogError, match="overlay cannot be read"):
        Overlays().all()


def test_recommend_uses_overlays_and_says_so(tmp_path: Path, catalog: Catalog) -> None:
    place = {"clouds": ["aws"], "regions": [AWS], "purchase": ["on_demand"]}
    before = open_session().recommend_from(None, None, WORK, place).recommendation
    file = tmp_path / "d.yaml"
    file.write_text("discounts: [{cloud: aws, discount: 50%}]")
    import_overlay(str(file), "half")
    after = open_session().recommend_from(None, None, WORK, place).recommendation
    assert after.recommendation.cost_usd == pytest.approx(
        before.recommendation.cost_usd / 2, rel=0.02
    )
    assert after.recommendation.price.layer == "overlay half"
    assert any("overlay half" in line for line in after.explanation)
    assert before.recommendation.price.layer == "snapshot"


def test_own_sites_are_considered_unless_clouds_are_chosen(tmp_path: Path) -> None:
    file = tmp_path / "sites.yaml"
    file.write_text(
        "sites: [{name: lab, system: DGX H100, machines: 2, usd_per_kwh: 0.1, power: 10kW}]"
    )
    import_overlay(str(file), "lab")
    found = open_session().recommend_from(None, None, WORK, {}).recommendation
    assert found.recommendation.cloud == "on-prem"
    assert any("Own sites of overlays" in line for line in found.explanation)
    # The same machines, wherever the question is asked.
    session, (work, _) = open_session(), workload_from(None, None, WORK, {})
    plan = session.calibration_plan(work, budget_usd=1.0)
    assert plan.choice.startswith("on-prem/lab/")
    assert any("Own sites of overlays" in line for line in plan.assumptions)
    assert session.calibration_basis(work).accelerators[0].cheapest.startswith("on-prem/lab/")
    assert session.compare(work, "on-prem", "cloud", axes=None).a.status == "ok"
    found = open_session().recommend_from(None, None, WORK, {"clouds": ["aws"]}).recommendation
    assert found.recommendation.cloud == "aws"


def quota(region: str, quota_class: str, limit: float, used: float | None = None) -> None:
    found = RegionQuotas(
        "aws", "aws", region, datetime(2026, 11, 24, tzinfo=UTC), "test",
        (Quota(quota_class, limit, used, "vCPU"),),
    )  # fmt: skip
    write_quotas(quotas_dir(), found)


def test_account_quotas_limit_their_region_only(catalog: Catalog) -> None:
    table, limits = limited(
        catalog.offers,
        {("aws", AWS, "aws/P on-demand"): 0.0, ("aws", "eu-nowhere-9", "aws/P on-demand"): 9.0},
    )
    assert limits == {f"{AWS}: aws/P on-demand": 0.0}
    hit = table.is_in("quota_class", list(limits))
    assert hit.any()
    assert set(table.take(hit).texts("region")) == {AWS}
    assert not (
        table.is_in("quota_class", ["aws/P on-demand"]) & table.is_in("region", [AWS])
    ).any()


def test_recommend_respects_account_quotas_unless_the_workload_states_its_own() -> None:
    place = {
        "clouds": ["aws"],
        "regions": [AWS],
        "purchase": ["on_demand"],
        "accelerators": ["L4"],
    }
    free = open_session().recommend_from(None, None, WORK, place).recommendation
    assert not any("account quotas" in line for line in free.explanation)
    quota(AWS, "aws/G and VT on-demand", 100, used=100)
    with pytest.raises(Infeasible, match="account's quotas"):
        open_session().recommend_from(None, None, WORK, place)
    quota(AWS, "aws/G and VT on-demand", 4096, used=None)
    found = open_session().recommend_from(None, None, WORK, place).recommendation
    assert found.recommendation.cost_usd == free.recommendation.cost_usd
    assert any("account quotas" in line for line in found.explanation)
    quota(AWS, "aws/G and VT on-demand", 0)
    own = {**place, "quotas": {"aws/G and VT on-demand": 4096}}
    stated = open_session().recommend_from(None, None, WORK, own).recommendation
    assert stated.recommendation.cost_usd == free.recommendation.cost_usd


def test_layers_leave_the_catalog_below_as_it_is(catalog: Catalog) -> None:
    empty = LayeredCatalog(catalog, (), "")
    assert empty.content_id == catalog.content_id
    assert empty.offers is catalog.offers
    assert layered(catalog) is catalog
