"""Where machines stand, and what is known of a place: law, carbon, electricity."""

from __future__ import annotations

import pytest

from catalog import Catalog, UnknownName

EU = {"AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT",
      "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE"}  # fmt: skip


def test_every_region_offered_has_a_country_but_those_that_are_all(catalog: Catalog) -> None:
    offered = {(row["cloud"], row["region"]) for row in catalog.rows("offers")}
    unknown = offered - set(catalog.regions)
    assert {region for _, region in unknown} == {"all"}
    assert {cloud for cloud, _ in unknown} == {"crusoe", "lambda", "oci", "runpod"}


def test_the_eu_is_its_member_states(catalog: Catalog) -> None:
    eu = catalog.regions_in("eu")
    assert {catalog.regions[place].country for place in eu} <= EU
    members = {place for place, region in catalog.regions.items() if region.country in EU}
    assert eu == members
    assert {("aws", "eu-central-1"), ("gcp", "europe-west4"), ("azure", "northeurope")} <= eu
    assert not {("aws", "eu-west-2"), ("gcp", "europe-west6"), ("aws", "eu-central-2")} & eu
    assert ("azure", "norwayeast") in catalog.regions_in("eea") - eu
    assert catalog.regions_in("eea") < catalog.regions_in("europe")


def test_government_regions_are_apart_from_their_country(catalog: Catalog) -> None:
    gov = catalog.regions_in("gov")
    assert gov == {("aws", "us-gov-east-1"), ("aws", "us-gov-west-1")}
    assert not gov & catalog.regions_in("us")


def test_residencies_hold_what_the_planner_promises(catalog: Catalog) -> None:
    assert {"eu", "us", "gov", "uk", "canada", "apac"} <= set(catalog.residencies)
    assert all(catalog.regions_in(name) for name in catalog.residencies)
    assert catalog.regions_in("EU") == catalog.regions_in("eu")
    assert ("gcp", "asia-northeast1") in catalog.regions_in("jp")
    with pytest.raises(UnknownName, match="did you mean eu") as caught:
        catalog.regions_in("euu")
    assert caught.value.kind == "residency"


def test_the_offers_column_says_the_same(catalog: Catalog) -> None:
    table = catalog.offers
    eu = table.take(table.is_in("residency", ["eu"]))
    places = set(zip(eu.texts("cloud"), eu.texts("region"), strict=True))
    assert places <= catalog.regions_in("eu")
    assert len(eu) > 5000
    everywhere = table.take(table.is_in("region", ["all"]))
    assert set(everywhere.texts("residency")) == {""}


def test_electricity_by_area_and_by_cloud_region(catalog: Catalog) -> None:
    virginia = catalog.electricity("eastus2", "azure")
    assert virginia is not None
    assert virginia == catalog.electricity("us-virginia") == catalog.electricity("us-east-1", "aws")
    for area in catalog.electricity_areas.values():
        low, high = area.usd_per_kwh_low, area.usd_per_kwh_high
        assert low is None or low <= area.usd_per_kwh
        assert high is None or area.usd_per_kwh <= high
        assert area.source in catalog.sources
    assert catalog.electricity("nowhere-1", "aws") is None
    with pytest.raises(UnknownName, match="Germany"):
        catalog.electricity("Germanny")


def test_carbon_of_a_grid_or_nothing(catalog: Catalog) -> None:
    belgium = catalog.grid_carbon("gcp", "europe-west1")
    assert belgium is not None
    assert (belgium.location, belgium.gco2_per_kwh) == ("Belgium", 103.37)
    assert catalog.grid_carbon("vultr", "ord") is None
