"""Traced models have the sizes that their papers and closed forms say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from planner.actions.trace import trace_model
from planner.trace.profile import Profile, inline
from tests.planner.conftest import ROOT
from tests.trace import models

IMAGE = ["3x224x224"]


def traced(name: str, *inputs: str, batch: int = 1, kind: str | None = None) -> Profile:
    return trace_model(f"tests.trace.models:{name}", inputs, batch=batch, kind=kind)


def flops(profile: Profile, operator_class: str) -> float:
    return sum(row.flops for row in profile.operators if row.operator_class == operator_class)


def test_resnet50() -> None:
    """25.557M parameters, 4.09 GMAC and 11.1M activations, as torchvision and timm list them."""
    found = traced("resnet50", *IMAGE)
    assert found.totals.parameters == 25_557_032
    assert found.totals.parameter_bytes == 4 * 25_557_032
    assert found.totals.forward_flops == pytest.approx(2 * 4.09e9, rel=0.001)
    assert found.totals.product_values == pytest.approx(11.11e6, rel=0.001)
    assert inline(found.model) == {
        "name": "resnet50",
        "kind": "vision",
        "parameters": 25_557_032,
        "layers": 54,
        "forward_flops": 8_178_368_512,
        "activations": 11_114_984,
        "image_size": 224,
    }
    # every batch norm writes what its convolution wrote, and the two statistics it reads
    norms = next(row for row in found.operators if row.operator_class == "normalisation")
    assert norms.calls == 53
    assert norms.activation_values == pytest.approx(11.11e6, rel=0.01)


def test_vit_b16() -> None:
    """86.57M parameters, 17.58 GMAC, 23.9M activations: timm's list."""
    found = traced("vit_b16", *IMAGE)
    assert found.totals.parameters == pytest.approx(86.57e6, rel=1e-4)
    assert found.totals.forward_flops == pytest.approx(2 * 17.58e9, rel=0.002)
    assert found.totals.product_values == pytest.approx(23.90e6, rel=0.001)
    assert flops(found, "attention") == 12 * 2 * 2 * 197 * 197 * 768


def test_gpt2_block() -> None:
    """12 h^2 parameters beside biases and norms; 24 s h^2 + 4 s^2 h operations."""
    hidden, length = 768, 1024
    found = traced("gpt2_block", f"{length}x{hidden}")
    biases, norms = 9 * hidden, 4 * hidden
    assert found.totals.parameters == 12 * hidden**2 + biases + norms
    assert flops(found, "matmul") == 24 * length * hidden**2
    assert flops(found, "attention") == 4 * length**2 * hidden
    assert found.totals.forward_flops == flops(found, "matmul") + flops(found, "attention")


@pytest.mark.parametrize("name", ["gpt2", "gpt2_by_hand"])
def test_gpt2(name: str) -> None:
    """Attention written out by hand is the same work as the fused kernel, and is found."""
    found = traced(name, "1024:int64")
    assert found.totals.parameters == 124_439_808  # the head shares the embedding
    assert flops(found, "attention") == 12 * 4 * 1024**2 * 768
    head = 2 * 1024 * 768 * 50257
    assert flops(found, "matmul") == 12 * 24 * 1024 * 768**2 + head
    assert inline(found.model) == {
        "name": name,
        "kind": "transformer",
        "parameters": 124_439_808,
        "layers": 12,
        "hidden": 768,
        "heads": 12,
        "kv_heads": 12,
        "head_dim": 64,
        "ffn": 3072,
        "vocabulary": 50257,
        "tied_embeddings": True,
    }
    assert ("assumption" in " ".join(found.notes)) == (name == "gpt2_by_hand")


def test_scores_by_hand_are_written_and_fused_ones_are_not() -> None:
    fused, by_hand = traced("gpt2", "1024:int64"), traced("gpt2_by_hand", "1024:int64")
    scores = 12 * 12 * 1024**2
    assert by_hand.totals.activation_values > fused.totals.activation_values + 2 * scores
    assert by_hand.totals.product_values == fused.totals.product_values


def test_llama_8b() -> None:
    """Grouped key-value heads are found although the kernel sees repeated ones."""
    found = traced("llama_8b", "2048:int64")
    assert found.totals.parameter_bytes == 2 * found.totals.parameters
    dimensions = inline(found.model)
    for name, value in {
        "parameters": 8_030_261_248, "layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8,
        "head_dim": 128, "ffn": 14336, "vocabulary": 128256, "tied_embeddings": False,
    }.items():  # fmt: skip
        assert dimensions[name] == value, name


def test_bert_base() -> None:
    """Devlin et al.: 110M parameters. Two integer inputs, a tuple out, torch's own encoder."""
    found = traced("bert_base", "input_ids=128:int64", "token_type_ids=128:int64")
    assert found.totals.parameters == pytest.approx(110e6, rel=0.01)
    assert found.model.kind == "encoder"
    assert (found.model.layers, found.model.hidden, found.model.ffn) == (12, 768, 3072)
    assert (found.model.heads, found.model.vocabulary) == (12, 30522)
    assert flops(found, "attention") == 12 * 4 * 128**2 * 768
    assert flops(found, "matmul") == 12 * 24 * 128 * 768**2 + 2 * 768**2


