"""What the user already has: sites, commitments, credits; and what data cost to move and keep."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.planning import prepare
from planner.actions.recommend.plan import Plan, recommend
from planner.errors import BadInput, Infeasible
from planner.workload import Workload, parse

TODAY = date(2026, 1, 1)
LORA: dict[str, Any] = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "lora",
    "tokens": "50M",
    "sequence_length": 4096,
}
SITE: dict[str, Any] = {
    "name": "basement",
    "accelerator": "A100-80GB",
    "accelerators_per_machine": 8,
    "machines": 2,
    "power": "6.5kW",
    "pue": 1.5,
    "usd_per_kwh": 0.2,
}


def workload(where: dict[str, Any] | None = None, **fields: Any) -> Workload:
    return parse({**LORA, **fields, "where": where or {}}, where="test")


def plan(catalog: Catalog, where: dict[str, Any] | None = None, **fields: Any) -> Plan:
    return recommend(workload(where, **fields), catalog, today=TODAY)


class TestSites:
    def test_an_owned_machine_costs_its_electricity(self, catalog: Catalog) -> None:
        """Owned is sunk: 6.5 kW x 1.5 x $0.2 is all that an hour of it costs."""
        item = plan(catalog, {"on_prem": [SITE], "cloud_offers": False}).recommendation
        chosen = item.recommendation
        assert (chosen.cloud, chosen.region, chosen.purchase) == ("on-prem", "basement", "owned")
        assert chosen.price.usd_per_hour == pytest.approx(6.5 * 1.5 * 0.2)
        assert chosen.hours is not None
        expected = 6.5 * 1.5 * 0.2 * chosen.hours * chosen.nodes
        assert chosen.cost_usd == pytest.approx(expected, rel=1e-3)
        assert chosen.price.as_of is None
        assert "as stated in the workload" in item.headline

    def test_no_more_machines_than_there_are(self, catalog: Catalog) -> None:
        pool = {**SITE, "machines": 4, "utilisation": 0.5}
        found = prepare(workload({"on_prem": [pool], "cloud_offers": False}), catalog)
        assert found.limits == {"on-prem/basement instances": 2.0}
        chosen = plan(catalog, {"on_prem": [pool], "cloud_offers": False}, deadline="20m")
        assert chosen.recommendation.recommendation.nodes <= 2

    def test_half_a_machine_takes_twice_as_long_at_the_same_price(self, catalog: Catalog) -> None:
        def ask(utilisation: float) -> Any:
            one = {**SITE, "machines": 1, "utilisation": utilisation}
            return plan(catalog, {"on_prem": [one], "cloud_offers": False}).recommendation

        whole, half = ask(0.0).recommendation, ask(0.5).recommendation
        assert half.time_breakdown.compute_hours == pytest.approx(
            2 * whole.time_breakdown.compute_hours, rel=1e-4
        )
        assert half.cost_breakdown.work_usd == pytest.approx(
            whole.cost_breakdown.work_usd, rel=1e-4
        )

    def test_a_machine_bought_for_the_job_costs_its_price(self, catalog: Catalog) -> None:
        bought = {**SITE, "purchase": True, "capex_usd": 150000, "residual_usd": 50000}
        chosen = plan(catalog, {"on_prem": [bought], "cloud_offers": False}).recommendation
        item = chosen.recommendation
        assert item.cost_breakdown.capital_usd == pytest.approx(150000 * item.nodes)

    def test_a_full_charge_is_spread_over_the_hours_used(self, catalog: Catalog) -> None:
        """180,000 over 3 years of 8,760 h and half the time in use, 8,760 of staff a year for two
        machines, and the electricity of the hour."""
        full = {
            **SITE,
            "charge": "full",
            "capex_usd": 180000,
            "life": f"{3 * 8760}h",
            "expected_utilisation": 0.5,
            "staff_usd_per_year": 8760,
        }
        item = plan(catalog, {"on_prem": [full], "cloud_offers": False}).recommendation
        expected = (180000 / 3 / 8760 + 0.5) / 0.5 + 6.5 * 1.5 * 0.2
        assert item.recommendation.price.usd_per_hour == pytest.approx(expected, rel=1e-5)
        assert item.recommendation.cost_breakdown.capital_usd == 0

    def test_a_system_of_the_catalog_fills_what_is_not_given(self, catalog: Catalog) -> None:
        site = {"name": "dgx", "system": "DGX H100", "usd_per_kwh": 0.1, "pue": 1.0}
        item = plan(catalog, {"on_prem": [site], "cloud_offers": False}).recommendation
        power = catalog.onprem_system("DGX H100").power_kw
        assert item.recommendation.accelerator == "H100-80GB"
        assert item.recommendation.price.usd_per_hour == pytest.approx((power or 0) * 0.1)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"accelerator": "H1000"}, "unknown accelerator 'H1000'"),
            ({"usd_per_kwh": None}, "usd_per_kwh: is unknown"),
            ({"usd_per_kwh": None, "region": "Atlantis"}, "'Atlantis' is not in the electricity"),
            ({"system": "DGX H900"}, "'DGX H900' is not in the catalog"),
            ({"charge": "full"}, "capex_usd: is missing"),
        ],
    )
    def test_what_cannot_be_priced_is_refused(
        self, catalog: Catalog, change: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(BadInput) as found:
            plan(catalog, {"on_prem": [{**SITE, **change}]})
        assert words in str(found.value)
        assert "where.on_prem[0]" in str(found.value)

    def test_electricity_of_a_region(self, catalog: Catalog) -> None:
        site = {**SITE, "usd_per_kwh": None, "region": "Germany"}
        item = plan(catalog, {"on_prem": [site], "cloud_offers": False}).recommendation
        price = catalog.electricity("Germany")
        assert price is not None
        assert item.recommendation.price.usd_per_hour == pytest.approx(
            6.5 * 1.5 * price.usd_per_kwh
        )

    def test_one_more_place_never_costs_more(self, catalog: Catalog) -> None:
        without = plan(catalog).recommendation.recommendation.cost_usd
        beside = plan(catalog, {"on_prem": [SITE]}).recommendation.recommendation.cost_usd
        assert beside <= without * (1 + 1e-9)


def test_a_pool_too_small_for_the_deadline_is_said(catalog: Catalog) -> None:
    one = {**SITE, "machines": 1}
    with pytest.raises(Infeasible, match="more machines than there are: on-prem/basement"):
        plan(catalog, {"on_prem": [one], "cloud_offers": False}, tokens="2B", deadline="5h")


class TestCommitments:
    HELD: ClassVar[dict[str, Any]] = {
        "cloud": "aws",
        "region": "us-east-1",
        "instance_type": "p5.48xlarge",
        "count": 1,
    }

    def test_what_is_held_is_free_and_limited(self, catalog: Catalog) -> None:
        chosen = plan(catalog, {"commitments": [self.HELD]}).recommendation.recommendation
        assert chosen.instance_type == "p5.48xlarge"
        assert chosen.purchase == "reservation"
        assert chosen.nodes == 1
        assert chosen.cost_usd == 0.0

    def test_unknown_machine_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(BadInput, match=r"commitments\[0\].*p5\.49xlarge"):
            plan(catalog, {"commitments": [{**self.HELD, "instance_type": "p5.49xlarge"}]})

    def test_jobs_take_on_no_new_commitment_unless_asked(self, catalog: Catalog) -> None:
        where = {"purchase": ["on_demand", "reservation"], "clouds": ["aws"]}
        found = prepare(workload(where), catalog)
        kinds = found.candidates.offers
        assert not kinds.is_in("kind", ["reservation"]).any()
        asked = prepare(workload({**where, "amortise_commitments": True}), catalog)
        assert asked.candidates.offers.is_in("kind", ["reservation"]).any()

    def test_only_commitments_for_a_job_is_a_contradiction(self, catalog: Catalog) -> None:
        with pytest.raises(BadInput, match="outlast a job"):
            plan(catalog, {"purchase": ["reservation"]})


class TestCredits:
    def test_credits_pay_first(self, catalog: Catalog) -> None:
        plain = plan(catalog).recommendation
        granted = plan(catalog, {"credits": {"aws": 1000}}).recommendation
        assert plain.recommendation.cloud != "aws"
        assert granted.recommendation.cloud == "aws"
        assert granted.credit_usd == pytest.approx(granted.recommendation.cost_usd, rel=1e-3)

    def test_unknown_cloud_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(BadInput, match=r"where.credits"):
            plan(catalog, {"credits": {"awss": 5}})


class TestData:
    def test_leaving_a_cloud_costs_its_egress(self, catalog: Catalog) -> None:
        """1 TB out of AWS to another cloud is about $80-90 by its published tiers."""
        data = {"at": "aws/us-east-1", "input": "1000GB"}
        found = prepare(workload({"clouds": ["lambda"]}, data=data), catalog)
        usd = found.candidates.lines["egress_usd"][found.in_time]
        gb = 1000.0
        assert np.allclose(usd, catalog.egress("aws").internet_usd(gb) or 0.0)
        stays = prepare(workload({"clouds": ["aws"], "regions": ["us-east-1"]}, data=data), catalog)
        assert np.all(stays.candidates.lines["egress_usd"] == 0)

    def test_gravity_moves_the_choice_to_the_data(self, catalog: Catalog) -> None:
        plain = plan(catalog).recommendation.recommendation
        assert plain.cloud != "gcp"
        heavy = plan(catalog, data={"at": "gcp/us-central1", "input": "20TB"}).recommendation
        assert heavy.recommendation.cloud == "gcp"

    def test_unknown_egress_is_no_zero(self, catalog: Catalog) -> None:
        """Nebius publishes no egress price: what comes out of it cannot be priced."""
        data = {"at": "aws/us-east-1", "output": "50GiB"}
        found = prepare(workload({"clouds": ["nebius", "aws"]}, data=data), catalog)
        c = found.candidates
        nebius = c.offers.is_in("cloud", ["nebius"])[c.row]
        assert nebius.any()
        assert np.isnan(c.usd[nebius]).all()
        assert np.isfinite(c.usd[found.in_time]).all()

    def test_storage_is_charged_while_the_work_lasts(self, catalog: Catalog) -> None:
        found = prepare(workload({"clouds": ["aws"]}, data={"stored": "1000GB"}), catalog)
        c, rows = found.candidates, found.in_time
        rate = catalog.egress("aws").object_storage_usd_per_gb_month or 0.0
        expected = 1000 * rate / 730 * c.hours[rows]
        assert np.allclose(c.lines["storage_usd"][rows], expected)


class TestPlaces:
    def test_residency(self, catalog: Catalog) -> None:
        found = prepare(workload({"residency": ["eu"]}), catalog)
        offers = found.candidates.offers
        places = set(zip(offers.texts("cloud"), offers.texts("region"), strict=True))
        assert places
        assert places <= catalog.regions_in("eu")

    def test_platform_costs_more_than_the_machine(self, catalog: Catalog) -> None:
        where = {"clouds": ["aws"], "purchase": ["on_demand"]}
        plain = plan(catalog, where).recommendation.recommendation
        managed = plan(catalog, {**where, "platforms": ["sagemaker"]}).recommendation
        assert managed.recommendation.platform == "sagemaker"
        assert managed.recommendation.instance_type.startswith("ml.")
        assert managed.recommendation.cost_usd > plain.cost_usd

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ({"residency": ["mars"]}, "'mars' is not in the catalog"),
            ({"residency": ["uk"], "regions": ["us-east-1"]}, "no offer in the catalog passes"),
        ],
    )
    def test_places_that_cannot_be(
        self, catalog: Catalog, where: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(BadInput, match=words):
            plan(catalog, where)

    def test_excluding_a_candidate_yields_the_next(self, catalog: Catalog) -> None:
        first = plan(catalog).recommendation
        second = plan(catalog, {"exclude": [first.recommendation.id]}).recommendation
        assert second.recommendation.id != first.recommendation.id
        assert second.recommendation.cost_usd >= first.recommendation.cost_usd
        cloud = first.recommendation.cloud
        elsewhere = plan(catalog, {"exclude": [cloud]}).recommendation
        assert elsewhere.recommendation.cloud != cloud
