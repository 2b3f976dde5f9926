"""The model a workload runs: a name of the catalog, a shape given inline, or a parameter count."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from planner.field_errors import a, shown
from planner.quantities import Count, WholeCount
from planner.workload.part import Part
from planner.workload.profiles import OrProfile

# Beyond any network: they catch a missing or doubled suffix.
MOST_PARAMETERS = 1e14
MOST_LAYERS = 10_000
MOST_WIDTH = 10_000_000


Width = Annotated[WholeCount, Field(le=MOST_WIDTH)]


class InlineModel(Part):
    """A model the catalog does not have. What is not given is derived from ``parameters``."""

    name: str = Field(default="own-model", min_length=1, max_length=80)
    kind: Literal["transformer", "encoder", "diffusion", "vision"] = "transformer"
    parameters: Count = Field(le=MOST_PARAMETERS, description="e.g. 7B")
    active_parameters: Count | None = Field(default=None, description="used per token (experts)")
    layers: WholeCount | None = Field(
        default=None,
        le=MOST_LAYERS,
        description="blocks; of a vision network: convolutions and matrix products",
    )
    hidden: Width | None = Field(default=None, description="width of the residual stream")
    heads: WholeCount | None = Field(default=None, le=MOST_LAYERS)
    kv_heads: WholeCount | None = Field(default=None, le=MOST_LAYERS)
    head_dim: WholeCount | None = Field(default=None, le=MOST_LAYERS)
    ffn: Width | None = Field(default=None, description="inner width of the feed-forward part")
    vocabulary: Width | None = None
    experts: WholeCount | None = Field(default=None, le=MOST_LAYERS)
    experts_per_token: WholeCount | None = Field(default=None, le=MOST_LAYERS)
    expert_ffn: Width | None = Field(default=None, description="inner width of one expert")
    sliding_window: WholeCount | None = Field(default=None, description="tokens attended to")
    tied_embeddings: bool = Field(
        default=False, description="output shares the input embedding's weights"
    )
    forward_flops: Count | None = Field(
        default=None, description="operations of one forward pass of one sample (2 per MAC)"
    )
    activations: Count | None = Field(
        default=None, description="values that convolutions and matrix products write in that pass"
    )
    image_size: WholeCount | None = Field(default=None, le=100_000, description="pixels a side")

    @model_validator(mode="after")
    def _check(self) -> InlineModel:
        if self.active_parameters is not None and self.active_parameters > self.parameters:
            raise ValueError("active_parameters is above parameters; it counts those of one token")
        on_images = self.kind in ("vision", "diffusion")
        if on_images and self.forward_flops is None:
            raise ValueError(f"forward_flops is missing; a {self.kind} model needs it")
        if not on_images:
            for name in ("forward_flops", "activations", "image_size"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} does not go with {a(self.kind)} model; leave it out, or say "
                        "kind: vision"
                    )
        for few, many in (("experts_per_token", "experts"), ("kv_heads", "heads")):
            less, more = getattr(self, few), getattr(self, many)
            if less and more and less > more:
                raise ValueError(f"{few} is above {many}; use at most that many")
        if self.heads and self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(
                f"heads of {self.heads} is no multiple of kv_heads; each serves as many heads"
            )
        if self.experts is None:
            for name in ("experts_per_token", "expert_ffn"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} needs experts; say how many there are")
        return self


def _form(value: object) -> str:
    return "shape" if isinstance(value, (dict, InlineModel)) else "name"


def _name(value: object) -> object:
    """Text; a bare number is a parameter count when it is large enough to be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1e5 <= value <= 1e15:
        return f"{value:.0f}"
    raise ValueError(
        f"{shown(value)} is not a model; "
        "write a name, a parameter count such as 7B, or a mapping with `parameters:`"
    )


# The tags of the two forms; they are no part of a field's path.
FORMS = ("shape", "name")
# A name may also be a parameter count, such as 7B.
Name = Annotated[
    str,
    Field(min_length=1),
    BeforeValidator(_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "examples": ["llama-3.1-8b", "7B"]},
                {"type": "number", "minimum": 100_000},
            ]
        },
        mode="validation",
    ),
]
ModelField = Annotated[
    Annotated[Name, Tag("name")] | Annotated[InlineModel, Tag("shape"), OrProfile()],
    Discriminator(_form),
]
