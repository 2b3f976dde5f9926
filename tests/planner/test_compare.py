"""``planner compare``: both sides are what `recommend` says, and crossings really are some."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.compare.answer import compare
from planner.actions.compare.axes import gap_of
from planner.actions.compare.sides import side_of, sided
from planner.actions.recommend.cheapest import Cheapest, at_price, cheapest
from planner.actions.recommend.plan import recommend
from planner.cost.ownership import HOURS_PER_YEAR, Machine, Power, break_even_utilisation
from planner.errors import BadInput, Infeasible
from planner.results.comparison import Axis, Comparison
from planner.workload import Workload, parse
from tests.planner.conftest import LORA, ROOT, Planner

EXAMPLE = ROOT / "examples" / "gpu-vs-tpu.yaml"
PRETRAIN: dict[str, Any] = {
    "kind": "pretrain", "model": "7B", "tokens": "140B", "sequence_length": 4096,
    "batch_tokens": "4M", "deadline": "60d",
    "where": {"purchase": ["on_demand"], "max_nodes": 128},
}  # fmt: skip
OWN: dict[str, Any] = {
    "kind": "finetune", "model": "llama-3.1-8b", "tokens": "2B", "deadline": "30d",
    "where": {
        "purchase": ["on_demand"], "max_nodes": 1, "clouds": ["aws"], "accelerators": ["A100"],
        "on_prem": [{"name": "hall", "system": "8xA100-80GB SXM server (OEM)", "machines": 1,
                     "usd_per_kwh": 0.14, "pue": 1.4, "life": "4y", "capex_usd": 150000}],
    },
}  # fmt: skip


def workload(base: dict[str, Any], where: dict[str, Any] | None = None, **changes: Any) -> Workload:
    return parse({**base, **changes, "where": {**base["where"], **(where or {})}}, where="test")


def cost(catalog: Catalog, asked: Workload, accelerator: str) -> float:
    """What `recommend` says the side costs; inf when it cannot do the work."""
    place = asked.where.model_copy(update={"accelerators": (accelerator,)})
    try:
        plan = recommend(asked.model_copy(update={"where": place}), catalog)
    except Infeasible:
        return math.inf
    return plan.recommendation.recommendation.cost_usd


@pytest.fixture(scope="module")
def tpu_gpu(catalog: Catalog) -> Comparison:
    return compare(workload(PRETRAIN), "TPU-v6e", "H100-80GB", catalog)


def axis(result: Comparison, name: str) -> Axis:
    return next(each for each in result.axes if each.axis == name)


def test_both_sides_are_what_recommend_says(catalog: Catalog, tpu_gpu: Comparison) -> None:
    for side in (tpu_gpu.a, tpu_gpu.b):
        assert side.cost_usd == cost(catalog, workload(PRETRAIN), side.name)
        assert side.plan is not None and side.plan.accelerator == side.name
        assert side.cost_usd_p10 <= side.cost_usd <= side.cost_usd_p90  # type: ignore[operator]
    assert tpu_gpu.a.cost_usd is not None and tpu_gpu.b.cost_usd is not None
    assert tpu_gpu.cheaper == ("a" if tpu_gpu.a.cost_usd < tpu_gpu.b.cost_usd else "b")
    assert tpu_gpu.cost_ratio == pytest.approx(tpu_gpu.a.cost_usd / tpu_gpu.b.cost_usd, rel=1e-5)
    assert 0.5 <= (tpu_gpu.probability or 0) <= 1
    assert {each.axis for each in tpu_gpu.axes} | set(tpu_gpu.not_searched) == {
        "model_size", "sequence_length", "price_a", "price_b", "utilisation", "deadline",
    }  # fmt: skip


def test_the_cheaper_side_flips_at_every_crossing(catalog: Catalog, tpu_gpu: Comparison) -> None:
    """`recommend` a little below and above, past the tolerance of the search."""
    checked = 0
    for name, change in (
        ("model_size", lambda x: {"model": f"{x / 1e9:.9g}B"}),
        ("sequence_length", lambda x: {"sequence_length": round(x)}),
        ("deadline", lambda x: {"deadline": f"{x}h"}),
    ):
        for flip in axis(tpu_gpu, name).crossings:
            before = {"model_size": flip.at / 1.04, "sequence_length": flip.at - 128}
            for x, cheaper in (
                (before.get(name, flip.at / 1.002), flip.cheaper_below),
                (flip.at * (1 + 1e-5), flip.cheaper_above),
            ):
                asked = workload(PRETRAIN, **change(x))
                a, b = (cost(catalog, asked, side) for side in ("TPU-v6e", "H100-80GB"))
                assert cheaper == ("a" if a < b else "b"), (name, flip, a, b)
                checked += 1
            assert flip.low is None or flip.low <= flip.at
            assert flip.high is None or flip.high >= flip.at
    assert checked >= 4


def test_prices_flip_in_proportion_to_cost(catalog: Catalog, tpu_gpu: Comparison) -> None:
    """One side's cost is its price times a constant, where no data are moved or kept."""
    for name, mine, other in (("price_a", "a", "b"), ("price_b", "b", "a")):
        found = axis(tpu_gpu, name)
        own, rival = getattr(tpu_gpu, mine).cost_usd, getattr(tpu_gpu, other).cost_usd
        (flip,) = found.crossings
        assert flip.at / found.now == pytest.approx(rival / own, rel=3e-3)  # type: ignore[operator]
        assert (flip.cheaper_below, flip.cheaper_above) == (mine, other)
        assert flip.low is not None and flip.low < flip.at < (flip.high or math.inf)


