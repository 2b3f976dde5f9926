"""Vision training: one device or many, bound by operations, memory, launches, disks or network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.performance.devices import BYTES, Machines
from planner.performance.training import StepTimes
from planner.performance.vision import DECODE_IMAGES_PER_S_PER_VCPU, vision_step
from planner.performance.work import VisionWork, vision_work
from tests.performance.machines import device, machines


def network(catalog: Catalog, model: str) -> VisionWork:
    work = vision_work(catalog.model_shape(model), None)
    assert work is not None
    return work


def step(
    work: VisionWork,
    on: Machines,
    batch: int,
    *,
    precision: str = "fp16",
    decode: bool = False,
    efficiency: float = 0.35,
) -> StepTimes:
    return vision_step(
        work,
        on,
        precision=precision,
        batch_size=batch,
        bytes_per_value=BYTES[precision],
        decode_images=decode,
        kernel_efficiency=np.full(len(on), efficiency),
    )


@pytest.mark.parametrize("name", ["T4", "A100-80GB", "H100-80GB"])
def test_a_step_of_64_digits_is_mostly_launches_and_gains_little_from_more_devices(
    catalog: Catalog, name: str
) -> None:
    """Two convolutions and two dense layers: 80 kernels of 10 us, whatever the chip."""
    work = network(catalog, "MNIST-CNN-pytorch-examples")
    chip = device(catalog, name)
    one = step(work, machines(chip, 1), 64, precision="fp32")
    assert one.overhead_s[0] > 0.7e-3
    assert 0.2e-3 < one.total_s[0] < 3e-3
    eight = step(work, machines(chip, 8), 64, precision="fp32")
    assert one.total_s[0] / eight.total_s[0] < 3, "eight devices are not worth three"


def test_large_batches_spread_over_nodes_as_far_as_the_network_lets_them(catalog: Catalog) -> None:
    work = network(catalog, "resnet50")
    chip = device(catalog, "A100-80GB")
    fast = step(work, machines(chip, 8, [1, 2, 8], 200e9), 2048)
    slow = step(work, machines(chip, 8, [1, 2, 8], 0.125e9), 2048)
    assert fast.layout == ["dp8", "dp16", "dp64"]
    speed_up = fast.total_s[0] / fast.total_s
    assert 1.6 < speed_up[1] <= 2 + 1e-9
    assert 4 < speed_up[2] <= 8 + 1e-9
    assert slow.total_s[2] > 1.3 * fast.total_s[2]
    # 25.6 M fp32 gradients cross twice: 0.2 GB over 0.125 GB/s, most of it exposed
    assert slow.communication_s[2] > 0.5 * 2 * 25.6e6 * 4 / 0.125e9


def test_images_come_no_faster_than_they_are_decoded(catalog: Catalog) -> None:
    work = network(catalog, "resnet18")
    on = machines(device(catalog, "H100-80GB"), 8)
    found = step(work, on, 2048, decode=True)
    bound = 2048 / (DECODE_IMAGES_PER_S_PER_VCPU * 96)
    assert found.total_s[0] >= bound
    ready = step(work, on, 2048)
    assert found.total_s[0] > ready.total_s[0]
    # The devices wait for what decoding takes longer than computing and launching.
    waits = found.overhead_s[0] - ready.overhead_s[0]
    assert found.input_s[0] == pytest.approx(waits) and waits > 0
    assert np.isnan(ready.input_s[0]) and found.bubble_s[0] == 0


def test_what_does_not_fit_says_by_how_much(catalog: Catalog) -> None:
    work = network(catalog, "resnet50")
    on = machines(device(catalog, "T4"), 1)
    found = step(work, on, 4096)
    assert np.isnan(found.total_s[0])
    assert found.shortfall[0] == pytest.approx(found.memory_need[0] - 16 * 2**30)
    assert np.isfinite(step(work, on, 64).total_s[0])
    assert np.isnan(step(work, machines(device(catalog, "T4"), 8), 4).total_s[0]), "idle devices"


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["resnet50", "efficientnet_b0", "vit_base_patch16_224", "vgg16"]),
    st.sampled_from(["A100-80GB", "T4", "TPU-v5e", "CPU-SapphireRapids-8480+"]),
    st.integers(1, 512),
    st.integers(1, 512),
    st.sampled_from(["fp32", "fp16", "bf16"]),
)
def test_more_images_take_longer_and_the_roofline_holds(
    catalog: Catalog, model: str, name: str, few: int, more: int, precision: str
) -> None:
    work = network(catalog, model)
    chip = device(catalog, name, roomy=True)
    peak = chip.peak(precision)
    on = machines(chip, 1)
    less = step(work, on, few, precision=precision, efficiency=1.0)
    much = step(work, on, few + more, precision=precision, efficiency=1.0)
    if peak is None:
        assert np.isnan(less.total_s[0])
        return
    assert much.total_s[0] >= less.total_s[0]
    assert much.memory_need[0] > less.memory_need[0]
    assert 3 * work.flops_forward * few / less.total_s[0] <= peak


def test_depthwise_networks_are_bound_by_bytes_and_plain_fp32_by_operations(
    catalog: Catalog,
) -> None:
    """EfficientNet-B0 has a tenth of ResNet-50's operations and half of its activations."""
    on = machines(device(catalog, "A100-80GB"), 1)
    b0, r50 = network(catalog, "efficientnet_b0"), network(catalog, "resnet50")
    ratio = step(r50, on, 256).compute_s[0] / step(b0, on, 256).compute_s[0]
    assert ratio < 0.5 * r50.flops_forward / b0.flops_forward
    old = machines(device(catalog, "V100-16GB"), 1)
    slower = step(r50, old, 64, precision="fp32").compute_s[0] / step(r50, old, 64).compute_s[0]
    # NVIDIA's ResNet-50 on V100: 1.0k images/s in mixed precision, 0.4k in fp32 at most
    assert 2 < slower < 6
