"""What training needs on a device: published figures, and what never fits."""

from __future__ import annotations

import numpy as np
import pytest

from catalog import Catalog
from planner.performance.layout_space import MachineShape, layouts_for
from planner.performance.layouts import FULL_RECOMPUTE, NO_RECOMPUTE, SELECTIVE, Layout
from tests.performance.machines import device, machines, step, work_of

GIB = 2.0**30


def need_gib(
    catalog: Catalog, model: str, layout: Layout, *, devices: int = 8, **how: object
) -> float:
    chip = device(catalog, "H100-80GB", roomy=True)
    nodes = max(1, devices // 8)
    length = int(str(how.get("length", 2048)))
    work = work_of(catalog.model_shape(model), length, str(how.get("method", "full")))
    on = machines(chip, min(devices, 8), nodes)
    found = step(work, on, layout, length=length, sequences=float(str(how.get("sequences", 64))))
    return float(found.memory_need[0]) / GIB


def test_states_are_16_bytes_a_parameter(catalog: Catalog) -> None:
    """8.03 B parameters at 2 + 2 + 12 bytes (ZeRO paper, section 3) are 120 GiB."""
    alone = need_gib(catalog, "llama-3.1-8b", Layout(recompute=2), devices=1)
    assert 120 < alone < 150
    # ZeRO paper, figure 1: 7.5 B parameters over 64 ranks need 120, 31.4, 16.6 and 1.9 GB
    stages = [
        need_gib(catalog, "llama-3.1-8b", Layout(zero=z, recompute=2), devices=64)
        for z in (0, 1, 2, 3)
    ]
    assert stages == sorted(stages, reverse=True)
    assert stages[0] - stages[1] == pytest.approx(8.03e9 * 12 * 63 / 64 / GIB, rel=0.05)
    assert stages[3] < stages[0] / 10


def test_each_way_to_shard_and_recompute_saves(catalog: Catalog) -> None:
    def gib(**parts: int) -> float:
        return need_gib(catalog, "llama-3.1-8b", Layout(**parts))

    plain = gib()
    assert gib(recompute=FULL_RECOMPUTE) < gib(recompute=SELECTIVE) < gib(recompute=NO_RECOMPUTE)
    assert gib(tensor=8) < plain / 4
    assert gib(pipeline=8) < plain / 3
    assert gib(context=8) < plain
    assert need_gib(catalog, "Mixtral-8x7B", Layout(expert=8)) < 0.3 * need_gib(
        catalog, "Mixtral-8x7B", Layout()
    )


def test_all_experts_are_held_though_few_work(catalog: Catalog) -> None:
    """Mixtral-8x7B holds 46.7 B parameters and multiplies 12.9 B (Jiang et al. 2024)."""
    work = work_of(catalog.model_shape("Mixtral-8x7B"))
    # 32 layers x 8 experts x 3 matrices of 4096 x 14336
    assert work.expert_parameters == pytest.approx(32 * 8 * 3 * 4096 * 14336, rel=0.01)
    assert work.flops_forward == pytest.approx(2 * 12.9e9, rel=0.1)
    assert need_gib(catalog, "Mixtral-8x7B", Layout(recompute=2), devices=1) > 46.7e9 * 16 / GIB
    deepseek = work_of(catalog.model_shape("DeepSeek-V3"))
    # 58 layers x 256 experts x 3 matrices of 7168 x 2048 (DeepSeek-V3 report, section 4.2)
    assert deepseek.expert_parameters == pytest.approx(58 * 256 * 3 * 7168 * 2048, rel=0.01)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("name", ["A100-80GB", "H100-80GB", "H100-PCIe"])
def test_70b_in_16_bits_never_fits_one_80_gb_device(
    catalog: Catalog, name: str, method: str
) -> None:
    """Weights alone are 131 GiB."""
    for length in (128, 2048):
        work = work_of(catalog.model_shape("llama-3.1-70b"), length, method)
        found = step(work, machines(device(catalog, name), 1), length=length, sequences=1)
        assert np.isnan(found.total_s[0])
        assert found.shortfall[0] > 50 * GIB


def test_qlora_of_70b_fits_a_48_gb_device_with_short_sequences(catalog: Catalog) -> None:
    """Dettmers et al. 2023 fine-tune 65 B parameters on one 48 GB GPU at 512 tokens."""

    def fits(name: str, length: int) -> bool:
        work = work_of(catalog.model_shape("llama-3.1-70b"), length, "qlora")
        found = step(work, machines(device(catalog, name), 1), length=length, sequences=16)
        return bool(np.isfinite(found.total_s[0]))

    assert fits("L40S", 512)
    assert fits("A100-80GB", 2048)
    assert not fits("A100-40GB", 512)
    assert not fits("L4", 128)


def test_405b_full_training_misses_one_node_by_hundreds_of_gib(catalog: Catalog) -> None:
    """405.9 B x 16 bytes over 8 devices are 755 GiB each; 80 are there. 32 nodes hold it."""
    work = work_of(catalog.model_shape("llama-3.1-405b"), 8192)
    chip = device(catalog, "H100-80GB")
    on = machines(chip, nodes=[1, 2, 32], network=400e9)
    found = step(work, on, length=8192, sequences=256)
    assert np.isnan(found.total_s[:2]).all()
    assert 405.9e9 * 16 / 8 / GIB - 80 < found.shortfall[0] / GIB < 850
    assert found.shortfall[1] < found.shortfall[0] / 2
    assert np.isfinite(found.total_s[2])
    assert found.memory_need[2] <= 80 * GIB
    assert "pp" in found.layout[2] or "zero3" in found.layout[2]


def test_the_first_pipeline_stage_holds_a_micro_batch_a_stage(catalog: Catalog) -> None:
    """1F1B: as many micro-batches in flight as stages, so that activations do not shrink with p."""
    work = work_of(catalog.model_shape("GPT-3-175B"))
    machine = MachineShape(8, 8, 8)
    from planner.performance.memory import transformer_training_memory

    def activations(pipeline: int, sequences: int, interleave: int = 1) -> float:
        wanted = Layout(8, pipeline, 1, 1, None, 0, 0, 1, interleave)
        space = layouts_for([machine], work, wanted, sequence_length=2048, sequences=sequences)
        need = transformer_training_memory(
            work, space.layouts, sequence_length=2048, sequences=sequences
        )
        return float(need.activations[0])

    alone = activations(1, 512)
    assert activations(8, 512) == pytest.approx(alone, rel=0.1)
    assert activations(8, 1) < alone / 4
    # Korthikanti et al. 2022: interleaving keeps (p - 1) / (p v) more
    assert activations(8, 512, 2) == pytest.approx(activations(8, 512) * (1 + 7 / 16), rel=0.05)
