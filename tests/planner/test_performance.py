"""The performance model moves the way physics does, whatever its constants are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.performance.devices import BYTES, Device, Machines, from_accelerator
from planner.performance.efficiency import (
    MEASUREMENT_SD,
    Measured,
    Setup,
    posterior,
    prior,
)
from planner.performance.vision import vision_step
from planner.performance.work import TransformerWork, transformer_work, vision_work


def machine(
    device: Device, per_node: int = 8, nodes: int = 1, network: float = 50e9, vcpus: float = 96
) -> Machines:
    return Machines(
        (device,),
        np.array([float(per_node)]),
        np.array([float(nodes)]),
        np.array([network]),
        np.array([vcpus]),
        np.array([512.0 * 2**30]),
    )


def work_of(
    catalog: Catalog, model: str, length: int = 2048, method: str = "full"
) -> TransformerWork:
    return transformer_work(
        catalog.model_shape(model),
        sequence_length=length,
        method=method,
        lora_rank=16,
        bytes_per_value=2.0,
    )


FASTER = st.floats(1.0, 20.0)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 8), FASTER, FASTER, FASTER, st.sampled_from([16, 64, 512]), st.booleans())
def test_better_hardware_never_slows_a_vision_network(
    catalog: Catalog,
    doublings: int,
    peak: float,
    rate: float,
    vcpus: float,
    batch: int,
    decode: bool,
) -> None:
    device = from_accelerator(catalog.accelerators["A100-80GB"])
    assert device.memory_bandwidth is not None
    better = replace(
        device,
        peaks={precision: value * peak for precision, value in device.peaks.items()},
        memory_bandwidth=device.memory_bandwidth * rate,
    )
    work = vision_work(catalog.model_shape("resnet50"), None)
    assert work is not None

    def seconds(on: Device, cores: float) -> float:
        found = vision_step(
            work,
            machine(on, per_node=2 ** min(doublings, 3), vcpus=cores),
            precision="fp16",
            batch_size=batch,
            bytes_per_value=BYTES["fp16"],
            decode_images=decode,
            kernel_efficiency=np.array([0.4]),
        )
        return float(found.total_s[0])

    assert seconds(better, 16 * vcpus) <= seconds(device, 16) * (1 + 1e-12)


def test_forward_work_is_two_operations_a_parameter_and_token(catalog: Catalog) -> None:
    """Kaplan et al. 2020: 2 N forward, 6 N in all, plus attention that grows with the sequence."""
    shape = catalog.model_shape("llama-3.1-8b")
    parameters = shape.parameters_billion * 1e9
    work = work_of(catalog, "llama-3.1-8b", 2048)
    assert work.flops_forward == pytest.approx(2 * parameters, rel=0.1)
    assert work.flops_forward + work.flops_backward == pytest.approx(6 * parameters, rel=0.1)
    assert work_of(catalog, "llama-3.1-8b", 65536).flops_forward > 1.5 * work.flops_forward
    lora = work_of(catalog, "llama-3.1-8b", 2048, "lora")
    # no gradients for frozen weights: about two thirds of the work
    assert lora.flops_forward + lora.flops_backward == pytest.approx(4 * parameters, rel=0.1)
    assert lora.trainable_parameters < 0.01 * parameters


def setup(**changes: object) -> Setup:
    plain = Setup("vision-training", "GPU", "T4", "resnet50", "fp16", "pytorch", 64.0, 1.0)
    return replace(plain, **changes)  # type: ignore[arg-type]  # the names are those of Setup


class TestPosterior:
    def test_without_data_it_is_the_prior(self) -> None:
        asked = [setup(), setup(kind="CPU", accelerator="CPU-x"), setup(task="unheard", kind="NPU")]
        found = posterior(asked, [])
        assert list(found.ratio) == [1.0, 1.0, 1.0]
        assert list(found.log_sd) == [prior(s.task, s.kind).log_sd for s in asked]
        assert found.basis == ["analytic"] * 3

    @pytest.mark.parametrize("log_ratio", [-1.5, -0.4, 0.0, 0.7])
    def test_a_measurement_settles_its_own_configuration(self, log_ratio: float) -> None:
        found = posterior([setup()], [Measured(setup(), log_ratio)])
        assert np.log(found.ratio[0]) == pytest.approx(log_ratio, abs=MEASUREMENT_SD)
        assert found.log_sd[0] < 0.1 * prior("vision-training", "GPU").log_sd
        assert found.basis == ["measured"]

    def test_neighbours_move_less_the_further_they_are(self) -> None:
        nearer_to_further = [
            setup(),
            setup(batch=128.0),
            setup(batch=128.0, model="resnet18"),
            setup(batch=128.0, model="resnet18", accelerator="L4"),
            setup(batch=128.0, model="resnet18", accelerator="CPU-x", kind="CPU"),
        ]
        measured = [Measured(setup(), -0.8)]
        found = posterior(nearer_to_further, measured)
        sd = np.array([prior(s.task, s.kind).log_sd for s in nearer_to_further])
        moved = np.abs(np.log(found.ratio)) / sd
        assert list(moved) == sorted(moved, reverse=True)
        assert moved[-1] > 0
        assert np.all(found.log_sd <= sd)
        shrunk = found.log_sd / sd
        assert list(shrunk) == sorted(shrunk)
        tasks = [
            setup(task="language-training"),
            setup(task="language-training", accelerator="L4"),
        ]
        same_device, other_device = np.abs(np.log(posterior(tasks, measured).ratio))
        assert 0 < same_device < abs(np.log(found.ratio[2]))
        assert other_device == 0

    def test_runtimes_of_one_network_differ_more_than_batches(self) -> None:
        asked = [
            setup(batch=32.0),
            setup(framework="openvino"),
            setup(framework="openvino", model="x"),
        ]
        batch, runtime, both = np.log(posterior(asked, [Measured(setup(), 0.5)]).ratio)
        assert batch > runtime > both > 0

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(-2, 2), min_size=1, max_size=5))
    def test_more_data_never_widens(self, log_ratios: list[float]) -> None:
        asked = [setup(), setup(batch=32.0), setup(accelerator="L4")]
        before = posterior(asked, []).log_sd
        for count in range(1, len(log_ratios) + 1):
            data = [
                Measured(setup(batch=float(n)), ratio) for n, ratio in enumerate(log_ratios[:count])
            ]
            after = posterior(asked, data).log_sd
            assert np.all(after <= before + 1e-12)
            before = after

    def test_repeats_average(self) -> None:
        found = posterior([setup()], [Measured(setup(), 0.48), Measured(setup(), 0.52)])
        assert np.log(found.ratio[0]) == pytest.approx(0.5, abs=0.01)
