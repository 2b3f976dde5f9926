"""Work: the operations and bytes that a model needs, before any hardware is chosen.

A multiply-accumulate is two operations. Figures are for one device's share of nothing: callers
divide by the parallel layout.
"""

from __future__ import annotations

from catalog.model_shapes import ModelShape
from catalog.records import dataclass

# Adam in mixed precision keeps fp32 weights and two moments beside 16-bit weights and gradients
# (Rajbhandari et al. 2020, ZeRO, section 3: K = 12 bytes a parameter). In fp32 the weights are
# their own master copy.
ADAM_BYTES = 12.0
ADAM_BYTES_FP32 = 8.0
# NF4 with double quantisation stores 4.127 bits a weight (Dettmers et al. 2023, QLoRA)
NF4_BYTES = 0.516
# Width over layers of a GPT-like network, for a model known by its parameter count alone.
# Assumption: GPT-3's family lies between 64 and 128 (Brown et al. 2020, table 2.1).
_WIDTH_OVER_LAYERS = 100.0


@dataclass(frozen=True, slots=True)
class TransformerWork:
    """One training token's work on a transformer, and where its parameters sit.

    ``flops_*`` are per token; ``*_parameters`` are counts: ``dense_parameters`` every token
    multiplies (attention, dense feed-forward, shared experts), ``expert_parameters`` are all
    routed experts together, ``embedding_parameters`` one vocabulary x hidden matrix.
    Widths are values a token and layer; ``stored_bytes`` is what one activation value takes.
    """

    parameters: float
    active_parameters: float
    trainable_parameters: float
    dense_parameters: float
    expert_parameters: float
    embedding_parameters: float
    embeddings: float
    experts: float
    experts_per_token: float
    flops_forward: float
    flops_backward: float
    attention_flops_forward: float
    weight_gradients: float
    weight_bytes_per_parameter: float
    stored_bytes: float
    adam_bytes: float
    activation_bytes_per_token_layer: float
    selective_bytes_per_token_layer: float
    checkpoint_bytes_per_token_layer: float
    logit_bytes_per_token: float
    hidden: float
    ffn: float
    expert_ffn: float
    key_value_width: float
    heads: float
    layers: float

    @property
    def full(self) -> bool:
        """Whether every parameter is trained."""
        return self.trainable_parameters >= self.parameters

    @property
    def quantised(self) -> bool:
        return self.weight_bytes_per_parameter < 1.0


@dataclass(frozen=True, slots=True)
class _Widths:
    layers: float
    hidden: float
    query: float
    key_value: float
    ffn: float
    vocabulary: float
    heads: float

    @property
    def attention_parameters(self) -> float:
        return 2 * self.hidden * (self.query + self.key_value)


