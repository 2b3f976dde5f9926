"""``planner hardware``: datasheets, prices, operators on rooflines, and who wins when."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from catalog import Catalog
from planner.actions.hardware.compare import compare_hardware
from planner.actions.hardware.facts import Facts
from planner.actions.hardware.on_workload import machines_of, on_device
from planner.actions.schemas import json_schema
from planner.actions.session import Session, workload_from
from planner.model_choice import shape_of
from planner.performance.operators import operators
from planner.performance.throughput import throughput_of
from planner.results.hardware import HardwareComparison
from planner.workload import Workload
from tests.planner.conftest import ROOT, Planner

GPU_TPU = ROOT / "examples" / "gpu-vs-tpu.yaml"
SERVE = ROOT / "examples" / "serve-llama-70b.yaml"


def workload(path: Path, **fields: object) -> Workload:
    return workload_from(str(path), None, fields, {})[0]


@pytest.fixture(scope="module")
def trained(session: Session) -> HardwareComparison:
    names = ["H100-80GB", "TPU-v5p", "MI300X"]
    return compare_hardware(names, session.catalog, workload(GPU_TPU), axes=["deadline"])


def test_prices_are_the_cheapest_offers_a_device(catalog: Catalog) -> None:
    """Against a plain walk over the offers."""
    found = Facts(catalog).sheet("h100-80gb")
    table = catalog.offers
    wanted: dict[str, float] = {}
    for row in range(len(table)):
        if table.text("accelerator", row) != found.name or table.text("platform", row):
            continue
        if table.text("confidence", row) == "low":
            continue
        count, usd = table.number("accelerator_count", row), table.number("usd_per_hour", row)
        if count and usd:
            kind = table.text("kind", row)
            wanted[kind] = min(wanted.get(kind, usd / count), usd / count)
    assert {p.purchase: p.usd_per_hour for p in found.prices} == pytest.approx(wanted, rel=1e-5)
    price = found.prices[0]
    assert price.usd_per_tflops_hour == pytest.approx(price.usd_per_hour / 989.5, rel=1e-5)
    assert price.usd_per_gb_per_s_hour == pytest.approx(price.usd_per_hour / 3350, rel=1e-5)
    assert price.age_days is not None and price.source
    assert found.ridge_ops_per_byte["bf16"] == pytest.approx(989.5e12 / 3350e9, rel=1e-5)


def test_unknown_stays_unknown(catalog: Catalog) -> None:
    found = Facts(catalog).sheet("Hailo-8")
    assert found.memory_gib is None and found.ridge_ops_per_byte == {} and found.prices == []


@pytest.mark.parametrize("name", ["H100-80GB", "TPU-v5p", "MI300X"])
def test_operators_add_up_to_the_step(name: str, session: Session) -> None:
    """What they take together is the computing of the estimate's step, their operations 6 N D."""
    asked = workload(GPU_TPU)
    shape = shape_of(session.catalog, asked, "x")
    machines = machines_of(session.catalog.accelerator(name))
    found = throughput_of(asked, shape, machines)
    index = [float(n) for n in machines.total].index(8.0)
    parts = operators(asked, shape, machines, found, index)
    seconds = sum(part.seconds for part in parts)
    assert seconds == pytest.approx(float(found.step.compute_s[index]), rel=0.02)
    # and attention, and what a layout recomputes
    assert 6 * 7e9 * 4e6 < sum(part.flops for part in parts) * 8 < 9 * 7e9 * 4e6


def test_arithmetic_binds_in_products_and_memory_beside_them(trained: HardwareComparison) -> None:
    for one in trained.on:
        bound = {part.name: part.bound for part in one.operators}
        assert bound["matrix products"] == bound["attention"] == "arithmetic"
        assert bound["norms, activations, logits"] == bound["optimizer update"] == "memory"
        for part in one.operators:
            assert one.peak_flops and one.memory_bytes_per_s
            roof = min(one.peak_flops, part.ops_per_byte * one.memory_bytes_per_s)
            assert part.flops_per_s <= roof * (1 + 1e-6)


def test_decoding_is_bound_by_memory_and_prompts_by_arithmetic(session: Session) -> None:
    asked = workload(SERVE)
    shape = shape_of(session.catalog, asked, "x")
    found = on_device(asked, shape, session.catalog.accelerator("H200"), Facts(session.catalog))
    bound = {part.name.split(",")[0]: part.bound for part in found.operators}
    assert bound["decode: matrix products"] == bound["decode: attention over the cache"] == "memory"
    assert bound["prompt: matrix products"] == "arithmetic"


def test_what_cannot_run_says_why(session: Session) -> None:
    asked = workload(SERVE)
    shape = shape_of(session.catalog, asked, "x")
    facts = Facts(session.catalog)
    for name, why in (("FPGA-Alveo-U250", "cannot do"), ("T4", "fp8")):
        found = on_device(asked, shape, session.catalog.accelerator(name), facts)
        assert found.devices is None and why in found.why_not and not found.operators