def test_a_price_leaves_data_as_dear_as_they_are(catalog: Catalog) -> None:
    stored = workload(PRETRAIN, data={"at": "aws/us-east-1", "input": "2TB", "stored": "2TB"})
    side = sided(side_of("aws", stored, catalog, "--a"), stored, catalog, (), "test")
    assert side.prepared is not None and side.best is not None
    c, best = side.prepared.candidates, side.best.pick
    half = at_price(side.prepared, 0.5).candidates
    data = c.lines["egress_usd"][best] + c.lines["storage_usd"][best]
    assert data > 0
    assert half.usd[best] == pytest.approx((c.usd[best] - data) / 2 + data)
    again = at_price(side.prepared, 1.0)
    assert cheapest(again).usd == pytest.approx(side.best.usd)  # type: ignore[union-attr]


def test_utilisation_breaks_even_where_the_closed_form_says(catalog: Catalog) -> None:
    asked = workload(OWN)
    result = compare(asked, "on-prem", "cloud", catalog, axes=["utilisation"])
    (flip,) = axis(result, "utilisation").crossings
    assert (flip.cheaper_below, flip.cheaper_above) == ("b", "a")
    plan, rival = result.a.plan, result.b.cost_usd
    assert plan is not None and plan.hours is not None and rival is not None
    energy = plan.price.usd_per_hour
    machine = Machine(
        capex_usd=150000, life_years=4 * 8766 / HOURS_PER_YEAR,
        power=Power(busy_kw=1, usd_per_kwh=energy),
    )  # fmt: skip
    expected = break_even_utilisation(machine, rival / plan.hours)
    assert expected is not None
    assert flip.at == pytest.approx(expected, rel=2e-3)


def test_the_same_device_on_both_sides_errs_alike(catalog: Catalog) -> None:
    """Spot or on demand on one accelerator: the estimate's error is common, the verdict is sure."""
    asked = workload(PRETRAIN, {"accelerators": ["H100-80GB"], "spot_interruptions": False})
    result = compare(asked, "spot", "on-demand", catalog, axes=["price-a"])
    assert result.probability is not None and result.probability > 0.999
    h100, a100 = frozenset({"H100-80GB"}), frozenset({"A100-80GB"})
    one, dearer = Cheapest(100.0, 0.3, h100, 0), Cheapest(120.0, 0.4, h100, 1)
    assert gap_of(one, dearer).sd == pytest.approx(0.1)
    assert gap_of(one, replace(dearer, devices=a100)).sd == pytest.approx(0.5)
    assert gap_of(one, dearer).log_ratio == pytest.approx(math.log(100 / 120))


def test_a_side_that_cannot_says_why(catalog: Catalog) -> None:
    asked = workload(PRETRAIN, model="llama-3.1-70b", deadline="20d")
    result = compare(asked, "T4", "H100-80GB", catalog, axes=["deadline", "price-a"])
    assert result.a.status == "infeasible" and result.a.why_not
    assert result.a.cost_usd is None and result.cheaper == "b"
    assert "T4 cannot" in result.headline
    assert "price_a" in result.not_searched
    with pytest.raises(Infeasible) as refused:
        compare(asked, "T4", "K80", catalog)
    assert any(line.startswith("T4: ") for line in refused.value.reasons)
    assert any(line.startswith("K80: ") for line in refused.value.reasons)


