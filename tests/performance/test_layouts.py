"""Layouts: how they are written and read, which are tried, and that the search is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.performance.layout_space import MachineShape, layouts_for
from planner.performance.layouts import Layout, describe, parse_layout
from tests.performance.machines import device, machines, step, work_of

SIZES = st.sampled_from([1, 2, 3, 8, 12, 16])


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (
            Layout(8, 12, 1, 1, 16, 1, 2, 1, 1),
            "tp8 pp12 dp16 zero1 recompute, micro-batch 1",
        ),
        (Layout(1, 1, 1, 1, 1, 0, 0, 4, 1), "single device, micro-batch 4"),
        (
            Layout(4, 2, 2, 8, 4, 0, 1, 1, 3),
            "tp4 pp2 vpp3 cp2 ep8 dp4 selective recompute, micro-batch 1",
        ),
        (Layout(1, 1, 1, 1, 8, 3, 0, 2, 1), "dp8 zero3, micro-batch 2"),
    ],
)
def test_layouts_are_written_as_people_write_them(layout: Layout, text: str) -> None:
    assert describe(layout) == text


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Layout,
        SIZES,
        SIZES,
        SIZES,
        SIZES,
        SIZES,
        st.integers(0, 3),
        st.integers(0, 2),
        SIZES,
        SIZES,
    )
)
def test_what_is_written_reads_back(layout: Layout) -> None:
    """Sizes of 1 and features that are off are not written; reading leaves them open."""
    read = parse_layout(describe(layout))
    for name in ("tensor", "pipeline", "context", "expert", "data", "interleave"):
        written = getattr(layout, name)
        assert getattr(read, name) in ((written,) if written > 1 else (None, 1))
    assert (read.zero or 0, read.recompute or 0) == (layout.zero, layout.recompute)
    assert read.micro_batch == layout.micro_batch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Layout()),
        ("fsdp full_shard act-ckpt", Layout(zero=3, recompute=2)),
        ("fsdp shard_grad_op", Layout(zero=2)),
        ("ddp", Layout(zero=0)),
        ("tp4 pp8 cp1 vp4 ep16", Layout(4, 8, 1, 16, interleave=4)),
        ("TP=2, DP=4", Layout(2, 1, 1, data=4)),
        ("lora", Layout()),
    ],
)
def test_published_words_are_understood(text: str, expected: Layout) -> None:
    assert parse_layout(text) == expected


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="tensor is 0"):
        Layout(tensor=0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["llama-3.1-8b", "Mixtral-8x7B", "DeepSeek-V3", "GPT2-124M", "Llama-3.1-405B"]),
    st.sampled_from([1, 2, 4, 6, 8, 16]),
    st.sampled_from([1, 2, 3, 8, 64]),
    st.integers(1, 4096),
    st.sampled_from([512, 4096, 32768]),
)
def test_every_layout_tried_is_one_that_can_be_run(
    catalog: Catalog, model: str, per_node: int, nodes: int, sequences: int, length: int
) -> None:
    shape = catalog.model_shape(model)
    assert shape.layers and shape.heads
    machine = MachineShape(per_node, nodes, per_node)
    space = layouts_for(
        [machine], work_of(shape, length), Layout(), sequence_length=length, sequences=sequences
    )
    x = space.layouts
    assert np.all(x.tensor * x.pipeline * x.context * x.data == machine.devices)
    assert np.all((x.tensor <= per_node) & (shape.heads % x.tensor == 0))
    assert np.all((x.tensor * x.context * x.data) % x.expert == 0)
    assert np.all((shape.experts or 1) % x.expert == 0)
    assert np.all(x.data <= sequences)
    assert np.all(x.pipeline * x.interleave <= shape.layers + 2)
    assert np.all((x.zero <= 1) | (x.pipeline == 1))
    rows = np.stack([x.tensor, x.pipeline, x.context, x.expert, x.zero, x.recompute])
    rows = np.vstack([rows, x.micro_batch, x.interleave])
    assert len(np.unique(rows, axis=1).T) == len(x), "each layout once"


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(
        [
            ("llama-3.1-8b", "full"),
            ("llama-3.1-8b", "lora"),
            ("Mixtral-8x7B", "full"),
            ("GPT2-124M", "full"),
        ]
    ),
    st.sampled_from([(1, 1), (2, 1), (8, 1), (4, 2), (8, 4)]),
    st.sampled_from([8, 33, 256]),
    st.sampled_from([1e9, 25e9, 400e9]),
)
def test_search_equals_enumeration(
    catalog: Catalog,
    model: tuple[str, str],
    wiring: tuple[int, int],
    sequences: int,
    network: float,
) -> None:
    """The layout kept is the fastest of all that fit, timed one by one: pruning loses none."""
    per_node, nodes = wiring
    kinds = [device(catalog, name) for name in ("A100-80GB", "L4", "H200", "A100-40GB", "B200")]
    several = machines(kinds, per_node, [nodes] * len(kinds), network)
    work = work_of(catalog.model_shape(model[0]), method=model[1])
    machine = MachineShape(per_node, nodes, per_node)
    space = layouts_for([machine], work, Layout(), sequence_length=2048, sequences=sequences)
    found = step(work, several, sequences=sequences)
    best = np.full(len(kinds), np.inf)
    for index in range(len(space)):
        one = step(work, several, space.layouts[index], sequences=sequences)
        best = np.fmin(best, np.where(np.isnan(one.total_s), np.inf, one.total_s))
    assert np.where(np.isnan(found.total_s), np.inf, found.total_s) == pytest.approx(best, rel=1e-9)


def test_the_layout_reported_is_the_layout_timed(catalog: Catalog) -> None:
    work = work_of(catalog.model_shape("llama-3.1-70b"))
    on = machines(device(catalog, "H100-80GB"), nodes=8, network=400e9)
    found = step(work, on, sequences=512)
    said = parse_layout(found.layout[0])
    again = step(work, on, said, sequences=512)
    assert again.layout == found.layout
    assert again.total_s[0] == pytest.approx(found.total_s[0])
    assert again.memory_need[0] == found.memory_need[0]


def test_parts_that_are_given_stay(catalog: Catalog) -> None:
    """A layout that cannot be is never replaced by another one."""
    work = work_of(catalog.model_shape("llama-3.1-8b"))
    on = machines(device(catalog, "H100-80GB"), nodes=2)
    for tensor in (1, 2, 4, 8):
        text = step(work, on, Layout(tensor=tensor, zero=1, recompute=2)).layout[0]
        assert (f"tp{tensor}" in text) == (tensor > 1)
    for impossible in (Layout(tensor=3), Layout(tensor=16), Layout(pipeline=64), Layout(data=3)):
        found = step(work, on, replace(impossible, zero=1))
        assert found.layout == [""]
        assert np.isnan(found.total_s[0])
