"""The analytic times against the catalog's published serving runs, at the layout each row states.

The priors were set from medians over these rows, so this guards against breaking the model, and
is no measure of how well it does on new ones (`planner accuracy` is).
"""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict

import numpy as np
import pytest

from catalog import Catalog, UnknownName
from planner.performance.inference.language import language_units
from planner.performance.inference.operating_point import Batching
from planner.performance.inference.request_sizes import request_mix
from tests.performance.inference_cases import device, serving, units

_LAYOUT = re.compile(r"tp(\d+) pp1 dp1(?: moe_tp\d+ ep\d+)?")


def log_ratios(catalog: Catalog) -> dict[tuple[str, str], list[float]]:
    """log(measured / analytic) time per output token, by model class and accelerator."""
    rows = catalog.rows("observations", "task = 'serve' AND tpot_ms > 0 AND parallelism LIKE 'tp%'")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows[::5]:
        layout = _LAYOUT.fullmatch(str(row["parallelism"]))
        precision = re.sub(r"\W", "", str(row["precision"]))
        if layout is None or precision not in ("bf16", "fp8", "fp4"):
            continue
        try:
            shape = catalog.model_shape(str(row["model"]))
            on = device(catalog, str(row["accelerator"]))
        except UnknownName:
            continue
        if on.peak(precision) is None:
            continue
        together = float(str(row["batch_global"]))
        workload = serving(
            input_length=int(str(row["input_len"])),
            output_length=int(str(row["output_len"])),
            precision=precision,
        )
        mix = request_mix(workload)
        tensor = int(layout[1])
        these = language_units(workload, shape, units((on, tensor, 1)), (), mix)
        at = int(np.argmax((these.layouts.tensor == tensor) & (these.layouts.pipeline == 1)))
        places = np.full(these.layouts.count.shape, together)
        batching = Batching(these.times, mix, these.layouts.count, places)
        step = these.times.decode_step_s(places, mix.held) + places * batching.packed_s / (
            mix.output - 1
        )
        analytic_ms = 1e3 * float(step[0, at])
        measured_ms = float(str(row["tpot_ms"]))
        kind = "moe" if shape.is_mixture_of_experts else "dense"
        found[(kind, on.name)].append(math.log(measured_ms / analytic_ms))
    return found


@pytest.fixture(scope="module")
def ratios(catalog: Catalog) -> dict[tuple[str, str], list[float]]:
    return log_ratios(catalog)


def test_time_per_token_is_unbiased(ratios: dict[tuple[str, str], list[float]]) -> None:
    every = [value for values in ratios.values() for value in values]
    assert len(every) > 300
    assert abs(statistics.median(every)) < 0.15
    assert statistics.median(abs(value) for value in every) < 0.25


def test_no_accelerator_is_far_off(ratios: dict[tuple[str, str], list[float]]) -> None:
    large = {key: values for key, values in ratios.items() if len(values) >= 15}
    assert len(large) >= 5
    for key, values in large.items():
        assert abs(statistics.median(values)) < 0.4, key
