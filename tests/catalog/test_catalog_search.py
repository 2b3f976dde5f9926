"""Offers found by what a person types, in ``planner catalog list`` and on the Catalog screen."""

from __future__ import annotations

import json
import re

import pytest

from catalog import Catalog
from planner.actions.catalog.changes import offer_history, price_history
from planner.actions.catalog.listing import STALE_DAYS, Filters, list_offers
from planner.actions.catalog.search import find_offers, typed_filters
from planner.cli.main import run as planner
from planner.errors import BadInput
from planner.report.age import how_old, is_old


def test_every_word_must_be_part_of_a_name(catalog: Catalog) -> None:
    found = find_offers(catalog, "H100 spot us-east")
    assert found.offers
    for offer in found.offers:
        assert "H100" in offer.accelerator and offer.kind == "spot"
        assert "east" in offer.region and offer.platform == "vm"
    last = [
        offer.confidence == "low" or (offer.age_days or 9999) > STALE_DAYS for offer in found.offers
    ]
    order = list(zip(last, (offer.usd_per_hour for offer in found.offers), strict=True))
    assert order == sorted(order)
    same = find_offers(catalog, "useast SPOT h100").offers
    assert same == found.offers


def test_words_that_are_no_names(catalog: Catalog) -> None:
    cheap = find_offers(catalog, "gpu <0.50").offers
    assert cheap and all(o.accelerator and o.usd_per_hour <= 0.5 for o in cheap)
    for word in ("gpu", "TPU", "asic", "fpga"):  # devices of that kind, not any accelerator
        offers = find_offers(catalog, word).offers
        assert {catalog.accelerators[o.accelerator].kind for o in offers} == {word.upper()}
    found = {o.accelerator for o in find_offers(catalog, "accelerator").offers}
    assert {"Inferentia1", "TPU-v5e", "T4"} <= found and "" not in found
    assert not any(o.accelerator for o in find_offers(catalog, "cpu <$0.01").offers)
    assert {o.confidence for o in find_offers(catalog, "doubtful", limit=50).offers} == {"low"}
    assert {o.platform for o in find_offers(catalog, "sagemaker").offers} == {"sagemaker"}
    assert find_offers(catalog, "  ").matching == list_offers(catalog, Filters()).matching


def test_short_words_begin_a_part_of_a_name(catalog: Catalog) -> None:
    found = find_offers(catalog, "l4").offers
    assert {"L4", "L40S"} <= {offer.accelerator for offer in found}
    for offer in found:
        names = f"{offer.accelerator} {offer.instance_type} {offer.zone}".lower()
        assert any(part.startswith("l4") for part in re.split(r"[^a-z0-9]+", names)), names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("h100 mars", "leave out 'mars'"),
        ("<cheap", "is no price"),
        ("<-1", "no price"),
        ("h100 <0.0001", "leave out --max-price"),
    ],
)
def test_what_does_not_match_is_said_with_what_would(
    catalog: Catalog, text: str, said: str
) -> None:
    with pytest.raises(BadInput) as error:
        find_offers(catalog, text)
    assert said in str(error.value)


def test_the_command_takes_the_same_words(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["l4", "gcp", "<40"]
    assert planner(["catalog", "list", *words, "--format", "json", "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = find_offers(catalog, " ".join(words))
    assert document["matching"] == found.matching
    assert [row["usd_per_hour"] for row in document["offers"]] == [
        offer.usd_per_hour for offer in found.offers
    ]
    # Flags go over words.
    assert planner(["catalog", "list", "gpu", "--cpu", "--limit", "1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["offers"][0]["accelerator"] == ""
    assert typed_filters(catalog, ["gpu"]).device_kinds == ("GPU",)


def test_the_history_of_one_offer_is_one_of_its_machines(catalog: Catalog) -> None:
    offer = next(o for o in find_offers(catalog, "g6.xlarge us-east-1").offers if o.as_of)
    found = offer_history(offer)
    assert found is not None and found in price_history("g6.xlarge")
    assert (found.key.kind, found.key.region) == (offer.kind, offer.region)
    assert found.points[0][1] == pytest.approx(offer.usd_per_hour)


def test_ages_are_said_in_words() -> None:
    said = [how_old(days) for days in (None, 0, 1, 13, 14, 84, 394, 1100)]
    assert said == [
        "of unknown age", "0 days old", "1 day old", "13 days old", "2 weeks old", "12 weeks old",
        "13 months old", "3 years old",
    ]  # fmt: skip
    assert [is_old(days) for days in (None, 7, 8)] == [True, False, True]