def test_the_winner_is_what_recommend_would_take(
    trained: HardwareComparison, session: Session
) -> None:
    """At each deadline, the cheapest side's cost is that of the recommendation."""
    (sweep,) = trained.sweeps
    for at in (len(sweep.values) // 2, len(sweep.values) - 1):
        asked = workload(GPU_TPU, deadline=f"{sweep.values[at] * 1.0001}h")
        place = asked.where.model_copy(update={"accelerators": tuple(sweep.sides), "mix": "none"})
        plan = session.recommend(asked.model_copy(update={"where": place})).recommendation
        winner = sweep.winners[at]
        assert winner is not None
        assert plan.recommendation.accelerator == winner
        assert sweep.sides[winner][at].usd == pytest.approx(plan.recommendation.cost_usd, rel=1e-3)


def test_a_sweep_finds_where_the_winner_changes(session: Session) -> None:
    """A small model leaves much of a large device idle: the winner changes with the load."""
    names = ["L4", "H100-80GB"]
    asked = workload(SERVE, model="llama-3.1-8b", precision="fp8")
    found = compare_hardware(names, session.catalog, asked, axes=["rate"]).sweeps[0]
    for side in names:
        costs = [point.usd for point in found.sides[side] if point.usd is not None]
        assert costs == sorted(costs)
    for flip in found.flips:
        assert flip.below != flip.above and found.values[0] <= flip.at <= found.values[-1]
        assert flip.low is None or flip.low <= flip.at
        assert flip.high is None or flip.high >= flip.at
        assert flip.below in found.sentence and flip.above in found.sentence
    changes = len({winner for winner in found.winners if winner})
    assert (changes > 1) == bool(found.flips)


def test_kinds_stand_for_their_best_device(planner: Planner) -> None:
    done = planner(
        "hardware", "compare", "asic", "fpga", "--workload", SERVE, "--axis", "latency",
        "--format", "json",
    )  # fmt: skip
    found = HardwareComparison.model_validate_json(done.out)
    kinds = [one.kind for one in found.on]
    assert kinds == ["ASIC", "FPGA"]
    assert found.on[0].devices and found.on[1].devices is None
    assert set(found.sweeps[0].sides) == {"ASIC", "FPGA"}
    assert all(point.usd is None for point in found.sweeps[0].sides["FPGA"])


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (["list", "--kind", "tpu", "--format", "json"], "hardware-list"),
        (["show", "TPU-v6e", "--format", "json"], "hardware"),
        (["compare", "L4", "T4", "--format", "json"], "hardware-comparison"),
    ],
)
def test_json_fits_its_schema(planner: Planner, arguments: list[str], schema: str) -> None:
    done = planner("hardware", *arguments)
    assert done.code == 0
    jsonschema.validate(json.loads(done.out), json_schema(schema))


def test_terminal_and_files(planner: Planner, tmp_path: Path) -> None:
    shown = planner("hardware", "show", "H100-80GB").out
    assert "on-demand" in shown and "per GB/s" in shown and "295.4" in shown
    listed = planner("hardware", "list", "--kind", "fpga").out
    assert "FPGA-Alveo-U250" in listed and "H100" not in listed
    rows = planner("hardware", "list", "--format", "csv").out.splitlines()
    assert rows[0].startswith("name,vendor,kind,memory_gib") and len(rows) == 147
    drawn = tmp_path / "roof.svg"
    arguments = ("compare", "H100-80GB", "TPU-v5p", "--workload", GPU_TPU, "--axis", "batch")
    assert planner("hardware", *arguments, "-o", drawn).code == 0
    root = ET.parse(drawn).getroot()
    assert len([n for n in root.iter() if n.tag.endswith("circle")]) == 8
    text = planner("hardware", *arguments).out
    assert "Roofline" in text and "bound by" in text and "By batch" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["show", "H1000"], "no hardware that the catalog has; did you mean"),
        (["list", "--kind", "abacus"], "no kind of hardware"),
        (["compare", "gpu", "tpu"], "depends on the work"),
        (["compare", "L4", "L4"], "named twice"),
        (["compare", "L4", "T4", "--axis", "batch"], "goes with a workload"),
        (["compare", "L4", "T4", "--workload", str(SERVE), "--axis", "moon"], "is no axis"),
        (["show", "Hailo-8", "-o", "x.svg"], "cannot be drawn"),
        (["show", "L4", "-o", "x.png"], "no form of a report"),
    ],
)
def test_bad_input_is_one_line(
    planner: Planner,
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = planner("hardware", *arguments)
    assert (found.code, found.out) == (2, "")
    assert problem in found.err and found.err.count("\n") == 1, found.err
    assert list(tmp_path.glob("x.*")) == []