def test_no_crossing_is_said_with_what_was_searched(catalog: Catalog) -> None:
    result = compare(workload(PRETRAIN), "TPU-v5p", "H100-80GB", catalog, axes=["model_size"])
    found = axis(result, "model_size")
    if found.crossings:
        pytest.skip("the prices of the catalog have moved: there is one now")
    assert "no crossing from" in found.sentence and "throughout" in found.sentence
    assert found.searched_from == pytest.approx(7e9 / 32)
    assert found.searched_to == pytest.approx(7e9 * 32)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("h100", "accelerators", None),
        ("tpu", "accelerators", None),
        ("cpu", "accelerators", ("cpu",)),
        ("aws", "clouds", ("aws",)),
        ("spot", "purchase", None),
        ("region=eu-west-1,eu-north-1", "regions", ("eu-west-1", "eu-north-1")),
        ("max_nodes=4", "max_nodes", 4),
        ("on-prem", "cloud_offers", False),
        ("hybrid", "mix", "anywhere"),
    ],
)
def test_words_for_a_side(catalog: Catalog, name: str, field: str, value: Any) -> None:
    side = side_of(name, workload(OWN), catalog, "--a")
    found = getattr(side.where, field)
    if value is not None:
        assert found == value
    elif field == "accelerators":
        kind = {"TPU"} if name == "tpu" else {"GPU"}
        assert len(found) > 1
        assert {catalog.accelerators[word].kind.value for word in found} == kind
    else:
        assert [kind.value for kind in found] == [name]


@pytest.mark.parametrize(
    ("a", "b", "hint"),
    [
        ("TPU-v9", "H100", "did you mean TPU-v"),
        ("H100", "h100", "leave the same machines"),
        ("on-prem", "cloud", "needs own machines"),
        ("colour=red", "H100", "unknown field"),
        ("region=mars", "aws", "not in the catalog"),
        ("quotas=3", "aws", "put it into the file"),
        ("max_nodes=0", "aws", "max_nodes"),
        (" ", "aws", "is empty"),
    ],
)
def test_bad_sides_get_one_line(planner: Planner, a: str, b: str, hint: str) -> None:
    done = planner("compare", "--a", a, "--b", b, LORA)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ") and hint in done.err


def test_bad_axis_and_missing_side(planner: Planner) -> None:
    done = planner("compare", "--a", "H100", "--b", "A100", "--axis", "colour", LORA)
    assert done.code == 2 and "--axis" in done.err and "model_size" in done.err
    assert planner("compare", "--a", "H100", LORA).code == 2


def test_every_format_has_the_same_figures(planner: Planner) -> None:
    asked = ("compare", "--a", "TPU-v6e", "--b", "H100-80GB", "--axis", "price-b", EXAMPLE)
    answer = json.loads(planner(*asked, "--format", "json").out)
    assert answer["schema"] == "planner.compare/1"
    rows = list(csv.DictReader(io.StringIO(planner(*asked, "--format", "csv").out)))
    sides = [row for row in rows if row["record"] == "side"]
    assert [float(row["cost_usd"]) for row in sides] == [
        answer["a"]["cost_usd"], answer["b"]["cost_usd"],
    ]  # fmt: skip
    flips = [row for row in rows if row["record"] == "crossing"]
    assert [float(row["at"]) for row in flips] == [
        flip["at"] for each in answer["axes"] for flip in each["crossings"]
    ]
    markdown = planner(*asked, "--format", "markdown").out
    table = " ".join(planner(*asked).out.split())
    assert answer["headline"] in markdown and answer["headline"] in table
    assert answer["axes"][0]["sentence"] in markdown and answer["axes"][0]["sentence"] in table


def test_a_service_is_compared_by_the_hour(catalog: Catalog) -> None:
    asked = parse(
        {"kind": "serving", "model": "llama-3.1-8b", "requests_per_second": 5,
         "input_length": 512, "output_length": 128, "tpot_p95": "80ms",
         "where": {"mix": "none", "max_nodes": 4, "purchase": ["on_demand"]}},
        where="test",
    )  # fmt: skip
    result = compare(asked, "L4", "A100", catalog, axes=["price_a", "deadline"])
    assert result.a.cost_usd_per_hour is not None and result.a.hours is None
    assert "/h against" in result.headline
    assert result.not_searched == {"deadline": "a service has no deadline"}


def test_equal_sides_are_refused_by_name(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="same machines"):
        side = "accelerators=H100-80GB"
        compare(workload(PRETRAIN), side, "H100-80GB", catalog)


def test_exit_codes(planner: Planner) -> None:
    asked = ("compare", "--a", "A100", "--b", "H100", "--axis", "price-a")
    over = planner(*asked, "--budget", "0.01 USD", LORA)
    assert over.code == 4 and over.out and over.err.startswith("over budget: ")
    assert planner(*asked, LORA).code == 0
    neither = planner(*asked, "--deadline", "1min", LORA)
    assert (neither.code, neither.out) == (3, "")
    assert "A100: nothing finishes within" in neither.err
    several = planner(*asked, ROOT / "examples" / "portfolio-of-five.yaml")
    assert several.code == 2 and "several workloads" in several.err
