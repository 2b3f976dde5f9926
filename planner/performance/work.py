"""Work: the operations and bytes that a model needs, before any hardware is chosen.

A multiply-accumulate is two operations. Figures are for one device's share of nothing: callers
divide by the parallel layout.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.model_shapes import ModelShape

# Adam in mixed precision keeps fp32 weights and two moments beside 16-bit weights and gradients
# (Rajbhandari et al. 2020, ZeRO, section 3: K = 12 bytes a parameter).
ADAM_BYTES = 12.0


@dataclass(frozen=True, slots=True)
class TransformerWork:
    """One training token's work on a transformer (``flops_*`` per token, bytes per unit named)."""

    parameters: float
    active_parameters: float
    trainable_parameters: float
    flops_forward: float
    flops_backward: float
    weight_bytes_per_parameter: float
    activation_bytes_per_token_layer: float
    checkpoint_bytes_per_token_layer: float
    logit_bytes_per_token: float
    hidden: float
    layers: float


def lora_parameters(shape: ModelShape, rank: int) -> float:
    """Adapter parameters when every linear layer of each block gets rank-``rank`` adapters.

    An adapter of an (in, out) matrix has rank x (in + out) parameters (Hu et al. 2021, LoRA).
    """
    hidden, ffn = float(shape.hidden or 0), float(shape.ffn or 4 * (shape.hidden or 0))
    query = float((shape.heads or 1) * (shape.head_dim or 0)) or hidden
    key_value = float((shape.kv_heads or shape.heads or 1) * (shape.head_dim or 0)) or hidden
    attention = 2 * (hidden + query) + 2 * (hidden + key_value)
    return float(shape.layers or 0) * rank * (attention + 3 * (hidden + ffn))


def transformer_work(
    shape: ModelShape, *, sequence_length: int, method: str, lora_rank: int, bytes_per_value: float
) -> TransformerWork:
    """Work of one token at this sequence length, causal attention, without recomputation.

    Forward: 2 operations per active parameter that multiplies (the input embedding is a look-up)
    plus attention scores and values, 2 x 2 x S x heads x head_dim a layer, halved by causality.
    Backward: gradients of activations cost one forward, gradients of weights another; LoRA and
    QLoRA compute the latter for adapters only.
    """
    hidden = float(shape.hidden or 0)
    layers = float(shape.layers or 0)
    query = float((shape.heads or 1) * (shape.head_dim or 0)) or hidden
    key_value = float((shape.kv_heads or shape.heads or 1) * (shape.head_dim or 0)) or hidden
    ffn = float(shape.ffn or 4 * hidden)
    parameters = shape.parameters_billion * 1e9
    active = shape.active_parameters_billion * 1e9
    embedding = 0.0 if shape.tied_embeddings else float(shape.vocabulary or 0) * hidden
    window = min(sequence_length, shape.sliding_window or sequence_length)
    attention = layers * 2 * 2 * window * query / 2
    multiplying = max(active - embedding, 0.5 * active)
    forward = 2 * multiplying + attention
    trainable = parameters if method == "full" else lora_parameters(shape, lora_rank)
    weight_gradients = 2 * multiplying if method == "full" else 2 * trainable
    backward = 2 * multiplying + weight_gradients + 2 * attention
    # Saved for the backward pass with flash attention: norms, residuals, q, k, v, attention
    # output and the three feed-forward intermediates.
    saved = bytes_per_value * (4 * hidden + 2 * query + 2 * key_value + 3 * ffn)
    return TransformerWork(
        parameters=parameters,
        active_parameters=active,
        trainable_parameters=trainable,
        flops_forward=forward,
        flops_backward=backward,
        # NF4 with double quantisation stores 4.127 bits a weight (Dettmers et al. 2023, QLoRA)
        weight_bytes_per_parameter=0.516 if method == "qlora" else bytes_per_value,
        activation_bytes_per_token_layer=saved,
        checkpoint_bytes_per_token_layer=bytes_per_value * hidden,
        # logits and their gradient are held in fp32
        logit_bytes_per_token=8.0 * float(shape.vocabulary or 0),
        hidden=hidden,
        layers=layers,
    )


@dataclass(frozen=True, slots=True)
class VisionWork:
    """One image's work on a vision network."""

    parameters: float
    flops_forward: float
    activation_values: float
    layers: float


def vision_work(shape: ModelShape, image_size: int | None) -> VisionWork | None:
    """Work of one image; scaled by area from the size the figures are for. None when unknown."""
    if shape.forward_gmacs is None:
        return None
    scale = 1.0
    if image_size and shape.image_size:
        scale = (image_size / shape.image_size) ** 2
    parameters = shape.parameters_billion * 1e9
    # Without a published count, about 2.5 values are written per 1,000 multiply-accumulates
    # (median over the vision models of the catalog that have both figures).
    activations = (shape.activations_million or shape.forward_gmacs * 2.5) * 1e6
    # Without a published depth: sqrt of the parameters in thousands is within a factor of two
    # for the ResNets (ResNet-50 has 53 convolutions, ResNet-152 155).
    layers = float(shape.layers or max(4.0, 0.36 * (parameters / 1e3) ** 0.5))
    return VisionWork(
        parameters, 2 * shape.forward_gmacs * 1e9 * scale, activations * scale, layers
    )
