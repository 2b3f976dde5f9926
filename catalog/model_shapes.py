"""Model shapes: the dimensions from which work and memory follow."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.records import dataclass


@dataclass(frozen=True, slots=True)
class ModelShape:
    """One network. ``kind`` is transformer, encoder, encoder-decoder, diffusion or vision.

    Transformers are described by layers and widths; vision and diffusion networks by
    ``forward_gmacs`` (1e9 multiply-accumulates of one sample's forward pass at ``image_size``
    pixels) and ``activations_million`` (1e6 values written in that pass).
    """

    name: str
    family: str
    kind: str
    parameters_billion: float
    active_parameters_billion: float
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    ffn: int | None = None
    vocabulary: int | None = None
    max_sequence_length: int | None = None
    experts: int | None = None
    experts_per_token: int | None = None
    expert_ffn: int | None = None
    kv_lora_rank: int | None = None
    rope_dim: int | None = None
    sliding_window: int | None = None
    tied_embeddings: bool = False
    forward_gmacs: float | None = None
    activations_million: float | None = None
    image_size: int | None = None
    source: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> ModelShape:
        """Build from one row of the ``model_shapes`` table."""
        values = {name: value for name, value in row.items() if value is not None}
        values.setdefault("active_parameters_billion", values["parameters_billion"])
        values["tied_embeddings"] = bool(values.get("tied_embeddings", False))
        return cls(**values)  # type: ignore[arg-type]  # types are fixed by attributes.csv

    @property
    def is_mixture_of_experts(self) -> bool:
        return self.experts is not None and self.experts > 1