def _widths(shape: ModelShape) -> _Widths:
    """Dimensions of a shape; those of a typical dense network where only its size is known.

    N = 12 layers x hidden^2 (Kaplan et al. 2020, section 2.1).
    """
    guess = (shape.active_parameters_billion * 1e9 / (12 * _WIDTH_OVER_LAYERS**2)) ** (1 / 3)
    layers = float(shape.layers or max(1, round(guess)))
    by_size = (shape.active_parameters_billion * 1e9 / (12 * layers)) ** 0.5
    hidden = float(shape.hidden or max(64, 64 * round(by_size / 64)))
    heads = float(shape.heads or max(1, hidden // 128))
    query = float(heads * (shape.head_dim or 0)) or hidden
    key_value = float((shape.kv_heads or heads) * (shape.head_dim or 0)) or hidden
    return _Widths(
        layers,
        hidden,
        query,
        key_value,
        float(shape.ffn or 4 * hidden),
        float(shape.vocabulary or 0),
        heads,
    )


def lora_parameters(shape: ModelShape, rank: int) -> float:
    """Adapter parameters when every linear layer of each block gets rank-``rank`` adapters.

    An adapter of an (in, out) matrix has rank x (in + out) parameters (Hu et al. 2021, LoRA).
    In a mixture of experts adapters go to attention and to one feed-forward block a layer.
    """
    w = _widths(shape)
    attention = 2 * (w.hidden + w.query) + 2 * (w.hidden + w.key_value)
    return w.layers * rank * (attention + 3 * (w.hidden + w.ffn))


def transformer_work(
    shape: ModelShape, *, sequence_length: int, method: str, lora_rank: int, bytes_per_value: float
) -> TransformerWork:
    """Work of one token at this sequence length, without recomputation.

    Forward: 2 operations per active parameter that multiplies (the input embedding is a look-up)
    plus attention scores and values, 2 x 2 x S x heads x head_dim a layer, halved by causality.
    Backward: gradients of activations cost one forward, gradients of weights another; LoRA and
    QLoRA compute the latter for adapters only.

    Routed experts follow from total N, active A, and k of E experts a token:
    N - A = experts x (1 - k / E).
    """
    w = _widths(shape)
    parameters = shape.parameters_billion * 1e9
    active = shape.active_parameters_billion * 1e9
    one_embedding = w.vocabulary * w.hidden
    embeddings = 0.0 if not one_embedding else 1.0 if shape.tied_embeddings else 2.0
    # A vocabulary that would be most of a small model contradicts its parameter count.
    one_embedding = min(one_embedding, 0.5 * active / max(embeddings, 1.0))
    experts, chosen = float(shape.experts or 1), float(shape.experts_per_token or 1)
    routed, dense = 0.0, parameters - embeddings * one_embedding
    if shape.is_mixture_of_experts and active < parameters and chosen < experts:
        share = chosen / experts
        routed = (parameters - active) / (1 - share)
        least = min(w.layers * w.attention_parameters, 0.5 * active)
        dense = max(active - share * routed - embeddings * one_embedding, least)
        routed = max(parameters - embeddings * one_embedding - dense, 0.0)
    else:
        experts = chosen = 1.0
    multiplying = dense + routed * chosen / experts + one_embedding

    window = min(sequence_length, shape.sliding_window or sequence_length)
    causal = 0.5 if shape.kind == "transformer" else 1.0
    attention = w.layers * 2 * 2 * window * w.query * causal
    trainable = parameters if method == "full" else lora_parameters(shape, lora_rank)
    weight_gradients = 2 * multiplying if method == "full" else 2 * trainable
    ffn, matrices, expert_ffn = _feed_forward(w, dense, routed * chosen / experts, shape)
    dispatched = (chosen + 1) * w.hidden if routed else 0.0
    # Saved for the backward pass with flash attention: norms, residuals, q, k, v, attention
    # output and the feed-forward intermediates; experts also keep what was sent to them.
    # Selective recomputation rebuilds norms and the activation function (Korthikanti et al. 2022
    # drop the attention matrix, which flash attention never stores).
    saved = 4 * w.hidden + 2 * w.query + 2 * w.key_value + matrices * ffn + dispatched
    selective = saved - 2 * w.hidden - ffn
    return TransformerWork(
        parameters=parameters,
        active_parameters=active,
        trainable_parameters=trainable,
        dense_parameters=dense,
        expert_parameters=routed,
        embedding_parameters=one_embedding,
        embeddings=embeddings,
        experts=experts,
        experts_per_token=chosen,
        flops_forward=2 * multiplying + attention,
        flops_backward=2 * multiplying + weight_gradients + 2 * attention,
        attention_flops_forward=attention,
        weight_gradients=weight_gradients,
        weight_bytes_per_parameter=NF4_BYTES if method == "qlora" else bytes_per_value,
        stored_bytes=bytes_per_value,
        adam_bytes=ADAM_BYTES_FP32 if bytes_per_value >= 4 else ADAM_BYTES,
        activation_bytes_per_token_layer=bytes_per_value * saved,
        selective_bytes_per_token_layer=bytes_per_value * selective,
        checkpoint_bytes_per_token_layer=bytes_per_value * w.hidden,
        # logits and their gradient are held in fp32
        logit_bytes_per_token=8.0 * w.vocabulary,
        hidden=w.hidden,
        ffn=ffn,
        expert_ffn=expert_ffn,
        key_value_width=w.key_value,
        heads=w.heads,
        layers=w.layers,
    )


def _feed_forward(
    w: _Widths, dense: float, active_experts: float, shape: ModelShape
) -> tuple[float, float, float]:
    """Width all active feed-forward blocks of a layer have together, their matrices (3 when gated,
    else 2), and the width of one expert. Both follow from what attention leaves of a layer.
    """
    rest = max((dense + active_experts) / w.layers - w.attention_parameters, 0.0)
    if active_experts:
        one = float(shape.expert_ffn or w.ffn)
        return max(rest / (3 * w.hidden), one), 3.0, one
    return w.ffn, 3.0 if rest / (w.hidden * w.ffn) > 2.5 else 2.0, w.ffn


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
    # Without a published count: 8 million values x sqrt(1e9 multiply-accumulates) is within 1.6 of
    # the catalog's vision models that have both (27 models, standard deviation of the log 0.49).
    activations = (shape.activations_million or 8.0 * shape.forward_gmacs**0.5) * 1e6
    # Without a published depth: sqrt of the parameters in thousands is within a factor of two
    # for the ResNets (ResNet-50 has 53 convolutions, ResNet-152 155).
    layers = float(shape.layers or max(4.0, 0.36 * (parameters / 1e3) ** 0.5))
    return VisionWork(
        parameters, 2 * shape.forward_gmacs * 1e9 * scale, activations * scale, layers
    )
