"""Work of language-model inference: operations and bytes of a prompt and of a generated token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.model_shapes import ModelShape
from catalog.records import dataclass

Floats = NDArray[np.float64]

# Where a model file names its experts but not how many a token takes. Assumption.
USUAL_EXPERTS_PER_TOKEN = 8.0
# Share of layers that look at a window only, in models that name one: GPT-OSS alternates.
# Assumption for the others.
WINDOWED_SHARE = 0.5
# Width of a model given by its parameter count alone: layers x 12 hidden^2 with hidden/layers
# about 128 (GPT-3 table 2.1, Llama 2). Assumption.
ASPECT = 128.0


@dataclass(frozen=True, slots=True)
class LanguageWork:
    """One model. Parameters are counts, ``*_values`` are numbers stored or moved, not bytes.

    ``always`` are the parameters every token multiplies (without look-up tables), ``routed`` those
    of all experts, of which a token takes ``routed_share``. ``prefill_share`` and ``decode_share``
    are the shares of the parameters that prompts and generated tokens pass (encoder-decoders).
    """

    parameters: float
    table: float
    head: float
    always: float
    routed: float
    routed_share: float
    prefill_share: float
    decode_share: float
    layers: float
    hidden: float
    query: float
    kv_values_per_token: float
    kv_heads: float
    decode_attention_flops: float
    window: float | None
    causal: bool
    heads: int | None
    experts_per_token: float

    def prompt_flops(self, new: Floats, cached: Floats) -> tuple[Floats, Floats, Floats]:
        """Operations of a prompt of ``new`` tokens after ``cached`` ones: dense layers, experts,
        attention. The output head runs once.

        2 per active parameter and token, and 2 x 2 x context x query width a layer for attention
        scores and values; a causal token sees half of the new tokens on average.
        """
        shared = self.always * self.prefill_share
        dense = 2 * max(shared - self.head, 0.1 * shared) * new + 2 * self.head
        routed = 2 * self.routed * self.routed_share * self.prefill_share * new
        span = cached + new * (0.5 if self.causal else 1.0)
        attention = 4 * self.layers * self.prefill_share * self.query * self.seen(span) * new
        return dense, routed, attention

    def token_flops(self, context: Floats) -> tuple[float, Floats]:
        """Operations of one generated token: linear layers, and attention over ``context``."""
        active = (self.always + self.routed * self.routed_share) * self.decode_share
        return 2 * active, self.decode_attention_flops * self.seen(context)

    def touched_parameters(self, tokens: Floats) -> Floats:
        """Parameters read when ``tokens`` pass together: all dense ones, and the experts that at
        least one token is routed to, 1 - (1 - k/E)^tokens of them under even routing.
        """
        touched = 1 - (1 - self.routed_share) ** np.maximum(tokens, 0.0)
        return self.decode_share * (self.always + self.routed * np.where(tokens > 0, touched, 0.0))

    def seen(self, context: Floats) -> Floats:
        """Tokens that attention reads per layer on average, with sliding windows."""
        if self.window is None:
            return context
        windowed = np.minimum(context, self.window)
        return WINDOWED_SHARE * windowed + (1 - WINDOWED_SHARE) * context

    def weight_bytes(self, width: Floats) -> Floats:
        """All weights; tables and the output head stay in 16 bit when the rest is quantised."""
        kept = self.table + self.head
        return (self.parameters - kept) * width + kept * np.maximum(width, 2.0)

    def read_bytes(self, tokens: Floats, width: Floats) -> Floats:
        """Weights read when ``tokens`` pass the model together."""
        inner = self.touched_parameters(tokens) - self.head
        return inner * width + self.head * np.maximum(width, 2.0)


def language_work(shape: ModelShape) -> LanguageWork:
    """Work of a transformer, encoder or encoder-decoder; missing widths from its parameters."""
    parameters = shape.parameters_billion * 1e9
    active = shape.active_parameters_billion * 1e9
    hidden, layers = _widths(shape, parameters)
    query = float((shape.heads or 0) * (shape.head_dim or 0)) or hidden
    kv_heads = float(shape.kv_heads or shape.heads or 1)
    key_value = kv_heads * float(shape.head_dim or 0) or hidden
    # A model whose tables fill more than half of it is a mistake of the shape: keep them out.
    table = min(float(shape.vocabulary or 0) * hidden, 0.4 * parameters)
    head = 0.0 if shape.kind == "encoder" else table
    looked_up = table if shape.kind == "encoder" or not shape.tied_embeddings else 0.0
    routed, share = _experts(shape, parameters, active, hidden, layers)
    halves = shape.kind == "encoder-decoder"
    attention = 4 * query
    kv_values = 2 * key_value
    if shape.kv_lora_rank:
        # Multi-head latent attention, absorbed form (DeepSeek-V2, section 2.1): keys and values
        # are one latent vector and one rotary key a token; queries of all heads read both.
        rope = float(shape.rope_dim or 0)
        kv_values = shape.kv_lora_rank + rope
        attention = 2 * float(shape.heads or 1) * (2 * shape.kv_lora_rank + rope)
        kv_heads = 1.0
    return LanguageWork(
        parameters=parameters,
        table=looked_up,
        head=head,
        always=max(parameters - routed - looked_up, 0.0),
        routed=routed,
        routed_share=share,
        prefill_share=0.5 if halves else 1.0,
        decode_share=0.5 if halves else 1.0,
        layers=layers,
        hidden=hidden,
        query=query,
        kv_values_per_token=0.0 if shape.kind == "encoder" else layers * kv_values,
        kv_heads=kv_heads,
        decode_attention_flops=layers * attention,
        window=float(shape.sliding_window) if shape.sliding_window else None,
        causal=shape.kind != "encoder",
        heads=shape.heads,
        experts_per_token=share * (shape.experts or 0) if routed else 0.0,
    )


def _widths(shape: ModelShape, parameters: float) -> tuple[float, float]:
    guess = (parameters * ASPECT / 12) ** (1 / 3)
    hidden = float(shape.hidden or 0) or guess
    layers = float(shape.layers or 0) or max(1.0, round(parameters / (12 * hidden**2)))
    return hidden, layers


def _experts(
    shape: ModelShape, parameters: float, active: float, hidden: float, layers: float
) -> tuple[float, float]:
    """Parameters of all routed experts and the share of them that one token passes."""
    if not shape.is_mixture_of_experts or not shape.experts:
        return 0.0, 1.0
    share = min((shape.experts_per_token or USUAL_EXPERTS_PER_TOKEN) / shape.experts, 1.0)
    if active < parameters and share < 1:
        # total = dense + routed, active = dense + routed x share
        return min((parameters - active) / (1 - share), parameters), share
    width = float(shape.expert_ffn or shape.ffn or 4 * hidden)
    return min(3 * hidden * width * layers * shape.experts, 0.95 * parameters), share