CHECKED: list[tuple[Callable[[], torch.nn.Module], str, tuple[int, ...], torch.dtype]] = [
    (models.resnet50, "3x160x160", (3, 160, 160), torch.float32),
    (models.vit_b16, "3x224x224", (3, 224, 224), torch.float32),
    (models.gpt2_by_hand, "200:int64", (200,), torch.int64),
    (models.bert_base, "64:int64", (64,), torch.int64),
]


@pytest.mark.parametrize(("factory", "text", "shape", "dtype"), CHECKED)
def test_operations_are_those_of_torch(
    factory: Callable[[], torch.nn.Module], text: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """torch's own counter over the real model, run with real values on the CPU."""
    model = factory().eval()
    inputs = [torch.zeros((2, *shape), dtype=dtype)] * (2 if factory is models.bert_base else 1)
    torch.backends.mha.set_fastpath_enabled(False)  # one operator that the counter does not know
    try:
        with (
            torch.no_grad(),
            torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            model(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    found = traced(factory.__name__, *[text] * len(inputs), batch=2)
    assert 2 * found.totals.forward_flops == counter.get_total_flops()


def test_70b_takes_seconds_and_little_memory(child_environment: dict[str, str]) -> None:
    code = (
        "import json, resource, sys, time, torch\n"
        "from planner.actions.trace import trace_model\n"
        "start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = trace_model('tests.trace.models:llama_70b', ['input_ids=4096:int64'])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(json.dumps([found.totals.parameters, time.process_time() - start, after - before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=child_environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    parameters, seconds, kib = json.loads(done.stdout)
    assert parameters == pytest.approx(70.6e9, rel=0.001)
    assert seconds < 30
    assert kib < 300 * 1024


def test_layers_and_classes_add_up() -> None:
    found = traced("vit_b16", *IMAGE)
    totals = found.totals
    assert sum(row.parameters for row in found.layers) == totals.parameters
    for rows in (found.layers, found.operators):
        assert sum(row.flops for row in rows) == pytest.approx(
            totals.forward_flops + totals.other_flops
        )
        assert sum(row.activation_values for row in rows) == pytest.approx(totals.activation_values)
        assert sum(row.activation_bytes for row in rows) == pytest.approx(totals.activation_bytes)
    head = next(row for row in found.layers if row.name == "head")
    assert (head.type, head.parameters, head.output_shape) == ("Linear", 769_000, [1, 1000])


def test_figures_are_of_one_sample() -> None:
    one, many = traced("gpt2_by_hand", "64:int64"), traced("gpt2_by_hand", "64:int64", batch=8)
    assert one.totals.forward_flops == many.totals.forward_flops
    assert one.totals.product_values == many.totals.product_values
    assert one.model.heads == many.model.heads == 12
    assert many.inputs[0].shape == [8, 64]
    # weights are read once for all samples
    assert many.totals.moved_bytes < 0.5 * one.totals.moved_bytes


def test_operations_grow_with_the_image_not_the_parameters() -> None:
    small, large = traced("resnet50", "3x224x224"), traced("resnet50", "3x448x448")
    convolutions = flops(small, "convolution")
    assert flops(large, "convolution") == 4 * convolutions
    assert small.totals.parameters == large.totals.parameters
    assert large.model.image_size == 448


def test_denoiser_takes_a_named_scalar() -> None:
    found = traced("denoiser", "4x64x64", "step=scalar:int64")
    assert found.model.kind == "diffusion"
    assert found.totals.forward_flops == 2 * 2 * (4 * 32 * 9) * 64 * 64
    assert "latent" in " ".join(found.notes)
    assert traced("denoiser", "4x64x64", "step=scalar:int64", kind="vision").model.kind == "vision"


def test_recurrent_network() -> None:
    """An LSTM step has 8 h (i + h) operations."""
    found = traced("lstm", "10x64")
    assert found.totals.forward_flops == 10 * 8 * 128 * (64 + 128)


def test_small_constants_are_real_and_devices_do_not_matter() -> None:
    found = traced("constants", "8", batch=2)
    assert found.totals.parameters == 7 * 72
    assert found.totals.forward_flops == 7 * 2 * 64


def test_a_computed_weight_is_no_activation() -> None:
    found = traced("scored", "512")
    assert flops(found, "matmul") == 2 * 512 * 1000
    assert flops(found, "attention") == 0


def test_torch_is_as_before() -> None:
    traced("gpt2", "16:int64")
    q = torch.ones(1, 1, 2, 4)
    assert torch.nn.functional.scaled_dot_product_attention(q, q, q).device.type == "cpu"
    assert torch.nn.functional.scaled_dot_product_attention.__module__ != "planner.trace.abstract"
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.zeros(2).device.type == "cpu"
    assert torch.is_grad_enabled()
