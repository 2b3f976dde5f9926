"""The model a workload runs: a name of the catalog, a shape given inline, or a parameter count."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from planner.quantities import Count, WholeCount
from planner.workload.part import Part


class InlineModel(Part):
    """A model the catalog does not have. What is not given is derived from ``parameters``."""

    name: str = Field(default="own-model", min_length=1, max_length=80)
    kind: Literal["transformer", "encoder", "diffusion", "vision"] = "transformer"
    parameters: Count = Field(description="e.g. 7B")
    active_parameters: Count | None = Field(default=None, description="used per token (experts)")
    layers: WholeCount | None = None
    hidden: WholeCount | None = None
    heads: WholeCount | None = None
    kv_heads: WholeCount | None = None
    head_dim: WholeCount | None = None
    ffn: WholeCount | None = None
    vocabulary: WholeCount | None = None
    experts: WholeCount | None = None
    experts_per_token: WholeCount | None = None
    expert_ffn: WholeCount | None = None
    sliding_window: WholeCount | None = None
    tied_embeddings: bool = False
    forward_flops: Count | None = Field(
        default=None, description="operations of one forward pass of one sample (2 per MAC)"
    )
    activations: Count | None = Field(
        default=None, description="values written in one forward pass of one sample"
    )
    image_size: WholeCount | None = Field(default=None, description="pixels a side")

    @model_validator(mode="after")
    def _check(self) -> InlineModel:
        if self.active_parameters is not None and self.active_parameters > self.parameters:
            raise ValueError("active_parameters is above parameters; it counts those of one token")
        if self.kind in ("vision", "diffusion") and self.forward_flops is None:
            raise ValueError(f"forward_flops is missing; a {self.kind} model needs it")
        if self.experts_per_token and self.experts and self.experts_per_token > self.experts:
            raise ValueError("experts_per_token is above experts; use at most that many")
        return self


def _form(value: object) -> str:
    return "shape" if isinstance(value, (dict, InlineModel)) else "name"


# The tags of the two forms; they are no part of a field's path.
FORMS = ("shape", "name")
# A name may also be a parameter count, such as 7B.
ModelField = Annotated[
    Annotated[str, Field(min_length=1), Tag("name")] | Annotated[InlineModel, Tag("shape")],
    Discriminator(_form),
]
