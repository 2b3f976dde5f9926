"""At a fixed layout the training model moves the way physics does, whatever its constants are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.performance.layouts import Layout
from tests.performance.machines import device, machines, step, work_of

FASTER = st.floats(1.0, 20.0)
HEADS = {"llama-3.1-8b": 32, "Mixtral-8x7B": 32, "BERT-large": 16, "GPT2-124M": 12}
DEVICES = st.sampled_from(["A100-80GB", "H100-80GB", "L4", "T4", "TPU-v5e", "GB200", "RTX-A6000"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Layout]:
    """A model, and a layout that suits it on 32 devices of one scale-up domain a node."""
    model = draw(st.sampled_from(sorted(HEADS)))
    pipeline = draw(st.sampled_from([1, 2, 4]))
    layout = Layout(
        tensor=draw(st.sampled_from([t for t in (1, 2, 4, 8) if HEADS[model] % t == 0])),
        pipeline=pipeline,
        context=draw(st.sampled_from([1, 1, 2] if pipeline < 4 else [1])),
        expert=draw(st.sampled_from([1, 2, 8])) if model == "Mixtral-8x7B" else 1,
        zero=draw(st.sampled_from([0] if pipeline == 4 else [0, 1])),
        recompute=draw(st.sampled_from([0, 1, 2])),
        micro_batch=draw(st.sampled_from([1, 2])),
        interleave=draw(st.sampled_from([1, 2])) if pipeline > 1 else 1,
    )
    if pipeline == 1 and (layout.tensor, layout.context) != (8, 2):
        layout = replace(layout, zero=draw(st.sampled_from([0, 1, 2, 3])))
    return model, layout


@settings(max_examples=300, deadline=None)
@given(DEVICES, cases(), FASTER, FASTER, FASTER, FASTER)
def test_better_hardware_never_slows(
    catalog: Catalog,
    name: str,
    case: tuple[str, Layout],
    peak: float,
    memory_rate: float,
    link: float,
    network: float,
) -> None:
    """Every time is a sum or a maximum of work over rate; what hides is less than what hides it."""
    model, layout = case
    plain = device(catalog, name, roomy=True)
    assert plain.memory_bandwidth is not None
    better = replace(
        plain,
        peaks={precision: rate * peak for precision, rate in plain.peaks.items()},
        memory_bandwidth=plain.memory_bandwidth * memory_rate,
        link_bandwidth=plain.link_bandwidth * link,
    )
    work = work_of(catalog.model_shape(model))
    precision = "bf16" if "bf16" in plain.peaks else "fp16"
    slow = step(work, machines(plain, nodes=4), layout, precision=precision)
    fast = step(
        work, machines(better, nodes=4, network=200e9 * network), layout, precision=precision
    )
    assert np.isnan(slow.total_s[0]) == np.isnan(fast.total_s[0])
    assume(not np.isnan(slow.total_s[0]))  # tensor parallelism beyond a small link's domain
    assert fast.total_s[0] <= slow.total_s[0] * (1 + 1e-12)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(256, 999), st.integers(1, 300), st.integers(0, 3))
def test_more_work_never_speeds_up(
    catalog: Catalog, case: tuple[str, Layout], batch: int, more: int, doublings: int
) -> None:
    """More sequences a step, or longer ones, take as long or longer."""
    model, layout = case
    on = machines(device(catalog, "H100-80GB", roomy=True), nodes=4)
    shape = catalog.model_shape(model)
    little = step(work_of(shape, 1024), on, layout, length=1024, sequences=batch)
    longer = 1024 * 2**doublings
    much = step(work_of(shape, longer), on, layout, length=longer, sequences=batch + more)
    assert much.total_s[0] >= little.total_s[0] * (1 - 1e-12)


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from([0, 1]), st.integers(1, 3))
def test_a_larger_model_never_takes_less_time_or_memory(
    catalog: Catalog, case: tuple[str, Layout], what: int, factor: int
) -> None:
    """More layers, or wider ones, with the parameters that go with them."""
    model, layout = case
    shape = catalog.model_shape(model)
    assert shape.layers and shape.hidden and shape.heads and shape.kv_heads and shape.ffn
    if what == 0:
        larger = replace(shape, layers=shape.layers * factor)
        growth = float(factor)
    else:
        larger = replace(
            shape,
            hidden=shape.hidden * factor,
            heads=shape.heads * factor,
            kv_heads=shape.kv_heads * factor,
            ffn=shape.ffn * factor,
            expert_ffn=None if shape.expert_ffn is None else shape.expert_ffn * factor,
        )
        growth = float(factor) ** 2
    larger = replace(
        larger,
        parameters_billion=shape.parameters_billion * growth,
        active_parameters_billion=shape.active_parameters_billion * growth,
    )
    on = machines(device(catalog, "H100-80GB", roomy=True), nodes=4)
    small, large = step(work_of(shape), on, layout), step(work_of(larger), on, layout)
    assert large.total_s[0] >= small.total_s[0] * (1 - 1e-12)
    assert large.memory_need[0] >= small.memory_need[0]


@settings(max_examples=150, deadline=None)
@given(DEVICES, cases(), st.sampled_from(["fp32", "fp16", "bf16", "fp8"]))
def test_never_beats_the_roofline_of_the_stated_precision(
    catalog: Catalog, name: str, case: tuple[str, Layout], precision: str
) -> None:
    """Even with kernels at the peak, operations take the peak's time."""
    model, layout = case
    chip = device(catalog, name, roomy=True)
    peak = chip.peak(precision)
    work = work_of(catalog.model_shape(model), width=4.0 if precision == "fp32" else 2.0)
    found = step(work, machines(chip, nodes=4), layout, precision=precision, efficiency=1.0)
    if peak is None:
        assert np.isnan(found.total_s[0])
    else:
        assume(not np.isnan(found.total_s[0]))
        operations = 2048 * 64 * (work.flops_forward + work.flops_backward)
        assert operations / found.total_s[0] <= peak * 32


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(7, 14), st.integers(256, 999))
def test_memory_grows_with_sequence_and_micro_batch(
    catalog: Catalog, case: tuple[str, Layout], doublings: int, batch: int
) -> None:
    model, layout = case
    on = machines(device(catalog, "H100-80GB", roomy=True), nodes=4)
    shape, length = catalog.model_shape(model), 2**doublings

    def need(tokens: int, chosen: Layout) -> float:
        found = step(work_of(shape, tokens), on, chosen, length=tokens, sequences=batch)
        return float(found.memory_need[0])

    base = need(length, layout)
    assert need(2 * length, layout) > base
    assert layout.micro_batch is not None
    twice = need(length, replace(layout, micro_batch=2 * layout.micro_batch))
    # Fewer, larger micro-batches may leave a pipeline's first stage holding as much.
    assert twice > base or (layout.pipeline or 1) > 1


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(1, 6))
def test_more_devices_at_the_same_batch_never_need_more_memory_each(
    catalog: Catalog, case: tuple[str, Layout], doublings: int
) -> None:
    """The same sharding over more data parallel ranks: shards shrink, nothing grows."""
    model, layout = case
    chip = device(catalog, "H100-80GB", roomy=True)
    work = work_of(catalog.model_shape(model))
    few = step(work, machines(chip, nodes=4), layout, sequences=2**15)
    many = step(work, machines(chip, nodes=4 * 2**doublings), layout, sequences=2**15)
    assert many.memory_need[0] <= few.memory_need[0]


@pytest.mark.parametrize("stages", [2, 4, 8])
@pytest.mark.parametrize("micro_batches", [8, 32])
def test_a_pipeline_idles_p_minus_1_over_m_v(
    catalog: Catalog, stages: int, micro_batches: int
) -> None:
    """Narayanan et al. 2021, section 2.2: the bubble is (p - 1) / (m v) of the useful time."""
    on = machines(device(catalog, "A100-80GB", roomy=True), per_node=8)
    work = work_of(catalog.model_shape("GPT-3-175B"))
    data = 8 // stages

    def parts(interleave: int) -> tuple[float, float]:
        layout = Layout(pipeline=stages, interleave=interleave, recompute=2)
        found = step(work, on, layout, sequences=data * micro_batches)
        useful = float(found.compute_s[0] + found.communication_s[0])
        assert np.isnan(found.input_s[0]), "how tokens are read is in no model"
        return useful, float(found.bubble_s[0])

    for interleave in (1, 2):
        useful, bubble = parts(interleave)
        ideal = (stages - 1) / (micro_batches * interleave)
        # the optimizer's update and the gradients' exchange are outside the pipeline
        assert bubble / useful == pytest.approx(ideal, rel=0.12)
